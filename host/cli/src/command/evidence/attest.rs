//! `fabric evidence attest`: the in-toto statement of a packet that was sealed without one.

use fabric_evidence::attestation;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;

use super::countersign::refused;
use super::sound;
use crate::args::Attest;
use crate::place::Place;
use crate::stream::say;

pub(crate) fn attest(place: &Place, args: &Attest) -> Result<Exit, Refusal> {
    let operator = place.home.operator()?;
    let verified = sound(&args.packet, &operator.trust)?;
    let own = operator.signer.fingerprint();
    if !verified.signers.iter().any(|signer| signer.fingerprint == *own) {
        let message = format!(
            "you have not signed {}, so your statement of it would count nowhere",
            args.packet.display()
        );
        return Err(
            Refusal::new(Exit::Usage, message).hint("Sign it first with `fabric evidence countersign`.")
        );
    }
    match attestation::attest(&args.packet, &verified, &operator.signer).map_err(refused)? {
        Some(path) => {
            say(format_args!("attested: {}", place.shorten(&path)));
            Ok(Exit::Done)
        }
        None => Err(Refusal::new(
            Exit::Configuration,
            "your key is with another program, which signs no statements, only OpenPGP",
        )
        .hint("Let somebody do it whose key file signed the packet.")),
    }
}
