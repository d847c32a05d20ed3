//! A trust file is right, or says where it is wrong and what to do.

use std::path::Path;

use fabric_evidence::{Trust, key};
use fabric_model::Diagnostic;

use crate::sample::{Bench, entry, new_signer, start};

fn refused(bench: &Bench, entries: &str) -> Vec<Diagnostic> {
    bench.write_trust(entries);
    let found = Trust::load(&bench.path("trust.toml")).expect_err("wrong");
    assert!(found.iter().all(|d| d.line > 0 || d.message.contains("read")), "{found:?}");
    found
}

fn one_message(bench: &Bench, entries: &str) -> String {
    let found = refused(bench, entries);
    assert_eq!(found.len(), 1, "{found:?}");
    found.first().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn a_good_trust_file_knows_roles() {
    let bench = Bench::new();
    let trust = bench.trust();
    let own = bench.signer.fingerprint();
    assert_eq!(trust.roles_of(own).iter().map(|r| r.as_str()).collect::<Vec<_>>(), ["site-dev"]);
    assert!(trust.roles_of(new_signer().fingerprint()).is_empty());
    bench.write_trust(&entry("a", own, &["site-dev"], "revoked = true"));
    assert!(bench.trust().roles_of(own).is_empty());
}

#[test]
fn a_fingerprint_copied_from_gpg_is_understood() {
    let bench = Bench::new();
    let upper = bench.signer.fingerprint().to_string().to_uppercase();
    let (head, tail) = upper.split_at(20);
    bench.write_trust(
        &entry("a", bench.signer.fingerprint(), &["x"], "")
            .replace(bench.signer.fingerprint().as_str(), &format!("{head}  {tail}")),
    );
    assert_eq!(bench.trust().roles_of(bench.signer.fingerprint()).len(), 1);
}

#[test]
fn a_fingerprint_that_is_not_the_certificates_is_refused_at_its_line() {
    let bench = Bench::new();
    let text = one_message(&bench, &entry("a", new_signer().fingerprint(), &["x"], ""));
    assert!(text.contains("trust.toml:5:"), "{text}");
    assert!(text.contains(bench.signer.fingerprint().as_str()), "{text}");
    assert!(text.contains("hint: Ask the holder"), "{text}");
}

#[test]
fn unknown_keys_and_formats_are_refused() {
    let bench = Bench::new();
    let own = bench.signer.fingerprint();
    assert!(one_message(&bench, &entry("a", own, &["x"], "rolse = []")).contains("unknown field `rolse`"));
    std::fs::write(bench.path("trust.toml"), "format = 2\n").expect("room");
    let found = Trust::load(&bench.path("trust.toml")).expect_err("of another format");
    assert!(found.iter().any(|d| d.message.contains("only format")), "{found:?}");
}

#[test]
fn doubled_names_certificates_and_roles_are_refused() {
    let bench = Bench::new();
    let own = bench.signer.fingerprint();
    let twice = entry("a", own, &["x"], "").repeat(2);
    assert_eq!(refused(&bench, &twice).len(), 2);
    assert!(one_message(&bench, &entry("a", own, &["x", "x"], "")).contains("role stands twice"));
    assert!(one_message(&bench, &entry("a", own, &[], "")).contains("without a role"));
    assert!(one_message(&bench, &entry("a", own, &["two words"], "")).contains("is not a name"));
}

#[test]
fn certificates_elsewhere_missing_secret_or_many_are_refused() {
    let bench = Bench::new();
    let own = bench.signer.fingerprint();
    let good = entry("a", own, &["x"], "");
    for elsewhere in ["../a.asc", "/etc/a.asc"] {
        assert!(
            one_message(&bench, &good.replace("certs/a.asc", elsewhere)).contains("beside the trust file")
        );
    }
    assert!(one_message(&bench, &good.replace("certs/a.asc", "certs/b.asc")).contains("cannot be read"));

    let secret = bench.path("certs/a.asc");
    std::fs::remove_file(&secret).expect("there");
    key::write_secret(&secret, &key::generate("x", start()).expect("entropy")).expect("new");
    assert!(one_message(&bench, &good).contains("holds a secret key"));

    let public = bench.signer.public_armored().expect("a certificate");
    let other = new_signer().public_armored().expect("a certificate");
    for wrong in [Vec::new(), b"not a certificate".to_vec(), [public, other].concat()] {
        std::fs::write(&secret, wrong).expect("room");
        assert!(one_message(&bench, &good).contains("exactly one OpenPGP certificate"));
    }
}

#[test]
fn a_missing_trust_file_says_what_to_do() {
    let found = Trust::load(Path::new("nowhere/trust.toml")).expect_err("missing");
    assert!(found.first().and_then(|d| d.hint.as_deref()).is_some_and(|h| h.contains("fabric init")));
}
