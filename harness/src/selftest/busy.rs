//! Keeps the other cores busy: one process for each core but one, doing the work of a kernel for as long
//! as this value lives.

use std::path::Path;
use std::process::Command;

use crate::child::{Child, Stop};
use crate::host;

/// The processes; killed and reaped when dropped.
pub(crate) struct Busy {
    _children: Vec<Child>,
}

impl Busy {
    /// Starts them.
    pub(crate) fn start(executable: &Path) -> Result<Busy, Stop> {
        let others = host::cores().saturating_sub(1).max(1);
        let child = |_| {
            let mut command = Command::new(executable);
            command.args(["known", "--kernel", "hs", "--units", "100", "--forever"]);
            Child::start(command)
        };
        Ok(Busy {
            _children: (0..others).map(child).collect::<Result<_, _>>()?,
        })
    }
}
