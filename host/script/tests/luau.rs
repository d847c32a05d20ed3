//! What is Luau's own: what a script may use, what ends it, and where its errors are said to be.

mod host;

use std::collections::BTreeMap;

use fabric_model::check::{Place, Verdict};
use fabric_model::door::{FromWorker, Outcome, Start};
use host::{Told, answer, run_start, start};

fn begin(body: &str) -> Start {
    let mut begin = start(body);
    begin.path = "a.luau".to_owned();
    begin
}

fn run(body: &str) -> Told {
    run_start(&begin(body), &mut answer)
}

fn run_with(body: &str, modules: &[(&str, &str)]) -> Told {
    let modules: BTreeMap<_, _> =
        modules.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    run_start(&Start { modules, ..begin(body) }, &mut answer)
}

/// A script with few operations, so that what never ends does.
fn limited(body: &str) -> Told {
    let mut begin = begin(body);
    begin.limits.operations = 200_000;
    run_start(&begin, &mut answer)
}

#[test]
fn nothing_is_there_that_a_script_cannot_need() {
    for name in [
        "load",
        "loadstring",
        "dofile",
        "loadfile",
        "getfenv",
        "setfenv",
        "getmetatable",
        "setmetatable",
        "collectgarbage",
        "gcinfo",
        "newproxy",
        "coroutine",
        "os",
        "io",
        "package",
        "buffer",
        "vector",
        "_G",
        "rawset",
        "task",
        "shared",
        "integer",
    ] {
        let told = run(&format!("note(type({name}))"));
        let threw = !matches!(told.frames.last(), Some(FromWorker::End { outcome: Outcome::Finished }));
        assert!(threw || told.prints() == ["nil"], "`{name}` is there: {told:?}");
    }
    assert_eq!(
        run("note(type(debug) .. type(math.random) .. type(debug.info))").prints(),
        Vec::<String>::new()
    );
}

#[test]
fn the_environment_is_the_whole_of_what_a_script_has() {
    let told = run(
        "local all = {} for _, t in {string, table, math, utf8, bit32, dns, site} do for name in t do table.insert(all, name) end end table.sort(all) note(table.concat(all, \" \"))",
    );
    assert_eq!(
        told.prints(),
        [
            "abs acos arshift asin atan atan2 band bnot bor btest bxor byte byteswap ceil char char charpattern clamp \
          clear clone codepoint codes concat cos cosh countlz countrz create deg e environment environments exp extract \
          find find floor fmod foreach foreachi format freeze frexp getn gmatch gsub host hosts huge info insert \
          isfinite isfrozen isinf isnan ldexp len len lerp log log10 lower lrotate lshift map match max maxn min modf move \
          nan node nodes offset pack pack packsize phi pi plane planes pow query rad remove rep replace reverse round \
          rrotate rshift sign sin sinh sort split sqrt sqrt2 sub tan tanh tau unpack unpack upper vip vips zone zones"
        ]
    );
}

#[test]
fn nothing_of_the_host_is_taken_or_changed() {
    for attack in [
        "dns.query = 1",
        "site.host = 1",
        "string.rep = 1",
        "x = 1",
        "check = function() return true end",
        "function dns.query() end",
        "rawset(dns, \"query\", 1)",
        "table.insert(dns, 1)",
        "table.clear(dns)",
        "(\"\").rep = 1",
    ] {
        let told = run(&format!("{attack}\nnote(\"taken\")"));
        assert!(told.prints().is_empty(), "{attack}: {told:?}");
        assert!(
            matches!(told.frames.last(), Some(FromWorker::End { outcome: Outcome::Threw { .. } })),
            "{attack}"
        );
    }
}

#[test]
fn the_machine_answers_no_call_of_what_a_script_does_not_have() {
    // It has these built in, and would answer such a call without looking for the name.
    for call in [
        "getmetatable(\"\")",
        "getmetatable(site.vip(\"dns\"))",
        "math.noise(1)",
        "rawset({}, 1, 1)",
        "setmetatable({}, {})",
        "vector.create(1, 2, 3)",
        "vector.magnitude(1)",
        "buffer.readu8(1, 1)",
    ] {
        let told = run(&format!("local answer = {call} note(\"answered\")"));
        assert!(told.prints().is_empty(), "{call}: {told:?}");
        assert!(told.threw().contains("nil"), "{call}: {}", told.threw());
    }
}

#[test]
fn only_text_is_run() {
    // What a compiler makes of `return 1`: a version, no strings, one function.
    for source in ["\u{6}\u{3}\u{0}\u{1}", "\u{1b}Lua", "\u{0}"] {
        let told = run(source);
        assert!(
            matches!(told.frames.as_slice(), [FromWorker::End { outcome: Outcome::Threw { .. } }]),
            "{told:?}"
        );
    }
}

#[test]
fn what_never_ends_reaches_the_limit_and_nothing_catches_that() {
    for endless in [
        "while true do end",
        "for i = 1, math.huge do end",
        "repeat until false",
        "pcall(function() while true do end end) note(\"on\")",
        "xpcall(function() while true do end end, function() end) note(\"on\")",
        "while true do pcall(function() while true do end end) end",
        "xpcall(function() while true do end end, function() while true do end end)",
        "table.sort({3, 2, 1}, function() while true do end end)",
        "string.gsub(\"aaaa\", \"a\", function() while true do end end)",
        "check(\"c\", function() while true do end end) note(\"on\")",
        "par({1, 2}, function() while true do end end) note(\"on\")",
        "step(\"s\", function() pcall(function() while true do end end) end) note(\"on\")",
        "poll_until({timeout_ms = 1000, every_ms = 1000}, function() while true do end end)",
    ] {
        let told = limited(endless);
        assert!(told.prints().is_empty(), "{endless}: {told:?}");
        assert!(
            matches!(told.frames.last(), Some(FromWorker::End { outcome: Outcome::Limit { message } }) if message.starts_with("more than 200000 operations")),
            "{endless}: {:?}",
            told.frames.last()
        );
    }
}

#[test]
fn a_pattern_that_goes_back_and_forth_reaches_the_limit_on_computing() {
    let mut start =
        begin("pcall(string.find, string.rep(\"a\", 100000), string.rep(\"a*\", 30) .. \"b\") note(\"on\")");
    start.limits.operations = u64::MAX;
    let told = run_start(&start, &mut answer);
    assert!(told.prints().is_empty(), "{told:?}");
    assert!(
        matches!(told.frames.last(), Some(FromWorker::End { outcome: Outcome::Limit { message } }) if message == "more than 10 seconds of computing"),
        "{:?}",
        told.frames.last()
    );
}

#[test]
fn memory_is_limited_and_its_end_is_caught_by_nothing() {
    for hungry in [
        "local x = string.rep(\"x\", 1000000000)",
        "local t = {} for i = 1, 1000 do t[i] = string.rep(\"x\", 1000000) .. i end",
        "pcall(string.rep, \"x\", 1000000000) note(\"on\")",
        "xpcall(string.rep, function() end, \"x\", 1000000000) note(\"on\")",
        "check(\"c\", function() local x = string.rep(\"x\", 1000000000) end) note(\"on\")",
        "local t = table.create(60000000) note(\"on\")",
    ] {
        let told = run(hungry);
        assert!(told.prints().is_empty(), "{hungry}: {told:?}");
        assert!(
            matches!(told.frames.last(), Some(FromWorker::End { outcome: Outcome::Limit { .. } })),
            "{hungry}: {:?}",
            told.frames.last()
        );
    }
}

#[test]
fn deep_recursion_and_deep_values_end_in_an_outcome() {
    for deep in [
        "local function f(n) return 1 + f(n + 1) end f(1)",
        "local t = {} for i = 1, 200000 do t = {t} end dns.query{t = t}",
        "local t = {} t.t = t dns.query(t)",
        "local t = {} t.t = t par({t}, function() end)",
        "local function f() return f() end f()",
        "local function f() step(\"s\", f) end f()",
        "local function f() poll_until({timeout_ms = 1, every_ms = 1}, f) end f()",
        "local function f() pcall(f) error(\"x\") end f()",
    ] {
        let told = run(deep);
        assert!(
            matches!(told.frames.last(), Some(FromWorker::End { .. })),
            "{deep}: {:?}",
            told.frames.last()
        );
        assert!(
            !matches!(told.frames.last(), Some(FromWorker::End { outcome: Outcome::Finished })),
            "{deep}: {:?}",
            told.frames.last()
        );
    }
}

#[test]
fn a_field_that_is_not_there_is_a_slip_and_one_that_is_nothing_is_nothing() {
    let told =
        run("local r = parse_json('{\"holder\": \"a\", \"gone\": null}') note(`{r.gone}`) note(r.holdr)");
    assert_eq!(told.prints(), ["nil"]);
    assert_eq!(
        told.threw(),
        "there is no field `holdr`; did you mean `holder`? [script.argument] at a.luau:1"
    );
}

#[test]
fn what_cannot_cross_is_refused_and_says_why() {
    for (value, says) in [
        ("{1, x = 2}", "neither a list nor a table of names"),
        ("{[1] = 1, [3] = 3}", "neither a list nor a table of names"),
        ("{[true] = 1}", "neither a list nor a table of names"),
        ("\"\\255\"", "text that is not UTF-8"),
        ("{[\"\\255\"] = 1}", "neither a list nor a table of names"),
        ("math.huge", "not finite"),
        ("print", "a function cannot leave"),
    ] {
        let told = run(&format!("dns.query{{x = {value}}}"));
        assert!(told.threw().contains(says), "{value}: {}", told.threw());
    }
    let told = run("parse_json(\"9007199254740993\")");
    assert!(
        told.threw().contains("9007199254740993 is beyond what a number of Luau holds exactly"),
        "{}",
        told.threw()
    );
}

#[test]
fn an_error_is_said_to_be_where_it_was_thrown() {
    for (body, says) in [
        ("\n\nerror(\"x\")", "x at a.luau:3"),
        (
            "local function f()\n  local x = nil + 1\nend\n\nf()",
            "attempt to perform arithmetic (add) on nil and number at a.luau:2, called at a.luau:5",
        ),
        (
            "local function f()\n  fail(\"x\", 1, 2)\nend\nf()",
            "expectation outside any check: x: expected 2, observed 1 at a.luau:2, called at a.luau:4",
        ),
        (
            "local _, e = pcall(param, \"x\")\n\nerror(e)",
            "the script declares no parameter `x` [script.argument] at a.luau:1",
        ),
        ("\nlocal x = = 1", "a.luau:2: expected identifier when parsing expression, got '='"),
        ("error()", "nothing was thrown at a.luau:1"),
    ] {
        assert_eq!(run(body).threw(), says, "{body}");
    }
}

#[test]
fn modules_are_run_once_on_a_branch_and_shared_by_nobody() {
    let module = "note(\"run\") local m = {n = 1} function m.ask() return dns.query{n = m.n}.n end return m";
    let told = run_with(
        "local a = require(\"lib/x\") local b = require \"lib/x\" note(tostring(a == b)) note(tostring(a.ask()))\n\
         par({1}, function() local c = require(\"lib/x\") note(tostring(c == a)) end)\n\
         note(tostring(pcall(function() a.n = 2 end)))",
        &[("lib/x", module)],
    );
    assert_eq!(told.finished().prints(), ["run", "true", "1", "true", "false"]);
    let told = run_with("par({1, 2}, function() require(\"lib/x\") end)", &[("lib/x", module)]);
    assert_eq!(told.finished().prints(), ["run", "run"]);
    let told = run_with("require(\"lib/x\")", &[("lib/x", "\nerror(\"in it\")")]);
    assert_eq!(told.threw(), "in it at lib/x.luau:2, called at a.luau:1");
    let told = run_with("require(\"lib/x\")", &[("lib/x", "local x = 1")]);
    assert!(told.threw().contains("the module `lib/x` returns nothing"), "{}", told.threw());
    let told = run_with("local r = pcall(function() return require end)", &[]);
    assert!(told.threw().contains("`require` stands before anything but"), "{}", told.threw());
    let told =
        run_with("require(\"lib/x\")", &[("lib/x", "require(\"lib/y\")"), ("lib/y", "require(\"lib/x\")")]);
    assert!(told.threw().contains("a cycle of imports"), "{}", told.threw());
}

#[test]
fn five_hundred_branches_do_their_work_and_keep_their_order_and_places() {
    let told = run("local list = {} for i = 1, 500 do list[i] = i end\n\
         local found = par(list, function(n) local a = dns.query{n = n}.n return a + dns.query{n = n}.n end)\n\
         for i = 1, 500 do if found[i] ~= 2 * i then error(`wrong at {i}`) end end");
    told.finished();
    let mut places: Vec<Place> = told
        .frames
        .iter()
        .filter_map(|frame| match frame {
            FromWorker::Call { place, .. } => Some(place.clone()),
            _ => None,
        })
        .collect();
    places.sort();
    let wanted: Vec<Place> = (0..500).flat_map(|n| [Place(vec![0, n, 0]), Place(vec![0, n, 1])]).collect();
    assert_eq!(places, wanted);
}

#[test]
fn no_more_branches_run_at_once_than_the_limit() {
    let mut begin = begin(
        "par({1, 2, 3, 4, 5, 6}, function(n) par({1, 2, 3}, function(m) check(`{n} {m}`, function() return dns.query{ok = true}.ok end) end) end)",
    );
    begin.limits.branches = 3;
    let told = run_start(&begin, &mut answer);
    told.finished();
    let (mut open, mut most) = (0_i32, 0);
    for frame in &told.frames {
        match frame {
            FromWorker::CheckBegin { .. } => open += 1,
            FromWorker::CheckEnd { verdict, .. } => {
                assert_eq!(*verdict, Verdict::Pass);
                open -= 1;
            }
            _ => {}
        }
        most = most.max(open);
    }
    assert!((2..=3).contains(&most), "{most} at once");
}

#[test]
fn what_a_branch_does_to_its_item_no_other_sees() {
    let told = run("local item = {n = 1}\n\
         local found = par({item, item}, function(mine) mine.n += 1 dns.query{a = 1} return mine.n end)\n\
         note(`{found[1]} {found[2]} {item.n}`)");
    assert_eq!(told.finished().prints(), ["2 2 1"]);
}

#[test]
fn text_that_is_shown_is_the_same_in_every_run() {
    let told = run("print(1, \"a\", nil, true, {b = {1, 2}}, print) note(tostring({}))");
    assert_eq!(told.finished().prints(), ["1 a nil true {\"b\":[1,2]} function", "{}"]);
}
