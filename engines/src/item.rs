//! What flows between stages: an item is owned, or borrowed from a buffer that the engine reuses.
//!
//! A record read from a file lives only until the next chunk overwrites it, so its type has a
//! lifetime that differs from call to call. An [`Item`] names the type for every such lifetime.

use std::marker::PhantomData;

/// A family of item types, one for each lifetime `'a` of the buffer that the item may borrow from.
///
/// ```
/// use engines::{Bytes, Item, Keyed, Owned};
///
/// let number: <Owned<f64> as Item>::Of<'static> = 1.5;
/// let line: <Bytes as Item>::Of<'_> = b"a line";
/// let pair: <Keyed<u64> as Item>::Of<'_> = (&line[..1], 7);
/// assert_eq!((number, pair), (1.5, (&b"a"[..], 7)));
/// ```
pub trait Item {
    /// The item while its buffer lives for `'a`.
    type Of<'a>;
}

/// Items that borrow nothing from the engine: numbers, structs, references into the caller's data. See
/// [`Item`].
pub struct Owned<T>(PhantomData<fn() -> T>);

impl<T> Item for Owned<T> {
    type Of<'a> = T;
}

/// Borrowed bytes: a line of a file without its line end, the body of a response.
pub struct Bytes;

impl Item for Bytes {
    type Of<'a> = &'a [u8];
}

/// Borrowed bytes that belong to a value: a group's key and what to add to the group, or the
/// contents of a file and its position in the list of files.
pub struct Keyed<V>(PhantomData<fn() -> V>);

impl<V> Item for Keyed<V> {
    type Of<'a> = (&'a [u8], V);
}
