//! A lab under test, and looks at it from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A lab in a run folder of its own, taken down at the end of the test however it ends.
pub(crate) struct Lab {
    pub(crate) dir: PathBuf,
}

impl Lab {
    pub(crate) fn new(name: &str) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "the lab's tests build containers: run them as root, or leave them out with `./test --no-lab`"
        );
        let dir = std::env::temp_dir().join(format!("fabric-lab-test-{name}"));
        let lab = Self { dir };
        lab.ok(&["down"]);
        lab
    }

    pub(crate) fn up(name: &str) -> Self {
        let lab = Self::new(name);
        lab.ok(&["up", "dns"]);
        lab
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fabric-lab"));
        command.arg("--dir").arg(&self.dir).args(words).stdin(Stdio::null());
        command
    }

    pub(crate) fn output(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("fabric-lab starts")
    }

    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let output = self.output(words);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "fabric-lab {words:?}: {stderr}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A shell line in a node or the runner: what it printed, however it ended.
    pub(crate) fn shell(&self, node: &str, line: &str) -> String {
        let output = self.output(&["exec", node, "--", "bash", "-c", line]);
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).trim().to_owned()
    }

    /// A question to a server from the runner, asked with the base image's `dig`.
    pub(crate) fn dig(&self, question: &str) -> String {
        let up: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(self.dir.join("up.json")).expect("up.json is there"))
                .expect("JSON");
        let base = text(&up, "base");
        self.shell("runner", &format!("chroot {base} dig +time=2 +tries=1 {question}"))
    }

    /// A login over SSH from the runner, strictly with the site folder's keys.
    pub(crate) fn ssh(&self, login: &str, line: &str) -> String {
        let site = self.dir.join("site");
        self.shell("runner", &format!(
            "ssh -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=yes -o UserKnownHostsFile={site}/known_hosts \
             -o PreferredAuthentications=publickey,password -o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes \
             -i {site}/secrets/ssh-operator {login} '{line}'",
            site = site.display()
        ))
    }

    /// A read of the Proxmox API from the runner, verified against the site folder's authority.
    pub(crate) fn proxmox(&self, path: &str) -> String {
        let site = self.dir.join("site");
        // The token goes in by a file descriptor: a command line is for everybody to read.
        self.shell("runner", &format!(
            "curl -sS -m 5 -o - -w ' %{{http_code}}' --cacert {site}/pki/proxmox-root-ca.pem \
             -H @<(printf 'Authorization: PVEAPIToken=terraform-prov@pve!fabric-token=%s' \"$(cat {site}/secrets/proxmox-token)\") \
             https://192.168.11.21:8006/api2/json{path}",
            site = site.display()
        ))
    }

    /// What a GameDay must leave as it found it, line by line.
    pub(crate) fn standing(&self) -> Vec<String> {
        let seen: serde_json::Value =
            serde_json::from_str(&self.ok(&["digest", "--output", "json"])).expect("JSON");
        let lines = seen.get("lines").and_then(serde_json::Value::as_array).expect("lines");
        let lines: Vec<String> = lines.iter().filter_map(|line| line.as_str().map(str::to_owned)).collect();
        assert!(lines.len() > 100, "the digest is over nothing: {lines:?}");
        lines
    }

    /// The same once the plane has settled: what a daemon needs some seconds for is waited for, for a minute and a half.
    pub(crate) fn settles_to(&self, before: &[String]) -> Result<(), String> {
        let begin = Instant::now();
        loop {
            let differences = differences(before, &self.standing());
            if differences.is_empty() {
                return Ok(());
            }
            if begin.elapsed() > SETTLING {
                return Err(format!("not as before:\n{}", differences.join("\n")));
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    pub(crate) fn id(&self) -> String {
        let status: serde_json::Value =
            serde_json::from_str(&self.ok(&["status", "--output", "json"])).expect("JSON");
        text(&status, "id")
    }

    /// Looks at the machine itself, not through the lab's own eyes.
    pub(crate) fn assert_nothing_left(&self, id: &str) {
        let netns: Vec<PathBuf> = entries(Path::new("/run/netns"), id);
        assert!(netns.is_empty(), "network namespaces are left: {netns:?}");
        let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts are readable");
        let own = self.dir.to_string_lossy().into_owned();
        assert!(!mounts.contains(&own) && !mounts.contains(id), "mounts are left:\n{mounts}");
        for line in mounts
            .lines()
            .filter(|line| line.split(' ').nth(2).is_some_and(|kind| kind.starts_with("cgroup")))
        {
            let hierarchy = Path::new(line.split(' ').nth(1).expect("a mount has a place"));
            assert!(!hierarchy.join(id).exists(), "a cgroup is left in {}", hierarchy.display());
        }
        assert!(!self.dir.exists(), "the run folder is left");
        let nspawn = entries(Path::new("/run/systemd/nspawn/propagate"), id);
        assert!(nspawn.is_empty(), "nspawn's folders are left: {nspawn:?}");
        let processes = processes_naming(&own, id);
        assert!(processes.is_empty(), "processes are left: {processes:?}");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _best_effort = self.output(&["down"]);
    }
}

/// How long the plane may take to be as before: a boot takes ten seconds, the timer of a GameDay up to a minute.
const SETTLING: Duration = Duration::from_secs(90);

/// What is in one list of lines and not in the other.
pub(crate) fn differences(before: &[String], after: &[String]) -> Vec<String> {
    let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("- {line}"));
    let new = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(new).collect()
}

pub(crate) fn text(value: &serde_json::Value, key: &str) -> String {
    value.get(key).and_then(serde_json::Value::as_str).expect("the key is there").to_owned()
}

pub(crate) fn entries(folder: &Path, id: &str) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    found.filter(|path| path.to_string_lossy().contains(id)).collect()
}

/// Processes of this machine whose command line names the lab.
pub(crate) fn processes_naming(dir: &str, id: &str) -> Vec<String> {
    let own = std::process::id().to_string();
    fs::read_dir("/proc")
        .expect("/proc is readable")
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy() != own)
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(dir) || line.contains(id))
        .collect()
}
