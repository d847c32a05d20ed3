//! What a fault is: a name, arguments with defaults, and a recipe.

use fabric_model::site::Site;

use super::step::{Step, Until};
use crate::error::LabError;

/// A fault that can be planted.
pub(crate) struct Kind {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// Names and defaults.
    pub(crate) arguments: &'static [(&'static str, &'static str)],
    /// One line for `fault list`.
    pub(crate) about: &'static str,
    /// How it is planted in a lab of this site.
    pub(crate) recipe: fn(&Site, &Arguments) -> Result<Recipe, LabError>,
}

/// How a fault is planted.
#[derive(Debug, Default)]
pub(crate) struct Recipe {
    /// What is done, in this order; undone in reverse.
    pub(crate) steps: Vec<Step>,
    /// What has to show before the fault counts as planted.
    pub(crate) until: Vec<Until>,
}

impl From<Vec<Step>> for Recipe {
    fn from(steps: Vec<Step>) -> Self {
        Self { steps, until: Vec::new() }
    }
}

/// The arguments of one planting, by name.
#[derive(Debug)]
pub(crate) struct Arguments(Vec<(&'static str, String)>);

impl Arguments {
    /// Those given, then the defaults.
    pub(crate) fn of(kind: &Kind, given: &[String]) -> Result<Self, LabError> {
        if given.len() > kind.arguments.len() {
            return Err(LabError::Usage(format!(
                "{} takes at most {} arguments",
                kind.name,
                kind.arguments.len()
            )));
        }
        let mut given = given.iter();
        let value = |(name, default): &(&'static str, &'static str)| {
            (*name, given.next().map_or(*default, String::as_str).to_owned())
        };
        let values: Vec<(&'static str, String)> = kind.arguments.iter().map(value).collect();
        // They become words of shell lines and of configuration.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/@".contains(&byte);
        match values.iter().find(|(_, value)| value.is_empty() || !value.bytes().all(plain)) {
            Some((name, value)) => Err(LabError::Usage(format!("{name}: `{value}` is not one plain word"))),
            None => Ok(Self(values)),
        }
    }

    /// The values in order.
    pub(crate) fn values(&self) -> Vec<String> {
        self.0.iter().map(|(_, value)| value.clone()).collect()
    }

    /// An argument by its name; every argument of the kind is there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(argument, _)| *argument == name).map_or("", |(_, value)| value)
    }

    /// An argument that is a number.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, LabError> {
        self.get(name)
            .parse()
            .map_err(|_| LabError::Usage(format!("{name}: `{}` is not a number in range", self.get(name))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind {
        name: "made-up",
        arguments: &[("node", "dns-edge-1"), ("unit", "dnsdist")],
        about: "a fault for these tests",
        recipe: |_, _| Ok(Recipe::default()),
    };

    fn given(words: &[&str]) -> Result<Vec<String>, LabError> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        Arguments::of(&KIND, &words).map(|arguments| arguments.values())
    }

    #[test]
    fn missing_arguments_are_the_defaults() {
        assert_eq!(given(&["dns-edge-2"]).expect("one argument is enough"), ["dns-edge-2", "dnsdist"]);
    }

    #[test]
    fn too_many_arguments_are_refused() {
        assert!(given(&["a", "b", "c"]).is_err());
    }

    #[test]
    fn an_argument_that_a_shell_would_read_is_refused() {
        for word in ["a b", "a;b", "$(a)", "a'b", "", "a\nb", "`a`"] {
            assert!(given(&[word]).is_err(), "{word:?} was taken");
        }
    }
}
