//! The rules: what each is called, how grave a breach is, what it means and what to do. One table, from which findings, SARIF and the
//! reference are made.

use std::fmt;

use fabric_model::Diagnostic;
use serde::{Deserialize, Serialize};

use super::tree::Spot;

/// One rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable, in lower case with hyphens.
    pub id: &'static str,
    /// How grave a breach is.
    pub severity: Severity,
    /// A breach in one sentence.
    pub means: &'static str,
    /// Why it matters or how it comes about: sentences.
    pub arises: &'static str,
    /// What to do: sentences.
    pub remedy: &'static str,
}

/// How grave a breach of a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The script would be refused, would fail, or would not do what it says.
    Error,
    /// It would run, and is probably not meant so.
    Warning,
}

impl Severity {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Where, what, and what to do.
    pub diagnostic: Diagnostic,
}

impl Finding {
    /// A breach in a file.
    pub(crate) fn at(rule: &'static Rule, file: &str, spot: Spot, message: impl Into<String>) -> Self {
        let Spot { line, column } = spot;
        Self { rule, diagnostic: Diagnostic { line, column, ..Diagnostic::whole(file, message) } }
    }

    /// The same breach with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.diagnostic = self.diagnostic.hint(hint);
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.diagnostic, self.rule.id)
    }
}

macro_rules! rules {
    ($($name:ident = $id:literal, $severity:ident, $means:literal, $arises:literal, $remedy:literal;)*) => {
        $(
            #[doc = $means]
            pub static $name: Rule = Rule {
                id: $id,
                severity: Severity::$severity,
                means: $means,
                arises: $arises,
                remedy: $remedy,
            };
        )*

        /// Every rule, in the order of its id.
        pub static RULES: &[&Rule] = &[$(&$name,)*];
    };
}

rules! {
    BEYOND_REACH = "beyond-reach", Error,
        "The script calls something stronger than its header says it reaches.",
        "A call of class `change` or `destroy` stands in a script of a weaker reach, or in a module function that the script calls.",
        "Set `reach` in the header, or leave the call out.";
    CAPTURED_ASSIGNMENT = "captured-assignment", Error,
        "A branch of `par` assigns to a variable of the script around it.",
        "Branches run side by side: in Luau they would overwrite each other's value, in Rhai each has a copy and the value is lost.",
        "Return the value from the function; `par` gives the results as a list in order.";
    CHANGE_OUT_OF_PLACE = "change-out-of-place", Error,
        "Something is changed where nothing may be.",
        "The call stands in the function of a `check`, a `par` or an `abort_when`, or in a function that it calls. The host refuses it.",
        "Move it into the `fault` or the body of a `during`.";
    EMPTY_CHECK = "empty-check", Warning,
        "A check expects nothing and looks at nothing.",
        "It passes whatever the site is like.",
        "Call a primitive and say with `expect_…` what its result should be, or leave the check out.";
    IMPORT = "import", Error,
        "An import cannot be followed.",
        "Its path is computed, leaves the project, is not there, leads back to itself, or nests too deep.",
        "Write the path from the project's root, without an ending, as a literal.";
    MISSING_FIELD = "missing-field", Error,
        "A call lacks an argument that the primitive requires.",
        "The table of arguments has no such field, so the call would end as `script.argument`.",
        "Add the field; `fabric docs NAME` shows what it holds.";
    SECRET_LITERAL = "secret-literal", Error,
        "A text of the script looks like a secret.",
        "A private key, an API token, a value under a name such as `password`, or a long random text. Scripts are shown, shared and sealed in packets.",
        "Keep it where the site file's `[secrets]` says, and revoke it if it was committed.";
    SHADOWED_IMPORT = "shadowed-import", Warning,
        "A function or variable has the name of an import of the same file.",
        "Who reads the script cannot tell which of them a call means.",
        "Choose another name.";
    SHADOWED_NAME = "shadowed-name", Error,
        "A name of the host is defined anew.",
        "A function, variable, parameter or import is named like a namespace of primitives or a function that every script has, and would hide it.",
        "Choose another name.";
    SYNTAX = "syntax", Error,
        "The script cannot be parsed.",
        "A mistake of syntax, or more nesting than the parser takes.",
        "Mend the place that the message shows.";
    UNDECLARED_CALL = "undeclared-call", Error,
        "A call is not covered by the needs that the header declares.",
        "The primitive does not stand under `[needs]`, or on other resources than this one. In a run the gate refuses it.",
        "Add the line that the hint shows.";
    UNGRANTABLE_NEED = "ungrantable-need", Warning,
        "The policy can never grant a need of the header.",
        "No allow rule meets it, for whatever role and environment, or a deny rule covers all of it.",
        "Ask the owner of the policy for a rule, or leave the need out.";
    UNKNOWN_FIELD = "unknown-field", Error,
        "A call has an argument that the primitive does not have.",
        "It is misspelt, or of another primitive; the call would end as `script.argument`.",
        "Use one of the fields that `fabric docs NAME` shows.";
    UNKNOWN_FUNCTION = "unknown-function", Error,
        "There is no function of this name.",
        "It is misspelt, stands in a module that is not imported, or belongs to the language and not to fabric, such as `sleep`.",
        "Define it, import the module that has it, or use another.";
    UNKNOWN_IN_POLICY = "unknown-in-policy", Error,
        "The policy names a primitive that does not exist.",
        "It is misspelt, or of another version of fabric. Such a line grants, denies or guards nothing.",
        "Mend the name in the policy.";
    UNKNOWN_PARAMETER = "unknown-parameter", Error,
        "The script asks for a parameter that its header does not declare.",
        "It is misspelt in `param`, or its table is missing in the header.",
        "Add `[params.NAME]` to the header, or mend the name.";
    UNKNOWN_PRIMITIVE = "unknown-primitive", Error,
        "There is no primitive of this name, or `site` has no such function.",
        "It is misspelt, or of another version of fabric.",
        "`fabric list primitives` shows all of them.";
    UNREACHABLE_CHECK = "unreachable-check", Warning,
        "A check can never run.",
        "It stands after a `return`, a `throw`, a `skip` or an endless loop, under a condition that is never true, or in a function that nothing calls.",
        "Move it, call the function, or leave it out: a check that never runs shows nothing.";
    UNUSED_NEED = "unused-need", Warning,
        "The header declares a need that nothing uses.",
        "Neither the script nor its modules call the primitive, or only on other resources. Needs should say what a script does and no more.",
        "Remove the line.";
    WRONG_TYPE = "wrong-type", Error,
        "An argument is of another type than the primitive takes.",
        "The literal is of the wrong type, out of range, or not one of the words that the field takes.",
        "Write a value that `fabric docs NAME` shows for the field.";
}

/// The rule of an id.
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_sorted_and_say_what_they_say_in_sentences() {
        assert!(RULES.is_sorted_by_key(|rule| rule.id));
        for rule in RULES {
            assert!(
                [rule.means, rule.arises, rule.remedy].iter().all(|text| text.ends_with('.')),
                "{}",
                rule.id
            );
            assert!(rule.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", rule.id);
        }
    }
}
