//! Who signs the vectors, who stamps them, and the trust files that know them.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use fabric_evidence::sidecar::add_timestamp;
use fabric_evidence::signer::{Elsewhere, Request};
use fabric_evidence::timestamp::{Query, accept};
use fabric_evidence::{Fingerprint, Signer, Trust, key};
use sequoia_openpgp::cert::{CertBuilder, CipherSuite};
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::packet::signature::subpacket::NotationDataFlags;
use sequoia_openpgp::serialize::Serialize as _;
use sequoia_openpgp::types::{HashAlgorithm, SignatureType};
use sequoia_openpgp::{Cert, Packet, armor};

use crate::authority::{FOR_TIMESTAMPS, Tsa};
use crate::countersigned::now;
use crate::labels::LEVELS;
use crate::sample::{Bench, entry, new_signer, start};

/// The trust file that takes all good packets.
pub(super) const TRUSTED: &str = "trust.toml";

/// The trust file that says what hangs on a severity, and who prunes.
pub(super) const LEVELLED: &str = "trust-levels.toml";

/// The others: the name, and what stands at the end of the first principal's entry, and of the file.
const FILES: &[(&str, &str, &str)] = &[
    (TRUSTED, "", ""),
    ("trust-revoked.toml", "revoked = true\n", ""),
    ("trust-ended.toml", "valid_until = 2026-01-01T00:00:05Z\n", ""),
    ("trust-to-come.toml", "valid_from = 2036-01-01T00:00:00Z\n", ""),
    ("trust-legal.toml", "", "[[require]]\ncountersigned_as = [\"legal\"]\n"),
    ("trust-two.toml", "", "[[require]]\ncountersigned_as = [\"security\", \"security\"]\n"),
    ("trust-timestamps.toml", "", "[[require]]\ntimestamps = true\n"),
    ("trust-statement.toml", "", "[[require]]\nstatement = true\n"),
];

/// Trust files whose timestamp authority is another, or is one for other policies or times.
const OF_AUTHORITIES: &[(&str, &str, &str)] = &[
    ("trust-other-authority.toml", "other.pem", ""),
    ("trust-other-policy.toml", "root.pem", "policies = [\"1.2.3.4\"]\n"),
    ("trust-authority-ended.toml", "root.pem", "valid_until = 2026-01-01T00:00:05Z\n"),
];

/// Trust files with a table of severities: the name, what of it is otherwise, and what stands behind it.
const OF_LEVELS: &[(&str, (&str, &str), &str)] = &[
    (LEVELLED, ("", ""), ""),
    ("trust-levels-of-others.toml", ("\"commander\"", "\"auditor\""), ""),
    ("trust-classified.toml", ("", ""), "[[require]]\nclassified = true\n"),
];

pub(super) struct Yard {
    pub(super) bench: Rc<Bench>,
    /// `security`.
    pub(super) second: Signer,
    /// `legal`.
    pub(super) third: Signer,
    /// `commander`.
    pub(super) commander: Signer,
    /// `records`.
    pub(super) records: Signer,
    /// `site-dev`, with a key of NIST P-256 that another program has.
    pub(super) card: Signer,
    /// `site-dev`, with a certificate of which the tests make what no signer of ours would.
    pub(super) forger: Cert,
    /// `site-dev`, whose only subkey is not for signing.
    pub(super) idle: Cert,
    /// `site-dev`, whose certificate is expired.
    pub(super) expired: Cert,
    /// `site-dev`, who revoked his certificate.
    pub(super) revoked: Cert,
    pub(super) tsa: Tsa,
    other: Tsa,
}

/// Somebody's name, role, and certificate.
type Known<'a> = (&'a str, &'a str, (Fingerprint, Vec<u8>));

/// A program that signs what it is given, as a card would.
struct Card(Cert);

impl Elsewhere for Card {
    fn name(&self) -> String {
        "card".to_owned()
    }

    fn sign(&self, request: &Request<'_>) -> Result<Vec<u8>, String> {
        let builder = notations(request.role, request.intent, HashAlgorithm::SHA256, now());
        Ok(signed(&self.0, builder, HashAlgorithm::SHA256, request.bytes))
    }
}

/// A signature with these notations, not yet made.
pub(super) fn notations(role: &str, intent: &str, hash: HashAlgorithm, at: SystemTime) -> SignatureBuilder {
    let readable = NotationDataFlags::empty().set_human_readable();
    SignatureBuilder::new(SignatureType::Binary)
        .set_hash_algo(hash)
        .set_signature_creation_time(at)
        .and_then(|b| b.set_notation("role@fabric.samakia.net", role, readable.clone(), false))
        .and_then(|b| b.set_notation("intent@fabric.samakia.net", intent, readable, false))
        .expect("a signature")
}

/// Made with the last secret key of a certificate, armored.
pub(super) fn signed(cert: &Cert, builder: SignatureBuilder, hash: HashAlgorithm, bytes: &[u8]) -> Vec<u8> {
    let key = cert.keys().secret().last().expect("a key").key().clone();
    let fingerprint = key.fingerprint();
    let mut pair = key.into_keypair().expect("no passphrase");
    let mut context = hash.context().expect("supported").for_signature(4);
    context.update(bytes);
    let signature = builder
        .set_issuer_fingerprint(fingerprint)
        .and_then(|b| b.sign_hash(&mut pair, context))
        .expect("signed");
    let mut writer = armor::Writer::new(Vec::new(), armor::Kind::Signature).expect("a writer");
    Packet::from(signature).serialize(&mut writer).expect("room");
    writer.finalize().expect("room")
}

fn generated(suite: CipherSuite) -> CertBuilder<'static> {
    CertBuilder::new()
        .set_profile(sequoia_openpgp::Profile::RFC4880)
        .expect("a profile")
        .set_cipher_suite(suite)
        .set_creation_time(start() - std::time::Duration::from_secs(60))
        .add_userid("Vectors <vectors@samakia.example>")
}

impl Yard {
    pub(super) fn new() -> Self {
        let made = |builder: CertBuilder<'_>| builder.generate().expect("entropy").0;
        let of_card = made(generated(CipherSuite::P256).add_signing_subkey());
        let public = key::public_armored(&of_card).expect("a certificate");
        let card = Signer::elsewhere(Path::new("card.asc"), &public, Arc::new(Card(of_card)))
            .expect("a certificate");
        let brief = generated(CipherSuite::Cv25519).set_validity_period(std::time::Duration::from_secs(600));
        let (left, revocation) =
            generated(CipherSuite::Cv25519).add_signing_subkey().generate().expect("entropy");
        let yard = Self {
            bench: Rc::new(Bench::new()),
            second: new_signer(),
            third: new_signer(),
            commander: new_signer(),
            records: new_signer(),
            card,
            forger: made(generated(CipherSuite::Cv25519).add_signing_subkey()),
            idle: made(generated(CipherSuite::Cv25519).add_authentication_subkey()),
            expired: made(brief.add_signing_subkey()),
            revoked: left.insert_packets(revocation).expect("its own revocation").0,
            tsa: Tsa::new("ec", FOR_TIMESTAMPS),
            other: Tsa::new("rsa", FOR_TIMESTAMPS),
        };
        yard.keep_trust(yard.bench.dir.path());
        yard
    }

    /// The trust file of this name.
    pub(super) fn trust(&self, name: &str) -> Trust {
        Trust::load(&self.bench.path(name)).expect(name)
    }

    /// Writes the trust files and what they name.
    pub(super) fn keep_trust(&self, folder: &Path) {
        let certs = folder.join("certs");
        fs::create_dir_all(&certs).expect("room");
        let public = |cert: &Cert| key::public_armored(cert).expect("a certificate");
        let of =
            |signer: &Signer| (signer.fingerprint().clone(), signer.public_armored().expect("a certificate"));
        let by_cert = |cert: &Cert| (key::fingerprint(cert).expect("version 4"), public(cert));
        let people: [Known<'_>; 10] = [
            ("a", "site-dev", of(&self.bench.signer)),
            ("b", "security", of(&self.second)),
            ("c", "legal", of(&self.third)),
            ("d", "commander", of(&self.commander)),
            ("e", "records", of(&self.records)),
            ("card", "site-dev", of(&self.card)),
            ("forger", "site-dev", by_cert(&self.forger)),
            ("idle", "site-dev", by_cert(&self.idle)),
            ("expired", "site-dev", by_cert(&self.expired)),
            ("revoked", "site-dev", by_cert(&self.revoked)),
        ];
        for (name, _, (_, armored)) in &people {
            fs::write(certs.join(format!("{name}.asc")), armored).expect("room");
        }
        fs::write(folder.join("root.pem"), self.tsa.root()).expect("room");
        fs::write(folder.join("other.pem"), self.other.root()).expect("room");
        let text = |first: &str, root: &str, of_authority: &str, more: &str| {
            let entries = people.iter().map(|(name, role, (fingerprint, _))| {
                entry(name, fingerprint, &[role], if *name == "a" { first } else { "" })
            });
            let authority =
                format!("[[timestamp_authority]]\nname = \"tsa\"\ncertificates = \"{root}\"\n{of_authority}");
            format!("format = 1\n{}{authority}\n{more}", entries.collect::<String>())
        };
        for (name, first, more) in FILES {
            fs::write(folder.join(name), text(first, "root.pem", "", more)).expect("room");
        }
        for (name, (from, to), more) in OF_LEVELS {
            let levels = if from.is_empty() { LEVELS.to_owned() } else { LEVELS.replace(from, to) };
            fs::write(folder.join(name), text("", "root.pem", "", &(levels + more))).expect("room");
        }
        for (name, root, of_authority) in OF_AUTHORITIES {
            fs::write(folder.join(name), text("", root, of_authority, "")).expect("room");
        }
    }

    /// Has a signature stamped.
    pub(super) fn stamp(&self, signature: &Path) {
        let bytes = fs::read(signature).expect("there");
        let query = Query::about(&bytes, None, [7; 8]).expect("a query");
        let (asked, kept) = self.answer(&bytes, &query);
        add_timestamp(signature, &asked, &kept).expect("room");
    }

    /// What the authority is asked, and what is kept of its answer.
    pub(super) fn answer(&self, signature: &[u8], query: &Query) -> (Vec<u8>, Vec<u8>) {
        let asked = query.to_der().expect("bytes");
        let answer = self.tsa.answer(&asked);
        let (_, kept) =
            accept(&answer, query, signature, &[self.tsa.trusted()], now()).expect("it is honest");
        (asked, kept)
    }

    /// Where the signature of somebody lies.
    pub(super) fn signature(packet: &Path, signer: &Signer) -> PathBuf {
        packet.join(format!("signatures/{}.asc", signer.fingerprint()))
    }
}
