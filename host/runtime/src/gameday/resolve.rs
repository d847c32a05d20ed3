//! From a contract and the name of a testcase to the run that it stands for.

use std::collections::BTreeMap;
use std::fmt::Display;

use fabric_model::exit::Exit;
use fabric_model::site::Site;
use fabric_model::{Class, Kind, Resource, Slug};
use fabric_script::header::{Header, ScriptKind};

use super::{Contract, Limit, Mode, Registry, Testcase};
use crate::refusal::Refusal;
use crate::site::environment_of;

/// The run that a testcase stands for. It goes through the gate and the guards like any other.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The script, relative to the project's root.
    pub script: String,
    /// Its parameters, as on the command line.
    pub params: BTreeMap<String, String>,
    mode: Limit<Mode>,
}

/// Finds the run of a testcase that a contract names. The registry only narrows: which targets the run may touch the policy says.
///
/// # Errors
/// When the contract does not name the testcase, nobody runs it, or it may not be run for this consumer, on this VIP or in the
/// environment that the VIP really lies in.
pub fn resolve(
    contract: &Contract,
    testcase: &str,
    registry: &Registry,
    site: &Site,
) -> Result<Resolved, Refusal> {
    if !contract.testcases.contains(testcase) {
        let named: Vec<&str> = contract.testcases.iter().map(String::as_str).collect();
        return Err(Refusal::new(Exit::NotFound, format!("the contract names no testcase `{testcase}`"))
            .hint(format!(
                "It names {}.",
                if named.is_empty() { "none".to_owned() } else { named.join(", ") }
            )));
    }
    let found = registry.testcases.get(testcase).ok_or_else(|| {
        Refusal::new(Exit::NotFound, format!("the registry has no testcase `{testcase}`"))
            .hint(format!("Add it to {}; docs/gamedays.md explains the keys.", registry.file()))
    })?;
    if found.mode.allowed == Mode::Destructive {
        let message = format!("the testcase `{testcase}` is destructive, and nothing runs it");
        let remedy = "Rehearse it on paper, or by hand on a system that may be lost.".to_owned();
        return Err(registry.refused(&found.mode, message, "its mode is `destructive`", remedy));
    }
    if !found.consumers.allowed.contains(&contract.consumer) {
        let what = format!("consumers of the type `{}`", contract.consumer);
        let remedy = format!("Add `{}` to that line if it may be run for such consumers.", contract.consumer);
        return Err(not_allowed(registry, testcase, &found.consumers, &what, remedy));
    }
    bound(testcase, found, registry, site)?;
    let script = found.script.clone().ok_or_else(|| {
        Refusal::new(Exit::Configuration, format!("the testcase `{testcase}` has no script"))
    })?;
    Ok(Resolved { script, params: found.params.clone(), mode: found.mode.clone() })
}

/// The environment is that of the VIP, not one that somebody says.
fn bound(testcase: &str, found: &Testcase, registry: &Registry, site: &Site) -> Result<(), Refusal> {
    let front = found.params.get("front").and_then(|front| front.parse::<Slug>().ok());
    let (name, vip) = front.and_then(|front| site.vips.get_key_value(&front)).ok_or_else(|| {
        let message = format!("the testcase `{testcase}` is for a VIP that the site does not have");
        Refusal::new(Exit::NotFound, message)
            .hint(format!("Its parameter `front` in {} names the VIP.", registry.file()))
    })?;
    if !found.groups.allowed.contains(&vip.group) {
        let what = format!("VIPs of the group `{}`", vip.group);
        let remedy = format!("Add `{}` to that line if it may be run on the VIPs of that group.", vip.group);
        return Err(not_allowed(registry, testcase, &found.groups, &what, remedy));
    }
    let resource = Resource::named(Kind::Vip, name.clone());
    let environment = environment_of(site, &resource);
    if !found.environments.allowed.contains(&environment) {
        let what = format!("the environment `{environment}`, in which `{resource}` lies");
        let remedy = format!(
            "Rehearse it on the twin with `--rehearse`, or add `{environment}` to that line if it may be run there."
        );
        return Err(not_allowed(registry, testcase, &found.environments, &what, remedy));
    }
    Ok(())
}

fn not_allowed<T: Display>(
    registry: &Registry,
    testcase: &str,
    limit: &Limit<Vec<T>>,
    what: &str,
    remedy: String,
) -> Refusal {
    let message = format!("the registry does not allow the testcase `{testcase}` for {what}");
    let allowed: Vec<String> = limit.allowed.iter().map(|one| format!("`{one}`")).collect();
    registry.refused(limit, message, &format!("allowed are {}", allowed.join(", ")), remedy)
}

impl Resolved {
    /// Holds the script to the testcase's mode: what only looks may change nothing, and what changes something takes it back.
    ///
    /// # Errors
    /// When the script declares more, or another kind, than the mode allows.
    pub fn fits(&self, registry: &Registry, script: &Header) -> Result<(), Refusal> {
        let (says, fits) = match self.mode.allowed {
            Mode::ReadOnly => ("its mode is `read-only`", script.reach == Class::Observe),
            Mode::Gameday => ("its mode is `gameday`", script.kind == ScriptKind::Gameday),
            Mode::Destructive => ("its mode is `destructive`", false),
        };
        if fits {
            return Ok(());
        }
        let message = format!("{} does more than its testcase allows", self.script);
        let remedy = "A read-only testcase runs a script with `reach = \"observe\"`, a gameday one of `kind = \"gameday\"`.";
        Err(registry.refused(&self.mode, message, says, remedy.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::script::Script;

    const SITE: &str = include_str!("../../../../fabric.toml");
    const REGISTRY: &str = include_str!("../../../../gamedays/registry.toml");
    const REAL: &str = "realm = \"real\"";
    const TWIN: &str = "realm = \"twin\"";

    fn run_of(consumer: &str, testcase: &str, realm: &str, registry: &str) -> Result<Resolved, Refusal> {
        let names = ["gameday:vip-failover", "node-loss", "storage-unavailable", "unheard-of"];
        let testcases = names.map(str::to_owned).into();
        let contract = Contract { consumer: consumer.to_owned(), testcases };
        let registry = Registry::parse("registry.toml", registry).expect("sound");
        let site = crate::site::parse("fabric.toml", &SITE.replacen(REAL, realm, 1)).expect("sound");
        resolve(&contract, testcase, &registry, &site)
    }

    #[test]
    fn a_testcase_is_its_script_with_its_parameters() {
        let resolved = run_of("cache", "gameday:vip-failover", TWIN, REGISTRY).expect("allowed on the twin");
        assert_eq!(resolved.script, "gamedays/vip-failover-stop.rhai");
        assert_eq!(resolved.params, BTreeMap::from([("front".to_owned(), "observability".to_owned())]));
    }

    #[test]
    fn the_environment_is_that_of_the_target_whatever_anybody_says() {
        let refusal = run_of("cache", "gameday:vip-failover", REAL, REGISTRY).expect_err("the shared plane");
        assert_eq!(refusal.exit, Exit::Denied);
        assert!(refusal.message.contains("the environment `samakia-shared`"), "{}", refusal.message);
        assert!(run_of("cache", "node-loss", REAL, REGISTRY).is_ok(), "looking is allowed there");
    }

    #[test]
    fn what_is_not_allowed_is_refused_with_its_reason() {
        let other_group = REGISTRY.replace("groups = [\"shared\"]", "groups = [\"dns\"]");
        let no_vip = REGISTRY.replace("observability", "nowhere");
        for (consumer, testcase, registry, exit, says) in [
            ("cache", "service-restart", REGISTRY, Exit::NotFound, "the contract names no testcase"),
            ("cache", "unheard-of", REGISTRY, Exit::NotFound, "the registry has no testcase"),
            ("cache", "storage-unavailable", REGISTRY, Exit::Denied, "is destructive, and nothing runs it"),
            ("custom", "gameday:vip-failover", REGISTRY, Exit::Denied, "consumers of the type `custom`"),
            ("cache", "gameday:vip-failover", &other_group, Exit::Denied, "VIPs of the group `shared`"),
            ("cache", "gameday:vip-failover", &no_vip, Exit::NotFound, "a VIP that the site does not have"),
        ] {
            let refusal = run_of(consumer, testcase, TWIN, registry).expect_err(says);
            assert!(refusal.exit == exit && refusal.message.contains(says), "{says}: {}", refusal.message);
        }
    }

    #[test]
    fn a_limit_is_shown_at_its_line_with_its_remedy() {
        let line_of = |part: &str| REGISTRY.lines().position(|line| line.contains(part)).map(|line| line + 1);
        for (consumer, testcase, realm, part, remedy) in [
            ("custom", "gameday:vip-failover", TWIN, "consumers =", "Add `custom` to that line"),
            ("cache", "gameday:vip-failover", REAL, "environments =", "add `samakia-shared` to that line"),
            ("cache", "storage-unavailable", TWIN, "\"destructive\"", "on paper"),
        ] {
            let refusal = run_of(consumer, testcase, realm, REGISTRY).expect_err(part);
            let [at] = refusal.diagnostics.as_slice() else { panic!("{part}: {refusal}") };
            assert_eq!((at.file.as_str(), Some(at.line)), ("registry.toml", line_of(part)), "{at}");
            assert!(refusal.hints.iter().any(|hint| hint.contains(remedy)), "{refusal}");
        }
        let dns_only = REGISTRY.replace("groups = [\"shared\"]", "groups = [\"dns\"]");
        let refusal = run_of("cache", "gameday:vip-failover", TWIN, &dns_only).expect_err("another group");
        assert!(refusal.to_string().contains("allowed are `dns`"), "{refusal}");
        assert!(refusal.to_string().contains("Add `shared` to that line"), "{refusal}");
    }

    #[test]
    fn every_script_of_the_registry_fits_its_mode_and_takes_its_parameters() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let registry = Registry::parse("registry.toml", REGISTRY).expect("sound");
        for (name, testcase) in &registry.testcases {
            let Some(path) = &testcase.script else { continue };
            let path = root.join(path).display().to_string();
            let header = Script::load(&root, &path).expect("the project has it").header;
            let resolved =
                Resolved { script: path, params: testcase.params.clone(), mode: testcase.mode.clone() };
            resolved.fits(&registry, &header).expect(name);
            assert!(testcase.params.keys().all(|param| header.params.contains_key(param)), "{name}");
        }
    }

    #[test]
    fn a_script_that_does_more_than_the_mode_is_refused() {
        let header = |kind: &str, reach: &str| {
            let text = format!(
                "// /// fabric\n// title = \"T\"\n// kind = \"{kind}\"\n// reach = \"{reach}\"\n// ///\n"
            );
            fabric_script::header::parse("s.rhai", &text).expect("sound")
        };
        let registry = Registry::parse("registry.toml", REGISTRY).expect("sound");
        for (testcase, kind, reach, fits) in [
            ("node-loss", "acceptance", "observe", true),
            ("node-loss", "gameday", "change", false),
            ("gameday:vip-failover", "gameday", "change", true),
            ("gameday:vip-failover", "operation", "change", false),
        ] {
            let resolved = run_of("cache", testcase, TWIN, REGISTRY).expect("allowed on the twin");
            let held = resolved.fits(&registry, &header(kind, reach));
            assert_eq!(held.is_ok(), fits, "{testcase}, {kind}");
            assert!(held.err().is_none_or(|refusal| refusal.diagnostics.len() == 1));
        }
    }
}
