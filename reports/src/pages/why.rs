//! The functions in which a contender spends another share of its CPU time than a baseline.

use maud::{Markup, html};

use super::shell;
use crate::verdict::CellJudged;

/// A table for each baseline whose profile can be compared.
pub(crate) fn functions(cell: &CellJudged) -> Markup {
    let shifted = cell.against.iter().filter_map(|against| {
        let why = against.because.as_ref()?;
        (!why.functions.is_empty()).then_some((&against.baseline, &why.functions))
    });
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    html! {
        @for (baseline, functions) in shifted {
            (shell::scroll(&format!("Functions against {baseline}"), &html! {
                table {
                    thead {
                        tr {
                            th scope="col" { "Functions whose share of the CPU changed most" }
                            th .n scope="col" { (baseline) }
                            th .n scope="col" { (cell.contender) }
                        }
                    }
                    tbody {
                        @for function in functions {
                            tr {
                                th scope="row" { code { (function.name.replace(char::is_control, " ")) } }
                                td .n { (percent(function.baseline)) }
                                td .n { (percent(function.contender)) }
                            }
                        }
                    }
                }
            }))
        }
    }
}
