//! What is taken for a statement, by one key over one content.

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::*;
use crate::key;

const EXPECTED: &[u8] = b"{\"_type\":\"https://in-toto.io/Statement/v1\"}";

struct Scene {
    signer: Signer,
    key: PublicKey,
}

impl Scene {
    fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let cert = key::generate("tests <tests@localhost>", now).expect("entropy");
        let key = PublicKey::of(cert.primary_key().key().role_as_unspecified()).expect("Ed25519");
        Self { signer: Signer::from_cert(cert).expect("it can sign"), key }
    }

    /// An envelope as its fields have it, signed over what they say.
    fn envelope(&self, payload_type: &str, payload: &[u8]) -> serde_json::Value {
        let signed = envelope::pre_authentication(payload_type, payload);
        let signature = self.signer.sign_plainly(&signed).expect("usable").expect("here");
        let encoded = |bytes: &[u8]| <base64ct::Base64 as base64ct::Encoding>::encode_string(bytes);
        json!({"payload": encoded(payload), "payloadType": payload_type,
            "signatures": [{"keyid": signature.key.to_string(), "sig": encoded(&signature.bytes)}]})
    }

    fn class(&self, envelope: &serde_json::Value) -> Option<&'static str> {
        let bytes = [canonical::bytes(envelope).expect("plain"), b"\n".to_vec()].concat();
        check(&bytes, EXPECTED, &[&self.key]).err().map(|refused| refused.class)
    }
}

fn set(mut envelope: serde_json::Value, pointer: &str, to: serde_json::Value) -> serde_json::Value {
    *envelope.pointer_mut(pointer).expect("there") = to;
    envelope
}

#[test]
fn a_statement_by_the_key_over_what_the_packet_says_is_good() {
    let scene = Scene::new();
    assert_eq!(scene.class(&scene.envelope(PAYLOAD_TYPE, EXPECTED)), None);
}

#[test]
fn content_of_another_type_is_no_statement_although_it_is_signed() {
    let scene = Scene::new();
    for other in ["application/json", "application/vnd.in-toto+json ", "text/plain"] {
        assert_eq!(scene.class(&scene.envelope(other, EXPECTED)), Some("statement.type"), "{other}");
    }
    let renamed = set(scene.envelope("text/plain", EXPECTED), "/payloadType", PAYLOAD_TYPE.into());
    assert_eq!(scene.class(&renamed), Some("statement.bad"));
}

#[test]
fn what_was_signed_and_is_not_what_the_packet_says_is_refused() {
    let scene = Scene::new();
    assert_eq!(scene.class(&scene.envelope(PAYLOAD_TYPE, b"{}")), Some("statement.differs"));
}

#[test]
fn a_key_that_did_not_sign_the_packet_makes_no_statement() {
    let (scene, other) = (Scene::new(), Scene::new());
    let by_other = other.envelope(PAYLOAD_TYPE, EXPECTED);
    assert_eq!(scene.class(&by_other), Some("statement.signer"));
    let claimed = set(by_other, "/signatures/0/keyid", scene.key.fingerprint().to_string().into());
    assert_eq!(scene.class(&claimed), Some("statement.bad"));
}

#[test]
fn an_envelope_has_one_spelling_and_one_signature() {
    let scene = Scene::new();
    let good = scene.envelope(PAYLOAD_TYPE, EXPECTED);
    let signature = good.pointer("/signatures/0").expect("there").clone();
    let payload = good.pointer("/payload").and_then(serde_json::Value::as_str).expect("text").to_owned();
    for bad in [
        set(good.clone(), "/signatures", json!([])),
        set(good.clone(), "/signatures", json!([signature, signature])),
        set(good.clone(), "/payload", payload.trim_end_matches('=').into()),
        set(good.clone(), "/payload", format!("{payload}\n").into()),
        set(good.clone(), "/signatures/0", json!({"sig": signature.get("sig")})),
        json!({"payload": payload}),
    ] {
        assert_eq!(scene.class(&bad), Some("statement.form"), "{bad}");
    }
    let keys = [&scene.key];
    for bytes in [
        serde_json::to_vec_pretty(&good).expect("plain"),
        canonical::bytes(&good).expect("plain"),
        b"x\n".to_vec(),
        Vec::new(),
    ] {
        assert_eq!(check(&bytes, EXPECTED, &keys).map_err(|refused| refused.class), Err("statement.form"));
    }
}
