//! Rhai, the first language of scripts.

pub(crate) mod engine;
pub(crate) mod thrown;

mod bind;
mod branches;
mod caller;
mod convert;
mod imports;
mod report;
mod resolver;
mod run;

pub(crate) use imports::{imports, imports_of, unparsed};
pub(crate) use run::execute;
