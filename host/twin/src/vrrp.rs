//! VRRP as keepalived plays it (RFC 3768): who is master of each VIP, and what happens between two holders.

use std::time::Duration;

use ipnet::Ipv4Net;

use crate::nft::{Carried, Packet, Passage};
use crate::state::{Power, State, VipState};

/// A master says so once in this time.
const ADVERT: Duration = Duration::from_secs(1);

/// What keepalived is for one VIP on one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Not running, hung, or its interface is down.
    Down,
    /// It waits. Without a stronger master it takes over at that time.
    Backup { takes_over: Option<Duration> },
    /// It holds the VIP. Having heard a stronger master, it gives way at that time.
    Master { gives_way: Option<Duration> },
}

/// A member's strength: priority, then address.
type Strength = (u16, Option<Ipv4Net>);

impl VipState {
    /// Whether somebody is about to take it over.
    pub(crate) fn is_on_its_way(&self) -> bool {
        self.roles.values().any(|role| matches!(role, Role::Backup { takes_over: Some(_) }))
    }

    fn priority(&self, member: &str) -> u16 {
        // A VIP that was moved by hand has an owner: 255 and nobody above.
        let moved = self.moved_to.as_deref() == Some(member);
        if moved { 255 } else { self.members.get(member).copied().map_or(0, u16::from) }
    }

    /// How long a member waits for the next sign of a master: three adverts and the skew of its priority.
    fn patience(&self, member: &str) -> Duration {
        let below = 256_u32.saturating_sub(u32::from(self.priority(member)));
        3 * ADVERT + ADVERT * below / 256
    }
}

impl State {
    /// The hosts that hold a VIP, the strongest first.
    pub(crate) fn holders<'a>(&self, vip: &'a VipState) -> Vec<&'a str> {
        let masters = vip.roles.iter().filter(|(_, role)| matches!(role, Role::Master { .. }));
        let mut names: Vec<&str> = masters.map(|(name, _)| name.as_str()).collect();
        names.sort_by_key(|name| std::cmp::Reverse(self.strength(vip, name)));
        names
    }

    /// Puts every VIP where it belongs once nothing has happened for long.
    pub(crate) fn settle(&mut self) {
        for name in self.vip_names() {
            let Some(vip) = self.vips.get(&name) else { continue };
            let mut masters: Vec<String> = Vec::new();
            for member in self.by_strength(vip) {
                if self.is_live(vip, &member)
                    && (vip.split || !masters.iter().any(|master| self.hears(vip, &member, master)))
                {
                    masters.push(member);
                }
            }
            let role = |member: &str| match (
                masters.iter().any(|master| master == member),
                self.is_live(vip, member),
            ) {
                (true, _) => Role::Master { gives_way: None },
                (false, true) => Role::Backup { takes_over: None },
                (false, false) => Role::Down,
            };
            let roles = vip.members.keys().map(|member| (member.clone(), role(member))).collect();
            if let Some(vip) = self.vips.get_mut(&name) {
                vip.roles = roles;
            }
        }
    }

    /// Lets every member notice what has changed around it: its own daemon and interface, and the masters that it hears.
    pub(crate) fn notice(&mut self) {
        for name in self.vip_names() {
            let Some(vip) = self.vips.get(&name) else { continue };
            let members: Vec<String> = vip.members.keys().cloned().collect();
            for member in members {
                let Some(vip) = self.vips.get(&name) else { continue };
                let role = self.next_role(vip, &member);
                if let Some(vip) = self.vips.get_mut(&name) {
                    vip.roles.insert(member, role);
                }
            }
        }
    }

    fn next_role(&self, vip: &VipState, member: &str) -> Role {
        let role = vip.roles.get(member).copied().unwrap_or(Role::Down);
        if !self.is_live(vip, member) {
            return Role::Down;
        }
        if vip.split {
            return Role::Master { gives_way: None };
        }
        let stronger = self.hears_stronger(vip, member);
        match role {
            Role::Down if stronger => Role::Backup { takes_over: None },
            // The strongest is configured as master and waits for one advert; the others wait as backups do.
            Role::Down => {
                let first = self.by_strength(vip).first().is_some_and(|first| first == member);
                let wait = if first { ADVERT } else { vip.patience(member) };
                Role::Backup { takes_over: Some(self.now + wait) }
            }
            Role::Backup { .. } if stronger => Role::Backup { takes_over: None },
            Role::Backup { takes_over } => {
                Role::Backup { takes_over: takes_over.or(Some(self.now + vip.patience(member))) }
            }
            Role::Master { gives_way } if stronger => {
                Role::Master { gives_way: gives_way.or(Some(self.now + ADVERT)) }
            }
            Role::Master { .. } => Role::Master { gives_way: None },
        }
    }

    /// When a member of a VIP changes its role by itself.
    pub(crate) fn next_turn(&self) -> Option<(Duration, String, String)> {
        let turns = self.vips.iter().flat_map(|(name, vip)| {
            vip.roles.iter().filter_map(move |(member, role)| match role {
                Role::Backup { takes_over: Some(at) } | Role::Master { gives_way: Some(at) } => {
                    Some((*at, name.clone(), member.clone()))
                }
                _ => None,
            })
        });
        turns.min()
    }

    /// A member whose time has come takes over, or gives way. A new master says so at once, and the weaker ones that hear it give
    /// way in the same moment.
    pub(crate) fn turn(&mut self, name: &str, member: &str) {
        let Some(vip) = self.vips.get(name) else { return };
        let mut turned = vec![member.to_owned()];
        let role = match vip.roles.get(member) {
            Some(Role::Backup { .. }) => {
                let weaker = vip.members.keys().filter(|other| {
                    other.as_str() != member
                        && self.strength(vip, other) < self.strength(vip, member)
                        && matches!(vip.roles.get(*other), Some(Role::Master { .. }))
                        && self.hears(vip, other, member)
                });
                turned.extend(weaker.cloned());
                Role::Master { gives_way: None }
            }
            _ => Role::Backup { takes_over: None },
        };
        let Some(vip) = self.vips.get_mut(name) else { return };
        for (place, turned) in turned.into_iter().enumerate() {
            vip.roles.insert(turned, if place == 0 { role } else { Role::Backup { takes_over: None } });
        }
    }

    /// keepalived of a host ends in order: it says so to its peers (priority 0), and the strongest that hears it takes over at once.
    pub(crate) fn resign(&mut self, host: &str) {
        for name in self.vip_names() {
            let Some(vip) = self.vips.get(&name) else { continue };
            if !matches!(vip.roles.get(host), Some(Role::Master { .. })) {
                continue;
            }
            let heir = self.by_strength(vip).into_iter().find(|member| {
                member != host
                    && matches!(vip.roles.get(member), Some(Role::Backup { .. }))
                    && self.hears(vip, member, host)
            });
            let now = self.now;
            if let (Some(heir), Some(vip)) = (heir, self.vips.get_mut(&name)) {
                vip.roles.insert(host.to_owned(), Role::Down);
                vip.roles.insert(heir, Role::Backup { takes_over: Some(now) });
            }
        }
    }

    fn vip_names(&self) -> Vec<String> {
        self.vips.keys().cloned().collect()
    }

    fn by_strength(&self, vip: &VipState) -> Vec<String> {
        let mut members: Vec<String> = vip.members.keys().cloned().collect();
        members.sort_by_key(|member| std::cmp::Reverse(self.strength(vip, member)));
        members
    }

    fn strength(&self, vip: &VipState, member: &str) -> Strength {
        (vip.priority(member), self.vrrp_address(vip, member))
    }

    fn vrrp_address(&self, vip: &VipState, member: &str) -> Option<Ipv4Net> {
        self.hosts.get(member)?.nic(&vip.interface)?.address
    }

    fn is_live(&self, vip: &VipState, member: &str) -> bool {
        self.hosts.get(member).is_some_and(|host| {
            host.power == Power::Up && host.runs("keepalived") && host.carries(&vip.interface)
        })
    }

    fn hears_stronger(&self, vip: &VipState, member: &str) -> bool {
        vip.roles.iter().any(|(other, role)| {
            matches!(role, Role::Master { .. })
                && other != member
                && self.strength(vip, other) > self.strength(vip, member)
                && self.hears(vip, member, other)
        })
    }

    /// Whether the adverts of one member reach another: past both rulesets, over interfaces that are up.
    fn hears(&self, vip: &VipState, listener: &str, speaker: &str) -> bool {
        let (Some(to), Some(from)) = (self.hosts.get(listener), self.hosts.get(speaker)) else {
            return false;
        };
        let addresses = (self.vrrp_address(vip, speaker), self.vrrp_address(vip, listener));
        let (Some(source), Some(destination)) = addresses else { return false };
        let advert = Packet::new(source.addr(), destination.addr(), Carried::Vrrp, 0);
        let leg = vip.interface.as_str();
        from.carries(leg)
            && to.carries(leg)
            && from.ruleset.lets("output", &advert, Passage { arrives: "", leaves: leg })
            && to.ruleset.lets("input", &advert, Passage { arrives: leg, leaves: "" })
    }
}
