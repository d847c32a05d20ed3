//! What a packet promises to people who do not have fabric: `sha256sum` and `gpg` accept it, and refuse a changed one.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::sample::{Bench, unlock};

/// A keyring of its own. `gpg` needs a short path for its sockets; the agent is ended with the ring.
struct Ring(tempfile::TempDir);

impl Ring {
    fn new() -> Self {
        let ring = Self(tempfile::Builder::new().prefix("g").tempdir_in("/tmp").expect("a folder"));
        fs::DirBuilder::new().mode(0o700).create(ring.0.path().join("h")).expect("new");
        ring
    }

    fn run(&self, program: &str, arguments: &[&Path]) -> Output {
        let home = self.0.path().join("h");
        Command::new(program)
            .env("GNUPGHOME", home)
            .env("LC_ALL", "C")
            .args(arguments)
            .output()
            .expect("installed")
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let _ = self.run("gpgconf", &[Path::new("--kill"), Path::new("all")]);
    }
}

fn sha256sum(dir: &Path) -> Output {
    Command::new("sha256sum")
        .args(["-c", "--strict", "manifest.sha256"])
        .current_dir(dir)
        .output()
        .expect("installed")
}

#[test]
fn sha256sum_and_gpg_accept_a_sealed_packet_and_refuse_a_changed_one() {
    let bench = Bench::new();
    let sealed = bench.seal("run-1");
    let sums = sha256sum(&sealed.dir);
    assert!(sums.status.success(), "{sums:?}");

    let ring = Ring::new();
    let certificate = bench.path("certs/a.asc");
    let import = ring.run("gpg", &[Path::new("--batch"), Path::new("--import"), &certificate]);
    assert!(import.status.success(), "{import:?}");
    let manifest = sealed.dir.join("manifest.sha256");
    let batch = [
        Path::new("--batch"),
        Path::new("--verify-options"),
        Path::new("show-notations"),
        Path::new("--verify"),
    ];
    let verify = || ring.run("gpg", &[&batch[..], &[&sealed.signature, &manifest]].concat());
    let good = verify();
    let said = String::from_utf8_lossy(&good.stderr).into_owned();
    assert!(good.status.success(), "{said}");
    assert!(said.contains("Good signature"), "{said}");
    assert!(said.contains("role@fabric.samakia.net=site-dev"), "{said}");
    assert!(said.contains("intent@fabric.samakia.net=seal"), "{said}");

    unlock(&sealed.dir);
    fs::write(sealed.dir.join("report.md"), "all is well\n").expect("room");
    assert!(!sha256sum(&sealed.dir).status.success());
    let text = fs::read_to_string(&manifest).expect("text");
    fs::write(&manifest, text.replacen('a', "b", 1)).expect("room");
    assert!(!verify().status.success());
}
