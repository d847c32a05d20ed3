//! `during`: a scope of changes. Whatever is changed in it the host undoes when it ends, however it ends; a script contains no
//! rollback of its own.

use std::sync::Arc;

use fabric_model::door::{FromWorker, ProbeSpec, ScopeEnded, ScopeReport, Watched};
use fabric_model::{PrimitiveName, Slug};
use rhai::{Dynamic, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::Functions;
use super::checks::titled;
use super::conditions::abort_if_due;
use super::report;
use crate::link::{Answer, Unsent};
use crate::nearest::suggestion;
use crate::rhai::branch::Branch;
use crate::rhai::convert::to_value;
use crate::rhai::thrown::{self, Thrown, argument, at_call, describe};

type Thrower<T> = Result<T, Box<EvalAltResult>>;

/// Scopes within scopes: a fault, one on top of it, and two to spare.
const SCOPES_LIMIT: usize = 4;
/// From the beginning of one sample to that of the next, in milliseconds.
const EVERY_MS: std::ops::RangeInclusive<i64> = 10..=1_000;
/// Seconds without a sign of life from the host after which the targets heal themselves.
const HEAL_AFTER_S: std::ops::RangeInclusive<i64> = 1..=3_600;

const OPTIONS: [&str; 5] = ["fault", "group", "heal_after_s", "probe", "title"];
const PROBE_OPTIONS: [&str; 3] = ["arguments", "every_ms", "primitive"];

pub(super) fn register(functions: &mut Functions, branch: &Arc<Branch>) {
    let on = Arc::clone(branch);
    functions.add("during", move |context: NativeCallContext<'_>, options: Map, body: FnPtr| {
        at_call(&context, during(&on, &context, &options, &body))
    });
}

/// Opens a scope, breaks something, runs the body, and ends the scope: also when the body throws or is aborted. A script that
/// reached a limit says nothing any more; the host undoes its changes all the same.
fn during(branch: &Branch, context: &NativeCallContext<'_>, options: &Map, body: &FnPtr) -> Thrower<Dynamic> {
    let open = branch.open();
    if branch.depth > 0 || open.check.is_some() || open.in_condition {
        return Err(argument("`during` stands in no `check`, no `par` and no condition of `abort_when`"));
    }
    if branch.scopes() >= SCOPES_LIMIT {
        return Err(argument(format!("`during` nests deeper than {SCOPES_LIMIT}")));
    }
    let Options { title, fault, watch } = Options::read(branch, options)?;
    let title = titled(&open.steps, &title)?;
    let scope = begin(branch, title, watch)?;
    branch.open_scope();
    let result = fault
        .call_within_context::<Dynamic>(context, ())
        .and_then(|_| abort_if_due(branch, context))
        .and_then(|()| body.call_within_context::<Dynamic>(context, ()));
    branch.close_scope();
    let ended = match &result {
        Ok(_) => ScopeEnded::Finished,
        Err(error) => match (thrown::classify(error), branch.run.aborted()) {
            (_, Some(reason)) => ScopeEnded::Aborted { reason },
            (Thrown::Stop, None) => return result,
            (_, None) => ScopeEnded::Threw { message: describe(error, &branch.run.path) },
        },
    };
    let report = end(branch, scope, ended);
    // What the body threw is the cause of what came of it; whether everything was restored the host knows by itself.
    result.and_then(|_| Ok(report::value(&report?)))
}

fn begin(branch: &Branch, title: String, watch: Watched) -> Thrower<u64> {
    let place = branch.next_place();
    let mut scope = 0;
    let asked = branch.run.link.ask(|call_id| {
        scope = call_id;
        FromWorker::ScopeBegin { call_id, place, title, watch }
    });
    match asked {
        Ok(Ok(_)) => Ok(scope),
        Ok(Err(fault)) => Err(thrown::fault(&fault)),
        Err(too_long @ Unsent::TooLong(_)) => Err(argument(format!("the probe of `during`: {too_long}"))),
        Err(gone) => Err(branch.unsent(&gone)),
    }
}

fn end(branch: &Branch, scope: u64, ended: ScopeEnded) -> Thrower<ScopeReport> {
    let asked: Answer = branch
        .run
        .link
        .ask(|call_id| FromWorker::ScopeEnd { call_id, scope, ended })
        .map_err(|unsent| branch.unsent(&unsent))?;
    let report = asked.map_err(|fault| thrown::fault(&fault))?;
    report.decode().map_err(|misfit| argument(format!("the report of `during`: {misfit}")))
}

/// The table that `during` takes.
struct Options {
    title: String,
    fault: FnPtr,
    watch: Watched,
}

impl Options {
    fn read(branch: &Branch, options: &Map) -> Thrower<Self> {
        known("`during`", options, &OPTIONS)?;
        let title = text(options, "title").ok_or_else(|| argument("`during` needs a `title`"))?;
        let fault = options.get("fault").and_then(|v| v.read_lock::<FnPtr>().map(|f| f.clone()));
        let fault =
            fault.ok_or_else(|| argument("`during` needs a `fault`, a function that breaks something"))?;
        let group = options.get("group").map(|_| slug(options, "group")).transpose()?;
        let heal_after_s = options
            .get("heal_after_s")
            .map(|seconds| whole("heal_after_s", seconds, &HEAL_AFTER_S))
            .transpose()?;
        let probe = options.get("probe").map(|probe| probe_spec(branch, probe)).transpose()?;
        Ok(Self { title, fault, watch: Watched { probe, group, heal_after_s } })
    }
}

fn probe_spec(branch: &Branch, probe: &Dynamic) -> Thrower<ProbeSpec> {
    let probe = probe.read_lock::<Map>().ok_or_else(|| argument("the probe of `during` is a table"))?;
    known("the probe of `during`", &probe, &PROBE_OPTIONS)?;
    let name = text(&probe, "primitive")
        .ok_or_else(|| argument("the probe of `during` needs a `primitive`, such as \"dns.query\""))?;
    let all = &branch.run.primitives;
    let primitive = all.iter().find(|primitive| primitive.as_str() == name).cloned().ok_or_else(|| {
        let near = suggestion(&name, all.iter().map(PrimitiveName::as_str));
        argument(format!("`{}` is not a primitive{near}", name.chars().take(80).collect::<String>()))
    })?;
    let arguments = probe.get("arguments").filter(|arguments| arguments.is_map()).ok_or_else(|| {
        argument("the probe of `during` needs `arguments`, the table that its primitive takes")
    })?;
    let arguments =
        to_value(arguments).map_err(|e| argument(format!("the arguments of the probe of `during`: {e}")))?;
    let every_ms = probe
        .get("every_ms")
        .ok_or_else(|| argument("the probe of `during` needs `every_ms`"))
        .and_then(|every| whole("every_ms", every, &EVERY_MS))?;
    Ok(ProbeSpec { primitive, arguments, every_ms })
}

fn known(what: &str, options: &Map, keys: &[&str]) -> Thrower<()> {
    match options.keys().find(|key| !keys.contains(&key.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            let near = suggestion(unknown, keys.iter().copied());
            Err(argument(format!("{what} knows {}, not `{unknown}`{near}", keys.join(", "))))
        }
    }
}

fn text(options: &Map, key: &str) -> Option<String> {
    options.get(key).and_then(|value| value.clone().into_string().ok())
}

fn slug(options: &Map, key: &str) -> Thrower<Slug> {
    let word = text(options, key).and_then(|word| word.parse().ok());
    word.ok_or_else(|| argument(format!("`{key}` of `during` is a name of the site file")))
}

fn whole(key: &str, value: &Dynamic, range: &std::ops::RangeInclusive<i64>) -> Thrower<u32> {
    let number = value.as_int().ok().filter(|number| range.contains(number));
    number.and_then(|number| u32::try_from(number).ok()).ok_or_else(|| {
        argument(format!("`{key}` is a whole number from {} to {}", range.start(), range.end()))
    })
}
