//! Bringing the plane up: host, image, network, nodes, site folder, processes, and then waiting until it has converged.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::cgroup::Cgroups;
use crate::converge::Plane;
use crate::error::LabError;
use crate::node::{self, INTERNET, Keys};
use crate::place::{Place, read, write};
use crate::{container, image, keeper, network, proxmox, site, teardown};

/// How many inotify instances 27 and more containers take; the kernel's default of 128 is too few.
const INOTIFY_INSTANCES: u32 = 1024;

/// What the other commands need to know of a lab that is up.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Up {
    /// The site file it was built from.
    pub(crate) site: PathBuf,
    /// The base image under its nodes.
    pub(crate) base: PathBuf,
}

impl Up {
    /// The lab in `place`.
    pub(crate) fn find(place: &Place) -> Result<Self, LabError> {
        let marker = place.marker();
        if !marker.is_file() {
            return Err(LabError::NotUp(place.run.clone()));
        }
        serde_json::from_str(&read(&marker)?)
            .map_err(|error| LabError::Usage(format!("{}: {error}", marker.display())))
    }
}

/// Does something with the plane that is up in `place`.
pub(crate) fn with_plane<T>(
    place: &Place,
    act: impl FnOnce(&Plane<'_>) -> Result<T, LabError>,
) -> Result<T, LabError> {
    let up = Up::find(place)?;
    // The lab's own copy: the repo's file may have been edited since `up`.
    let site = node::read_site(&place.site().join("fabric.toml"))?;
    let cgroups = Cgroups::find()?;
    act(&Plane { place, site: &site, cgroups: &cgroups, base: &up.base })
}

/// Brings the plane up, or waits for the one that is up already.
pub(crate) fn up(place: &Place, site_file: &Path) -> Result<(), LabError> {
    let begin = Instant::now();
    let site = node::read_site(site_file)?;
    let cgroups = Cgroups::find()?;
    let members = node::members(&site)?;
    if let Ok(up) = Up::find(place) {
        let alive = members
            .iter()
            .filter(|m| m.container)
            .all(|m| container::leader(place, &cgroups, &m.name).is_some());
        if alive && !place.journal().is_file() {
            eprintln!("lab: already up in {}", place.run.display());
            return Plane { place, site: &site, cgroups: &cgroups, base: &up.base }.converged();
        }
    }
    image::prepare_host()?;
    teardown::down(place)?;
    // From here on whatever this process starts is found by the lab's id, also when it is killed.
    cgroups.join(&place.cgroup("harness"))?;
    let base = image::ensure(place)?;
    let built = begin.elapsed();
    raise_inotify()?;
    fs::create_dir_all(&place.run).map_err(LabError::file(&place.run))?;
    let program = place.program();
    fs::copy("/proc/self/exe", &program).map_err(LabError::file(&program))?;
    network::build(place, &members)?;
    let nodes: Vec<&str> =
        members.iter().filter(|member| member.container).map(|member| member.name.as_str()).collect();
    let keys = Keys::make(place, &nodes)?;
    for node in &nodes {
        container::mount(place, node, &base)?;
        node::configure(place, &site, &keys, node)?;
    }
    let token = proxmox::new_token()?;
    site::write_folder(place, site_file, &keys, &members, &token)?;
    keeper::start(place)?;
    nodes.iter().try_for_each(|node| container::start(place, node))?;
    serve(place, INTERNET, "web", &[])?;
    proxmox::start(place)?;
    let provisioned = begin.elapsed();
    Plane { place, site: &site, cgroups: &cgroups, base: &base }.converged()?;
    let up = Up { site: std::path::absolute(site_file).map_err(LabError::file(site_file))?, base };
    let text = serde_json::to_string_pretty(&up).map_err(|error| LabError::Usage(error.to_string()))?;
    write(&place.marker(), &text, 0o644)?;
    eprintln!(
        "lab: up in {:.1} s (image {:.1} s, provisioning {:.1} s, boot until converged {:.1} s)",
        begin.elapsed().as_secs_f64(),
        built.as_secs_f64(),
        (provisioned - built).as_secs_f64(),
        (begin.elapsed() - provisioned).as_secs_f64()
    );
    eprintln!("lab: site folder {}", place.site().display());
    Ok(())
}

/// Starts one of this program's own servers in a member's network namespace.
pub(crate) fn serve(place: &Place, member: &str, server: &str, addresses: &[String]) -> Result<(), LabError> {
    let mut argv = place.enter(member);
    argv.extend([keeper::own_program()?, "serve".to_owned(), server.to_owned()]);
    argv.extend(["--dir".to_owned(), place.run.to_string_lossy().into_owned()]);
    argv.extend(addresses.iter().cloned());
    keeper::ask(place, &keeper::Request { member: format!("{server}-server"), argv })
}

fn raise_inotify() -> Result<(), LabError> {
    let path = Path::new("/proc/sys/fs/inotify/max_user_instances");
    if read(path)?.trim().parse::<u32>().is_ok_and(|limit| limit < INOTIFY_INSTANCES) {
        fs::write(path, INOTIFY_INSTANCES.to_string()).map_err(LabError::file(path))?;
    }
    Ok(())
}
