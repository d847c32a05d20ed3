//! The Proxmox VE API, as PVE 8.4 and 9 speak it: [`Client`] reads, and [`Changer`] is the only one that writes.
//!
//! The API's own habits are dealt with here, once: error texts come in the reason phrase; there is no 404; numbers and flags
//! come as numbers or texts; lists leave out what the token may not see without a word, so that "absent" may mean "not
//! visible" and is to be judged together with [`Client::permissions`].

mod access;
mod answer;
mod changer;
mod client;
mod cluster;
mod guest;
mod lenient;
mod network;
mod reading;
mod sdn;
mod task;
mod upid;

pub use access::{Permissions, can_see_all_sdn};
pub use answer::ANSWER_LIMIT;
pub use changer::{Changer, Ordered};
pub use client::Client;
pub use cluster::{ClusterNode, ClusterStatus, HaResource};
pub use guest::{GuestConfig, GuestInterface, GuestState, GuestStatus};
pub use network::NetworkInterface;
pub use reading::read_as_everything;
pub use sdn::{NodeZone, NodeZoneStatus, SdnSubnet, SdnVnet, SdnZone, View};
pub use task::{TaskDone, TaskStatus};
pub use upid::{NotAUpid, Upid};
