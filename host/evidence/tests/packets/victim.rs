//! A sealed packet to tamper with.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use fabric_evidence::journal::{self, Torn};
use fabric_evidence::{Event, Finding, Journal, Signer, canonical, derive, report, verify};
use fabric_model::Digest;

use crate::sample::{Bench, files, later, start};

/// A packet on the bench, unlocked for tampering.
pub(crate) struct Victim {
    pub(crate) bench: Rc<Bench>,
    pub(crate) dir: std::path::PathBuf,
    pub(crate) signature: std::path::PathBuf,
}

impl Victim {
    pub(crate) fn new() -> Self {
        let bench = Rc::new(Bench::new());
        let good = bench.seal("run-1").dir;
        Self::on(&bench, "victim", &good)
    }

    /// A copy of a good packet, without its statement, which whoever forges would leave out.
    pub(crate) fn on(bench: &Rc<Bench>, name: &str, good: &Path) -> Self {
        let victim = Self::whole(bench, name, good);
        let statement = victim.dir.join("statement.dsse.json");
        if statement.exists() {
            fs::remove_file(statement).expect("ours");
        }
        victim
    }

    /// A copy of a good packet.
    pub(crate) fn whole(bench: &Rc<Bench>, name: &str, good: &Path) -> Self {
        let dir = bench.path("victims").join(name);
        for file in files(good) {
            let to = dir.join(file.strip_prefix(good).expect("below it"));
            fs::create_dir_all(to.parent().expect("below it")).expect("room");
            fs::write(to, fs::read(&file).expect("readable")).expect("room");
        }
        let signature = dir.join("signatures").join(format!("{}.asc", bench.signer.fingerprint()));
        Self { bench: Rc::clone(bench), dir, signature }
    }

    pub(crate) fn findings(&self, now: SystemTime) -> Vec<Finding> {
        verify(&self.dir, &self.bench.trust(), now).expect_err("tampered with")
    }

    pub(crate) fn classes(&self) -> Vec<&'static str> {
        self.findings(later()).iter().map(|f| f.class).collect()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name)).expect("text")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.dir.join(name), content).expect("room");
    }

    /// Lists every core file anew and signs again: whoever holds the key can do that, and only the content checks are left.
    pub(crate) fn reseal(&self) {
        let mut lines = Vec::new();
        for file in files(&self.dir) {
            let name = file.strip_prefix(&self.dir).expect("below it").to_string_lossy().into_owned();
            if name != "manifest.sha256" && !name.starts_with("signatures/") {
                lines.push(format!("{}  {name}\n", Digest::of(&fs::read(&file).expect("readable"))));
            }
        }
        self.write("manifest.sha256", lines.concat());
        self.resign();
    }

    /// Tells another journal, whose chain holds, with the records and reports that follow from it, and seals it.
    pub(crate) fn tell(&self, change: impl Fn(Vec<Event>) -> Vec<Event>) {
        self.retell(change);
        let told = journal::read(self.read("journal.jsonl").as_bytes(), Torn::Refuse).expect("a chain").lines;
        let (run, checks) = derive::records(&told).expect("a story");
        let line = |record: Vec<u8>| [record, b"\n".to_vec()].concat();
        self.write("run.json", line(canonical::bytes(&run).expect("plain data")));
        self.write("checks.json", line(canonical::bytes(&checks).expect("plain data")));
        self.write("report.md", report::render(&run, &checks));
        self.write("report.html", report::page::render(&run, &checks, &BTreeMap::new()));
        self.reseal();
    }

    /// Tells another journal, whose chain holds, and seals it: the records stay as they were.
    pub(crate) fn retell(&self, change: impl Fn(Vec<Event>) -> Vec<Event>) {
        let told = journal::read(self.read("journal.jsonl").as_bytes(), Torn::Refuse).expect("a chain").lines;
        let events: Vec<Event> = told.into_iter().map(|line| line.event).collect();
        let path = self.dir.join("journal.jsonl");
        fs::remove_file(&path).expect("there");
        let mut journal = Journal::create(&path).expect("new");
        for event in change(events) {
            journal.append(start(), &event).expect("room");
        }
        self.reseal();
    }

    pub(crate) fn resign(&self) {
        self.sign_as(&self.bench.signer, "site-dev");
    }

    pub(crate) fn sign_as(&self, signer: &Signer, role: &str) {
        let manifest = fs::read(self.dir.join("manifest.sha256")).expect("there");
        let armored = signer.sign(&manifest, role, "seal", start() + Duration::from_secs(9)).expect("usable");
        let path = self.dir.join("signatures").join(format!("{}.asc", signer.fingerprint()));
        fs::write(path, armored).expect("room");
    }
}
