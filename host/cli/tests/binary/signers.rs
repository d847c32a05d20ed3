//! Keys that fabric never sees: gpg and its agent sign, or a program of the site does, and what that answers is believed in nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::ring::Ring;
use crate::scene::{Ran, Scene, ran};

/// A ring with one key, in it or behind the agent.
fn with(algorithm: &str) -> Ring {
    let ring = Ring::new();
    let made = ring
        .gpg()
        .args(["--passphrase", "", "--quick-gen-key", "Ada <ada@localhost>", algorithm, "sign", "never"])
        .output()
        .expect("installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    ring
}

impl Ring {
    fn fingerprint(&self) -> String {
        let listed = self.gpg().args(["--with-colons", "--list-keys"]).output().expect("installed");
        let text = String::from_utf8(listed.stdout).expect("text");
        let line = text.lines().find_map(|line| line.strip_prefix("fpr:")).expect("a key");
        line.trim_matches(':').to_lowercase()
    }

    /// fabric in the project, with this folder of gpg.
    fn fabric(&self, scene: &Scene, arguments: &[&str]) -> Ran {
        ran(scene.command(arguments).env("GNUPGHOME", self.home()).output())
    }
}

const BODY: &str = "check(\"c\", || true);";

#[test]
fn gpg_and_its_agent_seal_with_keys_of_any_kind_that_gpg_has() {
    for algorithm in ["ed25519", "rsa3072", "nistp256"] {
        let (scene, ring) = (Scene::new(), with(algorithm));
        let fingerprint = ring.fingerprint();
        let set_up = ring.fabric(&scene, &["init", "--gpg", &fingerprint, "--role", "operator"]);
        assert_eq!(set_up.code, Some(0), "{algorithm}: {}", set_up.all());
        assert!(!scene.home().join("signing-key.asc").exists(), "no key of it is here");
        scene.script("", BODY);
        let rehearsed = ring.fabric(&scene, &["rehearse", "script.rhai"]);
        assert_eq!(rehearsed.code, Some(0), "{algorithm}: {}", rehearsed.all());
        let packet = rehearsed.packet().to_owned();
        // To verify, nobody needs gpg.
        let verified = scene.fabric(&["verify", &packet]);
        assert_eq!(verified.code, Some(0), "{algorithm}: {}", verified.all());
        assert!(
            verified.stdout.contains(&format!("({fingerprint}) as operator with intent seal")),
            "{}",
            verified.all()
        );
        assert!(!scene.path(&packet).join("statement.dsse.json").exists(), "the agent signs OpenPGP alone");
        let signature = scene.path(&packet).join(format!("signatures/{fingerprint}.asc"));
        let manifest = scene.path(&packet).join("manifest.sha256");
        let by_gpg = ring.gpg().arg("--verify").args([&signature, &manifest]).output().expect("installed");
        assert!(by_gpg.status.success(), "{}", String::from_utf8_lossy(&by_gpg.stderr));
        ring.fabric(&scene, &["evidence", "attest", &packet]).refused(3, &["signs no statements"]);
    }
}

#[test]
fn a_key_that_gpg_does_not_have_sets_up_nothing() {
    let (scene, ring) = (Scene::new(), with("ed25519"));
    let stranger = "0".repeat(40);
    ring.fabric(&scene, &["init", "--gpg", &stranger])
        .refused(4, &["gives no certificate", "--list-secret-keys"]);
    ring.fabric(&scene, &["init", "--gpg", "ada"]).refused(2, &["--gpg"]);
    assert!(!scene.home().join("signer.toml").exists());
}

#[test]
fn a_run_whose_signer_is_gone_is_left_to_recover() {
    let (scene, ring) = (Scene::new(), with("ed25519"));
    assert_eq!(ring.fabric(&scene, &["init", "--gpg", &ring.fingerprint()]).code, Some(0));
    scene.script("", BODY);
    let keys = ring.home().join("private-keys-v1.d");
    let away = ring.home().join("away");
    fs::rename(&keys, &away).expect("ours");
    let run = ring.fabric(&scene, &["rehearse", "script.rhai"]);
    assert_ne!(run.code, Some(0), "{}", run.all());
    assert!(run.stderr.contains("/usr/bin/gpg did not sign"), "{}", run.all());
    fs::remove_dir_all(&keys).ok();
    fs::rename(&away, &keys).expect("ours");
    let recovered = ring.fabric(&scene, &["recover"]);
    assert!(recovered.code.is_some_and(|code| code != 2), "{}", recovered.all());
    let verified = scene.verify(&scene.packet());
    assert_eq!(verified.code, Some(0), "{}", verified.all());
}

/// A program of the site: what a line of shell makes of gpg.
fn program(scene: &Scene, line: &str) {
    let path = scene.home().join("sign");
    fs::write(&path, format!("#!/bin/sh\n{line}\n")).expect("room");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("ours");
}

/// Signs as it is told to.
const HONEST: &str = "gpg --batch --quiet --local-user $FABRIC_SIGN_FINGERPRINT --digest-algo SHA256 \
     --set-notation role@fabric.samakia.net=$FABRIC_SIGN_ROLE --set-notation intent@fabric.samakia.net=$FABRIC_SIGN_INTENT --detach-sign --armor";

#[test]
fn a_program_of_the_site_signs_and_nothing_it_says_is_taken_on_trust() {
    let (scene, ring) = (Scene::new(), with("ed25519"));
    assert_eq!(ring.fabric(&scene, &["init", "--gpg", &ring.fingerprint()]).code, Some(0));
    let by_gpg = scene.read_home("signer.toml");
    let program_path = scene.home().join("sign");
    let signer = by_gpg.replace("[gpg]", &format!("[command]\nargv = [{program_path:?}]\ntime_limit_s = 5"));
    fs::write(scene.home().join("signer.toml"), &signer).expect("ours");
    scene.script("", BODY);
    program(&scene, HONEST);
    let run = ran(scene
        .command(&["rehearse", "script.rhai"])
        .env("GNUPGHOME", ring.home())
        .env("PATH", "/usr/bin:/bin")
        .output());
    assert_eq!(run.code, Some(0), "{}", run.all());
    let verified = scene.verify(&scene.path(run.packet()));
    assert_eq!(verified.code, Some(0), "{}", verified.all());

    let other_bytes = format!("cat > /dev/null; echo other | {HONEST}");
    let other_role = HONEST.replace("$FABRIC_SIGN_ROLE", "legal");
    let other_intent = HONEST.replace("$FABRIC_SIGN_INTENT", "countersign");
    let no_role = HONEST.replace("--set-notation role@fabric.samakia.net=$FABRIC_SIGN_ROLE", "");
    let weak = format!("{HONEST} --digest-algo SHA1 --weak-digest MD5");
    let in_the_past = format!("{HONEST} --faked-system-time 20250101T000000!");
    let clear = HONEST.replace("--detach-sign", "--clearsign");
    for (line, says) in [
        (other_bytes.as_str(), "did not sign"),
        (&other_role, "is `legal`, not `site-dev`"),
        (&other_intent, "is `countersign`, not `seal`"),
        (&no_role, "does not stand in it exactly once"),
        (&weak, "did not sign"),
        (&in_the_past, "did not sign"),
        (&clear, "did not sign"),
        ("cat > /dev/null; echo yes", "is not an OpenPGP signature"),
        ("cat > /dev/null", "did not sign"),
        ("cat > /dev/null; echo 'the \u{1b}[31mcard is out' >&2; exit 2", "the [31mcard is out"),
        ("exec sleep 60", "longer than 5 s"),
        ("head -c 2000000 /dev/zero; cat > /dev/null", "longer than"),
    ] {
        program(&scene, line);
        let run = ran(scene
            .command(&["rehearse", "script.rhai"])
            .env("GNUPGHOME", ring.home())
            .env("PATH", "/usr/bin:/bin")
            .output());
        assert_ne!(run.code, Some(0), "{line}: {}", run.all());
        assert!(run.stderr.contains(says), "{line}: `{says}` is not in {}", run.all());
    }

    fs::set_permissions(&program_path, fs::Permissions::from_mode(0o777)).expect("ours");
    scene.fabric(&["rehearse", "script.rhai"]).refused(3, &["can be written by others"]);
    fs::remove_file(&program_path).expect("ours");
    scene.fabric(&["rehearse", "script.rhai"]).refused(3, &["there is no signing program"]);
    for (wrong, says) in [
        (signer.replace("[command]", "[gpg]\n[command]"), "either `[gpg]` or `[command]`"),
        (signer.replace("argv", "argc"), "argc"),
        (signer.replace("format = 1", "format = 2"), "the only format is 1"),
        (signer.replace("argv = [\"/", "argv = [\""), "whole path"),
    ] {
        fs::write(scene.home().join("signer.toml"), &wrong).expect("ours");
        scene.fabric(&["rehearse", "script.rhai"]).refused(3, &[says]);
    }
}

#[test]
fn two_answers_to_who_signs_are_refused() {
    let scene = Scene::with_key();
    fs::write(scene.home().join("signer.toml"), "format = 1\n").expect("ours");
    scene.script("", BODY);
    scene.fabric(&["rehearse", "script.rhai"]).refused(3, &["say who signs"]);
}

#[test]
fn who_countersigned_with_a_key_file_attests_what_an_agent_sealed() {
    let (scene, ring) = (Scene::new(), with("rsa3072"));
    assert_eq!(ring.fabric(&scene, &["init", "--gpg", &ring.fingerprint()]).code, Some(0));
    scene.script("", BODY);
    let packet = ring.fabric(&scene, &["rehearse", "script.rhai"]).packet().to_owned();
    let second = Scene::with_key();
    let entries = second.read_home("trust.toml").split_once("[[principal]]").expect("an entry").1.to_owned();
    let both = format!("{}\n[[principal]]{entries}", scene.read_home("trust.toml"));
    for home in [&scene, &second] {
        fs::write(home.home().join("trust.toml"), &both).expect("ours");
        for from in [&scene, &second] {
            for file in fs::read_dir(from.home().join("certs")).expect("a folder") {
                let file = file.expect("an entry");
                let bytes = fs::read(file.path()).expect("readable");
                fs::write(home.home().join("certs").join(file.file_name()), bytes).expect("room");
            }
        }
    }
    let dir = scene.path(&packet).display().to_string();
    second.fabric(&["evidence", "attest", &dir]).refused(2, &["you have not signed", "countersign"]);
    assert_eq!(second.fabric(&["evidence", "countersign", &dir]).code, Some(0));
    let attested = second.fabric(&["evidence", "attest", &dir]);
    assert_eq!(attested.code, Some(0), "{}", attested.all());
    let verified = scene.fabric(&["verify", &packet]);
    assert_eq!(verified.code, Some(0), "{}", verified.all());
    assert!(verified.stdout.contains("its in-toto statement says the same"), "{}", verified.all());
    second.fabric(&["evidence", "attest", &dir]).refused(3, &["exists already"]);
    let key = second.fabric(&["evidence", "public-key", &certificate(&second)]);
    assert!(key.stdout.starts_with("-----BEGIN PUBLIC KEY-----"), "{}", key.all());
    scene
        .fabric(&["evidence", "public-key", &certificate_of(&scene, &ring.fingerprint())])
        .refused(5, &["no Ed25519 key"]);
    scene.fabric(&["evidence", "public-key", "fabric.toml"]).refused(3, &["no OpenPGP certificate"]);
}

fn certificate(scene: &Scene) -> String {
    let trust = scene.read_home("trust.toml");
    let fingerprint =
        trust.rsplit("fingerprint = \"").next().and_then(|rest| rest.split('"').next()).expect("one");
    certificate_of(scene, fingerprint)
}

fn certificate_of(scene: &Scene, fingerprint: &str) -> String {
    scene.home().join(format!("certs/{fingerprint}.asc")).display().to_string()
}
