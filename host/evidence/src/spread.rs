//! The same work on many things, on every processor.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The most threads; disks do not give more than a few readers.
const THREADS: usize = 8;

/// Files below which another thread costs more than it brings.
pub(crate) const FILES_PER_THREAD: usize = 16;

/// What this gives for each item, in their order. There is another thread for every so many of them.
pub(crate) fn over<I: Sync, T: Send>(
    items: &[I],
    per_thread: usize,
    each: impl Fn(&I) -> T + Sync,
) -> Vec<T> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = processors.min(THREADS).min(items.len() / per_thread + 1);
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        while let Some((place, item)) = {
            let place = next.fetch_add(1, Ordering::Relaxed);
            items.get(place).map(|item| (place, item))
        } {
            done.push((place, each(item)));
        }
        done
    };
    let mut found: Vec<(usize, T)> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mut found = take();
        for other in others {
            // A panic of ours there would be one here as well.
            found.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        found
    });
    found.sort_unstable_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, given)| given).collect()
}
