//! Commands whose answer is known, and how they are compared.

use std::hash::{BuildHasher, Hasher};
use std::process::{Command, ExitCode};

use reports::selftest::results::rounded;
use reports::selftest::{Compared, Trial};
use reports::stats::LOOKS;
use reports::versus::{Metric, Question};

use super::options::Known;
use super::real::{Real, find};
use crate::child::Stop;
use crate::exit::usage;
use crate::host;
use crate::known::kernels;
use crate::versus::{self, Plan, Trouble};

/// `known`: does the work of a whole process and prints the answer.
pub(crate) fn main(options: &Known) -> anyhow::Result<ExitCode> {
    if options.forever {
        host::die_with_parent();
    }
    let Some(mut kernel) = kernels::find(&options.kernel) else {
        let help = format!("there are {}", kernels::NAMES.join(", "));
        return Err(usage(
            "H014",
            format!("no kernel `{}`", options.kernel),
            &help,
        ));
    };
    let drawn = || std::hash::RandomState::new().build_hasher().finish();
    let mut seed = options.seed.unwrap_or_else(drawn);
    let mut passes = 0..options.passes;
    let mut sum = 0u64;
    while options.forever || passes.next().is_some() {
        kernel.load(seed, options.units);
        let answer = kernel.run();
        anyhow::ensure!(answer == kernel.expected(), "a wrong answer: {answer}");
        sum = sum.wrapping_add(answer);
        seed = seed.wrapping_add(1);
    }
    println!("{sum}");
    if options.times > 1 {
        return again(options);
    }
    Ok(ExitCode::SUCCESS)
}

/// Becomes this command with one time less: twice the processes are twice the work, their starts and ends
/// included.
fn again(options: &Known) -> anyhow::Result<ExitCode> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("known").args(["--kernel", &options.kernel]);
    for (name, value) in [
        ("--units", options.units),
        ("--passes", options.passes),
        ("--times", options.times - 1),
    ] {
        command.args([name, &value.to_string()]);
    }
    if let Some(seed) = options.seed {
        command.args([
            "--seed",
            &seed.wrapping_add(u64::from(options.passes)).to_string(),
        ]);
    }
    #[cfg(unix)]
    return Err(std::os::unix::process::CommandExt::exec(&mut command).into());
    #[cfg(not(unix))]
    {
        let status = command.status()?;
        Ok(ExitCode::from(u8::from(!status.success())))
    }
}

/// Compares the commands of a trial by `versus`, until that is over.
pub(super) fn measure(real: &Real<'_>, compared: &mut Compared) -> Result<(), Stop> {
    let trial = find(compared)?;
    let question = Question {
        metric: Metric::Wall,
        claim: (trial.claim != 1.0).then_some(trial.claim),
        level: real.judge.level,
        margin: real.judge.margin,
        most: LOOKS[LOOKS.len() - 1] as u32,
    };
    let program = real.launcher.executable.to_string_lossy();
    let [heavier, lighter] = lines(&program, trial, compared);
    let plan = Plan {
        budget: Some(real.each),
        timeout: real.launcher.timeout,
        ..Plan::new(question, &[&heavier, &lighter], compared.seed)
    };
    let answer = versus::measure(&plan, &mut |_| ()).map_err(|trouble| match trouble {
        Trouble::Interrupted => Stop::Interrupted,
        other => Stop::NotMeasured {
            why: other.to_string(),
        },
    })?;
    // What was begun is measured anew: a part of it cannot go on.
    if answer.setting.interrupted {
        return Err(Stop::Interrupted);
    }
    let logs = answer.comparisons.iter().flat_map(|found| &found.logs);
    compared.logs = logs.map(|log| rounded(*log)).collect();
    compared.seconds = answer.setting.seconds;
    compared.over = true;
    Ok(())
}

/// The two commands. Where one does twice the work it is two processes one after the other, as what a
/// process takes to start and to end would be in it once only.
fn lines(program: &str, trial: &Trial, compared: &Compared) -> [String; 2] {
    let times = trial.units / 100;
    let quoted = program.replace('\'', "'\\''");
    // Some 30 ms, of which starting and ending the process are a twentieth.
    let passes = match compared.kernel.as_str() {
        "hs" => 5,
        _ => 12,
    };
    [(trial.units / times, times), (100, 1)].map(|(units, times)| {
        format!(
            "'{quoted}' known --kernel {} --seed {} --passes {passes} --units {units} --times {times}",
            compared.kernel, compared.seed
        )
    })
}

#[cfg(test)]
mod tests {
    use reports::selftest::{Route, TRIALS};

    use super::*;

    #[test]
    fn two_commands_do_the_work_of_their_trial() {
        let compared = Compared {
            session: 0,
            trial: String::new(),
            kernel: "hs".to_owned(),
            route: Route::Versus,
            busy: false,
            number: 0,
            seed: 7,
            clock: reports::metrics::WALL_TIME.to_owned(),
            seconds: 0.0,
            over: false,
            failure: None,
            logs: Vec::new(),
        };
        for trial in TRIALS.iter().filter(|trial| trial.group != "odd") {
            let work = lines("it's", trial, &compared).map(|line| {
                assert!(
                    line.starts_with("'it'\\''s' known --kernel hs --seed 7 "),
                    "{line}"
                );
                let words: Vec<&str> = line.split(' ').collect();
                let after = |name: &str| {
                    let at = words.iter().position(|word| *word == name).unwrap();
                    words[at + 1].parse::<u32>().unwrap()
                };
                after("--units") * after("--times")
            });
            assert_eq!(work, [trial.units, 100]);
        }
    }
}
