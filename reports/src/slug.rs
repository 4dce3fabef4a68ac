//! File names and anchors from names that a record holds. A record may come from anywhere, so a name
//! never reaches the file system as it stands: what is not plain becomes a hyphen, and a digest keeps
//! two names apart that would otherwise meet.

/// Longest file name without its ending.
const LONGEST: usize = 60;

/// One path component: lower-case letters, digits, `-` and `_`, never empty, never longer than 70.
/// A name that consists of these already is its own slug.
pub fn component(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| match c {
            'a'..='z' | '0'..='9' | '-' | '_' => c,
            _ => '-',
        })
        .collect();
    if plain == name && !plain.is_empty() && plain.len() <= LONGEST && !plain.starts_with('-') {
        return plain;
    }
    let kept: String = plain.chars().take(LONGEST).collect();
    let kept = kept.trim_matches('-');
    let mark = digest(name);
    if kept.is_empty() {
        format!("x-{mark:08x}")
    } else {
        format!("{kept}-{mark:08x}")
    }
}

/// The components of a path for a name in two parts, `numeric/map` for instance. Anything that is not
/// one or two plain parts becomes a single component.
pub fn path(name: &str) -> Vec<String> {
    let parts: Vec<String> = name.split('/').map(component).collect();
    if parts.len() <= 2 && parts.join("/") == name {
        parts
    } else {
        vec![component(name)]
    }
}

/// A name as part of an identifier: its path joined with hyphens.
pub fn flat(name: &str) -> String {
    path(name).join("-")
}

// FNV-1a in 64 bits, folded: names need telling apart, not protecting.
fn digest(name: &str) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_names_stay_and_others_cannot_leave_the_folder() {
        assert_eq!(path("numeric/map"), ["numeric", "map"]);
        assert_eq!(component("cache-aware"), "cache-aware");
        for hostile in [
            "../../x",
            "/etc/passwd",
            "..",
            "",
            "a/../b",
            "C:\\x",
            "a/b/c",
            "-rf",
        ] {
            let parts = path(hostile);
            assert_eq!(parts.len(), 1, "{hostile:?} became {parts:?}");
            assert!(!parts[0].contains(['/', '\\', '.']), "{parts:?}");
        }
        assert_ne!(component("a b"), component("a-b"));
        assert_ne!(component("A"), component("a"));
    }

    proptest! {
        #[test]
        fn every_name_gives_a_safe_component(name in ".{0,300}") {
            let slug = component(&name);
            prop_assert!(!slug.is_empty() && slug.len() <= 70);
            prop_assert!(slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()
                || c == '-' || c == '_'));
            prop_assert!(path(&name).iter().all(|p| !p.is_empty() && p.len() <= 70));
        }
    }
}
