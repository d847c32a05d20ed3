//! Answers of the Proxmox API.

use std::collections::BTreeMap;

use fabric_wire::http::Response;
use fabric_wire::proxmox::read_as_everything;

use super::choice;

/// Statuses by the first byte of the input; the API's own come first.
const STATUSES: [u16; 8] = [200, 200, 400, 401, 403, 500, 501, 595];

/// A status, a reason phrase up to the line end, and a body. No failure breaks a line or floods it, and a failed request has no data.
pub fn run(bytes: &[u8]) {
    let (status, rest) = choice(bytes);
    let status = STATUSES.get(usize::from(status) % STATUSES.len()).copied().unwrap_or_default();
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (reason, body) = rest.split_at(end);
    let reason = String::from_utf8_lossy(reason).into_owned();
    let body = body.get(1..).unwrap_or_default().to_vec();
    let response = Response { status, reason, headers: BTreeMap::new(), body };
    for (question, read) in read_as_everything(&response) {
        match read {
            Ok(()) => assert_eq!(status, 200, "{question}"),
            Err(error) => {
                assert!(!error.to_string().chars().any(|c| c == '\n' || c == '\u{1b}'), "{question}: {error}")
            }
        }
    }
}
