//! Peers on loopback that answer badly, met through the real seams.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;

use crate::scene::Scene;

/// A site of the real realm that is all on loopback, with its policy, key, pins and authority, as `loop.toml` and
/// `loop-policy.toml`; the Proxmox API is on that port of 127.0.0.1.
pub(crate) fn loopback_site(scene: &Scene, api_port: u16) -> rcgen::CertifiedIssuer<'static, rcgen::KeyPair> {
    scene.write("loop.toml", &SITE.replace("API_PORT", &api_port.to_string()));
    scene.write("loop-policy.toml", POLICY);
    scene.write("known_hosts", "");
    for (file, secret) in
        [("token", crate::secrets::TOKEN), ("ssh-key", "no key, and never offered to anybody")]
    {
        scene.write(file, secret);
        fs::set_permissions(scene.path(file), Permissions::from_mode(0o600)).expect("it is ours");
    }
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    let key = rcgen::KeyPair::generate().expect("the system has randomness");
    let authority = rcgen::CertifiedIssuer::self_signed(params, key).expect("it is sound");
    scene.write("ca.pem", &authority.pem());
    authority
}

/// A TLS server of this name, certified by the site's authority.
pub(crate) fn server_config(
    authority: &rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
    name: &str,
) -> Arc<ServerConfig> {
    let key = rcgen::KeyPair::generate().expect("the system has randomness");
    let params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, authority).expect("it is sound");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("key and certificate belong together");
    Arc::new(server)
}

const SITE: &str = r#"format = 1
[site]
name = "loop"
realm = "real"
[site.lan]
network = "127.0.0.0/8"
gateway = "127.0.0.254"
bridge = "vmbr0"
[ssh]
user = "op"
identity = "ssh/op"
known_hosts = "known_hosts"
[proxmox]
cluster = "loop"
port = API_PORT
authority = "ca"
token_id = "audit@pve!t"
token = "proxmox/token"
[proxmox.nodes]
pve1 = { address = "127.0.0.1" }
[authorities]
ca = "ca.pem"
[secrets]
"proxmox/token" = { file = "token" }
"ssh/op" = { file = "ssh-key" }
[environments]
box = { tag = "infra", golden = 1, vmids = [100, 199] }
[planes.one]
[hosts.jumper]
environment = "box"
plane = "one"
role = "edge"
node = "pve1"
vmid = 101
forwards = true
interfaces = [{ name = "eth0", bridge = "vmbr0", address = "127.0.0.11/8", gateway = "127.0.0.254", mac = "BC:24:11:00:00:01" }]
[hosts.behind]
environment = "box"
plane = "one"
role = "auth"
node = "pve1"
vmid = 102
jump = ["jumper"]
interfaces = [{ name = "eth0", bridge = "vmbr0", address = "127.0.0.12/8", gateway = "127.0.0.254", mac = "BC:24:11:00:00:02" }]
[vips]
[zones]
"#;

const POLICY: &str = r#"format = 1
[[allow]]
name = "loopback"
environments = ["*"]
roles = ["*"]
[allow.primitives]
"dns.query" = ["addr:127.0.0.0/8", "node:*"]
"tls.handshake" = ["addr:127.0.0.0/8", "node:*"]
"http.get" = ["addr:127.0.0.0/8", "node:*"]
"tcp.connect" = ["addr:127.0.0.0/8", "node:*"]
"unit.state" = ["host:*/*"]
"proxmox.permissions" = ["cluster:*"]
"#;

/// The peers listen where the site has its only node, so its name is needed beside the address.
pub(crate) const NEEDS: &str = r#""dns.query" = ["addr:127.0.0.1", "node:pve1"]
"tls.handshake" = ["addr:127.0.0.1", "node:pve1"]
"http.get" = ["addr:127.0.0.1", "node:pve1"]
"tcp.connect" = ["addr:127.0.0.1", "node:pve1"]
"unit.state" = ["host:behind/ssh"]
"proxmox.permissions" = ["cluster:loop"]"#;

/// The arguments of a run against the site on loopback.
pub(crate) const RUN: [&str; 6] =
    ["run", "script.rhai", "--site", "loop.toml", "--policy", "loop-policy.toml"];

/// Runs one check with this call in it; returns the check's record.
fn check(call: &str) -> Value {
    let scene = Scene::with_key();
    loopback_site(&scene, 1);
    scene.script(NEEDS, &format!("check(\"peer\", || {{ {call}; }});"));
    let ran = scene.fabric(&RUN);
    assert_eq!(ran.code, Some(11), "{call}: {}", ran.all());
    assert_eq!(scene.record()["head"]["site"]["realm"], "real");
    let checks = scene.checks();
    let [check] = checks.as_slice() else { panic!("{checks:?}") };
    // People see the same code, and what to do.
    let code = check["fault"]["code"].as_str().expect("a fault");
    assert!(ran.stdout.contains(code) && ran.stdout.contains("hint:"), "{}", ran.all());
    check.clone()
}

/// Serves every connection on a port of loopback with this, for as long as the test runs.
pub(crate) fn serve(answer: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    port
}

#[test]
fn a_dns_server_that_answers_garbage_is_an_error() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a port");
    let port = socket.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            // The right number in front, so that it is an answer to this question, and nonsense behind.
            let mut answer = question[..length.min(2)].to_vec();
            answer.extend([0xff; 30]);
            let _ = socket.send_to(&answer, from);
        }
    });
    let check = check(&format!(
        "dns::query(#{{ server: \"addr:127.0.0.1\", port: {port}, name: \"a.example\", type: \"A\", timeout_ms: 2000 }})"
    ));
    assert_eq!(
        (&check["status"], &check["fault"]["code"]),
        (&"error".into(), &"port.garbage".into()),
        "{check}"
    );
}

#[test]
fn a_tls_stream_that_is_cut_off_is_an_error() {
    let port = serve(|mut stream| {
        let mut hello = [0; 64];
        let _ = stream.read(&mut hello);
        // The head of a handshake record of 512 bytes, and 3 of them.
        let _ = stream.write_all(&[22, 3, 3, 2, 0, 2, 0, 0]);
    });
    let check = check(&format!(
        "tls::handshake(#{{ target: \"addr:127.0.0.1\", port: {port}, server_name: \"pve1\", authority: \"ca\", timeout_ms: 5000 }})"
    ));
    assert_eq!((&check["status"], &check["fault"]["code"]), (&"error".into(), &"port.tls".into()), "{check}");
}

#[test]
fn a_body_of_ten_megabytes_where_one_is_allowed_is_an_error() {
    let port = serve(|mut stream| {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n");
        let part = [b'x'; 1 << 16];
        for _ in 0..160 {
            if stream.write_all(&part).is_err() {
                return;
            }
        }
    });
    let check = check(&format!(
        "http::get(#{{ target: \"addr:127.0.0.1\", port: {port}, body_limit: 1048576, timeout_ms: 10000 }})"
    ));
    assert_eq!(
        (&check["status"], &check["fault"]["code"]),
        (&"error".into(), &"port.too_large".into()),
        "{check}"
    );
}

#[test]
fn a_refused_connection_is_an_error_of_http_and_an_answer_of_tcp() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    let check =
        check(&format!("http::get(#{{ target: \"addr:127.0.0.1\", port: {port}, timeout_ms: 5000 }})"));
    assert_eq!(
        (&check["status"], &check["fault"]["code"]),
        (&"error".into(), &"port.refused".into()),
        "{check}"
    );
    let scene = Scene::with_key();
    loopback_site(&scene, 1);
    let connect = format!("tcp::connect(#{{ target: \"addr:127.0.0.1\", port: {port} }}).state");
    scene.script(NEEDS, &format!("check(\"closed\", || expect_eq(\"state\", {connect}, \"refused\"));"));
    let ran = scene.fabric(&RUN);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    scene.sealed();
}

#[test]
fn a_jump_host_that_nobody_is_on_is_an_error_that_names_it() {
    let check = check("unit::state(#{ host: \"behind\", unit: \"ssh\", timeout_ms: 5000 })");
    assert_eq!(check["status"], "error");
    assert!(check["fault"].to_string().contains("jumper"), "{check}");
}
