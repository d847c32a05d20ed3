//! `fabric completions`: what a shell needs to complete our command line.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;

use crate::args::Args;
use crate::stream::pour;

/// The name under which shells know the program.
const PROGRAM: &str = "fabric";

#[derive(clap::Args, Debug)]
pub(crate) struct Completions {
    /// The shell; its own manual says where it looks for completions
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

pub(crate) fn completions(args: &Completions) -> Result<Exit, Refusal> {
    let mut script = Vec::new();
    generate(args.shell, &mut Args::command(), PROGRAM, &mut script);
    pour(&script);
    Ok(Exit::Done)
}
