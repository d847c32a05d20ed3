//! The twin's seams with a list of everybody who was contacted.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use fabric_wire::endpoint::SshHost;
use fabric_wire::seam::{BoxStream, Datagram, Dial, Pending, Ssh};
use fabric_wire::ssh::{AuthProbe, CommandOutput, ReadCommand};
use fabric_wire::{Deadline, Seams};

/// Seams that note where anything was sent.
pub(crate) struct Watched {
    inner: Seams,
    contacts: Mutex<Vec<SocketAddr>>,
}

impl Watched {
    pub(crate) fn over(inner: Seams) -> Arc<Self> {
        Arc::new(Self { inner, contacts: Mutex::default() })
    }

    pub(crate) fn seams(self: &Arc<Self>) -> Seams {
        Seams { dial: self.clone(), datagram: self.clone(), ssh: self.clone(), ..self.inner.clone() }
    }

    /// Everybody who was contacted, in order: direct targets, hosts over SSH, and what lies behind those.
    pub(crate) fn contacts(&self) -> Vec<SocketAddr> {
        self.contacts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, contacts: impl IntoIterator<Item = SocketAddr>) {
        self.contacts.lock().unwrap_or_else(PoisonError::into_inner).extend(contacts);
    }

    fn note_host(&self, host: &SshHost) {
        self.note(host.jump.iter().map(|jump| jump.address).chain([host.address]));
    }
}

impl Dial for Watched {
    fn dial(&self, to: SocketAddr, deadline: Deadline) -> Pending<'_, BoxStream> {
        self.note([to]);
        self.inner.dial.dial(to, deadline)
    }
}

impl Datagram for Watched {
    fn exchange<'a>(&'a self, to: SocketAddr, request: &'a [u8], deadline: Deadline) -> Pending<'a, Vec<u8>> {
        self.note([to]);
        self.inner.datagram.exchange(to, request, deadline)
    }
}

impl Ssh for Watched {
    fn read<'a>(
        &'a self,
        host: &'a SshHost,
        command: &'a ReadCommand,
        deadline: Deadline,
    ) -> Pending<'a, CommandOutput> {
        self.note_host(host);
        self.inner.ssh.read(host, command, deadline)
    }

    fn forward<'a>(
        &'a self,
        host: &'a SshHost,
        to: SocketAddr,
        deadline: Deadline,
    ) -> Pending<'a, BoxStream> {
        self.note_host(host);
        self.note([to]);
        self.inner.ssh.forward(host, to, deadline)
    }

    fn probe_authentication<'a>(
        &'a self,
        host: &'a SshHost,
        user: &'a str,
        deadline: Deadline,
    ) -> Pending<'a, AuthProbe> {
        self.note_host(host);
        self.inner.ssh.probe_authentication(host, user, deadline)
    }
}
