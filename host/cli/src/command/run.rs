//! `fabric run` and `fabric rehearse`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fabric_evidence::event::Mode;
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_runtime::{Refusal, Run, Script, Watch, Worker, World, recover};
use fabric_twin::{Twin, TwinFault};

use crate::args::{Output, Run as RunArgs};
use crate::output;
use crate::place::Place;
use crate::stream::tell;
use crate::terminal::{Terminal, WarningsOnly};

/// What the twin is called where a site file's name is expected.
const TWIN: &str = "twin";

/// The seed of the twin's randomness, the same in every rehearsal so that two rehearsals are alike.
const SEED: u64 = 1;

pub(crate) fn run(place: &Place, args: &RunArgs) -> Result<Exit, Refusal> {
    if args.site.as_deref() == Some(Path::new(TWIN)) {
        return rehearse(place, &RunArgs { site: None, ..args.clone() });
    }
    if !args.faults.is_empty() {
        return Err(Refusal::new(Exit::Usage, "faults are planted in the twin alone")
            .hint("Use `fabric rehearse`, or `fabric-lab fault` in the lab."));
    }
    perform(place, args, Mode::Run, World::open)
}

pub(crate) fn rehearse(place: &Place, args: &RunArgs) -> Result<Exit, Refusal> {
    let place = &place.for_rehearsals();
    if !place.home.is_set_up() {
        let role: Slug = "site-dev".parse().map_err(|_| Refusal::new(Exit::Bug, "no role"))?;
        let fingerprint =
            place.home.set_up("fabric rehearsal <fabric@localhost>", &role, SystemTime::now())?;
        tell(format_args!(
            "made a signing key for rehearsals: {fingerprint} ({})",
            place.home.key_path().display()
        ));
    }
    let faults = args.faults.iter().map(|text| parse_fault(text)).collect::<Result<Vec<_>, _>>()?;
    perform(place, args, Mode::Rehearse, |file| {
        let twin = Twin::new(&file.site, SEED);
        for fault in faults {
            twin.inject(fault).map_err(|error| {
                Refusal::new(Exit::Usage, format!("the fault cannot be planted: {error}"))
            })?;
        }
        Ok(World::rehearsal(file, Arc::new(twin)))
    })
}

fn parse_fault(text: &str) -> Result<TwinFault, Refusal> {
    serde_json::from_str(text).map_err(|error| {
        Refusal::new(Exit::Usage, format!("`{text}` is no fault of the twin: {error}"))
            .hint("`fabric schema twin-fault` describes the faults.")
    })
}

fn perform(
    place: &Place,
    args: &RunArgs,
    mode: Mode,
    open: impl FnOnce(fabric_runtime::site::SiteFile) -> Result<World, Refusal>,
) -> Result<Exit, Refusal> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Refusal::new(Exit::Bug, format!("the runtime cannot be started: {error}")))?;
    let _inside = runtime.enter();
    // First of all, so that it loads while the host reads its files.
    let worker = Worker::start()?;
    let home = place.home.clone();
    // On the side, because OpenPGP takes as long as all other files together.
    let operator = tokio::task::spawn_blocking(move || home.operator());
    let terminal = (args.output == Output::Human).then(|| Arc::new(Terminal::new()));
    let watch: Arc<dyn Watch> = match &terminal {
        Some(terminal) => Arc::clone(terminal) as Arc<dyn Watch>,
        None => Arc::new(WarningsOnly),
    };
    warn_of_orphans(place, &*watch)?;
    let run = Run {
        script: Script::load(&place.project, &args.script)?,
        params: args.params.iter().cloned().collect(),
        world: Arc::new(open(place.site(args.site.as_deref())?)?),
        policy: place.policy(args.policy.as_deref())?,
        operator: runtime
            .block_on(operator)
            .map_err(|panic| Refusal::new(Exit::Bug, format!("the key cannot be read: {panic}")))??,
        mode,
        runs: place.runs(),
        time_limit: Duration::from_secs(args.time_limit),
        watch,
    };
    let finished = runtime.block_on(fabric_runtime::run_with(worker, run))?;
    if let Some(terminal) = terminal {
        terminal.finish();
    }
    output::finished(place, &finished, args.output)?;
    Ok(finished.exit)
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
