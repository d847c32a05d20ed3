//! What the worker process may use of the machine. The engine's limits are not enough: assigning to a key of a table is not
//! checked against the size limit of tables (Rhai 1.27), and checking sizes costs the square of the depth of a value.

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, setrlimit};

/// Bytes of memory, without stacks that were not touched. A value of every honest limit at once takes some 20 MiB.
const MEMORY_BYTES: u64 = 1 << 30;
/// Seconds of processor time, of all branches together. The largest suite takes less than one.
const PROCESSOR_SECONDS: u64 = 120;

/// Gives up everything that a script cannot need, for good. What goes over a limit kills the process, which the host sees.
pub(crate) fn confine() -> Result<(), Errno> {
    for (resource, most) in [
        (Resource::Data, MEMORY_BYTES),
        (Resource::Cpu, PROCESSOR_SECONDS),
        // No dump of what hosts answered, and no file at all.
        (Resource::Core, 0),
        (Resource::Fsize, 0),
    ] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}
