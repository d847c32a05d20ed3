//! The steps that faults consist of. Each knows how to take itself back.

use fabric_twin::TwinFault;
use serde::{Deserialize, Serialize};

use super::journal::Journal;
use crate::container;
use crate::converge::Plane;
use crate::error::LabError;
use crate::network::{self, SWITCH};
use crate::node::{INTERNET, members};
use crate::place::Place;
use crate::program::{run, run_with_input, words};
use crate::proxmox;
use crate::up::serve;

/// How long a command inside a node may take, in seconds, before the step counts as failed.
const COMMAND_SECONDS: &str = "60";

/// The table that holds a fault's rules on the bridges.
const TABLE: &str = "bridge fault";

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub(crate) enum Step {
    /// Gives a file of a node another text, then runs a shell line there, after changing it and after restoring it.
    Edit { node: String, path: String, text: String, then: String },
    /// Runs a shell line in a node, and another one to take it back.
    Shell { node: String, apply: String, undo: String },
    /// Pulls a cable.
    Unplug { node: String, link: String },
    /// Freezes every process of a node.
    Freeze { node: String },
    /// Cuts a node's power.
    PowerOff { node: String },
    /// Puts rules on the bridges, in one table.
    Switch { rules: String },
    /// Serves garbage on port 53 of these addresses of a node.
    Garbage { node: String, addresses: Vec<String> },
    /// Serves another web site on the internet.
    Web { server: String },
    /// Ends every TLS handshake of the served cluster in the middle.
    TlsTruncated,
    /// Plants a fault in the served cluster.
    Proxmox { fault: TwinFault },
}

/// What was there before a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "before", rename_all = "kebab-case")]
pub(crate) enum Before {
    /// Nothing that the step does not know itself.
    Known,
    /// A file's text.
    Text { text: String },
}

impl Step {
    /// Refuses a step that names a node or a link that the lab does not have.
    pub(crate) fn fits(&self, plane: &Plane<'_>) -> Result<(), LabError> {
        let (node, link) = match self {
            Self::Edit { node, .. }
            | Self::Shell { node, .. }
            | Self::Freeze { node }
            | Self::PowerOff { node }
            | Self::Garbage { node, .. } => (node, None),
            Self::Unplug { node, link } => (node, Some(link)),
            Self::Switch { .. } | Self::Web { .. } | Self::TlsTruncated | Self::Proxmox { .. } => {
                return Ok(());
            }
        };
        let members = members(plane.site)?;
        let member = members.iter().find(|member| member.container && member.name == *node);
        let member = member.ok_or_else(|| LabError::Usage(format!("the lab has no node {node}")))?;
        match link {
            Some(link) if !member.links.iter().any(|own| own.name == *link) => {
                Err(LabError::Usage(format!("{node} has no link {link}")))
            }
            _ => Ok(()),
        }
    }

    /// Looks at what the step will change.
    pub(crate) fn before(&self, plane: &Plane<'_>) -> Result<Before, LabError> {
        match self {
            Self::Edit { node, path, .. } => {
                Ok(Before::Text { text: shell(plane, node, &format!("cat {path}"), "")? })
            }
            _ => Ok(Before::Known),
        }
    }

    /// Takes the step. `journal` holds it already.
    pub(crate) fn apply(&self, plane: &Plane<'_>, journal: &Journal) -> Result<(), LabError> {
        let place = plane.place;
        match self {
            Self::Edit { node, path, text, then } => edit(plane, node, path, text, then),
            Self::Shell { node, apply, .. } => shell(plane, node, apply, "").map(drop),
            Self::Unplug { node, link } => network::set_link(place, node, link, false),
            Self::Freeze { node } => plane.cgroups.freeze(&place.cgroup(node), true),
            Self::PowerOff { node } => plane.grid().cut(node),
            Self::Switch { rules } => switch(place, &format!("table {TABLE} {{ {rules} }}")),
            Self::Garbage { node, addresses } => serve(place, node, "garbage", addresses),
            Self::Web { server } => web(plane, server),
            Self::TlsTruncated | Self::Proxmox { .. } => proxmox::show(place, &journal.of_proxmox()),
        }
    }

    /// Takes the step back, also when it was taken only in part or not at all. `journal` holds it no more.
    pub(crate) fn undo(&self, plane: &Plane<'_>, journal: &Journal, before: &Before) -> Result<(), LabError> {
        let place = plane.place;
        match self {
            Self::Edit { node, path, then, .. } => match before {
                Before::Text { text } => edit(plane, node, path, text, then),
                Before::Known => Ok(()),
            },
            Self::Shell { node, undo, .. } => shell(plane, node, undo, "").map(drop),
            Self::Unplug { node, link } => network::set_link(place, node, link, true),
            Self::Freeze { node } => plane.cgroups.freeze(&place.cgroup(node), false),
            Self::PowerOff { node } => power_on(plane, node),
            // Adding the table first makes deleting it succeed where it is not there.
            Self::Switch { .. } => switch(place, &format!("table {TABLE}\ndelete table {TABLE}")),
            Self::Garbage { .. } => plane.cgroups.kill(&place.cgroup("garbage-server")),
            Self::Web { .. } => web(plane, "web"),
            Self::TlsTruncated | Self::Proxmox { .. } => proxmox::show(place, &journal.of_proxmox()),
        }
    }
}

/// A state that a fault brings about some time after its last step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Until {
    /// Exactly these edges hold the VIP, named with its prefix length.
    Held { vip: String, holders: Vec<String> },
}

impl Until {
    /// Waits for it.
    pub(crate) fn wait(&self, plane: &Plane<'_>) -> Result<(), LabError> {
        let Self::Held { vip, holders } = self;
        let holders: Vec<&str> = holders.iter().map(String::as_str).collect();
        plane.until(&format!("{vip} is held by {holders:?}"), || plane.held(vip, &holders))
    }
}

/// Replaces the web site on the internet by another.
fn web(plane: &Plane<'_>, server: &str) -> Result<(), LabError> {
    for running in ["web-server", "web-huge-server"] {
        plane.cgroups.kill(&plane.place.cgroup(running))?;
    }
    serve(plane.place, INTERNET, server, &[])
}

/// Keeps the file's owner and mode, and replaces its text.
fn edit(plane: &Plane<'_>, node: &str, path: &str, text: &str, then: &str) -> Result<(), LabError> {
    shell(plane, node, &format!("cat > {path}"), text)?;
    shell(plane, node, then, "").map(drop)
}

fn power_on(plane: &Plane<'_>, node: &str) -> Result<(), LabError> {
    plane.grid().give(node)?;
    // What is healed next may have to run inside.
    plane.until(&format!("{node} has booted"), || plane.booted(node))
}

fn switch(place: &Place, rules: &str) -> Result<(), LabError> {
    let mut argv = place.enter(SWITCH);
    argv.extend(words("nft -f -"));
    run_with_input(&argv, rules).map(drop)
}

fn shell(plane: &Plane<'_>, node: &str, line: &str, input: &str) -> Result<String, LabError> {
    if line.is_empty() {
        return Ok(String::new());
    }
    let mut argv = container::enter(plane.place, plane.cgroups, node)?;
    argv.extend(["timeout", COMMAND_SECONDS, "sh", "-euc", line].map(str::to_owned));
    if input.is_empty() { run(&argv) } else { run_with_input(&argv, input) }
}
