//! What an answer of the API means.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{WireError, printable};
use crate::http::Response;

/// The largest answer that is taken, in bytes. The largest honest one is `/access/permissions` of some tens of KiB.
pub const ANSWER_LIMIT: usize = 4 << 20;

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

/// The body of a 400.
#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    errors: BTreeMap<String, String>,
}

/// The data of a good answer, or the error that the status and the reason phrase stand for.
pub(super) fn read<T: DeserializeOwned>(response: &Response) -> Result<T, WireError> {
    match response.status {
        200 => data(&response.body),
        _ => Err(failure(response)),
    }
}

/// The data within the envelope.
pub(super) fn data<T: DeserializeOwned>(body: &[u8]) -> Result<T, WireError> {
    let envelope: Result<Envelope<T>, _> = serde_json::from_slice(body);
    Ok(envelope.map_err(|error| garbage(&format!("Proxmox answers {error}")))?.data)
}

/// An answer that cannot be understood. Whatever is quoted from it has no line ends any more.
pub(super) fn garbage(what: &str) -> WireError {
    WireError::Garbage(printable(what))
}

/// Whether the API refuses an order because the guest is as ordered already: `CT 112 not running`.
pub(super) fn is_refused_as(response: &Response, text: &str) -> bool {
    response.status == 500 && response.reason.trim() == text
}

fn failure(response: &Response) -> WireError {
    let reason = printable(&response.reason);
    match response.status {
        401 => WireError::Authentication(reason),
        403 => WireError::Permission(reason),
        // There is no 404; an unknown node shows as a name that cannot be looked up.
        404 => WireError::NotFound(reason),
        500 if is_absence(&reason) => WireError::NotFound(reason),
        595..=599 => {
            WireError::Unreachable(format!("the node that was asked cannot reach the other: {reason}"))
        }
        status => WireError::Garbage(format!("Proxmox answers {status}: {reason}{}", faults(&response.body))),
    }
}

fn is_absence(reason: &str) -> bool {
    reason.ends_with("does not exist")
        || reason.starts_with("no such ")
        || reason.starts_with("hostname lookup ")
}

/// Which parameters a 400 complains about.
fn faults(body: &[u8]) -> String {
    let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
    let faults = refusal.map(|refusal| refusal.errors).unwrap_or_default();
    faults.iter().map(|(name, text)| format!(" ({name}: {})", printable(text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, reason: &str, body: &str) -> Result<u32, WireError> {
        read(&Response {
            status,
            reason: reason.into(),
            headers: BTreeMap::new(),
            body: body.as_bytes().to_vec(),
        })
    }

    #[test]
    fn each_status_has_its_error() {
        let null = r#"{"data":null}"#;
        assert_eq!(answer(200, "OK", r#"{"data":7}"#), Ok(7));
        assert_eq!(answer(401, "No ticket", ""), Err(WireError::Authentication("No ticket".into())));
        let text = "Permission check failed (/vms/7, VM.Audit)";
        assert_eq!(answer(403, text, null), Err(WireError::Permission(text.into())));
        for absent in [
            "Configuration file 'nodes/n1/lxc/7.conf' does not exist",
            "no such resource 'ct:7'",
            "hostname lookup 'n9' failed - failed to get address info for: n9",
        ] {
            assert_eq!(answer(500, absent, null), Err(WireError::NotFound(absent.into())));
        }
        assert!(matches!(answer(595, "Connection refused", ""), Err(WireError::Unreachable(_))));
        assert!(matches!(answer(501, "Method 'GET /x' not implemented", null), Err(WireError::Garbage(_))));
        assert!(matches!(answer(500, "got timeout", null), Err(WireError::Garbage(_))));
        assert!(matches!(answer(302, "Found", ""), Err(WireError::Garbage(_))));
    }

    #[test]
    fn a_refused_parameter_is_named() {
        let body = r#"{"data":null,"errors":{"vmid":"type check failed"},"message":"x\n"}"#;
        let error = answer(400, "Parameter verification failed.", body).expect_err("a refusal");
        assert!(error.to_string().ends_with("failed. (vmid: type check failed)"), "{error}");
    }

    #[test]
    fn a_good_status_with_a_bad_body_is_garbage() {
        for body in ["", "<html>", "{}", r#"{"data":"x"}"#, r#"{"data":7"#] {
            assert!(matches!(answer(200, "OK", body), Err(WireError::Garbage(_))), "{body}");
        }
    }

    #[test]
    fn what_is_no_answer_cannot_break_a_line_either() {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Status {
            Running,
        }
        let error = data::<Status>(br#"{"data":"a\n\u001b[2J"}"#).expect_err("no status");
        assert!(!error.to_string().contains(char::is_control), "{error}");
        assert!(matches!(data(br#"{"data":"running"}"#), Ok(Status::Running)));
    }

    #[test]
    fn an_error_text_cannot_break_a_line_or_flood_it() {
        let error = answer(403, &format!("a\r\n\u{1b}[2J{}", "b".repeat(1000)), "").expect_err("a refusal");
        assert!(!error.to_string().contains(char::is_control));
        assert!(error.to_string().len() < 400);
    }
}
