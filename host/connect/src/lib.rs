//! The real seams: sockets, the system's clock and randomness, and SSH. No other crate links the libraries for them.

mod clock;
mod datagram;
mod dial;
mod entropy;
pub mod ssh;

use std::sync::Arc;

use fabric_wire::Seams;
use fabric_wire::seam::Ssh;

pub use clock::SystemClock;
pub use datagram::UdpDatagram;
pub use dial::TcpDial;
pub use entropy::SystemEntropy;

/// The ways out of this machine, with SSH as given.
pub fn seams(ssh: Arc<dyn Ssh>) -> Seams {
    Seams {
        dial: Arc::new(TcpDial),
        datagram: Arc::new(UdpDatagram),
        ssh,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    }
}
