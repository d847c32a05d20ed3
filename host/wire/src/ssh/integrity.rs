//! Digests of the files that say who may do what on a host.

use fabric_model::{Digest, RemotePath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommandOutput;
use super::command::name::FILE_DIGEST;
use super::output::garbage;
use crate::error::WireError;

/// The files that are ever digested: a closed list, in which no file with secrets stands. The shadow files, the homes, `.ssh` and the
/// host keys are not in it, and no argument of a script adds any.
const WATCHED: [&str; 12] = [
    "/etc/chrony/chrony.conf",
    "/etc/crontab",
    "/etc/group",
    "/etc/hosts",
    "/etc/keepalived/keepalived.conf",
    "/etc/nftables.conf",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/resolv.conf",
    "/etc/ssh/sshd_config",
    "/etc/sudoers",
];

/// A file of the closed list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RemotePath", into = "RemotePath")]
#[schemars(with = "String")]
pub struct WatchedFile(RemotePath);

/// Why a path is not a [`WatchedFile`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is never digested; the files that are: {list}", list = WATCHED.join(", "))]
pub struct NotWatched(String);

impl WatchedFile {
    /// The path.
    pub fn path(&self) -> &RemotePath {
        &self.0
    }
}

impl TryFrom<RemotePath> for WatchedFile {
    type Error = NotWatched;

    fn try_from(path: RemotePath) -> Result<Self, NotWatched> {
        if WATCHED.contains(&path.as_str()) {
            Ok(Self(path))
        } else {
            Err(NotWatched(path.as_str().to_owned()))
        }
    }
}

impl From<WatchedFile> for RemotePath {
    fn from(file: WatchedFile) -> Self {
        file.0
    }
}

/// What a file is by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileDigest {
    /// Its SHA-256 in lower-case hexadecimal; none where there is no such file, which is a finding and no failure.
    pub sha256: Option<String>,
}

/// Reads the output of [`super::ReadCommand::FileDigest`].
///
/// # Errors
/// [`WireError::Permission`] and [`WireError::Command`] when the file cannot be read, [`WireError::Garbage`] when the answer is not one
/// digest.
pub fn file_digest(output: &CommandOutput) -> Result<FileDigest, WireError> {
    if output.is_absence("sha256sum:") {
        return Ok(FileDigest { sha256: None });
    }
    let text = output.text(FILE_DIGEST)?;
    let line = text.strip_suffix('\n').filter(|line| !line.contains('\n'));
    let digest = line.and_then(|line| line.split_once("  ")?.0.parse::<Digest>().ok());
    let digest = digest.ok_or_else(|| garbage(FILE_DIGEST, "it did not print one digest"))?;
    Ok(FileDigest { sha256: Some(digest.to_string()) })
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::{ended, printed};
    use super::*;

    #[test]
    fn no_file_with_secrets_is_digested() {
        for bad in [
            "/etc/shadow",
            "/etc/gshadow",
            "/root/.bashrc",
            "/etc/ssh/ssh_host_ed25519_key",
            "/srv/ada/.ssh/authorized_keys",
        ] {
            let path: RemotePath = bad.parse().expect("a path");
            assert!(WatchedFile::try_from(path).is_err(), "{bad}");
        }
        for path in WATCHED {
            let secret = ["shadow", ".ssh", "_key", "/root", "/home"].iter().any(|word| path.contains(word));
            assert!(
                !secret && WatchedFile::try_from(path.parse::<RemotePath>().expect("a path")).is_ok(),
                "{path}"
            );
        }
    }

    #[test]
    fn a_digest_is_one_line_and_an_absent_file_has_none() {
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let found = file_digest(&printed(&format!("{hex}  /etc/hosts\n"))).expect("a digest");
        assert_eq!(found.sha256.as_deref(), Some(hex));
        let absent = ended(1, "", "/usr/bin/sha256sum: /etc/hosts: No such file or directory\n");
        assert_eq!(file_digest(&absent), Ok(FileDigest { sha256: None }));
        for bad in ["", "abc  /etc/hosts\n", "\n", &format!("{hex}  a\n{hex}  b\n")] {
            assert!(matches!(file_digest(&printed(bad)), Err(WireError::Garbage(_))), "{bad:?}");
        }
        assert!(matches!(
            file_digest(&ended(1, "", "sudo: a password is required\n")),
            Err(WireError::Permission(_))
        ));
    }
}
