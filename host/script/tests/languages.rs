//! One contract for both languages: the same call gives the same frames, the same value and the same fault.

mod host;

use fabric_model::check::Verdict;
use fabric_model::door::{FromWorker, Outcome, ScopeEnded, Start};
use fabric_script::language::Language;
use host::{Told, run_start, start};

fn told(language: Language, body: &str) -> Told {
    let mut begin: Start = start(body);
    begin.path = format!("a.{}", language.ending());
    run_start(&begin, &mut host::answer)
}

/// Frames without the places of messages, which are those of two texts, and with calls that are made beside each other in the order of
/// their places.
fn frames(told: &Told) -> Vec<FromWorker> {
    let mut frames = said(told);
    for beside in frames.chunk_by_mut(|a, b| is_call(a) && is_call(b)) {
        beside.sort_by_key(|frame| match frame {
            FromWorker::Call { place, .. } => Some(place.clone()),
            _ => None,
        });
        for frame in beside {
            if let FromWorker::Call { call_id, .. } = frame {
                *call_id = 0;
            }
        }
    }
    frames
}

fn is_call(frame: &FromWorker) -> bool {
    matches!(frame, FromWorker::Call { .. })
}

fn said(told: &Told) -> Vec<FromWorker> {
    let without_place = |text: &str| text.split(" at a.").next().unwrap_or_default().to_owned();
    told.frames
        .iter()
        .cloned()
        .map(|frame| match frame {
            FromWorker::CheckEnd { check, verdict: Verdict::Error { fault, message } } => {
                let message = without_place(&message);
                FromWorker::CheckEnd { check, verdict: Verdict::Error { fault, message } }
            }
            FromWorker::ScopeEnd { call_id, scope, ended: ScopeEnded::Threw { message } } => {
                let message = without_place(&message);
                FromWorker::ScopeEnd { call_id, scope, ended: ScopeEnded::Threw { message } }
            }
            FromWorker::End { outcome: Outcome::Threw { message } } => {
                FromWorker::End { outcome: Outcome::Threw { message: without_place(&message) } }
            }
            other => other,
        })
        .collect()
}

#[track_caller]
fn same(title: &str, rhai: &str, luau: &str) -> Vec<FromWorker> {
    let (first, second) = (told(Language::Rhai, rhai), told(Language::Luau, luau));
    assert_eq!(frames(&first), frames(&second), "{title}\nrhai: {rhai}\nluau: {luau}");
    frames(&first)
}

#[test]
fn every_function_does_the_same_in_both_languages() {
    for entry in fabric_script::CATALOGUE {
        let frames = same(entry.name, entry.rhai, entry.luau);
        assert!(frames.len() > 1, "the example of `{}` does nothing that can be seen", entry.name);
        assert!(
            matches!(frames.last(), Some(FromWorker::End { outcome: Outcome::Finished })),
            "the example of `{}` ends as {:?}",
            entry.name,
            frames.last()
        );
        for text in [entry.rhai, entry.luau] {
            assert!(text.contains(entry.name), "the example of `{}` does not use it", entry.name);
        }
    }
}

#[test]
fn what_goes_wrong_goes_wrong_alike() {
    for (title, rhai, luau) in [
        (
            "a fault outside a check",
            "dns::query(#{fault: \"port.refused\"});",
            "dns.query{fault = \"port.refused\"}",
        ),
        (
            "a fault in a check",
            "check(\"c\", || dns::query(#{fault: \"port.timeout\"}));",
            "check(\"c\", function() return dns.query{fault = \"port.timeout\"} end)",
        ),
        (
            "a fault that is caught",
            "try { dns::query(#{fault: \"denied.by_rule\"}); } catch (e) { note(e.code + e.stage + e.hints.len()); }",
            "local ok, e = pcall(dns.query, {fault = \"denied.by_rule\"}) note(e.code .. e.stage .. #e.hints)",
        ),
        (
            "an expectation that is caught",
            "check(\"c\", || { try { fail(\"x\", [1], #{a: 2}); } catch (e) { note(e.code + e.what + e.observed.len() + e.expected.a); } });",
            "check(\"c\", function() local _, e = pcall(fail, \"x\", {1}, {a = 2}) note(e.code .. e.what .. #e.observed .. e.expected.a) end)",
        ),
        ("an expectation outside a check", "expect_true(\"x\", false);", "expect_true(\"x\", false)"),
        ("a skip outside a check", "skip(\"why\");", "skip(\"why\")"),
        ("a wrong number of arguments", "note(\"a\", \"b\");", "note(\"a\", \"b\")"),
        ("a wrong kind of argument", "step(1, || 1);", "step(1, function() return 1 end)"),
        ("a function for a text", "note(|| 1);", "note(function() end)"),
        ("a primitive without arguments", "dns::query();", "dns.query()"),
        ("a primitive with a list", "dns::query([1]);", "dns.query{1}"),
        ("a primitive with two tables", "dns::query(#{a: 1}, #{a: 1});", "dns.query({a = 1}, {a = 1})"),
        ("a primitive with a text", "dns::query(\"x\");", "dns.query(\"x\")"),
        ("a function that would leave", "dns::query(#{f: || 1});", "dns.query{f = function() end}"),
        ("a number that is none", "dns::query(#{x: 0.0 / 0.0});", "dns.query{x = 0 / 0}"),
        (
            "a text thrown in a check",
            "check(\"c\", || { throw \"boom\"; });",
            "check(\"c\", function() error(\"boom\") end)",
        ),
        ("a table thrown", "throw #{a: [1, \"b\"]};", "error({a = {1, \"b\"}})"),
        ("an unknown parameter", "param(\"zones\");", "param(\"zones\")"),
        ("an unknown host", "site::host(\"dns-edge-3\");", "site.host(\"dns-edge-3\")"),
        ("a filter with a slip", "site::hosts(#{rol: \"edge\"});", "site.hosts{rol = \"edge\"}"),
        (
            "a check in a check",
            "check(\"a\", || check(\"b\", || true));",
            "check(\"a\", function() check(\"b\", function() end) end)",
        ),
        (
            "a poll that gives up",
            "check(\"c\", || poll_until(#{timeout_ms: 20, every_ms: 10}, || { expect_eq(\"x\", 1, 2); true }));",
            "check(\"c\", function() poll_until({timeout_ms = 20, every_ms = 10}, function() expect_eq(\"x\", 1, 2) return true end) end)",
        ),
        (
            "a poll with an unknown option",
            "poll_until(#{timeout: 1}, || true);",
            "poll_until({timeout = 1}, function() return true end)",
        ),
        (
            "a condition that is no boolean",
            "check(\"c\", || poll_until(#{timeout_ms: 20, every_ms: 10}, || 1));",
            "check(\"c\", function() poll_until({timeout_ms = 20, every_ms = 10}, function() return 1 end) end)",
        ),
        (
            "a steady state that does not hold",
            "steady_state(\"s\", || check(\"c\", || false)); note(\"on\");",
            "steady_state(\"s\", function() check(\"c\", function() return false end) end) note(\"on\")",
        ),
        (
            "an abort that is swallowed",
            "during(#{title: \"d\", fault: || 1}, || { try { abort_when(\"x\", || true); } catch { } note(\"on\"); });",
            "during({title = \"d\", fault = function() end}, function() pcall(abort_when, \"x\", function() return true end) note(\"on\") end)",
        ),
        (
            "a scope whose body throws",
            "during(#{title: \"d\", fault: || unit::stop(#{a: 1})}, || fail(\"x\", 1, 2));",
            "during({title = \"d\", fault = function() unit.stop{a = 1} end}, function() fail(\"x\", 1, 2) end)",
        ),
        (
            "a report that is only planned",
            "check(\"c\", || during(#{title: \"d\", fault: || 1}, || 1)); let r = during(#{title: \"planned\", fault: || 1}, || 1); check(\"gap\", || expect_eq(\"gap\", r.gap_ms, 0)); note(`${r.planned}`);",
            "check(\"c\", function() during({title = \"d\", fault = function() end}, function() end) end) local r = during({title = \"planned\", fault = function() end}, function() end) check(\"gap\", function() expect_eq(\"gap\", r.gap_ms, 0) end) note(`{r.planned}`)",
        ),
        (
            "too deep a nesting",
            "let x = [1]; for i in 0..40 { x = [x]; } dns::query(#{x: x});",
            "local x = {1} for i = 1, 40 do x = {x} end dns.query{x = x}",
        ),
        (
            "a wait that a denial ends",
            "poll_until(#{timeout_ms: 20, every_ms: 10}, || dns::query(#{fault: \"denied.by_rule\"}));",
            "poll_until({timeout_ms = 20, every_ms = 10}, function() return dns.query{fault = \"denied.by_rule\"} end)",
        ),
        (
            "nested par",
            "par([1], |a| par([1], |b| par([1], |c| par([1], |d| 1))));",
            "par({1}, function() par({1}, function() par({1}, function() par({1}, function() end) end) end) end)",
        ),
        (
            "the first error of par",
            "par([1, 2, 3], |n| { if n > 1 { throw `no ${n}`; } n });",
            "par({1, 2, 3}, function(n) if n > 1 then error(`no {n}`) end return n end)",
        ),
    ] {
        same(title, rhai, luau);
    }
}

#[test]
fn values_come_back_as_they_went() {
    for (rhai, luau) in [
        (
            "let r = dns::query(#{a: 1, b: \"x\", c: [true, 2.5, [], #{k: ()}], d: #{}}); dns::query(r);",
            "local r = dns.query{a = 1, b = \"x\", c = parse_json('[true, 2.5, [], {\"k\": null}]'), d = {}} dns.query(r)",
        ),
        (
            "let r = parse_json(\"{\\\"a\\\": null, \\\"b\\\": []}\"); note(`${r.a == ()}`); dns::query(r);",
            "local r = parse_json('{\"a\": null, \"b\": []}') note(`{r.a == nil}`) dns.query(r)",
        ),
        (
            "note(`${site::hosts(#{role: \"edge\"}).len()}`); note(site::host(\"minio-1\").plane); dns::query(site::vip(\"dns\"));",
            "note(`{#site.hosts{role = \"edge\"}}`) note(site.host(\"minio-1\").plane) dns.query(site.vip(\"dns\"))",
        ),
        (
            "check(\"c\", || expect_eq(\"x\", [], #{}));",
            "check(\"c\", function() expect_eq(\"x\", parse_json(\"[]\"), {}) end)",
        ),
        (
            "dns::query(#{n: 9007199254740992, m: -9007199254740992});",
            "dns.query{n = 9007199254740992, m = -9007199254740992}",
        ),
    ] {
        let frames = same(rhai, rhai, luau);
        assert!(matches!(frames.last(), Some(FromWorker::End { outcome: Outcome::Finished })), "{frames:?}");
    }
}
