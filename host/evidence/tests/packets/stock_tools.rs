//! What a packet promises to people who do not have fabric: `sha256sum` and `gpg` accept it, and refuse a changed one.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use fabric_evidence::attestation::public_keys;

use crate::countersigned::{Scene, with_authority};
use crate::ring::Ring;
use crate::sample::{Bench, entry, new_signer, unlock};
use crate::victim::Victim;

fn sha256sum(dir: &Path) -> Output {
    Command::new("sha256sum")
        .args(["-c", "--strict", "manifest.sha256"])
        .current_dir(dir)
        .output()
        .expect("installed")
}

#[test]
fn sha256sum_and_gpg_accept_a_sealed_packet_and_refuse_a_changed_one() {
    let bench = Bench::new();
    let sealed = bench.seal("run-1");
    let sums = sha256sum(&sealed.dir);
    assert!(sums.status.success(), "{sums:?}");

    let ring = Ring::new();
    let certificate = bench.path("certs/a.asc");
    let import = ring.gpg().arg("--import").arg(&certificate).output().expect("installed");
    assert!(import.status.success(), "{import:?}");
    let manifest = sealed.dir.join("manifest.sha256");
    let verify = || {
        let mut gpg = ring.gpg();
        gpg.args(["--verify-options", "show-notations", "--verify"]).args([&sealed.signature, &manifest]);
        gpg.output().expect("installed")
    };
    let good = verify();
    let said = String::from_utf8_lossy(&good.stderr).into_owned();
    assert!(good.status.success(), "{said}");
    assert!(said.contains("Good signature"), "{said}");
    assert!(said.contains("role@fabric.samakia.net=site-dev"), "{said}");
    assert!(said.contains("intent@fabric.samakia.net=seal"), "{said}");

    unlock(&sealed.dir);
    fs::write(sealed.dir.join("report.md"), "all is well\n").expect("room");
    assert!(!sha256sum(&sealed.dir).status.success());
    let text = fs::read_to_string(&manifest).expect("text");
    fs::write(&manifest, text.replacen('a', "b", 1)).expect("room");
    assert!(!verify().status.success());
}

/// The blocks of a page of the documentation, as one script.
fn script_of(page: &str) -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page))
        .expect("a page");
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().expect("a block's end"));
    blocks.collect()
}

/// The keys of the certificates, as an auditor would have them.
fn keep_keys(bench: &Bench) {
    let folder = bench.path("keys");
    fs::create_dir_all(&folder).expect("room");
    for file in fs::read_dir(bench.path("certs")).expect("a folder") {
        let certificate = fs::read(file.expect("an entry").path()).expect("readable");
        for key in public_keys(&certificate).expect("a certificate") {
            fs::write(folder.join(format!("{}.pem", key.fingerprint())), format!("{key}\n")).expect("room");
        }
    }
}

/// What the page finds of a packet, with the trust of this bench.
fn without_fabric(bench: &Bench, packet: &Path) -> Output {
    let script = bench.path("page.sh");
    keep_keys(bench);
    fs::write(&script, script_of("verify-without-fabric.md")).expect("room");
    Command::new("bash")
        .arg(&script)
        .env("PACKET", packet)
        .env("TRUST", bench.dir.path())
        .env("TMPDIR", "/tmp")
        .output()
        .expect("installed")
}

#[test]
fn the_page_accepts_a_sound_packet_with_two_signatures_and_their_timestamps() {
    let scene = Scene::new(with_authority(), "");
    let sealed = scene.sealed();
    scene.countersign(&sealed);
    scene.notarize(&sealed);
    let ran = without_fabric(&scene.bench, &sealed.dir);
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    for part in [
        "site-dev\tseal",
        "security\tcountersign",
        "Time stamp:",
        "Verification: OK",
        "what its signers sealed",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let plain = scene.bench.seal("run-2");
    assert!(without_fabric(&scene.bench, &plain.dir).status.success(), "one signature without a timestamp");
}

/// Forges a packet.
type Forge = fn(&Victim);

#[test]
fn the_page_refuses_what_the_verifier_refuses() {
    let forgeries: &[(&str, Forge)] = &[
        ("a changed file", |v| v.write("report.md", "all is well\n")),
        ("a file more", |v| v.write("artifacts/more.txt", "x")),
        ("a file more beside the signatures", |v| v.write("signatures/note.txt", "x")),
        ("a file less", |v| fs::remove_file(v.dir.join("checks.json")).expect("ours")),
        ("a link", |v| std::os::unix::fs::symlink("run.json", v.dir.join("run-1.json")).expect("ours")),
        ("an empty folder", |v| fs::create_dir(v.dir.join("artifacts/empty")).expect("ours")),
        ("a line of the manifest twice", |v| {
            v.write(
                "manifest.sha256",
                v.read("manifest.sha256").lines().map(|l| format!("{l}\n{l}\n")).collect::<String>(),
            );
            v.resign();
        }),
        ("another manifest", |v| v.write("manifest.sha256", v.read("manifest.sha256").replace('a', "b"))),
        ("the signature of somebody else", |v| {
            fs::remove_file(&v.signature).expect("ours");
            v.sign_as(&new_signer(), "site-dev");
        }),
        ("a signature under another name", |v| {
            let other = v.dir.join(format!("signatures/{}.asc", "0".repeat(40)));
            fs::rename(&v.signature, other).expect("ours");
        }),
        ("the sealer's signature missing", |v| {
            let other = new_signer();
            v.bench.add_certificate("b", &other.public_armored().expect("a certificate"));
            let both = entry("a", v.bench.signer.fingerprint(), &["site-dev"], "")
                + &entry("b", other.fingerprint(), &["site-dev"], "");
            v.bench.write_trust(&both);
            fs::remove_file(&v.signature).expect("ours");
            v.sign_as(&other, "site-dev");
        }),
        ("a changed line of the journal", |v| {
            v.write("journal.jsonl", v.read("journal.jsonl").replace("dns.query", "dns.quiet"));
            v.reseal();
        }),
        ("the statement of another packet", |v| {
            let other = v.bench.seal("run-3").dir.join("statement.dsse.json");
            v.write("statement.dsse.json", fs::read(other).expect("there"));
        }),
        ("a changed statement", |v| {
            let own = v.bench.path("runs/run-1/statement.dsse.json");
            let text =
                fs::read_to_string(own).expect("text").replacen("\"payload\":\"eyJ", "\"payload\":\"eyI", 1);
            v.write("statement.dsse.json", text);
        }),
    ];
    for (what, forge) in forgeries {
        let victim = Victim::new();
        assert!(without_fabric(&victim.bench, &victim.dir).status.success(), "sound before");
        forge(&victim);
        let ran = without_fabric(&victim.bench, &victim.dir);
        assert!(!ran.status.success(), "{what}: {}", String::from_utf8_lossy(&ran.stdout));
        assert!(!victim.classes().is_empty(), "{what}");
    }
}
