//! `report.html`: the records for people, as one page that needs nothing else.
//!
//! Like `report.md` it is a function of what the packet holds: `run.json`, `checks.json` and the samples of probes. It has no script and
//! refers to nothing; its policy lets a browser load nothing but its own style sheet. What matters is said in words: a reader who sees no
//! colour, prints it or has it read aloud misses nothing.

mod changes;
mod checks;
mod frame;
mod origin;
mod verdict;

use std::collections::BTreeMap;

use fabric_model::exit::Exit;

use crate::event::FaultRecord;
use crate::markup::Markup;
use crate::probe::Sample;
use crate::record::{ChecksRecord, RunRecord};

use super::facts;

/// The page, with the samples of each probe by the path of its artifact. A probe whose samples are not given has no lane in its chart.
pub fn render(run: &RunRecord, checks: &ChecksRecord, samples: &BTreeMap<String, Vec<Sample>>) -> String {
    let mut body = Body::default();
    verdict::render(&mut body, run);
    changes::left(&mut body, run);
    checks::failed(&mut body, checks);
    checks::all(&mut body, checks);
    checks::denied(&mut body, run);
    checks::stray(&mut body, run);
    changes::render(&mut body, run, samples);
    origin::documents(&mut body, run);
    origin::run(&mut body, run);
    origin::signatures(&mut body, run);
    frame::render(run, body)
}

/// The sections of the page, and what they are called.
#[derive(Default)]
struct Body {
    markup: Markup,
    contents: Vec<(&'static str, &'static str)>,
}

impl Body {
    fn section(&mut self, id: &'static str, title: &'static str, fill: impl FnOnce(&mut Markup)) {
        self.contents.push((id, title));
        self.markup.within("section", &[("aria-labelledby", id)], |section| {
            section.element("h2", &[("id", id)], title);
            fill(section);
        });
    }
}

/// How something looks. What it is stands beside it in words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tone {
    Good,
    Bad,
    Unsure,
}

impl Tone {
    fn of_exit(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::Good,
            Exit::NotMeasurable => Self::Unsure,
            _ => Self::Bad,
        }
    }

    fn of_grave(is_grave: bool) -> Self {
        if is_grave { Self::Bad } else { Self::Good }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Unsure => "unsure",
        }
    }

    /// A shape of its own for each.
    fn sign(self) -> &'static str {
        match self {
            Self::Good => "\u{2713}",
            Self::Bad => "\u{2717}",
            Self::Unsure => "?",
        }
    }
}

/// A word with its sign.
fn badge(markup: &mut Markup, tone: Tone, words: &str) {
    markup.within("span", &[("class", &format!("badge {}", tone.class()))], |badge| {
        badge.element("span", &[("aria-hidden", "true")], tone.sign());
        badge.text("\u{a0}");
        badge.text(words);
    });
}

/// A table with a caption, which can be scrolled by keyboard where it is wider than the page.
fn table(markup: &mut Markup, caption: &str, heads: &[&str], rows: impl FnOnce(&mut Markup)) {
    let region = [("class", "wide"), ("role", "region"), ("aria-label", caption), ("tabindex", "0")];
    markup.within("div", &region, |wide| {
        wide.within("table", &[], |table| {
            table.element("caption", &[], caption);
            table.within("thead", &[], |head| {
                head.within("tr", &[], |row| {
                    for head in heads {
                        row.element("th", &[("scope", "col")], head);
                    }
                });
            });
            table.within("tbody", &[], rows);
        });
    });
}

/// A list of names and values.
fn facts_list(markup: &mut Markup, fill: impl FnOnce(&mut Facts<'_>)) {
    markup.within("dl", &[("class", "facts")], |list| fill(&mut Facts(list)));
}

/// A list that is being filled.
struct Facts<'a>(&'a mut Markup);

impl Facts<'_> {
    fn row(&mut self, name: &str, value: &str) {
        self.cell(name, |cell| cell.text(value));
    }

    /// A value that is not prose.
    fn code(&mut self, name: &str, value: &str) {
        self.cell(name, |cell| cell.element("code", &[], value));
    }

    fn cell(&mut self, name: &str, fill: impl FnOnce(&mut Markup)) {
        self.0.within("div", &[], |row| {
            row.element("dt", &[], name);
            row.within("dd", &[], fill);
        });
    }
}

fn fault(markup: &mut Markup, fault: &FaultRecord) {
    markup.text(&fault.message);
    markup.text(" (");
    markup.element("code", &[], &fault.code);
    markup.text(").");
    markup.text(&facts::hints(fault));
}
