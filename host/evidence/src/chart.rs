//! A scope as a picture: who held which VIP, which samples of the probe were lost, and what was done when.
//!
//! The SVG is a function of what it is given, byte for byte. It has no script, no style sheet, no link and no font of its own, and every
//! text in it is escaped and short, so that it can be opened anywhere.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use fabric_model::Slug;
use fabric_model::door::Holding;

use crate::markup;
use crate::probe::{self, Sample};
use crate::report::is_deceptive;

/// What is drawn. Times are in milliseconds after the beginning of the scope.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// The title of the scope, untrusted text.
    pub title: String,
    /// How long the scope took.
    pub length_ms: u64,
    /// Every VIP of the group, in the order of its lanes. One that nobody was seen to hold has a lane too.
    pub vips: Vec<Slug>,
    /// The changes of their holders.
    pub holdings: Vec<Holding>,
    /// The samples of the probe; none where there was no probe.
    pub samples: Option<Vec<Sample>>,
    /// When the probe began; its samples count from there.
    pub probe_began_ms: u64,
    /// What was done.
    pub marks: Vec<Mark>,
}

/// Something that was done at one point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at_ms: u64,
    /// What it is.
    pub kind: MarkKind,
    /// In words, untrusted text.
    pub text: String,
}

/// What a mark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkKind {
    /// A change was made.
    Injection,
    /// A change was taken back.
    Undo,
    /// A dead-man timer fired.
    Timer,
    /// A person took a step.
    Human,
}

impl MarkKind {
    const ALL: [Self; 4] = [Self::Injection, Self::Undo, Self::Timer, Self::Human];

    fn colour(self) -> &'static str {
        match self {
            Self::Injection => "#b3261e",
            Self::Undo => "#1b6e3c",
            Self::Timer => "#8a4b00",
            Self::Human => "#3949ab",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Injection => "change",
            Self::Undo => "undo",
            Self::Timer => "timer fired",
            Self::Human => "human step",
        }
    }
}

/// Where the time axis begins and how wide it is, and the height of a lane and of a line of text, in pixels.
const LEFT: u64 = 150;
const WIDTH: u64 = 820;
const LANE: u64 = 34;
const BAR: u64 = 24;
const LINE: u64 = 18;
/// Numbers of marks stand in rows, so that those of one moment can be told apart.
const MARK_ROWS: u64 = 3;
/// Ticks that fit on the axis without their labels touching.
const TICKS: u64 = 12;
/// The longest text, in characters.
const TEXT: usize = 110;
/// Colours of hosts, told apart by those who do not see all colours too; a later host begins again.
const HOSTS: [&str; 6] = ["#0072b2", "#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#f0e442"];

/// Writing to a `String` does not fail.
macro_rules! draw {
    ($out:expr, $($arg:tt)*) => {{ let _ = writeln!($out, $($arg)*); }};
}

/// The picture as a file of its own.
pub fn svg(chart: &Chart) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", figure(chart, "chart"))
}

/// The picture as a part of a page, in which `id` names it and nothing else.
pub fn figure(chart: &Chart, id: &str) -> String {
    let top = 40 + MARK_ROWS * 14;
    let lanes = chart.vips.len() as u64 + u64::from(chart.samples.is_some());
    let axis = top + lanes * LANE;
    let paper = Paper { chart, id, hosts: hosts(chart), length: chart.length_ms.max(1), top, axis };
    let legend = axis + 50;
    let lines = chart.marks.len() as u64 + 2;
    let (width, height) = (LEFT + WIDTH + 30, legend + lines * LINE + 10);
    let mut out = String::new();
    draw!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" role="img" aria-labelledby="{id}-title">"#
    );
    let title = text(&chart.title);
    draw!(out, r#"<title id="{id}-title">Chart: {title}</title>"#);
    draw!(
        out,
        r##"<defs><pattern id="{id}-two" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="3" height="8" fill="#d00000"/></pattern><pattern id="{id}-lost" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect width="6" height="6" fill="#e57373"/><rect width="2" height="6" fill="#7f0000"/></pattern></defs>"##
    );
    draw!(out, r##"<rect width="{width}" height="{height}" fill="#ffffff"/>"##);
    draw!(out, r#"<text x="10" y="22" font-size="15" font-weight="bold">{title}</text>"#);
    paper.time_axis(&mut out);
    for (lane, vip) in chart.vips.iter().enumerate() {
        paper.vip(&mut out, lane as u64, vip);
    }
    if let Some(samples) = &chart.samples {
        paper.probe(&mut out, chart.vips.len() as u64, samples);
    }
    paper.marks(&mut out, legend);
    paper.legend(&mut out, legend);
    draw!(out, "</svg>");
    out
}

fn hosts(chart: &Chart) -> Vec<&Slug> {
    let all: BTreeSet<&Slug> = chart.holdings.iter().flat_map(|held| &held.hosts).collect();
    all.into_iter().collect()
}

/// The chart with its measures.
struct Paper<'a> {
    chart: &'a Chart,
    id: &'a str,
    hosts: Vec<&'a Slug>,
    length: u64,
    top: u64,
    axis: u64,
}

impl Paper<'_> {
    /// Where a point in time lies, in tenths of a pixel: integers, so that no platform rounds in its own way.
    fn x(&self, at_ms: u64) -> u64 {
        LEFT * 10 + at_ms.min(self.length).saturating_mul(WIDTH * 10) / self.length
    }

    fn bar(&self, out: &mut String, (from, to): (u64, u64), (y, height): (u64, u64), fill: &str) {
        let (x, end) = (self.x(from), self.x(to));
        // Even the shortest stretch is seen.
        let wide = end.saturating_sub(x).max(5);
        draw!(
            out,
            r#"<rect x="{}" y="{y}" width="{}" height="{height}" fill="{fill}"/>"#,
            tenths(x),
            tenths(wide)
        );
    }

    fn label(&self, out: &mut String, lane: u64, label: &str) -> u64 {
        let y = self.top + lane * LANE;
        draw!(out, r#"<text x="10" y="{}">{}</text>"#, y + 21, text(label));
        y + (LANE - BAR) / 2
    }

    fn time_axis(&self, out: &mut String) {
        let step = tick_step(self.length);
        let (axis, top) = (self.axis, self.top);
        for at in (0..=self.length).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            let x = tenths(self.x(at));
            draw!(out, r##"<line x1="{x}" y1="{top}" x2="{x}" y2="{axis}" stroke="#e0e0e0"/>"##);
            draw!(out, r#"<text x="{x}" y="{}" text-anchor="middle">{}</text>"#, axis + 16, seconds(at));
        }
        draw!(out, r##"<line x1="{LEFT}" y1="{axis}" x2="{}" y2="{axis}" stroke="#404040"/>"##, LEFT + WIDTH);
        draw!(
            out,
            r##"<text x="{}" y="{}" text-anchor="middle" fill="#404040">seconds</text>"##,
            LEFT + WIDTH / 2,
            axis + 32
        );
    }

    fn vip(&self, out: &mut String, lane: u64, vip: &Slug) {
        let y = self.label(out, lane, &format!("vip:{vip}"));
        let mut held: Vec<&Holding> = self.chart.holdings.iter().filter(|held| held.vip == *vip).collect();
        held.sort_by_key(|held| held.at_ms);
        let ends = held.iter().skip(1).map(|next| next.at_ms).chain([self.length]);
        for (held, end) in held.iter().zip(ends) {
            self.held(out, y, held, end);
        }
    }

    /// One owner is one bar, several share the lane under a red hatching, nobody is nothing, and who could not be asked is grey.
    fn held(&self, out: &mut String, y: u64, held: &Holding, end: u64) {
        let span = (held.at_ms, end);
        let owners = held.hosts.len() as u64;
        let each = BAR.checked_div(owners).unwrap_or(BAR);
        for (row, host) in held.hosts.iter().enumerate() {
            self.bar(out, span, (y + row as u64 * each, each), self.colour(host));
        }
        if owners > 1 {
            self.bar(out, span, (y, BAR), &self.pattern("two"));
        }
        for (row, host) in held.hosts.iter().enumerate() {
            self.name(out, span, y + row as u64 * each + each / 2 + 4, host);
        }
        match (owners, held.silent.is_empty()) {
            (_, true) => {}
            (0, false) => self.bar(out, span, (y, BAR), "#bdbdbd"),
            (_, false) => self.bar(out, span, (y + BAR, 4), "#bdbdbd"),
        }
    }

    /// The name of a host on its bar, where there is room for it.
    fn name(&self, out: &mut String, (from, to): (u64, u64), y: u64, host: &Slug) {
        let (x, end) = (self.x(from), self.x(to));
        let wide = 70 * host.as_str().chars().count() as u64 + 60;
        if end.saturating_sub(x) < wide {
            return;
        }
        draw!(
            out,
            r##"<text x="{}" y="{y}" font-size="11" stroke="#ffffff" stroke-width="3" paint-order="stroke">{}</text>"##,
            tenths(x + 40),
            text(host.as_str())
        );
    }

    fn pattern(&self, name: &str) -> String {
        format!("url(#{}-{name})", self.id)
    }

    fn colour(&self, host: &Slug) -> &'static str {
        let place = self.hosts.iter().position(|known| *known == host).unwrap_or_default();
        HOSTS.get(place % HOSTS.len()).copied().unwrap_or("#000000")
    }

    fn probe(&self, out: &mut String, lane: u64, samples: &[Sample]) {
        let y = self.label(out, lane, "probe");
        let at = |ns: u64| self.chart.probe_began_ms + ns / 1_000_000;
        for run in samples.chunk_by(|one, next| one.good == next.good) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            // A stretch lasts until the next sample, so that neither kind hides the other.
            let next = usize::try_from(last.number).ok().and_then(|number| samples.get(number + 1));
            let end = next.map_or(self.length, |next| at(next.sent_ns));
            let fill = if first.good { "#9ccc9c".to_owned() } else { self.pattern("lost") };
            self.bar(out, (at(first.sent_ns), end), (y, BAR), &fill);
        }
        if samples.iter().all(|sample| sample.good) {
            return;
        }
        let ended = self.length.saturating_sub(self.chart.probe_began_ms).saturating_mul(1_000_000);
        let gap = probe::longest_gap(samples, ended);
        let (from, to) = (self.x(at(gap.from_ns)), self.x(at(gap.to_ns)));
        let below = y + BAR - 3;
        draw!(
            out,
            r##"<line x1="{}" y1="{below}" x2="{}" y2="{below}" stroke="#7f0000" stroke-width="3"/>"##,
            tenths(from),
            tenths(to)
        );
        draw!(
            out,
            r##"<text x="{}" y="{}" text-anchor="middle" font-weight="bold" fill="#7f0000" stroke="#ffffff" stroke-width="3" paint-order="stroke">{} s</text>"##,
            tenths(from.midpoint(to)),
            y + 14,
            seconds(gap.length_ns() / 1_000_000)
        );
    }

    /// A line for each, with a number that stands for its words below.
    fn marks(&self, out: &mut String, legend: u64) {
        for (n, mark) in self.chart.marks.iter().enumerate() {
            let n = n as u64;
            let (x, colour) = (tenths(self.x(mark.at_ms)), mark.kind.colour());
            let head = 40 + n % MARK_ROWS * 14;
            draw!(
                out,
                r#"<line x1="{x}" y1="{head}" x2="{x}" y2="{}" stroke="{colour}" stroke-width="1.5" stroke-dasharray="4 2"/>"#,
                self.axis
            );
            let number = n + 1;
            draw!(
                out,
                r#"<text x="{x}" y="{}" dx="3" fill="{colour}" font-weight="bold">{number}</text>"#,
                head + 10
            );
            draw!(
                out,
                r#"<text x="10" y="{}"><tspan fill="{colour}" font-weight="bold">{number}</tspan>  {} s  {}: {}</text>"#,
                legend + (n + 2) * LINE,
                seconds(mark.at_ms),
                mark.kind.word(),
                text(&mark.text)
            );
        }
    }

    fn legend(&self, out: &mut String, y: u64) {
        let (two, lost) = (self.pattern("two"), self.pattern("lost"));
        let mut entries: Vec<(&str, String)> =
            self.hosts.iter().map(|host| (self.colour(host), text(host.as_str()))).collect();
        entries.extend([(two.as_str(), "two owners".to_owned()), ("#bdbdbd", "silent".to_owned())]);
        if self.chart.samples.is_some() {
            entries.extend([("#9ccc9c", "answered".to_owned()), (lost.as_str(), "lost".to_owned())]);
        }
        for kind in MarkKind::ALL {
            if self.chart.marks.iter().any(|mark| mark.kind == kind) {
                entries.push((kind.colour(), kind.word().to_owned()));
            }
        }
        let mut x = 10;
        for (colour, word) in entries {
            draw!(
                out,
                r##"<rect x="{x}" y="{}" width="12" height="12" fill="{colour}" stroke="#808080" stroke-width="0.5"/>"##,
                y - 2
            );
            draw!(out, r#"<text x="{}" y="{}">{word}</text>"#, x + 17, y + 9);
            x += 34 + 7 * word.chars().count() as u64;
        }
    }
}

/// The distance between two ticks, in milliseconds: 1, 2 or 5 times a power of ten.
fn tick_step(length: u64) -> u64 {
    let mut power: u64 = 10;
    loop {
        for step in [1, 2, 5].map(|times| power.saturating_mul(times)) {
            if length / step <= TICKS {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

fn tenths(pixels: u64) -> String {
    format!("{}.{}", pixels / 10, pixels % 10)
}

/// Seconds without needless digits.
fn seconds(millis: u64) -> String {
    let text = format!("{}.{:03}", millis / 1000, millis % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text from outside as XML, cut to what there is room for.
fn text(raw: &str) -> String {
    let short: String = raw.chars().filter(|c| !is_deceptive(*c)).take(TEXT).collect();
    let mut out = String::new();
    markup::escape(&mut out, &short);
    out
}

#[cfg(test)]
mod tests;
