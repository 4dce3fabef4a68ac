//! The kinds of comparison whose answer is known: how much more work the one does than the other, and
//! what it is asked.

/// A kind of comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// Its name, and the times of work where that differs.
    pub name: &'static str,
    /// The name of all trials that show the same.
    pub group: &'static str,
    /// In a few words.
    pub about: &'static str,
    /// The true ratio, heavier over lighter.
    pub truth: f64,
    /// The claim that is put to it: "at least this many times". At the truth itself either verdict is
    /// wrong; elsewhere one of the two is right.
    pub claim: f64,
    /// Hundredths of a unit of work that the heavier one does, where the lighter one does a hundred.
    pub units: u32,
}

const fn trial(
    name: &'static str,
    group: &'static str,
    about: &'static str,
    units: u32,
    claim: f64,
) -> Trial {
    let truth = units as f64 / 100.0;
    Trial {
        name,
        group,
        about,
        truth,
        claim,
        units,
    }
}

/// Every kind, in the order in which they are shown.
pub const TRIALS: [Trial; 10] = [
    trial("aa", "aa", "the same work twice", 100, 1.0),
    trial("1.02", "power", "2 % more work", 102, 1.0),
    trial("1.03", "power", "3 % more work", 103, 1.0),
    trial("1.05", "power", "5 % more work", 105, 1.0),
    trial("2.00", "ratio", "twice the work, claimed twice", 200, 2.0),
    trial(
        "2.10",
        "ratio",
        "2.1 times the work, claimed twice",
        210,
        2.0,
    ),
    trial(
        "bimodal",
        "odd",
        "the same, each process fast or slow",
        100,
        1.0,
    ),
    trial(
        "drifting",
        "odd",
        "the same, both slower from call to call",
        100,
        1.0,
    ),
    trial("stalls", "odd", "the same, both with rare stalls", 100, 1.0),
    trial("layout", "odd", "the same at other addresses", 100, 1.0),
];

/// The trial of a name.
pub fn find(name: &str) -> Option<&'static Trial> {
    TRIALS.iter().find(|trial| trial.name == name)
}

impl Trial {
    /// Whether both do the same work.
    pub fn is_equal(&self) -> bool {
        self.units == 100
    }

    /// Whether the truth is exactly what is claimed, so that no verdict is right.
    pub fn is_undecidable(&self) -> bool {
        self.truth == self.claim
    }
}
