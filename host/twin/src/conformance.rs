//! Cases that hold for every implementation of the seams, over any site whose DNS plane is in good order: the twin and the real
//! lab are judged by the same ones. A twin that answers otherwise than the real daemons is no rehearsal.

mod changes;
mod s3;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use fabric_model::site::{Protocol, Site};
use fabric_model::{RemotePath, Slug};
use fabric_wire::dns::{self, Transport};
use fabric_wire::endpoint::SshHost;
use fabric_wire::seam::Route;
use fabric_wire::ssh::{self, CommandOutput, ReadCommand};
use fabric_wire::tcp::{self, State};
use fabric_wire::{Deadline, Seams, WireError};

pub use changes::changes_conform;
pub use s3::{S3Ground, s3_conforms};

/// How long one question may take. Silence is asked for on purpose, so this is also how long a case may wait.
const PATIENCE: Duration = Duration::from_secs(4);

/// One case and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What must hold, as a sentence.
    pub name: &'static str,
    /// Nothing, or what was found instead.
    pub outcome: Result<(), String>,
}

/// Puts every case to the seams. The site's DNS VIP, its holder's pair and the servers behind it must be up.
pub async fn conforms(seams: &Seams, site: &Site) -> Vec<Case> {
    let Some(ground) = Ground::of(site) else {
        let outcome = Err("the site has no zone with a VIP, an edge pair and a server behind it".to_owned());
        return vec![Case { name: "the site has a DNS plane", outcome }];
    };
    let ask = Asker { seams, ground };
    let case = |name, outcome| Case { name, outcome };
    vec![
        case("a name of the zone is answered with authority over UDP", ask.served(Transport::Udp).await),
        case("a name of the zone is answered with authority over TCP", ask.served(Transport::Tcp).await),
        case("an absent name of the zone is denied with the zone's SOA", ask.denied().await),
        case("a name outside the site is resolved without authority", ask.recursed().await),
        case("a server refuses names of no zone of its own", ask.refused_outside().await),
        case("a server refuses to transfer its zone to an edge", ask.transfer_refused().await),
        case("the DNS port of the VIP is open", ask.port(&Route::Direct, ask.ground.vip, State::Open).await),
        case("a port that the edge's ruleset leaves out is silent", ask.dropped().await),
        case("a server behind the edges is silent from outside", ask.isolated().await),
        case("a port without a daemon is refused through a host", ask.forward_refused().await),
        case("a host without an sshd is no finding about the port behind it", ask.no_sshd().await),
        case("a host that is silent is no finding about the port behind it", ask.silent_sshd().await),
        case("the server's DNS port is open through an edge", ask.forward_open().await),
        case("the operator is let in, and only keys are on offer", ask.operator().await),
        case("root is not let in", ask.root().await),
        case("a unit that is not there is `not-found`, and no error", ask.no_unit().await),
        case("a kernel parameter that is not there is not found", ask.no_parameter().await),
        case("the interfaces are read, and carry the host's address", ask.addresses().await),
        case("the ruleset of an edge is read, and drops by default", ask.ruleset().await),
        case("the socket tables are read, and show sshd", ask.sockets().await),
        case("the host says what it is, what runs and what is installed", ask.itself().await),
        case("files of the closed list are digested, and an absent one is told", ask.digests().await),
        case("the clock is read, and is near ours", ask.clock().await),
        case("a host behind an edge says through which it was reached", ask.path().await),
    ]
}

/// What the cases are about.
struct Ground {
    vip: SocketAddr,
    zone: String,
    edge: SshHost,
    server: SshHost,
    server_dns: SocketAddr,
    edge_address: IpAddr,
    operator: String,
}

impl Ground {
    fn of(site: &Site) -> Option<Self> {
        let (zone, data) = site.zones.iter().next()?;
        let vip = site.vips.get(&data.vip)?;
        let edge_name = vip.members.iter().max_by_key(|(_, priority)| **priority)?.0;
        let edge = ssh_host(site, edge_name)?;
        let server = ssh_host(site, &data.primary)?;
        let port = vip.services.iter().find(|service| service.protocol == Protocol::Udp)?.port;
        Some(Self {
            vip: SocketAddr::new(IpAddr::V4(vip.address.addr()), port),
            zone: zone.to_string(),
            server_dns: SocketAddr::new(server.address.ip(), 53),
            edge_address: edge.address.ip(),
            operator: site.ssh.user.to_string(),
            edge,
            server,
        })
    }
}

/// A host with its jump hosts, as the site names them. None for a host without an address, or for a circle of jump hosts.
fn ssh_host(site: &Site, name: &Slug) -> Option<SshHost> {
    fn resolve(site: &Site, name: &Slug, depth: u8) -> Option<SshHost> {
        let host = site.hosts.get(name)?;
        let address = host.interfaces.iter().find_map(|nic| nic.address)?.addr();
        let deeper = depth.checked_sub(1)?;
        Some(SshHost {
            name: name.clone(),
            address: SocketAddr::new(IpAddr::V4(address), site.ssh.port),
            user: site.ssh.user.clone(),
            jump: host.jump.iter().map(|jump| resolve(site, jump, deeper)).collect::<Option<_>>()?,
        })
    }
    resolve(site, name, 4)
}

struct Asker<'a> {
    seams: &'a Seams,
    ground: Ground,
}

type Outcome = Result<(), String>;

impl Asker<'_> {
    async fn query(
        &self,
        route: &Route,
        server: SocketAddr,
        name: &str,
        rrtype: &str,
        transport: Transport,
    ) -> Result<dns::Answer, String> {
        let name = name.parse().map_err(text)?;
        let rrtype = rrtype.parse().map_err(text)?;
        let deadline = Deadline::after(PATIENCE);
        dns::query(self.seams, route, server, &name, rrtype, transport, deadline).await.map_err(text)
    }

    async fn served(&self, transport: Transport) -> Outcome {
        let answer = self.query(&Route::Direct, self.ground.vip, &self.ground.zone, "SOA", transport).await?;
        let good = answer.rcode == "NOERROR" && answer.flags.aa && answer.rrset.len() == 1;
        expect(good && answer.serial.is_some(), &answer)
    }

    async fn denied(&self) -> Outcome {
        let name = format!("no-such-name.{}", self.ground.zone);
        let answer = self.query(&Route::Direct, self.ground.vip, &name, "A", Transport::Udp).await?;
        let types: Vec<&str> = answer.authority.iter().map(|record| record.rrtype.as_str()).collect();
        expect(answer.rcode == "NXDOMAIN" && answer.answers.is_empty() && types == ["SOA"], &answer)
    }

    async fn recursed(&self) -> Outcome {
        let answer = self.query(&Route::Direct, self.ground.vip, "example.com", "A", Transport::Udp).await?;
        let good = answer.rcode == "NOERROR" && answer.flags.ra && !answer.flags.aa;
        expect(good && !answer.rrset.is_empty(), &answer)
    }

    async fn refused_outside(&self) -> Outcome {
        let answer =
            self.query(&self.via_edge(), self.ground.server_dns, "example.com", "A", Transport::Tcp).await?;
        expect(answer.rcode == "REFUSED" && answer.answers.is_empty(), &answer)
    }

    async fn transfer_refused(&self) -> Outcome {
        let zone = self.ground.zone.parse().map_err(text)?;
        let (seams, server) = (self.seams, self.ground.server_dns);
        let transfer = dns::transfer(seams, &self.via_edge(), server, &zone, Deadline::after(PATIENCE)).await;
        match transfer {
            Err(WireError::Timeout | WireError::Unreachable(_)) | Ok(_) => {
                Err(format!("{:?}", transfer.map(|zone| zone.serial)))
            }
            Err(_) => Ok(()),
        }
    }

    async fn port(&self, route: &Route, to: SocketAddr, expected: State) -> Outcome {
        let found = tcp::connect(self.seams, route, to, Deadline::after(PATIENCE)).await.map_err(text)?;
        expect(found.state == expected, &found)
    }

    async fn dropped(&self) -> Outcome {
        let closed = SocketAddr::new(self.ground.edge_address, CLOSED_PORT);
        self.port(&Route::Direct, closed, State::Timeout).await
    }

    async fn isolated(&self) -> Outcome {
        self.port(&Route::Direct, self.ground.server_dns, State::Timeout).await
    }

    async fn forward_refused(&self) -> Outcome {
        let nobody = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), CLOSED_PORT);
        self.port(&self.via_edge(), nobody, State::Refused).await
    }

    /// A host whose address refuses: the edge's own loopback, as it sees it.
    async fn no_sshd(&self) -> Outcome {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), CLOSED_PORT);
        let jump = vec![self.ground.edge.clone()];
        self.not_reached(SshHost { address, jump, ..self.ground.edge.clone() }).await
    }

    /// A host whose address drops what comes.
    async fn silent_sshd(&self) -> Outcome {
        let address = SocketAddr::new(self.ground.edge_address, CLOSED_PORT);
        self.not_reached(SshHost { address, ..self.ground.edge.clone() }).await
    }

    async fn not_reached(&self, host: SshHost) -> Outcome {
        let route = Route::Via(host);
        let found = tcp::connect(self.seams, &route, self.ground.server_dns, Deadline::after(PATIENCE)).await;
        expect(matches!(found, Err(WireError::Unreachable(_))), &found)
    }

    async fn forward_open(&self) -> Outcome {
        self.port(&self.via_edge(), self.ground.server_dns, State::Open).await
    }

    async fn operator(&self) -> Outcome {
        let probe = self.probe(&self.ground.operator).await?;
        expect(probe.accepted && probe.methods == ["publickey"], &probe)
    }

    async fn root(&self) -> Outcome {
        let probe = self.probe("root").await?;
        expect(!probe.accepted && probe.methods == ["publickey"], &probe)
    }

    async fn no_unit(&self) -> Outcome {
        let unit: Slug = "no-such-unit.service".parse().map_err(text)?;
        let output = self.read(&self.ground.edge, ReadCommand::UnitShow { unit }).await?;
        let state = ssh::unit_state(&output).map_err(text)?;
        let good = state.load_state == "not-found" && state.active_state == "inactive";
        expect(good && state.unit_file_state.is_none() && output.status == 0, &state)
    }

    async fn no_parameter(&self) -> Outcome {
        let key: Slug = "net.ipv4.no_such_parameter".parse().map_err(text)?;
        let output = self.read(&self.ground.edge, ReadCommand::Sysctl { key }).await?;
        let found = ssh::sysctl(&output);
        expect(output.status != 0 && matches!(found, Err(WireError::NotFound(_))), &found)
    }

    async fn addresses(&self) -> Outcome {
        let output = self.read(&self.ground.edge, ReadCommand::Addresses).await?;
        let interfaces = ssh::addresses(&output).map_err(text)?;
        let mut all = interfaces.iter().flat_map(|interface| &interface.addresses);
        expect(all.any(|found| found.address == self.ground.edge_address), &interfaces)
    }

    async fn ruleset(&self) -> Outcome {
        let output = self.read(&self.ground.edge, ReadCommand::NftRuleset).await?;
        let ruleset = ssh::nft_ruleset(&output).map_err(text)?;
        let drops = |hook: &str| {
            let mut chains = ruleset.chains.iter().filter(|chain| chain.hook.as_deref() == Some(hook));
            chains.any(|chain| chain.policy.as_deref() == Some("drop"))
        };
        let masquerades = ruleset
            .rules
            .iter()
            .any(|rule| rule.statements.iter().any(|statement| statement.name == "masquerade"));
        expect(drops("input") && drops("forward") && masquerades, &ruleset)
    }

    async fn sockets(&self) -> Outcome {
        let output = self.read(&self.ground.edge, ReadCommand::Sockets).await?;
        let sockets = ssh::sockets(&output).map_err(text)?;
        let port = self.ground.edge.address.port();
        let sshd = |socket: &&ssh::Socket| socket.protocol == ssh::Transport::Tcp && socket.port == port;
        expect(sockets.iter().any(|socket| sshd(&socket)), &sockets)
    }

    async fn itself(&self) -> Outcome {
        let edge = &self.ground.edge;
        let identity = ssh::identity(&self.read(edge, ReadCommand::Identity).await?).map_err(text)?;
        let accounts = ssh::accounts(&self.read(edge, ReadCommand::Accounts).await?).map_err(text)?;
        let processes = ssh::processes(&self.read(edge, ReadCommand::Processes).await?).map_err(text)?;
        let routes = ssh::routes(&self.read(edge, ReadCommand::Routes).await?).map_err(text)?;
        let packages = ssh::packages(&self.read(edge, ReadCommand::Packages).await?).map_err(text)?;
        expect(identity.system.starts_with("Debian"), &identity)?;
        expect(accounts.iter().any(|account| account.name == "root" && account.uid == 0), &accounts)?;
        expect(processes.iter().any(|process| process.name == "keepalived"), &processes)?;
        expect(
            routes.iter().any(|route| route.destination != "default" && route.gateway.is_none()),
            &routes,
        )?;
        expect(packages.iter().any(|package| package.name == "keepalived"), &packages)
    }

    async fn digests(&self) -> Outcome {
        let digest = async |path: &str| {
            let path: RemotePath = path.parse().map_err(text)?;
            let file = ssh::WatchedFile::try_from(path).map_err(text)?;
            let output = self.read(&self.ground.edge, ReadCommand::FileDigest { file }).await?;
            ssh::file_digest(&output).map_err(text)
        };
        let (there, absent) = (digest("/etc/passwd").await?, digest("/etc/crontab").await?);
        expect(there.sha256.is_some() && absent.sha256.is_none(), &(there, absent))
    }

    async fn clock(&self) -> Outcome {
        let before = self.seams.clock.now();
        let output = self.read(&self.ground.edge, ReadCommand::Clock).await?;
        let clock = ssh::clock(&output, before, self.seams.clock.now()).map_err(text)?;
        expect(clock.offset_ms.unsigned_abs() <= 1_000 + clock.uncertainty_ms, &clock)
    }

    async fn path(&self) -> Outcome {
        let output = self.read(&self.ground.server, ReadCommand::Clock).await?;
        let names: Vec<&str> = self.ground.server.jump.iter().map(|jump| jump.name.as_str()).collect();
        let one = |path: &[String]| matches!(path, [jump] if names.contains(&jump.as_str()));
        expect(one(&output.path), &output.path)
    }

    async fn read(&self, host: &SshHost, command: ReadCommand) -> Result<CommandOutput, String> {
        self.seams.ssh.read(host, &command, Deadline::after(PATIENCE)).await.map_err(text)
    }

    async fn probe(&self, user: &str) -> Result<ssh::AuthProbe, String> {
        let deadline = Deadline::after(PATIENCE);
        self.seams.ssh.probe_authentication(&self.ground.edge, user, deadline).await.map_err(text)
    }

    fn via_edge(&self) -> Route {
        Route::Via(self.ground.edge.clone())
    }
}

/// A port on which nothing listens anywhere in the site (RFC 6335 leaves it unassigned to daemons used here).
const CLOSED_PORT: u16 = 4;

fn expect(holds: bool, found: &impl std::fmt::Debug) -> Outcome {
    if holds { Ok(()) } else { Err(format!("found {found:?}")) }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
