//! The decision whether a server is the host it is meant to be.

use std::borrow::Cow;
use std::sync::Arc;

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, EcdsaCurve, HashAlg, PublicKeyOrCertificate};

use super::host_names::matches;

/// A key of a `known_hosts` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) key: KeyData,
    pub(super) line: usize,
}

/// What `known_hosts` says of one host.
#[derive(Clone, Debug)]
pub(super) struct TrustedKeys {
    /// The host's name in the site.
    pub(super) host: String,
    /// The name of the `known_hosts`.
    pub(super) file: Arc<str>,
    /// The names under which the host was looked up; a host certificate must name one of them.
    pub(super) names: Vec<String>,
    /// The keys that are pinned.
    pub(super) keys: Vec<Pin>,
    /// The authorities whose host certificates are accepted.
    pub(super) authorities: Vec<Pin>,
    /// The keys that are refused whatever else is said of them.
    pub(super) revoked: Vec<Pin>,
}

/// The types of host key that can be verified, preferred first. RSA is not among them: the only implementation at hand is open to
/// timing attacks (RUSTSEC-2023-0071), and every sshd since 2014 has an Ed25519 key.
const VERIFIABLE: [Algorithm; 4] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
];

impl TrustedKeys {
    /// The types of plain key to ask the server for: those that are pinned. Without any pin all of them, so that the refusal can
    /// name the key that the server offered.
    pub(super) fn key_algorithms(&self) -> Cow<'static, [Algorithm]> {
        if self.keys.is_empty() && self.authorities.is_empty() {
            return Cow::Borrowed(&VERIFIABLE);
        }
        let pinned = |algorithm: &Algorithm| self.keys.iter().any(|pin| pin.key.algorithm() == *algorithm);
        VERIFIABLE.iter().filter(|algorithm| pinned(algorithm)).cloned().collect()
    }

    /// The types of certificate to ask the server for: all when an authority is trusted, else none.
    pub(super) fn certificate_algorithms(&self) -> Cow<'static, [Algorithm]> {
        Cow::Borrowed(if self.authorities.is_empty() { &[] } else { &VERIFIABLE })
    }

    /// Why no connection can succeed, before one is made.
    pub(super) fn unusable(&self) -> Option<String> {
        let nothing = self.key_algorithms().is_empty() && self.certificate_algorithms().is_empty();
        nothing.then(|| {
            format!(
                "only keys of types that are not verified are pinned ({}); pin its Ed25519 key",
                self.pins()
            )
        })
    }

    /// Decides on what the server offers and has proven to hold.
    ///
    /// # Errors
    /// The reason for the refusal, with the fingerprint offered and those expected.
    pub(super) fn check(&self, offered: &PublicKeyOrCertificate) -> Result<(), String> {
        match offered {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.check_key(key.key_data()),
            PublicKeyOrCertificate::Certificate(certificate) => self.check_certificate(certificate),
        }
    }

    fn check_key(&self, key: &KeyData) -> Result<(), String> {
        let offered = describe(key);
        self.check_revoked(key, &format!("it offers {offered}, which"))?;
        if self.keys.iter().any(|pin| pin.key == *key) {
            return Ok(());
        }
        if self.keys.is_empty() {
            return Err(format!("it offers {offered}, but no key is pinned for it in {}", self.file));
        }
        Err(format!("it offers {offered}, but pinned is {}", self.pins()))
    }

    fn check_certificate(&self, certificate: &Certificate) -> Result<(), String> {
        let authority = certificate.signature_key();
        let offered = format!(
            "it offers a certificate for {} signed by {}, which",
            describe(certificate.public_key()),
            describe(authority)
        );
        self.check_revoked(certificate.public_key(), &offered)?;
        self.check_revoked(authority, &offered)?;
        if certificate.cert_type() != CertType::Host {
            return Err(format!("{offered} is not a host certificate"));
        }
        if !certificate.critical_options().is_empty() {
            return Err(format!("{offered} has critical options, of which hosts have none"));
        }
        let principals = certificate.valid_principals();
        let named = |name: &String| {
            principals.iter().any(|p| matches(p.to_ascii_lowercase().as_bytes(), name.as_bytes()))
        };
        if !self.names.iter().any(named) {
            let names = printable(&principals.join(", "));
            return Err(format!("{offered} is for other hosts: {names}"));
        }
        let fingerprints: Vec<_> =
            self.authorities.iter().map(|pin| pin.key.fingerprint(HashAlg::Sha256)).collect();
        certificate.validate(&fingerprints).map_err(|_| {
            format!("{offered} is expired, damaged, or not by an authority pinned in {}", self.file)
        })
    }

    fn check_revoked(&self, key: &KeyData, offered: &str) -> Result<(), String> {
        match self.revoked.iter().find(|pin| pin.key == *key) {
            Some(pin) => Err(format!("{offered} is revoked ({}:{})", self.file, pin.line)),
            None => Ok(()),
        }
    }

    /// The pinned keys with where they stand, for messages.
    pub(super) fn pins(&self) -> String {
        let keys = self.keys.iter().map(|pin| format!("{} ({}:{})", describe(&pin.key), self.file, pin.line));
        let authorities = self
            .authorities
            .iter()
            .map(|pin| format!("a certificate by {} ({}:{})", describe(&pin.key), self.file, pin.line));
        keys.chain(authorities).collect::<Vec<_>>().join(" or ")
    }
}

/// A key's type and fingerprint, as `ssh-keygen -l` prints them.
fn describe(key: &KeyData) -> String {
    format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256))
}

/// Text of the server's, fit for a message: printable and short.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::{Duration, SystemTime};

    use fabric_wire::endpoint::SshHost;
    use russh::keys::ssh_key::certificate::Builder;
    use russh::keys::{PrivateKey, PublicKey};

    use super::super::KnownHosts;
    use super::*;

    pub(in crate::ssh) const ED25519_A: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    pub(in crate::ssh) const ED25519_B: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK2pr+Bfus1hvPof4Wb/plZCzSbqadHH0u+/f4ODtKnE";
    pub(in crate::ssh) const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc=";

    pub(in crate::ssh) fn host_at(name: &str, address: &str) -> SshHost {
        let slug = |text: &str| text.parse().expect("a name");
        let address = address.parse().expect("an address with a port");
        SshHost { name: slug(name), address, user: slug("samakia"), jump: Vec::new() }
    }

    pub(in crate::ssh) fn offered(key: &str) -> PublicKeyOrCertificate {
        PublicKey::from_openssh(key).expect("a key").into()
    }

    fn authority() -> PrivateKey {
        PrivateKey::new(russh::keys::ssh_key::private::Ed25519Keypair::from_seed(&[7; 32]).into(), "")
            .expect("a key")
    }

    fn trusted(extra: &str) -> TrustedKeys {
        let ca = authority().public_key().to_openssh().expect("encodes");
        let text = format!("@cert-authority edge {ca}\n{extra}");
        KnownHosts::parse("known_hosts", &text)
            .expect("well-formed")
            .trusted_for(&host_at("edge", "192.0.2.1:22"))
    }

    /// A certificate by `signer` over key A that is valid for an hour from `from`.
    fn certificate(
        signer: &PrivateKey,
        kind: CertType,
        principal: &str,
        from: SystemTime,
    ) -> PublicKeyOrCertificate {
        let key = PublicKey::from_openssh(ED25519_A).expect("a key");
        let until = from + Duration::from_secs(3600);
        let mut builder = Builder::new([1; 32], key, unix(from), unix(until)).expect("a validity");
        builder.cert_type(kind).expect("a type");
        builder.valid_principal(principal).expect("a principal");
        builder.sign(signer).expect("signs").into()
    }

    fn unix(time: SystemTime) -> u64 {
        time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs()
    }

    fn now() -> SystemTime {
        SystemTime::now() - Duration::from_secs(60)
    }

    #[test]
    fn a_certificate_by_the_pinned_authority_is_accepted() {
        assert_eq!(trusted("").check(&certificate(&authority(), CertType::Host, "edge", now())), Ok(()));
    }

    #[test]
    fn any_flaw_of_a_certificate_refuses_it() {
        let other =
            PrivateKey::new(russh::keys::ssh_key::private::Ed25519Keypair::from_seed(&[8; 32]).into(), "")
                .expect("a key");
        let hour = Duration::from_secs(3600);
        let flawed = [
            ("by an authority", certificate(&other, CertType::Host, "edge", now())),
            ("not a host certificate", certificate(&authority(), CertType::User, "edge", now())),
            ("other hosts", certificate(&authority(), CertType::Host, "edge2", now())),
            ("expired", certificate(&authority(), CertType::Host, "edge", now() - 2 * hour)),
            ("expired", certificate(&authority(), CertType::Host, "edge", now() + 2 * hour)),
        ];
        for (flaw, certificate) in flawed {
            let refused = trusted("").check(&certificate);
            assert!(refused.as_ref().is_err_and(|reason| reason.contains(flaw)), "{flaw}: {refused:?}");
        }
    }

    #[test]
    fn revoking_the_key_or_the_authority_refuses_the_certificate() {
        let ca = authority().public_key().to_openssh().expect("encodes");
        for revoked in [ED25519_A, &ca] {
            let trusted = trusted(&format!("@revoked * {revoked}\n"));
            let refused = trusted.check(&certificate(&authority(), CertType::Host, "edge", now()));
            assert!(refused.as_ref().is_err_and(|reason| reason.contains("revoked")), "{refused:?}");
        }
    }

    #[test]
    fn only_pinned_types_are_asked_for() {
        let of = |text: &str| {
            let known = KnownHosts::parse("known_hosts", text).expect("well-formed");
            known.trusted_for(&host_at("edge", "192.0.2.1:22"))
        };
        assert_eq!(*of(&format!("edge {ED25519_A}\n")).key_algorithms(), [Algorithm::Ed25519]);
        assert_eq!(
            *of(&format!("edge {ECDSA}\n")).key_algorithms(),
            [Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }]
        );
        assert!(of(&format!("edge {ED25519_A}\n")).certificate_algorithms().is_empty());
        assert_eq!(of("").key_algorithms().len(), 4);
    }

    #[test]
    fn a_refusal_names_both_fingerprints_and_the_line() {
        let known = KnownHosts::parse("known_hosts", &format!("\nedge {ED25519_A}\n")).expect("well-formed");
        let refused = known
            .trusted_for(&host_at("edge", "192.0.2.1:22"))
            .check(&offered(ED25519_B))
            .expect_err("other key");
        let print =
            |key: &str| PublicKey::from_openssh(key).expect("a key").fingerprint(HashAlg::Sha256).to_string();
        assert!(refused.contains(&print(ED25519_B)) && refused.contains(&print(ED25519_A)), "{refused}");
        assert!(refused.contains("known_hosts:2"), "{refused}");
    }
}
