//! Waiting for the plane: every probe runs in the runner's network namespace, is bounded, and is repeated until the state is
//! reached or the deadline passes.

use std::path::Path;
use std::time::{Duration, Instant};

use fabric_model::site::Site;

use crate::cgroup::Cgroups;
use crate::container;
use crate::error::LabError;
use crate::network;
use crate::node::{self, FIRST_EDGE, INTERNET, RUNNER, WEB_ADDRESS, WEB_NAME};
use crate::place::Place;
use crate::power::Grid;
use crate::program::{output, run, words};

/// How long the plane may take: a cold boot takes five to ten seconds on two busy cores.
const DEADLINE: Duration = Duration::from_secs(120);

/// How long the front door must answer without a gap to have noticed what there is to notice: dnsdist looks at each server once
/// a second and gives it a second to answer.
const STEADY: Duration = Duration::from_secs(3);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks at a running plane.
#[derive(Debug)]
pub(crate) struct Plane<'lab> {
    /// Where it lives.
    pub(crate) place: &'lab Place,
    /// What it should be like.
    pub(crate) site: &'lab Site,
    /// The machine's control groups.
    pub(crate) cgroups: &'lab Cgroups,
    /// The base image, whose `dig` asks.
    pub(crate) base: &'lab Path,
}

impl Plane<'_> {
    /// The power of its nodes.
    pub(crate) fn grid(&self) -> Grid<'_> {
        Grid { place: self.place, site: self.site, cgroups: self.cgroups }
    }

    /// Waits until everything answers as the site says.
    pub(crate) fn converged(&self) -> Result<(), LabError> {
        for host in node::hosts(self.site).map(|(name, _)| name).chain([INTERNET]) {
            self.until(&format!("{host} has booted"), || self.booted(host))?;
        }
        for vip in self.vips() {
            self.until(&format!("{vip} is held by {FIRST_EDGE} alone"), || self.held(&vip, &[FIRST_EDGE]))?;
        }
        // Who last heard of another holder would go on asking that one until its entry ages, for up to a minute.
        for member in node::members(self.site)? {
            network::forget_neighbours(self.place, &member.name)?;
        }
        for (zone, data) in &self.site.zones {
            let (zone, primary) = (zone.as_str(), data.primary.as_str());
            self.until(&format!("{zone} answers through the front door"), || {
                self.soa(RUNNER, &self.front()?, zone)
            })?;
            for secondary in &data.secondaries {
                let what = format!("{zone} is the same on {primary} and {secondary:?}");
                self.until(&what, || self.replicated(zone, primary, secondary.as_str()))?;
            }
        }
        let edges = node::of_role(self.site, "edge");
        for edge in &edges {
            self.until(&format!("{WEB_NAME} is resolved on {edge}"), || self.recursion(edge))?;
        }
        self.until(&format!("{WEB_NAME} is resolved through the front door"), || {
            let seen = self.dig(RUNNER, &self.front()?, &["+short", WEB_NAME, "A"])?;
            Ok(Look::from(seen.trim() == WEB_ADDRESS, seen))
        })
    }

    /// Waits until the front door has answered every question for a while: then it has noticed which servers are gone.
    pub(crate) fn front_is_steady(&self) -> Result<(), LabError> {
        let begin = Instant::now();
        let mut good_since = begin;
        let zone = self.site.zones.keys().next().map_or(".", |zone| zone.as_str());
        while good_since.elapsed() < STEADY {
            if begin.elapsed() > DEADLINE {
                let (what, seen) =
                    ("the front door is steady".to_owned(), "questions without answer".to_owned());
                return Err(LabError::Deadline { what, seen, seconds: DEADLINE.as_secs() });
            }
            if !self.soa(RUNNER, &self.front()?, zone).is_ok_and(|look| look.reached) {
                good_since = Instant::now();
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Looks until `look` is satisfied.
    pub(crate) fn until(
        &self,
        what: &str,
        look: impl Fn() -> Result<Look, LabError>,
    ) -> Result<(), LabError> {
        let begin = Instant::now();
        loop {
            let seen = match look() {
                Ok(Look { reached: true, .. }) => return Ok(()),
                Ok(Look { seen, .. }) => seen,
                Err(error) => error.to_string(),
            };
            if begin.elapsed() > DEADLINE {
                return Err(LabError::Deadline { what: what.to_owned(), seen, seconds: DEADLINE.as_secs() });
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Whether exactly `holders` have the address `vip` (with prefix length).
    pub(crate) fn held(&self, vip: &str, holders: &[&str]) -> Result<Look, LabError> {
        let found = self.holders(vip)?;
        Ok(Look::from(found == holders, format!("{vip} on {found:?}")))
    }

    /// The edges that have the address `vip` (with prefix length).
    pub(crate) fn holders(&self, vip: &str) -> Result<Vec<&str>, LabError> {
        let mut found = Vec::new();
        for edge in node::of_role(self.site, "edge") {
            let text = run(&["ip", "-netns", &self.place.netns(edge), "-o", "-4", "address"])?;
            if text.split_whitespace().any(|word| word == vip) {
                found.push(edge);
            }
        }
        Ok(found)
    }

    /// The plane's VIPs with prefix length.
    pub(crate) fn vips(&self) -> Vec<String> {
        node::vips(self.site)
    }

    fn front(&self) -> Result<String, LabError> {
        Ok(node::vip(self.site, node::PLANE)?.address.addr().to_string())
    }

    /// Whether a node's systemd has come up.
    pub(crate) fn booted(&self, host: &str) -> Result<Look, LabError> {
        let mut argv = container::enter(self.place, self.cgroups, host)?;
        // `degraded` is up as well: a fault may have left a failed unit behind.
        argv.extend(words("systemctl is-system-running"));
        let seen = String::from_utf8_lossy(&output(&argv, "")?.stdout).trim().to_owned();
        Ok(Look::from(seen == "running" || seen == "degraded", seen))
    }

    fn soa(&self, from: &str, server: &str, zone: &str) -> Result<Look, LabError> {
        let seen = self.dig(from, server, &["+short", zone, "SOA"])?;
        Ok(Look::from(seen.split_whitespace().count() == 7, seen))
    }

    /// Two servers are compared by their whole zone, asked from the primary: servers may transfer, edges may not.
    fn replicated(&self, zone: &str, primary: &str, secondary: &str) -> Result<Look, LabError> {
        let mut zones = Vec::new();
        for server in [primary, secondary] {
            let address = node::vlan_address(self.site, server)?.to_string();
            let answer = self.dig(primary, &address, &["+onesoa", "+noall", "+answer", zone, "AXFR"])?;
            let mut records: Vec<String> =
                answer.lines().filter(|l| !l.starts_with(';')).map(str::to_owned).collect();
            records.sort_unstable();
            zones.push(records);
        }
        let complete = zones.iter().all(|records| records.len() > 1) && zones.first() == zones.last();
        Ok(Look::from(complete, format!("{zones:?}")))
    }

    fn recursion(&self, edge: &str) -> Result<Look, LabError> {
        let seen = self.dig(edge, "127.0.0.1", &["-p", "5353", "+short", WEB_NAME, "A"])?;
        Ok(Look::from(seen.trim() == WEB_ADDRESS, seen))
    }

    /// Asks with the base image's `dig` from a member's network namespace, so that nothing more is needed on this machine.
    fn dig(&self, from: &str, server: &str, question: &[&str]) -> Result<String, LabError> {
        let mut argv = self.place.enter(from);
        argv.extend(["chroot".to_owned(), self.base.to_string_lossy().into_owned()]);
        argv.extend(words(&format!("dig +time=1 +tries=1 @{server}")));
        argv.extend(question.iter().map(|&word| word.to_owned()));
        Ok(String::from_utf8_lossy(&output(&argv, "")?.stdout).into_owned())
    }
}

/// What one look showed.
#[derive(Debug)]
pub(crate) struct Look {
    reached: bool,
    seen: String,
}

impl Look {
    /// A look that showed `seen`, which is what was waited for or not.
    pub(crate) fn from(reached: bool, seen: String) -> Self {
        Self { reached, seen }
    }
}
