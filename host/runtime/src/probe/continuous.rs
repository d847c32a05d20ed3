//! A continuous probe: samples at fixed instants, each on its own, whatever becomes of the ones before.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fabric_evidence::probe::Sample;
use fabric_model::{Code, Fault};
use fabric_wire::seam::Clock;
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::samples::ProbeResult;

/// Makes one sample. What it says when it fails has been through the redactor.
pub(crate) type Sampler =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>> + Send + Sync>;

/// How long one sample waits for its answer. A slower answer than this is none for a client either.
const PATIENCE: Duration = Duration::from_secs(1);

/// Samples under way at the same time; one that would be one more is counted as lost. A probe of a silent service every 10 ms has 100.
const IN_FLIGHT: usize = 256;

/// The longest detail of a lost sample, in characters.
const DETAIL: usize = 120;

/// A probe that runs.
pub(crate) struct Probe {
    stop: oneshot::Sender<()>,
    task: JoinHandle<ProbeResult>,
    /// Good answers in a row.
    streak: Arc<watch::Sender<u64>>,
    every: Duration,
    began: SystemTime,
    clock: Arc<dyn Clock>,
}

impl Probe {
    /// Begins, with the first sample at once.
    pub(crate) fn start(sampler: Sampler, clock: &Arc<dyn Clock>, every: Duration) -> Self {
        let (stop, stopped) = oneshot::channel();
        let streak = Arc::new(watch::Sender::new(0));
        let began = clock.now();
        let run = Run { sampler, clock: Arc::clone(clock), every, began, streak: Arc::clone(&streak) };
        Self { stop, task: tokio::spawn(run.until(stopped)), streak, every, began, clock: Arc::clone(clock) }
    }

    /// When it began.
    pub(crate) fn began(&self) -> SystemTime {
        self.began
    }

    /// Waits until so many answers in a row were good. Whether they were, before the time was over.
    pub(crate) async fn steady(&self, answers: u64, patience: Duration) -> bool {
        let mut streak = self.streak.subscribe();
        let steady = streak.wait_for(|streak| *streak >= answers);
        tokio::select! {
            steady = steady => steady.is_ok(),
            () = self.clock.sleep(patience) => false,
        }
    }

    /// Waits until answers were good for so long on end, from now on: a sample that will be lost is still under way for a while, and
    /// earlier good ones say nothing about it. Whether they were, before the time was over.
    pub(crate) async fn steady_again(&self, span: Duration, patience: Duration) -> bool {
        self.streak.send_replace(0);
        let answers = span.as_nanos().div_ceil(self.every.as_nanos().max(1));
        self.steady(u64::try_from(answers).unwrap_or(u64::MAX), patience).await
    }

    /// Ends it, once the samples that are under way have come back or are lost.
    pub(crate) async fn stop(self) -> ProbeResult {
        // Whoever has gone already needs no telling.
        let _told = self.stop.send(());
        self.task.await.unwrap_or_default()
    }
}

struct Run {
    sampler: Sampler,
    clock: Arc<dyn Clock>,
    every: Duration,
    began: SystemTime,
    streak: Arc<watch::Sender<u64>>,
}

impl Run {
    async fn until(self, mut stopped: oneshot::Receiver<()>) -> ProbeResult {
        let samples = Arc::new(Mutex::new(Vec::new()));
        let mut under_way = JoinSet::new();
        let (mut number, mut sent) = (0_u32, Duration::ZERO);
        loop {
            let due = self.every.saturating_mul(number);
            // A wall clock that is set back must not hold up the probe.
            let wait = due.saturating_sub(self.elapsed()).min(self.every);
            tokio::select! {
                biased;
                _ = &mut stopped => break,
                () = self.clock.sleep(wait) => {}
            }
            sent = self.elapsed().max(sent);
            let planned = Planned { number: u64::from(number), at: sent, late: sent.saturating_sub(due) };
            if under_way.len() >= IN_FLIGHT {
                let crowded = (Code::PortTimeout, "too many samples are under way".to_owned());
                samples.lock().await.push(planned.came_to(Duration::ZERO, Some(crowded)));
                self.streak.send_replace(0);
            } else {
                under_way.spawn(self.sample(planned, Arc::clone(&samples)));
            }
            number = number.saturating_add(1);
            while under_way.try_join_next().is_some() {}
        }
        let ended_ns = nanos(self.elapsed().max(sent));
        while under_way.join_next().await.is_some() {}
        let mut samples = std::mem::take(&mut *samples.lock().await);
        samples.sort_by_key(|sample| sample.number);
        ProbeResult { samples, ended_ns }
    }

    fn sample(
        &self,
        planned: Planned,
        samples: Arc<Mutex<Vec<Sample>>>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (asked, clock, streak) = ((self.sampler)(), Arc::clone(&self.clock), Arc::clone(&self.streak));
        let began = self.began;
        async move {
            let lost = tokio::select! {
                answer = asked => answer.err().map(|fault| (fault.code, fault.message)),
                () = clock.sleep(PATIENCE) => Some((Code::PortTimeout, "no answer in time".to_owned())),
            };
            let took = clock.now().duration_since(began).unwrap_or_default().saturating_sub(planned.at);
            let good = lost.is_none();
            streak.send_modify(|streak| *streak = if good { *streak + 1 } else { 0 });
            samples.lock().await.push(planned.came_to(took, lost));
        }
    }

    fn elapsed(&self) -> Duration {
        self.clock.now().duration_since(self.began).unwrap_or_default()
    }
}

/// A sample that is sent.
#[derive(Clone, Copy)]
struct Planned {
    number: u64,
    at: Duration,
    late: Duration,
}

impl Planned {
    fn came_to(self, took: Duration, lost: Option<(Code, String)>) -> Sample {
        let Self { number, at, late } = self;
        let (code, detail) = lost.unzip();
        Sample {
            number,
            sent_ns: nanos(at),
            late_ns: nanos(late),
            took_ns: nanos(took),
            good: code.is_none(),
            code: code.map(|code: Code| code.to_string()),
            detail: detail.map(|detail: String| detail.chars().take(DETAIL).collect()),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use fabric_evidence::probe::lateness;
    use fabric_model::Stage;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tokio::time::Instant;

    use super::*;

    /// A clock that runs with tokio's, which a test can pause.
    struct Paused(Instant);

    impl Clock for Paused {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + self.0.elapsed()
        }

        fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            Box::pin(tokio::time::sleep(duration))
        }
    }

    /// Samples by number: the given ones are refused, or never answered.
    fn sampler(refused: &'static [u64], silent: &'static [u64]) -> Sampler {
        let count = AtomicU64::new(0);
        Arc::new(move || {
            let number = count.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                if silent.contains(&number) {
                    std::future::pending::<()>().await;
                }
                match refused.contains(&number) {
                    true => Err(Fault::new(Code::PortRefused, Stage::Observe, "refused")),
                    false => Ok(()),
                }
            })
        })
    }

    async fn probed(refused: &'static [u64], silent: &'static [u64]) -> ProbeResult {
        let clock: Arc<dyn Clock> = Arc::new(Paused(Instant::now()));
        let probe = Probe::start(sampler(refused, silent), &clock, Duration::from_millis(50));
        tokio::time::sleep(Duration::from_millis(975)).await;
        probe.stop().await
    }

    #[tokio::test(start_paused = true)]
    async fn samples_are_sent_at_fixed_instants_whatever_becomes_of_the_ones_before() {
        let result = probed(&[4], &[7, 8, 9]).await;
        assert_eq!((result.sent(), result.lost()), (20, 4));
        let drift = result
            .samples
            .iter()
            .any(|sample| sample.sent_ns.abs_diff(sample.number * 50_000_000) > 2_000_000);
        assert!(!drift, "{:?}", result.samples);
        // From 6 to 10.
        assert_eq!(result.gap().as_millis(), 200);
        let lost: Vec<_> =
            result.samples.iter().filter_map(|s| Some((s.number, s.code.as_deref()?))).collect();
        let timeout = "port.timeout";
        assert_eq!(lost, [(4, "port.refused"), (7, timeout), (8, timeout), (9, timeout)]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_steady_after_so_many_good_answers_in_a_row_and_not_before() {
        let clock: Arc<dyn Clock> = Arc::new(Paused(Instant::now()));
        let probe = Probe::start(sampler(&[2], &[]), &clock, Duration::from_millis(50));
        assert!(!probe.steady(5, Duration::from_millis(180)).await);
        assert!(probe.steady(5, Duration::from_secs(1)).await);
        assert!(probe.stop().await.sent() >= 8);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_that_begins_before_the_end_is_seen_to_its_own_end() {
        let clock: Arc<dyn Clock> = Arc::new(Paused(Instant::now()));
        let began = Instant::now();
        // Steady for longer than is asked for, silent from the fourth second to the sixth, and once more two seconds later.
        let silent = move || {
            let ms = began.elapsed().as_millis();
            (4_000..6_000).contains(&ms) || (8_000..8_500).contains(&ms)
        };
        let sampler: Sampler = Arc::new(move || {
            let silent = silent();
            Box::pin(async move { if silent { std::future::pending().await } else { Ok(()) } })
        });
        let probe = Probe::start(sampler, &clock, Duration::from_millis(50));
        tokio::time::sleep(Duration::from_millis(4_200)).await;
        assert!(probe.steady_again(Duration::from_secs(3), Duration::from_secs(15)).await);
        let result = probe.stop().await;
        assert_eq!(result.gap().as_millis(), 2_050);
        assert_eq!(result.lost(), 50, "both outages");
    }

    #[tokio::test(start_paused = true)]
    async fn a_sample_that_is_held_up_is_sent_late_and_says_so() {
        let clock: Arc<dyn Clock> = Arc::new(Paused(Instant::now()));
        let probe = Probe::start(sampler(&[], &[]), &clock, Duration::from_millis(50));
        tokio::time::sleep(Duration::from_millis(120)).await;
        // As if the machine had stood still, with timers that were due meanwhile.
        tokio::time::advance(Duration::from_millis(300)).await;
        tokio::time::sleep(Duration::from_millis(105)).await;
        let result = probe.stop().await;
        let numbers: Vec<u64> = result.samples.iter().map(|sample| sample.number).collect();
        assert_eq!(numbers, (0..result.sent()).collect::<Vec<_>>(), "none is left out");
        assert!(result.sent() >= 10, "{result:?}");
        assert!(lateness(&result.samples).worst_ns >= 200_000_000, "{result:?}");
        assert_eq!(result.lost(), 0);
        assert!(result.gap() >= Duration::from_millis(250), "{:?}", result.gap());
    }

    #[tokio::test(start_paused = true)]
    async fn samples_under_way_are_bounded_and_those_too_many_are_lost() {
        let clock: Arc<dyn Clock> = Arc::new(Paused(Instant::now()));
        let never: Sampler = Arc::new(|| Box::pin(std::future::pending()));
        let probe = Probe::start(never, &clock, Duration::from_millis(1));
        tokio::time::sleep(Duration::from_millis(900)).await;
        let result = probe.stop().await;
        assert_eq!(result.lost(), result.sent());
        let crowded =
            result.samples.iter().filter(|s| s.detail.as_deref() != Some("no answer in time")).count();
        assert_eq!(result.samples.len() - crowded, IN_FLIGHT);
        assert!(result.gap() >= Duration::from_millis(900), "from its beginning to its end");
    }
}
