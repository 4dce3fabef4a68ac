//! The sizes of the processor's caches, as the operating system reports them.

use std::sync::OnceLock;

/// Data caches that one core can use, in bytes.
///
/// ```
/// use engines::Caches;
///
/// let caches = Caches::detect();
/// assert!(caches.l1 <= caches.l2 && caches.line >= 16);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caches {
    /// The first-level data cache.
    pub l1: usize,
    /// The second-level cache.
    pub l2: usize,
    /// The last-level cache, which cores usually share.
    pub last: usize,
    /// One line.
    pub line: usize,
    /// Whether the system did not say, so that these are common sizes and not those of this machine.
    pub assumed: bool,
}

/// Sizes that most processors of the last ten years have, or exceed.
const COMMON: Caches = Caches {
    l1: 32 << 10,
    l2: 256 << 10,
    last: 4 << 20,
    line: 64,
    assumed: true,
};

impl Caches {
    /// The caches of the first core, read once in the life of the process. Linux says what they are;
    /// elsewhere, and in a sandbox that hides them, common sizes are assumed.
    pub fn detect() -> Caches {
        static FOUND: OnceLock<Caches> = OnceLock::new();
        *FOUND.get_or_init(|| read().unwrap_or(COMMON))
    }
}

/// What Linux says in one folder for each cache, or nothing if any size is missing or absurd.
#[cfg(target_os = "linux")]
fn read() -> Option<Caches> {
    let mut levels = [None; 4];
    let mut line = None;
    for index in 0..8 {
        let field = |name: &str| {
            let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{name}");
            std::fs::read_to_string(path).ok()
        };
        let Some(kind) = field("type") else { break };
        if kind.trim() == "Instruction" {
            continue;
        }
        let level: usize = field("level")?.trim().parse().ok()?;
        *levels.get_mut(level.checked_sub(1)?)? = Some(size(&field("size")?)?);
        line = line.or_else(|| field("coherency_line_size")?.trim().parse().ok());
    }
    let l1 = levels[0]?;
    let l2 = levels[1].unwrap_or(l1);
    let caches = Caches {
        l1,
        l2,
        last: levels[3].or(levels[2]).unwrap_or(l2),
        line: line.unwrap_or(COMMON.line),
        assumed: false,
    };
    (caches.l1 >= 1 << 10 && caches.l2 >= caches.l1 && caches.last >= caches.l2).then_some(caches)
}

#[cfg(not(target_os = "linux"))]
fn read() -> Option<Caches> {
    None
}

/// Bytes, from a number with `K`, `M`, `G` or nothing behind it.
#[cfg(target_os = "linux")]
fn size(text: &str) -> Option<usize> {
    let text = text.trim();
    let (number, shift) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 10),
        b'M' => (&text[..text.len() - 1], 20),
        b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    number.parse::<usize>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_order() {
        let caches = Caches::detect();
        assert!(caches.l1 <= caches.l2 && caches.l2 <= caches.last);
        assert_eq!(caches, Caches::detect());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn sizes_have_units() {
        assert_eq!(size("48K\n"), Some(48 << 10));
        assert_eq!(size("2M"), Some(2 << 20));
        assert_eq!(size("512"), Some(512));
        assert_eq!(size(""), None);
        assert_eq!(size("?K"), None);
    }
}
