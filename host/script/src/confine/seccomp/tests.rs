//! The filter, asked for every number that a call can have, as the kernel would ask it.

use libc::{
    BPF_ABS, BPF_AND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W,
    SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_PROCESS,
};

use super::*;

/// Numbers of calls that the kernel may ever use, and some to spare.
const NUMBERS: std::ops::Range<libc::c_long> = 0..2_048;

#[cfg(target_arch = "x86_64")]
const OURS: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const OURS: u32 = 0xc000_00b7;
/// That of programs for 32 bits, which the same kernel runs.
const OTHER: u32 = 0x4000_0003;

/// What takes over other processes, the kernel, files or a network: none of it may get through under any arguments.
const DANGEROUS: &[libc::c_long] = &[
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_connect,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_finit_module,
    libc::SYS_fsopen,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_kill,
    libc::SYS_memfd_create,
    libc::SYS_mount,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_openat2,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_recvmsg,
    libc::SYS_request_key,
    libc::SYS_seccomp,
    libc::SYS_sendmsg,
    libc::SYS_setns,
    libc::SYS_socket,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
];

/// Runs a filter over one call: what the kernel does with the call.
fn asked(filter: &BpfProgram, arch: u32, number: libc::c_long, arguments: [u64; 6]) -> u32 {
    let mut data = Vec::new();
    data.extend(u32::try_from(number).expect("a small number").to_ne_bytes());
    data.extend(arch.to_ne_bytes());
    data.extend(0_u64.to_ne_bytes());
    arguments.iter().for_each(|argument| data.extend(argument.to_ne_bytes()));
    let (mut at, mut held) = (0_usize, 0_u32);
    loop {
        let step = filter.get(at).expect("a filter ends with an answer");
        at += 1;
        let jumps = |taken: bool| usize::from(if taken { step.jt } else { step.jf });
        let (jump, and) = (BPF_JMP | BPF_K, libc::BPF_ALU | BPF_AND | BPF_K);
        match u32::from(step.code) {
            code if code == BPF_LD | BPF_W | BPF_ABS => {
                let from = usize::try_from(step.k).expect("small");
                let word = data.get(from..from + 4).expect("within the data");
                held = u32::from_ne_bytes(word.try_into().expect("four bytes"));
            }
            code if code == jump | BPF_JEQ => at += jumps(held == step.k),
            code if code == jump | BPF_JGE => at += jumps(held >= step.k),
            code if code == jump | BPF_JGT => at += jumps(held > step.k),
            code if code == BPF_JMP | BPF_JA => at += usize::try_from(step.k).expect("small"),
            code if code == and => held &= step.k,
            code if code == BPF_RET | BPF_K => return step.k,
            code => unreachable!("the filter has an instruction {code:#x}"),
        }
    }
}

/// What both filters make of a call: of two answers the stricter one counts.
fn both(arch: u32, number: libc::c_long, arguments: [u64; 6]) -> u32 {
    let answers =
        [unknown(), listed()].map(|filter| asked(&filter.expect("it compiles"), arch, number, arguments));
    // As the kernel has it: the lowest action, where that of killing the process is negative.
    let [first, second] = answers;
    if first.cast_signed() <= second.cast_signed() { first } else { second }
}

const NOTHING: [u64; 6] = [0; 6];
const EVERYTHING: [u64; 6] = [u64::MAX; 6];

#[test]
fn whatever_is_not_listed_ends_the_process() {
    let bounded = bounded().expect("they compile");
    let mut ended = 0;
    for number in NUMBERS {
        let (zero, ones) = (both(OURS, number, NOTHING), both(OURS, number, EVERYTHING));
        if PLAIN.contains(&number) {
            assert_eq!((zero, ones), (SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW), "{number}");
        } else if UNKNOWN.contains(&number) {
            let refused = SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs();
            assert_eq!((zero, ones), (refused, refused), "{number}");
        } else if !bounded.iter().any(|(call, _)| *call == number) {
            assert_eq!((zero, ones), (SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_PROCESS), "{number}");
            ended += 1;
        }
    }
    assert!(ended > 1_900, "{ended}");
}

#[test]
fn nothing_dangerous_gets_through() {
    for number in DANGEROUS {
        for arguments in [NOTHING, EVERYTHING, [1; 6]] {
            assert_eq!(both(OURS, *number, arguments), SECCOMP_RET_KILL_PROCESS, "{number}");
        }
    }
}

#[test]
fn calls_under_other_numberings_end_the_process() {
    for number in NUMBERS {
        assert_eq!(both(OTHER, number, NOTHING), SECCOMP_RET_KILL_PROCESS, "{number}");
        // The second numbering of x86-64, which shares its architecture.
        assert_eq!(both(OURS, number | 0x4000_0000, NOTHING), SECCOMP_RET_KILL_PROCESS, "{number}");
    }
}

#[test]
fn a_call_with_bounds_is_let_through_within_them_alone() {
    let (private, all) = (flags(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS), u64::MAX);
    let own = u64::from(rustix::process::getpid().as_raw_nonzero().get().unsigned_abs());
    let (write, execute) = (flags(libc::PROT_WRITE), flags(libc::PROT_EXEC));
    let abort = flags(libc::SIGABRT);
    for (call, arguments, through) in [
        (libc::SYS_mmap, [0, 0, write, private, all, 0], true),
        (libc::SYS_mmap, [0, 0, execute, private, all, 0], false),
        (libc::SYS_mmap, [0, 0, write, flags(libc::MAP_SHARED | libc::MAP_ANONYMOUS), all, 0], false),
        (libc::SYS_mmap, [0, 0, write, flags(libc::MAP_PRIVATE), 3, 0], false),
        (libc::SYS_mprotect, [0, 0, write, 0, 0, 0], true),
        (libc::SYS_mprotect, [0, 0, write | execute, 0, 0, 0], false),
        (libc::SYS_clone, [flags(THREAD), 0, 0, 0, 0, 0], true),
        (libc::SYS_clone, [flags(libc::SIGCHLD), 0, 0, 0, 0, 0], false),
        (libc::SYS_clone, [flags(THREAD | libc::CLONE_NEWUSER), 0, 0, 0, 0, 0], false),
        (libc::SYS_sendto, [0; 6], true),
        (libc::SYS_sendto, [0, 0, 0, 0, 1 << 40, 16], false),
        (libc::SYS_prctl, [flags(libc::PR_SET_NAME), 0, 0, 0, 0, 0], true),
        (libc::SYS_prctl, [flags(libc::PR_SET_DUMPABLE), 1, 0, 0, 0, 0], false),
        (libc::SYS_tgkill, [own, 1, abort, 0, 0, 0], true),
        (libc::SYS_tgkill, [own + 1, 1, abort, 0, 0, 0], false),
        (libc::SYS_tgkill, [own, 1, flags(libc::SIGSTOP), 0, 0, 0], false),
    ] {
        let answer = both(OURS, call, arguments);
        assert_eq!(answer == SECCOMP_RET_ALLOW, through, "{call} {arguments:x?}: {answer:#x}");
    }
}
