//! Credentials that systemd hands to a service.

use std::path::PathBuf;

use fabric_model::{Fault, Slug};

use super::file;
use super::secrets::{Environment, unreadable};

/// Reads the credential `name` that `what` is in.
///
/// # Errors
/// A fault `site.secret` when systemd gave none of this name, or not to this service alone.
pub(super) fn read(what: &str, name: &Slug, environment: Environment) -> Result<Vec<u8>, Fault> {
    let folder = environment("CREDENTIALS_DIRECTORY").ok_or_else(|| {
        let message = format!("{what} is a systemd credential, but $CREDENTIALS_DIRECTORY is not set");
        unreadable(message).hint(format!(
            "Run fabric as a systemd service with `LoadCredential={name}:…`, or give it another source."
        ))
    })?;
    file::read(what, &PathBuf::from(folder).join(name.as_str()), &file::CREDENTIAL)
}
