//! What changes the world from outside: programs on hosts, and requests to the Proxmox API.

use std::io;
use std::sync::Arc;

use fabric_wire::endpoint::SshHost;
use fabric_wire::ssh::CommandOutput;

use crate::history::{Entry, Happening, Made};
use crate::power::Switch;
use crate::proxmox::{Answer, Answering, Call};
use crate::ssh;
use crate::world::{Model, World, lock};

/// How many changes the log keeps; a run makes some dozen.
const LOG_LIMIT: usize = 10_000;

impl World {
    /// Runs a changing program on a host to which a session stands. Gives also whether that still stands afterwards.
    pub(crate) fn change(
        &self,
        host: &SshHost,
        argv: &[String],
        input: &[u8],
        path: Vec<String>,
    ) -> (CommandOutput, bool) {
        let mut model = self.now_locked();
        let state = Arc::make_mut(&mut model.state);
        let now = state.now;
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        let printed = ssh::change(state, host.name.as_str(), &words, input);
        state.notice();
        state.pass(now);
        let stands = ssh::still(state, host);
        let status = printed.status;
        if status == 0 {
            let (host, argv, input) = (host.name.to_string(), argv.to_vec(), input.to_vec());
            model.history.push(Entry { at: now, what: Happening::Program { host, argv, input } });
        }
        model.log(host.name.as_str(), argv.join(" "), status);
        (printed.into_output(path), stands)
    }

    /// Switches a guest on or off.
    fn switch(&self, model: &mut Model, host: &str, switch: Switch) {
        let state = Arc::make_mut(&mut model.state);
        state.order(host, switch);
        state.notice();
        let at = state.now;
        let what = Happening::Switched { host: host.to_owned(), switch };
        model.history.push(Entry { at, what });
    }
}

impl Model {
    fn log(&mut self, target: &str, what: String, status: u32) {
        if self.made.len() < LOG_LIMIT {
            let at_ms = u64::try_from(self.state.now.as_millis()).unwrap_or(u64::MAX);
            self.made.push(Made { at_ms, target: target.to_owned(), what, status });
        }
    }
}

impl Answering for Arc<World> {
    async fn answer(&self, call: Call) -> io::Result<Answer> {
        let writes = call.method != "GET";
        let ticket = self.control.enter(writes).await.map_err(io::Error::other)?;
        let answer = {
            let mut model = self.now_locked();
            let mut cluster = lock(&self.cluster);
            cluster.follow(&model.state);
            let answer = cluster.answer(&call);
            for (host, switch) in cluster.take_switches() {
                self.switch(&mut model, &host, switch);
            }
            if writes {
                model.log(&call.node, format!("{} {}", call.method, call.path), u32::from(answer.status));
            }
            answer
        };
        self.control.leave(ticket).await;
        Ok(answer)
    }
}
