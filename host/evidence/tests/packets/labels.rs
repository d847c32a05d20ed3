//! Labels: severities that people sign and what hangs on them, and holds that stand until two people have released them.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use fabric_evidence::label::{self, Act, Added, NotLabelled, countersign};
use fabric_evidence::log::{self, Entry, audit};
use fabric_evidence::severity::Severity;
use fabric_evidence::{Signer, Stamp, Verified, sidecar, verify};
use fabric_model::Slug;

use crate::authority::{FOR_TIMESTAMPS, Tsa};
use crate::countersigned::{now, stamp};
use crate::sample::{Bench, entry, files, later, new_signer, start, unlock};

/// What the site's table asks, in a trust file.
pub(crate) const LEVELS: &str = r#"
[[severity]]
level = "S1"
classified_as = ["commander"]
retain_days = 90
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
realm = "twin"
days = 30

[prune]
pruned_as = ["records"]
"#;

/// A packet, and people with one role each.
pub(crate) struct Office {
    pub(crate) bench: Bench,
    people: Vec<(&'static str, Signer)>,
    more: String,
}

impl Office {
    pub(crate) fn new(more: &str) -> Self {
        let people = ["commander", "security", "legal", "records", "other-legal"];
        let people = people.map(|name| (name, new_signer())).into_iter().collect();
        let office = Self { bench: Bench::new(), people, more: more.to_owned() };
        for (name, signer) in &office.people {
            office.bench.add_certificate(name, &signer.public_armored().expect("a certificate"));
        }
        office.write_trust(LEVELS);
        office.bench.seal("run-1");
        office
    }

    pub(crate) fn write_trust(&self, levels: &str) {
        let sealer = entry("a", self.bench.signer.fingerprint(), &["site-dev"], "");
        let people = self.people.iter().map(|(name, signer)| {
            let role = name.trim_start_matches("other-");
            entry(name, signer.fingerprint(), &[role], "")
        });
        let people: String = people.collect();
        self.bench.write_trust(&[sealer, people, levels.to_owned(), self.more.clone()].concat());
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.bench.path("runs")
    }

    pub(crate) fn packet(&self) -> PathBuf {
        self.runs().join("run-1")
    }

    pub(crate) fn label(&self, seq: u64) -> PathBuf {
        self.runs().join(format!("labels/run-1/{seq:04}"))
    }

    pub(crate) fn signer(&self, who: &str) -> &Signer {
        &self.people.iter().find(|(name, _)| *name == who).expect("one of the office").1
    }

    pub(crate) fn add(&self, who: &str, act: Act) -> Result<Added, NotLabelled> {
        let role = slug(who.trim_start_matches("other-"));
        label::add(&self.packet(), act, "a reason", self.signer(who), &role, &self.bench.trust(), later())
    }

    pub(crate) fn countersign(&self, who: &str, seq: u64) -> Result<Added, NotLabelled> {
        let role = slug(who.trim_start_matches("other-"));
        countersign(&self.packet(), seq, self.signer(who), &role, &self.bench.trust(), later())
    }

    pub(crate) fn verified(&self) -> Verified {
        verify(&self.packet(), &self.bench.trust(), later()).expect("it verifies")
    }

    pub(crate) fn classes(&self) -> Vec<&'static str> {
        match verify(&self.packet(), &self.bench.trust(), later()) {
            Ok(_) => Vec::new(),
            Err(findings) => findings.iter().map(|finding| finding.class).collect(),
        }
    }

    /// What the log says of everything in the folder, without verifying packets.
    pub(crate) fn audited(&self, now: SystemTime) -> Vec<&'static str> {
        match audit::audit(&self.runs(), &self.bench.trust(), now, false) {
            Ok(_) => Vec::new(),
            Err(findings) => findings.iter().map(|finding| finding.class).collect(),
        }
    }

    fn held(&self) -> Vec<String> {
        self.verified().labels.held().map(|hold| hold.id.to_string()).collect()
    }

    /// The class for which a label is refused; empty where it is not.
    fn refused(&self, who: &str, act: Act) -> &'static str {
        if let Err(NotLabelled::Refused(finding)) = self.add(who, act) { finding.class } else { "" }
    }
}

pub(crate) fn slug(text: &str) -> Slug {
    text.parse().expect("a word")
}

fn in_days(days: u32) -> Stamp {
    Stamp::of(start()).plus_days(days)
}

pub(crate) fn declare(hold: &str) -> Act {
    Act::HoldDeclare { hold: slug(hold), review: in_days(30) }
}

fn extend(hold: &str, days: u32) -> Act {
    Act::HoldExtend { hold: slug(hold), review: in_days(days) }
}

pub(crate) fn release(hold: &str) -> Act {
    Act::HoldRelease { hold: slug(hold) }
}

pub(crate) fn withdraw(hold: &str) -> Act {
    Act::HoldReleaseWithdraw { hold: slug(hold) }
}

pub(crate) fn classify(severity: Severity) -> Act {
    Act::Classify { severity }
}

#[test]
fn a_hold_stands_until_two_people_have_released_it() {
    let office = Office::new("");
    office.add("security", declare("case-7")).expect("nothing is in its way");
    assert_eq!(office.held(), ["case-7"], "it holds although legal has not signed yet");
    assert_eq!(office.refused("commander", release("case-7")), "label.role");
    office.add("security", release("case-7")).expect("security begins it");
    assert_eq!(office.held(), ["case-7"], "one person releases nothing");
    let again = office.countersign("security", 1);
    assert!(matches!(again, Err(NotLabelled::SignedBefore(_))), "the same key twice: {again:?}");
    let commander = office.countersign("commander", 1);
    assert!(matches!(commander, Err(NotLabelled::Refused(_))), "another role: {commander:?}");
    office.countersign("legal", 1).expect("legal is asked for");
    assert_eq!(office.held(), [""; 0]);
    assert_eq!(office.audited(later()), [""; 0]);
    let more = office.countersign("other-legal", 1);
    assert!(matches!(more, Err(NotLabelled::Refused(_))), "nobody is lacking: {more:?}");
}

#[test]
fn a_release_is_withdrawn_by_one_person_and_never_comes_back() {
    let office = Office::new("");
    office.add("security", declare("case-7")).expect("nothing is in its way");
    assert_eq!(office.refused("legal", withdraw("case-7")), "label.story", "nothing releases it");
    office.add("security", release("case-7")).expect("security begins it");
    assert_eq!(
        office.refused("security", extend("case-7", 60)),
        "label.story",
        "not while a release is pending"
    );
    assert_eq!(office.refused("commander", withdraw("case-7")), "label.role");
    office.add("legal", withdraw("case-7")).expect("one is enough");
    let late = office.countersign("legal", 1);
    assert!(matches!(late, Err(NotLabelled::Refused(_))), "nobody is asked for it any more: {late:?}");
    // Not even by a signature that a program of ours would not make.
    let label = fs::read(office.label(1).join("label.json")).expect("there");
    let armored = office.signer("legal").sign(&label, "legal", "hold-release", later()).expect("usable");
    let late = office.label(1).join(format!("{}.asc", office.signer("legal").fingerprint()));
    fs::write(&late, armored).expect("room");
    assert_eq!(office.held(), ["case-7"]);
    fs::remove_file(&late).expect("ours");
    office.add("security", extend("case-7", 60)).expect("it stands as before");
    office.add("legal", release("case-7")).expect("another release");
    assert_eq!(office.held(), ["case-7"], "which takes two, too");
    office.countersign("security", 4).expect("security is asked for");
    assert_eq!(office.held(), [""; 0]);
    office.add("security", withdraw("case-7")).expect("the packet is still there");
    assert_eq!(office.held(), ["case-7"]);
    assert_eq!(office.audited(later()), [""; 0]);
}

#[test]
fn two_people_of_legal_release_no_hold() {
    let office = Office::new("");
    office.add("security", declare("case-7")).expect("nothing is in its way");
    office.add("legal", release("case-7")).expect("legal begins it");
    let second = office.countersign("other-legal", 1);
    assert!(matches!(second, Err(NotLabelled::Refused(_))), "{second:?}");
    assert_eq!(office.held(), ["case-7"]);
}

#[test]
fn one_signature_under_two_names_releases_no_hold() {
    let office = Office::new("");
    office.add("security", declare("case-7")).expect("nothing is in its way");
    office.add("security", release("case-7")).expect("security begins it");
    let own = office.label(1).join(format!("{}.asc", office.signer("security").fingerprint()));
    let others = office.label(1).join(format!("{}.asc", office.signer("legal").fingerprint()));
    fs::copy(&own, &others).expect("ours");
    assert_eq!(office.classes(), ["signature.file_name"]);
    // And a signature that legal gave to something else is none here.
    fs::remove_file(&others).expect("ours");
    let label = fs::read(office.label(1).join("label.json")).expect("there");
    let countersigned = office.signer("legal").sign(&label, "legal", "countersign", later()).expect("usable");
    fs::write(&others, countersigned).expect("room");
    assert_eq!(office.classes(), ["signature.intent"]);
}

#[test]
fn a_second_declaration_does_not_replace_the_first() {
    let office = Office::new("");
    office.add("security", declare("case-7")).expect("nothing is in its way");
    let before = fs::read(office.label(0).join("label.json")).expect("there");
    assert_eq!(office.refused("legal", declare("case-7")), "label.story");
    office.add("legal", declare("case-8")).expect("another hold");
    assert_eq!(office.held(), ["case-7", "case-8"]);
    assert_eq!(fs::read(office.label(0).join("label.json")).expect("there"), before);
    office.add("security", release("case-8")).expect("security begins it");
    office.countersign("legal", 2).expect("legal is asked for");
    assert_eq!(office.held(), ["case-7"], "each hold is released by itself");
    assert_eq!(office.refused("security", declare("case-8")), "label.story", "a name stands for one hold");
}

#[test]
fn a_hold_is_extended_and_does_not_end_by_itself() {
    let office = Office::new("");
    office.add("security", declare("case-7")).expect("nothing is in its way");
    assert_eq!(office.refused("security", extend("case-7", 30)), "label.story", "no later than before");
    assert_eq!(office.refused("security", extend("case-8", 60)), "label.story", "there is no such hold");
    assert_eq!(office.refused("commander", extend("case-7", 60)), "label.role");
    office.add("legal", extend("case-7", 60)).expect("it is later");
    let years = later() + Duration::from_secs(3 * 365 * 86_400);
    let verified = verify(&office.packet(), &office.bench.trust(), years).expect("it verifies");
    let holds: Vec<_> = verified.labels.held().map(|hold| (hold.id.as_str(), hold.review)).collect();
    assert_eq!(holds, [("case-7", in_days(60))]);
}

#[test]
fn a_label_does_not_verify_after_its_packet_was_tampered_with() {
    let office = Office::new("");
    office.add("security", declare("case-7")).expect("nothing is in its way");
    unlock(&office.packet());
    let report = office.packet().join("report.md");
    let whole = fs::read(&report).expect("there");
    fs::write(&report, "all is well\n").expect("ours");
    assert_eq!(office.classes(), ["file.digest", "report.differs"]);
    let refused = office.add("security", declare("case-8"));
    assert!(matches!(refused, Err(NotLabelled::Unverified(_))), "{refused:?}");
    fs::write(&report, whole).expect("ours");
    // Another manifest, as who put another packet in its place would leave.
    office.bench.seal("run-2");
    fs::rename(office.runs().join("labels/run-1"), office.runs().join("labels/run-2")).expect("ours");
    let other = verify(&office.runs().join("run-2"), &office.bench.trust(), later()).expect_err("moved");
    assert_eq!(other.iter().map(|finding| finding.class).collect::<Vec<_>>(), ["label.packet"]);
    // And one of the same name, sealed without what the first had.
    fs::rename(office.runs().join("labels/run-2"), office.runs().join("labels/run-1")).expect("ours");
    fs::remove_dir_all(office.packet()).expect("ours");
    let again = office.bench.open_packet("run-1");
    again.seal(&office.bench.signer, "site-dev", "seal", start() + Duration::from_secs(9)).expect("usable");
    assert_eq!(office.classes(), ["label.packet"]);
}

#[test]
fn a_label_says_nothing_of_where_a_packet_lay() {
    let office = Office::new("");
    office.add("security", declare("case-7")).expect("nothing is in its way");
    let root = office.bench.dir.path().display().to_string();
    for file in files(&office.runs().join("labels")) {
        let text = String::from_utf8_lossy(&fs::read(&file).expect("there")).into_owned();
        assert!(!text.contains(&root) && !text.contains("/run-1"), "{}: {text}", file.display());
    }
}

#[test]
fn a_label_that_was_removed_replaced_moved_or_put_in_is_found() {
    let office = Office::new("");
    for hold in ["one", "two", "three"] {
        office.add("security", declare(hold)).expect("nothing is in its way");
    }
    let aside = office.bench.path("aside");
    for (seq, class) in [(0, "label.chain"), (1, "label.chain")] {
        fs::rename(office.label(seq), &aside).expect("ours");
        assert_eq!(office.classes(), [class], "label {seq} is gone");
        assert_eq!(office.audited(later()), ["log.label"]);
        fs::rename(&aside, office.label(seq)).expect("ours");
    }
    fs::rename(office.label(2), &aside).expect("ours");
    assert_eq!(office.classes(), [""; 0], "the labels alone cannot tell that the last is gone");
    assert_eq!(office.audited(later()), ["log.label"], "the log can");
    fs::rename(&aside, office.label(2)).expect("ours");
    let signature = office.label(2).join(format!("{}.asc", office.signer("security").fingerprint()));
    fs::rename(&signature, &aside).expect("ours");
    assert_eq!(office.classes(), ["label.unsigned"]);
    assert_eq!(office.audited(later()), ["log.label"]);
    fs::rename(&aside, &signature).expect("ours");
    let statement = office.label(1).join("label.json");
    unlock(&office.label(1));
    let text = fs::read_to_string(&statement).expect("text");
    fs::write(&statement, text.replace("\"two\"", "\"too\"")).expect("ours");
    assert!(office.classes().contains(&"signature.bad"), "{:?}", office.classes());
    fs::write(&statement, text.replace("{\"act\"", "{ \"act\"")).expect("ours");
    assert_eq!(office.classes(), ["label.form"]);
    fs::write(&statement, text.replace("\"format\":1", "\"format\":2")).expect("ours");
    assert_eq!(office.classes(), ["label.form"]);
    fs::write(&statement, text).expect("ours");
    fs::write(office.label(1).join("note.txt"), "mine").expect("ours");
    assert_eq!(office.classes(), ["label.form"]);
    fs::remove_file(office.label(1).join("note.txt")).expect("ours");
    std::os::unix::fs::symlink(office.label(0), office.label(3)).expect("ours");
    assert_eq!(office.classes(), ["label.form"], "a link");
    fs::remove_file(office.label(3)).expect("ours");
    assert_eq!((office.classes(), office.audited(later())), (vec![], vec![]));
}

#[test]
fn a_label_that_was_made_anew_does_not_lead_to_those_behind_it() {
    let office = Office::new("");
    office.add("security", declare("one")).expect("nothing is in its way");
    office.add("security", declare("two")).expect("nothing is in its way");
    let aside = office.bench.path("aside");
    fs::rename(office.label(1), &aside).expect("ours");
    fs::remove_dir_all(office.label(0)).expect("ours");
    office.add("security", declare("other")).expect("nobody is in its way any more");
    fs::rename(&aside, office.label(1)).expect("ours");
    assert_eq!(office.classes(), ["label.chain"]);
    assert!(office.audited(later()).contains(&"log.label"));
}

#[test]
fn a_label_that_the_log_does_not_tell_of_is_found_and_entered_with_the_next() {
    let office = Office::new("");
    office.add("security", declare("one")).expect("nothing is in its way");
    let log = office.runs().join(log::NAME);
    let text = fs::read_to_string(&log).expect("text");
    let first = text.lines().next().expect("a line");
    fs::write(&log, format!("{first}\n")).expect("as a writer leaves it who is killed in between");
    assert_eq!(office.audited(later()), ["log.unlisted"]);
    office.add("security", declare("two")).expect("nothing is in its way");
    assert_eq!(office.audited(later()), [""; 0]);
    let lines = log::load(&office.runs()).expect("a chain");
    assert_eq!(lines.iter().filter(|line| matches!(line.entry, Entry::Label(_))).count(), 2);
}

#[test]
fn a_severity_is_signed_by_who_may_classify_and_demands_what_the_table_says() {
    let office = Office::new("");
    assert_eq!(office.refused("legal", classify(Severity::S1)), "label.role");
    assert_eq!(office.refused("commander", classify(Severity::S2)), "label.level", "the table has no such");
    office.add("commander", classify(Severity::S1)).expect("one is enough for S1");
    assert_eq!(office.verified().labels.severity, Some(Severity::S1));
    office.add("commander", classify(Severity::S3)).expect("the commander begins it");
    assert_eq!(office.classes(), ["label.required", "signature.required"], "it counts from now on");
    office.countersign("security", 1).expect("security is asked for");
    assert_eq!(office.classes(), ["signature.required"]);
    sidecar::countersign(&office.packet(), office.signer("security"), "security", later()).expect("usable");
    assert_eq!(office.verified().labels.severity, Some(Severity::S3));
    office.add("commander", classify(Severity::S1)).expect("the commander begins it");
    assert_eq!(office.classes(), ["label.required"], "lowering takes who signed the higher");
    let trust = office.bench.trust().without_requirements();
    let standing = verify(&office.packet(), &trust, later()).expect("it verifies").labels;
    assert_eq!(standing.severity, Some(Severity::S3), "one person lowers nothing");
    office.countersign("security", 2).expect("security is asked for");
    assert_eq!(office.verified().labels.severity, Some(Severity::S1));
}

#[test]
fn what_must_be_classified_is_refused_until_it_is() {
    let office = Office::new("[[require]]\nkinds = [\"acceptance\"]\nclassified = true\n");
    assert_eq!(office.classes(), ["label.required"]);
    office.add("commander", classify(Severity::S1)).expect("one is enough for S1");
    office.verified();
    let elsewhere = Office::new("[[require]]\nkinds = [\"gameday\"]\nclassified = true\n");
    elsewhere.verified();
}

#[test]
fn a_severity_that_the_table_does_not_have_is_no_lighter_one() {
    let office = Office::new("");
    office.add("commander", classify(Severity::S1)).expect("one is enough for S1");
    office.write_trust(&LEVELS.replace("\"S1\"", "\"S2\""));
    assert_eq!(office.classes(), ["label.level"]);
    office.write_trust("");
    assert_eq!(office.classes(), ["label.level"]);
}

#[test]
fn a_table_that_lets_one_person_release_or_a_higher_level_ask_for_less_is_refused() {
    let office = Office::new("");
    let cases = [
        ("released_as = [\"security\", \"legal\"]", "released_as = [\"legal\"]", "two people"),
        ("released_as = [\"security\", \"legal\"]", "released_as = [\"security\", \"other\"]", "legal"),
        ("classified_as = [\"commander\"]", "classified_as = []", "without a role"),
        ("retain_days = 730", "retain_days = 30", "shorter time"),
        ("level = \"S3\"", "level = \"S1\"", "stands twice"),
        ("level = \"S3\"", "level = \"S5\"", "S0, S1"),
    ];
    for (from, to, says) in cases {
        let levels = LEVELS.replace(from, to);
        assert_ne!(levels, LEVELS);
        office.write_trust(&levels);
        let errors = fabric_evidence::Trust::load(&office.bench.path("trust.toml")).expect_err(says);
        assert!(errors.iter().any(|error| error.to_string().contains(says)), "{says}: {errors:?}");
    }
}

#[test]
fn a_label_outlives_its_signer_where_an_authority_saw_it() {
    let tsa = Tsa::new("ec", FOR_TIMESTAMPS);
    let authority = "[[timestamp_authority]]\nname = \"tsa\"\ncertificates = \"root.pem\"\n";
    let office = Office::new(authority);
    fs::write(office.bench.path("root.pem"), tsa.root()).expect("room");
    office.add("security", declare("case-7")).expect("nothing is in its way");
    let within_the_hour = Stamp::of(now() + Duration::from_secs(3600));
    let next_week = now() + Duration::from_secs(7 * 86_400);
    let trust = fs::read_to_string(office.bench.path("trust.toml")).expect("text");
    let until = format!("roles = [\"security\"]\nvalid_until = {within_the_hour}");
    fs::write(office.bench.path("trust.toml"), trust.replace("roles = [\"security\"]", &until))
        .expect("room");
    let classes = || match verify(&office.packet(), &office.bench.trust(), next_week) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.iter().map(|finding| finding.class).collect(),
    };
    assert_eq!(classes(), ["signature.expired", "label.unsigned"]);
    let signature = label::signature_path(&office.packet(), 0, office.signer("security").fingerprint());
    let signature = signature.expect("the packet has a name");
    stamp(&signature, &tsa);
    assert_eq!(classes(), [""; 0]);
    assert_eq!(office.audited(later()), [""; 0]);
    let answer = PathBuf::from(format!("{}.tsr", signature.display()));
    unlock(&office.label(0));
    fs::write(&answer, "nothing").expect("ours");
    assert!(classes().contains(&"timestamp.form"));
    fs::remove_file(&answer).expect("ours");
    assert!(classes().contains(&"sidecar.stray"));
}

#[test]
fn a_copy_of_a_packet_is_not_labelled() {
    let office = Office::new("");
    let elsewhere = office.bench.path("elsewhere");
    fs::create_dir(&elsewhere).expect("new");
    fs::rename(office.packet(), elsewhere.join("run-1")).expect("ours");
    let (role, trust) = (slug("security"), office.bench.trust());
    let signer = office.signer("security");
    let refused = label::add(&elsewhere.join("run-1"), declare("one"), "why", signer, &role, &trust, later());
    assert!(matches!(refused, Err(NotLabelled::Unlisted)), "{refused:?}");
    assert_eq!(fs::read_dir(&elsewhere).expect("a folder").count(), 1, "nothing was written");
}

#[test]
fn a_reason_is_given() {
    let office = Office::new("");
    for reason in ["", " \n", &"x".repeat(2_001)] {
        let role = slug("security");
        let trust = office.bench.trust();
        let refused = label::add(
            &office.packet(),
            declare("one"),
            reason,
            office.signer("security"),
            &role,
            &trust,
            later(),
        );
        assert!(matches!(refused, Err(NotLabelled::Reason)), "{refused:?}");
    }
    assert!(!office.runs().join("labels").exists());
}
