//! The page of one comparison of commands: what was asked and found, the blocks as dots, the figures of
//! each command, what to beware of, and how it was measured.

use maud::{Markup, PreEscaped, html};

use super::shell;
use crate::charts::blocks::{self, Blocks};
use crate::compare::percent;
use crate::record::Machine;
use crate::versus::words;
use crate::versus::{Answer, Comparison, Decision, Metric, Outputs};
use crate::{stats, units};

pub(crate) fn page(answer: &Answer) -> String {
    let metric = answer.question.metric;
    let content = html! {
        h1 { (title(answer)) }
        p .soft {
            "Measured " (answer.setting.started.replace('T', " ").replace('Z', " UTC"))
            " · " (metric.title())
            " · " (answer.setting.machine.processor)
        }
        (caveats(answer))
        @for (at, comparison) in answer.comparisons.iter().enumerate() {
            (section(answer, comparison, at))
        }
        @for said in words::circumstances(answer) { p .soft { (capital(&said)) "." } }
        (commands(answer))
        (method(answer))
        (machine(&answer.setting.machine))
    };
    let foot = html! {
        "Made by Twofold. Every figure and every raw sample: "
        a href="versus.json" { "versus.json" }
        ", which scripts for hyperfine's export can read."
    };
    shell::alone("Commands compared", &content, &foot)
}

fn title(answer: &Answer) -> String {
    let metric = answer.question.metric;
    match answer.comparisons.as_slice() {
        [one] => {
            let short = |name: &str| crate::summary::cut(name, 40);
            match one.decision {
                Decision::Alike | Decision::Open => "No difference shown".to_owned(),
                decision => format!(
                    "{}: {}",
                    short(&one.command),
                    words::decision(decision, metric)
                ),
            }
        }
        several => format!(
            "{} against {}",
            units::count(several.len(), "command"),
            answer
                .results
                .first()
                .map_or(String::new(), |r| r.contestant.name.clone())
        ),
    }
}

fn caveats(answer: &Answer) -> Markup {
    html! {
        @let mut all = answer.caveats.iter().chain(&answer.setting.machine.caveats).peekable();
        @if all.peek().is_some() {
            div .note role="note" {
                strong { "Read with care" }
                ul { @for caveat in all { li { (caveat) } } }
            }
        }
    }
}

fn class(decision: Decision) -> &'static str {
    match decision {
        Decision::Better | Decision::Confirmed => "ok",
        Decision::Worse | Decision::Refuted => "bad",
        Decision::Alike | Decision::Open | Decision::Inconclusive => "unk",
    }
}

fn section(answer: &Answer, comparison: &Comparison, at: usize) -> Markup {
    let name = |name: &str| format!("“{name}”");
    let chart = blocks::chart(
        &Blocks {
            logs: &comparison.logs,
            interval: comparison.interval.map(|i| (i.low, i.high)),
            claim: answer.question.claim,
        },
        &format!("blocks-{at}"),
        &format!("The blocks of {}", comparison.command),
    );
    html! {
        section {
            h2 { (comparison.command) }
            p {
                strong .v .(class(comparison.decision)) {
                    (words::symbol(comparison.decision)) " "
                    (words::decision(comparison.decision, answer.question.metric))
                }
                ": " (words::sentence(answer, comparison, &name)) "."
            }
            @for remark in words::remarks(comparison) {
                p .soft { (capital(&remark)) "." }
            }
            @if let Some(chart) = chart {
                figure {
                    // Drawn by this crate, which escapes every text within.
                    (shell::scroll("Blocks", &html! { (PreEscaped(chart)) }))
                    figcaption {
                        "Reference over command, block by block, in the order of measuring. Lines: the "
                        (shell::level(answer.question.level)) " interval. Dotted: no difference."
                        @if answer.question.claim.is_some() { " Dashed: the claim." }
                    }
                }
                details {
                    summary { "The ratio of each block" }
                    p {
                        @for (at, log) in comparison.logs.iter().enumerate() {
                            @if at > 0 { ", " }
                            (words::ratio(log.exp()))
                        }
                    }
                }
            }
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

fn commands(answer: &Answer) -> Markup {
    let metric = answer.question.metric;
    let value = |value: Option<f64>| {
        value.map_or("–".to_owned(), |value| units::value(value, metric.unit()))
    };
    let seconds =
        |time: Option<f64>| time.map_or("–".to_owned(), |t| units::value(t * 1e9, "ns"));
    let table = html! {
        table {
            caption { "Every run that counts, " (metric.title()) "; CPU time is the mean." }
            thead {
                tr {
                    th scope="col" { "Command" }
                    @for head in ["Median", "Smallest", "Largest", "CPU, user", "CPU, system", "Runs"] {
                        th .n scope="col" { (head) }
                    }
                }
            }
            tbody {
                @for result in &answer.results {
                    @let values: Vec<f64> = result.contestant.values(metric).iter().map(|v| *v as f64).collect();
                    tr {
                        th scope="row" {
                            (result.contestant.name)
                            @if result.contestant.name != result.contestant.command_line {
                                " " code .long { (result.contestant.command_line) }
                            }
                        }
                        td .n { (value(stats::median(&values))) }
                        td .n { (value(values.iter().copied().reduce(f64::min))) }
                        td .n { (value(values.iter().copied().reduce(f64::max))) }
                        td .n { (seconds(result.user)) }
                        td .n { (seconds(result.system)) }
                        td .n { (values.len()) }
                    }
                }
            }
        }
    };
    html! {
        h2 { "The commands" }
        (shell::scroll("The commands", &table))
    }
}

fn method(answer: &Answer) -> Markup {
    let setting = &answer.setting;
    let question = &answer.question;
    html! {
        h2 { "How it was measured" }
        p {
            "In blocks. In each, every command runs in turn, round by round, each time in an order drawn "
            "anew; a block counts once, with the median of its rounds, and blocks lie apart, so that a "
            "disturbance spoils one of them. It is looked at after 4, 5, 6, 8, 10 blocks and so on to "
            (question.most) ", and ends once it is decided; the level holds for all these looks together"
            @if answer.comparisons.len() > 1 { " and for all commands (Holm)" }
            "."
        }
        dl {
            dt { "Claimed" } dd {
                @if let Some(claim) = question.claim { "at least " (units::threshold(claim)) }
                @else { "nothing: is there a difference?" }
            }
            dt { "Level" } dd { (shell::level(question.level)) }
            dt { "Near enough" } dd { "within " (percent(question.margin)) " %" }
            dt { "Run by" } dd {
                @match &setting.shell {
                    Some(shell) => { (shell) ", whose start is part of every time" }
                    None => { "no shell" }
                }
            }
            @if let Some(overhead) = setting.overhead_ns {
                dt { "Start of a process" }
                dd { "about " (units::value(overhead as f64, "ns")) ", part of every wall time, nothing is subtracted" }
            }
            dt { "Outputs" } dd {
                @match &setting.outputs {
                    Some(Outputs::Equal) => "equal when tried",
                    Some(Outputs::Differ(_)) => "different when tried",
                    None => "not compared",
                }
            }
            @if question.metric == Metric::Instructions {
                dt { "Counted by" } dd { "Valgrind’s callgrind, with all processes that a command starts" }
            }
            dt { "Seed" } dd { (setting.seed) }
            dt { "Took" } dd { (units::value(setting.seconds * 1e9, "ns")) }
        }
    }
}

fn machine(machine: &Machine) -> Markup {
    html! {
        h2 { "The machine" }
        dl {
            dt { "Processor" } dd { (machine.processor) }
            dt { "Cores" } dd { (machine.cores) }
            dt { "Memory" } dd { (units::value(machine.memory as f64, "bytes")) }
            dt { "System" } dd { (machine.system) ", " (machine.architecture) }
            dt { "Virtual machine" } dd { @if machine.virtual_machine { "yes" } @else { "no" } }
        }
    }
}
