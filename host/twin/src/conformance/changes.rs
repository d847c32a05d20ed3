//! Cases about changes. Each takes back what it did, on the weaker edge of the DNS pair.

use std::time::Duration;

use fabric_model::site::Site;
use fabric_model::{RemotePath, Slug};
use fabric_wire::endpoint::SshHost;
use fabric_wire::seam::Writing;
use fabric_wire::ssh::{self, ChangeCommand, CommandOutput, ReadCommand, Restore};
use fabric_wire::{Deadline, Seams};

use super::{Case, Outcome, PATIENCE, expect, ssh_host, text};

/// Puts every case about changes to the seams. The edges of the site's DNS VIP must be up; afterwards they are as before.
pub async fn changes_conform(seams: &Seams, writing: &Writing, site: &Site) -> Vec<Case> {
    let Some((host, unit)) = ground(site) else {
        let outcome = Err("the site has no zone with a VIP and an edge with a daemon".to_owned());
        return vec![Case { name: "the site has an edge to change", outcome }];
    };
    let hand = Hand { seams, writing, host, unit };
    let case = |name, outcome| Case { name, outcome };
    vec![
        case("a unit that is stopped is inactive, and active again once it is started", hand.unit().await),
        case("a unit that is not there cannot be started", hand.no_unit().await),
        case("a timer is armed, read back and disarmed", hand.timer().await),
        case("a timer that nobody disarms does what it is for", hand.timer_elapses().await),
        case("a timer's name is taken once", hand.timer_twice().await),
        case("a lock that is held cannot be taken", hand.lock().await),
        case("a file is staged, put in its place and removed", hand.file().await),
        case("a ruleset that is none is refused", hand.bad_ruleset().await),
        case("a ruleset that is not there is refused", hand.no_ruleset().await),
        case("a ruleset is loaded, and the one before it again", hand.ruleset().await),
    ]
}

/// The weaker edge, and a daemon of it that is neither the way in nor the holder of addresses.
fn ground(site: &Site) -> Option<(SshHost, Slug)> {
    let (_, zone) = site.zones.iter().next()?;
    let members = &site.vips.get(&zone.vip)?.members;
    let name = members.iter().min_by_key(|(_, priority)| **priority)?.0;
    let units = &site.hosts.get(name)?.units;
    let running = units.iter().filter(|(_, unit)| unit.sub_state == *"running");
    let mut spare = running.filter(|(name, _)| !["ssh", "keepalived"].contains(&name.as_str()));
    let unit = format!("{}.service", spare.next()?.0).parse().ok()?;
    Some((ssh_host(site, name)?, unit))
}

struct Hand<'a> {
    seams: &'a Seams,
    writing: &'a Writing,
    host: SshHost,
    unit: Slug,
}

impl Hand<'_> {
    async fn change(&self, command: ChangeCommand, input: &[u8]) -> Result<CommandOutput, String> {
        let deadline = Deadline::after(PATIENCE * 5);
        self.writing.ssh.change(&self.host, &command, input, deadline).await.map_err(text)
    }

    /// A change that must end well.
    async fn done(&self, command: ChangeCommand, input: &[u8]) -> Outcome {
        let output = self.change(command.clone(), input).await?;
        ssh::done(&command, &output).map_err(text)
    }

    async fn read(&self, command: ReadCommand) -> Result<CommandOutput, String> {
        self.seams.ssh.read(&self.host, &command, Deadline::after(PATIENCE)).await.map_err(text)
    }

    async fn active(&self) -> Result<String, String> {
        let output = self.read(ReadCommand::UnitShow { unit: self.unit.clone() }).await?;
        ssh::unit_state(&output).map(|state| state.active_state).map_err(text)
    }

    async fn unit(&self) -> Outcome {
        self.done(ChangeCommand::UnitStop { unit: self.unit.clone() }, b"").await?;
        let stopped = self.active().await;
        self.done(ChangeCommand::UnitStart { unit: self.unit.clone() }, b"").await?;
        let started = self.active().await?;
        let stopped = stopped?;
        expect(stopped == "inactive" && started == "active", &(stopped, started))
    }

    async fn no_unit(&self) -> Outcome {
        let unit = "no-such-unit.service".parse().map_err(text)?;
        let output = self.change(ChangeCommand::UnitStart { unit }, b"").await?;
        expect(output.status != 0, &output)
    }

    /// The blocks of a timer and its service.
    async fn shown(&self, timer: &Slug) -> Result<(String, String), String> {
        let output = self.read(ReadCommand::TimerShow { timer: timer.clone() }).await?;
        let shown = String::from_utf8(output.stdout).map_err(text)?;
        let (timer, service) = shown.split_once("\n\n").ok_or_else(|| format!("one block: {shown}"))?;
        Ok((timer.to_owned(), service.to_owned()))
    }

    async fn timer(&self) -> Outcome {
        let timer: Slug = "fabric-conformance-1".parse().map_err(text)?;
        let restore = Restore::UnitStart { unit: self.unit.clone() };
        let argv = format!("argv[]={restore} ;");
        self.done(ChangeCommand::TimerArm { timer: timer.clone(), seconds: 600, restore }, b"").await?;
        let armed = self.shown(&timer).await;
        self.done(ChangeCommand::TimerDisarm { timer: timer.clone() }, b"").await?;
        let (timer_block, service) = armed?;
        let waits = has(&timer_block, "ActiveState=active") && has(&timer_block, "SubState=waiting");
        expect(waits && service.contains(&argv) && has(&service, "SubState=dead"), &(timer_block, service))?;
        let gone = self.shown(&timer).await?;
        expect(has(&gone.0, "LoadState=not-found") && has(&gone.1, "LoadState=not-found"), &gone)
    }

    async fn timer_elapses(&self) -> Outcome {
        let timer: Slug = "fabric-conformance-2".parse().map_err(text)?;
        let restore = Restore::UnitStart { unit: self.unit.clone() };
        self.done(ChangeCommand::UnitStop { unit: self.unit.clone() }, b"").await?;
        self.done(ChangeCommand::TimerArm { timer: timer.clone(), seconds: 1, restore }, b"").await?;
        let mut active = String::new();
        for _second in 0..10 {
            self.seams.clock.sleep(Duration::from_secs(1)).await;
            active = self.active().await?;
            if active == "active" {
                break;
            }
        }
        let elapsed = self.shown(&timer).await?;
        self.done(ChangeCommand::UnitStart { unit: self.unit.clone() }, b"").await?;
        self.done(ChangeCommand::TimerDisarm { timer }, b"").await?;
        // It runs for as long as its service stays.
        let ran = has(&elapsed.0, "SubState=running") && has(&elapsed.1, "SubState=exited");
        expect(active == "active" && ran, &(active, elapsed))
    }

    async fn timer_twice(&self) -> Outcome {
        let timer: Slug = "fabric-conformance-3".parse().map_err(text)?;
        let restore = Restore::UnitStart { unit: self.unit.clone() };
        let arm = ChangeCommand::TimerArm { timer: timer.clone(), seconds: 600, restore };
        self.done(arm.clone(), b"").await?;
        let again = self.change(arm, b"").await;
        self.done(ChangeCommand::TimerDisarm { timer }, b"").await?;
        let again = again?;
        expect(again.status != 0, &again)
    }

    async fn lock(&self) -> Outcome {
        let first: Slug = "conformance-first".parse().map_err(text)?;
        let second: Slug = "conformance-second".parse().map_err(text)?;
        self.done(ChangeCommand::LockTake { owner: first }, b"").await?;
        let again = self.change(ChangeCommand::LockTake { owner: second }, b"").await;
        let held = self.read(ReadCommand::LockShow).await;
        self.done(ChangeCommand::LockDrop, b"").await?;
        let (again, held) = (again?, String::from_utf8(held?.stdout).map_err(text)?);
        let kept = has(&held, "Description=conformance-first") && has(&held, "ActiveState=active");
        expect(again.status != 0 && kept, &(again, held))?;
        let free = String::from_utf8(self.read(ReadCommand::LockShow).await?.stdout).map_err(text)?;
        expect(has(&free, "LoadState=not-found"), &free)
    }

    async fn file(&self) -> Outcome {
        let path = |text: &str| text.parse::<RemotePath>().map_err(|error| error.to_string());
        let (staged, target) = (path("/run/fabric-conformance.new")?, path("/run/fabric-conformance")?);
        let (owner, group): (Slug, Slug) = ("root".parse().map_err(text)?, "root".parse().map_err(text)?);
        let stage = ChangeCommand::FileStage { path: staged.clone(), owner, group, mode: 0o640 };
        self.done(stage, b"one\ntwo\n").await?;
        self.done(ChangeCommand::FileRename { from: staged.clone(), to: target.clone() }, b"").await?;
        let facts = self.read(ReadCommand::FileFacts { path: target.clone() }).await;
        let content = self.read(ReadCommand::FileContent { path: target.clone() }).await;
        let left = self.read(ReadCommand::FileFacts { path: staged }).await;
        self.done(ChangeCommand::FileRemove { path: target.clone() }, b"").await?;
        let (facts, content, left) = (facts?, content?, left?);
        let good = facts.stdout == b"regular file,640,root,root,8\n" && content.stdout == b"one\ntwo\n";
        expect(good && left.status != 0, &(facts, content, left))?;
        let gone = self.read(ReadCommand::FileFacts { path: target.clone() }).await?;
        expect(gone.status != 0, &gone)?;
        self.done(ChangeCommand::FileRemove { path: target }, b"").await
    }

    async fn bad_ruleset(&self) -> Outcome {
        let text = b"table inet fabric_conformance { chain input { accpet } }\n";
        let before = self.loaded().await?;
        let path = self.staged(text).await?;
        let checked = self.change(ChangeCommand::NftCheck { path: path.clone() }, b"").await;
        let loaded = self.change(ChangeCommand::NftLoad { path: path.clone() }, b"").await;
        self.done(ChangeCommand::FileRemove { path }, b"").await?;
        let (checked, loaded, after) = (checked?, loaded?, self.loaded().await?);
        expect(checked.status != 0 && loaded.status != 0 && after == before, &(checked, loaded, after))
    }

    /// Without its file there is nothing to load, whatever comes over standard input.
    async fn no_ruleset(&self) -> Outcome {
        let before = self.loaded().await?;
        let path: RemotePath = "/run/fabric-conformance-none.nft".parse().map_err(text)?;
        let checked = self.change(ChangeCommand::NftCheck { path: path.clone() }, b"flush ruleset\n").await?;
        let loaded = self.change(ChangeCommand::NftLoad { path }, b"flush ruleset\n").await?;
        let after = self.loaded().await?;
        expect(checked.status != 0 && loaded.status != 0 && after == before, &(checked, loaded, after))
    }

    /// A ruleset as it is brought to the host before it is loaded.
    async fn staged(&self, ruleset: &[u8]) -> Result<RemotePath, String> {
        let path: RemotePath = "/run/fabric-conformance.new.nft".parse().map_err(text)?;
        let root: Slug = "root".parse().map_err(text)?;
        let stage =
            ChangeCommand::FileStage { path: path.clone(), owner: root.clone(), group: root, mode: 0o600 };
        self.done(stage, ruleset).await?;
        Ok(path)
    }

    /// Does something with a staged ruleset, and takes its file away again.
    async fn with_ruleset(&self, ruleset: &[u8], what: impl Fn(RemotePath) -> ChangeCommand) -> Outcome {
        let path = self.staged(ruleset).await?;
        let outcome = self.done(what(path.clone()), b"").await;
        self.done(ChangeCommand::FileRemove { path }, b"").await?;
        outcome
    }

    async fn loaded(&self) -> Result<String, String> {
        let output = self.read(ReadCommand::NftText).await?;
        String::from_utf8(output.stdout).map_err(text)
    }

    async fn ruleset(&self) -> Outcome {
        let before = self.loaded().await?;
        let added = b"table inet fabric_conformance {\n\tchain extra {\n\t\ttype filter hook input priority 10; policy accept;\n\t}\n}\n";
        self.with_ruleset(added, |path| ChangeCommand::NftCheck { path }).await?;
        let checked = self.loaded().await?;
        expect(checked == before, &checked)?;
        self.with_ruleset(added, |path| ChangeCommand::NftLoad { path }).await?;
        let loaded = self.loaded().await;
        let restoring = format!("flush ruleset\n{before}");
        self.with_ruleset(restoring.as_bytes(), |path| ChangeCommand::NftLoad { path }).await?;
        let (loaded, after) = (loaded?, self.loaded().await?);
        expect(loaded.contains("table inet fabric_conformance {") && after == before, &(loaded, after))
    }
}

fn has(block: &str, line: &str) -> bool {
    block.lines().any(|found| found == line)
}
