//! Two operators, each at a machine of his own, start the same plan at once: one runs, one is refused, and nothing is done twice. What
//! they share is the project and the hosts, and only the hosts' own locks keep them apart.

use serde_json::Value;

use crate::machine::Lab;
use crate::operator::{Operator, Script, count, journal};

const STOP: Script = Script { name: "vip-failover-stop", params: &[] };

/// What the exit code says when somebody else holds what a run would change: unrecovered or held.
const HELD: i32 = 8;

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
    assert!(ended.contains(&Some(0)) && ended.contains(&Some(HELD)), "{ended:?}");
    assert_eq!(changes.iter().sum::<usize>(), 1, "it was done twice");
    let refusals: Vec<&str> = made
        .iter()
        .flatten()
        .filter_map(|line| line.pointer("/event/fault/code").and_then(Value::as_str))
        .collect();
    assert_eq!(refusals, ["guard.locked"]);
    lab.settles_to(&before).expect("the plane is as before");
}
