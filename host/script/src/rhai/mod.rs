//! Rhai, the first language of scripts.

pub(crate) mod branch;
pub(crate) mod engine;
pub(crate) mod thrown;

mod convert;
mod functions;
mod imports;
mod resolver;

pub use functions::FUNCTIONS;
pub(crate) use functions::{SITE, SITE_FUNCTIONS};
pub(crate) use imports::{at, imports, imports_of, unparsed};
