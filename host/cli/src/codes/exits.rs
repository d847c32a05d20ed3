//! Exit codes of the command. What each means in a word stands in the model; here is how it comes about and what to do.

use super::{Entry, Kind};

const fn exit(code: &'static str, means: &'static str, arises: &'static str, remedy: &'static str) -> Entry {
    Entry { code, kind: Kind::Exit, means, arises, remedy }
}

pub(super) const ENTRIES: &[Entry] = &[
    exit("0", "Done.", "All checks passed, or there was nothing to check.", "Nothing is left to do."),
    exit(
        "1",
        "Checks failed.",
        "At least one check ended as `fail`: what was observed is not what was expected.",
        "Read expected and observed of each failed check; `checks.json` of the packet has them whole.",
    ),
    exit("2", "Usage.", "The command line is wrong.", "Read the message, or `fabric COMMAND --help`."),
    exit(
        "3",
        "Configuration.",
        "Site, policy or trust file is missing or wrong.",
        "Mend the line that the message shows. A file that is wrong anywhere counts nowhere.",
    ),
    exit(
        "4",
        "Authentication.",
        "A key or credential is missing or refused before the run could begin.",
        "Make a key with `fabric init`, or mend the secret that the message names.",
    ),
    exit(
        "5",
        "Not found.",
        "What the command line names does not exist: a script, a packet, a primitive, a code.",
        "Use one of the names that the hint lists.",
    ),
    exit(
        "6",
        "Denied.",
        "The gate refused a call, even if the script caught it, or a guard without a code of its own refused the run.",
        "The denial prints the line that would allow it; `fabric policy explain PRIMITIVE RESOURCE` says why.",
    ),
    exit(
        "7",
        "Unreachable.",
        "The site cannot be reached at all when the run begins. Unreachable within a check is 11.",
        "Check the network between here and the site.",
    ),
    exit(
        "8",
        "Frozen or unrecovered.",
        "Changes are frozen, another run holds the target, one left it changed, or a secret in a packet keeps it from being sealed.",
        "Wait for the freeze to end, or run `fabric recover`. Of a packet with a secret the message names the lines: `docs/evidence.md`.",
    ),
    exit(
        "9",
        "Approval missing or expired.",
        "An approval is missing, over, used up, by the executor himself, or for another plan or window.",
        "Let others run `fabric approve DIGEST`.",
    ),
    exit(
        "10",
        "Plan stale.",
        "The world is no longer the one that the plan rests on, or the plan was altered.",
        "Make a new plan with a dry run.",
    ),
    exit(
        "11",
        "Not measurable.",
        "No check failed, and at least one could not find out or was skipped.",
        "Mend what kept the check from looking; an error is never a pass.",
    ),
    exit(
        "12",
        "Failed without effect.",
        "A change failed before it had any effect.",
        "Nothing has to be put back; the fault says why it failed.",
    ),
    exit(
        "13",
        "Failed and undone.",
        "A change failed, or the changes of an operation did not stay, and everything is as it was before.",
        "The fault says why it failed; the journal shows every undo.",
    ),
    exit(
        "14",
        "Restoration incomplete or unknown.",
        "What was changed could not be put back, or nobody knows whether it was.",
        "Look at the targets that the last lines name, then run `fabric recover`.",
    ),
    exit(
        "20",
        "Script fault.",
        "The script cannot be parsed, threw outside a check, or its process died; or `fabric check` found an error.",
        "Mend the line that the message shows; `fabric check` shows all that can be found without running.",
    ),
    exit(
        "21",
        "Limit hit.",
        "The script reached a limit: operations, sizes, calls, output or time.",
        "docs/scripting.md lists the limits; `--time-limit` sets that of the run.",
    ),
    exit(
        "30",
        "Verification failed.",
        "A packet, or a signature of one, does not verify.",
        "Explain the class of each finding with `fabric explain CLASS`. Do not rely on the packet.",
    ),
    exit(
        "70",
        "Internal error.",
        "The host has a bug.",
        "Keep the packet and report it. Whatever was changed is taken back as after any failure.",
    ),
    exit(
        "130",
        "Interrupted.",
        "Somebody pressed Ctrl-C, or the process got a signal to end. Undoing is not skipped by a second one.",
        "Look at the last lines for what was taken back.",
    ),
];
