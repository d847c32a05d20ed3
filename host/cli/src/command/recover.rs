//! `fabric recover`: seals what killed runs left behind, and takes back what they left changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use fabric_evidence::packet::Sealed;
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use fabric_runtime::home::Operator;
use fabric_runtime::recover::{self as orphan, PendingSite, Recovered, Recovery, Restoration, Secrecy};
use fabric_runtime::{Home, Refusal, World, site};

use crate::place::Place;
use crate::stream::{say, tell};
use crate::terminal::{self, WarningsOnly};

#[derive(clap::Args, Debug)]
pub(crate) struct Recover {
    /// The run whose changes are taken back [default: every one that left some]
    pub(crate) run: Option<Slug>,
    /// Only say what there is to recover
    #[arg(long, conflicts_with = "abandon")]
    pub(crate) dry_run: bool,
    /// Give up what the run left changed: nothing is taken back, and other runs may change its targets again
    #[arg(long, requires = "run", requires = "reason")]
    pub(crate) abandon: bool,
    /// Seal the run's packet although something in it looks like a secret: you have looked, and it is none, or none any more
    #[arg(long, requires = "run", requires = "reason", conflicts_with_all = ["abandon", "dry_run"])]
    pub(crate) vouch: bool,
    /// The site file whose secrets are searched for in what is sealed [default: fabric.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) site: Option<PathBuf>,
    /// Why it is given up, or why nothing in it is a secret
    #[arg(long, value_name = "TEXT", requires = "run")]
    pub(crate) reason: Option<String>,
}

pub(crate) fn recover(place: &Place, args: &Recover) -> Result<Exit, Refusal> {
    let orphans = orphan::orphans(&place.runs())?;
    let operators = operators(place)?;
    if args.dry_run {
        return only_say(place, &orphans, &operators);
    }
    let secrets = secrecy(place, args)?;
    let mut exit = Exit::Done;
    for dir in &orphans {
        exit = exit.worst(seal(place, dir, &operators, &secrets));
    }
    let mut any = !orphans.is_empty();
    for operator in &operators {
        for marker in orphan::unrecovered(operator)? {
            if args.run.as_ref().is_none_or(|run| *run == marker.run_id) {
                any = true;
                exit = exit.worst(restore(place, operator, &marker.run_id, args));
            }
        }
    }
    if !any {
        say("nothing to recover");
    }
    Ok(exit)
}

/// What is searched for in what is sealed: what looks like a secret, and those of the site, where there is one.
fn secrecy(place: &Place, args: &Recover) -> Result<Secrecy, Refusal> {
    let vouched = match (&args.run, &args.reason) {
        (Some(run), Some(reason)) if args.vouch => {
            if reason.trim().chars().count() < orphan::REASON_LENGTH {
                let message = format!("a reason has at least {} characters", orphan::REASON_LENGTH);
                return Err(Refusal::new(Exit::Usage, message).hint("Whoever reads the packet reads it."));
            }
            Some((run.clone(), reason.trim().to_owned()))
        }
        _ => None,
    };
    match place.site(args.site.as_deref()) {
        Ok(file) => Ok(Secrecy::of_site(&file, &place.home, vouched)),
        Err(refusal) if args.site.is_some() => Err(refusal),
        Err(refusal) => {
            tell(format_args!("the secrets of the site are not searched for: {}", refusal.message));
            Ok(Secrecy { vouched, ..Secrecy::default() })
        }
    }
}

fn only_say(place: &Place, orphans: &[std::path::PathBuf], operators: &[Operator]) -> Result<Exit, Refusal> {
    for dir in orphans {
        say(format_args!("unsealed     {}", place.shorten(dir)));
    }
    let mut left = 0;
    for operator in operators {
        for marker in orphan::unrecovered(operator)? {
            left += 1;
            let targets: Vec<String> =
                marker.targets.iter().map(|target| target.resource.to_string()).collect();
            say(format_args!("unrecovered  {}: {}", marker.run_id, targets.join(", ")));
        }
    }
    if orphans.is_empty() && left == 0 {
        say("nothing to recover");
        return Ok(Exit::Done);
    }
    tell(format_args!(
        "{} packet(s) of killed runs, which `fabric recover` seals as aborted; {left} run(s) that may have left changes, which it takes back",
        orphans.len()
    ));
    Ok(Exit::Unrecovered)
}

/// Seals one orphan. One that cannot be sealed does not keep the others waiting.
fn seal(place: &Place, dir: &Path, operators: &[Operator], secrets: &Secrecy) -> Exit {
    match orphan::seal_orphan(dir, operators, secrets, SystemTime::now()) {
        Ok(Recovered::Sealed(sealed)) => {
            say(format_args!("sealed as aborted  {}\n  {}", place.shorten(&sealed.dir), result(&sealed)));
            Exit::Done
        }
        Ok(Recovered::NeverBegan) => {
            say(format_args!("never began, removed  {}", place.shorten(dir)));
            Exit::Done
        }
        Err(refusal) => told(&place.shorten(dir), &refusal),
    }
}

/// Takes back what one run left changed, or gives it up.
fn restore(place: &Place, operator: &Operator, run: &Slug, args: &Recover) -> Exit {
    let runs = place.runs();
    let recovery = Recovery {
        operator,
        runs: &runs,
        reopen: &|site| Box::pin(reopen(site, operator.home.clone())),
        watch: Arc::new(WarningsOnly),
    };
    let recovered = tokio::runtime::Runtime::new()
        .map_err(|error| Refusal::new(Exit::Bug, format!("the runtime cannot be started: {error}")))
        .and_then(|runtime| {
            runtime.block_on(async {
                match (args.abandon, &args.reason) {
                    (true, Some(reason)) => orphan::abandon(&recovery, run, reason, |_, _| Ok(())).await,
                    _ => orphan::take_back(&recovery, run).await,
                }
            })
        });
    match recovered {
        Ok(Some(Restoration { sealed, left })) if left.is_empty() => {
            say(format_args!("restored  {run}\n  {}", place.shorten(&sealed.dir)));
            Exit::Done
        }
        Ok(Some(Restoration { sealed, left })) => {
            say(format_args!("not restored  {run}\n  {}", place.shorten(&sealed.dir)));
            for what in left {
                say(format_args!("  left: {what}"));
            }
            Exit::Incomplete
        }
        Ok(None) => {
            tell(format_args!("{run} is alive, or somebody else recovers it right now"));
            Exit::Unrecovered
        }
        Err(refusal) => told(run.as_str(), &refusal),
    }
}

/// Opens the world of a run again, as it was opened then.
async fn reopen(site: PendingSite, home: Home) -> Result<Arc<World>, Refusal> {
    let file = site::load(&site.file)
        .map_err(|errors| Refusal::in_file(Exit::Configuration, &site.file.display().to_string(), errors))?;
    let world = match (site.realm, &site.twin) {
        (Realm::Twin, Some(socket)) => World::rehearsal_on(file, socket).await?,
        _ => World::open(file, &home)?,
    };
    Ok(Arc::new(world))
}

fn told(about: &str, refusal: &Refusal) -> Exit {
    let message = format!("{about}: {}", refusal.message);
    terminal::refused(&Refusal { message, ..refusal.clone() });
    refusal.exit
}

/// The operator; and where he has made a key of his own since, also whoever rehearsed for him before.
fn operators(place: &Place) -> Result<Vec<Operator>, Refusal> {
    let home = place.for_rehearsals().home;
    if !home.is_set_up() {
        return Ok(Vec::new());
    }
    let mut operators = vec![home.operator()?];
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
