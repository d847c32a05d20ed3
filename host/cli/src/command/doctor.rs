//! `fabric doctor`: what of this machine, this key and this project would keep a run from working, each with the next step.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};
use fabric_gate::Policy;
use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use fabric_runtime::guard::{self, Authority};
use fabric_runtime::home::Operator;
use fabric_runtime::site::SiteFile;
use fabric_runtime::{Refusal, Worker, advisory, recover};
use serde::Serialize;

use crate::args::Output;
use crate::place::Place;
use crate::stream::say;
use crate::terminal;

/// When this version was made, in seconds since 1970: 1 January 2026. A clock before that is wrong.
const MADE: Duration = Duration::from_secs(1_767_225_600);

/// Where systemd says that it has set the clock by a server.
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";

#[derive(clap::Args, Debug)]
pub(crate) struct Doctor {
    /// The site file, or its folder [default: fabric.toml of the project]
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// The policy file [default: policy.toml of the project]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    /// Nothing is to be done.
    Ok,
    /// Runs work, and something is weaker than it could be.
    Warn,
    /// Runs do not work.
    Fail,
}

/// What was found of one thing.
#[derive(Debug, Serialize)]
struct Finding {
    subject: &'static str,
    standing: Standing,
    message: String,
    /// What to do about it: full sentences.
    next: Vec<String>,
}

pub(crate) fn doctor(place: &Place, args: &Doctor) -> Result<Exit, Refusal> {
    let findings = examine(place, args);
    match args.output {
        Output::Human => findings.iter().for_each(show),
        Output::Json => say(serde_json::json!({"schema": "fabric.doctor/1", "findings": findings})),
        Output::Junit => {
            return Err(Refusal::new(Exit::Usage, "this is no test report: use human or json"));
        }
    }
    let fails = findings.iter().any(|finding| finding.standing == Standing::Fail);
    Ok(if fails { Exit::Configuration } else { Exit::Done })
}

fn examine(place: &Place, args: &Doctor) -> Vec<Finding> {
    let now = SystemTime::now();
    let site = place.site(args.site.as_deref());
    let policy = policy(place, args.policy.as_deref());
    let operator = place.home.operator();
    let mut findings = vec![
        confinement(),
        key(&operator, now),
        clock(now),
        of_site(&site),
        read("policy", policy.as_ref().map(|policy| format!("{} is valid", policy.file))),
    ];
    if let (Ok(site), Ok(policy), Ok(operator)) = (&site, &policy, &operator) {
        findings.push(authority(site, policy, operator, now));
    }
    if let (Ok(policy), Ok(operator)) = (&policy, &operator) {
        findings.extend(freezes(policy, operator, now));
    }
    findings.push(unrecovered(place));
    findings
}

/// What a worker that is started right now achieves.
fn confinement() -> Finding {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let achieved = runtime
        .map_err(|error| Refusal::new(Exit::Bug, format!("the runtime cannot be started: {error}")))
        .and_then(|runtime| runtime.block_on(async { Worker::start()?.confinement().await }));
    let kernel = rustix::system::uname();
    let kernel = kernel.release().to_string_lossy().into_owned();
    match achieved {
        Ok(achieved) if achieved.reduced().is_none() => {
            found("boundary", Standing::Ok, format!("{achieved} (kernel {kernel})"))
        }
        Ok(achieved) => found("boundary", Standing::Warn, format!("{achieved} (kernel {kernel})"))
            .next("Use a kernel with Landlock of version 6 or newer (Linux 6.12) and seccomp filters.")
            .next("Where `landlock` is not among the modules of `/sys/kernel/security/lsm`, add it to `lsm=` of the kernel's command line.")
            .next("A policy with `confinement = \"full\"` refuses such a machine; docs/confinement.md says what it asks for."),
        Err(refusal) => failed("boundary", &refusal),
    }
}

fn key(operator: &Result<Operator, Refusal>, now: SystemTime) -> Finding {
    let operator = match operator {
        Ok(operator) => operator,
        Err(refusal) => return failed("key", refusal),
    };
    if let Err(error) = operator.signer.usable_at(now) {
        return found("key", Standing::Fail, error.to_string()).next(error.hint());
    }
    let roles = operator.principal().roles;
    let roles: Vec<&str> = roles.iter().map(fabric_model::Slug::as_str).collect();
    let message = format!("{} signs as {}", operator.signer.fingerprint(), roles.join(", "));
    found("key", Standing::Ok, format!("{message}; {} names it", operator.trust_path.display()))
}

fn clock(now: SystemTime) -> Finding {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let shown = fabric_evidence::Stamp::of(now);
    if since < MADE {
        return found("clock", Standing::Fail, format!("it is {shown}, before this version was made"))
            .next("Set the clock: signatures, windows, approvals and freezes go by it.");
    }
    match Path::new(SYNCHRONIZED).exists() {
        true => found("clock", Standing::Ok, format!("it is {shown}, set by a time server")),
        false => {
            found("clock", Standing::Warn, format!("it is {shown}; nothing shows that a time server sets it"))
                .next("Have systemd-timesyncd or chrony set it; `timedatectl` shows whether one does.")
        }
    }
    .next_if(
        since >= MADE,
        "Windows and freezes name their time zone themselves; that of this machine does not matter.",
    )
}

fn of_site(site: &Result<SiteFile, Refusal>) -> Finding {
    read(
        "site",
        site.as_ref().map(|file| {
            let realm = match file.site.site.realm {
                Realm::Real => "a real site",
                Realm::Lab => "a lab: runs need its network namespace",
                Realm::Twin => "a twin",
            };
            format!("{} describes {}, {realm}", file.path.display(), file.site.site.name)
        }),
    )
    .next_if(
        site.is_ok(),
        "`fabric rehearse SCRIPT` plays it on the built-in twin, and needs nothing of the site.",
    )
}

/// A policy file that was read, and what it says.
struct Read {
    file: String,
    text: String,
    policy: Policy,
}

fn policy(place: &Place, given: Option<&Path>) -> Result<Read, Refusal> {
    let (file, text) = place.policy(given)?;
    let policy =
        Policy::parse(&file, &text).map_err(|errors| Refusal::in_file(Exit::Configuration, &file, errors))?;
    Ok(Read { file, text, policy })
}

/// Whether anything but his own good will binds the executor.
fn authority(site: &SiteFile, policy: &Read, operator: &Operator, now: SystemTime) -> Finding {
    match advisory((Path::new(&policy.file), &policy.text), site, operator, now) {
        None => found(
            "authority",
            Standing::Ok,
            "enforced: nothing that binds you is yours to rewrite".to_owned(),
        ),
        Some(advisory) => found("authority", Standing::Warn, format!("advisory: {advisory}"))
            .next("Have these files owned by root, or signed by a `policy-admin`; docs/guards.md says how.")
            .next("Guards with `boundary = \"enforced\"` refuse changes until then."),
    }
}

fn freezes(policy: &Read, operator: &Operator, now: SystemTime) -> Vec<Finding> {
    let base = Path::new(&policy.file).parent().unwrap_or(Path::new(""));
    let (mut findings, mut open) = (Vec::new(), 0);
    for environment in policy.policy.authority_environments() {
        let frozen = Authority::of(&policy.policy, base, environment)
            .and_then(|authority| guard::frozen(&authority, environment, &operator.trust, now));
        match frozen {
            Ok(frozen) if frozen.is_empty() => open += 1,
            Ok(frozen) => findings.extend(frozen.iter().map(|one| {
                let freeze = &one.freeze;
                let message = format!("{environment} is frozen by {}: {}", freeze.by, freeze.reason);
                found("freezes", Standing::Warn, message)
                    .next(format!("`fabric thaw {environment} --reason TEXT` lifts it, in a role that may."))
            })),
            Err(fault) => findings.push(Finding {
                subject: "freezes",
                standing: Standing::Warn,
                message: fault.message,
                next: fault.hints,
            }),
        }
    }
    if findings.is_empty() {
        findings.push(found("freezes", Standing::Ok, format!("none in {open} environments")));
    }
    findings
}

fn unrecovered(place: &Place) -> Finding {
    match recover::orphans(&place.runs()) {
        Ok(orphans) if orphans.is_empty() => {
            found("runs", Standing::Ok, "none was killed and left unsealed".to_owned())
        }
        Ok(orphans) => {
            let message = format!("{} were killed and left unsealed packets", orphans.len());
            found("runs", Standing::Warn, message)
                .next("`fabric recover` seals them, and takes back what they left changed.")
        }
        Err(refusal) => failed("runs", &refusal),
    }
}

fn found(subject: &'static str, standing: Standing, message: String) -> Finding {
    Finding { subject, standing, message, next: Vec::new() }
}

fn failed(subject: &'static str, refusal: &Refusal) -> Finding {
    let mut message = refusal.message.clone();
    for diagnostic in &refusal.diagnostics {
        message.push_str(&format!("; {diagnostic}"));
    }
    Finding { subject, standing: Standing::Fail, message, next: refusal.hints.clone() }
}

fn read(subject: &'static str, said: Result<String, &Refusal>) -> Finding {
    match said {
        Ok(message) => found(subject, Standing::Ok, message),
        Err(refusal) => failed(subject, refusal),
    }
}

impl Finding {
    fn next(mut self, step: impl Into<String>) -> Self {
        self.next.push(step.into());
        self
    }

    fn next_if(self, holds: bool, step: &str) -> Self {
        if holds { self.next(step) } else { self }
    }
}

fn show(finding: &Finding) {
    let (word, colour) = match finding.standing {
        Standing::Ok => ("ok  ", AnsiColor::Green),
        Standing::Warn => ("warn", AnsiColor::Yellow),
        Standing::Fail => ("FAIL", AnsiColor::Red),
    };
    let style = Style::new().fg_color(Some(colour.into()));
    let subject = format!("{}:", finding.subject);
    say(format_args!("{style}{word}{style:#}  {subject:10} {}", terminal::plain(&finding.message)));
    for step in &finding.next {
        say(format_args!("      {}", terminal::plain(step)));
    }
}
