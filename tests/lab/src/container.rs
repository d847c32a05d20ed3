//! A node as a container: an overlay over the base image, booted by systemd-nspawn in the node's own network namespace.

use std::fs;
use std::path::Path;

use rustix::process::Pid;

use crate::cgroup::Cgroups;
use crate::error::LabError;
use crate::keeper;
use crate::observe_only;
use crate::place::{Place, read};
use crate::program::{run, words};

/// Lays the node's writable layer over the base image.
pub(crate) fn mount(place: &Place, node: &str, base: &Path) -> Result<(), LabError> {
    let folder = place.node(node);
    for name in ["upper", "work", "root"] {
        let path = folder.join(name);
        fs::create_dir_all(&path).map_err(LabError::file(&path))?;
    }
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        base.display(),
        folder.join("upper").display(),
        folder.join("work").display()
    );
    let source = format!("{}-{node}", place.id);
    run(&["mount", "-t", "overlay", &source, "-o", &options, &place.root(node).to_string_lossy()]).map(drop)
}

/// Boots the node. It is up some seconds later.
pub(crate) fn start(place: &Place, node: &str) -> Result<(), LabError> {
    // Without the writable network API tree the node's sysctl.d does silently nothing.
    let mut argv = words(
        "env SYSTEMD_NSPAWN_API_VFS_WRITABLE=network systemd-nspawn --quiet --register=no --keep-unit --boot",
    );
    argv.push(format!("--directory={}", place.root(node).display()));
    argv.push(format!("--machine={}-{node}", place.id));
    argv.push(format!("--network-namespace-path={}", place.netns_path(node).display()));
    // For the fault `observe-only`, whose forced command this program is too.
    argv.push(format!("--bind-ro={}:{}", place.program().display(), observe_only::PROGRAM));
    argv.extend(words(
        "--capability=CAP_NET_ADMIN,CAP_NET_RAW --resolv-conf=off --timezone=off --link-journal=no --console=pipe --settings=no",
    ));
    keeper::ask(place, &keeper::Request { member: node.to_owned(), argv })
}

/// Ends the node at once, as a power cut does.
pub(crate) fn kill(place: &Place, cgroups: &Cgroups, node: &str) -> Result<(), LabError> {
    let group = place.cgroup(node);
    cgroups.kill(&group)?;
    cgroups.remove(&group)
}

/// The node's PID 1, as this machine numbers it.
pub(crate) fn leader(place: &Place, cgroups: &Cgroups, node: &str) -> Option<Pid> {
    cgroups.processes(&place.cgroup(node)).into_iter().find(|pid| is_init(*pid))
}

/// Words that run a command inside the node, as its root.
pub(crate) fn enter(place: &Place, cgroups: &Cgroups, node: &str) -> Result<Vec<String>, LabError> {
    let leader = leader(place, cgroups, node).ok_or_else(|| {
        LabError::Usage(format!("{node} is not running; `fabric-lab status` shows what is"))
    })?;
    let mut argv =
        words(&format!("nsenter --target {} --mount --uts --ipc --net --pid", leader.as_raw_nonzero()));
    argv.extend(words("--root --wd -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root"));
    Ok(argv)
}

/// Whether the process is number 1 of a PID namespace below this one.
fn is_init(pid: Pid) -> bool {
    let status = read(Path::new(&format!("/proc/{}/status", pid.as_raw_nonzero()))).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:"))
        .is_some_and(|numbers| numbers.split_whitespace().skip(1).last() == Some("1"))
}
