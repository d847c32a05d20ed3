//! What of the nodes a GameDay must leave as it found it: units, rulesets, kernel parameters, files, links and addresses. Looked at from
//! inside the nodes, not through fabric.

use fabric_model::Digest;
use fabric_model::site::Host;
use serde::Serialize;

use crate::container;
use crate::converge::Plane;
use crate::error::LabError;
use crate::node;
use crate::program::run_with_input;

/// The plane as it is.
#[derive(Debug, Serialize)]
struct Standing {
    /// Over all lines.
    digest: Digest,
    /// Each begins with the node and with what it is about. What fabric leaves on a node would be a line about `left`.
    lines: Vec<String>,
}

/// Prints the digest and the lines behind it.
pub(crate) fn show(plane: &Plane<'_>, json: bool) -> Result<(), LabError> {
    let mut lines = Vec::new();
    for (name, host) in node::hosts(plane.site) {
        let seen = look(plane, name, host)?;
        lines.extend(seen.lines().filter(|line| !line.is_empty()).map(|line| format!("{name} {line}")));
    }
    let digest = Digest::of(lines.join("\n").as_bytes());
    if json {
        let standing = Standing { digest, lines };
        let text =
            serde_json::to_string_pretty(&standing).map_err(|error| LabError::Usage(error.to_string()))?;
        println!("{text}");
    } else {
        lines.iter().for_each(|line| println!("{line}"));
        println!("{digest}");
    }
    Ok(())
}

/// One shell for all of it: a node without power is one line.
fn look(plane: &Plane<'_>, name: &str, host: &Host) -> Result<String, LabError> {
    if !plane.grid().is_on(name) {
        return Ok("power off".to_owned());
    }
    let units: Vec<&str> = host.units.keys().map(|unit| unit.as_str()).collect();
    let keys: Vec<&str> = host.sysctl.keys().map(|key| key.as_str()).collect();
    let mut script = SCRIPT.replace("UNITS", &units.join(" ")).replace("KEYS", &keys.join(" "));
    script.push('\n');
    let mut argv = container::enter(plane.place, plane.cgroups, name)?;
    argv.extend(["bash", "-eu", "-s"].map(str::to_owned));
    run_with_input(&argv, &script)
}

/// Counters and handles are not part of a stateless ruleset, the numbers of interfaces not part of brief links. Addresses come in
/// no order of their own.
const SCRIPT: &str = r#"
for unit in UNITS; do
  echo "unit $unit $(systemctl show --value --property=LoadState,ActiveState,UnitFileState "$unit" | tr '\n' ' ')"
done
nft --stateless list ruleset | sed 's/^/ruleset /'
for key in KEYS; do echo "sysctl $key $(sysctl --values "$key")"; done
find /etc -type f -print0 | sort -z | xargs -0 sha256sum | sed 's/^/file /'
find /etc -type f -printf 'mode %m %u %g %p\n' | sort
ip -brief link | sed 's/@[^ ]*//' | sed 's/^/link /'
ip -oneline address | sed 's/^[0-9]*: //; s/ *valid_lft.*//' | tr -s ' ' | sort | sed 's/^/address /'
systemctl list-units --all --plain --no-legend 'fabric-*' | sed 's/^/left /'
find /run /tmp /etc /var/lib -xdev '(' -name 'fabric-*' -o -name '.fabric-*' ')' | sort | sed 's/^/left /'
"#;
