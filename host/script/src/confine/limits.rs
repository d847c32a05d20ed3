//! Limits on what the worker takes. The engine's are not enough: assigning to a key of a table is not checked against the size
//! limit of tables (Rhai 1.27), and checking sizes costs the square of the depth of a value.
//!
//! There is none on processes: that limit counts those of the whole account, threads included, and does not hold for root. Branches of
//! `par` need threads, and the seccomp filter lets nothing but threads begin.

use fabric_model::protection::{Protection, stands};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Bytes of memory that can be written, without stacks that were not touched. A value of every honest limit at once takes some
/// 20 MiB. The filter refuses shared memory, which this limit does not count.
const MEMORY_BYTES: u64 = 1 << 30;

/// Seconds of processor time, of all branches together. The largest suite takes less than one.
const PROCESSOR_SECONDS: u64 = 120;

/// Open descriptors: the three standard ones, the ends of the door that its threads hold, and two to spare.
const DESCRIPTORS: u64 = 8;

/// Sets every limit, for good. What goes over one kills the process or fails, as the kernel has it.
pub(super) fn set() -> Result<(), Errno> {
    let limits = [
        (Protection::MemoryLimit, Resource::Data, MEMORY_BYTES),
        (Protection::ProcessorLimit, Resource::Cpu, PROCESSOR_SECONDS),
        // No dump of what hosts answered, and no file at all.
        (Protection::FileLimits, Resource::Core, 0),
        (Protection::FileLimits, Resource::Fsize, 0),
        (Protection::FileLimits, Resource::Nofile, DESCRIPTORS),
        // What outlives the process or its pages.
        (Protection::MemoryLimit, Resource::Memlock, 0),
        (Protection::MemoryLimit, Resource::Msgqueue, 0),
    ];
    for (_, resource, most) in limits.into_iter().filter(|(protection, ..)| stands(*protection)) {
        // Whoever started the host may have set a lower one.
        let most = getrlimit(resource).maximum.map_or(most, |maximum| maximum.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}
