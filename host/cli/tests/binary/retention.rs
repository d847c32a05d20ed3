//! What is said of packets after they were sealed, by several people on one project: severities, holds, and what is pruned.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::evidence::Authority;
use crate::scene::{Ran, Scene, json};

/// A level whose packets may go at once, and one whose packets nobody may prune for years.
const LEVELS: &str = r#"
[[severity]]
level = "S1"
classified_as = ["commander"]
retain_days = 0
held_as = ["commander", "security"]
released_as = ["security", "legal"]

[[severity]]
level = "S3"
classified_as = ["commander", "security"]
countersigned_as = ["security"]
retain_days = 730
held_as = ["security", "legal"]
released_as = ["security", "legal"]

[[retain]]
days = 0

[prune]
pruned_as = ["records"]
"#;

/// A project, and people with a home and a role each. Who runs scripts is the scene's own operator.
pub(crate) struct Office {
    pub(crate) scene: Scene,
}

impl Office {
    pub(crate) fn new() -> Self {
        let office = Self { scene: Scene::with_key() };
        let people = ["approver", "commander", "security", "legal", "records"];
        for role in people {
            let home = office.home(role).display().to_string();
            let made = office.scene.fabric(&["init", "--home", &home, "--role", role, "--user-id", role]);
            assert_eq!(made.code, Some(0), "{}", made.all());
        }
        let read = |home: PathBuf| fs::read_to_string(home.join("trust.toml")).expect("it was made");
        let entry = |home: PathBuf| {
            let trust = read(home);
            format!("\n[[principal]]{}", trust.split_once("[[principal]]").expect("an entry").1)
        };
        let entries: String = people.iter().map(|role| entry(office.home(role))).collect();
        let trust = format!("{}{entries}{LEVELS}", read(office.scene.home()));
        let homes: Vec<PathBuf> =
            people.iter().map(|role| office.home(role)).chain([office.scene.home()]).collect();
        for home in &homes {
            fs::write(home.join("trust.toml"), &trust).expect("room");
            for from in &homes {
                for file in fs::read_dir(from.join("certs")).expect("a folder") {
                    let file = file.expect("an entry");
                    let bytes = fs::read(file.path()).expect("readable");
                    fs::write(home.join("certs").join(file.file_name()), bytes).expect("room");
                }
            }
        }
        office
    }

    pub(crate) fn home(&self, role: &str) -> PathBuf {
        self.scene.beside(role)
    }

    /// `fabric evidence …` by one of them.
    pub(crate) fn evidence(&self, who: &str, args: &[&str]) -> Ran {
        let home = self.home(who).display().to_string();
        self.scene.fabric(&[&["evidence"], args, &["--home", &home]].concat())
    }

    pub(crate) fn done(&self, who: &str, args: &[&str]) -> Ran {
        let ran = self.evidence(who, args);
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.all());
        ran
    }

    pub(crate) fn sealed(&self) -> String {
        let ran = self.scene.rehearse("", "check(\"c\", || true);", &[]);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        ran.packet().to_owned()
    }

    pub(crate) fn declare(&self, packet: &str, hold: &str) {
        let review = ["--review", "2999-01-01T00:00:00Z", "--reason", "a letter"];
        self.done("security", &[&["hold", "declare", packet, hold], &review[..]].concat());
    }
}

#[test]
fn a_held_packet_is_pruned_after_two_people_have_released_it_and_not_before() {
    let office = Office::new();
    let packet = office.sealed();
    office.declare(&packet, "case-7");
    let dry = office.done("records", &["prune"]);
    assert!(dry.stdout.contains("stays") && dry.stdout.contains("it is held as case-7"), "{}", dry.all());
    let execute = ["prune", &packet, "--execute", "--reason", "over"];
    office.evidence("records", &execute).refused(6, &["it is held as case-7", "Nothing was deleted"]);
    let release = ["hold", "release", &packet, "case-7", "--reason", "settled"];
    office.evidence("commander", &release).refused(6, &["security, legal"]);
    let begun = office.done("security", &release);
    assert!(begun.stderr.contains("it also takes a signature as legal"), "{}", begun.all());
    let countersign = ["countersign", &packet, "--label", "1"];
    office.evidence("security", &countersign).refused(2, &["you signed this label already"]);
    office.evidence("commander", &countersign).refused(6, &["no signature as `commander`"]);
    office.evidence("records", &execute).refused(6, &["until label 1 is signed"]);
    office.evidence("legal", &["countersign", &packet, "--label", "9"]).refused(5, &["no label 9"]);
    let agreed = office.done("legal", &countersign);
    assert!(agreed.stdout.contains("hold case-7 released") && agreed.stdout.contains("settled"));
    office.evidence("legal", &execute).refused(6, &["nobody prunes as legal"]);
    let gone = office.done("records", &execute);
    assert!(gone.stdout.contains("pruned  "), "{}", gone.all());
    assert!(!office.scene.path(&packet).exists());
    let log = office.done("records", &["log", "verify", "--packets"]);
    assert!(
        log.stdout.contains("1 packets, all of them there and sound but 1 that were pruned"),
        "{}",
        log.all()
    );
    assert!(log.stdout.lines().any(|line| line.starts_with("pruned: ") && line.ends_with(": over")));
    let listed = office.done("records", &["list", "--output", "json"]);
    assert!(json(&listed.stdout)["packets"][0]["pruned"].is_string(), "{}", listed.all());
}

#[test]
fn a_dry_run_of_prune_deletes_nothing_and_says_what_would_go() {
    let office = Office::new();
    let (first, second) = (office.sealed(), office.sealed());
    office.declare(&second, "case-7");
    let dry = office.done("records", &["prune", "--output", "json"]);
    let packets = json(&dry.stdout)["packets"].clone();
    let fates: Vec<&str> =
        packets.as_array().expect("a list").iter().filter_map(|packet| packet["fate"].as_str()).collect();
    assert_eq!(fates, ["due", "kept"]);
    assert!(office.scene.path(&first).exists() && !office.scene.path("evidence/runs/pruned").exists());
    office.evidence("records", &["prune", "--execute"]).refused(2, &["--reason"]);
    office.evidence("records", &["prune", "/etc"]).refused(5, &["is no packet of"]);
    office.done("records", &["prune", "--execute", "--reason", "over"]);
    assert!(!office.scene.path(&first).exists() && office.scene.path(&second).exists());
    let log = office.scene.path("evidence/runs/log.jsonl");
    fs::write(log, "{}\n").expect("ours");
    office.evidence("records", &["prune"]).refused(30, &["the log does not hold"]);
}

#[test]
fn holds_are_listed_and_bad_input_is_answered() {
    let office = Office::new();
    let packet = office.sealed();
    assert_eq!(office.done("legal", &["hold", "list"]).stdout, "");
    office.declare(&packet, "case-7");
    let declare = |hold: &str, review: &str, reason: &str| {
        office.evidence("legal", &["hold", "declare", &packet, hold, "--review", review, "--reason", reason])
    };
    declare("case-7", "2999-01-01T00:00:00Z", "again").refused(2, &["was declared before"]);
    declare("case-8", "2001-01-01T00:00:00Z", "late").refused(2, &["is over already"]);
    declare("case-8", "tomorrow", "when").refused(2, &["--review", "tomorrow"]);
    declare("case-8", "2999-01-01T00:00:00Z", " ").refused(2, &["a reason has"]);
    declare("../x", "2999-01-01T00:00:00Z", "a path").refused(2, &["../x"]);
    assert_eq!(declare("case-8", "2999-01-01T00:00:00Z", "\u{1b}[2Jcleared").code, Some(0));
    let later = ["--review", "2999-06-01T00:00:00Z", "--reason", "still"];
    office.done("legal", &[&["hold", "extend", &packet, "case-7"], &later[..]].concat());
    let listed = office.done("legal", &["hold", "list"]);
    assert_eq!(listed.stdout.lines().count(), 2, "{}", listed.all());
    assert!(!listed.stdout.contains('\u{1b}') && listed.stdout.contains("2999-06-01"), "{}", listed.all());
    let holds = json(&office.done("legal", &["hold", "list", "--output", "json"]).stdout)["holds"].clone();
    assert_eq!(holds[0]["hold"], "case-7");
    assert_eq!(holds[1]["reason"], "\u{1b}[2Jcleared");
    fs::remove_dir_all(office.scene.path("evidence/runs/labels").join(name(&packet)).join("0000"))
        .expect("ours");
    let broken = office.evidence("legal", &["hold", "list"]);
    assert_eq!(broken.code, Some(30), "{}", broken.all());
    assert!(broken.stderr.contains("label.chain"), "{}", broken.all());
}

fn name(packet: &str) -> &str {
    packet.rsplit('/').next().expect("a name")
}

#[test]
fn a_severity_is_signed_by_who_may_and_a_verifier_asks_what_the_table_says() {
    let office = Office::new();
    let packet = office.sealed();
    let classify = |who: &str, level: &str| {
        office.evidence(who, &["classify", &packet, level, "--reason", "keys were copied"])
    };
    classify("legal", "S3").refused(6, &["commander, security"]);
    classify("commander", "S2").refused(3, &["level S2"]);
    classify("commander", "bad").refused(2, &["one of S0, S1, S2, S3 and S4"]);
    let begun = classify("commander", "S3");
    assert_eq!(begun.code, Some(0), "{}", begun.all());
    assert!(begun.stderr.contains("does not verify until then"), "{}", begun.all());
    let refused = office.scene.fabric(&["verify", &packet]);
    assert_eq!(refused.code, Some(30), "{}", refused.all());
    assert!(refused.stdout.contains("label.required") && refused.stdout.contains("signature.required"));
    office.done("security", &["countersign", &packet, "--label", "0"]);
    office.done("security", &["countersign", &packet]);
    let verified = office.scene.fabric(&["verify", &packet]);
    assert_eq!(verified.code, Some(0), "{}", verified.all());
    assert!(verified.stdout.contains("; classified as S3"), "{}", verified.all());
    let dry = office.done("records", &["prune"]);
    assert!(dry.stdout.contains("it is kept until"), "{}", dry.all());
    let until = ["retain", &packet, "--until", "2999-01-01T00:00:00Z", "--reason", "audit"];
    office.done("commander", &until);
    assert!(office.done("records", &["prune"]).stdout.contains("it is kept until 2999-01-01"));
}

#[test]
fn the_signatures_of_labels_are_notarized_with_those_of_their_packet() {
    let office = Office::new();
    let authority = Authority::start();
    let packet = office.sealed();
    office.declare(&packet, "case-7");
    let home = office.home("legal");
    let trust = fs::read_to_string(home.join("trust.toml")).expect("it was made");
    fs::write(home.join("trust.toml"), trust + &authority.entry()).expect("room");
    fs::copy(authority.root(), home.join("root.pem")).expect("room");
    let stamped = office.done("legal", &["notarize", &packet]);
    assert_eq!(stamped.stdout.matches("saw the signature by").count(), 2, "{}", stamped.all());
    let shown = json(&office.done("legal", &["show", &packet, "--output", "json"]).stdout);
    assert_eq!(shown["labels"][0]["signers"][0]["attested"]["authority"], "tsa");
    assert_eq!(shown["signers"][0]["attested"]["authority"], "tsa");
    office.done("legal", &["log", "verify", "--packets"]);
}

#[test]
fn a_pending_release_is_withdrawn_and_the_packet_stays() {
    let office = Office::new();
    let packet = office.sealed();
    office.declare(&packet, "case-7");
    let said = ["case-7", "--reason", "the court asks again"];
    let withdraw = [&["hold", "withdraw", packet.as_str()], &said[..]].concat();
    office.evidence("legal", &withdraw).refused(2, &["no label releases hold `case-7`"]);
    office.done("security", &["hold", "release", &packet, "case-7", "--reason", "settled"]);
    office.evidence("commander", &withdraw).refused(6, &["security, legal"]);
    let withdrawn = office.done("legal", &withdraw);
    assert!(withdrawn.stdout.contains("release of hold case-7 withdrawn"), "{}", withdrawn.all());
    let late = ["countersign", &packet, "--label", "1"];
    office.evidence("legal", &late).refused(6, &["label 1 needs no signature as `legal`"]);
    let listed = office.done("legal", &["hold", "list"]);
    assert!(listed.stdout.contains("case-7: held; declared by"), "{}", listed.all());
    let execute = ["prune", &packet, "--execute", "--reason", "over"];
    office.evidence("records", &execute).refused(6, &["it is held as case-7"]);
}

#[test]
fn a_tombstone_and_the_labels_that_stayed_are_notarized_when_the_packet_is_gone() {
    let office = Office::new();
    let authority = Authority::start();
    let packet = office.sealed();
    office.done("commander", &["classify", &packet, "S1", "--reason", "nothing was lost"]);
    office.done("records", &["prune", "--execute", "--reason", "over"]);
    let home = office.home("legal");
    let trust = fs::read_to_string(home.join("trust.toml")).expect("it was made");
    fs::write(home.join("trust.toml"), trust + &authority.entry()).expect("room");
    fs::copy(authority.root(), home.join("root.pem")).expect("room");
    let stamped = office.done("legal", &["notarize", &packet]);
    assert_eq!(stamped.stdout.matches("saw the signature by").count(), 2, "{}", stamped.all());
    assert!(stamped.stdout.contains("/pruned/") && stamped.stdout.contains("/labels/"), "{}", stamped.all());
    let tombstone = office.scene.path("evidence/runs/pruned").join(name(&packet));
    let mut files = fs::read_dir(&tombstone).expect("a folder").map(|file| file.expect("an entry").path());
    let answer =
        files.find(|file| file.extension().is_some_and(|ending| ending == "tsr")).expect("an answer");
    let root = authority.root();
    let by_openssl = Command::new("openssl")
        .args(["ts", "-verify", "-data"])
        .arg(answer.with_extension(""))
        .arg("-in")
        .arg(&answer)
        .arg("-CAfile")
        .arg(root)
        .output()
        .expect("installed");
    assert!(by_openssl.status.success(), "{}", String::from_utf8_lossy(&by_openssl.stderr));
    let again = office.done("legal", &["notarize", &packet]);
    assert!(again.stderr.contains("has a timestamp already"), "{}", again.all());
    office.done("legal", &["log", "verify", "--packets"]);
    fs::remove_file(tombstone.join("tombstone.json")).expect("ours");
    office.evidence("legal", &["notarize", &packet]).refused(30, &["log.tombstone"]);
    office.evidence("legal", &["notarize", "evidence/runs/none"]).refused(5, &[]);
}
