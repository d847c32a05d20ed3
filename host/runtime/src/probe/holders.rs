//! Who holds the VIPs of a pair, over time.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use fabric_model::Slug;
use fabric_model::door::Holding;
use fabric_wire::seam::Clock;
use tokio::task::JoinSet;

/// What the members of a VIP say of themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Those that hold it.
    pub(crate) hosts: Vec<Slug>,
    /// Those that could not be asked.
    pub(crate) silent: Vec<Slug>,
}

/// Asks the members of one VIP.
pub(crate) type HolderSampler = Arc<dyn Fn(Slug) -> Pin<Box<dyn Future<Output = Seen> + Send>> + Send + Sync>;

/// Is told of every change at once.
pub(crate) type Tell = Arc<dyn Fn(&Holding) + Send + Sync>;

/// From the beginning of one look to that of the next. A member that is silent takes longer, and holds up its own VIP alone.
const EVERY: Duration = Duration::from_millis(200);

/// A watch over the holders of some VIPs.
pub(crate) struct HolderWatch {
    watches: JoinSet<()>,
    changes: Arc<Mutex<Vec<Holding>>>,
}

impl HolderWatch {
    /// Begins. Times count from `began`.
    pub(crate) fn start(
        vips: Vec<Slug>,
        sampler: &HolderSampler,
        tell: &Tell,
        clock: &Arc<dyn Clock>,
        began: SystemTime,
    ) -> Self {
        let changes = Arc::default();
        let mut watches = JoinSet::new();
        for vip in vips {
            let one = One {
                vip,
                sampler: Arc::clone(sampler),
                tell: Arc::clone(tell),
                clock: Arc::clone(clock),
                began,
                changes: Arc::clone(&changes),
            };
            watches.spawn(one.watch());
        }
        Self { watches, changes }
    }

    /// Ends, and gives the changes in the order in which they were seen.
    pub(crate) async fn stop(mut self) -> Vec<Holding> {
        self.watches.shutdown().await;
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The watch over one VIP.
struct One {
    vip: Slug,
    sampler: HolderSampler,
    tell: Tell,
    clock: Arc<dyn Clock>,
    began: SystemTime,
    changes: Arc<Mutex<Vec<Holding>>>,
}

impl One {
    async fn watch(self) {
        let mut last = None;
        loop {
            let looked = self.clock.now();
            let seen = self.look().await;
            if last.as_ref() != Some(&seen) {
                self.changed(looked, &seen);
                last = Some(seen);
            }
            let spent = self.clock.now().duration_since(looked).unwrap_or_default();
            self.clock.sleep(EVERY.saturating_sub(spent)).await;
        }
    }

    /// Members are not asked at one instant, so a VIP that moves meanwhile seems to have two holders. One that has two is looked at
    /// again; a split brain is still there then.
    async fn look(&self) -> Seen {
        let seen = (self.sampler)(self.vip.clone()).await;
        if seen.hosts.len() > 1 { (self.sampler)(self.vip.clone()).await } else { seen }
    }

    fn changed(&self, looked: SystemTime, seen: &Seen) {
        let at = looked.duration_since(self.began).unwrap_or_default();
        let holding = Holding {
            vip: self.vip.clone(),
            at_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            hosts: seen.hosts.clone(),
            silent: seen.silent.clone(),
        };
        (self.tell)(&holding);
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(holding);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    struct Paused(Instant);

    impl Clock for Paused {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + self.0.elapsed()
        }

        fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            Box::pin(tokio::time::sleep(duration))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_changes_are_kept_and_a_silent_member_is_not_one_without_the_vip() {
        let start = Instant::now();
        let clock: Arc<dyn Clock> = Arc::new(Paused(start));
        let name = |text: &str| text.parse::<Slug>().expect("a name");
        let sampler: HolderSampler = Arc::new(move |_| {
            let seen = match start.elapsed().as_millis() {
                0..500 => Seen { hosts: vec![name("a")], silent: vec![] },
                500..900 => Seen { hosts: vec![], silent: vec![name("a")] },
                _ => Seen { hosts: vec![name("b")], silent: vec![name("a")] },
            };
            Box::pin(std::future::ready(seen))
        });
        let tell: Tell = Arc::new(|_| {});
        let watch = HolderWatch::start(vec![name("dns")], &sampler, &tell, &clock, clock.now());
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let changes = watch.stop().await;
        let shown: Vec<(u64, usize, usize)> = changes
            .iter()
            .map(|change| (change.at_ms / 100, change.hosts.len(), change.silent.len()))
            .collect();
        assert_eq!(shown, [(0, 1, 0), (6, 0, 1), (10, 1, 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn two_holders_are_told_only_where_they_are_still_there_at_the_next_look() {
        let clock: Arc<dyn Clock> = Arc::new(Paused(Instant::now()));
        let name = |text: &str| text.parse::<Slug>().expect("a name");
        let looks = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let sampler: HolderSampler = Arc::new(move |vip| {
            let look = looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            // The first VIP moves while it is looked at; the second is split.
            let both = vip.as_str() == "split" || look == 0;
            let hosts = if both { vec![name("a"), name("b")] } else { vec![name("b")] };
            Box::pin(std::future::ready(Seen { hosts, silent: vec![] }))
        });
        let tell: Tell = Arc::new(|_| {});
        for (vip, holders) in [("moving", 1), ("split", 2)] {
            let watch = HolderWatch::start(vec![name(vip)], &sampler, &tell, &clock, clock.now());
            tokio::time::sleep(Duration::from_millis(500)).await;
            let changes = watch.stop().await;
            assert_eq!(
                changes.iter().map(|change| change.hosts.len()).collect::<Vec<_>>(),
                [holders],
                "{vip}"
            );
        }
    }
}
