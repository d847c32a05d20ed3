//! `fabric run --offline`: a script on the answers of a recording, without the site.

use std::path::Path;
use std::sync::Arc;

use fabric_evidence::Recording;
use fabric_evidence::event::Mode;
use fabric_model::Class;
use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use fabric_runtime::recording::{self, Source};
use fabric_runtime::{Refusal, World};

use super::run::{How, TWIN, Wanted, perform, with_key};
use crate::args::Scripted;
use crate::place::Place;
use crate::shell::{option, quoted};

pub(super) fn offline(place: &Place, script: &Scripted, file: &Path) -> Result<Exit, Refusal> {
    if script.site.as_deref() == Some(Path::new(TWIN)) {
        return Err(Refusal::new(Exit::Usage, "an offline run has no site, and the twin is one")
            .hint("Leave out `--site twin`: the recording says which site answered."));
    }
    let recorded = recording::load(file, |recording| again(script, file, recording))?;
    let realm = recorded.recording.site.realm;
    let answers = Source::Recording(Arc::new(recorded));
    // It counts for nothing, so whoever has no key gets one for it, as in a rehearsal: CI has none.
    let place = with_key(place)?;
    let how = How { mode: Mode::Offline, wanted: Wanted::plan(), answers };
    perform(&place, script, how, |file| Ok(World::offline(file, realm)))
}

/// The command that makes the recording anew.
fn again(script: &Scripted, file: &Path, recording: &Recording) -> String {
    let mut words = vec!["fabric".to_owned()];
    let observes = recording.script.reach == Class::Observe;
    words.extend(match recording.site.realm {
        Realm::Twin if observes => vec!["rehearse".to_owned()],
        Realm::Twin => vec!["rehearse".to_owned(), "--dry-run".to_owned()],
        Realm::Real | Realm::Lab => vec!["run".to_owned()],
    });
    words.push(quoted(&script.path));
    if let Some(site) = &script.site {
        words.extend(option("site", &site.display().to_string()));
    }
    if let Some(policy) = &script.policy {
        words.extend(option("policy", &policy.display().to_string()));
    }
    for (name, value) in &script.params {
        words.extend(option("param", &format!("{name}={value}")));
    }
    words.extend(option("record", &file.display().to_string()));
    words.join(" ")
}
