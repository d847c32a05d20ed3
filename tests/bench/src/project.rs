//! A site of the fleet's hosts, with everything that `fabric run` wants of it: site files, policy, scripts, the operator's folder.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::door::CALLS;
use crate::fleet::Fleet;
use crate::{COMMANDS, Outcome, language};

/// What a script prints first and last; between the two lies its work.
pub(crate) const FIRST: &str = "first statement";
pub(crate) const LAST: &str = "last statement";

/// Hosts of the twin's site.
pub(crate) const MANY: u32 = 500;

/// Branches that share the calls.
const SHARES: usize = 50;

/// A project's folder and the program that runs its scripts.
pub(crate) struct Project {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Project {
    /// Writes the project. The fleet's files stay where they are: the site file names them.
    pub(crate) fn write(program: PathBuf, fleet: &Fleet) -> Outcome<Self> {
        if !program.exists() {
            return Err(
                format!("{} is missing: build `fabric` in release mode first", program.display()).into()
            );
        }
        let folder = tempfile::tempdir()?;
        let project = Self { folder, program };
        project.file("fabric.toml", &site(fleet, false)?)?;
        project.file("behind.toml", &site(fleet, true)?)?;
        project.file("policy.toml", POLICY)?;
        project.file("many.toml", &many()?)?;
        project.scripts()?;
        let made = project.command(&["init"]).stdout(Stdio::null()).status()?;
        if made.success() { Ok(project) } else { Err("`fabric init` failed".into()) }
    }

    fn scripts(&self) -> Outcome<()> {
        const EACH: &str = "par(site::hosts(#{}), |one| host::clock(#{ host: one.name }));";
        const EACH_IN_LUAU: &str =
            "par(site.hosts{}, function(one) return host.clock{ host = one.name } end)";
        let times = |times: usize| format!("for n in 0..{times} {{ host::clock(#{{ host: \"host-1\" }}); }}");
        let shared = CALLS / SHARES;
        let rhai = [
            ("fanout", EACH.to_owned()),
            ("many", EACH.to_owned()),
            ("one-by-one", "for one in site::hosts(#{}) { host::clock(#{ host: one.name }); }".to_owned()),
            ("sequence", times(COMMANDS)),
            ("calls", times(CALLS)),
            (
                "parallel",
                format!("let all = []; all.pad({SHARES}, 0);\npar(all, |one| {{ {} }});", times(shared)),
            ),
            ("jump", "host::clock(#{ host: \"host-2\" });".to_owned()),
        ];
        for (name, work) in rhai {
            let text = format!("note(\"{FIRST}\");\n{work}\nnote(\"{LAST}\");\n");
            self.file(&format!("{name}.rhai"), &(header(CLOCK) + text.as_str()))?;
        }
        let times = |times: usize| format!("for n = 1, {times} do host.clock{{ host = \"host-1\" }} end");
        let luau = [
            ("many", EACH_IN_LUAU.to_owned()),
            ("calls", times(CALLS)),
            ("parallel", format!("par(table.create({SHARES}, 0), function()\n{}\nend)", times(shared))),
        ];
        for (name, work) in luau {
            let text = format!("note(\"{FIRST}\")\n{work}\nnote(\"{LAST}\")\n");
            self.file(&format!("{name}.luau"), &(in_luau(&header(CLOCK)) + text.as_str()))?;
        }
        self.file("noop.rhai", &format!("{}note(\"{FIRST}\");\n", header("")))?;
        self.file("noop.luau", &format!("{}note(\"{FIRST}\")\n", in_luau(&header(""))))?;
        self.file("loop.rhai", &(header("") + language::in_rhai("note").as_str()))?;
        self.file("loop.luau", &(in_luau(&header("")) + language::in_luau("note").as_str()))
    }

    /// The rehearsal of a script, on a twin of the site with many hosts.
    pub(crate) fn rehearsal(&self, script: &str) -> Command {
        self.command(&["rehearse", script, "--site", "many.toml"])
    }

    /// A command of the program, in this project.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.path()).env("FABRIC_HOME", self.path().join("home"));
        // With it, reading an OpenPGP key walks the stack several times; nobody sets it who does not look for a bug.
        command.env_remove("RUST_BACKTRACE");
        command
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, name: &str, text: &str) -> Outcome<()> {
        Ok(fs::write(self.path().join(name), text)?)
    }
}

const CLOCK: &str = "// [needs]\n// \"host.clock\" = [\"host:*\"]\n";

/// Grants what the scripts need. It denies no addresses: the hosts are on loopback, which a real policy denies.
const POLICY: &str = "format = 1\n\n[[allow]]\nname = \"bench\"\nenvironments = [\"*\"]\nroles = [\"site-dev\"]\n\n\
                      [allow.primitives]\n\"host.clock\" = [\"host:*\"]\n";

fn header(needs: &str) -> String {
    format!(
        "// /// fabric\n// title = \"benchmark\"\n// kind = \"acceptance\"\n// reach = \"observe\"\n{needs}// ///\n"
    )
}

/// A declaration as comments of Luau.
fn in_luau(header: &str) -> String {
    header.lines().map(|line| format!("{}\n", line.replacen("//", "--", 1))).collect()
}

/// The site file; where the second host is behind the first, it is reached through it.
fn site(fleet: &Fleet, behind: bool) -> Outcome<String> {
    let port = fleet.addresses.first().ok_or("no host")?.port();
    let addresses = fleet.addresses.iter().map(SocketAddr::ip);
    let (known_hosts, operator) = (fleet.file("known_hosts"), fleet.file("operator"));
    hosts("127.0.1", "24", port, &known_hosts, &operator, addresses, behind)
}

/// A site of many hosts, for the twin.
fn many() -> Outcome<String> {
    let addresses = (1..=MANY).map(|number| IpAddr::from(Ipv4Addr::from(0x0a0a_0100 + number)));
    let nowhere = Path::new("known_hosts");
    hosts("10.10.0", "16", 22, nowhere, nowhere, addresses, false)
}

fn hosts(
    network: &str,
    prefix: &str,
    port: u16,
    known_hosts: &Path,
    operator: &Path,
    addresses: impl Iterator<Item = IpAddr>,
    behind: bool,
) -> Outcome<String> {
    let mut text = format!(
        "format = 1\n\n[site]\nname = \"bench\"\nrealm = \"real\"\n\n\
         [site.lan]\nnetwork = \"{network}.0/{prefix}\"\ngateway = \"{network}.254\"\nbridge = \"vmbr0\"\n\n\
         [ssh]\nuser = \"root\"\nidentity = \"operator\"\nknown_hosts = {:?}\nport = {port}\n\n\
         [proxmox]\ncluster = \"bench\"\nauthority = \"none\"\ntoken_id = \"a@pve!b\"\ntoken = \"token\"\n\n\
         [proxmox.nodes]\nnode = {{ address = \"{network}.253\" }}\n\n\
         [authorities]\nnone = \"none.pem\"\n\n\
         [secrets]\noperator = {{ file = {:?} }}\ntoken = {{ env = \"UNUSED\" }}\n\n\
         [environments]\nbench = {{ tag = \"bench\", golden = 1, vmids = [1000, 1999] }}\n\n\
         [planes.bench]\n\n[vips]\n\n[zones]\n",
        known_hosts, operator,
    );
    for (index, address) in addresses.enumerate() {
        let number = index + 1;
        let way = match (behind, number) {
            (true, 1) => "forwards = true\n",
            (true, 2) => "jump = [\"host-1\"]\n",
            _ => "",
        };
        write!(
            text,
            "\n[hosts.host-{number}]\nenvironment = \"bench\"\nplane = \"bench\"\nrole = \"sshd\"\nnode = \"node\"\n\
             vmid = {}\n{way}interfaces = [\n  {{ name = \"eth0\", bridge = \"vmbr0\", address = \"{address}/{prefix}\", \
             mac = \"BC:24:11:00:{:02X}:{:02X}\" }},\n]\n\
             units.ssh = {{ enabled = true, sub_state = \"running\" }}\n",
            1000 + number,
            number / 256,
            number % 256,
        )?;
    }
    Ok(text)
}
