//! Whether this is a CI job.

use std::ffi::OsString;
use std::fmt;

/// The variables by which CI systems make themselves known.
const VARIABLES: [&str; 3] = ["CI", "GITHUB_ACTIONS", "GITLAB_CI"];

/// A CI job, as its environment shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ci {
    variable: &'static str,
    value: String,
}

impl Ci {
    /// Looks for a CI system in the environment, which `variable` reads. Any value counts but an empty one, `0` and `false`, in
    /// whatever case: systems set `true`, `1` or their own name.
    pub fn detect(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        VARIABLES.into_iter().find_map(|name| {
            let value = variable(name)?.to_string_lossy().into_owned();
            let off = ["", "0", "false"].iter().any(|off| value.trim().eq_ignore_ascii_case(off));
            (!off).then_some(Self { variable: name, value })
        })
    }
}

impl fmt::Display for Ci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value: String = self.value.chars().filter(|c| !c.is_control()).take(40).collect();
        write!(f, "{}={value}", self.variable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(name: &'static str, value: &'static str) -> Option<String> {
        Ci::detect(|asked| (asked == name).then(|| value.into())).map(|ci| ci.to_string())
    }

    #[test]
    fn any_value_but_none_zero_and_false_is_ci() {
        for on in ["true", "1", "True", "yes", "woodpecker", "00", "no"] {
            assert_eq!(detect("CI", on), Some(format!("CI={on}")));
        }
        for off in ["", " ", "0", "false", "FALSE", "False "] {
            assert_eq!(detect("CI", off), None, "{off:?}");
        }
        assert_eq!(detect("GITHUB_ACTIONS", "true").as_deref(), Some("GITHUB_ACTIONS=true"));
        assert_eq!(detect("GITLAB_CI", "true").as_deref(), Some("GITLAB_CI=true"));
        assert_eq!(detect("TRAVIS", "true"), None);
    }

    #[test]
    fn a_switched_off_ci_hides_no_other() {
        let both = |name: &str| match name {
            "CI" => Some("false".into()),
            "GITHUB_ACTIONS" => Some("true".into()),
            _ => None,
        };
        assert_eq!(Ci::detect(both).map(|ci| ci.to_string()).as_deref(), Some("GITHUB_ACTIONS=true"));
    }
}
