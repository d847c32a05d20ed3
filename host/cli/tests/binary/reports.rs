//! Reports about earlier runs: a release, markers, a timeline. What was tampered with counts for nothing, and is told by its name.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use fabric_model::Digest;
use serde_json::Value;

use crate::retention::Office;
use crate::scene::{Ran, Scene, json};

fn scene() -> Scene {
    adopted(Scene::with_key())
}

fn adopted(scene: Scene) -> Scene {
    scene.adopt("packets");
    scene.adopt("compliance");
    scene
}

/// The same with people who have a role each.
fn office() -> Office {
    Office { scene: adopted(Office::new().scene) }
}

/// Rehearses a script, which must end with this code.
fn rehearsed(scene: &Scene, code: i32, script: &str, more: &[&str]) -> Ran {
    let ran = scene.fabric(&[&["rehearse", script], more].concat());
    assert_eq!(ran.code, Some(code), "{script}: {}", ran.all());
    ran
}

fn document(scene: &Scene, ran: &Ran, name: &str) -> String {
    scene.read(&format!("{}/artifacts/documents/{name}", ran.packet()))
}

/// Writes in a file of a sealed packet.
fn tamper(scene: &Scene, ran: &Ran, name: &str) {
    let path = scene.path(ran.packet()).join(name);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("our file");
    let mut bytes = fs::read(&path).expect("the packet has it");
    bytes.push(b' ');
    fs::write(&path, bytes).expect("room");
}

/// Every check of a packet: its title, and what became of it.
fn checks(scene: &Scene, ran: &Ran) -> Vec<(String, String)> {
    let checks = json(&scene.read(&format!("{}/checks.json", ran.packet())));
    let text = |check: &Value, field: &str| check[field].as_str().expect("text").to_owned();
    let checks = checks["checks"].as_array().expect("a list");
    checks.iter().map(|check| (text(check, "title"), text(check, "status"))).collect()
}

fn not_passed(scene: &Scene, ran: &Ran) -> Vec<String> {
    checks(scene, ran).into_iter().filter(|(_, status)| status != "pass").map(|(title, _)| title).collect()
}

const READY: &str = "packets/release-readiness.rhai";
const RELEASE: [&str; 2] = ["--param", "release=2026.12"];

#[test]
fn a_release_goes_where_every_packet_is_there_verifies_and_is_good_and_nowhere_else() {
    let scene = scene();
    let none = rehearsed(&scene, 1, READY, &RELEASE);
    assert_eq!(
        not_passed(&scene, &none),
        ["required: acceptance", "required: compliance", "required: drift"]
    );

    for script in ["acceptance/dns.rhai", "packets/compliance-snapshot.rhai"] {
        rehearsed(&scene, 0, script, &[]);
    }
    let drift = rehearsed(&scene, 0, "packets/drift.rhai", &[]);
    let go = rehearsed(&scene, 0, READY, &RELEASE);
    let decided = json(&document(&scene, &go, "checklist.json"));
    assert_eq!(decided["decision"], "GO", "{decided}");
    assert!(document(&scene, &go, "checklist.md").starts_with("# Release 2026.12: GO\n"));
    assert_eq!(scene.verify(&scene.path(go.packet())).code, Some(0));

    // One that was written in after its seal, with an earlier good one behind it or not.
    tamper(&scene, &drift, "artifacts/documents/summary.md");
    let tampered = rehearsed(&scene, 1, READY, &RELEASE);
    assert_eq!(not_passed(&scene, &tampered), ["required: drift"]);
    assert!(tampered.stdout.contains("does not verify") && tampered.stdout.contains("file.digest"));

    // The latest counts, and a risk that nobody signed for is none that was accepted.
    let fault = r#"{"fault":"daemon-stopped","host":"dns-edge-2","unit":"unbound"}"#;
    rehearsed(&scene, 1, "packets/drift.rhai", &["--fault", fault]);
    let risk = [&RELEASE[..], &["--param", "risk_reference=RISK-1"]].concat();
    let bad = rehearsed(&scene, 1, READY, &risk);
    assert_eq!(not_passed(&scene, &bad), ["required: drift"]);
    assert_eq!(json(&document(&scene, &bad, "metadata.json"))["decision"], "NO-GO");

    // A good packet is of the script as it was.
    rehearsed(&scene, 0, "packets/drift.rhai", &[]);
    let script = scene.read("packets/drift.rhai") + "\n";
    scene.write("packets/drift.rhai", &script);
    let another = rehearsed(&scene, 1, READY, &RELEASE);
    assert_eq!(not_passed(&scene, &another), ["required: drift"]);
    assert!(another.stdout.contains("another version"), "{}", another.all());
}

/// A release that needs the drift report alone, with this in its entry.
fn needs_drift(scene: &Scene, entry: &str) {
    let one = format!(r#"{{"id":"drift","folder":"packets","file":"drift.rhai",{entry}}}"#);
    scene.write("compliance/release.json", &format!(r#"{{"format":1,"required":[{one}]}}"#));
}

#[test]
fn a_risk_is_accepted_by_its_owner_with_a_reference_in_time_and_by_nobody_else() {
    let office = office();
    let scene = &office.scene;
    let accepting = r#""max_age_hours":4,"risk":true,"risk_max_age_hours":4"#;
    needs_drift(scene, accepting);
    let fault = r#"{"fault":"daemon-stopped","host":"dns-edge-2","unit":"unbound"}"#;
    let drift = rehearsed(scene, 1, "packets/drift.rhai", &["--fault", fault]);
    let risk = [&RELEASE[..], &["--param", "risk_reference=RISK-1"]].concat();
    let refused = |more: &[&str], why: &str| {
        let ran = rehearsed(scene, 1, READY, more);
        assert_eq!(json(&document(scene, &ran, "metadata.json"))["decision"], "NO-GO", "{why}");
        let item = &json(&document(scene, &ran, "checklist.json"))["items"][0];
        assert_eq!(item["result"], "FAIL", "{why}");
        assert!(item["why"].as_str().is_some_and(|told| told.contains(why)), "{why}: {item}");
    };
    refused(&risk, "checks passed");
    office.done("security", &["countersign", drift.packet()]);
    refused(&risk, "checks passed");
    office.done("approver", &["countersign", drift.packet()]);
    refused(&RELEASE, "checks passed");
    let in_another_role = [&risk[..], &["--param", "risk_role=legal"]].concat();
    refused(&in_another_role, "checks passed");

    let go = rehearsed(scene, 0, READY, &risk);
    assert_eq!(json(&document(scene, &go, "metadata.json"))["decision"], "GO");
    let item = json(&document(scene, &go, "checklist.json"))["items"][0].clone();
    assert_eq!(item["result"], "ACCEPTED RISK", "{item}");
    let why = item["why"].as_str().expect("text");
    assert!(why.contains("accepted by approver (") && why.ends_with("), RISK-1"), "{why}");
    assert!(document(scene, &go, "checklist.md").contains("ACCEPTED RISK"));
    let manifest = Digest::of(scene.read(&format!("{}/manifest.sha256", drift.packet())).as_bytes());
    assert!(document(scene, &go, "evidence-refs.txt").contains(&manifest.to_string()));
    assert_eq!(scene.verify(&scene.path(go.packet())).code, Some(0));

    for (entry, why) in [
        (accepting.replace("true", "false"), "checks passed"),
        (accepting.replace(r#""risk_max_age_hours":4"#, r#""risk_max_age_hours":-1"#), "accepted it 0 h ago"),
        (accepting.replacen("4", "-1", 1), "h old"),
    ] {
        needs_drift(scene, &entry);
        refused(&risk, why);
    }
    // Whose certificate the trust file ends accepts nothing any more, and neither does the next run's packet have his word.
    needs_drift(scene, accepting);
    let path = scene.home().join("trust.toml");
    let trust = fs::read_to_string(&path).expect("it was made");
    let revoked = trust.replace("roles = [\"approver\"]", "roles = [\"approver\"]\nrevoked = true");
    assert_ne!(revoked, trust);
    fs::write(&path, revoked).expect("room");
    refused(&risk, "signature.revoked");
    fs::write(&path, trust).expect("room");
    rehearsed(scene, 0, READY, &risk);
    rehearsed(scene, 1, "packets/drift.rhai", &["--fault", fault]);
    refused(&risk, "checks passed");
}

const FORENSICS: &str = "packets/forensics.rhai";

/// Parameters of a collection at this severity.
fn incident(severity: &str) -> Vec<String> {
    let told = ["incident=INC-7", "authorization_ref=CHG-1", "collector=Ada", "target=dns-auth-1"];
    let told = told.iter().map(|one| (*one).to_owned()).chain([format!("severity={severity}")]);
    told.flat_map(|one| ["--param".to_owned(), one]).collect()
}

fn collected(scene: &Scene, code: i32, severity: &str) -> Ran {
    let told = incident(severity);
    rehearsed(scene, code, FORENSICS, &told.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_grave_incident_takes_a_trust_file_that_demands_two_signers_of_such_packets_at_that_severity() {
    let office = office();
    let scene = &office.scene;
    let path = scene.home().join("trust.toml");
    let levels = fs::read_to_string(&path).expect("it was made");
    for (rule, demands) in [
        ("", false),
        ("[[require]]\nacts = [\"execute\"]\ncountersigned_as = [\"security\"]\n", false),
        ("[[require]]\nkinds = [\"gameday\"]\nclassified = true\n", false),
        ("[[require]]\nkinds = [\"report\"]\nclassified = true\n", true),
        ("[[require]]\nkinds = [\"report\"]\ncountersigned_as = [\"security\"]\n", true),
    ] {
        fs::write(&path, format!("{levels}\n{rule}")).expect("room");
        let ran = collected(scene, i32::from(!demands), "S3");
        let bad = not_passed(scene, &ran);
        let expected: &[&str] =
            if demands { &[] } else { &["the packet will be signed as the severity demands"] };
        assert_eq!(bad, expected, "{rule}");
    }
}

#[test]
fn the_timeline_tells_the_severity_that_was_signed_and_fails_where_it_is_lower() {
    let office = office();
    let scene = &office.scene;
    let packet = collected(scene, 0, "S2").packet().to_owned();
    let correlate = |code: i32| {
        let told = ["--param", "correlation=COR-1", "--param", "incident=INC-7"];
        let ran = rehearsed(scene, code, "packets/correlation.rhai", &told);
        let severity = json(&document(scene, &ran, "metadata.json"))["severities"][0].clone();
        assert_eq!(severity["collected_at"], "S2");
        (severity["classified_as"].clone(), not_passed(scene, &ran).len())
    };
    assert_eq!(correlate(0), (Value::Null, 0));
    office.done("commander", &["classify", &packet, "S1", "--reason", "nothing was lost"]);
    assert_eq!(correlate(1), ("S1".into(), 1));
    office.done("commander", &["classify", &packet, "S3", "--reason", "keys were copied"]);
    office.done("security", &["countersign", &packet, "--label", "1"]);
    office.done("security", &["countersign", &packet]);
    assert_eq!(correlate(0), ("S3".into(), 0));
}

const COMMIT: [&str; 2] = ["--param", "commit=0123456789abcdef0123456789abcdef01234567"];
const OLDER: &str = "# Older Acceptance\n\nResult: PASS\n";

#[test]
fn a_marker_is_written_from_a_good_packet_and_every_bad_one_is_named() {
    let scene = scene();
    let fault = r#"{"fault":"daemon-stopped","host":"dns-edge-2","unit":"unbound"}"#;
    let accept = |code| rehearsed(&scene, code, "packets/acceptance-marker.rhai", &COMMIT);
    rehearsed(&scene, 1, "acceptance/dns.rhai", &["--fault", fault]);
    let refused = accept(1);
    assert!(!scene.path(refused.packet()).join("artifacts").exists(), "no marker of a suite that failed");
    rehearsed(&scene, 0, "acceptance/dns.rhai", &[]);
    let made = accept(0);
    let marker = document(&scene, &made, "markers/dns-rhai_accepted.md");
    let (content, hash) = marker.split_once("\nSelf-hash (sha256 of content above): ").expect("a self-hash");
    assert_eq!(hash, format!("{}\n", Digest::of(content.as_bytes())));
    assert!(
        content.ends_with(".\n") && content.contains("\n\nResult: PASS\n\nEvidence: evidence/runs/"),
        "{content}"
    );
    let sidecar = document(&scene, &made, "markers/dns-rhai_accepted.md.sha256");
    assert_eq!(sidecar, format!("{}\n", Digest::of(marker.as_bytes())));

    fs::create_dir(scene.path("markers")).expect("new");
    let put = |name: &str, text: &str| scene.write(&format!("markers/{name}"), text);
    put("DNS_ACCEPTED.md", &marker);
    put("DNS_ACCEPTED.md.sha256", &sidecar);
    put(
        "OLDER_ACCEPTED.md",
        &format!("{OLDER}SHA256 (content excluding this line): {}\n", Digest::of(OLDER.as_bytes())),
    );
    put("PHASE0_ACCEPTED.md", OLDER);
    put("PHASE0_ACCEPTED.sha256", &format!("{}  PHASE0_ACCEPTED.md\n", Digest::of(OLDER.as_bytes())));
    rehearsed(&scene, 0, "packets/marker-check.rhai", &[]);

    put("BARE_ACCEPTED.md", OLDER);
    put("CHANGED_ACCEPTED.md", &marker.replace("0123", "3210"));
    put("FAILED_ACCEPTED.md", &{
        let text = "# X Acceptance\n\nResult: FAIL\n";
        format!("{text}\nSelf-hash (sha256 of content above): {}\n", Digest::of(text.as_bytes()))
    });
    put("DNS_ACCEPTED.md.sha256", &format!("{}\n", Digest::of(b"another")));
    let bad = rehearsed(&scene, 1, "packets/marker-check.rhai", &[]);
    assert_eq!(
        not_passed(&scene, &bad),
        ["BARE_ACCEPTED.md", "CHANGED_ACCEPTED.md", "DNS_ACCEPTED.md", "FAILED_ACCEPTED.md"]
    );
}

#[test]
fn a_timeline_is_made_of_packets_that_verify_and_is_no_evidence_itself() {
    let scene = scene();
    let incident = |name: &str| format!("incident={name}");
    let collect = |name: &str| {
        let (incident, target) = (incident(name), "target=dns-edge-1");
        let mut params = Vec::new();
        for param in [&incident, "severity=S1", "authorization_ref=CHG-1", "collector=Ada", target] {
            params.extend(["--param", param]);
        }
        rehearsed(&scene, 0, "packets/forensics.rhai", &params)
    };
    let correlate = |code| {
        let params = ["--param", "correlation=C-1", "--param", "incident=INC-7"];
        rehearsed(&scene, code, "packets/correlation.rhai", &params)
    };
    collect("INC-6");
    assert_eq!(not_passed(&scene, &correlate(1)), ["there is evidence of the incident"]);
    let (first, second) = (collect("INC-7"), collect("INC-7"));
    let timeline = correlate(0);
    let csv = document(&scene, &timeline, "timeline.csv");
    let mut lines = csv.lines();
    assert_eq!(
        lines.next(),
        Some(
            r#""timestamp_utc","incident_id","evidence_ref","event_type","description","collector","confidence""#
        )
    );
    let rows: Vec<&str> = lines.collect();
    assert!(rows.len() > 10 && rows.is_sorted(), "{csv}");
    assert!(rows.iter().all(|row| row.contains(":sha256=") && row.contains("INC-7")), "{csv}");
    assert!(document(&scene, &timeline, "timeline.md").contains("it is no evidence itself"));

    tamper(&scene, &first, "artifacts/documents/chain-of-custody.json");
    let refused = correlate(1);
    let run_id = first.packet().rsplit('/').next().expect("a name");
    assert_eq!(not_passed(&scene, &refused), [format!("{run_id} verifies")]);
    let csv = document(&scene, &refused, "timeline.csv");
    assert!(!csv.contains(run_id) && csv.contains(second.packet().rsplit('/').next().expect("a name")));
}

#[test]
fn an_incident_without_authorization_is_not_collected_and_a_grave_one_demands_two_signers() {
    let scene = scene();
    let collect = |code, severity: &str, authorization: &str| {
        let (severity, authorization) =
            (format!("severity={severity}"), format!("authorization_ref={authorization}"));
        let mut params = Vec::new();
        for param in ["incident=INC-7", &severity, &authorization, "collector=Ada", "target=dns-edge-1"] {
            params.extend(["--param", param]);
        }
        rehearsed(&scene, code, "packets/forensics.rhai", &params)
    };
    let unauthorized = collect(1, "S2", "");
    assert_eq!(not_passed(&scene, &unauthorized), ["the collection is authorized"]);
    assert_eq!(checks(&scene, &unauthorized).len(), 2, "nothing was asked of a host");
    assert_eq!(not_passed(&scene, &collect(1, "S9", "CHG-1")), ["the collection is authorized"]);
    assert_eq!(checks(&scene, &collect(0, "S0", "CHG-1")).len(), 2, "no incident is collected from");
    let (minimal, standard) = (collect(0, "S1", "CHG-1"), collect(0, "S2", "CHG-1"));
    assert!(checks(&scene, &minimal).len() < checks(&scene, &standard).len());
    let deep = collect(1, "S4", "CHG-1");
    assert!(checks(&scene, &standard).len() < checks(&scene, &deep).len());
    assert_eq!(not_passed(&scene, &deep), ["the packet will be signed as the severity demands"]);
    let custody = json(&document(&scene, &deep, "chain-of-custody.json"));
    assert_eq!(custody["authorization_ref"], "CHG-1", "no redactor takes it for a secret");
    let custody = document(&scene, &deep, "chain-of-custody.md");
    assert!(custody.contains("Collected by Ada under CHG-1.") && custody.contains("| absent |"), "{custody}");
}

#[test]
fn a_file_that_looks_like_a_secret_is_not_even_digested() {
    let scene = scene();
    let list = |files: &str| {
        let list = format!(
            r#"{{"service":"x","owner":"o","criticality":"c","version":"1","files":[{files}],"references":[]}}"#
        );
        scene.write("compliance/app-x.json", &list);
    };
    scene.write("compliance/app.yml", "listen: 53\n");
    scene.write("compliance/prod.env", "A=1\n");
    scene.write("compliance/db.yml", "user: app\npassword: hunter22\n");
    scene.write("compliance/quoted.json", "{\"password\": \"hunter22\"}\n");
    std::os::unix::fs::symlink(scene.path("fabric.toml"), scene.path("compliance/link.yml")).expect("room");
    let one = |file: &str| format!(r#"{{"folder":"compliance","file":"{file}"}}"#);
    list(&one("app.yml"));
    let good = rehearsed(&scene, 0, "packets/app-compliance.luau", &["--param", "service=x"]);
    let line = format!("{}  compliance/app.yml\n", Digest::of(b"listen: 53\n"));
    assert_eq!(document(&scene, &good, "config-fingerprint.txt"), line);

    let bad = ["db.yml", "gone.yml", "link.yml", "prod.env", "quoted.json"];
    list(&["app.yml"].iter().chain(&bad).map(|file| one(file)).collect::<Vec<_>>().join(","));
    let refused = rehearsed(&scene, 11, "packets/app-compliance.luau", &["--param", "service=x"]);
    assert_eq!(not_passed(&scene, &refused), bad.map(|file| format!("compliance/{file}")));
    assert_eq!(document(&scene, &refused, "config-fingerprint.txt"), line);
    let journal = scene.read(&format!("{}/journal.jsonl", refused.packet()));
    assert!(!journal.contains("hunter22") && !journal.contains("listen"), "no content of a file");

    list(r#"{"folder":"..","file":"fabric.toml"}"#);
    let escaping = rehearsed(&scene, 11, "packets/app-compliance.luau", &["--param", "service=x"]);
    assert_eq!(not_passed(&scene, &escaping), ["../fabric.toml"]);
}

#[test]
fn a_document_that_no_packet_can_have_is_refused_and_one_that_it_can_is_sealed() {
    let scene = Scene::with_key();
    let body = r##"
        let digest = document("notes/a.md", "# A\n");
        if digest != sha256("# A\n") { throw "another digest"; }
        for name in ["notes/a.md", "../a.md", "A.md", "a.html"] {
            let refused = false;
            try { document(name, "x"); } catch (e) { refused = e.code == "script.argument"; }
            check(name, || expect_true("refused", refused));
        }
        par([1, 2, 3], |n| { document(`b-${n}.json`, #{ n: n }); });
    "##;
    let ran = scene.rehearse("\"dns.query\" = [\"vip:dns\"]", body, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(document(&scene, &ran, "b-2.json"), "{\"n\":2}\n");
    scene.sealed();
}
