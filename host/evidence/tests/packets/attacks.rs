//! Attacks that the older scripts or verifiers of others fell for, each by its own name; docs/forgeries.md lists these and where the rest are.

use std::fs;
use std::path::Path;

use fabric_evidence::Trust;

use crate::countersigned::Scene;
use crate::sample::{Bench, later, new_signer, unlock};
use crate::victim::Victim;

/// The older verifier imported whatever key lay in the packet.
#[test]
fn a_packet_that_was_forged_whole_and_brings_its_own_key_is_refused() {
    let victim = Victim::new();
    let forger = new_signer();
    victim.write("report.md", "all is well\n");
    victim.write("signer-publickey.asc", forger.public_armored().expect("a certificate"));
    victim.reseal();
    fs::remove_file(&victim.signature).expect("ours");
    victim.sign_as(&forger, "site-dev");
    let classes = victim.classes();
    assert!(classes.contains(&"signature.unknown_signer"), "{classes:?}");
    assert!(classes.contains(&"manifest.unknown_file"), "{classes:?}");
}

/// The older packets said themselves, outside of what was signed, that two had to sign.
#[test]
fn dual_control_does_not_become_single_by_taking_a_signature_away() {
    let scene = Scene::new(None, "[[require]]\ncountersigned_as = [\"security\"]\n");
    let sealed = scene.sealed();
    scene.countersign(&sealed);
    let trust = scene.bench.trust();
    fabric_evidence::verify(&sealed.dir, &trust, later()).expect("two have signed");
    unlock(&sealed.dir);
    fs::remove_file(sealed.dir.join(format!("signatures/{}.asc", scene.second.fingerprint()))).expect("ours");
    let findings = fabric_evidence::verify(&sealed.dir, &trust, later()).expect_err("one is not enough");
    assert_eq!(findings.iter().map(|finding| finding.class).collect::<Vec<_>>(), ["signature.required"]);
}

/// An older exercise appended to its report when the manifest was written already.
#[test]
fn a_report_that_is_appended_to_after_the_seal_is_refused() {
    let victim = Victim::new();
    victim.write("report.md", victim.read("report.md") + "\nrestored\n");
    assert!(victim.classes().contains(&"file.digest"));
}

/// An older rollback wrote its record into the packet that it rolled back.
#[test]
fn a_record_that_is_put_into_a_sealed_packet_is_refused() {
    let victim = Victim::new();
    victim.write("rollback.json", "{}\n");
    assert_eq!(victim.classes(), ["file.unlisted"]);
}

#[test]
fn a_chain_of_digests_is_no_signature() {
    let victim = Victim::new();
    fs::remove_file(&victim.signature).expect("ours");
    fs::remove_dir(victim.dir.join("signatures")).expect("empty");
    assert_eq!(victim.classes(), ["signature.missing"]);
}

#[test]
fn a_manifest_with_the_paths_of_one_machine_is_refused() {
    let victim = Victim::new();
    let here = victim.dir.display().to_string();
    victim.write("manifest.sha256", victim.read("manifest.sha256").replace("  ", &format!("  {here}/")));
    victim.resign();
    assert!(victim.classes().contains(&"manifest.absolute_path"));
}

#[test]
fn a_trust_file_that_names_nobody_trusts_nobody() {
    let victim = Victim::new();
    fs::write(victim.bench.path("trust.toml"), "format = 1\n").expect("room");
    assert_eq!(victim.classes(), ["signature.unknown_signer"]);
}

fn refused(entries: &str) -> String {
    let bench = Bench::new();
    let text = format!("{}{entries}", fs::read_to_string(bench.path("trust.toml")).expect("there"));
    let read = |certificate: &Path| fs::read(bench.dir.path().join(certificate));
    let wrong = Trust::parse("trust.toml", &text, read).expect_err("it is wrong");
    wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_requirement_that_demands_nothing_is_refused() {
    let said = refused("[[require]]\nrealm = \"real\"\n");
    assert!(said.contains("demands nothing"), "{said}");
}

#[test]
fn an_empty_list_is_not_the_absence_of_one() {
    for entries in [
        "[[require]]\ntimestamps = true\nacts = []\n",
        "[[require]]\ntimestamps = true\nkinds = []\n",
        "[[require]]\ntimestamps = true\ncountersigned_as = []\n",
        "[[timestamp_authority]]\nname = \"tsa\"\ncertificates = \"root.pem\"\npolicies = []\n",
    ] {
        let said = refused(entries);
        assert!(said.contains("an empty list would let everything through"), "{said}");
    }
}
