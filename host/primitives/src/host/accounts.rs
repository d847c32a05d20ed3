//! Lists the accounts of a host.
//!
//! # Observes
//! Name, numbers, home and shell of each account, from `/etc/passwd`. Neither password fields nor comments are kept.
//!
//! # Denied when
//! `host:NAME` is not granted.

use fabric_model::Value;
use fabric_wire::WireError;
use fabric_wire::ssh::{self, Account, CommandOutput, ReadCommand};

use crate::host_fact::{Bracket, HostFact, HostOnly};

pub(crate) struct Accounts;

impl HostFact for Accounts {
    const NAME: &'static str = "host.accounts";
    const SUMMARY: &'static str = "Lists the accounts of a host.";

    type Args = HostOnly;
    type Output = Vec<Account>;

    fn command(_: &HostOnly) -> ReadCommand {
        ReadCommand::Accounts
    }

    fn parse(output: &CommandOutput, _: Bracket) -> Result<Vec<Account>, WireError> {
        ssh::accounts(output)
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("host", "dns-edge-1".into())])]
    }
}
