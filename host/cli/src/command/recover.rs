//! `fabric recover`: seals what a killed run left behind.

use std::time::SystemTime;

use fabric_evidence::packet::Sealed;
use fabric_model::exit::Exit;
use fabric_runtime::home::Operator;
use fabric_runtime::{Refusal, recover as orphan, recover::Recovered};

use crate::args::Recover;
use crate::place::Place;
use crate::stream::{say, tell};
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
        tell(format_args!(
            "{} packet(s) of killed runs; `fabric recover` seals them as aborted",
            orphans.len()
        ));
        return Ok(Exit::Unrecovered);
    }
    let operators = operators(place)?;
    let mut exit = Exit::Done;
    for dir in &orphans {
        match orphan::seal_orphan(dir, &operators, SystemTime::now()) {
            Ok(Recovered::Sealed(sealed)) => {
                say(format_args!("sealed as aborted  {}\n  {}", place.shorten(&sealed.dir), result(&sealed)));
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

/// The operator; and where he has made a key of his own since, also whoever rehearsed for him before.
fn operators(place: &Place) -> Result<Vec<Operator>, Refusal> {
    let mut operators = vec![place.for_rehearsals().home.operator()?];
    let before = place.home.for_rehearsals();
    if place.home.is_set_up() && before.is_set_up() {
        operators.push(before.operator()?);
    }
    Ok(operators)
}

/// What the packet came to.
fn result(sealed: &Sealed) -> String {
    let counts = sealed.run.counts;
    let exits: Vec<String> = sealed.run.exits.iter().map(ToString::to_string).collect();
    format!(
        "{}; {} checks: {} pass, {} fail, {} error, {} skip",
        exits.join(", "),
        counts.total(),
        counts.pass,
        counts.fail,
        counts.error,
        counts.skip
    )
}
