//! What the site's policy comes to, as a committed table that a reviewer reads instead of the rules.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use fabric_gate::{Gate, Needs, Pattern, Policy, Principal};
use fabric_model::{Class, Fault, PrimitiveName, Resource};

const POLICY: &str = include_str!("../../../policy.toml");
const MATRIX: &str = include_str!("../../../tests/authority-matrix.txt");

/// What the table asks: of each primitive, resources that it is meant for and such that it is not.
const PROBES: &[(&str, &[&str])] = &[
    (
        "dns.query",
        &[
            "vip:dns",
            "host:dns-auth-1",
            "host:dns-edge-1",
            "host:dns-edge-1/eth0",
            "host:minio-1",
            "host:vault-1",
            "via:dns-edge-1",
            "via:minio-edge-1",
            "addr:8.8.8.8",
            "name:example.com",
        ],
    ),
    ("dns.transfer", &["vip:dns", "host:dns-auth-2", "host:dns-edge-1", "via:dns-edge-2"]),
    (
        "evidence.packets",
        &[
            "packet:acceptance/dns.rhai",
            "packet:packets/drift.rhai",
            "packet:scripts/x.rhai",
            "packet:acceptance",
        ],
    ),
    ("evidence.trust", &["packet:trust"]),
    (
        "file.digest",
        &[
            "file:dns-edge-1/etc/passwd",
            "file:dns-edge-1/etc/ssh/sshd_config",
            "file:dns-edge-1/etc/ssh/ssh_host_ed25519_key",
            "file:dns-edge-1/root/.ssh/authorized_keys",
            "file:minio-1/etc/passwd",
            "file:vault-1/etc/passwd",
        ],
    ),
    (
        "file.put",
        &[
            "file:dns-edge-1/etc/keepalived/keepalived.conf",
            "file:dns-auth-1/etc/shadow",
            "file:minio-1/etc/hosts",
            "file:vault-1/etc/hosts",
            "host:dns-edge-1",
        ],
    ),
    ("host.accounts", &["host:dns-edge-1", "host:vault-1"]),
    ("host.addresses", &["host:dns-edge-1", "host:dns-auth-1", "host:minio-1", "guest:dns-edge-1"]),
    ("host.clock", &["host:dns-edge-1", "host:vault-1"]),
    ("host.identity", &["host:dns-edge-1", "host:minio-1"]),
    ("host.packages", &["host:dns-auth-1", "host:vault-1"]),
    ("host.processes", &["host:dns-auth-1", "host:vault-1"]),
    ("host.routes", &["host:dns-auth-1", "host:minio-1"]),
    ("host.sockets", &["host:dns-auth-1", "host:vault-1"]),
    (
        "host.sysctl",
        &[
            "host:dns-edge-1",
            "host:dns-edge-1/net.ipv4.ip_forward",
            "host:dns-edge-1/kernel.core_pattern",
            "host:minio-1/net.ipv4.ip_forward",
        ],
    ),
    (
        "http.get",
        &[
            "vip:dns",
            "host:vault-1",
            "host:vault-1/eth0",
            "name:example.com",
            "addr:169.254.169.254",
            "name:169.254.169.254",
            "via:dns-edge-1",
        ],
    ),
    (
        "http.head",
        &["vip:minio", "host:minio-1", "name:example.com", "addr:127.0.0.1", "addr:::ffff:127.0.0.1"],
    ),
    (
        "link.down",
        &["host:dns-edge-1/eth0", "host:dns-edge-1/eth1", "host:dns-auth-1/eth0", "host:ntp-1/eth0"],
    ),
    ("link.up", &["host:dns-edge-1/eth0", "host:vault-1/eth0"]),
    ("minio.health", &["s3:minio", "s3:minio/samakia-tfstate", "vip:minio"]),
    (
        "nft.apply",
        &[
            "host:dns-edge-1/ruleset",
            "host:dns-edge-1/lockout",
            "host:dns-edge-1",
            "host:dns-auth-1/ruleset",
            "host:vault-1/ruleset",
        ],
    ),
    ("nft.ruleset", &["host:dns-edge-1", "host:dns-edge-1/nat", "host:minio-edge-1"]),
    (
        "project.digest",
        &[
            "project:compliance/baseline.json",
            "project:acceptance/dns.rhai",
            "project:docs/guards.md",
            "project:compliance",
        ],
    ),
    ("project.files", &["project:markers", "project:markers/x.md", "project:compliance"]),
    (
        "project.text",
        &[
            "project:compliance/baseline.json",
            "project:markers/DNS_ACCEPTED.md",
            "project:acceptance/dns.rhai",
            "project:secrets/x",
        ],
    ),
    ("proxmox.cluster_status", &["cluster:samakia", "cluster:other", "node:proxmox1"]),
    ("proxmox.guest_config", &["guest:dns-edge-1", "guest:vault-1", "host:dns-edge-1"]),
    ("proxmox.guest_interfaces", &["guest:dns-edge-1"]),
    ("proxmox.guest_start", &["guest:dns-edge-1", "guest:vault-1"]),
    ("proxmox.guest_status", &["guest:dns-edge-1", "node:proxmox1"]),
    (
        "proxmox.guest_stop",
        &["guest:dns-edge-1", "guest:dns-auth-1", "guest:ntp-1", "guest:vault-1", "node:proxmox1"],
    ),
    ("proxmox.node_zones", &["node:proxmox1", "cluster:samakia"]),
    ("proxmox.permissions", &["cluster:samakia"]),
    ("proxmox.sdn_subnets", &["cluster:samakia"]),
    ("proxmox.sdn_vnets", &["cluster:samakia"]),
    ("proxmox.sdn_zones", &["cluster:samakia"]),
    ("s3.anonymous", &["s3:minio/samakia-tfstate/", "s3:minio/samakia-tfstate/a"]),
    ("s3.buckets", &["s3:minio", "s3:other"]),
    ("s3.get", &["s3:minio/samakia-tfstate/samakia-fabric/samakia-dns/terraform.tfstate"]),
    (
        "s3.head",
        &[
            "s3:minio/samakia-tfstate/samakia-fabric/samakia-dns/terraform.tfstate",
            "s3:minio/samakia-tfstate/samakia-fabric/%2E%2E/other.tfstate",
            "s3:minio/samakia-tfstate/samakia-fabric/a/b/terraform.tfstate",
            "s3:minio/other-bucket/samakia-fabric/samakia-dns/terraform.tfstate",
        ],
    ),
    ("s3.lock_settings", &["s3:minio/samakia-tfstate", "s3:minio/other-bucket"]),
    (
        "s3.objects",
        &[
            "s3:minio/samakia-tfstate/samakia-fabric/",
            "s3:minio/samakia-tfstate/",
            "s3:minio/samakia-tfstate/samakia-fabric/a/",
        ],
    ),
    ("s3.policy", &["s3:minio/samakia-tfstate"]),
    ("s3.retention", &["s3:minio/samakia-tfstate/samakia-fabric/samakia-dns/terraform.tfstate"]),
    ("s3.versions", &["s3:minio/samakia-tfstate/samakia-fabric/", "s3:minio/samakia-tfstate/"]),
    (
        "ssh.auth",
        &[
            "host:dns-edge-1/samakia",
            "host:dns-edge-1/root",
            "host:dns-edge-1/admin",
            "host:dns-edge-1",
            "host:vault-1/root",
        ],
    ),
    ("ssh.forward", &["host:dns-edge-1", "host:minio-edge-1"]),
    (
        "sysctl.set",
        &["host:dns-edge-1/net.ipv4.ip_forward", "host:dns-edge-1", "host:vault-1/net.ipv4.ip_forward"],
    ),
    (
        "tcp.connect",
        &[
            "vip:dns",
            "vip:vault",
            "host:dns-edge-1",
            "host:dns-edge-1/eth0",
            "host:vault-1",
            "host:vault-1/eth0",
            "name:example.com",
            "via:dns-auth-1",
            "via:vault-1",
            "addr:10.10.100.21",
            "addr:169.254.169.254",
            "addr:64:ff9b::a9fe:a9fe",
        ],
    ),
    ("tls.handshake", &["vip:dns", "node:proxmox1", "host:dns-edge-1", "host:vault-1", "name:example.com"]),
    (
        "unit.kill",
        &[
            "host:dns-edge-1/keepalived",
            "host:dns-edge-1/dnsdist",
            "host:dns-edge-1/ssh",
            "host:ntp-1/keepalived",
            "host:vault-1/vault",
        ],
    ),
    (
        "unit.restart",
        &[
            "host:dns-edge-1/dnsdist",
            "host:dns-edge-1/keepalived",
            "host:dns-auth-1/pdns",
            "host:obs-1/grafana-server",
            "host:obs-1",
            "host:vault-1/vault",
        ],
    ),
    ("unit.start", &["host:dns-edge-1/keepalived", "host:ntp-1/keepalived", "host:vault-1/vault"]),
    (
        "unit.state",
        &[
            "host:dns-edge-1/keepalived",
            "host:dns-edge-1/dnsdist",
            "host:dns-auth-1/pdns",
            "host:dns-edge-1/sshd",
            "host:dns-edge-1",
            "host:minio-edge-1/keepalived",
            "host:vault-1/ssh",
        ],
    ),
    (
        "unit.stop",
        &[
            "host:dns-edge-1/keepalived",
            "host:dns-edge-1/dnsdist",
            "host:dns-edge-1/ssh",
            "host:dns-edge-1",
            "host:dns-auth-1/pdns",
            "host:ntp-1/keepalived",
            "host:vault-1/keepalived",
            "host:vault-1/vault",
        ],
    ),
    ("vip.holder", &["vip:dns", "vip:dns-gateway", "vip:observability", "vip:vault", "host:dns-edge-1"]),
];

/// What of that changes something. Nothing of it is `destroy`.
const CHANGING: &[&str] = &[
    "file.put",
    "link.down",
    "link.up",
    "nft.apply",
    "proxmox.guest_start",
    "proxmox.guest_stop",
    "sysctl.set",
    "unit.kill",
    "unit.restart",
    "unit.start",
    "unit.stop",
];

const ENVIRONMENTS: &[&str] = &["lab", "twin", "samakia", "samakia-dns", "samakia-prod"];
const ROLES: &[&str] = &["operator", "site-dev", "auditor", "nobody"];

/// The table as the policy says it: of one primitive and resource, the environments and roles with the same answer share a row.
fn matrix(policy: &Policy) -> String {
    let mut text = String::from(HEADER);
    for (primitive, resources) in PROBES {
        for resource in *resources {
            let mut rows: Vec<(String, String, Vec<&str>)> = Vec::new();
            for environment in ENVIRONMENTS {
                let mut answers: Vec<(String, Vec<&str>)> = Vec::new();
                for role in ROLES {
                    let answer = answer(policy, primitive, resource, environment, role);
                    match answers.iter_mut().find(|(known, _)| *known == answer) {
                        Some((_, roles)) => roles.push(role),
                        None => answers.push((answer, vec![role])),
                    }
                }
                for (answer, roles) in answers {
                    let roles = roles.join(",");
                    match rows.iter_mut().find(|(a, r, _)| (a, r) == (&answer, &roles)) {
                        Some((.., environments)) => environments.push(environment),
                        None => rows.push((answer, roles, vec![environment])),
                    }
                }
            }
            for (answer, roles, environments) in rows {
                let environments = environments.join(",");
                writeln!(text, "{primitive:24} {resource:36} {environments:33} {roles:32} {answer}")
                    .expect("a string takes all");
            }
        }
    }
    text
}

const HEADER: &str = "\
# What policy.toml comes to. A test computes this table and compares it with this file: change the two together.
# The script is taken to declare everything, so each answer is the policy's alone.
# primitive, resource, environments, roles, answer (and the rule)
";

fn answer(policy: &Policy, primitive: &str, resource: &str, environment: &str, role: &str) -> String {
    let class = if CHANGING.contains(&primitive) { Class::Change } else { Class::Observe };
    let primitive: PrimitiveName = primitive.parse().expect("a primitive");
    let resource: Resource = resource.parse().expect("a resource");
    let needs = Needs::new("s", class, vec![(primitive.clone(), Pattern::from(&resource), 1)]);
    let roles = if role == "nobody" { vec![] } else { vec![role.parse().expect("a role")] };
    let gate = Gate::new(policy.clone(), needs, Principal { fingerprint: "F".into(), roles });
    let environment = environment.parse().expect("an environment");
    match gate.request(&primitive, class, resource, &environment) {
        Ok(granted) => format!("allow ({})", granted.rule().name),
        Err(Fault { hints, .. }) => {
            match hints.iter().find_map(|hint| hint.strip_prefix("Rule `")?.split_once('`')) {
                Some((rule, _)) => format!("deny ({rule})"),
                None => "deny".to_owned(),
            }
        }
    }
}

/// Lines that only one of the two has, `-` for the committed table and `+` for the policy.
fn difference(committed: &str, computed: &str) -> Vec<String> {
    let (old, new): (BTreeSet<&str>, BTreeSet<&str>) =
        (committed.lines().collect(), computed.lines().collect());
    let gone = committed.lines().filter(|line| !new.contains(line)).map(|line| format!("- {line}"));
    gone.chain(computed.lines().filter(|line| !old.contains(line)).map(|line| format!("+ {line}"))).collect()
}

fn policy(text: &str) -> Policy {
    Policy::parse("policy.toml", text).expect("the site's policy has no errors")
}

#[test]
fn the_committed_authority_matrix_is_what_the_policy_says() {
    let computed = matrix(&policy(POLICY));
    let difference = difference(MATRIX, &computed);
    assert!(
        difference.is_empty(),
        "tests/authority-matrix.txt (-) is not what policy.toml says (+):\n{}\n",
        difference.join("\n")
    );
    assert_eq!(MATRIX, computed, "tests/authority-matrix.txt has its lines in another order");
}

#[test]
fn a_wider_grant_and_a_lost_denial_show_in_the_matrix() {
    let committed = matrix(&policy(POLICY));
    for (from, to, row) in [
        ("\"host:dns-*/samakia\"", "\"host:dns-*/*\"", "+ ssh.auth                 host:dns-edge-1/admin"),
        ("\"host:vault-*\", ", "", "+ tcp.connect              host:vault-1 "),
        ("\"tcp.*\" = [\"vip:vault\"]\n", "", "+ tcp.connect              vip:vault "),
        (", \"guest:vault-*\"", "", "+ proxmox.guest_config     guest:vault-1 "),
        (
            "\"s3:minio/samakia-tfstate/samakia-fabric/\"]",
            "\"s3:minio/samakia-tfstate/\"]",
            "+ s3.objects               s3:minio/samakia-tfstate/ ",
        ),
        ("\"vip:dns*\"", "\"vip:*\"", "+ http.head                vip:minio "),
        ("\"samakia-dns\"]", "\"*\"]", "+ dns.query                vip:dns "),
        ("\"127.0.0.0/8\", ", "", "+ http.head                addr:127.0.0.1 "),
        ("\"host:dns-edge-*/eth0\"", "\"host:*/eth0\"", "+ link.down                host:ntp-1/eth0 "),
        (
            "\"unit.kill\" = [",
            "\"file.put\" = [\"file:dns-*/*/*\"]\n\"unit.kill\" = [",
            "+ file.put                 file:dns-auth-1/etc/shadow ",
        ),
        ("\"host:*/keepalived\"", "\"host:*/*\"", "+ unit.stop                host:dns-auth-1/pdns "),
        (
            "environments = [\"twin\"]",
            "environments = [\"twin\", \"samakia-prod\"]",
            "+ unit.restart             host:obs-1/grafana-server ",
        ),
    ] {
        assert!(POLICY.contains(from), "{from}");
        let spoilt = matrix(&policy(&POLICY.replace(from, to)));
        let difference = difference(&committed, &spoilt);
        assert!(difference.iter().any(|line| line.starts_with(row)), "{row}: {difference:#?}");
    }
}
