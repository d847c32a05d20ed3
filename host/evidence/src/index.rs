//! `index.jsonl` beside the packets' folders: one line per sealed packet, only ever appended to.
//!
//! It is a table of contents, not a proof: what counts is each packet's own signature.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use fabric_model::{Digest, Slug};
use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::fingerprint::Fingerprint;
use crate::stamp::Stamp;

/// The name of the index.
pub const NAME: &str = "index.jsonl";

/// One sealed packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The run.
    pub run_id: Slug,
    /// The packet's folder, beside the index.
    pub folder: String,
    /// The digest of its manifest.
    pub manifest: Digest,
    /// When it was sealed.
    pub sealed: Stamp,
    /// By whom.
    pub signer: Fingerprint,
    /// The site.
    pub site: Slug,
    /// What kind of place that is.
    pub realm: Realm,
    /// The script as the operator wrote its path.
    pub script: String,
    /// How the run ended.
    pub exit: Exit,
}

/// Appends one line with one write, so that runs that end at the same time do not mix their lines.
///
/// # Errors
/// When the file cannot be written.
pub fn append(folder: &Path, entry: &Entry) -> io::Result<()> {
    let mut line = canonical::bytes(entry)?;
    line.push(b'\n');
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(folder.join(NAME))?;
    file.lock()?;
    file.write_all(&line)?;
    file.sync_all()
}
