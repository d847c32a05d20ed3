//! What runs on a host.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommandOutput;
use super::command::name::PROCESSES;
use super::output::garbage;
use crate::error::WireError;

/// A process. Its arguments are never read: they may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The number of its parent.
    pub parent: u32,
    /// The account that it runs as.
    pub user: String,
    /// Seconds since it was started.
    pub age_s: u64,
    /// The name of its executable, as the kernel keeps it: at most 15 bytes.
    pub name: String,
}

/// Reads the output of [`super::ReadCommand::Processes`], in the order of their numbers.
///
/// # Errors
/// [`WireError::Command`] when `ps` fails, [`WireError::Garbage`] when a line has other fields than were asked for.
pub fn processes(output: &CommandOutput) -> Result<Vec<Process>, WireError> {
    let processes: Option<Vec<Process>> = output.text(PROCESSES)?.lines().map(process).collect();
    let mut processes = processes
        .filter(|processes| !processes.is_empty())
        .ok_or_else(|| garbage(PROCESSES, "it is not a list of processes"))?;
    processes.sort_unstable_by_key(|process| process.pid);
    Ok(processes)
}

fn process(line: &str) -> Option<Process> {
    let mut rest = line;
    let mut word = || {
        let text = rest.trim_start_matches(' ');
        let (word, behind) = text.split_once(' ')?;
        rest = behind;
        Some(word)
    };
    let (pid, parent, user, age) = (word()?, word()?, word()?, word()?);
    // The name comes last because it may have spaces.
    let name = rest.trim();
    let plain = !name.is_empty() && !name.contains(char::is_control);
    let process = Process {
        pid: pid.parse().ok()?,
        parent: parent.parse().ok()?,
        user: user.to_owned(),
        age_s: age.parse().ok()?,
        name: name.to_owned(),
    };
    plain.then_some(process)
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::printed;
    use super::*;

    #[test]
    fn a_name_may_have_spaces() {
        let found =
            processes(&printed("  12     1 root        90 a b\n    1     0 root      1000 systemd\n"));
        let found = found.expect("processes");
        assert_eq!(
            found.iter().map(|one| (one.pid, one.name.as_str())).collect::<Vec<_>>(),
            [(1, "systemd"), (12, "a b")]
        );
        assert_eq!((found[1].parent, found[1].age_s), (1, 90));
    }

    #[test]
    fn a_line_that_is_no_process_is_garbage() {
        for bad in ["", "1 0 root 5\n", "x 0 root 5 a\n", "1 0 root -5 a\n", "1 0 root 5  \n", "it works\n"] {
            assert!(matches!(processes(&printed(bad)), Err(WireError::Garbage(_))), "{bad:?}");
        }
    }
}
