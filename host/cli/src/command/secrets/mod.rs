//! `fabric secrets`: the secrets store, changed and described. No value is taken from an argument, and none is ever shown.

mod change;
mod show;
mod value;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_model::site::Stored;
use fabric_runtime::Refusal;
use fabric_runtime::site::{KeyPath, SiteFile, Store};

use crate::place::Place;

#[derive(clap::Args, Debug)]
pub(crate) struct Secrets {
    /// What to do with the store.
    #[command(subcommand)]
    pub(crate) what: What,
    /// The site file or its folder; it may name another store [default: fabric.toml of the project, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) site: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum What {
    /// Add what a file of `openssl enc -aes-256-cbc -pbkdf2` holds: JSON with keys, fields and values
    Import {
        /// The file
        file: PathBuf,
        /// The passphrase, in a file of mode 0600 [default: asked for without echo, or read from standard input]
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Make an empty store, and the identity that opens it
    Init,
    /// Say what one key has: fields, times, where the site file refers to it; no values
    Inspect {
        /// The key
        key: KeyPath,
    },
    /// Say what the store has; no values
    List,
    /// Add a value, read from standard input or asked for without echo
    Put {
        #[command(flatten)]
        at: At,
        /// Make a random value of so many letters and digits instead
        #[arg(long, value_name = "LENGTH", value_parser = length)]
        generate: Option<usize>,
    },
    /// Remove a field, or a key with all its fields
    Remove {
        /// The key
        key: KeyPath,
        /// The field [default: all of them]
        field: Option<Slug>,
    },
    /// Replace a value and keep the former one until that is settled
    Rotate {
        #[command(flatten)]
        at: At,
        /// Make a random value of so many letters and digits
        #[arg(long, value_name = "LENGTH", value_parser = length)]
        generate: Option<usize>,
        /// Forget the former value: the new one works everywhere
        #[arg(long, conflicts_with_all = ["generate", "undo"])]
        settle: bool,
        /// Take the former value back
        #[arg(long, conflicts_with = "generate")]
        undo: bool,
    },
}

/// A value's place.
#[derive(clap::Args, Debug)]
pub(crate) struct At {
    /// The key: names with `/` between them, such as proxmox/token
    pub(crate) key: KeyPath,
    /// The field
    #[arg(default_value_t = Stored::default_field())]
    pub(crate) field: Slug,
}

pub(crate) fn secrets(place: &Place, args: &Secrets) -> Result<Exit, Refusal> {
    let site = site(place, args.site.as_deref())?;
    let store = Store::of(site.as_ref(), &place.home);
    match &args.what {
        What::Import { file, passphrase_file } => change::import(&store, file, passphrase_file.as_deref()),
        What::Init => change::init(&store),
        What::Inspect { key } => show::inspect(&store, site.as_ref(), key),
        What::List => show::list(&store, site.as_ref()),
        What::Put { at, generate } => change::put(&store, at, *generate),
        What::Remove { key, field } => change::remove(&store, key, field.as_ref()),
        What::Rotate { at, settle: true, .. } => change::settle(&store, at),
        What::Rotate { at, undo: true, .. } => change::undo(&store, at),
        What::Rotate { at, generate, .. } => change::rotate(&store, at, *generate),
    }
}

/// A store can be kept before there is a project.
fn site(place: &Place, given: Option<&Path>) -> Result<Option<SiteFile>, Refusal> {
    if given.is_none() && !place.project.join("fabric.toml").exists() {
        return Ok(None);
    }
    place.site(given).map(Some)
}

/// Under 16 characters a secret can be guessed, and over 1024 many systems cut it off.
fn length(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(length @ 16..=1024) => Ok(length),
        _ => Err("a length is from 16 to 1024".to_owned()),
    }
}
