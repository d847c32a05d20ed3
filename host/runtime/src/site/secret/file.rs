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
    let own = rustix::process::geteuid().as_raw();
    if guard == Guard::OwnerOnly
        && let Some(exposure) = exposure(facts.mode(), facts.uid(), own)
    {
        let hint = match exposure {
            Exposure::Mode(_) => {
                format!("Run `chmod 600 {shown}`, and consider whether others have read it.")
            }
            Exposure::Owner(_) => {
                format!("Run `chown` on {shown}: only the account that runs fabric may own it.")
            }
        };
        return Err(refused(&exposure.to_string()).hint(hint));
    }
    let bytes = contents(file).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(
            refused("is larger than 64 KiB").hint("Name a file that holds the secret and nothing else.")
        );
    }
    Ok(bytes)
}

/// Why others than the account that runs fabric can reach a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Exposure {
    /// The permission bits give group or others a right.
    #[error("can be reached by others than its owner (mode {0:04o})")]
    Mode(u32),
    /// The owner, who can always give himself rights, is somebody else.
    #[error("belongs to another account (uid {0})")]
    Owner(u32),
}

fn exposure(mode: u32, owner: u32, own: u32) -> Option<Exposure> {
    if mode & 0o077 != 0 {
        return Some(Exposure::Mode(mode & 0o7777));
    }
    (owner != own && owner != 0).then_some(Exposure::Owner(owner))
}

/// Without blocking, as a pipe in the file's place would keep the caller waiting for a writer.
fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// The file's bytes, at most one more than the limit. The buffer never grows, because growing would leave copies behind.
fn contents(file: File) -> io::Result<Vec<u8>> {
    let mut buffer = Zeroizing::new(Vec::with_capacity(SIZE_LIMIT as usize + 32));
    file.take(SIZE_LIMIT + 1).read_to_end(&mut buffer)?;
    Ok(std::mem::take(&mut *buffer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_account_and_root_may_own_a_secret() {
        assert_eq!(exposure(0o100600, 1000, 1000), None);
        assert_eq!(exposure(0o100400, 0, 1000), None);
        assert_eq!(exposure(0o100600, 1001, 1000), Some(Exposure::Owner(1001)));
        assert_eq!(exposure(0o100600, 1001, 0), Some(Exposure::Owner(1001)));
        assert_eq!(exposure(0o100640, 1000, 1000), Some(Exposure::Mode(0o640)));
    }
}
