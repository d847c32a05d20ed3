//! `fabric-verify` over the vectors in `evidence/vectors`: a folder below `bad` is laid over `good`, and its name begins with the class
//! of a finding that must then be reported.

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

#[test]
fn the_good_vector_verifies_and_its_realm_is_named() {
    let output = fabric_verify(&vectors().join("good"), &vectors().join("trust.toml"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(said.contains("no evidence of the real site"), "{said}");
    assert_eq!(said.lines().count(), 1);
    assert!(output.stderr.is_empty());
}

#[test]
fn every_bad_vector_is_refused_with_the_class_in_its_name() {
    let mut classes = std::collections::BTreeSet::new();
    for entry in fs::read_dir(vectors().join("bad")).expect("a folder") {
        let overlay = entry.expect("an entry").path();
        let name = overlay.file_name().expect("a name").to_string_lossy().into_owned();
        let (class, _) = name.split_once("--").expect("class--name");
        let dir = tempfile::tempdir().expect("a folder");
        lay(&vectors().join("good"), dir.path());
        lay(&overlay, dir.path());
        let output = fabric_verify(dir.path(), &vectors().join("trust.toml"));
        assert_eq!(output.status.code(), Some(30), "{name}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.lines().any(|line| line.starts_with(&format!("{class}: "))), "{name}: {said}");
        classes.insert(class.to_owned());
    }
    assert!(classes.len() >= 20, "{classes:?}");
}

#[test]
fn a_wrong_trust_file_is_a_matter_of_configuration() {
    let output = fabric_verify(&vectors().join("good"), Path::new("nowhere/trust.toml"));
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint: "));
}
