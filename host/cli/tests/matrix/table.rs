//! The cases of one GameDay, played and counted.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Instant;

use fabric_twin::Moment;

use crate::case::{self, Finished, Outcome, Victim};
use crate::lane::{GameDay, Heals, Lane, Point};

/// In a sample every so many-th case of a victim is played.
const SAMPLE: usize = 7;

/// How many cases of a victim ended how.
#[derive(Debug, Default)]
struct Row {
    cases: usize,
    /// Of these, the ones in which the site was changed when the kill came.
    changed: usize,
    ends: BTreeMap<Outcome, usize>,
    failed: usize,
}

/// What a clean run does.
struct Clean {
    /// Changing operations of the run.
    changes: u64,
    /// The lines of its journal about changes.
    story: Vec<(String, usize)>,
    /// Changing operations of a recovery after a kill when everything was changed.
    recovery: u64,
}

/// Twins of one GameDay beside each other: a case waits more than it works.
const LANES: usize = 3;

/// A case and what it came to.
type Played = (Victim, Result<Finished, String>);

/// Plays the matrix of one GameDay.
pub(crate) fn play(gameday: GameDay, every_case: bool) {
    let began = Instant::now();
    let clean = alone(async { clean(&Lane::open(gameday).await).await });
    let full = match std::env::var("FABRIC_MATRIX").as_deref() {
        Ok("full") => true,
        Ok("sample") => false,
        _ => every_case,
    };
    let cases: Vec<(Victim, Point)> =
        Victim::ALL.into_iter().flat_map(|victim| chosen(victim, &clean, full)).collect();
    let played: Vec<Played> = std::thread::scope(|scope| {
        let lane = |number| {
            let own: Vec<_> = cases.iter().skip(number).step_by(LANES).collect();
            scope.spawn(move || alone(all(gameday, &own)))
        };
        let lanes: Vec<_> = (0..LANES).map(lane).collect();
        lanes.into_iter().flat_map(|lane| lane.join().expect("a lane ends")).collect()
    });
    let mut rows: BTreeMap<Victim, Row> = Victim::ALL.map(|victim| (victim, Row::default())).into();
    let mut wrong = Vec::new();
    for (victim, played) in played {
        let row = rows.entry(victim).or_default();
        row.cases += 1;
        match played {
            Ok(Finished { outcome, changed }) => {
                row.changed += usize::from(changed);
                *row.ends.entry(outcome).or_default() += 1;
            }
            Err(why) => {
                row.failed += 1;
                wrong.push(why);
            }
        }
    }
    show(&gameday, &rows, &clean, full, began);
    wrong.extend(missing(&gameday, &rows));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.concat());
}

/// Plays cases one after the other.
async fn all(gameday: GameDay, cases: &[&(Victim, Point)]) -> Vec<Played> {
    let mut lane = Lane::open(gameday).await;
    let mut all = Vec::new();
    for (victim, point) in cases {
        let mut played = case::play(&lane, *victim, point).await;
        // Where the machine is too busy for everybody's turn, time jumps under the feet of a steady state; nobody was killed then.
        for _again in 0..2 {
            if played.as_ref().is_err_and(|why| why.starts_with(case::TOO_EARLY)) {
                lane = Lane::open(gameday).await;
                played = case::play(&lane, *victim, point).await;
            }
        }
        if let Err(why) = &mut played {
            *why = format!("{}, {} at {point:?}: {why}\n", gameday.name, victim.as_str());
            // At once, because the others take minutes; and not by `eprint`, which the harness would keep to itself.
            let _shown = std::io::stderr().write_all(why.as_bytes());
            // What is left of it is no other case's beginning.
            lane = Lane::open(gameday).await;
        }
        all.push((*victim, played));
    }
    all
}

fn alone<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("there is a runtime").block_on(future)
}

/// The cases of a victim that are played. Which ones of a sample are left out differs from victim to victim.
fn chosen(victim: Victim, clean: &Clean, full: bool) -> impl Iterator<Item = (Victim, Point)> {
    let points = points(victim, clean).into_iter().enumerate();
    points
        .filter(move |(index, _)| full || (index + victim as usize).is_multiple_of(SAMPLE))
        .map(move |(_, point)| (victim, point))
}

/// What a run does that nobody kills, and a recovery.
async fn clean(lane: &Lane) -> Clean {
    let before = lane.changes().await;
    let mut running = lane.rehearse();
    lane.until(&mut running, &Point::End).await;
    let story = running.story();
    let ended = running.end();
    // How long clients miss the service is another test's business: time jumps here.
    assert!(matches!(ended.code, Some(0 | 1)), "{}: {ended:?}", lane.gameday.name);
    assert!(
        lane.comes_to_rest_as_before().await,
        "{}: a clean run leaves the site changed",
        lane.gameday.name
    );
    let changes = lane.changes().await - before;
    lane.sweep();
    let mut running = lane.rehearse();
    let changed = Point::Line("change_confirmed".to_owned(), lane.gameday.changes);
    assert!(lane.until(&mut running, &changed).await, "{}: not changed", lane.gameday.name);
    running.kill();
    let before = lane.changes().await;
    let mut running = lane.recover();
    lane.until(&mut running, &Point::End).await;
    assert_eq!(running.end().code, Some(0), "{}: not recovered", lane.gameday.name);
    assert!(lane.comes_to_rest_as_before().await, "{}: not as before", lane.gameday.name);
    let recovery = lane.changes().await - before;
    lane.sweep();
    Clean { changes, story, recovery }
}

/// Every point at which this victim is killed.
fn points(victim: Victim, clean: &Clean) -> Vec<Point> {
    let held = |count: u64| {
        (1..=count).flat_map(|nth| [Moment::Before, Moment::After].map(|moment| Point::Change(nth, moment)))
    };
    if victim == Victim::Recovery {
        return held(clean.recovery).collect();
    }
    let lines = clean.story.iter().map(|(kind, nth)| Point::Line(kind.clone(), *nth));
    // At its last line the run is over: only a host that is killed there leaves anything to do.
    let ends = |point: &Point| matches!(point, Point::Line(kind, _) if kind == "run_ended" || kind == "worker_ended");
    let lines = lines.filter(|point| matches!(victim, Victim::Host | Victim::HostForGood) || !ends(point));
    held(clean.changes).chain(lines).collect()
}

fn show(gameday: &GameDay, rows: &BTreeMap<Victim, Row>, clean: &Clean, full: bool, began: Instant) {
    let mut text = format!(
        "{}: {} changing operations, {} lines, {} operations of a recovery; {}, {} s\n",
        gameday.name,
        clean.changes,
        clean.story.len(),
        clean.recovery,
        if full { "every case" } else { "a sample" },
        began.elapsed().as_secs()
    );
    text += "  victim             cases  changed  by host  by timer  by recover  said, then by recover  unchanged  wrong\n";
    for (victim, row) in rows {
        let of = |outcome: Outcome| row.ends.get(&outcome).copied().unwrap_or_default();
        text += &format!(
            "  {:<18} {:>5} {:>8} {:>8} {:>9} {:>11} {:>22} {:>10} {:>6}\n",
            victim.as_str(),
            row.cases,
            row.changed,
            of(Outcome::ByHost),
            of(Outcome::ByTimer),
            of(Outcome::ByRecover),
            of(Outcome::Said),
            of(Outcome::Unchanged),
            row.failed
        );
    }
    let _shown = std::io::stderr().write_all(text.as_bytes());
}

/// Counts that are zero where they must not be.
fn missing(gameday: &GameDay, rows: &BTreeMap<Victim, Row>) -> Vec<String> {
    let mut missing = Vec::new();
    for (victim, row) in rows {
        let mut need = |count: usize, what: &str| {
            if count == 0 {
                missing.push(format!("{}, {}: no case {what}\n", gameday.name, victim.as_str()));
            }
        };
        let of = |outcome: Outcome| row.ends.get(&outcome).copied().unwrap_or_default();
        need(row.cases, "at all");
        if gameday.heals == Heals::Nothing {
            continue;
        }
        need(row.changed, "in which anything was changed");
        match victim {
            Victim::Host | Victim::Recovery => need(of(Outcome::ByRecover), "restored by recover"),
            Victim::HostForGood if gameday.heals == Heals::ByTimer => {
                need(of(Outcome::ByTimer), "restored by timer")
            }
            Victim::HostForGood => need(of(Outcome::ByRecover), "restored by recover"),
            Victim::Worker | Victim::Network | Victim::Disk => {
                need(of(Outcome::ByHost), "restored by the host")
            }
            Victim::NetworkForGood => need(of(Outcome::Said), "in which the host says what is left"),
        }
    }
    missing
}
