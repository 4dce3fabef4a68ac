//! Seeded inputs: random numbers, digits appended without formatting machinery, and input files that
//! are made once, found again, and never seen half-written.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::time::UNIX_EPOCH;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::answer::Summary;

/// Variants of an input that lies in files: seeds that are equal modulo this share one, so that
/// measuring with ever new seeds does not fill the disk.
pub(crate) const VARIANTS: u64 = 4;

/// Random bits for a seed, different for each `purpose`.
pub(crate) fn random(purpose: &str, seed: u64) -> ChaCha8Rng {
    // FNV-1a: it need only tell a few names apart, the same way in every version of Rust.
    let hash = purpose.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, b| {
        (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&hash.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A number below `limit` from 32 random bits; the bias is below `limit` / 2^32.
#[inline(always)]
pub(crate) fn below(limit: u32, bits: u32) -> u32 {
    ((u64::from(limit) * u64::from(bits)) >> 32) as u32
}

/// Numbers evenly spread over -1,000 to 1,000.
pub(crate) fn values(n: usize, purpose: &str, seed: u64) -> Vec<f64> {
    let mut random = random(purpose, seed);
    // The upper 52 bits make a number from 1 to 2 without a division.
    let mut next = || f64::from_bits(random.next_u64() >> 12 | 1.0f64.to_bits());
    (0..n).map(|_| next() * 2000.0 - 3000.0).collect()
}

/// Appends `value` / 10^`DECIMALS` in decimal notation, with exactly that many digits after the point.
#[inline]
pub(crate) fn push_fixed<const DECIMALS: usize>(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    let mut rest = value.unsigned_abs();
    let mut digits = [0; 24];
    let mut start = digits.len();
    // At least one digit before the point.
    while rest > 0 || digits.len() - start < DECIMALS + 2 {
        start -= 1;
        if digits.len() - start == DECIMALS + 1 {
            digits[start] = b'.';
        } else {
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// An input that lies in files: a file or a folder, and beside it a note that says what is in it.
pub(crate) struct Stored {
    /// The file or folder.
    pub(crate) path: PathBuf,
    /// What `write` returned when it was made.
    pub(crate) note: String,
}

/// Finds the input `name` in `folder`, or makes it: `write` fills the temporary path that it is given,
/// a file or a folder that it has to create, and returns a note of any form. `name` must say
/// everything that the content depends on, the generator's version included.
///
/// The note lies beside the content with a stamp of it; content that does not fit its stamp, because
/// somebody changed it or was interrupted, is made again. A lock lets the first of several processes
/// do the work while the others wait.
pub(crate) fn stored(
    folder: &Path,
    name: &str,
    write: impl FnOnce(&Path) -> io::Result<String>,
) -> io::Result<Stored> {
    fs::create_dir_all(folder)?;
    let path = folder.join(name);
    let beside = |suffix: &str| folder.join(format!("{name}.{suffix}"));
    let (note, lock) = (beside("note"), beside("lock"));
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(lock)?;
    // Released when the file is closed, or the process ends in whatever way.
    lock.lock()?;
    if let Some(note) = valid_note(&path, &note) {
        return Ok(Stored { path, note });
    }
    remove(&note)?;
    remove(&path)?;
    let temporary = beside(&format!("{}.tmp", process::id()));
    remove(&temporary)?;
    let text = write(&temporary).inspect_err(|_| {
        // The error that matters is the one in hand.
        let _ = remove(&temporary);
    })?;
    fs::rename(&temporary, &path)?;
    fs::write(&temporary, format!("{}\n{text}", stamp(&path)?))?;
    fs::rename(&temporary, &note)?;
    Ok(Stored { path, note: text })
}

fn valid_note(path: &Path, note: &Path) -> Option<String> {
    let note = fs::read_to_string(note).ok()?;
    let (expected, text) = note.split_once('\n')?;
    (expected == stamp(path).ok()?).then(|| text.to_owned())
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Number of files, bytes, and a checksum over lengths and times of last change: any later write
/// shows, without reading a gigabyte.
fn stamp(path: &Path) -> io::Result<String> {
    let mut total = (0u64, 0u64, 0u64);
    let mut pending = vec![path.to_owned()];
    while let Some(path) = pending.pop() {
        let data = fs::symlink_metadata(&path)?;
        if data.is_dir() {
            for entry in fs::read_dir(&path)? {
                pending.push(entry?.path());
            }
        } else {
            let changed = data.modified()?.duration_since(UNIX_EPOCH);
            let changed = changed.map_or(0, |time| time.as_nanos() as u64);
            let mixed = (changed ^ data.len().rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            // Added up, because folders list their entries in no particular order.
            total = (
                total.0 + 1,
                total.1 + data.len(),
                total.2.wrapping_add(mixed ^ mixed >> 29),
            );
        }
    }
    let (files, bytes, checksum) = total;
    Ok(format!("{files} files, {bytes} bytes, {checksum:016x}"))
}

/// The note of an input: statistics by key, one line for each.
pub(crate) fn to_note(right: &[(String, Summary)]) -> String {
    let line = |(key, s): &(String, Summary)| {
        format!("{key}\t{}\t{}\t{}\t{}\n", s.min, s.max, s.sum, s.count)
    };
    right.iter().map(line).collect()
}

/// The statistics in a note.
pub(crate) fn from_note(note: &str) -> io::Result<HashMap<String, Summary>> {
    let entry = |line: &str| {
        let mut fields = line.split('\t');
        let key = fields.next()?.to_owned();
        let summary = Summary {
            min: fields.next()?.parse().ok()?,
            max: fields.next()?.parse().ok()?,
            sum: fields.next()?.parse().ok()?,
            count: fields.next()?.parse().ok()?,
        };
        Some((key, summary))
    };
    let entries: Option<_> = note.lines().map(entry).collect();
    let unreadable = || io::Error::new(io::ErrorKind::InvalidData, "unreadable note of an input");
    entries.ok_or_else(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn digits() {
        let show = |value| {
            let mut out = Vec::new();
            push_fixed::<2>(&mut out, value);
            String::from_utf8(out).unwrap()
        };
        for (value, text) in [
            (0, "0.00"),
            (7, "0.07"),
            (-30, "-0.30"),
            (123_456, "1234.56"),
            (i64::MIN, "-92233720368547758.08"),
        ] {
            assert_eq!(show(value), text);
        }
    }

    #[test]
    fn numbers_repeat_and_spread() {
        let numbers = values(10_000, "test", 1);
        assert_eq!(numbers, values(10_000, "test", 1));
        assert_ne!(numbers, values(10_000, "test", 2));
        assert_ne!(numbers, values(10_000, "other", 1));
        assert!(numbers.iter().all(|x| (-1000.0..1000.0).contains(x)));
        assert!(numbers.iter().sum::<f64>().abs() / 10_000.0 < 20.0);
    }

    #[test]
    fn content_is_made_once_by_whoever_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let made = AtomicUsize::new(0);
        let get = || {
            stored(folder.path(), "x", |path| {
                made.fetch_add(1, Ordering::Relaxed);
                fs::write(path, "content").map(|()| "note\nof two lines".to_owned())
            })
            .unwrap()
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(get().note, "note\nof two lines"));
            }
        });
        assert_eq!(made.load(Ordering::Relaxed), 1);

        // Shortened, replaced by as many bytes, removed, without its note: each is noticed.
        let path = get().path;
        fs::write(&path, "con").unwrap();
        assert_eq!(fs::read(get().path).unwrap(), b"content");
        fs::write(&path, "CONTENT").unwrap();
        assert_eq!(fs::read(get().path).unwrap(), b"content");
        fs::remove_file(&path).unwrap();
        assert_eq!(fs::read(get().path).unwrap(), b"content");
        fs::remove_file(folder.path().join("x.note")).unwrap();
        assert_eq!(fs::read(get().path).unwrap(), b"content");
        assert_eq!(made.load(Ordering::Relaxed), 5);
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let failed = stored(folder.path(), "x", |path| {
            fs::create_dir(path)?;
            fs::write(path.join("part"), "...")?;
            Err(io::Error::other("disk full"))
        });
        assert!(failed.is_err());
        let left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["x.lock"]);
    }
}
