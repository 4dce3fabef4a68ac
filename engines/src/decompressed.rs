//! Compressed bytes as the text that they stand for, decompressed as they are read: by whichever
//! thread reads, which for the engines that read ahead is not the one that works.

use std::io::{self, BufReader, Cursor, ErrorKind, Read};

/// Compressed bytes that are read at once: most chunks of text are then filled by one read.
const BUFFER_BYTES: usize = 64 << 10;

/// The first bytes of a member of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The first bytes of a Zstandard frame, and of one that is to be skipped but for its lowest four bits.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const SKIPPED: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

type Reader<'s> = Box<dyn Read + Send + 's>;

/// Reads what another reader yields, decompressed. The format is found by the first bytes, when
/// reading begins.
pub(crate) enum Decompressed<'s> {
    /// With the first bytes, until there are enough of them.
    New(Option<Reader<'s>>, Vec<u8>),
    Decoder(Reader<'s>),
}

impl<'s> Decompressed<'s> {
    pub(crate) fn new(reader: impl Read + Send + 's) -> Self {
        Decompressed::New(Some(Box::new(reader)), Vec::with_capacity(ZSTD.len()))
    }

    /// The decoder, which is chosen when the first bytes have come.
    fn decoder(&mut self) -> io::Result<&mut Reader<'s>> {
        if let Decompressed::New(reader, begin) = self {
            let mut more = [0; ZSTD.len()];
            while let Some(reader) = reader
                && begin.len() < ZSTD.len()
            {
                let wanted = ZSTD.len() - begin.len();
                match reader.read(&mut more[..wanted])? {
                    0 => break,
                    n => begin.extend_from_slice(&more[..n]),
                }
            }
            let reader = reader.take().ok_or(ErrorKind::UnexpectedEof)?;
            *self = Decompressed::Decoder(choose(std::mem::take(begin), reader)?);
        }
        match self {
            Decompressed::Decoder(decoder) => Ok(decoder),
            Decompressed::New(..) => unreachable!("it has been replaced"),
        }
    }
}

impl Read for Decompressed<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder().and_then(|decoder| decoder.read(out));
        read.map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => io::Error::new(
                ErrorKind::UnexpectedEof,
                "the compressed data end too early: a part is missing",
            ),
            _ => error,
        })
    }
}

/// The decoder of what begins with `begin` and goes on with `rest`.
fn choose<'s>(begin: Vec<u8>, rest: Reader<'s>) -> io::Result<Reader<'s>> {
    let skipped = |b: [u8; 4]| [b[0] & 0xf0, b[1], b[2], b[3]] == SKIPPED;
    let is_zstd = begin == ZSTD || begin[..].try_into().is_ok_and(skipped);
    let is_gzip = begin.starts_with(&GZIP);
    if !is_zstd && !is_gzip {
        // What compresses nothing still has a header.
        return Err(if GZIP.starts_with(&begin) || ZSTD.starts_with(&begin) {
            ErrorKind::UnexpectedEof.into()
        } else {
            let message = "it is compressed neither with gzip nor with zstd; \
                           plain text is read without `decompressed`";
            io::Error::new(ErrorKind::InvalidData, message)
        });
    }
    let input = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(begin).chain(rest));
    if is_gzip { gzip(input) } else { zstd(input) }
}

/// All that is compressed: the first bytes, and what comes behind them.
type Input<'s> = BufReader<io::Chain<Cursor<Vec<u8>>, Reader<'s>>>;

#[cfg(feature = "gzip")]
fn gzip(input: Input<'_>) -> io::Result<Reader<'_>> {
    Ok(Box::new(flate2::bufread::MultiGzDecoder::new(input)))
}

#[cfg(not(feature = "gzip"))]
fn gzip(_: Input<'_>) -> io::Result<Reader<'_>> {
    Err(missing("gzip"))
}

#[cfg(feature = "zstd")]
fn zstd(input: Input<'_>) -> io::Result<Reader<'_>> {
    Ok(Box::new(zstd::Decoder::with_buffer(input)?))
}

#[cfg(not(feature = "zstd"))]
fn zstd(_: Input<'_>) -> io::Result<Reader<'_>> {
    Err(missing("zstd"))
}

/// Why nothing can be read without the cargo feature `format`.
#[cfg(not(all(feature = "gzip", feature = "zstd")))]
fn missing(format: &str) -> io::Error {
    let message =
        format!("it is compressed with {format}: build `engines` with its feature `{format}`");
    io::Error::new(ErrorKind::Unsupported, message)
}

#[cfg(all(test, feature = "gzip", feature = "zstd"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn gzipped(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstandard(text: &[u8]) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// A skippable frame of 5 bytes.
    const TO_SKIP: &[u8] = b"\x53\x2a\x4d\x18\x05\0\0\0note!";

    /// Yields a few bytes at a time and is interrupted in between.
    struct Dribs<'t>(&'t [u8], bool);

    impl Read for Dribs<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::Interrupted.into());
            }
            let n = out.len().min(3);
            self.0.read(&mut out[..n])
        }
    }

    fn decompress(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        Decompressed::new(Dribs(bytes, false)).read_to_end(&mut text)?;
        Ok(text)
    }

    proptest! {
        #[test]
        fn all_members_to_the_end(parts in proptest::collection::vec(proptest::collection::vec(0u8..4, 0..200), 1..4)) {
            let text = parts.concat();
            let members: Vec<u8> = parts.iter().flat_map(|part| gzipped(part)).collect();
            prop_assert_eq!(decompress(&members).unwrap(), &text[..]);
            let frames: Vec<u8> = parts.iter().flat_map(|part| [TO_SKIP, &zstandard(part)].concat()).collect();
            prop_assert_eq!(decompress(&frames).unwrap(), &text[..]);
        }
    }

    #[test]
    fn what_is_cut_off_anywhere_is_an_error() {
        let text = b"some text and some text and more\n".repeat(20);
        for compress in [gzipped, zstandard] {
            let member = compress(&text);
            let two = member.repeat(2);
            for end in (0..two.len()).filter(|end| *end != member.len()) {
                let error = decompress(&two[..end]).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{end}: {error}");
                assert!(error.to_string().contains("too early"), "{end}: {error}");
            }
        }
    }

    #[test]
    fn what_is_damaged_is_an_error_or_the_text() {
        let text: Vec<u8> = (0..3000u32)
            .flat_map(|i| i.to_string().into_bytes())
            .collect();
        for compress in [gzipped, zstandard] {
            let good = compress(&text);
            let mut refused = 0;
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 0x10;
                match decompress(&bad) {
                    // A few bits of a header, the time for instance, mean nothing to the text.
                    Ok(found) => assert_eq!(found, text, "{at}"),
                    Err(_) => refused += 1,
                }
            }
            assert!(refused > good.len() - 20, "{refused} of {}", good.len());
        }
    }

    #[test]
    fn plain_text_and_rubbish_behind_are_errors() {
        for (bytes, message) in [
            (b"plain text\n".to_vec(), "neither with gzip nor with zstd"),
            (b"\n".to_vec(), "neither with gzip nor with zstd"),
            (
                [gzipped(b"text"), b"rubbish, and more".to_vec()].concat(),
                "invalid gzip header",
            ),
            (
                [zstandard(b"text"), b"rubbish, and more".to_vec()].concat(),
                "Unknown frame",
            ),
        ] {
            let error = decompress(&bytes).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
