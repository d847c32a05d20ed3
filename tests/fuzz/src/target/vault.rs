//! Answers of Vault.

use std::collections::BTreeMap;

use fabric_wire::http::Response;
use fabric_wire::vault::{Engine, value};

use super::choice;

/// Statuses by the first byte of the input.
const STATUSES: [u16; 6] = [200, 200, 307, 403, 404, 503];

/// A status and a body. A failure quotes nothing of the body, and only a good status has a value.
pub fn run(bytes: &[u8]) {
    let (status, body) = choice(bytes);
    let status = STATUSES.get(usize::from(status) % STATUSES.len()).copied().unwrap_or_default();
    let mut failures = Vec::new();
    for engine in [Engine::V1, Engine::V2] {
        let (headers, reason) = (BTreeMap::new(), String::new());
        let answer = |body: &[u8]| Response {
            status,
            reason: reason.clone(),
            headers: headers.clone(),
            body: body.to_vec(),
        };
        match value(engine, answer(body), "value") {
            Ok(_) => assert_eq!(status, 200),
            Err(error) => failures.push(error.to_string()),
        }
    }
    for failure in failures {
        let told =
            ["Vault", "there is no field `value`", "the field `value` is no text", "nothing is at this path"];
        assert!(told.iter().any(|words| failure.contains(words)), "{failure}");
        assert!(failure.len() < 120, "{failure}");
    }
}
