//! Loads a typed nftables ruleset on a host, and takes it back unless the host can still be reached.
//!
//! # Observes
//! The tables that the ruleset manages as the kernel holds them (`nft --json list ruleset`): their digest, without handles and counters,
//! and whether they are what is wanted. A table with anything that the types cannot say is never taken for a wanted one.
//!
//! # Changes
//! The ruleset is brought to the host as a file under `/run`, for root alone, so that a connection that breaks off on the way loads
//! nothing. Of that file `nft --check` first, then one transaction that takes the place of the tables that the ruleset names, or of
//! everything where it says so.
//! Before that the ruleset is looked over: one that would cut the way from the control addresses to sshd, or leaves open whether it would,
//! is refused with every finding. `danger_cut_control` loads it all the same, and the dead-man timer takes it back.
//!
//! # Undo
//! The tables before are loaded again from the text that the host listed. A dead-man timer does the same from a file under `/run`, for
//! root alone. The elements of dynamic sets and the values of counters do not come back.
//!
//! # Denied when
//! `host:NAME/ruleset` is not granted; with `danger_cut_control`, `host:NAME/lockout` neither.

use std::net::IpAddr;
use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Code, Digest, Effect, Fault, RemotePath, Slug, Stage, Value};
use fabric_wire::Deadline;
use fabric_wire::nft::{self, ControlPath, Held, Interface, Replace, Ruleset};
use fabric_wire::ssh::{self, ChangeCommand, ReadCommand, Restore};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::changing::{ChangeExample, Changing, Control, Payload, Planned, Task, unbegun};
use crate::means::Means;
use crate::need::Need;
use crate::observing::Observation;
use crate::target::Targets;
use crate::transport;

/// The name under which the script that brings the ruleset back is kept.
const KEPT: &str = "ruleset";

/// The mode of scripts on the host: a ruleset tells what is let in.
const FOR_ROOT_ALONE: u32 = 0o600;

/// Arguments of `nft.apply`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The host, by its name in the site.
    pub host: Slug,
    /// What it is to hold.
    pub ruleset: Ruleset,
    /// The addresses from which the host is controlled, as it sees them: the operator's, or those of its jump hosts. Without any the
    /// way to sshd must stay open whatever the source: enough for a table that only drops something else.
    #[serde(default)]
    pub control: Vec<IpAddr>,
    /// Where its sshd listens; 22 unless given.
    #[serde(default = "usual_ssh_port")]
    pub ssh_port: u16,
    /// The address of the host that control comes to. Needed where a rule asks for it.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// The interface that control comes in over. Needed where a rule asks for it.
    #[serde(default)]
    pub interface: Option<Interface>,
    /// The addresses of its VRRP peers, for a host that can hold a VIP.
    #[serde(default)]
    pub vrrp_peers: Vec<IpAddr>,
    /// Loads the ruleset even where it cuts off control. The dead-man timer takes it back.
    #[serde(default)]
    pub danger_cut_control: bool,
    /// The total deadline of each step: observing, changing, looking again.
    #[serde(default = "TimeoutMs::of_a_change")]
    pub timeout_ms: TimeoutMs,
}

fn usual_ssh_port() -> u16 {
    22
}

/// The tables that a ruleset manages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesetSeen {
    /// SHA-256 of their canonical form, without handles and counters.
    pub tables: Digest,
    /// Whether they are what is wanted.
    pub as_wanted: bool,
}

/// What is done to a ruleset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum RulesetAction {
    /// It becomes that of the call.
    Load {
        /// Digest of the script that is loaded.
        script: Digest,
    },
    /// The tables become again what was kept before the change.
    PutBack {
        /// Digest of the tables.
        tables: Digest,
    },
}

pub(crate) struct Apply;

impl Changing for Apply {
    const NAME: &'static str = "nft.apply";
    const SUMMARY: &'static str =
        "Loads a typed nftables ruleset on a host, and takes it back unless the host can still be reached.";

    type Args = Args;
    type Seen = RulesetSeen;
    type Action = RulesetAction;

    fn needs(args: &Args) -> Result<Vec<Need>, Fault> {
        let part = |name: &str| name.parse::<Slug>().map_err(|_| internal("a part of a host has no name"));
        let mut needs = vec![Need::host(&args.host, Some(&part("ruleset")?))];
        if args.danger_cut_control {
            needs.push(Need::host(&args.host, Some(&part("lockout")?)));
        }
        Ok(needs)
    }

    fn timeout(args: &Args) -> Duration {
        args.timeout_ms.duration()
    }

    async fn observe(
        args: &Args,
        targets: &Targets,
        means: &Means,
        deadline: Deadline,
    ) -> Result<Observation<RulesetSeen>, Fault> {
        let (held, path) = managed(args, targets, means, deadline).await?;
        let tables = digest(&held)?;
        let as_wanted = tables == digest(&Held::once_loaded(&args.ruleset))?;
        let output = RulesetSeen { tables, as_wanted };
        Ok(Observation { output, basis: Basis::SelfReported, transport: transport::ssh(&path) })
    }

    fn plan(args: &Args, seen: &RulesetSeen) -> Result<Option<Planned<RulesetAction, RulesetSeen>>, Fault> {
        if !args.danger_cut_control {
            look_over(args)?;
        }
        if seen.as_wanted {
            return Ok(None);
        }
        let wanted = digest(&Held::once_loaded(&args.ruleset))?;
        Ok(Some(Planned {
            action: RulesetAction::Load { script: Digest::of(nft::script(&args.ruleset).as_bytes()) },
            after: RulesetSeen { tables: wanted, as_wanted: true },
            inverse: Some(RulesetAction::PutBack { tables: seen.tables }),
            heal: Some(Restore::NftLoad { path: staged("fabric")? }),
            control: if args.danger_cut_control { Control::Cut } else { Control::Confirmed },
        }))
    }

    fn describe(args: &Args, action: &RulesetAction) -> String {
        let tables: Vec<String> = args.ruleset.tables().iter().map(ToString::to_string).collect();
        let (tables, host) = (tables.join(", "), &args.host);
        let what = match (action, args.ruleset.replace()) {
            (RulesetAction::Load { .. }, Replace::Tables) => {
                format!("load the nftables tables {tables} on {host}")
            }
            (RulesetAction::Load { .. }, Replace::Ruleset) => {
                format!("load the nftables tables {tables} on {host} in place of everything")
            }
            (RulesetAction::PutBack { .. }, Replace::Tables) => {
                format!("bring back the nftables tables {tables} of {host}")
            }
            (RulesetAction::PutBack { .. }, Replace::Ruleset) => {
                format!("bring back the nftables ruleset of {host}")
            }
        };
        let cuts = matches!(action, RulesetAction::Load { .. }) && args.danger_cut_control;
        if cuts { format!("{what}, even if that cuts off control") } else { what }
    }

    async fn keep(
        args: &Args,
        seen: &RulesetSeen,
        targets: &Targets,
        means: &Means,
        deadline: Deadline,
    ) -> Result<Vec<Payload>, Fault> {
        let reading = means.seams.ssh.read(targets.host()?, &ReadCommand::NftText, deadline);
        let output = deadline.bound(reading).await?;
        let script = nft::restoring(&args.ruleset, ssh::nft_text(&output)?);
        // The text says no digest, so the tables are looked at once more: what was the same before and after was so in between.
        let (held, _) = managed(args, targets, means, deadline).await?;
        if digest(&held)? != seen.tables {
            let message = format!("the ruleset of {} changed since it was looked at", args.host);
            return Err(Fault::new(Code::ChangeConflict, Stage::Record, message));
        }
        let name = KEPT.parse().map_err(|_| internal("a payload has no name"))?;
        Ok(vec![Payload { name, bytes: script.into_bytes() }])
    }

    async fn stage(_: &Args, _: &RulesetAction, task: &Task<'_>) -> Result<(), Fault> {
        let path = staged(task.own_name()?.as_str())?;
        bring(task, path, task.payload(KEPT)?).await
    }

    async fn unstage(_: &Args, task: &Task<'_>) -> Result<(), Fault> {
        let own_name = task.own_name()?;
        for path in [being_loaded(own_name.as_str())?, staged(own_name.as_str())?] {
            task.change(&ChangeCommand::FileRemove { path }, &[]).await?;
        }
        Ok(())
    }

    fn restore(restore: Restore, own_name: &Slug) -> Restore {
        match (restore, staged(own_name.as_str())) {
            (Restore::NftLoad { .. }, Ok(path)) => Restore::NftLoad { path },
            (other, _) => other,
        }
    }

    async fn apply(args: &Args, action: &RulesetAction, task: &Task<'_>) -> Result<(), Fault> {
        let own;
        let script = match action {
            RulesetAction::Load { script } => {
                own = nft::script(&args.ruleset);
                if Digest::of(own.as_bytes()) != *script {
                    let message = format!("the ruleset for {} is not the one that was planned", args.host);
                    return Err(unbegun(Fault::new(Code::PlanAltered, Stage::Apply, message)));
                }
                own.as_bytes()
            }
            RulesetAction::PutBack { .. } => task.payload(KEPT)?,
        };
        let path = being_loaded(task.own_name()?.as_str()).map_err(unbegun)?;
        let remove = ChangeCommand::FileRemove { path: path.clone() };
        let readied = async {
            bring(task, path.clone(), script).await?;
            task.change(&ChangeCommand::NftCheck { path: path.clone() }, &[]).await
        };
        if let Err(fault) = readied.await {
            // Nothing was loaded: once the file is gone as well, everything is as it was.
            let removed = task.change(&remove, &[]).await;
            return Err(if removed.is_ok() { fault.effect(Effect::None) } else { fault });
        }
        let loaded = task.change(&ChangeCommand::NftLoad { path }, &[]).await;
        if args.danger_cut_control && matches!(action, RulesetAction::Load { .. }) {
            // There may be no way left to remove the file over; it goes with what was staged for the timer.
            return loaded;
        }
        let removed = task.change(&remove, &[]).await;
        loaded.and(removed)
    }

    fn examples() -> Vec<ChangeExample> {
        let example = |as_wanted: bool, summary| ChangeExample {
            arguments: Value::table([
                ("host", "dns-edge-1".into()),
                ("ruleset", Value::table([("tables", Value::List(vec![example_table()]))])),
                ("control", Value::List(vec!["192.168.11.10".into()])),
            ]),
            seen: Value::table([
                ("tables", Digest::of(b"as it was").to_string().into()),
                ("as_wanted", as_wanted.into()),
            ]),
            summary,
        };
        let load = "load the nftables tables inet fabric_input on dns-edge-1";
        vec![example(false, Some(load)), example(true, None)]
    }
}

/// Lets nothing but answers and SSH from one network in.
fn example_table() -> Value {
    let accept = |when: Value| Value::table([("when", when), ("then", "accept".into())]);
    let texts = |all: &[&str]| Value::List(all.iter().map(|&text| text.into()).collect());
    let ssh = Value::table([
        ("source", Value::table([("ipv4", texts(&["192.168.11.0/24"]))])),
        ("protocol", texts(&["tcp"])),
        ("dport", Value::table([("list", Value::List(vec![Value::Int(22)]))])),
    ]);
    let rules = vec![
        accept(Value::table([("in", texts(&["lo"]))])),
        accept(Value::table([("state", texts(&["established", "related"]))])),
        accept(ssh),
    ];
    let base = Value::table([
        ("type", "filter".into()),
        ("hook", "input".into()),
        ("priority", Value::Int(0)),
        ("policy", "drop".into()),
    ]);
    let chain = Value::table([("name", "input".into()), ("base", base), ("rules", Value::List(rules))]);
    Value::table([
        ("family", "inet".into()),
        ("name", "fabric_input".into()),
        ("chains", Value::List(vec![chain])),
    ])
}

/// The managed tables, and the jump hosts on the way.
async fn managed(
    args: &Args,
    targets: &Targets,
    means: &Means,
    deadline: Deadline,
) -> Result<(Held, Vec<String>), Fault> {
    let reading = means.seams.ssh.read(targets.host()?, &ReadCommand::NftRuleset, deadline);
    let output = deadline.bound(reading).await?;
    let held = nft::held(&ssh::nft_document(&output)?)?;
    Ok((held.managed_by(&args.ruleset), output.path))
}

/// Refuses a ruleset that would cut off control, or of which nobody can tell, with every finding.
fn look_over(args: &Args) -> Result<(), Fault> {
    let control = ControlPath {
        from: args.control.clone(),
        to: args.address,
        interface: args.interface.clone(),
        port: args.ssh_port,
        vrrp_from: args.vrrp_peers.clone(),
    };
    let findings: Vec<String> = nft::lint(&args.ruleset, &control).iter().map(ToString::to_string).collect();
    if findings.is_empty() {
        return Ok(());
    }
    let message = format!("the ruleset for {} is refused: {}", args.host, findings.join("; "));
    let fault = Fault::new(Code::ScriptArgument, Stage::Plan, message);
    let fault = match args.control.as_slice() {
        [] => fault.hint("Name in `control` the addresses from which the host is reached over SSH."),
        _ => fault,
    };
    Err(fault
        .hint("Mend the rules that are named; `address` and `interface` say what a rule may depend on.")
        .hint(
            "A ruleset that is meant to cut off control needs `danger_cut_control` and `host:NAME/lockout`.",
        ))
}

/// Brings a script to the host as a file. Nothing of it has an effect.
async fn bring(task: &Task<'_>, path: RemotePath, script: &[u8]) -> Result<(), Fault> {
    let root: Slug = "root".parse().map_err(|_| unbegun(internal("root has no name")))?;
    let stage = ChangeCommand::FileStage { path, owner: root.clone(), group: root, mode: FOR_ROOT_ALONE };
    task.change(&stage, script).await
}

/// Where a script lies for the dead-man timer: gone when the host starts anew, as is what it would take back.
fn staged(own_name: &str) -> Result<RemotePath, Fault> {
    format!("/run/{own_name}.nft").parse().map_err(|_| internal("the staged ruleset has no path"))
}

/// Where the script lies that the change itself loads.
fn being_loaded(own_name: &str) -> Result<RemotePath, Fault> {
    format!("/run/{own_name}.new.nft").parse().map_err(|_| internal("the new ruleset has no path"))
}

/// The digest of tables: that of their canonical form.
fn digest(held: &Held) -> Result<Digest, Fault> {
    let value = Value::encode(held).map_err(|misfit| internal(&misfit.to_string()))?;
    let bytes = serde_json::to_vec(&value).map_err(|error| internal(&error.to_string()))?;
    Ok(Digest::of(&bytes))
}

fn internal(message: &str) -> Fault {
    Fault::new(Code::BugInternal, Stage::Plan, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(change: impl FnOnce(&mut Args)) -> Args {
        let mut examples = Apply::examples().into_iter();
        let mut args = examples.next().expect("an example").arguments.decode().expect("arguments");
        change(&mut args);
        args
    }

    fn without_ssh(args: &mut Args) {
        let text = serde_json::to_string(&args.ruleset).expect("JSON").replace("[22]", "[23]");
        args.ruleset = serde_json::from_str(&text).expect("a ruleset");
    }

    /// The example as the kernel lists it once it is loaded (`nft` 1.0.6).
    const LOADED: &str = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}},
        {"table": {"family": "inet", "name": "fabric_input", "handle": 7}},
        {"chain": {"family": "inet", "table": "fabric_input", "name": "input", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
        {"rule": {"family": "inet", "table": "fabric_input", "chain": "input", "handle": 2, "expr": [
            {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "lo"}}, {"accept": null}]}},
        {"rule": {"family": "inet", "table": "fabric_input", "chain": "input", "handle": 3, "expr": [
            {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}, {"accept": null}]}},
        {"rule": {"family": "inet", "table": "fabric_input", "chain": "input", "handle": 4, "expr": [
            {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": {"prefix": {"addr": "192.168.11.0", "len": 24}}}},
            {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, {"accept": null}]}},
        {"table": {"family": "ip", "name": "others", "handle": 8}}]}"#;

    fn seen(args: &Args, listed: &str) -> RulesetSeen {
        let held = nft::held(&serde_json::from_str(listed).expect("JSON")).expect("a ruleset");
        let tables = digest(&held.managed_by(&args.ruleset)).expect("a digest");
        let wanted = digest(&Held::once_loaded(&args.ruleset)).expect("a digest");
        RulesetSeen { tables, as_wanted: tables == wanted }
    }

    #[test]
    fn what_the_kernel_lists_after_loading_is_what_was_planned() {
        let args = args(|_| ());
        let plan =
            Apply::plan(&args, &seen(&args, r#"{"nftables": []}"#)).expect("a plan").expect("to load it");
        assert_eq!((plan.after, plan.control), (seen(&args, LOADED), Control::Confirmed));
        assert_eq!(Apply::plan(&args, &seen(&args, LOADED)), Ok(None));
        let changed = LOADED.replace("\"right\": 22", "\"right\": 23");
        assert!(Apply::plan(&args, &seen(&args, &changed)).expect("a plan").is_some());
    }

    #[test]
    fn a_ruleset_that_cuts_control_is_refused_with_its_findings() {
        let args = args(without_ssh);
        let refused = Apply::plan(&args, &seen(&args, LOADED)).expect_err("it is refused");
        assert_eq!((refused.code, refused.stage), (Code::ScriptArgument, Stage::Plan));
        assert!(
            refused.message.contains("new connections of 192.168.11.10 to sshd are dropped"),
            "{refused}"
        );
    }

    /// A table beside others that only drops something, and nobody named who controls the host.
    fn dropping(when: &str) -> Args {
        args(|args| {
            args.control.clear();
            let ruleset = format!(
                r#"{{"tables": [{{"family": "ip", "name": "fabric_gameday", "chains": [{{"name": "drops",
                    "base": {{"type": "filter", "hook": "input", "priority": -200, "policy": "accept"}},
                    "rules": [{{"when": {when}, "then": "drop"}}]}}]}}]}}"#
            );
            args.ruleset = serde_json::from_str(&ruleset).expect("a ruleset");
        })
    }

    #[test]
    fn with_nobody_named_what_leaves_sshd_alone_is_loaded_and_what_does_not_is_refused() {
        let deaf = dropping(r#"{"protocol": ["vrrp"]}"#);
        assert!(Apply::plan(&deaf, &seen(&deaf, LOADED)).expect("a plan").is_some());
        let mut lockout = dropping(r#"{"protocol": ["tcp"], "dport": {"list": [22]}}"#);
        let refused = Apply::plan(&lockout, &seen(&lockout, LOADED)).expect_err("it is refused");
        assert!(refused.message.contains("of any IPv4 address to sshd are dropped"), "{refused}");
        lockout.danger_cut_control = true;
        assert!(Apply::plan(&lockout, &seen(&lockout, LOADED)).expect("a plan").is_some());
        // The example lets one network in, which may be the wrong one.
        let unnamed = args(|args| args.control.clear());
        assert!(Apply::plan(&unnamed, &seen(&unnamed, LOADED)).is_err());
    }

    #[test]
    fn a_lockout_needs_a_grant_of_its_own_and_ends_with_the_timer() {
        let args = args(|args| {
            without_ssh(args);
            args.danger_cut_control = true;
        });
        let needs: Vec<String> =
            Apply::needs(&args).expect("needs").iter().map(|need| need.resource.to_string()).collect();
        assert_eq!(needs, ["host:dns-edge-1/ruleset", "host:dns-edge-1/lockout"]);
        let plan = Apply::plan(&args, &seen(&args, LOADED)).expect("a plan").expect("to load it");
        assert_eq!(plan.control, Control::Cut);
        let heal = Apply::restore(plan.heal.expect("a timer"), &"fabric-run-3".parse().expect("a name"));
        assert_eq!(heal.to_string(), "/usr/sbin/nft --file /run/fabric-run-3.nft");
    }
}
