//! What the run came to, before anything else, and of what it is no evidence.

use fabric_model::exit::Exit;

use super::{Body, Tone, badge, facts};
use crate::event::Mode;
use crate::markup::Markup;
use crate::record::{Hypothesis, Injection, Restoration, RunOutcome, RunRecord, Verdicts};
use crate::report::UNWITNESSED;

pub(super) fn render(body: &mut Body, run: &RunRecord) {
    let tone = Tone::of_exit(run.exit);
    body.section("verdict", "Verdict", |section| {
        section.within("div", &[("class", &format!("verdict {}", tone.class()))], |verdict| {
            verdict.within("p", &[("class", "headline")], |line| {
                line.element("span", &[("aria-hidden", "true"), ("class", "sign")], tone.sign());
                line.text(" ");
                line.element("strong", &[], &headline(run));
                line.text(" ");
                line.element("span", &[("class", "realm")], &realm(run));
            });
            verdict.element("p", &[], &told(run));
        });
        if let Some(reservation) = facts::reservation(run) {
            section.within("p", &[("class", "notice")], |notice| notice.element("strong", &[], reservation));
        }
        aborted(section, run);
        if let Some((what, message)) = facts::worker_end(run) {
            section.element("p", &[], &format!("{what}: {message}"));
        }
        if let Some(verdicts) = run.verdicts {
            three(section, verdicts);
        }
    });
}

/// The result in two or three words.
pub(super) fn headline(run: &RunRecord) -> String {
    let counts = run.counts;
    match run.exit {
        Exit::Done if counts.total() > 0 && counts.pass == counts.total() => "Passed".to_owned(),
        exit => capital(exit.meaning()),
    }
}

/// What kind of place it was on.
pub(super) fn realm(run: &RunRecord) -> String {
    match run.head.mode {
        Mode::Offline => format!("offline, recorded on: {}", run.head.site.realm.as_str()),
        _ => format!("realm: {}", run.head.site.realm.as_str()),
    }
}

fn told(run: &RunRecord) -> String {
    let counts = run.counts;
    let kinds = [
        (counts.pass, "passed"),
        (counts.fail, "failed"),
        (counts.error, "could not be measured"),
        (counts.skip, "skipped"),
        (counts.deferred, "deferred until the changes are made"),
    ];
    let parts: Vec<String> =
        kinds.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let checks = match counts.total() {
        0 => "No checks.".to_owned(),
        1 => format!("1 check: {}.", parts.join(", ")),
        total => format!("{total} checks: {}.", parts.join(", ")),
    };
    let denials = match run.denials.len() {
        0 => String::new(),
        n => format!(" {} denied.", facts::counted(n, "call")),
    };
    let others = match run.exits.len() {
        0 | 1 => String::new(),
        _ => {
            let all: Vec<String> = run.exits.iter().map(ToString::to_string).collect();
            format!(" Several exits held; the first decides: {}.", all.join(", "))
        }
    };
    format!("{checks}{denials} Exit code {} ({}).{others}", run.code, run.exit.meaning())
}

fn aborted(section: &mut Markup, run: &RunRecord) {
    if run.outcome == RunOutcome::Aborted {
        section.within("p", &[("class", "notice")], |notice| {
            notice.element("strong", &[], "Aborted. ");
            notice.text("The host was killed before the packet was sealed. What is missing here did not happen or was not seen.");
        });
    }
    let Some(recovery) = &run.recovery else { return };
    section.within("p", &[("class", "notice")], |notice| {
        notice.element("strong", &[], UNWITNESSED);
        notice.text(&format!(" It was sealed later, at {}, by ", recovery.at));
        notice.element("code", &[], recovery.by.fingerprint.as_str());
        notice
            .text(". The signature says that the journal was found like this, not that it is what happened.");
        if let Some(digest) = recovery.torn_digest {
            notice.text(&format!(
                " A torn last journal line of {} bytes was cut off (SHA-256 ",
                recovery.torn_bytes
            ));
            notice.element("code", &[], &digest.to_string());
            notice.text(").");
        }
    });
}

/// The three verdicts on a run that changes things, which do not stand for each other.
fn three(section: &mut Markup, verdicts: Verdicts) {
    let hypothesis = match verdicts.hypothesis {
        Hypothesis::Pass => Tone::Good,
        Hypothesis::Fail => Tone::Bad,
        Hypothesis::Error | Hypothesis::None => Tone::Unsure,
    };
    let injection = match verdicts.injection {
        Injection::Confirmed => Tone::Good,
        Injection::Failed => Tone::Bad,
        Injection::Unknown | Injection::None => Tone::Unsure,
    };
    let restoration = match verdicts.restoration {
        Restoration::Incomplete | Restoration::Unknown => Tone::Bad,
        _ => Tone::Good,
    };
    let rows = [
        (
            "Hypothesis",
            "Does the site do what the script says of it?",
            hypothesis,
            verdicts.hypothesis.as_str(),
        ),
        ("Injection", "Were the changes made as intended?", injection, verdicts.injection.as_str()),
        ("Restoration", "Is everything as it was before?", restoration, verdicts.restoration.as_str()),
    ];
    section.within("dl", &[("class", "three")], |list| {
        for (name, question, tone, words) in rows {
            list.within("div", &[], |row| {
                row.within("dt", &[], |name_and_question| {
                    name_and_question.text(name);
                    name_and_question.element("span", &[], question);
                });
                row.within("dd", &[], |word| badge(word, tone, words));
            });
        }
    });
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
