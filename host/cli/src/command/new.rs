//! `fabric new`: a script that runs, to begin with.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use clap::ValueEnum;
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_model::site::{Protocol, Site};
use fabric_runtime::Refusal;

use crate::place::Place;
use crate::stream::{say, tell};

#[derive(clap::Args, Debug)]
pub(crate) struct New {
    /// What it is to be
    #[arg(value_enum)]
    pub(crate) kind: Kind,
    /// Its name, which becomes that of its file
    pub(crate) name: Slug,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A suite of checks, which only looks.
    Acceptance,
    /// A drill that breaks something and sees what becomes of it.
    Gameday,
    /// A script that does something once.
    Script,
}

impl Kind {
    fn folder(self) -> &'static str {
        match self {
            Self::Acceptance => "acceptance",
            Self::Gameday => "gamedays",
            Self::Script => "scripts",
        }
    }

    fn template(self) -> &'static str {
        match self {
            Self::Acceptance => include_str!("../template/acceptance.rhai"),
            Self::Gameday => include_str!("../template/gameday.rhai"),
            Self::Script => include_str!("../template/script.rhai"),
        }
    }
}

pub(crate) fn new(place: &Place, args: &New) -> Result<Exit, Refusal> {
    let site = place.site(None)?.site;
    let text = filled(args, &site)?;
    let folder = place.project.join(args.kind.folder());
    let path = folder.join(format!("{}.rhai", args.name));
    fs::create_dir_all(&folder)
        .and_then(|()| write(&path, &text))
        .map_err(|error| unwritten(&path, &error))?;
    let shown = place.shorten(&path);
    say(&shown);
    let dry_run = if args.kind == Kind::Gameday { "--dry-run " } else { "" };
    tell(format_args!("next: `fabric check {shown}`, then `fabric rehearse {dry_run}{shown}`"));
    Ok(Exit::Done)
}

/// The template, about the first service of the site that is reached over TCP.
fn filled(args: &New, site: &Site) -> Result<String, Refusal> {
    let served = site.vips.iter().find_map(|(name, vip)| {
        let service = vip.services.iter().find(|service| service.protocol == Protocol::Tcp)?;
        Some((name, &vip.group, service.port))
    });
    let (vip, group, port) = served.ok_or_else(|| {
        Refusal::new(Exit::Configuration, "no VIP of the site file serves anything over TCP").hint(
            "Say what a VIP serves: `services = [{ protocol = \"tcp\", port = 443 }]` below [vips.NAME].",
        )
    })?;
    // The holders of every VIP of the pair are watched meanwhile.
    let watched: Vec<String> = site
        .vips
        .iter()
        .filter(|(_, vip)| vip.group == *group)
        .map(|(name, _)| format!("\"vip:{name}\""))
        .collect();
    let title = args.name.as_str().replace(['-', '_'], " ");
    let fields = [
        ("{title}", title.as_str()),
        ("{vip}", vip.as_str()),
        ("{group}", group.as_str()),
        ("{port}", &port.to_string()),
        ("{watched}", &watched.join(", ")),
    ];
    Ok(fields.iter().fold(args.kind.template().to_owned(), |text, (field, value)| text.replace(field, value)))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

fn unwritten(path: &Path, error: &io::Error) -> Refusal {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Refusal::new(Exit::Configuration, format!("{shown} exists and would be lost"))
                .hint("Choose another name, or remove that file.")
        }
        _ => Refusal::new(Exit::Configuration, format!("{shown} cannot be written: {error}")),
    }
}
