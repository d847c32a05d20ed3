//! The declaration at the top of a script, in both kinds of comment.

use fabric_model::Diagnostic;
use fabric_script::header;

/// The text of a script. A declaration is the same with other line ends, and every error stands in the text.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for file in ["s.rhai", "s.luau"] {
        let read = header::parse(file, text);
        match &read {
            Ok(header) => {
                assert!(!header.title.trim().is_empty());
                assert!(header.needs.iter().all(|need| (1..=text.lines().count()).contains(&need.line)));
                assert!(header.needs.is_sorted_by_key(|need| need.line));
                let defaults =
                    header.params.values().filter_map(|param| Some((param, param.default.as_ref()?)));
                assert!(defaults.into_iter().all(|(param, default)| param.kind.admits(default)));
            }
            Err(errors) => stand_in(text, errors),
        }
    }
}

/// Whether diagnostics stand where they say.
///
/// # Panics
/// When there is none, or one stands outside of the text.
pub(super) fn stand_in(text: &str, errors: &[Diagnostic]) {
    assert!(!errors.is_empty(), "refused without a reason");
    for error in errors {
        // A text ends behind its last line end.
        assert!(error.line <= text.matches('\n').count() + 1, "{error:?}");
    }
}
