//! A node's file system while it is configured, before its first boot.

use std::path::{Path, PathBuf};

use fabric_model::digest::Digest;

use crate::error::LabError;
use crate::place::{Place, write};
use crate::program::{run_with_input, words};

/// A node's file system.
#[derive(Debug)]
pub(crate) struct Root(PathBuf);

impl Root {
    /// That of `node`.
    pub(crate) fn of(place: &Place, node: &str) -> Self {
        Self(place.root(node))
    }

    /// Writes a file that everybody may read.
    pub(crate) fn file(&self, path: &str, text: &str) -> Result<(), LabError> {
        write(&self.path(path), text, 0o644)
    }

    /// Writes a file that only root may read.
    pub(crate) fn secret(&self, path: &str, text: &str) -> Result<(), LabError> {
        write(&self.path(path), text, 0o600)
    }

    /// Runs a shell script inside, with nothing of the node running yet.
    pub(crate) fn script(&self, script: &str) -> Result<(), LabError> {
        let mut argv = words("unshare --mount chroot");
        argv.push(self.0.to_string_lossy().into_owned());
        argv.extend(words("sh -s"));
        run_with_input(&argv, &format!("set -eu\n{script}\n")).map(drop)
    }

    /// Gives the node its name.
    pub(crate) fn identity(&self, name: &str) -> Result<(), LabError> {
        self.file("etc/hostname", &format!("{name}\n"))?;
        // Without its own name here, every sudo waits ten seconds for DNS.
        self.file("etc/hosts", &format!("127.0.0.1 localhost\n127.0.1.1 {name}\n"))?;
        // An empty id would be a first boot, which enables every unit of the image.
        let id: String =
            Digest::of(self.0.as_os_str().as_encoded_bytes()).to_string().chars().take(32).collect();
        self.file("etc/machine-id", &format!("{id}\n"))
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.join(Path::new(path))
    }
}
