//! The table of defects on the twin: what a rehearsal finds is what the real daemons would make the suites find.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use table::{Ran, Row, Table, make_project, untouched};

#[path = "../../../tests/defects.rs"]
mod table;

/// Rows that wait for answers that never come take seconds and no processor.
const AT_A_TIME: usize = 4;

#[test]
fn each_defect_turns_its_checks_on_the_twin_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    make_project(folder.path()).expect("the suites can be copied");
    let fabric = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fabric"));
        command.args(words).arg("--home").arg(folder.path().join("home")).current_dir(folder.path());
        command
    };
    let init = fabric(&["init"]).output().expect("fabric starts");
    assert!(init.status.success(), "fabric init: {}", String::from_utf8_lossy(&init.stderr));
    for suite in ["dns", "dns-sdn"] {
        let clean = run(suite, &[], &fabric).map(|ran| ran.not_passed());
        assert_eq!(clean, Ok(Vec::new()), "{suite} without a defect");
    }
    let table = Table::read();
    let rows: Vec<&Row> = table.row.iter().filter(|row| !row.twin.is_empty()).collect();
    assert!(rows.len() >= 50, "{} rows are for the twin", rows.len());
    let (next, found) = (AtomicUsize::new(0), Mutex::new((Vec::new(), Vec::new())));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let ran = run(&row.suite, &row.twin, &fabric);
                    let (wrong, runs) = &mut *found.lock().expect("no row panics");
                    let lines = ran
                        .as_ref()
                        .map_or_else(|error| vec![error.clone()], |ran| row.on_the_twin().differences(ran));
                    wrong.extend(
                        lines.into_iter().chain(row.misfits()).map(|line| format!("{}: {line}", row.name)),
                    );
                    runs.extend(ran);
                }
            });
        }
    });
    let (wrong, runs) = found.into_inner().expect("no row panics");
    println!("no row of the twin turns {:#?}", untouched(&runs));
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    assert!(
        runs.iter().all(|ran| Path::new(&ran.packet).components().count() > 1),
        "each run leaves a packet"
    );
}

fn run(suite: &str, faults: &[toml::Value], fabric: &impl Fn(&[&str]) -> Command) -> Result<Ran, String> {
    let mut command = fabric(&["rehearse", &format!("acceptance/{suite}.rhai"), "--output", "json"]);
    for fault in faults {
        command.arg("--fault").arg(serde_json::to_string(fault).map_err(|error| error.to_string())?);
    }
    Ran::of(&command.output().map_err(|error| error.to_string())?)
}
