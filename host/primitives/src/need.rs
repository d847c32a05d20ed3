//! What a call needs: a resource to be granted, and the form in which the primitive uses it once it is resolved.

use fabric_model::{Code, Fault, Kind, RemotePath, Resource, S3Path, S3Place, Slug, Stage};

/// One resource of one call, with the role it plays in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The role, by which the primitive finds the resolved target again: `target`, `via`.
    pub role: &'static str,
    /// What is to be granted.
    pub resource: Resource,
    /// The form in which it is used.
    pub wanted: Wanted,
}

/// The form in which a primitive uses a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// An address to connect to.
    Endpoint,
    /// A host to reach over SSH.
    Ssh,
    /// The Proxmox API, with the node or guest that the resource names.
    Api,
    /// An S3 server, asked with the keys of the site.
    S3,
    /// An S3 server, asked without a name.
    S3Nameless,
    /// A VIP with every host that may hold it. A grant of the VIP covers asking its members who holds it; a denial of any of them
    /// denies the call.
    Members,
    /// What lies on this machine: a file of the project, packets of a script.
    Local,
}

impl Need {
    /// What a probe needs: an address to connect to, and the host that it goes through, if any.
    pub fn probe(target: &Resource, via: Option<&Slug>) -> Vec<Self> {
        std::iter::once(Self::endpoint(target.clone())).chain(via.map(Self::via)).collect()
    }

    /// An address to connect to, in the role `target`.
    pub fn endpoint(resource: Resource) -> Self {
        Self { role: "target", resource, wanted: Wanted::Endpoint }
    }

    /// A host to ask over SSH, in the role `target`; `part` bounds what it is asked.
    pub fn host(name: &Slug, part: Option<&Slug>) -> Self {
        let resource = match part {
            Some(part) => Resource::part(Kind::Host, name.clone(), part.clone()),
            None => Resource::named(Kind::Host, name.clone()),
        };
        Self { role: "target", resource, wanted: Wanted::Ssh }
    }

    /// A host through which a probe is tunnelled, in the role `via`.
    pub fn via(name: &Slug) -> Self {
        Self { role: "via", resource: Resource::named(Kind::Via, name.clone()), wanted: Wanted::Ssh }
    }

    /// A VIP and its members, in the role `target`.
    pub fn members(vip: &Slug) -> Self {
        let resource = Resource::named(Kind::Vip, vip.clone());
        Self { role: "target", resource, wanted: Wanted::Members }
    }

    /// The host of a file over SSH, in the role `target`; the grant names the file.
    pub fn file(host: &Slug, path: &RemotePath) -> Self {
        let resource = Resource::File { host: host.clone(), path: path.clone() };
        Self { role: "target", resource, wanted: Wanted::Ssh }
    }

    /// A folder of the project, or a file in it, in the role `target`.
    pub fn project(folder: &Slug, file: Option<&Slug>) -> Self {
        let resource = match file {
            Some(file) => Resource::part(Kind::Project, folder.clone(), file.clone()),
            None => Resource::named(Kind::Project, folder.clone()),
        };
        Self { role: "target", resource, wanted: Wanted::Local }
    }

    /// The packets of a script, in the role `target`.
    pub fn packets(folder: &Slug, file: &Slug) -> Self {
        let resource = Resource::part(Kind::Packet, folder.clone(), file.clone());
        Self { role: "target", resource, wanted: Wanted::Local }
    }

    /// The trust file that packets are verified with, in the role `target`.
    ///
    /// # Errors
    /// Never: its name is one.
    pub fn trust() -> Result<Self, Fault> {
        let name: Slug = "trust"
            .parse()
            .map_err(|_| Fault::new(Code::BugInternal, Stage::Decode, "the trust file has no name"))?;
        Ok(Self { role: "target", resource: Resource::named(Kind::Packet, name), wanted: Wanted::Local })
    }

    /// The Proxmox API, in the role `target`.
    pub fn api(kind: Kind, name: &Slug) -> Self {
        Self { role: "target", resource: Resource::named(kind, name.clone()), wanted: Wanted::Api }
    }

    /// A place on an S3 server, in the role `target`.
    pub fn s3(server: &Slug, place: S3Place, wanted: Wanted) -> Self {
        Self { role: "target", resource: Resource::S3(S3Path { server: server.clone(), place }), wanted }
    }
}
