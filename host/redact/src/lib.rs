//! What nobody should read, found in text and kept out of it: secrets that are known, values whose name says that they are secret, and
//! what looks like one. Pure: no file, no clock, no network.

mod class;
mod detect;
mod encoding;
mod key_name;
mod known;
mod literal;
mod redactor;
mod text;
mod unescape;
mod words;

pub use class::Class;
pub use detect::{DETECTORS, Detector};
pub use key_name::class_of_name;
pub use redactor::{Found, Redactor, What};
