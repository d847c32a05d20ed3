//! From a contract and the name of a testcase to the run that it stands for.

use std::collections::BTreeMap;

use fabric_model::exit::Exit;
use fabric_model::site::Site;
use fabric_model::{Kind, Resource, Slug};

use super::{Contract, Mode, Registry, Testcase};
use crate::refusal::Refusal;
use crate::site::environment_of;

/// The run that a testcase stands for. It goes through the gate and the guards like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The script, relative to the project's root.
    pub script: String,
    /// Its parameters, as on the command line.
    pub params: BTreeMap<String, String>,
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
            .hint("Add it to gamedays/registry.toml.")
    })?;
    if found.mode == Mode::Destructive {
        return Err(refused(format!("the testcase `{testcase}` is destructive, and nothing runs it"))
            .hint("It is rehearsed on paper, or by hand on a system that may be lost."));
    }
    if !found.consumers.contains(&contract.consumer) {
        return Err(not_allowed(testcase, &format!("consumers of the type `{}`", contract.consumer)));
    }
    bound(testcase, found, site)?;
    let script =
        found.script.clone().ok_or_else(|| refused(format!("the testcase `{testcase}` has no script")))?;
    Ok(Resolved { script, params: found.params.clone() })
}

/// The environment is that of the VIP, not one that somebody says.
fn bound(testcase: &str, found: &Testcase, site: &Site) -> Result<(), Refusal> {
    let front = found.params.get("front").and_then(|front| front.parse::<Slug>().ok());
    let (name, vip) = front.and_then(|front| site.vips.get_key_value(&front)).ok_or_else(|| {
        Refusal::new(
            Exit::NotFound,
            format!("the testcase `{testcase}` is for a VIP that the site does not have"),
        )
    })?;
    if !found.groups.contains(&vip.group) {
        return Err(not_allowed(testcase, &format!("VIPs of the group `{}`", vip.group)));
    }
    let resource = Resource::named(Kind::Vip, name.clone());
    let environment = environment_of(site, &resource);
    if !found.environments.contains(&environment) {
        return Err(not_allowed(
            testcase,
            &format!("the environment `{environment}`, in which `{resource}` lies"),
        ));
    }
    Ok(())
}

fn not_allowed(testcase: &str, what: &str) -> Refusal {
    refused(format!("the registry does not allow the testcase `{testcase}` for {what}"))
        .hint("gamedays/registry.toml lists where it may be run for whom.")
}

fn refused(message: String) -> Refusal {
    Refusal::new(Exit::Denied, message)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
