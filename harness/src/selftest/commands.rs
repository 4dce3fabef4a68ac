//! Commands whose answer is known, and how they are compared.

use std::hash::{BuildHasher, Hasher};
use std::process::{Command, ExitCode};

use reports::selftest::Compared;

use super::kernels;
use super::options::Known;
use super::real::Real;
use crate::child::Stop;
use crate::exit::usage;
use crate::host;

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

/// Compares the commands of a trial.
pub(super) fn measure(_: &Real<'_>, _: &mut Compared) -> Result<(), Stop> {
    Err(Stop::NotMeasured {
        why: "this version does not compare commands".to_owned(),
    })
}
