//! A twin in a process of its own, a script that changes it, and the operators who plan, approve and execute that.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use fabric_evidence::Stamp;
use fabric_twin::process::Remote;
use fabric_twin::{Hold, TwinFault};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::scene::{Ran, Running, Scene, eventually, json, kill, ran};

/// The row that stands for the guards of the site's policy where a test is about something else.
pub(crate) const OPEN: &str = "[[guard]]
name = \"open\"
environments = [\"twin\"]
roles = [\"*\"]
ci = \"allow\"

[guard.primitives]
\"*\" = [\"host:*\", \"guest:*\"]
";

/// What scripts here may need.
const NEEDS: &str = "// \"dns.query\" = [\"vip:*\"]
// \"tcp.connect\" = [\"vip:*\"]
// \"unit.state\" = [\"host:*/*\"]
// \"unit.stop\" = [\"host:*/*\"]
// \"vip.holder\" = [\"vip:*\"]
";

/// What the policy of these tests grants beside that of the site.
const GRANTS: &str = "
[[allow]]
name = \"drills\"
environments = [\"twin\"]
roles = [\"site-dev\"]

[allow.primitives]
\"unit.stop\" = [\"host:dns-*/*\", \"host:minio-*/*\"]
\"unit.state\" = [\"host:dns-*/*\", \"host:minio-*/*\"]
";

/// How much faster than ours the time of the twin runs.
const SPEED: &str = "10";

/// Stops keepalived of one edge.
pub(crate) const ONE: &str = "during(#{ title: \"one\", heal_after_s: 3600, fault: || unit::stop(#{ host: \"dns-edge-1\", unit: \"keepalived\" }) }, || {});";

/// Stops keepalived of one edge, waits for [`go_on`](Drill::go_on), and stops unbound there too.
pub(crate) const TWO: &str = "during(#{ title: \"two\", heal_after_s: 3600, fault: || unit::stop(#{ host: \"dns-edge-1\", unit: \"keepalived\" }) }, || {
    print(\"in the middle\");
    poll_until(#{ timeout_ms: 600000, every_ms: 1000 }, || unit::state(#{ host: \"dns-edge-1\", unit: \"dnsdist\" }).active_state != \"active\");
    unit::stop(#{ host: \"dns-edge-1\", unit: \"unbound\" });
});";

pub(crate) struct Drill {
    pub(crate) scene: Scene,
    runtime: Runtime,
    remote: Remote,
    // Ends with the test.
    _twin: Serving,
}

/// Somebody with a key of his own.
pub(crate) struct Person {
    pub(crate) home: PathBuf,
    pub(crate) fingerprint: String,
}

struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // Over already, at worst.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drill {
    /// A project whose policy guards the twin with these rows alone.
    pub(crate) fn new(guards: &str) -> Self {
        let scene = Scene::with_key();
        let authority = scene.home().join("rehearsal/authority");
        for part in ["approvals", "freezes", "used", "budget"] {
            fs::create_dir_all(authority.join(part)).expect("the home is ours");
        }
        let policy = scene.read("policy.toml");
        let (granted, _guards) = policy.split_once("# --- Guards").expect("the policy has guards");
        let authority = format!(
            "[[authority]]\nname = \"rehearsals\"\nenvironments = [\"twin\"]\nfolder = {authority:?}\n"
        );
        scene.write("policy.toml", &format!("{granted}{GRANTS}\n{guards}\n{authority}"));
        let socket = scene.beside("twin");
        let mut command = scene.command(&["twin", "--socket", text(&socket), "--speed", SPEED]);
        let twin = Serving(command.stderr(Stdio::null()).spawn().expect("the binary starts"));
        let runtime = Runtime::new().expect("a runtime");
        // The socket is there a moment before anybody listens on it.
        eventually("the twin serves", || runtime.block_on(Remote::connect(&socket)).is_ok());
        let remote = runtime.block_on(Remote::connect(&socket)).expect("it answers");
        Self { scene, runtime, remote, _twin: twin }
    }

    /// Writes `drill.rhai` of a kind and with this text.
    pub(crate) fn script(&self, kind: &str, body: &str) {
        self.scene.write(
            "drill.rhai",
            &format!(
                "// /// fabric\n// title = \"Drill\"\n// kind = \"{kind}\"\n// reach = \"change\"\n// [params.note]\n// type = \"string\"\n// default = \"\"\n// [needs]\n{NEEDS}// ///\n{body}\n"
            ),
        );
    }

    /// A rehearsal of `drill.rhai` on the twin.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let socket = self.scene.beside("twin");
        self.scene.command(&[&["rehearse", "drill.rhai", "--twin", text(&socket)], args].concat())
    }

    /// A dry run, and the digest of its plan.
    pub(crate) fn plan(&self) -> String {
        self.plan_with(&[])
    }

    pub(crate) fn plan_with(&self, args: &[&str]) -> String {
        let before = self.changes();
        let planned = ran(self.command(&[&["--dry-run", "--output", "json"], args].concat()).output());
        assert_eq!(planned.code, Some(0), "{}", planned.all());
        assert_eq!(self.changes(), before, "a dry run changes nothing");
        json(&planned.stdout)["run"]["plan"].as_str().expect("it makes a plan").to_owned()
    }

    pub(crate) fn execute(&self, plan: &str, args: &[&str]) -> Ran {
        ran(self.command(&[&["--plan", plan], args].concat()).output())
    }

    /// Plans a script and executes the plan.
    pub(crate) fn planned_and_executed(&self, kind: &str, body: &str, args: &[&str]) -> Ran {
        self.script(kind, body);
        let plan = self.plan();
        self.execute(&plan, args)
    }

    /// Executes a plan up to the middle of [`TWO`], where it waits.
    pub(crate) fn start(&self, plan: &str, args: &[&str]) -> Running {
        let running = Running::until(self.command(&[&["--plan", plan], args].concat()), "in the middle");
        assert!(self.is_stopped("dns-edge-1", "keepalived"));
        running
    }

    /// Lets a script that waits go on.
    pub(crate) fn go_on(&self) {
        self.inject(stopped("dns-edge-1", "dnsdist"));
    }

    pub(crate) fn inject(&self, fault: TwinFault) {
        self.runtime.block_on(self.remote.inject(fault)).expect("the twin takes it");
    }

    pub(crate) fn heal(&self, fault: &TwinFault) {
        self.runtime.block_on(self.remote.heal(fault)).expect("the twin takes it");
    }

    pub(crate) fn hold(&self, hold: Hold) {
        self.runtime.block_on(self.remote.hold(hold)).expect("the twin takes it");
    }

    /// Waits until an operation is held.
    pub(crate) fn held(&self) {
        eventually("an operation is held", || {
            self.runtime.block_on(self.remote.is_held()).expect("the twin answers")
        });
    }

    pub(crate) fn release(&self) {
        self.runtime.block_on(self.remote.release()).expect("the twin takes it");
    }

    pub(crate) fn refuse_network(&self, on: bool) {
        self.runtime.block_on(self.remote.refuse_network(on)).expect("the twin takes it");
    }

    /// Lets the time of the twin pass, and its timers fire.
    pub(crate) fn advance(&self, over: Duration) {
        self.runtime.block_on(self.remote.advance(over)).expect("the twin takes it");
    }

    /// Every change that was made on the twin: where, and what.
    pub(crate) fn changes(&self) -> Vec<String> {
        let changes = self.runtime.block_on(self.remote.changes()).expect("the twin answers");
        changes.into_iter().map(|made| format!("{}: {}", made.target, made.what)).collect()
    }

    /// How often something of that kind was done to a unit: `stop` or `start`.
    pub(crate) fn times(&self, verb: &str, host: &str, unit: &str) -> usize {
        let changes = self.changes();
        let done = format!("{host}: /usr/bin/sudo -n /usr/bin/systemctl {verb} -- {unit}.service");
        changes.iter().filter(|made| **made == done).count()
    }

    pub(crate) fn is_stopped(&self, host: &str, unit: &str) -> bool {
        self.times("stop", host, unit) > self.times("start", host, unit)
    }

    /// That whatever was stopped runs again, and that no timer and no lock is left.
    pub(crate) fn assert_restored(&self) {
        for unit in ["keepalived", "unbound"] {
            assert!(!self.is_stopped("dns-edge-1", unit), "{unit}: {:#?}", self.changes());
        }
        assert!(!self.marked(), "nothing is pending");
    }

    /// Whether a run is noted in the operator's folder as one that may have left something.
    pub(crate) fn marked(&self) -> bool {
        let recover = self.scene.fabric(&["recover", "--dry-run"]);
        recover.stdout.contains("unrecovered")
    }

    /// That a run was refused: exit, fault and remedy on the terminal and in the sealed packet, with the place of the rule.
    pub(crate) fn assert_refused(&self, ran: &Ran, code: i32, fault: &str, parts: &[&str]) -> Value {
        assert_eq!(ran.code, Some(code), "{}", ran.all());
        for part in [&[fault][..], parts].concat() {
            assert!(ran.all().contains(part), "`{part}` is not on the terminal: {}", ran.all());
        }
        let packet = self.scene.path(ran.packet());
        let verified = self.scene.verify(&packet);
        assert_eq!(verified.code, Some(0), "{}", verified.all());
        let journal = fs::read_to_string(packet.join("journal.jsonl")).expect("the packet has it");
        assert!(journal.contains("guard_refused"), "{journal}");
        let record = json(&fs::read_to_string(packet.join("run.json")).expect("the packet has it"));
        assert_eq!(record["code"], code);
        let refusals = record["refusals"].as_array().expect("a list");
        let refusal = refusals.iter().find(|refusal| refusal["fault"]["code"] == fault);
        let told = refusal.unwrap_or_else(|| panic!("no {fault} in {refusals:#?}")).to_string();
        for part in parts {
            assert!(told.contains(part), "`{part}` is not in the packet: {told}");
        }
        record
    }

    /// The same, of a run that began nothing.
    pub(crate) fn assert_refused_at_once(
        &self,
        before: &[String],
        ran: &Ran,
        code: i32,
        fault: &str,
        parts: &[&str],
    ) {
        let record = self.assert_refused(ran, code, fault, parts);
        assert_eq!(record.get("changes"), None, "{}", ran.all());
        assert_eq!(self.changes(), before, "nothing was changed");
    }

    /// Where a line of the policy stands, as refusals write it.
    pub(crate) fn rule(&self, line: &str) -> String {
        let policy = self.scene.read("policy.toml");
        let at = policy.lines().position(|other| other == line).expect("the policy has the line");
        format!("policy.toml:{}", at + 1)
    }

    /// The executor's own fingerprint.
    pub(crate) fn executor(&self) -> String {
        fingerprint(&self.scene.read_home("trust.toml"))
    }

    /// Somebody else with a key and these roles, whom the executor trusts and who trusts him.
    pub(crate) fn person(&self, name: &str, roles: &[&str]) -> Person {
        let home = self.scene.beside(name);
        let user = format!("{name} <{name}@localhost>");
        let made =
            self.scene.fabric(&["init", "--home", text(&home), "--role", roles[0], "--user-id", &user]);
        assert_eq!(made.code, Some(0), "{}", made.all());
        let own = fs::read_to_string(home.join("trust.toml")).expect("it was made");
        let listed: Vec<String> = roles.iter().map(|role| format!("{role:?}")).collect();
        let own =
            own.replace(&format!("roles = [{:?}]", roles[0]), &format!("roles = [{}]", listed.join(", ")));
        let (_head, principal) = own.split_once("format = 1\n").expect("a trust file");
        let shared = self.scene.read_home("trust.toml") + principal;
        for folder in [&home, &self.scene.home()] {
            fs::write(folder.join("trust.toml"), &shared).expect("it is ours");
            for other in [&home, &self.scene.home()] {
                for cert in fs::read_dir(other.join("certs")).expect("it was made") {
                    let cert = cert.expect("it is read");
                    let copy = folder.join("certs").join(cert.file_name());
                    if !copy.exists() {
                        fs::copy(cert.path(), copy).expect("room");
                    }
                }
            }
        }
        Person { home, fingerprint: fingerprint(principal) }
    }

    /// Somebody approves a plan for the twin.
    pub(crate) fn approve(&self, person: &Person, plan: &str, args: &[&str]) -> Ran {
        let given =
            ["approve", plan, "--environment", "twin", "--reason", "agreed", "--home", text(&person.home)];
        self.scene.fabric(&[&given[..], args].concat())
    }

    /// Where the approval of somebody lies.
    pub(crate) fn approval(&self, plan: &str, fingerprint: &str) -> PathBuf {
        let approvals = self.scene.home().join("rehearsal/authority/approvals");
        approvals.join(plan).join(format!("{fingerprint}.json"))
    }
}

impl Running {
    /// Interrupts it, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        kill(self.pid(), rustix::process::Signal::INT);
    }
}

/// A unit that is stopped, as a fault.
pub(crate) fn stopped(host: &str, unit: &str) -> TwinFault {
    TwinFault::DaemonStopped { host: host.to_owned(), unit: unit.to_owned() }
}

/// A window from so many seconds before now to so many after, as options.
pub(crate) fn window(from_s: i64, to_s: i64) -> [String; 4] {
    ["--window-start".to_owned(), time(from_s), "--window-end".to_owned(), time(to_s)]
}

/// The time so many seconds from now.
pub(crate) fn time(in_s: i64) -> String {
    let by = Duration::from_secs(in_s.unsigned_abs());
    let now = SystemTime::now();
    Stamp::of(if in_s < 0 { now - by } else { now + by }).to_string()
}

pub(crate) fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("an ordinary path")
}

fn fingerprint(trust: &str) -> String {
    let line = trust.lines().find_map(|line| line.strip_prefix("fingerprint = \"")).expect("a principal");
    line.trim_end_matches('"').to_owned()
}
