//! The generic suite: what holds for every primitive, because it is in the registry.
//!
//! Each property of each primitive is a result of its own, named `<primitive>::<property>`. A primitive that cannot hold one yet
//! stands in `tests/ratchets/registry.txt`, which only ever shrinks.

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a property fails by panicking, and names what it expects"
)]

mod arguments;
mod changes;
mod deadlines;
mod denials;
mod faults;
mod happy;
mod list;
mod lockout;
mod ratchet;
mod rigged;
mod scene;
mod stage;
mod stream;

use std::process::ExitCode;

use fabric_model::Class;
use fabric_primitives::Primitive;
use fabric_primitives::registry::REGISTRY;
use libtest_mimic::{Arguments, Trial};

/// A property of a primitive, by name. It panics where it does not hold.
type Property = (&'static str, fn(&'static dyn Primitive));

const PROPERTIES: &[Property] = &[
    ("its_examples_decode", arguments::its_examples_decode),
    ("canonical_arguments_decode_to_themselves", arguments::canonical_arguments_decode_to_themselves),
    ("its_schema_is_closed_and_documented", arguments::its_schema_is_closed_and_documented),
    ("an_unknown_field_is_refused_by_name", arguments::an_unknown_field_is_refused_by_name),
    ("a_missing_field_is_refused_by_name", arguments::a_missing_field_is_refused_by_name),
    ("a_field_of_another_type_is_refused_by_name", arguments::a_field_of_another_type_is_refused_by_name),
    ("the_limits_of_its_schema_hold", arguments::the_limits_of_its_schema_hold),
    ("what_is_no_table_is_refused", arguments::what_is_no_table_is_refused),
    ("an_empty_policy_denies_every_need", denials::an_empty_policy_denies_every_need),
    ("a_policy_for_all_else_denies_every_need", denials::a_policy_for_all_else_denies_every_need),
    ("each_need_is_denied_on_its_own", denials::each_need_is_denied_on_its_own),
    ("what_is_granted_and_not_declared_is_denied", denials::what_is_granted_and_not_declared_is_denied),
    ("its_examples_succeed_on_the_twin", happy::its_examples_succeed_on_the_twin),
    ("its_results_fit_their_schema", happy::its_results_fit_their_schema),
    ("every_failure_of_a_seam_is_its_own_fault", faults::every_failure_of_a_seam_is_its_own_fault),
    ("an_answer_cut_short_is_a_fault", faults::an_answer_cut_short_is_a_fault),
    ("garbage_is_a_fault", faults::garbage_is_a_fault),
    ("a_failed_command_is_a_fault", faults::a_failed_command_is_a_fault),
    ("a_seam_that_hangs_ends_at_the_deadline", deadlines::a_seam_that_hangs_ends_at_the_deadline),
    ("a_peer_that_is_silent_ends_at_the_deadline", deadlines::a_peer_that_is_silent_ends_at_the_deadline),
];

/// What holds for those that only observe.
const OF_OBSERVING: &[Property] = &[("it_only_observes", happy::it_only_observes)];

/// What holds for those that change something.
const OF_CHANGING: &[Property] = &[
    ("its_examples_plan_as_stated", changes::its_examples_plan_as_stated),
    ("planning_is_pure", changes::planning_is_pure),
    ("the_states_of_a_plan_stand_where_they_belong", changes::the_states_of_a_plan_stand_where_they_belong),
    ("a_dry_run_leaves_everything_as_it_was", changes::a_dry_run_leaves_everything_as_it_was),
    ("what_is_applied_is_what_was_planned", changes::what_is_applied_is_what_was_planned),
    ("undone_everything_is_as_before", changes::undone_everything_is_as_before),
    ("doing_it_twice_is_doing_it_once", changes::doing_it_twice_is_doing_it_once),
    ("undoing_what_was_never_done_changes_nothing", changes::undoing_what_was_never_done_changes_nothing),
    ("what_was_half_done_is_undone", changes::what_was_half_done_is_undone),
    ("a_failure_while_changing_is_its_own_fault", changes::a_failure_while_changing_is_its_own_fault),
    ("a_change_that_hangs_ends_at_the_deadline", changes::a_change_that_hangs_ends_at_the_deadline),
];

fn properties_of(primitive: &dyn Primitive) -> impl Iterator<Item = Property> {
    let more = if primitive.class() == Class::Observe { OF_OBSERVING } else { OF_CHANGING };
    PROPERTIES.iter().chain(more).copied()
}

fn main() -> ExitCode {
    let exempt = ratchet::exemptions();
    let mut trials = list::trials();
    trials.extend(lockout::trials());
    trials.push(Trial::test("ratchet::names_what_exists", ratchet::names_what_exists));
    for primitive in REGISTRY.iter().copied() {
        for (property, holds) in properties_of(primitive) {
            let name = format!("{}::{property}", primitive.name());
            let exempt = exempt.contains(&name);
            trials.push(Trial::test(name, move || {
                if exempt {
                    return ratchet::still_needed(|| holds(primitive));
                }
                holds(primitive);
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
