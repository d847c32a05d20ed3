//! What people see: a line for each check as it ends, what was expected against what was observed, and where the packet is.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use fabric_evidence::event::{Act, RunHead};
use fabric_model::change::{Heals, Undone};
use fabric_model::check::{Status, Verdict};
use fabric_model::protection::{Protection, stands};
use fabric_model::{Fault, Slug, Value};
use fabric_runtime::{EndedCheck, Refusal, Watch, status};
use indicatif::{ProgressBar, ProgressStyle};

use crate::excerpt::{self, Gravity, Sources};
use crate::place::nearest_project;
use crate::stream::{say, tell};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const UNSURE: Style = AnsiColor::Yellow.on_default();
const FAINT: Style = Style::new().dimmed();
const STRONG: Style = Style::new().bold();

/// The longest value that is shown whole, in characters; the packet has all of it.
const SHOWN: usize = 2000;

/// A terminal, or a file that stands for one.
pub(crate) struct Terminal {
    spinner: ProgressBar,
    step: Mutex<String>,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        let spinner = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("  {spinner:.dim} {msg:.dim}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        } else {
            ProgressBar::hidden()
        };
        Self { spinner, step: Mutex::default() }
    }

    /// Ends the progress line.
    pub(crate) fn finish(&self) {
        self.spinner.finish_and_clear();
    }

    fn print(&self, text: &str) {
        self.spinner.suspend(|| say(text));
    }
}

impl Watch for Terminal {
    fn started(&self, head: &RunHead) {
        let roles: Vec<&str> = head.principal.roles.iter().map(Slug::as_str).collect();
        let roles = if roles.is_empty() { "nobody".to_owned() } else { roles.join(", ") };
        self.print(&format!("{STRONG}{}{STRONG:#}", plain(&head.script.title)));
        let act = match head.act {
            Act::Observe => "",
            Act::Plan => ", only planning",
            Act::Execute => ", changing it",
            Act::Recover => ", taking back",
        };
        self.print(&format!(
            "{FAINT}site {} ({}), as {roles}{act}{FAINT:#}",
            head.site.name,
            head.site.realm.as_str()
        ));
    }

    fn check_begun(&self, title: &str) {
        self.spinner.set_message(plain(title));
    }

    fn check_ended(&self, check: &EndedCheck) {
        let mut step = self.step.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (heading, title) = match check.title.split_once(" / ") {
            Some((heading, title)) => (plain(heading), plain(title)),
            None => (String::new(), plain(&check.title)),
        };
        if *step != heading {
            self.print(&format!("\n{STRONG}{heading}{STRONG:#}"));
            *step = heading;
        }
        self.print(&check_line(&title, check));
    }

    fn printed(&self, text: &str) {
        // Each line of it says whose words these are.
        for line in text.lines() {
            self.print(&format!("  {FAINT}|{FAINT:#} {}", plain(line)));
        }
    }

    fn denied(&self, fault: &Fault) {
        self.print(&format!(
            "  {BAD}denied{BAD:#} {} [{}]{}",
            lines(&fault.message, "    "),
            fault.code,
            hints(&fault.hints, "    ")
        ));
    }

    fn planned(&self, summary: &str, change_heals: Heals) {
        self.change(UNSURE, "plan ", summary, &heals(change_heals));
    }

    fn guarded(&self, reason: Option<&str>) {
        let reason = reason.map_or(String::new(), |reason| format!(": {}", plain(reason)));
        self.print(&format!("  {FAINT}the guards let it change things{reason}{FAINT:#}"));
    }

    fn intended(&self, summary: &str, change_heals: Heals) {
        self.change(UNSURE, "make ", summary, &heals(change_heals));
    }

    fn confirmed(&self, summary: &str) {
        self.change(GOOD, "made ", summary, "");
    }

    fn undone(&self, summary: &str, undone: Undone) {
        let style = if undone.is_restored() { GOOD } else { BAD };
        self.change(style, "undo ", summary, undone.as_str());
    }

    fn committed(&self, changes: u32) {
        self.print(&format!(
            "  {GOOD}stay {GOOD:#} {changes} {}",
            if changes == 1 { "change" } else { "changes" }
        ));
    }

    fn scope_begun(&self, title: &str) {
        self.print(&format!("\n{STRONG}{}{STRONG:#}", plain(title)));
        // The next check says its heading again.
        self.step.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
    }

    fn scope_ended(&self, title: &str, restored: bool) {
        if !restored {
            self.print(&format!(
                "  {BAD}LEFT {BAD:#} not everything that `{}` changed is as before",
                plain(title)
            ));
        }
    }

    fn probed(&self, sent: u64, lost: u64, gap_ms: u64) {
        let told = format!("{lost} of {sent} samples lost, longest gap {}", gap(gap_ms));
        self.print(&format!("  {FAINT}probe{FAINT:#} {told}"));
    }

    fn held(&self, vip: &Slug, hosts: &[Slug], silent: &[Slug]) {
        let names = |slugs: &[Slug]| slugs.iter().map(Slug::as_str).collect::<Vec<_>>().join(" and ");
        let by = match hosts {
            [] => format!("{UNSURE}nobody{UNSURE:#}"),
            [one] => one.to_string(),
            several => format!("{BAD}{}{BAD:#}", names(several)),
        };
        let silent = if silent.is_empty() { String::new() } else { format!(", {} silent", names(silent)) };
        self.print(&format!("  {FAINT}vip:{vip}{FAINT:#} held by {by}{silent}"));
    }

    fn human(&self, role: &str, name: &str, text: &str) {
        self.print(&format!("  {FAINT}{} {}:{FAINT:#} {}", plain(role), plain(name), plain(text)));
    }

    fn warned(&self, message: &str) {
        self.spinner.suspend(|| warn(message));
    }
}

impl Terminal {
    fn change(&self, style: Style, mark: &str, summary: &str, more: &str) {
        let more = if more.is_empty() { String::new() } else { format!("  {FAINT}{more}{FAINT:#}") };
        self.print(&format!("  {style}{mark}{style:#} {}{more}", plain(summary)));
    }
}

/// Nobody watches, but warnings are said.
pub(crate) struct WarningsOnly;

impl Watch for WarningsOnly {
    fn warned(&self, message: &str) {
        warn(message);
    }
}

fn warn(message: &str) {
    tell(format_args!("{UNSURE}warning{UNSURE:#}: {}", plain(message)));
}

fn check_line(title: &str, check: &EndedCheck) -> String {
    let took = format!("{FAINT}{}{FAINT:#}", duration(check.took));
    let (style, mark) = match status(&check.verdict) {
        Status::Pass => (GOOD, "pass "),
        Status::Fail => (BAD, "FAIL "),
        Status::Error => (BAD, "ERROR"),
        Status::Skip => (UNSURE, "skip "),
        Status::Deferred => (UNSURE, "later"),
    };
    format!("  {style}{mark}{style:#} {title}  {took}{}", details(&check.verdict))
}

fn details(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass => String::new(),
        Verdict::Fail { what, expected, observed } => format!(
            "\n        {}\n          {GOOD}expected{GOOD:#} {}\n          {BAD}observed{BAD:#} {}",
            lines(what, "        "),
            value(expected),
            value(observed)
        ),
        Verdict::Error { fault: Some(fault), .. } => {
            format!(
                "\n        {} [{}]{}",
                lines(&fault.message, "        "),
                fault.code,
                hints(&fault.hints, "        ")
            )
        }
        Verdict::Error { fault: None, message } => format!("\n        {}", lines(message, "        ")),
        Verdict::Skip { reason } | Verdict::Deferred { reason } => {
            format!("\n        {}", lines(reason, "        "))
        }
    }
}

fn hints(hints: &[String], indent: &str) -> String {
    hints.iter().map(|hint| format!("\n{indent}{FAINT}hint:{FAINT:#} {}", plain(hint))).collect()
}

fn value(value: &Value) -> String {
    let text = plain(&serde_json::to_string(value).unwrap_or_default());
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… (whole in checks.json)", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// How long, for people.
pub(crate) fn duration(took: Duration) -> String {
    match took.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}

/// A gap as a probe measured it, to the millisecond.
pub(crate) fn gap(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        _ => format!("{}.{:03} s", millis / 1000, millis % 1000),
    }
}

/// What becomes of a change when the host never comes back.
pub(crate) fn heals(heals: Heals) -> String {
    match heals {
        Heals::ByTimer { seconds } => format!("heals itself after {seconds} s"),
        Heals::ByRecover => "only `fabric recover` takes it back".to_owned(),
        Heals::Nothing => "nothing to take back".to_owned(),
    }
}

/// Text from outside on one line, without characters that move the cursor, hide text or turn its direction: a remote host must
/// not write on the operator's screen.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if is_deceptive(c) { '\u{fffd}' } else { c }).collect()
}

/// The same for text of several lines, those after the first indented, so that none of them passes for a line of ours.
pub(crate) fn lines(text: &str, indent: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join(&format!("\n{indent}"))
}

fn is_deceptive(c: char) -> bool {
    (c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'))
        && stands(Protection::PlainOutput)
}

/// Says why a command did not happen.
pub(crate) fn refused(refusal: &Refusal) {
    tell(format_args!("{BAD}error{BAD:#}: {}", lines(&refusal.message, "  ")));
    // Which project a command was told to use is not known here; nearly always it is the nearest.
    let mut sources = Sources::new(Some(&nearest_project()));
    for diagnostic in &refusal.diagnostics {
        tell(excerpt::show(Gravity::Error, None, diagnostic, &mut sources));
    }
    for hint in &refusal.hints {
        tell(format_args!("  {FAINT}hint:{FAINT:#} {}", plain(hint)));
    }
}

/// The last lines of a run.
pub(crate) fn summary(lines: &[(Style, String)]) {
    say("");
    for (style, line) in lines {
        say(format_args!("{style}{line}{style:#}"));
    }
}

/// The style for a status word.
pub(crate) fn style(good: bool) -> Style {
    if good { GOOD } else { BAD }
}

/// The style of what is looked for first.
pub(crate) fn strong() -> Style {
    STRONG
}

/// The style of what need not be read.
pub(crate) fn faint() -> Style {
    FAINT
}
