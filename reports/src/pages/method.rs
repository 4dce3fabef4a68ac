//! How a number becomes a verdict in this version, and what an interval means and does not mean.

use maud::html;

use super::shell::{self, Page};
use crate::stats;
use crate::units;
use crate::verdict::Judged;

pub(crate) fn page(judged: &Judged) -> String {
    let level = shell::level(judged.rules.level);
    let fewest = stats::fewest(judged.rules.level);
    let tests = units::count(judged.verdicts.len(), "test");
    let wrong = judged.verdicts.len() as f64 * (1.0 - judged.rules.level);
    let content = html! {
        h1 { "How a number becomes a verdict" }
        h2 { "Times" }
        p {
            "A block starts a fresh process for every contender of a workload and measures them in turn, "
            "round by round, on one input that all share and that the round before did not have: data in "
            "memory never recur, files of records and folders of files come in four variants. Leading "
            "rounds are warm-up and count for nothing; where one round takes long, a block has fewer. The block's value is the median over its rounds of "
            "ln(baseline time / engine time). Rounds of one process resemble each other, so the block "
            "is what is counted: n blocks are n independent values, however many rounds they have."
        }
        p {
            "From these values come the Hodges–Lehmann estimate (the median of all averages of two) and "
            "the interval that inverts the exact Wilcoxon signed-rank test. It assumes that blocks are "
            "independent and spread symmetrically about the true value; it assumes no normal "
            "distribution. At " (level) " it needs "
            @match fewest {
                Some(n) => { (units::count(n, "block")) },
                None => "more blocks than this version counts",
            }
            "; with fewer there is no interval and no verdict."
        }
        p {
            "Which clock decides is written in the claim before anything is measured: CPU time where one "
            "thread only computes, wall time everywhere else. A quick run never settles a time. A block "
            "in which the service was late is left out for every contender, and the page says how many."
        }
        h2 { "Exact figures" }
        p {
            "Allocations, instructions and other counts that repetition gives to the last digit are "
            "compared directly, without interval. Where a value wavers, and for resident memory and "
            "page faults, a few samples are taken and a verdict needs all of them on one side of the "
            "claim; that has no level. Zero against "
            "zero is nothing to compare and decides no claim; nothing against something is shown as ∞."
        }
        h2 { "Verdicts" }
        dl {
            dt { "✔ confirmed" } dd { "the lower bound of the interval reaches the claim" }
            dt { "✘ refuted" } dd { "the upper bound stays below the claim" }
            dt { "? inconclusive" } dd { "the claim lies inside the interval, or there are too few blocks for one" }
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
        p {
            strong { "Each interval stands for itself." }
            " The level is that of one comparison and is not adjusted for the number of claims: among "
            (tests) ", on average up to about " (units::digits(wrong)) " are wrong by chance alone, and one "
            "measurement may decide several tests at once. The number of blocks is fixed before the run, or "
            "cut short by a budget of time; nobody looks and stops when the answer pleases."
        }
        p {
            "Not done in this version: a baseline against itself as a control, an adjustment for many "
            "claims, stopping early."
        }
        h2 { "Sources" }
        ul {
            li { "F. Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1 (1945)" }
            li { "J. L. Hodges, E. L. Lehmann, Estimates of location based on rank tests, Annals of Mathematical Statistics 34 (1963)" }
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
