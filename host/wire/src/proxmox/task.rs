//! How a task stands.

use std::time::Duration;

use fabric_model::Slug;
use serde::Deserialize;

use super::client::Client;
use super::upid::Upid;
use crate::deadline::Deadline;
use crate::error::{WireError, printable};
use crate::http::encoded;

/// The first pause between two questions about a task; each further one is twice as long. Starting a container takes a second
/// or two.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two questions.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long one question may stay without an answer. A refused token is told after three seconds.
const QUESTION_LIMIT: Duration = Duration::from_secs(10);

/// How a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// It is at work.
    Running,
    /// It has ended.
    Stopped {
        /// How: `OK`, `WARNINGS: 2`, or what went wrong.
        exit: String,
    },
}

/// How a task that did its work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskDone {
    /// How many warnings its log has.
    pub warnings: u32,
}

#[derive(Deserialize)]
pub(super) struct RawStatus {
    status: RawState,
    #[serde(default)]
    exitstatus: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawState {
    Running,
    Stopped,
}

impl Client {
    /// How a task stands: GET /nodes/{node}/tasks/{upid}/status. A token that did not start the task needs Sys.Audit on the node.
    ///
    /// # Errors
    /// Those of every read, listed at [`Client`].
    pub async fn task_status(
        &self,
        node: &Slug,
        upid: &Upid,
        deadline: Deadline,
    ) -> Result<TaskStatus, WireError> {
        let (node, task) = (encoded(node.as_str()), encoded(&upid.to_string()));
        status(self.get(&format!("/nodes/{node}/tasks/{task}/status"), deadline).await?)
    }

    /// Waits until a task has ended, and says how.
    ///
    /// A question that stays without an answer, because no node can be reached for a moment, is asked again until the deadline.
    ///
    /// # Errors
    /// [`WireError::Task`] when it ended otherwise than with `OK` or warnings; [`WireError::Timeout`] when it has not ended by the
    /// deadline, and may still do; else those of [`Self::task_status`].
    pub async fn await_task(&self, upid: &Upid, deadline: Deadline) -> Result<TaskDone, WireError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let question = Deadline::after(QUESTION_LIMIT).earlier(deadline);
            match self.task_status(upid.node(), upid, question).await {
                Ok(TaskStatus::Stopped { exit }) => return ended(upid, &exit),
                Ok(TaskStatus::Running) => {}
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
            let pausing = async {
                self.pause(pause).await;
                Ok(())
            };
            deadline.bound(pausing).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Whether the same question may have an answer in a moment.
fn is_passing(error: &WireError) -> bool {
    matches!(error, WireError::Refused | WireError::Timeout | WireError::Unreachable(_) | WireError::Closed)
}

pub(super) fn status(raw: RawStatus) -> Result<TaskStatus, WireError> {
    match (raw.status, raw.exitstatus) {
        (RawState::Running, _) => Ok(TaskStatus::Running),
        (RawState::Stopped, Some(exit)) => Ok(TaskStatus::Stopped { exit }),
        (RawState::Stopped, None) => {
            Err(WireError::Garbage("Proxmox does not say how the task ended".to_owned()))
        }
    }
}

fn ended(upid: &Upid, exit: &str) -> Result<TaskDone, WireError> {
    if exit == "OK" {
        return Ok(TaskDone { warnings: 0 });
    }
    let warnings = exit.strip_prefix("WARNINGS: ").and_then(|count| count.parse().ok());
    warnings.map(|warnings| TaskDone { warnings }).ok_or_else(|| WireError::Task {
        task: format!("{} {}", upid.kind(), upid.object()).trim_end().to_owned(),
        exit: printable(exit),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxmox::answer;

    fn upid() -> Upid {
        "UPID:pve1:0000010F:0004AEA0:6B01315C:vzstart:112:root@pam!lab:".parse().expect("a task")
    }

    #[test]
    fn only_ok_and_warnings_are_success() {
        assert_eq!(ended(&upid(), "OK"), Ok(TaskDone { warnings: 0 }));
        assert_eq!(ended(&upid(), "WARNINGS: 3"), Ok(TaskDone { warnings: 3 }));
        for exit in
            ["", "ok", "OK ", "WARNINGS:", "WARNINGS: x", "unexpected status", "interrupted by signal"]
        {
            let failed = WireError::Task { task: "vzstart 112".into(), exit: exit.trim().into() };
            assert_eq!(ended(&upid(), exit), Err(failed));
        }
    }

    #[test]
    fn a_state_that_does_not_say_how_it_ended_is_garbage() {
        let read = |data: &str| answer::data(format!(r#"{{"data":{data}}}"#).as_bytes()).and_then(status);
        assert_eq!(read(r#"{"status":"running"}"#), Ok(TaskStatus::Running));
        let stopped = TaskStatus::Stopped { exit: "OK".into() };
        assert_eq!(read(r#"{"status":"stopped","exitstatus":"OK"}"#), Ok(stopped));
        for bad in [r#"{"status":"stopped"}"#, r#"{"status":"asleep"}"#, "{}", "null", "[]"] {
            assert!(matches!(read(bad), Err(WireError::Garbage(_))), "{bad}");
        }
    }
}
