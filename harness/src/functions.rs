//! Functions as a profile names them, made fit for a reader: instances of one generic function count
//! together, and a name says where the function is, not with which types.

#![cfg(unix)]

use std::collections::HashMap;
use std::path::PathBuf;

use reports::record::Function;

/// How many functions a record keeps.
const KEPT: usize = 20;
/// The most characters of a name.
const LONGEST: usize = 80;

/// A function in which a sample lies, as the profiler has it.
pub(crate) struct Place {
    /// Its demangled name: with the path of its module, or by itself where it has been inlined.
    pub(crate) name: String,
    /// Its file; empty where that is not known.
    pub(crate) file: PathBuf,
}

/// The function that a sampled frame belongs to, of those inlined into each other, innermost first: the
/// first that has a name and is not of the standard library, since readers know what they wrote and not what
/// `next` is inlined from.
pub(crate) fn innermost(places: &[Place]) -> Option<String> {
    let written = |place: &&Place| {
        let mut parts = place.file.iter();
        let standard = parts.any(|part| part == "rustc" || part == "rustlib");
        !standard && !place.name.starts_with('{')
    };
    let place = places.iter().find(written).or(places.last())?;
    let name = shorten(&place.name);
    let rust = place.file.extension().is_some_and(|ending| ending == "rs");
    if name.contains("::") || !rust {
        return Some(name);
    }
    // The last two parts of its path: many a file is called `mod.rs`.
    let mut parts: Vec<_> = place.file.iter().rev().take(2).collect();
    parts.reverse();
    let file: PathBuf = parts.into_iter().collect();
    Some(format!("{name} ({})", file.display()))
}

/// The functions found most often, with the samples of each.
pub(crate) fn ranked(found: impl Iterator<Item = (String, u64)>) -> Vec<Function> {
    let mut sums: HashMap<String, u64> = HashMap::new();
    for (name, samples) in found {
        *sums.entry(name).or_default() += samples;
    }
    let all = sums.into_iter();
    let mut all: Vec<_> = all
        .map(|(name, samples)| Function { name, samples })
        .collect();
    all.sort_by(|a, b| b.samples.cmp(&a.samples).then(a.name.cmp(&b.name)));
    all.truncate(KEPT);
    all
}

/// A demangled name without types and digests: `<a::B<T> as c::D>::e::h0123456789abcdef` is `a::B::e`.
fn shorten(name: &str) -> String {
    let mut text = name;
    if let Some((rest, digest)) = text.rsplit_once("::h")
        && digest.len() == 16
        && digest.bytes().all(|b| b.is_ascii_hexdigit())
    {
        text = rest;
    }
    let mut out = String::new();
    push_path(text, &mut out);
    let out = out
        .replace("::{{closure}}", "")
        .replace("::{closure#0}", "");
    let length = out.chars().count();
    if length <= LONGEST {
        return out;
    }
    // The end of a path says more than its start.
    let kept: String = out.chars().skip(length + 1 - LONGEST).collect();
    format!("…{kept}")
}

/// Appends a path; of `<T as Trait>` at its start the type is kept, all other angle brackets go.
fn push_path(text: &str, out: &mut String) {
    let rest = match text.strip_prefix('<') {
        Some(inner) => {
            let end = closing(inner).unwrap_or(inner.len());
            let (inside, rest) = inner.split_at(end);
            let of = top_level_as(inside).map_or(inside, |at| &inside[..at]);
            push_path(of.trim_start_matches(['&', '*']), out);
            rest.strip_prefix('>').unwrap_or(rest)
        }
        None => text,
    };
    let mut depth = 0usize;
    let mut before = ' ';
    for c in rest.chars() {
        match c {
            '<' => {
                depth += 1;
                // `::<T>` loses its colons as well.
                if depth == 1 && out.ends_with("::") {
                    out.truncate(out.len() - 2);
                }
            }
            // The arrow of a closure's type closes nothing.
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(c),
            _ => {}
        }
        before = c;
    }
}

/// Where the bracket that was opened before `text` closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if before == '-' => {}
            '>' if depth == 0 => return Some(at),
            '>' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    None
}

/// Where ` as Trait` begins outside of any bracket.
fn top_level_as(text: &str) -> Option<usize> {
    text.match_indices(" as ").map(|(at, _)| at).find(|at| {
        let opened = text[..*at].matches('<').count();
        opened == text[..*at].replace("->", "").matches('>').count()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_types_and_digests() {
        for (long, short) in [
            (
                "engines::blocks::run::h0123456789abcdef",
                "engines::blocks::run",
            ),
            (
                "engines::blocks::run::<alloc::vec::Vec<u8>, 3>",
                "engines::blocks::run",
            ),
            ("<a::B<T> as c::D<E>>::e", "a::B::e"),
            ("<a::B as c::D>::e::<u8>", "a::B::e"),
            ("<&mut I as core::iter::Iterator>::next", "mut I::next"),
            ("<F as Fn<fn(u8) -> u8>>::call::{{closure}}", "F::call"),
            (
                "__memmove_avx_unaligned_erms",
                "__memmove_avx_unaligned_erms",
            ),
            ("", ""),
            ("<<<", ""),
            (">>a", "a"),
        ] {
            assert_eq!(shorten(long), short);
        }
        let long = "m::".repeat(100) + "end";
        assert!(shorten(&long).ends_with("::end") && shorten(&long).chars().count() == LONGEST);
    }

    #[test]
    fn the_innermost_function_that_somebody_here_wrote_counts() {
        let place = |(name, file): (&str, &str)| Place {
            name: name.to_owned(),
            file: PathBuf::from(file),
        };
        let of = |places: &[(&str, &str)]| {
            innermost(&places.iter().copied().map(place).collect::<Vec<_>>())
        };
        let (next, closure) = (
            ("next", "/rustc/59/library/core/a.rs"),
            ("{closure#0}", "/x/y.rs"),
        );
        let (fields, run) = (
            ("fields", "/x/bytes.rs"),
            ("w::run::h0123456789abcdef", "/x/w.rs"),
        );
        assert_eq!(
            of(&[next, closure, fields, run]).as_deref(),
            Some("fields (x/bytes.rs)")
        );
        assert_eq!(of(&[next, closure, run]).as_deref(), Some("w::run"));
        assert_eq!(
            of(&[("memmove", "/libc/memmove.S")]).as_deref(),
            Some("memmove")
        );
        assert_eq!(of(&[next]).as_deref(), Some("next (core/a.rs)"));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn instances_count_together_and_the_most_frequent_come_first() {
        let found = [("a", 1), ("b", 5), ("a", 7)].map(|(name, n)| (name.to_owned(), n));
        let ranked = ranked(found.into_iter());
        let pairs: Vec<_> = ranked
            .iter()
            .map(|f| (f.name.as_str(), f.samples))
            .collect();
        assert_eq!(pairs, [("a", 8), ("b", 5)]);
    }
}
