//! One case: a run is met at a point, something of it is killed there, and what is left afterwards is compared with what was before.

use std::time::Duration;

use crate::lane::{Ended, Heals, Lane, Point, Running, kill};

/// How long the network stays away where it comes back: longer than one call takes, shorter than a host's patience.
const AWAY: Duration = Duration::from_secs(10);

/// After this every timer of a GameDay has fired, and what follows from that has come to rest.
const NEVER: [Duration; 4] = [Duration::from_secs(60); 4];

/// Part of a line that still fits where the disk is full.
const TORN: u64 = 40;

/// What is said where nobody was killed, because the run did not come to its point.
pub(crate) const TOO_EARLY: &str = "it was over before its point";

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Victim {
    /// The host's process; somebody recovers.
    Host,
    /// The host's process; nobody recovers until the timers had their time.
    HostForGood,
    /// The process of `fabric recover` after the host's.
    Recovery,
    /// The worker's process.
    Worker,
    /// The network, for a while.
    Network,
    /// The network, for as long as the host lives.
    NetworkForGood,
    /// The disk under the journal.
    Disk,
}

impl Victim {
    pub(crate) const ALL: [Self; 7] = [
        Self::Host,
        Self::HostForGood,
        Self::Recovery,
        Self::Worker,
        Self::Network,
        Self::NetworkForGood,
        Self::Disk,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::HostForGood => "host, for good",
            Self::Recovery => "recovery",
            Self::Worker => "worker",
            Self::Network => "network",
            Self::NetworkForGood => "network, for good",
            Self::Disk => "disk",
        }
    }
}

/// How a case ended. Every case ends with the twin as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Nothing was changed at the moment of the kill, and nothing was afterwards.
    Unchanged,
    /// The host itself took everything back.
    ByHost,
    /// Timers on the targets did, before anybody recovered.
    ByTimer,
    /// `fabric recover` did.
    ByRecover,
    /// The host said with its exit code and its packet what was left, and `fabric recover` did the rest.
    Said,
}

/// A case, and whether the site was changed when it was killed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finished {
    pub(crate) outcome: Outcome,
    pub(crate) changed: bool,
}

/// Plays one case.
///
/// # Errors
/// What is not as it must be, for people.
pub(crate) async fn play(lane: &Lane, victim: Victim, point: &Point) -> Result<Finished, String> {
    let played = match victim {
        Victim::Recovery => recovery(lane, point).await,
        _ => run(lane, victim, point).await,
    };
    let finished = played?;
    let left = lane.recover();
    let again = finish(lane, left).await;
    if again.code != Some(0) || !again.said.contains("nothing to recover") {
        return Err(format!("another recovery finds something: {again:?}"));
    }
    must(lane.comes_to_rest_as_before().await, "the site is not as before")?;
    lane.records()?;
    lane.sweep();
    Ok(finished)
}

async fn run(lane: &Lane, victim: Victim, point: &Point) -> Result<Finished, String> {
    let known = lane.commands().await;
    lane.hold(point).await;
    let mut running = lane.rehearse();
    if !lane.until(&mut running, point).await {
        lane.release().await;
        return Err(format!("{TOO_EARLY}: {:?}", running.end()));
    }
    let changed = !lane.is_as_before().await;
    match victim {
        Victim::Host | Victim::HostForGood | Victim::Recovery => {
            running.kill();
            lane.release().await;
            match victim {
                Victim::HostForGood => nobody(lane, changed, known).await,
                _ => host(lane, changed).await,
            }
        }
        Victim::Worker => {
            // Once the script is over there is nobody left to be killed; then the host ends as it would have.
            if let Some(worker) = running.worker() {
                kill(worker);
            }
            lane.release().await;
            let ended = finish(lane, running).await;
            survived(lane, changed, &ended, &[0, 1, 11, 13, 20]).await
        }
        Victim::Network => {
            lane.network(false).await;
            lane.release().await;
            lane.until(&mut running, &Point::Later(AWAY)).await;
            lane.network(true).await;
            let ended = finish(lane, running).await;
            survived(lane, changed, &ended, &[0, 1, 11, 12, 13, 14, 20]).await
        }
        Victim::NetworkForGood => {
            lane.network(false).await;
            lane.release().await;
            let ended = finish(lane, running).await;
            lane.network(true).await;
            survived(lane, changed, &ended, &[0, 1, 11, 12, 13, 14, 20]).await
        }
        Victim::Disk => {
            running.fill_disk(if matches!(point, Point::Change(_, fabric_twin::Moment::After)) {
                TORN
            } else {
                0
            });
            lane.release().await;
            let ended = finish(lane, running).await;
            disk(lane, changed, &ended).await
        }
    }
}

/// The host is gone: `fabric recover` restores what it left.
async fn host(lane: &Lane, changed: bool) -> Result<Finished, String> {
    let known = lane.commands().await;
    let ended = finish(lane, lane.recover()).await;
    recovered(lane, &ended).await?;
    let did = lane.effects_after(known).await;
    let outcome = if changed || !did.is_empty() { Outcome::ByRecover } else { Outcome::Unchanged };
    Ok(Finished { outcome, changed })
}

/// The host is gone, and so is everybody else: the timers restore what they are for. Locks and what was staged stay until somebody
/// recovers after all. `known` is how many commands there were before the run.
async fn nobody(lane: &Lane, changed: bool, known: usize) -> Result<Finished, String> {
    let made = lane.effects_after(known).await;
    let left = lane.remote.digest().await.map_err(|error| error.to_string())?;
    for time in NEVER {
        lane.remote.advance(time).await.map_err(|error| error.to_string())?;
    }
    let healed = lane.remote.digest().await.map_err(|error| error.to_string())? != left;
    let known = lane.commands().await;
    let ended = finish(lane, lane.recover()).await;
    recovered(lane, &ended).await?;
    let did = lane.effects_after(known).await;
    if lane.gameday.heals == Heals::ByTimer && !did.is_empty() {
        return Err(format!("the timers left something that recover had to do: {did:?}"));
    }
    let outcome = match changed {
        true if did.is_empty() && healed && !made.is_empty() => Outcome::ByTimer,
        true => Outcome::ByRecover,
        false => Outcome::Unchanged,
    };
    Ok(Finished { outcome, changed })
}

/// `fabric recover` is killed at a point of its own, after a host that was killed when everything was changed; the next one goes on.
async fn recovery(lane: &Lane, point: &Point) -> Result<Finished, String> {
    let mut running = lane.rehearse();
    let changed = Point::Line("change_confirmed".to_owned(), lane.gameday.changes);
    must(lane.until(&mut running, &changed).await, TOO_EARLY)?;
    running.kill();
    let changed = !lane.is_as_before().await;
    lane.hold(point).await;
    let mut running = lane.recover();
    if !lane.until(&mut running, point).await {
        lane.release().await;
        return Err(format!("{TOO_EARLY}, the recovery: {:?}", running.end()));
    }
    running.kill();
    lane.release().await;
    let ended = finish(lane, lane.recover()).await;
    recovered(lane, &ended).await?;
    Ok(Finished { outcome: Outcome::ByRecover, changed })
}

/// The host lives: what it says must be so.
async fn survived(lane: &Lane, changed: bool, ended: &Ended, codes: &[i32]) -> Result<Finished, String> {
    let code = ended.code.ok_or("the host was killed by a signal")?;
    if !codes.contains(&code) {
        return Err(format!("an exit that nobody asked for: {ended:?}"));
    }
    let records = lane.records()?;
    let [record] = records.as_slice() else { return Err(format!("{} packets", records.len())) };
    let said = record["verdicts"]["restoration"].as_str().unwrap_or_default().to_owned();
    let whole = ["restored", "by_timer", "nothing"].contains(&said.as_str());
    // A lock that is left is no change that is left, and stands among what was refused.
    let locked = record["refusals"].to_string().contains("guard.locked");
    if (code == 14) == (whole && !locked) {
        return Err(format!("exit {code}, and the packet says `{said}`: {ended:?}"));
    }
    if code != 14 {
        let what = format!("exit {code}, restoration `{said}`, and the site is not as before: {ended:?}");
        must(lane.comes_to_rest_as_before().await, &what)?;
        let outcome = if changed { Outcome::ByHost } else { Outcome::Unchanged };
        return Ok(Finished { outcome, changed });
    }
    must(ended.said.contains("fabric recover"), &format!("it does not say what to do: {ended:?}"))?;
    let ended = finish(lane, lane.recover()).await;
    recovered(lane, &ended).await?;
    Ok(Finished { outcome: Outcome::Said, changed })
}

/// The journal took no more: what was made is taken back all the same, and `fabric recover` closes the run.
async fn disk(lane: &Lane, changed: bool, ended: &Ended) -> Result<Finished, String> {
    let code = ended.code.ok_or("the host was killed by a signal")?;
    if ![14, 70].contains(&code) {
        return Err(format!("an exit that does not say so: {ended:?}"));
    }
    let known = lane.commands().await;
    let ended = finish(lane, lane.recover()).await;
    recovered(lane, &ended).await?;
    let did = lane.effects_after(known).await;
    // What is left to it are locks, and the packet.
    must(did.is_empty(), &format!("the host has not taken everything back, recover had to do {did:?}"))?;
    Ok(Finished { outcome: if changed { Outcome::ByHost } else { Outcome::Unchanged }, changed })
}

async fn recovered(lane: &Lane, ended: &Ended) -> Result<(), String> {
    if ended.code != Some(0) {
        return Err(format!("not recovered: {ended:?}"));
    }
    must(
        lane.comes_to_rest_as_before().await,
        &format!("recovered, and the site is not as before: {ended:?}"),
    )
}

/// Lets it go on to its end.
async fn finish(lane: &Lane, mut running: Running) -> Ended {
    lane.until(&mut running, &Point::End).await;
    running.end()
}

fn must(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}
