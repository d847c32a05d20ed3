//! An answer, read down to what the authority signed.

use std::time::SystemTime;

use cms::cert::CertificateChoices;
use cms::cert::x509::Certificate;
use cms::cert::x509::ext::pkix::SubjectKeyIdentifier;
use cms::content_info::CmsVersion;
use cms::signed_data::{EncapsulatedContentInfo, SignedAttributes, SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{ObjectIdentifier, OctetString};
use der::oid::AssociatedOid as _;
use der::{Any, Decode as _, Encode as _};
use rustls_pki_types::CertificateDer;

use super::form::{
    CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2, SigningCertificate, TST_INFO,
    TimeStampResp, TstInfo,
};
use super::query::Query;
use super::{ANSWER_LIMIT, Authority, Refused, certificate, digest, spelling};

/// `id-signedData`.
pub(super) const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// A token with one signature, by one of the certificates in it.
pub(super) struct Token {
    encapsulated: EncapsulatedContentInfo,
    content: Vec<u8>,
    info: TstInfo,
    signer: SignerInfo,
    attributes: SignedAttributes,
    certificate: Certificate,
    others: Vec<CertificateDer<'static>>,
}

fn form(error: impl std::fmt::Display) -> Refused {
    Refused::new("timestamp.form", format!("it is not an answer of RFC 3161: {error}"))
}

/// Reads an answer. What it says is not judged.
pub(super) fn read(answer: &[u8]) -> Result<Token, Refused> {
    if answer.len() as u64 > ANSWER_LIMIT {
        return Err(form(format_args!("it is longer than {ANSWER_LIMIT} bytes")));
    }
    let answer = TimeStampResp::from_der(answer).map_err(form)?;
    let granted = answer.status.status <= 1;
    let Some(token) = answer.time_stamp_token.filter(|_| granted) else {
        let said = answer.status.status_string.unwrap_or_default().join(" ");
        let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
        let message = format!("the authority refused: status {} {said}", answer.status.status);
        return Err(Refused::new("timestamp.status", message.trim_end().to_owned()));
    };
    if token.content_type != SIGNED_DATA {
        return Err(form("what it holds is not signed"));
    }
    let signed = SignedData::from_der(&token.content.to_der().map_err(form)?).map_err(form)?;
    if signed.version != CmsVersion::V3 || signed.encap_content_info.econtent_type != TST_INFO {
        return Err(form("what is signed is not a timestamp"));
    }
    let content = signed.encap_content_info.econtent.as_ref().ok_or_else(|| form("it has no content"))?;
    let content = content.decode_as::<OctetString>().map_err(form)?.as_bytes().to_vec();
    let info = TstInfo::from_der(&content).map_err(form)?;
    if info.version != 1 {
        return Err(form(format_args!("version {} is not known", info.version)));
    }
    if info.extensions.iter().flatten().any(|extension| extension.critical) {
        return Err(form("it has a critical extension that is not known"));
    }
    let mut signers = signed.signer_infos.0.into_vec().into_iter();
    let (Some(signer), None) = (signers.next(), signers.next()) else {
        return Err(form("it does not have exactly one signature"));
    };
    let attributes = signer.signed_attrs.clone().ok_or_else(|| form("its signature covers no attributes"))?;
    let choices = signed.certificates.map(|set| set.0.into_vec()).unwrap_or_default();
    let certificates: Vec<Certificate> = choices
        .into_iter()
        .filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate),
            CertificateChoices::Other(_) => None,
        })
        .collect();
    let certificate = certificates
        .iter()
        .find(|certificate| is_meant(certificate, &signer.sid))
        .ok_or_else(|| form("the certificate of its signature is not in it"))?
        .clone();
    let others = certificates.iter().map(certificate::encoded).collect::<Result<_, _>>()?;
    let encapsulated = signed.encap_content_info;
    Ok(Token { encapsulated, content, info, signer, attributes, certificate, others })
}

fn is_meant(certificate: &Certificate, sid: &SignerIdentifier) -> bool {
    let tbs = &certificate.tbs_certificate;
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(meant) => {
            meant.issuer == tbs.issuer && meant.serial_number == tbs.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(meant) => tbs
            .extensions
            .iter()
            .flatten()
            .filter(|extension| extension.extn_id == SubjectKeyIdentifier::OID)
            .any(|extension| {
                SubjectKeyIdentifier::from_der(extension.extn_value.as_bytes())
                    .is_ok_and(|found| found == *meant)
            }),
    }
}

impl Token {
    pub(super) fn info(&self) -> &TstInfo {
        &self.info
    }

    /// That it answers this query and no other.
    pub(super) fn answers(&self, query: &Query) -> Result<(), Refused> {
        let imprint = &self.info.message_imprint;
        if imprint.hash_algorithm.oid != digest::OF_SHA256
            || imprint.hashed_message.as_bytes() != query.imprint()
        {
            return Err(Refused::new("timestamp.imprint", "it is over other bytes than the signature file"));
        }
        if self.info.nonce.as_ref().map(der::asn1::Int::as_bytes) != query.nonce() {
            return Err(Refused::new("timestamp.nonce", "it answers another query: the nonce differs"));
        }
        match query.policy() {
            Some(policy) if policy != self.info.policy => {
                let message = format!("it was given under policy {}, not under {policy}", self.info.policy);
                Err(Refused::new("timestamp.policy", message))
            }
            _ => Ok(()),
        }
    }

    /// That its signature is good, by the certificate that it names, over what it says.
    pub(super) fn is_signed(&self) -> Result<(), Refused> {
        let bad = |message: &str| Refused::new("timestamp.bad", message);
        let kind: ObjectIdentifier = self
            .attribute(&CONTENT_TYPE)?
            .decode_as()
            .map_err(|_| bad("its attributes say no content type"))?;
        if kind != TST_INFO {
            return Err(bad("its attributes are of another content"));
        }
        let stated: OctetString =
            self.attribute(&MESSAGE_DIGEST)?.decode_as().map_err(|_| bad("its attributes hold no digest"))?;
        let digest = self.signer.digest_alg.oid;
        if digest::matches(&digest, &self.content, stated.as_bytes()) != Some(true) {
            return Err(bad("what it says is not what was signed, or its digest does not count here"));
        }
        self.names_its_certificate()?;
        certificate::is_for_timestamps_alone(&self.certificate)?;
        let signed = self.attributes.to_der().map_err(form)?;
        let algorithm = self.signer.signature_algorithm.oid;
        certificate::signed(&self.certificate, algorithm, digest, &signed, self.signer.signature.as_bytes())
    }

    /// The authority that its certificate leads to, and the certificates between the two.
    pub(super) fn authority<'a>(
        &self,
        authorities: &'a [Authority],
        time: SystemTime,
    ) -> Result<(&'a Authority, Vec<CertificateDer<'static>>), Refused> {
        certificate::leads_to(&self.certificate, &self.others, authorities, time)
    }

    /// The answer in its one spelling, with these certificates behind the signer's.
    pub(super) fn spelled(&self, between: &[CertificateDer<'_>]) -> Result<Vec<u8>, Refused> {
        spelling::of(self.encapsulated.clone(), &self.signer, &self.certificate, between).map_err(form)
    }

    /// The one value of an attribute that must be there once.
    fn attribute(&self, kind: &ObjectIdentifier) -> Result<&Any, Refused> {
        self.optional(kind)?
            .ok_or_else(|| Refused::new("timestamp.bad", format!("the signature covers no attribute {kind}")))
    }

    fn optional(&self, kind: &ObjectIdentifier) -> Result<Option<&Any>, Refused> {
        let twice = || Refused::new("timestamp.bad", format!("the attribute {kind} does not have one value"));
        let mut found = self.attributes.iter().filter(|attribute| attribute.oid == *kind);
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(attribute), None) if attribute.values.len() == 1 => {
                attribute.values.iter().next().map(Some).ok_or_else(twice)
            }
            _ => Err(twice()),
        }
    }

    /// That its attributes name the certificate (RFC 3161, 2.4.2; RFC 5816), so that no other one for the same key takes its place.
    fn names_its_certificate(&self) -> Result<(), Refused> {
        let unnamed =
            || Refused::new("timestamp.bad", "its attributes do not name the certificate that signed it");
        let (attribute, legacy) = match self.optional(&SIGNING_CERTIFICATE_V2)? {
            Some(attribute) => (attribute, false),
            None => (self.attribute(&SIGNING_CERTIFICATE)?, true),
        };
        let named =
            SigningCertificate::from_der(&attribute.to_der().map_err(form)?).map_err(|_| unnamed())?;
        let first = named.certs.first().ok_or_else(unnamed)?;
        let stated: Option<ObjectIdentifier> = first
            .first()
            .and_then(|any| any.decode_as::<Vec<Any>>().ok())
            .and_then(|algorithm| algorithm.first()?.decode_as().ok());
        let algorithm = if legacy { None } else { Some(stated.unwrap_or(digest::OF_SHA256)) };
        let hash = first.iter().find_map(|any| any.decode_as::<OctetString>().ok()).ok_or_else(unnamed)?;
        let certificate = certificate::encoded(&self.certificate)?;
        if digest::names(algorithm.as_ref(), &certificate, hash.as_bytes()) { Ok(()) } else { Err(unnamed()) }
    }
}
