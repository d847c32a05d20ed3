//! What is installed on a host.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommandOutput;
use super::command::name::PACKAGES;
use super::output::garbage;
use crate::error::WireError;

/// A package that dpkg knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name, with the architecture where there are several.
    pub name: String,
    /// Its version; empty where only its configuration is left.
    pub version: String,
}

/// Reads the output of [`super::ReadCommand::Packages`], by name.
///
/// # Errors
/// [`WireError::Command`] when the tool failed, [`WireError::Garbage`] when a line is not a name, a tab and a version.
pub fn packages(output: &CommandOutput) -> Result<Vec<Package>, WireError> {
    let packages: Option<Vec<Package>> = output.text(PACKAGES)?.lines().map(package).collect();
    let mut packages = packages
        .filter(|packages| !packages.is_empty())
        .ok_or_else(|| garbage(PACKAGES, "it is not a list of packages"))?;
    packages.sort_unstable();
    Ok(packages)
}

fn package(line: &str) -> Option<Package> {
    let (name, version) = line.split_once('\t')?;
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_graphic());
    let fits = !name.is_empty() && plain(name) && plain(version);
    fits.then(|| Package { name: name.to_owned(), version: version.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::printed;
    use super::*;

    #[test]
    fn packages_come_by_name() {
        let found =
            packages(&printed("zlib1g:amd64\t1:1.2.13.dfsg-1\nacl\t2.3.1-3\nold\t\n")).expect("packages");
        assert_eq!(
            found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
            ["acl", "old", "zlib1g:amd64"]
        );
    }

    #[test]
    fn a_line_that_is_no_package_is_garbage() {
        for bad in ["", "acl 2.3\n", "\t1\n", "a b\t1\n", "a\t1\t2\n"] {
            assert!(matches!(packages(&printed(bad)), Err(WireError::Garbage(_))), "{bad:?}");
        }
    }
}
