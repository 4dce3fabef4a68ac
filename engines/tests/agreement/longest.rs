//! Records that are longer than the engine is set to take: the same error wherever they come from, in
//! whatever pieces, and none for a record that is just as long.

#![cfg(all(
    feature = "memory-optimized",
    feature = "cache-aware",
    feature = "async",
    feature = "streaming",
    feature = "parallel"
))]

use std::io::{self, Read, Write};
use std::time::Duration;

use engines::{
    Async, CacheAware, Engine, Error, MemoryOptimized, Parallel, Pipeline, Reader, Records,
    Streaming, collect,
};
use proptest::prelude::*;

use crate::cases;
use crate::texts::lines;

/// Yields so many bytes at a time.
struct Slowly<'t>(&'t [u8], usize);

impl Read for Slowly<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = into.len().min(self.1).min(self.0.len());
        into[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

struct Text {
    bytes: Vec<u8>,
    file: tempfile::NamedTempFile,
    longest: usize,
}

impl Text {
    fn new(bytes: Vec<u8>, longest: usize) -> Self {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        Text {
            bytes,
            file,
            longest,
        }
    }

    fn check(&self, engine: &impl Engine, how: &str) {
        // A carriage return counts.
        let mut records = self.bytes.split(|byte| *byte == b'\n');
        let long = records.any(|record| record.len() > self.longest);
        let sources = [
            ("text", Records::text(&self.bytes)),
            ("file", Records::file(self.file.path())),
            ("reader", Records::reader(&self.bytes[..])),
            ("slow reader", Records::reader(Slowly(&self.bytes, 3))),
        ];
        let copy = Pipeline::records().map(<[u8]>::to_vec);
        for (source, records) in sources {
            let what = || format!("{} {how}, {source}, {}", engine.name(), self.longest);
            match engine.run(records, &copy, collect()) {
                Ok(found) => {
                    assert!(!long, "{}: no error", what());
                    assert!(found == lines(&self.bytes), "{}: another answer", what());
                }
                Err(Error::Record { longest }) => {
                    assert!(long && longest == self.longest, "{}", what());
                }
                Err(other) => panic!("{}: {other}", what()),
            }
        }
    }

    /// With chunks that are shorter and longer than the records.
    fn check_all(&self) {
        let longest = self.longest;
        self.check(&MemoryOptimized::default().longest_record(longest), "");
        self.check(
            &MemoryOptimized::default()
                .memory(1 << 20)
                .longest_record(longest),
            "with a budget",
        );
        for size in [1, 7, 64, 256 << 10] {
            let how = format!("in chunks of {size}");
            let cache_aware = CacheAware::default().longest_record(longest);
            self.check(&cache_aware.block_bytes(size), &how);
            let asynchronous = Async::default().longest_record(longest);
            self.check(&asynchronous.chunk_bytes(size), &how);
            let streaming = Streaming::default().longest_record(longest).workers(2);
            let streaming = streaming.chunk_bytes(size);
            self.check(&streaming, &how);
            self.check(&streaming.reader(Reader::Map), &(how.clone() + ", mapped"));
            let parallel = Parallel::default().longest_record(longest);
            let parallel = parallel.chunk_bytes(size).workers(3);
            self.check(&parallel.worth_waking(Duration::ZERO), &how);
        }
    }
}

#[test]
fn a_record_too_long_is_the_same_error_everywhere() {
    let record = |length| vec![b'x'; length];
    let short = b"short\n".repeat(40);
    for longest in [100, 5000] {
        for over in [0, 1, 4 * longest] {
            let long = record(longest + over);
            for text in [
                [&long[..], b"\n", &short].concat(),
                [&short, &long[..], b"\n", &short].concat(),
                [&short, &long[..]].concat(),
                [&short, &long[..], b"\n"].concat(),
                // The carriage return counts.
                [&short, &long[1..], b"\r\n", &short].concat(),
            ] {
                Text::new(text, longest).check_all();
            }
        }
    }
}

/// An endless record is given up, after as much of it as may be.
#[test]
fn a_record_without_end() {
    struct Endless(usize);
    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            assert!(self.0 < 4 << 20, "read on for no reason");
            self.0 += into.len();
            into.fill(b'x');
            Ok(into.len())
        }
    }
    fn gives_up(engine: &impl Engine) {
        let lengths = Pipeline::records().map(|line| line.len());
        let result = engine.run(Records::reader(Endless(0)), &lengths, collect());
        let long = matches!(result, Err(Error::Record { longest: 1_000_000 }));
        assert!(long, "{}: {result:?}", engine.name());
    }
    gives_up(&MemoryOptimized::default().longest_record(1_000_000));
    gives_up(&CacheAware::default().longest_record(1_000_000));
    gives_up(&Async::default().longest_record(1_000_000));
    gives_up(&Streaming::default().longest_record(1_000_000));
    gives_up(&Parallel::default().longest_record(1_000_000));
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_text(
        bytes in proptest::collection::vec(
            prop_oneof![2 => Just(b'\n'), 1 => Just(b'\r'), 20 => any::<u8>()],
            0..600,
        ),
        longest in 0usize..80,
    ) {
        Text::new(bytes, longest).check_all();
    }
}
