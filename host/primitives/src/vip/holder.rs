//! Asks every member of a VIP whether it holds the address now.
//!
//! # Observes
//! The addresses that the kernel of each member has (`ip -json address show`), all members at once. A member that cannot be asked is
//! told as `silent`, never as one that does not hold the address; while any is, another holder than those told is possible. Where none
//! can be asked the call is a fault.
//!
//! # Denied when
//! `vip:NAME` is not granted, or one of the members is denied. The grant of the VIP covers asking its members, which the site file
//! names.

use std::net::IpAddr;
use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Code, Fault, Slug, Stage, Value};
use fabric_wire::endpoint::SshHost;
use fabric_wire::ssh::{self, ReadCommand};
use fabric_wire::{Deadline, WireError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::bounds::TimeoutMs;
use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::target::Targets;

/// Arguments of `vip.holder`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The VIP, by its name in the site.
    pub vip: Slug,
    /// The total deadline; the members are asked at the same time.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

/// Result of `vip.holder`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Holders {
    /// The member that holds the address, where exactly one says that it does.
    pub host: Option<Slug>,
    /// Every member that says that it holds the address.
    pub hosts: Vec<Slug>,
    /// The member that does not hold it, where exactly one says that it does not.
    pub peer: Option<Slug>,
    /// Every member that says that it does not hold the address.
    pub peers: Vec<Slug>,
    /// Members that could not be asked.
    pub silent: Vec<Silent>,
}

/// A member that could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Silent {
    /// The member.
    pub host: Slug,
    /// Why, as a code of faults, such as `port.timeout`.
    #[schemars(with = "String")]
    pub code: Code,
    /// The same in words.
    pub reason: String,
}

pub(crate) struct Holder;

impl Observing for Holder {
    const NAME: &'static str = "vip.holder";
    const SUMMARY: &'static str = "Asks every member of a VIP whether it holds the address now.";

    type Args = Args;
    type Output = Holders;

    fn needs(args: &Args) -> Result<Vec<Need>, Fault> {
        Ok(vec![Need::members(&args.vip)])
    }

    fn timeout(args: &Args) -> Duration {
        args.timeout_ms.duration()
    }

    async fn observe(
        _: Args,
        targets: Targets,
        means: Means,
        deadline: Deadline,
    ) -> Result<Observation<Holders>, Fault> {
        let members = targets.members()?;
        let address = members.vip.address.to_canonical();
        let mut asked = JoinSet::new();
        for (place, host) in members.hosts.iter().cloned().enumerate() {
            let means = means.clone();
            asked.spawn(async move { (place, holds(&means, &host, address, deadline).await) });
        }
        let mut answers = asked.join_all().await;
        answers.sort_unstable_by_key(|(place, _)| *place);
        let names = members.hosts.iter().map(|host| &host.name);
        let holders = holders(names.zip(answers.into_iter().map(|(_, answer)| answer)))?;
        Ok(Observation { output: holders, basis: Basis::SelfReported, transport: "ssh".to_owned() })
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("vip", "dns".into())])]
    }
}

async fn holds(
    means: &Means,
    host: &SshHost,
    address: IpAddr,
    deadline: Deadline,
) -> Result<bool, WireError> {
    let output = deadline.bound(means.seams.ssh.read(host, &ReadCommand::Addresses, deadline)).await?;
    let interfaces = ssh::addresses(&output)?;
    let mut own = interfaces.iter().flat_map(|interface| &interface.addresses);
    Ok(own.any(|own| own.address.to_canonical() == address))
}

/// What the members say, taken together.
fn holders<'n>(answers: impl Iterator<Item = (&'n Slug, Result<bool, WireError>)>) -> Result<Holders, Fault> {
    let (mut hosts, mut peers, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    let mut first = None;
    for (host, answer) in answers {
        match answer {
            Ok(true) => hosts.push(host.clone()),
            Ok(false) => peers.push(host.clone()),
            Err(error) => {
                silent.push(Silent { host: host.clone(), code: error.code(), reason: error.to_string() });
                first.get_or_insert((host, error));
            }
        }
    }
    match first {
        Some((host, error)) if hosts.is_empty() && peers.is_empty() => {
            let fault = Fault::from(error);
            let message = format!("no member can be asked; {host}: {}", fault.message);
            Err(Fault { message, ..fault })
        }
        None if hosts.is_empty() && peers.is_empty() => {
            Err(Fault::new(Code::SiteUnknown, Stage::Observe, "the site file names no member of the VIP"))
        }
        _ => Ok(Holders { host: only(&hosts), hosts, peer: only(&peers), peers, silent }),
    }
}

fn only(hosts: &[Slug]) -> Option<Slug> {
    match hosts {
        [one] => Some(one.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(answers: [(&str, Result<bool, WireError>); 2]) -> Result<Holders, Fault> {
        let names = answers.each_ref().map(|(name, _)| name.parse::<Slug>().expect("a name"));
        holders(names.iter().zip(answers.into_iter().map(|(_, answer)| answer)))
    }

    fn names(hosts: &[Slug]) -> Vec<&str> {
        hosts.iter().map(Slug::as_str).collect()
    }

    #[test]
    fn one_holder_has_one_peer() {
        let told = told([("a", Ok(false)), ("b", Ok(true))]).expect("both were asked");
        assert_eq!((told.host.as_ref().map(Slug::as_str), names(&told.hosts)), (Some("b"), vec!["b"]));
        assert_eq!((told.peer.as_ref().map(Slug::as_str), names(&told.peers)), (Some("a"), vec!["a"]));
        assert!(told.silent.is_empty());
    }

    #[test]
    fn two_holders_or_none_are_told_as_they_are() {
        let split = told([("a", Ok(true)), ("b", Ok(true))]).expect("both were asked");
        assert_eq!((split.host, names(&split.hosts), split.peer), (None, vec!["a", "b"], None));
        let nobody = told([("a", Ok(false)), ("b", Ok(false))]).expect("both were asked");
        assert_eq!((nobody.host, nobody.hosts.len(), nobody.peer, nobody.peers.len()), (None, 0, None, 2));
    }

    #[test]
    fn a_member_that_cannot_be_asked_is_no_peer() {
        let told = told([("a", Ok(true)), ("b", Err(WireError::Timeout))]).expect("one was asked");
        assert_eq!((told.peer, told.peers.len()), (None, 0));
        let silent = told.silent.first().expect("one is silent");
        assert_eq!((silent.host.as_str(), silent.code), ("b", Code::PortTimeout));
    }

    #[test]
    fn where_nobody_can_be_asked_there_is_no_answer() {
        let fault =
            told([("a", Err(WireError::Refused)), ("b", Err(WireError::Timeout))]).expect_err("silence");
        assert_eq!(fault.code, Code::PortRefused);
        let members: [(&Slug, Result<bool, WireError>); 0] = [];
        assert_eq!(holders(members.into_iter()).expect_err("no members").code, Code::SiteUnknown);
    }
}
