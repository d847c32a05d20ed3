//! Resources: what a primitive acts on, written `kind:segment/segment` (design section 4).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::Slug;
use crate::path::RemotePath;
use crate::protection::{Protection, stands};
use crate::s3::S3Path;

/// The kinds of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A raw IP address or, in a pattern, a network: `addr:10.0.0.1`, `addr:10.0.0.0/24`.
    Addr,
    /// The Proxmox cluster as a whole: `cluster:samakia`.
    Cluster,
    /// A file of a host by its absolute path: `file:dns-edge-1/etc/keepalived/keepalived.conf`.
    File,
    /// A guest of the cluster by its site name: `guest:dns-edge-1`.
    Guest,
    /// A host of the site, with an optional part of it: `host:dns-edge-1/keepalived`.
    Host,
    /// A DNS name that is not the site's own: `name:example.com`.
    Name,
    /// A Proxmox node: `node:proxmox1`.
    Node,
    /// Sealed packets of a script, by its path: `packet:acceptance/dns.rhai`.
    Packet,
    /// A folder of the project, or a file in it: `project:markers/DNS_ACCEPTED.md`.
    Project,
    /// An S3 server of the site, a bucket, an object or the listing of a folder on it: `s3:minio/tfstate/a/b.tfstate`, `s3:minio/tfstate/a/`.
    S3,
    /// Forwarding of a probe through a host: `via:dns-edge-1`.
    Via,
    /// A virtual IP address of the site: `vip:dns`.
    Vip,
}

impl Kind {
    /// Every kind, in the order of its spelling.
    pub const ALL: [Self; 12] = [
        Self::Addr,
        Self::Cluster,
        Self::File,
        Self::Guest,
        Self::Host,
        Self::Name,
        Self::Node,
        Self::Packet,
        Self::Project,
        Self::S3,
        Self::Via,
        Self::Vip,
    ];

    /// Whether it lies on this machine, where no address leads.
    pub fn is_local(self) -> bool {
        matches!(self, Self::Packet | Self::Project)
    }

    /// The word before the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Addr => "addr",
            Self::Cluster => "cluster",
            Self::File => "file",
            Self::Guest => "guest",
            Self::Host => "host",
            Self::Name => "name",
            Self::Node => "node",
            Self::Packet => "packet",
            Self::Project => "project",
            Self::S3 => "s3",
            Self::Via => "via",
            Self::Vip => "vip",
        }
    }
}

/// One resource, fully named. Kind `addr` holds an address, kind `file` a host and a path, kind `s3` a place on a server, the others hold
/// one or two segments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Resource {
    /// A raw address, in its canonical form (an IPv4-mapped IPv6 address is the IPv4 address).
    Addr(IpAddr),
    /// A file of a host of the site.
    File {
        /// The host.
        host: Slug,
        /// Where the file lies on it.
        path: RemotePath,
    },
    /// A place on an S3 server of the site.
    S3(S3Path),
    /// Any other kind: its name and, where the primitive bounds it further, a part of it.
    Named {
        /// Never [`Kind::Addr`], [`Kind::File`] or [`Kind::S3`].
        kind: Kind,
        /// The first segment.
        name: Slug,
        /// The second segment: a unit, a sysctl key, an account.
        part: Option<Slug>,
    },
}

/// Why a text is not a [`Resource`] or not a pattern of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAResource {
    /// There is no colon.
    #[error("`{0}` has no kind: a resource is written `kind:name`, such as `host:dns-edge-1`")]
    NoKind(String),
    /// The word before the colon is unknown.
    #[error(
        "`{0}` is not a kind of resource; the kinds are addr, cluster, file, guest, host, name, node, packet, project, s3, via, vip"
    )]
    UnknownKind(String),
    /// A segment is not a name.
    #[error("`{0}` has a segment that is not a name (letters, digits and `._@:+-`)")]
    Segment(String),
    /// There are more than two segments.
    #[error("`{0}` has more than two segments")]
    TooManySegments(String),
    /// A file without a host, or without an absolute path behind it.
    #[error("`{0}` names no file: a file is written `file:host/path`, with a path without `.` and `..`")]
    NoFile(String),
    /// No place on an S3 server, or in another spelling.
    #[error(
        "`{0}` names nothing of an S3 server: an object is written `s3:server/bucket/key`, the listing of a folder `s3:server/bucket/folder/`, each byte of the key beyond letters, digits and `._@:+-` as `%` and two hexadecimal digits in upper case"
    )]
    NoS3(String),
    /// What follows `addr:` is not an address.
    #[error("`{0}` is not an IP address or network")]
    Address(String),
}

/// The address with an IPv4-mapped IPv6 form (RFC 4291, 2.5.5.2) turned into the IPv4 address that it means.
pub fn canonical_address(address: IpAddr) -> IpAddr {
    if stands(Protection::CanonicalAddresses) { address.to_canonical() } else { address }
}

/// Splits `kind:rest`.
///
/// # Errors
/// When there is no colon or the kind is unknown.
pub fn split_kind(text: &str) -> Result<(Kind, &str), NotAResource> {
    let (kind, rest) = text.split_once(':').ok_or_else(|| NotAResource::NoKind(text.to_owned()))?;
    let kind = Kind::ALL
        .into_iter()
        .find(|k| k.as_str() == kind)
        .ok_or_else(|| NotAResource::UnknownKind(kind.to_owned()))?;
    Ok((kind, rest))
}

impl Resource {
    /// A resource of a named kind.
    pub fn named(kind: Kind, name: Slug) -> Self {
        Self::Named { kind, name, part: None }
    }

    /// A part of a named resource, such as one unit of a host.
    pub fn part(kind: Kind, name: Slug, part: Slug) -> Self {
        Self::Named { kind, name, part: Some(part) }
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Addr(_) => Kind::Addr,
            Self::File { .. } => Kind::File,
            Self::S3(_) => Kind::S3,
            Self::Named { kind, .. } => *kind,
        }
    }
}

impl FromStr for Resource {
    type Err = NotAResource;

    fn from_str(text: &str) -> Result<Self, NotAResource> {
        let (kind, rest) = split_kind(text)?;
        if kind == Kind::Addr {
            let address = rest.parse().map_err(|_| NotAResource::Address(rest.to_owned()))?;
            return Ok(Self::Addr(canonical_address(address)));
        }
        if kind == Kind::File {
            return file(rest).ok_or_else(|| NotAResource::NoFile(text.to_owned()));
        }
        if kind == Kind::S3 {
            return S3Path::parse(rest).map(Self::S3).ok_or_else(|| NotAResource::NoS3(text.to_owned()));
        }
        let mut segments = rest.split('/').map(|s| s.parse::<Slug>());
        let segment = |s: Result<Slug, _>| s.map_err(|_| NotAResource::Segment(text.to_owned()));
        let name = segments.next().ok_or_else(|| NotAResource::Segment(text.to_owned())).and_then(segment)?;
        let part = segments.next().map(segment).transpose()?;
        match segments.next() {
            Some(_) => Err(NotAResource::TooManySegments(text.to_owned())),
            None => Ok(Self::Named { kind, name, part }),
        }
    }
}

/// Takes `host/path` apart; the path begins with the slash.
fn file(text: &str) -> Option<Resource> {
    let (host, path) = text.split_at_checked(text.find('/')?)?;
    Some(Resource::File { host: host.parse().ok()?, path: path.parse().ok()? })
}

impl TryFrom<String> for Resource {
    type Error = NotAResource;

    fn try_from(text: String) -> Result<Self, NotAResource> {
        text.parse()
    }
}

impl From<Resource> for String {
    fn from(resource: Resource) -> Self {
        resource.to_string()
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addr(address) => write!(f, "addr:{address}"),
            Self::File { host, path } => write!(f, "file:{host}{path}"),
            Self::S3(path) => write!(f, "s3:{path}"),
            Self::Named { kind, name, part: None } => write!(f, "{}:{name}", kind.as_str()),
            Self::Named { kind, name, part: Some(part) } => write!(f, "{}:{name}/{part}", kind.as_str()),
        }
    }
}

/// A resolved target: whatever the gate must compare with its address rules before a connection is made.
pub trait Addressed {
    /// Every address that a connection to the target may use, jump hosts included.
    fn addresses(&self) -> Vec<IpAddr>;
}

/// A network as `addr:` patterns and deny rules hold it; a single address is a network of full length.
///
/// # Errors
/// When the text is neither an address nor a network.
pub fn parse_network(text: &str) -> Result<IpNet, NotAResource> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(|a| IpNet::from(canonical_address(a))))
        .map_err(|_| NotAResource::Address(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_prints_as_it_was_written() {
        for text in [
            "vip:dns",
            "host:dns-edge-1/keepalived",
            "addr:10.0.0.1",
            "name:example.com",
            "file:dns-edge-1/etc/keepalived/keepalived.conf",
            "file:dns-edge-1/etc/.hidden",
            "s3:minio",
            "s3:minio/tfstate",
            "s3:minio/tfstate/",
            "s3:minio/tfstate/a%20b/",
            "s3:minio/tfstate/a/%2E%2E/b",
        ] {
            assert_eq!(text.parse::<Resource>().map(|r| r.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_mapped_address_is_the_address_it_means() {
        assert_eq!("addr:::ffff:10.0.0.1".parse::<Resource>(), "addr:10.0.0.1".parse());
    }

    #[test]
    fn other_spellings_are_refused() {
        for bad in [
            "dns",
            "lan:x",
            "secret:proxmox/token",
            "host:",
            "host:a/b/c",
            "host:*",
            "addr:10.0.0",
            "addr:10.0.0.0/24",
            "host:/a",
            "file:a",
            "file:a/",
            "file:/etc/x",
            "file:a/etc/../x",
            "file:a//x",
            "file:a/etc/*",
            "s3:",
            "s3:minio/",
            "s3:minio/tfstate/*",
            "s3:minio/tfstate/a/../b",
        ] {
            assert!(bad.parse::<Resource>().is_err(), "{bad}");
        }
    }
}
