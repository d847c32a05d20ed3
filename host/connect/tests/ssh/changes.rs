//! Changing commands, and giving up sessions.

use std::sync::Arc;
use std::time::Duration;

use fabric_connect::{seams, writing};
use fabric_wire::endpoint::SshHost;
use fabric_wire::seam::{Ssh, SshWrite};
use fabric_wire::ssh::{ChangeCommand, ReadCommand};
use fabric_wire::{Deadline, WireError};
use tokio::io::AsyncReadExt;

use crate::sshd::{Site, Sshd};
use crate::{client, soon};

/// Runs the tool that the command names without the `sudo` in front of it, so that the machine of the tests needs none.
const WITHOUT_SUDO: &str = "ForceCommand exec ${SSH_ORIGINAL_COMMAND#*-n }";

/// A change that takes standard input.
fn staging() -> ChangeCommand {
    let root = || "root".parse().expect("a name");
    let path = "/run/fabric-test".parse().expect("a path");
    ChangeCommand::FileStage { path, owner: root(), group: root(), mode: 0o600 }
}

/// What a change gives, with everything that it is given on its standard input.
async fn change(
    ssh: &impl SshWrite,
    host: &SshHost,
    input: &[u8],
) -> Result<(u32, Vec<u8>, Vec<u8>), WireError> {
    let output = ssh.change(host, &staging(), input, soon()).await?;
    Ok((output.status, output.stdout, output.stderr))
}

/// Waits until a server has that many sessions.
async fn until_sessions(server: &Sshd, count: usize) {
    let met = async {
        while server.sessions() != count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), met).await;
    assert!(waited.is_ok(), "{} sessions instead of {count}", server.sessions());
}

#[tokio::test]
async fn standard_input_arrives_whole_and_ends() {
    let site = Site::new();
    let server = site.sshd("127.0.0.1", "ed25519", "ForceCommand exec cat");
    let ssh = client(&site, &server.pin("edge"));
    let host = server.host("edge", vec![]);
    let mebibyte: Vec<u8> = (0..1_u32 << 20).map(|place| place.to_le_bytes()[0] ^ 0x5a).collect();
    for input in [&[][..], b"x", &mebibyte[..100_000], &mebibyte] {
        let (status, stdout, stderr) = change(&ssh, &host, input).await.expect("cat runs");
        assert_eq!((status, stderr), (0, vec![]));
        assert!(stdout == input, "{} bytes of {}", stdout.len(), input.len());
    }
    // A reading command has an input, too: none.
    let output = ssh.read(&host, &ReadCommand::Clock, soon()).await.expect("cat runs");
    assert_eq!((output.status, output.stdout), (0, vec![]));
}

#[tokio::test]
async fn the_command_of_the_list_is_what_runs_and_a_file_is_staged_as_given() {
    let site = Site::new();
    let server = site.sshd("127.0.0.1", "ed25519", "ForceCommand echo $SSH_ORIGINAL_COMMAND");
    let tools = site.sshd("127.0.0.1", "ed25519", WITHOUT_SUDO);
    let ssh = client(&site, &[server.pin("edge"), tools.pin("tools")].concat());
    let stop = ChangeCommand::UnitStop { unit: "keepalived.service".parse().expect("a name") };
    let output = ssh.change(&server.host("edge", vec![]), &stop, b"", soon()).await.expect("echo runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), stop.line());
    let staged = site.folder.path().canonicalize().expect("a folder").join("staged");
    let name = |text: &str| text.parse().expect("a name");
    let path = staged.to_str().expect("text").parse().expect("a remote path");
    let stage = ChangeCommand::FileStage { path, owner: name("root"), group: name("root"), mode: 0o640 };
    let content = vec![0xa5; 300_000];
    let output = ssh.change(&tools.host("tools", vec![]), &stage, &content, soon()).await.expect("runs");
    assert_eq!((output.status, &*output.stderr), (0, &b""[..]));
    assert!(std::fs::read(&staged).expect("the staged file") == content);
}

#[tokio::test]
async fn status_and_both_outputs_of_a_change_are_taken_as_they_are() {
    let site = Site::new();
    let failing = site.sshd("127.0.0.1", "ed25519", "ForceCommand cat; echo err >&2; exit 4");
    let deaf = site.sshd("127.0.0.1", "ed25519", "ForceCommand exec 0<&-; exit 3");
    let chatty = site.sshd("127.0.0.1", "ed25519", "ForceCommand head -c 3000000 /dev/zero; wc -c");
    let ssh = client(&site, &[failing.pin("failing"), deaf.pin("deaf"), chatty.pin("chatty")].concat());
    let answer = change(&ssh, &failing.host("failing", vec![]), b"out").await;
    assert_eq!(answer, Ok((4, b"out".to_vec(), b"err\n".to_vec())));
    // One that takes nothing of a large input is not waited for.
    let input = vec![0; 4 << 20];
    assert_eq!(change(&ssh, &deaf.host("deaf", vec![]), &input).await, Ok((3, vec![], vec![])));
    // One that fills its output before it takes its input does not stand still.
    let (status, stdout, _) = change(&ssh, &chatty.host("chatty", vec![]), &input).await.expect("wc runs");
    assert_eq!((status, stdout.get(3_000_000..)), (0, Some(&b"4194304\n"[..])));
}

#[tokio::test]
async fn a_change_that_may_have_been_made_is_not_made_again() {
    let site = Site::new();
    let log = site.folder.path().join("log");
    // Notes each command, and takes the whole session down under a changing one.
    let dying = format!(
        "ForceCommand echo $SSH_ORIGINAL_COMMAND >>{}; case $SSH_ORIGINAL_COMMAND in *sudo*) kill -9 $PPID; sleep 9;; esac",
        log.display()
    );
    let server = site.sshd("127.0.0.1", "ed25519", &dying);
    let ssh = client(&site, &server.pin("edge"));
    let host = server.host("edge", vec![]);
    ssh.read(&host, &ReadCommand::Clock, soon()).await.expect("opens the session");
    let cut = ssh.change(&host, &ChangeCommand::LockDrop, b"", soon()).await;
    assert_eq!(cut, Err(WireError::Closed));
    let noted = || std::fs::read_to_string(&log).expect("the log");
    assert_eq!(noted().matches("sudo").count(), 1);
    // The next one needs a new session, and gets it: nothing of it was sent over the dead one.
    ssh.read(&host, &ReadCommand::Clock, soon()).await.expect("opened again");
    assert_eq!(noted().matches("date").count(), 2);
}

#[tokio::test]
async fn a_change_is_sent_over_a_new_session_when_the_old_one_is_dead() {
    let site = Site::new();
    let mut server = site.sshd("127.0.0.1", "ed25519", "ForceCommand exec cat");
    let ssh = client(&site, &server.pin("edge"));
    let host = server.host("edge", vec![]);
    assert_eq!(change(&ssh, &host, b"one").await.map(|(_, stdout, _)| stdout), Ok(b"one".to_vec()));
    server.stop();
    server.start();
    assert_eq!(change(&ssh, &host, b"two").await.map(|(_, stdout, _)| stdout), Ok(b"two".to_vec()));
}

#[tokio::test]
async fn a_deadline_during_a_change_is_a_timeout() {
    let site = Site::new();
    let hung = site.sshd("127.0.0.1", "ed25519", "ForceCommand exec sleep 600");
    let ssh = client(&site, &hung.pin("hung"));
    let host = hung.host("hung", vec![]);
    // Both where the command takes its input and hangs, and where it takes none.
    for input in [&b""[..], &vec![0; 4 << 20]] {
        let deadline = Deadline::after(Duration::from_secs(2));
        let late = ssh.change(&host, &staging(), input, deadline).await;
        assert_eq!(late, Err(WireError::Timeout));
    }
}

#[tokio::test]
async fn a_forgotten_host_is_connected_to_anew_and_the_old_connection_ends() {
    let site = Site::new();
    // Which connection a command came over: its port on this side.
    let server = site.sshd("127.0.0.1", "ed25519", "ForceCommand echo $SSH_CONNECTION");
    let other = site.sshd("127.0.0.1", "ed25519", "ForceCommand echo $SSH_CONNECTION");
    let ssh = client(&site, &[server.pin("edge"), other.pin("other")].concat());
    let (host, bystander) = (server.host("edge", vec![]), other.host("other", vec![]));
    let connection = async |host: &SshHost| {
        ssh.read(host, &ReadCommand::Clock, soon()).await.map(|output| output.stdout).expect("echo runs")
    };
    let (first, kept) = (connection(&host).await, connection(&bystander).await);
    assert_eq!(connection(&host).await, first);
    // What still goes over it breaks off, and does not keep it alive.
    let mut stream = ssh.forward(&host, other.address, soon()).await.expect("forwards");
    ssh.forget(&host).await.expect("forgets");
    until_sessions(&server, 0).await;
    stream.read_to_end(&mut Vec::new()).await.expect("it ended");
    let second = connection(&host).await;
    assert_ne!(second, first);
    assert_eq!(connection(&host).await, second);
    until_sessions(&server, 1).await;
    assert_eq!(connection(&bystander).await, kept);
    // What is forgotten twice, or was never known, does no harm.
    ssh.forget(&host).await.expect("forgets");
    ssh.forget(&host).await.expect("forgets");
    ssh.forget(&other.host("stranger", vec![])).await.expect("nothing to forget");
    assert_eq!(connection(&bystander).await, kept);
}

#[tokio::test]
async fn what_is_reached_through_a_forgotten_host_is_forgotten_with_it() {
    let site = Site::new();
    let (jump, spare) = (site.sshd("127.0.1.1", "ed25519", ""), site.sshd("127.0.1.2", "ed25519", ""));
    let (node, far) = (site.sshd("127.0.1.3", "ed25519", ""), site.sshd("127.0.1.4", "ed25519", ""));
    let ssh =
        client(&site, &[jump.pin("jump"), spare.pin("spare"), node.pin("node"), far.pin("far")].concat());
    let jumps = || vec![jump.host("jump", vec![]), spare.host("spare", vec![])];
    let (near_host, far_host) =
        (node.host("node", jumps()), far.host("far", vec![spare.host("spare", vec![])]));
    for host in [&near_host, &far_host] {
        ssh.read(host, &ReadCommand::Clock, soon()).await.expect("reads");
    }
    let counts = || [&jump, &spare, &node, &far].map(Sshd::sessions);
    assert_eq!(counts(), [1, 1, 1, 1]);
    // A connection that is forwarded through another host is not broken off.
    let mut stream = ssh.forward(&far_host, far.address, soon()).await.expect("forwards");
    ssh.forget(&jump.host("jump", vec![])).await.expect("forgets");
    until_sessions(&jump, 0).await;
    until_sessions(&node, 0).await;
    assert_eq!((spare.sessions(), far.sessions()), (1, 2));
    let mut banner = [0; 8];
    stream.read_exact(&mut banner).await.expect("sshd greets");
    ssh.read(&near_host, &ReadCommand::Clock, soon()).await.expect("connects anew");
    assert_eq!((jump.sessions(), node.sessions()), (1, 1));
}

#[tokio::test]
async fn a_connection_in_the_making_does_not_outlive_being_forgotten() {
    let site = Site::new();
    let server = site.sshd("127.0.0.1", "ed25519", "ForceCommand echo $SSH_CONNECTION");
    let ssh = Arc::new(client(&site, &server.pin("edge")));
    let host = server.host("edge", vec![]);
    server.freeze();
    let begun = tokio::spawn({
        let (ssh, host) = (ssh.clone(), host.clone());
        async move { ssh.read(&host, &ReadCommand::Clock, soon()).await }
    });
    // By then the reading waits for the frozen server's greeting.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!begun.is_finished());
    ssh.forget(&host).await.expect("forgets");
    server.thaw();
    let over_the_old = begun.await.expect("no panic").map(|output| output.stdout);
    let over_the_new = ssh.read(&host, &ReadCommand::Clock, soon()).await.expect("a new one").stdout;
    assert_ne!(over_the_old, Ok(over_the_new));
    until_sessions(&server, 1).await;
}

#[tokio::test]
async fn readings_and_changes_share_one_session() {
    let site = Site::new();
    let server = site.sshd("127.0.0.1", "ed25519", "ForceCommand echo $SSH_CONNECTION");
    let ssh = Arc::new(client(&site, &server.pin("edge")));
    let (seams, writing) = (seams(ssh.clone()), writing(ssh));
    let host = server.host("edge", vec![]);
    let read = seams.ssh.read(&host, &ReadCommand::Clock, soon()).await.expect("reads");
    let changed = writing.ssh.change(&host, &ChangeCommand::LockDrop, b"", soon()).await.expect("changes");
    assert_eq!(read.stdout, changed.stdout);
    writing.ssh.forget(&host).await.expect("forgets");
    let read_anew = seams.ssh.read(&host, &ReadCommand::Clock, soon()).await.expect("reads");
    assert_ne!(read_anew.stdout, read.stdout);
}
