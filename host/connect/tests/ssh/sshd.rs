//! Real sshd processes on loopback, each with its own keys, configuration and lifetime.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SSHD: &str = "/usr/sbin/sshd";

/// A folder with an operator's key and the host keys of any number of servers.
pub(crate) struct Site {
    pub(crate) folder: tempfile::TempDir,
}

/// A running sshd; ends with this value.
pub(crate) struct Sshd {
    process: Child,
    pub(crate) address: SocketAddr,
    /// Its public key as a `known_hosts` line has it.
    pub(crate) key: String,
    config: PathBuf,
}

impl Site {
    pub(crate) fn new() -> Self {
        assert!(Path::new(SSHD).exists(), "these tests need a real sshd: install the package openssh-server");
        std::fs::create_dir_all("/run/sshd").expect("sshd's privilege separation folder");
        let folder = tempfile::tempdir().expect("a folder");
        keygen(&folder.path().join("operator"), "ed25519");
        let public = std::fs::read(folder.path().join("operator.pub")).expect("the public key");
        std::fs::write(folder.path().join("authorized"), public).expect("writes");
        Self { folder }
    }

    /// Starts an sshd on a free port of `ip` with a host key of type `key`; `extra` are lines of its configuration.
    pub(crate) fn sshd(&self, ip: &str, key: &str, extra: &str) -> Sshd {
        let ip: IpAddr = ip.parse().expect("an address");
        let port = TcpListener::bind((ip, 0)).and_then(|l| l.local_addr()).expect("a free port").port();
        let address = SocketAddr::new(ip, port);
        let name = format!("{ip}-{port}");
        let host_key = self.folder.path().join(format!("{name}.key"));
        keygen(&host_key, key);
        let config = self.folder.path().join(format!("{name}.conf"));
        let authorized = self.folder.path().join("authorized");
        // Of several lines with one keyword sshd takes the first. Without a home no shell start-up file of this machine runs.
        let text = format!(
            "{extra}\nListenAddress {address}\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\nAllowUsers root\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             MaxStartups 500\nSetEnv HOME=/nonexistent\nLogLevel ERROR\nPermitRootLogin prohibit-password\n",
            host_key.display(),
            authorized.display(),
        );
        std::fs::write(&config, text).expect("writes");
        let public = std::fs::read_to_string(host_key.with_extension("key.pub")).expect("the public key");
        let key = public.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let process = start(&config, address);
        Sshd { process, address, key, config }
    }

    /// Starts an ssh-agent.
    pub(crate) fn agent(&self) -> Agent {
        let socket = self.folder.path().join("agent");
        let mut command = Command::new("ssh-agent");
        let process = command.args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn();
        let process = process.expect("install the package openssh-client");
        let until = Instant::now() + Duration::from_secs(20);
        while !socket.exists() {
            assert!(Instant::now() < until, "ssh-agent does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Agent { process, socket }
    }
}

/// A running ssh-agent; ends with this value.
pub(crate) struct Agent {
    process: Child,
    pub(crate) socket: PathBuf,
}

impl Agent {
    pub(crate) fn add(&self, key: &Path, comment: &str) {
        let mut rename = Command::new("ssh-keygen");
        let named = rename.args(["-q", "-c", "-C", comment, "-f"]).arg(key).stdout(Stdio::null()).status();
        assert!(named.expect("ssh-keygen runs").success());
        let added = Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &self.socket).status();
        assert!(added.expect("ssh-add runs").success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Sshd {
    /// Gives it a host certificate for `principal` by the authority `ca`, and starts it again.
    pub(crate) fn certify(&mut self, ca: &Path, principal: &str) {
        let key = self.config.with_extension("key.pub");
        let signed = Command::new("ssh-keygen")
            .args(["-q", "-h", "-I", "test", "-n", principal, "-V", "-1h:+1h", "-s"])
            .args([ca, &key])
            .status();
        assert!(signed.expect("ssh-keygen runs").success());
        let certificate = self.config.with_extension("key-cert.pub");
        let mut text = std::fs::read_to_string(&self.config).expect("its configuration");
        text.insert_str(0, &format!("HostCertificate {}\n", certificate.display()));
        std::fs::write(&self.config, text).expect("writes");
        self.stop();
        self.start();
    }

    pub(crate) fn pin(&self, name: &str) -> String {
        format!("{name} {}\n", self.key)
    }

    /// Ends the server and every session of it.
    pub(crate) fn stop(&mut self) {
        let sessions = children(self.process.id());
        self.process.kill().expect("the server runs");
        self.process.wait().expect("it ends");
        for session in sessions {
            kill(session);
        }
    }

    pub(crate) fn start(&mut self) {
        self.process = start(&self.config, self.address);
    }

    /// Stops the server's execution without ending it: connections are made by the kernel and never answered.
    pub(crate) fn freeze(&self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("the server runs");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::CONT).expect("the server runs");
    }

    /// Stops the execution of its sessions: they stay connected and never answer.
    pub(crate) fn freeze_sessions(&self) {
        for session in children(self.process.id()) {
            signal(session, rustix::process::Signal::STOP);
        }
    }

    /// How many sessions it has.
    pub(crate) fn sessions(&self) -> usize {
        children(self.process.id()).len()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let sessions = children(self.process.id());
        let _ = self.process.kill();
        let _ = self.process.wait();
        sessions.into_iter().for_each(kill);
    }
}

fn start(config: &Path, address: SocketAddr) -> Child {
    let process = Command::new(SSHD)
        .args(["-D", "-e", "-f"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("sshd starts");
    let until = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < until, "sshd does not listen on {address}; see its messages above");
        std::thread::sleep(Duration::from_millis(10));
    }
    process
}

/// The direct children of a process; for an sshd its sessions, all of which are ours.
fn children(pid: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

fn kill(pid: u32) {
    signal(pid, rustix::process::Signal::KILL);
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

pub(crate) fn keygen(path: &Path, kind: &str) {
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-C", "", "-f"]).arg(path).status();
    assert!(made.expect("install the package openssh-client").success());
}
