//! `fabric new`: a script that runs, to begin with, and the cases that it is tested with.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use clap::ValueEnum;
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_model::site::{Protocol, Site, Vip};
use fabric_runtime::Refusal;
use fabric_script::language;

use crate::cases::ENDING;
use crate::place::Place;
use crate::stream::{say, tell};

#[derive(clap::Args, Debug)]
pub(crate) struct New {
    /// What it is to be
    #[arg(value_enum)]
    pub(crate) kind: Kind,
    /// Its name, which becomes that of its file
    pub(crate) name: Slug,
    /// The language that it is written in
    #[arg(long, value_enum, default_value_t, value_name = "LANGUAGE")]
    pub(crate) language: Language,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Rhai.
    #[default]
    Rhai,
    /// Luau.
    Luau,
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

    fn template(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Acceptance, Language::Rhai) => include_str!("../template/acceptance.rhai"),
            (Self::Acceptance, Language::Luau) => include_str!("../template/acceptance.luau"),
            (Self::Gameday, Language::Rhai) => include_str!("../template/gameday.rhai"),
            (Self::Gameday, Language::Luau) => include_str!("../template/gameday.luau"),
            (Self::Script, Language::Rhai) => include_str!("../template/script.rhai"),
            (Self::Script, Language::Luau) => include_str!("../template/script.luau"),
        }
    }

    fn cases(self) -> &'static str {
        match self {
            Self::Acceptance => include_str!("../template/acceptance.test.toml"),
            Self::Gameday => include_str!("../template/gameday.test.toml"),
            Self::Script => include_str!("../template/script.test.toml"),
        }
    }
}

impl Language {
    fn ending(self) -> &'static str {
        match self {
            Self::Rhai => language::Language::Rhai.ending(),
            Self::Luau => language::Language::Luau.ending(),
        }
    }
}

pub(crate) fn new(place: &Place, args: &New) -> Result<Exit, Refusal> {
    let site = place.site(None)?.site;
    let subject = Subject::of(&site)?;
    let folder = place.project.join(args.kind.folder());
    let file = format!("{}.{}", args.name, args.language.ending());
    let texts = [
        (folder.join(&file), args.kind.template(args.language)),
        (folder.join(format!("{}{ENDING}", args.name)), args.kind.cases()),
    ];
    // Both or none.
    if let Some((path, _)) = texts.iter().find(|(path, _)| path.exists()) {
        return Err(unwritten(path, &io::ErrorKind::AlreadyExists.into()));
    }
    fs::create_dir_all(&folder).map_err(|error| unwritten(&folder, &error))?;
    for (path, template) in &texts {
        write(path, &subject.fill(template, &args.name, &file)).map_err(|error| unwritten(path, &error))?;
        say(place.shorten(path));
    }
    let shown = place.shorten(&folder.join(&file));
    let dry_run = if args.kind == Kind::Gameday { "--dry-run " } else { "" };
    tell(format_args!(
        "next: `fabric check {shown}`, `fabric test {shown}`, `fabric rehearse {dry_run}{shown}`"
    ));
    Ok(Exit::Done)
}

/// What a new script is about: the first service of the site that is reached over TCP.
struct Subject<'a> {
    name: &'a Slug,
    vip: &'a Vip,
    port: u16,
    /// Every VIP of the pair: their holders are watched meanwhile.
    watched: Vec<&'a Slug>,
}

impl<'a> Subject<'a> {
    fn of(site: &'a Site) -> Result<Self, Refusal> {
        let served = site.vips.iter().find_map(|(name, vip)| {
            let service = vip.services.iter().find(|service| service.protocol == Protocol::Tcp)?;
            Some((name, vip, service.port))
        });
        let (name, vip, port) = served.ok_or_else(|| {
            Refusal::new(Exit::Configuration, "no VIP of the site file serves anything over TCP").hint(
                "Say what a VIP serves: `services = [{ protocol = \"tcp\", port = 443 }]` below [vips.NAME].",
            )
        })?;
        let watched = site.vips.iter().filter(|(_, other)| other.group == vip.group);
        Ok(Self { name, vip, port, watched: watched.map(|(name, _)| name).collect() })
    }

    /// The template about it.
    fn fill(&self, template: &str, name: &Slug, file: &str) -> String {
        let title = name.as_str().replace(['-', '_'], " ");
        let watched: Vec<String> = self.watched.iter().map(|name| format!("\"vip:{name}\"")).collect();
        let down =
            self.vip.members.keys().map(|host| format!("  {{ fault = \"host-down\", host = \"{host}\" }},"));
        // The least of them, which holds nothing while nothing is wrong.
        let peer = self.vip.members.iter().min_by_key(|(_, priority)| **priority);
        let fields = [
            ("{title}", title.as_str()),
            ("{file}", file),
            ("{vip}", self.name.as_str()),
            ("{group}", self.vip.group.as_str()),
            ("{port}", &self.port.to_string()),
            ("{watched}", &watched.join(", ")),
            ("{down}", &down.collect::<Vec<_>>().join("\n")),
            ("{peer}", peer.map_or("", |(host, _)| host.as_str())),
        ];
        fields.iter().fold(template.to_owned(), |text, (field, value)| text.replace(field, value))
    }
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
