//! For tests: rules for records applied character by character, arbitrary texts to apply them to, and
//! a comparison of everyone's answer with the right one.

use std::collections::HashMap;

use engines::Engine;
use proptest::prelude::*;

use crate::answer::Summary;
use crate::{Answer, Error, Workload};

/// Aggregates the lines that are UTF-8 and that `parse` takes.
pub(crate) fn table(
    text: &[u8],
    parse: impl Fn(&str) -> Option<(String, i64)>,
) -> HashMap<String, Summary> {
    let mut table = HashMap::new();
    for line in text.split(|b| *b == b'\n') {
        let line = String::from_utf8(line.to_vec());
        if let Some((key, value)) = line.ok().and_then(|line| parse(&line)) {
            table
                .entry(key)
                .and_modify(|summary: &mut Summary| summary.add(value))
                .or_insert(Summary::one(value));
        }
    }
    table
}

/// Without ASCII white space at either end.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n', '\x0c'])
}

/// A number by its grammar: minus sign or none, 1 to 9 digits, point, `decimals` digits.
pub(crate) fn decimal(text: &str, decimals: usize) -> Option<i64> {
    let mut value = 0;
    let mut digits = [0, 0];
    let mut part = 0;
    for (at, c) in text.chars().enumerate() {
        match c {
            '-' if at == 0 => {}
            '.' if part == 0 => part = 1,
            '0'..='9' if digits[0] <= 9 => {
                value = value * 10 + i64::from(c as u8 - b'0');
                digits[part] += 1;
            }
            _ => return None,
        }
    }
    let well_formed = (1..=9).contains(&digits[0]) && digits[1] == decimals;
    well_formed.then_some(if text.starts_with('-') { -value } else { value })
}

/// Texts of records, most of them malformed: fields from `fields` or arbitrary bytes, joined by
/// separators, spaces and line ends of all kinds.
pub(crate) fn records(fields: Vec<&'static str>, separator: u8) -> impl Strategy<Value = Vec<u8>> {
    let any = proptest::collection::vec(any::<u8>(), 0..4);
    let field = prop_oneof![
        8 => proptest::sample::select(fields).prop_map(|field| field.as_bytes().to_vec()),
        1 => any,
        1 => "[-0-9.]{0,12}".prop_map(String::into_bytes),
    ];
    let join = prop_oneof![
        10 => Just(vec![separator]),
        4 => Just(b"\n".to_vec()),
        2 => Just(b"\r\n".to_vec()),
        1 => proptest::sample::select(vec![" ", "\t", "\r", "\n\n", "\u{a0}", "\x0b", "\x0c"])
            .prop_map(|space| space.as_bytes().to_vec()),
        1 => Just(Vec::new()),
    ];
    proptest::collection::vec((field, join), 0..40).prop_map(|parts| {
        let joined = parts.into_iter().flat_map(|(field, join)| [field, join]);
        joined.flatten().collect()
    })
}

/// Compares the baselines and every engine with the reference.
pub(crate) fn check<W: Workload>(workload: &W, input: impl FnMut() -> W::Input) {
    struct Check<'w, W: Workload, F> {
        workload: &'w W,
        input: F,
        reference: Answer,
    }

    impl<W: Workload, F: FnMut() -> W::Input> Check<'_, W, F> {
        fn compare(&self, who: &str, answer: Result<Answer, Error>) {
            let answer = answer.unwrap_or_else(|error| panic!("{} by {who}: {error}", W::NAME));
            if let Some(mismatch) = answer.differs(&self.reference) {
                panic!("{} by {who}: {mismatch}", W::NAME);
            }
        }
    }

    impl<W: Workload, F: FnMut() -> W::Input> engines::Visitor for Check<'_, W, F> {
        fn visit<E: Engine + Default>(&mut self, engine: E) {
            let answer = self.workload.run(&engine, &mut (self.input)());
            self.compare(engine.name(), answer);
        }
    }

    let mut check = Check {
        workload,
        reference: Answer::Number(f64::NAN),
        input,
    };
    check.reference = workload.reference(&(check.input)());
    let answer = workload.eager(&mut (check.input)());
    check.compare("eager", answer);
    let answer = workload.idiomatic(&mut (check.input)());
    check.compare("idiomatic", answer);
    engines::each(&mut check);
}
