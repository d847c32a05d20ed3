//! A site of the fleet's hosts, with everything that `fabric run` wants of it: site files, policy, scripts, the operator's folder.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::fleet::Fleet;
use crate::{COMMANDS, Outcome};

/// What a script prints first and last; between the two lies its work.
pub(crate) const FIRST: &str = "first statement";
pub(crate) const LAST: &str = "last statement";

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
        project.file("noop.rhai", &format!("{}note(\"{FIRST}\");\n", header("")))?;
        project
            .file("fanout.rhai", &script("par(site::hosts(#{}), |one| host::clock(#{ host: one.name }));"))?;
        let sequence = format!("for n in 0..{COMMANDS} {{ host::clock(#{{ host: \"host-1\" }}); }}");
        project.file("sequence.rhai", &script(&sequence))?;
        project.file("jump.rhai", &script("host::clock(#{ host: \"host-2\" });"))?;
        let made = project.command(&["init"]).stdout(Stdio::null()).status()?;
        if made.success() { Ok(project) } else { Err("`fabric init` failed".into()) }
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

fn script(work: &str) -> String {
    format!("{}note(\"{FIRST}\");\n{work}\nnote(\"{LAST}\");\n", header(CLOCK))
}

/// The site file; where the second host is behind the first, it is reached through it.
fn site(fleet: &Fleet, behind: bool) -> Outcome<String> {
    let port = fleet.addresses.first().ok_or("no host")?.port();
    let mut text = format!(
        "format = 1\n\n[site]\nname = \"bench\"\nrealm = \"real\"\n\n\
         [site.lan]\nnetwork = \"127.0.1.0/24\"\ngateway = \"127.0.1.254\"\nbridge = \"vmbr0\"\n\n\
         [ssh]\nuser = \"root\"\nidentity = \"operator\"\nknown_hosts = {:?}\nport = {port}\n\n\
         [proxmox]\ncluster = \"bench\"\nauthority = \"none\"\ntoken_id = \"a@pve!b\"\ntoken = \"token\"\n\n\
         [proxmox.nodes]\nnode = {{ address = \"127.0.1.253\" }}\n\n\
         [authorities]\nnone = \"none.pem\"\n\n\
         [secrets]\noperator = {{ file = {:?} }}\ntoken = {{ env = \"UNUSED\" }}\n\n\
         [environments]\nbench = {{ tag = \"bench\", golden = 1, vmids = [1000, 1999] }}\n\n\
         [planes.bench]\n\n[vips]\n\n[zones]\n",
        fleet.file("known_hosts"),
        fleet.file("operator"),
    );
    for (index, address) in fleet.addresses.iter().enumerate() {
        let number = index + 1;
        let way = match (behind, number) {
            (true, 1) => "forwards = true\n",
            (true, 2) => "jump = [\"host-1\"]\n",
            _ => "",
        };
        write!(
            text,
            "\n[hosts.host-{number}]\nenvironment = \"bench\"\nplane = \"bench\"\nrole = \"sshd\"\nnode = \"node\"\n\
             vmid = {}\n{way}interfaces = [\n  {{ name = \"eth0\", bridge = \"vmbr0\", address = \"{}/24\", \
             mac = \"BC:24:11:00:00:{number:02X}\" }},\n]\n",
            1000 + number,
            address.ip(),
        )?;
    }
    Ok(text)
}
