//! That somebody trusted signed the manifest, in a role that is his.

use std::time::SystemTime;

use sequoia_openpgp as openpgp;

use fabric_model::Slug;
use openpgp::cert::amalgamation::ValidAmalgamation as _;
use openpgp::packet::Signature;
use openpgp::parse::Parse as _;
use openpgp::parse::stream::{
    DetachedVerifierBuilder, MessageLayer, MessageStructure, VerificationError, VerificationHelper,
};
use openpgp::policy::StandardPolicy;
use openpgp::types::RevocationStatus;
use openpgp::{Cert, KeyHandle};

use super::tree::Tree;
use super::{Finding, SignedBy};
use crate::attestation::PublicKey;
use crate::fingerprint::Fingerprint;
use crate::head::Act;
use crate::manifest::SIGNATURES;
use crate::record::RunRecord;
use crate::signature::{self, NotASignature};
use crate::stamp::Stamp;
use crate::timestamp::{self, Attested, Query};
use crate::trust::{Trust, Trusted};

/// Checks every signature file; each must be good, and there must be one by the run's principal. A certificate has one file, so
/// it counts once, however many subkeys it has.
pub(super) fn check(
    tree: &Tree,
    manifest: &[u8],
    trust: &Trust,
    run: Option<&RunRecord>,
    now: SystemTime,
    findings: &mut Vec<Finding>,
) -> Vec<SignedBy> {
    let mut signers = Vec::new();
    let mut files = 0;
    for path in tree.signatures() {
        files += 1;
        let Some(bytes) = tree.read_up_to(path, signature::FILE_LIMIT, findings) else { continue };
        let Ok(attested) = attested(tree, path, &bytes, trust, now, findings) else { continue };
        match one(path, &bytes, manifest, trust, attested, now) {
            Ok(signer) => signers.push(signer),
            Err((class, message)) => findings.push(Finding::new(class, path, message)),
        }
    }
    if files == 0 {
        findings.push(Finding::whole("signature.missing", "nobody signed the packet"));
    }
    let Some(run) = run else { return signers };
    for signer in &signers {
        let expected = if signer.fingerprint == *sealer(run) { sealing(run) } else { signature::COUNTERSIGN };
        if signer.intent != expected {
            let message =
                format!("it was given to `{}`, and here it should be to `{expected}`", signer.intent);
            let path = format!("{SIGNATURES}{}.asc", signer.fingerprint);
            findings.push(Finding::new("signature.intent", &path, message));
        }
    }
    if !signers.is_empty() && !signers.iter().any(|s| s.fingerprint == *sealer(run)) {
        let message = format!("nobody signed as {}, who sealed the packet by its own account", sealer(run));
        findings.push(Finding::whole("signature.not_the_principal", message));
    }
    signers
}

/// Whose signature the packet itself announces.
fn sealer(run: &RunRecord) -> &Fingerprint {
    run.recovery.as_ref().map_or(&run.head.principal.fingerprint, |recovery| &recovery.by.fingerprint)
}

/// What the sealer's signature is given to.
fn sealing(run: &RunRecord) -> &'static str {
    let recovered = run.recovery.is_some() || run.head.act == Act::Recover;
    if recovered { signature::RECOVER } else { signature::SEAL }
}

/// The timestamp of a signature, if it has one; a failure is a finding already, and then the signature is not judged: nobody knows as of when.
fn attested(
    tree: &Tree,
    path: &str,
    signature: &[u8],
    trust: &Trust,
    now: SystemTime,
    findings: &mut Vec<Finding>,
) -> Result<Option<Attested>, ()> {
    let (query, answer) = (format!("{path}{}", timestamp::QUERY), format!("{path}{}", timestamp::ANSWER));
    if !tree.has(&query) || !tree.has(&answer) {
        // One without the other was found already.
        return Ok(None);
    }
    let read = tree.read_up_to(&query, timestamp::QUERY_LIMIT, findings).ok_or(())?;
    let stamp = tree.read_up_to(&answer, timestamp::ANSWER_LIMIT, findings).ok_or(())?;
    proven(&read, &stamp, signature, trust, now).map(Some).map_err(|(asked, (class, message))| {
        findings.push(Finding::new(class, if asked { &query } else { &answer }, message));
    })
}

/// What query and answer of a timestamp prove about a signature; otherwise why nothing, and whether that is about the query.
pub(crate) fn proven(
    query: &[u8],
    answer: &[u8],
    signature: &[u8],
    trust: &Trust,
    now: SystemTime,
) -> Result<Attested, (bool, Refused)> {
    let query = Query::read(query).map_err(|error| (true, ("timestamp.form", error.to_string())))?;
    timestamp::verify(answer, &query, signature, trust.authorities(), now)
        .map_err(|refused| (false, (refused.class, refused.message)))
}

/// A class and a message.
pub(crate) type Refused = (&'static str, String);

fn one(
    path: &str,
    bytes: &[u8],
    manifest: &[u8],
    trust: &Trust,
    attested: Option<Attested>,
    now: SystemTime,
) -> Result<SignedBy, Refused> {
    let signature = read(bytes)?;
    let trusted = holder(&signature, trust)?;
    let expected = format!("{SIGNATURES}{}.asc", trusted.fingerprint);
    if path != expected {
        return Err((
            "signature.file_name",
            format!("a signature by `{}` belongs in {expected}", trusted.name),
        ));
    }
    judged(&signature, bytes, manifest, trusted, attested, now)
}

/// Checks a signature that lies beside what it is over, outside every packet.
pub(crate) fn detached(
    bytes: &[u8],
    statement: &[u8],
    trust: &Trust,
    attested: Option<Attested>,
    now: SystemTime,
) -> Result<SignedBy, Refused> {
    let signature = read(bytes)?;
    let trusted = holder(&signature, trust)?;
    judged(&signature, bytes, statement, trusted, attested, now)
}

fn read(bytes: &[u8]) -> Result<Signature, Refused> {
    signature::read(bytes).map_err(|error| {
        let class = match error {
            NotASignature::Spelling => "signature.spelling",
            _ => "signature.form",
        };
        (class, error.to_string())
    })
}

/// What a signature says, once it is known to be good and given in a role of its signer.
fn judged(
    signature: &Signature,
    bytes: &[u8],
    manifest: &[u8],
    trusted: &Trusted,
    attested: Option<Attested>,
    now: SystemTime,
) -> Result<SignedBy, Refused> {
    if trusted.revoked {
        return Err(("signature.revoked", format!("the trust file revokes `{}`", trusted.name)));
    }
    good(bytes, manifest, &trusted.cert, now)?;
    let at = signature
        .signature_creation_time()
        .ok_or_else(|| ("signature.form", "the signature says no time".to_owned()))?;
    if let Some(attested) = &attested {
        not_before(attested, at)?;
    }
    // With somebody else's word for the time, what happened to the certificate later does not matter any more.
    let counts_at = attested.as_ref().map_or(now, |attested| attested.at.into());
    let key = still_valid(signature, trusted, counts_at)?;
    in_its_time(trusted, counts_at)?;
    let form = |error: NotASignature| ("signature.notation", error.to_string());
    let role = signature::notation(signature, signature::ROLE).map_err(form)?;
    let intent = signature::notation(signature, signature::INTENT).map_err(form)?;
    let role = role.parse::<Slug>().ok().filter(|role| trusted.roles.contains(role)).ok_or_else(|| {
        ("signature.role", format!("the trust file does not give `{}` this role: `{role}`", trusted.name))
    })?;
    Ok(SignedBy {
        name: trusted.name.clone(),
        fingerprint: trusted.fingerprint.clone(),
        role,
        intent,
        at: Stamp::of(at),
        attested,
        key,
    })
}

/// A token from before the signature says that one of the two clocks was wrong, and nobody knows which.
fn not_before(attested: &Attested, signed: SystemTime) -> Result<(), Refused> {
    if attested.can_have_seen(signed) {
        return Ok(());
    }
    let message = format!("it was signed at {}, after its timestamp of {}", Stamp::of(signed), attested.at);
    Err(("timestamp.time", message))
}

/// That the trust file takes signatures of that time by this certificate.
fn in_its_time(trusted: &Trusted, counts_at: SystemTime) -> Result<(), Refused> {
    let at = Stamp::of(counts_at);
    let early = trusted.valid_from.is_some_and(|from| at < from);
    if early || trusted.valid_until.is_some_and(|until| until < at) {
        let message = format!("the trust file does not take signatures of `{}` of {at}", trusted.name);
        return Err(("signature.expired", message));
    }
    Ok(())
}

/// The trusted certificate that the signature claims to be by.
fn holder<'a>(signature: &Signature, trust: &'a Trust) -> Result<&'a Trusted, Refused> {
    let issuers = signature.get_issuers();
    let holder = trust
        .principals()
        .iter()
        .find(|p| p.cert.keys().any(|key| issuers.iter().any(|i| i.aliases(key.key().key_handle()))));
    holder.ok_or_else(|| {
        let shown = issuers.iter().map(|i| i.to_hex().to_lowercase()).collect::<Vec<_>>().join(", ");
        ("signature.unknown_signer", format!("the trust file does not know the signer {shown}"))
    })
}

/// That a signature is over these bytes and by a key of this certificate.
pub(crate) fn good(bytes: &[u8], manifest: &[u8], cert: &Cert, now: SystemTime) -> Result<(), Refused> {
    let policy = StandardPolicy::at(now);
    let broken = |e: openpgp::anyhow::Error| ("signature.bad", e.to_string());
    let helper = OneSigner { cert, verdict: None };
    let mut verifier = DetachedVerifierBuilder::from_bytes(bytes)
        .and_then(|builder| builder.with_policy(&policy, now, helper))
        .map_err(broken)?;
    verifier.verify_bytes(manifest).map_err(broken)?;
    verifier
        .into_helper()
        .verdict
        .unwrap_or_else(|| Err(("signature.bad", "the signature was not judged".to_owned())))
}

/// The library judges the key as of the time that the signature states. Nobody vouches for that time, so whoever got hold of an
/// expired or revoked key could write an earlier one: certificate and key must also be good now, or when an authority saw the signature.
/// Brings the key, where it can sign statements too.
fn still_valid(
    signature: &Signature,
    trusted: &Trusted,
    now: SystemTime,
) -> Result<Option<PublicKey>, Refused> {
    let policy = StandardPolicy::at(now);
    let bad = |e: openpgp::anyhow::Error| ("signature.bad", e.to_string());
    let expired = |e: openpgp::anyhow::Error| ("signature.expired", e.to_string());
    let cert = trusted.cert.with_policy(&policy, now).map_err(bad)?;
    let issuers = signature.get_issuers();
    let key = cert
        .keys()
        .for_signing()
        .find(|key| issuers.iter().any(|i| i.aliases(key.key().key_handle())))
        .ok_or_else(|| ("signature.bad", "the key is not bound to the certificate any more".to_owned()))?;
    let revoked = |status| matches!(status, RevocationStatus::Revoked(_));
    if revoked(cert.revocation_status()) || revoked(key.revocation_status()) {
        return Err(("signature.revoked", format!("the holder revoked `{}`", trusted.name)));
    }
    cert.alive().map_err(expired)?;
    key.alive().map_err(expired)?;
    Ok(PublicKey::of(key.key()))
}

/// Offers one certificate and keeps the library's judgement of the one signature. The library leaves the decision to its caller,
/// so the default here is refusal.
struct OneSigner<'a> {
    cert: &'a Cert,
    verdict: Option<Result<(), Refused>>,
}

impl VerificationHelper for OneSigner<'_> {
    fn get_certs(&mut self, _: &[KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        Ok(vec![self.cert.clone()])
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> openpgp::Result<()> {
        let mut layers = structure.into_iter();
        let (Some(MessageLayer::SignatureGroup { results }), None) = (layers.next(), layers.next()) else {
            return Ok(());
        };
        let mut results = results.into_iter();
        if let (Some(result), None) = (results.next(), results.next()) {
            self.verdict = Some(result.map(|_good| ()).map_err(|error| refused(&error)));
        }
        Ok(())
    }
}

fn refused(error: &VerificationError<'_>) -> Refused {
    let class = match error {
        VerificationError::BadKey { ka, .. } => {
            let revoked = matches!(ka.revocation_status(), RevocationStatus::Revoked(_))
                || matches!(ka.valid_cert().revocation_status(), RevocationStatus::Revoked(_));
            if revoked {
                "signature.revoked"
            } else if ka.alive().is_err() || ka.valid_cert().alive().is_err() {
                "signature.expired"
            } else {
                "signature.bad"
            }
        }
        VerificationError::MissingKey { .. } => "signature.unknown_signer",
        _ => "signature.bad",
    };
    (class, error.to_string())
}
