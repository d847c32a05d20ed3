//! From a granted resource to the target it stands for. Site names come from the site file alone.

use std::net::SocketAddr;

use fabric_model::{Code, Fault, Kind, Resource, Slug, Stage};
use fabric_primitives::{ApiTarget, Members, Target, Wanted};
use fabric_wire::endpoint::{ProxmoxApi, S3Keys, S3Server};

use crate::site;
use crate::world::World;

/// Resolves everything but `name:` resources, whose resolution is a call of its own.
///
/// # Errors
/// When the site does not name the resource, or the primitive wants it in a form that its kind does not have.
pub(crate) fn resolve(world: &World, resource: &Resource, wanted: Wanted) -> Result<Target, Fault> {
    match wanted {
        Wanted::Endpoint => site::endpoint(world.site(), resource).map(Target::Endpoint),
        Wanted::Ssh => site::ssh_host(world.site(), name_of(resource)?).map(Target::Ssh),
        Wanted::Api => api(world, resource).map(Target::Api),
        Wanted::Members => members(world, resource).map(Target::Members),
        Wanted::S3 => s3(world, resource, true).map(Target::S3),
        Wanted::S3Nameless => s3(world, resource, false).map(Target::S3),
        Wanted::Local => Ok(Target::Local(resource.clone())),
    }
}

/// A VIP with the hosts that the site file names as its members.
fn members(world: &World, resource: &Resource) -> Result<Members, Fault> {
    let site = world.site();
    let vip = site::endpoint(site, resource)?;
    let members = match (resource.kind(), site.vips.get(name_of(resource)?)) {
        (Kind::Vip, Some(vip)) => vip.members.keys(),
        _ => return Err(unfit(&format!("ask the members of `{resource}`: only a VIP has some"))),
    };
    let hosts = members.map(|member| site::ssh_host(site, member)).collect::<Result<_, _>>()?;
    Ok(Members { vip, hosts })
}

fn name_of(resource: &Resource) -> Result<&Slug, Fault> {
    match resource {
        Resource::Named { name, .. } => Ok(name),
        Resource::File { host, .. } => Ok(host),
        Resource::S3(path) => Ok(&path.server),
        Resource::Addr(address) => {
            Err(unfit(&format!("reach `addr:{address}` over SSH: only hosts of the site")))
        }
    }
}

fn api(world: &World, resource: &Resource) -> Result<ApiTarget, Fault> {
    let proxmox = &world.site().proxmox;
    let name = name_of(resource)?;
    let (node, vmid) = match resource.kind() {
        Kind::Cluster if *name == proxmox.cluster => (None, None),
        Kind::Node if proxmox.nodes.contains_key(name) => (Some(name.clone()), None),
        Kind::Guest => match world.site().hosts.get(name) {
            Some(host) => (Some(host.node.clone()), Some(host.vmid)),
            None => return Err(unknown(resource, world.site().hosts.keys())),
        },
        Kind::Node => return Err(unknown(resource, proxmox.nodes.keys())),
        Kind::Cluster => return Err(unknown(resource, [&proxmox.cluster])),
        _ => return Err(unfit(&format!("reach `{resource}` over the Proxmox API"))),
    };
    let nodes = proxmox.nodes.iter();
    let nodes =
        nodes.map(|(name, node)| (name.clone(), SocketAddr::new(node.address, proxmox.port))).collect();
    let api = ProxmoxApi {
        nodes,
        authority: world.certificates(&proxmox.authority)?,
        token_id: proxmox.token_id.clone(),
        token: world.secret(&proxmox.token)?,
    };
    Ok(ApiTarget { api, node, vmid })
}

/// The S3 server that a resource is on, with its keys where requests are signed.
fn s3(world: &World, resource: &Resource, signed: bool) -> Result<S3Server, Fault> {
    let Resource::S3(path) = resource else { return Err(unfit(&format!("reach `{resource}` over S3"))) };
    let known = &world.site().s3;
    let server = known.get(&path.server).ok_or_else(|| unknown(resource, known.keys()))?;
    let keys = || -> Result<S3Keys, Fault> {
        Ok(S3Keys { access: world.secret(&server.access_key)?, secret: world.secret(&server.secret_key)? })
    };
    Ok(S3Server {
        name: path.server.clone(),
        address: SocketAddr::new(server.address, server.port),
        server_name: server.name.as_ref().map_or_else(|| server.address.to_string(), ToString::to_string),
        authority: world.certificates(&server.authority)?,
        region: server.region.clone(),
        keys: signed.then(keys).transpose()?,
    })
}

fn unknown<'a>(resource: &Resource, known: impl IntoIterator<Item = &'a Slug>) -> Fault {
    let known: Vec<&str> = known.into_iter().map(Slug::as_str).collect();
    Fault::new(
        Code::SiteUnknown,
        Stage::Gate,
        format!("resolve `{resource}`: the site file does not name it"),
    )
    .hint(format!("The site has {}.", known.join(", ")))
}

fn unfit(message: &str) -> Fault {
    Fault::new(Code::ScriptArgument, Stage::Gate, message)
}
