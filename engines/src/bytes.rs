//! Bytes taken apart quickly: what pipelines over records need again and again. Nothing here allocates
//! or validates UTF-8, and whatever is malformed yields `None`.
//!
//! Records are short, and how long their fields are is what no branch predictor can guess. So these
//! functions look at eight or more bytes at a time and compute where others loop.
//!
//! ```
//! use engines::bytes;
//!
//! let [sensor, value, status] = bytes::trimmed_fields(b" Valve_7 , -12.50, ok", b',').unwrap();
//! assert_eq!((sensor, status), (&b"Valve_7"[..], &b"ok"[..]));
//! assert_eq!(bytes::fixed_point::<2>(value), Some(-1250));
//! ```

mod case;
mod fields;
mod key;
mod lines;
mod mask;
mod number;
mod word;

pub use case::push_lower_case;
pub use fields::{fields, split_first, split_last, trimmed_fields};
pub use key::hash;
pub(crate) use key::same;
pub use lines::each_line;
pub use number::{fixed_point, integer, split_fixed_point};
