//! What a script declares in its header.

use fabric_model::{Class, PrimitiveName, Resource};

use crate::pattern::Pattern;

/// The declaration of a script: how far it reaches and what it needs. A script is never granted more than it declares, so that
/// its header can be read instead of its code.
#[derive(Clone, Debug)]
pub struct Needs {
    pub(crate) file: String,
    pub(crate) reach: Class,
    declared: Vec<(PrimitiveName, Pattern, usize)>,
}

impl Needs {
    /// The declaration found in `file`: the strongest class that the script may call, and each needed primitive and pattern with
    /// the line on which it stands, counted from 1.
    pub fn new(
        file: impl Into<String>,
        reach: Class,
        declared: Vec<(PrimitiveName, Pattern, usize)>,
    ) -> Self {
        Self { file: file.into(), reach, declared }
    }

    /// Whether the script declares that it calls the primitive on this resource.
    pub(crate) fn declare(&self, primitive: &PrimitiveName, class: Class, resource: &Resource) -> bool {
        self.of(primitive).any(|(pattern, _)| pattern.permits(class, resource))
    }

    /// What is declared for one primitive, with lines.
    pub(crate) fn of(&self, primitive: &PrimitiveName) -> impl Iterator<Item = (&Pattern, usize)> {
        self.declared.iter().filter(move |(p, ..)| p == primitive).map(|(_, pattern, line)| (pattern, *line))
    }
}
