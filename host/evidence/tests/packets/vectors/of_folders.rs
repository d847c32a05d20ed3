//! Folders of packets: with labels beside a packet, a log, and what stands in the place of one that was pruned.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fabric_evidence::label::{self, Act};
use fabric_evidence::log::{self, Entry, audit, witness};
use fabric_evidence::prune::prune;
use fabric_evidence::{Severity, Signer, Stamp, Trust, canonical, sidecar, verify};
use fabric_model::Digest;
use serde_json::{Value, json};

use super::yard::{LEVELLED, Yard};
use crate::countersigned::now;
use crate::labels::{classify, declare, release, slug, withdraw};
use crate::sample::{later, start};

/// The packet that labels are about.
pub(super) const PACKET: &str = "run-1";

/// Makes a folder of packets.
type Make = fn(&Yard, &Path);

/// The name of a sound folder, and how it is made. [`PACKET`] lies there, or lay there.
pub(super) const FOLDERS: &[(&str, Make)] = &[
    ("labelled", |y, runs| {
        seal(y, runs, PACKET, 9);
        add(y, runs, &y.commander, "commander", classify(Severity::S3));
        countersign(y, runs, 0);
        sidecar::countersign(&runs.join(PACKET), &y.second, "security", later()).expect("usable");
        add(y, runs, &y.second, "security", declare("case-7"));
        add(y, runs, &y.commander, "commander", Act::Retain { until: Stamp::of(start()).plus_days(4000) });
        y.stamp(&signature(runs, 0, &y.commander));
    }),
    ("released", |y, runs| {
        seal(y, runs, PACKET, 9);
        add(y, runs, &y.second, "security", declare("case-7"));
        add(y, runs, &y.third, "legal", release("case-7"));
        countersign(y, runs, 1);
        add(y, runs, &y.third, "legal", declare("case-8"));
        add(y, runs, &y.third, "legal", release("case-8"));
        add(y, runs, &y.second, "security", withdraw("case-8"));
    }),
    ("logged", |y, runs| {
        seal(y, runs, PACKET, 9);
        seal(y, runs, "run-2", 19);
        witnessed(y, runs);
    }),
    ("pruned", |y, runs| {
        seal(y, runs, PACKET, 9);
        add(y, runs, &y.commander, "commander", classify(Severity::S1));
        let trust = y.trust(LEVELLED);
        prune(runs, &[], &trust, &y.records, &slug("records"), "over", after(100)).expect("it is due");
        y.stamp(&runs.join(format!("pruned/{PACKET}/{}.asc", y.records.fingerprint())));
        witnessed(y, runs);
    }),
];

/// Plants one defect in a copy of a folder.
type Defect = fn(&Yard, &Path);

/// The sound folder, class and name of the vector, the trust file, and the defect.
pub(super) const DEFECTS: &[(&str, &str, &str, &str, Defect)] = &[
    ("labelled", "label.chain", "first_missing", LEVELLED, |_, f| {
        fs::remove_dir_all(shelf(f, 0)).expect("there");
    }),
    ("labelled", "label.chain", "made_anew", LEVELLED, |y, f| {
        said_anew(f, 1, &y.second, "security", "/prev", json!(Digest::of(b"another")));
    }),
    ("labelled", "label.form", "note", LEVELLED, |_, f| write(&shelf(f, 1).join("note.txt"), "mine\n")),
    ("labelled", "label.form", "space", LEVELLED, |_, f| {
        change(&statement(f, 1), |text| text.replacen('{', "{ ", 1))
    }),
    ("labelled", "label.form", "format_two", LEVELLED, |y, f| {
        said_anew(f, 1, &y.second, "security", "/format", json!(2));
    }),
    ("labelled", "label.form", "unknown_act", LEVELLED, |y, f| {
        said_anew(f, 1, &y.second, "security", "/act/kind", json!("hold_forget"));
    }),
    ("labelled", "label.packet", "of_another_run", LEVELLED, |y, f| {
        said_anew(f, 1, &y.second, "security", "/run_id", json!("run-2"));
    }),
    ("labelled", "label.level", "no_table", "trust.toml", |_, _| {}),
    ("labelled", "label.role", "commander_for_auditor", "trust-levels-of-others.toml", |_, _| {}),
    ("labelled", "label.required", "one_of_two_signed", LEVELLED, |y, f| {
        fs::remove_file(signature(f, 0, &y.second)).expect("there");
    }),
    ("labelled", "label.unsigned", "author", LEVELLED, |y, f| {
        fs::remove_file(signature(f, 1, &y.second)).expect("there");
    }),
    ("labelled", "label.story", "declared_twice", LEVELLED, |y, f| {
        put(f, 3, &y.second, "security", &declare("case-7"));
    }),
    ("labelled", "label.story", "released_and_never_declared", LEVELLED, |y, f| {
        put(f, 3, &y.second, "security", &release("case-9"));
    }),
    ("labelled", "signature.bad", "label_changed", LEVELLED, |_, f| {
        change(&statement(f, 1), |text| text.replace("case-7", "case-8"));
    }),
    ("labelled", "signature.intent", "label_sealed", LEVELLED, |y, f| {
        let bytes = fs::read(statement(f, 1)).expect("there");
        write(
            &signature(f, 1, &y.second),
            y.second.sign(&bytes, "security", "seal", later()).expect("usable"),
        );
    }),
    ("labelled", "signature.file_name", "label_under_two_names", LEVELLED, |y, f| {
        fs::copy(signature(f, 1, &y.second), signature(f, 1, &y.third)).expect("room");
    }),
    ("labelled", "timestamp.form", "label", LEVELLED, |y, f| write(&answer(f, y), "granted\n")),
    ("labelled", "sidecar.stray", "label", LEVELLED, |y, f| fs::remove_file(answer(f, y)).expect("there")),
    ("released", "label.required", "nobody_classified", "trust-classified.toml", |_, _| {}),
    ("released", "label.story", "nothing_to_withdraw", LEVELLED, |y, f| {
        put(f, 5, &y.second, "security", &withdraw("case-8"));
    }),
    ("released", "label.role", "withdrawn_by_who_may_not", LEVELLED, |y, f| {
        put(f, 5, &y.commander, "commander", &withdraw("case-7"));
    }),
    ("labelled", "log.label", "signature_missing", LEVELLED, |y, f| {
        fs::remove_file(signature(f, 0, &y.second)).expect("there");
    }),
    ("labelled", "log.unlisted", "label", LEVELLED, |y, f| put(f, 3, &y.third, "legal", &declare("case-9"))),
    ("logged", "log.chain", "torn", LEVELLED, |_, f| {
        change(&f.join(log::NAME), |text| text.trim_end().to_owned());
    }),
    ("logged", "log.chain", "changed_line", LEVELLED, |_, f| {
        change(&f.join(log::NAME), |text| text.replacen("\"denied\"", "\"done\"", 1));
    }),
    ("logged", "log.duplicate", "packet", LEVELLED, |_, f| {
        entered(f, |entries| entries.push(entries.first().expect("one").clone()));
    }),
    ("logged", "log.back_dated", "put_in_later", LEVELLED, |_, f| entered(f, |entries| entries.swap(0, 1))),
    ("logged", "log.unlisted", "packet", LEVELLED, |_, f| entered(f, |entries| drop(entries.pop()))),
    ("logged", "log.rewritten", "line_left_out", LEVELLED, |_, f| entered(f, |entries| drop(entries.pop()))),
    ("logged", "log.removed", "packet", LEVELLED, |_, f| {
        fs::remove_dir_all(f.join(PACKET)).expect("there");
    }),
    ("logged", "log.replaced", "report_changed", LEVELLED, |_, f| {
        change(&f.join(PACKET).join("report.md"), |text| text.replace("FAIL", "pass"));
    }),
    ("logged", "log.head", "signed_as_something_else", LEVELLED, |y, f| {
        let head = f.join(format!("{}/00000001-{}.json", witness::FOLDER, y.second.fingerprint()));
        let armored = y.second.sign(&fs::read(&head).expect("there"), "security", "seal", later());
        write(&PathBuf::from(format!("{}.asc", head.display())), armored.expect("usable"));
    }),
    ("pruned", "log.tombstone", "changed", LEVELLED, |_, f| {
        change(&tombstone(f), |text| text.replace("\"over\"", "\"ever\""));
    }),
    ("pruned", "log.tombstone", "gone", LEVELLED, |_, f| {
        fs::remove_dir_all(f.join("pruned")).expect("there");
    }),
    ("pruned", "log.tombstone", "of_a_held_packet", LEVELLED, |y, f| {
        put(f, 1, &y.second, "security", &declare("case-7"));
    }),
    ("pruned", "log.tombstone", "timestamp_cut_off", LEVELLED, |y, f| {
        let answer = f.join(format!("pruned/{PACKET}/{}.asc.tsr", y.records.fingerprint()));
        let bytes = fs::read(&answer).expect("there");
        write(&answer, bytes.get(..bytes.len() - 1).unwrap_or_default());
    }),
    ("pruned", "log.removed", "never_entered", LEVELLED, |_, f| entered(f, |entries| drop(entries.pop()))),
];

/// Why a folder does not hold: its log with every packet, or, for a class of another name, its packet with the labels beside it.
pub(super) fn found(folder: &Path, class: Option<&str>, trust: &Trust) -> Vec<&'static str> {
    let mut findings = Vec::new();
    if class.is_none_or(|class| class.starts_with("log.")) {
        findings.extend(audit::audit(folder, trust, now(), true).err().unwrap_or_default());
    }
    let packet = folder.join(PACKET);
    if class.is_none_or(|class| !class.starts_with("log.")) && packet.exists() {
        findings.extend(verify(&packet, trust, now()).err().unwrap_or_default());
    }
    findings.iter().map(|finding| finding.class).collect()
}

fn seal(yard: &Yard, runs: &Path, run_id: &str, seconds: u64) {
    let packet = yard.bench.open_packet_in(runs, run_id);
    let at = start() + Duration::from_secs(seconds);
    packet.seal(&yard.bench.signer, "site-dev", "seal", at).expect("a usable key");
}

fn after(days: u64) -> SystemTime {
    start() + Duration::from_secs(days * 86_400)
}

fn add(yard: &Yard, runs: &Path, by: &Signer, role: &str, act: Act) {
    let trust = yard.trust(LEVELLED);
    label::add(&runs.join(PACKET), act, "a reason", by, &slug(role), &trust, later()).expect("it may");
}

/// `security` signs the label of somebody else.
fn countersign(yard: &Yard, runs: &Path, seq: u64) {
    let trust = yard.trust(LEVELLED);
    let (packet, role) = (runs.join(PACKET), slug("security"));
    label::countersign(&packet, seq, &yard.second, &role, &trust, later()).expect("it is asked for");
}

/// Has the head of the log signed.
fn witnessed(yard: &Yard, runs: &Path) {
    let lines = log::load(runs).expect("a chain");
    let last = lines.last().expect("a line");
    witness::sign(runs, last, &yard.second, "security", later()).expect("usable");
}

fn shelf(folder: &Path, seq: u64) -> PathBuf {
    folder.join(format!("{}/{PACKET}/{seq:04}", label::FOLDER))
}

fn statement(folder: &Path, seq: u64) -> PathBuf {
    shelf(folder, seq).join(label::NAME)
}

fn signature(folder: &Path, seq: u64, by: &Signer) -> PathBuf {
    shelf(folder, seq).join(format!("{}.asc", by.fingerprint()))
}

/// The timestamp of the commander's signature of the first label.
fn answer(folder: &Path, yard: &Yard) -> PathBuf {
    PathBuf::from(format!("{}.tsr", signature(folder, 0, &yard.commander).display()))
}

fn tombstone(folder: &Path) -> PathBuf {
    folder.join(format!("pruned/{PACKET}/tombstone.json"))
}

fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("below it")).expect("room");
    fs::write(path, content).expect("room");
}

fn change(path: &Path, change: impl Fn(&str) -> String) {
    write(path, change(&fs::read_to_string(path).expect("text")));
}

/// A label of which one member is another, signed by who made it.
fn said_anew(folder: &Path, seq: u64, by: &Signer, role: &str, member: &str, value: Value) {
    let mut label = label_of(folder, seq);
    set(&mut label, member, value);
    said(folder, seq, by, role, &label);
}

/// A further label, which no program of ours would make.
fn put(folder: &Path, seq: u64, by: &Signer, role: &str, act: &Act) {
    let mut label = label_of(folder, seq - 1);
    set(&mut label, "/act", json!(act));
    set(&mut label, "/by", json!(by.fingerprint()));
    set(&mut label, "/prev", json!(Digest::of(&fs::read(statement(folder, seq - 1)).expect("there"))));
    set(&mut label, "/seq", json!(seq));
    said(folder, seq, by, role, &label);
}

fn label_of(folder: &Path, seq: u64) -> Value {
    serde_json::from_slice(&fs::read(statement(folder, seq)).expect("there")).expect("JSON")
}

fn set(label: &mut Value, member: &str, value: Value) {
    *label.pointer_mut(member).expect("every label has it") = value;
}

fn said(folder: &Path, seq: u64, by: &Signer, role: &str, label: &Value) {
    let bytes = canonical::bytes(label).expect("plain data");
    let kind = label.pointer("/act/kind").and_then(Value::as_str).expect("a word");
    write(&statement(folder, seq), &bytes);
    write(
        &signature(folder, seq, by),
        by.sign(&bytes, role, &kind.replace('_', "-"), later()).expect("usable"),
    );
}

/// Another log, whose chain holds.
fn entered(folder: &Path, change: impl Fn(&mut Vec<Entry>)) {
    let lines = log::load(folder).expect("a chain");
    let mut entries = lines.into_iter().map(|line| line.entry).collect();
    change(&mut entries);
    fs::remove_file(folder.join(log::NAME)).expect("there");
    for entry in entries {
        log::append(folder, entry).expect("room");
    }
}
