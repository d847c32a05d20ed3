//! A node's power: cut at once, and given back. Its network namespace outlives the container and would go on answering for it, so the
//! cables are pulled with the power.

use std::time::{Duration, Instant};

use fabric_model::site::Site;

use crate::cgroup::Cgroups;
use crate::container;
use crate::error::LabError;
use crate::network;
use crate::node;
use crate::place::Place;
use crate::program::run;

/// How long a node may take to shut down; the lab's take three seconds.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// What has power.
#[derive(Debug)]
pub(crate) struct Grid<'lab> {
    /// Where the lab lives.
    pub(crate) place: &'lab Place,
    /// Which links a node has.
    pub(crate) site: &'lab Site,
    /// What finds its processes.
    pub(crate) cgroups: &'lab Cgroups,
}

impl Grid<'_> {
    /// Whether the node's PID 1 lives.
    pub(crate) fn is_on(&self, node: &str) -> bool {
        container::leader(self.place, self.cgroups, node).is_some()
    }

    /// Ends every process of the node with SIGKILL.
    pub(crate) fn cut(&self, node: &str) -> Result<(), LabError> {
        for link in self.links(node) {
            network::set_link(self.place, node, link, false)?;
        }
        container::kill(self.place, self.cgroups, node)?;
        network::forget_addresses(self.place, node, &node::vips(self.site))
    }

    /// Asks the node's systemd to power off, and cuts what is left after a while.
    pub(crate) fn shut_down(&self, node: &str) -> Result<(), LabError> {
        if let Some(leader) = container::leader(self.place, self.cgroups, node) {
            // SIGRTMIN+4 (systemd(1)).
            run(&["kill", "-s", "RTMIN+4", &leader.as_raw_nonzero().to_string()])?;
        }
        let begin = Instant::now();
        while self.is_on(node) && begin.elapsed() < SHUTDOWN {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.cut(node)
    }

    /// Begins to boot the node; nothing where it has power already.
    pub(crate) fn give(&self, node: &str) -> Result<(), LabError> {
        for link in self.links(node) {
            network::set_link(self.place, node, link, true)?;
        }
        if self.is_on(node) { Ok(()) } else { container::start(self.place, node) }
    }

    fn links(&self, node: &str) -> impl Iterator<Item = &str> {
        let hosts = self.site.hosts.iter().filter(move |(name, _)| name.as_str() == node);
        hosts.flat_map(|(_, host)| &host.interfaces).map(|link| link.name.as_str())
    }
}
