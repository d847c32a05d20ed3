//! What comes of every attack where nothing is taken away.

use libtest_mimic::Trial;

use crate::attack::{self, Attack};
use crate::{experiments, judge};

/// How many attacks the corpus has at least in both languages.
const IN_BOTH: usize = 100;

/// A trial for each script, and one for the whole.
pub(crate) fn trials() -> Vec<Trial> {
    let attacks = attack::all();
    let mut trials = vec![Trial::test("the_corpus_is_whole", || {
        whole(&attack::all());
        Ok(())
    })];
    for attack in attacks {
        for language in attack.languages() {
            let attack = attack.clone();
            trials.push(Trial::test(
                format!("{}_{}", attack.name.replace('-', "_"), language.ending()),
                move || {
                    println!(
                        "{:<44} {:<5} {}",
                        attack.name,
                        language.ending(),
                        judge::judge(&attack, language, "")
                    );
                    Ok(())
                },
            ));
        }
    }
    trials
}

/// Enough attacks are there, every kind of end, and each end with a code and with words that say why.
fn whole(attacks: &[Attack]) {
    let in_both = attacks.iter().filter(|attack| attack.languages().len() == 2).count();
    assert!(in_both >= IN_BOTH, "{in_both} attacks in both languages");
    for attack in attacks {
        for language in attack.languages() {
            let (outcome, end) = (attack.outcome(language), attack.end(language));
            let codes: &[i32] = match outcome {
                "aborted" => &[1],
                "denied" => &[6],
                "limit" => &[21],
                "refused" => &[2, 5, 20],
                // In a check a fault is an error of that check.
                "script fault" => &[11, 20],
                other => panic!("{}: no run ends as {other}", attack.name),
            };
            assert!(codes.contains(&end.code), "{}: {outcome} with {}", attack.name, end.code);
            assert!(!end.says.is_empty(), "{}: nothing shows that it ends for its reason", attack.name);
            assert_eq!(outcome == "refused", !end.packet, "{}: what is refused has no packet", attack.name);
        }
    }
    for outcome in ["aborted", "denied", "limit", "refused", "script fault"] {
        assert!(attacks.iter().any(|attack| attack.expect.outcome == outcome), "no attack ends as {outcome}");
    }
    for experiment in experiments::all(experiments::Kind::Scripts) {
        let experiments::Experiment { protection, attack, .. } = experiment;
        assert!(attack::named(&attack).is_some(), "{protection}: there is no script `{attack}`");
    }
}
