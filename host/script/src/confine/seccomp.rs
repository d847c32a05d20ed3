//! The list of system calls that a worker makes: memory, threads, the door, its own end. Whatever else it tries kills the process,
//! because nothing in it would try.
//!
//! Two calls are refused and not fatal, as if the kernel did not know them. `clone3` has its flags in memory, which a filter cannot
//! read; the C library then begins its threads with `clone`, whose flags are arguments. `openat` is tried by the allocator of that
//! library, which looks up processors and settings when it first needs them and goes on without.

use std::collections::BTreeMap;

use libc::{
    CLONE_CHILD_CLEARTID, CLONE_DETACHED, CLONE_FILES, CLONE_FS, CLONE_PARENT_SETTID, CLONE_SETTLS,
    CLONE_SIGHAND, CLONE_SYSVSEM, CLONE_THREAD, CLONE_VM,
};
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// The calls that are made with any arguments.
const PLAIN: &[libc::c_long] = &[
    // The door, which is all that is open.
    libc::SYS_close,
    libc::SYS_read,
    libc::SYS_recvfrom,
    libc::SYS_shutdown,
    libc::SYS_write,
    // Memory that is there.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Threads, and the locks between them.
    libc::SYS_futex,
    libc::SYS_gettid,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    // Handlers of faults, such as of a stack that overflows.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // Seeds of hash tables; time where the kernel does not give it without a call; who this is.
    libc::SYS_clock_gettime,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_restart_syscall,
    // The end.
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// The calls that are answered as if the kernel had none.
const UNKNOWN: [libc::c_long; 2] = [libc::SYS_clone3, libc::SYS_openat];

/// What `clone` is called with for a thread, and for nothing but a thread.
const THREAD: libc::c_int = CLONE_VM
    | CLONE_FS
    | CLONE_FILES
    | CLONE_SIGHAND
    | CLONE_THREAD
    | CLONE_SYSVSEM
    | CLONE_SETTLS
    | CLONE_PARENT_SETTID
    | CLONE_CHILD_CLEARTID;

/// Installs the filter, for this process and every thread that it begins.
///
/// # Errors
/// What the kernel lacks, in words.
pub(super) fn restrict() -> Result<(), String> {
    // Of two filters the stricter answer counts, and the second one forbids any more.
    for filter in [unknown(), listed()] {
        let program = filter.map_err(|error| error.to_string())?;
        seccompiler::apply_filter_all_threads(&program).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn unknown() -> Result<BpfProgram, BackendError> {
    let refused = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    compile(UNKNOWN.map(|call| (call, vec![])), SeccompAction::Allow, refused)
}

fn listed() -> Result<BpfProgram, BackendError> {
    let any_arguments = PLAIN.iter().chain(&UNKNOWN).map(|call| (*call, vec![]));
    compile(any_arguments.chain(bounded()?), SeccompAction::KillProcess, SeccompAction::Allow)
}

/// The calls that are made with certain arguments alone.
fn bounded() -> Result<Vec<Rules>, BackendError> {
    let own = u64::from(rustix::process::getpid().as_raw_nonzero().get().unsigned_abs());
    let executable = flags(libc::PROT_EXEC);
    let private = flags(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let sharing = flags(libc::MAP_SHARED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // The C library of musl adds a flag that means nothing since Linux 2.5.
    let but_detached = !flags(CLONE_DETACHED);
    Ok(vec![
        // New memory: nobody else's, of no file, and never to be executed.
        rule(libc::SYS_mmap, &[(2, Qword, MaskedEq(executable), 0), (3, Qword, MaskedEq(sharing), private)])?,
        rule(libc::SYS_mprotect, &[(2, Qword, MaskedEq(executable), 0)])?,
        rule(libc::SYS_clone, &[(0, Qword, MaskedEq(but_detached), flags(THREAD))])?,
        // To the other end of the door: no address is named.
        rule(libc::SYS_sendto, &[(4, Qword, Eq, 0)])?,
        // Another end of the door for a thread. The library asks, in a debug build, whether what it closes is open.
        any(
            libc::SYS_fcntl,
            &[(1, Dword, Eq, flags(libc::F_DUPFD_CLOEXEC)), (1, Dword, Eq, flags(libc::F_GETFD))],
        )?,
        // The name of a thread.
        rule(libc::SYS_prctl, &[(0, Dword, Eq, flags(libc::PR_SET_NAME))])?,
        // Only to end itself.
        rule(libc::SYS_tgkill, &[(0, Dword, Eq, own), (2, Dword, Eq, flags(libc::SIGABRT))])?,
    ])
}

type Condition = (u8, SeccompCmpArgLen, SeccompCmpOp, u64);

type Rules = (libc::c_long, Vec<SeccompRule>);

/// A call whose arguments meet all of these conditions.
fn rule(call: libc::c_long, all: &[Condition]) -> Result<Rules, BackendError> {
    let conditions = all.iter().map(condition).collect::<Result<_, _>>()?;
    Ok((call, vec![SeccompRule::new(conditions)?]))
}

/// A call whose arguments meet one of these conditions.
fn any(call: libc::c_long, one: &[Condition]) -> Result<Rules, BackendError> {
    let rules = one.iter().map(|one| SeccompRule::new(vec![condition(one)?]));
    Ok((call, rules.collect::<Result<_, _>>()?))
}

fn condition((argument, length, compare, value): &Condition) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(*argument, length.clone(), compare.clone(), *value)
}

fn flags(flags: libc::c_int) -> u64 {
    u64::from(flags.cast_unsigned())
}

fn compile(
    rules: impl IntoIterator<Item = Rules>,
    otherwise: SeccompAction,
    listed: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    let rules: BTreeMap<i64, Vec<SeccompRule>> = rules.into_iter().collect();
    SeccompFilter::new(rules, otherwise, listed, std::env::consts::ARCH.try_into()?)?.try_into()
}

#[cfg(test)]
mod tests;
