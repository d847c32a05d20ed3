//! The host of one attack: a real run over the twin, whose seams note everybody who is contacted.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use fabric_evidence::event::Mode;
use fabric_evidence::{WorkerEnd, verify};
use fabric_runtime::recording::Source;
use fabric_runtime::{Home, Run, Script, Unwatched, World, run, site};
use fabric_twin::Twin;
use serde::{Deserialize, Serialize};

use crate::attacks::Attack;
use crate::watched::Watched;

const SITE: &str = include_str!("../../../../fabric.toml");

const SCRIPT: &str = "// /// fabric\n// title = \"Attacked\"\n// kind = \"acceptance\"\n// reach = \"observe\"\n//\n\
    // [needs]\n// \"tcp.connect\" = [\"vip:dns\"]\n// ///\n";

const POLICY: &str = "format = 1\n[[allow]]\nname = \"probes\"\nenvironments = [\"twin\"]\nroles = [\"site-dev\"]\n\
    [allow.primitives]\n\"tcp.connect\" = [\"vip:dns\"]\n";

/// Where the one thing lies that script and policy allow.
pub(crate) const ALLOWED: &str = "192.168.11.100:53";

/// What became of the run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Its exit code.
    pub(crate) code: u8,
    /// How its worker ended, in words.
    pub(crate) how: String,
    /// What is wrong with the packet; nothing where it verifies.
    pub(crate) findings: Vec<String>,
    /// Everybody who was contacted.
    pub(crate) contacts: Vec<SocketAddr>,
    /// `report.md` and `run.json` of the packet.
    pub(crate) report: String,
    pub(crate) record: String,
    /// The most memory that the host took, in KiB.
    pub(crate) peak_kib: u64,
}

/// Runs the script whose worker attacks, and prints the outcome.
pub(crate) fn meet(attack: &Attack) -> ExitCode {
    #[cfg(fabric_removable_protections)]
    fabric_model::protection::remove(&std::env::var("FABRIC_WITHOUT").unwrap_or_default())
        .expect("names of protections");
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path().join("project");
    fs::create_dir(&project).expect("a folder");
    fs::write(project.join("fabric.toml"), SITE).expect("a file");
    let script = project.join("attacked.rhai");
    fs::write(&script, SCRIPT).expect("a file");
    let home = Home::at(folder.path().join("home"));
    let role = "site-dev".parse().expect("a name");
    home.set_up("tests <tests@localhost>", &role, SystemTime::now()).expect("a home");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    let file = site::load(&project.join("fabric.toml")).expect("the site file is right");
    let mut world = World::rehearsal(file.clone(), Arc::new(Twin::new(&file.site, 1)));
    let watched = Watched::over(world.seams.clone());
    world.seams = watched.seams();
    let operator = home.operator().expect("an operator");
    let trust = operator.trust.clone();
    let finished = runtime.block_on(run(Run {
        script: Script::load(&project, script.to_str().expect("a path in UTF-8"))
            .expect("the script is right"),
        params: BTreeMap::new(),
        world: Arc::new(world),
        policy: ("policy.toml".to_owned(), POLICY.to_owned()),
        operator,
        mode: Mode::Rehearse,
        execution: None,
        runs: project.join("evidence/runs"),
        time_limit: attack.time_limit(),
        watch: Arc::new(Unwatched),
        answers: Source::Site,
    }));
    let finished = finished.expect("a run that began ends with a packet");
    let dir = &finished.sealed.dir;
    let findings = verify(dir, &trust, SystemTime::now()).err().unwrap_or_default();
    let read = |name: &str| fs::read_to_string(dir.join(name)).expect("the packet has it");
    let outcome = Outcome {
        code: finished.exit.code(),
        how: words(&finished.worker),
        findings: findings.iter().map(|finding| format!("{finding:?}")).collect(),
        contacts: watched.contacts(),
        report: read("report.md"),
        record: read("run.json"),
        peak_kib: peak(),
    };
    println!("{}", serde_json::to_string(&outcome).expect("plain data"));
    ExitCode::SUCCESS
}

fn words(end: &WorkerEnd) -> String {
    match end {
        WorkerEnd::Finished => "finished".to_owned(),
        other => format!("{other:?}"),
    }
}

fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the kernel tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("there is one");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}
