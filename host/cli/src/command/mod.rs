//! One file per command.

pub(crate) mod approve;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod docs;
pub(crate) mod doctor;
pub(crate) mod evidence;
pub(crate) mod explain;
pub(crate) mod freeze;
pub(crate) mod gameday;
mod grants;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod new;
mod offline;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod recover;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod secrets;
pub(crate) mod test;
pub(crate) mod twin;
mod used;
pub(crate) mod verify;
