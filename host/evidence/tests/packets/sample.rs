//! A sealed packet of a small run, with keys and a trust file, for the tests of this folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fabric_evidence::event::{
    Act, CallOutcome, CheckVerdict, Event, FaultRecord, HostRecord, Mode, Principal, RuleRecord, RunHead,
    ScriptRecord, SiteRecord, Target, WorkerEnd, arguments_digest,
};
use fabric_evidence::packet::Sealed;
use fabric_evidence::{Fingerprint, PacketFolder, Signer, Stamp, Trust, key};
use fabric_model::check::{Basis, Place};
use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use fabric_model::{Class, Code, Digest, Fault, Stage, Value};
use sequoia_openpgp::Cert;
use tempfile::TempDir;

/// The time at which the sample runs begin.
pub(crate) fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

/// A time well after the seal.
pub(crate) fn later() -> SystemTime {
    start() + Duration::from_secs(3600)
}

/// A folder with a key, a trust file that knows it, and room for packets.
pub(crate) struct Bench {
    pub(crate) dir: TempDir,
    pub(crate) cert: Cert,
    pub(crate) signer: Signer,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let cert = new_cert();
        let signer = Signer::from_cert(cert.clone()).expect("Ed25519");
        let bench = Self { dir, cert, signer };
        fs::create_dir(bench.path("certs")).expect("new");
        bench.add_certificate("a", &bench.signer.public_armored().expect("a certificate"));
        bench.write_trust(&entry("a", bench.signer.fingerprint(), &["site-dev"], ""));
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn add_certificate(&self, name: &str, armored: &[u8]) {
        fs::write(self.path("certs").join(format!("{name}.asc")), armored).expect("room");
    }

    pub(crate) fn write_trust(&self, entries: &str) {
        fs::write(self.path("trust.toml"), format!("format = 1\n{entries}")).expect("room");
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::load(&self.path("trust.toml")).expect("a good trust file")
    }

    pub(crate) fn principal(&self) -> Principal {
        Principal {
            fingerprint: self.signer.fingerprint().clone(),
            roles: vec!["site-dev".parse().expect("a word")],
        }
    }

    /// A run of three checks and one denial, not sealed.
    pub(crate) fn open_packet(&self, run_id: &str) -> PacketFolder {
        self.open_packet_in(&self.path("runs"), run_id)
    }

    /// The same in another folder of packets.
    pub(crate) fn open_packet_in(&self, runs: &Path, run_id: &str) -> PacketFolder {
        let mut packet = PacketFolder::create(&runs.join(run_id)).expect("new");
        for (n, event) in events(run_id, self.principal()).iter().enumerate() {
            let at = start() + Duration::from_millis(n as u64 * 40);
            packet.journal().append(at, event).expect("room");
        }
        packet
    }

    pub(crate) fn seal(&self, run_id: &str) -> Sealed {
        let packet = self.open_packet(run_id);
        packet.artifact("answers/soa.txt", b"an answer\n").expect("a good name");
        packet.seal(&self.signer, "site-dev", "seal", start() + Duration::from_secs(9)).expect("a usable key")
    }
}

fn new_cert() -> Cert {
    key::generate("Site key <site@samakia.example>", start() - Duration::from_secs(60)).expect("entropy")
}

pub(crate) fn new_signer() -> Signer {
    Signer::from_cert(new_cert()).expect("Ed25519")
}

/// One `[[principal]]` of a trust file, with its certificate in `certs/NAME.asc`.
pub(crate) fn entry(name: &str, fingerprint: &Fingerprint, roles: &[&str], more: &str) -> String {
    format!(
        "[[principal]]\nname = \"{name}\"\ncertificate = \"certs/{name}.asc\"\nfingerprint = \"{fingerprint}\"\nroles = {roles:?}\n{more}\n"
    )
}

/// A run of three checks and one denial.
pub(crate) fn events(run_id: &str, principal: Principal) -> Vec<Event> {
    let mut events = vec![
        Event::RunStarted { head: Box::new(head(run_id, principal)) },
        begun(2, "serials are equal"),
        begun(1, "the zone is served"),
    ];
    events.extend(answered_query());
    events.extend([
        ended(1, CheckVerdict::Pass, 5),
        Event::Printed { place: Place(vec![1]), text: "\u{1b}[2Jhello".to_owned() },
        ended(2, hostile_failure(), 80),
    ]);
    events.extend(denied_probe());
    events.extend([
        begun(3, "TLS"),
        ended(3, CheckVerdict::Skip { reason: "no VIP".to_owned() }, 0),
        Event::WorkerEnded { how: WorkerEnd::Finished },
        Event::RunEnded { exits: vec![Exit::Denied, Exit::ChecksFailed] },
    ]);
    events
}

pub(crate) fn head(run_id: &str, principal: Principal) -> RunHead {
    let digest = |text: &str| Digest::of(text.as_bytes());
    RunHead {
        run_id: run_id.parse().expect("a word"),
        version: "0.1.0".to_owned(),
        mode: Mode::Rehearse,
        act: Act::Observe,
        started: Stamp::of(start()),
        site: SiteRecord {
            name: "samakia".parse().expect("a word"),
            realm: Realm::Twin,
            digest: digest("site"),
        },
        script: ScriptRecord {
            path: "acceptance/dns.rhai".to_owned(),
            digest: digest("script"),
            title: "DNS plane | acceptance".to_owned(),
            kind: "acceptance".to_owned(),
            reach: Class::Observe,
        },
        modules: Vec::new(),
        policy: digest("policy"),
        trust: digest("trust"),
        principal,
        params: BTreeMap::from([("timeout".to_owned(), Value::Float(2.0))]),
        host: HostRecord { hostname: "runner".to_owned(), user: "operator".to_owned() },
        boundary: "reduced: no Landlock or seccomp in this version".to_owned(),
        confinement: None,
        recovered_from: None,
        recording: None,
    }
}

/// Checks of the sample stand at the step of their number.
fn begun(check: u32, title: &str) -> Event {
    Event::CheckBegun { check: check.into(), place: Place(vec![check]), title: title.to_owned() }
}

fn ended(check: u64, verdict: CheckVerdict, took_ms: u64) -> Event {
    Event::CheckEnded { check, verdict, took_ms }
}

/// What a remote host answers that wants to write in the report.
fn hostile_failure() -> CheckVerdict {
    CheckVerdict::Fail {
        what: "serial".to_owned(),
        expected: Value::Int(2_026_010_100),
        observed: Value::from("<b>\u{1b}[31m|evil|\u{202e}"),
    }
}

fn request(call_id: u32, check: Option<u64>, primitive: &str) -> Event {
    let arguments = Value::from_iter([("name".to_owned(), Value::from("dns.example"))]);
    Event::CallRequested {
        call_id: call_id.into(),
        place: Place(vec![2, call_id]),
        check,
        primitive: primitive.to_owned(),
        arguments_digest: arguments_digest(&arguments).expect("plain"),
        arguments,
    }
}

fn answered_query() -> [Event; 3] {
    let target =
        Target { name: "vip:dns".to_owned(), addresses: vec!["192.168.11.100".parse().expect("an address")] };
    let granted = Event::CallGranted {
        call_id: 1,
        resources: vec!["vip:dns".to_owned()],
        grants: vec![RuleRecord { file: "policy.toml".to_owned(), line: 12 }],
        targets: vec![target],
    };
    let finished = Event::CallFinished {
        call_id: 1,
        outcome: CallOutcome::Value(Value::from_iter([("ttl".to_owned(), Value::Int(300))])),
        transport: Some("udp".to_owned()),
        basis: Some(Basis::Probed),
        took_ms: 3,
    };
    [request(1, Some(1), "dns.query"), granted, finished]
}

fn denied_probe() -> [Event; 2] {
    let denial = Fault::new(Code::DeniedResource, Stage::Gate, "no rule grants `tls.probe` on vip:minio")
        .hint("Add `\"tls.probe\" = [\"vip:minio\"]` to policy.toml.");
    [request(2, None, "tls.probe"), Event::CallDenied { call_id: 2, fault: FaultRecord::from(&denial) }]
}

/// Makes every file of a packet writable again, as whoever tampers with one would.
pub(crate) fn unlock(dir: &Path) {
    for path in files(dir) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("our file");
    }
}

/// Every file below a folder.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
