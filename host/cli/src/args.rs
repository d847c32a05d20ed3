//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use fabric_model::{PrimitiveName, Resource, Slug};

use crate::command::check::Check;
use crate::command::completions::Completions;
use crate::command::docs::Docs;
use crate::command::doctor::Doctor;
use crate::command::evidence::{
    Attest, Classify, Diff, Export, Hold, Import, Log, Notarize, Prune, PublicKey, Retain, Scan, Show,
};
use crate::command::explain::Explain;
use crate::command::new::New;
use crate::command::recover::Recover;
use crate::command::secrets::Secrets;
use crate::command::test::Test;

/// What `--version` says. A build whose protections can be taken away, which only tests make, says so.
const VERSION: &str = match fabric_model::protection::MARKER {
    None => env!("CARGO_PKG_VERSION"),
    Some(marker) => marker,
};

/// Runs scripts against a site through capability-gated primitives, and leaves a signed evidence packet of every run.
#[derive(Parser, Debug)]
#[command(name = "fabric", version = VERSION, max_term_width = 100, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 checks failed, 2 usage, 3 configuration, 4 authentication, 5 not found, \
6 denied, 7 unreachable, 8 frozen or unrecovered, 9 approval missing, 10 plan stale, 11 not measurable, \
12 failed without effect, 13 failed and undone, 14 restoration incomplete, 20 script fault, 21 limit hit, \
30 verification failed, 70 internal error, 130 interrupted."
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
    /// Consent to a plan that somebody else executes, with your own key
    Approve(Approve),
    /// Check scripts without running them: syntax, names, arguments, needs against code and policy, secrets
    Check(Check),
    /// Print what a shell needs to complete this command line
    Completions(Completions),
    /// Read about what scripts can call, with examples in both languages
    Docs(Docs),
    /// Say what of this machine, this key and this project would keep a run from working
    Doctor(Doctor),
    /// Read packets, and add what they need after they were sealed: signatures, timestamps, severities, holds
    #[command(subcommand)]
    Evidence(Evidence),
    /// Say what a code means that fabric printed, how it comes about, and what to do
    Explain(Explain),
    /// Let nothing be changed in an environment for a while
    Freeze(Freeze),
    /// Run the GameDay that a testcase of a consumer's contract stands for
    Gameday(Gameday),
    /// Make a signing key, and a trust file that gives it a role
    Init(Init),
    /// List the scripts of this project, or the primitives
    List(List),
    /// Write a script to begin with: it passes `fabric check`, and runs on the twin
    New(New),
    /// Seal what a killed run left behind
    Recover(Recover),
    /// Read a plan before it is approved and executed
    #[command(subcommand)]
    Plan(Plan),
    /// Ask what the policy says before trying it
    #[command(subcommand)]
    Policy(Policy),
    /// Run a script on the built-in twin of the site, changes included
    Rehearse(Rehearse),
    /// Run a script against the site; what would change something is only planned, unless --execute says otherwise
    Run(Run),
    /// Print a JSON Schema
    Schema(Schema),
    /// Keep secrets in an encrypted file, for `[secrets]` of the site file
    Secrets(Secrets),
    /// Try scripts on the twin: each case plants its faults, and the script must find them and nothing else
    Test(Test),
    /// Lift the freezes of an environment
    Thaw(Thaw),
    /// Serve a twin of the site on a socket, for rehearsals that outlive their host
    Twin(Twin),
    /// Verify an evidence packet
    Verify(Verify),
}

#[derive(Subcommand, Debug)]
pub(crate) enum Evidence {
    /// Add the statement for programs that read in-toto, with your own key, to a packet that has none
    Attest(Attest),
    /// Say how severe what a packet is about was; the trust file says what hangs on it
    Classify(Classify),
    /// Sign what somebody else sealed or said in a label, with your own key
    Countersign(Countersign),
    /// Say what differs between two packets; exits with 1 where something does, and with 30 where one does not verify
    Diff(Diff),
    /// Write a packet as one tar archive
    Export(Export),
    /// Take a packet out of a tar archive, if it verifies
    Import(Import),
    /// Keep packets from being pruned until somebody releases them
    #[command(subcommand)]
    Hold(Hold),
    /// Hold the log of packets against the packets, or sign its head
    #[command(subcommand)]
    Log(Log),
    /// List the sealed packets of the project, the oldest first
    List(ListPackets),
    /// Have each signature stamped by an authority of the trust file, so that nobody can say it was made later
    Notarize(Notarize),
    /// Delete packets whose retention is over and that nobody holds; says which, unless --execute says otherwise
    Prune(Prune),
    /// Print the Ed25519 keys of a certificate in PEM, as openssl and in-toto's tools read them
    PublicKey(PublicKey),
    /// Keep a packet longer than the trust file asks
    Retain(Retain),
    /// Look for secrets in folders of evidence, also in those of other programs
    Scan(Scan),
    /// Show what a packet says, who signed it, and what was said of it since
    Show(Show),
}

#[derive(clap::Args, Debug)]
pub(crate) struct ListPackets {
    /// Those of one script alone
    #[arg(long, value_name = "SCRIPT")]
    pub(crate) script: Option<String>,
    /// Those of one realm alone
    #[arg(long, value_enum, value_name = "REALM")]
    pub(crate) realm: Option<Realm>,
    /// How to print the list
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Countersign {
    /// The packet's folder
    pub(crate) packet: PathBuf,
    /// Sign this label of it instead of the packet, such as a release that takes two people
    #[arg(long, value_name = "NUMBER")]
    pub(crate) label: Option<u64>,
    /// The role in which you sign, where you have several
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<Slug>,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Approve {
    /// The plan's digest, or the packet of the dry run that made it
    #[arg(value_name = "DIGEST|PACKET")]
    pub(crate) plan: String,
    /// An environment that the plan touches; name each
    #[arg(long = "environment", value_name = "NAME", required = true)]
    pub(crate) environments: Vec<Slug>,
    /// Why you approve it
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// How long the approval counts, such as 90m or 2h; the policy may say less
    #[arg(long, value_name = "TIME", default_value = "2h", value_parser = duration)]
    pub(crate) expires: Duration,
    /// Who may execute it, by fingerprint [default: whoever made the plan]
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) executor: Option<String>,
    /// When the maintenance window opens that the executor will state: RFC 3339 with a zone
    #[arg(long, value_name = "TIME", requires = "window_end")]
    pub(crate) window_start: Option<String>,
    /// When it closes
    #[arg(long, value_name = "TIME", requires = "window_start")]
    pub(crate) window_end: Option<String>,
    /// The role in which you sign, where you have several
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<Slug>,
    /// The policy that names the authority [default: policy.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Freeze {
    /// The environment
    pub(crate) environment: Slug,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// When the freeze ends by itself: RFC 3339 with a zone, such as 2026-11-21T22:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) until: String,
    /// The role in which you sign, where you have several
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<Slug>,
    /// The policy that names the authority [default: policy.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Thaw {
    /// The environment
    pub(crate) environment: Slug,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// The role in which you sign, where you have several
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<Slug>,
    /// The policy that names the authority [default: policy.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Policy {
    /// Say which rules grant, deny and guard a call or everything that a script declares, and what the guards ask for
    Explain(PolicyExplain),
    /// Hold the policy against what runs used of it: what was used, what is wider than that, what was never used
    Minimise(PolicyMinimise),
}

#[derive(clap::Args, Debug)]
pub(crate) struct PolicyMinimise {
    /// The packets of the runs
    #[arg(value_name = "PACKET", required = true)]
    pub(crate) packets: Vec<PathBuf>,
    /// Write the smallest policy that these runs need to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
    /// The site file or its folder [default: fabric.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) site: Option<PathBuf>,
    /// The policy [default: policy.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
pub(crate) struct PolicyExplain {
    /// The primitive, such as unit.stop
    pub(crate) primitive: Option<PrimitiveName>,
    /// The resource, such as host:dns-edge-1/keepalived
    pub(crate) resource: Option<Resource>,
    /// Everything that this script declares, instead of one call
    #[arg(long, value_name = "SCRIPT", conflicts_with = "primitive")]
    pub(crate) script: Option<String>,
    /// In this role [default: yours]
    #[arg(long = "as", value_name = "ROLE")]
    pub(crate) role: Option<Slug>,
    /// In this environment [default: that of the resource in the site file]
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<Slug>,
    /// The site file or its folder, or `twin` [default: fabric.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) site: Option<PathBuf>,
    /// The policy [default: policy.toml of the project]
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
    /// Make no key: gpg signs with this one of yours, by its primary fingerprint, also where a card has it
    #[arg(long, value_name = "FINGERPRINT", conflicts_with = "user_id")]
    pub(crate) gpg: Option<String>,
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

#[derive(Subcommand, Debug)]
pub(crate) enum Plan {
    /// Show what a plan changes where, what may feel it, and what takes it back
    Show(PlanShow),
}

#[derive(clap::Args, Debug)]
pub(crate) struct PlanShow {
    /// The plan's digest, or the packet of the dry run that made it
    pub(crate) plan: String,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Twin {
    /// The socket to serve on
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: PathBuf,
    /// The site file or its folder [default: fabric.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) site: Option<PathBuf>,
    /// How much faster its time runs than ours
    #[arg(long, default_value_t = 1, value_name = "FACTOR", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) speed: u32,
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Rehearse {
    #[command(flatten)]
    pub(crate) script: Scripted,
    /// Only plan the changes
    #[arg(long, conflicts_with = "plan")]
    pub(crate) dry_run: bool,
    /// Execute this plan of an earlier rehearsal with --dry-run, and only this plan
    #[arg(long, value_name = "DIGEST")]
    pub(crate) plan: Option<String>,
    #[command(flatten)]
    pub(crate) claims: Claims,
    /// The twin that `fabric twin` serves on this socket, instead of one of the run's own
    #[arg(long, value_name = "SOCKET", conflicts_with = "faults")]
    pub(crate) twin: Option<PathBuf>,
    /// How much faster the time of the run's own twin runs than ours
    #[arg(long, default_value_t = 10, value_name = "FACTOR", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) speed: u32,
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) script: Scripted,
    /// Run on the answers of this recording, without the site; nothing is waited for, and nothing can be executed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["record", "faults", "execute"])]
    pub(crate) offline: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) execution: Execution,
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Gameday {
    /// The consumer's contract
    pub(crate) contract: PathBuf,
    /// The testcase, such as gameday:vip-failover; the contract must name it
    #[arg(long, value_name = "NAME")]
    pub(crate) testcase: String,
    /// What testcases stand for [default: gamedays/registry.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) registry: Option<PathBuf>,
    /// Who conducts the GameDay
    #[arg(long, value_name = "NAME")]
    pub(crate) conductor: Option<String>,
    /// Run it on the built-in twin of the site, changes included
    #[arg(long, conflicts_with = "site")]
    pub(crate) rehearse: bool,
    /// Only plan the changes of a rehearsal; a run on the site does so anyway
    #[arg(long, conflicts_with = "plan")]
    pub(crate) dry_run: bool,
    /// Rehearse on the twin that `fabric twin` serves on this socket
    #[arg(long, value_name = "SOCKET")]
    pub(crate) twin: Option<PathBuf>,
    /// The site file or its folder, or `twin` [default: fabric.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) site: Option<PathBuf>,
    /// The policy [default: policy.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The longest that the run may take, in seconds
    #[arg(long, default_value_t = 900, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) time_limit: u64,
    /// Keep outcome, duration and counts of the run in this textfile for Prometheus
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: RunOutput,
    #[command(flatten)]
    pub(crate) execution: Execution,
}

/// What it takes to change something.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Execution {
    /// Execute a plan: change what it says, and nothing else
    #[arg(long, requires = "plan")]
    pub(crate) execute: bool,
    /// The digest of the plan that an earlier dry run made
    #[arg(long, value_name = "DIGEST", requires = "execute")]
    pub(crate) plan: Option<String>,
    #[command(flatten)]
    pub(crate) claims: Claims,
}

/// What the operator says for the guards of the policy.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Claims {
    /// Why the change is made
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// When the maintenance window opens: RFC 3339 with a zone, such as 2026-11-21T22:00:00Z
    #[arg(long, value_name = "TIME", requires = "window_end")]
    pub(crate) window_start: Option<String>,
    /// When it closes
    #[arg(long, value_name = "TIME", requires = "window_start")]
    pub(crate) window_end: Option<String>,
}

/// A script and how it is run.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Scripted {
    /// The script
    #[arg(value_name = "SCRIPT")]
    pub(crate) path: String,
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
    /// Keep what the site answers in this file, for `fabric run --offline`
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Write the smallest declaration and policy that this run used to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) record_grants: Option<PathBuf>,
    /// Keep outcome, duration and counts of the run in this textfile for Prometheus
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// The longest that the run may take, in seconds
    #[arg(long, default_value_t = 900, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) time_limit: u64,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: RunOutput,
}

/// How a run is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunOutput {
    /// For people.
    #[default]
    Human,
    /// One JSON document.
    Json,
    /// JUnit XML.
    Junit,
    /// TAP 14.
    Tap,
    /// SARIF 2.1.0.
    Sarif,
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

/// A duration in minutes or hours, at most a week: an approval or a window that lasts longer is none.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.split_at_checked(text.len().saturating_sub(1)).and_then(|(number, unit)| {
        let seconds = match unit {
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(seconds)
    });
    match parsed {
        Some(seconds @ 1..=604_800) => Ok(Duration::from_secs(seconds)),
        _ => Err("a time is written like 90m or 2h, and is at most a week".to_owned()),
    }
}
