//! A real RustFS on loopback, with TLS by an authority of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use fabric_twin::tls::{Authority, Validity};
use fabric_wire::endpoint::{S3Keys, S3Server, Secret};
use tokio::net::TcpStream;

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);

const ACCESS: &str = "lab-access-key";
const SECRET: &str = "lab-secret-key-of-the-test";

/// A running server; ends with this value.
pub(crate) struct RustFs {
    process: Child,
    _folder: tempfile::TempDir,
    pub(crate) server: S3Server,
}

impl RustFs {
    /// Starts the program on a free port and waits until it listens.
    pub(crate) async fn start(program: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (data, tls) = (folder.path().join("data"), folder.path().join("tls"));
        for folder in [&data, &tls] {
            fs::create_dir(folder).expect("a folder");
        }
        let authority = Authority::new("the test's own").expect("a key");
        let validity = Validity::current(SystemTime::now());
        let (certificate, key) = authority.issue(&["s3.test.example"], validity).expect("a certificate");
        for (name, text) in
            [("rustfs_cert.pem", &certificate), ("rustfs_key.pem", &key), ("ca.crt", &authority.pem())]
        {
            fs::write(tls.join(name), text).expect("it is written");
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), free.expect("a free port").port());
        let process = Command::new(program)
            .env_clear()
            .env("HOME", folder.path())
            .env("RUSTFS_ACCESS_KEY", ACCESS)
            .env("RUSTFS_SECRET_KEY", SECRET)
            .env("RUSTFS_ADDRESS", address.to_string())
            .env("RUSTFS_VOLUMES", &data)
            .env("RUSTFS_CONSOLE_ENABLE", "false")
            .env("RUSTFS_TLS_PATH", &tls)
            .env("RUSTFS_UNSAFE_BYPASS_DISK_CHECK", "true")
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("FABRIC_RUSTFS names a program");
        let server = S3Server {
            name: "rustfs".parse().expect("a name"),
            address,
            server_name: "s3.test.example".to_owned(),
            authority: Arc::new(authority.pem().into_bytes()),
            region: "us-east-1".parse().expect("a name"),
            keys: Some(S3Keys {
                access: Secret::new(ACCESS.as_bytes().to_vec()),
                secret: Secret::new(SECRET.as_bytes().to_vec()),
            }),
        };
        let mut started = Self { process, _folder: folder, server };
        started.wait().await;
        started
    }

    /// It listens before it serves: its own word about that is waited for.
    async fn wait(&mut self) {
        let until = Instant::now() + PATIENCE;
        loop {
            let ended = self.process.try_wait().expect("a child");
            assert_eq!(ended, None, "RustFS ended before it listened");
            assert!(Instant::now() < until, "RustFS does not serve");
            if TcpStream::connect(self.server.address).await.is_ok() && crate::is_ready(&self.server).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for RustFs {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
