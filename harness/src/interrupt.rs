//! Ctrl-C and the other requests to end: noted in a flag that every wait looks at, so that children
//! are ended and what was measured is kept.

use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Whether the user wants the run to end.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// From now on a first signal sets the flag; a second one ends the process at once.
pub(crate) fn watch() {
    let watching = ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::Relaxed) {
            std::process::exit(crate::exit::INTERRUPTED);
        }
    });
    // Without a handler a signal ends the process, and the children with it.
    let _ = watching;
}
