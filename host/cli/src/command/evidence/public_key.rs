//! `fabric evidence public-key`: the key of a certificate in the form of everybody else.

use std::fs;

use fabric_evidence::attestation;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;

use crate::args::PublicKey;
use crate::stream::say;

pub(crate) fn public_key(args: &PublicKey) -> Result<Exit, Refusal> {
    let file = args.certificate.display();
    let bytes = fs::read(&args.certificate)
        .map_err(|error| Refusal::new(Exit::NotFound, format!("{file} cannot be read: {error}")))?;
    let keys = attestation::public_keys(&bytes).map_err(|reason| {
        Refusal::new(Exit::Configuration, format!("{file} is no OpenPGP certificate: {reason}"))
    })?;
    if keys.is_empty() {
        return Err(Refusal::new(Exit::NotFound, format!("{file} has no Ed25519 key that signs"))
            .hint("Statements are by Ed25519 keys alone; `gpg` and `sq` print keys of other kinds."));
    }
    for key in keys {
        say(key);
    }
    Ok(Exit::Done)
}
