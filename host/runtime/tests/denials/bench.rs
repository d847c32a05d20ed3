//! A project and an operator's folder of their own for each run, and what the run left behind.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fabric_evidence::event::Mode;
use fabric_model::check::Status;
use fabric_model::exit::Exit;
use fabric_model::{Code, Fault};
use fabric_runtime::recording::Source;
use fabric_runtime::{Finished, Home, Run, Script, Unwatched, World, run, site};
use fabric_twin::{Twin, TwinFault};
use serde_json::Value as Json;

use crate::watched::Watched;

const SITE: &str = include_str!("../../../../fabric.toml");

/// A run to be made. What is not said is in order: the operator's role and environment are those of the rule.
pub(crate) struct Case {
    /// The lines below `[needs]` of the script.
    pub(crate) needs: &'static [&'static str],
    /// The script below its declaration.
    pub(crate) body: &'static str,
    /// The lines below `[allow.primitives]` of the one allow rule.
    pub(crate) grants: Vec<String>,
    /// What stands behind that rule.
    pub(crate) rules: &'static str,
    pub(crate) environment: &'static str,
    pub(crate) role: &'static str,
    pub(crate) faults: Vec<TwinFault>,
}

/// A case in which all that matters is the script and what is granted.
pub(crate) fn case(needs: &'static [&'static str], body: &'static str, grants: &[&str]) -> Case {
    Case {
        needs,
        body,
        grants: grants.iter().map(|line| (*line).to_owned()).collect(),
        rules: "",
        environment: "twin",
        role: "site-dev",
        faults: Vec::new(),
    }
}

/// What a run came to.
pub(crate) struct Told {
    pub(crate) finished: Finished,
    pub(crate) contacts: Vec<SocketAddr>,
    pub(crate) twin: Twin,
    journal: Vec<Json>,
}

impl Case {
    pub(crate) fn rules(self, rules: &'static str) -> Self {
        Self { rules, ..self }
    }

    /// The policy's line 7 is the first grant.
    fn policy(&self) -> String {
        let mut text = format!(
            "format = 1\n[[allow]]\nname = \"probes\"\nenvironments = [\"{}\"]\nroles = [\"{}\"]\n[allow.primitives]\n",
            self.environment, self.role
        );
        for line in &self.grants {
            writeln!(text, "{line}").expect("writing to text");
        }
        text + self.rules
    }

    /// The script's line 7 is the first need.
    fn script(&self) -> String {
        let mut text = "// /// fabric\n// title = \"A bypass\"\n// kind = \"acceptance\"\n// reach = \"observe\"\n//\n// [needs]\n".to_owned();
        for line in self.needs {
            writeln!(text, "// {line}").expect("writing to text");
        }
        text + "// ///\n\n" + self.body + "\n"
    }

    pub(crate) fn run(self) -> Told {
        let folder = tempfile::tempdir().expect("a folder");
        let project = folder.path().join("project");
        fs::create_dir(&project).expect("a folder");
        fs::write(project.join("fabric.toml"), SITE).expect("a file");
        let script = project.join("bypass.rhai");
        fs::write(&script, self.script()).expect("a file");
        let home = Home::at(folder.path().join("home"));
        let role = "site-dev".parse().expect("a name");
        home.set_up("tests <tests@localhost>", &role, SystemTime::now()).expect("a home");

        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let _inside = runtime.enter();
        let file = site::load(&project.join("fabric.toml")).expect("the site file is right");
        let twin = Twin::new(&file.site, 1);
        for fault in &self.faults {
            twin.inject(fault.clone()).expect("the site has it");
        }
        let mut world = World::rehearsal(file, Arc::new(twin.clone()));
        let watched = Watched::over(world.seams.clone());
        world.seams = watched.seams();
        let mut script =
            Script::load(&project, script.to_str().expect("a path in UTF-8")).expect("the script is right");
        script.path = "bypass.rhai".to_owned();
        let finished = runtime.block_on(run(Run {
            script,
            params: BTreeMap::new(),
            world: Arc::new(world),
            policy: ("policy.toml".to_owned(), self.policy()),
            operator: home.operator().expect("an operator"),
            mode: Mode::Rehearse,
            answers: Source::Site,
            execution: None,
            runs: project.join("evidence/runs"),
            time_limit: Duration::from_secs(120),
            watch: Arc::new(Unwatched),
        }));
        let finished = finished.unwrap_or_else(|refusal| panic!("the run does not begin: {refusal}"));
        let journal = fs::read_to_string(finished.sealed.dir.join("journal.jsonl")).expect("a journal");
        let journal =
            journal.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        Told { finished, contacts: watched.contacts(), twin, journal }
    }
}

impl Told {
    /// The events of one kind.
    pub(crate) fn events(&self, kind: &str) -> Vec<&Json> {
        let events = self.journal.iter().map(|line| line.get("event").expect("an event"));
        events.filter(|event| event.get("kind").and_then(Json::as_str) == Some(kind)).collect()
    }

    /// How the one check ended.
    pub(crate) fn status(&self) -> Status {
        match self.finished.sealed.checks.checks.as_slice() {
            [only] => only.status,
            other => panic!("{} checks", other.len()),
        }
    }

    /// The one denial: latched, in the journal, and the reason for the exit.
    pub(crate) fn denial(&self) -> &Fault {
        assert_eq!(self.finished.exit, Exit::Denied, "{:?}", self.finished.worker);
        let [denial] = self.finished.denials.as_slice() else { panic!("{:?}", self.finished.denials) };
        let recorded = self.events("call_denied");
        assert!(!recorded.is_empty(), "the journal does not say that the call was denied");
        // A call whose name may not be resolved is denied for the same reason as the question to the resolver.
        for fault in recorded.iter().map(|event| event.get("fault").expect("the fault")) {
            assert_eq!(fault.get("code").and_then(Json::as_str), Some(denial.code.as_str()));
            assert_eq!(fault.get("message").and_then(Json::as_str), Some(denial.message.as_str()));
        }
        denial
    }

    /// The run's one call was denied with this code before anything was sent to anybody.
    pub(crate) fn denied(&self, code: Code) -> &Fault {
        self.denied_after(code, 0)
    }

    /// The same where so many calls of the host's own went before.
    pub(crate) fn denied_after(&self, code: Code, granted: usize) -> &Fault {
        let denial = self.denial();
        assert_eq!(denial.code, code, "{denial}");
        assert_eq!(self.events("call_granted").len(), granted, "a call was granted");
        if granted == 0 {
            assert!(self.contacts.is_empty(), "something was sent to {:?}", self.contacts);
        }
        assert!(self.twin.proxmox_requests().is_empty(), "{:?}", self.twin.proxmox_requests());
        denial
    }

    /// As [`Told::denied`], in a check, which could not find out.
    pub(crate) fn check_denied(&self, code: Code) -> &Fault {
        assert_eq!(self.status(), Status::Error);
        self.denied(code)
    }
}
