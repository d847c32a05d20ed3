//! Scripts that mean harm, each in a worker process of its own: the host always gets an outcome or sees a dead process.
//!
//! The process is this test program again, running the one test that is the worker program.

mod host;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};

use fabric_model::check::Verdict;
use fabric_model::door::{self, FromWorker, Outcome, Start};
use host::{Told, start};

#[test]
#[ignore = "not a test but the worker program, which the tests start"]
fn worker_program() {
    let _exit_code = fabric_script::worker::main();
}

fn spawn(stdin: UnixStream) -> Child {
    Command::new("/proc/self/exe")
        .args(["--exact", "worker_program", "--ignored", "--nocapture", "--test-threads=1"])
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(stdin)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program starts again")
}

/// Runs a script in a process; returns what it told and how it died.
fn run_begun(begin: &Start) -> (Told, ExitStatus) {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    let mut child = spawn(theirs);
    let told = host::play(ours, begin, &mut host::answer);
    (told, child.wait().expect("it was started"))
}

fn begin(source: &str) -> Start {
    let mut begin = start(source);
    begin.limits.operations = 300_000;
    begin
}

fn run(source: &str) -> Told {
    run_begun(&begin(source)).0
}

#[test]
fn what_never_ends_reaches_the_limit_on_operations() {
    for endless in [
        "loop { }",
        "let x = 0; while true { x += 1; }",
        "for i in 0..9223372036854775807 { }",
        "[3, 2, 1].sort(|a, b| { loop { } });",
        "let m = #{}; loop { m.a = 1; }",
        "fn f() { loop { } } f();",
        "step(\"s\", || { loop { } });",
        "poll_until(#{timeout_ms: 1000, every_ms: 1000}, || { loop { } });",
        "par([1, 2, 3], |x| { loop { } });",
        "let all = []; for i in 0..200 { all.push(i); } par(all, |x| { for i in 0..5000 { } });",
    ] {
        let told = run(endless);
        assert!(told.limit().contains("operations"), "{endless}: {}", told.limit());
    }
}

#[test]
fn functions_over_much_reach_the_limit_on_computing() {
    // Each call is one operation and takes milliseconds.
    let text = "let s = \"ä\"; for i in 0..18 { s += s; }";
    for endless in [
        "loop { try { s.to_upper(); } catch { print(\"caught\"); } }",
        "par([1], |x| { loop { s.to_upper(); } });",
    ] {
        let told = run(&format!("{text} {endless}"));
        assert!(told.limit().starts_with("more than 10 seconds of computing"), "{endless}: {}", told.limit());
        assert_eq!(told.prints(), [""; 0], "{endless}");
    }
}

#[test]
fn a_limit_cannot_be_caught() {
    for caught in [
        "loop { try { loop { } } catch (e) { print(\"caught\"); } }",
        "fn f() { loop { } } loop { try { f(); } catch { print(\"caught\"); } }",
        "try { check(\"c\", || { loop { } }); } catch { print(\"caught\"); }",
        "check(\"c\", || { try { loop { } } catch { print(\"caught\"); } });",
        "try { par([1], |x| { try { loop { } } catch { print(\"caught\"); } }); } catch { print(\"caught\"); }",
        "try { poll_until(#{timeout_ms: 1000, every_ms: 10}, || { loop { } }) } catch { print(\"caught\"); }",
        "let s = \"x\"; try { loop { s += s; } } catch { print(\"caught\"); }",
        "fn f(s) { loop { s += s; } } try { f(\"x\"); } catch { print(\"caught\"); }",
        "fn f() { f() } try { f(); } catch { print(\"caught\"); }",
        "check(\"c\", || { let a = [1]; try { loop { a += a; } } catch { print(\"caught\"); } });",
    ] {
        let told = run(caught);
        assert!(told.prints().is_empty(), "{caught}: {:?}", told.outcome());
        told.limit();
        assert!(!told.checks().iter().any(|(_, _, verdict)| *verdict == Some(Verdict::Pass)), "{caught}");
    }
}

#[test]
fn what_grows_reaches_a_limit_on_sizes() {
    for (growing, says) in [
        ("let s = \"x\"; for i in 0..26 { s += s; }", "length of string"),
        ("let a = [1]; loop { a += a; }", "size of array"),
        ("let a = []; loop { a.push(1); }", "size of array"),
        ("let a = []; a.pad(1099511627776, 0);", "size of array"),
        ("let s = \"\"; s.pad(1099511627776, 'x');", "length of string"),
        ("let m = #{}; for i in 0..1000 { m.set(`k${i}`, i); } let a = [m]; loop { a += a; }", "object map"),
        ("fn f(x) { f(x + 1) } f(1);", "stack overflow"),
        ("fn f() { step(\"s\", || f()) } f();", "steps"),
        ("let f = |g| g.call(g); f.call(f);", "stack overflow"),
    ] {
        let told = run(growing);
        match told.outcome() {
            Outcome::Limit { message } => {
                assert!(message.to_lowercase().contains(says), "{growing}: {message}")
            }
            // Steps have a limit of their own, which is an ordinary error.
            Outcome::Threw { message } => assert!(says == "steps", "{growing}: {message}"),
            Outcome::Finished | Outcome::Aborted { .. } => unreachable!("{growing}"),
        }
    }
}

#[test]
fn a_gigabyte_of_output_stops_at_the_limit() {
    for loud in [
        "let s = \"x\"; for i in 0..16 { s += s; } loop { print(s); }",
        "loop { print(\"\"); }",
        "let s = \"x\"; for i in 0..16 { s += s; } par([1, 2, 3], |x| { loop { note(s); } });",
        "let s = \"x\"; for i in 0..16 { s += s; } loop { debug(s); }",
    ] {
        let mut begin = begin(loud);
        begin.limits.operations = 20_000_000;
        let told = run_begun(&begin).0;
        assert!(told.limit().contains("bytes of output"), "{loud}: {}", told.limit());
        let printed: usize = told.prints().iter().map(|text| text.len()).sum();
        assert!(printed <= 1 << 20, "{printed}");
    }
    let told = run("let s = \"x\"; for i in 0..14 { s += s; } loop { check(\"c\", || fail(s, [s], s)); }");
    let sent: usize =
        told.frames.iter().map(|frame| serde_json::to_string(frame).expect("a frame").len()).sum();
    assert!(told.limit().len() < 1_000 && sent < 70 << 20, "{sent}");
}

#[test]
fn deep_values_end_in_an_outcome_or_a_death_that_the_host_sees() {
    for (deep, levels) in [
        ("let a = #{}; for i in 0..LEVELS { a = #{x: a}; }", 6_000),
        ("let a = []; for i in 0..LEVELS { a = [a]; }", 1_000),
        ("let a = #{}; for i in 0..LEVELS { a = #{x: a}; } dns::query(a);", 1_000),
        ("let a = #{}; for i in 0..LEVELS { a = #{x: a}; } print(a);", 1_000),
        ("let a = #{}; for i in 0..LEVELS { a = #{x: a}; } throw a;", 1_000),
        ("let a = #{}; for i in 0..LEVELS { a = #{x: a}; } check(\"c\", || expect_eq(\"a\", a, a));", 1_000),
        ("let a = #{}; for i in 0..LEVELS { a = #{x: a}; } par([a], |x| x);", 1_000),
        ("let f = || 0; for i in 0..LEVELS { let g = f; f = || g.call(); } f.call();", 20_000),
    ] {
        let (told, status) = run_begun(&begin(&deep.replace("LEVELS", &levels.to_string())));
        let ended = matches!(told.frames.last(), Some(FromWorker::End { .. }));
        assert!(ended || !status.success(), "{deep}: neither an end nor a death");
        assert_eq!(told.calls(), 0, "{deep}: a call with a value over the depth limit");
        let passed = told.checks().iter().any(|(_, _, verdict)| *verdict == Some(Verdict::Pass));
        assert!(!passed, "{deep}");
    }
}

#[test]
fn a_table_that_the_engine_does_not_count_ends_at_the_memory_limit() {
    let mut eager = begin(
        "let s = \"x\"; for i in 0..19 { s += s; } let m = #{}; for i in 0..100000 { m[`k${i}`] = s + i; } print(\"all\");",
    );
    eager.limits.operations = 100_000_000;
    let (told, status) = run_begun(&eager);
    assert!(told.frames.is_empty(), "{:?}", told.frames.last());
    assert!(!status.success());
}

#[test]
fn imports_of_themselves_and_of_each_other_are_refused() {
    let mut own = begin("import \"a\" as a;");
    own.modules.insert("a".into(), "import \"a\" as a;".into());
    assert!(run_begun(&own).0.threw().contains("a cycle of imports: a -> a"));
    let mut two = begin("import \"a\" as a;");
    two.modules.insert("a".into(), "fn f() { import \"b\" as b; }".into());
    two.modules.insert("b".into(), "import \"a\" as a;".into());
    assert!(run_begun(&two).0.threw().contains("cycle"));
    assert!(run("import \"nowhere\" as a;").threw().contains("nowhere"));
    assert!(run("import \"/etc/passwd\" as a;").threw().contains("not the path of a module"));
    assert!(run("let p = \"a\"; import p as a;").threw().contains("computed"));
}

#[test]
fn text_is_never_run_and_names_of_the_host_are_never_taken() {
    for (sly, says) in [
        ("eval(\"1\")", "`eval` does not exist"),
        ("let e = \"ev\" + \"al\"; Fn(e).call(\"1\")", "eval"),
        ("import \"x\" as dns;", "named like a namespace"),
        ("fn check(a, b) { true }", "would hide"),
        ("fn print(a) { }", "reserved"),
        ("let site = 1;", "named like a namespace"),
        ("sleep(10);", "sleep"),
        ("exit();", "exit"),
        ("timestamp();", "timestamp"),
        ("Fn(\"dns::query\").call(#{});", ""),
        ("Fn(\"query\").call(#{});", "query"),
    ] {
        let mut begin = begin(sly);
        begin.modules.insert("x".into(), "fn query(x) { 1 }".into());
        let told = run_begun(&begin).0;
        assert!(told.threw().contains(says), "{sly}: {}", told.threw());
        assert_eq!(told.calls(), 0);
    }
}

#[test]
fn weird_throws_never_pass() {
    for weird in [
        "throw;",
        "throw ();",
        "throw || 1;",
        "throw 1..2;",
        "throw #{code: 1};",
        "throw #{code: \"expectation\"};",
        "throw #{code: \"skip\", reason: [1]};",
        "throw #{code: \"port.timeout\"};",
        "throw \"\\u0000\\u202e äöü 🦀\";",
        "let s = \"🦀\"; for i in 0..15 { s += s; } throw s;",
        "return false;",
        "throw [[[[1]]]];",
    ] {
        let told = run(&format!("check(\"c\", || {{ {weird} }}); print(\"on\");"));
        assert_eq!(told.prints(), ["on"], "{weird}: {:?}", told.outcome());
        let verdict = told.checks().into_iter().next().and_then(|(_, _, verdict)| verdict).expect("it ended");
        assert!(verdict != Verdict::Pass, "{weird}");
        if !weird.starts_with("return") {
            assert!(run(weird).threw().len() < 5_000, "{weird}");
        }
    }
}

#[test]
fn closures_that_hold_themselves_stay_in_their_branch() {
    let told = run("let f = || 0; f = || f.call(); par([1, 2], |x| f);");
    assert!(told.threw().contains("nest deeper"), "{:?}", told.outcome());
    let told = run("let m = #{}; let g = || m; m.g = g; try { par([m], |x| x); } catch { } print(\"on\");");
    assert!(matches!(told.outcome(), Outcome::Finished | Outcome::Threw { .. }), "{:?}", told.outcome());
}

#[test]
fn ten_thousand_branches_are_done_and_twice_as_many_more_are_too_many() {
    let list =
        "let all = []; for i in 0..100 { all.push(i); } let more = []; for i in 0..99 { more += all; }";
    let mut many = begin(&format!("{list} let done = par(more, |x| x); print(done.len());"));
    many.limits.operations = 10_000_000;
    assert_eq!(run_begun(&many).0.finished().prints(), ["9900"]);
    many.source = format!("{list} par(more, |x| par(more, |y| y));");
    assert!(run_begun(&many).0.limit().contains("branches"));
}

#[test]
fn names_and_texts_of_every_script_are_carried() {
    let told =
        run("let s = \"Zürich 🦀 \u{202e}\"; check(s, || expect_eq(s, dns::query(#{s: s}).s, s)); print(s);");
    assert!(matches!(told.finished().checks().first(), Some((_, _, Some(Verdict::Pass)))));
    assert!(matches!(run("check(\"two\\nlines\", || true)").outcome(), Outcome::Threw { .. }));
}

#[test]
fn source_that_nests_or_is_broken_is_refused() {
    for (broken, limit) in [
        ("(".repeat(50_000), true),
        ("!".repeat(50_000), true),
        (format!("let x = 1{};", "+1".repeat(50_000)), true),
        ("`${".repeat(20_000), true),
        ("let x = ;".to_owned(), false),
        ("\u{0}".to_owned(), false),
        ("let x = nowhere;".to_owned(), false),
    ] {
        let told = run(&broken);
        let as_meant =
            if limit { matches!(told.outcome(), Outcome::Limit { .. }) } else { !told.threw().is_empty() };
        assert!(as_meant, "{:?}", told.outcome());
    }
}

#[test]
fn a_worker_without_its_host_ends() {
    for busy in ["loop { }", "dns::query(#{});", "par([1, 2], |x| dns::query(#{}));"] {
        let (mut ours, theirs) = UnixStream::pair().expect("a pair");
        let mut child = spawn(theirs);
        let mut endless = start(busy);
        endless.limits.operations = u64::MAX;
        door::write(&mut ours, &endless).expect("the worker reads its start");
        drop(ours);
        child.wait().expect("it was started");
    }
}

#[test]
fn a_host_that_sends_garbage_ends_the_worker() {
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 0, 0, 2, b'{', b'}'], &[0xff; 64]] {
        let (mut ours, theirs) = UnixStream::pair().expect("a pair");
        let mut child = spawn(theirs);
        let mut endless = start("loop { }");
        endless.limits.operations = u64::MAX;
        door::write(&mut ours, &endless).expect("the worker reads its start");
        std::io::Write::write_all(&mut ours, garbage).expect("the worker still reads");
        child.wait().expect("it was started");
    }
}

#[test]
fn a_reply_to_a_call_that_is_not_open_ends_the_worker() {
    let (mut ours, theirs) = UnixStream::pair().expect("a pair");
    let mut child = spawn(theirs);
    let mut endless = start("loop { }");
    endless.limits.operations = u64::MAX;
    door::write(&mut ours, &endless).expect("the worker reads its start");
    let stray = door::Reply { call_id: 7, result: Ok(fabric_model::Value::Null) };
    door::write(&mut ours, &stray).expect("the worker still reads");
    child.wait().expect("it was started");
}
