//! `fabric`: runs scripts against a site through capability-gated primitives, and verifies what it wrote about it.

mod args;
mod codes;
mod command;
mod output;
mod place;
mod stream;
mod terminal;

use std::process::ExitCode;

use clap::Parser;
use fabric_model::exit::Exit;
use fabric_runtime::{Refusal, WORKER_SUBCOMMAND};

use crate::args::{Args, Command, Plan, Policy};

fn main() -> ExitCode {
    // The worker goes first and alone: it must not load what only the host needs.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == WORKER_SUBCOMMAND) {
        return fabric_script::worker::main();
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(answer) => {
            // Help and version come this way too; clap knows which stream and code each has.
            let _ = answer.print();
            return ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(Exit::Usage.code()));
        }
    };
    args.color.apply();
    match dispatch(args) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(refusal) => {
            terminal::refused(&refusal);
            ExitCode::from(refusal.exit.code())
        }
    }
}

fn dispatch(args: Args) -> Result<Exit, Refusal> {
    let place = place::Place::find(&args)?;
    match args.command {
        Command::Approve(approve) => command::approve::approve(&place, &approve),
        Command::Check(check) => command::check::check(&place, &check),
        Command::Completions(completions) => command::completions::completions(&completions),
        Command::Explain(explain) => command::explain::explain(&explain),
        Command::Freeze(freeze) => command::freeze::freeze(&place, &freeze),
        Command::Gameday(gameday) => command::gameday::gameday(&place, &gameday),
        Command::Init(init) => command::init::init(&place, &init),
        Command::List(list) => command::list::list(&place, &list),
        Command::New(new) => command::new::new(&place, &new),
        Command::Recover(recover) => command::recover::recover(&place, &recover),
        Command::Plan(Plan::Show(show)) => command::plan::show(&place, &show),
        Command::Policy(Policy::Explain(explain)) => command::policy::explain(&place, &explain),
        Command::Rehearse(run) => command::run::rehearse(&place, &run),
        Command::Run(run) => command::run::run(&place, &run),
        Command::Schema(schema) => command::schema::schema(&schema),
        Command::Thaw(thaw) => command::freeze::thaw(&place, &thaw),
        Command::Twin(twin) => command::twin::twin(&place, &twin),
        Command::Verify(verify) => command::verify::verify(&place, &verify),
    }
}
