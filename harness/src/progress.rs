//! Progress on standard error: one line that is redrawn on a terminal, one line for each finished
//! cell elsewhere. Nothing is drawn while something is being timed.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use reports::Outlook;

use crate::pace::about;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// `bar` on a terminal, `lines` elsewhere.
    Auto,
    /// One line, redrawn.
    Bar,
    /// One line for each finished cell.
    Lines,
    /// Nothing.
    None,
}

/// Where progress is shown.
pub(crate) struct Progress {
    mode: Mode,
}

impl Progress {
    /// Progress in a mode; quiet means none.
    pub(crate) fn new(mode: Mode, quiet: bool) -> Progress {
        let mode = match mode {
            _ if quiet => Mode::None,
            Mode::Auto if io::stderr().is_terminal() => Mode::Bar,
            Mode::Auto => Mode::Lines,
            mode => mode,
        };
        Progress { mode }
    }

    fn show(&self, line: &str) {
        let mut err = io::stderr().lock();
        // If standard error is gone, so is whoever wanted to see progress.
        let _ = match self.mode {
            Mode::Bar => write!(err, "\r\x1b[K{}", line.chars().take(79).collect::<String>())
                .and_then(|()| err.flush()),
            Mode::Lines => writeln!(err, "{line}"),
            Mode::None | Mode::Auto => Ok(()),
        };
    }

    /// A cell has been measured by every instrument but the clock.
    pub(crate) fn cell(
        &self,
        finished: usize,
        total: usize,
        workload: &str,
        contender: &str,
        left: Option<Duration>,
    ) {
        self.show(&format!(
            "[{finished}/{total}] {workload}/{contender}{}",
            until(left)
        ));
    }

    /// A block is about to be timed: on a terminal the line says so, and stays as it is until then.
    pub(crate) fn before_block(&self, outlook: &Outlook, workload: &str, number: u32) {
        if self.mode == Mode::Bar {
            self.show(&format!(
                "{}: timing {workload}, block {}",
                decided(outlook),
                number + 1
            ));
        }
    }

    /// Every workload with something open has been timed once more.
    pub(crate) fn pass(&self, outlook: &Outlook, left: Option<Duration>) {
        let left = left.map_or(String::new(), |left| {
            format!(", at most {} left", about(left))
        });
        let open = match outlook.open.len() {
            1 => "1 workload goes on".to_owned(),
            n => format!("{n} workloads go on"),
        };
        self.show(&format!("{}: {open}{left}", decided(outlook)));
    }

    /// Commands are about to be timed: on a terminal the line says so, elsewhere only where a `look` may
    /// have changed what is known.
    pub(crate) fn before_commands(&self, line: &str, look: bool) {
        if look || self.mode == Mode::Bar {
            self.show(line);
        }
    }

    /// Removes the line.
    pub(crate) fn clear(&self) {
        if self.mode == Mode::Bar {
            self.show("");
        }
    }
}

fn decided(outlook: &Outlook) -> String {
    let all = outlook.decided + outlook.undecided;
    format!("[{}/{all}] tests of times decided", outlook.decided)
}

fn until(left: Option<Duration>) -> String {
    left.map_or(String::new(), |left| format!(", {} left", about(left)))
}
