//! Every way round the gate that a script could try, tried in whole runs over the twin: nothing reaches the target, the run ends
//! as denied, and the denial says what would allow it.
//!
//! A run starts its own executable as the worker, so this program is the worker too when it is asked to be.

#![expect(clippy::panic, reason = "a test fails by panicking")]

mod aliases;
mod bench;
mod bypasses;
mod watched;
mod words;

use std::process::ExitCode;

use fabric_runtime::WORKER_SUBCOMMAND;
use libtest_mimic::{Arguments, Trial};

const TESTS: &[(&str, fn())] = &[
    ("a_denied_address_is_denied_under_every_name", aliases::a_denied_address_is_denied_under_every_name),
    ("a_denied_vip_is_denied_under_its_dns_name", aliases::a_denied_vip_is_denied_under_its_dns_name),
    ("a_denied_host_is_denied_by_its_address", aliases::a_denied_host_is_denied_by_its_address),
    ("a_denied_host_is_not_passed_through", aliases::a_denied_host_is_not_passed_through),
    (
        "a_rule_for_another_environment_denies_no_alias",
        aliases::a_rule_for_another_environment_denies_no_alias,
    ),
    ("a_name_is_no_way_into_the_site", aliases::a_name_is_no_way_into_the_site),
    ("an_address_is_no_way_into_the_site", aliases::an_address_is_no_way_into_the_site),
    (
        "a_name_leads_to_what_is_granted_by_its_own_name",
        aliases::a_name_leads_to_what_is_granted_by_its_own_name,
    ),
    ("what_is_declared_and_granted_goes_through", bypasses::what_is_declared_and_granted_goes_through),
    ("an_undeclared_primitive_is_denied", bypasses::an_undeclared_primitive_is_denied),
    ("an_undeclared_resource_is_denied", bypasses::an_undeclared_resource_is_denied),
    ("an_ungranted_resource_is_denied", bypasses::an_ungranted_resource_is_denied),
    ("an_ungranted_part_of_a_host_is_denied", bypasses::an_ungranted_part_of_a_host_is_denied),
    (
        "a_change_is_beyond_the_reach_of_a_script_that_observes",
        bypasses::a_change_is_beyond_the_reach_of_a_script_that_observes,
    ),
    ("a_deny_rule_beats_an_allow_rule", bypasses::a_deny_rule_beats_an_allow_rule),
    ("a_grant_for_another_environment_is_none", bypasses::a_grant_for_another_environment_is_none),
    ("a_grant_for_another_role_is_none", bypasses::a_grant_for_another_role_is_none),
    (
        "a_host_to_go_through_needs_a_grant_of_its_own",
        bypasses::a_host_to_go_through_needs_a_grant_of_its_own,
    ),
    ("a_name_is_not_resolved_without_a_grant", bypasses::a_name_is_not_resolved_without_a_grant),
    ("a_name_is_not_resolved_undeclared", bypasses::a_name_is_not_resolved_undeclared),
    (
        "a_name_that_leads_to_a_denied_address_is_denied",
        bypasses::a_name_that_leads_to_a_denied_address_is_denied,
    ),
    (
        "an_address_written_as_ipv6_is_the_same_address",
        bypasses::an_address_written_as_ipv6_is_the_same_address,
    ),
    ("an_address_called_a_name_is_denied", bypasses::an_address_called_a_name_is_denied),
    ("a_site_name_at_a_denied_address_is_denied", bypasses::a_site_name_at_a_denied_address_is_denied),
    ("a_jump_host_at_a_denied_address_is_denied", bypasses::a_jump_host_at_a_denied_address_is_denied),
    ("an_api_at_a_denied_address_is_denied", bypasses::an_api_at_a_denied_address_is_denied),
    ("a_caught_denial_is_still_a_denial", bypasses::a_caught_denial_is_still_a_denial),
    (
        "a_denial_outside_any_check_ends_the_run_as_denied",
        bypasses::a_denial_outside_any_check_ends_the_run_as_denied,
    ),
    ("a_denial_ends_a_poll_at_once", bypasses::a_denial_ends_a_poll_at_once),
    ("a_denial_in_a_branch_counts", bypasses::a_denial_in_a_branch_counts),
    (
        "a_denial_names_the_line_of_the_policy_that_would_allow_it",
        words::a_denial_names_the_line_of_the_policy,
    ),
    (
        "a_denial_names_the_line_of_the_script_that_would_allow_it",
        words::a_denial_names_the_line_of_the_script,
    ),
    ("a_denial_by_rule_names_rule_file_and_line", words::a_denial_by_rule_names_rule_file_and_line),
    ("a_denied_address_names_rule_file_and_line", words::a_denied_address_names_rule_file_and_line),
    ("the_line_that_a_denial_names_does_allow_it", words::the_line_that_a_denial_names_does_allow_it),
];

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == WORKER_SUBCOMMAND) {
        return fabric_script::worker::main();
    }
    let trials = TESTS.iter().map(|(name, test)| {
        Trial::test(*name, || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
