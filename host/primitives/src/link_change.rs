//! Switching one network interface of a host on and off.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::time::Duration;

use fabric_model::change::Standing;
use fabric_model::check::Basis;
use fabric_model::{Code, Fault, Slug, Stage, Value};
use fabric_wire::Deadline;
use fabric_wire::ssh::{self, ChangeCommand, Interface, ReadCommand, Restore};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::changing::{ChangeExample, Changing, Control, Planned, Task};
use crate::means::Means;
use crate::need::Need;
use crate::observing::Observation;
use crate::target::Targets;
use crate::transport;

/// Arguments of a change of an interface.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// The host, by its name in the site.
    pub host: Slug,
    /// The interface, such as `eth0`.
    pub interface: Slug,
    /// The total deadline of each step: observing, changing, looking again.
    #[serde(default = "TimeoutMs::of_a_change")]
    pub timeout_ms: TimeoutMs,
}

/// The state of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkSeen {
    /// Whether the host has it.
    pub present: bool,
    /// Whether it is switched on (the kernel's flag `UP`).
    pub up: bool,
    /// Whether the host may be reached over it: no interface that is independent of it has the address of the SSH connection.
    pub control: bool,
}

/// What is done to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Switch {
    /// On or off.
    pub up: bool,
}

/// Switching in one direction.
pub(crate) trait LinkChange: Send + Sync + 'static {
    const NAME: &'static str;
    const SUMMARY: &'static str;
    /// How the interface is afterwards.
    const UP: bool;

    fn examples() -> Vec<ChangeExample>;
}

/// A switch as a changing primitive.
pub(crate) struct OnLink<C>(PhantomData<C>);

impl<C: LinkChange> Changing for OnLink<C> {
    const NAME: &'static str = C::NAME;
    const SUMMARY: &'static str = C::SUMMARY;

    type Args = Args;
    type Seen = LinkSeen;
    type Action = Switch;

    fn needs(args: &Args) -> Result<Vec<Need>, Fault> {
        Ok(vec![Need::host(&args.host, Some(&args.interface))])
    }

    fn timeout(args: &Args) -> Duration {
        args.timeout_ms.duration()
    }

    async fn observe(
        args: &Args,
        targets: &Targets,
        means: &Means,
        deadline: Deadline,
    ) -> Result<Observation<LinkSeen>, Fault> {
        let host = targets.host()?;
        let reading = means.seams.ssh.read(host, &ReadCommand::Addresses, deadline);
        let output = deadline.bound(reading).await?;
        let interfaces = ssh::addresses(&output)?;
        Ok(Observation {
            output: seen(&interfaces, args.interface.as_str(), host.address.ip()),
            basis: Basis::SelfReported,
            transport: transport::ssh(&output.path),
        })
    }

    fn plan(args: &Args, seen: &LinkSeen) -> Result<Option<Planned<Switch, LinkSeen>>, Fault> {
        if !seen.present {
            let message = format!("{} has no interface `{}`", args.host, args.interface);
            let hint = "Compare the name with `host.addresses` of the host.";
            return Err(Fault::new(Code::PortNotFound, Stage::Plan, message).hint(hint));
        }
        Ok((seen.up != C::UP).then(|| Planned {
            action: Switch { up: C::UP },
            after: LinkSeen { up: C::UP, ..seen.clone() },
            inverse: Some(Switch { up: !C::UP }),
            heal: Some(Restore::LinkSet { interface: args.interface.clone(), up: !C::UP }),
            control: if seen.control && !C::UP { Control::Cut } else { Control::Kept },
        }))
    }

    fn describe(args: &Args, action: &Switch) -> String {
        let direction = if action.up { "up" } else { "down" };
        format!("take {} of {} {direction}", args.interface, args.host)
    }

    /// The switch alone counts: addresses come and go with it.
    fn standing(now: &LinkSeen, before: &LinkSeen, after: &LinkSeen) -> Standing {
        match now {
            LinkSeen { present: false, .. } => Standing::Foreign,
            now if now.up == before.up => Standing::Before,
            now if now.up == after.up => Standing::After,
            _ => Standing::Foreign,
        }
    }

    async fn apply(args: &Args, action: &Switch, task: &Task<'_>) -> Result<(), Fault> {
        let command = ChangeCommand::LinkSet { interface: args.interface.clone(), up: action.up };
        task.change(&command, &[]).await
    }

    fn examples() -> Vec<ChangeExample> {
        C::examples()
    }
}

/// An example over the inner leg of the first DNS edge.
pub(crate) fn example(up: bool, summary: Option<&'static str>) -> ChangeExample {
    ChangeExample {
        arguments: Value::table([("host", "dns-edge-1".into()), ("interface", "eth1".into())]),
        seen: Value::table([("present", true.into()), ("up", up.into()), ("control", false.into())]),
        summary,
    }
}

/// A host whose address is seen nowhere is reached through translation somewhere, over whatever interface.
fn seen(interfaces: &[Interface], name: &str, reached: IpAddr) -> LinkSeen {
    let found = interfaces.iter().find(|interface| interface.name == name);
    let apart = interfaces.iter().filter(|interface| !rests_on(&interface.name, name));
    let control =
        !apart.flat_map(|interface| &interface.addresses).any(|own| own.address == reached.to_canonical());
    LinkSeen { present: found.is_some(), up: found.is_some_and(|interface| interface.up), control }
}

/// Whether an interface is this one, or a VLAN on top of it: `eth0.100` on `eth0`.
fn rests_on(interface: &str, name: &str) -> bool {
    interface.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use fabric_wire::ssh::InterfaceAddress;

    use super::*;
    use crate::link::{down::Down, up::Up};

    fn interface(name: &str, address: &str) -> Interface {
        let address = InterfaceAddress {
            address: address.parse().expect("an address"),
            prefix: 24,
            scope: "global".into(),
        };
        Interface { name: name.into(), up: true, carrier: true, mac: None, addresses: vec![address] }
    }

    fn control(name: &str, reached: &str) -> bool {
        let all =
            [interface("eth0.100", "10.0.0.1"), interface("eth0", "10.0.1.1"), interface("eth1", "10.0.2.1")];
        seen(&all, name, reached.parse().expect("an address")).control
    }

    #[test]
    fn the_way_in_is_whatever_the_address_may_come_over() {
        assert!(
            control("eth0", "10.0.1.1") && control("eth0", "10.0.0.1") && control("eth0.100", "10.0.0.1")
        );
        assert!(
            !control("eth1", "10.0.1.1") && !control("eth0.100", "10.0.1.1") && !control("eth", "10.0.1.1")
        );
        // Translated on the way: nobody knows over which interface it comes.
        assert!(control("eth1", "192.0.2.1"));
        assert!(!control("eth1", "::ffff:10.0.1.1"));
    }

    fn args() -> Args {
        example(true, None).arguments.decode().expect("arguments")
    }

    #[test]
    fn taking_down_the_way_in_is_a_cut_that_the_timer_takes_back() {
        let seen = LinkSeen { present: true, up: true, control: true };
        let plan = OnLink::<Down>::plan(&args(), &seen).expect("present").expect("something to do");
        assert_eq!(plan.control, Control::Cut);
        let interface = "eth1".parse().expect("a name");
        assert_eq!(plan.heal, Some(Restore::LinkSet { interface, up: true }));
        let apart = LinkSeen { control: false, ..seen };
        let plan = OnLink::<Down>::plan(&args(), &apart).expect("present").expect("something to do");
        assert_eq!(plan.control, Control::Kept);
    }

    #[test]
    fn an_interface_that_is_not_there_cannot_be_switched() {
        let absent = LinkSeen { present: false, up: false, control: false };
        for refused in [OnLink::<Down>::plan(&args(), &absent), OnLink::<Up>::plan(&args(), &absent)] {
            assert_eq!(refused.expect_err("absent").code, Code::PortNotFound);
        }
        let (up, down) =
            (LinkSeen { present: true, up: true, control: true }, LinkSeen { present: true, ..absent });
        assert_eq!(OnLink::<Down>::standing(&down, &up, &down), Standing::After);
        assert_eq!(
            OnLink::<Down>::standing(&LinkSeen { control: false, ..up.clone() }, &up, &down),
            Standing::Before
        );
        assert_eq!(
            OnLink::<Down>::standing(&LinkSeen { present: false, ..up.clone() }, &up, &down),
            Standing::Foreign
        );
    }
}
