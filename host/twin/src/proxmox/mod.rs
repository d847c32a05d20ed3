//! The Proxmox VE API (9.2) over a model of the cluster, in the real wire format. Usable on its own: the lab serves it over TLS
//! beside real containers.

mod api;
mod cluster;
mod guest;
mod http;
mod model;
mod sdn;
mod task;
mod token;

pub(crate) use api::{Answer, Call};
pub use http::serve;
pub(crate) use http::{Answering, serve_over};
pub use model::ProxmoxModel;
