//! `fabric`: runs scripts against a site through capability-gated primitives, and verifies what it wrote about it.

mod args;
mod cases;
mod codes;
mod command;
mod examples;
mod excerpt;
mod output;
mod place;
mod reference;
mod shell;
mod stream;
mod terminal;

use std::process::ExitCode;

use clap::FromArgMatches as _;
use fabric_model::exit::Exit;
use fabric_runtime::{Refusal, WORKER_SUBCOMMAND};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use crate::args::{Args, Command, Plan, Policy};

fn main() -> ExitCode {
    #[cfg(fabric_removable_protections)]
    if let Err(error) = removed() {
        eprintln!("{error}");
        return ExitCode::from(Exit::Usage.code());
    }
    // The worker goes first and alone: it must not load what only the host needs.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == WORKER_SUBCOMMAND) {
        return fabric_script::worker::main();
    }
    let given = examples::command().try_get_matches();
    let args = match given.and_then(|matches| Args::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(answer) => {
            // Help and version come this way too; clap knows which stream and code each has.
            let _ = answer.print();
            return ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(Exit::Usage.code()));
        }
    };
    args.color.apply();
    match keep_secrets().and_then(|()| dispatch(args)) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(refusal) => {
            terminal::refused(&refusal);
            ExitCode::from(refusal.exit.code())
        }
    }
}

/// Takes away the protections that the tests name: to the host in its environment, to the worker, which has none, in its arguments.
#[cfg(fabric_removable_protections)]
fn removed() -> Result<(), fabric_model::protection::NoProtection> {
    let mut arguments = std::env::args_os().skip(1);
    let names = match arguments.next() {
        Some(first) if first == WORKER_SUBCOMMAND => arguments.next(),
        _ => std::env::var_os("FABRIC_WITHOUT"),
    };
    fabric_model::protection::remove(&names.unwrap_or_default().to_string_lossy())
}

/// Has the kernel keep this process's memory, where keys and secrets are, from other processes of the account and from dumps.
fn keep_secrets() -> Result<(), Refusal> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none)
        .and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable))
        .map_err(|error| {
            Refusal::new(Exit::Bug, format!("the process's memory cannot be kept to itself: {error}"))
        })
}

fn dispatch(args: Args) -> Result<Exit, Refusal> {
    let place = place::Place::find(&args)?;
    match args.command {
        Command::Approve(approve) => command::approve::approve(&place, &approve),
        Command::Check(check) => command::check::check(&place, &check),
        Command::Completions(completions) => command::completions::completions(&completions),
        Command::Docs(docs) => command::docs::docs(&docs),
        Command::Doctor(doctor) => command::doctor::doctor(&place, &doctor),
        Command::Evidence(evidence) => command::evidence::evidence(&place, &evidence),
        Command::Explain(explain) => command::explain::explain(&explain),
        Command::Freeze(freeze) => command::freeze::freeze(&place, &freeze),
        Command::Gameday(gameday) => command::gameday::gameday(&place, &gameday),
        Command::Init(init) => command::init::init(&place, &init),
        Command::List(list) => command::list::list(&place, &list),
        Command::New(new) => command::new::new(&place, &new),
        Command::Recover(recover) => command::recover::recover(&place, &recover),
        Command::Plan(Plan::Show(show)) => command::plan::show(&place, &show),
        Command::Policy(Policy::Explain(explain)) => command::policy::explain(&place, &explain),
        Command::Policy(Policy::Minimise(minimise)) => command::policy::minimise(&place, &minimise),
        Command::Rehearse(run) => command::run::rehearse(&place, &run),
        Command::Run(run) => command::run::run(&place, &run),
        Command::Schema(schema) => command::schema::schema(&schema),
        Command::Secrets(secrets) => command::secrets::secrets(&place, &secrets),
        Command::Test(test) => command::test::test(&place, &test),
        Command::Thaw(thaw) => command::freeze::thaw(&place, &thaw),
        Command::Twin(twin) => command::twin::twin(&place, &twin),
        Command::Verify(verify) => command::verify::verify(&place, &verify),
    }
}
