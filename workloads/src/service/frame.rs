//! The bytes on the wire, for both sides, and what the service knows.

use std::io;

use engines::{Frame, Protocol};

use super::Lateness;

pub(crate) const REQUEST_BYTES: usize = 20;

/// Length of the response to a lookup, its length field included.
pub(crate) const RESPONSE_BYTES: usize = 8 + LOOKUP_BODY;

const LOOKUP_BODY: usize = 16;
const CLASS_BYTES: usize = 8;

/// No body is longer: a length beyond it is no response.
const MAX_BODY: usize = 64;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The value of a key, after the latency.
    Lookup = 1,
    /// The statistics, at once.
    Statistics = 2,
    /// The statistics, at once, and to begin them anew.
    Reset = 3,
    /// To end.
    Stop = 4,
}

/// A request as the service sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) id: u32,
    pub(crate) kind: Kind,
    pub(crate) key: u64,
}

/// The request at the beginning of `input`, or `None` while it is incomplete.
pub(crate) fn parse(input: &[u8]) -> Result<Option<Request>, Rubbish> {
    let word = |at: usize| {
        let bytes = input.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().expect("four bytes")))
    };
    if word(0).is_some_and(|length| length as usize != REQUEST_BYTES - 4) {
        return Err(Rubbish);
    }
    let kind = match word(8) {
        Some(1) => Kind::Lookup,
        Some(2) => Kind::Statistics,
        Some(3) => Kind::Reset,
        Some(4) => Kind::Stop,
        Some(_) => return Err(Rubbish),
        None => return Ok(None),
    };
    let (Some(id), Some(low), Some(high)) = (word(4), word(12), word(16)) else {
        return Ok(None);
    };
    let key = u64::from(high) << 32 | u64::from(low);
    Ok(Some(Request { id, kind, key }))
}

/// Bytes that are no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rubbish;

/// The bytes of a request.
pub(crate) fn request(id: u32, kind: Kind, key: u64) -> [u8; REQUEST_BYTES] {
    let mut bytes = [0; REQUEST_BYTES];
    bytes[..4].copy_from_slice(&(REQUEST_BYTES as u32 - 4).to_le_bytes());
    bytes[4..8].copy_from_slice(&id.to_le_bytes());
    bytes[8..12].copy_from_slice(&(kind as u32).to_le_bytes());
    bytes[12..].copy_from_slice(&key.to_le_bytes());
    bytes
}

/// Appends a response.
pub(crate) fn respond(out: &mut Vec<u8>, id: u32, body: &[u8]) {
    out.extend_from_slice(&(body.len() as u32 + 4).to_le_bytes());
    out.extend_from_slice(&id.to_le_bytes());
    out.extend_from_slice(body);
}

/// Appends the response to a lookup.
pub(crate) fn respond_to_lookup(out: &mut Vec<u8>, id: u32, key: u64) {
    let mut body = [0; LOOKUP_BODY];
    body[..8].copy_from_slice(&value_of(key).to_le_bytes());
    body[8..].copy_from_slice(&class_of(key));
    respond(out, id, &body);
}

/// Appends the response to a question for statistics.
pub(crate) fn respond_with_statistics(out: &mut Vec<u8>, id: u32, statistics: Lateness) {
    let Lateness {
        answered,
        p50,
        p99,
        max,
    } = statistics;
    let body: Vec<u8> = [answered, p50, p99, max]
        .into_iter()
        .flat_map(u64::to_le_bytes)
        .collect();
    respond(out, id, &body);
}

/// Class and value from the body of the response to a lookup.
#[inline]
pub(crate) fn body(body: &[u8]) -> Option<(&[u8], i64)> {
    let (value, class) = body.split_first_chunk::<8>()?;
    (class.len() == CLASS_BYTES).then(|| (class, i64::from_le_bytes(*value)))
}

/// The value that the service has for `key`: from -10,000 to 10,000, without a pattern.
pub fn value_of(key: u64) -> i64 {
    (mix(key) % 20_001) as i64 - 10_000
}

/// The class that the service puts `key` in: one of sixteen names.
pub fn class_of(key: u64) -> [u8; 8] {
    let class = mix(!key) % 16;
    let mut name = *b"class-00";
    name[6] += (class / 10) as u8;
    name[7] += (class % 10) as u8;
    name
}

/// The finaliser of SplitMix64.
fn mix(key: u64) -> u64 {
    let key = (key ^ key >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ key >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ key >> 31
}

/// How to ask the service for the value of a key (`u64`). The body of a response is 16 bytes: the value
/// (i64, little-endian) and the name of the key's class.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lookup;

impl Protocol for Lookup {
    type Key = u64;

    fn encode(&self, id: u32, key: &u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&request(id, Kind::Lookup, *key));
    }

    fn decode<'b>(&self, input: &'b [u8]) -> io::Result<Option<Frame<'b>>> {
        let Some((length, rest)) = input.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if !(4..=4 + MAX_BODY).contains(&length) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a response of {length} bytes"),
            ));
        }
        let Some(frame) = rest.get(..length) else {
            return Ok(None);
        };
        let (id, body) = frame.split_first_chunk::<4>().expect("at least four bytes");
        Ok(Some(Frame {
            id: u32::from_le_bytes(*id),
            body,
            length: 4 + length,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_is_incomplete() {
        let bytes = request(7, Kind::Lookup, u64::MAX - 1);
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]), Ok(None));
        }
        let expected = Request {
            id: 7,
            kind: Kind::Lookup,
            key: u64::MAX - 1,
        };
        assert_eq!(parse(&bytes), Ok(Some(expected)));

        let mut response = Vec::new();
        respond_to_lookup(&mut response, 7, 5);
        assert_eq!(response.len(), RESPONSE_BYTES);
        for end in 0..response.len() {
            assert!(Lookup.decode(&response[..end]).unwrap().is_none());
        }
        response.push(99);
        let frame = Lookup.decode(&response).unwrap().unwrap();
        assert_eq!((frame.id, frame.length), (7, RESPONSE_BYTES));
        assert_eq!(body(frame.body), Some((&class_of(5)[..], value_of(5))));
    }

    #[test]
    fn rubbish_is_refused_as_soon_as_it_shows() {
        assert_eq!(parse(b"GET "), Err(Rubbish));
        assert_eq!(parse(&[16, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0]), Err(Rubbish));
        assert!(Lookup.decode(b"HTTP").is_err());
        assert!(Lookup.decode(&[3, 0, 0, 0]).is_err());
        assert_eq!(body(b"short"), None);
        assert_eq!(body(&[0; 17]), None);
    }

    #[test]
    fn classes_and_values_are_spread() {
        let mut classes: Vec<_> = (0..1000).map(class_of).collect();
        classes.sort_unstable();
        classes.dedup();
        assert_eq!(classes.len(), 16);
        assert_eq!(classes[15], *b"class-15");
        let sum: i64 = (0..10_000).map(value_of).sum();
        assert!(sum.abs() < 10_000 * 200);
        assert!((0..10_000).all(|key| (-10_000..=10_000).contains(&value_of(key))));
    }
}
