//! The accounts of a host.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommandOutput;
use super::command::name::ACCOUNTS;
use super::output::garbage;
use crate::error::WireError;

/// An account, without its password field and without what its comment says of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Its home.
    pub home: String,
    /// Its shell; empty where none is set.
    pub shell: String,
}

/// Reads the output of [`super::ReadCommand::Accounts`], in the order of the file.
///
/// # Errors
/// [`WireError::Command`] when the file cannot be read, [`WireError::Garbage`] when a line is not as documented (passwd(5)).
pub fn accounts(output: &CommandOutput) -> Result<Vec<Account>, WireError> {
    let accounts: Option<Vec<Account>> = output.text(ACCOUNTS)?.lines().map(account).collect();
    accounts
        .filter(|accounts| !accounts.is_empty())
        .ok_or_else(|| garbage(ACCOUNTS, "it is not a list of accounts"))
}

fn account(line: &str) -> Option<Account> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, shell] = fields.as_slice() else { return None };
    let plain = [name, home, shell].iter().all(|text| !text.contains(char::is_control)) && !name.is_empty();
    let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
    plain.then(|| Account { name: (*name).into(), uid, gid, home: (*home).into(), shell: (*shell).into() })
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::printed;
    use super::*;

    #[test]
    fn neither_password_nor_comment_is_kept() {
        let accounts = accounts(&printed("ada:$6$salt$hash:1000:100:Ada L, room 5:/srv/ada:/bin/bash\n"));
        let accounts = accounts.expect("accounts");
        let told = format!("{accounts:?}");
        assert!(!told.contains("hash") && !told.contains("room"), "{told}");
        assert_eq!((accounts[0].uid, accounts[0].gid, accounts[0].shell.as_str()), (1000, 100, "/bin/bash"));
    }

    #[test]
    fn a_line_that_is_no_account_is_garbage() {
        for bad in [
            "",
            "root\n",
            "root:x:0:0:root:/root\n",
            "root:x:zero:0:root:/root:/bin/sh\n",
            "\n",
            ":x:0:0::/:\n",
        ] {
            assert!(matches!(accounts(&printed(bad)), Err(WireError::Garbage(_))), "{bad:?}");
        }
    }
}
