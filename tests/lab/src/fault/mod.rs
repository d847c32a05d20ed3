//! Faults: planted one by one, each written down with what undoes it before it takes effect, and healed in reverse order.

mod catalogue;
mod journal;
mod kind;
mod recipes;
mod records;
mod step;

use serde::Serialize;

use crate::converge::Plane;
use crate::error::LabError;
use crate::fault::catalogue::CATALOGUE;
use crate::fault::journal::{Journal, Planted};
use crate::fault::kind::{Arguments, Kind, Recipe};
use crate::node;
use crate::place::Place;

/// One line of `fault list`.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    name: &'static str,
    arguments: Vec<Argument>,
    about: &'static str,
}

#[derive(Debug, Serialize)]
struct Argument {
    name: &'static str,
    default: &'static str,
}

impl std::fmt::Display for Listed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let arguments: String = self
            .arguments
            .iter()
            .map(|argument| format!(" [{}={}]", argument.name, argument.default))
            .collect();
        write!(f, "{}{arguments}: {}", self.name, self.about)
    }
}

/// Every fault there is.
pub(crate) fn list() -> Vec<Listed> {
    let line = |kind: &Kind| Listed {
        name: kind.name,
        arguments: kind.arguments.iter().map(|(name, default)| Argument { name, default }).collect(),
        about: kind.about,
    };
    CATALOGUE.iter().map(line).collect()
}

/// Plants a fault and waits until it has taken effect. Planting the same fault twice changes nothing.
pub(crate) fn plant(plane: &Plane<'_>, name: &str, arguments: &[String]) -> Result<(), LabError> {
    let kind = CATALOGUE.iter().find(|kind| kind.name == name).ok_or_else(|| {
        LabError::Usage(format!("there is no fault {name}. `fabric-lab fault list` shows those there are."))
    })?;
    let arguments = Arguments::of(kind, arguments)?;
    let mut journal = Journal::read(plane.place)?;
    if journal.0.iter().any(|planted| planted.name == name && planted.arguments == arguments.values()) {
        return Ok(());
    }
    let recipe = (kind.recipe)(plane.site, &arguments)?;
    recipe.steps.iter().try_for_each(|step| step.fits(plane))?;
    journal.0.push(Planted { name: name.to_owned(), arguments: arguments.values(), steps: Vec::new() });
    let at = journal.0.len() - 1;
    let taken = take(plane, &mut journal, at, recipe).and_then(|()| settle(plane, &arguments.values()));
    let Err(error) = taken else { return Ok(()) };
    // A fault is planted or it is not: what took effect of this one is taken back.
    match take_back(plane, &mut journal, at) {
        Ok(()) => Err(error),
        Err(left) => {
            eprintln!("lab: {name} could not be planted: {error}");
            eprintln!(
                "lab: and not be taken back, so it counts as planted until `fabric-lab heal` or `down`"
            );
            Err(left)
        }
    }
}

/// A fault of a name server shows once the edges in front of it have noticed.
fn settle(plane: &Plane<'_>, arguments: &[String]) -> Result<(), LabError> {
    let servers = node::of_role(plane.site, "auth");
    if arguments.first().is_some_and(|node| servers.contains(&node.as_str())) {
        plane.front_is_steady()?;
    }
    Ok(())
}

fn take(plane: &Plane<'_>, journal: &mut Journal, at: usize, recipe: Recipe) -> Result<(), LabError> {
    for step in recipe.steps {
        let before = step.before(plane)?;
        if let Some(planted) = journal.0.get_mut(at) {
            planted.steps.push((step.clone(), before));
        }
        // Written down before it takes effect, so that it is healed also when this process is killed.
        journal.write(plane.place)?;
        step.apply(plane, journal)?;
    }
    recipe.until.iter().try_for_each(|until| until.wait(plane))
}

/// Undoes the steps of one fault, the last one first, and strikes it from the journal.
fn take_back(plane: &Plane<'_>, journal: &mut Journal, at: usize) -> Result<(), LabError> {
    // Each step leaves the journal after it was undone, so a heal that was killed is finished by the next.
    while let Some((step, before)) = journal.0.get_mut(at).and_then(|planted| planted.steps.pop()) {
        step.undo(plane, journal, &before)?;
        journal.write(plane.place)?;
    }
    journal.0.remove(at);
    journal.write(plane.place)
}

/// Heals one fault, or all of them, and waits until the plane has converged again.
pub(crate) fn heal(plane: &Plane<'_>, name: Option<&str>) -> Result<(), LabError> {
    let mut journal = Journal::read(plane.place)?;
    if let Some(name) = name
        && !journal.0.iter().any(|planted| planted.name == name)
    {
        return Err(LabError::Usage(format!(
            "the fault {name} is not planted; `fabric-lab status` shows what is"
        )));
    }
    let chosen = |planted: &Planted| name.is_none_or(|name| planted.name == name);
    while let Some(at) = journal.0.iter().rposition(chosen) {
        take_back(plane, &mut journal, at)?;
    }
    if journal.0.is_empty() { plane.converged() } else { Ok(()) }
}

/// The names and arguments of the faults that are in effect.
pub(crate) fn planted(place: &Place) -> Result<Vec<String>, LabError> {
    let line =
        |planted: &Planted| format!("{} {}", planted.name, planted.arguments.join(" ")).trim_end().to_owned();
    Ok(Journal::read(place)?.0.iter().map(line).collect())
}
