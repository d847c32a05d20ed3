//! The corpus of cases: each detector finds what it must and lets alone what it must not.

use std::collections::BTreeSet;

use fabric_redact::{Class, DETECTORS, Redactor, What};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    redacted: Vec<Redacted>,
    kept: Vec<Kept>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redacted {
    detector: String,
    class: String,
    text: String,
    hides: Vec<String>,
    #[serde(default)]
    keeps: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    detector: String,
    text: String,
}

fn corpus() -> Corpus {
    toml::from_str(include_str!("corpus.toml")).expect("the corpus is sound")
}

#[test]
fn what_must_be_redacted_is_and_nothing_of_it_stays() {
    let redactor = Redactor::default();
    for case in corpus().redacted {
        let Redacted { detector, class, text, hides, keeps } = case;
        let about = format!("{detector}: {text}");
        let shown = redactor.redact(&text);
        assert!(shown.contains(&format!("<redacted:{class}>")), "{about}\n{shown}");
        for hidden in hides {
            assert!(text.contains(&hidden) && !shown.contains(&hidden), "`{hidden}` of {about}\n{shown}");
        }
        for kept in keeps {
            assert!(text.contains(&kept) && shown.contains(&kept), "`{kept}` of {about}\n{shown}");
        }
        assert_eq!(redactor.find(shown.as_bytes()), [], "something is found in what was redacted: {shown}");
    }
}

#[test]
fn what_must_not_be_redacted_stays() {
    let redactor = Redactor::default();
    for Kept { detector, text } in corpus().kept {
        assert_eq!(redactor.redact(&text), text, "{detector}");
    }
}

/// JSON is what most texts are written into before they are scanned.
#[test]
fn what_was_redacted_is_innocent_in_json_and_in_html_too() {
    let redactor = Redactor::default();
    let corpus = corpus();
    let texts =
        corpus.redacted.iter().map(|case| &case.text).chain(corpus.kept.iter().map(|case| &case.text));
    for text in texts {
        let shown = redactor.redact(text);
        let once = serde_json::to_string(&shown).expect("it is text");
        let twice = serde_json::to_string(&once).expect("it is text");
        let html =
            shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        for written in [once, twice, html] {
            let found = redactor.find(written.as_bytes());
            assert_eq!(found, [], "{written}");
        }
    }
}

#[test]
fn each_detector_has_a_case_of_either_kind_and_each_class_its_own() {
    let corpus = corpus();
    let detectors: BTreeSet<&str> = DETECTORS.iter().map(|detector| detector.name).collect();
    let redacted: BTreeSet<&str> = corpus.redacted.iter().map(|case| case.detector.as_str()).collect();
    let kept: BTreeSet<&str> = corpus.kept.iter().map(|case| case.detector.as_str()).collect();
    assert_eq!((&redacted, &kept), (&detectors, &detectors));
    let classes: BTreeSet<&str> = corpus.redacted.iter().map(|case| case.class.as_str()).collect();
    assert_eq!(classes, Class::ALL.iter().map(|class| class.as_str()).collect());
}

#[test]
fn the_detector_that_a_case_names_is_the_one_that_finds_it() {
    for case in corpus().redacted {
        let found =
            fabric_redact::Detector::named(&case.detector).expect("it exists").find(case.text.as_bytes());
        assert!(!found.is_empty(), "{}: {}", case.detector, case.text);
        let class = |what: &What| matches!(what, What::Looks(class) if class.as_str() == case.class);
        assert!(found.iter().any(|found| class(&found.what)), "{}: {found:?}", case.text);
    }
}
