pub(crate) mod syntax;
pub(crate) fn execute(_: fabric_model::door::Start, _: &std::sync::Arc<crate::link::Link>) -> fabric_model::door::Outcome { fabric_model::door::Outcome::Finished }
