//! Seeds from seeds: all that is drawn in a run follows from one number.

/// A number that depends on all of `parts` and on nothing else (FNV-1a over their bytes), of 53 bits,
/// so that it survives programs that read JSON numbers as floating point.
pub fn derive(seed: u64, parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ seed;
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash >> 11
}
