//! What a worker says of its confinement before it is given a script, and what the kernel says of it.

use std::fs;
use std::time::Duration;

use fabric_model::confinement::{Confinement, Layer};
use fabric_model::door::{Broken, FromWorker, VERSION};
use fabric_model::exit::Exit;
use fabric_model::protection::{Protection, stands};

use super::Worker;
use crate::refusal::Refusal;

/// How long a worker may take until it is confined. It takes milliseconds; a machine under load takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most characters of a reason why a layer is missing, and the most layers. A sound worker needs a line for each.
const REASON_LIMIT: usize = 200;
const LAYER_LIMIT: usize = 3;

/// Why a worker is given no script.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unbelieved {
    /// It ended, or sent what is no frame.
    #[error("it did not say how it is confined: {0}")]
    Silent(#[from] Broken),
    /// It lives and says nothing.
    #[error("it did not say within {} s how it is confined", PATIENCE.as_secs())]
    Late,
    /// It began with another frame.
    #[error("it said something else before it said how it is confined")]
    Other,
    /// It is of another build.
    #[error("it speaks version {0} of the door, the host {VERSION}")]
    Version(u32),
    /// What it says is no account of layers.
    #[error("what it says of its confinement is not to be believed")]
    Unsound,
    /// The kernel knows better.
    #[error("it says that it is confined, and the kernel says: {0}")]
    Contradicted(String),
}

impl Worker {
    /// Waits until the worker says how it is confined, and asks the kernel whether that is so.
    ///
    /// # Errors
    /// When it says nothing, something else, or what is not so. It must be ended then.
    pub(crate) async fn confined(&mut self) -> Result<Confinement, Unbelieved> {
        let first = tokio::time::timeout(PATIENCE, self.reader.read::<FromWorker>());
        let confinement = match first.await.map_err(|_| Unbelieved::Late)?? {
            FromWorker::Confined { version: VERSION, confinement } => confinement,
            FromWorker::Confined { version, .. } => return Err(Unbelieved::Version(version)),
            _ => return Err(Unbelieved::Other),
        };
        if !is_sound(&confinement) {
            return Err(Unbelieved::Unsound);
        }
        if stands(Protection::Witness) {
            let status = self.process.id().map(|id| fs::read_to_string(format!("/proc/{id}/status")));
            match status {
                Some(Ok(status)) => contradiction(&confinement, &status).map_or(Ok(()), Err)?,
                Some(Err(error)) => return Err(Unbelieved::Contradicted(error.to_string())),
                None => return Err(Unbelieved::Contradicted("the process is gone".to_owned())),
            }
        }
        Ok(confinement)
    }
}

impl Worker {
    /// What a worker achieves on this machine. It is given no script, and ended.
    ///
    /// # Errors
    /// When it is not confined as it says, or says nothing.
    pub async fn confinement(mut self) -> Result<Confinement, Refusal> {
        let confined = self.confined().await;
        // It has done nothing yet, so nothing depends on how it ended.
        let _ended = self.process.stop().await;
        confined
            .map_err(|unbelieved| Refusal::new(Exit::Bug, format!("a worker gets no script: {unbelieved}")))
    }
}

/// Whether an account of layers is one that a sound worker gives.
fn is_sound(confinement: &Confinement) -> bool {
    let Confinement::Reduced { lacks } = confinement else { return true };
    let readable = |why: &str| why.chars().count() <= REASON_LIMIT && !why.chars().any(char::is_control);
    (1..=LAYER_LIMIT).contains(&lacks.len()) && lacks.iter().all(|lack| readable(&lack.why))
}

/// What the kernel's `status` of the process says against its account. Landlock is not to be seen from outside.
fn contradiction(confinement: &Confinement, status: &str) -> Option<Unbelieved> {
    let says = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    let lacks_filter = match confinement {
        Confinement::Full => false,
        Confinement::Reduced { lacks } => lacks.iter().any(|lack| lack.layer == Layer::Seccomp),
    };
    let expected = [
        ("NoNewPrivs", "1", stands(Protection::NoNewPrivileges)),
        // 2 is a filter.
        ("Seccomp", "2", !lacks_filter),
    ];
    let differs = expected.into_iter().find(|(name, value, asked)| *asked && says(name) != Some(value));
    differs.map(|(name, ..)| {
        let said = says(name).map_or_else(|| format!("nothing of {name}"), |value| format!("{name} {value}"));
        Unbelieved::Contradicted(said)
    })
}

#[cfg(test)]
mod tests {
    use fabric_model::confinement::Lack;

    use super::*;

    const STATUS: &str = "Name:\tfabric-worker\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t2\n";

    fn without_a_filter() -> Confinement {
        Confinement::of(vec![Lack::of(Layer::Seccomp, "the kernel has none")])
    }

    #[test]
    fn the_kernel_is_asked_whether_it_is_so() {
        let unfiltered = STATUS.replace("Seccomp:\t2", "Seccomp:\t0");
        let privileged = STATUS.replace("NoNewPrivs:\t1", "NoNewPrivs:\t0");
        for (confinement, status, against) in [
            (Confinement::Full, STATUS, None),
            (Confinement::Full, &unfiltered, Some("Seccomp 0")),
            (without_a_filter(), &unfiltered, None),
            (Confinement::Full, &privileged, Some("NoNewPrivs 0")),
            (without_a_filter(), &privileged, Some("NoNewPrivs 0")),
            (Confinement::Full, "", Some("nothing of NoNewPrivs")),
        ] {
            let said = contradiction(&confinement, status).map(|against| against.to_string());
            match (said, against) {
                (None, None) => {}
                (Some(said), Some(against)) => assert!(said.ends_with(against), "{said}"),
                (said, against) => panic!("{confinement}: {said:?}, not {against:?}"),
            }
        }
    }

    #[test]
    fn an_account_is_short_and_readable() {
        assert!(is_sound(&Confinement::Full) && is_sound(&without_a_filter()));
        let lack = |why: &str| Lack::of(Layer::Landlock, why);
        for lacks in [
            vec![],
            vec![lack("x"); 4],
            vec![lack(&"x".repeat(201))],
            vec![lack("\u{1b}[2J")],
            vec![lack("a\nb")],
        ] {
            assert!(!is_sound(&Confinement::Reduced { lacks: lacks.clone() }), "{lacks:?}");
        }
    }
}
