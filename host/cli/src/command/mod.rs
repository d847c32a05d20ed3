//! One file per command.

pub(crate) mod check;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod recover;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod verify;
