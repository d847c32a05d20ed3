//! `fabric recover`: seals what a killed run left behind.

use std::time::SystemTime;

use fabric_model::exit::Exit;
use fabric_runtime::{Refusal, recover as orphan};

use crate::args::Recover;
use crate::place::Place;
use crate::stream::say;

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
    let operator = place.home.operator()?;
    for dir in &orphans {
        let sealed = orphan::seal_orphan(dir, &operator, SystemTime::now())?;
        say(format_args!("sealed as aborted  {}", place.shorten(&sealed.dir)));
    }
    Ok(Exit::Done)
}
