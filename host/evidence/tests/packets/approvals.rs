//! Approvals: what is approved and by whom, as `evidence/approvals` has it for other programs, and what is taken for none.
//!
//! `index.json` there lists them. Run with `FABRIC_WRITE_VECTORS=1` to write them anew, with keys that exist only as long as that run.

use std::fs;
use std::path::{Path, PathBuf};

use fabric_evidence::approval::{About, Approval, Given};
use fabric_evidence::attestation::public_keys;
use fabric_evidence::event::WindowRecord;
use fabric_evidence::{Signer, Stamp, Trust};
use fabric_model::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::countersigned::now;
use crate::labels::slug;
use crate::sample::{Bench, entry, later, new_signer, start};
use crate::statements::openssl_accepts;

/// One approval of the index.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Listed {
    /// `NAME.json` with `NAME.json.asc`, and with `NAME.json.dsse` where it has an envelope.
    approval: String,
    /// The class for which it counts nothing; none where it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<String>,
}

/// Somebody who approves, and somebody else.
struct Table {
    bench: Bench,
    other: Signer,
}

/// Makes an approval that lies there.
type Make = fn(&Table) -> Given;

const CASES: &[(&str, Option<&str>, Make)] = &[
    ("approved", None, |t| t.given(&t.approval())),
    ("without-window", None, |t| t.given(&Approval { window: None, ..t.approval() })),
    ("without-envelope", None, |t| Given { envelope: None, ..t.given(&t.approval()) }),
    ("changed", Some("signature.bad"), |t| {
        t.changed(|statement| statement.replace("samakia-prod", "samakia-test"))
    }),
    ("of-another-plan", Some("signature.bad"), |t| {
        let plan = about().plan.to_string();
        t.changed(|statement| statement.replace(&plan, &Digest::of(b"another plan").to_string()))
    }),
    ("sealed", Some("signature.intent"), |t| t.signed_as("site-dev", "seal")),
    ("in-another-role", Some("statement.differs"), |t| t.signed_as("legal", "approve")),
    ("in-a-role-that-he-does-not-have", Some("signature.role"), |t| t.signed_as("security", "approve")),
    ("for-somebody-else", Some("statement.differs"), |t| {
        t.given(&Approval { approver: t.other.fingerprint().clone(), ..t.approval() })
    }),
    ("by-a-stranger", Some("signature.unknown_signer"), |t| {
        t.approval().give(about(), &new_signer(), later()).expect("usable")
    }),
    ("not-an-approval", Some("statement.type"), |t| {
        t.said(|statement| {
            set(statement, "", "predicateType", json!("https://fabric.samakia.net/attestation/plan/v1"))
        })
    }),
    ("about-one-more", Some("statement.form"), |t| t.said(|statement| one_more(statement, "/subject"))),
    ("about-something-else", Some("statement.form"), |t| {
        t.said(|statement| set(statement, "/subject/0", "name", json!("artifacts/other.json")))
    }),
    ("with-an-unknown-field", Some("statement.form"), |t| {
        t.said(|statement| set(statement, "/predicate", "times", json!(2)))
    }),
    ("with-another-digest", Some("statement.form"), |t| {
        t.said(|statement| set(statement, "/subject/0/digest", "sha512", json!("00")))
    }),
    ("replayed-envelope", Some("statement.differs"), |t| {
        let other = About { plan: Digest::of(b"another plan"), ..about() };
        let given = t.approval().give(other, &t.bench.signer, later()).expect("usable");
        Given { envelope: given.envelope, ..t.given(&t.approval()) }
    }),
    ("envelope-by-another-key", Some("statement.signer"), |t| {
        let given = t.approval().give(about(), &t.other, later()).expect("usable");
        Given { envelope: given.envelope, ..t.given(&t.approval()) }
    }),
    ("envelope-under-another-name", Some("statement.bad"), |t| {
        let given = t.approval().give(about(), &t.other, later()).expect("usable");
        let own = t.bench.signer.fingerprint().to_string();
        let envelope = String::from_utf8(given.envelope.expect("a key file")).expect("text");
        let envelope = envelope.replace(t.other.fingerprint().as_str(), &own);
        Given { envelope: Some(envelope.into_bytes()), ..t.given(&t.approval()) }
    }),
    ("envelope-of-another-type", Some("statement.type"), |t| {
        t.enveloped(|envelope| set(envelope, "", "payloadType", json!("application/json")))
    }),
    ("envelope-with-another-signature", Some("statement.form"), |t| {
        t.enveloped(|envelope| one_more(envelope, "/signatures"))
    }),
    ("envelope-without-signature", Some("statement.form"), |t| {
        t.enveloped(|envelope| set(envelope, "", "signatures", json!([])))
    }),
];

/// Gives a member of the object there this value.
fn set(json: &mut Value, object: &str, member: &str, value: Value) {
    let object = json.pointer_mut(object).and_then(Value::as_object_mut).expect("an object");
    object.insert(member.to_owned(), value);
}

/// Puts the first of the list there behind it once more.
fn one_more(json: &mut Value, list: &str) {
    let list = json.pointer_mut(list).and_then(Value::as_array_mut).expect("a list");
    list.push(list.first().expect("one").clone());
}

fn about() -> About {
    About { plan: Digest::of(b"a plan"), packet: Digest::of(b"a manifest") }
}

impl Table {
    fn new() -> Self {
        let table = Self { bench: Bench::new(), other: new_signer() };
        table.bench.add_certificate("b", &table.other.public_armored().expect("a certificate"));
        let entries = entry("a", table.bench.signer.fingerprint(), &["approver", "legal", "site-dev"], "")
            + &entry("b", table.other.fingerprint(), &["approver"], "");
        table.bench.write_trust(&entries);
        table
    }

    fn approval(&self) -> Approval {
        Approval {
            approver: self.bench.signer.fingerprint().clone(),
            environments: vec![slug("samakia-prod")],
            executor: self.other.fingerprint().clone(),
            expires: Stamp::of(start()).plus_days(1),
            made: Stamp::of(later()),
            nonce: slug("00112233445566778899aabbccddeeff"),
            reason: "agreed in the weekly meeting".to_owned(),
            role: slug("approver"),
            window: Some(WindowRecord { start: Stamp::of(start()), end: Stamp::of(later()) }),
        }
    }

    fn given(&self, approval: &Approval) -> Given {
        approval.give(about(), &self.bench.signer, later()).expect("usable")
    }

    /// A statement that was changed after it was signed.
    fn changed(&self, change: impl Fn(&str) -> String) -> Given {
        let given = self.given(&self.approval());
        let statement = change(std::str::from_utf8(&given.statement).expect("text")).into_bytes();
        Given { statement, envelope: None, ..given }
    }

    /// The same statement, signed as something else.
    fn signed_as(&self, role: &str, intent: &str) -> Given {
        let given = self.given(&self.approval());
        let signature = self.bench.signer.sign(&given.statement, role, intent, later()).expect("usable");
        Given { signature, ..given }
    }

    /// Another statement, signed as an approval is.
    fn said(&self, change: impl Fn(&mut Value)) -> Given {
        let mut statement: Value =
            serde_json::from_slice(&self.given(&self.approval()).statement).expect("JSON");
        change(&mut statement);
        let statement = fabric_evidence::canonical::bytes(&statement).expect("plain data");
        let signature = self.bench.signer.sign(&statement, "approver", "approve", later()).expect("usable");
        Given { statement, signature, envelope: None }
    }

    /// Another envelope beside the approval.
    fn enveloped(&self, change: impl Fn(&mut Value)) -> Given {
        let given = self.given(&self.approval());
        let mut envelope: Value = serde_json::from_slice(&given.envelope.expect("a key file")).expect("JSON");
        change(&mut envelope);
        Given { envelope: Some((envelope.to_string() + "\n").into_bytes()), ..self.given(&self.approval()) }
    }
}

fn class(given: &Given, trust: &Trust) -> Option<&'static str> {
    given.read(trust, now()).err().map(|finding| finding.class)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../evidence/approvals")
}

fn beside(folder: &Path, name: &str, end: &str) -> PathBuf {
    folder.join(format!("{name}.json{end}"))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the one way to ask a test to write")]
fn each_approval_counts_or_is_refused_for_the_reason_that_stands_beside_it() {
    let table = Table::new();
    let trust = table.bench.trust();
    let mut index = Vec::new();
    let to_write = std::env::var_os("FABRIC_WRITE_VECTORS").is_some();
    if to_write {
        let _ = fs::remove_dir_all(folder());
        fs::create_dir_all(folder().join("certs")).expect("room");
        for file in ["trust.toml", "certs/a.asc", "certs/b.asc"] {
            fs::copy(table.bench.path(file), folder().join(file)).expect("room");
        }
    }
    for (name, expected, make) in CASES {
        let given = make(&table);
        assert_eq!(class(&given, &trust), *expected, "{name}");
        if to_write {
            fs::write(beside(&folder(), name, ""), &given.statement).expect("room");
            fs::write(beside(&folder(), name, ".asc"), &given.signature).expect("room");
            if let Some(envelope) = &given.envelope {
                fs::write(beside(&folder(), name, ".dsse"), envelope).expect("room");
            }
        }
        index.push(Listed { approval: (*name).to_owned(), class: expected.map(str::to_owned) });
    }
    if to_write {
        let text = serde_json::to_string_pretty(&index).expect("plain data") + "\n";
        fs::write(folder().join("index.json"), text).expect("room");
    }
    let listed = fs::read(folder().join("index.json")).expect("there");
    let listed: Vec<Listed> = serde_json::from_slice(&listed).expect("a list");
    assert_eq!(listed, index, "run with FABRIC_WRITE_VECTORS=1 and review");
    let trust = Trust::load(&folder().join("trust.toml")).expect("a trust file");
    for Listed { approval, class: expected } in &listed {
        let read = |end: &str| fs::read(beside(&folder(), approval, end));
        let (statement, signature) = (read("").expect("there"), read(".asc").expect("there"));
        let given = Given { statement, signature, envelope: read(".dsse").ok() };
        assert_eq!(class(&given, &trust), expected.as_deref(), "{approval}");
    }
}

#[test]
fn an_approval_says_what_was_given() {
    let table = Table::new();
    let sound = table.given(&table.approval()).read(&table.bench.trust(), now()).expect("it counts");
    assert_eq!((sound.about, &sound.approval), (about(), &table.approval()));
    assert_eq!(sound.by.fingerprint, *table.bench.signer.fingerprint());
    let revoked = entry("a", table.bench.signer.fingerprint(), &["approver"], "revoked = true\n");
    table.bench.write_trust(&revoked);
    let given = table.given(&table.approval());
    assert_eq!(class(&given, &table.bench.trust()), Some("signature.revoked"), "envelope or not");
}

#[test]
fn openssl_accepts_the_envelope_of_an_approval_and_refuses_it_over_another() {
    let table = Table::new();
    let given = table.given(&table.approval());
    let envelope: Value = serde_json::from_slice(&given.envelope.expect("a key file")).expect("JSON");
    let certificate = table.bench.signer.public_armored().expect("a certificate");
    let keys = public_keys(&certificate).expect("a certificate");
    let [key] = keys.as_slice() else { panic!("one is expected: {keys:?}") };
    assert!(openssl_accepts(&table.bench, key, &envelope, &given.statement));
    let other = String::from_utf8(given.statement).expect("text").replace("samakia-prod", "samakia-test");
    assert!(!openssl_accepts(&table.bench, key, &envelope, other.as_bytes()));
}
