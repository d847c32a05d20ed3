//! Reads a host's nftables ruleset as structured data.
//!
//! # Observes
//! Tables, chains with their hooks and policies, and each rule as typed matches and statements (`nft --json list ruleset`, libnftables-json(5)).
//!
//! # Denied when
//! `host:NAME` is not granted.

use fabric_model::Value;
use fabric_wire::WireError;
use fabric_wire::ssh::{self, CommandOutput, NftRuleset, ReadCommand};

use crate::host_fact::{Bracket, HostFact, HostOnly};

pub(crate) struct Ruleset;

impl HostFact for Ruleset {
    const NAME: &'static str = "nft.ruleset";
    const SUMMARY: &'static str = "Reads a host's nftables ruleset as structured data.";

    type Args = HostOnly;
    type Output = NftRuleset;

    fn command(_: &HostOnly) -> ReadCommand {
        ReadCommand::NftRuleset
    }

    fn parse(output: &CommandOutput, _: Bracket) -> Result<NftRuleset, WireError> {
        ssh::nft_ruleset(output)
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("host", "dns-edge-1".into())])]
    }
}
