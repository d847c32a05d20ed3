//! Which package links which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// The packages that a build for this machine is made of.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Every package once for each version.
    pub packages: Vec<Package>,
    /// Who links whom directly.
    pub links: BTreeSet<Link>,
}

/// A package.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Whether it is one of ours.
    pub own: bool,
    /// Its licence expression, as it states it.
    pub licence: Option<String>,
    /// Whether it comes from crates.io.
    pub crates_io: bool,
}

/// A direct dependency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Who links.
    pub from: String,
    /// Who is linked.
    pub to: String,
    /// Whether only tests, examples and benchmarks do.
    pub dev: bool,
}

impl Graph {
    /// The graph of the workspace at `root`, as its lock file pins it. Needs no network once the workspace was built.
    ///
    /// # Errors
    /// When cargo cannot resolve the workspace without changing the lock file.
    pub fn read(root: &Path) -> Result<Self, cargo_metadata::Error> {
        let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let metadata = MetadataCommand::new()
            .manifest_path(root.join("Cargo.toml"))
            .other_options(["--locked", "--offline", "--filter-platform", &target].map(str::to_owned))
            .exec()?;
        let own: BTreeSet<_> = metadata.workspace_members.iter().collect();
        let names: BTreeMap<_, _> = metadata.packages.iter().map(|p| (&p.id, p.name.to_string())).collect();
        let packages = metadata.packages.iter().map(|package| Package {
            name: package.name.to_string(),
            own: own.contains(&package.id),
            licence: package.license.clone(),
            crates_io: package.source.as_ref().is_some_and(|source| source.is_crates_io()),
        });
        let mut links = BTreeSet::new();
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            for dependency in &node.deps {
                let (Some(from), Some(to)) = (names.get(&node.id), names.get(&dependency.pkg)) else {
                    continue;
                };
                let dev = dependency.dep_kinds.iter().all(|kind| kind.kind == DependencyKind::Development);
                links.insert(Link { from: from.clone(), to: to.clone(), dev });
            }
        }
        Ok(Self { packages: packages.collect(), links })
    }

    /// A graph that a test makes up: our packages, and who links whom.
    pub fn of(own: &[&str], links: &[(&str, &str)]) -> Self {
        let names: BTreeSet<&str> =
            own.iter().copied().chain(links.iter().flat_map(|(a, b)| [*a, *b])).collect();
        let package = |name: &str| Package {
            name: name.to_owned(),
            own: own.contains(&name),
            licence: Some("MIT".to_owned()),
            crates_io: !own.contains(&name),
        };
        let link =
            |(from, to): &(&str, &str)| Link { from: (*from).to_owned(), to: (*to).to_owned(), dev: false };
        Self { packages: names.into_iter().map(package).collect(), links: links.iter().map(link).collect() }
    }

    /// Every package that ends up in a program, itself included.
    pub fn below(&self, program: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::from([program.to_owned()]);
        let mut left = vec![program.to_owned()];
        while let Some(from) = left.pop() {
            for link in self.links.iter().filter(|link| link.from == from && !link.dev) {
                if found.insert(link.to.clone()) {
                    left.push(link.to.clone());
                }
            }
        }
        found
    }

    /// Whether the package is one of ours.
    pub fn is_own(&self, name: &str) -> bool {
        self.packages.iter().any(|package| package.own && package.name == name)
    }
}
