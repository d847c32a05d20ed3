//! For tests: an operator, a twin of the site, and a run that changes it as far as the test wants.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fabric_evidence::event::{Act, HostRecord, Mode, RunHead, ScriptRecord, SiteRecord};
use fabric_evidence::{Event, PacketFolder, Stamp};
use fabric_gate::Authentic;
use fabric_model::change::{Heals, Intent, IntentTarget, Standing};
use fabric_model::site::Realm;
use fabric_model::{Class, Digest, Fault, Slug, Value};
use fabric_primitives::changing::{ChangeCall, ErasedPlan, Task, own_name};
use fabric_primitives::{Means, Need, Targets, Work, registry};
use fabric_twin::Twin;
use fabric_wire::ssh::{self, ReadCommand};
use fabric_wire::{Deadline, Writing};

use super::pending::{Pending, PendingSite};
use super::store::UndoStore;
use super::timer::{self, Arming};
use super::undo::Ground;
use super::{heals, targets};
use crate::home::{Home, Operator};
use crate::premises::Elsewhere;
use crate::recorder::Recorder;
use crate::resolve::resolve;
use crate::run::principal;
use crate::watch::Unwatched;
use crate::world::World;
use crate::{run_id, site};

/// Seconds after which targets heal themselves.
pub(crate) const HEAL_S: u32 = 60;

pub(crate) struct Trial {
    _folder: tempfile::TempDir,
    pub(crate) home: Home,
    pub(crate) operator: Operator,
    pub(crate) runs: PathBuf,
    pub(crate) twin: Twin,
    pub(crate) world: Arc<World>,
    pub(crate) writing: Writing,
    pub(crate) run_id: Slug,
    pub(crate) store: UndoStore,
}

pub(crate) fn table<const N: usize>(entries: [(&str, &str); N]) -> Value {
    Value::table(entries.map(|(key, value)| (key, value.into())))
}

/// Stops the VIP's daemon on the first DNS edge.
pub(crate) fn stop() -> (&'static str, Value) {
    ("unit.stop", table([("host", "dns-edge-1"), ("unit", "keepalived")]))
}

/// Sets a kernel parameter of a host.
pub(crate) fn forwarding(host: &str, value: &str) -> (&'static str, Value) {
    ("sysctl.set", table([("host", host), ("key", "net.ipv4.ip_forward"), ("value", value)]))
}

impl Trial {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(folder.path().join("home"));
        let role = "site-dev".parse().expect("a name");
        home.set_up("tests <tests@localhost>", &role, SystemTime::now()).expect("a home");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fabric.toml");
        let file = site::load(&path).expect("the site is sound");
        let twin = Twin::new(&file.site, 1);
        let world = Arc::new(World::rehearsal(file, Arc::new(twin.clone())));
        let id =
            run_id::new(SystemTime::now(), "trial", &fabric_connect::SystemEntropy).expect("random bytes");
        let (operator, writing) = (home.operator().expect("an operator"), twin.writing());
        let store = UndoStore::open(&home, &id).expect("room");
        let runs = folder.path().join("runs");
        Self { _folder: folder, home, operator, runs, twin, world, writing, run_id: id, store }
    }

    /// The packet of the run, with everything that stands in it before the first change.
    pub(crate) fn begin(&self) -> Recorder {
        let packet = PacketFolder::create(&self.runs.join(self.run_id.as_str())).expect("room");
        let (clock, redactor) = (Arc::clone(&self.world.seams.clock), Arc::clone(&self.world.redactor));
        let recorder = Recorder::new(packet, clock, redactor);
        recorder.begin(self.head(), &self.operator.started).expect("room");
        let met = Event::GuardsMet { rules: Vec::new(), reason: None, window: None, proof: None };
        recorder.record(&met).expect("room");
        recorder
    }

    fn head(&self) -> RunHead {
        RunHead {
            run_id: self.run_id.clone(),
            version: "0.0.0".to_owned(),
            mode: Mode::Rehearse,
            act: Act::Execute,
            started: Stamp::of(SystemTime::now()),
            site: SiteRecord {
                name: self.world.site().site.name.clone(),
                realm: Realm::Twin,
                digest: self.world.file.digest,
            },
            script: ScriptRecord {
                path: "trial.rhai".to_owned(),
                digest: Digest::of(b""),
                title: "Trial".to_owned(),
                kind: "operation".to_owned(),
                reach: Class::Change,
            },
            modules: Vec::new(),
            policy: Digest::of(b""),
            trust: self.operator.trust_digest,
            principal: principal(&self.operator),
            params: BTreeMap::new(),
            host: HostRecord { hostname: "test".to_owned(), user: "test".to_owned() },
            boundary: "none".to_owned(),
            confinement: None,
            recovered_from: None,
            recording: None,
        }
    }

    /// The site, as if its twin lived in a process of its own.
    pub(crate) fn marker_site(&self) -> PendingSite {
        PendingSite {
            file: self.world.file.path.clone(),
            realm: Realm::Twin,
            twin: Some("/the/twin.socket".into()),
        }
    }

    /// The marker of the run.
    pub(crate) fn marker(&self) -> Pending {
        let packet = self.runs.join(self.run_id.as_str());
        let mut pending = Pending::at(self.home.folder(), &self.run_id, packet, self.marker_site());
        pending.begin().expect("room");
        pending
    }

    pub(crate) fn ground<'a>(&'a self, recorder: &'a Recorder) -> Ground<'a> {
        Ground {
            world: &self.world,
            writing: &self.writing,
            recorder,
            store: &self.store,
            run_id: &self.run_id,
            watch: &Unwatched,
        }
    }

    fn means(&self) -> Means {
        Means { seams: self.world.seams.clone(), authorities: self.world.clone(), local: Arc::new(Elsewhere) }
    }

    fn call(primitive: &str, arguments: &Value) -> (Box<dyn ChangeCall>, Vec<Need>, Duration) {
        let found = registry::find(&primitive.parse().expect("a name")).expect("a primitive");
        let prepared = found.prepare(arguments).expect("arguments");
        match prepared.work {
            Work::Change(call) => (call, prepared.needs, prepared.timeout),
            Work::Observe(_) => panic!("{primitive} changes nothing"),
        }
    }

    fn targets(&self, authentic: &Authentic) -> Targets {
        targets::reclaim(&self.world, authentic).expect("targets")
    }

    /// A change as it would be written down now.
    pub(crate) async fn intend(&self, change: u32, (primitive, arguments): (&str, Value)) -> Authentic {
        let (call, needs, timeout) = Self::call(primitive, &arguments);
        let recorded = needs.iter().map(|need| IntentTarget {
            role: need.role.to_owned(),
            resource: need.resource.clone(),
            environment: "twin".parse().expect("a name"),
            rule: "r".to_owned(),
            file: "policy.toml".to_owned(),
            line: 1,
            target: targets::spec_of(
                &resolve(&self.world, &need.resource, need.wanted).expect("of the site"),
            ),
        });
        let mut intent = Intent {
            run_id: self.run_id.clone(),
            change,
            call_id: u64::from(change),
            scope: None,
            primitive: primitive.parse().expect("a name"),
            class: Class::Change,
            arguments,
            targets: recorded.collect(),
            before: Value::Null,
            action: Value::Null,
            summary: String::new(),
            after: Value::Null,
            inverse: None,
            heals: Heals::Nothing,
            cuts_control: false,
            payloads: Vec::new(),
        };
        let targets = self.targets(&self.sealed(intent.clone()));
        let seen =
            call.observe(&targets, &self.means(), Deadline::after(timeout)).await.expect("observed").output;
        let plan: ErasedPlan = call.plan(&seen).expect("planned").expect("something to do");
        let kept = call.keep(&seen, &targets, &self.means(), Deadline::after(timeout)).await.expect("kept");
        intent.payloads = self.store.put(change, &kept).expect("room");
        intent.summary = call.describe(&plan.action).expect("its own");
        intent.heals = heals(&plan, HEAL_S);
        (intent.before, intent.after) = (seen, plan.after);
        (intent.action, intent.inverse) = (plan.action, plan.inverse);
        self.sealed(intent)
    }

    pub(crate) fn sealed(&self, intent: Intent) -> Authentic {
        let seal = self.store.key().seal(&intent);
        self.store.key().open(intent, &seal).expect("our own")
    }

    /// Writes an intent down.
    pub(crate) fn write_down(&self, recorder: &Recorder, authentic: &Authentic) {
        let intent = Box::new(authentic.intent().clone());
        let seal = self.store.key().seal(&intent);
        recorder.record_synced(&Event::ChangeIntended { intent, seal }).expect("room");
    }

    /// Arms the timer of a change.
    pub(crate) async fn arm(&self, recorder: &Recorder, authentic: &Authentic, renewed: bool) {
        let arming = self.arming(authentic, HEAL_S, renewed);
        self.arm_as(recorder, authentic, arming).await.expect("armed");
    }

    /// Arms the timer of a change with these seconds.
    pub(crate) async fn try_arm(
        &self,
        recorder: &Recorder,
        authentic: &Authentic,
        seconds: u32,
    ) -> Result<(), Fault> {
        self.arm_as(recorder, authentic, self.arming(authentic, seconds, true)).await
    }

    fn arming(&self, authentic: &Authentic, seconds: u32, renewed: bool) -> Arming {
        let intent = authentic.intent();
        let (call, _, step) = Self::call(intent.primitive.as_str(), &intent.arguments);
        let plan = call.plan(&intent.before).expect("planned").expect("something to do");
        let own_name = own_name(&self.run_id, intent.change).expect("a name");
        Arming { restore: call.restore(plan.heal.expect("it heals"), &own_name), seconds, step, renewed }
    }

    async fn arm_as(&self, recorder: &Recorder, authentic: &Authentic, arming: Arming) -> Result<(), Fault> {
        let (targets, means) = (self.targets(authentic), self.means());
        let task = self.task(authentic, &targets, &means, arming.step);
        timer::arm(&self.ground(recorder), &task, arming).await
    }

    /// Makes a change.
    pub(crate) async fn make(&self, authentic: &Authentic) {
        let intent = authentic.intent();
        let (call, _, step) = Self::call(intent.primitive.as_str(), &intent.arguments);
        let (targets, means) = (self.targets(authentic), self.means());
        call.apply(&intent.action, &self.task(authentic, &targets, &means, step)).await.expect("made");
    }

    fn task<'t>(
        &'t self,
        authentic: &'t Authentic,
        targets: &'t Targets,
        means: &'t Means,
        step: Duration,
    ) -> Task<'t> {
        Task {
            run_id: &self.run_id,
            change: authentic.intent().change,
            targets,
            means,
            writing: &self.writing,
            payloads: &[],
            deadline: Deadline::after(step),
        }
    }

    /// How the target stands to a change.
    pub(crate) async fn standing(&self, authentic: &Authentic) -> Standing {
        let intent = authentic.intent();
        let (call, _, step) = Self::call(intent.primitive.as_str(), &intent.arguments);
        let seen = call.observe(&self.targets(authentic), &self.means(), Deadline::after(step)).await;
        call.standing(&seen.expect("observed").output, &intent.before, &intent.after).expect("its own")
    }

    /// What runs have left on the first DNS edge beside their changes: its lock, and the first timer of the first change.
    pub(crate) async fn leftovers(&self) -> Vec<String> {
        let edge =
            site::ssh_host(self.world.site(), &"dns-edge-1".parse().expect("a name")).expect("of the site");
        let (ssh, deadline) = (&self.world.seams.ssh, Deadline::after(Duration::from_secs(10)));
        let lock = ssh.read(&edge, &ReadCommand::LockShow, deadline).await.expect("asked");
        let timer = format!("{}-g0", own_name(&self.run_id, 0).expect("a name")).parse().expect("a name");
        let timer = ssh.read(&edge, &ReadCommand::TimerShow { timer }, deadline).await.expect("asked");
        let clock = ssh.read(&edge, &ReadCommand::Clock, deadline).await.expect("asked");
        let timer = ssh::timer(&timer, ssh::host_time(&clock).expect("a time")).expect("readable");
        let lock = ssh::lock_owner(&lock).expect("readable").map(|owner| format!("a lock of {owner}"));
        lock.into_iter().chain(timer.exists.then(|| "a timer".to_owned())).collect()
    }

    /// The changing commands that reached the twin so far, for people.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.twin.changes().iter().map(|made| format!("{made:?}")).collect()
    }
}
