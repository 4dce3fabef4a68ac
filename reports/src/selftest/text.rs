//! The sums for a terminal of 80 columns.

use super::tally::{Row, State, broken};
use crate::units;

/// The rows with their checks, and in a last line whether the promise is kept.
pub fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        text += &format!(
            "{} · {} · ratio {}\n",
            row.place.words(),
            row.about,
            units::digits(row.ratio)
        );
        text += &format!("  {}\n", row.effort());
        for check in &row.checks {
            let (state, words) = (check.state.words(), check.words());
            let name = format!("{}, {}", check.what, check.promise());
            text += &format!("  {state:<8} {name:<40} {words}\n");
        }
    }
    let checks = || rows.iter().flat_map(|row| &row.checks);
    let open = checks().filter(|check| check.state == State::Open).count();
    let all = checks().count();
    text += &match (broken(rows), open, all) {
        (true, ..) => "the promise is broken\n".to_owned(),
        (false, _, 0) => "nothing is measured yet\n".to_owned(),
        (false, 0, _) => "the promise is kept\n".to_owned(),
        (false, open, _) => format!("no promise is broken, {open} of {all} are open\n"),
    };
    text
}
