//! What a host is: its name, its kernel, its distribution.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommandOutput;
use super::command::name::IDENTITY;
use super::output::garbage;
use crate::error::WireError;

/// What a host says that it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its host name.
    pub hostname: String,
    /// The release of its kernel.
    pub kernel: String,
    /// Its distribution, such as `Debian GNU/Linux 12 (bookworm)`.
    pub system: String,
}

/// Reads the output of [`super::ReadCommand::Identity`]: two lines of the kernel's, then `os-release`.
///
/// # Errors
/// [`WireError::Command`] when a file cannot be read, [`WireError::Garbage`] when a line is not as documented (os-release(5)).
pub fn identity(output: &CommandOutput) -> Result<Identity, WireError> {
    read(output.text(IDENTITY)?)
        .ok_or_else(|| garbage(IDENTITY, "it is not a name, a release and an os-release file"))
}

fn read(text: &str) -> Option<Identity> {
    let (hostname, rest) = text.split_once('\n')?;
    let (kernel, rest) = rest.split_once('\n')?;
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
    let pretty = rest.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    let system = pretty.trim_matches('"');
    let is_line = !system.is_empty() && !system.contains(char::is_control);
    let identity = Identity { hostname: hostname.into(), kernel: kernel.into(), system: system.into() };
    (is_word(hostname) && is_word(kernel) && is_line).then_some(identity)
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::printed;
    use super::*;

    #[test]
    fn a_host_is_known_by_three_lines() {
        let text = "edge\n6.1.0-18-amd64\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n";
        let identity = identity(&printed(text)).expect("an identity");
        assert_eq!((identity.hostname.as_str(), identity.kernel.as_str()), ("edge", "6.1.0-18-amd64"));
        assert_eq!(identity.system, "Debian GNU/Linux 12 (bookworm)");
    }

    #[test]
    fn what_lacks_one_of_them_is_garbage() {
        for bad in [
            "",
            "edge\n",
            "edge\n6.1\n",
            "edge\n6.1\nNAME=x\n",
            "two words\n6.1\nPRETTY_NAME=x\n",
            "a\nb\nPRETTY_NAME=\"\"\n",
        ] {
            assert!(matches!(identity(&printed(bad)), Err(WireError::Garbage(_))), "{bad:?}");
        }
    }
}
