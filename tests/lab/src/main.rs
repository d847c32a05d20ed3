//! `fabric-lab`: the site's DNS plane as real Debian containers on its own addresses, with faults to plant and to heal.

mod cgroup;
mod container;
mod converge;
mod digest;
mod error;
mod fault;
mod guests;
mod image;
mod keeper;
mod lock;
mod network;
mod node;
mod observe_only;
mod place;
mod power;
mod probe;
mod program;
mod proxmox;
mod site;
mod status;
mod teardown;
mod up;
mod web;

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::error::LabError;
use crate::place::Place;

/// Runs the site's planes as real Debian containers on one machine, without a way out.
#[derive(Debug, Parser)]
#[command(name = "fabric-lab", version, about)]
struct Cli {
    /// The run folder. Default: $FABRIC_LAB_DIR, else /run/fabric-lab.
    #[arg(long, global = true)]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Bring a plane up and wait until it has converged.
    Up {
        /// Which plane.
        plane: Plane,
        /// The site file to build. Default: the repo's.
        #[arg(long)]
        site: Option<PathBuf>,
    },
    /// Take the lab away, also what a killed one left behind.
    Down,
    /// Run a command in a node, or in the network namespace of `runner`.
    Exec {
        /// The node.
        node: String,
        /// The command.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Show what runs, who holds the VIPs and which faults are planted.
    Status {
        /// How to show it.
        #[arg(long, default_value = "human")]
        output: Output,
    },
    /// Plant a fault and wait until it has taken effect; `fault list` shows those there are.
    Fault {
        /// Its name, or `list`.
        name: String,
        /// Its arguments; the defaults stand in for those that are missing.
        arguments: Vec<String>,
        /// How `list` shows them.
        #[arg(long, default_value = "human")]
        output: Output,
    },
    /// Heal one fault or all of them, and wait until the plane has converged.
    Heal {
        /// Its name; all planted faults when none is given.
        name: Option<String>,
    },
    /// Show what of the nodes must be the same before and after a GameDay, and one digest over it.
    Digest {
        /// How to show it.
        #[arg(long, default_value = "human")]
        output: Output,
    },
    /// Ask a server over and over, with code of its own, and write down every sample. Run it in `runner`.
    #[command(subcommand)]
    Probe(Probe),
    /// Internal: what the fault `observe-only` makes of a command that comes over SSH.
    #[command(hide = true)]
    ObserveOnly,
    /// Internal: the process that starts and reaps the others.
    #[command(hide = true)]
    Keeper,
    /// Internal: join a cgroup and become another program.
    #[command(hide = true)]
    Launch {
        #[arg(long)]
        group: String,
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Internal: one of the lab's own servers.
    #[command(hide = true)]
    Serve { server: Server, addresses: Vec<String> },
}

#[derive(Debug, Subcommand)]
enum Probe {
    /// Ask for the SOA of a name, over UDP.
    Dns {
        /// The server's address.
        #[arg(long)]
        server: std::net::IpAddr,
        /// The name.
        #[arg(long)]
        name: String,
        /// From one question to the next, in milliseconds.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
        every: u64,
        /// For how long, in seconds. A file beside OUT with the ending `stop` ends it before.
        #[arg(long = "for", default_value_t = 30)]
        seconds: u64,
        /// Where the samples go, as JSON.
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Plane {
    /// Two edges and two name servers.
    Dns,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Human,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Server {
    Web,
    WebHuge,
    Garbage,
    Proxmox,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // In a node, as the operator.
    if matches!(cli.task, Task::ObserveOnly) {
        return observe_only::serve();
    }
    match act(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {error}");
            ExitCode::FAILURE
        }
    }
}

fn act(cli: Cli) -> Result<(), LabError> {
    let place = Place::find(cli.dir)?;
    if !rustix::process::geteuid().is_root() {
        return Err(LabError::Usage("the lab makes namespaces and mounts. Run it as root.".to_owned()));
    }
    match cli.task {
        Task::Up { plane: Plane::Dns, site } => {
            let _lock = lock::Lock::take(&place)?;
            let result = up::up(&place, &site.unwrap_or_else(site::default_file));
            if result.is_err() {
                eprintln!("lab: what was built stays for a look; `fabric-lab down` takes it away");
            }
            result
        }
        Task::Down => {
            let _lock = lock::Lock::take(&place)?;
            teardown::down(&place)
        }
        Task::Exec { node, command } => Err(exec(&place, &node, &command)),
        Task::Status { output } => status::show(&place, output == Output::Json),
        Task::Fault { name, output, .. } if name == "list" => status::show_faults(output == Output::Json),
        Task::Fault { name, arguments, .. } => {
            let _lock = lock::Lock::take(&place)?;
            up::with_plane(&place, |plane| fault::plant(plane, &name, &arguments))
        }
        Task::Heal { name } => {
            let _lock = lock::Lock::take(&place)?;
            up::with_plane(&place, |plane| fault::heal(plane, name.as_deref()))
        }
        Task::Digest { output } => {
            up::with_plane(&place, |plane| digest::show(plane, output == Output::Json))
        }
        Task::Probe(Probe::Dns { server, name, every, seconds, out }) => {
            let (every, time) = (Duration::from_millis(every), Duration::from_secs(seconds));
            probe::Dns { server, name, every, time }.run(&out)
        }
        // Done before this.
        Task::ObserveOnly => Ok(()),
        Task::Keeper => keeper::keep(&place),
        Task::Launch { group, command } => keeper::become_member(&group, &command),
        Task::Serve { server: Server::Web, .. } => web::serve(),
        Task::Serve { server: Server::WebHuge, .. } => web::serve_huge(),
        Task::Serve { server: Server::Garbage, addresses } => web::serve_garbage(&addresses),
        Task::Serve { server: Server::Proxmox, .. } => proxmox::run(&place),
    }
}

/// Becomes the command; returns only when that failed.
fn exec(place: &Place, node: &str, command: &[String]) -> LabError {
    let entered = if place.root(node).is_dir() {
        cgroup::Cgroups::find().and_then(|cgroups| container::enter(place, &cgroups, node))
    } else if place.netns_path(node).exists() {
        // The network alone: folder, files and environment stay those of the caller.
        Ok(place.enter(node))
    } else {
        Err(LabError::Usage(format!("there is no {node} in {}", place.run.display())))
    };
    let mut argv = match entered {
        Ok(argv) => argv,
        Err(error) => return error,
    };
    argv.extend(command.iter().cloned());
    let Some((program, arguments)) = argv.split_first() else {
        return LabError::Usage("no command".to_owned());
    };
    let error = Command::new(program).args(arguments).exec();
    LabError::Program {
        program: program.clone(),
        status: "not started".to_owned(),
        stderr: error.to_string(),
    }
}
