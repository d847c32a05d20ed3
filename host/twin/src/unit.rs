//! Units of systemd: what starts, stops and brings them back.

use std::time::Duration;

use fabric_model::site::Unit;

/// From the end of a daemon to its restart: systemd's default `RestartSec`.
pub(crate) const RESTART_AFTER: Duration = Duration::from_millis(100);

#[derive(Clone, Debug)]
pub(crate) struct UnitState {
    pub(crate) phase: Phase,
    /// Its processes are stopped by a signal: what it listens on stays open and says nothing.
    pub(crate) frozen: bool,
    pub(crate) enabled: bool,
    /// `SubState` while active.
    pub(crate) sub_state: String,
    pub(crate) restart: Option<String>,
    /// How often systemd brought it back by itself.
    pub(crate) restarts: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Active,
    Inactive,
    /// Its process was killed, and its policy leaves it there.
    Failed,
    /// systemd starts it again at that time.
    Restarting {
        at: Duration,
    },
}

/// How the process of a unit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By SIGTERM: systemd calls that clean.
    Cleanly,
    Killed,
}

impl UnitState {
    pub(crate) fn of(unit: &Unit) -> Self {
        Self {
            phase: Phase::Active,
            frozen: false,
            enabled: unit.enabled,
            sub_state: unit.sub_state.to_string(),
            restart: unit.restart.as_ref().map(ToString::to_string),
            restarts: 0,
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.phase == Phase::Active
    }

    /// Whether it did its work at its start and has no process since.
    pub(crate) fn is_one_shot(&self) -> bool {
        self.sub_state == "exited"
    }

    pub(crate) fn start(&mut self) {
        self.phase = Phase::Active;
        self.frozen = false;
    }

    /// A unit that failed stays failed, as with systemd.
    pub(crate) fn stop(&mut self) {
        if self.phase != Phase::Failed {
            self.phase = Phase::Inactive;
        }
        self.frozen = false;
    }

    /// Its process is gone: what comes next is its restart policy's.
    pub(crate) fn end(&mut self, how: Ended, now: Duration) {
        let policy = self.restart.as_deref().unwrap_or("no");
        let comes_back = match how {
            Ended::Cleanly => ["always", "on-success"].contains(&policy),
            Ended::Killed => ["always", "on-failure", "on-abnormal", "on-abort"].contains(&policy),
        };
        self.frozen = false;
        self.phase = match (comes_back, how) {
            (true, _) => Phase::Restarting { at: now + RESTART_AFTER },
            (false, Ended::Cleanly) => Phase::Inactive,
            (false, Ended::Killed) => Phase::Failed,
        };
    }

    /// `ActiveState` and `SubState`.
    pub(crate) fn shown(&self) -> (&'static str, &str) {
        match self.phase {
            Phase::Active => ("active", &self.sub_state),
            Phase::Inactive => ("inactive", "dead"),
            Phase::Failed => ("failed", "failed"),
            Phase::Restarting { .. } => ("activating", "auto-restart"),
        }
    }
}

/// A unit's name without `.service`.
pub(crate) fn unit_name(unit: &str) -> &str {
    unit.strip_suffix(".service").unwrap_or(unit)
}
