//! Whatever a host prints, the readers answer or refuse; they never panic and never take garbage for a fact.

use std::time::{Duration, UNIX_EPOCH};

use fabric_wire::ssh::{CommandOutput, addresses, clock, nft_ruleset, sockets, sysctl, unit_state};
use proptest::prelude::*;

const NFT: &str = include_str!("nft/edge.json");
const SOCKETS: &str = "  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 0A 0\n";
const ADDRESSES: &str = r#"[{"ifname":"eth0","flags":["UP"],"addr_info":[
    {"local":"10.0.0.1","prefixlen":24,"scope":"global"}]}]"#;
const UNIT: &str = "Id=a.service\nLoadState=loaded\nActiveState=active\nSubState=running\n";

fn read_as_everything(status: u32, stdout: &[u8], stderr: &[u8]) {
    let (stdout, stderr) = (stdout.to_vec(), stderr.to_vec());
    let output = CommandOutput { status, stdout, stderr, path: Vec::new() };
    let before = UNIX_EPOCH + Duration::from_secs(1);
    let _ =
        (addresses(&output), nft_ruleset(&output), sockets(&output), sysctl(&output), unit_state(&output));
    let _ = clock(&output, before, before + Duration::from_millis(3));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(
        status in 0_u32..3,
        stdout in prop::collection::vec(any::<u8>(), 0..400),
        stderr in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        read_as_everything(status, &stdout, &stderr);
    }

    #[test]
    fn damaged_honest_output_never_panics(
        which in 0_usize..4,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let honest = [NFT, SOCKETS, ADDRESSES, UNIT].get(which).copied().unwrap_or_default();
        let mut bytes = honest.as_bytes().to_vec();
        for (at, byte) in damage {
            *at.get_mut(&mut bytes) = byte;
        }
        read_as_everything(0, &bytes, b"");
        bytes.truncate(cut.index(honest.len()));
        read_as_everything(0, &bytes, b"");
    }
}

#[test]
fn deep_nesting_is_refused_before_it_exhausts_the_stack() {
    let deep = "[".repeat(100_000);
    read_as_everything(0, deep.as_bytes(), b"");
    read_as_everything(0, format!("{{\"nftables\":{deep}").as_bytes(), b"");
}
