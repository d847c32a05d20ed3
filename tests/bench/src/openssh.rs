//! OpenSSH's client.

use std::net::IpAddr;
use std::process::{Child, Command, Stdio};

use crate::fleet::Fleet;
use crate::{COMMAND, Outcome};

pub(crate) fn fan_out(fleet: &Fleet) -> Outcome<()> {
    let started: Vec<Child> =
        fleet.addresses.iter().map(|address| ssh(fleet, &[], address.ip())).collect::<Outcome<_>>()?;
    started.into_iter().try_for_each(finish)
}

/// One master connection, then a client for each command over it; the master's start and end are part of the run.
pub(crate) fn sequence(fleet: &Fleet, count: usize) -> Outcome<()> {
    let socket = fleet.file("control");
    let socket = socket.to_str().ok_or("an odd temporary folder")?;
    let host = address(fleet, 0)?;
    let mut master = Command::new("ssh");
    master
        .arg("-F")
        .arg(fleet.file("ssh_config"))
        .args(["-M", "-N", "-f", "-S", socket])
        .arg(host.to_string());
    if !master.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?.success() {
        return Err("the master connection failed".into());
    }
    let done = (0..count).try_for_each(|_| finish(ssh(fleet, &["-S", socket], host)?));
    let mut exit = Command::new("ssh");
    exit.arg("-F").arg(fleet.file("ssh_config")).args(["-S", socket, "-O", "exit"]).arg(host.to_string());
    exit.stderr(Stdio::null()).status()?;
    done
}

pub(crate) fn jump(fleet: &Fleet) -> Outcome<()> {
    let jump = address(fleet, 0)?.to_string();
    finish(ssh(fleet, &["-J", &jump], address(fleet, 1)?)?)
}

fn ssh(fleet: &Fleet, options: &[&str], host: IpAddr) -> Outcome<Child> {
    let mut command = Command::new("ssh");
    command.arg("-F").arg(fleet.file("ssh_config")).args(options).arg(host.to_string()).arg(COMMAND);
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?)
}

fn finish(mut child: Child) -> Outcome<()> {
    if child.wait()?.success() { Ok(()) } else { Err("ssh failed".into()) }
}

fn address(fleet: &Fleet, index: usize) -> Outcome<IpAddr> {
    fleet.addresses.get(index).map(std::net::SocketAddr::ip).ok_or_else(|| "no such host".into())
}
