//! `fabric explain`: what a code means that fabric printed, how it comes about, and what to do.

use clap::ValueEnum;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use serde_json::json;

use crate::codes::{self, Entry};
use crate::stream::say;
use crate::terminal::{plain, strong};

#[derive(clap::Args, Debug)]
pub(crate) struct Explain {
    /// A code as it was printed: of a fault, an exit, a rule of `fabric check`, or a finding of `fabric verify`
    pub(crate) code: String,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Human,
    /// One JSON document.
    Json,
}

pub(crate) fn explain(args: &Explain) -> Result<Exit, Refusal> {
    let found = codes::find(&args.code).ok_or_else(|| unknown(&args.code))?;
    match args.output {
        Output::Human => people(&found),
        Output::Json => say(json!({"schema": "fabric.explain/1", "entry": found})),
    }
    Ok(Exit::Done)
}

fn people(Entry { code, kind, means, arises, remedy }: &Entry) {
    let strong = strong();
    say(format_args!("{strong}{code}{strong:#}, {}", kind.as_str()));
    say(format_args!("  {means}"));
    say(format_args!("  {arises}"));
    say(format_args!("  {strong}what to do:{strong:#} {remedy}"));
}

fn unknown(code: &str) -> Refusal {
    let refusal = Refusal::new(Exit::NotFound, format!("there is no code `{}`", plain(code)));
    match codes::nearest(code) {
        Some(near) => refusal.hint(format!("Did you mean `fabric explain {near}`?")),
        None => refusal.hint("docs/reference/codes.md lists all of them."),
    }
}
