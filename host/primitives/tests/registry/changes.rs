//! What holds for every primitive that changes something: planning is pure, a dry run leaves everything as it was, and whatever was
//! done is taken back, wherever it broke off.

use fabric_model::change::Standing;
use fabric_model::{Class, Code, Effect, Stage as Step, Value};
use fabric_primitives::changing::{ChangeCall, ErasedPlan};
use fabric_primitives::{Primitive, Work};
use tokio::time::Instant;

use crate::deadlines::ROUNDING;
use crate::faults::errors;
use crate::rigged::{Mishap, Plan, Use, Way};
use crate::scene::{Scene, scenes};
use crate::stage::in_virtual_time;

fn call(primitive: &dyn Primitive, arguments: &Value) -> Box<dyn ChangeCall> {
    match primitive.prepare(arguments).expect("an example decodes").work {
        Work::Change(call) => call,
        Work::Observe(_) => panic!("its class says that it changes something"),
    }
}

pub(crate) fn its_examples_plan_as_stated(primitive: &'static dyn Primitive) {
    assert!(primitive.class() > Class::Observe);
    let examples = primitive.change_examples();
    for example in &examples {
        let call = call(primitive, &example.arguments);
        let plan = call.plan(&example.seen).expect("an example can be planned");
        let summary = plan.map(|plan| call.describe(&plan.action).expect("its own action"));
        assert_eq!(summary.as_deref(), example.summary, "{:?}", example.seen);
    }
    assert!(examples.iter().any(|example| example.summary.is_some()), "nothing to do anywhere");
    assert!(examples.iter().any(|example| example.summary.is_none()), "something to do everywhere");
}

/// There is no seam in reach of planning; that it also remembers nothing shows in the same plan twice, and that it wants no more than
/// it said in nothing to do afterwards.
pub(crate) fn planning_is_pure(primitive: &'static dyn Primitive) {
    for example in primitive.change_examples() {
        let call = call(primitive, &example.arguments);
        let plan = |seen: &Value| call.plan(seen).expect("it can be planned");
        assert_eq!(plan(&example.seen), plan(&example.seen));
        let Some(planned) = plan(&example.seen) else { continue };
        if planned.after != example.seen {
            assert_eq!(plan(&planned.after), None, "there is more to do than was planned");
        }
        if let Some(inverse) = &planned.inverse {
            let words = call.describe(inverse).expect("its own action");
            assert!(!words.is_empty() && words != call.describe(&planned.action).expect("its own action"));
        }
    }
}

pub(crate) fn the_states_of_a_plan_stand_where_they_belong(primitive: &'static dyn Primitive) {
    for example in primitive.change_examples() {
        let call = call(primitive, &example.arguments);
        let Some(ErasedPlan { after, .. }) = call.plan(&example.seen).expect("planned") else { continue };
        let standing = |now: &Value| call.standing(now, &example.seen, &after).expect("its own states");
        assert_eq!(standing(&after), Standing::After);
        if after != example.seen {
            assert_eq!(standing(&example.seen), Standing::Before);
        }
        assert!(call.standing(&Value::Null, &example.seen, &after).is_err(), "nothing is no state");
    }
}

pub(crate) fn a_dry_run_leaves_everything_as_it_was(primitive: &'static dyn Primitive) {
    for scene in scenes(primitive) {
        in_virtual_time(async {
            let act = scene.open(Plan::Nothing).await;
            let (before, posts) = (act.digest(), act.posts());
            let seen = act.observe().await.expect("it can be observed");
            assert!(act.call.plan(&seen).expect("it can be planned").is_some(), "{scene:?}: nothing to do");
            assert_eq!(act.digest(), before, "{scene:?}");
            assert_eq!(act.posts(), posts, "{scene:?}");
            assert!(!act.uses().iter().any(|used| used.way.writes()), "{scene:?}");
        });
    }
}

pub(crate) fn what_is_applied_is_what_was_planned(primitive: &'static dyn Primitive) {
    for scene in scenes(primitive) {
        in_virtual_time(async {
            let act = scene.open(Plan::Nothing).await;
            let change = act.planned().await;
            act.apply(&change.plan.action, &change).await.expect("it can be applied");
            assert!(act.uses().iter().any(|used| used.way.writes()), "{scene:?}: nothing was written");
            let after_the_order =
                act.uses().into_iter().rev().take_while(|used| used.way != Way::ChangeDial).count();
            let ordered = act.uses().iter().any(|used| used.way == Way::ChangeDial);
            assert!(!ordered || after_the_order > 0, "{scene:?}: its task was not waited for");
            let now = act.observe().await.expect("it can be observed");
            let standing = act.call.standing(&now, &change.before, &change.plan.after).expect("a state");
            assert_ne!(standing, Standing::Before, "{scene:?}: it was not waited for");
            let seen = act.settled(&change, Standing::After).await;
            if change.plan.after != change.before {
                assert_eq!(act.call.plan(&seen).expect("it can be planned"), None, "{scene:?}");
            }
        });
    }
}

pub(crate) fn undone_everything_is_as_before(primitive: &'static dyn Primitive) {
    for scene in scenes(primitive) {
        in_virtual_time(async {
            let act = scene.open(Plan::Nothing).await;
            let before = act.digest();
            let change = act.planned().await;
            act.apply(&change.plan.action, &change).await.expect("it can be applied");
            act.settled(&change, Standing::After).await;
            if change.is_visible() || change.plan.inverse.is_some() {
                assert_ne!(act.digest(), before, "{scene:?}: it changed nothing");
            }
            act.undo(&change).await;
            assert_eq!(act.digest(), before, "{scene:?}");
        });
    }
}

pub(crate) fn doing_it_twice_is_doing_it_once(primitive: &'static dyn Primitive) {
    for scene in scenes(primitive) {
        in_virtual_time(async {
            let act = scene.open(Plan::Nothing).await;
            let before = act.digest();
            let change = act.planned().await;
            for _ in 0..2 {
                act.apply(&change.plan.action, &change).await.expect("it can be applied");
            }
            act.settled(&change, Standing::After).await;
            act.undo(&change).await;
            act.undo(&change).await;
            assert_eq!(act.digest(), before, "{scene:?}");
        });
    }
}

pub(crate) fn undoing_what_was_never_done_changes_nothing(primitive: &'static dyn Primitive) {
    for scene in scenes(primitive) {
        in_virtual_time(async {
            let act = scene.open(Plan::Nothing).await;
            let before = act.digest();
            let change = act.planned().await;
            act.undo(&change).await;
            assert_eq!(act.digest(), before, "{scene:?}");
        });
    }
}

/// The change breaks off at each thing that it writes: before it is done, and after it is done and before that is known.
pub(crate) fn what_was_half_done_is_undone(primitive: &'static dyn Primitive) {
    for scene in scenes(primitive) {
        let (_, uses) = played(&scene);
        for (at, used) in uses.iter().enumerate().filter(|(_, used)| used.way.writes()) {
            for mishap in [Mishap::Hangs, lost(used)] {
                in_virtual_time(async {
                    let when = format!("{scene:?}, {mishap:?} number {at}");
                    let act = scene.open(Plan::Once(at, mishap)).await;
                    let before = act.digest();
                    let change = act.planned().await;
                    match act.apply(&change.plan.action, &change).await {
                        Err(fault) => {
                            let codes = [Code::PortClosed, Code::PortTimeout];
                            assert!(codes.contains(&fault.code), "{when}: {fault}");
                            assert_eq!(fault.effect, Effect::Unknown, "{when}: {fault}");
                        }
                        // A node of the cluster that hangs is stepped over.
                        Ok(()) => assert_eq!(used.way, Way::ChangeDial, "{when}: nobody noticed"),
                    }
                    act.undo(&change).await;
                    assert_eq!(act.digest(), before, "{when}");
                });
            }
        }
    }
}

/// What is done without an answer. Of an answer over TLS the last bytes are kept back.
fn lost(used: &Use) -> Mishap {
    match used.way {
        Way::ChangeDial => Mishap::Cut(used.bytes().saturating_sub(100)),
        _ => Mishap::Lost,
    }
}

pub(crate) fn a_failure_while_changing_is_its_own_fault(primitive: &'static dyn Primitive) {
    for scene in scenes(primitive) {
        let (first, uses) = played(&scene);
        for at in first..uses.len() {
            let sent = uses.iter().take(at + 1).any(|used| used.way.writes());
            for error in errors() {
                in_virtual_time(async {
                    let act = scene.open(Plan::Onwards(at.., Mishap::Fails(error.clone()))).await;
                    let change = act.planned().await;
                    let fault = act.apply(&change.plan.action, &change).await.expect_err("it fails");
                    let when = format!("{scene:?}, {error:?} number {at}: {fault}");
                    let effect = if sent { Effect::Unknown } else { Effect::None };
                    assert_eq!((fault.stage, fault.effect), (Step::Apply, effect), "{when}");
                    // Waiting for the end of a task goes on over what may pass.
                    let waited = sent && !uses[at].way.writes() && fault.code == Code::PortTimeout;
                    assert!(fault.code == error.code() || waited, "{when}");
                });
            }
        }
    }
}

pub(crate) fn a_change_that_hangs_ends_at_the_deadline(primitive: &'static dyn Primitive) {
    for scene in scenes(primitive) {
        let (first, uses) = played(&scene);
        for at in first..uses.len() {
            in_virtual_time(async {
                let act = scene.open(Plan::Onwards(at.., Mishap::Hangs)).await;
                let change = act.planned().await;
                let began = Instant::now();
                let fault = act.apply(&change.plan.action, &change).await.expect_err("it hangs");
                assert_eq!(fault.code, Code::PortTimeout, "{scene:?}: {fault}");
                assert!(began.elapsed() <= act.timeout + ROUNDING, "{scene:?}: {:?}", began.elapsed());
            });
        }
    }
}

/// Every use of a change that goes well, and the number of the first that applies it.
fn played(scene: &Scene) -> (usize, Vec<Use>) {
    in_virtual_time(async {
        let act = scene.open(Plan::Nothing).await;
        let change = act.planned().await;
        let first = act.uses().len();
        act.apply(&change.plan.action, &change).await.expect("it can be applied");
        (first, act.uses())
    })
}
