//! What of a run is another than in its recording.

use fabric_evidence::RunHead;
use fabric_evidence::recording::Recording;

/// What to say where a run is not made of what its recording was made of; none where it is. That alone refuses nothing: an answer counts for
/// the same call on the same targets, and the gate is asked anew under the policy of now.
pub(crate) fn difference(recording: &Recording, head: &RunHead) -> Option<String> {
    let others: Vec<&str> = [
        ("site file", recording.site != head.site),
        ("policy", recording.policy != head.policy),
        ("script", recording.script.digest != head.script.digest),
        ("set of modules", recording.modules != head.modules),
        ("set of parameters", recording.params != head.params),
    ]
    .into_iter()
    .filter_map(|(what, differs)| differs.then_some(what))
    .collect();
    (!others.is_empty()).then(|| {
        format!(
            "the recording was made with another {}; its answers count for the same calls on the same targets alone",
            others.join(" and another ")
        )
    })
}
