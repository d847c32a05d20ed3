//! A folder of gpg, with nothing of the user's own in reach.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::process::Command;

/// A keyring of its own. `gpg` needs a short path for its sockets; the agent is ended with the ring.
pub(crate) struct Ring(tempfile::TempDir);

impl Ring {
    pub(crate) fn new() -> Self {
        let ring = Self(tempfile::Builder::new().prefix("g").tempdir_in("/tmp").expect("a folder"));
        fs::DirBuilder::new().mode(0o700).create(ring.home()).expect("new");
        ring
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.0.path().join("h")
    }

    /// `gpg` on this ring, which asks nobody and answers in English.
    pub(crate) fn gpg(&self) -> Command {
        let mut gpg = self.run("gpg");
        gpg.arg("--batch");
        gpg
    }

    fn run(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("GNUPGHOME", self.home()).env("LC_ALL", "C");
        command
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let _ended = self.run("gpgconf").args(["--kill", "all"]).output();
    }
}
