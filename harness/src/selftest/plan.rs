//! What a selftest is going to compare: which trials, by which route, how often, beside what load.

use reports::selftest::{Compared, Results, Route, TRIALS, Trial};

use super::options::Options;
use crate::exit::usage;
use crate::known::kernels;

/// Real comparisons of one trial, kernel, route and load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) trial: &'static Trial,
    pub(crate) kernel: &'static str,
    pub(crate) route: Route,
    pub(crate) busy: bool,
    /// How many there ought to be in all.
    pub(crate) count: u32,
}

/// The real comparisons that the options ask for.
///
/// # Errors
/// If a name is not known.
pub(crate) fn items(options: &Options) -> anyhow::Result<Vec<Item>> {
    for name in &options.only {
        if !TRIALS.iter().any(|trial| is(trial, name)) {
            let all: Vec<_> = TRIALS.iter().map(|trial| trial.name).collect();
            let help = format!("there are {}, power, ratio, odd", all.join(", "));
            return Err(usage("H014", format!("no trial `{name}`"), &help));
        }
    }
    if let Some(name) = options
        .kernel
        .iter()
        .find(|k| !kernels::NAMES.contains(&k.as_str()))
    {
        let help = format!("there are {}", kernels::NAMES.join(", "));
        return Err(usage("H014", format!("no kernel `{name}`"), &help));
    }
    let mut items = Vec::new();
    for busy in [false, true] {
        if busy && options.idle || !busy && options.busy {
            continue;
        }
        for route in Route::ALL {
            if !options.route.is_empty() && !options.route.iter().any(|r| r.route() == route) {
                continue;
            }
            let possible = |trial: &&Trial| wants(options, trial) && can(trial, route);
            for trial in TRIALS.iter().filter(possible) {
                for kernel in kernels::NAMES {
                    if !options.kernel.is_empty() && !options.kernel.iter().any(|k| k == kernel) {
                        continue;
                    }
                    let usual = match options.long {
                        true => long(trial, route, busy),
                        // Beside a load only where that is asked for.
                        false => quick(trial, kernel, route) * u32::from(busy == options.busy),
                    };
                    // A count asks for what is named, or else for what the form has.
                    let named = !options.only.is_empty() && (options.long || busy == options.busy);
                    items.push(Item {
                        trial,
                        kernel,
                        route,
                        busy,
                        count: match options.count.filter(|_| named || usual > 0) {
                            Some(count) => count,
                            None => usual,
                        },
                    });
                }
            }
        }
    }
    items.retain(|item| item.count > 0);
    Ok(items)
}

/// Whether the trials include this one.
pub(crate) fn wants(options: &Options, trial: &Trial) -> bool {
    options.only.is_empty() || options.only.iter().any(|name| is(trial, name))
}

/// Commands have no manners: they only do their work.
fn can(trial: &Trial, route: Route) -> bool {
    route == Route::Cells || trial.group != "odd"
}

fn is(trial: &Trial, name: &str) -> bool {
    trial.name == name || trial.group == name
}

/// Of each kernel in the long form: what the promise says of both kernels together, halved.
fn long(trial: &Trial, route: Route, busy: bool) -> u32 {
    match (busy, route, trial.name) {
        (false, _, "aa") => 50,
        (true, _, "aa") => 25,
        (false, Route::Cells, "1.02" | "1.03" | "2.00") => 20,
        (false, Route::Versus, "1.03" | "1.05" | "2.00") => 20,
        (false, Route::Cells, _) => 5,
        _ => 0,
    }
}

/// Of each kernel in the short form: few enough that only a gross fault breaks a promise.
fn quick(trial: &Trial, kernel: &str, route: Route) -> u32 {
    match (route, trial.name, kernel) {
        (Route::Cells, "aa", _) => 1,
        (Route::Cells, "2.00", "hs") => 1,
        _ => 0,
    }
}

impl Item {
    /// How many of them are there already, over or not.
    pub(crate) fn begun(&self, results: &Results) -> u32 {
        let mine = results.comparisons.iter().filter(|c| self.has(c));
        mine.count() as u32
    }

    /// Whether a comparison is one of them.
    pub(crate) fn has(&self, compared: &Compared) -> bool {
        compared.trial == self.trial.name
            && compared.kernel == self.kernel
            && compared.route == self.route
            && compared.busy == self.busy
    }
}
