//! A digest over what can be observed of the hosts, without clocks: equal before and after a change that was taken back.

use std::fmt::Write as _;

use fabric_model::Digest;

use crate::state::State;

impl State {
    /// SHA-256 over power, units, links, kernel parameters, rulesets, files, timers, locks and the holders of the VIPs.
    pub(crate) fn digest(&self) -> Digest {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _written = self.write(&mut text);
        Digest::of(text.as_bytes())
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        for (name, host) in &self.hosts {
            writeln!(text, "host {name} {:?} lock {:?}", host.power, host.lock)?;
            for (unit, state) in &host.units {
                writeln!(text, "unit {unit} {:?} {} {}", state.shown(), state.frozen, state.enabled)?;
            }
            for nic in &host.nics {
                writeln!(text, "link {} {} {:?} {:?}", nic.name, nic.up, nic.address, nic.stray)?;
            }
            for (key, value) in &host.sysctls {
                writeln!(text, "sysctl {key}={value}")?;
            }
            for (path, file) in host.files.iter() {
                let digest = Digest::of(&file.bytes);
                writeln!(text, "file {path} {} {} {:o} {digest}", file.owner, file.group, file.mode)?;
            }
            for (timer, state) in &host.timers {
                writeln!(text, "timer {timer} {} {}", state.argv.join(" "), state.elapsed.is_some())?;
            }
            writeln!(text, "ruleset\n{}", host.ruleset)?;
        }
        for (name, vip) in &self.vips {
            writeln!(text, "vip {name} {:?}", self.holders(vip))?;
        }
        Ok(())
    }
}
