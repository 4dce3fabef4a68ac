//! Compressed texts, whole, cut off, damaged and made up: each engine has the whole text or an error,
//! never a part of it.
#![no_main]

use std::io::{Read, Write};

use engines::{Engine, Pipeline, Records, collect};
use engines_fuzz::{Dribs, lines, with_engine};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((head, rest)) = data.split_first_chunk::<7>() else {
        return;
    };
    let [way, level, parted, at, bits, size, chunk] = *head;
    let place = |length: usize, share: u8| length * usize::from(share) / 256;

    let (first, second) = rest.split_at(place(rest.len(), parted));
    let first = gzip(first, level);
    let whole = [&first[..], &gzip(second, level)].concat();
    let at = place(whole.len(), at);
    let compressed = match way % 5 {
        0 => rest.to_vec(),
        1 => whole,
        2 => whole[..at].to_vec(),
        3 => {
            let mut damaged = whole;
            damaged[at] ^= bits;
            damaged
        }
        _ => [&whole[..], &[bits]].concat(),
    };

    let expected = decompressed(&compressed);
    match (way % 5, &expected) {
        (1, found) => assert_eq!(found.as_deref(), Some(rest)),
        // A first member without the second is whole.
        (2, found) => assert_eq!(found.is_some(), at == first.len()),
        (3, Some(found)) => assert_eq!(found, rest),
        (4, found) => assert_eq!(*found, None),
        _ => {}
    }
    let expected = expected.map(|text| lines(&text));
    let chunk = 3 + usize::from(chunk) * usize::from(chunk);
    let size = 1 + usize::from(size);
    with_engine!(way / 5, chunk, |engine: &_| agrees(
        engine,
        &compressed,
        size,
        &expected
    ));
});

fn agrees(engine: &impl Engine, compressed: &[u8], size: usize, expected: &Option<Vec<Vec<u8>>>) {
    let copy = Pipeline::records().map(<[u8]>::to_vec);
    let dribs = Dribs::new(compressed, [size, 1000 * size], 5, false);
    for source in [Records::text(compressed), Records::reader(dribs)] {
        let found = engine.run(source.decompressed(), &copy, collect());
        assert_eq!(found.ok(), *expected, "{}", engine.name());
    }
}

fn gzip(text: &[u8], level: u8) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(u32::from(level % 10)));
    gzip.write_all(text).expect("memory takes everything");
    gzip.finish().expect("memory takes everything")
}

/// All members at once, if they are whole.
fn decompressed(compressed: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    MultiGzDecoder::new(compressed)
        .read_to_end(&mut text)
        .ok()?;
    Some(text)
}
