//! The real seams: sockets, the system's clock and randomness, and SSH. No other crate links the libraries for them.

mod clock;
mod datagram;
mod dial;
mod entropy;
mod names;
pub mod ssh;

use std::sync::Arc;

use fabric_wire::seam::Ssh;
use fabric_wire::{Seams, Writing};

use crate::ssh::SshClient;

pub use clock::SystemClock;
pub use datagram::UdpDatagram;
pub use dial::TcpDial;
pub use entropy::SystemEntropy;
pub use names::addresses;

/// The ways out of this machine, with SSH as given. None of them changes anything on a host: what [`writing`] gives can be asked to,
///
/// ```
/// # use fabric_wire::{Writing, endpoint::SshHost, seam::Seams};
/// fn forget(writing: &Writing, host: &SshHost) {
///     drop(writing.ssh.forget(host));
/// }
/// ```
///
/// and what this gives cannot:
///
/// ```compile_fail,E0599
/// # use fabric_wire::{Writing, endpoint::SshHost, seam::Seams};
/// fn forget(seams: &Seams, host: &SshHost) {
///     drop(seams.ssh.forget(host));
/// }
/// ```
pub fn seams(ssh: Arc<dyn Ssh>) -> Seams {
    Seams {
        dial: Arc::new(TcpDial),
        datagram: Arc::new(UdpDatagram),
        ssh,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    }
}

/// The ways to change something from this machine. With the client that the seams have, changes and readings share its sessions.
pub fn writing(ssh: Arc<SshClient>) -> Writing {
    Writing { ssh, dial: Arc::new(TcpDial) }
}
