//! Sealing and verifying packets of many files and of a large one, beside `sha256sum` with gpg, and beside a loop over the hash alone.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::SystemTime;

use fabric_evidence::{Event, PacketFolder, Signer, Trust, WorkerEnd, key, verify};
use fabric_model::Digest;
use serde_json::json;

use crate::measure::{Sample, blocking, processes};
use crate::{Contestants, Outcome, compare, memory};

/// Makes this program seal a packet, so that its memory can be looked at: the folder and the name of the artifacts follow.
pub(crate) const SEAL: &str = "--seal";

/// The packets: their name, how many files, and how long each.
const PACKETS: [(&str, usize, usize); 2] =
    [("10,000 files of 4 KiB", 10_000, 4 << 10), ("a file of 1 GiB", 1, 1 << 30)];

/// A key, a trust file that knows it, gpg with a key of its own, and what packets are made of.
struct Bench {
    dir: tempfile::TempDir,
    files: usize,
}

/// Prints the tables.
pub(crate) fn print(rounds: usize, verifier: &Path) -> Outcome<()> {
    let mut most = Vec::new();
    for (name, files, size) in PACKETS {
        let bench = Bench::new(files, size)?;
        let signer = bench.signer()?;
        let contestants: Contestants<'_> = vec![
            ("bare loop, two threads", Box::new(|| blocking(|| bench.bare()))),
            ("sha256sum, gpg", Box::new(|| bench.by_stock_tools())),
            ("seal", Box::new(|| bench.seal(&signer))),
        ];
        compare(&format!("Sealing {name}"), rounds, contestants)?;
        let packet = bench.packet("sealed")?;
        packet.seal(&signer, "bench", "seal", SystemTime::now())?;
        let (sealed, trust) =
            (bench.path("sealed"), Trust::load(&bench.path("trust.toml")).map_err(|_| "no trust")?);
        let contestants: Contestants<'_> = vec![
            ("bare loop, two threads", Box::new(|| blocking(|| bench.bare()))),
            ("sha256sum -c, gpg --verify", Box::new(|| bench.checked_by_stock_tools())),
            ("verify", Box::new(|| blocking(|| verified(&sealed, &trust)))),
            ("fabric-verify", Box::new(|| processes(|| run(&mut bench.verifier(verifier, &sealed))))),
        ];
        compare(&format!("Verifying {name}"), rounds, contestants)?;
        most.push((name, bench));
    }
    println!("\nThe most memory of each process\n");
    println!("| {:<14} | {:<7} | {:>8} |\n|:{:-<14}-|:{:-<7}-|{:->9}:|", "", "", "MiB", "", "", "");
    for (name, bench) in &most {
        println!("{name}:");
        let mut seal = Command::new(std::env::current_exe()?);
        seal.arg(SEAL).arg(bench.dir.path());
        memory::print("seal", seal)?;
        memory::print("fabric-verify", bench.verifier(verifier, &bench.path("sealed")))?;
    }
    Ok(())
}

/// What [`SEAL`] starts.
pub(crate) fn be_sealer(dir: &Path) -> Outcome<()> {
    let packet = packet(dir, "for-memory")?;
    packet.seal(&Signer::load(&dir.join("key.asc"))?, "bench", "seal", SystemTime::now())?;
    Ok(())
}

fn verified(packet: &Path, trust: &Trust) -> Outcome<()> {
    verify(packet, trust, SystemTime::now()).map(drop).map_err(|findings| format!("{findings:?}").into())
}

fn run(command: &mut Command) -> Outcome<()> {
    let ran = command.output()?;
    if ran.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&ran.stderr)).into())
}

/// A packet that is not sealed, whose artifacts are the files that lie there already.
fn packet(dir: &Path, name: &str) -> Outcome<PacketFolder> {
    let mut packet = PacketFolder::create(&dir.join(name))?;
    fs::DirBuilder::new().mode(0o700).create(dir.join(name).join("artifacts"))?;
    for entry in fs::read_dir(dir.join("files"))? {
        let entry = entry?;
        fs::hard_link(entry.path(), dir.join(name).join("artifacts").join(entry.file_name()))?;
    }
    let fingerprint = fs::read_to_string(dir.join("fingerprint"))?;
    let digest = Digest::of(b"bench");
    let started: Event = serde_json::from_value(json!({"kind": "run_started", "head": {
        "run_id": name, "version": "0.1.0", "mode": "rehearse", "act": "observe", "started": "2026-01-01T00:00:00.000Z",
        "site": {"name": "bench", "realm": "twin", "digest": digest},
        "script": {"path": "bench.rhai", "digest": digest, "title": "bench", "kind": "acceptance", "reach": "observe"},
        "modules": [], "policy": digest, "trust": digest, "principal": {"fingerprint": fingerprint, "roles": ["bench"]},
        "params": {}, "host": {"hostname": "bench", "user": "bench"}, "boundary": "none"}}))?;
    for event in
        [started, Event::WorkerEnded { how: WorkerEnd::Finished }, Event::RunEnded { exits: Vec::new() }]
    {
        packet.journal().append(SystemTime::now(), &event)?;
    }
    Ok(packet)
}

impl Bench {
    fn new(files: usize, size: usize) -> Outcome<Self> {
        let bench = Self { dir: tempfile::Builder::new().prefix("fb").tempdir()?, files };
        let cert = key::generate("bench <bench@localhost>", SystemTime::now())?;
        let fingerprint = key::fingerprint(&cert)?;
        key::write_secret(&bench.path("key.asc"), &cert)?;
        fs::write(bench.path("cert.asc"), key::public_armored(&cert)?)?;
        fs::write(bench.path("fingerprint"), fingerprint.to_string())?;
        fs::write(
            bench.path("trust.toml"),
            format!(
                "format = 1\n[[principal]]\nname = \"bench\"\ncertificate = \"cert.asc\"\nfingerprint = \"{fingerprint}\"\nroles = [\"bench\"]\n"
            ),
        )?;
        fs::create_dir(bench.path("files"))?;
        // Text, as logs and answers are: what looks like a secret is searched for in it.
        let line = "2026-01-01T00:00:00Z dns-edge-1 keepalived[812]: (VI_1) Entering MASTER STATE, 192.168.11.100 is ours\n";
        let content = line.repeat(size / line.len() + 1);
        for number in 0..files {
            fs::write(
                bench.path("files").join(format!("{number}.log")),
                content.get(..size).unwrap_or_default(),
            )?;
        }
        fs::DirBuilder::new().mode(0o700).create(bench.path("gnupg"))?;
        run(bench.gpg().args(["--passphrase", "", "--quick-gen-key", "bench", "ed25519", "sign", "never"]))?;
        Ok(bench)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn signer(&self) -> Outcome<Signer> {
        Ok(Signer::load(&self.path("key.asc"))?)
    }

    fn packet(&self, name: &str) -> Outcome<PacketFolder> {
        packet(self.dir.path(), name)
    }

    fn gpg(&self) -> Command {
        let mut gpg = Command::new("gpg");
        gpg.env("GNUPGHOME", self.path("gnupg")).arg("--batch");
        gpg
    }

    fn verifier(&self, program: &Path, packet: &Path) -> Command {
        let mut command = Command::new(program);
        command.arg(packet).arg("--trust").arg(self.path("trust.toml"));
        command
    }

    /// Reads and digests every file, and keeps nothing.
    fn bare(&self) -> Outcome<()> {
        let names: Vec<PathBuf> = fs::read_dir(self.path("files"))?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()?;
        let (one, other) = names.split_at(names.len() / 2);
        thread::scope(|scope| {
            let half = scope.spawn(|| digests(one));
            digests(other)?;
            half.join().map_err(|_| io::Error::other("a thread ended"))?
        })?;
        Ok(())
    }

    fn seal(&self, signer: &Signer) -> Outcome<Sample> {
        let packet = self.packet("a")?;
        let sample = blocking(|| {
            packet.seal(signer, "bench", "seal", SystemTime::now())?;
            Ok(())
        })?;
        fs::remove_dir_all(self.path("a"))?;
        Ok(sample)
    }

    fn by_stock_tools(&self) -> Outcome<Sample> {
        let _before = fs::remove_file(self.path("sums.asc"));
        processes(|| {
            let listed = (0..self.files).map(|number| format!("files/{number}.log"));
            let sums = Command::new("sha256sum").current_dir(self.dir.path()).args(listed).output()?;
            fs::write(self.path("sums"), sums.stdout)?;
            run(self.gpg().args(["--armor", "--detach-sign"]).arg(self.path("sums")))
        })
    }

    fn checked_by_stock_tools(&self) -> Outcome<Sample> {
        processes(|| {
            run(Command::new("sha256sum").current_dir(self.dir.path()).args(["--check", "--quiet", "sums"]))?;
            run(self.gpg().arg("--verify").arg(self.path("sums.asc")).arg(self.path("sums")))
        })
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ended =
            Command::new("gpgconf").env("GNUPGHOME", self.path("gnupg")).args(["--kill", "all"]).output();
    }
}

fn digests(names: &[PathBuf]) -> io::Result<()> {
    names.iter().try_for_each(|name| {
        std::hint::black_box(Digest::of_stream(fs::File::open(name)?)?);
        Ok(())
    })
}
