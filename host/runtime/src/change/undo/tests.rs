//! Changes that were not, partly or fully made, and what taking them back makes of each.

use fabric_twin::{Hold, Moment, Operations};

use super::super::trial::{HEAL_S, Trial, forwarding, stop, table};
use super::*;

/// The run knows what became of the change, and its target was not waited for yet.
const HEARD: Known = Known { waited: false, unanswered: false };

/// Stops the processes of the VIP's daemon, which nobody can see.
fn hang() -> (&'static str, Value) {
    ("unit.kill", table([("host", "dns-edge-1"), ("unit", "keepalived"), ("signal", "STOP")]))
}

async fn undone(trial: &Trial, recorder: &Recorder, authentic: &Authentic) -> Undone {
    undo(&trial.ground(recorder), authentic, HEARD, &mut BTreeSet::new()).await
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_not_made_is_already_as_before_and_nothing_is_sent() {
    let trial = Trial::new();
    let recorder = trial.begin();
    let change = trial.intend(0, stop()).await;
    let before = trial.commands();
    trial.write_down(&recorder, &change);
    assert_eq!(undone(&trial, &recorder, &change).await, Undone::Already);
    assert_eq!(trial.commands(), before);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_heard_of_may_still_be_on_its_way() {
    for what in [stop(), hang()] {
        let trial = Trial::new();
        let recorder = trial.begin();
        let change = trial.intend(0, what).await;
        trial.write_down(&recorder, &change);
        let (ground, mut lost) = (trial.ground(&recorder), BTreeSet::new());
        let late = async {
            trial.world.seams.clock.sleep(Duration::from_secs(4)).await;
            trial.make(&change).await;
        };
        let undoing = undo(&ground, &change, Known { unanswered: true, ..HEARD }, &mut lost);
        let (undone, ()) = tokio::join!(undoing, late);
        assert_eq!(undone, Undone::Restored);
        let last = trial.commands().pop().expect("a command");
        assert!(last.contains("start") || last.contains("CONT"), "{last}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_made_is_taken_back_once() {
    for what in [stop(), forwarding("dns-edge-1", "0")] {
        let trial = Trial::new();
        let recorder = trial.begin();
        let change = trial.intend(0, what).await;
        trial.write_down(&recorder, &change);
        trial.make(&change).await;
        assert_eq!(trial.standing(&change).await, Standing::After);
        assert_eq!(undone(&trial, &recorder, &change).await, Undone::Restored);
        assert_eq!(trial.standing(&change).await, Standing::Before);
        let sent = trial.commands();
        assert_eq!(undone(&trial, &recorder, &change).await, Undone::Already);
        assert_eq!(trial.commands(), sent, "twice changes nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_changed_is_not_overwritten() {
    let trial = Trial::new();
    let recorder = trial.begin();
    let change = trial.intend(0, forwarding("dns-edge-1", "0")).await;
    trial.write_down(&recorder, &change);
    trial.make(&change).await;
    let foreign = trial.intend(1, forwarding("dns-edge-1", "2")).await;
    trial.make(&foreign).await;
    let sent = trial.commands();
    assert_eq!(undone(&trial, &recorder, &change).await, Undone::Conflict);
    assert_eq!(trial.commands(), sent, "nothing is overwritten");
    assert_eq!(trial.standing(&foreign).await, Standing::After);
}

#[tokio::test(start_paused = true)]
async fn a_hung_process_goes_on_although_nobody_sees_that_it_hangs() {
    let trial = Trial::new();
    let recorder = trial.begin();
    let change = trial.intend(0, hang()).await;
    trial.write_down(&recorder, &change);
    trial.make(&change).await;
    assert_eq!(undone(&trial, &recorder, &change).await, Undone::Restored);
    assert!(trial.commands().last().is_some_and(|sent| sent.contains("CONT")), "{:?}", trial.commands());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_sees_is_taken_back_again_where_the_inverse_did_not_arrive() {
    let trial = Trial::new();
    let recorder = trial.begin();
    let change = trial.intend(0, hang()).await;
    trial.write_down(&recorder, &change);
    trial.make(&change).await;
    // The target is seen, and then gone for a while.
    trial.twin.hold(Hold { nth: 1, among: Operations::All, moment: Moment::After });
    let (twin, clock) = (trial.twin.clone(), Arc::clone(&trial.world.seams.clock));
    tokio::spawn(async move {
        twin.held().await;
        twin.refuse_network(true);
        twin.release();
        clock.sleep(Duration::from_secs(5)).await;
        twin.refuse_network(false);
    });
    assert_eq!(undone(&trial, &recorder, &change).await, Undone::Restored);
    assert!(trial.commands().last().is_some_and(|sent| sent.contains("CONT")), "{:?}", trial.commands());
}

#[tokio::test(start_paused = true)]
async fn a_failed_undo_stops_earlier_ones_of_the_same_target_alone() {
    let trial = Trial::new();
    let recorder = trial.begin();
    let other = trial.intend(0, forwarding("dns-edge-2", "0")).await;
    trial.make(&other).await;
    let earlier = trial.intend(1, stop()).await;
    trial.make(&earlier).await;
    let later = trial.intend(2, forwarding("dns-edge-1", "0")).await;
    trial.make(&later).await;
    trial.make(&trial.intend(3, forwarding("dns-edge-1", "2")).await).await;
    let all = [other, earlier, later];
    for change in &all {
        trial.write_down(&recorder, change);
    }
    let (ground, mut lost, mut ended) = (trial.ground(&recorder), BTreeSet::new(), Vec::new());
    for change in all.iter().rev() {
        ended.push((change.intent().change, undo(&ground, change, HEARD, &mut lost).await));
    }
    assert_eq!(ended, [(2, Undone::Conflict), (1, Undone::Failed), (0, Undone::Restored)]);
}

#[tokio::test(start_paused = true)]
async fn a_payload_that_was_tampered_with_is_not_put_back() {
    let trial = Trial::new();
    let recorder = trial.begin();
    let change = trial.intend(0, stop()).await;
    trial.make(&change).await;
    let mut intent = change.intent().clone();
    let kept = Payload { name: "content".parse().expect("a name"), bytes: b"x".to_vec() };
    intent.payloads = trial.store.put(0, &[kept]).expect("room");
    let change = trial.sealed(intent);
    trial.write_down(&recorder, &change);
    let other = Payload { name: "content".parse().expect("a name"), bytes: b"y".to_vec() };
    trial.store.put(0, &[other]).expect("room");
    let sent = trial.commands();
    assert_eq!(undone(&trial, &recorder, &change).await, Undone::Failed);
    assert_eq!(trial.commands(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_timer_is_disarmed_after_the_undo_and_proves_that_it_did_not_fire() {
    let trial = Trial::new();
    let recorder = trial.begin();
    let change = trial.intend(0, stop()).await;
    trial.write_down(&recorder, &change);
    trial.arm(&recorder, &change, true).await;
    trial.make(&change).await;
    assert_eq!(undone(&trial, &recorder, &change).await, Undone::Restored);
    drop(recorder);
    let journal =
        std::fs::read_to_string(trial.runs.join(trial.run_id.as_str()).join("journal.jsonl")).expect("one");
    let disarmed = journal.lines().find(|line| line.contains("timer_disarmed")).expect("disarmed");
    assert!(disarmed.contains(r#""fired":false"#), "{disarmed}");
    assert!(trial.store.live.lock().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_has_fired_is_what_took_the_change_back() {
    let trial = Trial::new();
    let recorder = trial.begin();
    let change = trial.intend(0, stop()).await;
    trial.write_down(&recorder, &change);
    trial.arm(&recorder, &change, false).await;
    trial.make(&change).await;
    trial.twin.advance(Duration::from_secs(u64::from(HEAL_S) + 1));
    trial.world.seams.clock.sleep(Duration::from_secs(1)).await;
    assert_eq!(undone(&trial, &recorder, &change).await, Undone::ByTimer);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_cannot_be_reached_is_waited_for_until_its_timer_must_have_fired() {
    let trial = Trial::new();
    let recorder = trial.begin();
    let change = trial.intend(0, stop()).await;
    let cut = trial.sealed(Intent { cuts_control: true, ..change.intent().clone() });
    trial.write_down(&recorder, &cut);
    trial.arm(&recorder, &cut, false).await;
    trial.make(&cut).await;
    trial.twin.refuse_network(true);
    let (twin, clock) = (trial.twin.clone(), Arc::clone(&trial.world.seams.clock));
    tokio::spawn(async move {
        clock.sleep(Duration::from_secs(u64::from(HEAL_S) + 5)).await;
        twin.refuse_network(false);
    });
    assert_eq!(undone(&trial, &recorder, &cut).await, Undone::ByTimer);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_never_comes_back_is_given_up_within_a_bound() {
    let trial = Trial::new();
    let recorder = trial.begin();
    let change = trial.intend(0, stop()).await;
    trial.write_down(&recorder, &change);
    trial.make(&change).await;
    trial.twin.refuse_network(true);
    let begun = tokio::time::Instant::now();
    assert_eq!(undone(&trial, &recorder, &change).await, Undone::Failed);
    assert!(begun.elapsed() >= PATIENCE);
    let (ground, begun) = (trial.ground(&recorder), tokio::time::Instant::now());
    let again = undo(&ground, &change, Known { waited: true, ..HEARD }, &mut BTreeSet::new()).await;
    assert_eq!(again, Undone::Failed);
    assert!(begun.elapsed() < PATIENCE, "it was waited for before");
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_renews_a_timer_and_there_is_never_none() {
    let trial = Trial::new();
    let recorder = trial.begin();
    let change = trial.intend(0, stop()).await;
    trial.write_down(&recorder, &change);
    trial.arm(&recorder, &change, true).await;
    trial.make(&change).await;
    let ground = trial.ground(&recorder);
    let three_periods = trial.world.seams.clock.sleep(Duration::from_secs(u64::from(HEAL_S) * 3));
    tokio::select! {
        () = timer::heartbeat(&ground) => unreachable!("it never ends"),
        () = three_periods => {}
    }
    assert_eq!(trial.standing(&change).await, Standing::After, "no generation has fired");
    let generations = trial.store.timers(0).expect("readable").expect("noted");
    assert!(*generations.start() >= 5, "{generations:?}");
    assert_eq!(undone(&trial, &recorder, &change).await, Undone::Restored);
    let made = trial.commands();
    let armed = made.iter().filter(|sent| sent.contains("--on-active")).count();
    let stopped = made.iter().filter(|sent| sent.contains(".timer")).count();
    assert_eq!(armed, stopped, "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn a_timer_with_too_little_time_is_refused_and_none_stays() {
    let trial = Trial::new();
    let recorder = trial.begin();
    let change = trial.intend(0, stop()).await;
    trial.write_down(&recorder, &change);
    let before = trial.twin.digest();
    let refused = trial.try_arm(&recorder, &change, 12).await.expect_err("the step may take longer");
    assert_eq!(refused.code, Code::ChangeTimer);
    assert_eq!(trial.twin.digest(), before);
    trial.try_arm(&recorder, &change, HEAL_S).await.expect("enough");
    assert_ne!(trial.twin.digest(), before);
}
