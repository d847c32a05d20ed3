//! Where the suite plays: the twin of the Samakia site, and gates whose policies the tests write.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use fabric_gate::{Gate, Needs, Pattern, Policy, Principal};
use fabric_model::site::{Realm, Site};
use fabric_model::{Class, Code, Digest, Fault, Kind, PrimitiveName, Resource, Slug, Stage as Step, Value};
use fabric_primitives::local::{Packets, ProjectFile, RefusedPacket, TrustFile};
use fabric_primitives::{
    ApiTarget, Authorities, Local, Means, Members, Need, Observed, Prepared, Primitive, Target, Targets,
    Wanted, Work,
};
use fabric_twin::Twin;
use fabric_wire::endpoint::{Endpoint, ProxmoxApi, S3Keys, S3Server, SshHost};
use fabric_wire::{Deadline, Writing};

use crate::rigged::{Plan, Rigged};

/// The address that the twin's internet gives to `example.com`.
const EXAMPLE: &str = "198.51.100.10";

/// What is granted or declared: a primitive and a pattern.
pub(crate) type Rows = Vec<(PrimitiveName, String)>;

/// A twin, its counted seams, and what a run would lend a primitive.
pub(crate) struct Stage {
    site: Site,
    pub(crate) twin: Twin,
    pub(crate) rigged: Arc<Rigged>,
}

struct TwinAuthorities(Twin);

impl Authorities for TwinAuthorities {
    fn pem(&self, name: &Slug) -> Result<Arc<Vec<u8>>, Fault> {
        let pem = self.0.authority(name.as_str()).map(Arc::new);
        pem.ok_or_else(|| Fault::new(Code::SiteUnknown, Step::Gate, format!("no authority `{name}`")))
    }
}

/// One file in each folder, and one packet of each script.
struct Shelf;

impl Local for Shelf {
    fn files(&self, _: &Slug) -> Result<Vec<ProjectFile>, Fault> {
        Ok(vec![ProjectFile { name: "profile.json".parse().expect("a name"), bytes: 2 }])
    }

    fn read(&self, _: &Slug, _: &Slug) -> Result<Vec<u8>, Fault> {
        Ok(b"{}".to_vec())
    }

    fn packets(&self, script: &str, _: usize) -> Result<Packets, Fault> {
        let refused = RefusedPacket { run_id: script.to_owned(), findings: vec!["file.digest".to_owned()] };
        Ok(Packets { verified: Vec::new(), refused: vec![refused] })
    }

    fn trust(&self, _: Realm) -> Result<TrustFile, Fault> {
        let sha256 = Digest::of(b"").to_string();
        Ok(TrustFile {
            sha256,
            principals: Vec::new(),
            requirements: Vec::new(),
            severities: Vec::new(),
            timestamp_authorities: Vec::new(),
        })
    }
}

impl Stage {
    pub(crate) fn new(plan: Plan) -> Self {
        let site = toml::from_str(include_str!("../../../../fabric.toml")).expect("the site file is right");
        let twin = Twin::new(&site, 7);
        let rigged = Rigged::new(twin.seams(), twin.writing(), plan);
        Self { site, twin, rigged }
    }

    /// Asks for every need, and runs the call only when each is granted: in short what a run does.
    pub(crate) async fn call(
        &self,
        gate: &Gate,
        primitive: &dyn Primitive,
        arguments: &Value,
    ) -> Result<Observed, Fault> {
        let (prepared, targets) = self.granted(gate, primitive, arguments)?;
        let deadline = Deadline::after(prepared.timeout);
        match prepared.work {
            Work::Observe(call) => call.run(targets, self.means(), deadline).await,
            Work::Change(call) => call.observe(&targets, &self.means(), deadline).await,
        }
    }

    /// The decoded call, and its targets where each is granted.
    pub(crate) fn granted(
        &self,
        gate: &Gate,
        primitive: &dyn Primitive,
        arguments: &Value,
    ) -> Result<(Prepared, Targets), Fault> {
        let prepared = primitive.prepare(arguments)?;
        let mut granted = Vec::new();
        for need in &prepared.needs {
            let resource =
                gate.request(&primitive.name(), primitive.class(), need.resource.clone(), &environment())?;
            granted.push((need.role, gate.target(&resource, self.resolve(need), &[])?));
        }
        Ok((prepared, Targets::new(granted)))
    }

    /// The ways to read.
    pub(crate) fn means(&self) -> Means {
        let authorities = Arc::new(TwinAuthorities(self.twin.clone()));
        Means { seams: self.rigged.seams(), authorities, local: Arc::new(Shelf) }
    }

    /// The ways to write.
    pub(crate) fn writing(&self) -> Writing {
        self.rigged.writing()
    }

    /// Begins to count anew, with other mishaps.
    pub(crate) fn rig(&mut self, plan: Plan) {
        self.rigged = Rigged::new(self.twin.seams(), self.twin.writing(), plan);
    }

    fn resolve(&self, need: &Need) -> Target {
        match need.wanted {
            Wanted::Endpoint => Target::Endpoint(self.endpoint(&need.resource)),
            Wanted::Ssh => Target::Ssh(self.ssh_host(name_of(&need.resource))),
            Wanted::Api => Target::Api(self.api(&need.resource)),
            Wanted::S3 => Target::S3(self.s3(&need.resource, true)),
            Wanted::S3Nameless => Target::S3(self.s3(&need.resource, false)),
            Wanted::Local => Target::Local(need.resource.clone()),
            Wanted::Members => Target::Members(self.members(&need.resource)),
        }
    }

    fn endpoint(&self, resource: &Resource) -> Endpoint {
        let address = match resource {
            Resource::Addr(address) => *address,
            Resource::Named { kind: Kind::Vip, name, .. } => self.site.vips[name].address.addr().into(),
            Resource::Named { kind: Kind::Node, name, .. } => self.site.proxmox.nodes[name].address,
            Resource::Named { kind: Kind::Host, name, .. } => self.address_of(name),
            Resource::Named { name, .. } if *name == *"example.com" => EXAMPLE.parse().expect("an address"),
            other => panic!("the suite does not know where {other} is"),
        };
        Endpoint { name: name_or_address(resource), address }
    }

    fn s3(&self, resource: &Resource, signed: bool) -> S3Server {
        let server = &self.site.s3[name_of(resource)];
        let secret = |handle: &str| self.twin.secret(handle).expect("a key");
        let keys = S3Keys { access: secret(&server.access_key), secret: secret(&server.secret_key) };
        S3Server {
            name: name_of(resource).clone(),
            address: SocketAddr::new(server.address, server.port),
            server_name: server.name.clone().expect("a name").to_string(),
            authority: Arc::new(self.twin.authority(server.authority.as_str()).expect("an authority")),
            region: server.region.clone(),
            keys: signed.then_some(keys),
        }
    }

    fn members(&self, vip: &Resource) -> Members {
        let members = self.site.vips[name_of(vip)].members.keys();
        Members { vip: self.endpoint(vip), hosts: members.map(|member| self.ssh_host(member)).collect() }
    }

    fn address_of(&self, host: &Slug) -> IpAddr {
        let interfaces = &self.site.hosts[host].interfaces;
        interfaces.iter().find_map(|nic| nic.address).expect("an address").addr().into()
    }

    fn ssh_host(&self, name: &Slug) -> SshHost {
        SshHost {
            name: name.clone(),
            address: SocketAddr::new(self.address_of(name), self.site.ssh.port),
            user: self.site.ssh.user.clone(),
            jump: self.site.hosts[name].jump.iter().map(|jump| self.ssh_host(jump)).collect(),
        }
    }

    fn api(&self, resource: &Resource) -> ApiTarget {
        let proxmox = &self.site.proxmox;
        let name = name_of(resource);
        let (node, vmid) = match resource.kind() {
            Kind::Node => (Some(name.clone()), None),
            Kind::Guest => (Some(self.site.hosts[name].node.clone()), Some(self.site.hosts[name].vmid)),
            _ => (None, None),
        };
        let nodes = proxmox.nodes.iter();
        let api = ProxmoxApi {
            nodes: nodes
                .map(|(name, node)| (name.clone(), SocketAddr::new(node.address, proxmox.port)))
                .collect(),
            authority: Arc::new(self.twin.authority(proxmox.authority.as_str()).expect("an authority")),
            token_id: proxmox.token_id.clone(),
            token: self.twin.secret(&proxmox.token).expect("a token"),
        };
        ApiTarget { api, node, vmid }
    }
}

fn name_of(resource: &Resource) -> &Slug {
    match resource {
        Resource::Named { name, .. } | Resource::File { host: name, .. } => name,
        Resource::S3(path) => &path.server,
        Resource::Addr(address) => panic!("{address} has no name"),
    }
}

fn name_or_address(resource: &Resource) -> String {
    match resource {
        Resource::Named { name, .. } | Resource::File { host: name, .. } => name.to_string(),
        Resource::S3(path) => path.to_string(),
        Resource::Addr(address) => address.to_string(),
    }
}

pub(crate) fn environment() -> Slug {
    "twin".parse().expect("a name")
}

/// A gate for a script that declares the one and a policy that grants the other.
pub(crate) fn gate(declared: &Rows, granted: &Rows) -> Gate {
    let declared = declared.iter().zip(1..).map(|((primitive, pattern), line)| {
        (primitive.clone(), pattern.parse::<Pattern>().expect("a pattern"), line)
    });
    let needs = Needs::new("suite.rhai", Class::Change, declared.collect());
    let policy = Policy::parse("policy.toml", &policy(granted)).expect("a policy");
    let roles = vec!["tester".parse().expect("a name")];
    Gate::new(policy, needs, Principal { fingerprint: "ABCD".to_owned(), roles })
}

fn policy(granted: &Rows) -> String {
    let mut text = "format = 1\n".to_owned();
    if granted.is_empty() {
        return text;
    }
    text.push_str(
        "[[allow]]\nname = \"suite\"\nenvironments = [\"twin\"]\nroles = [\"tester\"]\n[allow.primitives]\n",
    );
    let mut lines: BTreeMap<&PrimitiveName, Vec<String>> = BTreeMap::new();
    for (primitive, pattern) in granted {
        lines.entry(primitive).or_default().push(format!("\"{pattern}\""));
    }
    for (primitive, patterns) in lines {
        writeln!(text, "\"{primitive}\" = [{}]", patterns.join(", ")).expect("writing to text");
    }
    text
}

/// Exactly what one call needs.
pub(crate) fn needed(primitive: &dyn Primitive, arguments: &Value) -> Rows {
    let prepared = primitive.prepare(arguments).expect("an example decodes");
    prepared.needs.iter().map(|need| (primitive.name(), need.resource.to_string())).collect()
}

/// Runs a test's asynchronous part under a clock that jumps to the next timer whenever nothing else is left to do.
pub(crate) fn in_virtual_time<T>(part: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(part)
}
