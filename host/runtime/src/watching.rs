//! What watches the service while a scope of changes is open.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fabric_evidence::chart::{self, Chart, Mark, MarkKind};
use fabric_evidence::{Event, Stamp, probe};
use fabric_model::door::{Holding, ProbeSpec, ScopeReport, Watched};
use fabric_model::{Code, Fault, Slug, Stage, Value};

use crate::call::{Call, Desk};
use crate::probe::{HolderSampler, HolderWatch, Probe, ProbeResult, Sampler, Seen, Tell};

/// Good answers in a row that make a service steady, and how long that may take.
const STEADY: u64 = 10;
const PATIENCE: Duration = Duration::from_secs(15);

/// For how long it must answer once everything is undone: a VIP goes back to a host that is whole again after three advertisements of
/// VRRP, which is an outage that the fault has made too.
const STEADY_AGAIN: Duration = Duration::from_secs(5);

/// The bounds on the time between two samples, in milliseconds.
const EVERY_MS: std::ops::RangeInclusive<u32> = 10..=1_000;

/// The probe and the watch over the holders of one scope.
pub(crate) struct Watching {
    scope: u64,
    probe: Option<(ProbeSpec, Vec<String>, Probe)>,
    holders: Option<HolderWatch>,
    vips: Vec<Slug>,
    began: SystemTime,
}

impl Watching {
    /// Makes the call of the probe once, as a dry run does: it is granted, and it answers.
    ///
    /// # Errors
    /// The fault of the call.
    pub(crate) async fn try_once(desk: &Desk, watch: &Watched) -> Result<(), Fault> {
        let Some(probe) = &watch.probe else { return Ok(()) };
        if !EVERY_MS.contains(&probe.every_ms) {
            return Err(refused(format!(
                "a probe samples every {} to {} ms",
                EVERY_MS.start(),
                EVERY_MS.end()
            )));
        }
        let call = Call::own(desk, probe.primitive.clone(), probe.arguments.clone());
        desk.perform(&call).await?.reply.map(drop)
    }

    /// Begins to watch, and returns once the service is seen to be steady.
    ///
    /// # Errors
    /// When the probe is not granted or does not answer, or the site has no such group of VIPs.
    pub(crate) async fn begin(desk: &Arc<Desk>, scope: u64, watch: &Watched) -> Result<Self, Fault> {
        Self::try_once(desk, watch).await?;
        let vips = vips_of(desk, watch.group.as_ref())?;
        let clock = &desk.world.seams.clock;
        let probe = watch.probe.as_ref().map(|spec| {
            let every = Duration::from_millis(u64::from(spec.every_ms));
            let resources = crate::call::resources_of(&spec.primitive, &spec.arguments);
            (spec.clone(), resources, Probe::start(sampler(desk, spec), clock, every))
        });
        let began = probe.as_ref().map_or_else(|| clock.now(), |(.., probe)| probe.began());
        let holders = (!vips.is_empty())
            .then(|| HolderWatch::start(vips.clone(), &holder_sampler(desk), &tell(desk), clock, began));
        let watching = Self { scope, probe, holders, vips, began };
        if watching.is_steady().await {
            return Ok(watching);
        }
        watching.give_up().await;
        Err(Fault::new(
            Code::PortTimeout,
            Stage::Observe,
            "begin a scope: the service does not answer steadily",
        )
        .hint("Nothing was changed. Look at the service first; a fault is made on one that works."))
    }

    async fn is_steady(&self) -> bool {
        match &self.probe {
            Some((.., probe)) => probe.steady(STEADY, PATIENCE).await,
            None => true,
        }
    }

    async fn give_up(self) {
        if let Some((.., probe)) = self.probe {
            probe.stop().await;
        }
        if let Some(holders) = self.holders {
            holders.stop().await;
        }
    }

    /// Watches until the service answers steadily again, and writes down what was seen.
    ///
    /// # Errors
    /// When the packet cannot be written.
    pub(crate) async fn end(self, desk: &Desk, title: &str, done: &[Done]) -> Result<ScopeReport, Fault> {
        // A service that does not come back is in the samples.
        if let Some((.., probe)) = &self.probe {
            let _steady = probe.steady_again(STEADY_AGAIN, PATIENCE).await;
        }
        let Self { scope, probe, holders, vips, began } = self;
        let probed = match probe {
            Some((spec, resources, probe)) => Some((spec, resources, probe.stop().await)),
            None => None,
        };
        let holders = match holders {
            Some(holders) => holders.stop().await,
            None => Vec::new(),
        };
        let mut report = ScopeReport { holders: holders.clone(), ..ScopeReport::default() };
        if let Some((spec, resources, result)) = &probed {
            (report.sent, report.lost) = (result.sent(), result.lost());
            report.gap_ms = u64::try_from(result.gap().as_millis()).unwrap_or(u64::MAX);
            write_samples(desk, scope, (spec, resources, began), result, &report)?;
        }
        let length_ms = millis_since(desk.recorder.now(), began);
        let marks = done.iter().map(|done| done.mark(began)).collect();
        let samples = probed.map(|(.., result)| result.samples);
        let chart = Chart {
            title: title.to_owned(),
            length_ms,
            vips,
            holdings: holders,
            samples,
            probe_began_ms: 0,
            marks,
        };
        desk.recorder.artifact(&format!("artifacts/timeline-{scope}.svg"), chart::svg(&chart).as_bytes())?;
        Ok(report)
    }
}

fn write_samples(
    desk: &Desk,
    scope: u64,
    (spec, resources, began): (&ProbeSpec, &[String], SystemTime),
    result: &ProbeResult,
    report: &ScopeReport,
) -> Result<(), Fault> {
    let lines = probe::to_bytes(&result.samples).map_err(|error| bug(&error.to_string()))?;
    let artifact = format!("artifacts/probe-{scope}.jsonl");
    desk.recorder.artifact(&artifact, &lines)?;
    desk.recorder.record(&Event::ProbeEnded {
        scope,
        primitive: spec.primitive.to_string(),
        resources: resources.to_vec(),
        began: Stamp::of(began),
        every_ms: spec.every_ms,
        sent: report.sent,
        lost: report.lost,
        gap_ms: report.gap_ms,
        artifact,
        digest: probe::digest(&lines),
    })?;
    desk.watch.probed(report.sent, report.lost, report.gap_ms);
    Ok(())
}

/// Something that was done while a scope was open, for its chart.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) at: SystemTime,
    pub(crate) kind: MarkKind,
    pub(crate) text: String,
}

impl Done {
    fn mark(&self, began: SystemTime) -> Mark {
        Mark { at_ms: millis_since(self.at, began), kind: self.kind, text: self.text.clone() }
    }
}

fn millis_since(at: SystemTime, began: SystemTime) -> u64 {
    u64::try_from(at.duration_since(began).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// The VIPs of a group, which belong on one host.
fn vips_of(desk: &Desk, group: Option<&Slug>) -> Result<Vec<Slug>, Fault> {
    let Some(group) = group else { return Ok(Vec::new()) };
    let vips = desk.world.site().vips.iter().filter(|(_, vip)| vip.group == *group);
    let vips: Vec<Slug> = vips.map(|(name, _)| name.clone()).collect();
    if vips.is_empty() { Err(refused(format!("the site has no group of VIPs `{group}`"))) } else { Ok(vips) }
}

/// Each sample is granted anew: what is denied in the meantime is not asked any more.
fn sampler(desk: &Arc<Desk>, spec: &ProbeSpec) -> Sampler {
    let (desk, spec) = (Arc::clone(desk), spec.clone());
    Arc::new(move || {
        let desk = Arc::clone(&desk);
        let call = Call::own(&desk, spec.primitive.clone(), spec.arguments.clone());
        Box::pin(async move {
            let sampled = desk.sample(&call).await.map(drop);
            sampled.map_err(|fault| desk.world.redactor.redact_fault(fault))
        })
    })
}

fn holder_sampler(desk: &Arc<Desk>) -> HolderSampler {
    let desk = Arc::clone(desk);
    Arc::new(move |vip| {
        let desk = Arc::clone(&desk);
        Box::pin(async move { holders(&desk, &vip).await })
    })
}

/// Who holds a VIP. Where even the question fails, every member counts as silent.
async fn holders(desk: &Desk, vip: &Slug) -> Seen {
    let everybody = || {
        let members = desk.world.site().vips.get(vip).map(|vip| vip.members.keys().cloned().collect());
        Seen { hosts: Vec::new(), silent: members.unwrap_or_default() }
    };
    let Ok(primitive) = "vip.holder".parse() else { return everybody() };
    let arguments = Value::table([("vip", vip.as_str().into()), ("timeout_ms", 1_000.into())]);
    let answer = desk.sample(&Call::own(desk, primitive, arguments)).await;
    match answer.map(|seen| seen.output.decode::<Members>()) {
        Ok(Ok(members)) => Seen {
            hosts: members.hosts,
            silent: members.silent.into_iter().map(|silent| silent.host).collect(),
        },
        _ => everybody(),
    }
}

/// The part of a `vip.holder` result that is watched.
#[derive(serde::Deserialize)]
struct Members {
    hosts: Vec<Slug>,
    silent: Vec<Silent>,
}

#[derive(serde::Deserialize)]
struct Silent {
    host: Slug,
}

/// What is seen is written down when it is seen, so that it is not lost with the host.
fn tell(desk: &Arc<Desk>) -> Tell {
    let desk = Arc::clone(desk);
    Arc::new(move |holding: &Holding| {
        let Holding { vip, hosts, silent, .. } = holding.clone();
        desk.watch.held(&vip, &hosts, &silent);
        // A journal that takes no more ends the run at its next line; this one is missed then.
        let _written = desk.recorder.record(&Event::HoldersSeen { vip, hosts, silent });
    })
}

fn refused(message: String) -> Fault {
    Fault::new(Code::ScriptArgument, Stage::Decode, format!("begin a scope: {message}"))
}

fn bug(message: &str) -> Fault {
    Fault::new(Code::BugInternal, Stage::Record, message)
}
