//! `fabric gameday`: the run that a testcase of a consumer's contract stands for.

use std::fs;
use std::path::Path;

use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use fabric_runtime::gameday::{Contract, Registry, Resolved, resolve};
use fabric_runtime::{Refusal, Script};

use super::run;
use crate::args::{Gameday, Rehearse, Run, Scripted};
use crate::place::Place;

/// Where a project keeps its registry.
const REGISTRY: &str = "gamedays/registry.toml";

/// Finds the script and its parameters, and runs or rehearses it as `fabric run` and `fabric rehearse` do.
pub(crate) fn gameday(place: &Place, args: &Gameday) -> Result<Exit, Refusal> {
    let on_twin = args.rehearse || args.site.as_deref() == Some(Path::new(run::TWIN));
    if !on_twin && (args.dry_run || args.twin.is_some()) {
        return Err(Refusal::new(Exit::Usage, "`--dry-run` and `--twin` are for rehearsals")
            .hint("Add `--rehearse`. Without `--execute` a run on the site only plans."));
    }
    let resolved = resolved(place, args, on_twin)?;
    let script = scripted(place, args, resolved);
    let execution = args.execution.clone();
    if !on_twin {
        return run::run(place, &Run { script, offline: None, execution });
    }
    let rehearsal = Rehearse::of(Scripted { site: None, ..script }, &execution);
    let dry_run = if args.rehearse { args.dry_run } else { rehearsal.dry_run };
    run::rehearse(place, &Rehearse { dry_run, twin: args.twin.clone(), ..rehearsal })
}

fn resolved(place: &Place, args: &Gameday, on_twin: bool) -> Result<Resolved, Refusal> {
    let contract = read(&args.contract, "contract")?;
    let contract_name = place.shorten(&args.contract);
    let contract = Contract::parse(&contract_name, &contract)
        .map_err(|error| Refusal::in_file(Exit::Configuration, &contract_name, vec![error]))?;
    let path = args.registry.clone().unwrap_or_else(|| place.project.join(REGISTRY));
    let name = place.shorten(&path);
    let registry = Registry::parse(&name, &read(&path, "registry of testcases")?)
        .map_err(|errors| Refusal::in_file(Exit::Configuration, &name, errors))?;
    let mut site = place.site(args.site.as_deref().filter(|_| !on_twin))?.site;
    if on_twin {
        site.site.realm = Realm::Twin;
    }
    let resolved = resolve(&contract, &args.testcase, &registry, &site)?;
    let script = Script::load(&place.project, &script_path(place, &resolved))?;
    resolved.fits(&registry, &script.header)?;
    Ok(resolved)
}

/// The same as on the command line of `fabric run`.
fn scripted(place: &Place, args: &Gameday, resolved: Resolved) -> Scripted {
    let path = script_path(place, &resolved);
    let mut params: Vec<(String, String)> = resolved.params.into_iter().collect();
    params.extend(args.conductor.clone().map(|conductor| ("conductor".to_owned(), conductor)));
    Scripted {
        path,
        site: args.site.clone(),
        policy: args.policy.clone(),
        params,
        faults: Vec::new(),
        record: None,
        record_grants: None,
        metrics: args.metrics.clone(),
        time_limit: args.time_limit,
        output: args.output,
    }
}

fn script_path(place: &Place, resolved: &Resolved) -> String {
    place.shorten(&place.project.join(&resolved.script))
}

fn read(path: &Path, what: &str) -> Result<String, Refusal> {
    fs::read_to_string(path).map_err(|error| {
        Refusal::new(Exit::NotFound, format!("the {what} {} cannot be read: {error}", path.display()))
    })
}
