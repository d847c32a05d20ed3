//! Scripts as authors write them, run by a worker against a scripted host.

mod host;

use fabric_model::check::{Place, Verdict};
use fabric_model::door::FromWorker;
use fabric_model::{Code, Value};
use host::{run, run_start, start, value};

fn verdict(body: &str) -> Verdict {
    let told = run(&format!("check(\"one\", || {{ {body} }});"));
    told.finished();
    let (_, _, verdict) = told.checks().into_iter().next().expect("one check");
    verdict.expect("it ended")
}

#[test]
fn a_call_carries_its_arguments_and_brings_its_answer() {
    let told = run("let r = dns::query(#{name: \"x\", port: 53}); print(r.name + r.port);");
    assert_eq!(told.finished().prints(), ["x53"]);
    let FromWorker::Call { arguments, check, place, .. } = told.frames.first().expect("a call") else {
        panic!()
    };
    assert_eq!((arguments, check, place), (&value(r#"{"name":"x","port":53}"#), &None, &Place(vec![0])));
}

#[test]
fn a_check_ends_as_what_happened_in_it() {
    assert_eq!(verdict("expect_eq(\"n\", 1, 1)"), Verdict::Pass);
    assert_eq!(
        verdict("expect_eq(\"n\", 1, 2)"),
        Verdict::Fail { what: "n".into(), expected: 2.into(), observed: 1.into() }
    );
    assert_eq!(verdict("skip(\"no host\")"), Verdict::Skip { reason: "no host".into() });
    assert!(matches!(verdict("dns::query(#{}).ok == true"), Verdict::Error { fault: None, .. }));
    assert!(matches!(verdict("1 == 2"), Verdict::Fail { .. }));
    assert!(
        matches!(verdict("throw #{a: 1};"), Verdict::Error { fault: None, message } if message.contains(r#"{"a":1}"#))
    );
}

#[test]
fn a_fault_in_a_check_is_its_verdict_with_the_place() {
    let Verdict::Error { fault: Some(fault), message } = verdict("dns::query(#{fault: \"port.timeout\"})")
    else {
        panic!()
    };
    assert_eq!((fault.code, fault.hints.len()), (Code::PortTimeout, 1));
    assert_eq!(message, "as the test wants [port.timeout] at a.rhai:1:24, called at a.rhai:1:1");
}

#[test]
fn a_fault_outside_a_check_ends_the_script_and_can_be_caught() {
    let told = run("\ndns::query(#{fault: \"port.refused\"});");
    assert_eq!(told.threw(), "as the test wants [port.refused] at a.rhai:2:6");
    let told = run(
        "try { dns::query(#{fault: \"denied.by_rule\"}) } catch (e) { print(e.code + e.hints.len()); } print(\"on\");",
    );
    assert_eq!(told.finished().prints(), ["denied.by_rule1", "on"]);
}

#[test]
fn a_caught_fault_has_every_field_even_where_it_has_no_hints() {
    let told = run("try { param(\"x\") } catch (e) { print(e.stage + e.effect + e.retry + e.hints.len()); }");
    assert_eq!(told.finished().prints(), ["decodenonenever0"]);
}

#[test]
fn the_suite_goes_on_after_a_failed_check_and_titles_carry_their_steps() {
    let told = run(
        "step(\"A\", || { step(\"B\", || { check(\"one\", || fail(\"x\", 1, 2)); }); check(\"two\", || { }); });
         if check(\"three\", || true) { print(\"passed\"); }",
    );
    assert_eq!(told.finished().prints(), ["passed"]);
    let checks = told.checks();
    let titles: Vec<_> = checks.iter().map(|(title, _, _)| title.as_str()).collect();
    assert_eq!(titles, ["A / B / one", "A / two", "three"]);
    assert!(matches!(checks.first(), Some((_, _, Some(Verdict::Fail { .. })))));
}

#[test]
fn a_check_in_a_check_is_an_error_of_the_outer_one() {
    let told = run("check(\"outer\", || { check(\"inner\", || true); });");
    let checks = told.finished().checks();
    assert_eq!(checks.len(), 1, "{checks:?}");
    assert!(
        matches!(checks.first(), Some((_, _, Some(Verdict::Error { message, .. }))) if message.contains("in a check"))
    );
    let told = run("check(\"outer\", || { par([1], |x| check(\"inner\", || true)); });");
    assert_eq!(told.finished().checks().len(), 1, "a branch of a check is in the check");
}

#[test]
fn every_expectation_fails_on_what_is_not_so_and_passes_on_what_is() {
    for (expectation, holds) in [
        ("expect_eq(\"x\", #{a: [1, \"b\"]}, #{a: [1, \"b\"]})", true),
        ("expect_eq(\"x\", 1, 1.0)", false),
        ("expect_eq(\"x\", \"1\", 1)", false),
        ("expect_set(\"x\", [2, 1], [1, 2])", true),
        ("expect_set(\"x\", [1, 1, 2], [1, 2, 2])", false),
        ("expect_set(\"x\", [1], [1, 2])", false),
        ("expect_true(\"x\", 1 < 2)", true),
        ("expect_true(\"x\", 1 > 2)", false),
        ("expect_contains(\"x\", [1, 2], 2)", true),
        ("expect_contains(\"x\", [1, 2], 3)", false),
        ("expect_none(\"x\", [])", true),
        ("expect_none(\"x\", [()])", false),
        ("fail(\"x\", 1, 1)", false),
    ] {
        let found = verdict(expectation);
        let as_meant = if holds { found == Verdict::Pass } else { matches!(found, Verdict::Fail { .. }) };
        assert!(as_meant, "{expectation}: {found:?}");
    }
    for misuse in [
        "expect_true(\"x\", 1)",
        "expect_none(\"x\", ())",
        "expect_eq(\"x\", || 1, 1)",
        "expect_set(\"x\", 1, [1])",
    ] {
        assert!(matches!(verdict(misuse), Verdict::Error { .. }), "{misuse}");
    }
}

#[test]
fn branches_keep_the_order_of_the_list_and_places_tell_it() {
    let told = run("let base = 10;
         let sums = par([1, 2, 3], |x| { check(`n ${x}`, || dns::query(#{n: x})); x + base });
         expect_eq(\"sums\", sums, [11, 12, 13]);
         check(\"after\", || true);");
    let checks = told.finished().checks();
    let found: Vec<_> = checks.iter().map(|(title, place, _)| (title.as_str(), place.0.clone())).collect();
    let expected =
        [("n 1", vec![0, 0, 0]), ("n 2", vec![0, 1, 0]), ("n 3", vec![0, 2, 0]), ("after", vec![1])];
    assert_eq!(found, expected);
    for frame in &told.frames {
        if let FromWorker::Call { check, place, .. } = frame {
            assert!(check.is_some() && place.0.len() == 3, "{frame:?}");
        }
    }
}

#[test]
fn what_a_branch_changes_no_other_sees() {
    let told = run("let common = [0]; let counter = #{n: 0};
         let seen = par([1, 2, 3, 4], |x| { common.push(x); counter.n += x; [common.len(), counter.n] });
         print(seen); print(common); print(counter.n);");
    assert_eq!(told.finished().prints(), ["[[2, 1], [2, 2], [2, 3], [2, 4]]", "[0]", "0"]);
}

#[test]
fn the_first_error_by_the_list_is_thrown_after_every_branch_has_ended() {
    let told = run(
        "try { par([1, 2, 3, 4], |x| { dns::query(#{}); if x > 1 { throw `branch ${x}`; } }); } catch (e) { print(e); }",
    );
    assert_eq!(told.finished().prints(), ["branch 2"]);
    assert_eq!(told.calls(), 4);
}

#[test]
fn branches_nest_three_deep_and_no_deeper() {
    let deep = |levels: usize| {
        (0..levels).fold("print(\"in\")".to_owned(), |inner, _| format!("par([1, 2], |x| {{ {inner} }})"))
    };
    assert_eq!(run(&deep(3)).finished().prints().len(), 8);
    assert!(run(&deep(4)).threw().contains("nests deeper than 3"));
}

#[test]
fn a_thousand_branches_do_their_work() {
    let mut begin = start(
        "let all = par(range(0, 1000).to_array(), |x| dns::query(#{n: x}).n); let sum = 0; for n in all { sum += n; } print(sum);",
    );
    begin.source = begin.source.replace("range(0, 1000).to_array()", "numbers");
    begin.source = format!("let numbers = []; for n in 0..1000 {{ numbers.push(n); }} {}", begin.source);
    let told = run_start(&begin, &mut host::answer);
    assert_eq!(told.finished().prints(), ["499500"]);
}

#[test]
fn modules_are_served_from_the_map_and_their_errors_name_them() {
    let mut begin = start(
        "import \"lib/a\" as a;\npar([1, 2], |x| a::twice(x));\ncheck(\"m\", || a::checked());\na::wrong();",
    );
    let lib = "import \"lib/b\" as b;\nfn twice(x) { x * b::TWO }\nfn checked() { helper(#{ok: true}) }\nfn helper(m) { expect_true(\"ok\", m.ok) }\nfn wrong() { throw \"no\"; }";
    begin.modules = [("lib/a", lib), ("lib/b", "export const TWO = 2;")]
        .map(|(n, t)| (n.to_owned(), t.to_owned()))
        .into();
    let told = run_start(&begin, &mut host::answer);
    assert_eq!(told.threw(), "no at lib/a.rhai:5:14, called at a.rhai:4:4");
    assert!(matches!(told.checks().first(), Some((_, _, Some(Verdict::Pass)))), "{:?}", told.checks());
}

#[test]
fn closures_of_modules_run_in_checks_and_branches() {
    let mut begin = start("import \"lib/a\" as a;\na::suite([1, 2]);");
    let lib = "import \"lib/b\" as b;\nfn suite(items) { par(items, |x| check(`item ${x}`, || one(x))); step(\"s\", || check(\"t\", || b::two())); }\nfn one(x) { expect_eq(\"x\", b::same(x), x) }";
    let inner =
        "fn same(x) { x }\nfn two() { check_two(|| 2) }\nfn check_two(f) { expect_eq(\"two\", f.call(), 2) }";
    begin.modules = [("lib/a", lib), ("lib/b", inner)].map(|(n, t)| (n.to_owned(), t.to_owned())).into();
    let told = run_start(&begin, &mut host::answer);
    told.finished();
    let checks = told.checks();
    assert_eq!(checks.len(), 3);
    assert!(checks.iter().all(|(_, _, verdict)| *verdict == Some(Verdict::Pass)), "{checks:?}");
}

#[test]
fn the_site_is_read_by_name_by_filter_and_never_by_a_slip() {
    let told = run(
        "print(site::host(\"dns-edge-1\").vmid);
         for h in site::hosts(#{plane: \"dns\", role: \"edge\"}) { print(h.name); }
         print(site::hosts().len()); print(site::vip(\"dns\").address); print(site::hosts(#{plane: \"none\"}).len());",
    );
    assert_eq!(told.finished().prints(), ["1", "dns-edge-1", "dns-edge-2", "3", "10.0.0.5/24", "0"]);
    assert!(
        run("site::host(\"dns-egde-1\")")
            .threw()
            .contains("no host `dns-egde-1`; did you mean `dns-edge-1`?")
    );
    assert!(run("site::hosts(#{rol: \"edge\"})").threw().contains("has a field `rol`; did you mean `role`?"));
}

#[test]
fn parameters_come_by_name() {
    assert_eq!(run("print(param(\"zone\"))").finished().prints(), ["a.test"]);
    assert!(run("param(\"zome\")").threw().contains("no parameter `zome`; did you mean `zone`?"));
}

#[test]
fn a_primitive_takes_one_table() {
    for wrong in
        ["dns::query()", "dns::query(1)", "dns::query([])", "dns::query(#{}, 1)", "dns::query(1, 2, 3)"]
    {
        let told = run(wrong);
        assert!(told.threw().contains("takes one table of named arguments"), "{wrong}: {}", told.threw());
        assert_eq!(told.calls(), 0);
    }
    let told = run("dns::query(#{f: || 1})");
    assert!(told.threw().contains("a function cannot leave the script"), "{}", told.threw());
}

#[test]
fn polling_ends_when_the_condition_holds() {
    let mut calls = 0;
    let mut third = |_: &Value| {
        calls += 1;
        if calls < 3 { host::answer(&value(r#"{"fault": "port.refused"}"#)) } else { Ok(true.into()) }
    };
    let begin =
        start("check(\"up\", || poll_until(#{timeout_ms: 1000, every_ms: 100}, || dns::query(#{})));");
    let told = run_start(&begin, &mut third);
    assert!(matches!(told.finished().checks().first(), Some((_, _, Some(Verdict::Pass)))));
    let waits = told.frames.iter().filter(|f| matches!(f, FromWorker::Wait { millis: 100, .. })).count();
    assert_eq!((told.calls(), waits), (3, 2));
}

#[test]
fn a_poll_that_gives_up_says_what_it_saw_last() {
    let poll = |condition: &str| {
        verdict(&format!("poll_until(#{{timeout_ms: 1000, every_ms: 250}}, || {condition})"))
    };
    let Verdict::Fail { what, .. } = poll("false") else { panic!() };
    assert!(what.contains("not within 1000 ms, in 5 tries"), "{what}");
    let Verdict::Fail { what, observed, .. } = poll("expect_eq(\"holders\", 2, 1)") else { panic!() };
    assert!(what.starts_with("holders, not within") && observed == Value::Int(2), "{what}");
    let Verdict::Error { fault: Some(fault), .. } = poll("dns::query(#{fault: \"port.timeout\"})") else {
        panic!()
    };
    assert!(fault.code == Code::PortTimeout && fault.message.contains("5 tries"), "{fault}");
    assert!(matches!(poll("skip(\"why\")"), Verdict::Skip { .. }));
    assert!(matches!(poll("1"), Verdict::Error { .. }));
}

#[test]
fn a_denial_ends_a_poll_at_once() {
    let told = run(
        "try { poll_until(#{timeout_ms: 9000, every_ms: 10}, || dns::query(#{fault: \"denied.resource\"})) } catch (e) { print(e.code); }",
    );
    assert_eq!((told.finished().prints(), told.calls()), (vec!["denied.resource"], 1));
}

#[test]
fn polls_are_bounded() {
    for (options, says) in [
        ("#{timeout_ms: 600001, every_ms: 1000}", "at most 600000 ms"),
        ("#{timeout_ms: 600000, every_ms: 1}", "at most 1000 times"),
        ("#{timeout_ms: 1000, every_ms: 0}", "needs `every_ms`"),
        ("#{timeout_ms: 1000}", "needs `every_ms`"),
        ("#{timeout_ms: 1000, every_ms: 10, deadline: 1}", "not `deadline`"),
    ] {
        let told = run(&format!("poll_until({options}, || true)"));
        assert!(told.threw().contains(says), "{}", told.threw());
    }
}

#[test]
fn nothing_is_called_while_compiling() {
    let told = run("if false { dns::query(#{a: 1}); print(\"x\"); check(\"c\", || true); }\nlet x = 1;");
    assert_eq!(told.finished().frames.len(), 1);
    let refused = run("dns::query(#{a: 1}); print(\"x\"); let dns = 1;");
    assert_eq!((refused.calls(), refused.prints().len()), (0, 0));
    assert!(refused.threw().contains("named like a namespace"));
}

#[test]
fn plain_functions_work() {
    let told = run(
        "print(sorted([\"b\", \"a\"])); print(same_set([1, 2], [2, 1])); print(ip_in(\"10.1.2.3\", \"10.1.0.0/16\"));
         print(parse_json(`{\"a\": [1, null]}`).a[0]); note(\"n\"); debug(\"d\");",
    );
    assert_eq!(told.finished().prints(), [r#"["a", "b"]"#, "true", "true", "1", "n", "\"d\""]);
}

#[test]
fn a_stale_host_is_refused() {
    let mut begin = start("print(1)");
    begin.version += 1;
    assert!(run_start(&begin, &mut host::answer).threw().contains("version"));
}

#[test]
fn modules_are_reached_from_closures_in_closures_and_branches() {
    let mut begin = start(
        "import \"lib/a\" as a;
         let edges = site::hosts(#{role: \"edge\"});
         step(\"Edges\", || {
             par(edges, |edge| { a::one(edge); step(\"inner\", || a::two(edge, || param(\"zone\"))); });
         });",
    );
    let lib = "fn one(e) { for n in [1, 2] { check(e.name + n, || { let s = dns::query(#{n: n}); expect_eq(\"n\", s.n, n); }); } }
               fn two(e, f) { check(\"two\", || expect_eq(\"zone\", f.call(), \"a.test\")); }";
    begin.modules = [("lib/a".to_owned(), lib.to_owned())].into();
    let told = run_start(&begin, &mut host::answer);
    let checks = told.finished().checks();
    let titles: Vec<_> = checks.iter().map(|(title, _, _)| title.as_str()).collect();
    let expected = ["dns-edge-11", "dns-edge-12", "inner / two", "dns-edge-21", "dns-edge-22", "inner / two"];
    assert_eq!(titles, expected.map(|title| format!("Edges / {title}")));
    assert!(checks.iter().all(|(_, _, verdict)| *verdict == Some(Verdict::Pass)), "{checks:?}");
}

#[test]
fn a_reply_reaches_the_branch_that_asked() {
    let told = run(
        "let n = []; for i in 0..50 { n.push(i); } for r in par(n, |i| dns::query(#{i: i}).i == i) { print(r); }",
    );
    assert!(told.finished().prints().iter().all(|text| *text == "true"));
    assert_eq!(told.prints().len(), 50);
}
