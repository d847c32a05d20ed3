//! Every class of finding, each from a packet that was built to earn it. The list in `evidence/SPEC.md` is checked against these.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use fabric_evidence::verify;

use crate::sample::{Bench, entry, later, new_signer, start};
use crate::victim::Victim;

/// Tampers with the manifest's text and signs the result: what is found is found in the manifest itself.
fn manifest_with(change: impl Fn(&str) -> String) -> Vec<&'static str> {
    let victim = Victim::new();
    let text = victim.read("manifest.sha256");
    let changed = change(&text);
    assert_ne!(changed, text, "the defect is planted");
    victim.write("manifest.sha256", changed);
    victim.resign();
    victim.classes()
}

#[test]
fn an_empty_manifest_is_refused_although_it_is_signed() {
    assert!(manifest_with(|_| String::new()).contains(&"manifest.empty"));
}

#[test]
fn a_manifest_with_other_line_ends_is_refused() {
    assert!(manifest_with(|text| text.replace('\n', "\r\n")).contains(&"manifest.line_end"));
    assert!(manifest_with(|text| text.trim_end().to_owned()).contains(&"manifest.line_end"));
}

#[test]
fn a_line_of_another_form_is_refused() {
    assert!(manifest_with(|text| text.replace("  run", " *run")).contains(&"manifest.line_form"));
    assert!(manifest_with(|text| format!("{text}\n")).contains(&"manifest.line_form"));
    assert!(manifest_with(str::to_uppercase).contains(&"manifest.line_form"));
}

#[test]
fn a_path_that_leaves_the_folder_is_refused_and_not_opened() {
    assert!(
        manifest_with(|text| text.replace("artifacts/", "artifacts/../../"))
            .contains(&"manifest.leaving_path")
    );
    assert!(manifest_with(|text| text.replace("artifacts/", "/etc/")).contains(&"manifest.absolute_path"));
    assert!(manifest_with(|text| text.replace("artifacts/", "./artifacts/")).contains(&"manifest.path_form"));
    assert!(manifest_with(|text| text.replace("soa.txt", "s\u{f6}a.txt")).contains(&"manifest.path_form"));
    assert!(manifest_with(|text| text.replace("soa.txt", "so\\a.txt")).contains(&"manifest.path_form"));
}

#[test]
fn a_duplicate_or_twin_or_unsorted_line_is_refused() {
    let first = |text: &str| text.lines().next().expect("a line").to_owned() + "\n";
    assert!(manifest_with(|text| first(text) + text).contains(&"manifest.duplicate"));
    let reversed = |text: &str| text.lines().rev().map(|line| format!("{line}\n")).collect();
    assert!(manifest_with(reversed).contains(&"manifest.order"));
    let twin =
        |text: &str| format!("{text}{}", text.lines().last().expect("a line").replace("run", "RUN")) + "\n";
    assert!(manifest_with(twin).contains(&"manifest.case_twin"));
}

#[test]
fn a_manifest_without_a_required_file_or_with_a_foreign_one_is_refused() {
    let without =
        |text: &str| text.lines().filter(|l| !l.ends_with("report.md")).map(|l| format!("{l}\n")).collect();
    assert!(manifest_with(without).contains(&"manifest.incomplete"));
    assert!(manifest_with(|text| text.replace("run.json", "sums.txt")).contains(&"manifest.unknown_file"));
    assert!(
        manifest_with(|text| text.replace("run.json", "manifest.sha256")).contains(&"manifest.unknown_file")
    );
}

#[test]
fn a_file_that_is_not_listed_is_refused() {
    for name in ["notes.txt", "artifacts/more.txt", ".hidden", "signatures/key.asc", "signatures/x.txt"] {
        let victim = Victim::new();
        victim.write(name, "x");
        assert_eq!(victim.classes(), ["file.unlisted"], "{name}");
    }
}

#[test]
fn a_missing_or_changed_file_is_refused() {
    let victim = Victim::new();
    fs::remove_file(victim.dir.join("artifacts/answers/soa.txt")).expect("there");
    assert!(victim.classes().contains(&"file.missing"));
    victim.write("artifacts/answers/soa.txt", "another answer\n");
    assert_eq!(victim.classes(), ["file.digest"]);
    fs::remove_file(victim.dir.join("manifest.sha256")).expect("there");
    assert_eq!(victim.classes(), ["file.missing"]);
}

#[test]
fn a_folder_without_a_manifest_is_not_walked() {
    let victim = Victim::new();
    symlink("/", victim.dir.join("root")).expect("new");
    assert_eq!(victim.classes(), ["file.link"]);
    fs::remove_file(victim.dir.join("manifest.sha256")).expect("there");
    assert_eq!(victim.classes(), ["file.missing"], "what else lies there is not looked at");
}

#[test]
#[expect(clippy::disallowed_types, reason = "the simplest special file to make")]
fn links_and_special_files_are_refused() {
    let victim = Victim::new();
    let outside = victim.bench.path("outside.json");
    fs::rename(victim.dir.join("run.json"), &outside).expect("there");
    symlink(&outside, victim.dir.join("run.json")).expect("new");
    assert!(victim.classes().contains(&"file.link"));

    let victim = Victim::new();
    symlink(victim.bench.dir.path(), victim.dir.join("artifacts/loop")).expect("new");
    assert_eq!(victim.classes(), ["file.link"]);

    let victim = Victim::new();
    let _socket =
        std::os::unix::net::UnixListener::bind(victim.dir.join("artifacts/s")).expect("a short path");
    assert_eq!(victim.classes(), ["file.special"]);
}

#[test]
fn an_empty_or_foreign_folder_is_refused() {
    for name in ["extra", "artifacts/empty"] {
        let victim = Victim::new();
        fs::create_dir(victim.dir.join(name)).expect("new");
        assert_eq!(victim.classes(), ["file.folder"], "{name}");
    }
}

#[test]
fn case_twins_and_names_that_are_not_text_are_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    let victim = Victim::new();
    victim.write("RUN.json", "{}");
    let classes = victim.classes();
    assert!(classes.contains(&"file.case_twin") && classes.contains(&"file.unlisted"), "{classes:?}");

    let victim = Victim::new();
    fs::write(victim.dir.join(std::ffi::OsStr::from_bytes(b"a\xff")), "x").expect("room");
    assert_eq!(victim.classes(), ["file.name"]);
}

#[test]
fn a_folder_that_is_no_packet_is_refused() {
    let bench = Bench::new();
    let class = |dir: &Path| verify(dir, &bench.trust(), later()).expect_err("no packet").remove(0).class;
    assert_eq!(class(&bench.path("nowhere")), "packet.unreadable");
    assert_eq!(class(&bench.path("certs")), "file.missing");
}

#[test]
fn records_that_do_not_follow_from_the_journal_are_refused_although_they_are_signed() {
    let victim = Victim::new();
    victim.write("run.json", victim.read("run.json").replace("\"fail\":1", "\"fail\":0"));
    victim.reseal();
    assert_eq!(victim.classes(), ["run.differs", "report.differs", "report.differs"]);

    let victim = Victim::new();
    victim.write(
        "checks.json",
        victim.read("checks.json").replace("\"status\":\"fail\"", "\"status\":\"pass\""),
    );
    victim.reseal();
    assert!(victim.classes().contains(&"checks.differ"));

    let victim = Victim::new();
    victim.write("report.md", victim.read("report.md").replace("**FAIL**", "pass"));
    victim.reseal();
    assert_eq!(victim.classes(), ["report.differs"]);

    let victim = Victim::new();
    victim.write("report.html", victim.read("report.html").replace("fail</span>", "pass</span>"));
    victim.reseal();
    assert_eq!(victim.classes(), ["report.differs"]);
}

#[test]
fn a_journal_whose_chain_is_broken_or_that_tells_no_run_is_refused_although_it_is_signed() {
    let victim = Victim::new();
    victim.write("journal.jsonl", victim.read("journal.jsonl").replace("dns.query", "dns.quiet"));
    victim.reseal();
    assert_eq!(victim.classes(), ["journal.chain"]);

    let victim = Victim::new();
    victim.write("journal.jsonl", "");
    victim.reseal();
    assert_eq!(victim.classes(), ["journal.story"]);
}

#[test]
fn records_of_another_form_or_format_are_refused() {
    type Change = fn(&str) -> String;
    let cases: [(&str, Change); 6] = [
        ("record.json", |text| text.replacen('{', "{\"code\":0,", 1)),
        ("record.json", |text| text.replace("}\n", "\n")),
        ("record.form", |text| text.replacen('{', "{ ", 1)),
        ("record.form", |text| text.trim_end().to_owned()),
        ("record.shape", |text| text.replace("}\n", ",\"zzz\":1}\n")),
        ("record.format", |text| text.replace("\"format\":1", "\"format\":2")),
    ];
    for (class, change) in cases {
        let victim = Victim::new();
        let text = victim.read("run.json");
        let changed = change(&text);
        assert_ne!(changed, text, "{class}");
        victim.write("run.json", changed);
        victim.reseal();
        assert_eq!(victim.classes(), [class]);
    }
}

#[test]
fn a_packet_without_a_signature_is_refused() {
    let victim = Victim::new();
    fs::remove_file(&victim.signature).expect("there");
    fs::remove_dir(victim.dir.join("signatures")).expect("empty");
    assert_eq!(victim.classes(), ["signature.missing"]);
}

#[test]
fn a_packet_signed_anew_by_a_stranger_is_refused() {
    let victim = Victim::new();
    fs::remove_file(&victim.signature).expect("there");
    victim.sign_as(&new_signer(), "site-dev");
    assert_eq!(victim.classes(), ["signature.unknown_signer"]);
}

#[test]
fn a_second_signature_by_a_stranger_is_refused() {
    let victim = Victim::new();
    victim.sign_as(&new_signer(), "site-dev");
    assert_eq!(victim.classes(), ["signature.unknown_signer"]);
}

#[test]
fn a_signature_in_a_role_that_the_signer_does_not_have_is_refused() {
    let victim = Victim::new();
    victim.sign_as(&victim.bench.signer, "policy-admin");
    assert_eq!(victim.classes(), ["signature.role"]);
}

#[test]
fn a_signature_under_another_name_is_refused() {
    let victim = Victim::new();
    let other = victim.dir.join("signatures").join(format!("{}.asc", "0".repeat(40)));
    fs::rename(&victim.signature, other).expect("there");
    assert_eq!(victim.classes(), ["signature.file_name"]);
}

#[test]
fn a_signature_over_another_manifest_is_refused() {
    let victim = Victim::new();
    let other = victim.bench.seal("run-2");
    fs::write(&victim.signature, fs::read(other.signature).expect("there")).expect("room");
    assert_eq!(victim.classes(), ["signature.bad"]);
}

#[test]
fn a_revoked_principal_is_refused() {
    let victim = Victim::new();
    victim.bench.write_trust(&entry("a", victim.bench.signer.fingerprint(), &["site-dev"], "revoked = true"));
    assert_eq!(victim.classes(), ["signature.revoked"]);
}

#[test]
fn a_trusted_signer_who_did_not_run_it_cannot_seal_it() {
    let victim = Victim::new();
    let other = new_signer();
    victim.bench.add_certificate("b", &other.public_armored().expect("a certificate"));
    let both = entry("a", victim.bench.signer.fingerprint(), &["site-dev"], "")
        + &entry("b", other.fingerprint(), &["site-dev"], "");
    victim.bench.write_trust(&both);
    victim.sign_as(&other, "site-dev");
    assert_eq!(victim.classes(), ["signature.intent"]);
    fs::remove_file(&victim.signature).expect("there");
    assert_eq!(victim.classes(), ["signature.intent", "signature.not_the_principal"]);
}

#[test]
fn a_signature_from_the_future_is_refused() {
    let victim = Victim::new();
    let classes: Vec<&str> =
        victim.findings(start() - Duration::from_secs(30)).iter().map(|f| f.class).collect();
    assert_eq!(classes, ["signature.bad"]);
}

#[test]
fn a_signature_with_a_changed_armor_is_refused() {
    let changes: [fn(&str) -> String; 4] = [
        |text| text.replacen("\n\n", "\nComment: all checks passed\n\n", 1),
        |text| format!("all checks passed\n{text}"),
        |text| text.replace('\n', "\r\n"),
        |text| format!("{text}{text}"),
    ];
    for change in changes {
        let victim = Victim::new();
        let text = fs::read_to_string(&victim.signature).expect("text");
        fs::write(&victim.signature, change(&text)).expect("room");
        let classes = victim.classes();
        assert!(
            classes == ["signature.spelling"] || classes == ["signature.form"],
            "{classes:?} for {}",
            change(&text)
        );
    }
}

#[test]
fn a_signature_file_of_megabytes_is_not_read() {
    let victim = Victim::new();
    fs::write(&victim.signature, vec![b'a'; 2 << 20]).expect("room");
    assert_eq!(victim.classes(), ["file.too_large"]);
}

#[test]
fn a_timestamp_without_its_signature_is_refused() {
    let victim = Victim::new();
    for ending in ["tsq", "tsr"] {
        victim.write(&format!("signatures/{}.asc.{ending}", "0".repeat(40)), "x");
    }
    assert_eq!(victim.classes(), ["sidecar.stray", "sidecar.stray"]);
}

#[test]
fn the_specification_lists_exactly_the_classes_that_the_verifier_reports() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let specification = fs::read_to_string(root.join("../../evidence/SPEC.md")).expect("the specification");
    let area = |word: &str| {
        [
            "artifact.",
            "file.",
            "journal.",
            "log.",
            "manifest.",
            "packet.",
            "plan.",
            "record.",
            "report.",
            "run.",
            "checks.",
            "sidecar.",
            "signature.",
            "statement.",
            "timestamp.",
        ]
        .iter()
        .any(|a| word.starts_with(a))
    };
    let is_class = |word: &str| {
        area(word)
            && word.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'.'))
            && ![".md", ".html", ".jsonl", ".heads", ".json"].iter().any(|e| word.ends_with(e))
    };
    let mut listed: Vec<&str> = specification
        .lines()
        .filter_map(|l| l.strip_prefix("| `").and_then(|l| l.split('`').next()))
        .filter(|w| is_class(w))
        .collect();
    listed.sort_unstable();
    let sources = [
        "attestation.rs",
        "log/audit.rs",
        "log/witness.rs",
        "manifest.rs",
        "timestamp/authority.rs",
        "timestamp/certificate.rs",
        "timestamp/mod.rs",
        "timestamp/token.rs",
        "trust/requirement.rs",
        "verify.rs",
        "verify/content.rs",
        "verify/signatures.rs",
        "verify/tree.rs",
    ];
    let text: String =
        sources.map(|name| fs::read_to_string(root.join("src").join(name)).expect("a source")).concat();
    let mut used: Vec<&str> = text.split('"').filter(|w| is_class(w)).collect();
    used.sort_unstable();
    used.dedup();
    assert_eq!(listed, used);
}
