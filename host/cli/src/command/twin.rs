//! `fabric twin`: a twin in a process of its own, which outlives the hosts that use it.

use std::path::Path;

use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use fabric_twin::{Twin, process};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Twin as TwinArgs;
use crate::place::Place;
use crate::stream::tell;

/// The seed of its randomness, as in every rehearsal.
const SEED: u64 = 1;

pub(crate) fn twin(place: &Place, args: &TwinArgs) -> Result<Exit, Refusal> {
    let file = place.site(args.site.as_deref())?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Refusal::new(Exit::Bug, format!("the runtime cannot be started: {error}")))?;
    let _inside = runtime.enter();
    let twin = Twin::at_speed(&file.site, SEED, args.speed);
    tell(format_args!("a twin of `{}` listens on {}", file.site.site.name, shown(&args.socket)));
    runtime.block_on(process::serve(twin, &args.socket, ended())).map_err(|error| {
        Refusal::new(Exit::Configuration, format!("{} cannot be served: {error}", shown(&args.socket)))
            .hint("Name a socket that does not exist yet, in a folder of your own.")
    })?;
    Ok(Exit::Done)
}

/// Until somebody ends it.
async fn ended() {
    let signalled = |kind| async move {
        match signal(kind) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            // Without a handler the signal ends the process by itself.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = signalled(SignalKind::interrupt()) => {}
        () = signalled(SignalKind::terminate()) => {}
    }
}

fn shown(socket: &Path) -> std::path::Display<'_> {
    socket.display()
}
