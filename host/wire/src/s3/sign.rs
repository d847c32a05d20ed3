//! Signature Version 4 in the header form, with the digest of the body signed ("Authenticating Requests: Using the Authorization
//! Header" of the S3 API reference).

use std::time::SystemTime;

use fabric_model::Digest;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::endpoint::S3Keys;
use crate::error::WireError;

/// A request as it is signed.
pub struct Signed<'a> {
    /// The method's name.
    pub method: &'a str,
    /// The path as it is sent: each byte of a name percent-encoded once.
    pub path: &'a str,
    /// The query as it is sent: its parts encoded and in order.
    pub query: &'a str,
    /// Every header field that is signed, by lower-case name, in order.
    pub headers: &'a [(String, String)],
    /// The digest of the body, in hexadecimal.
    pub body: &'a str,
}

/// A moment as requests state it.
///
/// # Errors
/// [`WireError::Unreachable`] for a moment beyond all dates.
pub fn stamp(now: SystemTime) -> Result<String, WireError> {
    let now = Timestamp::try_from(now)
        .map_err(|_| WireError::Unreachable("the clock of this machine is beyond all dates".into()))?;
    Ok(now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string())
}

/// The value of the `Authorization` field.
///
/// # Errors
/// [`WireError::Authentication`] for an access key that cannot be sent.
pub fn authorization(
    request: &Signed<'_>,
    keys: &S3Keys,
    region: &str,
    stamp: &str,
) -> Result<String, WireError> {
    let access = std::str::from_utf8(keys.access.expose())
        .ok()
        .filter(|key| !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic() && b != b',' && b != b'/'));
    let access = access.ok_or_else(|| {
        WireError::Authentication(
            "the access key holds a line break or other bytes that cannot be sent".into(),
        )
    })?;
    let day = stamp.get(..8).unwrap_or_default();
    let scope = format!("{day}/{region}/s3/aws4_request");
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let headers: String =
        request.headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let Signed { method, path, query, body, .. } = request;
    let canonical = format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{body}");
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", digest(canonical.as_bytes()));
    let first = Zeroizing::new([b"AWS4", keys.secret.expose()].concat());
    let mut key = mac(&first, day.as_bytes());
    for part in [region, "s3", "aws4_request"] {
        key = mac(&key, part.as_bytes());
    }
    let signature = hex(&mac(&key, text.as_bytes()));
    Ok(format!("AWS4-HMAC-SHA256 Credential={access}/{scope},SignedHeaders={names},Signature={signature}"))
}

/// The SHA-256 digest of bytes in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

fn mac(key: &[u8], text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(text);
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Secret;

    /// The keys, the region and the moment of the examples in the S3 API reference.
    fn signature(method: &str, path: &str, query: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let keys = S3Keys {
            access: Secret::new(b"AKIAIOSFODNN7EXAMPLE".to_vec()),
            secret: Secret::new(b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_vec()),
        };
        let body = digest(body);
        let fixed = [
            ("host", "examplebucket.s3.amazonaws.com"),
            ("x-amz-content-sha256", body.as_str()),
            ("x-amz-date", "20130524T000000Z"),
        ];
        let mut headers: Vec<(String, String)> =
            fixed.iter().chain(headers).map(|(name, value)| (name.to_string(), value.to_string())).collect();
        headers.sort();
        let request = Signed { method, path, query, headers: &headers, body: &body };
        let value =
            authorization(&request, &keys, "us-east-1", "20130524T000000Z").expect("it can be signed");
        value.rsplit_once("Signature=").expect("a signature").1.to_owned()
    }

    #[test]
    fn the_examples_of_the_reference_have_its_signatures() {
        let get = signature("GET", "/test.txt", "", &[("range", "bytes=0-9")], b"");
        assert_eq!(get, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
        let headers =
            [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")];
        let put = signature("PUT", "/test%24file.text", "", &headers, b"Welcome to Amazon S3.");
        assert_eq!(put, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
        let lifecycle = signature("GET", "/", "lifecycle=", &[], b"");
        assert_eq!(lifecycle, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
        let list = signature("GET", "/", "max-keys=2&prefix=J", &[], b"");
        assert_eq!(list, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
    }

    #[test]
    fn whatever_of_a_request_is_changed_changes_its_signature() {
        let of = |method, path, query, body| signature(method, path, query, &[], body);
        let one = of("GET", "/a", "x=1", b"b");
        for other in
            [of("PUT", "/a", "x=1", b"b"), of("GET", "/b", "x=1", b"b"), of("GET", "/a", "x=2", b"b")]
        {
            assert_ne!(one, other);
        }
        assert_ne!(one, of("GET", "/a", "x=1", b"c"));
        assert_ne!(one, signature("GET", "/a", "x=1", &[("if-match", "\"e\"")], b"b"));
    }

    #[test]
    fn an_access_key_that_could_add_a_field_is_not_sent() {
        for bad in ["", "a\nb", "a b", "a,b", "a/b", "ä"] {
            let keys = S3Keys { access: Secret::new(bad.into()), secret: Secret::new(b"s".to_vec()) };
            let request = Signed { method: "GET", path: "/", query: "", headers: &[], body: "" };
            let refused = authorization(&request, &keys, "us-east-1", "20130524T000000Z");
            assert!(matches!(refused, Err(WireError::Authentication(_))), "{bad:?}");
        }
    }
}
