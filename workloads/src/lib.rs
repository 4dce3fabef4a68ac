//! Work to measure engines by. A workload makes its input from a seed, defines one pipeline that any
//! engine can run, carries two baselines and knows the right answer. It names no engine.

mod answer;
mod baseline;
mod generate;
mod needs;

pub mod io_bound;
pub mod large_file;
pub mod many_small_items;
pub mod numeric;
pub mod service;

#[cfg(test)]
mod oracle;

pub use answer::{Answer, Mismatch, Summary};
pub use needs::{Need, Needs};

use std::net::SocketAddr;
use std::path::PathBuf;

use engines::{Engine, Groups, Keyed, Sink};

/// How much input a workload makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// For instruments that slow a program down 50-fold, and for tests: at most some 10,000 items.
    Tiny,
    /// For a first look: a call takes about a millisecond.
    Quick,
    /// For verdicts: a call takes some 5 to 100 milliseconds.
    Default,
    /// For a machine that has time: larger than every cache, up to a gigabyte.
    Large,
}

/// Where and how large.
#[derive(Clone, Debug)]
pub struct Setting {
    /// How much input.
    pub size: Size,
    /// Items in place of those of the size, to see how work grows with them; the rest stays as it is.
    pub items: Option<u64>,
    /// Folder for input files, which are made at first use and found by later ones; they may be
    /// shared by several processes at once.
    pub folder: PathBuf,
    /// The service for workloads that need one ([`Workload::SERVICE`]).
    pub service: Option<SocketAddr>,
}

impl Setting {
    /// Items that one run processes, where it has `usual` at this size.
    pub fn items(&self, usual: u64) -> u64 {
        self.items.map_or(usual, |items| items.max(1))
    }

    /// Bytes of input that one run processes, where `items` items of this size take `bytes`.
    pub fn bytes(&self, items: u64, bytes: u64) -> u64 {
        let share = self.items(items) as f64 / items.max(1) as f64;
        (bytes as f64 * share).round() as u64
    }
}

/// Why an input could not be made or a run failed.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// One case: input, pipeline, baselines and reference answer.
pub trait Workload: Default + Sync + 'static {
    /// `family/case`, in lower case with hyphens.
    const NAME: &'static str;
    /// One sentence for a reader who wants to know what is done, without a full stop.
    const ABOUT: &'static str;
    /// Whether a run needs [`Setting::service`].
    const SERVICE: bool = false;

    /// What [`Self::run`] works on, and buffers that are reused from run to run.
    type Input;

    /// Items that one run processes.
    fn items(&self, size: Size) -> u64;

    /// Bytes of input that one run processes.
    fn bytes(&self, size: Size) -> u64;

    /// What one run takes at the least, whoever does it. It is a lower bound: what some clever contender
    /// could do without does not belong here. By default nothing is known.
    fn needs(&self, size: Size) -> Needs {
        let _ = size;
        Needs::default()
    }

    /// Makes or loads the input for a seed: the same for the same setting and seed, in every process.
    ///
    /// # Errors
    /// If a file cannot be written or read, or the service is missing.
    fn prepare(&self, setting: &Setting, seed: u64) -> Result<Self::Input, Error>;

    /// The right answer, found without any engine or baseline.
    fn reference(&self, input: &Self::Input) -> Answer;

    /// Does the work on an engine.
    ///
    /// # Errors
    /// If the engine fails.
    fn run<E: Engine>(&self, engine: &E, input: &mut Self::Input) -> Result<Answer, Error>;

    /// Does the work as someone would who keeps every intermediate result: each stage is a complete
    /// pass into a new collection.
    ///
    /// # Errors
    /// If the input cannot be read.
    fn eager(&self, input: &mut Self::Input) -> Result<Answer, Error>;

    /// Does the work as a good Rust programmer writes it first, with the standard library and what
    /// everybody uses.
    ///
    /// # Errors
    /// If the input cannot be read.
    fn idiomatic(&self, input: &mut Self::Input) -> Result<Answer, Error>;

    /// Takes the buffers of an answer that has been checked back into the next input.
    fn reuse(&self, answer: Answer, next: &mut Self::Input) {
        let _ = (answer, next);
    }
}

/// Something to be done with every workload. Workloads have types of their own, so that a slice
/// cannot hold them.
pub trait Visitor {
    /// Called for each workload in turn.
    fn visit<W: Workload>(&mut self, workload: W);
}

/// Calls `visitor` with every workload.
pub fn each(visitor: &mut impl Visitor) {
    visitor.visit(numeric::Map);
    visitor.visit(numeric::Sum);
    visitor.visit(numeric::Window);
    visitor.visit(io_bound::Requests::default());
    visitor.visit(io_bound::Files);
    visitor.visit(large_file::Aggregate);
    visitor.visit(many_small_items::FewKeys::default());
    visitor.visit(many_small_items::ManyKeys::default());
}

/// Where the pipelines over records end: statistics by key.
fn summaries() -> impl Sink<Keyed<i64>, Output = Groups<Summary>> {
    engines::group(Summary::default, Summary::add, Summary::merge)
}

/// Whether `text` is UTF-8, decided quickly where it is ASCII.
fn is_utf8(text: &[u8]) -> bool {
    text.is_ascii() || str::from_utf8(text).is_ok()
}

/// Drops the keys that are not UTF-8. A pipeline that groups by bytes leaves the check to this, because
/// a key need be checked once only, not each time that it comes.
fn with_text_keys(groups: Groups<Summary>) -> Groups<Summary> {
    if groups.iter().all(|(key, _)| is_utf8(key)) {
        return groups;
    }
    let mut checked = Groups::new();
    for (key, summary) in groups.iter().filter(|(key, _)| is_utf8(key)) {
        *checked.entry(key, Summary::default) = *summary;
    }
    checked
}
