//! Nothing in a sealed packet can be changed unseen.

use std::fs;
use std::path::Path;

use fabric_evidence::{Finding, Trust, verify};
use fabric_model::site::Realm;

use crate::changing;
use crate::sample::{Bench, files, later, unlock};

/// Files over this size are sampled, others flipped byte by byte.
const EXHAUSTIVE_LIMIT: usize = 1200;

fn refused(dir: &Path, trust: &Trust) -> bool {
    verify(dir, trust, later()).is_err()
}

#[test]
fn a_sealed_packet_verifies_and_says_that_it_ran_on_the_twin() {
    let bench = Bench::new();
    let sealed = bench.seal("run-1");
    let verified = verify(&sealed.dir, &bench.trust(), later()).expect("untouched");
    assert_eq!(verified.manifest, sealed.manifest_digest);
    assert_eq!(verified.run, sealed.run);
    assert_eq!(verified.signers.len(), 1);
    let said = verified.to_string();
    assert!(said.contains("(twin), a model: no evidence of the real site"), "{said}");
    assert!(said.contains("ended as denied (6)"), "{said}");
}

#[test]
fn any_flipped_byte_of_any_file_is_refused() {
    let bench = Bench::new();
    let sealed = bench.seal("run-1");
    let trust = bench.trust();
    unlock(&sealed.dir);
    let all = files(&sealed.dir);
    assert_eq!(all.len(), 9, "{all:?}");
    for file in all {
        let original = fs::read(&file).expect("readable");
        let step = if original.len() <= EXHAUSTIVE_LIMIT { 1 } else { original.len() / 150 };
        for at in (0..original.len()).step_by(step).chain([original.len() - 1]) {
            // 0x20 turns case and white space, the changes that a lenient parser forgives.
            for mask in [0x01, 0x20] {
                let mut changed = original.clone();
                changed[at] ^= mask;
                fs::write(&file, &changed).expect("room");
                assert!(refused(&sealed.dir, &trust), "{}: byte {at} ^ {mask:#x}", file.display());
            }
        }
        fs::write(&file, &original).expect("room");
    }
    assert!(!refused(&sealed.dir, &trust), "the packet is as it was");
}

#[test]
fn any_added_or_removed_byte_at_the_end_of_a_file_is_refused() {
    let bench = Bench::new();
    let sealed = bench.seal("run-1");
    let trust = bench.trust();
    unlock(&sealed.dir);
    for file in files(&sealed.dir) {
        let original = fs::read(&file).expect("readable");
        let (_, shorter) = original.split_last().expect("not empty");
        for changed in
            [shorter.to_vec(), [&original[..], b"\n"].concat(), [b"\n", &original[..]].concat(), Vec::new()]
        {
            fs::write(&file, &changed).expect("room");
            assert!(refused(&sealed.dir, &trust), "{} of {} bytes", file.display(), changed.len());
        }
        fs::write(&file, &original).expect("room");
    }
}

#[test]
fn a_journal_cut_after_any_line_is_refused() {
    let bench = Bench::new();
    let sealed = bench.seal("run-1");
    let trust = bench.trust();
    unlock(&sealed.dir);
    let journal = sealed.dir.join("journal.jsonl");
    let text = fs::read_to_string(&journal).expect("text");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for kept in 0..lines.len() {
        fs::write(&journal, lines[..kept].concat()).expect("room");
        let findings = verify(&sealed.dir, &trust, later()).expect_err("cut");
        let classes: Vec<&str> = findings.iter().map(|f| f.class).collect();
        assert!(classes.contains(&"file.digest"), "{kept}: {classes:?}");
        // Not by its digest alone: the records no longer follow from it.
        let told = |f: &Finding| matches!(f.class, "run.differs" | "journal.story");
        assert!(findings.iter().any(told), "{kept}: {classes:?}");
    }
}

#[test]
fn sealed_files_are_read_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    for file in files(&bench.seal("run-1").dir) {
        let mode = fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o400, "{}", file.display());
    }
}

#[test]
fn the_report_shows_what_did_not_pass_and_no_remote_markup() {
    let bench = Bench::new();
    let report = fs::read_to_string(bench.seal("run-1").dir.join("report.md")).expect("text");
    assert!(report.contains("### **FAIL**: serials are equal"), "{report}");
    assert!(report.contains("- Expected: 2026010100"), "{report}");
    assert!(report.contains("&lt;b&gt;"), "{report}");
    assert!(report.contains("\\|evil\\|"), "{report}");
    assert!(report.chars().all(|c| c == '\n' || !c.is_control()), "{report:?}");
    assert!(!report.contains('\u{202e}') && !report.contains("<b>"));
    assert!(report.contains("DNS plane \\| acceptance"), "{report}");
}

#[test]
fn the_page_says_what_did_not_pass_before_anything_else_and_nothing_of_it_comes_from_outside() {
    let bench = Bench::new();
    let page = fs::read_to_string(bench.seal("run-1").dir.join("report.html")).expect("text");
    let at = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words}: {page}"));
    let order = [
        "<html lang=\"en\">",
        "<strong>Denied</strong>",
        "<span class=\"realm\">realm: twin</span>",
        "It is no evidence of the real site.",
        "serials are equal",
        "<dt>Expected</dt><dd><code>2026010100</code>",
        "&lt;b&gt;\\u001b[31m|evil|",
        "the zone is served",
        "no rule grants",
        "gpg --verify",
    ];
    assert!(order.is_sorted_by_key(|words| at(words)), "{:?}", order.map(at));
    assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
    assert!(!page.contains('\u{202e}') && !page.contains("<b>"));
    assert_stands_alone(&page);
}

#[test]
fn the_page_of_a_gameday_draws_what_the_records_and_samples_say() {
    let bench = Bench::new();
    let page =
        fs::read_to_string(changing::gameday(&bench, "gameday").dir.join("report.html")).expect("text");
    for words in ["Hypothesis", "Injection", "Restoration", "url(#chart-0-lost)", "conductor Ada &lt;ada&gt;"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_stands_alone(&page);
    let planned =
        fs::read_to_string(changing::planned(&bench, "planned").dir.join("report.html")).expect("text");
    assert!(planned.contains("Nothing was changed."), "{planned}");
    assert_stands_alone(&planned);
}

/// Links lead within the page, and there is nothing that a browser would load or run.
fn assert_stands_alone(page: &str) {
    for tag in [
        "<script",
        "<img",
        "<link",
        "<iframe",
        "<object",
        "<form",
        "<base",
        "<a href=\"h",
        "@import",
        "url(\"",
    ] {
        assert!(!page.contains(tag), "{tag}");
    }
    assert!(!page.contains(" src=") && !page.contains(" style="), "{page}");
    let leading_out = page.split("href=\"").skip(1).filter(|link| !link.starts_with('#'));
    assert_eq!(leading_out.count(), 0);
    assert!(page.contains("content=\"default-src &#39;none&#39;; style-src &#39;sha256-"), "{page}");
}

#[test]
fn a_packet_of_another_realm_is_not_the_one_that_was_asked_for() {
    let bench = Bench::new();
    let verified = verify(&bench.seal("run-1").dir, &bench.trust(), later()).expect("sealed");
    assert!(verified.clone().of_realm(Realm::Twin).is_ok());
    for realm in [Realm::Real, Realm::Lab] {
        let finding = verified.clone().of_realm(realm).expect_err("it is of the twin");
        assert_eq!(finding.class, "packet.realm");
    }
}
