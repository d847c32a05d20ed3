//! A change as it is played: on a twin in the state in which there is something to do.

use std::fmt;
use std::time::Duration;

use fabric_model::change::Standing;
use fabric_model::{Digest, Fault, Slug, Value};
use fabric_primitives::changing::{ChangeCall, ErasedPlan, Payload, Task};
use fabric_primitives::{Means, Primitive, Targets, Work, registry};
use fabric_wire::ssh::{ChangeCommand, done};
use fabric_wire::{Deadline, Writing};
use tokio::time::timeout;

use crate::rigged::{Plan, Use};
use crate::stage::{Stage, gate, needed};

/// How long the twin is given to come to rest: a VIP changes hands within four seconds, a guest boots within ten.
const REST: Duration = Duration::from_secs(60);

/// One call on a twin, and the calls that go before it.
pub(crate) struct Scene {
    primitive: &'static dyn Primitive,
    arguments: Value,
    before: Vec<(&'static str, Value)>,
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before: Vec<&str> = self.before.iter().map(|(name, _)| *name).collect();
        write!(f, "{} {:?} after {before:?}", self.primitive.name(), self.arguments)
    }
}

/// Every example of which something is to be done somewhere. On the twin everything runs and is up, so what starts something comes after
/// what stops it, and a file is written where there is none and where there is another.
pub(crate) fn scenes(primitive: &'static dyn Primitive) -> Vec<Scene> {
    let mut arguments: Vec<Value> = Vec::new();
    for example in primitive.change_examples().into_iter().filter(|example| example.summary.is_some()) {
        if !arguments.contains(&example.arguments) {
            arguments.push(example.arguments);
        }
    }
    let scene = |arguments: Value, before| Scene { primitive, arguments, before };
    let scenes = arguments.into_iter().flat_map(|arguments| match opposite(primitive.name().as_str()) {
        Some(opposite) => vec![scene(arguments.clone(), vec![(opposite, arguments)])],
        None if primitive.name().as_str() == "file.put" => {
            let there = vec![("file.put", another_content(&arguments))];
            vec![scene(arguments.clone(), vec![]), scene(arguments, there)]
        }
        None => vec![scene(arguments, vec![])],
    });
    scenes.collect()
}

fn opposite(name: &str) -> Option<&'static str> {
    match name {
        "link.up" => Some("link.down"),
        "proxmox.guest_start" => Some("proxmox.guest_stop"),
        "unit.start" => Some("unit.stop"),
        _ => None,
    }
}

fn another_content(arguments: &Value) -> Value {
    let Value::Map(fields) = arguments else { panic!("arguments are a table") };
    let mut fields = fields.clone();
    fields.insert("content".to_owned(), "something else\n".into());
    fields.insert("mode".to_owned(), "0600".into());
    Value::Map(fields)
}

/// A change that was planned on a twin.
pub(crate) struct Change {
    pub(crate) before: Value,
    pub(crate) plan: ErasedPlan,
    payloads: Vec<Payload>,
}

impl Change {
    /// The same with other bytes in place of every payload.
    pub(crate) fn with_payloads(mut self, bytes: &[u8]) -> Self {
        for payload in &mut self.payloads {
            bytes.clone_into(&mut payload.bytes);
        }
        self
    }

    /// Whether the state afterwards is another one.
    pub(crate) fn is_visible(&self) -> bool {
        self.plan.after != self.before
    }
}

/// The name of what the change leaves on its host for a while.
pub(crate) fn own_name() -> Slug {
    "fabric-suite-0".parse().expect("a name")
}

/// A scene that has begun.
pub(crate) struct Act {
    stage: Stage,
    pub(crate) call: Box<dyn ChangeCall>,
    targets: Targets,
    pub(crate) timeout: Duration,
    run_id: Slug,
}

impl Scene {
    pub(crate) fn of(primitive: &'static dyn Primitive, arguments: Value) -> Self {
        Self { primitive, arguments, before: Vec::new() }
    }

    /// Everything is granted, what goes before is done, and the twin is at rest. The mishap counts from here.
    pub(crate) async fn open(&self, plan: Plan) -> Act {
        let mut stage = Stage::new(Plan::Nothing);
        for (name, arguments) in &self.before {
            let primitive = registry::find(&name.parse().expect("a name")).expect("it is listed");
            let act = Act::of(stage, primitive, arguments);
            let change = act.planned().await;
            act.apply(&change.plan.action, &change).await.expect("what goes before goes well");
            stage = act.stage;
        }
        stage.twin.advance(REST);
        stage.rig(plan);
        Act::of(stage, self.primitive, &self.arguments)
    }
}

impl Act {
    fn of(stage: Stage, primitive: &dyn Primitive, arguments: &Value) -> Self {
        let needs = needed(primitive, arguments);
        let (prepared, targets) =
            stage.granted(&gate(&needs, &needs), primitive, arguments).expect("everything is granted");
        let Work::Change(call) = prepared.work else { panic!("it changes nothing") };
        let run_id = "suite".parse().expect("a name");
        Self { stage, call, targets, timeout: prepared.timeout, run_id }
    }

    pub(crate) fn digest(&self) -> Digest {
        self.stage.twin.digest()
    }

    /// The requests to the API that were no reads.
    pub(crate) fn posts(&self) -> usize {
        self.stage.twin.proxmox_requests().iter().filter(|line| !line.starts_with("GET ")).count()
    }

    pub(crate) fn uses(&self) -> Vec<Use> {
        self.stage.rigged.uses()
    }

    pub(crate) async fn observe(&self) -> Result<Value, Fault> {
        let seen = self.call.observe(&self.targets, &self.stage.means(), Deadline::after(self.timeout)).await;
        seen.map(|seen| seen.output)
    }

    /// Observed, planned, and with everything kept that taking it back needs.
    pub(crate) async fn planned(&self) -> Change {
        let before = self.observe().await.expect("it can be observed");
        let plan = self.call.plan(&before).expect("it can be planned").expect("there is something to do");
        let deadline = Deadline::after(self.timeout);
        let kept = self.call.keep(&before, &self.targets, &self.stage.means(), deadline).await;
        Change { before, plan, payloads: kept.expect("it can be kept") }
    }

    pub(crate) async fn apply(&self, action: &Value, change: &Change) -> Result<(), Fault> {
        let (means, writing) = (self.stage.means(), self.stage.writing());
        let task = self.task(change, &means, &writing);
        // Time is virtual: without any timer a hung seam would hold up the suite itself.
        let applied = timeout(self.timeout * 2, self.call.apply(action, &task)).await;
        applied.expect("it is over soon after its deadline")
    }

    /// Brings what the timer needs, and arms it, as the runtime does.
    pub(crate) async fn arm(&self, change: &Change, seconds: u32) {
        let (means, writing) = (self.stage.means(), self.stage.writing());
        let task = self.task(change, &means, &writing);
        self.call.stage(&change.plan.action, &task).await.expect("it can be staged");
        let heal = change.plan.heal.clone().expect("the host can take it back");
        let restore = self.call.restore(heal, &own_name());
        self.command(&ChangeCommand::TimerArm { timer: own_name(), seconds, restore }).await;
    }

    /// Runs a command on the host that must end well.
    pub(crate) async fn command(&self, command: &ChangeCommand) {
        let host = self.targets.host().expect("it is about a host");
        let writing = self.stage.writing();
        let output = writing.ssh.change(host, command, b"", Deadline::after(self.timeout)).await;
        done(command, &output.expect("an output")).expect("it ends well");
    }

    /// Looks over a new connection.
    pub(crate) async fn observe_anew(&self) -> Result<Value, Fault> {
        let host = self.targets.host().expect("it is about a host");
        self.stage.writing().ssh.forget(host).await.expect("nothing to go wrong");
        self.observe().await
    }

    pub(crate) fn advance(&self, over: Duration) {
        self.stage.twin.advance(over);
    }

    /// Takes away what was staged, and does nothing else.
    pub(crate) async fn unstage(&self, change: &Change) {
        let (means, writing) = (self.stage.means(), self.stage.writing());
        self.call.unstage(&self.task(change, &means, &writing)).await.expect("it can be taken away");
    }

    /// Looks until it stands there.
    pub(crate) async fn settled(&self, change: &Change, wanted: Standing) -> Value {
        for _ in 0..REST.as_secs() {
            let seen = self.observe().await.expect("it can be observed");
            let standing = self.call.standing(&seen, &change.before, &change.plan.after).expect("a state");
            if standing == wanted {
                return seen;
            }
            self.stage.twin.advance(Duration::from_secs(1));
        }
        panic!("it never stands {wanted:?}: {:?}", self.observe().await)
    }

    /// As the runtime undoes: the inverse unless everything is as before, a look, and away with what was staged.
    pub(crate) async fn undo(&self, change: &Change) {
        self.stage.twin.advance(REST);
        let (means, writing) = (self.stage.means(), self.stage.writing());
        let task = self.task(change, &means, &writing);
        let seen = self.observe().await.expect("it can be observed");
        let standing = self.call.standing(&seen, &change.before, &change.plan.after).expect("a state");
        assert_ne!(standing, Standing::Foreign, "{seen:?}");
        if let (Some(inverse), true) = (&change.plan.inverse, standing != Standing::Before) {
            self.call.apply(inverse, &task).await.expect("it can be undone");
            let back = if change.is_visible() { Standing::Before } else { Standing::After };
            self.settled(change, back).await;
        }
        self.call.unstage(&task).await.expect("what was staged can be taken away");
        self.stage.twin.advance(REST);
    }

    fn task<'a>(&'a self, change: &'a Change, means: &'a Means, writing: &'a Writing) -> Task<'a> {
        Task {
            run_id: &self.run_id,
            change: 0,
            targets: &self.targets,
            means,
            writing,
            payloads: &change.payloads,
            deadline: Deadline::after(self.timeout),
        }
    }
}
