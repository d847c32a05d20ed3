//! The trust file, and the certificate that it names.

use std::io;
use std::path::Path;

use fabric_evidence::Trust;

use super::header::stand_in;

const CERTIFICATE: &[u8] = include_bytes!("../../../../evidence/vectors/certs/a.asc");

/// What stands between the trust file and a certificate: the record separator of ASCII, which neither has.
const BETWEEN: u8 = 0x1e;

/// The text of a trust file, and behind a separator the certificate `b.asc`; `a.asc` is a good one. Nobody is trusted under a
/// fingerprint that is not his certificate's.
pub fn run(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == BETWEEN);
    let Ok(text) = std::str::from_utf8(parts.next().unwrap_or_default()) else { return };
    let other = parts.next().unwrap_or_default();
    let read = Trust::parse("trust.toml", text, |path: &Path| match path.to_str() {
        Some("certs/a.asc") => Ok(CERTIFICATE.to_vec()),
        Some("certs/b.asc") => Ok(other.to_vec()),
        _ => Err(io::ErrorKind::NotFound.into()),
    });
    match read {
        Ok(trust) => {
            for principal in trust.principals() {
                let found = trust.principal(&principal.fingerprint).expect("it is there");
                assert_eq!(found.fingerprint, principal.fingerprint);
                let _ = trust.roles_of(&principal.fingerprint);
                assert!(text.to_lowercase().replace(' ', "").contains(principal.fingerprint.as_str()));
            }
        }
        Err(errors) => stand_in(text, &errors),
    }
}
