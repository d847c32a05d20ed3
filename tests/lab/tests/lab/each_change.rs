//! One small operation for each changing primitive, and a policy that lets it through.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::operator::{Operator, Script};

/// A changing primitive, the resource that it needs, and a call that has something to do.
struct Change {
    script: &'static str,
    primitive: &'static str,
    resource: &'static str,
    arguments: &'static str,
}

const fn change(
    script: &'static str,
    primitive: &'static str,
    resource: &'static str,
    arguments: &'static str,
) -> Change {
    Change { script, primitive, resource, arguments }
}

const CHANGES: [Change; 11] = [
    change(
        "change-file-put",
        "file.put",
        "file:dns-edge-1/etc/fabric-lab-test",
        r#"host: "dns-edge-1", path: "/etc/fabric-lab-test", content: "written\n""#,
    ),
    change(
        "change-link-down",
        "link.down",
        "host:dns-edge-1/eth0",
        r#"host: "dns-edge-1", interface: "eth0""#,
    ),
    change("change-link-up", "link.up", "host:dns-edge-1/eth0", r#"host: "dns-edge-1", interface: "eth0""#),
    change(
        "change-nft-apply",
        "nft.apply",
        "host:dns-edge-1/ruleset",
        r#"host: "dns-edge-1", control: ["192.168.11.10"], ruleset: #{ tables: [#{ family: "inet", name: "fabric_lab_test", chains: [] }] }"#,
    ),
    change("change-guest-start", "proxmox.guest_start", "guest:dns-edge-1", r#"guest: "dns-edge-1""#),
    change("change-guest-stop", "proxmox.guest_stop", "guest:dns-edge-1", r#"guest: "dns-edge-1""#),
    change(
        "change-sysctl-set",
        "sysctl.set",
        "host:dns-edge-1/net.ipv4.ip_forward",
        r#"host: "dns-edge-1", key: "net.ipv4.ip_forward", value: "0""#,
    ),
    change(
        "change-unit-kill",
        "unit.kill",
        "host:dns-edge-1/keepalived",
        r#"host: "dns-edge-1", unit: "keepalived", signal: "KILL""#,
    ),
    change(
        "change-unit-restart",
        "unit.restart",
        "host:dns-edge-1/dnsdist",
        r#"host: "dns-edge-1", unit: "dnsdist""#,
    ),
    change(
        "change-unit-start",
        "unit.start",
        "host:dns-edge-1/keepalived",
        r#"host: "dns-edge-1", unit: "keepalived""#,
    ),
    change(
        "change-unit-stop",
        "unit.stop",
        "host:dns-edge-1/keepalived",
        r#"host: "dns-edge-1", unit: "keepalived""#,
    ),
];

/// Puts the operations into the operator's project, with a rule that grants them. A changing primitive that has none is an error.
pub(crate) fn operations(operator: &Operator<'_>) -> Vec<Script> {
    let listed: Value =
        serde_json::from_str(&operator.ok(&["list", "primitives", "--output", "json"])).expect("JSON");
    let entries = listed.pointer("/entries").and_then(Value::as_array).expect("a list");
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap_or_default().to_owned();
    let changing: BTreeSet<String> = entries
        .iter()
        .filter(|entry| text(entry, "reach") != "observe")
        .map(|entry| text(entry, "name"))
        .collect();
    let known: BTreeSet<String> = CHANGES.iter().map(|change| change.primitive.to_owned()).collect();
    assert_eq!(changing, known);
    let mut rule = "\n[[allow]]\nname = \"each-change\"\nenvironments = [\"lab\"]\nroles = [\"site-dev\"]\n\n[allow.primitives]\n".to_owned();
    for Change { script, primitive, resource, arguments } in &CHANGES {
        rule += &format!("\"{primitive}\" = [\"{resource}\"]\n");
        let text = format!(
            "// /// fabric\n// title = \"One change\"\n// kind = \"operation\"\n// reach = \"change\"\n//\n// [needs]\n\
             // \"{primitive}\" = [\"{resource}\"]\n// ///\n\n{}(#{{ {arguments} }});\n",
            primitive.replace('.', "::")
        );
        fs::write(operator.project.join(format!("gamedays/{script}.rhai")), text).expect("it can be written");
    }
    let policy = operator.project.join("policy.toml");
    let granted = fs::read_to_string(&policy).expect("the policy") + &rule;
    fs::write(&policy, granted).expect("the policy can be written");
    CHANGES.iter().map(|change| Script { name: change.script, params: &[] }).collect()
}
