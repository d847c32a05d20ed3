//! The Proxmox client against a small API of our own over TLS.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fabric_model::Slug;
use fabric_wire::endpoint::{ProxmoxApi, Secret};
use fabric_wire::proxmox::{Client, GuestState, NodeZoneStatus, View, can_see_all_sdn};
use fabric_wire::{Deadline, WireError};
use rcgen::KeyUsagePurpose;
use rustls::version::TLS13;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::peers::authority::{Authority, Leaf, accept};
use crate::peers::{World, seams, soon};

/// Requests that the API met: path and `Authorization`.
type Log = Arc<Mutex<Vec<(String, String)>>>;

struct Lab {
    client: Client,
    world: Arc<World>,
    log: Log,
}

/// What a node does with a connection.
#[derive(Clone, Copy, PartialEq)]
enum Node {
    Serves,
    Refuses,
    Hangs,
    IsForeign,
}

/// A cluster whose nodes behave as given.
fn lab(nodes: &[Node]) -> Lab {
    let authority = Authority::new("Lab CA", vec![]);
    let foreign = Authority::new("Lab CA", vec![KeyUsagePurpose::KeyCertSign]);
    let log = Log::default();
    let behaviours = nodes.to_vec();
    let names = ["n1", "n2", "n3"];
    let leaf = |name| Leaf { names: vec![name], ..Leaf::default() };
    let ours = names.map(|name| authority.server(leaf(name), &[&TLS13]));
    let theirs = names.map(|name| foreign.server(leaf(name), &[&TLS13]));
    let kept = log.clone();
    let world = World::of(Arc::new(move |to: SocketAddr, stream| {
        let place = usize::from(to.port() - 8001);
        let behaviour = behaviours.get(place).copied().expect("a node");
        let configs = if behaviour == Node::IsForeign { &theirs } else { &ours };
        let config = configs.get(place).cloned().expect("a node");
        let log = kept.clone();
        match behaviour {
            Node::Refuses => Err(WireError::Refused),
            Node::Hangs => Ok(Box::pin(async move {
                std::future::pending::<()>().await;
                drop(stream);
            })),
            Node::Serves | Node::IsForeign => Ok(Box::pin(async move {
                let Some(mut stream) = accept(config, stream).await else { return };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.expect("a request"));
                }
                let head = String::from_utf8(head).expect("text");
                let path = head.split(' ').nth(1).expect("a path").to_owned();
                let token = head.lines().find_map(|line| line.strip_prefix("authorization: "));
                log.lock()
                    .expect("no test panicked")
                    .push((path.clone(), token.unwrap_or_default().to_owned()));
                let (wait, status, body) = respond(&path);
                tokio::time::sleep(wait).await;
                let length = body.len();
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.expect("the client reads");
                let _ = stream.shutdown().await;
            })),
        }
    }));
    let nodes = nodes.iter().zip(names).zip(8001..);
    let api = ProxmoxApi {
        nodes: nodes
            .map(|((_, name), port)| (slug(name), SocketAddr::from(([192, 0, 2, 10], port))))
            .collect(),
        authority: Arc::new(authority.pem.into_bytes()),
        token_id: "probe@pve!ro".into(),
        token: Secret::new(b"0000-secret".to_vec()),
    };
    Lab { client: Client::new(seams(&world), api).expect("a client"), world, log }
}

fn slug(text: &str) -> Slug {
    text.parse().expect("a name")
}

fn respond(path: &str) -> (Duration, &'static str, &'static str) {
    let at_once = |status, body| (Duration::ZERO, status, body);
    let ok = |body| at_once("200 OK", body);
    match path.strip_prefix("/api2/json").expect("the API's root") {
        "/cluster/status" => ok(include_str!("../fixtures/proxmox/cluster-status.json")),
        "/cluster/ha/resources" => ok(include_str!("../fixtures/proxmox/ha-resources.json")),
        "/access/permissions" => ok(include_str!("../fixtures/proxmox/permissions.json")),
        "/cluster/sdn/zones" => ok(include_str!("../fixtures/proxmox/zones.json")),
        "/cluster/sdn/vnets?running=1" => ok(include_str!("../fixtures/proxmox/vnets-running.json")),
        "/cluster/sdn/vnets?pending=1" => ok(include_str!("../fixtures/proxmox/vnets-pending.json")),
        "/cluster/sdn/vnets/vblue/subnets" => ok(include_str!("../fixtures/proxmox/subnets.json")),
        "/nodes/n2/sdn/zones" => ok(include_str!("../fixtures/proxmox/node-zones.json")),
        "/nodes/n1/lxc/501/config" => ok(include_str!("../fixtures/proxmox/guest-config.json")),
        "/nodes/n1/lxc/501/status/current" => ok(include_str!("../fixtures/proxmox/guest-status.json")),
        "/nodes/n1/lxc/501/interfaces" => ok(include_str!("../fixtures/proxmox/guest-interfaces.json")),
        "/nodes/n1/lxc/502/interfaces" => ok(r#"{"data":null}"#),
        "/nodes/n1/lxc/509/config" => at_once(
            "500 Configuration file 'nodes/n1/lxc/509.conf' does not exist",
            r#"{"data":null,"message":"Configuration file 'nodes/n1/lxc/509.conf' does not exist\n"}"#,
        ),
        "/nodes/n1/lxc/510/config" => {
            at_once("403 Permission check failed (/vms/510, VM.Audit)", r#"{"data":null}"#)
        }
        "/nodes/n3/lxc/511/config" => at_once("595 No route to host", ""),
        // The API takes its time before it refuses a token.
        "/nodes/late/sdn/zones" => (Duration::from_secs(3), "401 Authentication failed!", ""),
        _ => at_once("501 Method not implemented", r#"{"data":null}"#),
    }
}

#[tokio::test]
async fn the_sdn_is_read_in_each_view() {
    let Lab { client, log, .. } = lab(&[Node::Serves]);
    let zones = client.sdn_zones(View::Configured, soon()).await.expect("zones");
    let zones: Vec<(&str, Option<&str>)> =
        zones.iter().map(|z| (z.zone.as_str(), z.bridge.as_deref())).collect();
    assert_eq!(zones, [("zblue", Some("vmbr7")), ("zred", Some("vmbr7"))]);
    let running = client.sdn_vnets(View::Running, soon()).await.expect("vnets");
    assert_eq!(running.first().map(|vnet| (vnet.tag, vnet.state.is_some())), Some((Some(210), false)));
    let pending = client.sdn_vnets(View::Pending, soon()).await.expect("vnets");
    let states: Vec<Option<&str>> = pending.iter().map(|vnet| vnet.state.as_deref()).collect();
    assert_eq!(states, [Some("changed"), Some("new")]);
    assert_eq!(pending.first().and_then(|vnet| vnet.pending.get("tag")).map(String::as_str), Some("211"));
    let subnets = client.sdn_subnets(&slug("vblue"), View::Configured, soon()).await.expect("subnets");
    let subnet = subnets.first().expect("one");
    assert_eq!((subnet.cidr.as_str(), subnet.gateway.as_deref()), ("172.20.10.0/24", Some("172.20.10.1")));
    let nodes = client.node_zones(&slug("n2"), soon()).await.expect("zones");
    let nodes: Vec<NodeZoneStatus> = nodes.iter().map(|zone| zone.status).collect();
    assert_eq!(nodes, [NodeZoneStatus::Available, NodeZoneStatus::Error]);
    let log = log.lock().expect("no test panicked");
    assert!(log.iter().all(|(_, token)| token == "PVEAPIToken=probe@pve!ro=0000-secret"), "{log:?}");
}

#[tokio::test]
async fn a_guest_is_read_whole() {
    let Lab { client, .. } = lab(&[Node::Serves]);
    let config = client.guest_config(&slug("n1"), 501, soon()).await.expect("a config");
    assert_eq!(config.tags, ["env-blue", "golden-v4", "role-edge"]);
    assert!(config.onboot && config.unprivileged && !config.template);
    let second = config.interfaces.get(1).expect("two interfaces");
    assert_eq!((second.bridge.as_deref(), second.tag), (Some("vblue"), None));
    let status = client.guest_status(&slug("n1"), 501, soon()).await.expect("a status");
    assert_eq!((status.status, status.uptime), (GuestState::Running, 3_600));
    let inside = client.guest_interfaces(&slug("n1"), 501, soon()).await.expect("interfaces");
    let eth0 = inside.iter().find(|interface| interface.name == "eth0").expect("eth0");
    assert_eq!(eth0.addresses, ["172.20.1.11/24", "172.20.1.100/32", "fe80::5/64"]);
    assert_eq!(client.guest_interfaces(&slug("n1"), 502, soon()).await, Ok(vec![]));
}

#[tokio::test]
async fn the_cluster_and_the_tokens_rights_are_read() {
    let Lab { client, .. } = lab(&[Node::Serves]);
    let cluster = client.cluster_status(soon()).await.expect("a status");
    assert_eq!(
        (cluster.name.as_deref(), cluster.quorate, cluster.nodes.len()),
        (Some("blue"), Some(true), 3)
    );
    assert_eq!(client.ha_resources(soon()).await.expect("resources").len(), 1);
    assert!(can_see_all_sdn(&client.permissions(soon()).await.expect("permissions")));
}

#[tokio::test]
async fn each_refusal_is_its_own_error() {
    let Lab { client, .. } = lab(&[Node::Serves]);
    let config = async |node: &str, vmid| client.guest_config(&slug(node), vmid, soon()).await;
    assert!(matches!(config("n1", 509).await, Err(WireError::NotFound(text)) if text.contains("509.conf")));
    assert!(matches!(config("n1", 510).await, Err(WireError::Permission(text)) if text.contains("VM.Audit")));
    assert!(
        matches!(config("n3", 511).await, Err(WireError::Unreachable(text)) if text.contains("No route"))
    );
    assert!(matches!(config("n1", 599).await, Err(WireError::Garbage(text)) if text.contains("501")));
}

#[tokio::test(start_paused = true)]
async fn a_late_refusal_of_the_token_is_waited_for() {
    let Lab { client, .. } = lab(&[Node::Serves]);
    let late = slug("late");
    let refused = client.node_zones(&late, soon()).await;
    assert_eq!(refused, Err(WireError::Authentication("Authentication failed!".into())));
    let hasty = client.node_zones(&late, Deadline::after(Duration::from_secs(2))).await;
    assert_eq!(hasty, Err(WireError::Timeout));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_down_or_hangs_leaves_time_for_the_next() {
    let Lab { client, world, .. } = lab(&[Node::Refuses, Node::Hangs, Node::Serves]);
    assert!(client.cluster_status(soon()).await.is_ok());
    assert_eq!(world.dialled(), 3);
    let Lab { client, world, .. } = lab(&[Node::Serves, Node::Refuses]);
    assert!(client.cluster_status(soon()).await.is_ok());
    assert_eq!(world.dialled(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_no_node_answers_each_says_why() {
    let Lab { client, .. } = lab(&[Node::Refuses, Node::Hangs]);
    let error = client.cluster_status(soon()).await.expect_err("no node");
    let text = error.to_string();
    assert!(
        matches!(error, WireError::Unreachable(_)) && text.contains("n1: ") && text.contains("n2: "),
        "{text}"
    );
    let Lab { client, .. } = lab(&[Node::Refuses]);
    assert_eq!(client.cluster_status(soon()).await, Err(WireError::Refused));
}

#[tokio::test]
async fn a_foreign_certificate_stops_everything_and_never_sees_the_token() {
    let Lab { client, world, log } = lab(&[Node::IsForeign, Node::Serves]);
    let error = client.cluster_status(soon()).await.expect_err("another authority");
    assert!(matches!(error, WireError::Tls(_)), "{error}");
    assert_eq!(world.dialled(), 1);
    assert!(log.lock().expect("no test panicked").is_empty());
}
