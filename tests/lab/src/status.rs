//! What `status` and `fault list` print: for people, or as JSON for scripts and tests.

use serde::Serialize;

use crate::converge::Plane;
use crate::error::LabError;
use crate::place::Place;
use crate::teardown::{self, Remains};
use crate::{container, fault, node, up};

/// A lab as it is.
#[derive(Debug, Serialize)]
struct Status {
    /// The id that every name of the lab carries.
    id: String,
    /// The run folder.
    dir: String,
    /// Whether `up` came to its end.
    up: bool,
    /// The folder for `fabric --site`.
    site: Option<String>,
    /// Containers and whether each runs.
    nodes: Vec<(String, bool)>,
    /// VIPs and the edges that hold them.
    vips: Vec<(String, Vec<String>)>,
    /// Planted faults with their arguments.
    faults: Vec<String>,
    /// What of the lab is on this machine.
    remains: Remains,
}

/// Prints the state of the lab in `place`.
pub(crate) fn show(place: &Place, json: bool) -> Result<(), LabError> {
    let mut status = Status {
        id: place.id.clone(),
        dir: place.run.display().to_string(),
        up: place.marker().is_file(),
        site: None,
        nodes: Vec::new(),
        vips: Vec::new(),
        faults: Vec::new(),
        remains: teardown::remains(place)?,
    };
    if status.up {
        up::with_plane(place, |plane| look(plane, &mut status))?;
    }
    if json {
        return print_json(&status);
    }
    println!("lab {} in {}: {}", status.id, status.dir, if status.up { "up" } else { "not up" });
    if let Some(site) = &status.site {
        println!("site folder: {site}");
    }
    for (name, runs) in &status.nodes {
        println!("{name}: {}", if *runs { "running" } else { "off" });
    }
    for (vip, holders) in &status.vips {
        println!(
            "{vip}: held by {}",
            if holders.is_empty() { "nobody".to_owned() } else { holders.join(" and ") }
        );
    }
    for fault in &status.faults {
        println!("fault: {fault}");
    }
    let left = &status.remains;
    if !status.up && *left != Remains::default() {
        println!("something is left of it; `fabric-lab down` takes it away");
    }
    Ok(())
}

/// Prints every fault there is.
pub(crate) fn show_faults(json: bool) -> Result<(), LabError> {
    let faults = fault::list();
    if json {
        return print_json(&faults);
    }
    for fault in faults {
        println!("{fault}");
    }
    Ok(())
}

fn look(plane: &Plane<'_>, status: &mut Status) -> Result<(), LabError> {
    let place = plane.place;
    status.site = Some(place.site().display().to_string());
    for name in node::hosts(plane.site).map(|(name, _)| name).chain([node::INTERNET]) {
        let runs = container::leader(place, plane.cgroups, name).is_some();
        status.nodes.push((name.to_owned(), runs));
    }
    for vip in plane.vips() {
        let holders = plane.holders(&vip)?.into_iter().map(str::to_owned).collect();
        status.vips.push((vip, holders));
    }
    status.faults = fault::planted(place)?;
    Ok(())
}

fn print_json(value: &impl Serialize) -> Result<(), LabError> {
    println!("{}", serde_json::to_string_pretty(value).map_err(|error| LabError::Usage(error.to_string()))?);
    Ok(())
}
