//! What one run of a workload takes at the least, whoever does it: the side of the roofline that the work
//! decides. How fast a machine does each of these things is measured elsewhere.

/// A thing that a run takes some of. A run may do them all at the same time, so that none is to be counted
/// within another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// Bytes read from memory.
    Read,
    /// Bytes written to memory.
    Written,
    /// Bytes read from one place in memory and as many written to another.
    Copied,
    /// Square roots of `f64`, rounded correctly.
    SquareRoots,
    /// Multiplications of `f64`, each with an addition.
    MultiplyAdds,
    /// Bytes of files that lie in the page cache.
    FileRead,
    /// Small files opened, read and closed.
    Files,
    /// Requests sent and their responses received.
    Messages,
    /// Latencies of the service that are waited for one after another.
    Waits,
}

impl Need {
    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Need::Read => "read",
            Need::Written => "written",
            Need::Copied => "copied",
            Need::SquareRoots => "square-roots",
            Need::MultiplyAdds => "multiply-adds",
            Need::FileRead => "file-read",
            Need::Files => "files",
            Need::Messages => "messages",
            Need::Waits => "waits",
        }
    }
}

/// What a run takes at the least.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Bytes that it goes over, inputs and results: they tell which cache can hold them.
    pub working_set: u64,
    /// How much of each thing; what is not listed is not known to be needed.
    pub amounts: Vec<(Need, u64)>,
}
