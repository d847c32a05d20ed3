//! A call is over by its deadline, whoever keeps it waiting. Time is virtual here: it passes only while nothing can happen.

use fabric_model::{Code, Value};
use fabric_primitives::Primitive;
use tokio::time::{Duration, Instant};

use crate::faults::{is_silence, spoilt};
use crate::happy::{played, timeless};
use crate::rigged::{Mishap, Plan, Way};
use crate::stage::in_virtual_time;

/// Timers count whole milliseconds and round up; a deadline that is divided may do so twice.
pub(crate) const ROUNDING: Duration = Duration::from_millis(2);

fn times_out(primitive: &dyn Primitive, example: &Value, at: usize, mishap: Mishap) {
    let limit = primitive.prepare(example).expect("an example decodes").timeout;
    let (truth, _) = played(primitive, example);
    let when = format!("use number {at}, {mishap:?}");
    in_virtual_time(async {
        let began = Instant::now();
        let outcome = spoilt(primitive, example, Plan::Onwards(at.., mishap));
        let outcome = tokio::time::timeout(limit * 2, outcome).await;
        let outcome = outcome.unwrap_or_else(|_| panic!("{when}: still waiting long after the deadline"));
        assert!(began.elapsed() <= limit + ROUNDING, "{when}: over after {:?}", began.elapsed());
        match outcome.seen {
            // The one primitive that asks whether anybody answers.
            Ok(seen) if primitive.name().as_str() == "tcp.connect" => {
                assert_eq!(timeless(&seen.output), Value::table([("state", "timeout".into())]));
            }
            Ok(seen) if is_silence(primitive, &seen.output, &truth.output, &[Code::PortTimeout]) => {}
            Ok(seen) => panic!("{when}: a result, {:?}", seen.output),
            Err(fault) => assert_eq!(fault.code, Code::PortTimeout, "{when}: {fault}"),
        }
    });
}

pub(crate) fn a_seam_that_hangs_ends_at_the_deadline(primitive: &'static dyn Primitive) {
    for example in primitive.examples() {
        let (_, uses) = played(primitive, &example);
        // Randomness is asked for without waiting.
        for (at, _) in uses.iter().enumerate().filter(|(_, used)| used.way != Way::Entropy) {
            times_out(primitive, &example, at, Mishap::Hangs);
        }
    }
}

pub(crate) fn a_peer_that_is_silent_ends_at_the_deadline(primitive: &'static dyn Primitive) {
    for example in primitive.examples() {
        let (_, uses) = played(primitive, &example);
        let streams =
            uses.iter().enumerate().filter(|(_, used)| used.bytes() > 0 && used.way != Way::SshRead);
        for (at, _) in streams {
            times_out(primitive, &example, at, Mishap::Mute);
        }
    }
}
