//! Packets whose retention is over: which go, which stay, and what a killed process or somebody with a shovel leaves behind.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use fabric_evidence::Stamp;
use fabric_evidence::label::Act;
use fabric_evidence::log;
use fabric_evidence::prune::{Fate, NotPruned, buried, judge, prune};
use fabric_evidence::severity::Severity;

use crate::authority::{FOR_TIMESTAMPS, Tsa};
use crate::countersigned::{now, stamp};
use crate::labels::{LEVELS, Office, classify, declare, release, slug};
use crate::sample::{start, unlock};

fn days(days: u64) -> SystemTime {
    start() + Duration::from_secs(days * 86_400)
}

/// Why a packet stays, or nothing.
fn kept(office: &Office, now: SystemTime) -> Option<String> {
    let judged = judge(&office.runs(), &office.bench.trust(), now).expect("the log holds");
    let one = judged.into_iter().find(|one| one.entry.folder == "run-1").expect("it is there");
    match one.fate {
        Fate::Kept(reasons) => Some(reasons.join("; ")),
        Fate::Due(_) | Fate::Unfinished => None,
    }
}

fn pruned(office: &Office, now: SystemTime) -> Result<Vec<String>, NotPruned> {
    let (runs, trust) = (office.runs(), office.bench.trust());
    let gone = prune(&runs, &[], &trust, office.signer("records"), &slug("records"), "over", now)?;
    Ok(gone.into_iter().map(|one| one.entry.folder).collect())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("new");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() { copy(&path, &target) } else { assert!(fs::copy(&path, &target).is_ok()) }
    }
}

#[test]
fn a_packet_goes_when_its_retention_is_over_and_the_log_says_by_whom_and_why() {
    let office = Office::new("");
    assert!(kept(&office, days(29)).is_some_and(|why| why.contains("it is kept until")));
    assert_eq!(kept(&office, days(31)), None);
    assert_eq!(pruned(&office, days(29)).expect("nothing is in its way"), [""; 0]);
    assert!(office.packet().exists());
    assert_eq!(pruned(&office, days(31)).expect("nothing is in its way"), ["run-1"]);
    assert!(!office.packet().exists());
    let audited = log::audit::audit(&office.runs(), &office.bench.trust(), days(32), true).expect("it holds");
    let [tombstone] = audited.pruned.as_slice() else { panic!("one is expected: {:?}", audited.pruned) };
    assert_eq!((tombstone.run_id.as_str(), tombstone.reason.as_str()), ("run-1", "over"));
    assert_eq!(tombstone.by, *office.signer("records").fingerprint());
    assert_eq!(tombstone.kept_until, Stamp::of(start() + Duration::from_secs(9)).plus_days(30));
    assert!(judge(&office.runs(), &office.bench.trust(), days(32)).expect("it holds").is_empty());
    assert_eq!(pruned(&office, days(33)).expect("nothing is left to do"), [""; 0]);
}

#[test]
fn what_is_held_stays_until_the_release_is_signed_by_two() {
    let office = Office::new("");
    office.add("security", declare("case-7")).expect("nothing is in its way");
    assert_eq!(kept(&office, days(31)).as_deref(), Some("it is held as case-7"));
    office.add("security", release("case-7")).expect("security begins it");
    assert!(kept(&office, days(31)).is_some_and(|why| why.contains("until label 1 is signed")));
    assert_eq!(pruned(&office, days(31)).expect("nothing may go"), [""; 0]);
    let (runs, trust) = (office.runs(), office.bench.trust());
    let named = ["run-1".to_owned()];
    let refused = prune(&runs, &named, &trust, office.signer("records"), &slug("records"), "over", days(31));
    assert!(matches!(refused, Err(NotPruned::Kept { .. })), "{refused:?}");
    office.countersign("legal", 1).expect("legal is asked for");
    assert_eq!(pruned(&office, days(31)).expect("nothing is in its way"), ["run-1"]);
    assert_eq!(office.audited(days(32)), [""; 0], "its labels stay");
}

#[test]
fn a_packet_is_kept_as_long_as_its_severity_and_its_labels_say() {
    let office = Office::new("");
    office.add("commander", classify(Severity::S1)).expect("one is enough");
    assert!(kept(&office, days(89)).is_some_and(|why| why.contains("it is kept until")));
    assert_eq!(kept(&office, days(91)), None);
    let until = Stamp::of(days(400));
    office.add("commander", Act::Retain { until }).expect("it is longer");
    office.add("commander", Act::Retain { until: Stamp::of(days(1)) }).expect("it says nothing");
    assert!(kept(&office, days(399)).is_some_and(|why| why.contains("it is kept until")));
    assert_eq!(kept(&office, days(401)), None);
}

#[test]
fn what_is_unclear_stays() {
    let office = Office::new("");
    office.write_trust(&LEVELS.replace("realm = \"twin\"", "realm = \"real\""));
    assert!(kept(&office, days(9_999)).is_some_and(|why| why.contains("no `[[retain]]`")));
    let unclassified = Office::new("[[require]]\nclassified = true\n");
    assert!(kept(&unclassified, days(31)).is_some_and(|why| why.contains("label.required")));
    let tampered = Office::new("");
    unlock(&tampered.packet());
    fs::write(tampered.packet().join("report.md"), "all is well\n").expect("ours");
    assert!(kept(&tampered, days(31)).is_some_and(|why| why.contains("it does not verify")));
    assert_eq!(pruned(&tampered, days(31)).expect("nothing may go"), [""; 0]);
}

#[test]
fn a_hold_that_was_taken_away_still_keeps_its_packet() {
    let office = Office::new("");
    office.add("security", declare("case-7")).expect("nothing is in its way");
    fs::remove_dir_all(office.runs().join("labels")).expect("ours");
    assert!(kept(&office, days(31)).is_some_and(|why| why.contains("log.label")));
    assert_eq!(pruned(&office, days(31)).expect("nothing may go"), [""; 0]);
    let log = office.runs().join(log::NAME);
    fs::write(&log, "{}\n").expect("ours");
    assert!(matches!(pruned(&office, days(31)), Err(NotPruned::Log(_))), "and no log is no permission");
}

#[test]
fn who_may_not_prune_removes_and_does_not_prune() {
    let office = Office::new("");
    let (runs, trust) = (office.runs(), office.bench.trust());
    let refused = prune(&runs, &[], &trust, office.signer("legal"), &slug("legal"), "over", days(31));
    assert!(matches!(refused, Err(NotPruned::Role(_))), "{refused:?}");
    // A role that the trust file does not give him is none either.
    let claimed = prune(&runs, &[], &trust, office.signer("legal"), &slug("records"), "over", days(31));
    assert!(matches!(claimed, Err(NotPruned::Signature(_))), "{claimed:?}");
    assert_eq!((kept(&office, days(31)), office.audited(days(31))), (None, vec![]));
    fs::remove_dir_all(office.packet()).expect("ours");
    assert_eq!(office.audited(days(31)), ["log.removed"]);
}

#[test]
fn a_tombstone_that_does_not_account_for_the_packet_is_found() {
    let office = Office::new("");
    assert_eq!(pruned(&office, days(31)).expect("nothing is in its way"), ["run-1"]);
    let tombstone = office.runs().join("pruned/run-1/tombstone.json");
    unlock(&office.runs().join("pruned"));
    let text = fs::read_to_string(&tombstone).expect("text");
    fs::write(&tombstone, text.replace("\"over\"", "\"ever\"")).expect("ours");
    assert_eq!(office.audited(days(32)), ["log.tombstone"]);
    // Another one, signed as it should be, that the log does not tell of.
    let signer = office.signer("records");
    let signature = office.runs().join(format!("pruned/run-1/{}.asc", signer.fingerprint()));
    let (whole, other) = (fs::read(&signature).expect("there"), text.replace("\"over\"", "\"ever\""));
    let signed = signer.sign(other.as_bytes(), "records", "prune", days(31)).expect("usable");
    fs::write(&signature, signed).expect("ours");
    fs::write(&tombstone, &other).expect("ours");
    assert_eq!(office.audited(days(32)), ["log.tombstone"], "another tombstone");
    // One by somebody who may not.
    fs::remove_file(&signature).expect("ours");
    let legal = office.signer("legal");
    let by_legal = text.replace(signer.fingerprint().as_str(), legal.fingerprint().as_str());
    let signed = legal.sign(by_legal.as_bytes(), "legal", "prune", days(31)).expect("usable");
    fs::write(office.runs().join(format!("pruned/run-1/{}.asc", legal.fingerprint())), signed).expect("room");
    fs::write(&tombstone, &by_legal).expect("ours");
    assert_eq!(office.audited(days(32)), ["log.tombstone"]);
    fs::remove_file(office.runs().join(format!("pruned/run-1/{}.asc", legal.fingerprint()))).expect("ours");
    fs::write(&signature, whole).expect("ours");
    fs::write(&tombstone, &text).expect("ours");
    office.write_trust(&LEVELS.replace("\"records\"", "\"nobody\""));
    assert_eq!(office.audited(days(32)), ["log.tombstone"], "signed by nobody who may");
    office.write_trust(LEVELS);
    assert_eq!(office.audited(days(32)), [""; 0]);
    fs::remove_dir_all(office.runs().join("pruned")).expect("ours");
    assert_eq!(office.audited(days(32)), ["log.tombstone"]);
}

#[test]
fn a_tombstone_outlives_its_signer_where_an_authority_saw_it() {
    let tsa = Tsa::new("ec", FOR_TIMESTAMPS);
    let office = Office::new("[[timestamp_authority]]\nname = \"tsa\"\ncertificates = \"root.pem\"\n");
    fs::write(office.bench.path("root.pem"), tsa.root()).expect("room");
    let runs = office.runs();
    assert!(buried(&runs, "run-1", &office.bench.trust(), days(31)).expect("it holds").is_none());
    assert_eq!(pruned(&office, days(31)).expect("nothing is in its way"), ["run-1"]);
    let until = Stamp::of(now() + Duration::from_secs(3600));
    let next_week = now() + Duration::from_secs(7 * 86_400);
    let trust = fs::read_to_string(office.bench.path("trust.toml")).expect("text");
    let ending = format!("roles = [\"records\"]\nvalid_until = {until}");
    fs::write(office.bench.path("trust.toml"), trust.replace("roles = [\"records\"]", &ending))
        .expect("room");
    let found =
        buried(&runs, "run-1", &office.bench.trust(), now()).expect("it holds").expect("it was pruned");
    assert_eq!(office.audited(next_week), ["log.tombstone"], "it counts as long as its key");
    let signatures = found.signatures(&runs);
    let [(signature, by)] = signatures.as_slice() else { panic!("one is expected: {signatures:?}") };
    assert_eq!(by.fingerprint, *office.signer("records").fingerprint());
    stamp(signature, &tsa);
    assert_eq!(office.audited(next_week), [""; 0]);
    let found =
        buried(&runs, "run-1", &office.bench.trust(), now()).expect("it holds").expect("it was pruned");
    assert!(found.signers.iter().all(|signer| signer.attested.is_some()));
    let answer = runs.join(format!("pruned/run-1/{}.asc.tsr", by.fingerprint));
    unlock(&runs.join("pruned"));
    fs::write(&answer, "granted").expect("ours");
    assert_eq!(office.audited(next_week), ["log.tombstone"], "nor does another answer help");
    assert!(buried(&runs, "run-1", &office.bench.trust(), now()).is_err());
}

#[test]
fn whoever_was_killed_in_between_leaves_what_the_next_one_finishes() {
    let office = Office::new("");
    let (aside, log) = (office.bench.path("aside"), office.runs().join(log::NAME));
    copy(&office.packet(), &aside);
    let before = fs::read(&log).expect("there");
    assert_eq!(pruned(&office, days(31)).expect("nothing is in its way"), ["run-1"]);
    let tombstone = fs::read(office.runs().join("pruned/run-1/tombstone.json")).expect("there");
    let after = fs::read(&log).expect("there");
    // Behind the tombstone, behind the log's line, and behind the step aside.
    let states = [("run-1", &before), ("run-1", &after), ("pruned/.packets/run-1", &after)];
    for (place, lines) in states {
        copy(&aside, &office.runs().join(place));
        fs::write(&log, lines).expect("ours");
        assert_eq!(office.audited(days(32)), [""; 0], "{place}");
        assert_eq!(pruned(&office, days(40)).expect("nothing is in its way"), ["run-1"], "{place}");
        assert!(!office.runs().join(place).exists(), "{place}");
        assert_eq!(office.audited(days(41)), [""; 0], "{place}");
        assert_eq!(fs::read(office.runs().join("pruned/run-1/tombstone.json")).expect("there"), tombstone);
        assert_eq!(fs::read(&log).expect("there"), after, "{place}: it is entered once");
    }
    // A hold that came in between keeps it.
    copy(&aside, &office.packet());
    office.add("security", declare("case-7")).expect("the packet is there");
    assert!(kept(&office, days(40)).is_some_and(|why| why.contains("held as case-7")));
    assert_eq!(pruned(&office, days(40)).expect("nothing may go"), [""; 0]);
    fs::remove_dir_all(office.packet()).expect("ours");
    assert_eq!(office.audited(days(41)), ["log.tombstone"], "no tombstone accounts for what is held");
}

#[test]
fn links_are_deleted_and_never_followed() {
    let office = Office::new("");
    let treasure = office.bench.path("treasure");
    fs::create_dir(&treasure).expect("new");
    fs::write(treasure.join("gold"), "gold").expect("room");
    let aside = office.bench.path("aside");
    fs::rename(office.packet(), &aside).expect("ours");
    symlink(&aside, office.packet()).expect("ours");
    assert!(kept(&office, days(31)).is_some_and(|why| why.contains("it is no folder")));
    assert_eq!(pruned(&office, days(31)).expect("nothing may go"), [""; 0]);
    assert!(aside.join("run.json").exists());
    fs::remove_file(office.packet()).expect("ours");
    fs::rename(&aside, office.packet()).expect("ours");
    // Somebody puts a link into what a killed process had set aside.
    copy(&office.packet(), &aside);
    assert_eq!(pruned(&office, days(31)).expect("nothing is in its way"), ["run-1"]);
    let going = office.runs().join("pruned/.packets/run-1");
    copy(&aside, &going);
    symlink(&treasure, going.join("artifacts/away")).expect("ours");
    assert_eq!(pruned(&office, days(32)).expect("nothing is in its way"), ["run-1"]);
    assert!(treasure.join("gold").exists() && !going.exists());
    // And a link in the place of the folder of tombstones takes nothing in.
    let other = Office::new("");
    symlink(&treasure, other.runs().join("pruned")).expect("ours");
    pruned(&other, days(31)).expect_err("it is no folder");
    assert!(other.packet().exists());
    assert_eq!(fs::read_dir(&treasure).expect("there").count(), 1);
}
