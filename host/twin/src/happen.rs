//! What happens by itself as time passes: daemons come back, timers elapse, guests boot, VIPs change hands.

use std::time::Duration;

use crate::power::Order;
use crate::ssh;
use crate::state::{Power, State};
use crate::unit::Phase;

/// The next thing that happens, in the order in which things of one moment do.
#[derive(Debug)]
enum Due {
    Guest(usize),
    Restart { host: String, unit: String },
    Timer { host: String, timer: String },
    Vip { vip: String, member: String },
}

impl State {
    /// Lets time pass until `until`; everything that is due by then happens in its order.
    pub(crate) fn pass(&mut self, until: Duration) {
        while let Some((at, due)) = self.next_due().filter(|(at, _)| *at <= until) {
            self.now = self.now.max(at);
            self.happens(due);
            self.notice();
        }
        self.now = self.now.max(until);
    }

    fn next_due(&self) -> Option<(Duration, Due)> {
        let orders = self.orders.iter().enumerate().map(|(place, order)| (order.at, Due::Guest(place)));
        let awake = || self.hosts.iter().filter(|(_, host)| host.power == Power::Up);
        let restarts = awake().flat_map(|(name, host)| {
            host.units.iter().filter_map(move |(unit, state)| match state.phase {
                Phase::Restarting { at } => {
                    Some((at, Due::Restart { host: name.clone(), unit: unit.clone() }))
                }
                _ => None,
            })
        });
        let timers = awake().flat_map(|(name, host)| {
            let armed = host.timers.iter().filter(|(_, timer)| timer.elapsed.is_none());
            armed.map(move |(timer, state)| {
                (state.elapses, Due::Timer { host: name.clone(), timer: timer.clone() })
            })
        });
        let turns = self.next_turn().map(|(at, vip, member)| (at, Due::Vip { vip, member }));
        orders.chain(restarts).chain(timers).chain(turns).min_by_key(|(at, _)| *at)
    }

    fn happens(&mut self, due: Due) {
        match due {
            Due::Guest(place) => {
                let order: Order = self.orders.remove(place);
                self.carry_out(&order);
            }
            Due::Restart { host, unit } => {
                let unit = self.hosts.get_mut(&host).and_then(|host| host.units.get_mut(&unit));
                if let Some(unit) = unit {
                    unit.start();
                    unit.restarts += 1;
                }
            }
            Due::Timer { host, timer } => {
                let now = self.now;
                let find = |state: &mut Self| -> Option<Vec<String>> {
                    let timer = state.hosts.get_mut(&host)?.timers.get_mut(&timer)?;
                    timer.elapsed = Some((now, 0));
                    Some(timer.argv.clone())
                };
                let Some(argv) = find(self) else { return };
                let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
                let status = ssh::change(self, &host, &argv, &[]).status;
                let timer = self.hosts.get_mut(&host).and_then(|host| host.timers.get_mut(&timer));
                if let Some(timer) = timer {
                    timer.elapsed = Some((now, status));
                }
            }
            Due::Vip { vip, member } => self.turn(&vip, &member),
        }
    }
}
