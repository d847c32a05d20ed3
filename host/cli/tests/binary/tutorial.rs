//! `docs/tutorial.md`, walked as it stands: every command is executed, every file written, and what is shown is what is said. What differs
//! from run to run (times, digests, keys, packets) is compared by its kind alone.
//!
//! `FABRIC_REGENERATE=1` writes what the commands say into the page, for review.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::scene::Scene;

/// A part of the page.
#[derive(Debug)]
enum Part {
    /// Lines that are only read.
    Text(Vec<String>),
    /// A file that is written, or to which something is appended.
    File { info: String, path: String, append: bool, lines: Vec<String> },
    /// Commands, each with what is shown below it.
    Console(Vec<(String, Vec<String>)>),
}

fn parse(page: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let words: Vec<&str> =
            line.strip_prefix("```").map(|info| info.split(' ').collect()).unwrap_or_default();
        let (path, append) = match words.as_slice() {
            ["console"] => (None, false),
            [_, "append", path] => (Some((*path).to_owned()), true),
            [_, path] => (Some((*path).to_owned()), false),
            _ => {
                text.push(line.to_owned());
                continue;
            }
        };
        parts.push(Part::Text(std::mem::take(&mut text)));
        let block: Vec<String> =
            lines.by_ref().take_while(|line| *line != "```").map(str::to_owned).collect();
        parts.push(match path {
            Some(path) => Part::File { info: words.join(" "), path, append, lines: block },
            None => Part::Console(commands(block)),
        });
    }
    parts.push(Part::Text(text));
    parts
}

fn commands(block: Vec<String>) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in block {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push((command.to_owned(), Vec::new())),
            (None, Some((_, shown))) => shown.push(line),
            (None, None) => panic!("a line before any command: {line}"),
        }
    }
    found
}

fn written(parts: &[Part]) -> String {
    let mut page = String::new();
    for part in parts {
        match part {
            Part::Text(lines) => lines.iter().for_each(|line| page.extend([line, "\n"])),
            Part::File { info, lines, .. } => {
                page.extend(["```", info, "\n", &lines.join("\n"), "\n```\n"]);
            }
            Part::Console(commands) => {
                page.push_str("```console\n");
                for (command, shown) in commands {
                    page.extend(["$ ", command, "\n"]);
                    shown.iter().for_each(|line| page.extend([line, "\n"]));
                }
                page.push_str("```\n");
            }
        }
    }
    page
}

/// Somebody who types what the page says.
struct Reader {
    scene: Scene,
    /// The packets of the page, by those of this walk.
    packets: BTreeMap<String, String>,
    /// The packet that was named last.
    last: Option<String>,
    code: Option<i32>,
}

impl Reader {
    /// What a command says, on standard output and then on standard error.
    fn types(&mut self, command: &str) -> Vec<String> {
        let mut command = command.to_owned();
        for (of_page, here) in &self.packets {
            command = command.replace(of_page, here);
        }
        let words = words(&command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = match words.as_slice() {
            ["cat", file] => self.scene.read(file),
            ["echo", "$?"] => self.code.replace(0).map_or_else(String::new, |code| code.to_string()),
            ["./fabric", words @ ..] => {
                let ran = self.scene.fabric(words);
                self.code = ran.code;
                let gap = if ran.stdout.is_empty() || ran.stdout.ends_with('\n') { "" } else { "\n" };
                format!("{}{gap}{}", ran.stdout, ran.stderr)
            }
            _ => panic!("the page has a command of another kind: {command}"),
        };
        let home = self.scene.home().display().to_string();
        let said: Vec<String> = said
            .replace(&home, "~/.config/fabric")
            .trim_end()
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        self.last = packets(&said.join("\n")).pop().or(self.last.take());
        said
    }

    /// Whether the command that was typed last may have ended as it did.
    fn ended_well(&self, next: Option<&str>) -> bool {
        self.code == Some(0) || next == Some("echo $?")
    }
}

/// Has a command be about the packet that was named last, where it is about one.
fn name_the_last(command: &mut String, last: Option<&String>) {
    if let (Some(named), Some(last)) = (packets(command).pop(), last) {
        *command = command.replace(&named, last);
    }
}

/// The words of a command line, as a shell takes them: those in single quotes are one.
fn words(command: &str) -> Vec<String> {
    let quoted = command.split('\'').enumerate();
    quoted
        .flat_map(|(index, piece)| match index % 2 {
            0 => piece.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
            _ => vec![piece.to_owned()],
        })
        .collect()
}

/// The names of packets in a text, in order: a time such as `20261121t143958z`, a title and a number.
fn packets(text: &str) -> Vec<String> {
    let is_packet = |word: &&str| {
        let (day, rest) = word.split_once('t').unwrap_or_default();
        let (time, title) = rest.split_once("z-").unwrap_or_default();
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        digits(day, 8) && digits(time, 6) && !title.is_empty()
    };
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(is_packet).map(str::to_owned).collect()
}

/// A line without what differs from run to run.
fn kind(line: &str) -> String {
    let mut line = line.to_owned();
    for packet in packets(&line) {
        line = line.replace(&packet, "PACKET");
    }
    let hex = |word: &str| word.len() >= 40 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let number = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let dated =
        |word: &str| word.len() >= 20 && word.starts_with("20") && word.contains('T') && word.ends_with('Z');
    let pieces: Vec<&str> = line.split(' ').collect();
    let mut made: Vec<String> = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let next = pieces.get(index + 1).copied().unwrap_or_default();
        let bare = piece.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        made.push(match () {
            () if hex(bare) => piece.replace(bare, "DIGEST"),
            () if dated(bare) => piece.replace(bare, "TIME"),
            () if ["ms", "s", "bytes:"].contains(&next) && number(piece) => "N".to_owned(),
            // What stands for `1.2 s` may be `900 ms`.
            () if *piece == "ms" => "s".to_owned(),
            () => (*piece).to_owned(),
        });
    }
    made.join(" ")
}

#[test]
fn the_tutorial_is_walked_as_it_stands() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tutorial.md");
    let page = fs::read_to_string(&path).expect("the page is there");
    let mut parts = parse(&page);
    assert_eq!(written(&parts), page, "the page is read without loss");
    let mut reader = Reader { scene: Scene::new(), packets: BTreeMap::new(), last: None, code: None };
    let anew = std::env::var_os("FABRIC_REGENERATE").is_some_and(|asked| asked == "1");
    let mut typed = 0;
    for part in &mut parts {
        match part {
            Part::Text(_) => {}
            Part::File { path, append, lines, .. } => write(&reader.scene.path(path), *append, lines),
            Part::Console(commands) => {
                let all: Vec<String> = commands.iter().map(|(command, _)| command.clone()).collect();
                for (index, (command, shown)) in commands.iter_mut().enumerate() {
                    if anew {
                        name_the_last(command, reader.last.as_ref());
                    }
                    let said = reader.types(command);
                    typed += 1;
                    let next = all.get(index + 1).map(String::as_str);
                    assert!(
                        reader.ended_well(next),
                        "`{command}` ends with {:?}:\n{}",
                        reader.code,
                        said.join("\n")
                    );
                    if anew {
                        *shown = said;
                        continue;
                    }
                    reader
                        .packets
                        .extend(packets(&shown.join("\n")).into_iter().zip(packets(&said.join("\n"))));
                    let [told, here] =
                        [&*shown, &said].map(|lines| lines.iter().map(|line| kind(line)).collect::<Vec<_>>());
                    assert_eq!(told, here, "what the page shows below `{command}` is not what it says");
                }
            }
        }
    }
    assert!(typed >= 20, "{typed} commands: the page is the whole path");
    if anew {
        fs::write(&path, written(&parts)).expect("the page can be written");
    }
}

fn write(path: &PathBuf, append: bool, lines: &[String]) {
    let text = lines.join("\n") + "\n";
    let file = OpenOptions::new().write(true).append(append).truncate(!append).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the file was there before");
}

#[test]
fn what_differs_from_run_to_run_is_compared_by_its_kind_and_all_else_as_it_is() {
    let packet = |stamp| format!("packet evidence/runs/{stamp}, on the twin only");
    assert_eq!(kind(&packet("20261121t143958z-a-36873d")), kind(&packet("20251121t143958z-a-36873e")));
    assert_eq!(kind("  pass  it answers  12 ms"), kind("  pass  it answers  1.2 s"));
    assert_ne!(kind("  pass  it answers  12 ms"), kind("  FAIL  it answers  12 ms"));
    assert_ne!(kind("1 passed: exit done (0)"), kind("2 passed: exit done (0)"));
    assert_eq!(words("./fabric a --fault '{\"x\": 1}'"), ["./fabric", "a", "--fault", "{\"x\": 1}"]);
}
