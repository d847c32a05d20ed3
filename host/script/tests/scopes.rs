//! What GameDays are made of, run by a worker against a scripted host: scopes of changes, steady states, conditions that abort,
//! waiting for what lasts, and answers that nobody knows before the planned changes are made.

mod host;

use fabric_model::check::Verdict;
use fabric_model::door::{FromWorker, Outcome, ScopeEnded, Watched};
use fabric_model::{Code, Fault, Stage, Value};
use host::{Told, run, run_start, start, value};

const DEFERRED: &str = "dns::query(#{fault: \"plan.deferred\"})";

fn scope(title: &str, fault: &str, body: &str) -> String {
    format!("let report = during(#{{ title: \"{title}\", fault: || {{ {fault} }} }}, || {{ {body} }});")
}

/// A host that answers the calls one after the other with these values.
fn answered(source: &str, answers: &[&str]) -> Told {
    let mut next = answers.iter();
    run_start(&start(source), &mut |_| match next.next() {
        Some(fault) if fault.contains('.') => {
            let code = Code::ALL.iter().copied().find(|code| code.as_str() == *fault).expect("a code");
            Err(Fault::new(code, Stage::Observe, "as the test wants"))
        }
        Some(answer) => Ok(value(answer)),
        None => Ok(Value::Null),
    })
}

#[test]
fn a_scope_is_begun_broken_watched_and_ended_in_this_order() {
    let source = scope("one", "unit::stop(#{});", "check(\"c\", || true); print(\"body\");");
    let told = run(&format!(
        "step(\"S\", || {{ {source} print(report.gap_ms); print(report.holders[0].hosts); print(report.planned); }});"
    ));
    let expected = [
        "begin S / one",
        "unit.stop",
        "check S / c",
        "pass",
        "print body",
        "end finished",
        "print 250",
        "print [\"dns-edge-2\"]",
        "print false",
    ];
    assert_eq!(told.finished().order(), expected);
}

#[test]
fn what_is_watched_is_told_when_the_scope_begins_and_its_end_names_it() {
    let told = run(
        "during(#{ title: \"t\", fault: || 1, group: \"dns\", heal_after_s: 60,
            probe: #{ primitive: \"dns.query\", arguments: #{ server: \"vip:dns\" }, every_ms: 50 } }, || 1);",
    );
    let FromWorker::ScopeBegin { call_id, watch, .. } = told.finished().frames.first().expect("frames")
    else {
        panic!()
    };
    let Watched { probe: Some(probe), group, heal_after_s } = watch else { panic!() };
    assert_eq!((probe.primitive.as_str(), probe.every_ms, *heal_after_s), ("dns.query", 50, Some(60)));
    assert_eq!(
        (&probe.arguments, group.as_ref().map(|g| g.as_str())),
        (&value(r#"{"server":"vip:dns"}"#), Some("dns"))
    );
    let ends = told.frames.iter().filter_map(|frame| match frame {
        FromWorker::ScopeEnd { scope, .. } => Some(*scope),
        _ => None,
    });
    assert_eq!(ends.collect::<Vec<_>>(), [*call_id]);
}

#[test]
fn a_scope_ends_whatever_is_thrown_in_it_and_then_it_is_thrown_on() {
    for (fault, body) in [
        ("throw \"no\";", ""),
        ("", "throw \"no\";"),
        ("", "expect_eq(\"x\", 1, 2);"),
        ("unit::stop(#{fault: \"port.timeout\"});", ""),
        ("", "skip(\"why\");"),
        ("", "let x = 1; x.nothing();"),
    ] {
        let told = run(&format!("{} print(\"on\");", scope("t", fault, body)));
        told.threw();
        assert_eq!(told.order().last().map(String::as_str), Some("end threw"), "{fault} {body}");
        let caught = run(&format!("try {{ {} }} catch {{ print(\"caught\"); }}", scope("t", fault, body)));
        let order = caught.finished().order();
        assert!(order.ends_with(&["end threw".to_owned(), "print caught".to_owned()]), "{order:?}");
    }
    let told = run(&scope("t", "", "throw \"no\";"));
    let Some(FromWorker::ScopeEnd { ended: ScopeEnded::Threw { message }, .. }) = told.frames.get(1) else {
        panic!()
    };
    assert!(message.starts_with("no at a.rhai:1:"), "{message}");
}

#[test]
fn what_the_host_answers_to_a_scope_is_thrown() {
    let told = run(&scope("begin guard.window", "unit::stop(#{});", "print(\"body\");"));
    assert!(told.threw().contains("[guard.window]"), "{}", told.threw());
    assert_eq!(told.order(), ["begin begin guard.window"], "nothing is broken in a scope that was refused");
    let told = run(&scope("end change.not_restored", "unit::stop(#{});", ""));
    assert!(told.threw().contains("[change.not_restored]"), "{}", told.threw());
    let both = run(&scope("end change.not_restored", "unit::stop(#{});", "throw \"the cause\";"));
    assert!(both.threw().contains("the cause"), "{}", both.threw());
}

#[test]
fn a_limit_says_nothing_of_the_scope_any_more() {
    let mut begin = start(&scope("t", "unit::stop(#{});", "loop { }"));
    begin.limits.operations = 20_000;
    let told = run_start(&begin, &mut host::answer);
    assert!(matches!(told.outcome(), Outcome::Limit { message } if message.contains("operations")));
    assert_eq!(told.order(), ["begin t", "unit.stop"]);
}

#[test]
fn scopes_nest_four_deep_and_end_from_the_inside() {
    let deep = |levels: usize| {
        (0..levels).fold("print(\"in\");".to_owned(), |inner, level| scope(&format!("s{level}"), "", &inner))
    };
    let order = run(&deep(4)).finished().order();
    let expected = [
        "begin s3",
        "begin s2",
        "begin s1",
        "begin s0",
        "print in",
        "end finished",
        "end finished",
        "end finished",
        "end finished",
    ];
    assert_eq!(order, expected);
    let told = run(&deep(5));
    assert!(told.threw().contains("nests deeper than 4"), "{}", told.threw());
    assert_eq!(told.order().iter().filter(|word| *word == "end threw").count(), 4);
}

#[test]
fn a_scope_stands_in_no_check_and_no_branch() {
    let inner = scope("t", "unit::stop(#{});", "");
    let told = run(&format!("par([1], |x| {{ {inner} }});"));
    assert!(told.threw().contains("no `check`, no `par`") && told.calls() == 0, "{}", told.threw());
    let told = run(&format!("check(\"c\", || {{ {inner} }});"));
    assert_eq!(told.finished().order(), ["check c", "error"]);
    let told = run(&scope("t", &format!("abort_when(\"a\", || {{ {inner} true }});"), ""));
    assert!(told.aborted().contains("no condition of `abort_when`"), "{}", told.aborted());
}

#[test]
fn a_scope_that_is_misused_is_never_begun() {
    for (options, says) in [
        ("#{ fault: || 1 }", "needs a `title`"),
        ("#{ title: \"t\" }", "needs a `fault`"),
        ("#{ title: \"t\", fault: 1 }", "needs a `fault`"),
        ("#{ title: \"\", fault: || 1 }", "a title is one line"),
        ("#{ title: \"t\", fualt: || 1 }", "not `fualt`; did you mean `fault`?"),
        ("#{ title: \"t\", fault: || 1, group: \"a b\" }", "`group` of `during` is a name"),
        (
            "#{ title: \"t\", fault: || 1, heal_after_s: 0 }",
            "`heal_after_s` is a whole number from 1 to 3600",
        ),
        ("#{ title: \"t\", fault: || 1, heal_after_s: 4294967297 }", "from 1 to 3600"),
        ("#{ title: \"t\", fault: || 1, probe: 1 }", "is a table"),
        ("#{ title: \"t\", fault: || 1, probe: #{ primitive: \"dns.qeury\" } }", "did you mean `dns.query`?"),
        ("#{ title: \"t\", fault: || 1, probe: #{ primitive: \"dns.query\" } }", "needs `arguments`"),
        (
            "#{ title: \"t\", fault: || 1, probe: #{ primitive: \"dns.query\", arguments: #{} } }",
            "needs `every_ms`",
        ),
        (
            "#{ title: \"t\", fault: || 1, probe: #{ primitive: \"dns.query\", arguments: #{}, every_ms: 9 } }",
            "from 10 to 1000",
        ),
        (
            "#{ title: \"t\", fault: || 1, probe: #{ primitive: \"dns.query\", arguments: #{}, every: 9 } }",
            "not `every`",
        ),
    ] {
        let told = run(&format!("during({options}, || 1);"));
        assert!(told.threw().contains(says), "{options}: {}", told.threw());
        assert!(told.order().is_empty(), "{options}");
    }
}

#[test]
fn a_steady_state_that_holds_is_true_and_one_that_looks_at_nothing_is_refused() {
    let told = run(
        "print(steady_state(\"S\", || { check(\"a\", || true); par([1, 2], |x| check(\"b\", || true)); }));",
    );
    let order = told.finished().order();
    assert_eq!(order.first().map(String::as_str), Some("check S / a"));
    assert_eq!(order.last().map(String::as_str), Some("print true"));
    assert!(run("steady_state(\"S\", || true);").threw().contains("has no check"));
    assert!(
        run("steady_state(\"S\", || steady_state(\"T\", || check(\"a\", || true)));")
            .threw()
            .contains("no other steady")
    );
    assert!(run("par([1], |x| steady_state(\"S\", || check(\"a\", || true)));").threw().contains("no `par`"));
}

#[test]
fn a_steady_state_that_does_not_hold_ends_the_script_before_anything_is_changed() {
    for check in [
        "check(\"c\", || 1 == 2)",
        "check(\"c\", || dns::query(#{fault: \"port.timeout\"}))",
        "check(\"c\", || skip(\"why\"))",
        "par([1, 2], |x| check(\"c\", || x == 1))",
        "step(\"inner\", || check(\"c\", || false))",
    ] {
        let told = run(&format!(
            "try {{ steady_state(\"S\", || {{ {check}; check(\"d\", || true); }}); }} catch {{ }}
             {}",
            scope("t", "unit::stop(#{});", "")
        ));
        let reason = told.aborted();
        assert!(
            reason.starts_with("the steady state does not hold: S /") && reason.contains("c: "),
            "{reason}"
        );
        assert!(told.order().iter().any(|word| word == "check S / d"), "every check of it is looked at");
        assert!(!told.order().iter().any(|word| word == "unit.stop" || word == "begin t"), "{check}");
    }
}

#[test]
fn a_steady_state_within_a_scope_ends_the_scope_as_aborted() {
    let told = run(&scope(
        "t",
        "unit::stop(#{});",
        "steady_state(\"S\", || check(\"c\", || false)); print(\"on\");",
    ));
    assert!(told.aborted().contains("S / c"));
    let order = told.order();
    assert!(order.last().is_some_and(|word| word.starts_with("end aborted: the steady state")), "{order:?}");
    assert!(told.prints().is_empty());
}

#[test]
fn what_is_deferred_disturbs_no_steady_state() {
    let told = run(&format!("steady_state(\"S\", || check(\"c\", || {DEFERRED})); print(\"on\");"));
    assert_eq!(told.finished().order(), ["check S / c", "dns.query", "deferred", "print on"]);
}

#[test]
fn a_condition_is_looked_at_at_once_after_the_fault_and_at_every_try() {
    let source = scope(
        "t",
        "abort_when(\"gone\", || dns::query(#{})); unit::stop(#{});",
        "poll_until(#{timeout_ms: 100, every_ms: 50}, || unit::state(#{}));",
    );
    // At once, the fault, after it; then a try with the condition before it, twice.
    let told = answered(&source, &["false", "null", "false", "false", "false", "false", "true"]);
    let expected = [
        "begin t",
        "dns.query",
        "unit.stop",
        "dns.query",
        "dns.query",
        "unit.state",
        "wait",
        "dns.query",
        "unit.state",
        "end finished",
    ];
    assert_eq!(told.finished().order(), expected);
}

#[test]
fn a_condition_that_holds_or_cannot_be_told_aborts_the_scope_and_the_script() {
    let source = scope(
        "t",
        "abort_when(\"gone\", || dns::query(#{})); unit::stop(#{});",
        "try { poll_until(#{timeout_ms: 100, every_ms: 50}, || unit::state(#{})); } catch { } print(\"on\");",
    );
    for answers in [
        &["true"][..],
        &["false", "null", "true"],
        &["false", "null", "false", "true"],
        &["false", "null", "false", "false", "false", "true"],
        &["false", "null", "port.timeout"],
        &["1"],
    ] {
        let told = answered(&source, answers);
        assert!(told.aborted().starts_with("gone"), "{answers:?}: {}", told.aborted());
        let order = told.order();
        assert!(order.last().is_some_and(|word| word.starts_with("end aborted: gone")), "{order:?}");
        assert!(told.prints().is_empty());
        assert_eq!(order.contains(&"unit.stop".to_owned()), answers.len() > 1, "{answers:?}");
    }
}

#[test]
fn a_condition_of_an_outer_scope_holds_for_the_inner_one_too_and_ends_with_its_own() {
    let inner = scope("inner", "", "poll_until(#{timeout_ms: 100, every_ms: 50}, || true);");
    let source = scope("outer", "abort_when(\"gone\", || dns::query(#{}));", &inner);
    let told = answered(&source, &["false", "false", "false", "true"]);
    assert_eq!(told.aborted(), "gone");
    let ends = told.order().iter().filter(|word| *word == "end aborted: gone").count();
    assert_eq!(ends, 2);
    let over = scope("first", "abort_when(\"gone\", || dns::query(#{}));", "");
    let after = scope("second", "", "poll_until(#{timeout_ms: 100, every_ms: 50}, || true);");
    let told = answered(&format!("{over} {after}"), &["false", "false", "true"]);
    assert_eq!((told.calls(), told.finished().order().len()), (2, 6));
}

#[test]
fn an_abort_within_a_check_ends_the_check_first() {
    let source = scope(
        "t",
        "abort_when(\"gone\", || dns::query(#{}));",
        "check(\"c\", || poll_until(#{timeout_ms: 100, every_ms: 50}, || true)); print(\"on\");",
    );
    let told = answered(&source, &["false", "false", "true"]);
    assert_eq!(
        told.order(),
        ["begin t", "dns.query", "dns.query", "check c", "dns.query", "error", "end aborted: gone"]
    );
    // What a condition asks is no call of the check that waits.
    for frame in &told.frames {
        if let FromWorker::Call { check, .. } = frame {
            assert_eq!(*check, None);
        }
    }
    let (_, _, verdict) = told.checks().into_iter().next().expect("a check");
    assert!(matches!(verdict, Some(Verdict::Error { fault: None, message }) if message == "cut short: gone"));
}

#[test]
fn an_abort_is_swallowed_by_nothing() {
    let source = scope(
        "t",
        "abort_when(\"gone\", || dns::query(#{}));",
        "let swallow = || poll_until(#{timeout_ms: 100, every_ms: 50}, || true);
         [2, 1].sort(|a, b| { swallow.call(); 1 }); unit::stop(#{}); print(\"on\");",
    );
    let told = answered(&source, &["false", "false", "true"]);
    assert_eq!(told.aborted(), "gone");
    assert_eq!(told.order(), ["begin t", "dns.query", "dns.query", "dns.query", "end aborted: gone"]);
}

#[test]
fn a_condition_stands_in_a_scope_and_nowhere_else() {
    assert!(run("abort_when(\"a\", || true);").threw().contains("body of a `during`"));
    let told = run(&scope("t", "par([1], |x| abort_when(\"a\", || true));", ""));
    assert!(told.threw().contains("no `check`, no `par`"), "{}", told.threw());
    let told = run(&scope("t", "abort_when(\"\", || true);", ""));
    assert!(told.threw().contains("a title is one line"), "{}", told.threw());
    let told = run(&scope("t", "abort_when(\"a\", || { check(\"c\", || true); false });", ""));
    assert!(told.aborted().contains("cannot stand in a condition"), "{}", told.aborted());
}

#[test]
fn a_condition_of_a_module_sees_its_module_wherever_it_is_looked_at() {
    let mut begin = start(
        "import \"lib/a\" as a;
         during(#{ title: \"t\", fault: || a::watch() }, || poll_until(#{timeout_ms: 100, every_ms: 50}, || true));",
    );
    let lib = "fn watch() { abort_when(\"gone\", || lost(#{})); } fn lost(m) { dns::query(m) }";
    begin.modules = [("lib/a".to_owned(), lib.to_owned())].into();
    let told = run_start(&begin, &mut |_| Ok(false.into()));
    assert_eq!((told.finished().calls(), told.order().last().map(String::as_str)), (3, Some("end finished")));
}

#[test]
fn the_parts_of_a_scope_may_come_from_a_module() {
    let mut begin =
        start("import \"lib/a\" as a; fn stop() { unit::stop(#{}) } a::rehearse(\"dns\", || stop());");
    let lib = "fn rehearse(front, fault) { steady(front); let report = during(#{ title: front, fault: fault }, || steady(front)); check(\"gap\", || expect_true(\"gap\", report.gap_ms < 300)); }
        fn steady(front) { steady_state(\"steady\", || check(front, || fine())); } fn fine() { true }";
    begin.modules = [("lib/a".to_owned(), lib.to_owned())].into();
    let told = run_start(&begin, &mut host::answer);
    let expected = [
        "check steady / dns",
        "pass",
        "begin dns",
        "unit.stop",
        "check steady / dns",
        "pass",
        "end finished",
        "check gap",
        "pass",
    ];
    assert_eq!(told.finished().order(), expected);
}

#[test]
fn what_is_stable_holds_without_interruption() {
    let source =
        "print(await_stable(#{ seconds: 1, timeout_ms: 10000, every_ms: 500 }, || dns::query(#{})));";
    let told = answered(source, &["true", "true", "false", "true", "port.timeout", "true", "true", "true"]);
    // Three tries in a row span two waits of half a second.
    assert_eq!((told.finished().calls(), told.prints()), (8, vec!["true"]));
    assert_eq!(told.order().iter().filter(|word| *word == "wait").count(), 7);
}

#[test]
fn what_never_lasts_is_a_failed_expectation() {
    let source = "check(\"c\", || await_stable(#{ seconds: 1, timeout_ms: 2000, every_ms: 1000 }, || dns::query(#{})));";
    let told = answered(source, &["true", "false", "true"]);
    let (_, _, verdict) = told.finished().checks().into_iter().next().expect("a check");
    let Some(Verdict::Fail { what, .. }) = verdict else { panic!("{verdict:?}") };
    assert!(what.contains("not for 1 s on end within 2000 ms"), "{what}");
    for (options, says) in [
        ("#{ seconds: 3, timeout_ms: 2000, every_ms: 1000 }", "can never last"),
        ("#{ timeout_ms: 2000, every_ms: 1000 }", "needs `seconds`"),
        ("#{ seconds: 9223372036854775807, timeout_ms: 2000, every_ms: 1000 }", "can never last"),
        ("#{ seconds: 1, timeout_ms: 2000, every_ms: 1000, x: 1 }", "not `x`"),
    ] {
        let told = run(&format!("await_stable({options}, || true)"));
        assert!(told.threw().contains(says), "{}", told.threw());
    }
}

#[test]
fn a_check_on_what_is_only_planned_is_deferred() {
    for body in [
        DEFERRED.to_owned(),
        format!("poll_until(#{{timeout_ms: 9000, every_ms: 10}}, || {DEFERRED})"),
        format!("await_stable(#{{seconds: 1, timeout_ms: 9000, every_ms: 10}}, || {DEFERRED})"),
        format!(
            "poll_until(#{{timeout_ms: 9000, every_ms: 10}}, || poll_until(#{{timeout_ms: 90, every_ms: 10}}, || {DEFERRED}))"
        ),
        format!("par([1], |x| {DEFERRED})"),
        format!("step(\"s\", || {DEFERRED})"),
    ] {
        let told = run(&format!("check(\"c\", || {{ {body} }}); print(\"on\");"));
        assert_eq!(told.finished().order(), ["check c", "dns.query", "deferred", "print on"], "{body}");
    }
}

#[test]
fn waiting_for_what_is_only_planned_ends_at_once_and_gives_nothing_to_branch_on() {
    for poll in ["poll_until(#{", "await_stable(#{seconds: 1, "] {
        let wait = format!("{poll}timeout_ms: 9000, every_ms: 10}}, || {DEFERRED})");
        let told = run(&format!("{wait}; let x = {wait}; print(x == ());"));
        assert_eq!((told.finished().prints(), told.calls()), (vec!["true"], 2));
        for branching in
            [format!("if {wait} {{ }}"), format!("while !{wait} {{ }}"), format!("let x = {wait} && true;")]
        {
            assert!(run(&branching).threw().contains("a.rhai:1:"), "{branching}");
        }
    }
    let told = run(&format!("if check(\"c\", || {DEFERRED}) {{ print(\"on\"); }}"));
    assert!(told.threw().contains("a.rhai:1:") && told.prints().is_empty());
}

#[test]
fn what_is_only_planned_and_asked_outside_checks_and_polls_ends_the_script() {
    let told = run(&format!("let answer = {DEFERRED};"));
    assert!(told.threw().contains("nobody knows it before the planned changes are made"), "{}", told.threw());
    let told =
        run(&scope("t", "abort_when(\"a\", || dns::query(#{fault: \"plan.deferred\"}));", "print(\"on\");"));
    assert_eq!(told.finished().prints(), ["on"], "a condition that nobody can know aborts nothing");
}

#[test]
fn the_report_of_a_planned_scope_has_its_fields_and_nobody_knows_them() {
    let plan = scope("planned", "unit::stop(#{});", "");
    for field in ["gap_ms", "sent", "lost", "holders"] {
        let told = run(&format!(
            "{plan} check(\"c\", || expect_eq(\"x\", report.{field}, 0)); print(report.planned);"
        ));
        let order = told.finished().order();
        assert!(
            order.ends_with(&["check c", "deferred", "print true"].map(str::to_owned)),
            "{field}: {order:?}"
        );
        assert!(run(&format!("{plan} print(report.{field});")).threw().contains("only planned"));
    }
    let told = run(&format!("{plan} check(\"c\", || report.gap <= 1);"));
    assert!(matches!(told.checks().first(), Some((_, _, Some(Verdict::Error { .. })))), "a slip stays one");
}

#[test]
fn people_are_told_with_their_roles_and_only_in_words() {
    let told = run(
        "human(\"comms\", \"Ada\", \"told them\"); conductor(\"Ada\", \"go\"); observer(\"Bob\", \"gone\"); decision(\"Ada\", \"on\");",
    );
    assert_eq!(told.finished().order(), ["comms Ada", "conductor Ada", "observer Bob", "decision Ada"]);
    for wrong in [
        "human(\"\", \"Ada\", \"x\")",
        "human(\"a\\nb\", \"Ada\", \"x\")",
        "conductor(\" \", \"x\")",
        "observer(\"Ada\", \"\")",
    ] {
        let told = run(wrong);
        assert!(told.order().is_empty() && !told.threw().is_empty(), "{wrong}");
    }
    assert!(run("conductor(\"Ada\")").threw().contains("conductor"));
}
