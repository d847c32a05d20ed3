//! The base image: Debian bookworm with every package a node of the plane needs, built once and shared as an overlay's lower layer.

use std::fs;
use std::path::{Path, PathBuf};

use fabric_model::digest::Digest;

use crate::error::LabError;
use crate::place::{Place, write};
use crate::program::{run, run_with_input, succeeds, words};

/// The Debian release of every node.
const RELEASE: &str = "bookworm";

/// What a node needs that minbase lacks. `netbase` brings /etc/protocols, without which nft refuses `ip protocol vrrp`.
const PACKAGES: &str = "systemd systemd-sysv dbus openssh-server keepalived iproute2 nftables iputils-ping sudo procps netbase \
    pdns-server pdns-backend-sqlite3 sqlite3 dnsdist unbound dns-root-data bind9-dnsutils nsd ca-certificates tcpdump";

/// Programs of the host and the packages that bring them.
const HOST_PROGRAMS: [(&str, &str); 6] = [
    ("debootstrap", "debootstrap"),
    ("systemd-nspawn", "systemd-container"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("ssh-keygen", "openssh-client"),
    ("nsenter", "util-linux"),
];

/// Run inside the fresh image. Role units are off here and enabled per node; host keys and the machine id are per node too.
const SETTLE: &str = r#"set -eu
systemctl disable keepalived nftables pdns dnsdist unbound nsd >/dev/null 2>&1
systemctl enable ssh >/dev/null 2>&1
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer man-db.timer \
  systemd-timesyncd.service systemd-resolved.service console-getty.service getty@tty1.service \
  systemd-networkd.service systemd-logind.service >/dev/null 2>&1
useradd --create-home --shell /bin/bash samakia
passwd --lock root >/dev/null
usermod --password '*' samakia
usermod --password '*' root
install -d -m 0700 -o samakia -g samakia /home/samakia/.ssh
install -d -m 0700 /root/.ssh
echo 'samakia ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/90-samakia
chmod 0440 /etc/sudoers.d/90-samakia
rm -f /etc/ssh/ssh_host_* /usr/sbin/policy-rc.d /etc/resolv.conf /etc/unbound/unbound.conf.d/root-auto-trust-anchor-file.conf
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*
: > /etc/machine-id
: > /etc/fstab
"#;

/// Installs what the lab needs on the host. Nothing is fetched where all of it is there.
pub(crate) fn prepare_host() -> Result<(), LabError> {
    let missing: Vec<&str> = HOST_PROGRAMS
        .iter()
        .filter(|(program, _)| !succeeds(&["sh", "-c", &format!("command -v {program}")]))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("lab: installing {} on this machine", missing.join(" "));
    run(&["apt-get", "-qq", "update"])?;
    let mut install = words("env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends");
    // Another package run on the machine is waited for rather than stumbled over.
    install.extend(words("-o DPkg::Lock::Timeout=300 install"));
    install.extend(missing.iter().map(|&package| package.to_owned()));
    run(&install).map(drop)
}

/// The folder of the base image, built if it is not there.
pub(crate) fn ensure(place: &Place) -> Result<PathBuf, LabError> {
    let base = place.cache.join(format!("base-{}", key()));
    if base.join("etc/debian_version").is_file() {
        return Ok(base);
    }
    sweep(place)?;
    eprintln!("lab: building the base image (once, one to three minutes)");
    let partial = place.cache.join(format!("partial-{}", key()));
    fs::create_dir_all(&partial).map_err(LabError::file(&partial))?;
    build(&partial)?;
    fs::rename(&partial, &base).map_err(LabError::file(&base))?;
    Ok(base)
}

/// Removes images that a killed build left unfinished.
pub(crate) fn sweep(place: &Place) -> Result<(), LabError> {
    let Ok(entries) = fs::read_dir(&place.cache) else { return Ok(()) };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("partial-") {
            fs::remove_dir_all(&path).map_err(LabError::file(&path))?;
        }
    }
    Ok(())
}

/// The image follows from the packages and the settling script alone.
fn key() -> String {
    let text = format!("{RELEASE}\n{PACKAGES}\n{SETTLE}");
    Digest::of(text.as_bytes()).to_string().chars().take(16).collect()
}

fn build(root: &Path) -> Result<(), LabError> {
    let sources = sources(&run(&[
        "apt-get",
        "indextargets",
        "--format",
        "$(ORIGIN) $(RELEASE) $(REPO_URI)",
        "Created-By: Packages",
    ])?);
    let mirror = sources
        .iter()
        .find(|(release, _)| release == RELEASE)
        .map(|(_, uri)| uri.clone())
        .ok_or_else(|| {
            LabError::Usage(format!(
                "apt on this machine has no source for Debian {RELEASE}. Add one to /etc/apt/sources.list.d and run `apt-get update`."
            ))
        })?;
    let root_text = root.to_string_lossy();
    // The mount namespace takes the mounts of a killed build with it.
    run(&["unshare", "--mount", "debootstrap", "--variant=minbase", RELEASE, &root_text, &mirror])?;
    let list: String = sources.iter().map(|(release, uri)| format!("deb {uri} {release} main\n")).collect();
    write(&root.join("etc/apt/sources.list"), &list, 0o644)?;
    write(&root.join("usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", 0o755)?;
    fs::copy("/etc/resolv.conf", root.join("etc/resolv.conf")).map_err(LabError::file(root))?;
    let proxy = run(&["apt-config", "dump", "Acquire::http::Proxy", "Acquire::https::Proxy"])?;
    write(&root.join("etc/apt/apt.conf.d/90host"), &proxy, 0o644)?;
    let inside = ["unshare", "--mount", "chroot", &root_text, "sh", "-s"];
    let install = format!(
        "set -eu\nmount -t proc proc /proc\nexport DEBIAN_FRONTEND=noninteractive\n\
         apt-get -qq update\napt-get -qq -y --no-install-recommends install {PACKAGES}\nrm /etc/apt/apt.conf.d/90host\n"
    );
    run_with_input(&inside, &install)?;
    run_with_input(&inside, SETTLE).map(drop)
}

/// Release and URI of each of Debian's own sources, from apt's answer: `Debian bookworm URI` per line.
fn sources(answer: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in answer.lines() {
        let mut fields = line.split_whitespace();
        let (Some("Debian"), Some(release), Some(uri)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let of_release =
            release.strip_prefix(RELEASE).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        let source = (release.to_owned(), uri.to_owned());
        if of_release && !found.contains(&source) {
            found.push(source);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sources_of_the_release_and_of_debian_are_taken() {
        let answer = "Debian bookworm http://mirror.test/debian/\n\
                      Debian bookworm http://mirror.test/debian/\n\
                      Debian bookworm-security http://mirror.test/security/\n\
                      Debian trixie http://mirror.test/debian/\n\
                      Other bookworm http://mirror.test/other/\n\
                      unsigned\n";
        let releases: Vec<String> = sources(answer).into_iter().map(|(release, _)| release).collect();
        assert_eq!(releases, ["bookworm", "bookworm-security"]);
    }
}
