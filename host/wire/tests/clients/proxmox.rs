//! The Proxmox client against a small API of our own over TLS.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fabric_model::Slug;
use fabric_wire::endpoint::{ProxmoxApi, Secret};
use fabric_wire::proxmox::{
    Changer, Client, GuestState, NodeZoneStatus, Ordered, TaskDone, TaskStatus, Upid, View, can_see_all_sdn,
};
use fabric_wire::{Deadline, WireError};
use rcgen::KeyUsagePurpose;
use rustls::version::TLS13;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::peers::authority::{Authority, Leaf, accept};
use crate::peers::{World, seams, soon, writing};

/// Requests that the API met: method and path, and `Authorization`.
type Log = Arc<Mutex<Vec<(String, String)>>>;

struct Lab {
    client: Client,
    changer: Changer,
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
                let mut words = head.split(' ');
                let method = words.next().expect("a method");
                let path = words.next().expect("a path").to_owned();
                // Without a body, that there is none must be said where one could be.
                assert_eq!(head.contains("content-length: 0\r\n"), method == "POST", "{head}");
                let token = head.lines().find_map(|line| line.strip_prefix("authorization: "));
                let asked = format!("{method} {path}");
                let before = {
                    let mut log = log.lock().expect("no test panicked");
                    let before = log.iter().filter(|(earlier, _)| *earlier == asked).count();
                    log.push((asked, token.unwrap_or_default().to_owned()));
                    before
                };
                let (wait, status, body) = match method {
                    "GET" => respond(&path, before),
                    "POST" => obey(&path),
                    _ => (Duration::ZERO, "501 Method not implemented", ""),
                };
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
    let changer = Changer::new(seams(&world), &writing(&world), api.clone()).expect("a changer");
    Lab { client: Client::new(seams(&world), api).expect("a client"), changer, world, log }
}

fn slug(text: &str) -> Slug {
    text.parse().expect("a name")
}

/// What the API answers to a question that it was asked `before` times already.
fn respond(path: &str, before: usize) -> (Duration, &'static str, &'static str) {
    if let Some(task) = path.strip_prefix("/api2/json/nodes/n2/tasks/") {
        return task_status(task, before);
    }
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

/// What the API answers about a task, after saying twice that it runs.
fn task_status(path: &str, before: usize) -> (Duration, &'static str, &'static str) {
    let ok = |body| (Duration::ZERO, "200 OK", body);
    let Some((task, "status")) = path.split_once('/') else { return (Duration::ZERO, "501 No", "") };
    assert!(task.starts_with("UPID%3An2%3A") && task.ends_with("%3Aop%40pve%21rw%3A"), "{task}");
    if before < 2 || task.contains("%3A601%3A") {
        return ok(r#"{"data":{"status":"running","pid":271}}"#);
    }
    match task {
        task if task.contains("%3A501%3A") => ok(r#"{"data":{"status":"stopped","exitstatus":"OK"}}"#),
        task if task.contains("%3A502%3A") => {
            ok(r#"{"data":{"status":"stopped","exitstatus":"WARNINGS: 2"}}"#)
        }
        task if task.contains("%3A503%3A") => {
            ok(r#"{"data":{"status":"stopped","exitstatus":"bridge 'vmbr0' does not exist"}}"#)
        }
        task if task.contains("%3A504%3A") => ok(r#"{"data":{"status":"stopped"}}"#),
        task if task.contains("%3A505%3A") => {
            (Duration::ZERO, "403 Permission check failed (/nodes/n2, Sys.Audit)", r#"{"data":null}"#)
        }
        // The node of the task is away for a moment, and once the whole question stays without an answer.
        task if task.contains("%3A506%3A") => match before {
            2 => (Duration::ZERO, "595 No route to host", ""),
            3 => (Duration::from_secs(3600), "200 OK", ""),
            _ => ok(r#"{"data":{"status":"stopped","exitstatus":"OK"}}"#),
        },
        _ => (Duration::ZERO, "500 no such task", r#"{"data":null}"#),
    }
}

/// What the API answers to an order.
fn obey(path: &str) -> (Duration, &'static str, &'static str) {
    let at_once = |status, body| (Duration::ZERO, status, body);
    match path.strip_prefix("/api2/json/nodes/n1/lxc/").expect("a guest of the first node") {
        "501/status/start" => {
            at_once("200 OK", r#"{"data":"UPID:n2:0000010F:0004AEA0:6B01315C:vzstart:501:op@pve!rw:"}"#)
        }
        "501/status/stop" => {
            at_once("200 OK", r#"{"data":"UPID:n2:00000110:0004AEB0:6B01315D:vzstop:501:op@pve!rw:"}"#)
        }
        "511/status/start" => at_once("500 CT 511 already running", r#"{"data":null}"#),
        "511/status/stop" => at_once("500 CT 511 not running", r#"{"data":null}"#),
        "512/status/start" => at_once("500 CT 511 already running", r#"{"data":null}"#),
        "512/status/stop" => at_once("500 CT is locked (backup)", r#"{"data":null}"#),
        "513/status/start" => {
            at_once("403 Permission check failed (/vms/513, VM.PowerMgmt)", r#"{"data":null}"#)
        }
        "514/status/start" => at_once("200 OK", r#"{"data":"UPID:n2:started"}"#),
        "515/status/start" => at_once("200 OK", r#"{"data":null}"#),
        "516/status/start" => (Duration::from_secs(3600), "200 OK", ""),
        _ => at_once("500 Configuration file 'nodes/n1/lxc/519.conf' does not exist", r#"{"data":null}"#),
    }
}

fn upid(guest: u32) -> Upid {
    format!("UPID:n2:0000010F:0004AEA0:6B01315C:vzstart:{guest}:op@pve!rw:").parse().expect("a task")
}

#[tokio::test(start_paused = true)]
async fn a_guest_is_started_and_stopped_and_the_task_is_waited_for_at_its_own_node() {
    let Lab { changer, log, .. } = lab(&[Node::Serves]);
    let begun = changer.guest_start(&slug("n1"), 501, soon()).await.expect("obeyed");
    assert_eq!(begun, Ordered::Begun(upid(501)));
    assert_eq!(changer.client().task_status(&slug("n2"), &upid(501), soon()).await, Ok(TaskStatus::Running));
    assert_eq!(changer.client().await_task(&upid(501), soon()).await, Ok(TaskDone { warnings: 0 }));
    let stopped = TaskStatus::Stopped { exit: "OK".into() };
    assert_eq!(changer.client().task_status(&slug("n2"), &upid(501), soon()).await, Ok(stopped));
    let Ok(Ordered::Begun(stopping)) = changer.guest_stop(&slug("n1"), 501, soon()).await else {
        panic!("not obeyed")
    };
    assert_eq!((stopping.kind(), stopping.object()), ("vzstop", "501"));
    let log = log.lock().expect("no test panicked");
    let orders: Vec<&str> =
        log.iter().map(|(asked, _)| asked.as_str()).filter(|a| a.starts_with("POST")).collect();
    assert_eq!(
        orders,
        ["POST /api2/json/nodes/n1/lxc/501/status/start", "POST /api2/json/nodes/n1/lxc/501/status/stop"]
    );
}

#[tokio::test]
async fn a_guest_that_is_as_ordered_already_is_told_from_every_refusal() {
    let Lab { changer, .. } = lab(&[Node::Serves]);
    let n1 = slug("n1");
    let start = async |vmid| changer.guest_start(&n1, vmid, soon()).await;
    let stop = async |vmid| changer.guest_stop(&n1, vmid, soon()).await;
    assert_eq!(start(511).await, Ok(Ordered::Already));
    assert_eq!(stop(511).await, Ok(Ordered::Already));
    // About another guest.
    assert!(matches!(start(512).await, Err(WireError::Garbage(text)) if text.contains("511")));
    assert!(matches!(stop(512).await, Err(WireError::Garbage(text)) if text.contains("locked")));
    assert!(matches!(start(513).await, Err(WireError::Permission(text)) if text.contains("VM.PowerMgmt")));
    assert!(matches!(start(519).await, Err(WireError::NotFound(_))));
}

#[tokio::test(start_paused = true)]
async fn an_order_without_a_task_is_no_success() {
    let Lab { changer, log, .. } = lab(&[Node::Serves, Node::Serves]);
    let start = async |vmid| changer.guest_start(&slug("n1"), vmid, soon()).await;
    assert!(matches!(start(514).await, Err(WireError::Garbage(text)) if text.contains("UPID:n2:started")));
    assert!(matches!(start(515).await, Err(WireError::Garbage(_))));
    // An order without an answer may have been obeyed: no other node is given it.
    assert_eq!(start(516).await, Err(WireError::Timeout));
    let log = log.lock().expect("no test panicked");
    assert_eq!(log.iter().filter(|(asked, _)| asked.contains("/516/")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_ends_as_it_says_itself() {
    let Lab { client, .. } = lab(&[Node::Serves]);
    let ends = async |guest| client.await_task(&upid(guest), soon()).await;
    assert_eq!(ends(502).await, Ok(TaskDone { warnings: 2 }));
    let failed = WireError::Task { task: "vzstart 503".into(), exit: "bridge 'vmbr0' does not exist".into() };
    assert_eq!(ends(503).await, Err(failed));
    assert!(matches!(ends(504).await, Err(WireError::Garbage(_))));
    assert!(matches!(ends(505).await, Err(WireError::Permission(text)) if text.contains("Sys.Audit")));
    assert!(matches!(ends(507).await, Err(WireError::Garbage(_) | WireError::NotFound(_))));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_never_ends_is_a_timeout_and_a_node_that_is_away_for_a_moment_is_none() {
    let Lab { client, log, .. } = lab(&[Node::Serves]);
    assert_eq!(client.await_task(&upid(601), soon()).await, Err(WireError::Timeout));
    // It was asked again and again, and not without a pause.
    let asked = log.lock().expect("no test panicked").len();
    assert!((5..50).contains(&asked), "{asked}");
    let patient = Deadline::after(Duration::from_secs(60));
    assert_eq!(client.await_task(&upid(506), patient).await, Ok(TaskDone { warnings: 0 }));
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
    let Lab { client, world, log, .. } = lab(&[Node::IsForeign, Node::Serves]);
    let error = client.cluster_status(soon()).await.expect_err("another authority");
    assert!(matches!(error, WireError::Tls(_)), "{error}");
    assert_eq!(world.dialled(), 1);
    assert!(log.lock().expect("no test panicked").is_empty());
}
