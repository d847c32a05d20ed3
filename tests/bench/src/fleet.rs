//! Fifty sshd processes on loopback, with one operator's key and one host key; gone with the value.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;

/// The servers and what is needed to log in.
pub(crate) struct Fleet {
    folder: tempfile::TempDir,
    servers: Vec<Child>,
    /// Where they listen: 127.0.1.1 and up, all on one port.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Their common host key, as a line of `known_hosts` has it.
    pub(crate) host_key: String,
}

impl Fleet {
    pub(crate) fn start(count: usize) -> Outcome<Self> {
        if !Path::new("/usr/sbin/sshd").exists() {
            return Err("a real sshd is needed: install the package openssh-server".into());
        }
        std::fs::create_dir_all("/run/sshd")?;
        let folder = tempfile::tempdir()?;
        keygen(&folder.path().join("operator"))?;
        keygen(&folder.path().join("host"))?;
        let public = std::fs::read_to_string(folder.path().join("host.pub"))?;
        let host_key = public.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let port = TcpListener::bind("127.0.1.1:0")?.local_addr()?.port();
        let last = u8::try_from(count)?;
        let address = |host| SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 1, host)), port);
        let addresses: Vec<_> = (1..=last).map(address).collect();
        let mut fleet = Self { folder, servers: Vec::new(), addresses, host_key };
        fleet.write_client_files()?;
        for address in fleet.addresses.clone() {
            let server = fleet.sshd(address)?;
            fleet.servers.push(server);
        }
        fleet.wait_until_all_listen()?;
        Ok(fleet)
    }

    /// A file of the fleet.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The lines of `known_hosts` for all servers.
    pub(crate) fn known_hosts(&self) -> String {
        let line =
            |address: &SocketAddr| format!("[{}]:{} {}\n", address.ip(), address.port(), self.host_key);
        self.addresses.iter().map(line).collect()
    }

    fn write_client_files(&self) -> Outcome<()> {
        std::fs::write(self.file("known_hosts"), self.known_hosts())?;
        let config = format!(
            "Host *\nPort {}\nUser root\nIdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\n\
             GlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\nBatchMode yes\nLogLevel ERROR\n",
            self.addresses.first().map_or(0, SocketAddr::port),
            self.file("operator").display(),
            self.file("known_hosts").display(),
        );
        Ok(std::fs::write(self.file("ssh_config"), config)?)
    }

    fn sshd(&self, address: SocketAddr) -> Outcome<Child> {
        let config = self.file(&format!("{}.conf", address.ip()));
        // Without a home no shell start-up file of this machine runs, which would be most of what is measured.
        let text = format!(
            "ListenAddress {address}\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
             PermitRootLogin prohibit-password\nMaxStartups 500\nSetEnv HOME=/nonexistent\nLogLevel ERROR\n",
            self.file("host").display(),
            self.file("operator.pub").display(),
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f"]).arg(config);
        Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }

    fn wait_until_all_listen(&self) -> Outcome<()> {
        let until = Instant::now() + Duration::from_secs(60);
        for address in &self.addresses {
            while TcpStream::connect(address).is_err() {
                if Instant::now() > until {
                    return Err(format!("sshd does not listen on {address}").into());
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn keygen(path: &Path) -> Outcome<()> {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(path)
        .status()?;
    if made.success() { Ok(()) } else { Err("ssh-keygen failed".into()) }
}
