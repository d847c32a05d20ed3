//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Runs scripts against a site through capability-gated primitives, and leaves a signed evidence packet of every run.
#[derive(Parser, Debug)]
#[command(name = "fabric", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 checks failed, 2 usage, 3 configuration, 4 authentication, 5 not found, \
6 denied, 7 unreachable, 8 unrecovered, 11 not measurable, 20 script fault, 21 limit hit, 30 verification failed, \
70 internal error, 130 interrupted."
)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,

    /// The project: the folder with policy.toml, acceptance/ and evidence/ [default: the nearest one above]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) project: Option<PathBuf>,

    /// The operator's folder with key and trust file [default: $FABRIC_HOME, else fabric/ in the configuration folder]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) home: Option<PathBuf>,

    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,
}

/// When to use colour; `auto` heeds `NO_COLOR` and `CLICOLOR_FORCE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Even into a file.
    Always,
    /// Not at all.
    Never,
}

impl Color {
    pub(crate) fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Check a script without running it: its syntax, its imports, its needs against code and policy
    Check(Check),
    /// Make a signing key, and a trust file that gives it a role
    Init(Init),
    /// List the scripts of this project, or the primitives
    List(List),
    /// Seal what a killed run left behind
    Recover(Recover),
    /// Run a script on the built-in twin of the site
    Rehearse(Run),
    /// Run a script against the site
    Run(Run),
    /// Print a JSON Schema
    Schema(Schema),
    /// Verify an evidence packet
    Verify(Verify),
}

#[derive(clap::Args, Debug)]
pub(crate) struct Check {
    /// The script
    pub(crate) script: String,
    /// The policy to hold it against [default: policy.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Init {
    /// Who the key is for, as it stands in its certificate
    #[arg(long, default_value = "fabric operator <fabric@localhost>", value_name = "NAME")]
    pub(crate) user_id: String,
    /// The role that the trust file gives it
    #[arg(long, default_value = "site-dev", value_name = "ROLE")]
    pub(crate) role: String,
}

#[derive(clap::Args, Debug)]
pub(crate) struct List {
    /// What to list
    #[arg(value_enum, default_value_t)]
    pub(crate) what: Listed,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listed {
    /// Scripts of the project.
    #[default]
    Scripts,
    /// Primitives that a script can call.
    Primitives,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Recover {
    /// Only say what there is to recover
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Run {
    /// The script
    pub(crate) script: String,
    /// The site file or its folder, or `twin` [default: fabric.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) site: Option<PathBuf>,
    /// The policy [default: policy.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// A parameter of the script
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) params: Vec<(String, String)>,
    /// A fault to plant in the twin, as JSON; see `fabric schema twin-fault`
    #[arg(long = "fault", value_name = "JSON")]
    pub(crate) faults: Vec<String>,
    /// The longest that the run may take, in seconds
    #[arg(long, default_value_t = 900, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) time_limit: u64,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Human,
    /// One JSON document.
    Json,
    /// JUnit XML.
    Junit,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Schema {
    /// `site`, `run`, `checks`, `journal`, `twin-fault`, or a primitive such as `dns.query`
    pub(crate) name: String,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Verify {
    /// The packet's folder
    pub(crate) packet: PathBuf,
    /// The trust file [default: trust.toml of the operator's folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// The realm that the packet must be of: only `real` is evidence of the site
    #[arg(long, value_enum, value_name = "REALM")]
    pub(crate) realm: Option<Realm>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// What kind of place a run was on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Realm {
    /// The real site.
    Real,
    /// Real daemons in a lab.
    Lab,
    /// The built-in model.
    Twin,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a parameter is written NAME=VALUE".to_owned()),
    }
}
