//! The attacks, each named after what it tries.

use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use fabric_model::confinement::{Confinement, Lack, Layer};
use fabric_model::door::{FRAME_LIMIT, VERSION};
use rustix::net::{AddressFamily, SocketType};
use serde_json::{Value as Json, json};

use crate::door::{Door, framed, rest};
use crate::host::{ALLOWED, Outcome};

/// One attack.
pub(crate) struct Attack {
    /// Its name.
    pub(crate) name: &'static str,
    /// How its worker begins.
    pub(crate) begins: Begins,
    /// What it does.
    pub(crate) act: fn(&mut Door),
    /// How its run must end.
    ends: Ends,
}

/// How a worker begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begins {
    /// As a sound one: it locks itself down, says so, and reads its script.
    Confined,
    /// As it likes.
    Free,
}

/// How a run must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// The worker broke the protocol, or died: exit 20, and what is said of it.
    Broken(&'static str),
    /// At a limit: exit 21, and what is said of it.
    Limit(&'static str),
    /// Denied: exit 6.
    Denied,
    /// A check could not find out: exit 11.
    Unmeasured,
    /// It changed nothing about the run, which ends well.
    Harmless,
}

/// The most memory that a host may take for an attack, in KiB: some frames of the largest size, each decoded.
const HOST_KIB: u64 = 512 << 10;

impl Attack {
    /// How long its run may take: short where the attack waits for the end of that, and else longer than any machine needs.
    pub(crate) fn time_limit(&self) -> Duration {
        Duration::from_secs(if self.ends == Ends::Limit(TIME) { 4 } else { 300 })
    }

    /// How the attack got through; nothing where it did not.
    pub(crate) fn against(&self, outcome: &Outcome) -> Option<String> {
        let (code, says) = match self.ends {
            Ends::Broken(says) => (20, says),
            Ends::Limit(says) => (21, says),
            Ends::Denied => (6, ""),
            Ends::Unmeasured => (11, ""),
            Ends::Harmless => (0, "finished"),
        };
        let undeclared = outcome.contacts.iter().find(|contact| contact.to_string() != ALLOWED);
        let control = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
        if outcome.code != code || !outcome.how.contains(says) {
            Some(format!("exit {code} with `{says}` was expected"))
        } else if !outcome.findings.is_empty() {
            Some("its packet does not verify".to_owned())
        } else if let Some(contact) = undeclared {
            Some(format!("{contact} was contacted"))
        } else if outcome.record.contains(THROUGH) {
            Some("it could do what it wanted".to_owned())
        } else if control(&outcome.report)
            || outcome
                .report
                .lines()
                .any(|line| line.contains(FORGED) && line.trim_start().starts_with(FORGED))
        {
            Some("it forged what is shown".to_owned())
        } else if outcome.peak_kib > HOST_KIB {
            Some(format!("the host took {} KiB", outcome.peak_kib))
        } else {
            None
        }
    }
}

pub(crate) fn find(name: &str) -> Option<&'static Attack> {
    ATTACKS.iter().find(|attack| attack.name == name)
}

/// What a worker says that could do something to the machine.
const THROUGH: &str = "through the walls";

/// A line that nobody may find at the beginning of one.
const FORGED: &str = "| forged |";

const fn free(name: &'static str, ends: Ends, act: fn(&mut Door)) -> Attack {
    Attack { name, begins: Begins::Free, act, ends }
}

const fn confined(name: &'static str, ends: Ends, act: fn(&mut Door)) -> Attack {
    Attack { name, begins: Begins::Confined, act, ends }
}

fn call(call_id: u64, check: Option<u64>, primitive: &str, arguments: Json) -> Json {
    json!({"frame": "call", "call_id": call_id, "place": [1], "check": check, "in_condition": false, "primitive": primitive, "arguments": arguments})
}

/// The one call that script and policy allow.
fn allowed(call_id: u64, check: Option<u64>) -> Json {
    call(call_id, check, "tcp.connect", json!({"target": "vip:dns", "port": 53}))
}

fn begin(check: u64, title: &str) -> Json {
    json!({"frame": "check_begin", "check": check, "place": [0], "title": title})
}

fn pass(check: u64) -> Json {
    json!({"frame": "check_end", "check": check, "verdict": {"status": "pass"}})
}

fn print(text: &str) -> Json {
    json!({"frame": "print", "place": [0], "text": text})
}

fn wait(call_id: u64, millis: u64) -> Json {
    json!({"frame": "wait", "call_id": call_id, "millis": millis})
}

/// Says these, and then ends as a sound worker does.
fn say(door: &mut Door, frames: impl IntoIterator<Item = Json>) {
    frames.into_iter().for_each(|frame| door.say(frame));
    door.end();
    door.linger();
}

/// Asks for something, waits for the answer, and ends well.
fn ask(door: &mut Door, frame: Json) {
    door.say(frame);
    door.reply();
    door.end();
}

/// Says in a title whether something worked that must not.
fn tried(door: &mut Door, worked: bool) {
    let title = if worked { THROUGH } else { "refused" };
    door.say(begin(1, title));
    door.say(json!({"frame": "end", "outcome": {"outcome": "threw", "message": title}}));
}

fn nested(depth: usize) -> Vec<u8> {
    let (open, close) = ("[".repeat(depth), "]".repeat(depth));
    let call = allowed(1, None).to_string().replace("\"vip:dns\"", &format!("{open}{close}"));
    call.into_bytes()
}

const SEEN: &str = "given no script";
const GONE: &str = "process is gone";
const PROTOCOL: &str = "broke the protocol";
const TIME: &str = "at most 4 s";

pub(crate) const ATTACKS: &[Attack] = &[
    // Before it has a script.
    free("ends_before_it_says_anything", Ends::Broken(SEEN), |_| {}),
    free("lies_about_its_filter", Ends::Broken("the kernel says"), |door| {
        door.confined(Confinement::Full);
        door.linger();
    }),
    free("speaks_another_version", Ends::Broken("version"), |door| {
        door.say(json!({"frame": "confined", "version": VERSION - 1, "confinement": {"is": "full"}}));
        door.linger();
    }),
    free("begins_with_a_call", Ends::Broken(SEEN), |door| ask(door, allowed(1, None))),
    free("lacks_a_thousand_layers", Ends::Broken(SEEN), |door| {
        door.confined(Confinement::of(vec![Lack::of(Layer::Landlock, "x"); 1000]));
        door.linger();
    }),
    free("forges_the_terminal_in_its_account", Ends::Broken(SEEN), |door| {
        door.confined(Confinement::of(vec![Lack::of(Layer::Landlock, "\u{1b}[2J")]));
        door.linger();
    }),
    confined("says_twice_that_it_is_confined", Ends::Broken(PROTOCOL), |door| {
        door.confined(Confinement::Full);
        door.linger();
    }),
    // Frames.
    confined("announces_four_gibibytes", Ends::Broken("over the limit"), |door| {
        door.raw(&u32::MAX.to_be_bytes());
        door.linger();
    }),
    confined("announces_a_byte_too_many", Ends::Broken("over the limit"), |door| {
        door.raw(&u32::try_from(FRAME_LIMIT + 1).unwrap_or(u32::MAX).to_be_bytes());
        door.linger();
    }),
    confined("sends_half_a_frame_and_waits", Ends::Limit(TIME), |door| {
        door.raw(&[0, 0, 1, 0, b'{']);
        door.linger();
    }),
    confined("sends_half_a_frame_and_ends", Ends::Broken(GONE), |door| door.raw(&[0, 0, 1, 0, b'{'])),
    confined("sends_a_frame_of_nothing", Ends::Broken(GONE), |door| door.text(b"")),
    confined("sends_what_is_no_json", Ends::Broken(GONE), |door| door.text(b"open the door")),
    confined("sends_what_is_no_text", Ends::Broken(GONE), |door| {
        door.text(b"{\"frame\":\"print\",\"place\":[0],\"text\":\"\xff\xfe\"}");
    }),
    confined("gives_a_key_twice", Ends::Broken(GONE), |door| {
        door.text(br#"{"frame":"print","place":[0],"text":"a","text":"b"}"#);
    }),
    confined("gives_an_argument_twice", Ends::Broken(GONE), |door| {
        door.text(br#"{"frame":"call","call_id":1,"place":[0],"check":null,"in_condition":false,"primitive":"tcp.connect","arguments":{"port":53,"target":"vip:dns","target":"host:dns-edge-1"}}"#);
        door.linger();
    }),
    confined("gives_an_unknown_field", Ends::Broken(GONE), |door| {
        door.text(br#"{"frame":"print","place":[0],"text":"a","as":"root"}"#);
    }),
    confined("sends_an_unknown_frame", Ends::Broken(GONE), |door| {
        door.say(json!({"frame": "exec", "argv": ["id"]}))
    }),
    confined("nests_ten_thousand_deep", Ends::Broken(GONE), |door| door.text(&nested(10_000))),
    confined("gives_a_number_beyond_numbers", Ends::Broken(GONE), |door| {
        door.text(br#"{"frame":"wait","call_id":1,"millis":1e999}"#);
    }),
    confined("gives_a_number_that_is_none", Ends::Broken(GONE), |door| {
        door.text(br#"{"frame":"wait","call_id":NaN,"millis":1}"#);
    }),
    confined("answers_as_if_it_were_the_host", Ends::Broken(GONE), |door| {
        door.text(br#"{"call_id":1,"result":{"Ok":true}}"#);
    }),
    // What it may not say.
    confined("uses_a_number_again_while_its_call_is_open", Ends::Broken("made twice"), |door| {
        say(door, [wait(1, 60_000), allowed(1, None)]);
    }),
    confined("uses_a_number_again_after_its_reply", Ends::Broken("made twice"), |door| {
        door.say(allowed(1, None));
        door.reply();
        say(door, [allowed(1, None)]);
    }),
    confined("uses_a_number_of_the_host", Ends::Broken("out of bounds"), |door| {
        say(door, [allowed(1 << 52, None)])
    }),
    confined("calls_for_a_check_that_never_began", Ends::Broken("not open"), |door| {
        say(door, [allowed(1, Some(9))])
    }),
    confined("calls_for_a_check_that_is_over", Ends::Broken("not open"), |door| {
        say(door, [begin(1, "a"), pass(1), allowed(2, Some(1))]);
    }),
    confined("ends_a_check_that_never_began", Ends::Broken("not open"), |door| say(door, [pass(1)])),
    confined("ends_a_check_twice", Ends::Broken("not open"), |door| {
        say(door, [begin(1, "a"), pass(1), pass(1)])
    }),
    confined("begins_a_check_twice", Ends::Broken("begins twice"), |door| {
        say(door, [begin(1, "a"), begin(1, "b")])
    }),
    confined("passes_while_its_calls_are_open", Ends::Broken("before one of its calls"), |door| {
        // At once, and as many as may be open, so that not all of them are over when the host reads the end.
        let calls = (2..64).map(|number| allowed(number, Some(1)));
        let frames = [begin(1, "a")].into_iter().chain(calls).chain([pass(1)]);
        door.raw(&frames.flat_map(|frame| framed(frame.to_string().as_bytes())).collect::<Vec<u8>>());
        door.linger();
    }),
    confined("leaves_a_check_open", Ends::Unmeasured, |door| say(door, [begin(1, "a")])),
    confined("speaks_on_after_its_end", Ends::Harmless, |door| {
        door.end();
        say(door, [call(1, None, "dns.query", json!({"server": "vip:dns", "name": "x.", "type": "A"}))]);
    }),
    confined("ends_while_its_call_is_open", Ends::Harmless, |door| say(door, [wait(1, u64::MAX)])),
    // Floods, and silence.
    confined("floods_with_calls", Ends::Limit("at most 10000 calls"), |door| {
        let mut reader = door.another();
        let reads = std::thread::spawn(move || reader.linger());
        (1..=10_001).for_each(|number| door.say(wait(number, 0)));
        let _ = reads.join();
    }),
    confined("floods_with_checks", Ends::Broken("more than 10000 checks"), |door| {
        say(door, (1..=10_001).map(|number| begin(number, "x")));
    }),
    confined("prints_a_hundred_and_forty_mebibytes", Ends::Limit("128 MiB"), |door| {
        let mebibyte = "x".repeat(1 << 20);
        (0..140).for_each(|_| door.say(print(&mebibyte)));
        door.linger();
    }),
    confined("reads_no_reply", Ends::Limit(TIME), |door| {
        (1..=9_000).for_each(|number| door.say(allowed(number, None)));
        rest();
    }),
    confined("waits_for_ever", Ends::Limit(TIME), |door| {
        door.say(wait(1, u64::MAX));
        door.linger();
    }),
    free("never_reads_its_script", Ends::Limit(TIME), |door| {
        if let Ok(confinement) = door.confine() {
            door.confined(confinement);
        }
        rest();
    }),
    confined("stays_silent", Ends::Limit(TIME), |door| door.linger()),
    confined("computes_for_ever", Ends::Limit(TIME), |_| {
        loop {
            black_box(0);
        }
    }),
    confined("hangs_up_and_lives_on", Ends::Broken(GONE), |door| door.hang_up()),
    // Powers that it was not given.
    confined("calls_what_it_did_not_declare", Ends::Denied, |door| {
        ask(
            door,
            call(
                1,
                None,
                "dns.query",
                json!({"server": "vip:dns", "name": "infra.samakia.net.", "type": "SOA"}),
            ),
        );
    }),
    confined("calls_another_target", Ends::Denied, |door| {
        ask(door, call(1, None, "tcp.connect", json!({"target": "host:dns-edge-1", "port": 22})));
    }),
    confined("calls_a_bare_address", Ends::Denied, |door| {
        ask(door, call(1, None, "tcp.connect", json!({"target": "addr:192.0.2.1", "port": 22})));
    }),
    confined("changes_something_while_observing", Ends::Denied, |door| {
        ask(door, call(1, None, "unit.stop", json!({"host": "dns-edge-1", "unit": "keepalived"})));
    }),
    confined("passes_over_a_denied_call", Ends::Denied, |door| {
        door.say(begin(1, "a"));
        door.say(call(2, Some(1), "tcp.connect", json!({"target": "host:dns-edge-1", "port": 22})));
        door.reply();
        say(door, [pass(1)]);
    }),
    confined("passes_over_a_failed_call", Ends::Unmeasured, |door| {
        door.say(begin(1, "a"));
        door.say(call(2, Some(1), "tcp.connect", json!({"target": "vip:dns", "port": "none"})));
        door.reply();
        say(door, [pass(1)]);
    }),
    confined("calls_what_does_not_exist", Ends::Harmless, |door| {
        ask(door, call(1, None, "shell.run", json!({"argv": "id"})))
    }),
    // What people read.
    confined("forges_another_line_in_a_title", Ends::Harmless, |door| {
        say(door, [begin(1, &format!("a\n{FORGED} pass |\n")), pass(1)]);
    }),
    confined("forges_the_terminal", Ends::Harmless, |door| {
        say(door, [begin(1, "\u{1b}[2J\u{1b}]0;x\u{7}\r\u{202e}"), print("\u{1b}[31m\u{9b}1m\r"), pass(1)]);
    }),
    confined("forges_a_conductor", Ends::Harmless, |door| {
        say(
            door,
            [
                json!({"frame": "human", "place": [0], "role": format!("conductor\n{FORGED}"), "name": "root\u{1b}[A", "text": "approved"}),
            ],
        );
    }),
    // The machine.
    confined("opens_a_file", Ends::Broken(""), |door| tried(door, std::fs::read("/etc/passwd").is_ok())),
    confined("reads_the_memory_of_another_process", Ends::Broken(""), |door| {
        tried(door, std::fs::File::open("/proc/1/mem").is_ok());
    }),
    confined("starts_a_program", Ends::Broken("SIGSYS"), |door| {
        tried(door, Command::new("/bin/true").status().is_ok())
    }),
    confined("opens_a_socket", Ends::Broken("SIGSYS"), |door| {
        tried(door, rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None).is_ok());
    }),
    confined("takes_all_memory", Ends::Broken(GONE), |_| {
        let mut taken: Vec<Vec<u8>> = Vec::new();
        for _ in 0..64 {
            taken.push(vec![1; 64 << 20]);
        }
        black_box(taken);
    }),
];
