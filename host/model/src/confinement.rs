//! What a worker gave up of the machine before it read its script.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What keeps a script in its process.
///
/// Every worker has an empty environment, no descriptor but the door, no way to new privileges, limits on what it takes, and dies
/// with its host; one that cannot have these does not start. Whether it also has the layers below is a matter of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub enum Confinement {
    /// Every layer holds.
    Full,
    /// Some do not.
    Reduced {
        /// Which, each with the reason.
        lacks: Vec<Lack>,
    },
}

/// A layer that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lack {
    /// Which.
    pub layer: Layer,
    /// Why, such as "the kernel has none".
    pub why: String,
}

/// A layer around a worker that not every kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Landlock: no file, no port, no process outside can be reached.
    Landlock,
    /// A seccomp filter: only the listed system calls are made.
    Seccomp,
    /// What the worker says of itself. It is missing where it said nothing that can be believed.
    Word,
}

impl Confinement {
    /// The confinement with these lacks.
    pub fn of(lacks: Vec<Lack>) -> Self {
        if lacks.is_empty() { Self::Full } else { Self::Reduced { lacks } }
    }

    /// What is lacking, in words; nothing where every layer holds.
    pub fn reduced(&self) -> Option<String> {
        match self {
            Self::Full => None,
            Self::Reduced { lacks } => {
                Some(lacks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            }
        }
    }
}

impl Lack {
    /// A lack of this layer.
    pub fn of(layer: Layer, why: impl Into<String>) -> Self {
        Self { layer, why: why.into() }
    }
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reduced() {
            None => f.write_str("full"),
            Some(lacks) => write!(f, "reduced: {lacks}"),
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layer = match self.layer {
            Layer::Landlock => "no Landlock",
            Layer::Seccomp => "no seccomp filter",
            Layer::Word => "nothing is known of it",
        };
        write!(f, "{layer} ({})", self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lacks_is_said_with_its_reason() {
        assert_eq!(Confinement::of(vec![]).to_string(), "full");
        let lacks =
            vec![Lack::of(Layer::Landlock, "the kernel has none"), Lack::of(Layer::Seccomp, "EINVAL")];
        let said = "reduced: no Landlock (the kernel has none); no seccomp filter (EINVAL)";
        assert_eq!(Confinement::of(lacks).to_string(), said);
    }
}
