//! `during`: a scope of changes. Whatever is changed in it the host undoes when it ends, however it ends; a script contains no
//! rollback of its own.

use std::collections::BTreeMap;

use fabric_model::door::{FromWorker, ProbeSpec, ScopeEnded, ScopeReport, Watched};
use fabric_model::{PrimitiveName, Slug, Value};

use super::branch::Branch;
use super::checks::titled;
use super::conditions::abort_if_due;
use super::raised::{Raised, Thrown, argument};
use super::{Arguments, Caller, Language};
use crate::link::{Answer, Unsent};
use crate::nearest::suggestion;

/// Scopes within scopes: a fault, one on top of it, and two to spare.
const SCOPES_LIMIT: usize = 4;
/// From the beginning of one sample to that of the next, in milliseconds.
const EVERY_MS: std::ops::RangeInclusive<i64> = 10..=1_000;
/// Seconds without a sign of life from the host after which the targets heal themselves.
const HEAL_AFTER_S: std::ops::RangeInclusive<i64> = 1..=3_600;

const OPTIONS: [&str; 5] = ["fault", "group", "heal_after_s", "probe", "title"];
const PROBE_OPTIONS: [&str; 3] = ["arguments", "every_ms", "primitive"];

/// Opens a scope, breaks something, runs the body, and ends the scope: also when the body throws or is aborted. A script that
/// reached a limit says nothing any more; the host undoes its changes all the same.
pub(super) async fn during<L: Language, C: Caller<L>>(
    caller: &C,
    arguments: &Arguments<'_, L, C>,
) -> Result<L::Value, L::Error> {
    let branch = caller.branch();
    let open = branch.open();
    if branch.depth > 0 || open.check.is_some() || open.in_condition {
        return Err(
            argument("`during` stands in no `check`, no `par` and no condition of `abort_when`").into()
        );
    }
    if branch.scopes() >= SCOPES_LIMIT {
        return Err(argument(format!("`during` nests deeper than {SCOPES_LIMIT}")).into());
    }
    let Options { title, fault, watch } = Options::read(caller, arguments.fields(0))?;
    let body = arguments.function(1)?;
    let title = titled(&open.steps, &title)?;
    let scope = begin(branch, title, watch).await?;
    branch.open_scope();
    let result = broken(caller, &fault, &body).await;
    branch.close_scope();
    let ended = match &result {
        Ok(_) => ScopeEnded::Finished,
        Err(error) => match (caller.classify(error), branch.run.aborted()) {
            (_, Some(reason)) => ScopeEnded::Aborted { reason },
            (Thrown::Stop, None) => return result,
            (_, None) => ScopeEnded::Threw { message: caller.describe(error) },
        },
    };
    let report = end(branch, scope, ended).await;
    // What the body threw is the cause of what came of it; whether everything was restored the host knows by itself.
    result?;
    caller.report(&report?)
}

/// Breaks something and runs the body.
async fn broken<L: Language, C: Caller<L>>(
    caller: &C,
    fault: &L::Function,
    body: &L::Function,
) -> Result<L::Value, L::Error> {
    caller.call(fault).await?;
    abort_if_due(caller).await?;
    caller.call(body).await
}

async fn begin<L: Language>(branch: &Branch<L>, title: String, watch: Watched) -> Result<u64, Raised> {
    let place = branch.next_place();
    let mut scope = 0;
    let asked = branch.run.link.ask(|call_id| {
        scope = call_id;
        FromWorker::ScopeBegin { call_id, place, title, watch }
    });
    match asked.await {
        Ok(Ok(_)) => Ok(scope),
        Ok(Err(fault)) => Err(Raised::Fault(fault)),
        Err(too_long @ Unsent::TooLong(_)) => Err(argument(format!("the probe of `during`: {too_long}"))),
        Err(gone) => Err(branch.unsent(&gone)),
    }
}

async fn end<L: Language>(branch: &Branch<L>, scope: u64, ended: ScopeEnded) -> Result<ScopeReport, Raised> {
    let asked = branch.run.link.ask(|call_id| FromWorker::ScopeEnd { call_id, scope, ended });
    let answer: Answer = asked.await.map_err(|unsent| branch.unsent(&unsent))?;
    let report = answer.map_err(Raised::Fault)?;
    report.decode().map_err(|misfit| argument(format!("the report of `during`: {misfit}")))
}

/// The table that `during` takes.
struct Options<L: Language> {
    title: String,
    fault: L::Function,
    watch: Watched,
}

impl<L: Language> Options<L> {
    fn read<C: Caller<L>>(caller: &C, mut options: BTreeMap<String, L::Value>) -> Result<Self, Raised> {
        known("`during`", &options, &OPTIONS)?;
        let fault = options.remove("fault").and_then(|fault| caller.function(&fault));
        let data: BTreeMap<String, Value> = options
            .iter()
            .map(|(key, value)| {
                let value = caller.read(value);
                Ok((key.clone(), value.map_err(|e| argument(format!("`{key}` of `during`: {e}")))?))
            })
            .collect::<Result<_, Raised>>()?;
        let title = text(data.get("title")).ok_or_else(|| argument("`during` needs a `title`"))?.to_owned();
        let fault =
            fault.ok_or_else(|| argument("`during` needs a `fault`, a function that breaks something"))?;
        let group = data.get("group").map(|group| slug("group", group)).transpose()?;
        let heal_after_s =
            data.get("heal_after_s").map(|s| whole("heal_after_s", s, &HEAL_AFTER_S)).transpose()?;
        let primitives = &caller.branch().run.primitives;
        let probe = data.get("probe").map(|probe| probe_spec(primitives, probe)).transpose()?;
        Ok(Self { title, fault, watch: Watched { probe, group, heal_after_s } })
    }
}

fn probe_spec(all: &[PrimitiveName], probe: &Value) -> Result<ProbeSpec, Raised> {
    let Value::Map(probe) = probe else { return Err(argument("the probe of `during` is a table")) };
    known("the probe of `during`", probe, &PROBE_OPTIONS)?;
    let name = text(probe.get("primitive"))
        .ok_or_else(|| argument("the probe of `during` needs a `primitive`, such as \"dns.query\""))?;
    let primitive = all.iter().find(|primitive| primitive.as_str() == name).cloned().ok_or_else(|| {
        let near = suggestion(name, all.iter().map(PrimitiveName::as_str));
        argument(format!("`{}` is not a primitive{near}", name.chars().take(80).collect::<String>()))
    })?;
    let arguments = match probe.get("arguments") {
        Some(arguments @ Value::Map(_)) => arguments.clone(),
        _ => {
            return Err(argument(
                "the probe of `during` needs `arguments`, the table that its primitive takes",
            ));
        }
    };
    let every_ms = probe
        .get("every_ms")
        .ok_or_else(|| argument("the probe of `during` needs `every_ms`"))
        .and_then(|every| whole("every_ms", every, &EVERY_MS))?;
    Ok(ProbeSpec { primitive, arguments, every_ms })
}

fn known<V>(what: &str, options: &BTreeMap<String, V>, keys: &[&str]) -> Result<(), Raised> {
    match options.keys().find(|key| !keys.contains(&key.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            let near = suggestion(unknown, keys.iter().copied());
            Err(argument(format!("{what} knows {}, not `{unknown}`{near}", keys.join(", "))))
        }
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    match value {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn slug(key: &str, value: &Value) -> Result<Slug, Raised> {
    let word = text(Some(value)).and_then(|word| word.parse().ok());
    word.ok_or_else(|| argument(format!("`{key}` of `during` is a name of the site file")))
}

fn whole(key: &str, value: &Value, range: &std::ops::RangeInclusive<i64>) -> Result<u32, Raised> {
    let number = match value {
        Value::Int(number) if range.contains(number) => Some(*number),
        _ => None,
    };
    number.and_then(|number| u32::try_from(number).ok()).ok_or_else(|| {
        argument(format!("`{key}` is a whole number from {} to {}", range.start(), range.end()))
    })
}
