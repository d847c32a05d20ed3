//! `fabric run` and `fabric rehearse`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fabric_evidence::event::Mode;
use fabric_model::exit::Exit;
use fabric_model::{Class, Slug};
use fabric_runtime::guard::{self, Ci, NoPlan};
use fabric_runtime::recording::{self, Source};
use fabric_runtime::site::SiteFile;
use fabric_runtime::{Execution, Finished, Refusal, Run, Script, Watch, Worker, World, recover};
use fabric_twin::{Twin, TwinFault};

use super::grants;
use crate::args::{Claims, Execution as Said, Rehearse, Run as RunArgs, RunOutput, Scripted};
use crate::output;
use crate::place::Place;
use crate::stream::tell;
use crate::terminal::{Terminal, WarningsOnly};

/// What the twin is called where a site file's name is expected.
pub(super) const TWIN: &str = "twin";

/// The seed of the twin's randomness, the same in every rehearsal so that two rehearsals are alike.
const SEED: u64 = 1;

/// How much faster the twin's time runs than ours where nobody says: a GameDay of a minute takes seconds.
pub(super) const SPEED: u32 = 10;

pub(crate) fn run(place: &Place, args: &RunArgs) -> Result<Exit, Refusal> {
    let RunArgs { script, offline, execution } = args;
    if let Some(recording) = offline {
        return super::offline::offline(place, script, recording);
    }
    if script.site.as_deref() == Some(Path::new(TWIN)) {
        return rehearse(place, &Rehearse::of(Scripted { site: None, ..script.clone() }, execution));
    }
    if !script.faults.is_empty() {
        return Err(Refusal::new(Exit::Usage, "faults are planted in the twin alone")
            .hint("Use `fabric rehearse`, or `fabric-lab fault` in the lab."));
    }
    let Said { execute, plan, claims } = execution;
    if !execute && claims.are_made() {
        return Err(Refusal::new(Exit::Usage, "a reason and a window are for a plan that is executed")
            .hint("Add `--execute --plan DIGEST`, or leave them out: a dry run asks no guard."));
    }
    let wanted = Wanted { execute: *execute, plan: plan.as_deref(), claims: claims.to_guards() };
    perform(place, script, How { mode: Mode::Run, wanted, answers: source(script) }, |file| {
        World::open(file, &place.home)
    })
}

pub(crate) fn rehearse(place: &Place, args: &Rehearse) -> Result<Exit, Refusal> {
    let place = &with_key(place)?;
    let script = &args.script;
    let faults = script.faults.iter().map(|text| parse_fault(text)).collect::<Result<Vec<_>, _>>()?;
    let wanted =
        Wanted { execute: !args.dry_run, plan: args.plan.as_deref(), claims: args.claims.to_guards() };
    let how = How { mode: Mode::Rehearse, wanted, answers: source(script) };
    perform(place, script, how, |file| match &args.twin {
        Some(socket) => tokio::runtime::Handle::current().block_on(World::rehearsal_on(file, socket)),
        None => on_twin(file, faults, args.speed),
    })
}

/// The site, played by a twin of the run's own with these faults.
pub(super) fn on_twin(file: SiteFile, faults: Vec<TwinFault>, speed: u32) -> Result<World, Refusal> {
    let twin = Twin::at_speed(&file.site, SEED, speed);
    for fault in faults {
        twin.inject(fault)
            .map_err(|error| Refusal::new(Exit::Usage, format!("the fault cannot be planted: {error}")))?;
    }
    Ok(World::rehearsal(file, Arc::new(twin)))
}

/// The place, with a key for runs that count for nothing where the operator has none.
pub(super) fn with_key(place: &Place) -> Result<Place, Refusal> {
    let place = place.for_rehearsals();
    if !place.home.is_set_up() {
        let role: Slug = "site-dev".parse().map_err(|_| Refusal::new(Exit::Bug, "no role"))?;
        let fingerprint =
            place.home.set_up("fabric rehearsal <fabric@localhost>", &role, SystemTime::now())?;
        tell(format_args!(
            "made a signing key for rehearsals: {fingerprint} ({})",
            place.home.key_path().display()
        ));
    }
    Ok(place)
}

/// The site answers; whether its answers are kept is the operator's wish.
fn source(script: &Scripted) -> Source {
    if script.record.is_some() { Source::Kept } else { Source::Site }
}

/// Whether a run may change things, and what the operator says for the guards.
pub(super) struct Wanted<'a> {
    execute: bool,
    plan: Option<&'a str>,
    claims: guard::Claims,
}

impl Wanted<'_> {
    /// Nothing but a plan.
    pub(super) fn plan() -> Self {
        Self { execute: false, ..Self::changes() }
    }

    /// Changes, for which nobody says anything to the guards.
    pub(super) fn changes() -> Self {
        let claims = guard::Claims { reason: None, window: None, ci: Ci::detect(|_| None) };
        Self { execute: true, plan: None, claims }
    }
}

/// How a script is run.
pub(super) struct How<'a> {
    pub(super) mode: Mode,
    pub(super) wanted: Wanted<'a>,
    pub(super) answers: Source,
}

impl Claims {
    fn are_made(&self) -> bool {
        self.reason.is_some() || self.window_start.is_some()
    }

    /// With what the environment of this process says of it.
    fn to_guards(&self) -> guard::Claims {
        guard::Claims {
            reason: self.reason.clone(),
            window: self.window_start.clone().zip(self.window_end.clone()),
            ci: Ci::detect(|name| std::env::var_os(name)),
        }
    }
}

impl Rehearse {
    /// A rehearsal in the place of a run, because its site is the twin.
    pub(super) fn of(script: Scripted, said: &Said) -> Self {
        let Said { execute, plan, claims } = said.clone();
        Self { script, dry_run: !execute, plan, claims, twin: None, speed: SPEED }
    }
}

fn parse_fault(text: &str) -> Result<TwinFault, Refusal> {
    serde_json::from_str(text).map_err(|error| {
        Refusal::new(Exit::Usage, format!("`{text}` is no fault of the twin: {error}"))
            .hint("`fabric schema twin-fault` describes the faults.")
    })
}

/// Runs a script, shows how it goes, and keeps of it what is to be kept.
pub(super) fn perform(
    place: &Place,
    args: &Scripted,
    how: How<'_>,
    open: impl FnOnce(SiteFile) -> Result<World, Refusal>,
) -> Result<Exit, Refusal> {
    let terminal = (args.output == RunOutput::Human).then(|| Arc::new(Terminal::new()));
    let watch: Arc<dyn Watch> = match &terminal {
        Some(terminal) => Arc::clone(terminal) as Arc<dyn Watch>,
        None => Arc::new(WarningsOnly),
    };
    let finished = conduct(place, args, how, watch, open)?;
    if let Some(terminal) = terminal {
        terminal.finish();
    }
    let told = output::told(place, &finished)?;
    output::print(place, &told, args.output)?;
    if let Some(file) = &args.metrics {
        output::metrics::write(&told, file)?;
    }
    keep(place, args, &finished)?;
    Ok(finished.exit)
}

/// Runs a script to its sealed packet.
pub(super) fn conduct(
    place: &Place,
    args: &Scripted,
    how: How<'_>,
    watch: Arc<dyn Watch>,
    open: impl FnOnce(SiteFile) -> Result<World, Refusal>,
) -> Result<Finished, Refusal> {
    let How { mode, wanted, answers } = how;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Refusal::new(Exit::Bug, format!("the runtime cannot be started: {error}")))?;
    let _inside = runtime.enter();
    // First of all, so that it loads while the host reads its files.
    let worker = Worker::start()?;
    let home = place.home.clone();
    // On the side, because OpenPGP takes as long as all other files together.
    let operator = tokio::task::spawn_blocking(move || home.operator());
    warn_of_orphans(place, &*watch)?;
    let operator = runtime
        .block_on(operator)
        .map_err(|panic| Refusal::new(Exit::Bug, format!("the key cannot be read: {panic}")))??;
    let execution = match wanted.execute {
        true => Some(Execution {
            plan: match wanted.plan.map(|plan| place.plan(plan, &operator.trust)) {
                None => None,
                Some(Ok(found)) => Some(Ok(found)),
                Some(Err(NoPlan::Altered(fault))) => Some(Err(fault)),
                Some(Err(missing)) => return Err(missing.into()),
            },
            claims: wanted.claims,
            home: place.home.clone(),
        }),
        false => None,
    };
    let script = Script::load(&place.project, &args.path)?;
    may_keep(args, &script, execution.is_some())?;
    let run = Run {
        script,
        params: args.params.iter().cloned().collect(),
        world: Arc::new(open(place.site(args.site.as_deref())?)?),
        policy: place.policy(args.policy.as_deref())?,
        operator,
        mode,
        answers,
        execution,
        runs: place.runs(),
        time_limit: Duration::from_secs(args.time_limit),
        watch,
    };
    // As a task, so that the door and the calls that it begins share a thread of the runtime where they can: one that waits outside it
    // has to be woken for each.
    let finished = runtime.spawn(fabric_runtime::run_with(worker, run));
    runtime
        .block_on(finished)
        .map_err(|panic| Refusal::new(Exit::Bug, format!("the run ended in a panic: {panic}")))?
}

/// Whether what is to be kept of this run may be, and where it is to be.
fn may_keep(args: &Scripted, script: &Script, execute: bool) -> Result<(), Refusal> {
    if let Some(file) = &args.record_grants {
        grants::check_place(file)?;
    }
    let Some(file) = &args.record else { return Ok(()) };
    if execute && script.header.reach != Class::Observe {
        return Err(Refusal::new(Exit::Usage, "a recording is made of a run that changes nothing")
            .hint("Add `--dry-run` to a rehearsal, or leave out `--execute`."));
    }
    recording::check_place(file, &script.path)
}

fn keep(place: &Place, args: &Scripted, finished: &Finished) -> Result<(), Refusal> {
    if let Some(file) = &args.record {
        keep_answers(place, file, finished)?;
    }
    match &args.record_grants {
        Some(file) => keep_grants(place, args, file, finished),
        None => Ok(()),
    }
}

fn keep_grants(place: &Place, args: &Scripted, file: &Path, finished: &Finished) -> Result<(), Refusal> {
    let site = place.site(args.site.as_deref().filter(|site| *site != Path::new(TWIN)))?.site;
    let primitives = grants::write(&finished.sealed.dir, &site, file)?;
    tell(format_args!("wrote what it used of {primitives} primitives: {}", place.shorten(file)));
    if let Some(hint) = grants::hint(finished.sealed.run.head.site.realm) {
        tell(hint);
    }
    Ok(())
}

fn keep_answers(place: &Place, file: &Path, finished: &Finished) -> Result<(), Refusal> {
    match &finished.recording {
        Some(kept) => {
            let size = recording::save(file, kept)?;
            let answers = kept.entries.len();
            tell(format_args!("recorded {answers} answers, {size} bytes: {}", place.shorten(file)));
        }
        None => tell("nothing is recorded: the script did not come to an end of its own"),
    }
    Ok(())
}

fn warn_of_orphans(place: &Place, watch: &dyn Watch) -> Result<(), Refusal> {
    let orphans = recover::orphans(&place.runs())?;
    if !orphans.is_empty() {
        watch.warned(&format!(
            "{} earlier run(s) were killed and left unsealed packets; `fabric recover` seals them",
            orphans.len()
        ));
    }
    Ok(())
}
