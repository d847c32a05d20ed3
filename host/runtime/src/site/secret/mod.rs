//! Secrets: read from their sources when a primitive needs one, and kept out of everything that is shown or stored.

mod encoding;
mod file;
mod redactor;
mod secrets;

pub use redactor::Redactor;
pub use secrets::{Environment, Secrets};
