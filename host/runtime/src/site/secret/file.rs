//! Secrets in files that only their owner can reach.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use fabric_model::Fault;
use zeroize::Zeroizing;

use super::secrets::unreadable;

/// How a file with a secret must be.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Who keeps others away from it.
    pub(super) guard: Guard,
    /// Whether a link to it is followed; what it leads to must meet the rules.
    pub(super) links: bool,
    /// The most bytes that it may have.
    pub(super) limit: u64,
    /// What to do where there is none.
    pub(super) missing: Option<&'static str>,
}

/// A secret in a file of its own. An RSA key of 16,384 bits takes 13 KiB.
pub(super) const OWN_FILE: Rules =
    Rules { guard: Guard::OwnerOnly, links: true, limit: 64 * 1024, missing: None };

/// A credential of systemd, which never makes links.
pub(super) const CREDENTIAL: Rules = Rules { guard: Guard::ServiceManager, links: false, ..OWN_FILE };

/// Who keeps others away from a file.
#[derive(Clone, Copy)]
pub(super) enum Guard {
    /// The file's mode: group and others must have no right at all, and the owner must be this process's account or root.
    OwnerOnly,
    /// systemd, by the access list of a file that it makes for the service: the group bits are then the list's mask, and may say
    /// that it can be read.
    ServiceManager,
}

impl Guard {
    /// The permission bits that nobody but the owner may have.
    fn forbids(self) -> u32 {
        match self {
            Self::OwnerOnly => 0o077,
            Self::ServiceManager => 0o037,
        }
    }
}

/// Reads a file that `what` is in. The checks are made on the opened file, so that it cannot be exchanged in between.
///
/// # Errors
/// A fault `site.secret` that names the file and the way out.
pub(super) fn read(what: &str, path: &Path, rules: &Rules) -> Result<Vec<u8>, Fault> {
    let shown = path.display();
    let failed = |error: &io::Error| {
        let hint = match (error.kind(), rules.missing) {
            (io::ErrorKind::NotFound, Some(hint)) => hint.to_owned(),
            (io::ErrorKind::NotFound, None) => {
                format!("Put the secret into {shown} and run `chmod 600 {shown}`.")
            }
            _ => format!("Make {shown} readable for the account that runs fabric, and for it alone."),
        };
        unreadable(format!("{what}: {shown}: {error}")).hint(hint)
    };
    let refused = |why: &str| unreadable(format!("{what}: {shown} {why}"));
    let file = open(path, rules.links).map_err(|error| match rustix::io::Errno::from_io_error(&error) {
        Some(rustix::io::Errno::LOOP) if !rules.links => {
            refused("is a link").hint("Put the file itself there.")
        }
        _ => failed(&error),
    })?;
    let facts = file.metadata().map_err(|error| failed(&error))?;
    if !facts.is_file() {
        return Err(
            refused("is not a regular file").hint("Name a file that holds the secret and nothing else.")
        );
    }
    if let Some(exposure) = exposure(rules.guard.forbids(), facts.mode(), facts.uid(), own()) {
        return Err(exposed(what, path, exposure, "600"));
    }
    let bytes = contents(file, rules.limit).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > rules.limit {
        return Err(refused(&format!("is larger than {} KiB", rules.limit / 1024))
            .hint("Name a file that holds the secret and nothing else."));
    }
    Ok(bytes)
}

/// Holds the folder that a file lies in to one writer: who can write there can put another file in its place. `missing` is what to do
/// where there is none.
///
/// # Errors
/// A fault `site.secret` that names the folder.
pub(super) fn of_one_writer(what: &str, folder: &Path, missing: &str) -> Result<(), Fault> {
    let facts = fs::metadata(folder)
        .map_err(|error| unreadable(format!("{what}: {}: {error}", folder.display())).hint(missing))?;
    match exposure(0o022, facts.mode(), facts.uid(), own()) {
        Some(exposure) => Err(exposed(what, folder, exposure, "700")),
        None => Ok(()),
    }
}

fn own() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn exposed(what: &str, path: &Path, exposure: Exposure, mode: &str) -> Fault {
    let shown = path.display();
    let hint = match exposure {
        Exposure::Mode(_) => format!("Run `chmod {mode} {shown}`, and consider whether others have read it."),
        Exposure::Owner(_) => {
            format!("Run `chown` on {shown}: only the account that runs fabric may own it.")
        }
    };
    unreadable(format!("{what}: {shown} {exposure}")).hint(hint)
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

fn exposure(forbidden: u32, mode: u32, owner: u32, own: u32) -> Option<Exposure> {
    if mode & forbidden != 0 {
        return Some(Exposure::Mode(mode & 0o7777));
    }
    (owner != own && owner != 0).then_some(Exposure::Owner(owner))
}

/// Without blocking, as a pipe in the file's place would keep the caller waiting for a writer.
fn open(path: &Path, links: bool) -> io::Result<File> {
    use rustix::fs::OFlags;
    let flags = if links { OFlags::NONBLOCK } else { OFlags::NONBLOCK | OFlags::NOFOLLOW };
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// The file's bytes, at most one more than the limit. The buffer never grows, because growing would leave copies behind.
fn contents(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let mut buffer = Zeroizing::new(Vec::with_capacity(usize::try_from(limit).unwrap_or_default() + 32));
    file.take(limit + 1).read_to_end(&mut buffer)?;
    Ok(std::mem::take(&mut *buffer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_account_and_root_may_own_a_secret() {
        let exposure = |mode, owner, own| exposure(0o077, mode, owner, own);
        assert_eq!(exposure(0o100600, 1000, 1000), None);
        assert_eq!(exposure(0o100400, 0, 1000), None);
        assert_eq!(exposure(0o100600, 1001, 1000), Some(Exposure::Owner(1001)));
        assert_eq!(exposure(0o100600, 1001, 0), Some(Exposure::Owner(1001)));
        assert_eq!(exposure(0o100640, 1000, 1000), Some(Exposure::Mode(0o640)));
    }
}
