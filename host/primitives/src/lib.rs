//! Primitives: what a script can ask the host to do. One file each; [`registry`] lists them by hand.

mod api_read;
mod bounds;
pub mod changing;
pub mod dns;
pub mod file;
mod guest_change;
pub mod host;
mod host_fact;
pub mod http;
pub mod link;
mod link_change;
mod means;
mod need;
pub mod nft;
mod observing;
mod primitive;
pub mod proxmox;
pub mod reference;
pub mod registry;
pub mod ssh;
pub mod sysctl;
mod target;
pub mod tcp;
pub mod tls;
mod transport;
pub mod unit;
mod unit_change;
pub mod vip;

pub use means::{Authorities, Means};
pub use need::{Need, Wanted};
pub use observing::{Observation, Observing};
pub use primitive::{ObserveCall, Observed, Prepared, Primitive, Work};
pub use target::{ApiTarget, Members, Target, Targets};
