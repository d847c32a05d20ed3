//! Each rule finds what is planted, in both languages, and lets alone what is right.

use super::*;

const RHAI: &str = "// /// fabric\n// title = \"t\"\n// kind = \"KIND\"\n// reach = \"REACH\"\n// [params.zone]\n// type = \"string\"\n\
    // default = \"x\"\n// [needs]\nNEEDS// ///\n";

/// The first line of a body.
const LINE: usize = 10;

struct Case {
    kind: &'static str,
    reach: &'static str,
    needs: &'static str,
    module: &'static str,
}

const PLAIN: Case =
    Case { kind: "acceptance", reach: "observe", needs: "\"dns.query\" = [\"vip:dns\"]", module: "" };

const GAMEDAY: Case =
    Case { kind: "gameday", reach: "change", needs: "\"unit.stop\" = [\"host:*/*\"]", module: "" };

fn primitives() -> Primitives {
    let dns = serde_json::json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["server", "name"],
        "properties": {
            "server": {"type": "string"},
            "name": {"type": "string"},
            "port": {"type": "integer", "minimum": 0, "maximum": 65535},
            "transport": {"$ref": "#/$defs/Transport"},
            "via": {"type": ["string", "null"]},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "$defs": {"Transport": {"oneOf": [{"type": "string", "enum": ["udp", "tcp"]}, {"type": "string", "const": "udp-once"}]}},
    });
    let any = serde_json::json!({"type": "object"});
    let all = [
        ("dns.query", Class::Observe, dns),
        ("dns.transfer", Class::Observe, any.clone()),
        ("unit.state", Class::Observe, any.clone()),
        ("unit.stop", Class::Change, any.clone()),
        ("disk.wipe", Class::Destroy, any),
    ];
    all.into_iter()
        .map(|(name, class, arguments)| (name.parse().expect("a name"), Known { class, arguments }))
        .collect()
}

/// What the host would say: a name server is the resource of a question.
fn resources(_: &PrimitiveName, arguments: &Value) -> Option<Vec<Resource>> {
    let Value::Map(fields) = arguments else { return None };
    let Some(Value::Text(server)) = fields.get("server") else { return None };
    Some(vec![server.parse().ok()?])
}

fn matches(pattern: &str, resource: &Resource) -> bool {
    let resource = resource.to_string();
    pattern.strip_suffix('*').map_or(pattern == resource, |start| resource.starts_with(start))
}

fn found_in(case: &Case, language: Language, body: &str) -> Vec<Finding> {
    let header = RHAI
        .replace("KIND", case.kind)
        .replace("REACH", case.reach)
        .replace("NEEDS", &format!("// {}\n", case.needs));
    let header = match language {
        Language::Rhai => header,
        Language::Luau => {
            header.lines().map(|line| format!("--{}\n", line.strip_prefix("//").unwrap_or(line))).collect()
        }
    };
    let source = format!("{header}{body}");
    let path = format!("a.{}", language.ending());
    let parsed = crate::header::parse(&path, &source).expect("a good header");
    let modules = BTreeMap::from([("lib/x".to_owned(), case.module.to_owned())]);
    let all = primitives();
    let world = World { primitives: &all, resources: &resources, matches: &matches };
    check(&Subject { path: &path, source: &source, modules: &modules, header: &parsed }, &world)
}

/// The rule and the line of each finding, those about needs that a body does not use left out.
fn ids(case: &Case, language: Language, body: &str) -> Vec<(&'static str, usize)> {
    let findings = found_in(case, language, body);
    findings.iter().filter(|f| f.rule.id != "unused-need").map(|f| (f.rule.id, f.diagnostic.line)).collect()
}

/// A body with a planted defect, and the same without it, in both languages.
struct Pair {
    rule: &'static str,
    case: &'static Case,
    rhai: (&'static str, &'static str),
    luau: (&'static str, &'static str),
}

const PAIRS: &[Pair] = &[
    Pair {
        rule: "syntax",
        case: &PLAIN,
        rhai: ("let x = ;", "let x = 1;"),
        luau: ("local x =", "local x = 1"),
    },
    Pair {
        rule: "shadowed-name",
        case: &PLAIN,
        rhai: ("let dns = 1;", "let dnsx = 1;"),
        luau: ("local dns = 1", "local dnsx = 1"),
    },
    Pair {
        rule: "shadowed-name",
        case: &PLAIN,
        rhai: ("fn check(a, b) { true }", "fn checks(a, b) { true }"),
        luau: ("local function check(a, b) return true end", "local function checks(a, b) return true end"),
    },
    Pair {
        rule: "shadowed-name",
        case: &PLAIN,
        rhai: ("let f = |site| 1;", "let f = |host| 1;"),
        luau: ("local f = function(site) return 1 end", "local f = function(host) return 1 end"),
    },
    Pair {
        rule: "shadowed-import",
        case: &PLAIN,
        rhai: ("import \"lib/x\" as lib; let lib = 1;", "import \"lib/x\" as lib; let other = 1;"),
        luau: (
            "local lib = require(\"lib/x\") local function lib() end",
            "local lib = require(\"lib/x\") local function other() end",
        ),
    },
    Pair {
        rule: "unknown-primitive",
        case: &PLAIN,
        rhai: (
            "dns::qeury(#{ server: \"vip:dns\", name: \"a\" });",
            "dns::query(#{ server: \"vip:dns\", name: \"a\" });",
        ),
        luau: (
            "dns.qeury{ server = \"vip:dns\", name = \"a\" }",
            "dns.query{ server = \"vip:dns\", name = \"a\" }",
        ),
    },
    Pair {
        rule: "unknown-function",
        case: &PLAIN,
        rhai: ("expekt_eq(\"x\", 1, 1);", "expect_eq(\"x\", 1, 1);"),
        luau: ("expekt_eq(\"x\", 1, 1)", "expect_eq(\"x\", 1, 1)"),
    },
    Pair {
        rule: "unknown-parameter",
        case: &PLAIN,
        rhai: ("print(param(\"zoen\"));", "print(param(\"zone\"));"),
        luau: ("print(param(\"zoen\"))", "print(param(\"zone\"))"),
    },
    Pair {
        rule: "unknown-field",
        case: &PLAIN,
        rhai: (
            "dns::query(#{ server: \"vip:dns\", name: \"a\", prot: 53 });",
            "dns::query(#{ server: \"vip:dns\", name: \"a\", port: 53 });",
        ),
        luau: (
            "dns.query{ server = \"vip:dns\", name = \"a\", prot = 53 }",
            "dns.query{ server = \"vip:dns\", name = \"a\", port = 53 }",
        ),
    },
    Pair {
        rule: "missing-field",
        case: &PLAIN,
        rhai: (
            "dns::query(#{ server: \"vip:dns\" });",
            "let all = #{ server: \"vip:dns\" }; dns::query(all);",
        ),
        luau: (
            "dns.query{ server = \"vip:dns\" }",
            "local k = \"name\" dns.query{ server = \"vip:dns\", [k] = 1 }",
        ),
    },
    Pair {
        rule: "wrong-type",
        case: &PLAIN,
        rhai: (
            "dns::query(#{ server: \"vip:dns\", name: 7 });",
            "dns::query(#{ server: \"vip:dns\", name: \"7\" });",
        ),
        luau: (
            "dns.query{ server = \"vip:dns\", name = 7 }",
            "dns.query{ server = \"vip:dns\", name = \"7\" }",
        ),
    },
    Pair {
        rule: "wrong-type",
        case: &PLAIN,
        rhai: (
            "dns::query(#{ server: \"vip:dns\", name: \"a\", port: 65536 });",
            "dns::query(#{ server: \"vip:dns\", name: \"a\", port: 65535 });",
        ),
        luau: (
            "dns.query{ server = \"vip:dns\", name = \"a\", port = 1.5 }",
            "dns.query{ server = \"vip:dns\", name = \"a\", port = 53.0 }",
        ),
    },
    Pair {
        rule: "wrong-type",
        case: &PLAIN,
        rhai: (
            "dns::query(#{ server: \"vip:dns\", name: \"a\", transport: \"tpc\" });",
            "dns::query(#{ server: \"vip:dns\", name: \"a\", transport: \"udp-once\", via: () });",
        ),
        luau: (
            "dns.query{ server = \"vip:dns\", name = \"a\", transport = \"tpc\" }",
            "dns.query{ server = \"vip:dns\", name = \"a\", transport = \"udp-once\", via = nil }",
        ),
    },
    Pair {
        rule: "wrong-type",
        case: &PLAIN,
        rhai: (
            "dns::query(#{ server: \"vip:dns\", name: \"a\", tags: [\"x\", 1] });",
            "dns::query(#{ server: \"vip:dns\", name: \"a\", tags: [] });",
        ),
        luau: (
            "dns.query{ server = \"vip:dns\", name = \"a\", tags = {\"x\", 1} }",
            "dns.query{ server = \"vip:dns\", name = \"a\", tags = {} }",
        ),
    },
    Pair {
        rule: "undeclared-call",
        case: &PLAIN,
        rhai: ("unit::state(#{});", "dns::query(#{ server: \"vip:dns\", name: \"a\" });"),
        luau: ("unit.state{}", "dns.query{ server = \"vip:dns\", name = \"a\" }"),
    },
    Pair {
        rule: "undeclared-call",
        case: &PLAIN,
        rhai: (
            "dns::query(#{ server: \"host:a\", name: \"a\" });",
            "let s = \"host:a\"; dns::query(#{ server: s, name: \"a\" });",
        ),
        luau: (
            "dns.query{ server = \"host:a\", name = \"a\" }",
            "local s = \"host:a\" dns.query{ server = s, name = \"a\" }",
        ),
    },
    Pair {
        rule: "beyond-reach",
        case: &Case { needs: "\"unit.stop\" = [\"host:*/*\"]", ..PLAIN },
        rhai: ("unit::stop(#{});", "print(\"unit.stop\");"),
        luau: ("unit.stop{}", "print(\"unit.stop\")"),
    },
    Pair {
        rule: "change-out-of-place",
        case: &GAMEDAY,
        rhai: (
            "check(\"c\", || unit::stop(#{}));",
            "during(#{ title: \"t\", fault: || unit::stop(#{}) }, || 1);",
        ),
        luau: (
            "check(\"c\", function() unit.stop{} end)",
            "during({ title = \"t\", fault = function() unit.stop{} end }, function() end)",
        ),
    },
    Pair {
        rule: "change-out-of-place",
        case: &GAMEDAY,
        rhai: (
            "fn stop(h) { unit::stop(#{ host: h }) } par([1], |x| stop(x));",
            "fn stop(h) { unit::stop(#{ host: h }) } step(\"s\", || stop(1));",
        ),
        luau: (
            "local function stop(h) unit.stop{ host = h } end par({1}, stop)",
            "local function stop(h) unit.stop{ host = h } end step(\"s\", function() stop(1) end)",
        ),
    },
    Pair {
        rule: "unreachable-check",
        case: &PLAIN,
        rhai: (
            "fn f() { return 1; check(\"c\", || param(\"zone\") == \"\"); } f();",
            "fn f() { if param(\"zone\") == \"\" { return 1; } check(\"c\", || param(\"zone\") == \"\"); } f();",
        ),
        luau: (
            "local function f() do return 1 end check(\"c\", function() return param(\"zone\") == \"\" end) end f()",
            "local function f() if param(\"zone\") == \"\" then return 1 end check(\"c\", function() return param(\"zone\") == \"\" end) end f()",
        ),
    },
    Pair {
        rule: "unreachable-check",
        case: &PLAIN,
        rhai: (
            "loop { print(1); } check(\"c\", || param(\"zone\") == \"\");",
            "loop { break; } check(\"c\", || param(\"zone\") == \"\");",
        ),
        luau: (
            "while true do print(1) end check(\"c\", function() return param(\"zone\") == \"\" end)",
            "while true do break end check(\"c\", function() return param(\"zone\") == \"\" end)",
        ),
    },
    Pair {
        rule: "unreachable-check",
        case: &PLAIN,
        rhai: (
            "if false { check(\"c\", || param(\"zone\") == \"\"); }",
            "if param(\"zone\") == \"\" { check(\"c\", || param(\"zone\") == \"\"); }",
        ),
        luau: (
            "if false then check(\"c\", function() return param(\"zone\") == \"\" end) end",
            "if param(\"zone\") == \"\" then check(\"c\", function() return param(\"zone\") == \"\" end) end",
        ),
    },
    Pair {
        rule: "unreachable-check",
        case: &PLAIN,
        rhai: (
            "fn f() { check(\"c\", || param(\"zone\") == \"\"); }",
            "fn f() { check(\"c\", || param(\"zone\") == \"\"); } step(\"s\", || f());",
        ),
        luau: (
            "local function f() check(\"c\", function() return param(\"zone\") == \"\" end) end",
            "local function f() check(\"c\", function() return param(\"zone\") == \"\" end) end step(\"s\", f)",
        ),
    },
    Pair {
        rule: "unreachable-check",
        case: &PLAIN,
        rhai: (
            "check(\"c\", || skip(\"later\")); throw 1; check(\"d\", || param(\"zone\") == \"\");",
            "check(\"c\", || skip(\"later\")); check(\"d\", || param(\"zone\") == \"\");",
        ),
        luau: (
            "error(\"no\") check(\"d\", function() return param(\"zone\") == \"\" end)",
            "pcall(function() error(\"no\") end) check(\"d\", function() return param(\"zone\") == \"\" end)",
        ),
    },
    Pair {
        rule: "empty-check",
        case: &PLAIN,
        rhai: (
            "check(\"c\", || { print(\"x\"); });",
            "check(\"c\", || { expect_true(\"x\", param(\"zone\") == \"\"); });",
        ),
        luau: (
            "check(\"c\", function() print(\"x\") end)",
            "check(\"c\", function() expect_true(\"x\", param(\"zone\") == \"\") end)",
        ),
    },
    Pair {
        rule: "captured-assignment",
        case: &PLAIN,
        rhai: (
            "let n = 0; par([1], |x| { n += x; });",
            "let n = 0; let all = par([1], |x| { let m = x; m += 1; m });",
        ),
        luau: (
            "local n = 0 par({1}, function(x) n += x end)",
            "local n = 0 local all = par({1}, function(x) local m = x m += 1 return m end)",
        ),
    },
    Pair {
        rule: "captured-assignment",
        case: &PLAIN,
        rhai: (
            "let t = #{ a: 1 }; par([1], |x| { t.a = x; });",
            "par([1], |x| { let t = #{ a: 1 }; t.a = x; t });",
        ),
        luau: (
            "local t = {} par({1}, function(x) table.insert(t, x) end)",
            "par({1}, function(x) local t = {} table.insert(t, x) return t end)",
        ),
    },
    Pair {
        rule: "secret-literal",
        case: &PLAIN,
        rhai: ("let password = \"hunter2\";", "let password_file = \"/etc/x\";"),
        luau: ("local t = { password = \"hunter2\" }", "local t = { password_file = \"/etc/x\" }"),
    },
    Pair {
        rule: "secret-literal",
        case: &PLAIN,
        rhai: (
            "print(\"9f86d081884c7d659a2feaa0c55ad015\");",
            "let digest = \"9f86d081884c7d659a2feaa0c55ad015\";",
        ),
        luau: (
            "print('9f86d081884c7d659a2feaa0c55ad015')",
            "local t = { digest = '9f86d081884c7d659a2feaa0c55ad015' }",
        ),
    },
];

#[test]
fn each_rule_finds_what_is_planted_in_both_languages_and_nothing_in_what_is_right() {
    for Pair { rule, case, rhai, luau } in PAIRS {
        for (language, (bad, good)) in [(Language::Rhai, rhai), (Language::Luau, luau)] {
            let found = ids(case, language, bad);
            assert_eq!(
                found,
                [(*rule, found.first().map_or(0, |f| f.1))],
                "{bad}: {:?}",
                found_in(case, language, bad)
            );
            assert_eq!(ids(case, language, good), [], "{good}: {:?}", found_in(case, language, good));
        }
    }
}

#[test]
fn every_rule_has_a_planted_defect() {
    // These need more than a body: they have tests of their own, here and where the policy is read.
    let elsewhere = ["import", "ungrantable-need", "unknown-in-policy", "unused-need"];
    let unplanted: Vec<&str> = RULES
        .iter()
        .map(|rule| rule.id)
        .filter(|id| !elsewhere.contains(id) && !PAIRS.iter().any(|pair| pair.rule == *id))
        .collect();
    assert_eq!(unplanted, Vec::<&str>::new());
}

#[test]
fn a_finding_has_its_place_and_the_line_to_write() {
    for (language, body, column, hint) in [
        (
            Language::Rhai,
            "dns::query(#{ server: \"host:a\", name: \"a\" });",
            6,
            "In line 9, write `// \"dns.query\" = [\"vip:dns\", \"host:a\"]`.",
        ),
        (
            Language::Luau,
            "dns.query{ server = \"host:a\", name = \"a\" }",
            5,
            "In line 9, write `-- \"dns.query\" = [\"vip:dns\", \"host:a\"]`.",
        ),
        (
            Language::Rhai,
            "unit::state(#{});",
            7,
            "Add a line such as `// \"unit.state\" = [\"host:NAME\"]` under `[needs]`.",
        ),
    ] {
        let found = found_in(&PLAIN, language, body);
        let found = found.iter().find(|f| f.rule.id == "undeclared-call").expect("it is undeclared");
        let Diagnostic { line, column: at, hint: told, .. } = &found.diagnostic;
        assert_eq!((*line, *at, told.as_deref()), (LINE + 1, column, Some(hint)), "{body}");
    }
}

#[test]
fn a_scope_with_a_group_uses_what_it_takes_to_watch_it() {
    let watched = Case { needs: "\"vip.holder\" = [\"vip:dns\"]", ..GAMEDAY };
    let unused = |language, group: &str| {
        let body = match language {
            Language::Rhai => {
                format!("during(#{{ title: \"t\", {group} fault: || unit::stop(#{{}}) }}, || 1);")
            }
            Language::Luau => {
                let group = group.replace(':', " =");
                format!(
                    "during({{ title = \"t\", {group} fault = function() unit.stop{{}} end }}, function() end)"
                )
            }
        };
        let found = found_in(&watched, language, &body);
        found.iter().filter(|f| f.diagnostic.message.contains("`vip.holder`")).count()
    };
    for language in Language::ALL {
        assert_eq!((unused(language, "group: \"dns\","), unused(language, "")), (0, 1), "{language:?}");
    }
}

#[test]
fn a_need_that_nothing_uses_is_found_and_one_that_a_module_or_a_probe_uses_is_not() {
    let unused = |case: &Case, language, body: &str| {
        found_in(case, language, body).into_iter().filter(|f| f.rule.id == "unused-need").count()
    };
    let by_module = |module| Case { module, ..PLAIN };
    for (language, import, module, probe) in [
        (
            Language::Rhai,
            "import \"lib/x\" as x;",
            "fn f(s) { dns::query(#{ server: s, name: \"a\" }) }",
            "print(\"dns.query\");",
        ),
        (
            Language::Luau,
            "local x = require(\"lib/x\")",
            "return { f = function(s) return dns.query{ server = s, name = \"a\" } end }",
            "print(\"dns.query\")",
        ),
    ] {
        assert_eq!(unused(&PLAIN, language, ""), 1);
        assert_eq!(unused(&by_module(module), language, import), 0);
        assert_eq!(unused(&PLAIN, language, probe), 0);
    }
    let two = Case { needs: "\"dns.query\" = [\"vip:dns\", \"host:a\"]", ..PLAIN };
    assert_eq!(unused(&two, Language::Rhai, "dns::query(#{ server: \"vip:dns\", name: \"a\" });"), 1);
    assert_eq!(
        unused(&two, Language::Luau, "local s = param(\"zone\") dns.query{ server = s, name = \"a\" }"),
        0
    );
}

#[test]
fn what_a_module_changes_counts_where_the_script_calls_it() {
    let case = |module| Case { module, needs: "\"unit.stop\" = [\"host:*/*\"]", ..PLAIN };
    for (language, module, calls, leaves) in [
        (
            Language::Rhai,
            "fn stop() { unit::stop(#{}) }\nfn look() { 1 }",
            "import \"lib/x\" as x; x::stop();",
            "import \"lib/x\" as x; x::look();",
        ),
        (
            Language::Luau,
            "local M = {}\nfunction M.stop() unit.stop{} end\nfunction M.look() return 1 end\nreturn M",
            "local x = require(\"lib/x\") x.stop()",
            "local x = require(\"lib/x\") x.look()",
        ),
    ] {
        let found = found_in(&case(module), language, calls);
        assert!(
            found.iter().any(|f| f.rule.id == "beyond-reach" && f.diagnostic.file.starts_with("lib/x.")),
            "{found:?}"
        );
        assert_eq!(ids(&case(module), language, leaves), []);
    }
}

#[test]
fn modules_are_held_to_the_same() {
    for (language, import, module) in [
        (Language::Rhai, "import \"lib/x\" as x;", "\nfn par(a) { a }"),
        (Language::Luau, "local x = require(\"lib/x\")", "\nlocal function par(a) return a end return 1"),
    ] {
        let found = found_in(&Case { module, ..PLAIN }, language, import);
        let first = found.iter().find(|f| f.rule.id == "shadowed-name").expect("it hides `par`");
        assert_eq!(
            (first.diagnostic.file.as_str(), first.diagnostic.line),
            (format!("lib/x.{}", language.ending()).as_str(), 2)
        );
    }
}

#[test]
fn a_cycle_of_imports_is_found_here_too() {
    for (language, import) in
        [(Language::Rhai, "import \"lib/x\" as x;"), (Language::Luau, "local x = require(\"lib/x\")")]
    {
        let found = ids(&Case { module: import, ..PLAIN }, language, import);
        assert!(found.iter().any(|(rule, _)| *rule == "import"), "{found:?}");
    }
}

#[test]
fn a_secret_among_the_defaults_of_parameters_is_found() {
    let source = "// /// fabric\n// title = \"t\"\n// kind = \"acceptance\"\n// reach = \"observe\"\n// [params.token]\n\
        // type = \"string\"\n// default = \"abc\"\n// ///\n";
    let header = crate::header::parse("a.rhai", source).expect("good");
    let (modules, all) = (BTreeMap::new(), primitives());
    let world = World { primitives: &all, resources: &resources, matches: &matches };
    let found = check(&Subject { path: "a.rhai", source, modules: &modules, header: &header }, &world);
    let found: Vec<(&str, usize)> = found.iter().map(|f| (f.rule.id, f.diagnostic.line)).collect();
    assert_eq!(found, [("secret-literal", 5)]);
}

/// Text as long as a script may be, made to nest: it is refused or taken, and nothing overflows.
#[test]
fn text_made_to_nest_does_not_overflow_the_rules() {
    let long = 60_000;
    for (language, body) in [
        (Language::Rhai, format!("let a = #{{}}; a{};", ".b".repeat(long))),
        (Language::Rhai, format!("let a = 1; let b = a{};", "+a".repeat(long))),
        (Language::Rhai, format!("let a = {}1;", "|| ".repeat(long))),
        (Language::Luau, format!("local a = {{}} local b = a{}", ".b".repeat(long))),
        (Language::Luau, format!("local a = {{}} a{}", ":b()".repeat(long / 2))),
        (Language::Luau, format!("local a = 1 local b = a{}", "+a".repeat(long))),
        (Language::Luau, format!("local a = {}1{}", "{".repeat(long), "}".repeat(long))),
    ] {
        // That it returns is what is tested.
        let _findings = found_in(&PLAIN, language, &body);
    }
}
