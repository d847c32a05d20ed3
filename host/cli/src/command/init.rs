//! `fabric init`: a signing key, and a trust file that gives it a role.

use std::time::SystemTime;

use fabric_evidence::Fingerprint;
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;

use crate::args::Init;
use crate::place::Place;
use crate::stream::say;

pub(crate) fn init(place: &Place, args: &Init) -> Result<Exit, Refusal> {
    let role: Slug = args
        .role
        .parse()
        .map_err(|error| Refusal::new(Exit::Usage, format!("the role is not a name: {error}")))?;
    let fingerprint = match &args.gpg {
        None => {
            let fingerprint = place.home.set_up(&args.user_id, &role, SystemTime::now())?;
            say(format_args!("key    {}", place.home.key_path().display()));
            fingerprint
        }
        Some(copied) => {
            let fingerprint = Fingerprint::from_copied(copied)
                .map_err(|error| Refusal::new(Exit::Usage, format!("`--gpg`: {error}")))?;
            let signer = place.home.set_up_with_gpg(&fingerprint, &role)?;
            say(format_args!("signer {}", signer.display()));
            fingerprint
        }
    };
    say(format_args!("trust  {}", place.home.trust_path().display()));
    say(format_args!("{fingerprint} has the role {role}"));
    Ok(Exit::Done)
}
