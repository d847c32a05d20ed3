//! What gets through without one protection: only in a build whose protections can be taken away.

use std::panic::{AssertUnwindSafe, catch_unwind};

use libtest_mimic::Trial;

use crate::experiments::{Experiment, Kind, all};
use crate::{attack, judge};

/// A trial for each script that a protection is there for.
pub(crate) fn trials() -> Vec<Trial> {
    // Here it is what is asked for.
    std::panic::set_hook(Box::new(|_| {}));
    all(Kind::Scripts)
        .into_iter()
        .map(|experiment| {
            Trial::test(experiment.name(), move || {
                let how = experiment.play(|without| through(&experiment, without))?;
                println!("{experiment} {}", how.lines().next().unwrap_or_default());
                Ok(())
            })
        })
        .collect()
}

/// How the attack gets through, if it does: whatever does not hold of it any more.
fn through(experiment: &Experiment, without: &str) -> Option<String> {
    let (attack, language) = attack::named(&experiment.attack).expect("the table names scripts");
    let judged = catch_unwind(AssertUnwindSafe(|| judge::judge(&attack, language, without)));
    let panic = judged.err()?;
    Some(panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "it is not as it must be".to_owned()))
}
