//! Guests that are switched off and on through the Proxmox API.

use std::sync::Arc;
use std::time::Duration;

use fabric_twin::{Twin, TwinFault};
use fabric_wire::ssh::{ChangeCommand, ReadCommand};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::changes::change;
use crate::samakia::{deadline, host, site, still_twin};

/// One request over TLS; the status and the answer's `data`, or what it says instead.
async fn api(twin: &Twin, method: &str, path: &str) -> (u16, Value) {
    let mut roots = rustls::RootCertStore::empty();
    let pem = twin.authority("proxmox-ca").expect("an authority");
    roots.add(CertificateDer::from_pem_slice(&pem).expect("a certificate")).expect("an authority");
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
    let node = "192.168.11.22:8006".parse().expect("an address");
    let stream = twin.seams().dial.dial(node, deadline()).await.expect("a connection");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect("proxmox2".try_into().expect("a name"), stream).await.expect("TLS");
    let secret = twin.secret("proxmox/token").expect("a token");
    let token = String::from_utf8_lossy(secret.expose()).into_owned();
    let request = format!(
        "{method} /api2/json{path} HTTP/1.1\r\nHost: proxmox2\r\nConnection: close\r\nContent-Length: 0\r\nAuthorization: PVEAPIToken=terraform-prov@pve!fabric-token={token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("room");
    let mut answer = Vec::new();
    // The end without a farewell of TLS is hyper's way to close.
    let _ended = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let part = if status == 200 { "data" } else { "message" };
    (status, body.get(part).cloned().expect("data or a message"))
}

async fn switch(twin: &Twin, verb: &str) -> String {
    let (status, upid) = api(twin, "POST", &format!("/nodes/proxmox1/lxc/3101/status/{verb}")).await;
    assert_eq!(status, 200, "{upid}");
    upid.as_str().expect("a UPID").replace(':', "%3A")
}

async fn task(twin: &Twin, upid: &str) -> (String, Option<String>) {
    let (status, task) = api(twin, "GET", &format!("/nodes/proxmox1/tasks/{upid}/status")).await;
    assert_eq!(status, 200, "{task}");
    let text = |field: &str| task.get(field).and_then(Value::as_str).map(str::to_owned);
    (text("status").expect("a status"), text("exitstatus"))
}

#[tokio::test]
async fn a_guest_goes_off_and_boots_again_without_what_was_only_in_memory() {
    let twin = still_twin();
    let before = twin.digest();
    let name = |text: &str| text.parse().expect("a name");
    change(&twin, "dns-edge-1", ChangeCommand::LockTake { owner: name("somebody") }, b"").await;
    let path = "/run/fabric-staged".parse().expect("a path");
    let stage = ChangeCommand::FileStage { path, owner: name("root"), group: name("root"), mode: 0o600 };
    change(&twin, "dns-edge-1", stage, b"x").await;
    assert_ne!(twin.digest(), before);

    let stopping = switch(&twin, "stop").await;
    assert_eq!(task(&twin, &stopping).await, ("running".into(), None));
    twin.advance(Duration::from_secs(2));
    assert_eq!(task(&twin, &stopping).await, ("stopped".into(), Some("OK".into())));
    let edge = host(&site(), "dns-edge-1");
    assert!(twin.seams().ssh.read(&edge, &ReadCommand::Clock, deadline()).await.is_err());
    let (status, why) = api(&twin, "POST", "/nodes/proxmox1/lxc/3101/status/stop").await;
    assert_eq!((status, why.as_str()), (500, Some("CT 3101 not running\n")));

    let starting = switch(&twin, "start").await;
    assert_eq!(task(&twin, &starting).await, ("running".into(), None));
    twin.advance(Duration::from_secs(10));
    assert_eq!(task(&twin, &starting).await, ("stopped".into(), Some("OK".into())));
    assert!(twin.seams().ssh.read(&edge, &ReadCommand::Clock, deadline()).await.is_ok());
    assert_eq!(twin.digest(), before, "lock and staged file are gone, the VIPs are back");
    let posts = twin.changes().iter().filter(|made| made.what.starts_with("POST")).count();
    assert_eq!(posts, 3);
}

#[tokio::test]
async fn a_token_that_may_only_look_switches_nothing() {
    let twin = still_twin();
    twin.inject(TwinFault::TokenReadsOnly).expect("it exists");
    let (status, why) = api(&twin, "POST", "/nodes/proxmox1/lxc/3101/status/stop").await;
    assert_eq!((status, why.as_str()), (403, Some("Permission check failed (/vms/3101, VM.PowerMgmt)\n")));
}
