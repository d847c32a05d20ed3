//! The question that the gate answers.

use std::fmt;

use fabric_model::{Class, PrimitiveName, Resource, Slug};

use crate::alias::Alias;

/// May this script call the primitive, which is of this class, on the resource, which lies in the environment?
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) primitive: PrimitiveName,
    pub(crate) class: Class,
    pub(crate) resource: Resource,
    pub(crate) environment: Slug,
}

impl Asked {
    /// The same question for what the site calls the target.
    pub(crate) fn under(&self, alias: &Alias) -> Self {
        Self { resource: alias.resource.clone(), environment: alias.environment.clone(), ..self.clone() }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` on `{}` in environment `{}`", self.primitive, self.resource, self.environment)
    }
}
