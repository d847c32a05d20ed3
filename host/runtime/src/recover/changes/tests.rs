//! Runs that were killed while they changed the twin, and recoveries that are killed too.

use std::future::Future;
use std::time::SystemTime;

use fabric_evidence::record::Restoration as Verdict;
use fabric_model::change::Standing;
use fabric_twin::{Hold, Moment, Operations};

use super::*;
use crate::change::trial::{Trial, forwarding, stop};
use crate::recover::{Secrecy, seal_orphan};
use crate::watch::Unwatched;

/// A run that was killed after it had stopped a unit and set a parameter, with timer and lock.
async fn killed(trial: &Trial) -> [Authentic; 2] {
    let mut pending = trial.marker();
    let recorder = trial.begin();
    let mut locks = Locks::new(&trial.home, &pending.marker().site, &trial.run_id);
    let first = trial.intend(0, stop()).await;
    for recorded in &first.intent().targets {
        let target = targets::from_spec(&trial.world, recorded).expect("a target");
        let deadline = Deadline::after(LOCK_TIME);
        pending.add_target(&recorded.resource, &[]).expect("room");
        locks.take(&trial.world.seams, &trial.writing, &target, deadline).await.expect("free");
    }
    trial.write_down(&recorder, &first);
    trial.arm(&recorder, &first, false).await;
    trial.make(&first).await;
    let second = trial.intend(1, forwarding("dns-edge-1", "0")).await;
    trial.write_down(&recorder, &second);
    trial.make(&second).await;
    [first, second]
}

fn seal(trial: &Trial) {
    let operators = [trial.home.operator().expect("an operator")];
    seal_orphan(&trial.runs.join(trial.run_id.as_str()), &operators, &Secrecy::default(), SystemTime::now())
        .expect("sealed");
}

async fn with<T, F: Future<Output = T>>(trial: &Trial, act: impl FnOnce(Recovery<'static>) -> F) -> T {
    // Leaked, so that the future may be dropped in the middle; a test ends soon.
    let operator = Box::leak(Box::new(trial.home.operator().expect("an operator")));
    let runs = Box::leak(Box::new(trial.runs.clone()));
    let world = Arc::clone(&trial.world);
    let reopen = Box::leak(Box::new(move |_: PendingSite| -> Reopening {
        let world = Arc::clone(&world);
        Box::pin(async move { Ok(world) })
    }));
    act(Recovery { operator, runs, reopen, watch: Arc::new(Unwatched) }).await
}

async fn recovered(trial: &Trial) -> Result<Option<Restoration>, Refusal> {
    let run_id = trial.run_id.clone();
    with(trial, |recovery| async move { take_back(&recovery, &run_id).await }).await
}

fn is_unrecovered(trial: &Trial) -> bool {
    !unrecovered(&trial.operator).expect("readable").is_empty()
}

#[tokio::test(start_paused = true)]
async fn everything_is_taken_back_locks_and_timers_included_and_only_once() {
    let trial = Trial::new();
    let changes = killed(&trial).await;
    assert_eq!(trial.leftovers().await.len(), 2);
    seal(&trial);
    let restoration = recovered(&trial).await.expect("recovered").expect("there was something");
    assert_eq!((restoration.left.as_slice(), restoration.sealed.run.exit), (&[] as &[String], Exit::Done));
    for change in &changes {
        assert_eq!(trial.standing(change).await, Standing::Before);
    }
    assert_eq!(trial.leftovers().await, [] as [String; 0]);
    let link = restoration.sealed.run.head.recovered_from.expect("a link");
    assert_eq!(link.run_id, trial.run_id);
    assert!(!is_unrecovered(&trial));
    assert!(recovered(&trial).await.expect("nothing to do").is_none());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sealed_is_taken_back_all_the_same() {
    let trial = Trial::new();
    let changes = killed(&trial).await;
    let restoration = recovered(&trial).await.expect("recovered").expect("there was something");
    assert_eq!(restoration.left, [] as [String; 0]);
    for change in &changes {
        assert_eq!(trial.standing(change).await, Standing::Before);
    }
    assert!(!is_unrecovered(&trial));
}

#[tokio::test(start_paused = true)]
async fn a_packet_that_is_not_sealed_and_that_nobody_here_began_is_not_acted_on() {
    let trial = Trial::new();
    killed(&trial).await;
    trial.operator.started.forget(&trial.run_id);
    let sent = trial.commands();
    let refusal = recovered(&trial).await.expect_err("anybody can have put it there");
    assert_eq!(refusal.exit, Exit::Unrecovered);
    assert_eq!(trial.commands(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_torn_last_line_does_not_keep_the_rest_from_being_taken_back() {
    let trial = Trial::new();
    killed(&trial).await;
    let journal = trial.runs.join(trial.run_id.as_str()).join(JOURNAL);
    let whole = fs::read(&journal).expect("a journal");
    fs::write(&journal, [&whole[..], b"{\"at\":\"20"].concat()).expect("ours");
    seal(&trial);
    let restoration = recovered(&trial).await.expect("recovered").expect("there was something");
    assert!(restoration.left.is_empty(), "{:?}", restoration.left);
}

#[tokio::test(start_paused = true)]
async fn a_forged_intent_is_refused_and_the_others_are_taken_back() {
    let trial = Trial::new();
    let pending = trial.marker();
    let recorder = trial.begin();
    let own = trial.intend(0, stop()).await;
    trial.write_down(&recorder, &own);
    trial.make(&own).await;
    let forged = trial.intend(1, forwarding("dns-edge-2", "0")).await;
    trial.make(&forged).await;
    let (intent, seal_of_another) = (Box::new(forged.intent().clone()), trial.store.key().seal(own.intent()));
    recorder.record(&Event::ChangeIntended { intent, seal: seal_of_another }).expect("room");
    drop((recorder, pending));
    seal(&trial);
    let restoration = recovered(&trial).await.expect("recovered").expect("there was something");
    assert_eq!(restoration.sealed.run.exit, Exit::Incomplete);
    assert_eq!(restoration.left.len(), 1, "{:?}", restoration.left);
    assert!(restoration.left[0].contains("the seal of the intent is not that"), "{:?}", restoration.left);
    assert_eq!(trial.standing(&own).await, Standing::Before);
    assert_eq!(trial.standing(&forged).await, Standing::After, "nobody knows who wanted that");
    assert!(is_unrecovered(&trial));
}

#[tokio::test(start_paused = true)]
async fn a_packet_that_was_exchanged_after_it_was_sealed_is_not_acted_on() {
    let trial = Trial::new();
    killed(&trial).await;
    seal(&trial);
    let run = trial.run_id.clone();
    let mut pending = Pending::resume(trial.home.folder(), &run).expect("readable").expect("over");
    pending.sealed(Digest::of(b"another manifest")).expect("room");
    drop(pending);
    let sent = trial.commands();
    let refusal = recovered(&trial).await.expect_err("another packet");
    assert!(refusal.message.contains("not the packet that was sealed"), "{refusal}");
    assert_eq!(trial.commands(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_recovery_that_is_killed_at_any_operation_is_recovered_again() {
    for moment in [Moment::Before, Moment::After] {
        for nth in 1.. {
            let trial = Trial::new();
            let changes = killed(&trial).await;
            seal(&trial);
            trial.twin.hold(Hold { nth, among: Operations::All, moment });
            let finished = {
                let held = trial.twin.held();
                tokio::select! {
                    ended = recovered(&trial) => Some(ended.expect("recovered")),
                    () = held => None,
                }
            };
            trial.twin.release();
            if let Some(finished) = finished {
                assert!(nth > 8, "a recovery has more than {nth} operations");
                assert!(finished.is_some_and(|restoration| restoration.left.is_empty()));
                break;
            }
            for dir in crate::recover::orphans(&trial.runs).expect("readable") {
                let operators = [trial.home.operator().expect("an operator")];
                seal_orphan(&dir, &operators, &Secrecy::default(), SystemTime::now()).expect("sealed");
            }
            let again = recovered(&trial).await.expect("recovered");
            assert!(again.is_some_and(|restoration| restoration.left.is_empty()), "{moment:?} {nth}");
            for change in &changes {
                assert_eq!(trial.standing(change).await, Standing::Before, "{moment:?} {nth}");
            }
            assert_eq!(trial.leftovers().await, [] as [String; 0], "{moment:?} {nth}");
            assert!(!is_unrecovered(&trial), "{moment:?} {nth}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_stays_as_it_is_and_is_no_longer_in_the_way() {
    let trial = Trial::new();
    let changes = killed(&trial).await;
    seal(&trial);
    let run_id = trial.run_id.clone();
    let short = with(&trial, |recovery| {
        let run_id = run_id.clone();
        async move { abandon(&recovery, &run_id, "gone", |_, _| Ok(())).await }
    })
    .await;
    assert_eq!(short.expect_err("no reason").exit, Exit::Usage);
    let no = Refusal::new(Exit::Approval, "nobody has approved that");
    let refused = with(&trial, |recovery| {
        let (run_id, no) = (run_id.clone(), no.clone());
        async move { abandon(&recovery, &run_id, "the host is scrapped", |_, _| Err(no)).await }
    })
    .await;
    assert_eq!(refused.expect_err("not approved").exit, Exit::Approval);
    assert!(is_unrecovered(&trial));
    let given_up = with(&trial, |recovery| {
        let run_id = run_id.clone();
        async move { abandon(&recovery, &run_id, "the host is scrapped", |_, _| Ok(())).await }
    })
    .await;
    let given_up = given_up.expect("recorded").expect("there was something");
    assert_eq!((given_up.left.len(), given_up.sealed.run.exit), (2, Exit::Incomplete));
    let verdicts = given_up.sealed.run.verdicts.expect("of a recovery");
    assert_eq!(verdicts.restoration, Verdict::Incomplete);
    let report = serde_json::to_string(&given_up.sealed.run).expect("plain data");
    assert!(report.contains("the host is scrapped"), "{report}");
    assert_eq!(trial.standing(&changes[1]).await, Standing::After);
    assert!(!is_unrecovered(&trial));
}
