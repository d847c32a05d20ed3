//! Which of our crates may use which: arrows point down only (docs/ARCHITECTURE.md).

use crate::graph::Graph;

/// An edge between two of our crates, and why it is there.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// Who uses.
    pub from: &'static str,
    /// Who is used.
    pub to: &'static str,
    /// `true` where only tests may.
    pub dev: bool,
    /// What for.
    pub reason: &'static str,
}

const fn uses(from: &'static str, to: &'static str, reason: &'static str) -> Edge {
    Edge { from, to, dev: false, reason }
}

const fn tests_with(from: &'static str, to: &'static str, reason: &'static str) -> Edge {
    Edge { from, to, dev: true, reason }
}

/// Every edge there is. One that is missing here is refused; one that no manifest has any more is stale and goes.
pub const EDGES: &[Edge] = &[
    uses("fabric", "fabric-evidence", "verifies packets and makes site keys"),
    uses("fabric", "fabric-gate", "explains policy files"),
    uses("fabric", "fabric-model", "prints faults, checks and exit codes"),
    uses("fabric", "fabric-primitives", "lists primitives and prints their schemas"),
    uses("fabric", "fabric-redact", "tells what a scan found"),
    uses("fabric", "fabric-runtime", "starts runs"),
    uses("fabric", "fabric-script", "is the worker's executable, and checks scripts without running them"),
    uses("fabric", "fabric-twin", "makes the twin of a rehearsal and plants its faults"),
    uses("fabric-bench", "fabric-connect", "measures the real SSH client"),
    uses("fabric-bench", "fabric-evidence", "measures the journal and the digest of a plan"),
    uses("fabric-bench", "fabric-gate", "measures what a change asks"),
    uses("fabric-bench", "fabric-model", "builds intents, plans and frames"),
    uses("fabric-bench", "fabric-script", "measures the lock-down of a worker"),
    uses("fabric-bench", "fabric-wire", "speaks of the hosts that it measures"),
    tests_with("fabric-connect", "fabric-twin", "a real S3 server passes the cases that the twin passes"),
    uses("fabric-connect", "fabric-wire", "implements the seams"),
    uses("fabric-evidence", "fabric-model", "seals faults, values and outcomes"),
    uses("fabric-evidence", "fabric-redact", "scans what it is about to seal"),
    uses("fabric-fuzz", "fabric-connect", "throws lines at the reader of pinned host keys"),
    uses(
        "fabric-fuzz",
        "fabric-evidence",
        "throws bytes at the readers of journals, plans, packets and trust files",
    ),
    uses("fabric-fuzz", "fabric-gate", "throws texts at the readers of policies and patterns"),
    uses("fabric-fuzz", "fabric-model", "throws frames at both ends of the door"),
    uses("fabric-fuzz", "fabric-primitives", "lints scripts against the primitives that exist"),
    uses("fabric-fuzz", "fabric-redact", "throws texts with secrets in them at the redactor"),
    uses("fabric-fuzz", "fabric-runtime", "throws texts at the reader of site files"),
    uses("fabric-fuzz", "fabric-script", "throws scripts at what reads them before they run"),
    uses("fabric-fuzz", "fabric-wire", "throws answers at the clients"),
    uses("fabric-gate", "fabric-model", "decides over names, resources and classes; no I/O is in reach"),
    tests_with("fabric-lab", "fabric-connect", "the real seams pass the cases that the twin passes"),
    uses("fabric-lab", "fabric-model", "builds the site that the site file describes"),
    uses("fabric-lab", "fabric-twin", "serves the twin's Proxmox beside the real containers"),
    uses("fabric-lab", "fabric-wire", "speaks the twin's streams"),
    uses("fabric-primitives", "fabric-gate", "acts on what is granted, and on nothing else"),
    uses("fabric-primitives", "fabric-model", "speaks of resources, values and faults"),
    uses("fabric-primitives", "fabric-wire", "observes through the seams"),
    tests_with("fabric-primitives", "fabric-twin", "the generic suite runs every primitive on the twin"),
    uses("fabric-runtime", "fabric-connect", "hands the real seams to a run"),
    uses("fabric-runtime", "fabric-evidence", "records and seals the run"),
    uses("fabric-runtime", "fabric-gate", "asks before anything is done"),
    uses("fabric-runtime", "fabric-model", "speaks with the worker over the door"),
    uses("fabric-runtime", "fabric-primitives", "calls what the script asks for"),
    uses("fabric-redact", "fabric-model", "redacts values, faults and verdicts"),
    uses(
        "fabric-runtime",
        "fabric-redact",
        "tells the redactor what it resolves, and lets everything through it",
    ),
    uses("fabric-runtime", "fabric-script", "reads the script's header before it starts the worker"),
    uses("fabric-runtime", "fabric-twin", "hands the twin's seams to a rehearsal"),
    uses("fabric-runtime", "fabric-wire", "carries the seams from one to the other"),
    uses("fabric-script", "fabric-model", "turns script values into ours"),
    uses("fabric-twin", "fabric-model", "plays the site that the site file describes"),
    uses("fabric-twin", "fabric-wire", "implements the seams"),
    uses("fabric-verify", "fabric-evidence", "verifies packets"),
    uses("fabric-verify", "fabric-model", "exits with our codes"),
    uses("fabric-wire", "fabric-model", "turns failures of the wire into faults"),
];

/// Edges that the table lacks, rows that nothing uses, and edges that tests alone should have.
pub fn edges(graph: &Graph, table: &[Edge]) -> Vec<String> {
    let own = graph.links.iter().filter(|link| graph.is_own(&link.from) && graph.is_own(&link.to));
    let mut found: Vec<String> = own
        .filter(|link| {
            !table
                .iter()
                .any(|edge| (edge.from, edge.to) == (&link.from, &link.to) && (link.dev || !edge.dev))
        })
        .map(|link| format!("`{}` uses `{}`, and no row of the table of edges allows it", link.from, link.to))
        .collect();
    let stale = table.iter().filter(|edge| {
        !graph.links.iter().any(|link| (edge.from, edge.to, edge.dev) == (&link.from, &link.to, link.dev))
    });
    found.extend(stale.map(|edge| {
        let kind = if edge.dev { "its tests use" } else { "it uses" };
        format!(
            "the row that `{}` may use `{}` is stale: no manifest says that {kind} it",
            edge.from, edge.to
        )
    }));
    found
}
