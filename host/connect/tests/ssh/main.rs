//! The SSH client against real sshd processes on loopback.

mod changes;
mod reached;
mod sshd;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use fabric_connect::ssh::{KnownHosts, SshClient};
use fabric_wire::endpoint::{SshHost, SshIdentity};
use fabric_wire::seam::Ssh;
use fabric_wire::ssh::{OUTPUT_LIMIT, ReadCommand, clock, sockets};
use fabric_wire::{Deadline, WireError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::sshd::{Site, keygen};

/// Generous: the tests assert what happens, not how fast.
fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

fn client(site: &Site, known_hosts: &str) -> SshClient {
    let known_hosts = KnownHosts::parse("known_hosts", known_hosts).expect("well-formed");
    SshClient::new(known_hosts, site.identity())
}

/// A port of loopback on which nothing listens.
fn dead_port(ip: &str) -> SocketAddr {
    TcpListener::bind((ip, 0)).and_then(|listener| listener.local_addr()).expect("a free port")
}

#[tokio::test]
async fn the_right_key_is_accepted_and_facts_are_read() {
    let site = Site::new();
    let server = site.sshd("127.0.0.1", "ed25519", "");
    let (ssh, host) = (client(&site, &server.pin("edge")), server.host("edge", vec![]));
    let before = std::time::SystemTime::now();
    let output = ssh.read(&host, &ReadCommand::Clock, soon()).await.expect("date runs");
    let offset = clock(&output, before, std::time::SystemTime::now()).expect("a time");
    assert!(offset.offset_ms.unsigned_abs() <= offset.uncertainty_ms, "{offset:?}");
    let output = ssh.read(&host, &ReadCommand::Sockets, soon()).await.expect("cat runs");
    let found = sockets(&output).expect("tables");
    assert!(found.iter().any(|s| s.port == server.address.port() && s.address == server.address.ip()));
    assert!(output.path.is_empty());
}

#[tokio::test]
async fn an_ecdsa_key_pinned_by_address_is_accepted() {
    let site = Site::new();
    let server = site.sshd("127.0.0.1", "ecdsa", "");
    let ssh = client(&site, &server.pin(&format!("[127.0.0.1]:{}", server.address.port())));
    ssh.read(&server.host("edge", vec![]), &ReadCommand::Clock, soon()).await.expect("date runs");
}

#[tokio::test]
async fn any_other_key_is_refused_with_both_fingerprints() {
    let site = Site::new();
    let server = site.sshd("127.0.0.1", "ed25519", "");
    let other = site.sshd("127.0.0.1", "ed25519", "");
    let ecdsa = site.sshd("127.0.0.1", "ecdsa", "");
    let revoked = format!("{}@revoked * {}\n", server.pin("edge"), server.key);
    let cases = [
        (other.pin("edge"), "pinned is ssh-ed25519 SHA256:"),
        (ecdsa.pin("edge"), "no key of a pinned type"),
        (revoked, "revoked (known_hosts:2)"),
        (server.pin("other"), "no key is pinned"),
        (String::new(), "it offers ssh-ed25519 SHA256:"),
    ];
    for (known_hosts, expected) in cases {
        let ssh = client(&site, &known_hosts);
        let refused = ssh.read(&server.host("edge", vec![]), &ReadCommand::Clock, soon()).await;
        let Err(WireError::HostKey { host, reason }) = refused else { panic!("{expected}: {refused:?}") };
        assert!(host == "edge" && reason.contains(expected), "{reason}");
    }
}

#[tokio::test]
async fn a_host_certificate_is_accepted_from_its_authority_alone() {
    let site = Site::new();
    let ca = site.folder.path().join("ca");
    keygen(&ca, "ed25519");
    let public = std::fs::read_to_string(ca.with_extension("pub")).expect("the public key");
    let mut server = site.sshd("127.0.0.1", "ed25519", "");
    server.certify(&ca, "edge");
    let pinned = format!("@cert-authority edge {public}");
    let host = server.host("edge", vec![]);
    client(&site, &pinned).read(&host, &ReadCommand::Clock, soon()).await.expect("a certified host");
    let refused = client(&site, &pinned.replace("edge", "node"))
        .read(&server.host("node", vec![]), &ReadCommand::Clock, soon())
        .await;
    assert!(matches!(refused, Err(WireError::HostKey { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_key_the_server_does_not_know_is_an_authentication_error() {
    let site = Site::new();
    let server = site.sshd("127.0.0.1", "ed25519", "");
    let stranger = Site::new();
    let known_hosts = KnownHosts::parse("known_hosts", &server.pin("edge")).expect("well-formed");
    let ssh = SshClient::new(known_hosts, stranger.identity());
    let host = server.host("edge", vec![]);
    let refused = ssh.read(&host, &ReadCommand::Clock, soon()).await;
    let Err(WireError::Authentication(reason)) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("`edge`") && reason.contains("publickey"), "{reason}");
    let probe = ssh.probe_authentication(&host, "root", soon()).await.expect("a refusal is an answer");
    assert!(!probe.accepted);
}

#[tokio::test]
async fn root_is_refused_where_its_login_is_forbidden_and_let_in_where_it_is_not() {
    let site = Site::new();
    let strict = site.sshd("127.0.0.1", "ed25519", "PermitRootLogin no");
    let open = site.sshd("127.0.0.1", "ed25519", "PasswordAuthentication yes");
    let ssh = client(&site, &[strict.pin("strict"), open.pin("open")].concat());
    let probe =
        ssh.probe_authentication(&strict.host("strict", vec![]), "root", soon()).await.expect("an answer");
    assert_eq!((probe.accepted, probe.methods), (false, vec!["publickey".to_owned()]));
    let probe =
        ssh.probe_authentication(&open.host("open", vec![]), "root", soon()).await.expect("an answer");
    assert_eq!((probe.accepted, probe.methods), (true, vec!["publickey".to_owned(), "password".to_owned()]));
}

#[tokio::test]
async fn no_server_is_never_a_refused_login() {
    let site = Site::new();
    let mut server = site.sshd("127.0.0.1", "ed25519", "");
    let ssh = client(&site, &server.pin("edge"));
    let host = server.host("edge", vec![]);
    server.freeze();
    let short = Deadline::after(Duration::from_millis(300));
    assert_eq!(ssh.probe_authentication(&host, "root", short).await, Err(WireError::Timeout));
    let short = Deadline::after(Duration::from_millis(300));
    assert_eq!(ssh.read(&host, &ReadCommand::Clock, short).await, Err(WireError::Timeout));
    server.stop();
    assert_eq!(ssh.probe_authentication(&host, "root", soon()).await, Err(WireError::Refused));
    server.start();
    assert!(ssh.probe_authentication(&host, "root", soon()).await.expect("it is back").accepted);
}

#[tokio::test]
async fn the_second_jump_host_is_used_when_the_first_is_unreachable_or_hangs() {
    let site = Site::new();
    let (jump, node) = (site.sshd("127.0.1.1", "ed25519", ""), site.sshd("127.0.1.2", "ed25519", ""));
    let hung = site.sshd("127.0.1.3", "ed25519", "");
    hung.freeze();
    let ssh = client(&site, &[jump.pin("jump"), node.pin("node"), hung.pin("hung")].concat());
    let dead = SshHost { address: dead_port("127.0.1.1"), ..jump.host("dead", vec![]) };
    for first in [dead, hung.host("hung", vec![])] {
        let host = node.host("node", vec![first, jump.host("jump", vec![])]);
        let deadline = Deadline::after(Duration::from_secs(9));
        let output = ssh.read(&host, &ReadCommand::Clock, deadline).await.expect("through the second");
        assert_eq!(output.path, ["jump"]);
    }
}

#[tokio::test]
async fn a_jump_host_may_be_behind_another() {
    let site = Site::new();
    let (outer, inner) = (site.sshd("127.0.1.1", "ed25519", ""), site.sshd("127.0.1.2", "ed25519", ""));
    let node = site.sshd("127.0.1.3", "ed25519", "");
    let ssh = client(&site, &[outer.pin("outer"), inner.pin("inner"), node.pin("node")].concat());
    let host = node.host("node", vec![inner.host("inner", vec![outer.host("outer", vec![])])]);
    let output = ssh.read(&host, &ReadCommand::Clock, soon()).await.expect("through two");
    assert_eq!(output.path, ["outer", "inner"]);
    let probe = ssh.probe_authentication(&host, "root", soon()).await.expect("through two");
    assert!(probe.accepted && probe.path == ["outer", "inner"]);
}

#[tokio::test]
async fn a_wrong_key_is_blamed_on_the_host_that_has_it() {
    let site = Site::new();
    let (jump, node) = (site.sshd("127.0.1.1", "ed25519", ""), site.sshd("127.0.1.2", "ed25519", ""));
    let spare = site.sshd("127.0.1.3", "ed25519", "");
    let cases = [
        ([jump.pin("jump"), jump.pin("node"), spare.pin("spare")].concat(), "node"),
        ([node.pin("jump"), node.pin("node"), spare.pin("spare")].concat(), "jump"),
    ];
    for (known_hosts, culprit) in cases {
        let ssh = client(&site, &known_hosts);
        // The spare jump host would work, and must not be used to look away from a wrong key.
        let jumps = vec![jump.host("jump", vec![]), spare.host("spare", vec![])];
        let refused = ssh.read(&node.host("node", jumps), &ReadCommand::Clock, soon()).await;
        assert!(matches!(&refused, Err(WireError::HostKey { host, .. }) if host == culprit), "{refused:?}");
    }
}

#[tokio::test]
async fn a_connection_is_forwarded_or_the_server_is_named_that_does_not() {
    let site = Site::new();
    let open = site.sshd("127.0.0.1", "ed25519", "");
    let closed = site.sshd("127.0.0.1", "ed25519", "AllowTcpForwarding no");
    let ssh = client(&site, &[open.pin("open"), closed.pin("closed")].concat());
    let (open_host, closed_host) = (open.host("open", vec![]), closed.host("closed", vec![]));
    let mut stream = ssh.forward(&open_host, closed.address, soon()).await.expect("forwards");
    let mut banner = [0; 8];
    stream.read_exact(&mut banner).await.expect("sshd greets");
    assert_eq!(&banner, b"SSH-2.0-");
    stream.write_all(b"nonsense\r\n").await.expect("writes");
    stream.read_to_end(&mut Vec::new()).await.expect("sshd hangs up");
    let refused = ssh.forward(&closed_host, open.address, soon()).await.err();
    assert_eq!(refused, Some(WireError::ForwardingRefused { host: "closed".into() }));
    let refused = ssh.forward(&open_host, dead_port("127.0.0.1"), soon()).await.err();
    assert_eq!(refused, Some(WireError::Refused));
    let behind = open.host("open", vec![closed_host]);
    let refused = ssh.read(&behind, &ReadCommand::Clock, soon()).await;
    assert_eq!(refused, Err(WireError::ForwardingRefused { host: "closed".into() }));
}

#[tokio::test]
async fn what_a_host_on_the_way_lacks_is_no_finding_about_the_port_behind_it() {
    let site = Site::new();
    let (mut edge, fresh) = (site.sshd("127.0.0.1", "ed25519", ""), site.sshd("127.0.0.1", "ed25519", ""));
    // An account that may forward and nothing else: the question runs no command.
    let jump_only = site.sshd("127.0.0.1", "ed25519", "MaxSessions 0");
    let ssh = client(&site, &[edge.pin("edge"), fresh.pin("fresh"), jump_only.pin("jump-only")].concat());
    let host = edge.host("edge", vec![]);
    ssh.forward(&jump_only.host("jump-only", vec![]), edge.address, soon()).await.expect("it forwards");
    ssh.forward(&host, jump_only.address, soon()).await.expect("it forwards");
    let cannot = async |host: &SshHost, expected: &str| {
        let lost = ssh.forward(host, jump_only.address, Deadline::after(Duration::from_secs(2))).await.err();
        let Some(WireError::Unreachable(why)) = lost else { panic!("{expected}: {lost:?}") };
        assert!(why.contains(&format!("`{}`", host.name)) && why.contains(expected), "{why}");
    };
    fresh.freeze();
    cannot(&fresh.host("fresh", vec![]), "no answer").await;
    edge.freeze_sessions();
    cannot(&host, "no answer").await;
    edge.stop();
    cannot(&host, "refused").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_concurrent_reads_share_one_session_whatever_the_server_allows() {
    let site = Site::new();
    for limit in ["", "MaxSessions 2"] {
        let server = site.sshd("127.0.0.1", "ed25519", limit);
        let ssh = Arc::new(client(&site, &server.pin("edge")));
        let host = server.host("edge", vec![]);
        let reads: Vec<_> = (0..200)
            .map(|_| {
                let (ssh, host) = (ssh.clone(), host.clone());
                tokio::spawn(async move { ssh.read(&host, &ReadCommand::Clock, soon()).await })
            })
            .collect();
        for read in reads {
            assert_eq!(read.await.expect("no panic").map(|output| output.status), Ok(0));
        }
        assert_eq!(server.sessions(), 1);
    }
}

#[tokio::test]
async fn an_account_without_sessions_is_a_missing_right() {
    let site = Site::new();
    let server = site.sshd("127.0.0.1", "ed25519", "MaxSessions 0");
    let ssh = client(&site, &server.pin("edge"));
    let refused = ssh.read(&server.host("edge", vec![]), &ReadCommand::Clock, soon()).await;
    assert!(matches!(refused, Err(WireError::Permission(_))), "{refused:?}");
}

#[tokio::test]
async fn a_session_that_died_is_opened_again_and_a_command_that_died_is_not_a_success() {
    let site = Site::new();
    let mut server = site.sshd("127.0.0.1", "ed25519", "");
    let ssh = client(&site, &server.pin("edge"));
    let host = server.host("edge", vec![]);
    ssh.read(&host, &ReadCommand::Clock, soon()).await.expect("works");
    server.stop();
    server.start();
    ssh.read(&host, &ReadCommand::Clock, soon()).await.expect("opened again");
    server.stop();
    let gone = ssh.read(&host, &ReadCommand::Clock, soon()).await;
    assert_eq!(gone, Err(WireError::Refused));
}

#[tokio::test]
async fn a_server_that_dies_under_a_command_is_closed() {
    let site = Site::new();
    let server = site.sshd("127.0.0.1", "ed25519", "ForceCommand kill -9 $PPID");
    let ssh = client(&site, &server.pin("edge"));
    let cut = ssh.read(&server.host("edge", vec![]), &ReadCommand::Clock, soon()).await;
    assert_eq!(cut, Err(WireError::Closed));
}

#[tokio::test]
async fn what_a_command_gives_is_taken_as_it_is_or_refused() {
    let site = Site::new();
    let endless = site.sshd("127.0.0.1", "ed25519", "ForceCommand cat /dev/zero");
    let noisy = site.sshd("127.0.0.1", "ed25519", "ForceCommand cat /dev/zero >&2");
    let failing = site.sshd("127.0.0.1", "ed25519", "ForceCommand echo out; echo err >&2; exit 3");
    let killed = site.sshd("127.0.0.1", "ed25519", "ForceCommand kill -9 $$");
    let pins =
        [endless.pin("endless"), noisy.pin("noisy"), failing.pin("failing"), killed.pin("killed")].concat();
    let ssh = client(&site, &pins);
    for server in [endless.host("endless", vec![]), noisy.host("noisy", vec![])] {
        let flood = ssh.read(&server, &ReadCommand::Clock, soon()).await;
        assert_eq!(flood, Err(WireError::TooLarge { limit: OUTPUT_LIMIT }));
    }
    let output =
        ssh.read(&failing.host("failing", vec![]), &ReadCommand::Clock, soon()).await.expect("an answer");
    assert_eq!((output.status, &*output.stdout, &*output.stderr), (3, &b"out\n"[..], &b"err\n"[..]));
    let signal = ssh.read(&killed.host("killed", vec![]), &ReadCommand::Clock, soon()).await;
    assert!(matches!(&signal, Err(WireError::Garbage(text)) if text.contains("KILL")), "{signal:?}");
}

#[tokio::test]
async fn abandoned_commands_do_not_use_up_the_sessions_places() {
    let site = Site::new();
    let server = site.sshd(
        "127.0.0.1",
        "ed25519",
        "ForceCommand case $SSH_ORIGINAL_COMMAND in *date*) sleep 600;; *) true;; esac",
    );
    let ssh = client(&site, &server.pin("edge"));
    let host = server.host("edge", vec![]);
    ssh.read(&host, &ReadCommand::Sockets, soon()).await.expect("opens the session");
    for _ in 0..12 {
        // Dropped by the caller, without a deadline of the client's own passing.
        let hung = ssh.read(&host, &ReadCommand::Clock, soon());
        assert!(tokio::time::timeout(Duration::from_millis(100), hung).await.is_err());
    }
    ssh.read(&host, &ReadCommand::Sockets, soon()).await.expect("there is still a place");
}

#[tokio::test]
async fn a_port_that_does_not_speak_ssh_is_garbage_or_closed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    let server = tokio::spawn(async move {
        for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[0xff; 70_000], b""] {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let _ = stream.write_all(answer).await;
        }
    });
    let site = Site::new();
    let ssh = client(&site, "");
    let slug = |text: &str| text.parse().expect("a name");
    let host = SshHost { name: slug("edge"), address, user: slug("root"), jump: vec![] };
    for _ in 0..3 {
        let odd = ssh.read(&host, &ReadCommand::Clock, soon()).await;
        assert!(matches!(odd, Err(WireError::Garbage(_) | WireError::Closed)), "{odd:?}");
    }
    server.await.expect("served all");
}

#[tokio::test]
async fn an_agent_signs_with_the_key_that_is_named() {
    let site = Site::new();
    let server = site.sshd("127.0.0.1", "ed25519", "");
    let agent = site.agent();
    keygen(&site.folder.path().join("stranger"), "ed25519");
    agent.add(&site.folder.path().join("stranger"), "stranger");
    agent.add(&site.folder.path().join("operator"), "operator");
    let known_hosts = || KnownHosts::parse("known_hosts", &server.pin("edge")).expect("well-formed");
    let with = |key: &str| {
        let identity = SshIdentity::Agent { socket: agent.socket.clone(), key: key.to_owned() };
        SshClient::new(known_hosts(), identity)
    };
    let host = server.host("edge", vec![]);
    for key in ["operator", ""] {
        with(key).read(&host, &ReadCommand::Clock, soon()).await.expect("the agent signs");
    }
    for key in ["stranger", "nobody"] {
        let refused = with(key).read(&host, &ReadCommand::Clock, soon()).await;
        assert!(matches!(refused, Err(WireError::Authentication(_))), "{refused:?}");
    }
}
