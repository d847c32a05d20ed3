//! The functions that need no namespace: what they are called, what they take, what they do, and an example in each language.
//!
//! From this list come the functions of both languages, the reference, and the contract test that runs every example in both.

use super::checks::Expectation;
use super::plain::Plain;

/// One function.
#[derive(Debug)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What it takes, in order.
    pub parameters: &'static [Parameter],
    /// What it gives back.
    pub returns: Kind,
    /// What it takes and gives back, as Luau's definitions write it.
    pub luau_type: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// A use of it in Rhai.
    pub rhai: &'static str,
    /// The same in Luau.
    pub luau: &'static str,
    pub(super) function: Function,
}

/// A parameter of a function.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name, for messages and references.
    pub name: &'static str,
    /// What it must be.
    pub kind: Kind,
}

/// The kinds that functions tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any value.
    Anything,
    /// A function of the script.
    Function,
    /// A list.
    List,
    /// A table of named values.
    Table,
    /// Text.
    Text,
}

impl Kind {
    /// The word for it, as [`fabric_model::Value::kind`] has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Anything => "value",
            Self::Function => "function",
            Self::List => "list",
            Self::Table => "table",
            Self::Text => "string",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    AbortWhen,
    Check,
    Document,
    During,
    Expect(Expectation),
    Note,
    Par,
    Person,
    Plain(Plain),
    Poll,
    SteadyState,
    Step,
}

impl Entry {
    /// Its name with its parameters.
    pub fn signature(&self) -> String {
        let parameters: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name).collect();
        format!("{}({})", self.name, parameters.join(", "))
    }

    /// The function of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        CATALOGUE.iter().find(|entry| entry.name == name)
    }
}

const fn a(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind }
}

const TITLE: Parameter = a("title", Kind::Text);
const WHAT: Parameter = a("what", Kind::Text);
const BODY: Parameter = a("body", Kind::Function);
const OBSERVED: Parameter = a("observed", Kind::Anything);
const EXPECTED: Parameter = a("expected", Kind::Anything);
const TEXT: Parameter = a("text", Kind::Text);
const PERSON: Parameter = a("name", Kind::Text);

/// The names of all functions that need no namespace; a script defines none of them anew.
pub const FUNCTIONS: [&str; CATALOGUE.len()] = {
    let mut names = [""; CATALOGUE.len()];
    let mut index = 0;
    while index < names.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated while compiling, where there is no other way")]
        {
            names[index] = CATALOGUE[index].name;
        }
        index += 1;
    }
    names
};

/// Every function, by name.
pub const CATALOGUE: &[Entry] = &[
    Entry {
        name: "abort_when",
        parameters: &[TITLE, a("holds", Kind::Function)],
        returns: Kind::Anything,
        luau_type: "(title: string, holds: () -> boolean?) -> ()",
        summary: "Ends the scope of `during` around it, and the script, as soon as the function returns true; it is looked at at once, after the fault and at every poll.",
        rhai: "during(#{title: \"d\", fault: || unit::stop(#{unit: \"x\"})}, || abort_when(\"both nodes are down\", || false));",
        luau: "during({title = \"d\", fault = function() unit.stop{unit = \"x\"} end}, function() abort_when(\"both nodes are down\", function() return false end) end)",
        function: Function::AbortWhen,
    },
    Entry {
        name: "await_stable",
        parameters: &[a("options", Kind::Table), a("condition", Kind::Function)],
        returns: Kind::Anything,
        luau_type: "(options: { seconds: number, timeout_ms: number, every_ms: number }, condition: () -> boolean?) -> boolean?",
        summary: "Waits until the condition has held for `seconds` without interruption, looking every `every_ms` milliseconds, for at most `timeout_ms`.",
        rhai: "await_stable(#{seconds: 2, timeout_ms: 10000, every_ms: 1000}, || dns::query(#{ok: true}).ok);",
        luau: "await_stable({seconds = 2, timeout_ms = 10000, every_ms = 1000}, function() return dns.query{ok = true}.ok end)",
        function: Function::Poll,
    },
    Entry {
        name: "check",
        parameters: &[TITLE, BODY],
        returns: Kind::Anything,
        luau_type: "(title: string, body: () -> any) -> boolean?",
        summary: "Runs one check: it passes when its function returns anything but false and throws nothing. Returns whether it passed.",
        rhai: "check(\"the front door answers\", || expect_eq(\"rcode\", dns::query(#{rcode: \"NOERROR\"}).rcode, \"NOERROR\"));",
        luau: "check(\"the front door answers\", function() expect_eq(\"rcode\", dns.query{rcode = \"NOERROR\"}.rcode, \"NOERROR\") end)",
        function: Function::Check,
    },
    Entry {
        name: "conductor",
        parameters: &[PERSON, TEXT],
        returns: Kind::Anything,
        luau_type: "(name: string, text: string) -> ()",
        summary: "Notes what the conductor of a GameDay did, for the timeline.",
        rhai: "conductor(\"Ada\", \"opened the bridge\");",
        luau: "conductor(\"Ada\", \"opened the bridge\")",
        function: Function::Person,
    },
    Entry {
        name: "debug",
        parameters: &[TEXT],
        returns: Kind::Anything,
        luau_type: "(text: any) -> ()",
        summary: "The same as `note`.",
        rhai: "debug(1);",
        luau: "debug(\"1\")",
        function: Function::Note,
    },
    Entry {
        name: "decision",
        parameters: &[PERSON, TEXT],
        returns: Kind::Anything,
        luau_type: "(name: string, text: string) -> ()",
        summary: "Notes what was decided, and by whom, for the timeline.",
        rhai: "decision(\"Ada\", \"go on\");",
        luau: "decision(\"Ada\", \"go on\")",
        function: Function::Person,
    },
    Entry {
        name: "document",
        parameters: &[a("name", Kind::Text), a("content", Kind::Anything)],
        returns: Kind::Text,
        luau_type: "(name: string, content: any) -> string",
        summary: "Puts a document into the evidence: any value where the name ends in .json, text where it ends in .csv, .md, .sha256 or .txt. Returns its SHA-256.",
        rhai: "document(\"hosts/metadata.json\", #{hosts: [\"a\", \"b\"]});",
        luau: "document(\"hosts/metadata.json\", {hosts = {\"a\", \"b\"}})",
        function: Function::Document,
    },
    Entry {
        name: "during",
        parameters: &[a("options", Kind::Table), BODY],
        returns: Kind::Table,
        luau_type: "(options: { title: string, fault: () -> any, probe: { primitive: string, arguments: { [string]: any }, every_ms: number? }?, group: string?, heal_after_s: number? }, body: () -> any) -> { planned: boolean, sent: number, lost: number, gap_ms: number, holders: { { vip: string, at_ms: number, hosts: { string }, silent: { string } } } }",
        summary: "Opens a scope of changes, runs its `fault` and then the body; the host undoes everything when it ends, however it ends. Returns what was measured meanwhile.",
        rhai: "let report = during(#{title: \"the holder stops\", fault: || unit::stop(#{unit: \"keepalived\"}), group: \"dns\", heal_after_s: 120, probe: #{primitive: \"dns.query\", arguments: #{a: 1}, every_ms: 50}}, || check(\"c\", || true)); note(`${report.gap_ms}`);",
        luau: "local report = during({title = \"the holder stops\", fault = function() unit.stop{unit = \"keepalived\"} end, group = \"dns\", heal_after_s = 120, probe = {primitive = \"dns.query\", arguments = {a = 1}, every_ms = 50}}, function() check(\"c\", function() return true end) end) note(`{report.gap_ms}`)",
        function: Function::During,
    },
    Entry {
        name: "expect_contains",
        parameters: &[WHAT, a("list", Kind::Anything), a("item", Kind::Anything)],
        returns: Kind::Anything,
        luau_type: "(what: string, list: { any }, item: any) -> ()",
        summary: "Holds when the list has the item.",
        rhai: "check(\"c\", || expect_contains(\"holders\", [\"a\", \"b\"], \"c\"));",
        luau: "check(\"c\", function() expect_contains(\"holders\", {\"a\", \"b\"}, \"c\") end)",
        function: Function::Expect(Expectation::Contains),
    },
    Entry {
        name: "expect_eq",
        parameters: &[WHAT, OBSERVED, EXPECTED],
        returns: Kind::Anything,
        luau_type: "(what: string, observed: any, expected: any) -> ()",
        summary: "Holds when both are equal, in kind too; an empty list and an empty table are equal.",
        rhai: "check(\"c\", || expect_eq(\"serial\", #{a: [1, 2]}, #{a: [1, 3]}));",
        luau: "check(\"c\", function() expect_eq(\"serial\", {a = {1, 2}}, {a = {1, 3}}) end)",
        function: Function::Expect(Expectation::Equal),
    },
    Entry {
        name: "expect_none",
        parameters: &[WHAT, a("list", Kind::Anything)],
        returns: Kind::Anything,
        luau_type: "(what: string, list: { any }) -> ()",
        summary: "Holds when the list is empty.",
        rhai: "check(\"c\", || expect_none(\"strays\", [])); check(\"d\", || expect_none(\"strays\", [1]));",
        luau: "check(\"c\", function() expect_none(\"strays\", {}) end) check(\"d\", function() expect_none(\"strays\", {1}) end)",
        function: Function::Expect(Expectation::None),
    },
    Entry {
        name: "expect_set",
        parameters: &[WHAT, a("observed", Kind::Anything), a("expected", Kind::Anything)],
        returns: Kind::Anything,
        luau_type: "(what: string, observed: { any }, expected: { any }) -> ()",
        summary: "Holds when both lists have the same items, in whatever order.",
        rhai: "check(\"c\", || expect_set(\"names\", [\"b\", \"a\"], [\"a\", \"b\"]));",
        luau: "check(\"c\", function() expect_set(\"names\", {\"b\", \"a\"}, {\"a\", \"b\"}) end)",
        function: Function::Expect(Expectation::SameSet),
    },
    Entry {
        name: "expect_true",
        parameters: &[WHAT, OBSERVED],
        returns: Kind::Anything,
        luau_type: "(what: string, observed: boolean) -> ()",
        summary: "Holds when it is true; anything but true and false is an error.",
        rhai: "check(\"c\", || expect_true(\"authentic\", dns::query(#{ad: false}).ad));",
        luau: "check(\"c\", function() expect_true(\"authentic\", dns.query{ad = false}.ad) end)",
        function: Function::Expect(Expectation::True),
    },
    Entry {
        name: "fail",
        parameters: &[WHAT, OBSERVED, EXPECTED],
        returns: Kind::Anything,
        luau_type: "(what: string, observed: any, expected: any) -> never",
        summary: "Fails the check around it.",
        rhai: "check(\"c\", || fail(\"no holder\", [], 1));",
        luau: "check(\"c\", function() fail(\"no holder\", sorted({}), 1) end)",
        function: Function::Expect(Expectation::Fail),
    },
    Entry {
        name: "human",
        parameters: &[a("role", Kind::Text), PERSON, TEXT],
        returns: Kind::Anything,
        luau_type: "(role: string, name: string, text: string) -> ()",
        summary: "Notes what somebody in any role did, saw or decided, for the timeline.",
        rhai: "human(\"customer\", \"Bo\", \"called\");",
        luau: "human(\"customer\", \"Bo\", \"called\")",
        function: Function::Person,
    },
    Entry {
        name: "ip_in",
        parameters: &[a("address", Kind::Text), a("network", Kind::Text)],
        returns: Kind::Anything,
        luau_type: "(address: string, network: string) -> boolean",
        summary: "Whether an address lies in a network in CIDR form; an IPv4-mapped address is the IPv4 address that it means.",
        rhai: "note(`${ip_in(\"10.0.0.5/24\", \"10.0.0.0/24\")}`);",
        luau: "note(tostring(ip_in(\"10.0.0.5/24\", \"10.0.0.0/24\")))",
        function: Function::Plain(Plain::IpIn),
    },
    Entry {
        name: "note",
        parameters: &[TEXT],
        returns: Kind::Anything,
        luau_type: "(text: string) -> ()",
        summary: "Writes a line into the evidence.",
        rhai: "note(\"before the fault\");",
        luau: "note(\"before the fault\")",
        function: Function::Note,
    },
    Entry {
        name: "observer",
        parameters: &[PERSON, TEXT],
        returns: Kind::Anything,
        luau_type: "(name: string, text: string) -> ()",
        summary: "Notes what an observer of a GameDay saw, for the timeline.",
        rhai: "observer(\"Eve\", \"the page came\");",
        luau: "observer(\"Eve\", \"the page came\")",
        function: Function::Person,
    },
    Entry {
        name: "par",
        parameters: &[a("list", Kind::List), BODY],
        returns: Kind::List,
        luau_type: "(list: { any }, body: (item: any) -> any) -> { any }",
        summary: "Calls the function with each item, several at a time; the results in the order of the list. Nothing is changed in it.",
        rhai: "let found = par([1, 2], |n| dns::query(#{n: n}).n); note(`${found.len()}`);",
        luau: "local found = par({1, 2}, function(n) return dns.query{n = n}.n end) note(`{#found}`)",
        function: Function::Par,
    },
    Entry {
        name: "param",
        parameters: &[a("name", Kind::Text)],
        returns: Kind::Anything,
        luau_type: "(name: string) -> any",
        summary: "The value of a parameter that the header declares.",
        rhai: "note(param(\"zone\"));",
        luau: "note(param(\"zone\"))",
        function: Function::Plain(Plain::Param),
    },
    Entry {
        name: "parse_json",
        parameters: &[TEXT],
        returns: Kind::Anything,
        luau_type: "(text: string) -> any",
        summary: "The value that a JSON text stands for.",
        rhai: "check(\"c\", || expect_eq(\"x\", parse_json(\"{\\\"a\\\": [1, null, true]}\").a.len(), 2));",
        luau: "check(\"c\", function() expect_eq(\"x\", #parse_json(\"{\\\"a\\\": [1, 2, true]}\").a, 2) end)",
        function: Function::Plain(Plain::ParseJson),
    },
    Entry {
        name: "poll_until",
        parameters: &[a("options", Kind::Table), a("condition", Kind::Function)],
        returns: Kind::Anything,
        luau_type: "(options: { timeout_ms: number, every_ms: number }, condition: () -> boolean?) -> boolean?",
        summary: "Waits until the condition holds, looking every `every_ms` milliseconds, for at most `timeout_ms`.",
        rhai: "check(\"c\", || poll_until(#{timeout_ms: 2000, every_ms: 1000}, || dns::query(#{ok: false}).ok));",
        luau: "check(\"c\", function() return poll_until({timeout_ms = 2000, every_ms = 1000}, function() return dns.query{ok = false}.ok end) end)",
        function: Function::Poll,
    },
    Entry {
        name: "print",
        parameters: &[TEXT],
        returns: Kind::Anything,
        luau_type: "(text: string) -> ()",
        summary: "The same as `note`.",
        rhai: "print(\"on\");",
        luau: "print(\"on\")",
        function: Function::Note,
    },
    Entry {
        name: "same_set",
        parameters: &[a("left", Kind::Anything), a("right", Kind::Anything)],
        returns: Kind::Anything,
        luau_type: "(left: { any }, right: { any }) -> boolean",
        summary: "Whether two lists have the same items, in whatever order; duplicates count.",
        rhai: "note(`${same_set([1, 2], [2, 1])}`);",
        luau: "note(`{same_set({1, 2}, {2, 1})}`)",
        function: Function::Plain(Plain::SameSet),
    },
    Entry {
        name: "sha256",
        parameters: &[TEXT],
        returns: Kind::Text,
        luau_type: "(text: string) -> string",
        summary: "The SHA-256 of a text's bytes, in lower-case hexadecimal.",
        rhai: "note(sha256(\"abc\"));",
        luau: "note(sha256(\"abc\"))",
        function: Function::Plain(Plain::Sha256),
    },
    Entry {
        name: "skip",
        parameters: &[a("reason", Kind::Text)],
        returns: Kind::Anything,
        luau_type: "(reason: string) -> never",
        summary: "Ends the check around it without a finding, for a reason.",
        rhai: "check(\"c\", || skip(\"the site has no edge\"));",
        luau: "check(\"c\", function() skip(\"the site has no edge\") end)",
        function: Function::Expect(Expectation::Skip),
    },
    Entry {
        name: "sorted",
        parameters: &[a("list", Kind::Anything)],
        returns: Kind::List,
        luau_type: "(list: { any }) -> { any }",
        summary: "The items of a list in an order that depends on nothing but them.",
        rhai: "check(\"c\", || expect_eq(\"x\", sorted([3, 1, 2]), [1, 2]));",
        luau: "check(\"c\", function() expect_eq(\"x\", sorted({3, 1, 2}), {1, 2}) end)",
        function: Function::Plain(Plain::Sorted),
    },
    Entry {
        name: "steady_state",
        parameters: &[TITLE, BODY],
        returns: Kind::Anything,
        luau_type: "(title: string, body: () -> any) -> boolean",
        summary: "Runs a group of checks, all of which have to pass, or the script ends before anything is changed.",
        rhai: "steady_state(\"before\", || check(\"c\", || true));",
        luau: "steady_state(\"before\", function() check(\"c\", function() return true end) end)",
        function: Function::SteadyState,
    },
    Entry {
        name: "step",
        parameters: &[TITLE, BODY],
        returns: Kind::Anything,
        luau_type: "(title: string, body: () -> any) -> any",
        summary: "Groups checks: its title stands before theirs. Returns what its function returns.",
        rhai: "step(\"edges\", || check(\"c\", || 1 == 2));",
        luau: "step(\"edges\", function() check(\"c\", function() return 1 == 2 end) end)",
        function: Function::Step,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The parameters of a function type, each with its type.
    fn parameters(luau_type: &str) -> Vec<(String, String)> {
        let mut depth = 0;
        let mut list = String::new();
        let mut found = Vec::new();
        for c in luau_type.chars() {
            depth += i32::from("({".contains(c)) - i32::from(")}".contains(c));
            let begins = depth == 1 && list.is_empty() && c == '(';
            let ends = depth == 0 || (depth == 1 && c == ',');
            if !begins && !ends {
                list.push(c);
            } else if ends && !list.trim().is_empty() {
                let (name, kind) = list.split_once(':').expect("a name and a type");
                found.push((name.trim().to_owned(), kind.trim().to_owned()));
                list.clear();
            }
            if depth == 0 {
                break;
            }
        }
        found
    }

    #[test]
    fn the_type_of_each_function_has_its_parameters_and_their_kinds() {
        assert_eq!(parameters("(a: { b: c, d: e }, f: () -> any) -> g").len(), 2);
        for entry in CATALOGUE {
            let typed = parameters(entry.luau_type);
            let names: Vec<&str> = typed.iter().map(|(name, _)| name.as_str()).collect();
            let listed: Vec<&str> = entry.parameters.iter().map(|parameter| parameter.name).collect();
            assert_eq!(names, listed, "{}", entry.name);
            for ((name, kind), parameter) in typed.iter().zip(entry.parameters) {
                let fits = match parameter.kind {
                    Kind::Anything => true,
                    Kind::Function => kind.contains("->"),
                    Kind::List => kind == "{ any }",
                    Kind::Table => kind.starts_with('{'),
                    Kind::Text => kind == "string" || kind == "any",
                };
                assert!(fits, "{}: {name}: {kind}", entry.name);
            }
            assert!(entry.luau_type.contains(") -> "), "{}", entry.name);
        }
    }

    #[test]
    fn the_catalogue_is_in_order_and_says_each_thing_in_a_sentence() {
        assert!(CATALOGUE.iter().map(|entry| entry.name).is_sorted());
        for entry in CATALOGUE {
            assert!(entry.summary.ends_with('.') && !entry.summary.contains('\n'), "{}", entry.name);
            assert!(entry.rhai.contains(entry.name) && entry.luau.contains(entry.name), "{}", entry.name);
        }
    }
}
