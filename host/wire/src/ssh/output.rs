//! From a finished command to the text that it printed, or to the reason why there is none.

use super::CommandOutput;
use crate::error::WireError;

/// How much of standard error goes into a message, in characters: a line or three.
const STDERR_EXCERPT: usize = 400;

/// What `sudo` and `nft` say when the account lacks the right.
const DENIALS: [&str; 5] = [
    "a password is required",
    "a terminal is required to read the password",
    "is not in the sudoers file",
    "is not allowed to execute",
    "Operation not permitted",
];

impl CommandOutput {
    /// Standard output of a command that ended with status 0.
    pub(super) fn text(&self, command: &str) -> Result<&str, WireError> {
        match self.status {
            0 => self.stdout_text(command),
            status => Err(self.failure(command, status)),
        }
    }

    /// Standard output, whatever the status.
    pub(super) fn stdout_text(&self, command: &str) -> Result<&str, WireError> {
        std::str::from_utf8(&self.stdout)
            .map_err(|error| garbage(command, &format!("byte {} is not UTF-8", error.valid_up_to())))
    }

    pub(super) fn failure(&self, command: &str, status: u32) -> WireError {
        let stderr = self.stderr_excerpt();
        if DENIALS.iter().any(|denial| stderr.contains(denial)) {
            return WireError::Permission(format!("`{command}`: {stderr}"));
        }
        WireError::Command { command: command.to_owned(), status, stderr }
    }

    /// The beginning of standard error on one line. Control characters come from the host and may hold terminal sequences, so
    /// none survives.
    fn stderr_excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let plain = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
        plain.take(STDERR_EXCERPT).collect()
    }
}

/// The error for an answer that is not in the form that the tool documents.
pub(super) fn garbage(command: &str, what: &str) -> WireError {
    WireError::Garbage(format!("`{command}`: {what}"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::command::name;
    use super::*;

    /// Output with status 0.
    pub(in crate::ssh) fn printed(stdout: &str) -> CommandOutput {
        ended(0, stdout, "")
    }

    /// Output with any status.
    pub(in crate::ssh) fn ended(status: u32, stdout: &str, stderr: &str) -> CommandOutput {
        CommandOutput { status, stdout: stdout.into(), stderr: stderr.into(), path: Vec::new() }
    }

    #[test]
    fn a_missing_sudo_right_is_a_permission_and_not_a_failed_command() {
        let reason = |stderr: &str| ended(1, "", stderr).text(name::NFT_RULESET).map(str::to_owned);
        let denied = reason("sudo: a password is required\n");
        assert!(matches!(denied, Err(WireError::Permission(_))), "{denied:?}");
        let failed = reason("sudo: /usr/sbin/nft: command not found\n");
        assert!(matches!(failed, Err(WireError::Command { status: 1, .. })), "{failed:?}");
    }

    #[test]
    fn terminal_sequences_from_the_host_do_not_reach_a_message() {
        assert_eq!(ended(2, "", "\u{1b}[2Jgone\u{7}").stderr_excerpt(), " [2Jgone ");
    }
}
