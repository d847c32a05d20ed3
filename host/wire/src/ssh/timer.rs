//! A dead-man timer and what became of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::CommandOutput;
use super::command::name::UNIT_SHOW;
use super::output::garbage;
use super::properties::{Properties, time_span};
use crate::error::WireError;

/// A dead-man timer, read from the transient timer and the service that it triggers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Whether systemd knows of one: a timer that waits, or a service that was triggered. One that was disarmed is gone.
    pub exists: bool,
    /// Whether it waits to fire.
    pub armed: bool,
    /// Whether it has fired, whatever came of it.
    pub fired: bool,
    /// The time until it fires, at most a second too little; none where it is not armed.
    pub left: Option<Duration>,
    /// What it does, word by word; empty where there is none.
    pub argv: Vec<String>,
}

/// Reads the output of [`super::ReadCommand::TimerShow`] at `clock`, the host's own time just then (see [`super::host_time`]).
///
/// systemd says when a timer will fire on its monotonic clock, which nothing else on a host can be asked for (what
/// `/proc/uptime` says is made up in a container). It also says at which moment the timer was armed, on that clock and on the
/// wall clock; so a wall clock that is set back while the timer waits makes more time seem left than there is. Read right after
/// arming.
///
/// # Errors
/// [`WireError::Command`] when systemd cannot be asked, [`WireError::Garbage`] when the answer is not the two units, or the host's
/// clock is before the moment of arming.
pub fn timer(output: &CommandOutput, clock: SystemTime) -> Result<Timer, WireError> {
    let mut blocks = Properties::blocks(output.text(UNIT_SHOW)?);
    let (timer, service) = match (blocks.next(), blocks.next(), blocks.next()) {
        (Some(timer), Some(service), None) => (timer, service),
        _ => return Err(garbage(UNIT_SHOW, "it did not print two units")),
    };
    let (timer_id, service_id) = (timer.required("Id")?, service.required("Id")?);
    let (stem, other) = (timer_id.strip_suffix(".timer"), service_id.strip_suffix(".service"));
    if stem.is_none() || stem != other {
        return Err(garbage(UNIT_SHOW, "the two units are not a timer and its service"));
    }
    let service_was_triggered = service.required("ActiveState")? != "inactive";
    let (waits, elapsed) = match (timer.required("ActiveState")?, timer.required("SubState")?) {
        ("active", "waiting") => (true, false),
        ("active", "running" | "elapsed") => (false, true),
        _ => (false, false),
    };
    let fired = elapsed || service_was_triggered;
    let armed = waits && !fired;
    let exists = is_there(&timer)? || is_there(&service)?;
    let left = if armed { Some(left(&timer, clock)?) } else { None };
    let argv = if exists { argv(&service)? } else { Vec::new() };
    Ok(Timer { exists, armed, fired, left, argv })
}

fn is_there(unit: &Properties<'_>) -> Result<bool, WireError> {
    Ok(unit.required("LoadState")? != "not-found")
}

fn left(timer: &Properties<'_>, clock: SystemTime) -> Result<Duration, WireError> {
    let next = time_span(timer.required("NextElapseUSecMonotonic")?);
    let next = next.ok_or_else(|| garbage(UNIT_SHOW, "it does not say when the timer fires"))?;
    let armed_at = timer.required("ActiveEnterTimestampMonotonic")?.parse().ok().map(Duration::from_micros);
    let armed_at_clock = timer.required("ActiveEnterTimestamp")?.strip_prefix('@');
    let armed_at_clock = armed_at_clock.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let (Some(armed_at), Some(armed_at_clock)) = (armed_at, armed_at_clock) else {
        return Err(garbage(UNIT_SHOW, "it does not say when the timer was armed"));
    };
    let whole = next.checked_sub(armed_at);
    let whole = whole.ok_or_else(|| garbage(UNIT_SHOW, "the timer fires before it was armed"))?;
    let since_epoch = clock.duration_since(UNIX_EPOCH).ok();
    let passed = since_epoch.and_then(|now| now.checked_sub(armed_at_clock));
    let passed = passed.ok_or_else(|| garbage(UNIT_SHOW, "the timer was armed after the host's own time"))?;
    Ok(whole.saturating_sub(passed))
}

/// The words of `{ path=/usr/bin/true ; argv[]=/usr/bin/true ; ignore_errors=no ; … }`. A word with a space or a `;` comes out
/// otherwise than it went in; a restore has none.
fn argv(service: &Properties<'_>) -> Result<Vec<String>, WireError> {
    let Some(command) = service.optional("ExecStart") else {
        return Err(garbage(UNIT_SHOW, "the timer's service does nothing"));
    };
    let mut fields = command.split(" ; ").map(str::trim);
    let words = fields.find_map(|field| field.strip_prefix("argv[]="));
    let words = words.ok_or_else(|| garbage(UNIT_SHOW, "the timer's service has no argv"))?;
    Ok(words.split(' ').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::{ended, printed};
    use super::*;

    // As systemd 252 printed them.
    const ARMED: &str = "NextElapseUSecMonotonic=1h 10min 15.940514s
Id=fabric-run-1.timer
LoadState=loaded
ActiveState=active
SubState=waiting
ActiveEnterTimestamp=@1795268081
ActiveEnterTimestampMonotonic=3615940615

ExecStart={ path=/usr/bin/systemctl ; argv[]=/usr/bin/systemctl start -- cron.service ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
Id=fabric-run-1.service
LoadState=loaded
ActiveState=inactive
SubState=dead
ActiveEnterTimestamp=
ActiveEnterTimestampMonotonic=0
";
    const RUNNING: &str = "NextElapseUSecMonotonic=infinity
Id=fabric-long.timer
LoadState=loaded
ActiveState=active
SubState=running
ActiveEnterTimestamp=@1795268199
ActiveEnterTimestampMonotonic=3733715447

ExecStart={ path=/usr/bin/sleep ; argv[]=/usr/bin/sleep 30 ; ignore_errors=no ; start_time=[@1795268200] ; stop_time=[n/a] ; pid=77 ; code=(null) ; status=0/0 }
Id=fabric-long.service
LoadState=loaded
ActiveState=activating
SubState=start
ActiveEnterTimestamp=
ActiveEnterTimestampMonotonic=0
";
    const FAILED: &str = "NextElapseUSecMonotonic=infinity
Id=fabric-bad.timer
LoadState=not-found
ActiveState=inactive
SubState=dead
ActiveEnterTimestamp=
ActiveEnterTimestampMonotonic=0

ExecStart={ path=/usr/sbin/sysctl ; argv[]=/usr/sbin/sysctl --write net.ipv4.nope=1 ; ignore_errors=no ; start_time=[@1795268200] ; stop_time=[@1795268200] ; pid=76 ; code=exited ; status=1 }
Id=fabric-bad.service
LoadState=loaded
ActiveState=failed
SubState=failed
ActiveEnterTimestamp=
ActiveEnterTimestampMonotonic=0
";
    const NONE: &str = "NextElapseUSecMonotonic=infinity
Id=fabric-none.timer
LoadState=not-found
ActiveState=inactive
SubState=dead
ActiveEnterTimestamp=
ActiveEnterTimestampMonotonic=0

Id=fabric-none.service
LoadState=not-found
ActiveState=inactive
SubState=dead
ActiveEnterTimestamp=
ActiveEnterTimestampMonotonic=0
";

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn read(text: &str, clock: u64) -> Result<Timer, WireError> {
        timer(&printed(text), at(clock))
    }

    #[test]
    fn an_armed_timer_says_what_it_does_and_when() {
        let armed = read(ARMED, 1_795_268_091).expect("readable");
        assert!(armed.exists && armed.armed && !armed.fired);
        // It fires 599.999899 s after it was armed, of which ten have passed.
        assert_eq!(armed.left, Some(Duration::from_micros(589_999_899)));
        assert_eq!(armed.argv, ["/usr/bin/systemctl", "start", "--", "cron.service"]);
        let overdue = read(ARMED, 1_795_269_081).expect("readable");
        assert_eq!((overdue.armed, overdue.left), (true, Some(Duration::ZERO)));
    }

    #[test]
    fn a_timer_that_systemd_has_put_off_is_believed() {
        // A reload of systemd counts the time from the beginning.
        let later = ARMED.replace("1h 10min 15.940514s", "1h 11min 15.940514s");
        let later = read(&later, 1_795_268_091).expect("readable");
        assert_eq!(later.left, Some(Duration::from_micros(649_999_899)));
    }

    #[test]
    fn whatever_came_of_it_a_timer_that_fired_has_fired() {
        let done = RUNNING.replace("activating", "active").replace("SubState=start", "SubState=exited");
        for fired in [RUNNING, FAILED, &done] {
            let fired = read(fired, 1_795_268_201).expect("readable");
            assert!(fired.exists && !fired.armed && fired.fired && fired.left.is_none(), "{fired:?}");
        }
        let argv = read(FAILED, 1_795_268_201).expect("readable").argv;
        assert_eq!(argv, ["/usr/sbin/sysctl", "--write", "net.ipv4.nope=1"]);
    }

    #[test]
    fn a_timer_that_is_not_there_neither_waits_nor_fired() {
        let none = Timer { exists: false, armed: false, fired: false, left: None, argv: vec![] };
        assert_eq!(read(NONE, 0), Ok(none));
    }

    #[test]
    fn half_an_answer_is_never_taken_for_an_armed_timer() {
        let (first, second) = ARMED.split_once("\n\n").expect("two blocks");
        let damaged = [
            String::new(),
            first.to_owned(),
            format!("{ARMED}\n{second}"),
            format!("{second}\n{first}\n"),
            ARMED.replace("fabric-run-1.service", "other.service"),
            ARMED.replace("SubState=waiting\n", ""),
            ARMED.replace("1h 10min 15.940514s", "infinity"),
            ARMED.replace("1h 10min 15.940514s", "10min"),
            ARMED.replace("1h 10min 15.940514s", "soon"),
            ARMED.replace("ActiveEnterTimestamp=@1795268081", "ActiveEnterTimestamp="),
            ARMED.replace("Monotonic=3615940615", "Monotonic=-1"),
            ARMED.replace("argv[]=", "args="),
            ARMED.replace("ExecStart=", "Exec="),
        ];
        for text in &damaged {
            let answer = read(text, 1_795_268_091);
            assert!(matches!(answer, Err(WireError::Garbage(_))), "{text}\n{answer:?}");
        }
        assert!(matches!(read(ARMED, 1_795_268_080), Err(WireError::Garbage(_))), "armed in the future");
        let failed = timer(&ended(1, "", "Failed to connect to bus"), at(0));
        assert!(matches!(failed, Err(WireError::Command { status: 1, .. })), "{failed:?}");
    }
}
