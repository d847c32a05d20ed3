//! The writing half: what starts and stops guests.

use fabric_model::Slug;

use super::answer;
use super::client::Client;
use super::upid::{NotAUpid, Upid};
use crate::deadline::Deadline;
use crate::endpoint::ProxmoxApi;
use crate::error::WireError;
use crate::http::{Post, encoded};
use crate::seam::{Seams, Writing};

/// Changes what a cluster runs. It is made from ways to write, which whoever only observes is not handed.
pub struct Changer {
    client: Client,
}

/// What became of an order to start or stop a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// A task does it now; whether it does is known when that has ended ([`Client::await_task`]).
    Begun(Upid),
    /// There was nothing to do: it ran already, or was stopped already.
    Already,
}

impl Changer {
    /// A changer that trusts the API's pinned authority alone. It reads through `seams` and writes through `writing`.
    ///
    /// # Errors
    /// [`WireError::Tls`] when the authority's certificates cannot be read.
    pub fn new(seams: Seams, writing: &Writing, api: ProxmoxApi) -> Result<Self, WireError> {
        let seams = Seams { dial: writing.dial.clone(), ..seams };
        Client::new(seams, api).map(|client| Self { client })
    }

    /// The same cluster, for reading.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Begins to start a container: POST /nodes/{node}/lxc/{vmid}/status/start. Needs VM.PowerMgmt.
    ///
    /// # Errors
    /// As [`Client`]'s reads; what broke off on the way may have taken effect.
    pub async fn guest_start(
        &self,
        node: &Slug,
        vmid: u32,
        deadline: Deadline,
    ) -> Result<Ordered, WireError> {
        self.order(node, vmid, "start", &format!("CT {vmid} already running"), deadline).await
    }

    /// Begins to stop a container at once, without its own shutdown: POST /nodes/{node}/lxc/{vmid}/status/stop. Needs
    /// VM.PowerMgmt.
    ///
    /// # Errors
    /// As [`Client`]'s reads; what broke off on the way may have taken effect.
    pub async fn guest_stop(&self, node: &Slug, vmid: u32, deadline: Deadline) -> Result<Ordered, WireError> {
        self.order(node, vmid, "stop", &format!("CT {vmid} not running"), deadline).await
    }

    async fn order(
        &self,
        node: &Slug,
        vmid: u32,
        verb: &str,
        already: &str,
        deadline: Deadline,
    ) -> Result<Ordered, WireError> {
        let path = format!("/nodes/{}/lxc/{vmid}/status/{verb}", encoded(node.as_str()));
        let response = self.client.ask(Post::default(), &path, deadline).await?;
        if answer::is_refused_as(&response, already) {
            return Ok(Ordered::Already);
        }
        let text: String = answer::read(&response)?;
        let upid =
            text.parse().map_err(|error: NotAUpid| WireError::Garbage(format!("Proxmox answers {error}")))?;
        Ok(Ordered::Begun(upid))
    }
}
