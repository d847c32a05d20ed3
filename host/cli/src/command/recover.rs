//! `fabric recover`: seals what a killed run left behind.

use std::time::SystemTime;

use fabric_model::exit::Exit;
use fabric_runtime::{Refusal, recover as orphan, recover::Recovered};

use crate::args::Recover;
use crate::place::Place;
use crate::stream::say;
use crate::terminal;

pub(crate) fn recover(place: &Place, args: &Recover) -> Result<Exit, Refusal> {
    let orphans = orphan::orphans(&place.runs())?;
    if orphans.is_empty() {
        say("nothing to recover");
        return Ok(Exit::Done);
    }
    if args.dry_run {
        for dir in &orphans {
            say(format_args!("unsealed  {}", place.shorten(dir)));
        }
        return Ok(Exit::Unrecovered);
    }
    let operator = place.for_rehearsals().home.operator()?;
    let mut exit = Exit::Done;
    for dir in &orphans {
        match orphan::seal_orphan(dir, &operator, SystemTime::now()) {
            Ok(Recovered::Sealed(sealed)) => {
                say(format_args!("sealed as aborted  {}", place.shorten(&sealed.dir)));
            }
            Ok(Recovered::NeverBegan) => {
                say(format_args!("never began, removed  {}", place.shorten(dir)));
            }
            // One that cannot be sealed does not keep the others waiting.
            Err(refusal) => {
                let message = format!("{}: {}", place.shorten(dir), refusal.message);
                terminal::refused(&Refusal { message, ..refusal.clone() });
                exit = exit.worst(refusal.exit);
            }
        }
    }
    Ok(exit)
}
