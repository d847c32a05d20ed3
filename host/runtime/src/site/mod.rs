//! The site file `fabric.toml`: read, checked as a whole, and asked. Everything here works on the file alone; nothing resolves a
//! name over the network.

mod aliases;
mod check;
mod load;
mod lookup;
mod network;
mod report;
mod schema;
mod secret;
mod shape;
mod suggest;
mod value;

pub(crate) use aliases::Aliases;
pub use load::{SiteFile, load, parse};
pub use lookup::{endpoint, environment_of, ssh_host};
pub use schema::schema;
pub use secret::{Entries, Environment, KeyPath, Listed, NotAKey, NotASecret, SecretText, Secrets, Store};
pub use value::value;
