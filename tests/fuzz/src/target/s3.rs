//! Answers of S3 servers.

use std::collections::BTreeMap;

use fabric_wire::http::Response;
use fabric_wire::s3::read_as_everything;

use super::choice;

/// Statuses by the first byte of the input; good answers come first.
const STATUSES: [u16; 8] = [200, 200, 200, 301, 400, 403, 404, 503];

/// A status, then header fields `name: value` up to an empty line, then a body. No failure breaks a line or floods it, and a failed request
/// gives data only where the failure is the very answer.
pub fn run(bytes: &[u8]) {
    let (status, rest) = choice(bytes);
    let status = STATUSES.get(usize::from(status) % STATUSES.len()).copied().unwrap_or_default();
    let end = rest.windows(2).position(|pair| pair == b"\n\n").unwrap_or(rest.len());
    let (head, body) = rest.split_at(end);
    let head = String::from_utf8_lossy(head);
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<String, String> =
        fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let body = body.get(2..).unwrap_or_default().to_vec();
    let response = Response { status, reason: String::new(), headers, body };
    for (question, read) in read_as_everything(&response) {
        match read {
            Ok(()) if status == 200 => {}
            // That there is none, that it is refused and that it is not healthy are answers.
            Ok(()) => assert!(
                matches!(
                    (question, status),
                    ("access to a bucket" | "access to an object", 403)
                        | ("health", 503)
                        | ("legal hold" | "retention", 400 | 404)
                        | ("lock settings" | "policy", 404)
                ),
                "{question} from {status}"
            ),
            Err(error) => {
                let shown = error.to_string();
                assert!(!shown.contains(char::is_control), "{question}: {shown}");
                assert!(shown.chars().count() < 1_500, "{question}: {} characters", shown.chars().count());
            }
        }
    }
}
