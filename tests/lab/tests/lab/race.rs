//! Two operators, each at a machine of his own, start the same plan at once: one runs, one is refused, and nothing is done twice. What
//! they share is the project and the hosts, and only the hosts' own locks keep them apart.

use serde_json::Value;

use crate::machine::Lab;
use crate::operator::{Operator, Script, count, journal};

const STOP: Script = Script { name: "vip-failover-stop", params: &[] };

/// How the slower one is refused: the other holds the target, or has changed the world that the plan rests on.
const REFUSED: [(i32, &str); 2] = [(8, "guard.locked"), (10, "plan.stale")];

#[test]
fn of_two_who_start_the_same_plan_at_once_one_runs_and_one_is_refused() {
    let lab = Lab::up("race");
    let operator = Operator::of(&lab);
    let colleague = operator.colleague();
    let before = lab.standing();
    let plan = operator.plan(STOP).expect("a plan");
    let known = operator.packets();
    let both = [operator.begin(STOP, &plan), colleague.begin(STOP, &plan)];
    let ended: Vec<Option<i32>> = both.map(|running| running.output().status.code()).into();
    let made: Vec<Vec<Value>> = operator.packets().difference(&known).map(|folder| journal(folder)).collect();
    let changes: Vec<usize> = made.iter().map(|journal| count(journal, "change_applied")).collect();
    println!("ended with {ended:?}; changes made by each {changes:?}");
    assert_eq!(changes.iter().sum::<usize>(), 1, "it was done twice");
    let refusals: Vec<&str> = made
        .iter()
        .flatten()
        .filter(|line| line.pointer("/event/kind").and_then(Value::as_str) == Some("guard_refused"))
        .filter_map(|line| line.pointer("/event/fault/code").and_then(Value::as_str))
        .collect();
    let told = REFUSED.iter().find(|(_, code)| refusals == [*code]);
    let (exit, _) = told.unwrap_or_else(|| panic!("nobody was refused as he should be: {refusals:?}"));
    assert!(ended.contains(&Some(0)) && ended.contains(&Some(*exit)), "{ended:?}");
    lab.settles_to(&before).expect("the plane is as before");
}
