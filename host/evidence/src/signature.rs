//! Detached OpenPGP signatures over a manifest, in one strict spelling.
//!
//! An armored file has parts that no signature covers: headers, checksums, line lengths, unhashed subpackets. A sealed packet
//! has no room for anything unsigned, so a signature file is read by parsing it, writing it again, and comparing the bytes.

use std::io::Write as _;
use std::time::SystemTime;

use sequoia_openpgp as openpgp;

use openpgp::armor;
use openpgp::packet::Signature;
use openpgp::packet::signature::SignatureBuilder;
use openpgp::packet::signature::subpacket::NotationDataFlags;
use openpgp::parse::Parse as _;
use openpgp::serialize::Serialize as _;
use openpgp::types::{HashAlgorithm, SignatureType};
use openpgp::{Packet, PacketPile};

/// The notation that holds the role in which somebody signs.
pub const ROLE: &str = "role@fabric.samakia.net";

/// The notation that holds what the signature means, such as `seal`.
pub const INTENT: &str = "intent@fabric.samakia.net";

/// The intent of whoever sealed a packet of his own run.
pub const SEAL: &str = "seal";

/// The intent of whoever sealed what a killed run left, or put back what it changed.
pub const RECOVER: &str = "recover";

/// The intent of whoever signs what somebody else sealed.
pub const COUNTERSIGN: &str = "countersign";

/// The largest signature file that is read, in bytes. One by Ed25519 has under 700.
pub const FILE_LIMIT: u64 = 16 << 10;

/// Why a file is not a signature in the one spelling.
#[derive(Debug, thiserror::Error)]
pub enum NotASignature {
    /// It cannot be parsed.
    #[error("it is not an OpenPGP signature: {0}")]
    Unreadable(String),
    /// It holds more or less than one version 4 signature over binary data.
    #[error("it is not exactly one signature over binary data")]
    Shape,
    /// It has unsigned subpackets, or the armor is spelt in another way.
    #[error("it holds bytes that no signature covers")]
    Spelling,
    /// A notation is missing, stands twice, or is not text.
    #[error("the notation `{0}` does not stand in it exactly once, as text")]
    Notation(&'static str),
}

/// Signs bytes in a role and with an intent.
pub(crate) fn sign(
    signer: &mut dyn openpgp::crypto::Signer,
    manifest: &[u8],
    role: &str,
    intent: &str,
    at: SystemTime,
) -> openpgp::Result<Vec<u8>> {
    let fingerprint = signer.public().fingerprint();
    let readable = NotationDataFlags::empty().set_human_readable();
    // Not critical: gpg knows no notation and would refuse the signature.
    let signature = SignatureBuilder::new(SignatureType::Binary)
        .set_hash_algo(HashAlgorithm::SHA512)
        .set_signature_creation_time(at)?
        .set_issuer_fingerprint(fingerprint)?
        .set_notation(ROLE, role, readable.clone(), false)?
        .set_notation(INTENT, intent, readable, false)?
        .sign_message(signer, manifest)?;
    armored(&signature)
}

/// The one spelling of a signature.
pub(crate) fn armored(signature: &Signature) -> openpgp::Result<Vec<u8>> {
    let mut writer = armor::Writer::new(Vec::new(), armor::Kind::Signature)?;
    Packet::from(signature.clone()).serialize(&mut writer)?;
    writer.flush()?;
    Ok(writer.finalize()?)
}

/// Reads a signature file.
///
/// # Errors
/// When the file is anything but one signature in its one spelling.
pub(crate) fn read(bytes: &[u8]) -> Result<Signature, NotASignature> {
    let signature = only(bytes)?;
    let spelling = armored(&signature).map_err(|e| NotASignature::Unreadable(e.to_string()))?;
    if spelling != bytes || signature.unhashed_area().iter().next().is_some() {
        return Err(NotASignature::Spelling);
    }
    Ok(signature)
}

/// Reads a signature that another program made, armored or not, without what it leaves unsigned in it.
///
/// # Errors
/// When it is anything but one signature over binary data.
pub(crate) fn adopt(bytes: &[u8]) -> Result<Signature, NotASignature> {
    let mut signature = only(bytes)?;
    signature.unhashed_area_mut().clear();
    Ok(signature)
}

fn only(bytes: &[u8]) -> Result<Signature, NotASignature> {
    let pile = PacketPile::from_bytes(bytes).map_err(|e| NotASignature::Unreadable(e.to_string()))?;
    let mut packets = pile.into_children();
    let (Some(Packet::Signature(signature)), None) = (packets.next(), packets.next()) else {
        return Err(NotASignature::Shape);
    };
    if signature.version() != 4 || signature.typ() != SignatureType::Binary {
        return Err(NotASignature::Shape);
    }
    Ok(signature)
}

/// The text of a signed notation that must stand exactly once.
///
/// # Errors
/// When it does not.
pub(crate) fn notation(signature: &Signature, name: &'static str) -> Result<String, NotASignature> {
    let mut values = signature.notation(name);
    match (values.next().map(std::str::from_utf8), values.next()) {
        (Some(Ok(text)), None) => Ok(text.to_owned()),
        _ => Err(NotASignature::Notation(name)),
    }
}
