//! `signer.toml` of the operator's folder: who signs where the key is in no file of his. gpg and its agent, which know cards and keys
//! that exist already, or a program of the site.

mod program;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fabric_evidence::signature::{INTENT, ROLE};
use fabric_evidence::signer::{Elsewhere, Request};
use fabric_evidence::{Fingerprint, Signer};
use fabric_model::Diagnostic;
use fabric_model::exit::Exit;
use serde::Deserialize;

use crate::boundary;
use crate::refusal::Refusal;
use program::Program;

/// The file's name in the operator's folder.
pub(crate) const NAME: &str = "signer.toml";

/// The only format of the file so far.
const FORMAT: u32 = 1;

/// How long somebody may look for his card, in seconds, where the file does not say.
const PATIENCE_S: u64 = 120;

/// What gpg and its agent may need of the environment to find their folder and to ask for a PIN.
const FOR_PINS: [&str; 9] = [
    "HOME",
    "PATH",
    "GNUPGHOME",
    "GPG_TTY",
    "TERM",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    /// The public certificate, relative to this file.
    certificate: PathBuf,
    gpg: Option<Gpg>,
    command: Option<Command>,
}

/// `[gpg]`: gpg signs, and its agent has the key or knows the card that has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gpg {
    /// The program.
    #[serde(default = "gpg")]
    pub(crate) program: PathBuf,
    /// Its folder, where it is not the usual one.
    pub(crate) home: Option<PathBuf>,
    /// How long to wait for a PIN and a touch.
    #[serde(default = "patience")]
    pub(crate) time_limit_s: u64,
}

/// `[command]`: a program of the site signs what comes on its standard input.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    argv: Vec<String>,
    #[serde(default = "patience")]
    time_limit_s: u64,
}

fn gpg() -> PathBuf {
    "/usr/bin/gpg".into()
}

fn patience() -> u64 {
    PATIENCE_S
}

/// The signer that the file names.
///
/// # Errors
/// When the file, the certificate or the program is missing, wrong, or can be written by others.
pub(crate) fn load(path: &Path) -> Result<Signer, Refusal> {
    boundary::of_one_writer(path)?;
    let file = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let read: File = toml::from_str(&text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let wrong = Diagnostic::at(&file, &text, offset, error.message().to_owned());
        Refusal::in_file(Exit::Configuration, &file, vec![wrong])
    })?;
    if read.format != FORMAT {
        return Err(Refusal::new(Exit::Configuration, format!("{file}: the only format is {FORMAT}")));
    }
    let program: Arc<dyn Elsewhere> = match (read.gpg, read.command) {
        (Some(gpg), None) => Arc::new(ByGpg(gpg.program()?, gpg.home)),
        (None, Some(command)) => Arc::new(ByCommand(command.program()?)),
        _ => {
            return Err(Refusal::new(
                Exit::Configuration,
                format!("{file} needs either `[gpg]` or `[command]`, and one of them"),
            ));
        }
    };
    let certificate = path.parent().unwrap_or(Path::new(".")).join(read.certificate);
    let bytes = fs::read(&certificate).map_err(|error| unreadable(&certificate, &error))?;
    Signer::elsewhere(&certificate, &bytes, program).map_err(|error| {
        let hint = error.hint();
        Refusal::new(Exit::Authentication, error.to_string()).hint(hint)
    })
}

impl Gpg {
    /// gpg as it is found on Debian.
    pub(crate) fn usual() -> Self {
        Self { program: gpg(), home: None, time_limit_s: PATIENCE_S }
    }

    fn program(&self) -> Result<Program, Refusal> {
        Program::at(&self.program, Duration::from_secs(self.time_limit_s))
    }

    /// The public certificate of a key that gpg has, armored.
    ///
    /// # Errors
    /// When gpg does not have it.
    pub(crate) fn certificate(&self, fingerprint: &Fingerprint) -> Result<Vec<u8>, Refusal> {
        let wanted = fingerprint.to_string();
        let program = ByGpg(self.program()?, self.home.clone());
        let arguments = ["--armor", "--export-options", "export-minimal", "--export", &wanted];
        let exported = program.run(&arguments, &[]);
        match exported {
            Ok(bytes) if !bytes.is_empty() => Ok(bytes),
            other => {
                let why = other.err().unwrap_or_else(|| "it has no such key".to_owned());
                Err(Refusal::new(Exit::Authentication, format!("gpg gives no certificate {wanted}: {why}"))
                    .hint("`gpg --list-secret-keys` shows the fingerprints of your keys."))
            }
        }
    }
}

impl Command {
    fn program(&self) -> Result<Program, Refusal> {
        let [program, arguments @ ..] = self.argv.as_slice() else {
            return Err(Refusal::new(Exit::Configuration, "`argv` of the signing command names no program"));
        };
        let mut program = Program::at(Path::new(program), Duration::from_secs(self.time_limit_s))?;
        program.arguments = arguments.to_vec();
        Ok(program)
    }
}

/// gpg, with its folder where it is not the usual one.
struct ByGpg(Program, Option<PathBuf>);

impl ByGpg {
    /// No option file of its user changes what it does, and nothing is asked for on the terminal but by the agent.
    fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        let Self(program, home) = self;
        let mut environment = passed_on();
        if let Some(home) = home {
            environment.insert("GNUPGHOME".into(), home.into());
        }
        let fixed = ["--no-options", "--batch", "--quiet", "--no-auto-key-retrieve"];
        program.run(&[&fixed, arguments].concat(), environment, input)
    }
}

impl Elsewhere for ByGpg {
    fn name(&self) -> String {
        self.0.path.display().to_string()
    }

    fn sign(&self, request: &Request<'_>) -> Result<Vec<u8>, String> {
        let key = request.fingerprint.to_string();
        let role = format!("{ROLE}={}", request.role);
        let intent = format!("{INTENT}={}", request.intent);
        let arguments = [
            "--local-user",
            &key,
            "--digest-algo",
            "SHA512",
            "--set-notation",
            &role,
            "--set-notation",
            &intent,
            "--detach-sign",
        ];
        self.run(&arguments, request.bytes)
    }
}

/// A program of the site. What it signs comes on its standard input; for whom, and as what, it is told in its environment.
struct ByCommand(Program);

impl Elsewhere for ByCommand {
    fn name(&self) -> String {
        self.0.path.display().to_string()
    }

    fn sign(&self, request: &Request<'_>) -> Result<Vec<u8>, String> {
        let mut environment = passed_on();
        let told = [
            ("FABRIC_SIGN_FINGERPRINT", request.fingerprint.to_string()),
            ("FABRIC_SIGN_ROLE", request.role.to_owned()),
            ("FABRIC_SIGN_INTENT", request.intent.to_owned()),
        ];
        environment.extend(told.map(|(name, value)| (name.into(), value.into())));
        let arguments: Vec<&str> = self.0.arguments.iter().map(String::as_str).collect();
        self.0.run(&arguments, environment, request.bytes)
    }
}

fn passed_on() -> BTreeMap<OsString, OsString> {
    FOR_PINS.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?))).collect()
}

fn unreadable(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::new(Exit::Configuration, format!("{} cannot be read: {error}", path.display()))
}
