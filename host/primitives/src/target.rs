//! Targets: resources after they were resolved and granted a second time.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use fabric_gate::Granted;
use fabric_model::{Addressed, Code, Fault, Resource, Slug, Stage};
use fabric_wire::endpoint::{Endpoint, ProxmoxApi, S3Server, SshHost};
use fabric_wire::seam::Route;

/// A resolved resource.
#[derive(Clone, Debug)]
pub enum Target {
    /// An address to connect to.
    Endpoint(Endpoint),
    /// A host to reach over SSH.
    Ssh(SshHost),
    /// The Proxmox API.
    Api(ApiTarget),
    /// An S3 server.
    S3(S3Server),
    /// A VIP with the hosts that may hold it.
    Members(Members),
    /// What lies on this machine, where it is not reached by any address.
    Local(Resource),
}

/// A VIP with every host that may hold it, as the site file names them.
#[derive(Clone, Debug)]
pub struct Members {
    /// The VIP.
    pub vip: Endpoint,
    /// Its members.
    pub hosts: Vec<SshHost>,
}

/// The Proxmox API and what of it the resource names.
#[derive(Clone, Debug)]
pub struct ApiTarget {
    /// The API.
    pub api: ProxmoxApi,
    /// The node, for `node:` and `guest:` resources.
    pub node: Option<Slug>,
    /// The VM id, for `guest:` resources.
    pub vmid: Option<u32>,
}

impl Addressed for Target {
    fn addresses(&self) -> Vec<IpAddr> {
        match self {
            Self::Endpoint(endpoint) => endpoint.addresses(),
            Self::Ssh(host) => host.addresses(),
            Self::Api(target) => target.api.addresses(),
            Self::S3(server) => server.addresses(),
            Self::Local(_) => Vec::new(),
            Self::Members(members) => {
                let hosts = members.hosts.iter().flat_map(SshHost::addresses);
                members.vip.addresses().into_iter().chain(hosts).collect()
            }
        }
    }
}

impl Target {
    /// Its name and address as evidence states them.
    pub fn describe(&self) -> String {
        match self {
            Self::Endpoint(endpoint) => format!("{} ({})", endpoint.name, endpoint.address),
            Self::Ssh(host) => format!("{} ({})", host.name, host.address.ip()),
            Self::Api(target) => {
                let names: Vec<&str> = target.api.nodes.iter().map(|(name, _)| name.as_str()).collect();
                format!("Proxmox API of {}", names.join(", "))
            }
            Self::S3(server) => format!("S3 server {} ({})", server.name, server.address),
            Self::Local(resource) => resource.to_string(),
            Self::Members(members) => {
                let names: Vec<&str> = members.hosts.iter().map(|host| host.name.as_str()).collect();
                format!("members of {} ({}): {}", members.vip.name, members.vip.address, names.join(", "))
            }
        }
    }
}

/// The granted targets of one call, by role.
pub struct Targets(Vec<(Cow<'static, str>, Granted<Target>)>);

impl Targets {
    /// Takes over what the gate has granted: now, or once, where the roles come from what was written down then.
    pub fn new<R: Into<Cow<'static, str>>>(granted: Vec<(R, Granted<Target>)>) -> Self {
        Self(granted.into_iter().map(|(role, target)| (role.into(), target)).collect())
    }

    /// Every target, for evidence.
    pub fn iter(&self) -> impl Iterator<Item = &Granted<Target>> {
        self.0.iter().map(|(_, target)| target)
    }

    /// The address to connect to.
    ///
    /// # Errors
    /// When the primitive did not ask for one.
    pub fn endpoint(&self) -> Result<&Endpoint, Fault> {
        match self.role("target") {
            Some(Target::Endpoint(endpoint)) => Ok(endpoint),
            _ => Err(missing("an address")),
        }
    }

    /// The address and a port.
    ///
    /// # Errors
    /// When the primitive did not ask for an address.
    pub fn socket(&self, port: u16) -> Result<SocketAddr, Fault> {
        Ok(SocketAddr::new(self.endpoint()?.address, port))
    }

    /// The host to ask over SSH.
    ///
    /// # Errors
    /// When the primitive did not ask for one.
    pub fn host(&self) -> Result<&SshHost, Fault> {
        match self.role("target") {
            Some(Target::Ssh(host)) => Ok(host),
            _ => Err(missing("a host")),
        }
    }

    /// The Proxmox API.
    ///
    /// # Errors
    /// When the primitive did not ask for it.
    pub fn api(&self) -> Result<&ApiTarget, Fault> {
        match self.role("target") {
            Some(Target::Api(target)) => Ok(target),
            _ => Err(missing("the Proxmox API")),
        }
    }

    /// The S3 server.
    ///
    /// # Errors
    /// When the primitive did not ask for it.
    pub fn s3(&self) -> Result<&S3Server, Fault> {
        match self.role("target") {
            Some(Target::S3(server)) => Ok(server),
            _ => Err(missing("an S3 server")),
        }
    }

    /// The VIP and its members.
    ///
    /// # Errors
    /// When the primitive did not ask for them.
    pub fn members(&self) -> Result<&Members, Fault> {
        match self.role("target") {
            Some(Target::Members(members)) => Ok(members),
            _ => Err(missing("the members of a VIP")),
        }
    }

    /// The route to the target: through the host in the role `via`, else direct.
    pub fn route(&self) -> Route {
        match self.role("via") {
            Some(Target::Ssh(host)) => Route::Via(host.clone()),
            _ => Route::Direct,
        }
    }

    fn role(&self, wanted: &str) -> Option<&Target> {
        self.0.iter().find(|(role, _)| *role == wanted).map(|(_, target)| &**target)
    }
}

fn missing(what: &str) -> Fault {
    Fault::new(
        Code::BugInternal,
        Stage::Observe,
        format!("the primitive uses {what} that it did not ask for"),
    )
}
