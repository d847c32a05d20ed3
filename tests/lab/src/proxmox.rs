//! The site's Proxmox API, served over TLS on the nodes' own addresses.

use std::path::Path;

use crate::error::LabError;
use crate::place::{Place, read};

/// A token secret of this lab alone, in the form that Proxmox gives out: a UUID.
pub(crate) fn new_token() -> Result<String, LabError> {
    Ok(read(Path::new("/proc/sys/kernel/random/uuid"))?.trim().to_owned())
}

/// Starts the server.
pub(crate) fn start(_place: &Place) -> Result<(), LabError> {
    Ok(())
}
