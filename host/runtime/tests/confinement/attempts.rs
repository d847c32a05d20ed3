//! What a script that has taken over its worker would try.

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::{self, IoSliceMut, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::thread;

use nix::errno::Errno;
use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use nix::sys::ptrace;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::{Pid, getpid};
use rustix::fs::{MemfdFlags, Mode};
use rustix::net::{AddressFamily, SocketType};
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};

/// Which argument of this program says who started it.
pub(crate) const HOST: usize = 4;

/// One attempt.
pub(crate) struct Attempt {
    /// Its name: what it tries.
    pub(crate) name: &'static str,
    /// What becomes of it under lock-down.
    pub(crate) fate: Fate,
    /// Tries it.
    pub(crate) make: fn() -> io::Result<()>,
}

/// What becomes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The kernel kills the process.
    Killed,
    /// It gets an error.
    Refused,
    /// It works, because a sound worker needs it.
    Allowed,
}

const fn attempt(name: &'static str, fate: Fate, make: fn() -> io::Result<()>) -> Attempt {
    Attempt { name, fate, make }
}

pub(crate) const ATTEMPTS: &[Attempt] = &[
    attempt("opens_a_file", Fate::Refused, || File::open("/etc/passwd").map(drop)),
    attempt("opens_its_own_memory", Fate::Refused, || {
        OpenOptions::new().write(true).open("/proc/self/mem").map(drop)
    }),
    attempt("reads_a_file_of_another_process", Fate::Refused, || File::open("/proc/1/stat").map(drop)),
    attempt("lists_a_folder", Fate::Refused, || std::fs::read_dir("/").map(drop)),
    attempt("makes_a_file_in_memory", Fate::Killed, || {
        Ok(rustix::fs::memfd_create("x", MemfdFlags::CLOEXEC).map(drop)?)
    }),
    attempt("makes_a_folder", Fate::Killed, || {
        let folder = format!("/tmp/fabric-attempt-{}", std::process::id());
        rustix::fs::mkdir(&folder, Mode::RWXU)?;
        Ok(rustix::fs::rmdir(&folder)?)
    }),
    attempt("looks_at_a_file", Fate::Killed, || Ok(rustix::fs::stat("/etc/passwd").map(|_| ())?)),
    attempt("opens_a_tcp_socket", Fate::Killed, || socket(AddressFamily::INET, SocketType::STREAM)),
    attempt("opens_a_udp_socket", Fate::Killed, || socket(AddressFamily::INET6, SocketType::DGRAM)),
    attempt("opens_a_unix_socket", Fate::Killed, || socket(AddressFamily::UNIX, SocketType::STREAM)),
    attempt("opens_a_netlink_socket", Fate::Killed, || socket(AddressFamily::NETLINK, SocketType::RAW)),
    attempt("makes_a_pair_of_sockets", Fate::Killed, || UnixStream::pair().map(drop)),
    attempt("makes_a_pipe", Fate::Killed, || io::pipe().map(drop)),
    attempt("starts_a_program", Fate::Killed, || Command::new("/bin/true").status().map(drop)),
    attempt("becomes_a_program", Fate::Killed, || Err(Command::new("/bin/true").exec())),
    attempt("becomes_a_program_by_a_descriptor", Fate::Killed, || {
        let none: [&std::ffi::CStr; 0] = [];
        let flags = nix::fcntl::AtFlags::empty();
        match nix::unistd::execveat(nix::fcntl::AT_FDCWD, c"/bin/true", &[c"true"], &none, flags) {
            Ok(never) => match never {},
            Err(error) => Err(error.into()),
        }
    }),
    attempt("traces_its_host", Fate::Killed, || {
        answered(ptrace::detach(Pid::from_raw(host()?.as_raw_nonzero().get()), None))
    }),
    attempt("traces_itself", Fate::Killed, || answered(ptrace::attach(getpid()))),
    attempt("reads_the_memory_of_its_host", Fate::Killed, || {
        let mut byte = [0];
        let from = [RemoteIoVec { base: 0, len: 1 }];
        let host = Pid::from_raw(host()?.as_raw_nonzero().get());
        answered(process_vm_readv(host, &mut [IoSliceMut::new(&mut byte)], &from))
    }),
    attempt("leaves_what_it_shares", Fate::Killed, || answered(nix::sched::unshare(CloneFlags::CLONE_FILES))),
    attempt("mounts_a_file_system", Fate::Killed, || {
        let (kind, nowhere) = (Some("tmpfs"), "/nowhere-that-is");
        answered(nix::mount::mount(kind, nowhere, kind, MsFlags::MS_RDONLY, None::<&str>))
    }),
    attempt("looks_whether_its_host_lives", Fate::Killed, || {
        Ok(rustix::process::test_kill_process(host()?)?)
    }),
    attempt("sends_itself_a_signal", Fate::Killed, || {
        Ok(rustix::process::kill_process(rustix::process::getpid(), Signal::CHILD)?)
    }),
    attempt("stops_its_host", Fate::Killed, || Ok(rustix::process::kill_process(host()?, Signal::CONT)?)),
    attempt("makes_itself_dumpable_again", Fate::Killed, || {
        Ok(rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable)?)
    }),
    attempt("forgets_to_die_with_its_host", Fate::Killed, || {
        Ok(rustix::process::set_parent_process_death_signal(None)?)
    }),
    attempt("raises_a_limit", Fate::Killed, || {
        Ok(rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: None })?)
    }),
    attempt("sleeps_past_its_deadline", Fate::Killed, || {
        let moment = rustix::thread::Timespec { tv_sec: 0, tv_nsec: 1 };
        match rustix::thread::nanosleep(&moment) {
            rustix::thread::NanosleepRelativeResult::Ok => Ok(()),
            _ => Err(io::ErrorKind::Interrupted.into()),
        }
    }),
    attempt("asks_for_the_name_of_the_machine", Fate::Killed, || {
        black_box(rustix::system::uname());
        Ok(())
    }),
    attempt("leaves_its_folder", Fate::Killed, || Ok(rustix::process::chdir("/tmp")?)),
    attempt("changes_its_account", Fate::Killed, || {
        Ok(rustix::thread::set_thread_uid(rustix::process::getuid())?)
    }),
    attempt("takes_two_gibibytes", Fate::Refused, || {
        let mut memory: Vec<u8> = Vec::new();
        memory.try_reserve_exact(2 << 30).map_err(|_| io::ErrorKind::OutOfMemory)?;
        black_box(&mut memory);
        Ok(())
    }),
    attempt("opens_the_door_nine_times", Fate::Refused, || {
        let doors: io::Result<Vec<_>> = (0..9).map(|_| io::stdin().as_fd().try_clone_to_owned()).collect();
        doors.map(drop)
    }),
    // What it would find out about itself. Landlock and limits show in nothing else that it could try here.
    attempt("may_gain_privileges", Fate::Killed, || ok_if(!rustix::thread::no_new_privs()?)),
    attempt("outlives_its_host", Fate::Killed, || {
        ok_if(rustix::process::parent_process_death_signal()?.is_none())
    }),
    attempt("shows_its_memory_to_others", Fate::Killed, || {
        ok_if(rustix::process::dumpable_behavior()? == DumpableBehavior::Dumpable)
    }),
    attempt("computes_without_end", Fate::Killed, || {
        ok_if(rustix::process::getrlimit(Resource::Cpu).maximum.is_none())
    }),
    attempt("finds_a_descriptor_of_its_host", Fate::Refused, || {
        ok_if((INHERITED..INHERITED * 2).any(|number| nix::unistd::close(number).is_ok()))
    }),
    // What a sound worker does.
    attempt("begins_a_thread", Fate::Allowed, || {
        thread::Builder::new()
            .name("branch".to_owned())
            .spawn(|| black_box(1))?
            .join()
            .map(drop)
            .map_err(|_| io::ErrorKind::Other.into())
    }),
    attempt("begins_forty_threads_that_allocate", Fate::Allowed, || {
        let all: io::Result<Vec<_>> = (0..40)
            .map(|_| {
                thread::Builder::new().spawn(|| {
                    let pieces: Vec<Vec<u8>> = (0..64).map(|_| vec![1; 100_000]).collect();
                    black_box(pieces).len()
                })
            })
            .collect();
        all?.into_iter().try_for_each(|one| one.join().map(drop).map_err(|_| io::ErrorKind::Other.into()))
    }),
    attempt("takes_a_hundred_mebibytes", Fate::Allowed, || {
        black_box(vec![1_u8; 100 << 20]);
        Ok(())
    }),
    attempt("writes_to_nowhere", Fate::Allowed, || io::stderr().write_all(b"x")),
    attempt("catches_a_panic", Fate::Allowed, || {
        std::panic::set_hook(Box::new(|_| {}));
        match std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(()))) {
            Err(_) => Ok(()),
            Ok(()) => Err(io::ErrorKind::Other.into()),
        }
    }),
];

/// The number from which on a descriptor stands that is not closed for it.
pub(crate) const INHERITED: i32 = 64;

fn ok_if(holds: bool) -> io::Result<()> {
    if holds { Ok(()) } else { Err(io::ErrorKind::Other.into()) }
}

/// The process that started this one. It is told, because whoever asks the kernel is killed for that.
fn host() -> io::Result<rustix::process::Pid> {
    let told = std::env::args().nth(HOST).and_then(|host| host.parse().ok());
    told.and_then(rustix::process::Pid::from_raw).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Whether the kernel answers at all: what it answers depends on the account that runs the tests.
fn answered<T>(answer: nix::Result<T>) -> io::Result<()> {
    match answer {
        Err(Errno::ENOSYS) => Err(Errno::ENOSYS.into()),
        _ => Ok(()),
    }
}

fn socket(family: AddressFamily, kind: SocketType) -> io::Result<()> {
    Ok(rustix::net::socket(family, kind, None).map(drop)?)
}
