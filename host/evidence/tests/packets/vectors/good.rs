//! Sound packets: each way in which a run can end, each kind of value, and each set of sidecars.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use fabric_evidence::attestation::attest;
use fabric_evidence::document::Documents;
use fabric_evidence::event::{CheckVerdict, FileRecord, Mode, RunHead, WorkerEnd};
use fabric_evidence::orphan::Orphan;
use fabric_evidence::packet::Sealed;
use fabric_evidence::sidecar::countersign;
use fabric_evidence::{Event, PacketFolder, Signer, probe, verify};
use fabric_model::check::Place;
use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use fabric_model::{Digest, Value};
use serde_json::json;

use super::yard::{TRUSTED, Yard};
use crate::changing::{self, SAMPLES, event};
use crate::countersigned::now;
use crate::sample::{self, later, start, unlock};

/// Makes a packet of this name and brings its folder.
type Seal = fn(&Yard, &str) -> PathBuf;

pub(super) const PACKETS: &[(&str, Seal)] = &[
    ("observed", |y, name| y.bench.seal(name).dir),
    ("planned", |y, name| changing::planned(&y.bench, name).dir),
    ("gameday", |y, name| changing::gameday(&y.bench, name).dir),
    // How checks end.
    ("all-passed", |y, name| ended(y, name, &[CheckVerdict::Pass, CheckVerdict::Pass], &[])),
    ("one-failed", |y, name| ended(y, name, &[failed(1.into(), 2.into())], &[Exit::ChecksFailed])),
    ("not-measurable", |y, name| ended(y, name, &[error("the VIP does not answer")], &[Exit::NotMeasurable])),
    ("skipped", |y, name| {
        ended(y, name, &[CheckVerdict::Skip { reason: "no VIP".to_owned() }], &[Exit::NotMeasurable])
    }),
    ("without-checks", |y, name| ended(y, name, &[], &[])),
    ("forty-checks", |y, name| ended(y, name, &vec![CheckVerdict::Pass; 40], &[])),
    // Values that JSON alone would change.
    ("whole-float", |y, name| {
        ended(y, name, &[failed(Value::Float(1.0), Value::Int(1))], &[Exit::ChecksFailed])
    }),
    ("not-a-number", |y, name| {
        ended(y, name, &[failed(Value::Float(f64::NAN), Value::Float(f64::INFINITY))], &[Exit::ChecksFailed])
    }),
    ("large-integers", |y, name| {
        ended(y, name, &[failed(Value::Int(i64::MIN), Value::Int(i64::MAX))], &[Exit::ChecksFailed])
    }),
    ("dollar-keys", |y, name| {
        let table = |key: &str| Value::from_iter([(key.to_owned(), Value::from("1.0"))]);
        ended(y, name, &[failed(table("$float"), table("$anything"))], &[Exit::ChecksFailed])
    }),
    ("text-of-all-kinds", |y, name| {
        let text = "caf\u{e9} cafe\u{301} \u{202e}right to left\u{7}\u{0}<script>\"|`\u{1f512}";
        ended(y, name, &[failed(text.into(), "".into())], &[Exit::ChecksFailed])
    }),
    ("parameters", |y, name| {
        told(y, name, observed_events(&[CheckVerdict::Pass]), &[], |head| {
            head.params = BTreeMap::from([
                ("list".to_owned(), Value::from_iter([Value::Int(1), Value::Null, Value::Bool(true)])),
                ("timeout".to_owned(), Value::Float(-0.0)),
            ]);
        })
    }),
    ("modules", |y, name| {
        told(y, name, observed_events(&[CheckVerdict::Pass]), &[], |head| {
            let module =
                |path: &str| FileRecord { path: path.to_owned(), digest: Digest::of(path.as_bytes()) };
            head.modules = vec![module("acceptance/lib/pair"), module("acceptance/lib/zones")];
        })
    }),
    // Where it ran.
    ("on-the-lab", |y, name| {
        told(y, name, observed_events(&[CheckVerdict::Pass]), &[], |head| at(head, Realm::Lab))
    }),
    ("on-the-real-site", |y, name| {
        told(y, name, observed_events(&[CheckVerdict::Pass]), &[], |head| at(head, Realm::Real))
    }),
    ("offline", |y, name| {
        told(y, name, observed_events(&[CheckVerdict::Pass]), &[], |head| {
            head.mode = Mode::Offline;
            head.recording = Some(Digest::of(b"recording"));
        })
    }),
    // How the script ended.
    ("threw", |y, name| {
        worker(y, name, &WorkerEnd::Threw { message: "line 3: no such function".to_owned() }, Exit::Script)
    }),
    ("over-a-limit", |y, name| {
        worker(y, name, &WorkerEnd::Limit { message: "operations".to_owned() }, Exit::Limit)
    }),
    ("killed-early", |y, name| recovered(y, name, 2, 0)),
    ("killed-within-a-line", |y, name| recovered(y, name, 5, 17)),
    ("killed-before-the-seal", |y, name| recovered(y, name, usize::MAX, 0)),
    // What became of changes.
    ("undo-in-conflict", |y, name| undone(y, name, &json!({"undone": "conflict", "seen": {"active": true}}))),
    ("undo-not-needed", |y, name| undone(y, name, &json!({"undone": "already", "seen": {"active": true}}))),
    ("exercise", |y, name| {
        let mut events =
            changing::gameday_events(&y.bench, name, json!({"undone": "restored", "seen": {"active": true}}));
        if let Some(Event::RunStarted { head }) = events.first_mut() {
            head.script.kind = "dr".to_owned();
        }
        changing::seal(
            &y.bench,
            name,
            &events,
            &[(SAMPLES, &probe::to_bytes(&changing::samples()).expect("short"))],
        )
        .dir
    }),
    // Artifacts.
    ("empty-artifact", |y, name| with_artifacts(y, name, &["empty"], b"")),
    ("deep-artifact", |y, name| with_artifacts(y, name, &["a/b/c/d/e/f.txt"], b"deep\n")),
    ("forty-artifacts", |y, name| {
        let names: Vec<String> = (0..40).map(|n| format!("n{n:02}.bin")).collect();
        with_artifacts(y, name, &names.iter().map(String::as_str).collect::<Vec<_>>(), &[0, 255, 13, 10])
    }),
    ("documents", documents),
    // Sidecars.
    ("without-statement", |y, name| {
        let dir = y.bench.seal(name).dir;
        unlock(&dir);
        fs::remove_file(dir.join("statement.dsse.json")).expect("there");
        dir
    }),
    ("countersigned", |y, name| countersigned(y, name, &[(&y.second, "security")])),
    ("countersigned-twice", |y, name| {
        countersigned(y, name, &[(&y.second, "security"), (&y.third, "legal")])
    }),
    ("sealed-by-a-card", |y, name| by_card(y, name)),
    ("attested-by-another", |y, name| {
        let dir = by_card(y, name);
        countersign(&dir, &y.second, "security", later()).expect("usable");
        let verified = verify(&dir, &y.trust(TRUSTED), now()).expect("it verifies");
        attest(&dir, &verified, &y.second).expect("usable").expect("a key file");
        dir
    }),
    ("stamped", |y, name| {
        let dir = countersigned(y, name, &[(&y.second, "security")]);
        for signer in [&y.bench.signer, &y.second] {
            y.stamp(&Yard::signature(&dir, signer));
        }
        dir
    }),
    ("one-of-two-stamped", |y, name| {
        let dir = countersigned(y, name, &[(&y.second, "security")]);
        y.stamp(&Yard::signature(&dir, &y.second));
        dir
    }),
    ("stamped-gameday", |y, name| {
        let sealed = changing::gameday(&y.bench, name);
        y.stamp(&sealed.signature);
        sealed.dir
    }),
    ("stamped-card", |y, name| {
        let dir = by_card(y, name);
        y.stamp(&Yard::signature(&dir, &y.card));
        dir
    }),
];

/// A run of checks that end so, without its beginning and its end.
fn observed_events(verdicts: &[CheckVerdict]) -> Vec<Event> {
    let one = |(n, verdict): (u32, &CheckVerdict)| {
        [
            event(json!({"kind": "check_begun", "check": n, "place": [n], "title": format!("check {n}")})),
            Event::CheckEnded { check: n.into(), verdict: verdict.clone(), took_ms: 5 },
        ]
    };
    (1..).zip(verdicts).flat_map(one).collect()
}

fn failed(expected: Value, observed: Value) -> CheckVerdict {
    CheckVerdict::Fail { what: "serial".to_owned(), expected, observed }
}

fn error(message: &str) -> CheckVerdict {
    serde_json::from_value(json!({"status": "error", "message": message})).expect("a verdict")
}

fn at(head: &mut RunHead, realm: Realm) {
    head.mode = Mode::Run;
    head.site.realm = realm;
}

fn ended(yard: &Yard, name: &str, verdicts: &[CheckVerdict], exits: &[Exit]) -> PathBuf {
    told(yard, name, observed_events(verdicts), exits, |_| {})
}

/// A run of these events, whose head is changed.
fn told(
    yard: &Yard,
    name: &str,
    events: Vec<Event>,
    exits: &[Exit],
    change: impl Fn(&mut RunHead),
) -> PathBuf {
    let mut head = sample::head(name, yard.bench.principal());
    change(&mut head);
    let mut all = vec![Event::RunStarted { head: Box::new(head) }];
    all.extend(events);
    all.push(Event::WorkerEnded { how: WorkerEnd::Finished });
    all.push(Event::RunEnded { exits: exits.to_vec() });
    changing::seal(&yard.bench, name, &all, &[]).dir
}

fn worker(yard: &Yard, name: &str, how: &WorkerEnd, exit: Exit) -> PathBuf {
    let events = [
        Event::RunStarted { head: Box::new(sample::head(name, yard.bench.principal())) },
        Event::WorkerEnded { how: how.clone() },
        Event::RunEnded { exits: vec![exit] },
    ];
    changing::seal(&yard.bench, name, &events, &[]).dir
}

/// A run whose host was killed when so many lines and bytes were written.
fn recovered(yard: &Yard, name: &str, lines: usize, bytes: u64) -> PathBuf {
    let packet = yard.bench.open_packet(name);
    let dir = packet.dir().to_owned();
    drop(packet);
    let path = dir.join("journal.jsonl");
    let journal = fs::read(&path).expect("there");
    let kept: usize = journal.split_inclusive(|b| *b == b'\n').take(lines).map(<[u8]>::len).sum();
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(kept as u64 + bytes))
        .expect("room");
    let packet = Orphan::open(&dir)
        .and_then(|orphan| orphan.adopt(yard.bench.principal(), None, later()))
        .expect("an orphan");
    sealed(packet, &yard.bench.signer, "recover").dir
}

fn sealed(packet: PacketFolder, signer: &Signer, intent: &str) -> Sealed {
    packet.seal(signer, "site-dev", intent, later()).expect("a usable key")
}

fn undone(yard: &Yard, name: &str, how: &serde_json::Value) -> PathBuf {
    let events = changing::gameday_events(&yard.bench, name, how.clone());
    let samples = probe::to_bytes(&changing::samples()).expect("short");
    changing::seal(&yard.bench, name, &events, &[(SAMPLES, &samples)]).dir
}

fn with_artifacts(yard: &Yard, name: &str, names: &[&str], bytes: &[u8]) -> PathBuf {
    let packet = yard.bench.open_packet(name);
    for artifact in names {
        packet.artifact(artifact, bytes).expect("a good name");
    }
    sealed(packet, &yard.bench.signer, "seal").dir
}

/// A run whose script wrote a document of each kind.
fn documents(yard: &Yard, name: &str) -> PathBuf {
    let written: [(&str, Value); 4] = [
        ("checklist.json", Value::from_iter([("decision".to_owned(), Value::from("NO-GO"))])),
        ("hosts/dns-edge-1/packages.csv", "name,version\n".into()),
        ("timeline.md", "# Timeline | <b>\n".into()),
        ("sums.sha256", "".into()),
    ];
    let mut head = sample::head(name, yard.bench.principal());
    head.script.kind = "forensics".to_owned();
    let mut documents = Documents::default();
    let mut events = vec![Event::RunStarted { head: Box::new(head) }];
    let mut artifacts = Vec::new();
    for (name, content) in &written {
        let (artifact, bytes) = documents.admit(name, content).expect("it fits");
        let digest = Digest::of(&bytes);
        events.push(Event::DocumentKept { place: Place(vec![1]), artifact: artifact.clone(), digest });
        artifacts.push((artifact, bytes));
    }
    events.push(Event::WorkerEnded { how: WorkerEnd::Finished });
    events.push(Event::RunEnded { exits: Vec::new() });
    let artifacts: Vec<(&str, &[u8])> =
        artifacts.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    changing::seal(&yard.bench, name, &events, &artifacts).dir
}

fn countersigned(yard: &Yard, name: &str, by: &[(&Signer, &str)]) -> PathBuf {
    let dir = yard.bench.seal(name).dir;
    for (signer, role) in by {
        countersign(&dir, signer, role, later()).expect("a usable key");
    }
    dir
}

/// Sealed by somebody whose key another program has.
fn by_card(yard: &Yard, name: &str) -> PathBuf {
    let mut principal = yard.bench.principal();
    principal.fingerprint = yard.card.fingerprint().clone();
    let mut packet = PacketFolder::create(&yard.bench.path("runs").join(name)).expect("new");
    for (n, event) in sample::events(name, principal).iter().enumerate() {
        packet.journal().append(start() + Duration::from_millis(n as u64 * 40), event).expect("room");
    }
    packet.seal(&yard.card, "site-dev", "seal", now()).expect("a usable card").dir
}
