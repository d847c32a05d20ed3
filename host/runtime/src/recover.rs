//! What a killed host left behind: finds unsealed packets whose run is over, seals them as aborted, and takes back what their runs left
//! changed.

mod changes;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use fabric_evidence::event::{FindingRecord, Vouched};
use fabric_evidence::orphan::{self, Orphan, OrphanError};
use fabric_evidence::packet::Sealed;
use fabric_evidence::scan::Finding;
use fabric_evidence::signature;
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_redact::{Redactor, What};

use crate::home::{Home, Operator};
use crate::refusal::Refusal;
use crate::run::principal;
use crate::seal;
use crate::site::{Secrets, SiteFile};

pub use crate::change::pending::{Marker, PendingSite, PendingTarget};
pub use changes::{REASON_LENGTH, Recovery, Reopening, Restoration, abandon, take_back, unrecovered};

/// The packets under `runs` that no living run is writing and nobody has sealed.
///
/// # Errors
/// When the folder cannot be read.
pub fn orphans(runs: &Path) -> Result<Vec<PathBuf>, Refusal> {
    orphan::find(runs).map_err(|error| {
        Refusal::new(Exit::Configuration, format!("{} cannot be read: {error}", runs.display()))
    })
}

/// What a recovery knows of secrets.
#[derive(Debug, Default)]
pub struct Secrecy {
    /// Knows those of the site, as far as they can be read now.
    pub redactor: Arc<Redactor>,
    /// The run for which somebody vouches that nothing in its packet is a secret, and his reason.
    pub vouched: Option<(Slug, String)>,
}

impl Secrecy {
    /// The secrets of a site, and this word.
    pub fn of_site(file: &SiteFile, home: &Home, vouched: Option<(Slug, String)>) -> Self {
        let redactor = Arc::new(Redactor::default());
        Secrets::new(file, home, Arc::clone(&redactor)).make_known();
        Self { redactor, vouched }
    }

    /// What is written down of that word, for this run. Nobody vouches for a secret that is known.
    fn vouched(&self, run_id: &Slug, findings: &[Finding]) -> Option<Vouched> {
        let (_, reason) = self.vouched.as_ref().filter(|(vouched, _)| vouched == run_id)?;
        let record = |finding: &Finding| match finding.what {
            What::Looks(class) => {
                let (file, class) = (finding.file.clone(), class.to_string());
                Some(FindingRecord { file, line: finding.line, class })
            }
            What::Known(_) => None,
        };
        let findings = findings.iter().map(record).collect::<Option<Vec<_>>>()?;
        Some(Vouched { reason: self.redactor.redact(reason), findings })
    }
}

/// What became of an orphan.
pub enum Recovered {
    /// It is sealed as aborted.
    Sealed(Box<Sealed>),
    /// Its run was killed before it recorded anything, so it did nothing; the empty folder is gone.
    NeverBegan,
}

/// Seals one orphan in the name of that one of the operators from whose folder its run was started, or removes it where the run
/// never began.
///
/// # Errors
/// When its run is alive after all, its journal is broken before its last line, nobody of them started it, or a secret stands in it for
/// which nobody vouches.
pub fn seal_orphan(
    dir: &Path,
    operators: &[Operator],
    secrets: &Secrecy,
    now: SystemTime,
) -> Result<Recovered, Refusal> {
    let found = Orphan::open(dir).map_err(broken)?;
    let Some((run_id, first_line)) = found.beginning().map_err(broken)? else {
        found.discard_unbegun().map_err(broken)?;
        return Ok(Recovered::NeverBegan);
    };
    let run_id = run_id.clone();
    // A copy beside the run's own folder would use up what is noted of it.
    let own_folder = dir.file_name().is_some_and(|name| name == run_id.as_str());
    let operator = operators
        .iter()
        .find(|operator| own_folder && operator.started.knows(&run_id, first_line))
        .ok_or_else(foreign)?;
    let findings = found.scan(&secrets.redactor).map_err(broken)?;
    let vouched = secrets.vouched(&run_id, &findings);
    if !findings.is_empty() && vouched.is_none() {
        // Nothing is entered in its journal by trying.
        return Err(seal::secrets(dir, &findings, &[]));
    }
    let packet = found.adopt(principal(operator), vouched, now).map_err(broken)?;
    let redactor = Arc::clone(&secrets.redactor);
    let sealed = seal::seal(packet, operator, signature::RECOVER, redactor, &[])?;
    Ok(Recovered::Sealed(Box::new(sealed)))
}

fn broken(error: OrphanError) -> Refusal {
    Refusal::new(Exit::Unrecovered, error.to_string())
        .hint("Keep the folder as it is; a journal that is broken in the middle was changed by somebody.")
}

fn foreign() -> Refusal {
    Refusal::new(Exit::Unrecovered, "the operator's folder knows of no run that began like this")
        .hint(
            "It was copied from elsewhere, forged, or started by another account, who alone can recover it.",
        )
        .hint("Nothing was changed: keep the folder, and ask who ran it.")
}
