//! `fabric-verify` over the vectors in `evidence/vectors`: a folder below `bad` is laid over `good`, one below `bad-gameday` over
//! `good-gameday` and so on, and its name begins with the class of a finding that must then be reported.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../evidence/vectors")
}

fn fabric_verify(packet: &Path, trust: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fabric-verify"))
        .arg(packet)
        .arg("--trust")
        .arg(trust)
        .output()
        .expect("built")
}

fn lay(from: &Path, over: &Path) {
    fs::create_dir_all(over).expect("room");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = over.join(path.file_name().expect("a name"));
        if path.is_dir() {
            lay(&path, &to);
        } else {
            fs::write(to, fs::read(&path).expect("readable")).expect("room");
        }
    }
}

/// What the names of the good packets, and of the folders with their defects, end in.
const KINDS: [&str; 3] = ["", "-planned", "-gameday"];

#[test]
fn the_good_vectors_verify_and_their_realm_is_named() {
    for kind in KINDS {
        let output = fabric_verify(&vectors().join(format!("good{kind}")), &vectors().join("trust.toml"));
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{kind} {output:?}");
        assert!(said.contains("no evidence of the real site"), "{said}");
        assert_eq!(said.contains("; hypothesis "), !kind.is_empty(), "{said}");
        assert_eq!(said.lines().count(), 1);
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn every_bad_vector_is_refused_with_the_class_in_its_name() {
    let mut classes = std::collections::BTreeSet::new();
    for kind in KINDS {
        let good = vectors().join(format!("good{kind}"));
        for entry in fs::read_dir(vectors().join(format!("bad{kind}"))).expect("a folder") {
            let overlay = entry.expect("an entry").path();
            let name = overlay.file_name().expect("a name").to_string_lossy().into_owned();
            let (class, _) = name.split_once("--").expect("class--name");
            let dir = tempfile::tempdir().expect("a folder");
            lay(&good, dir.path());
            lay(&overlay, dir.path());
            let output = fabric_verify(dir.path(), &vectors().join("trust.toml"));
            assert_eq!(output.status.code(), Some(30), "{kind} {name}: {output:?}");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                said.lines().any(|line| line.starts_with(&format!("{class}: "))),
                "{kind} {name}: {said}"
            );
            classes.insert(class.to_owned());
        }
    }
    assert!(classes.len() >= 22, "{classes:?}");
}

#[test]
fn a_wrong_trust_file_is_a_matter_of_configuration() {
    let output = fabric_verify(&vectors().join("good"), Path::new("nowhere/trust.toml"));
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint: "));
}
