//! `versus`: from options to a plan, from the answer to what is printed and written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use reports::record::Machine;
use reports::units::count;
use reports::versus::{Answer, Decision, Question};

use super::line::{self, Shell};
use super::options::Options;
use super::parameters::{self, Parameter};
use super::protocol::Output;
use super::{Entry, Plan, Seen, Trouble, measure};
use crate::doctor;
use crate::exit::{self, usage};
use crate::pace::about;
use crate::progress::Progress;
use crate::{command, host, interrupt, print};

/// `versus`.
pub(crate) fn versus(options: &Options) -> anyhow::Result<ExitCode> {
    let plan = plan(options)?;
    interrupt::watch();
    let progress = Progress::new(options.progress, options.quiet);
    if !options.quiet {
        announce(&plan);
    }
    let measured = measure(&plan, &mut |seen| {
        let block = seen.block as usize;
        let look = block == 0 || reports::stats::LOOKS.contains(&block);
        progress.before_commands(&shown(&plan, seen), look);
    });
    progress.clear();
    let answer = match measured {
        Ok(answer) => answer,
        Err(trouble) => return troubled(trouble),
    };
    write(&answer, options)?;
    if answer.setting.interrupted {
        let lost = plan.entries.iter().any(|entry| entry.cleanup.is_some());
        print::note(match lost {
            true => "interrupted: above is what was found until then; nothing was cleaned up",
            false => "interrupted: above is what was found until then",
        });
        return Ok(ExitCode::from(exit::INTERRUPTED as u8));
    }
    Ok(ExitCode::from(match answer.claim() {
        Some(Decision::Refuted) => exit::REFUTED,
        Some(Decision::Inconclusive) => exit::INCONCLUSIVE,
        _ => 0,
    }))
}

fn troubled(trouble: Trouble) -> anyhow::Result<ExitCode> {
    match trouble {
        Trouble::Unknown { what, help } => Err(usage("H021", what, &help)),
        Trouble::NotMeasured { why } => Err(usage("H024", format!("not measured: {why}"), "")),
        Trouble::Failed { what, help } => {
            print::note(&format!("error[H022]: {what}"));
            if !help.is_empty() {
                print::note(&format!("  help: {help}"));
            }
            Ok(ExitCode::from(exit::CELL_FAILED))
        }
        Trouble::Interrupted => {
            print::note("interrupted before anything was measured");
            Ok(ExitCode::from(exit::INTERRUPTED as u8))
        }
    }
}

fn plan(options: &Options) -> anyhow::Result<Plan> {
    let wrong = |what: String, help: &str| usage("H020", what, help);
    let parameters = parameters(options).map_err(|what| wrong(what, "see versus --help"))?;
    let entries = entries(options, &parameters)?;
    let findings = doctor::examine(&options.out);
    let question = Question {
        metric: options.metric.metric(),
        claim: options.claim,
        level: options.level,
        margin: options.margin,
        most: options.blocks,
    };
    let file = |name: &str| {
        // A command may run elsewhere one day; the file is the user's.
        std::path::absolute(name).with_context(|| format!("where is `{name}`?"))
    };
    let input = match options.input.as_str() {
        "null" => None,
        name => {
            let path = file(name)?;
            fs::File::open(&path).map_err(|error| {
                wrong(
                    format!("cannot read `{name}`: {error}"),
                    "--input takes a file",
                )
            })?;
            Some(path)
        }
    };
    let output = match options.output.as_str() {
        "null" => Output::Null,
        "pipe" => Output::Pipe,
        "inherit" => {
            let what = "commands that are timed do not write to this terminal";
            return Err(wrong(
                what.to_owned(),
                "--output takes null, pipe or a file",
            ));
        }
        name => Output::File(file(name)?),
    };
    let shell = match options.shell.as_deref() {
        _ if options.no_shell => Some(Shell::None),
        Some("none") => Some(Shell::None),
        Some("default") => Some(Shell::usual()),
        Some(shell) => {
            let words = line::split(shell).map_err(|why| wrong(why, "--shell takes a program"))?;
            Some(Shell::By(words))
        }
        None => None,
    };
    Ok(Plan {
        shell,
        warm_up: options.warmup,
        budget: options.budget,
        gap: options.gap,
        timeout: options.timeout,
        ignore_failure: options.ignore_failure,
        check_output: options.check_output,
        output,
        input,
        entries,
        machine: Machine {
            caveats: doctor::caveats(&findings).map(|f| f.what.clone()).collect(),
            ..host::machine()
        },
        ..Plan::new(question, &[], options.seed.unwrap_or_else(command::drawn))
    })
}

fn parameters(options: &Options) -> Result<Vec<Parameter>, String> {
    let mut all = Vec::new();
    for scan in options.parameter_scan.chunks(3) {
        let [name, min, max] = scan else { continue };
        let step = options.parameter_step_size.as_deref().unwrap_or("1");
        all.push(parameters::scan(name, min, max, step)?);
    }
    for list in options.parameter_list.chunks(2) {
        let [name, values] = list else { continue };
        all.push(parameters::list(name, values));
    }
    let mut names: Vec<&String> = all.iter().map(|parameter| &parameter.name).collect();
    names.sort();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("two parameters are called `{}`", pair[0])),
        None => Ok(all),
    }
}

fn entries(options: &Options, parameters: &[Parameter]) -> anyhow::Result<Vec<Entry>> {
    let wrong = |what: String, help: &str| usage("H020", what, help);
    let combinations = parameters::combinations(parameters);
    let templates = options.reference.iter().chain(&options.commands);
    let templates: Vec<&String> = templates.collect();
    let one_each = |given: &[String], what: &str| match given.len() {
        0 | 1 => Ok(()),
        n if n == templates.len() => Ok(()),
        n => Err(wrong(
            format!("{n} times {what} for {} commands", templates.len()),
            "give it once for all, or once for each",
        )),
    };
    one_each(&options.prepare, "--prepare")?;
    one_each(&options.conclude, "--conclude")?;
    let of = |given: &[String], at: usize| match given {
        [one] => Some(one.clone()),
        several => several.get(at).cloned(),
    };
    let mut entries = Vec::new();
    for (at, template) in templates.iter().enumerate() {
        let (prepare, conclude) = (of(&options.prepare, at), of(&options.conclude, at));
        let (setup, cleanup) = (options.setup.clone(), options.cleanup.clone());
        let around = [&prepare, &conclude, &setup, &cleanup];
        let texts = || around.into_iter().flatten().chain([*template]);
        let mut seen = BTreeSet::new();
        for all in &combinations {
            // For the values of what it does not name, a command is the same.
            let named = |name: &String| texts().any(|text| text.contains(&format!("{{{name}}}")));
            let values: BTreeMap<String, String> = all
                .iter()
                .filter(|(name, _)| named(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            if !seen.insert(values.clone()) {
                continue;
            }
            let line = parameters::put_in(template, &values);
            let put = |text: &Option<String>| {
                let text = text.as_ref();
                text.map(|text| parameters::put_in(text, &values))
            };
            entries.push(Entry {
                name: line.clone(),
                line,
                setup: put(&setup),
                prepare: put(&prepare),
                conclude: put(&conclude),
                cleanup: put(&cleanup),
                parameters: values,
            });
        }
    }
    if options.command_name.len() > entries.len() {
        let (names, commands) = (options.command_name.len(), entries.len());
        return Err(wrong(
            format!("{names} names for {commands} commands"),
            "leave some out",
        ));
    }
    for (entry, name) in entries.iter_mut().zip(&options.command_name) {
        entry.name = parameters::put_in(name, &entry.parameters);
    }
    match entries.len() {
        0 | 1 => Err(wrong(
            "one command has nothing to be compared with".to_owned(),
            "harness versus 'COMMAND' 'ANOTHER'; the same twice shows how small a difference shows",
        )),
        n if n > parameters::MOST => Err(wrong(
            format!("more than {} commands", parameters::MOST),
            "give fewer values",
        )),
        _ => Ok(entries),
    }
}

fn announce(plan: &Plan) {
    let caveats = &plan.machine.caveats;
    print::note(&format!(
        "{} commands by {}, seed {}",
        plan.entries.len(),
        plan.question.metric.title(),
        plan.seed
    ));
    if !caveats.is_empty() {
        let said: Vec<String> = caveats.iter().map(|caveat| format!("! {caveat}")).collect();
        print::note(&format!("doctor  {}", said.join("  ")));
    }
}

/// Where measuring stands, before a block.
fn shown(plan: &Plan, seen: &Seen<'_>) -> String {
    let ratios: Vec<String> = seen.outlook.ratios.iter().take(4).cloned().collect();
    let ratios = match ratios.is_empty() {
        true => String::new(),
        false => format!(", {}", ratios.join(", ").replace('×', "x")),
    };
    let open = match (plan.entries.len(), seen.outlook.open.len()) {
        (..=2, _) => String::new(),
        (_, open) => format!(", {} open", open.saturating_sub(1)),
    };
    format!(
        "block {}, {} of each{open}{ratios}, at most {} left",
        seen.block + 1,
        count(seen.rounds.measured as usize, "run"),
        about(seen.left)
    )
}

/// Writes page and exports, prints the answer.
fn write(answer: &Answer, options: &Options) -> anyhow::Result<()> {
    let out = &options.out;
    let page = out.join("index.html");
    let write = |path: &Path, text: &str| {
        if path == Path::new("-") {
            return print::result(text);
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
        }
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    // The answer first: whatever cannot be written must not take it along.
    print::result(&match options.json {
        true => answer.to_json(),
        false => answer.text(),
    })?;
    let json = out.join("versus.json");
    let exports: [(Option<&PathBuf>, &dyn Fn() -> String); 4] = [
        (options.export_json.as_ref(), &|| answer.to_json()),
        (options.export_markdown.as_ref(), &|| answer.markdown()),
        (Some(&json), &|| answer.to_json()),
        (Some(&page), &|| answer.page()),
    ];
    for (path, text) in exports {
        if let Some(path) = path {
            write(path, &text())?;
        }
    }
    if !options.quiet && !options.json {
        print::result(&format!("page: {}\n", page.display()))?;
    }
    Ok(())
}
