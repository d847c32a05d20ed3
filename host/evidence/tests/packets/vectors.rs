//! The test vectors in `evidence/vectors`: for other verifiers, and for `fabric-verify`, which is run over them.
//!
//! Run with `FABRIC_WRITE_VECTORS=1` to write them anew, with a key that exists only as long as that run.

use std::fs;
use std::path::Path;
use std::rc::Rc;

use crate::sample::{Bench, new_signer};
use crate::victim::Victim;

/// Plants one defect.
type Defect = fn(&Victim);

/// Class and name of each vector, and its defect. Where the manifest is signed again, the defect is one that the holder of the key
/// could have made.
const DEFECTS: &[(&str, &str, Defect)] = &[
    ("manifest.empty", "signed", |v| signed(v, |_| String::new())),
    ("manifest.line_end", "crlf", |v| signed(v, |m| m.replace('\n', "\r\n"))),
    ("manifest.line_end", "none", |v| signed(v, |m| m.trim_end().to_owned())),
    ("manifest.line_form", "binary_mark", |v| signed(v, |m| m.replace("  run", " *run"))),
    ("manifest.absolute_path", "etc", |v| signed(v, |m| m.replace("artifacts/", "/etc/"))),
    ("manifest.leaving_path", "dots", |v| signed(v, |m| m.replace("artifacts/", "artifacts/../../"))),
    ("manifest.path_form", "dot_slash", |v| signed(v, |m| m.replace("artifacts/", "./artifacts/"))),
    ("manifest.duplicate", "line", |v| signed(v, |m| m.lines().map(|l| format!("{l}\n{l}\n")).collect())),
    ("manifest.order", "reversed", |v| signed(v, |m| m.lines().rev().map(|l| format!("{l}\n")).collect())),
    ("manifest.case_twin", "run", |v| {
        signed(v, |m| format!("{m}{}\n", m.lines().last().expect("a line").replace("run", "RUN")));
    }),
    ("manifest.incomplete", "report", |v| {
        signed(v, |m| m.lines().filter(|l| !l.ends_with("report.md")).map(|l| format!("{l}\n")).collect());
    }),
    ("manifest.unknown_file", "sums", |v| signed(v, |m| m.replace("run.json", "sums.txt"))),
    ("file.unlisted", "note", |v| v.write("note.txt", "x")),
    ("file.unlisted", "signature_of_no_one", |v| v.write("signatures/key.asc", "x")),
    ("file.digest", "artifact", |v| v.write("artifacts/answers/soa.txt", "another\n")),
    ("file.case_twin", "run", |v| v.write("RUN.json", "{}\n")),
    ("journal.chain", "changed_line", |v| {
        change(v, "journal.jsonl", |j| j.replace("dns.query", "dns.quiet"))
    }),
    ("journal.chain", "torn", |v| change(v, "journal.jsonl", |j| j.trim_end().to_owned())),
    ("journal.story", "empty", |v| change(v, "journal.jsonl", |_| String::new())),
    ("run.differs", "no_failures", |v| change(v, "run.json", |r| r.replace("\"fail\":1", "\"fail\":0"))),
    ("run.differs", "cut_journal", |v| {
        change(v, "journal.jsonl", |j| j.split_inclusive('\n').take(8).collect());
    }),
    ("checks.differ", "passed", |v| change(v, "checks.json", |c| c.replace("\"fail\"", "\"pass\""))),
    ("report.differs", "passed", |v| change(v, "report.md", |r| r.replace("**FAIL**", "pass"))),
    ("record.json", "key_twice", |v| change(v, "run.json", |r| r.replacen('{', "{\"code\":0,", 1))),
    ("record.form", "space", |v| change(v, "run.json", |r| r.replacen('{', "{ ", 1))),
    ("record.shape", "unknown_field", |v| change(v, "run.json", |r| r.replace("}\n", ",\"zzz\":1}\n"))),
    ("record.format", "two", |v| change(v, "run.json", |r| r.replace("\"format\":1", "\"format\":2"))),
    ("signature.role", "policy_admin", |v| v.sign_as(&v.bench.signer, "policy-admin")),
    ("signature.unknown_signer", "second", |v| v.sign_as(&new_signer(), "site-dev")),
    ("signature.bad", "other_packet", |v| {
        let other = v.bench.seal("run-2");
        fs::write(&v.signature, fs::read(other.signature).expect("there")).expect("room");
    }),
    ("signature.spelling", "comment", |v| {
        let text = fs::read_to_string(&v.signature).expect("text");
        fs::write(&v.signature, text.replacen("\n\n", "\nComment: good\n\n", 1)).expect("room");
    }),
    ("signature.form", "text", |v| fs::write(&v.signature, "good\n").expect("room")),
    ("sidecar.stray", "timestamp", |v| v.write(&format!("signatures/{}.asc.tsr", "0".repeat(40)), "x")),
];

/// Changes the manifest and signs it again.
fn signed(victim: &Victim, change: fn(&str) -> String) {
    victim.write("manifest.sha256", change(&victim.read("manifest.sha256")));
    victim.resign();
}

/// Changes a file, lists it anew and signs again.
fn change(victim: &Victim, name: &str, change: fn(&str) -> String) {
    victim.write(name, change(&victim.read(name)));
    victim.reseal();
}

fn copy(from: &Path, to: &Path, unless_in: Option<&Path>) {
    fs::create_dir_all(to).expect("room");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        let same = unless_in.map(|dir| dir.join(name));
        if path.is_dir() {
            copy(&path, &to.join(name), same.as_deref());
        } else if same.is_none_or(|same| fs::read(same).ok() != fs::read(&path).ok()) {
            fs::write(to.join(name), fs::read(&path).expect("readable")).expect("room");
        }
    }
    // Fails where something is in it, and then it stays.
    let _ = fs::remove_dir(to);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the one way to ask a test to write")]
fn every_vector_is_refused_for_the_reason_in_its_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../evidence/vectors");
    let write = std::env::var_os("FABRIC_WRITE_VECTORS").is_some();
    let bench = Rc::new(Bench::new());
    if write {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("certs")).expect("room");
        fs::copy(bench.path("trust.toml"), folder.join("trust.toml")).expect("room");
        fs::copy(bench.path("certs/a.asc"), folder.join("certs/a.asc")).expect("room");
    }
    let good = bench.seal("good").dir;
    if write {
        copy(&good, &folder.join("good"), None);
    }
    for (n, (class, name, defect)) in DEFECTS.iter().enumerate() {
        let victim = Victim::on(&bench, &format!("v{n}"), &good);
        defect(&victim);
        let classes = victim.classes();
        assert!(classes.contains(class), "{class} {name}: {classes:?}");
        if write {
            copy(&victim.dir, &folder.join("bad").join(format!("{class}--{name}")), Some(&good));
        }
    }
}
