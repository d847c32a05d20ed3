//! Guests that are started and stopped from outside, and what a boot leaves of a host.

use std::time::Duration;

use crate::state::{HostState, Power, State};
use crate::unit::Phase;

/// How long the cluster takes to end a container.
const STOPPING: Duration = Duration::from_secs(1);
/// How long it takes until a container's daemons run.
const STARTING: Duration = Duration::from_secs(3);

/// What is asked of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It boots.
    Start,
    /// It is gone at once, as if its power were cut.
    Stop,
    /// Its units stop first.
    Shutdown,
}

/// A guest on its way.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) at: Duration,
    pub(crate) host: String,
    pub(crate) switch: Switch,
}

impl State {
    pub(crate) fn order(&mut self, host: &str, switch: Switch) {
        let takes = if switch == Switch::Start { STARTING } else { STOPPING };
        self.orders.push(Order { at: self.now + takes, host: host.to_owned(), switch });
        if switch == Switch::Shutdown {
            self.resign(host);
        }
        // Without power its processes are gone before the task has tidied up.
        if switch != Switch::Start
            && let Some(host) = self.hosts.get_mut(host)
        {
            host.power = Power::Down;
        }
    }

    pub(crate) fn carry_out(&mut self, order: &Order) {
        let now = self.now;
        if let (Switch::Start, Some(host)) = (order.switch, self.hosts.get_mut(&order.host)) {
            host.boot(now);
        }
    }
}

impl HostState {
    /// What was set at run time is gone; what is enabled runs.
    fn boot(&mut self, now: Duration) {
        self.power = Power::Up;
        self.booted = Some(now);
        self.timers.clear();
        self.lock = None;
        self.files.reboot();
        self.sysctls.clone_from(&self.boot_sysctls);
        self.ruleset = Default::default();
        self.nics.iter_mut().for_each(|nic| nic.up = true);
        for unit in self.units.values_mut() {
            unit.phase = if unit.enabled { Phase::Active } else { Phase::Inactive };
            unit.frozen = false;
            unit.restarts = 0;
        }
        if self.units.get("nftables").is_some_and(|unit| unit.enabled) {
            self.load_own_ruleset();
        }
    }
}
