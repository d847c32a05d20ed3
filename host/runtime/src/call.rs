//! One call, from the frame to the reply: decode, gate, resolve, gate again, record, observe, record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fabric_evidence::{
    CallOutcome, Event, FaultRecord, RuleRecord, Target as TargetRecord, arguments_digest,
};
use fabric_gate::{Gate, Granted};
use fabric_model::check::Place;
use fabric_model::{
    Addressed, Class, Code, Digest, Fault, Kind, PrimitiveName, Resource, Slug, Stage, Value,
};
use fabric_primitives::{
    Local, Means, Need, ObserveCall, Observed, Prepared, Target, Targets, Wanted, Work, registry,
};
use fabric_wire::Deadline;
use fabric_wire::endpoint::Endpoint;
use tokio::task::JoinSet;

use crate::change::selector::{self, Selector};
use crate::change::{self, Changes};
use crate::recorder::Recorder;
use crate::recording::{Answers, Asked};
use crate::resolve::resolve;
use crate::site;
use crate::watch::Watch;
use crate::world::World;

/// What every call of a run shares.
pub(crate) struct Desk {
    pub(crate) gate: Gate,
    pub(crate) world: Arc<World>,
    /// What lies on this machine.
    pub(crate) local: Arc<dyn Local>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) watch: Arc<dyn Watch>,
    /// Numbers for the calls that the host makes itself, above every number that a worker gives.
    pub(crate) own_calls: AtomicU64,
    /// What the run may do with calls that change something, and what it has done.
    pub(crate) changes: Changes,
    /// Who answers its observations: the site, or a recording.
    pub(crate) answers: Answers,
    /// Whether any call met a bug.
    pub(crate) bug: AtomicBool,
}

/// Where the host's own call numbers begin. Journals keep numbers below 2^53.
pub(crate) const OWN_CALLS: u64 = 1 << 52;

/// A call as the script made it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) place: Place,
    pub(crate) check: Option<u64>,
    /// Whether the worker says that a condition of `abort_when` asks.
    pub(crate) in_condition: bool,
    pub(crate) primitive: PrimitiveName,
    pub(crate) arguments: Value,
}

impl Call {
    /// A call that the host makes itself, at no place of the script.
    pub(crate) fn own(desk: &Desk, primitive: PrimitiveName, arguments: Value) -> Self {
        Self {
            id: desk.own_number(),
            place: Place::default(),
            check: None,
            in_condition: false,
            primitive,
            arguments,
        }
    }
}

/// What a call is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To do what the script asks.
    Serve,
    /// To see what a change would find.
    Look,
}

/// How a call ended.
pub(crate) struct Answer {
    /// The digest of primitive and arguments: equal for a call that is made again.
    pub(crate) call: Digest,
    /// What the script gets.
    pub(crate) reply: Result<Value, Fault>,
}

impl Desk {
    /// Whether a call met a bug of the host's own.
    pub(crate) fn bugs(&self) -> bool {
        self.bug.load(Ordering::Relaxed)
    }

    /// Performs one call. The fault of the call is part of the answer.
    ///
    /// # Errors
    /// Only when the journal cannot be written, which ends the run.
    pub(crate) async fn perform(&self, call: &Call) -> Result<Answer, Fault> {
        let (digest, seen) = self.conduct(call, Purpose::Serve).await?;
        Ok(Answer { call: digest, reply: seen.map(|seen| seen.output) })
    }

    /// Looks at what a changing call would change, and changes nothing; gated and recorded like any other call.
    ///
    /// # Errors
    /// Only when the journal cannot be written.
    pub(crate) async fn inspect(&self, call: &Call) -> Result<Result<Observed, Fault>, Fault> {
        self.conduct(call, Purpose::Look).await.map(|(_, seen)| seen)
    }

    async fn conduct(
        &self,
        call: &Call,
        purpose: Purpose,
    ) -> Result<(Digest, Result<Observed, Fault>), Fault> {
        let began = Instant::now();
        let (call, selected) = match self.select(call).await? {
            Ok(selected) => selected,
            Err(fault) => return Ok((digest_of_call(&call.primitive, Digest::of(b"")), Err(fault))),
        };
        let call = &call;
        let prepared = prepare(&call.primitive, &call.arguments);
        let arguments = prepared.as_ref().map_or(&call.arguments, |(_, prepared)| &prepared.arguments);
        let digest = arguments_digest(arguments)
            .map_err(|e| Fault::new(Code::BugInternal, Stage::Record, e.to_string()))?;
        self.recorder.record(&self.requested(call, arguments, digest))?;
        for (selector, host) in &selected {
            let (selector, host) = (selector.clone(), host.clone());
            self.recorder.record(&Event::Selected { call_id: call.id, selector, host })?;
        }
        let seen = match prepared {
            Ok((class, prepared)) => match self.permit(call, class, &prepared.needs).await? {
                Ok(targets) => {
                    let about = about(&call.primitive, &prepared.needs);
                    let digest = digest_of_call(&call.primitive, digest);
                    let granted = LetThrough { call, digest, class, prepared, targets, selected };
                    self.work(granted, purpose).await?.map_err(|fault| within(&about, fault))
                }
                Err(fault) => Err(fault),
            },
            Err(fault) => Err(fault),
        };
        let seen =
            seen.map(|seen| Observed { output: self.world.redactor.redact_value(seen.output), ..seen });
        let seen = seen.map_err(|fault| self.world.redactor.redact_fault(fault));
        if seen.as_ref().is_err_and(|fault| fault.code == Code::BugInternal) {
            self.bug.store(true, Ordering::Relaxed);
        }
        if !seen.as_ref().is_err_and(Fault::is_denial) {
            self.recorder.record(&finished(call.id, &seen, began.elapsed()))?;
        }
        Ok((digest_of_call(&call.primitive, digest), seen))
    }

    /// Puts a host in the place of each selector among the arguments, by a call of its own: gated and recorded like any other.
    async fn select(&self, call: &Call) -> Result<Result<(Call, BTreeMap<String, Slug>), Fault>, Fault> {
        let mut chosen = BTreeMap::new();
        let mut call = call.clone();
        for (argument, selector) in selector::among(&call.arguments) {
            let host = match self.chosen(&call, &selector).await? {
                Ok(host) => host,
                Err(fault) => return Ok(Err(fault)),
            };
            call.arguments = selector::with_host(&call.arguments, argument, &host);
            chosen.insert(selector.to_string(), host);
        }
        Ok(Ok((call, chosen)))
    }

    /// The host that a selector stands for at this moment.
    ///
    /// # Errors
    /// Only when the journal cannot be written.
    pub(crate) async fn chosen(
        &self,
        call: &Call,
        selector: &Selector,
    ) -> Result<Result<Slug, Fault>, Fault> {
        let arguments = Value::table([("vip", selector.vip.as_str().into())]);
        let primitive = "vip.holder".parse().map_err(|_| bug("the selectors' primitive has no name"))?;
        let question = Call { id: self.own_number(), primitive, arguments, ..call.clone() };
        let answer = Box::pin(self.perform(&question)).await?;
        Ok(answer.reply.and_then(|answer| selector.pick(&answer)))
    }

    /// A number for a call that the host makes itself.
    pub(crate) fn own_number(&self) -> u64 {
        self.own_calls.fetch_add(1, Ordering::Relaxed)
    }

    /// Does what was granted: reads, or changes as far as the run may.
    ///
    /// # Errors
    /// Only when the journal cannot be written.
    async fn work(
        &self,
        granted: LetThrough<'_>,
        purpose: Purpose,
    ) -> Result<Result<Observed, Fault>, Fault> {
        match &granted.prepared.work {
            Work::Change(call) if purpose == Purpose::Look => {
                Ok(change::look(self, &granted, call.as_ref()).await)
            }
            Work::Observe(_) => {
                if let Some(fault) = self.changes.veil(&self.world, &granted).await {
                    return Ok(Err(fault));
                }
                let redactor = Arc::clone(&self.world.redactor);
                let asked = Asked::of(&granted, &redactor);
                let LetThrough { prepared, targets, .. } = granted;
                Ok(self.answers.to(|| asked, &redactor, self.observe(prepared, targets)).await)
            }
            Work::Change(_) => self.changes.change(self, granted).await,
        }
    }

    /// Asks the gate twice for every need: for the resource, and for the target that it stands for. Either every need is granted
    /// or the call does not happen.
    async fn permit(
        &self,
        call: &Call,
        class: Class,
        needs: &[Need],
    ) -> Result<Result<Targets, Fault>, Fault> {
        let mut granted = Vec::new();
        for need in needs {
            match self.grant(call, class, need).await? {
                Ok(target) => granted.push((need.role, target)),
                Err(fault) if fault.is_denial() => {
                    let record = FaultRecord::from(&fault);
                    self.recorder.record(&Event::CallDenied { call_id: call.id, fault: record })?;
                    return Ok(Err(fault));
                }
                Err(fault) => return Ok(Err(fault)),
            }
        }
        let records: Vec<TargetRecord> =
            needs.iter().zip(&granted).map(|(need, (_, target))| target_record(need, target)).collect();
        self.recorder.record(&Event::CallGranted {
            call_id: call.id,
            resources: needs.iter().map(|need| need.resource.to_string()).collect(),
            grants: granted.iter().map(|(_, target)| rule_record(target)).collect(),
            targets: records,
        })?;
        Ok(Ok(Targets::new(granted)))
    }

    /// Makes an observation that is not written down call by call: one sample of a continuous probe. The gate is asked anew for each.
    ///
    /// # Errors
    /// The fault of the call, or the gate's refusal.
    pub(crate) async fn sample(&self, call: &Call) -> Result<Observed, Fault> {
        let (class, prepared) = prepare(&call.primitive, &call.arguments)?;
        let mut granted = Vec::new();
        for need in &prepared.needs {
            granted.push((need.role, self.grant(call, class, need).await??));
        }
        let (call, means, deadline) = self.observation(prepared)?;
        call.probe(Targets::new(granted), means, deadline).await
    }

    async fn grant(
        &self,
        call: &Call,
        class: Class,
        need: &Need,
    ) -> Result<Result<Granted<Target>, Fault>, Fault> {
        let environment = site::environment_of(self.world.site(), &need.resource);
        let asked = self.gate.request(&call.primitive, class, need.resource.clone(), &environment);
        let resource = match asked {
            Ok(resource) => resource,
            Err(fault) => return Ok(Err(fault)),
        };
        let target = match (&need.resource, need.wanted) {
            (Resource::Named { kind: Kind::Name, name, .. }, Wanted::Endpoint) => {
                self.look_up(call, name.as_str()).await?
            }
            (resource, wanted) => resolve(&self.world, resource, wanted),
        };
        Ok(target.and_then(|target| {
            let aliases = self.world.aliases.of(&target);
            self.gate.target(&resource, target, &aliases)
        }))
    }

    /// Resolves a DNS name by asking the site's resolver: a call of its own, gated and recorded like any other.
    async fn look_up(&self, call: &Call, name: &str) -> Result<Result<Target, Fault>, Fault> {
        let Some(resolver) = self.world.site().resolver.clone() else {
            let fault = Fault::new(
                Code::SiteUnknown,
                Stage::Gate,
                format!("resolve `{name}`: the site has no resolver"),
            );
            return Ok(Err(fault.hint("Name a DNS server as `resolver` in the site file.")));
        };
        let arguments =
            Value::table([("server", resolver.into()), ("name", name.into()), ("type", "A".into())]);
        let primitive = "dns.query".parse().map_err(|_| bug("the resolver's primitive has no name"))?;
        let question = Call { id: self.own_number(), primitive, arguments, ..call.clone() };
        let answer = Box::pin(self.perform(&question)).await?;
        Ok(answer.reply.and_then(|answer| first_address(name, &answer)))
    }

    async fn observe(&self, prepared: Prepared, targets: Targets) -> Result<Observed, Fault> {
        let (call, means, deadline) = self.observation(prepared)?;
        // On a task of its own, so that a panic in a client is a fault of this call and not the end of the host. The set ends
        // the task when the call is given up; a bare one would go on unseen.
        let mut task = JoinSet::new();
        task.spawn(call.run(targets, means, deadline));
        match task.join_next().await {
            Some(Ok(seen)) => seen,
            Some(Err(panic)) => Err(bug(&format!("a primitive panicked: {panic}"))),
            None => Err(bug("a primitive was never begun")),
        }
    }

    fn observation(&self, prepared: Prepared) -> Result<(ObserveCall, Means, Deadline), Fault> {
        let means = change::means(self);
        match prepared.work {
            Work::Observe(call) => Ok((call, means, Deadline::after(prepared.timeout))),
            Work::Change(_) => Err(bug("a change was taken for an observation")),
        }
    }

    fn requested(&self, call: &Call, arguments: &Value, digest: Digest) -> Event {
        Event::CallRequested {
            call_id: call.id,
            place: call.place.clone(),
            check: call.check,
            primitive: call.primitive.to_string(),
            arguments_digest: digest,
            arguments: arguments.clone(),
        }
    }
}

/// A call that was let through.
pub(crate) struct LetThrough<'c> {
    pub(crate) call: &'c Call,
    /// The digest of primitive and arguments.
    pub(crate) digest: Digest,
    pub(crate) class: Class,
    pub(crate) prepared: Prepared,
    pub(crate) targets: Targets,
    /// The selectors of its arguments, with the host that each stood for.
    pub(crate) selected: BTreeMap<String, Slug>,
}

/// Decodes the arguments of a call.
pub(crate) fn prepare(name: &PrimitiveName, arguments: &Value) -> Result<(Class, Prepared), Fault> {
    let primitive = find(name)?;
    Ok((primitive.class(), primitive.prepare(arguments)?))
}

/// The resources that a call needs, for people; none where its arguments do not fit.
pub(crate) fn resources_of(primitive: &PrimitiveName, arguments: &Value) -> Vec<String> {
    let prepared = prepare(primitive, arguments);
    prepared
        .map_or_else(|_| Vec::new(), |(_, p)| p.needs.iter().map(|need| need.resource.to_string()).collect())
}

/// The class of a primitive; none for one that does not exist.
pub(crate) fn class_of(name: &PrimitiveName) -> Option<Class> {
    registry::find(name).map(|primitive| primitive.class())
}

fn find(name: &PrimitiveName) -> Result<&'static dyn fabric_primitives::Primitive, Fault> {
    registry::find(name).ok_or_else(|| {
        Fault::new(
            Code::ScriptUnknownPrimitive,
            Stage::Decode,
            format!("call `{name}`: there is no such primitive"),
        )
        .hint("List the primitives with `fabric list primitives`.")
    })
}

/// Which call, for people: `dns.query` on host:dns-auth-2, via:dns-auth-1.
fn about(primitive: &PrimitiveName, needs: &[Need]) -> String {
    let resources: Vec<String> = needs.iter().map(|need| need.resource.to_string()).collect();
    format!("`{primitive}` on {}", resources.join(", "))
}

fn within(about: &str, fault: Fault) -> Fault {
    Fault { message: format!("{about}: {}", fault.message), ..fault }
}

fn first_address(name: &str, answer: &Value) -> Result<Target, Fault> {
    let answer: LookUp = answer.decode().map_err(|misfit| bug(&misfit.to_string()))?;
    let address = answer.answers.iter().find(|r| r.rrtype == "A").and_then(|r| r.value.parse().ok());
    let address = address.ok_or_else(|| {
        let rcode = answer.rcode;
        Fault::new(Code::PortNotFound, Stage::Gate, format!("resolve `{name}`: no address ({rcode})"))
    })?;
    Ok(Target::Endpoint(Endpoint { name: name.to_owned(), address }))
}

/// The part of a `dns.query` result that resolution reads.
#[derive(serde::Deserialize)]
struct LookUp {
    rcode: String,
    answers: Vec<LookedUp>,
}

#[derive(serde::Deserialize)]
struct LookedUp {
    #[serde(rename = "type")]
    rrtype: String,
    value: String,
}

fn finished(call_id: u64, seen: &Result<Observed, Fault>, took: Duration) -> Event {
    let (outcome, transport, basis) = match seen {
        Ok(seen) => (CallOutcome::Value(seen.output.clone()), Some(seen.transport.clone()), Some(seen.basis)),
        Err(fault) => (CallOutcome::Fault(FaultRecord::from(fault)), None, None),
    };
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Event::CallFinished { call_id, outcome, transport, basis, took_ms }
}

fn target_record(need: &Need, target: &Granted<Target>) -> TargetRecord {
    TargetRecord { name: need.resource.to_string(), addresses: target.addresses() }
}

fn rule_record(target: &Granted<Target>) -> RuleRecord {
    let rule = target.rule();
    RuleRecord { file: rule.file.clone(), line: u32::try_from(rule.line).unwrap_or(u32::MAX) }
}

fn digest_of_call(primitive: &PrimitiveName, arguments: Digest) -> Digest {
    Digest::of(format!("{primitive} {arguments}").as_bytes())
}

fn bug(message: &str) -> Fault {
    Fault::new(Code::BugInternal, Stage::Observe, message)
        .hint("This is a bug of fabric; please report the packet.")
}
