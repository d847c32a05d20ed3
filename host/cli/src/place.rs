//! Where things are: the project, and the operator's own folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_evidence::Trust;
use fabric_model::Digest;
use fabric_model::exit::Exit;
use fabric_runtime::guard::{self, FoundPlan, NoPlan};
use fabric_runtime::site::{self, SiteFile};
use fabric_runtime::{Home, Refusal};

use crate::args::Args;

/// The folders and files that commands share.
pub(crate) struct Place {
    /// The project's folder.
    pub(crate) project: PathBuf,
    /// The operator's folder.
    pub(crate) home: Home,
    /// The folder in which packets are made.
    runs: PathBuf,
}

impl Place {
    pub(crate) fn find(args: &Args) -> Result<Self, Refusal> {
        let project = match &args.project {
            Some(folder) => folder.clone(),
            None => nearest_project(),
        };
        let home = match &args.home {
            Some(folder) => folder.clone(),
            None => home_folder()?,
        };
        Ok(Self { runs: project.join("evidence/runs"), project, home: Home::at(home) })
    }

    /// The same project, with another operator's folder and another folder for packets.
    pub(crate) fn apart(&self, home: Home, runs: PathBuf) -> Self {
        Self { project: self.project.clone(), home, runs }
    }

    /// The same place, with the home of rehearsals where the operator has not made a key of his own.
    pub(crate) fn for_rehearsals(&self) -> Self {
        let home = if self.home.is_set_up() { self.home.clone() } else { self.home.for_rehearsals() };
        self.apart(home, self.runs.clone())
    }

    /// The site file: as given, or in the folder that is given, else that of the project.
    pub(crate) fn site(&self, given: Option<&Path>) -> Result<SiteFile, Refusal> {
        let path = match given {
            Some(folder) if folder.is_dir() => folder.join("fabric.toml"),
            Some(file) => file.to_owned(),
            None => self.project.join("fabric.toml"),
        };
        if !path.exists() {
            return Err(Refusal::new(
                Exit::Configuration,
                format!("there is no site file {}", path.display()),
            )
            .hint("Write one (`fabric schema site` describes it), or name one with `--site`.")
            .hint("`fabric rehearse` needs one too: it plays the site that the file describes."));
        }
        site::load(&path)
            .map_err(|errors| Refusal::in_file(Exit::Configuration, &path.display().to_string(), errors))
    }

    /// The policy's file name and text.
    pub(crate) fn policy(&self, given: Option<&Path>) -> Result<(String, String), Refusal> {
        let path = given.map_or_else(|| self.project.join("policy.toml"), Path::to_owned);
        let name = self.shorten(&path);
        match fs::read_to_string(&path) {
            Ok(text) => Ok((name, text)),
            Err(error) => {
                Err(Refusal::new(Exit::Configuration, format!("the policy {name} cannot be read: {error}"))
                    .hint("Without a policy nothing is granted; name one with `--policy`."))
            }
        }
    }

    /// A plan by its digest, or by the folder of the packet that it was made in.
    pub(crate) fn plan(&self, named: &str, trust: &Trust) -> Result<FoundPlan, NoPlan> {
        let now = SystemTime::now();
        match named.parse::<Digest>() {
            Ok(digest) => guard::find_plan(&self.runs(), trust, digest, now),
            Err(_) if Path::new(named).is_dir() => guard::plan_of(Path::new(named), trust, now),
            Err(_) => Err(NoPlan::Missing(
                Refusal::new(Exit::Usage, format!("`{named}` is neither a digest nor a packet"))
                    .hint("A dry run prints the digest of its plan: 64 hexadecimal digits."),
            )),
        }
    }

    /// The folder in which packets are made.
    pub(crate) fn runs(&self) -> PathBuf {
        self.runs.clone()
    }

    /// A path as short as it is clear: relative to the current folder where that is above it.
    pub(crate) fn shorten(&self, path: &Path) -> String {
        let here = env::current_dir().unwrap_or_default();
        path.strip_prefix(&here).unwrap_or(path).display().to_string()
    }
}

/// The folder of the project that the current folder lies in.
pub(crate) fn nearest_project() -> PathBuf {
    let here = env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let marked = |folder: &&Path| folder.join("policy.toml").exists() || folder.join("fabric.toml").exists();
    here.ancestors().find(marked).map_or_else(|| here.clone(), Path::to_owned)
}

fn home_folder() -> Result<PathBuf, Refusal> {
    let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("FABRIC_HOME")
        .or_else(|| named("XDG_CONFIG_HOME").map(|folder| folder.join("fabric")))
        .or_else(|| named("HOME").map(|folder| folder.join(".config/fabric")))
        .ok_or_else(|| {
            Refusal::new(Exit::Configuration, "neither FABRIC_HOME, XDG_CONFIG_HOME nor HOME is set")
                .hint("Name the operator's folder with `--home`.")
        })
}
