//! What an engine would do, in plain English: [`Engine::explain`](crate::Engine::explain).

use std::fmt::{self, Display};

use crate::blocks::{gathers, item_bytes};
use crate::dispatch::instruction_set;
use crate::item::Item;
use crate::source::{Indexed, RecordInput, Records};
use crate::stage::Stage;

/// A kind of source, and how much there is where that is known before the run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// Items by position.
    Items {
        /// How many.
        count: usize,
        /// Whether neighbours share memory.
        overlap: bool,
    },
    /// Items of an iterator: at least so many, and at most, if it knows.
    Iterator(usize, Option<usize>),
    /// A text in memory, of so many bytes.
    Text(usize),
    /// A file of so many bytes, if that could be found out.
    File(Option<u64>),
    /// Anything that can be read.
    Reader,
    /// So many requests.
    Requests(usize),
    /// So many files.
    Files(usize),
}

impl Input {
    pub(crate) fn items<X: Indexed>(source: &X) -> Self {
        Input::Items {
            count: source.len(),
            overlap: X::OVERLAPS,
        }
    }

    pub(crate) fn iterator(items: &impl Iterator) -> Self {
        let (least, most) = items.size_hint();
        Input::Iterator(least, most)
    }

    pub(crate) fn records(records: &Records<'_>) -> Self {
        match &records.0 {
            RecordInput::Text(text) => Input::Text(text.len()),
            RecordInput::File(path) => match path.metadata() {
                Ok(file) if !file.is_file() => Input::Reader,
                file => Input::File(file.ok().map(|file| file.len())),
            },
            RecordInput::Reader(..) => Input::Reader,
        }
    }
}

/// What is to be done, as far as an engine's settings depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Work {
    /// Where items come from.
    pub input: Input,
    /// Bytes of an item as it lies in memory.
    pub item_bytes: usize,
    /// Bytes of a result.
    pub result_bytes: usize,
    /// Whether every item yields exactly one result.
    pub one_to_one: bool,
    /// Whether a batch of owned items runs as a block, which vectorises.
    pub blocks: bool,
}

impl Work {
    pub(crate) fn of<In: Item, S: Stage<In>>(input: Input) -> Self {
        Work {
            input,
            item_bytes: item_bytes::<In>(),
            result_bytes: item_bytes::<S::Out>(),
            one_to_one: S::ONE_TO_ONE,
            blocks: gathers::<In::Of<'static>, In, S>(),
        }
    }

    /// A batch of so many items, in words.
    pub(crate) fn batch(&self, items: usize) -> String {
        let (taken, made) = (items * self.item_bytes, items * self.result_bytes);
        let items = Count(items, "item");
        match self.one_to_one {
            true => format!("{items}, of {} in and {} out", Bytes(taken), Bytes(made)),
            false => format!("{items}, of {} in", Bytes(taken)),
        }
    }
}

/// What an engine's settings come to for some work: an answer to each question, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether batches run as blocks, if every item yields one result.
    pub blocks: bool,
    /// How many threads work, and who reads.
    pub threads: String,
    /// What is run at once, in items or bytes.
    pub batches: String,
    /// What is read or asked for before it can be worked on.
    pub read_ahead: String,
    /// How results get into the order of the input.
    pub order: String,
    /// What a run may hold.
    pub memory: String,
}

/// Puts it all together.
pub(crate) fn text(engine: &str, work: &Work, stages: &[String], settings: Settings) -> String {
    let stages = match stages {
        [] => "none: results are the items".to_owned(),
        stages => stages.join(", "),
    };
    let widest = !matches!(work.input, Input::Items { overlap: true, .. });
    let vectors = match (settings.blocks, work.one_to_one) {
        (true, true) => format!(
            "every item yields one result, so that blocks vectorise ({})",
            instruction_set(widest)
        ),
        (false, true) => "no: items run one by one".to_owned(),
        (_, false) => {
            "no: an item can yield any number of results, so that items run one by one".to_owned()
        }
    };
    let Settings {
        blocks: _,
        threads,
        batches,
        read_ahead,
        order,
        memory,
    } = settings;
    format!(
        "{engine}, over {}\nstages: {stages}\nvectors: {vectors}\nthreads: {threads}\nbatches: {batches}\n\
         read-ahead: {read_ahead}\norder: {order}\nmemory: {memory}\n",
        Over(work)
    )
}

/// The source of some work.
struct Over<'w>(&'w Work);

impl Display for Over<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = Bytes(self.0.item_bytes);
        match &self.0.input {
            Input::Items { count, overlap } => {
                let shared = if *overlap { ", which overlap" } else { "" };
                write!(f, "{} of {each} by position{shared}", Count(*count, "item"))
            }
            Input::Iterator(least, Some(most)) if least == most => {
                write!(f, "an iterator of {} of {each}", Count(*least, "item"))
            }
            Input::Iterator(..) => {
                write!(f, "an iterator of items of {each}, nobody knows how many")
            }
            Input::Text(length) => write!(f, "the records of a text of {}", Bytes(*length)),
            Input::File(Some(length)) => {
                let length = usize::try_from(*length).unwrap_or(usize::MAX);
                write!(f, "the records of a file of {}", Bytes(length))
            }
            Input::File(None) => f.write_str("the records of a file that cannot be looked at"),
            Input::Reader => f.write_str("the records of a reader"),
            Input::Requests(count) => write!(f, "the responses to {}", Count(*count, "request")),
            Input::Files(count) => write!(f, "the contents of {}", Count(*count, "file")),
        }
    }
}

/// A number with commas, and what is counted, in the singular.
pub(crate) struct Count(pub(crate) usize, pub(crate) &'static str);

impl Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, " {}{plural}", self.1)
    }
}

/// A number of bytes, in the largest unit of which it is a multiple.
pub(crate) struct Bytes(pub(crate) usize);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n > 0 && n.is_multiple_of(1 << 30) => write!(f, "{} GiB", n >> 30),
            n if n > 0 && n.is_multiple_of(1 << 20) => write!(f, "{} MiB", n >> 20),
            n if n > 0 && n.is_multiple_of(1 << 10) => write!(f, "{} KiB", n >> 10),
            n => Count(n, "byte").fmt(f),
        }
    }
}

/// A limit on bytes, where there is none at `usize::MAX`.
pub(crate) fn limit(bytes: usize, what: &str) -> String {
    match bytes {
        usize::MAX => "no limit".to_owned(),
        bytes => format!("at most {} {what}", Bytes(bytes)),
    }
}

/// What one thread that does everything says.
pub(crate) const CALLER: &str = "1, the caller's";
pub(crate) const NOTHING_AHEAD: &str = "none";
pub(crate) const BY_ITSELF: &str = "that of the input, as one thread takes it";

/// How several workers get results into order.
pub(crate) fn parts(most: usize) -> String {
    format!(
        "that of the input where the sink asks for it, with up to {} under way, else none",
        Count(most, "part")
    )
}

/// Responses that come in any order.
pub(crate) fn window(requests: usize) -> String {
    format!(
        "up to {} under way on a connection",
        Count(requests, "request")
    )
}

pub(crate) const RESPONSES: &str =
    "one response at a time, and a flush for each read from the connection";
pub(crate) const KEPT_BACK: &str =
    "responses that come early are kept until their turn where the sink asks for it";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(Count(1, "item").to_string(), "1 item");
        assert_eq!(Count(1_234_567, "item").to_string(), "1,234,567 items");
        assert_eq!(Bytes(0).to_string(), "0 bytes");
        assert_eq!(Bytes(1536).to_string(), "1,536 bytes");
        assert_eq!(Bytes(512 << 10).to_string(), "512 KiB");
        assert_eq!(limit(3 << 20, "for a run"), "at most 3 MiB for a run");
    }
}
