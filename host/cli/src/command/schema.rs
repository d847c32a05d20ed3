//! `fabric schema`: JSON Schemas of files, packets and primitives.

use fabric_evidence::journal::Line;
use fabric_evidence::{ChecksRecord, RunRecord};
use fabric_model::PrimitiveName;
use fabric_model::exit::Exit;
use fabric_primitives::registry;
use fabric_runtime::{Refusal, site};
use fabric_twin::TwinFault;
use schemars::schema_for;
use serde_json::{Value, json};

use crate::args::Schema;
use crate::stream::say;

pub(crate) fn schema(args: &Schema) -> Result<Exit, Refusal> {
    let schema = find(&args.name).ok_or_else(|| {
        Refusal::new(Exit::NotFound, format!("there is no schema `{}`", args.name))
            .hint("Schemas: site, run, checks, journal, twin-fault, and every primitive (`fabric list primitives`).")
    })?;
    let text = serde_json::to_string_pretty(&schema)
        .map_err(|error| Refusal::new(Exit::Bug, format!("the schema cannot be printed: {error}")))?;
    say(text);
    Ok(Exit::Done)
}

fn find(name: &str) -> Option<Value> {
    match name {
        "site" => Some(site::schema()),
        "run" => Some(schema_for!(RunRecord).to_value()),
        "checks" => Some(schema_for!(ChecksRecord).to_value()),
        "journal" => Some(schema_for!(Line).to_value()),
        "twin-fault" => Some(schema_for!(TwinFault).to_value()),
        name => primitive(&name.parse().ok()?),
    }
}

fn primitive(name: &PrimitiveName) -> Option<Value> {
    let primitive = registry::find(name)?;
    Some(json!({
        "title": name.to_string(),
        "description": primitive.summary(),
        "class": primitive.class(),
        "arguments": primitive.arguments_schema(),
        "result": primitive.output_schema(),
        "examples": primitive.examples(),
    }))
}
