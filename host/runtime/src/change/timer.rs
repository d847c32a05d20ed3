//! Dead-man timers: a change that a target can take back by itself is made only once the target is seen to have a timer that does. While
//! the host lives it renews the timer; where it never comes back, the timer fires.
//!
//! Every renewal is a timer of its own, the next generation: the new one is armed and read back before the old one is disarmed, so that
//! there is no moment without one.

use std::ops::RangeInclusive;
use std::time::Duration;

use fabric_evidence::Event;
use fabric_model::{Code, Effect, Fault, Slug, Stage};
use fabric_primitives::changing::{Task, own_name};
use fabric_wire::endpoint::SshHost;
use fabric_wire::ssh::{self, ChangeCommand, ReadCommand, Restore, Timer};
use fabric_wire::{Deadline, WireError};

use super::undo::Ground;

/// What must be left beyond the deadline of a step when a timer is read back: a slow connection must not let it fire into the step.
pub(crate) const MARGIN: Duration = Duration::from_secs(10);

/// How long each command to a timer may take, with the connection.
const COMMAND_TIME: Duration = Duration::from_secs(10);

/// A timer is renewed this many times in its period, so that one renewal may fail.
const BEATS: u32 = 3;

/// The shortest time between two looks at the timers.
const SHORTEST_BEAT: Duration = Duration::from_secs(1);

/// A timer that is kept alive.
#[derive(Clone, Debug)]
pub(crate) struct Armed {
    owner: Owner,
    /// The generations that may be armed.
    generations: RangeInclusive<u32>,
    arming: Arming,
}

/// Whose timer it is: one change's, on one host.
#[derive(Clone, Debug)]
struct Owner {
    host: SshHost,
    run_id: Slug,
    change: u32,
}

/// What a timer is to be.
#[derive(Clone, Debug)]
pub(crate) struct Arming {
    /// What it does.
    pub(crate) restore: Restore,
    /// Seconds until it fires.
    pub(crate) seconds: u32,
    /// The deadline of the step that follows: the timer must not fire into it.
    pub(crate) step: Duration,
    /// Whether it is renewed while the host lives. A change that cuts the host off is taken back by the timer alone.
    pub(crate) renewed: bool,
}

/// Whether a timer leaves the step that follows enough time, so that it does not fire into it.
///
/// # Errors
/// `change.timer` when it does not.
pub(crate) fn enough(seconds: u32, step: Duration) -> Result<(), Fault> {
    let least = step + MARGIN;
    if Duration::from_secs(seconds.into()) >= least {
        return Ok(());
    }
    let least = least.as_secs();
    let message =
        format!("arm a timer of {seconds} s: the step alone may take so long that it needs {least} s");
    Err(Fault::new(Code::ChangeTimer, Stage::Plan, message)
        .hint("Give the scope more time before its targets heal themselves, or the step less."))
}

/// Arms the timer of a change on its target and reads it back.
///
/// # Errors
/// `change.timer` when it is not armed as it should be; what was armed is disarmed then. Or the journal cannot be written.
pub(crate) async fn arm(ground: &Ground<'_>, task: &Task<'_>, arming: Arming) -> Result<(), Fault> {
    enough(arming.seconds, arming.step)?;
    let owner =
        Owner { host: task.targets.host()?.clone(), run_id: task.run_id.clone(), change: task.change };
    let mut live = ground.store.live.lock().await;
    ground.store.note_timers(task.change, &(0..=0))?;
    if let Err(fault) = owner.arm(ground, 0, &arming).await {
        // Nothing was changed yet, so nothing needs it. Where this fails too it finds everything as it should be when it fires.
        let _ = owner.disarm(ground, 0).await;
        return Err(fault);
    }
    if arming.renewed {
        live.insert(task.change, Armed { owner, generations: 0..=0, arming });
    }
    Ok(())
}

/// Renews every timer that is kept alive, until it is dropped. A renewal that fails is tried again at the next beat.
pub(crate) async fn heartbeat(ground: &Ground<'_>) {
    loop {
        let beat = shortest_beat(ground).await;
        ground.world.seams.clock.sleep(beat).await;
        let changes: Vec<u32> = ground.store.live.lock().await.keys().copied().collect();
        for change in changes {
            renew(ground, change).await;
        }
    }
}

async fn shortest_beat(ground: &Ground<'_>) -> Duration {
    let live = ground.store.live.lock().await;
    let shortest = live.values().map(|armed| Duration::from_secs(armed.arming.seconds.into()) / BEATS).min();
    shortest.unwrap_or(SHORTEST_BEAT).max(SHORTEST_BEAT)
}

/// Renews one timer. Holds on to all timers meanwhile, so that none is disarmed while its next generation is on the way.
async fn renew(ground: &Ground<'_>, change: u32) {
    let mut live = ground.store.live.lock().await;
    let Some(armed) = live.get_mut(&change) else { return };
    match armed.renew(ground).await {
        Ok(Fired(false)) => {}
        Ok(Fired(true)) => {
            let host = &armed.owner.host.name;
            ground.watch.warned(&format!("the dead-man timer of change {change} on `{host}` has fired"));
            live.remove(&change);
        }
        Err(fault) => {
            let left = "it fires unless a later renewal succeeds";
            let fault = ground.world.redactor.redact_fault(fault);
            ground.watch.warned(&format!("a dead-man timer was not renewed, and {left}: {fault}"));
        }
    }
}

/// Whether a timer had fired before it was disarmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fired(pub(crate) bool);

/// No longer renews the timer of a change: it fires in its time unless it is disarmed.
pub(super) async fn let_run(ground: &Ground<'_>, change: u32) {
    ground.store.live.lock().await.remove(&change);
}

/// Disarms every generation of a change's timer that may be armed. Does nothing where there is none.
///
/// # Errors
/// When one may still be armed.
pub(super) async fn disarm(
    ground: &Ground<'_>,
    host: &SshHost,
    run_id: &Slug,
    change: u32,
) -> Result<Fired, Fault> {
    let mut live = ground.store.live.lock().await;
    live.remove(&change);
    let Some(generations) = ground.store.timers(change)? else { return Ok(Fired(false)) };
    let owner = Owner { host: host.clone(), run_id: run_id.clone(), change };
    let mut fired = false;
    for generation in generations {
        fired |= owner.disarm(ground, generation).await?.0;
    }
    Ok(Fired(fired))
}

impl Armed {
    /// Arms the next generation, and only then disarms those before it. One that has fired already ends the renewing: the target is as
    /// it was before, and nothing more is to be taken back.
    async fn renew(&mut self, ground: &Ground<'_>) -> Result<Fired, Fault> {
        let (oldest, newest) = (*self.generations.start(), *self.generations.end());
        for generation in oldest..=newest {
            if self.owner.show(ground, generation).await?.fired {
                return Ok(Fired(true));
            }
        }
        let next = newest + 1;
        ground.store.note_timers(self.owner.change, &(oldest..=next))?;
        self.generations = oldest..=next;
        self.owner.arm(ground, next, &self.arming).await?;
        for generation in oldest..=newest {
            if self.owner.disarm(ground, generation).await? == Fired(true) {
                return Ok(Fired(true));
            }
        }
        self.generations = next..=next;
        ground.store.note_timers(self.owner.change, &self.generations)?;
        Ok(Fired(false))
    }
}

impl Owner {
    /// Arms one generation, reads it back and records it.
    async fn arm(&self, ground: &Ground<'_>, generation: u32, arming: &Arming) -> Result<(), Fault> {
        let timer = self.name(generation)?;
        let command = ChangeCommand::TimerArm {
            timer: timer.clone(),
            seconds: arming.seconds,
            restore: arming.restore.clone(),
        };
        // What it says matters less than what is there afterwards.
        let said = self.command(ground, &command).await;
        let shown = match self.show(ground, generation).await {
            Ok(shown) => shown,
            Err(unseen) => return Err(not_armed(&timer, &unseen.message)),
        };
        let left = sound(&shown, arming)
            .map_err(|why| not_armed(&timer, &said.err().map_or(why, |error| error.to_string())))?;
        let left_s = u32::try_from(left.as_secs()).unwrap_or(u32::MAX);
        let (timer, argv) = (timer.to_string(), arming.restore.to_string());
        ground.recorder.record(&Event::TimerArmed { change: self.change, timer, left_s, argv })
    }

    /// Disarms one generation and records it; does nothing where it is not there.
    async fn disarm(&self, ground: &Ground<'_>, generation: u32) -> Result<Fired, Fault> {
        let timer = self.name(generation)?;
        let before = self.show(ground, generation).await?;
        if !before.exists {
            return Ok(Fired(false));
        }
        let said = self.command(ground, &ChangeCommand::TimerDisarm { timer: timer.clone() }).await;
        if self.show(ground, generation).await?.exists {
            let why = said.err().map_or_else(|| "it is still there".to_owned(), |error| error.to_string());
            let message = format!("disarm the timer `{timer}` on `{}`: {why}", self.host.name);
            return Err(Fault::new(Code::ChangeTimer, Stage::Undo, message).effect(Effect::Unknown));
        }
        let (change, timer, fired) = (self.change, timer.to_string(), before.fired);
        // The number of a change says which one it is only in the packet of its own run.
        if *ground.run_id == self.run_id {
            ground.recorder.record(&Event::TimerDisarmed { change, timer, fired })?;
        }
        Ok(Fired(fired))
    }

    async fn show(&self, ground: &Ground<'_>, generation: u32) -> Result<Timer, Fault> {
        let (ssh, deadline) = (&ground.world.seams.ssh, Deadline::after(COMMAND_TIME));
        let show = ReadCommand::TimerShow { timer: self.name(generation)? };
        let shown = ssh.read(&self.host, &show, deadline).await?;
        let clock = ssh.read(&self.host, &ReadCommand::Clock, deadline).await?;
        Ok(ssh::timer(&shown, ssh::host_time(&clock)?)?)
    }

    async fn command(&self, ground: &Ground<'_>, command: &ChangeCommand) -> Result<(), WireError> {
        let deadline = Deadline::after(COMMAND_TIME);
        let output = ground.writing.ssh.change(&self.host, command, &[], deadline).await?;
        ssh::done(command, &output)
    }

    /// The name of a generation: `fabric-RUN-N-gM`.
    fn name(&self, generation: u32) -> Result<Slug, Fault> {
        let own_name = own_name(&self.run_id, self.change)?;
        format!("{own_name}-g{generation}")
            .parse()
            .map_err(|_| Fault::new(Code::BugInternal, Stage::Apply, "the run's name is too long"))
    }
}

/// How long a timer that was read back has left, where it is as it should be.
fn sound(timer: &Timer, arming: &Arming) -> Result<Duration, String> {
    let least = arming.step + MARGIN;
    match timer.left {
        _ if !timer.exists => Err("it is not there".to_owned()),
        Some(_) if timer.argv != arming.restore.argv() => {
            Err(format!("it would run `{}` and not `{}`", timer.argv.join(" "), arming.restore))
        }
        Some(left) if left < least => {
            Err(format!("{} s are left, and the step needs {}", left.as_secs(), least.as_secs()))
        }
        Some(left) if timer.armed => Ok(left),
        _ => Err("it does not wait to fire".to_owned()),
    }
}

fn not_armed(timer: &Slug, why: &str) -> Fault {
    Fault::new(Code::ChangeTimer, Stage::Apply, format!("arm the timer `{timer}`: {why}"))
        .hint("Nothing was changed. Look at systemd on the target, and at the account's sudo rights there.")
}
