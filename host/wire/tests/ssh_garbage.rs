//! Whatever a host prints, the readers answer or refuse; they never panic and never take garbage for a fact.

use std::time::{Duration, UNIX_EPOCH};

use fabric_model::Slug;
use fabric_wire::ssh::{
    ChangeCommand, CommandOutput, Restore, addresses, clock, done, file_content, file_facts, host_time,
    lock_owner, nft_ruleset, nft_text, sockets, sysctl, timer, unit_state,
};
use proptest::prelude::*;

const NFT: &str = include_str!("nft/edge.json");
const SOCKETS: &str = "  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 0A 0\n";
const ADDRESSES: &str = r#"[{"ifname":"eth0","flags":["UP"],"addr_info":[
    {"local":"10.0.0.1","prefixlen":24,"scope":"global"}]}]"#;
const UNIT: &str = "Id=a.service\nLoadState=loaded\nActiveState=active\nSubState=running\n";
const TIMER: &str = "NextElapseUSecMonotonic=1h 10min 15.940514s\nId=a.timer\nLoadState=loaded\nActiveState=active\n\
    SubState=waiting\nActiveEnterTimestamp=@1\nActiveEnterTimestampMonotonic=3615940615\n\n\
    ExecStart={ path=/usr/bin/true ; argv[]=/usr/bin/true ; pid=0 }\nId=a.service\nLoadState=loaded\nActiveState=inactive\n";
const LOCK: &str = "Description=run-1\nLoadState=loaded\nActiveState=active\n";
const FACTS: &str = "regular file,644,root,root,1267\n";

fn read_as_everything(status: u32, stdout: &[u8], stderr: &[u8]) {
    let (stdout, stderr) = (stdout.to_vec(), stderr.to_vec());
    let output = CommandOutput { status, stdout, stderr, path: Vec::new() };
    let before = UNIX_EPOCH + Duration::from_secs(1);
    let _ =
        (addresses(&output), nft_ruleset(&output), sockets(&output), sysctl(&output), unit_state(&output));
    let _ = (file_facts(&output), file_content(&output), nft_text(&output), lock_owner(&output));
    let _ = (timer(&output, before), host_time(&output));
    let slug = |text: &str| text.parse::<Slug>().expect("a name");
    let restore = Restore::UnitStart { unit: slug("a.service") };
    for command in [
        ChangeCommand::TimerArm { timer: slug("a"), seconds: 1, restore },
        ChangeCommand::TimerDisarm { timer: slug("a") },
        ChangeCommand::LockTake { owner: slug("a") },
    ] {
        assert!(status == 0 || status == 5 || done(&command, &output).is_err());
    }
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
        which in 0_usize..7,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let honest = [NFT, SOCKETS, ADDRESSES, UNIT, TIMER, LOCK, FACTS].get(which).copied().unwrap_or_default();
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
