//! Statements outside every packet: bytes with a detached signature beside them, such as an approval, a freeze, or a policy file.
//!
//! A signature says what it means: one that was given to seal a packet approves nothing, and an approval lifts no freeze.

pub(crate) mod shelf;

use std::time::SystemTime;

use crate::timestamp::Attested;
use crate::trust::Trust;
use crate::verify::{Finding, SignedBy, signatures};

/// Who signed a statement: somebody trusted, in a role of his, with this intent.
///
/// # Errors
/// Why the signature does not count, in the classes of a packet's signatures.
pub fn verify(
    statement: &[u8],
    signature: &[u8],
    intent: &str,
    trust: &Trust,
    now: SystemTime,
) -> Result<SignedBy, Finding> {
    attested(statement, signature, intent, trust, None, now)
}

/// The same, with somebody else's word for the time of the signature.
pub(crate) fn attested(
    statement: &[u8],
    signature: &[u8],
    intent: &str,
    trust: &Trust,
    attested: Option<Attested>,
    now: SystemTime,
) -> Result<SignedBy, Finding> {
    let signed = signatures::detached(signature, statement, trust, attested, now)
        .map_err(|(class, message)| Finding { class, path: None, message })?;
    if signed.intent == intent {
        return Ok(signed);
    }
    let message = format!("the signature was given to `{}`, not to `{intent}`", signed.intent);
    Err(Finding { class: "signature.intent", path: None, message })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::key;
    use crate::signer::Signer;

    fn signer(now: SystemTime) -> (Signer, Vec<u8>) {
        let cert = key::generate("tests <tests@localhost>", now).expect("entropy");
        (Signer::from_cert(cert.clone()).expect("it can sign"), key::public_armored(&cert).expect("a key"))
    }

    fn trust(signer: &Signer, public: &[u8], more: &str) -> Trust {
        let text = format!(
            "format = 1\n[[principal]]\nname = \"Ada\"\ncertificate = \"ada.asc\"\nfingerprint = \"{}\"\n\
             roles = [\"approver\"]\n{more}",
            signer.fingerprint()
        );
        Trust::parse("trust.toml", &text, |_: &Path| Ok(public.to_vec())).expect("a trust file")
    }

    #[test]
    fn a_statement_counts_for_what_was_signed_and_nothing_else() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let ((ada, public), (eve, _)) = (signer(now), signer(now));
        let trusted = trust(&ada, &public, "");
        let signature = ada.sign(b"statement", "approver", "approve", now).expect("a signature");
        let verify = |statement: &[u8], signature: &[u8], intent: &str, trust: &Trust| {
            super::verify(statement, signature, intent, trust, now).map_err(|finding| finding.class)
        };
        let signed = verify(b"statement", &signature, "approve", &trusted).expect("it is good");
        assert_eq!((signed.name.as_str(), signed.role.as_str()), ("Ada", "approver"));
        assert_eq!(signed.fingerprint, *ada.fingerprint());
        assert_eq!(verify(b"Statement", &signature, "approve", &trusted), Err("signature.bad"));
        assert_eq!(verify(b"statement", &signature, "seal", &trusted), Err("signature.intent"));
        let revoked = trust(&ada, &public, "revoked = true\n");
        assert_eq!(verify(b"statement", &signature, "approve", &revoked), Err("signature.revoked"));
        let by_eve = eve.sign(b"statement", "approver", "approve", now).expect("a signature");
        assert_eq!(verify(b"statement", &by_eve, "approve", &trusted), Err("signature.unknown_signer"));
        let as_admin = ada.sign(b"statement", "policy-admin", "approve", now).expect("a signature");
        assert_eq!(verify(b"statement", &as_admin, "approve", &trusted), Err("signature.role"));
        assert_eq!(verify(b"statement", b"nothing", "approve", &trusted), Err("signature.form"));
    }
}
