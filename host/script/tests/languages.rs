//! One contract for both languages: the same call gives the same frames, the same value and the same fault.

mod host;

use fabric_model::door::{FromWorker, Outcome, Start};
use fabric_script::language::Language;
use host::{Told, run_start, start};

fn told(language: Language, body: &str) -> Told {
    let mut begin: Start = start(body);
    begin.path = format!("a.{}", language.ending());
    run_start(&begin, &mut host::answer)
}

/// Frames without the places of messages, which are those of two texts.
fn frames(told: &Told) -> Vec<FromWorker> {
    let without_place = |text: &str| text.split(" at a.").next().unwrap_or_default().to_owned();
    told.frames
        .iter()
        .cloned()
        .map(|frame| match frame {
            FromWorker::CheckEnd {
                check,
                verdict: fabric_model::check::Verdict::Error { fault, message },
            } => {
                let message = without_place(&message);
                FromWorker::CheckEnd {
                    check,
                    verdict: fabric_model::check::Verdict::Error { fault, message },
                }
            }
            FromWorker::End { outcome: Outcome::Threw { message } } => {
                FromWorker::End { outcome: Outcome::Threw { message: without_place(&message) } }
            }
            other => other,
        })
        .collect()
}

#[track_caller]
fn same(title: &str, rhai: &str, luau: &str) -> Vec<FromWorker> {
    let (first, second) = (told(Language::Rhai, rhai), told(Language::Luau, luau));
    assert_eq!(frames(&first), frames(&second), "{title}\nrhai: {rhai}\nluau: {luau}");
    frames(&first)
}

#[test]
fn every_function_does_the_same_in_both_languages() {
    for entry in fabric_script::CATALOGUE {
        let frames = same(entry.name, entry.rhai, entry.luau);
        assert!(frames.len() > 1, "the example of `{}` does nothing that can be seen", entry.name);
        assert!(
            matches!(frames.last(), Some(FromWorker::End { outcome: Outcome::Finished })),
            "the example of `{}` ends as {:?}",
            entry.name,
            frames.last()
        );
        for text in [entry.rhai, entry.luau] {
            assert!(text.contains(entry.name), "the example of `{}` does not use it", entry.name);
        }
    }
}
