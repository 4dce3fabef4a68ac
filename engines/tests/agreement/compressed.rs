//! Compressed texts: every engine sees what was compressed, from every kind of source, or names what
//! is wrong with it.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use engines::{Engine, Error, Pipeline, Records, batches, collect};

use crate::every;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 3).unwrap()
}

/// Yields a few hundred bytes at a time, so that members end between reads and within.
struct Dribs<'t>(&'t [u8]);

impl Read for Dribs<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = out.len().min(333);
        self.0.read(&mut out[..n])
    }
}

struct Packed {
    bytes: Vec<u8>,
    file: PathBuf,
    lines: Vec<Vec<u8>>,
}

fn agrees<E: Engine>(engine: &E, packed: &Packed) {
    let sources = || {
        [
            Records::text(&packed.bytes),
            Records::file(&packed.file),
            Records::reader(Dribs(&packed.bytes)),
        ]
    };
    let copy = Pipeline::records().map(<[u8]>::to_vec);
    for source in sources() {
        let found = engine.run(source.decompressed(), &copy, collect()).unwrap();
        assert!(found == packed.lines, "{}", engine.name());
    }
    for source in sources() {
        let mut found = Vec::new();
        let sink = batches(|batch: &[Vec<u8>]| found.extend_from_slice(batch));
        engine.run(source.decompressed(), &copy, sink).unwrap();
        assert!(found == packed.lines, "{}", engine.name());
    }
}

/// Members that end in the middle of a record, an empty one among them, and records longer than any
/// chunk.
#[test]
fn all_members_are_read_to_their_end() {
    let folder = tempfile::tempdir().unwrap();
    let long = vec![b'x'; 3 << 20];
    let many: String = (0..40_000).map(|i| format!("{};{i}\r\n", i % 77)).collect();
    let parts: [&[u8]; 5] = [many.as_bytes(), b"", b"one\ntw", &long, b"o\nlast"];
    let text = parts.concat();
    let lines = text.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec());
    let lines: Vec<_> = lines.collect();
    for (name, pack) in [("gz", gzip as fn(&[u8]) -> Vec<u8>), ("zst", zstd)] {
        let bytes = parts.map(pack).concat();
        let file = folder.path().join(name);
        std::fs::write(&file, &bytes).unwrap();
        let lines = lines.clone();
        every!(agrees, &Packed { bytes, file, lines }, Packed);
    }
}

fn refuses<E: Engine>(engine: &E, (file, kind, message): &(PathBuf, io::ErrorKind, &str)) {
    let lengths = Pipeline::records().map(|line| line.len());
    let source = Records::file(file).decompressed();
    match engine.run(source, &lengths, collect()) {
        Err(Error::File { path, source }) => {
            assert_eq!(&path, file, "{}", engine.name());
            assert_eq!(source.kind(), *kind, "{}: {source}", engine.name());
            assert!(source.to_string().contains(message), "{source}");
        }
        other => panic!("{}, {message}: {other:?}", engine.name()),
    }
    if let Ok(bytes) = std::fs::read(file) {
        let source = Records::reader(&bytes[..]).decompressed();
        let error = engine.run(source, &lengths, collect()).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
    }
}

#[test]
fn what_is_no_whole_compressed_text_is_an_error_that_names_the_file() {
    use io::ErrorKind::{InvalidData, InvalidInput, NotFound, UnexpectedEof};
    let folder = tempfile::tempdir().unwrap();
    let text = "some text and more of it\n".repeat(100_000);
    let (gz, zst) = (gzip(text.as_bytes()), zstd(text.as_bytes()));
    let mut damaged = gz.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 4].copy_from_slice(b"oops");
    let cases = [
        (
            "short.gz",
            gz[..gz.len() - 1].to_vec(),
            UnexpectedEof,
            "too early",
        ),
        (
            "short.zst",
            zst[..zst.len() - 1].to_vec(),
            UnexpectedEof,
            "too early",
        ),
        ("empty", vec![], UnexpectedEof, "too early"),
        ("damaged.gz", damaged, InvalidInput, "corrupt"),
        (
            "plain",
            text.into_bytes(),
            InvalidData,
            "neither with gzip nor with zstd",
        ),
        (
            "behind.gz",
            [&gz[..], b"more than a header"].concat(),
            InvalidInput,
            "invalid gzip header",
        ),
    ];
    for (name, bytes, kind, message) in cases {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let input = (file, kind, message);
        every!(refuses, &input, (PathBuf, io::ErrorKind, &'static str));
    }
    let missing = (folder.path().join("missing"), NotFound, "");
    every!(refuses, &missing, (PathBuf, io::ErrorKind, &'static str));
}

fn as_it_is<E: Engine>(engine: &E, file: &PathBuf) {
    let copy = Pipeline::records().map(<[u8]>::to_vec);
    let found = engine.run(Records::file(file), &copy, collect()).unwrap();
    assert_eq!(found.join(&b'\n'), std::fs::read(file).unwrap());
}

#[test]
fn a_compressed_file_is_bytes_unless_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bytes.gz");
    let mut bytes = gzip(b"text\n");
    bytes.retain(|byte| !b"\r\n".contains(byte));
    std::fs::write(&file, bytes).unwrap();
    every!(as_it_is, &file, PathBuf);
}
