//! `fabric-lab`: the site's DNS plane as real Debian containers on its own addresses, with faults to plant and to heal.

mod cgroup;
mod container;
mod converge;
mod error;
mod fault;
mod image;
mod keeper;
mod lock;
mod network;
mod node;
mod place;
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
    match act(Cli::parse()) {
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
