//! The Proxmox API: through the real client over TLS, and byte by byte.

use std::sync::{Arc, Mutex};

use fabric_twin::proxmox::{ProxmoxModel, serve};
use fabric_twin::{DriftedPart, DriftedView, Twin, TwinFault};
use fabric_wire::WireError;
use fabric_wire::endpoint::{ProxmoxApi, Secret};
use fabric_wire::proxmox::{Client, NodeZoneStatus, View};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::samakia::{deadline, site, twin};

fn client(twin: &Twin) -> Client {
    let site = site();
    let nodes = site.proxmox.nodes.iter();
    let api = ProxmoxApi {
        nodes: nodes.map(|(name, node)| (name.clone(), (node.address, site.proxmox.port).into())).collect(),
        authority: Arc::new(twin.authority("proxmox-ca").expect("an authority")),
        token_id: site.proxmox.token_id,
        token: twin.secret("proxmox/token").expect("a token"),
    };
    Client::new(twin.seams(), api).expect("a readable authority")
}

#[tokio::test]
async fn the_cluster_is_the_site() {
    let twin = twin();
    let client = client(&twin);
    let status = client.cluster_status(deadline()).await.expect("a status");
    assert_eq!((status.name.as_deref(), status.quorate), (Some("samakia"), Some(true)));
    assert_eq!(status.nodes.iter().filter(|node| node.online).count(), 3);
    assert!(client.permissions(deadline()).await.expect("permissions").holds("/vms/3101", "VM.Audit"));
    for view in [View::Configured, View::Running, View::Pending] {
        let zones = client.sdn_zones(view, deadline()).await.expect("zones");
        assert_eq!(
            zones.iter().map(|zone| zone.zone.as_str()).collect::<Vec<_>>(),
            ["zminio", "zonedns", "zshared"]
        );
        let vnets = client.sdn_vnets(view, deadline()).await.expect("vnets");
        assert_eq!(vnets.iter().filter_map(|vnet| vnet.tag).collect::<Vec<_>>(), [100, 140, 120]);
        assert!(vnets.iter().all(|vnet| vnet.state.is_none() && vnet.pending.is_empty()));
        let vnet = "vlandns".parse().expect("a name");
        let subnets = client.sdn_subnets(&vnet, view, deadline()).await.expect("subnets");
        let subnet = subnets.first().expect("one subnet");
        assert_eq!(
            (subnet.cidr.as_str(), subnet.gateway.as_deref()),
            ("10.10.100.0/24", Some("10.10.100.1"))
        );
    }
    let site = site();
    for (name, host) in &site.hosts {
        let config = client.guest_config(&host.node, host.vmid, deadline()).await.expect("a configuration");
        assert_eq!(config.interfaces.len(), host.interfaces.len(), "{name}");
        for (found, declared) in config.interfaces.iter().zip(&host.interfaces) {
            assert_eq!(
                (found.name.as_str(), found.mac.as_deref()),
                (declared.name.as_str(), Some(declared.mac.as_str()))
            );
        }
        assert_eq!(config.tags.len(), 4, "{name}");
    }
    let edge = client.guest_interfaces(&"proxmox1".parse().expect("a name"), 3101, deadline()).await;
    let text = format!("{:?}", edge.expect("interfaces"));
    assert!(text.contains("192.168.11.100"), "VIPs are listed: {text}");
    assert!(twin.proxmox_requests().contains(&"GET /api2/json/cluster/sdn/zones?pending=1".to_owned()));
}

#[tokio::test]
async fn a_drift_shows_in_its_view_and_as_pending() {
    for (view, drifted, running) in
        [(DriftedView::Configured, View::Configured, 100), (DriftedView::Running, View::Running, 101)]
    {
        let twin = twin();
        twin.inject(TwinFault::SdnDrift { vnet: "vlandns".into(), view, part: DriftedPart::Tag(101) })
            .expect("it exists");
        let client = client(&twin);
        for asked in [View::Configured, View::Running, View::Pending] {
            let vnets = client.sdn_vnets(asked, deadline()).await.expect("vnets");
            let vnet = vnets.iter().find(|vnet| vnet.vnet == "vlandns").expect("the vnet");
            let expected = if asked == View::Pending {
                running
            } else if asked == drifted {
                101
            } else {
                100
            };
            assert_eq!(vnet.tag, Some(expected), "{asked:?} of a drift in {drifted:?}");
            assert_eq!(vnet.state.is_some(), asked == View::Pending, "{asked:?}");
        }
    }
}

#[tokio::test]
async fn an_interface_is_changed_in_the_one_property() {
    let twin = twin();
    let changed = |property: &str| TwinFault::NicChanged {
        host: "dns-edge-1".into(),
        interface: "eth1".into(),
        property: property.into(),
        value: "vmbr9".into(),
    };
    twin.inject(changed("bridge")).expect("it exists");
    twin.inject(changed("gw")).expect_err("this interface has no gateway");
    let node = "proxmox1".parse().expect("a name");
    let config = client(&twin).guest_config(&node, 3101, deadline()).await.expect("a configuration");
    let text = format!("{config:?}");
    assert_eq!((text.matches("vmbr9").count(), text.matches("vlandns").count()), (1, 0), "{text}");
}

#[tokio::test]
async fn faults_of_tags_and_networks_show_where_they_are() {
    let twin = twin();
    for fault in [
        TwinFault::TagMissing { host: "dns-edge-1".into(), tag: "role-edge".into() },
        TwinFault::TagExtra { host: "dns-edge-2".into(), tag: "a-stray".into() },
        TwinFault::SdnTag { vnet: "vminio".into(), tag: 141 },
        TwinFault::SdnPending { vnet: "vlandns".into() },
        TwinFault::NodeZoneState { node: "proxmox2".into(), zone: "zonedns".into(), state: "error".into() },
        TwinFault::QuorumLost,
    ] {
        twin.inject(fault).expect("it exists");
    }
    let client = client(&twin);
    let tags = |node: &str, vmid| {
        let node = node.parse().expect("a name");
        let client = &client;
        async move { client.guest_config(&node, vmid, deadline()).await.expect("a configuration").tags }
    };
    let joined = |tags: &dyn std::fmt::Debug| format!("{tags:?}");
    assert!(!joined(&tags("proxmox1", 3101).await).contains("role-edge"));
    assert!(joined(&tags("proxmox2", 3102).await).contains("a-stray"));
    let running = client.sdn_vnets(View::Running, deadline()).await.expect("vnets");
    let pending = client.sdn_vnets(View::Pending, deadline()).await.expect("vnets");
    assert!(running.iter().any(|vnet| vnet.vnet == "vminio" && vnet.tag == Some(141)));
    let changed: Vec<_> = pending.iter().filter(|vnet| vnet.state.as_deref() == Some("changed")).collect();
    assert_eq!(changed.iter().map(|vnet| vnet.vnet.as_str()).collect::<Vec<_>>(), ["vlandns"]);
    for (node, expected) in [("proxmox1", NodeZoneStatus::Available), ("proxmox2", NodeZoneStatus::Error)] {
        let zones = client.node_zones(&node.parse().expect("a name"), deadline()).await.expect("zones");
        let zone = zones.iter().find(|zone| zone.zone == "zonedns").expect("the zone");
        assert_eq!(zone.status, expected, "{node}");
    }
    assert_eq!(client.cluster_status(deadline()).await.expect("a status").quorate, Some(false));
}

#[tokio::test]
async fn certificates_and_tokens_that_are_wrong_are_refused() {
    let twin = twin();
    let version = || async { client(&twin).cluster_status(deadline()).await.map(|_| ()) };
    assert_eq!(version().await, Ok(()));
    for (fault, word) in
        [(TwinFault::CertificateExpired, "expired"), (TwinFault::CertificateForeign, "unknown issuer")]
    {
        twin.inject(fault.clone()).expect("it can be planted");
        let error = version().await.expect_err("the certificate does not verify");
        assert!(matches!(&error, WireError::Tls(why) if why.contains(word)), "{error}");
        twin.heal(&fault);
    }
    twin.inject(TwinFault::TokenUnknown).expect("it can be planted");
    assert_eq!(version().await, Err(WireError::Authentication("Authentication failed!".into())));
    twin.heal(&TwinFault::TokenUnknown);
    twin.inject(TwinFault::TokenWithoutRights).expect("it can be planted");
    assert_eq!(version().await, Err(WireError::Permission("Permission check failed (/, Sys.Audit)".into())));
    let client = client(&twin);
    assert_eq!(client.sdn_zones(View::Configured, deadline()).await.map(|zones| zones.len()), Ok(0));
    let config = client.guest_config(&"proxmox1".parse().expect("a name"), 3101, deadline()).await;
    let expected = "Permission check failed (/vms/3101, VM.Audit)";
    assert_eq!(config.map(|_| ()), Err(WireError::Permission(expected.into())));
    assert!(!client.permissions(deadline()).await.expect("permissions").holds("/", "Sys.Audit"));
}

#[tokio::test]
async fn the_cluster_answers_through_any_node() {
    let twin = twin();
    twin.inject(TwinFault::NodeOffline { node: "proxmox1".into() }).expect("it exists");
    let client = client(&twin);
    let status = client.cluster_status(deadline()).await.expect("the next node answers");
    let online: Vec<&str> =
        status.nodes.iter().filter(|node| node.online).map(|node| node.name.as_str()).collect();
    assert_eq!(online, ["proxmox2", "proxmox3"]);
    let gone = client.guest_config(&"proxmox1".parse().expect("a name"), 3101, deadline()).await;
    assert!(matches!(gone, Err(WireError::Unreachable(_))), "{gone:?}");
}

/// One request over a bare connection: status line, header fields in lower case, body.
async fn raw(method: &str, path: &str, token: Option<&str>) -> (String, String, Value) {
    let model = ProxmoxModel::from_site(&site(), &Secret::new(b"right".to_vec()));
    let (mut near, far) = tokio::io::duplex(1 << 20);
    let server = tokio::spawn(serve(far, "proxmox1", Arc::new(Mutex::new(model))));
    let field = token.map(|token| format!("Authorization: PVEAPIToken={token}\r\n")).unwrap_or_default();
    let request =
        format!("{method} /api2/json{path} HTTP/1.1\r\nHost: proxmox1\r\nConnection: close\r\n{field}\r\n");
    near.write_all(request.as_bytes()).await.expect("room in the buffer");
    let mut answer = String::new();
    near.read_to_string(&mut answer).await.expect("an answer");
    server.await.expect("no panic").expect("a good request");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let (status, fields) = head.split_once("\r\n").expect("header fields");
    (status.to_owned(), fields.to_lowercase(), serde_json::from_str(body).unwrap_or(Value::Null))
}

const RIGHT: &str = "terraform-prov@pve!fabric-token=right";

#[tokio::test]
async fn errors_are_in_the_reason_phrase_and_in_the_body() {
    let cases = [
        ("GET", "/nope", 501, "Method 'GET /nope' not implemented", ""),
        (
            "GET",
            "/nodes/proxmox1/lxc/999/config",
            500,
            "Configuration file 'nodes/proxmox1/lxc/999.conf' does not exist",
            "\n",
        ),
        (
            "GET",
            "/nodes/proxmox2/lxc/3101/config",
            500,
            "Configuration file 'nodes/proxmox2/lxc/3101.conf' does not exist",
            "\n",
        ),
        (
            "GET",
            "/nodes/nope/lxc",
            500,
            "hostname lookup 'nope' failed - failed to get address info for: nope: Temporary failure in name resolution",
            "\n",
        ),
        ("PUT", "/cluster/sdn", 403, "Permission check failed (/sdn, SDN.Allocate)", "\n"),
        ("POST", "/nodes/proxmox1/lxc/3101/status/start", 500, "CT 3101 already running", "\n"),
    ];
    for (method, path, status, reason, end) in cases {
        let (line, fields, body) = raw(method, path, Some(RIGHT)).await;
        assert_eq!(line, format!("HTTP/1.1 {status} {reason}"));
        assert_eq!(body, json!({"data": null, "message": format!("{reason}{end}")}));
        assert!(fields.contains("connection: close"), "{fields}");
    }
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    for (path, errors) in [
        ("/nodes/proxmox1/lxc/abc/config", json!({"vmid": "type check ('integer') failed - got 'abc'"})),
        ("/nodes/proxmox1/lxc/99/config", json!({"vmid": "value must have a minimum value of 100"})),
        (
            "/cluster/status?x=1",
            json!({"x": "property is not defined in schema and the schema does not allow additional properties"}),
        ),
    ] {
        let (line, _, body) = raw("GET", path, Some(RIGHT)).await;
        assert_eq!(line, "HTTP/1.1 400 Parameter verification failed.");
        let message = "Parameter verification failed.\n";
        assert_eq!(body, json!({"data": null, "errors": errors, "message": message}), "{path}");
    }
}

#[tokio::test]
async fn who_is_not_let_in_gets_no_body() {
    for (token, reason) in [
        (None, "No ticket"),
        (Some("terraform-prov@pve!fabric-token=wrong"), "Authentication failed!"),
        (Some("other@pve!token=right"), "Authentication failed!"),
    ] {
        let (line, fields, body) = raw("GET", "/nope", token).await;
        assert_eq!((line, body), (format!("HTTP/1.1 401 {reason}"), Value::Null));
        assert!(fields.contains("connection: close") && !fields.contains("content-type"), "{fields}");
    }
}

#[tokio::test]
async fn a_good_answer_has_the_real_header_fields_and_shapes() {
    let (line, fields, body) = raw("GET", "/cluster/sdn/vnets/vlandns/subnets", Some(RIGHT)).await;
    assert_eq!(line, "HTTP/1.1 200 OK");
    for field in [
        "server: pve-api-daemon/3.0",
        "content-type: application/json;charset=utf-8",
        "cache-control: max-age=0",
        "pragma: no-cache",
    ] {
        assert!(fields.contains(field), "{field} in {fields}");
    }
    let subnet = body.pointer("/data/0").expect("one subnet");
    assert_eq!(subnet.get("mask"), Some(&json!("24")), "a string, as the real API gives it");
    assert_eq!(subnet.get("subnet"), Some(&json!("zonedns-10.10.100.0-24")));
    let (_, _, body) = raw("GET", "/nodes/proxmox1/lxc/3101/config", Some(RIGHT)).await;
    let config = body.get("data").expect("data");
    assert_eq!(config.get("tags"), Some(&json!("env-infra;golden-v4;plane-dns;role-edge")));
    let net0 =
        "name=eth0,bridge=vmbr0,gw=192.168.11.1,hwaddr=BC:24:11:AD:49:A1,ip=192.168.11.111/24,type=veth";
    assert_eq!(config.get("net0"), Some(&json!(net0)));
    let (_, _, body) = raw("GET", "/nodes/proxmox1/lxc", Some(RIGHT)).await;
    let all = body.pointer("/data").and_then(Value::as_array).expect("a list");
    assert!(all.iter().all(|guest| guest.get("status") == Some(&json!("running"))));
}
