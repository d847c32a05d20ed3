//! What people see: a line for each check as it ends, what was expected against what was observed, and where the packet is.

use std::io::{IsTerminal, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use anstream::{eprintln, println};
use anstyle::{AnsiColor, Style};
use fabric_model::check::{Status, Verdict};
use fabric_model::{Fault, Value};
use fabric_runtime::{EndedCheck, Refusal, Watch, status};
use indicatif::{ProgressBar, ProgressStyle};

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
        self.spinner.suspend(|| println!("{text}"));
    }
}

impl Watch for Terminal {
    fn started(&self, title: &str, _packet: &Path) {
        self.print(&format!("{STRONG}{}{STRONG:#}", plain(title)));
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
        self.print(&format!("  {FAINT}|{FAINT:#} {}", plain(text)));
    }

    fn denied(&self, fault: &Fault) {
        self.print(&format!("  {BAD}denied{BAD:#} {}{}", plain(&fault.message), hints(&fault.hints, "    ")));
    }

    fn warned(&self, message: &str) {
        self.spinner.suspend(|| eprintln!("{UNSURE}warning{UNSURE:#}: {}", plain(message)));
    }
}

fn check_line(title: &str, check: &EndedCheck) -> String {
    let took = format!("{FAINT}{}{FAINT:#}", duration(check.took));
    let (style, mark) = match status(&check.verdict) {
        Status::Pass => (GOOD, "pass "),
        Status::Fail => (BAD, "FAIL "),
        Status::Error => (BAD, "ERROR"),
        Status::Skip => (UNSURE, "skip "),
    };
    format!("  {style}{mark}{style:#} {title}  {took}{}", details(&check.verdict))
}

fn details(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass => String::new(),
        Verdict::Fail { what, expected, observed } => format!(
            "\n        {}\n          {GOOD}expected{GOOD:#} {}\n          {BAD}observed{BAD:#} {}",
            plain(what),
            value(expected),
            value(observed)
        ),
        Verdict::Error { fault: Some(fault), .. } => {
            format!("\n        {} [{}]{}", plain(&fault.message), fault.code, hints(&fault.hints, "        "))
        }
        Verdict::Error { fault: None, message } => format!("\n        {}", plain(message)),
        Verdict::Skip { reason } => format!("\n        {}", plain(reason)),
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

/// Text from outside without control characters: a remote host must not move the operator's cursor.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Says why a command did not happen.
pub(crate) fn refused(refusal: &Refusal) {
    eprintln!("{BAD}error{BAD:#}: {}", plain(&refusal.message));
    for diagnostic in &refusal.diagnostics {
        eprintln!("  {}", plain(&diagnostic.to_string()).replace('\n', "\n  "));
    }
    for hint in &refusal.hints {
        eprintln!("  {FAINT}hint:{FAINT:#} {}", plain(hint));
    }
    // The stream is unbuffered where it matters; a closed one has no reader to tell.
    let _ = std::io::stderr().flush();
}

/// The last lines of a run.
pub(crate) fn summary(lines: &[(Style, String)]) {
    println!();
    for (style, line) in lines {
        println!("{style}{line}{style:#}");
    }
}

/// The style for a status word.
pub(crate) fn style(good: bool) -> Style {
    if good { GOOD } else { BAD }
}

/// The style of what need not be read.
pub(crate) fn faint() -> Style {
    FAINT
}
