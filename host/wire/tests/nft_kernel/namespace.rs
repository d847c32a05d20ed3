//! A network namespace of its own for a test, and the real `nft` in it. Needs root; without it, or without `nft`, the tests fail.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A network namespace that lives as long as the process that was started in it.
pub(crate) struct Namespace(Child);

impl Namespace {
    /// A fresh one, with nothing in it.
    pub(crate) fn fresh() -> Self {
        let mut holder = Command::new("unshare")
            .args(["--net", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare can be started");
        // What comes back shows that the program runs, and so that the namespace is there.
        holder.stdin.as_mut().expect("it was piped").write_all(b"there\n").expect("it reads");
        let mut line = String::new();
        let stdout = holder.stdout.as_mut().expect("it was piped");
        BufReader::new(stdout).read_line(&mut line).expect("it writes");
        assert_eq!(line, "there\n", "no network namespace could be made; that needs root");
        let namespace =
            |of: String| std::fs::read_link(format!("/proc/{of}/ns/net")).expect("a process has one");
        assert_ne!(namespace(holder.id().to_string()), namespace("self".to_owned()), "never the host's own");
        Self(holder)
    }

    /// Runs `nft` with a script on its standard input.
    pub(crate) fn nft(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut nft = Command::new("nsenter")
            .args(["--target", &self.0.id().to_string(), "--net", "--", "nft"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nsenter can be started");
        nft.stdin.take().expect("it was piped").write_all(input.as_bytes()).expect("nft reads its input");
        let output = nft.wait_with_output().expect("nft ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("nft writes text");
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// The kernel's ruleset.
    pub(crate) fn listed(&self) -> Value {
        let json = self.nft(&["--json", "list", "ruleset"], "").expect("a ruleset can be listed");
        serde_json::from_str(&json).expect("nft writes JSON")
    }

    /// The kernel's ruleset, without the numbers that it gives to objects as they come.
    pub(crate) fn listed_without_handles(&self) -> Value {
        let mut listed = self.listed();
        strip(&mut listed);
        listed
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn strip(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(fields) => {
            fields.remove("handle");
            fields.values_mut().for_each(strip);
        }
        _ => {}
    }
}
