//! One kernel parameter.

use super::CommandOutput;
use super::command::name::SYSCTL;
use super::output::garbage;
use crate::error::WireError;

/// Reads the output of [`super::ReadCommand::Sysctl`]: the value as the kernel writes it, without the final newline. Values of
/// several numbers are separated by tabs.
///
/// # Errors
/// [`WireError::NotFound`] when the kernel has no such parameter, [`WireError::Command`] when the tool failed otherwise,
/// [`WireError::Garbage`] when it printed anything but one whole line of text (a key that names a directory prints many).
pub fn sysctl(output: &CommandOutput) -> Result<String, WireError> {
    if output.status != 0 && String::from_utf8_lossy(&output.stderr).contains("cannot stat /proc/sys/") {
        return Err(WireError::NotFound("the host's kernel has no such parameter".to_owned()));
    }
    let text = output.text(SYSCTL)?;
    let line = text.strip_suffix('\n').ok_or_else(|| garbage(SYSCTL, "it did not print a whole line"))?;
    if line.contains('\n') {
        return Err(garbage(SYSCTL, "it printed more than one line; the key is not a single parameter"));
    }
    if line.contains(|c: char| c.is_control() && c != '\t') {
        return Err(garbage(SYSCTL, "it printed control characters, which no parameter holds"));
    }
    Ok(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::{ended, printed};
    use super::*;

    #[test]
    fn the_value_comes_without_its_newline() {
        assert_eq!(sysctl(&printed("1\n")).as_deref(), Ok("1"));
        assert_eq!(sysctl(&printed("4096\t131072\t6291456\n")).as_deref(), Ok("4096\t131072\t6291456"));
    }

    #[test]
    fn nothing_many_lines_and_control_characters_are_not_a_value() {
        for bad in ["", "1", "1\n2\n", "\n\n", "1\u{1b}[2J\n"] {
            assert!(matches!(sysctl(&printed(bad)), Err(WireError::Garbage(_))), "{bad:?}");
        }
    }

    #[test]
    fn an_unknown_key_is_not_found() {
        let stderr = "sysctl: cannot stat /proc/sys/net/nope: No such file or directory\n";
        assert!(matches!(sysctl(&ended(1, "", stderr)), Err(WireError::NotFound(_))));
        assert!(matches!(sysctl(&ended(127, "", "not found")), Err(WireError::Command { .. })));
    }
}
