//! The site: what exists, under which names and addresses, and what its services are expected to answer. Written by people in
//! `fabric.toml`, read by scripts through the reserved module `site`, played by the twin and built by the lab.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::Slug;
use crate::s3::BucketName;

/// The only version of the site file so far.
pub const FORMAT: u32 = 1;

/// A whole site file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The version of this file's format: 1.
    pub format: u32,
    /// What the site as a whole is.
    pub site: Identity,
    /// How hosts are reached over SSH.
    pub ssh: Ssh,
    /// The Proxmox cluster.
    pub proxmox: Proxmox,
    /// Where names that are not the site's own are resolved: `vip:` or `host:` resource of a DNS server.
    pub resolver: Option<String>,
    /// Environments by name. Every host belongs to one.
    pub environments: BTreeMap<Slug, Environment>,
    /// Planes by name: the SDN objects and address blocks of each.
    pub planes: BTreeMap<Slug, Plane>,
    /// Hosts by name. Each is a container (LXC) of the cluster.
    pub hosts: BTreeMap<Slug, Host>,
    /// Virtual IP addresses by name.
    pub vips: BTreeMap<Slug, Vip>,
    /// DNS zones by name, without a final dot.
    pub zones: BTreeMap<Slug, Zone>,
    /// Certificate authorities by name: a PEM file, relative to this file.
    #[serde(default)]
    pub authorities: BTreeMap<Slug, String>,
    /// Secrets by handle, such as `proxmox/token`: where each is read from. Never the secret itself.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretSource>,
    /// Servers of HashiCorp Vault by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vaults: BTreeMap<Slug, Vault>,
    /// S3 servers by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub s3: BTreeMap<Slug, S3Server>,
    /// Where the secrets store lies, if not in the operator's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<Store>,
}

/// What the site as a whole is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its name, as it stands in evidence.
    pub name: Slug,
    /// What kind of place it is.
    pub realm: Realm,
    /// For a lab, and only for one: the network namespace from which alone it is reached, as the inode number of
    /// `/proc/PID/ns/net` (namespaces(7)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<u64>,
    /// The LAN: control hosts, edges and service VIPs.
    pub lan: Lan,
}

/// The LAN of the site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lan {
    /// The network.
    #[schemars(with = "String")]
    pub network: Ipv4Net,
    /// The router.
    pub gateway: Ipv4Addr,
    /// The bridge on each node.
    pub bridge: Slug,
}

/// What kind of place a site is. It is the environment that the policy sees for `lab` and `twin`, so that no grant for the real
/// site is ever used up on a stand-in and no packet of a stand-in passes for one of the real site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Realm {
    /// The real thing.
    Real,
    /// Real daemons in containers inside one network namespace without a way out.
    Lab,
    /// The model in this program's memory.
    Twin,
}

impl Realm {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Lab => "lab",
            Self::Twin => "twin",
        }
    }
}

/// How hosts are reached over SSH.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ssh {
    /// The operator's account on every host.
    pub user: Slug,
    /// The handle of the operator's key; `agent` as its source means the running ssh-agent.
    pub identity: String,
    /// A file in the format of OpenSSH's `known_hosts`, relative to this file: the pinned host keys.
    pub known_hosts: String,
    /// The TCP port of every sshd that names no other.
    #[serde(default = "ssh_port")]
    pub port: u16,
}

fn ssh_port() -> u16 {
    22
}

/// The Proxmox cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proxmox {
    /// The cluster's name.
    pub cluster: Slug,
    /// The TCP port of the API.
    #[serde(default = "api_port")]
    pub port: u16,
    /// The authority that signs the nodes' certificates, by its name under `authorities`.
    pub authority: Slug,
    /// The API token's public part, `user@realm!name`.
    pub token_id: String,
    /// The handle of the API token's secret part.
    pub token: String,
    /// Nodes by name, tried in the order of their names.
    pub nodes: BTreeMap<Slug, Node>,
}

fn api_port() -> u16 {
    8006
}

/// One Proxmox node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its management address.
    pub address: IpAddr,
}

/// An environment: hosts that are changed together and share a range of VM ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// The value of the `env-` tag of its containers.
    pub tag: Slug,
    /// The version of the golden image, the `golden-v` tag of its containers.
    pub golden: u32,
    /// The first and the last VM id.
    pub vmids: (u32, u32),
}

/// A plane: a zone, a vnet and a subnet of the SDN, and the address blocks within it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plane {
    /// The SDN objects; a plane on the LAN has none.
    pub sdn: Option<Sdn>,
    /// Which addresses are for what: `vip`, `proxy`, `workload`, `management`; first and last address.
    #[serde(default)]
    pub blocks: BTreeMap<Slug, (Ipv4Addr, Ipv4Addr)>,
}

/// The SDN objects of a plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sdn {
    /// The zone's id, at most 8 letters and digits.
    pub zone: Slug,
    /// The zone's type; `vlan` here.
    #[serde(rename = "type")]
    pub zone_type: Slug,
    /// The bridge that carries the VLAN.
    pub bridge: Slug,
    /// The vnet's id, at most 8 letters and digits.
    pub vnet: Slug,
    /// The VLAN tag.
    pub tag: u16,
    /// The subnet.
    #[schemars(with = "String")]
    pub subnet: Ipv4Net,
    /// The subnet's gateway, a VIP of the plane's edge pair.
    pub gateway: Ipv4Addr,
}

/// A container of the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// The environment it belongs to.
    pub environment: Slug,
    /// The plane it belongs to, the value of its `plane-` tag.
    pub plane: Slug,
    /// What it does, the value of its `role-` tag.
    pub role: Slug,
    /// The Proxmox node it is placed on.
    pub node: Slug,
    /// Its VM id.
    pub vmid: u32,
    /// Its network interfaces in order, `net0` first.
    pub interfaces: Vec<Interface>,
    /// Hosts through which it is reached, tried in this order; none means directly.
    #[serde(default)]
    pub jump: Vec<Slug>,
    /// Whether its sshd forwards TCP connections, which a jump host must and a node behind it need not.
    #[serde(default)]
    pub forwards: bool,
    /// systemd units that must run there, by unit name without `.service`.
    #[serde(default)]
    pub units: BTreeMap<Slug, Unit>,
    /// Kernel parameters that must hold there.
    #[serde(default)]
    pub sysctl: BTreeMap<Slug, String>,
}

/// A network interface of a container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// Its name inside the container.
    pub name: Slug,
    /// The bridge or vnet it is attached to.
    pub bridge: Slug,
    /// Its address with prefix length; none means DHCP.
    #[schemars(with = "Option<String>")]
    pub address: Option<Ipv4Net>,
    /// Its default gateway.
    pub gateway: Option<Ipv4Addr>,
    /// Its MAC address, upper case with colons.
    pub mac: String,
}

/// What a systemd unit must be like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// Whether it must be enabled at boot.
    pub enabled: bool,
    /// `SubState`: `running` for daemons, `exited` for one-shot units.
    pub sub_state: Slug,
    /// `Restart` of the service; none where it has no meaning.
    pub restart: Option<Slug>,
}

/// A virtual IP address held by one host of a pair (VRRP).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vip {
    /// The address with prefix length.
    #[schemars(with = "String")]
    pub address: Ipv4Net,
    /// The interface that carries it.
    pub interface: Slug,
    /// The virtual router id.
    pub vrid: u8,
    /// The pair: VIPs of one group belong on one host.
    pub group: Slug,
    /// Members of the pair with their VRRP priority.
    pub members: BTreeMap<Slug, u8>,
    /// Services behind it.
    #[serde(default)]
    pub services: Vec<Service>,
}

/// A service behind a VIP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// `tcp` or `udp`.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A DNS zone and what it must contain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// The host of the primary server.
    pub primary: Slug,
    /// The hosts of the secondary servers.
    pub secondaries: Vec<Slug>,
    /// The VIP on which the zone is served.
    pub vip: Slug,
    /// Every rrset of the zone but the SOA.
    pub rrsets: Vec<Rrset>,
}

/// All records of one name and type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rrset {
    /// The full name, without a final dot.
    pub name: Slug,
    /// The type: `A`, `CNAME`, `NS` …
    #[serde(rename = "type")]
    pub rrtype: Slug,
    /// Time to live in seconds.
    pub ttl: u32,
    /// The values in presentation format; names end with a dot.
    pub values: Vec<String>,
}

/// Where a secret is read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretSource {
    /// An environment variable of `fabric` itself.
    Env(String),
    /// A file, relative to this file, that only its owner can read.
    File(String),
    /// A systemd credential (`$CREDENTIALS_DIRECTORY`).
    Credential(Slug),
    /// The ssh-agent at `$SSH_AUTH_SOCK`; the text is the key's comment or SHA-256 fingerprint, empty for any.
    Agent(String),
    /// The secrets store, which `fabric secrets` keeps.
    Store(Stored),
    /// HashiCorp Vault, which is only read.
    Vault(Vaulted),
}

/// A value in a key-value engine of Vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vaulted {
    /// The server, of `vaults`.
    pub server: Slug,
    /// The path below the mount: names with `/` between them.
    pub path: String,
    /// The field there [default: `value`].
    #[serde(default = "Stored::default_field")]
    pub field: Slug,
}

/// A server of HashiCorp Vault and a key-value engine that is mounted there. Only HTTPS is spoken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vault {
    /// Where it listens.
    pub address: IpAddr,
    /// The port [default: 8200].
    #[serde(default = "Vault::default_port")]
    pub port: u16,
    /// The name that its certificate bears [default: the address].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Slug>,
    /// The authority that issued its certificate.
    pub authority: Slug,
    /// The namespace, where it has such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The path of the mount [default: `secret`].
    #[serde(default = "Vault::default_mount")]
    pub mount: String,
    /// What is mounted there [default: `kv-v2`].
    #[serde(default)]
    pub engine: KeyValueEngine,
    /// The handle of the token, whose source is another than Vault.
    pub token: String,
}

/// A version of Vault's key-value engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyValueEngine {
    /// One value for each path.
    #[serde(rename = "kv-v1")]
    V1,
    /// Versions for each path, of which the newest is read.
    #[default]
    #[serde(rename = "kv-v2")]
    V2,
}

impl Vault {
    fn default_port() -> u16 {
        8200
    }

    fn default_mount() -> String {
        "secret".to_owned()
    }
}

/// An S3 server. Only HTTPS is spoken, and a bucket stands in the path, never in the server's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct S3Server {
    /// Where it listens.
    pub address: IpAddr,
    /// The port [default: 443].
    #[serde(default = "S3Server::default_port")]
    pub port: u16,
    /// The name that its certificate bears [default: the address].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Slug>,
    /// The authority that issued its certificate.
    pub authority: Slug,
    /// The region that requests are signed for [default: `us-east-1`].
    #[serde(default = "S3Server::default_region")]
    pub region: Slug,
    /// The handle of the access key.
    pub access_key: String,
    /// The handle of the secret key.
    pub secret_key: String,
    /// The buckets that must be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<BucketName>,
}

impl S3Server {
    fn default_port() -> u16 {
        443
    }

    fn default_region() -> Slug {
        "us-east-1".parse().expect("it is a name")
    }
}

/// A value in the secrets store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// The key: names with `/` between them.
    pub key: String,
    /// The field below the key [default: `value`].
    #[serde(default = "Stored::default_field")]
    pub field: Slug,
    /// The value before the last rotation, as long as it is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub former: bool,
}

impl Stored {
    /// The field of a key that is not asked for a certain one.
    pub fn default_field() -> Slug {
        "value".parse().expect("it is a name")
    }
}

/// Where the secrets store lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Its file, relative to this file [default: `secrets.age` of the operator's folder].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where the identity that opens it is read from: `file` or `credential` [default: `secrets-identity.txt` of the operator's
    /// folder].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<SecretSource>,
}
