//! `--record-grants`: the smallest declaration and the smallest grant that a run used, read from its sealed packet.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use fabric_evidence::RunHead;
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_model::site::{Realm, Site};
use fabric_runtime::Refusal;

use super::used::{self, Resources, Used};

/// Whether the file can be written: nothing is overwritten, because what stands there may have been reviewed.
///
/// # Errors
/// Exit 3 where there is a file.
pub(super) fn check_place(file: &Path) -> Result<(), Refusal> {
    if file.exists() { Err(taken(file)) } else { Ok(()) }
}

/// Writes what the run of this packet used. Gives the number of primitives.
///
/// # Errors
/// When the packet cannot be read or the file not be written.
pub(super) fn write(packet: &Path, site: &Site, file: &Path) -> Result<usize, Refusal> {
    let (head, used) = used::by(packet)?;
    write_new(file, &rendered(&head, site, &used))?;
    Ok(used.granted.len())
}

/// Writes a file that is not there yet.
///
/// # Errors
/// As [`check_place`], and when it cannot be written.
pub(super) fn write_new(file: &Path, text: &str) -> Result<(), Refusal> {
    let written = OpenOptions::new().write(true).create_new(true).open(file);
    written.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => taken(file),
        _ => Refusal::new(Exit::Configuration, format!("{} cannot be written: {error}", file.display())),
    })
}

fn taken(file: &Path) -> Refusal {
    Refusal::new(Exit::Configuration, format!("{} exists and would be lost", file.display()))
        .hint("Name another file, or remove this one.")
}

fn rendered(head: &RunHead, site: &Site, used: &Used) -> String {
    let mut out = String::new();
    let script = &head.script.path;
    let (mode, act) = (head.mode.as_str(), head.act.as_str());
    // Writing to a text never fails.
    let _ = writeln!(
        out,
        "# What {script} asked for (mode {mode}, {act}), and nothing else. Review it: a run takes one way through a script, and\n\
         # what stands on another way is not here.\n\n\
         # The declaration: in the header of the script, each line behind the comment mark.\n[needs]"
    );
    lines(&mut out, &used.granted);
    for (environment, resources) in used.by_environment(head, site) {
        let name = rule_name(script, &environment);
        let roles: Vec<String> =
            head.principal.roles.iter().map(|role| format!("{:?}", role.as_str())).collect();
        let _ = writeln!(
            out,
            "\n# The grant: in policy.toml.\n[[allow]]\nname = \"{name}\"\nenvironments = [\"{environment}\"]\nroles = [{}]\n\n\
             [allow.primitives]",
            roles.join(", ")
        );
        lines(&mut out, &resources);
    }
    if !used.denied.is_empty() {
        let _ = writeln!(out, "\n# Denied in this run, and granted by none of the lines above:");
        for (primitive, resource, code) in &used.denied {
            let _ = writeln!(out, "#   {primitive} on {resource} [{code}]");
        }
    }
    out
}

/// One resource to a line, so that a review sees each come and go.
fn lines(out: &mut String, resources: &Resources) {
    for (primitive, resources) in resources {
        let _ = writeln!(out, "\"{primitive}\" = [");
        for resource in resources {
            let _ = writeln!(out, "  \"{resource}\",");
        }
        let _ = writeln!(out, "]");
    }
}

/// `dns-twin` for `acceptance/dns.rhai` on the twin.
fn rule_name(script: &str, environment: &Slug) -> String {
    let stem = Path::new(script).file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let stem: String = stem.chars().map(plain).collect();
    format!("{}-{environment}", stem.trim_matches('-'))
}

/// Whether the grants are worth a word about the real site: those of a stand-in name its environment.
pub(super) fn hint(realm: Realm) -> Option<&'static str> {
    match realm {
        Realm::Real => None,
        Realm::Lab | Realm::Twin => {
            Some("the grants are for the stand-in that was asked; on the site itself, name its environments")
        }
    }
}
