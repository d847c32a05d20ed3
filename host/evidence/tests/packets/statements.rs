//! The statement beside a packet: programs that know in-toto read in it what the packet says, and nothing else is taken for one.

use std::fs;
use std::path::Path;
use std::process::Command;

use fabric_evidence::attestation::{PublicKey, attest};
use fabric_evidence::sidecar::NotAdded;
use fabric_evidence::{Verified, verify};
use serde_json::Value;

use crate::changing;
use crate::countersigned::Scene;
use crate::sample::{Bench, later, unlock};

const NAME: &str = "statement.dsse.json";

fn envelope(packet: &Path) -> Value {
    serde_json::from_slice(&fs::read(packet.join(NAME)).expect("there")).expect("JSON")
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).expect("text")
}

fn decoded(base64: &str) -> Vec<u8> {
    let mut command = Command::new("openssl");
    command
        .args(["base64", "-d", "-A"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    let mut decoding = command.spawn().expect("installed");
    std::io::Write::write_all(&mut decoding.stdin.take().expect("piped"), base64.as_bytes()).expect("room");
    decoding.wait_with_output().expect("it ends").stdout
}

fn statement(packet: &Path) -> Value {
    serde_json::from_slice(&decoded(text(&envelope(packet), "/payload"))).expect("JSON")
}

fn verified(bench: &Bench, packet: &Path) -> Verified {
    verify(packet, &bench.trust(), later()).expect("it verifies")
}

fn class(bench: &Bench, packet: &Path) -> Vec<&'static str> {
    verify(packet, &bench.trust(), later()).expect_err("tampered with").iter().map(|f| f.class).collect()
}

#[test]
fn a_statement_has_the_digests_of_the_manifest_and_of_nothing_else() {
    let bench = Bench::new();
    let sealed = bench.seal("run-1");
    let told = statement(&sealed.dir);
    let manifest = fs::read_to_string(sealed.dir.join("manifest.sha256")).expect("text");
    let mut listed: Vec<(String, String)> = manifest
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(digest, name)| (name.to_owned(), digest.to_owned()))
        .chain([("manifest.sha256".to_owned(), sealed.manifest_digest.to_string())])
        .collect();
    listed.sort();
    let subjects: Vec<(String, String)> = told
        .pointer("/subject")
        .and_then(Value::as_array)
        .expect("a list")
        .iter()
        .map(|one| (text(one, "/name").to_owned(), text(one, "/digest/sha256").to_owned()))
        .collect();
    assert_eq!(subjects, listed);
    assert!(verified(&bench, &sealed.dir).has_statement);
}

#[test]
fn each_kind_of_run_has_its_predicate() {
    let bench = Bench::new();
    for (packet, predicate) in [
        (bench.seal("suite").dir, "https://in-toto.io/attestation/test-result/v0.1"),
        (changing::planned(&bench, "planned").dir, "https://fabric.samakia.net/attestation/plan/v1"),
        (changing::gameday(&bench, "gameday").dir, "https://fabric.samakia.net/attestation/gameday/v1"),
    ] {
        let told = statement(&packet);
        assert_eq!(text(&told, "/_type"), "https://in-toto.io/Statement/v1");
        assert_eq!(text(&told, "/predicateType"), predicate);
        verified(&bench, &packet);
    }
    let suite = statement(&bench.path("runs/suite"));
    assert_eq!(text(&suite, "/predicate/result"), "FAILED");
    assert_eq!(suite.pointer("/predicate/failedTests"), Some(&serde_json::json!(["2 serials are equal"])));
    let places = suite.pointer("/predicate/configuration").and_then(Value::as_array).expect("a list");
    assert!(places.iter().any(|one| one.pointer("/annotations/realm") == Some(&"twin".into())), "{places:?}");
}

/// As docs/verify-without-fabric.md does it.
#[test]
fn openssl_accepts_the_signature_of_a_statement_and_refuses_it_over_another() {
    let bench = Bench::new();
    let sealed = bench.seal("run-1");
    let verified = verified(&bench, &sealed.dir);
    let key = verified.signers.first().and_then(|signer| signer.key.as_ref()).expect("of Ed25519");
    let envelope = envelope(&sealed.dir);
    assert_eq!(text(&envelope, "/signatures/0/keyid"), key.fingerprint().to_string());
    let payload = decoded(text(&envelope, "/payload"));
    assert!(openssl_accepts(&bench, key, &envelope, &payload));
    assert!(!openssl_accepts(&bench, key, &envelope, &[payload.as_slice(), b" "].concat()));
}

/// Whether the signature of an envelope is one over this content, in the type that the envelope states.
pub(crate) fn openssl_accepts(bench: &Bench, key: &PublicKey, envelope: &Value, payload: &[u8]) -> bool {
    fs::write(bench.path("key.pem"), format!("{key}\n")).expect("room");
    fs::write(bench.path("sig"), decoded(text(envelope, "/signatures/0/sig"))).expect("room");
    let of_type = text(envelope, "/payloadType");
    let mut signed = format!("DSSEv1 {} {of_type} {} ", of_type.len(), payload.len()).into_bytes();
    signed.extend_from_slice(payload);
    fs::write(bench.path("signed"), signed).expect("room");
    let mut command = Command::new("openssl");
    command.args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"]).arg(bench.path("key.pem"));
    command.arg("-in").arg(bench.path("signed")).arg("-sigfile").arg(bench.path("sig"));
    command.output().expect("installed").status.success()
}

#[test]
fn the_statement_of_another_packet_is_refused() {
    let bench = Bench::new();
    let (one, other) = (bench.seal("run-1").dir, bench.seal("run-2").dir);
    unlock(&one);
    fs::copy(other.join(NAME), one.join(NAME)).expect("room");
    assert_eq!(class(&bench, &one), ["statement.differs"]);
}

#[test]
fn the_statement_of_somebody_who_did_not_sign_the_packet_is_refused() {
    let scene = Scene::new(None, "");
    let sealed = scene.sealed();
    unlock(&sealed.dir);
    fs::remove_file(sealed.dir.join(NAME)).expect("ours");
    let without = verified(&scene.bench, &sealed.dir);
    assert!(!without.has_statement);
    attest(&sealed.dir, &without, &scene.second).expect("a usable key");
    assert_eq!(class(&scene.bench, &sealed.dir), ["statement.signer"]);
    // With his signature in the packet it counts.
    scene.countersign(&sealed);
    verified(&scene.bench, &sealed.dir);
}

#[test]
fn a_statement_is_added_once_and_only_to_what_was_verified() {
    let bench = Bench::new();
    let (sealed, other) = (bench.seal("run-1"), bench.seal("run-2"));
    let whole = verified(&bench, &sealed.dir);
    let again = attest(&sealed.dir, &whole, &bench.signer);
    assert!(matches!(again, Err(NotAdded::Exists(_))), "{again:?}");
    unlock(&sealed.dir);
    fs::remove_file(sealed.dir.join(NAME)).expect("ours");
    unlock(&other.dir);
    fs::remove_file(other.dir.join(NAME)).expect("ours");
    let of_another = attest(&sealed.dir, &verified(&bench, &other.dir), &bench.signer);
    assert!(matches!(of_another, Err(NotAdded::Changed(_))), "{of_another:?}");
}

#[test]
fn a_statement_is_missed_only_where_the_trust_file_demands_one() {
    let scene = Scene::new(None, "[[require]]\nstatement = true\n");
    let sealed = scene.sealed();
    verified(&scene.bench, &sealed.dir);
    unlock(&sealed.dir);
    fs::remove_file(sealed.dir.join(NAME)).expect("ours");
    assert_eq!(class(&scene.bench, &sealed.dir), ["statement.required"]);
}
