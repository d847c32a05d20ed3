//! What an answer of an S3 server means.

use super::xml::{self, Element};
use crate::error::{WireError, printable};
use crate::http::Response;

/// The largest answer other than an object's content that is taken, in bytes: a page of 1,000 keys of 1,024 bytes, each percent-encoded.
pub const ANSWER_LIMIT: usize = 8 << 20;

/// The document of a good answer.
///
/// # Errors
/// [`failure`], and [`WireError::Garbage`] for another document than the one that was asked for.
pub(super) fn document(response: &Response, root: &str) -> Result<Element, WireError> {
    let read = good(response).and_then(|()| xml::parse(&response.body))?;
    if read.name == root {
        return Ok(read);
    }
    let found = printable(&read.name);
    Err(WireError::Garbage(format!("S3 answers `{found}` where `{root}` was asked for")))
}

/// Whether the answer is a good one.
///
/// # Errors
/// [`failure`].
pub(super) fn good(response: &Response) -> Result<(), WireError> {
    if response.status == 200 { Ok(()) } else { Err(failure(response)) }
}

/// The code of an error, which is what servers agree on; empty where the answer has none, as one to HEAD.
pub(super) fn code(response: &Response) -> String {
    error(response).0
}

/// Whether the server may answer otherwise if it is asked again.
pub(super) fn is_passing(response: &Response) -> bool {
    matches!(response.status, 500 | 502 | 503 | 504)
}

fn error(response: &Response) -> (String, String, Option<String>) {
    let document = xml::parse(&response.body).ok().filter(|document| document.name == "Error");
    let text = |name: &str| document.as_ref().and_then(|document| document.text_of(name)).map(printable);
    (text("Code").unwrap_or_default(), text("Message").unwrap_or_default(), text("Region"))
}

/// The error that an answer stands for.
pub(super) fn failure(response: &Response) -> WireError {
    let (code, message, region) = error(response);
    let status = response.status;
    let said = match (code.as_str(), message.as_str()) {
        ("", _) => format!("S3 answers {status}"),
        (code, "") => format!("S3 answers {status} {code}"),
        (code, message) => format!("S3 answers {status} {code}: {message}"),
    };
    let region = response.headers.get("x-amz-bucket-region").map(|region| printable(region)).or(region);
    match (status, code.as_str()) {
        (_, "RequestTimeTooSkewed") => {
            let theirs = response.headers.get("date").map(|date| printable(date)).unwrap_or_default();
            WireError::Authentication(format!(
                "the clock of this machine and the server's are too far apart: its answer is of {theirs}"
            ))
        }
        (_, "SignatureDoesNotMatch") => {
            WireError::Authentication(format!("{said} (the secret key is wrong)"))
        }
        (_, "InvalidAccessKeyId") => {
            WireError::Authentication(format!("{said} (the server does not know the access key)"))
        }
        (301 | 307 | 308, _)
        | (400, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
            let elsewhere = region.map_or_else(String::new, |region| format!(" (its region is `{region}`)"));
            WireError::NotFound(format!(
                "the bucket is not in the region of the site file{elsewhere}: {said}"
            ))
        }
        (401, _) => WireError::Authentication(said),
        // An answer to HEAD cannot say which it is.
        (403, "") => {
            WireError::Permission(format!("{said}, without a word whether for the keys or a missing right"))
        }
        (403, _) => WireError::Permission(said),
        (404, _) => WireError::NotFound(said),
        (500..=599, _) if status != 501 => WireError::Unreachable(said),
        _ => WireError::Garbage(said),
    }
}

/// An answer that cannot be understood.
pub(super) fn garbage(what: &str) -> WireError {
    WireError::Garbage(format!("S3 answers {}", printable(what)))
}

/// An entity tag as it stands in a header or a document: quoted visible characters (RFC 9110, 8.8.3).
///
/// # Errors
/// [`WireError::Garbage`] for anything else, as it would be sent back.
pub(super) fn etag(text: Option<&str>) -> Result<String, WireError> {
    let inner = text.and_then(|text| text.strip_prefix('"')).and_then(|text| text.strip_suffix('"'));
    let sound = |inner: &&str| {
        !inner.is_empty() && inner.len() <= 128 && inner.bytes().all(|b| b.is_ascii_graphic() && b != b'"')
    };
    inner.filter(sound).map(str::to_owned).ok_or_else(|| garbage("an entity tag that is none"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let headers: BTreeMap<_, _> =
            headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Response { status, reason: String::new(), headers, body: body.as_bytes().to_vec() }
    }

    fn refused(status: u16, code: &str) -> WireError {
        let body = format!("<Error><Code>{code}</Code><Message>said\nso</Message></Error>");
        failure(&answer(status, &[("date", "Sun, 22 Nov 2026 10:00:00 GMT")], &body))
    }

    #[test]
    fn each_refusal_is_told_apart() {
        assert!(
            matches!(refused(403, "SignatureDoesNotMatch"), WireError::Authentication(m) if m.contains("secret"))
        );
        assert!(
            matches!(refused(403, "InvalidAccessKeyId"), WireError::Authentication(m) if m.contains("access key"))
        );
        assert!(
            matches!(refused(403, "RequestTimeTooSkewed"), WireError::Authentication(m) if m.contains("22 Nov"))
        );
        assert!(matches!(refused(403, "AccessDenied"), WireError::Permission(m) if m.ends_with("said so")));
        assert!(matches!(refused(404, "NoSuchKey"), WireError::NotFound(_)));
        assert!(matches!(refused(503, "SlowDown"), WireError::Unreachable(_)));
        assert!(matches!(refused(501, "NotImplemented"), WireError::Garbage(_)));
        assert!(matches!(failure(&answer(403, &[], "")), WireError::Permission(_)));
        assert!(matches!(failure(&answer(302, &[("location", "http://x/")], "")), WireError::Garbage(_)));
    }

    #[test]
    fn a_bucket_of_another_region_is_named_with_it() {
        let moved = answer(301, &[("x-amz-bucket-region", "eu-west-1")], "");
        assert!(matches!(failure(&moved), WireError::NotFound(m) if m.contains("`eu-west-1`")));
        let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
        assert!(
            matches!(failure(&answer(400, &[], body)), WireError::NotFound(m) if m.contains("`eu-west-1`"))
        );
    }

    #[test]
    fn an_entity_tag_is_quoted_and_visible() {
        assert_eq!(etag(Some("\"abc-2\"")).as_deref(), Ok("abc-2"));
        for bad in
            [None, Some(""), Some("abc"), Some("\"\""), Some("\"a b\""), Some("\"a\"b\""), Some("W/\"a\"")]
        {
            assert!(etag(bad).is_err(), "{bad:?}");
        }
    }
}
