//! `fabric evidence countersign`: another person's signature under what somebody else sealed, or said in a label.

use std::time::SystemTime;

use fabric_evidence::sidecar::{self, NotAdded};
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;

use super::{label, sound};
use crate::args::Countersign;
use crate::command::approve::role;
use crate::place::Place;
use crate::stream::say;

pub(crate) fn countersign(place: &Place, args: &Countersign) -> Result<Exit, Refusal> {
    if let Some(number) = args.label {
        return label::countersign(place, &args.packet, number, args.role.as_ref());
    }
    let operator = place.home.operator()?;
    let verified = sound(&args.packet, &operator.trust)?;
    let own = operator.signer.fingerprint();
    if let Some(signed) = verified.signers.iter().find(|signer| signer.fingerprint == *own) {
        let message = format!("you signed {} already, with intent {}", args.packet.display(), signed.intent);
        return Err(Refusal::new(Exit::Usage, message)
            .hint("A second signature is by somebody else: one certificate counts once."));
    }
    let role = role(&operator.principal().roles, args.role.as_ref())?;
    // Read before it is signed: what a signature is under should be no surprise.
    say(&verified);
    let path = sidecar::countersign(&args.packet, &operator.signer, role.as_str(), SystemTime::now())
        .map_err(refused)?;
    say(format_args!("countersigned as {role}: {}", place.shorten(&path)));
    Ok(Exit::Done)
}

pub(super) fn refused(error: NotAdded) -> Refusal {
    match error {
        NotAdded::Key(error) => {
            let hint = error.hint();
            Refusal::new(Exit::Authentication, error.to_string()).hint(hint)
        }
        other => Refusal::new(Exit::Configuration, other.to_string()),
    }
}
