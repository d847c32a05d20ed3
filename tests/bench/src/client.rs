//! fabric's own client.

use std::sync::Arc;
use std::time::Duration;

use fabric_connect::ssh::{KnownHosts, SshClient};
use fabric_wire::Deadline;
use fabric_wire::endpoint::{Secret, SshHost, SshIdentity};
use fabric_wire::seam::Ssh;
use fabric_wire::ssh::ReadCommand;

use crate::Outcome;
use crate::fleet::Fleet;

const DEADLINE: Duration = Duration::from_secs(120);

pub(crate) async fn fan_out(fleet: &Fleet) -> Outcome<()> {
    let client = client(fleet)?;
    let reads: Vec<_> = hosts(fleet)?
        .into_iter()
        .map(|host| {
            let client = client.clone();
            tokio::spawn(async move { read(&client, &host).await })
        })
        .collect();
    for finished in reads {
        finished.await??;
    }
    Ok(())
}

pub(crate) async fn sequence(fleet: &Fleet, count: usize) -> Outcome<()> {
    let (client, host) = (client(fleet)?, first(fleet)?);
    for _ in 0..count {
        read(&client, &host).await?;
    }
    Ok(())
}

/// The same commands, all asked for at once; the client lets eight run at a time.
pub(crate) async fn concurrent(fleet: &Fleet, count: usize) -> Outcome<()> {
    let (client, host) = (client(fleet)?, first(fleet)?);
    let reads: Vec<_> = (0..count)
        .map(|_| {
            let (client, host) = (client.clone(), host.clone());
            tokio::spawn(async move { read(&client, &host).await })
        })
        .collect();
    for finished in reads {
        finished.await??;
    }
    Ok(())
}

pub(crate) async fn jump(fleet: &Fleet) -> Outcome<()> {
    let mut all = hosts(fleet)?.into_iter();
    let (jump, host) = (all.next().ok_or("no host")?, all.next().ok_or("no second host")?);
    read(&*client(fleet)?, &SshHost { jump: vec![jump], ..host }).await
}

async fn read(client: &SshClient, host: &SshHost) -> Outcome<()> {
    let output = client.read(host, &ReadCommand::Clock, Deadline::after(DEADLINE)).await?;
    if output.status == 0 { Ok(()) } else { Err("the command failed".into()) }
}

fn client(fleet: &Fleet) -> Outcome<Arc<SshClient>> {
    let known_hosts = KnownHosts::read(&fleet.file("known_hosts"))?;
    let key = SshIdentity::Key(Secret::new(std::fs::read(fleet.file("operator"))?));
    Ok(Arc::new(SshClient::new(known_hosts, key)))
}

fn first(fleet: &Fleet) -> Outcome<SshHost> {
    hosts(fleet)?.into_iter().next().ok_or_else(|| "no host".into())
}

fn hosts(fleet: &Fleet) -> Outcome<Vec<SshHost>> {
    let host = |(number, address): (usize, &std::net::SocketAddr)| {
        let name = format!("host-{number}").parse()?;
        Ok(SshHost { name, address: *address, user: "root".parse()?, jump: Vec::new() })
    };
    fleet.addresses.iter().enumerate().map(host).collect()
}
