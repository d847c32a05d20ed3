//! Secrets in files that only their owner can reach.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use fabric_model::Fault;
use zeroize::Zeroizing;

use super::secrets::unreadable;

/// The largest secret, in bytes. An RSA key of 16,384 bits takes 13 KiB.
const SIZE_LIMIT: u64 = 64 * 1024;

/// Who keeps others away from a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// The file's mode: group and others must have no right at all, and the owner must be this process's account or root.
    OwnerOnly,
    /// systemd, by the access list of a folder that it makes for the service; the mode's group bits then mean something else.
    ServiceManager,
}

/// Reads the secret in a file. The checks are made on the opened file, so that it cannot be exchanged in between.
///
/// # Errors
/// A fault `site.secret` that names the file and the way out.
pub(super) fn read(handle: &str, path: &Path, guard: Guard) -> Result<Vec<u8>, Fault> {
    let shown = path.display();
    let failed = |error: &io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => format!("Put the secret into {shown} and run `chmod 600 {shown}`."),
            _ => format!("Make {shown} readable for the account that runs fabric, and for it alone."),
        };
        unreadable(format!("secret `{handle}`: {shown}: {error}")).hint(hint)
    };
    let refused = |why: &str| unreadable(format!("secret `{handle}`: {shown} {why}"));
    let file = open(path).map_err(|error| failed(&error))?;
    let facts = file.metadata().map_err(|error| failed(&error))?;
    if !facts.is_file() {
        return Err(
            refused("is not a regular file").hint("Name a file that holds the secret and nothing else.")
        );
    }
    if guard == Guard::OwnerOnly {
        let mode = facts.mode() & 0o7777;
        if mode & 0o077 != 0 {
            let fault = refused(&format!("can be reached by others than its owner (mode {mode:04o})"));
            return Err(
                fault.hint(format!("Run `chmod 600 {shown}`, and consider whether others have read it."))
            );
        }
        if ![0, rustix::process::geteuid().as_raw()].contains(&facts.uid()) {
            let fault = refused(&format!("belongs to another account (uid {})", facts.uid()));
            return Err(fault.hint(format!(
                "Run `chown` on {shown}, so that it belongs to the account that runs fabric."
            )));
        }
    }
    let bytes = contents(file).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(
            refused("is larger than 64 KiB").hint("Name a file that holds the secret and nothing else.")
        );
    }
    Ok(bytes)
}

/// Without blocking, as a pipe in the file's place would keep the caller waiting for a writer.
fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// The file's bytes, at most one more than the limit. The buffer never grows, because growing would leave copies behind.
fn contents(file: File) -> io::Result<Vec<u8>> {
    let mut buffer = Zeroizing::new(Vec::with_capacity(SIZE_LIMIT as usize + 32));
    file.take(SIZE_LIMIT + 1).read_to_end(&mut buffer)?;
    Ok(std::mem::take(&mut *buffer))
}
