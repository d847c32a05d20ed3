//! The one spelling of an answer. Most of an answer is signed by nobody: status texts, further certificates, parameters, unsigned
//! attributes. A sealed packet has no room for that, so an answer is kept with what proves something and nothing else.

use cms::cert::x509::Certificate;
use cms::cert::x509::spki::AlgorithmIdentifierOwned;
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::SetOfVec;
use der::{Any, Decode as _, Encode as _};
use rustls_pki_types::CertificateDer;

use super::certificate;
use super::form::{PkiStatusInfo, TimeStampResp};
use super::token::SIGNED_DATA;

/// The answer with this content, this signature, and the certificates from it to a trusted one.
pub(super) fn of(
    content: EncapsulatedContentInfo,
    signer: &SignerInfo,
    certificate: &Certificate,
    between: &[CertificateDer<'_>],
) -> der::Result<Vec<u8>> {
    let digest_alg = AlgorithmIdentifierOwned { oid: signer.digest_alg.oid, parameters: Some(Any::null()) };
    let tbs = &certificate.tbs_certificate;
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: tbs.issuer.clone(),
            serial_number: tbs.serial_number.clone(),
        }),
        digest_alg: digest_alg.clone(),
        signature_algorithm: certificate::spelled(signer.signature_algorithm.oid),
        unsigned_attrs: None,
        ..signer.clone()
    };
    let mut certificates = vec![CertificateChoices::Certificate(certificate.clone())];
    for one in between {
        certificates.push(CertificateChoices::Certificate(Certificate::from_der(one)?));
    }
    let signed = SignedData {
        version: CmsVersion::V3,
        digest_algorithms: SetOfVec::try_from(vec![digest_alg])?,
        encap_content_info: content,
        certificates: Some(CertificateSet(SetOfVec::try_from(certificates)?)),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
    };
    let token = ContentInfo { content_type: SIGNED_DATA, content: Any::encode_from(&signed)? };
    let granted = PkiStatusInfo { status: 0, status_string: None, fail_info: None };
    TimeStampResp { status: granted, time_stamp_token: Some(token) }.to_der()
}
