//! Signatures that our own signer refuses to make.

use std::fs;
use std::time::Duration;

use fabric_evidence::{key, verify};
use sequoia_openpgp::cert::{CertBuilder, CipherSuite};
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::packet::signature::subpacket::NotationDataFlags;
use sequoia_openpgp::serialize::Serialize as _;
use sequoia_openpgp::types::{HashAlgorithm, KeyFlags, SignatureType};
use sequoia_openpgp::{Cert, Packet, armor};

use crate::sample::{entry, later, start};
use crate::victim::Victim;

struct Forge {
    cert: Cert,
}

impl Forge {
    fn trusted_by(victim: &Victim, cert: Cert) -> Self {
        victim.bench.add_certificate("b", &key::public_armored(&cert).expect("a certificate"));
        let both = entry("a", victim.bench.signer.fingerprint(), &["site-dev"], "")
            + &entry("b", &key::fingerprint(&cert).expect("version 4"), &["site-dev"], "");
        victim.bench.write_trust(&both);
        Self { cert }
    }

    fn builder(hash: HashAlgorithm) -> SignatureBuilder {
        let readable = NotationDataFlags::empty().set_human_readable();
        SignatureBuilder::new(SignatureType::Binary)
            .set_hash_algo(hash)
            .set_signature_creation_time(start() + Duration::from_secs(9))
            .and_then(|b| b.set_notation("role@fabric.samakia.net", "site-dev", readable.clone(), false))
            .and_then(|b| b.set_notation("intent@fabric.samakia.net", "countersign", readable, false))
            .expect("a signature")
    }

    /// Signs with the last secret key of the certificate and says what the verifier finds.
    fn classes(&self, victim: &Victim, builder: SignatureBuilder, hash: HashAlgorithm) -> Vec<&'static str> {
        let key = self.cert.keys().secret().last().expect("a key").key().clone();
        let mut pair = key.into_keypair().expect("no passphrase");
        let mut context = hash.context().expect("supported").for_signature(4);
        context.update(&fs::read(victim.dir.join("manifest.sha256")).expect("there"));
        let signature = builder
            .set_issuer_fingerprint(self.cert.keys().secret().last().expect("a key").key().fingerprint())
            .and_then(|b| b.sign_hash(&mut pair, context))
            .expect("signed");
        let mut writer = armor::Writer::new(Vec::new(), armor::Kind::Signature).expect("a writer");
        Packet::from(signature).serialize(&mut writer).expect("room");
        let name = format!("signatures/{}.asc", key::fingerprint(&self.cert).expect("version 4"));
        victim.write(&name, writer.finalize().expect("room"));
        match verify(&victim.dir, &victim.bench.trust(), later()) {
            Ok(verified) => {
                assert_eq!(verified.signers.len(), 2);
                Vec::new()
            }
            Err(findings) => findings.iter().map(|f| f.class).collect(),
        }
    }
}

pub(crate) fn certificate() -> CertBuilder<'static> {
    CertBuilder::new()
        .set_cipher_suite(CipherSuite::Cv25519)
        .set_creation_time(start() - Duration::from_secs(60))
        .add_userid("b")
}

pub(crate) fn generated(builder: CertBuilder<'_>) -> Cert {
    builder.generate().expect("entropy").0
}

#[test]
fn two_subkeys_of_one_certificate_count_once() {
    let victim = Victim::new();
    let forge =
        Forge::trusted_by(&victim, generated(certificate().add_signing_subkey().add_signing_subkey()));
    let sha = HashAlgorithm::SHA512;
    assert!(forge.classes(&victim, Forge::builder(sha), sha).is_empty());
    let subkey =
        forge.cert.keys().secret().last().expect("a key").key().fingerprint().to_hex().to_lowercase();
    let under_own_name = fs::read(
        victim.dir.join(format!("signatures/{}.asc", key::fingerprint(&forge.cert).expect("version 4"))),
    )
    .expect("there");
    victim.write(&format!("signatures/{subkey}.asc"), under_own_name);
    assert_eq!(victim.classes(), ["signature.file_name"]);
}

#[test]
fn an_expired_certificate_is_refused() {
    let victim = Victim::new();
    let brief = certificate().set_validity_period(Duration::from_secs(600)).add_signing_subkey();
    let forge = Forge::trusted_by(&victim, generated(brief));
    let sha = HashAlgorithm::SHA512;
    assert_eq!(forge.classes(&victim, Forge::builder(sha), sha), ["signature.expired"]);
}

#[test]
fn an_expired_subkey_is_refused() {
    let victim = Victim::new();
    let brief = certificate().add_subkey(KeyFlags::empty().set_signing(), Duration::from_secs(600), None);
    let forge = Forge::trusted_by(&victim, generated(brief));
    let sha = HashAlgorithm::SHA512;
    assert_eq!(forge.classes(&victim, Forge::builder(sha), sha), ["signature.expired"]);
}

#[test]
fn a_certificate_revoked_by_its_holder_is_refused() {
    let victim = Victim::new();
    let (cert, revocation) = certificate().add_signing_subkey().generate().expect("entropy");
    let forge = Forge::trusted_by(&victim, cert.insert_packets(revocation).expect("its own revocation").0);
    let sha = HashAlgorithm::SHA512;
    assert_eq!(forge.classes(&victim, Forge::builder(sha), sha), ["signature.revoked"]);
}

#[test]
fn a_key_that_is_not_meant_for_signing_is_refused() {
    let victim = Victim::new();
    let forge = Forge::trusted_by(&victim, generated(certificate().add_authentication_subkey()));
    let sha = HashAlgorithm::SHA512;
    assert_eq!(forge.classes(&victim, Forge::builder(sha), sha), ["signature.bad"]);
}

#[test]
fn a_weak_hash_is_refused() {
    let victim = Victim::new();
    let forge = Forge::trusted_by(&victim, generated(certificate().add_signing_subkey()));
    let sha = HashAlgorithm::SHA1;
    assert_eq!(forge.classes(&victim, Forge::builder(sha), sha), ["signature.bad"]);
}

#[test]
fn an_unknown_critical_notation_is_refused() {
    let victim = Victim::new();
    let forge = Forge::trusted_by(&victim, generated(certificate().add_signing_subkey()));
    let sha = HashAlgorithm::SHA512;
    let builder = Forge::builder(sha).set_notation("must@example.org", "x", None, true).expect("a notation");
    assert_eq!(forge.classes(&victim, builder, sha), ["signature.bad"]);
}

#[test]
fn a_missing_or_doubled_role_is_refused() {
    let victim = Victim::new();
    let forge = Forge::trusted_by(&victim, generated(certificate().add_signing_subkey()));
    let sha = HashAlgorithm::SHA512;
    let doubled =
        Forge::builder(sha).add_notation("role@fabric.samakia.net", "x", None, false).expect("a notation");
    assert_eq!(forge.classes(&victim, doubled, sha), ["signature.notation"]);
    let without = SignatureBuilder::new(SignatureType::Binary)
        .set_hash_algo(sha)
        .set_signature_creation_time(start() + Duration::from_secs(9))
        .expect("a time");
    assert_eq!(forge.classes(&victim, without, sha), ["signature.notation"]);
}

#[test]
fn unsigned_subpackets_are_refused() {
    use sequoia_openpgp::packet::signature::subpacket::{Subpacket, SubpacketValue};
    let victim = Victim::new();
    let bytes = fs::read(&victim.signature).expect("there");
    let packet = <Packet as sequoia_openpgp::parse::Parse<Packet>>::from_bytes(&bytes).expect("a packet");
    let Packet::Signature(mut signature) = packet else { panic!("a signature") };
    let keyid = victim.bench.signer.fingerprint().as_str()[24..].parse().expect("a key id");
    let unsigned = Subpacket::new(SubpacketValue::Issuer(keyid), false).expect("a subpacket");
    signature.unhashed_area_mut().add(unsigned).expect("room");
    let mut writer = armor::Writer::new(Vec::new(), armor::Kind::Signature).expect("a writer");
    Packet::from(signature).serialize(&mut writer).expect("room");
    fs::write(&victim.signature, writer.finalize().expect("room")).expect("room");
    assert_eq!(victim.classes(), ["signature.spelling"]);
}
