//! The subcommands: from options to a plan, from records to what is printed.

use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::Context;
use reports::Claims;
use reports::recheck;
use reports::record::{Failure, Finding, Machine, Outcome, Probe, Record, Run, Weight};

use crate::cli;
use crate::contenders::{self, Case};
use crate::doctor;
use crate::exit::{self, usage};
use crate::host;
use crate::instruments::{self, Instrument};
use crate::interrupt;
use crate::pace::{Pace, about};
use crate::plan::Plan;
use crate::print;
use crate::progress::Progress;
use crate::run::{self, Ended};
use crate::schedule::Rounds;
use crate::select::Selection;
use crate::store::{self, Store};

/// The claims that are built in.
const CLAIMS: &str = include_str!("../claims.toml");

/// The most blocks in which a workload is timed when nobody says otherwise: as many as are looked at.
const BLOCKS: u32 = 64;
/// Blocks of a first look.
const QUICK_BLOCKS: u32 = 2;
/// From block to block of one workload, so that a disturbance spoils one of them and not several.
const APART: Duration = Duration::from_secs(5);
/// The share of the available memory that one probe may take.
const MEMORY_SHARE: u64 = 2;

/// All instruments that measure over levels, by one name.
const SCALING: &str = "scaling";

/// Whether to write pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pages {
    Write,
    Leave,
}

/// `all` and `run`.
pub(crate) fn measure(options: &cli::Measure, pages: Pages) -> anyhow::Result<ExitCode> {
    let all_cases = contenders::cases(options.fixtures);
    // Claims first: a mistake in them must not show up after minutes of measuring.
    let claims = claims(options.common.claims.as_deref(), &all_cases)?;
    let selection = Selection::new(&options.only, &options.skip, &all_cases)?;
    let cases = selection.apply(all_cases);
    if cases.is_empty() {
        return Err(usage("H002", "no cell is left to measure", "skip less"));
    }
    if cfg!(debug_assertions) && !options.allow_debug_assertions {
        let what = "this build has debug assertions: its times would say nothing";
        return Err(usage(
            "H007",
            what,
            "cargo run -p harness -- all, without other profiles",
        ));
    }
    let instruments = chosen(&options.instruments)?;
    let findings = doctor::examine(&options.common.out);
    if options.strict_env && doctor::is_unfit(&findings) {
        return Ok(refuse(&findings));
    }
    let machine = Machine {
        caveats: doctor::caveats(&findings).map(|f| f.what.clone()).collect(),
        findings: findings.clone(),
        ..host::machine()
    };
    let (size, blocks) = match options.quick || options.size == cli::SizeName::Quick {
        true => (cli::SizeName::Quick, QUICK_BLOCKS),
        false => (options.size, BLOCKS),
    };
    let blocks = options.blocks.unwrap_or(blocks);
    let mut record = describe(options.seed, size.name(), blocks, machine);
    record.handicap = (claims.rules.handicap * 1000.0).round() as u32;
    let store = Store::open(&options.common.out, &mut record, options.resume)?;
    let other = |given: Option<u64>, kept: u64| given.is_some_and(|given| given != kept);
    if other(options.seed, record.seed)
        || other(options.blocks.map(u64::from), record.blocks.into())
    {
        let what = format!(
            "the run to resume has seed {} and {} blocks",
            record.seed, record.blocks
        );
        return Err(usage(
            "H005",
            what,
            "leave out --seed and --blocks with --resume",
        ));
    }
    let plan = Plan {
        cases,
        instruments,
        chosen: !options.instruments.is_empty(),
        size: size.name().to_owned(),
        size_class: contenders::size(size.name()).context("a size without a name")?,
        blocks: record.blocks,
        apart: match size {
            // Its few blocks decide nothing.
            cli::SizeName::Quick => Duration::ZERO,
            cli::SizeName::Default | cli::SizeName::Large => APART,
        },
        claims: claims.clone(),
        handicap: record.handicap,
        seed: record.seed,
        budget: options.budget,
        allowance: match size {
            cli::SizeName::Quick => None,
            cli::SizeName::Default => Some(Duration::from_secs(5 * 60)),
            cli::SizeName::Large => Some(Duration::from_secs(30 * 60)),
        },
        timeout: options.timeout,
        memory: options.memory.map_or_else(
            || host::memory().map_or(0, |(_, available)| available / MEMORY_SHARE),
            |mebibytes| mebibytes << 20,
        ),
        executable: std::env::current_exe().context("where is this executable?")?,
    };
    if !options.quiet {
        announce(&plan, &claims, &findings, &store);
    }
    interrupt::watch();
    let mut progress = Progress::new(options.progress, options.quiet);
    let ended = run::run(&plan, &store, &mut progress)?;
    let records = store::load(&options.common.out)?;
    let page = conclude(&records, &claims, &options.common, pages)?;
    let failed = tell_failures(&records);
    if ended == Ended::Interrupted {
        print::note("interrupted: what was measured is kept; --resume goes on with it");
        return Ok(ExitCode::from(exit::INTERRUPTED as u8));
    }
    if let Ended::Spent(undecided) = ended {
        print::note(&format!(
            "time is up with {undecided} tests of times undecided; --budget gives more"
        ));
    }
    if !options.quiet && !options.common.json {
        match page {
            Some(page) => print::result(&format!("report: {}\n", page.display()))?,
            None => print::result(&format!(
                "pages: cargo run -p harness -- report --out '{}'\n",
                options.common.out.display()
            ))?,
        }
    }
    Ok(if failed {
        ExitCode::from(exit::CELL_FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

/// The instruments of these names, all of them if there is none, in their own order.
fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static dyn Instrument>> {
    let known = || instruments::ALL.iter().copied();
    let exists = |name: &String| name == SCALING || instruments::find(name).is_some();
    if let Some(unknown) = names.iter().find(|name| !exists(name)) {
        let mut names: Vec<_> = known().map(|instrument| instrument.name()).collect();
        names.push(SCALING);
        let what = format!("no instrument `{unknown}`");
        return Err(usage(
            "H009",
            what,
            &format!("there are {}", names.join(", ")),
        ));
    }
    let named =
        |i: &dyn Instrument, name: &str| name == i.name() || name == SCALING && i.over_levels();
    let wanted = |i: &&dyn Instrument| names.is_empty() || names.iter().any(|n| named(*i, n));
    Ok(known().filter(wanted).collect())
}

/// `report`.
pub(crate) fn report(options: &cli::Report) -> anyhow::Result<ExitCode> {
    let cases = contenders::cases(false);
    let claims = claims(options.common.claims.as_deref(), &cases)?;
    let records = store::load(&options.common.out)?;
    if !records
        .iter()
        .any(|record| matches!(record, Record::Probe(_)))
    {
        let what = format!("no measurement in {}", options.common.out.display());
        return Err(usage(
            "H004",
            what,
            "measure first: cargo run -p harness -- all",
        ));
    }
    if options.check {
        return check(&records, &claims, &options.common);
    }
    let page = conclude(&records, &claims, &options.common, Pages::Write)?;
    if let Some(page) = page.filter(|_| !options.common.json) {
        print::result(&format!("report: {}\n", page.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares a report with what its records come to.
fn check(records: &[Record], claims: &Claims, common: &cli::Common) -> anyhow::Result<ExitCode> {
    let verdicts = common.out.join(recheck::VERDICTS);
    if !verdicts.exists() {
        let what = format!("no report in {}", common.out.display());
        let help = "write one: cargo run -p harness -- report";
        return Err(usage("H004", what, help));
    }
    let found = recheck::recheck(records, claims, |path| {
        fs::read_to_string(common.out.join(path)).ok()
    });
    print::result(&match common.json {
        true => format!("{:#}\n", serde_json::to_value(&found)?),
        false => found.words(),
    })?;
    if found.differences.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    print::note("error[H014]: this version makes another report of these records and claims");
    print::note("  help: cargo run -p harness -- report writes it again");
    Ok(ExitCode::from(exit::CELL_FAILED))
}

/// Judges, writes the pages if asked to, prints the verdicts; returns where the pages begin.
fn conclude(
    records: &[Record],
    claims: &Claims,
    common: &cli::Common,
    pages: Pages,
) -> anyhow::Result<Option<PathBuf>> {
    let judged = reports::judge(records, claims);
    let page = match pages {
        Pages::Write => {
            reports::render(&judged, records, &common.out, &common.out)
                .with_context(|| format!("cannot write the report to {}", common.out.display()))?;
            Some(common.out.join("index.html"))
        }
        Pages::Leave => None,
    };
    let text = if common.json {
        judged.to_json()
    } else {
        reports::summary(&judged)
    };
    print::result(&text)?;
    Ok(page)
}

/// The claims of a file, or those that are built in.
pub(crate) fn claims(path: Option<&Path>, cases: &[Case]) -> anyhow::Result<Claims> {
    let (text, name) = match path {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| {
                let what = format!("cannot read {}: {error}", path.display());
                usage("H008", what, "see harness/claims.toml for the form")
            })?;
            (text, path.display().to_string())
        }
        None => (CLAIMS.to_owned(), "claims.toml".to_owned()),
    };
    let malformed = |what: String| usage("H008", what, "see harness/claims.toml for the form");
    let claims =
        reports::claims::parse(&text, &name).map_err(|problems| malformed(problems.to_string()))?;
    let workloads: Vec<_> = cases.iter().map(|case| case.name).collect();
    let mut contenders: Vec<_> = contenders::BASELINES.to_vec();
    contenders.extend(contenders::engine_names());
    let problems = claims.validate(&workloads, &contenders);
    if !problems.is_empty() {
        return Err(malformed(reports::claims::Problems(problems).to_string()));
    }
    Ok(claims)
}

/// Everything that the figures of a run depend on besides its cells.
pub(crate) fn describe(seed: Option<u64>, size: &str, blocks: u32, machine: Machine) -> Run {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").map_or(PathBuf::from("."), PathBuf::from);
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(&folder)
            .args(arguments)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    Run {
        started: humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string(),
        seed: seed.unwrap_or_else(drawn),
        size: size.to_owned(),
        commit: git(&["rev-parse", "HEAD"]).unwrap_or_else(|| "unknown".to_owned()),
        dirty: git(&["status", "--porcelain"]).is_some_and(|changes| !changes.is_empty()),
        toolchain: env!("TWOFOLD_TOOLCHAIN").to_owned(),
        profile: format!(
            "opt-level {}{}",
            env!("TWOFOLD_OPT_LEVEL"),
            if cfg!(debug_assertions) {
                ", debug assertions"
            } else {
                ""
            }
        ),
        build: std::env::current_exe().and_then(fs::read).map_or_else(
            |_| String::new(),
            |bytes| format!("{:016x}", digest(&bytes)),
        ),
        machine,
        blocks,
        handicap: 0,
        warm_up: Rounds::MOST.warm_up,
        rounds: Rounds::MOST.measured,
    }
}

/// Tells two executables apart (FNV-1a over words of eight bytes).
fn digest(bytes: &[u8]) -> u64 {
    let word = |chunk: &[u8]| {
        chunk
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte))
    };
    bytes.chunks(8).fold(0xcbf2_9ce4_8422_2325, |hash, chunk| {
        (hash ^ word(chunk)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A seed that nobody chose. It is recorded, so that the run can be repeated.
pub(crate) fn drawn() -> u64 {
    // The standard library seeds its hash tables from the system's randomness. 32 bits, so that the
    // number survives programs that read JSON numbers as floating point.
    std::hash::RandomState::new().build_hasher().finish() >> 32
}

fn announce(plan: &Plan, claims: &Claims, findings: &[Finding], store: &Store) {
    let estimate = match (Pace::load(store.folder()).whole(plan), plan.budget) {
        (_, Some(budget)) => format!("within {}", humantime::format_duration(budget)),
        (Some(time), None) => format!("{} (from the last run here)", about(time)),
        (None, None) if plan.size == "quick" => "1-2 min (first run here)".to_owned(),
        (None, None) if plan.size == "default" => "about 5 min (first run here)".to_owned(),
        (None, None) => "unknown for a first run here".to_owned(),
    };
    print::note(&format!(
        "{} cells, {} claims in {} tests, {estimate}, seed {}",
        plan.cells(),
        claims.claims.len(),
        claims.expand().len(),
        plan.seed
    ));
    for line in doctor::brief(findings) {
        print::note(&line);
    }
    print::note(&format!("records in {}", store.folder().display()));
}

/// A file larger than the memory is meant to defeat those who hold it whole: no failure of the run.
fn is_failure(probe: &Probe) -> bool {
    match &probe.outcome {
        Outcome::Failed {
            failure: Failure::OutOfMemory,
            ..
        } => probe.instrument != "limited",
        Outcome::Failed { .. } => true,
        Outcome::Measured | Outcome::NotMeasured { .. } => false,
    }
}

/// Tells each failed cell once, and whether there is any.
fn tell_failures(records: &[Record]) -> bool {
    let mut told = std::collections::BTreeSet::new();
    for record in records {
        let Record::Probe(probe) = record else {
            continue;
        };
        let Outcome::Failed { failure, why } = &probe.outcome else {
            continue;
        };
        // A control fails where its baseline does, which is told.
        if !is_failure(probe) || reports::controls::is_control(&probe.cell.contender) {
            continue;
        }
        let cell = format!("{}/{}", probe.cell.workload, probe.cell.contender);
        if told.insert((cell.clone(), failure.words())) {
            print::note(&format!(
                "error[H012]: {}: {cell} under {}",
                failure.words(),
                probe.instrument
            ));
            print::note(&format!("  {why}"));
            print::note(&format!(
                "  help: cargo run -p harness -- run --only '{cell}' --out target/again"
            ));
        }
    }
    !told.is_empty()
}

/// `list`.
pub(crate) fn list(options: &cli::List) -> anyhow::Result<ExitCode> {
    let cases = contenders::cases(false);
    let mut text = String::new();
    if options.json {
        let workloads: Vec<_> = cases
            .iter()
            .map(|case| {
                serde_json::json!({
                    "name": case.name, "about": case.about, "contenders": case.contenders,
                })
            })
            .collect();
        let instruments: Vec<_> = instruments::ALL
            .iter()
            .map(|i| serde_json::json!({ "name": i.name(), "about": i.about() }))
            .collect();
        let list = serde_json::json!({ "workloads": workloads, "instruments": instruments });
        text = format!("{list:#}\n");
    } else {
        text.push_str("workloads\n");
        for case in &cases {
            text.push_str(&format!("  {}\n{}", case.name, wrapped(case.about)));
        }
        let contenders = cases
            .first()
            .map_or(String::new(), |case| case.contenders.join(", "));
        text.push_str(&format!("\ncontenders\n  {contenders}\n\ninstruments\n"));
        for instrument in instruments::ALL {
            text.push_str(&format!(
                "  {:<9} {}\n",
                instrument.name(),
                instrument.about()
            ));
        }
        text.push_str("\nsizes\n  quick, default, large\n");
    }
    print::result(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// A sentence as indented lines of at most 78 columns.
fn wrapped(sentence: &str) -> String {
    let mut lines = String::from("     ");
    let mut width = 5;
    for word in sentence.split(' ') {
        if width + 1 + word.chars().count() > 78 {
            lines.push_str("\n     ");
            width = 5;
        }
        lines.push(' ');
        lines.push_str(word);
        width += 1 + word.chars().count();
    }
    lines.push('\n');
    lines
}

/// `doctor`.
pub(crate) fn doctor(options: &cli::Doctor) -> anyhow::Result<ExitCode> {
    let findings = doctor::examine(&options.out);
    print::result(&match options.json {
        true => format!("{:#}\n", serde_json::to_value(&findings)?),
        false => doctor::text(&findings),
    })?;
    if options.strict_env && doctor::is_unfit(&findings) {
        return Ok(refuse(&findings));
    }
    Ok(ExitCode::SUCCESS)
}

/// Says why the machine is unfit.
fn refuse(findings: &[Finding]) -> ExitCode {
    for found in findings.iter().filter(|f| f.finding == Weight::Unfit) {
        print::note(&format!("error[H013]: unfit machine: {}", found.what));
        print::note(&format!("  {}", found.meaning));
        print::note(&format!("  help: {}", found.advice));
    }
    print::note(
        "  help: `harness doctor` says more; without --strict-env it is measured all the same",
    );
    ExitCode::from(exit::UNFIT)
}
