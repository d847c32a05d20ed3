//! Having the signatures of a packet stamped by an authority of the trust file (RFC 3161).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fabric_connect::{SystemClock, SystemEntropy, TcpDial, addresses};
use fabric_evidence::sidecar::{add_timestamp, signature_path};
use fabric_evidence::timestamp::{self, ANSWER_LIMIT, Attested, Authority, NONCE_BYTES, Query, Refused};
use fabric_evidence::verify::SignedBy;
use fabric_evidence::{Fingerprint, Trust, Verified, label};
use fabric_model::exit::Exit;
use fabric_wire::http::{RequestPath, Tls};
use fabric_wire::seam::Entropy as _;
use fabric_wire::timestamp::{Place, ask};
use fabric_wire::{Deadline, WireError, tls};

use crate::refusal::Refusal;
use crate::wall;

/// A signature that was stamped.
#[derive(Clone, Debug)]
pub struct Stamped {
    /// Who signed, as the trust file calls him.
    pub signer: String,
    /// Where the answer lies.
    pub answer: PathBuf,
    /// What it proves.
    pub attested: Attested,
}

/// A signature that may be stamped: where it lies, and whose it is.
pub type Signature<'a> = (PathBuf, &'a SignedBy);

/// Every signature of the packet in `dir` and of its labels.
pub fn signatures<'a>(dir: &Path, verified: &'a Verified) -> Vec<Signature<'a>> {
    let own = verified.signers.iter().map(|signer| (signature_path(dir, &signer.fingerprint), signer));
    let labels = verified.labels.labels.iter().flat_map(|signed| {
        let of_label = |by: &Fingerprint| label::signature_path(dir, signed.label.seq, by);
        signed.signers.iter().filter_map(move |signer| Some((of_label(&signer.fingerprint)?, signer)))
    });
    own.chain(labels).collect()
}

/// Has every one of these signatures stamped that has no timestamp yet. Nothing is kept that does not verify.
///
/// # Errors
/// When the authority cannot be asked within `patience`, or what it answers proves nothing; what was stamped before that stays.
pub async fn notarize(
    signatures: Vec<Signature<'_>>,
    trust: &Trust,
    authority: &Authority,
    patience: Duration,
) -> Result<Vec<Stamped>, Refusal> {
    let mut done = Vec::new();
    for (path, signer) in signatures.into_iter().filter(|(_, signer)| signer.attested.is_none()) {
        let signature = fs::read(&path).map_err(|error| unwritable(&path, &error))?;
        let query = query(&signature, authority)?;
        let asked = query.to_der().map_err(|error| bug(&error))?;
        let answer = ask_within(authority, &asked, Deadline::after(patience)).await?;
        let (attested, kept) =
            timestamp::accept(&answer, &query, &signature, trust.authorities(), wall::now())
                .map_err(|refused| useless(authority, &refused))?;
        not_before(&attested, signer)?;
        let answer = add_timestamp(&path, &asked, &kept).map_err(|error| unwritable(&path, &error))?;
        done.push(Stamped { signer: signer.name.clone(), answer, attested });
    }
    Ok(done)
}

fn query(signature: &[u8], authority: &Authority) -> Result<Query, Refusal> {
    let mut nonce = [0; NONCE_BYTES];
    SystemEntropy.fill(&mut nonce).map_err(|error| bug(&error))?;
    let policy = authority.policies.first().map(String::as_str);
    Query::about(signature, policy, nonce).map_err(|error| bug(&error))
}

/// A verifier would refuse such a token; nothing in a packet is taken away again.
fn not_before(attested: &Attested, signer: &SignedBy) -> Result<(), Refusal> {
    if attested.can_have_seen(signer.at.into()) {
        return Ok(());
    }
    let message =
        format!("the authority says {}, and `{}` signed at {}", attested.at, signer.name, signer.at);
    Err(Refusal::new(Exit::Verification, message).hint(
        "One of the two clocks is wrong. Where yours is ahead by little, wait for that long and try again.",
    ))
}

async fn ask_within(authority: &Authority, query: &[u8], deadline: Deadline) -> Result<Vec<u8>, Refusal> {
    let url = authority.url.as_deref().ok_or_else(|| {
        Refusal::new(
            Exit::Configuration,
            format!("the trust file does not say where `{}` answers", authority.name),
        )
        .hint("Add `url = \"http://...\"` to it.")
    })?;
    let Some(address) = Address::of(url) else {
        let message = format!("the address of `{}` cannot be used: {url}", authority.name);
        return Err(
            Refusal::new(Exit::Configuration, message).hint("Write it like `http://tsa.example.net/tsr`.")
        );
    };
    let failed = |error: &WireError| {
        Refusal::new(Exit::Unreachable, format!("`{}` at {url} cannot be asked: {error}", authority.name))
    };
    let server = match &authority.server_authority {
        Some(pem) => Some(tls::Authority::from_pem(pem).map_err(|error| failed(&error))?),
        None => None,
    };
    let found = addresses(address.host, address.port, deadline).await.map_err(|error| failed(&error))?;
    let mut last = WireError::NotFound(address.host.to_owned());
    for address_of_it in found {
        let place = Place {
            address: address_of_it,
            host: address.field,
            path: &address.path,
            tls: server.as_ref().map(|authority| Tls { server_name: address.host, authority }),
        };
        match ask(&TcpDial, Arc::new(SystemClock), place, query, LIMIT, deadline).await {
            Ok(answer) => return Ok(answer),
            Err(error) => last = error,
        }
    }
    Err(failed(&last))
}

/// The largest answer that is taken.
const LIMIT: usize = ANSWER_LIMIT as usize;

/// The parts of an address of HTTP.
struct Address<'a> {
    /// As it stands in the address, with the port where one does.
    field: &'a str,
    host: &'a str,
    port: u16,
    path: RequestPath,
}

impl<'a> Address<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (rest, usual) = match url.strip_prefix("https://") {
            Some(rest) => (rest, 443),
            None => (url.strip_prefix("http://")?, 80),
        };
        let (field, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (host, port) = match field.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (field, usual),
        };
        if host.is_empty() || host.contains('@') {
            return None;
        }
        Some(Self { field, host, port, path: path.parse().ok()? })
    }
}

fn useless(authority: &Authority, refused: &Refused) -> Refusal {
    let message = format!("what `{}` answers proves nothing: {}: {refused}", authority.name, refused.class);
    Refusal::new(Exit::Verification, message)
        .hint("Nothing was kept of it. `evidence/SPEC.md` says what a token must be.")
}

fn unwritable(path: &Path, error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(Exit::Configuration, format!("{}: {error}", path.display()))
}

fn bug(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(Exit::Bug, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let parts = |url: &'static str| {
            Address::of(url).map(|a| (a.field, a.host, a.port, a.path.as_str().to_owned()))
        };
        let path = |text: &str| text.to_owned();
        assert_eq!(parts("http://tsa.example"), Some(("tsa.example", "tsa.example", 80, path("/"))));
        assert_eq!(
            parts("https://tsa.example/a/b?c"),
            Some(("tsa.example", "tsa.example", 443, path("/a/b?c")))
        );
        assert_eq!(
            parts("http://127.0.0.1:8080/tsr"),
            Some(("127.0.0.1:8080", "127.0.0.1", 8080, path("/tsr")))
        );
        for bad in [
            "ftp://tsa.example",
            "http://",
            "http://:80/",
            "http://u:p@tsa.example/",
            "http://a:b/",
            "http://a/ b",
        ] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }
}
