//! The secrets store: one file, encrypted with age to an identity of the operator, that `fabric secrets` keeps and runs read.

mod entries;
mod file;
mod identity;
mod key;
mod openssl;
mod sealed;
mod text;

pub use entries::{Entries, Listed};
pub use file::Store;
pub use key::{KeyPath, NotAKey};
pub use text::{NotASecret, SecretText};
