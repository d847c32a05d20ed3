//! Approvals that were used up. A nonce is a file that can be made once.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use fabric_model::{Code, Fault, Slug, Stage};

use super::authority::{Authority, is_there, unreachable};
use super::signed::sync;

impl Authority {
    /// Whether a nonce was used.
    pub(super) fn is_used(&self, nonce: &Slug) -> Result<bool, Fault> {
        let file = self.used().join(nonce.as_str());
        is_there(&file).map_err(|error| unreachable(&file, &error))
    }

    /// Uses up a nonce for a run, and brings that to the disk: file and folder, so that not even a power cut gives it back.
    ///
    /// # Errors
    /// `guard.approval_used` when another run was faster, `guard.authority` when it cannot be written down.
    pub(super) fn use_up(&self, nonce: &Slug, run_id: &Slug) -> Result<(), Fault> {
        let file = self.used().join(nonce.as_str());
        let made = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&file);
        let written = made.and_then(|mut file| {
            writeln!(file, "{run_id}")?;
            file.sync_all()
        });
        match written.and_then(|()| sync(&self.used())) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let message = "an approval was used by another run in the meantime";
                Err(Fault::new(Code::GuardApprovalUsed, Stage::Gate, message)
                    .hint("Have the plan approved again with `fabric approve`; an approval is for one run."))
            }
            other => other.map_err(|error| unreachable(&file, &error)),
        }
    }
}
