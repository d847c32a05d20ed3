//! What `systemctl show` prints of transient units: dead-man timers with their services, and the lock of a host.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fabric_wire::ssh::LOCK_UNIT;
use jiff::Timestamp;

use crate::ssh::facts::Property;
use crate::state::HostState;
use crate::timer::Timer;

/// How long a host was up when the twin began.
const UPTIME: Duration = Duration::from_secs(86_400);

/// The times that a host has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// Since the twin began.
    pub(super) twin: Duration,
    pub(super) wall: SystemTime,
    /// When the host was booted, where that was after the twin began.
    pub(super) booted: Option<Duration>,
}

impl Clock {
    /// The host's monotonic clock at a time of the twin.
    fn monotonic(self, at: Duration) -> Duration {
        self.booted.map_or_else(|| UPTIME + at, |booted| at.saturating_sub(booted))
    }

    /// As systemd writes a point in time with `--timestamp=unix`: whole seconds since the epoch.
    fn unix(self, at: Duration) -> u64 {
        let wall = self.wall - self.twin.saturating_sub(at);
        wall.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    /// As systemd writes a point in time.
    fn stamp(self, at: Duration) -> String {
        let wall = self.wall - self.twin.saturating_sub(at);
        let stamp = Timestamp::try_from(wall).unwrap_or(Timestamp::UNIX_EPOCH);
        stamp.strftime("%a %Y-%m-%d %H:%M:%S UTC").to_string()
    }
}

/// The properties of a transient unit that is loaded.
pub(super) fn unit(host: &HostState, unit: &str, clock: Clock) -> Option<Vec<Property>> {
    if unit == LOCK_UNIT {
        let owner = host.lock.as_ref()?;
        return Some(own(
            [("Type", "oneshot"), ("Restart", "no"), ("Result", "success")],
            unit,
            owner,
            "active",
            "exited",
        ));
    }
    if let Some(name) = unit.strip_suffix(".timer") {
        return Some(timer(unit, host.timers.get(name)?, clock));
    }
    let name = unit.strip_suffix(".service")?;
    Some(service(unit, host.timers.get(name)?, clock))
}

fn timer(unit: &str, timer: &Timer, clock: Clock) -> Vec<Property> {
    let next = match timer.elapsed {
        None => timespan(clock.monotonic(timer.elapses)),
        Some(_) => "infinity".to_owned(),
    };
    let entered = format!("@{}", clock.unix(timer.armed));
    let entered_monotonic = clock.monotonic(timer.armed).as_micros().to_string();
    let last = timer.elapsed.map(|(at, _)| clock.stamp(at)).unwrap_or_default();
    let first = [
        ("NextElapseUSecRealtime", ""),
        ("NextElapseUSecMonotonic", next.as_str()),
        ("LastTriggerUSec", last.as_str()),
        ("ActiveEnterTimestamp", entered.as_str()),
        ("ActiveEnterTimestampMonotonic", entered_monotonic.as_str()),
        ("Result", "success"),
    ];
    let sub = if timer.elapsed.is_some() { "running" } else { "waiting" };
    own(first, unit, &timer.argv.join(" "), "active", sub)
}

fn service(unit: &str, timer: &Timer, clock: Clock) -> Vec<Property> {
    let path = timer.argv.first().map(String::as_str).unwrap_or_default();
    let argv = timer.argv.join(" ");
    let run = match timer.elapsed {
        None => "start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0".to_owned(),
        Some((at, status)) => {
            let stamp = clock.stamp(at);
            format!("start_time=[{stamp}] ; stop_time=[{stamp}] ; pid=8392 ; code=exited ; status={status}")
        }
    };
    let exec = format!("{{ path={path} ; argv[]={argv} ; ignore_errors=no ; {run} }}");
    let (active, sub, result) = match timer.elapsed {
        None => ("inactive", "dead", "success"),
        Some((_, 0)) => ("active", "exited", "success"),
        Some(_) => ("failed", "failed", "exit-code"),
    };
    let first = [("Type", "oneshot"), ("Restart", "no"), ("Result", result), ("ExecStart", exec.as_str())];
    own(first, unit, &argv, active, sub)
}

/// The properties of its kind, then those that every unit has.
fn own<const N: usize>(
    first: [(&'static str, &str); N],
    id: &str,
    description: &str,
    active: &str,
    sub: &str,
) -> Vec<Property> {
    let rest = [
        ("Id", id),
        ("Description", description),
        ("LoadState", "loaded"),
        ("ActiveState", active),
        ("SubState", sub),
        ("UnitFileState", "transient"),
    ];
    first.into_iter().chain(rest).map(|(name, value)| (name, value.to_owned())).collect()
}

/// As systemd writes a length of time: `1d 2min 3.500000s`.
fn timespan(length: Duration) -> String {
    let mut seconds = length.as_secs();
    let micros = length.subsec_micros();
    let mut words = Vec::new();
    for (name, unit) in [("w", 604_800), ("d", 86_400), ("h", 3_600), ("min", 60)] {
        if seconds >= unit {
            words.push(format!("{}{name}", seconds / unit));
            seconds %= unit;
        }
    }
    match (seconds, micros) {
        (0, 0) if words.is_empty() => words.push("0".to_owned()),
        (0, 0) => {}
        (whole, 0) => words.push(format!("{whole}s")),
        (0, micros) if micros >= 1_000 => words.push(format!("{}.{:03}ms", micros / 1_000, micros % 1_000)),
        (0, micros) => words.push(format!("{micros}us")),
        (whole, micros) => words.push(format!("{whole}.{micros:06}s")),
    }
    words.join(" ")
}
