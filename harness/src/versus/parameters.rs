//! Parameters of commands: `{name}` in a command stands for each of its values, as hyperfine has it.

use std::collections::BTreeMap;

/// A parameter with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
}

/// The most values of a scan, and the most combinations.
pub(crate) const MOST: usize = 1000;

/// A list: values separated by commas; `\,` is a comma.
pub(crate) fn list(name: &str, values: &str) -> Parameter {
    let (mut list, mut value) = (Vec::new(), String::new());
    let mut chars = values.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(',')) => value.extend(chars.next()),
            (',', _) => list.push(std::mem::take(&mut value)),
            (c, _) => value.push(c),
        }
    }
    list.push(value);
    Parameter {
        name: name.to_owned(),
        values: list,
    }
}

/// A scan: from `min` to `max` by `step`, all of them decimal numbers.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn scan(name: &str, min: &str, max: &str, step: &str) -> Result<Parameter, String> {
    let places =
        [min, max, step].map(|text| text.split_once('.').map_or(0, |(_, part)| part.len()));
    let places = places.into_iter().max().unwrap_or(0);
    let [from, to, by] = [min, max, step].map(|text| scaled(text, places));
    let (from, to, by) = (from?, to?, by?);
    if by <= 0 || from > to {
        return Err(format!("no value from {min} to {max} by {step}"));
    }
    let count = (to - from) / by + 1;
    if count > MOST as i64 {
        return Err(format!("{count} values, at most {MOST} are taken"));
    }
    let text = |value: i64| {
        let (sign, digits) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
        let unit = 10u64.pow(places as u32);
        match places {
            0 => format!("{sign}{digits}"),
            _ => format!("{sign}{}.{:0places$}", digits / unit, digits % unit),
        }
    };
    Ok(Parameter {
        name: name.to_owned(),
        values: (0..count).map(|i| text(from + i * by)).collect(),
    })
}

/// A decimal number in units of its last place.
fn scaled(text: &str, places: usize) -> Result<i64, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let number = format!("{whole}{part:0<places$}");
    let plain = part.chars().all(|c| c.is_ascii_digit()) && part.len() <= 9;
    match number.parse::<i64>() {
        Ok(value) if plain && value.abs() < 1 << 53 => Ok(value),
        _ => Err(format!("`{text}` is not a number")),
    }
}

/// Every combination, the last parameter changing fastest; one without any if there is no parameter.
pub(crate) fn combinations(parameters: &[Parameter]) -> Vec<BTreeMap<String, String>> {
    let mut all = vec![BTreeMap::new()];
    for parameter in parameters {
        all = all
            .iter()
            .flat_map(|have| {
                parameter.values.iter().map(|value| {
                    let mut more = have.clone();
                    more.insert(parameter.name.clone(), value.clone());
                    more
                })
            })
            .take(MOST + 1)
            .collect();
    }
    all
}

/// The text with values in place of names.
pub(crate) fn put_in(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = rest[1..]
            .split_once('}')
            .and_then(|(name, after)| Some((values.get(name)?, after)));
        match known {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_scans_have_the_values_asked_for() {
        assert_eq!(list("x", "a,b\\,c,").values, ["a", "b,c", ""]);
        let values = |min, max, step| scan("x", min, max, step).map(|found| found.values);
        assert_eq!(values("1", "7", "3").unwrap(), ["1", "4", "7"]);
        assert_eq!(
            values("0.9", "1.2", "0.15").unwrap(),
            ["0.90", "1.05", "1.20"]
        );
        assert_eq!(
            values("-1", "0.5", "0.75").unwrap(),
            ["-1.00", "-0.25", "0.50"]
        );
        assert!(values("1", "0", "1").is_err() && values("0", "1", "0").is_err());
        assert!(values("a", "1", "1").is_err() && values("0", "1000000", "1").is_err());
        assert!(values("1", "1e3", "1").is_err());
    }

    #[test]
    fn values_take_the_place_of_names_once() {
        let parameters = [list("a", "1,2"), list("b", "{a},y")];
        let all = combinations(&parameters);
        assert_eq!(all.len(), 4);
        let texts: Vec<_> = all.iter().map(|c| put_in("{a}-{b} {c} {", c)).collect();
        assert_eq!(
            texts,
            ["1-{a} {c} {", "1-y {c} {", "2-{a} {c} {", "2-y {c} {"]
        );
        assert_eq!(combinations(&[]), [BTreeMap::new()]);
    }
}
