//! Tasks: what switches a guest answers at once with the name of a task (UPID), and goes on by itself.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::power::Switch;
use crate::proxmox::ProxmoxModel;

/// A task that switches a guest.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    upid: String,
    node: String,
    guest: u32,
    kind: &'static str,
    pid: u32,
    started: i64,
    switch: Switch,
    done: bool,
}

impl Switch {
    /// What Proxmox VE calls the task.
    fn task_type(self) -> &'static str {
        match self {
            Self::Start => "vzstart",
            Self::Stop => "vzstop",
            Self::Shutdown => "vzshutdown",
        }
    }
}

impl ProxmoxModel {
    /// Notes what is asked of a guest, and gives the name of its task.
    pub(crate) fn begin(&mut self, guest: u32, node: &str, name: &str, switch: Switch) -> Value {
        let number = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
        let (pid, kind, started) = (0x400 + number, switch.task_type(), Timestamp::now().as_second());
        let user = self.token.id();
        let upid = format!(
            "UPID:{node}:{pid:08X}:{:08X}:{started:08X}:{kind}:{guest}:{user}:",
            0x0004_AD00 + number
        );
        let node = node.to_owned();
        self.tasks.push(Task { upid: upid.clone(), node, guest, kind, pid, started, switch, done: false });
        self.switches.push((name.to_owned(), switch));
        json!(upid)
    }

    /// What was asked of guests since the last time, oldest first, by their names: whoever plays them sees to it, and says so with
    /// [`Self::set_running`].
    pub fn take_switches(&mut self) -> Vec<(String, Switch)> {
        std::mem::take(&mut self.switches)
    }

    /// Says that a guest runs or is stopped, and ends the tasks that waited for it.
    pub fn set_running(&mut self, name: &str, running: bool) {
        let Some((vmid, guest)) = self.guests.iter_mut().find(|(_, guest)| guest.name == name) else {
            return;
        };
        guest.running = running;
        for task in self.tasks.iter_mut().filter(|task| task.guest == *vmid) {
            task.done |= (task.switch == Switch::Start) == running;
        }
    }

    /// `/nodes/{node}/tasks/{upid}/status`; none for a task that is not there.
    pub(crate) fn task_status(&self, node: &str, upid: &str) -> Option<Value> {
        let task = self.tasks.iter().find(|task| task.upid == upid && task.node == node)?;
        let (user, token) = self.token.id().split_once('!').unwrap_or((self.token.id(), ""));
        let mut fields = Map::new();
        for (key, value) in [
            ("upid", json!(task.upid)),
            ("node", json!(task.node)),
            ("type", json!(task.kind)),
            ("id", json!(task.guest.to_string())),
            ("user", json!(user)),
            ("tokenid", json!(token)),
            ("pid", json!(task.pid)),
            ("pstart", json!(306_432 + task.pid)),
            ("starttime", json!(task.started)),
            ("status", json!(if task.done { "stopped" } else { "running" })),
        ] {
            fields.insert(key.to_owned(), value);
        }
        if task.done {
            fields.insert("exitstatus".to_owned(), json!("OK"));
        }
        Some(Value::Object(fields))
    }
}
