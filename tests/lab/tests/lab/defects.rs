//! The table of defects, row by row, on the real daemons.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use crate::machine::{Lab, text};
use crate::probes::look;
use crate::table::{Ran, Row, Table, make_project, untouched};

/// What both suites are asked to do in the end, as in the beginning.
const SUITES: [&str; 2] = ["dns", "dns-sdn"];

/// What `example.com` is on the lab's internet.
const RECURSION: &str = "recursion_address=198.51.100.10";

#[test]
fn each_defect_turns_its_checks_and_no_other() {
    let table = Table::read();
    let lab = Lab::up("defects");
    let suites = Suites::over(&lab);
    let mut wrong: Vec<String> = SUITES.iter().flat_map(|suite| suites.clean(suite)).collect();
    assert_eq!(wrong, Vec::<String>::new(), "the plane is broken before anything is planted");
    let mut runs = Vec::new();
    for row in table.row.iter().filter(|row| !row.lab.is_empty()) {
        let (differences, ran) = suites.row(row);
        wrong.extend(differences.into_iter().map(|line| format!("{}: {line}", row.name)));
        runs.extend(ran);
    }
    wrong.extend(faults_that_no_row_shows(&table, &lab));
    wrong.extend(SUITES.iter().flat_map(|suite| suites.clean(suite)));
    wrong.extend(untouched(&runs).into_iter().map(|title| format!("no row turns the check {title}")));
    let id = lab.id();
    lab.ok(&["down"]);
    lab.assert_nothing_left(&id);
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// A project of its own with the suites of this repository, and a key.
struct Suites<'lab> {
    lab: &'lab Lab,
    fabric: PathBuf,
    project: PathBuf,
}

impl<'lab> Suites<'lab> {
    fn over(lab: &'lab Lab) -> Self {
        let fabric = Path::new(env!("CARGO_BIN_EXE_fabric-lab")).with_file_name("fabric");
        assert!(fabric.is_file(), "{} is missing: `cargo build -p fabric` makes it", fabric.display());
        let project = lab.dir.join("project");
        make_project(&project).expect("the suites can be copied");
        let suites = Self { lab, fabric, project };
        let init = suites.fabric(&["init"]).output().expect("fabric starts");
        assert!(init.status.success(), "fabric init: {}", String::from_utf8_lossy(&init.stderr));
        suites
    }

    fn fabric(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.fabric);
        command.args(words).args(["--home"]).arg(self.project.join("home")).current_dir(&self.project);
        command
    }

    /// Runs a suite from the runner, and verifies the packet that it left.
    fn run(&self, suite: &str) -> Result<Ran, String> {
        let ran = Ran::of(&self.output(suite))?;
        let verified = self.fabric(&["verify", &ran.packet]).output().map_err(|error| error.to_string())?;
        match verified.status.success() {
            true => Ok(ran),
            false => Err(format!("its packet: {}", String::from_utf8_lossy(&verified.stdout).trim())),
        }
    }

    fn output(&self, suite: &str) -> Output {
        let site = self.lab.dir.join("site/fabric.toml");
        let script = format!("acceptance/{suite}.rhai");
        let mut fabric = self.fabric(&["run", &script, "--output", "json"]);
        fabric.arg("--site").arg(site);
        if suite == "dns" {
            fabric.args(["--param", RECURSION]);
        }
        let mut entered = self.lab.command(&["exec", "runner", "--"]);
        entered.arg(fabric.get_program()).args(fabric.get_args()).current_dir(&self.project);
        entered.output().expect("fabric-lab starts")
    }

    /// Everything passes where nothing is planted.
    fn clean(&self, suite: &str) -> Vec<String> {
        let found = self.run(suite).map_or_else(|error| vec![error], |ran| ran.not_passed());
        found.into_iter().map(|line| format!("{suite} without a defect: {line}")).collect()
    }

    /// Plants the row's faults, runs its suite, heals, and tells the differences.
    fn row(&self, row: &Row) -> (Vec<String>, Option<Ran>) {
        let mut found = row.misfits();
        let begin = Instant::now();
        for fault in &row.lab {
            let words: Vec<&str> = ["fault"].into_iter().chain(fault.iter().map(String::as_str)).collect();
            self.lab.ok(&words);
        }
        let planted = begin.elapsed();
        let ran = self.run(&row.suite);
        let judged = begin.elapsed();
        self.lab.ok(&["heal"]);
        let ran = match ran {
            Ok(ran) => {
                found.extend(row.on_the_lab().differences(&ran));
                Some(ran)
            }
            Err(error) => {
                found.push(error);
                None
            }
        };
        println!(
            "{} {:5.1} s (fault {:.1}, suite {:.1}, heal {:.1})  {}",
            if found.is_empty() { "ok  " } else { "FAIL" },
            begin.elapsed().as_secs_f64(),
            planted.as_secs_f64(),
            (judged - planted).as_secs_f64(),
            (begin.elapsed() - judged).as_secs_f64(),
            row.name
        );
        found.iter().for_each(|line| println!("       {line}"));
        (found, ran)
    }
}

fn plants(row: &Row, name: &str) -> bool {
    row.lab.iter().any(|fault| fault.first().is_some_and(|first| first == name))
}

/// A fault that no row plants, or whose rows turn nothing, shows by other means: otherwise nothing says that it does anything.
fn faults_that_no_row_shows(table: &Table, lab: &Lab) -> Vec<String> {
    let listed: serde_json::Value =
        serde_json::from_str(&lab.ok(&["fault", "list", "--output", "json"])).expect("a list in JSON");
    let shown = |name: &str| table.row.iter().any(|row| row.why.is_none() && plants(row, name));
    let faults = listed.as_array().expect("a list").iter().map(|fault| text(fault, "name"));
    let mut wrong = Vec::new();
    for name in faults.filter(|name| !shown(name)) {
        let Some(before) = look(lab, &name) else {
            wrong.push(format!("no row shows the fault {name}, nor does a look from outside"));
            continue;
        };
        lab.ok(&["fault", &name]);
        let during = look(lab, &name);
        lab.ok(&["heal", &name]);
        let after = look(lab, &name);
        if during.as_ref() == Some(&before) || after.as_ref() != Some(&before) {
            wrong.push(format!("the fault {name}: `{before}`, then {during:?}, healed {after:?}"));
        }
    }
    wrong
}
