//! Secrets: read from their sources when a primitive needs one, and kept out of everything that is shown or stored.

mod credential;
mod file;
mod secrets;
mod store;
mod vault;

pub use secrets::{Environment, Secrets};
pub use store::{Entries, KeyPath, Listed, NotAKey, NotASecret, SecretText, Store};
