//! A probe that shares nothing with fabric's: plain UDP, its own DNS messages, its own reckoning. What it sees beside a GameDay is what
//! the GameDay's own probe is held against.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::mpsc;
use std::thread::Scope;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::error::LabError;
use crate::place::write;

/// How long an answer may take before its question counts as lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// Questions for the SOA of a name.
#[derive(Debug)]
pub(crate) struct Dns {
    /// Who is asked, on port 53.
    pub(crate) server: IpAddr,
    /// The name.
    pub(crate) name: String,
    /// From one question to the next.
    pub(crate) every: Duration,
    /// For how long.
    pub(crate) time: Duration,
}

/// One question.
#[derive(Clone, Debug, Serialize)]
struct Sample {
    /// When it was sent, in nanoseconds of the Unix time.
    sent_ns: u128,
    /// How long a good answer took.
    took_ns: Option<u128>,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Report {
    every_ms: u128,
    sent: usize,
    lost: usize,
    /// The longest time between the sending of two consecutive questions with a good answer.
    gap_ns: u128,
    samples: Vec<Sample>,
}

/// An answer, and when it came.
struct Arrival {
    number: usize,
    good: bool,
    at: Instant,
}

impl Dns {
    /// Asks until the time is over or `OUT.stop` is there, then writes the report.
    pub(crate) fn run(&self, out: &Path) -> Result<(), LabError> {
        let began = (Instant::now(), SystemTime::now());
        let (arrivals, arrived) = mpsc::channel();
        let sent = std::thread::scope(|scope| self.ask(scope, &arrivals, &out.with_extension("stop")));
        drop(arrivals);
        let report = Report::of(self.every, &sent, &arrived.iter().collect::<Vec<_>>(), began);
        let text = serde_json::to_string(&report).map_err(|error| LabError::Usage(error.to_string()))?;
        write(out, &text, 0o644)
    }

    /// Sends on a grid that does not drift. A question that cannot be sent is lost like one without an answer.
    fn ask<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        arrivals: &'scope mpsc::Sender<Arrival>,
        stop: &Path,
    ) -> Vec<Instant> {
        let begin = Instant::now();
        let mut sent = Vec::new();
        let mut next = begin;
        while next.duration_since(begin) < self.time && !stop.exists() {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            let number = sent.len();
            sent.push(Instant::now());
            if let Ok(socket) = self.send(number) {
                scope.spawn(move || listen(&socket, number, arrivals));
            }
            next += self.every;
        }
        sent
    }

    /// From a port of its own, as a resolver does: a firewall on the way knows the flow of an earlier question, and lets it through
    /// where a new one is dropped.
    fn send(&self, number: usize) -> std::io::Result<UdpSocket> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.send_to(&question(id(number), &self.name), SocketAddr::new(self.server, 53))?;
        Ok(socket)
    }
}

impl Report {
    fn of(every: Duration, sent: &[Instant], arrivals: &[Arrival], began: (Instant, SystemTime)) -> Self {
        let wall = |at: Instant| {
            let since = began.1.duration_since(UNIX_EPOCH).unwrap_or_default();
            (since + at.saturating_duration_since(began.0)).as_nanos()
        };
        let mut samples: Vec<Sample> =
            sent.iter().map(|at| Sample { sent_ns: wall(*at), took_ns: None }).collect();
        for arrival in arrivals.iter().filter(|arrival| arrival.good) {
            if let Some((sample, at)) = samples.get_mut(arrival.number).zip(sent.get(arrival.number)) {
                let took = arrival.at.duration_since(*at);
                sample.took_ns = (took <= PATIENCE).then_some(took.as_nanos());
            }
        }
        let good: Vec<u128> = samples.iter().filter(|s| s.took_ns.is_some()).map(|s| s.sent_ns).collect();
        let gaps = good.iter().zip(good.iter().skip(1)).map(|(from, to)| to - from);
        Self {
            every_ms: every.as_millis(),
            sent: samples.len(),
            lost: samples.len() - good.len(),
            gap_ns: gaps.max().unwrap_or_default(),
            samples,
        }
    }
}

fn listen(socket: &UdpSocket, number: usize, arrivals: &mpsc::Sender<Arrival>) {
    let mut message = [0_u8; 1500];
    let Ok((length, _)) = socket.recv_from(&mut message) else { return };
    let at = Instant::now();
    if let Some((answered, good)) = message.get(..length).and_then(answer) {
        let good = good && answered == id(number);
        let _nobody_counts_any_more = arrivals.send(Arrival { number, good, at });
    }
}

fn id(number: usize) -> u16 {
    u16::try_from(number & 0xffff).unwrap_or_default()
}

/// A message with one question for the SOA of `name`, recursion desired (RFC 1035, 4.1).
fn question(id: u16, name: &str) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        message.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, 6, 0, 1]);
    message
}

/// Whose answer it is, and whether it is a good one: NOERROR with a record.
fn answer(message: &[u8]) -> Option<(u16, bool)> {
    let [id_high, id_low, flags, rcode, _, _, count_high, count_low, ..] = *message else { return None };
    let is_answer = flags & 0x80 != 0;
    let good = rcode & 0x0f == 0 && (count_high, count_low) != (0, 0);
    is_answer.then_some((u16::from_be_bytes([id_high, id_low]), good))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_one_for_the_soa() {
        assert_eq!(
            question(0x0102, "a.bc."),
            [1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 2, b'b', b'c', 0, 0, 6, 0, 1]
        );
    }

    #[test]
    fn only_an_answer_with_a_record_and_without_an_error_is_good() {
        let message = |flags: u8, rcode: u8, count: u8| [0, 7, flags, rcode, 0, 1, 0, count, 0, 0, 0, 0];
        assert_eq!(answer(&message(0x85, 0, 1)), Some((7, true)));
        assert_eq!(answer(&message(0x85, 2, 1)), Some((7, false)), "SERVFAIL");
        assert_eq!(answer(&message(0x85, 0, 0)), Some((7, false)), "no record");
        assert_eq!(answer(&message(0x05, 0, 1)), None, "a question");
        assert_eq!(answer(&[0, 7, 0x85]), None, "a torn message");
    }

    #[test]
    fn the_gap_is_between_good_answers_and_a_late_one_is_lost() {
        let (begin, every) = (Instant::now(), Duration::from_millis(20));
        let sent: Vec<Instant> = (0..6).map(|number| begin + every * number).collect();
        let arrival =
            |number: usize, after: Duration, good| Arrival { number, good, at: sent[number] + after };
        let ms = Duration::from_millis;
        let arrivals = [
            arrival(0, ms(1), true),
            arrival(1, ms(1), true),
            arrival(2, ms(1), false),
            arrival(3, PATIENCE + ms(1), true),
            arrival(5, ms(1), true),
        ];
        let report = Report::of(every, &sent, &arrivals, (begin, SystemTime::now()));
        assert_eq!((report.sent, report.lost, report.gap_ns), (6, 3, 80_000_000));
    }
}
