//! The GameDays of the matrix: every file under `gamedays/` that changes something.

use std::fs;
use std::path::Path;

use crate::lane::{GameDay, Heals};
use crate::table;

const fn gameday(name: &'static str, changes: usize, heals: Heals) -> GameDay {
    GameDay { name, params: &[], changes, heals }
}

const STOP: GameDay = gameday("vip-failover-stop", 1, Heals::ByTimer);
const CRASH: GameDay = gameday("vip-failover-crash", 1, Heals::ByTimer);
const LINK: GameDay = gameday("vip-failover-link", 1, Heals::ByTimer);
const POWEROFF: GameDay = gameday("vip-failover-poweroff", 1, Heals::ByRecover);
const OUTAGE: GameDay = gameday("edge-outage", 2, Heals::ByTimer);
const SPLIT: GameDay = gameday("split-brain", 2, Heals::ByTimer);
const LOCKOUT: GameDay = gameday("firewall-lockout", 1, Heals::ByTimer);
const HUNG: GameDay = gameday("hung-host", 2, Heals::ByTimer);
const RESTART: GameDay = GameDay {
    params: &["target=dns-edge-1", "service=dnsdist"],
    ..gameday("service-restart", 1, Heals::Nothing)
};

#[test]
fn vip_failover_stop() {
    table::play(STOP, true);
}

#[test]
fn vip_failover_crash() {
    table::play(CRASH, false);
}

#[test]
fn vip_failover_link() {
    table::play(LINK, false);
}

#[test]
fn vip_failover_poweroff() {
    table::play(POWEROFF, true);
}

#[test]
fn edge_outage() {
    table::play(OUTAGE, false);
}

#[test]
fn split_brain() {
    table::play(SPLIT, false);
}

#[test]
fn firewall_lockout() {
    table::play(LOCKOUT, false);
}

#[test]
fn hung_host() {
    table::play(HUNG, false);
}

#[test]
fn service_restart() {
    table::play(RESTART, false);
}

#[test]
fn no_gameday_is_left_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gamedays");
    let mut left_out: Vec<String> = fs::read_dir(folder)
        .expect("the repository has it")
        .map(|entry| entry.expect("it is read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rhai"))
        .filter(|path| fs::read_to_string(path).expect("it is text").contains("// kind = \"gameday\""))
        .map(|path| path.file_stem().expect("a file").to_string_lossy().into_owned())
        .collect();
    left_out.retain(|name| {
        ![STOP, CRASH, LINK, POWEROFF, OUTAGE, SPLIT, LOCKOUT, HUNG, RESTART]
            .iter()
            .any(|gameday| gameday.name == name)
    });
    assert_eq!(left_out, Vec::<String>::new());
}
