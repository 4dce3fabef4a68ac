//! How a number becomes a verdict in this version, and what an interval means and does not mean.

use maud::html;

use super::shell::{self, Page};
use crate::stats;
use crate::units;
use crate::verdict::Judged;

pub(crate) fn page(judged: &Judged) -> String {
    let level = shell::level(judged.rules.level);
    let rules = &judged.rules;
    let c = stats::nominal(1.0 - rules.level);
    let looks: Vec<String> = stats::LOOKS.iter().map(ToString::to_string).collect();
    let looks = looks.join(", ");
    let content = html! {
        h1 { "How a number becomes a verdict" }
        h2 { "Times" }
        p {
            "A block starts a fresh process for every contender of a workload and measures them in turn, "
            "round by round, on one input that all share and that the round before did not have: data in "
            "memory never recur, files of records and folders of files come in four variants. Leading "
            "rounds are warm-up and count for nothing; the longer a round takes, the fewer a block has. The block's value is the median over its rounds of "
            "ln(baseline time / engine time). Rounds of one process resemble each other, so the block "
            "is what is counted: n blocks are n independent values, however many rounds they have."
        }
        p {
            "Blocks are looked at when there are " (looks) " of them: up to 10 by the t test, then by the exact "
            "Wilcoxon signed-rank test, with its interval and the Hodges–Lehmann estimate (the median of all "
            "averages of two). Both assume that blocks are independent and spread about the true value, the "
            "first that they are normally distributed, the second only that they are symmetric. Every look "
            "is taken at the same level, which is so low that all looks together keep to the level of the "
            "page: at " (level) " each look is a test at " (units::digits(100.0 * c)) " %. So a comparison may stop at whichever "
            "look decides it, and its contender is left out of later blocks. One that would take more "
            "than twice the blocks allowed is given up, and one whose interval lies within "
            (units::digits(100.0 * rules.margin)) " % of the claim is too close to call."
        }
        p {
            "Which clock decides is written in the claim before anything is measured: CPU time where one "
            "thread only computes, wall time everywhere else. A quick run never settles a time. A block "
            "in which the service was late is left out for every contender, and the page says how many."
        }
        h2 { "Many claims" }
        p {
            "Verdicts on times hold as a family: were nothing but chance at work, the probability of even one "
            "wrong verdict among all of them is at most " (units::digits(100.0 * (1.0 - rules.level))) " %. The p-value of each "
            "test is the smallest level at which its looks would have decided; Holm's procedure adjusts them. "
            "A comparison counts once however many claims ask about it, since a ratio cannot equal two "
            "thresholds. An interval stands for its own comparison, so that it can exclude a claim that "
            "the family does not yet decide; the verdict says so."
        }
        h2 { "Controls" }
        p {
            "Every block runs the baseline idiomatic a second time, and a third time slowed by a known "
            "share. Where the baseline differs from itself, at the level of all controls together, the verdicts "
            "on times of the run are withheld. "
            a href="machine.html#controls" { "What they showed" } ". "
            @if let Some(cores) = rules.crowded {
                "Where other processes took " (units::digits(cores)) " cores or more in most blocks of a workload, "
                "its wall times are left open: with fewer cores a ratio is another. "
            }
            "How often verdicts are false where the answer is known: "
            a href="trust.html" { "Can this tool be trusted?" }
        }
        h2 { "Limits" }
        p {
            "What a workload takes at the least, whoever does it, is part of the workload: bytes copied, square "
            "roots, files opened. How fast the machine does each of these is measured in the same run. The "
            "need that takes longest at that speed binds, and the share is that least time over the time "
            "taken. Which cache counts follows from the size of the data; where two speeds are "
            "conceivable the faster counts, so that a share errs downwards. A share above 100 %, beyond what "
            "times and takings differ by, says that the model is at fault."
        }
        p {
            "A claim on a share is confirmed where the slowest time of its interval, by the fastest taking of the limits, "
            "still reaches it, and refuted where the fastest time by the slowest taking does not. "
            "These intervals hold at " (level) " together, as a family beside that of the ratios (Bonferroni); that a limit "
            "is measured, too, and has an error of its own, is covered by the two takings alone. "
            "Where a claim on a time is refuted or open and the baseline is so near its limit that no contender "
            "could reach the claim, its verdict says \u{201c}limit forbids\u{201d}: for wall time by all threads of the "
            "machine, for CPU time by one thread."
        }
        h2 { "Exact figures" }
        p {
            "Allocations, instructions and other counts that repetition gives to the last digit are "
            "compared directly, without interval. Where a value wavers, and for resident memory and "
            "page faults, a few samples are taken and a verdict needs all of them on one side of the "
            "claim; that has no level. Zero against "
            "zero is nothing to compare and decides no claim; nothing against something is shown as ∞."
        }
        h2 { "Scaling" }
        p {
            "Linear and constant are ranges for an exponent, which the claim gives: time ∝ items to that power. A "
            "block has a fresh process for each level, in turn round by round, and gives one exponent by least "
            "squares of logarithms of medians; the interval is Student's over the blocks. Exponents of times are judged "
            "as a family of their own, each at its share of the level of the page. Peak heap is counted, at each size, "
            "and its bounds take in the growth from the least to the most. Fewer than "
            (crate::scaling::FEWEST_LEVELS) " levels identify nothing. Where cores or requests in flight are varied, "
            "the universal scalability law is fitted to each block: contention and coherency, never below zero."
        }
        h2 { "Verdicts" }
        dl {
            dt { "✔ confirmed" } dd { "the ratio reaches the claim; for times, shown at the level of the family" }
            dt { "✘ refuted" } dd { "the ratio stays below the claim; for times, shown at the level of the family" }
            dt { "? inconclusive" } dd { "neither is shown; the page says how many further blocks would decide, should the spread stay" }
            dt { "– not measured" } dd { "a failure, a missing instrument, or something this version does not do" }
        }
        p { "An engine that crashed, hung or gave a wrong answer has no time at all, however fast it was." }
        h2 { "What a ratio is a ratio of" }
        p {
            "The baselines are plain Rust on the standard library: strings are split and parsed with its "
            "functions, sums are added in order, and the compiler uses the base instruction set. The "
            "pipelines that engines run parse bytes with helpers of their own, and engines choose vector "
            "instructions (AVX2, AVX-512) at run time and sum in 32 lanes. A ratio is that of all this "
            "together, as a user would find it; it does not say how much the engine alone contributes. "
            "Where all engines have nearly the same ratio, it is what they share."
        }
        p {
            "Heap figures are taken at size quick at most, instructions and cache misses at size tiny, under "
            "a simulated processor with 32 KiB of first-level and 8 MiB of last-level cache, whatever this "
            "machine has. Nothing so small misses the last level."
        }
        h2 { "What an interval means" }
        p {
            "Were the whole run repeated many times, about " (level) " of such intervals would contain "
            "the true ratio on this machine. It says nothing about another machine or another input."
        }
        h2 { "How to check this report" }
        p {
            "Every verdict, every statistic and every page follows from " code { "records.jsonl" } ", which "
            "lies beside the pages with each raw sample, and from the claims. In a checkout of the commit that the "
            a href="machine.html" { "machine's page" } " names, this makes all of them again and compares them "
            "with what is published, to the last bit:"
        }
        pre tabindex="0" { code { "cargo run -p harness -- report --check --out DIR" } }
        p {
            "A block during which something else kept the machine busy counts as any other; "
            a href="machine.html#disturbed" { "how many there were" } " is told, and each cell's page marks them."
        }
        h2 { "Sources" }
        ul {
            li { "F. Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1 (1945)" }
            li { "J. L. Hodges, E. L. Lehmann, Estimates of location based on rank tests, Annals of Mathematical Statistics 34 (1963)" }
            li { "S. J. Pocock, Group sequential methods in the design and analysis of clinical trials, Biometrika 64 (1977)" }
            li { "S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979)" }
            li { "J. P. Shaffer, Modified sequentially rejective multiple test procedures, Journal of the American Statistical Association 81 (1986)" }
            li { "S. Williams, A. Waterman, D. Patterson, Roofline: an insightful visual performance model, Communications of the ACM 52 (2009)" }
            li { "N. J. Gunther, Guerrilla Capacity Planning, Springer (2007)" }
            li { "G. E. Noether, Wilcoxon confidence intervals for location parameters in the discrete case, Journal of the American Statistical Association 62 (1967)" }
        }
    };
    shell::page(
        &Page {
            title: "Method",
            root: "",
            here: "method.html",
        },
        &content,
    )
}
