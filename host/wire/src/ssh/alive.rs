//! Whether a host is there at all.

use super::{ReadCommand, clock};
use crate::deadline::Deadline;
use crate::endpoint::SshHost;
use crate::error::WireError;
use crate::seam::Seams;

/// Makes a host run a command. What is then refused or left without an answer through this host is not the host's own doing: one
/// that hangs is silent too, and one without an sshd refuses too.
///
/// # Errors
/// Whatever keeps the host from running a command.
pub async fn answers(seams: &Seams, host: &SshHost, deadline: Deadline) -> Result<(), WireError> {
    let before = seams.clock.now();
    let output = deadline.bound(seams.ssh.read(host, &ReadCommand::Clock, deadline)).await?;
    clock(&output, before, seams.clock.now()).map(drop)
}
