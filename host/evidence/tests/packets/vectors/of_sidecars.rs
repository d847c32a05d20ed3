//! Defects of what lies beside the sealed core: signatures, timestamps, statements; and what a trust file says of them.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use fabric_evidence::timestamp::Query;
use sequoia_openpgp::Cert;
use sequoia_openpgp::crypto::{Signer as _, mpi};
use sequoia_openpgp::types::HashAlgorithm;
use serde_json::{Value, json};

use super::yard::{TRUSTED, Yard, notations, signed};
use crate::sample::{later, new_signer, start};
use crate::victim::Victim;

/// Plants one defect.
pub(super) type Defect = fn(&Yard, &Victim);

const STATEMENT: &str = "statement.dsse.json";

/// The good packet, class and name of the vector, the trust file, and the defect.
pub(super) const DEFECTS: &[(&str, &str, &str, &str, Defect)] = &[
    ("observed", "signature.revoked", "by_the_trust_file", "trust-revoked.toml", |_, _| {}),
    ("observed", "signature.expired", "by_the_trust_file", "trust-ended.toml", |_, _| {}),
    ("observed", "signature.expired", "not_yet_by_the_trust_file", "trust-to-come.toml", |_, _| {}),
    ("observed", "signature.required", "nobody_countersigned", "trust-two.toml", |_, _| {}),
    ("countersigned", "signature.required", "another_role", "trust-legal.toml", |_, _| {}),
    ("countersigned", "signature.required", "one_person_for_two", "trust-two.toml", |_, _| {}),
    ("countersigned", "signature.intent", "a_second_seal", TRUSTED, |y, v| {
        second(y, v, "security", "seal");
    }),
    ("countersigned", "signature.role", "swapped", TRUSTED, |y, v| second(y, v, "site-dev", "countersign")),
    ("countersigned", "signature.not_the_principal", "the_seal_is_gone", TRUSTED, |_, v| {
        fs::remove_file(&v.signature).expect("there");
    }),
    ("countersigned", "signature.unknown_signer", "a_stranger_too", TRUSTED, |_, v| {
        let stranger = new_signer();
        let armored = stranger.sign(&manifest(v), "security", "countersign", later()).expect("usable");
        fs::write(Yard::signature(&v.dir, &stranger), armored).expect("room");
    }),
    ("countersigned", "signature.file_name", "the_same_twice", TRUSTED, |y, v| {
        let copy = v.dir.join(format!("signatures/{}.asc", "1".repeat(40)));
        fs::copy(Yard::signature(&v.dir, &y.second), copy).expect("room");
    }),
    ("observed", "signature.expired", "certificate", TRUSTED, |y, v| {
        by(&y.expired, v, HashAlgorithm::SHA512, |b| b)
    }),
    ("observed", "signature.revoked", "by_its_holder", TRUSTED, |y, v| {
        by(&y.revoked, v, HashAlgorithm::SHA512, |b| b)
    }),
    ("observed", "signature.bad", "key_for_something_else", TRUSTED, |y, v| {
        by(&y.idle, v, HashAlgorithm::SHA512, |b| b)
    }),
    ("observed", "signature.bad", "weak_digest", TRUSTED, |y, v| {
        by(&y.forger, v, HashAlgorithm::SHA1, |b| b)
    }),
    ("observed", "signature.bad", "unknown_critical_notation", TRUSTED, |y, v| {
        by(&y.forger, v, HashAlgorithm::SHA512, |b| {
            b.set_notation("must@example.org", "x", None, true).expect("a notation")
        });
    }),
    ("observed", "signature.notation", "two_roles", TRUSTED, |y, v| {
        by(&y.forger, v, HashAlgorithm::SHA512, |b| {
            b.add_notation("role@fabric.samakia.net", "legal", None, false).expect("a notation")
        });
    }),
    ("observed", "timestamp.required", "none", "trust-timestamps.toml", |_, _| {}),
    ("one-of-two-stamped", "timestamp.required", "one_of_two", "trust-timestamps.toml", |_, _| {}),
    ("stamped", "timestamp.untrusted", "another_authority", "trust-other-authority.toml", |_, _| {}),
    ("stamped", "timestamp.policy", "another_policy", "trust-other-policy.toml", |_, _| {}),
    ("stamped", "timestamp.time", "authority_ended", "trust-authority-ended.toml", |_, _| {}),
    ("stamped", "timestamp.imprint", "of_the_other_signature", TRUSTED, |y, v| {
        let (one, other) = (stamps(&v.signature), stamps(&Yard::signature(&v.dir, &y.second)));
        for (from, to) in one.iter().zip(&other) {
            fs::copy(from, to).expect("room");
        }
    }),
    ("stamped", "timestamp.imprint", "signed_anew", TRUSTED, |_, v| {
        let at = start() + Duration::from_secs(10);
        let armored = v.bench.signer.sign(&manifest(v), "site-dev", "seal", at).expect("usable");
        fs::write(&v.signature, armored).expect("room");
    }),
    ("stamped", "timestamp.nonce", "another_query", TRUSTED, |_, v| {
        let [query, _] = stamps(&v.signature);
        let signature = fs::read(&v.signature).expect("there");
        let other = Query::about(&signature, None, [8; 8]).expect("a query");
        fs::write(query, other.to_der().expect("bytes")).expect("room");
    }),
    ("stamped", "timestamp.policy", "not_the_one_asked_for", TRUSTED, |_, v| {
        let [query, _] = stamps(&v.signature);
        let signature = fs::read(&v.signature).expect("there");
        let other = Query::about(&signature, Some("1.2.3.4"), [7; 8]).expect("a query");
        fs::write(query, other.to_der().expect("bytes")).expect("room");
    }),
    ("stamped", "timestamp.form", "text", TRUSTED, |_, v| {
        fs::write(&stamps(&v.signature)[1], "granted\n").expect("room")
    }),
    ("stamped", "timestamp.form", "cut_off", TRUSTED, |_, v| {
        let [_, answer] = stamps(&v.signature);
        let bytes = fs::read(&answer).expect("there");
        fs::write(answer, bytes.get(..bytes.len() - 1).unwrap_or_default()).expect("room");
    }),
    ("stamped", "sidecar.stray", "answer_without_query", TRUSTED, |_, v| {
        fs::remove_file(&stamps(&v.signature)[0]).expect("there");
    }),
    ("stamped", "sidecar.stray", "query_without_answer", TRUSTED, |_, v| {
        fs::remove_file(&stamps(&v.signature)[1]).expect("there");
    }),
    ("stamped", "sidecar.stray", "timestamp_without_signature", TRUSTED, |y, v| {
        fs::remove_file(Yard::signature(&v.dir, &y.second)).expect("there");
    }),
    ("observed", "statement.required", "none", "trust-statement.toml", |_, v| {
        fs::remove_file(v.dir.join(STATEMENT)).expect("there");
    }),
    ("observed", "statement.differs", "of_another_packet", TRUSTED, |y, v| {
        fs::copy(y.bench.path("runs/planned").join(STATEMENT), v.dir.join(STATEMENT)).expect("room");
    }),
    ("observed", "statement.differs", "passed", TRUSTED, |_, v| {
        attested(v, "application/vnd.in-toto+json", |text| text.replace("\"FAILED\"", "\"PASSED\""));
    }),
    ("observed", "statement.differs", "subject_left_out", TRUSTED, |_, v| {
        attested(v, "application/vnd.in-toto+json", |text| {
            let mut statement: Value = serde_json::from_str(text).expect("JSON");
            statement.get_mut("subject").and_then(Value::as_array_mut).expect("a list").remove(0);
            statement.to_string()
        });
    }),
    ("observed", "statement.type", "json", TRUSTED, |_, v| attested(v, "application/json", str::to_owned)),
    ("observed", "statement.bad", "type_renamed", TRUSTED, |_, v| {
        attested(v, "application/json", str::to_owned);
        v.write(STATEMENT, v.read(STATEMENT).replace("application/json", "application/vnd.in-toto+json"));
    }),
    ("observed", "statement.signer", "nobody", TRUSTED, |_, v| {
        let own = keyid(v);
        v.write(STATEMENT, v.read(STATEMENT).replace(&own, &"0".repeat(40)));
    }),
    ("observed", "statement.form", "two_signatures", TRUSTED, |_, v| {
        let mut envelope: Value = serde_json::from_str(&v.read(STATEMENT)).expect("JSON");
        let signatures = envelope.get_mut("signatures").and_then(Value::as_array_mut).expect("a list");
        signatures.push(signatures.first().expect("one").clone());
        v.write(STATEMENT, envelope.to_string() + "\n");
    }),
    ("observed", "statement.form", "text", TRUSTED, |_, v| v.write(STATEMENT, "PASSED\n")),
];

fn manifest(victim: &Victim) -> Vec<u8> {
    fs::read(victim.dir.join("manifest.sha256")).expect("there")
}

/// Query and answer of a signature.
fn stamps(signature: &std::path::Path) -> [PathBuf; 2] {
    ["tsq", "tsr"].map(|ending| PathBuf::from(format!("{}.{ending}", signature.display())))
}

fn second(yard: &Yard, victim: &Victim, role: &str, intent: &str) {
    let armored = yard.second.sign(&manifest(victim), role, intent, later()).expect("usable");
    fs::write(Yard::signature(&victim.dir, &yard.second), armored).expect("room");
}

/// A further signature by the last key of a certificate, as no signer of ours would make it.
fn by(
    cert: &Cert,
    victim: &Victim,
    hash: HashAlgorithm,
    change: fn(
        sequoia_openpgp::packet::signature::SignatureBuilder,
    ) -> sequoia_openpgp::packet::signature::SignatureBuilder,
) {
    let builder = change(notations("site-dev", "countersign", hash, start() + Duration::from_secs(9)));
    let fingerprint = fabric_evidence::key::fingerprint(cert).expect("version 4");
    victim.write(&format!("signatures/{fingerprint}.asc"), signed(cert, builder, hash, &manifest(victim)));
}

fn keyid(victim: &Victim) -> String {
    let envelope: Value = serde_json::from_str(&victim.read(STATEMENT)).expect("JSON");
    envelope.pointer("/signatures/0/keyid").and_then(Value::as_str).expect("text").to_owned()
}

/// A statement by the sealer's own key that says something else, or is something else.
fn attested(victim: &Victim, of_type: &str, change: impl Fn(&str) -> String) {
    use base64ct::{Base64, Encoding as _};
    let envelope: Value = serde_json::from_str(&victim.read(STATEMENT)).expect("JSON");
    let payload = envelope.get("payload").and_then(Value::as_str).expect("text");
    let payload = change(&String::from_utf8(Base64::decode_vec(payload).expect("base64")).expect("text"));
    let encoded = format!("DSSEv1 {} {of_type} {} {payload}", of_type.len(), payload.len());
    let key = victim.bench.cert.primary_key().key().clone().parts_into_secret().expect("a key");
    let signature = key
        .into_keypair()
        .expect("no passphrase")
        .sign(HashAlgorithm::SHA512, encoded.as_bytes())
        .expect("signed");
    let halves = match &signature {
        mpi::Signature::EdDSA { r, s } => [r, s],
        other => unreachable!("a key of Ed25519 made {other:?}"),
    };
    let bytes = halves.map(|half| half.value_padded(32).expect("32 bytes")).concat();
    let signed = json!({"payload": Base64::encode_string(payload.as_bytes()), "payloadType": of_type,
        "signatures": [{"keyid": keyid(victim), "sig": Base64::encode_string(&bytes)}]});
    victim.write(STATEMENT, signed.to_string() + "\n");
}
