//! Examples of command lines, below the help of each command.

use clap::{Command, CommandFactory as _};

use crate::args::Args;

/// A command by its words, and lines of it, each with what it does.
struct Examples {
    command: &'static [&'static str],
    lines: &'static [(&'static str, &'static str)],
}

/// The command line, with its examples.
pub(crate) fn command() -> Command {
    EXAMPLES
        .iter()
        .fold(Args::command(), |command, examples| shown(command, examples.command, examples.lines))
}

fn shown(command: Command, path: &[&'static str], lines: &[(&str, &str)]) -> Command {
    match path {
        [] => command.after_help(text(lines)),
        [name, rest @ ..] => command.mut_subcommand(name, |command| shown(command, rest, lines)),
    }
}

fn text(lines: &[(&str, &str)]) -> String {
    let lines: Vec<String> = lines.iter().map(|(line, does)| format!("  {line}\n      {does}")).collect();
    format!("Examples:\n{}", lines.join("\n"))
}

const EXAMPLES: &[Examples] = &[
    Examples {
        command: &["approve"],
        lines: &[(
            "fabric approve DIGEST --environment samakia-dns --reason 'agreed in CAB 114' --expires 90m",
            "Consent to a plan of somebody else, for an hour and a half",
        )],
    },
    Examples {
        command: &["check"],
        lines: &[
            ("fabric check --deny warnings", "Every script of the project, as CI does"),
            ("fabric check acceptance/dns.rhai --output sarif", "One script, for a code host"),
        ],
    },
    Examples {
        command: &["completions"],
        lines: &[("fabric completions bash", "What goes into the file that bash reads for `fabric`")],
    },
    Examples {
        command: &["docs"],
        lines: &[
            ("fabric docs", "Every primitive and function"),
            ("fabric docs dns.query", "What one takes and gives, in both languages"),
            ("fabric docs --luau-definitions", "What Luau's language server reads"),
        ],
    },
    Examples {
        command: &["evidence", "attest"],
        lines: &[(
            "fabric evidence attest evidence/runs/20260504t030201z-dns-7f3a01",
            "A packet that was sealed with a card gets its statement from who countersigned with a key file",
        )],
    },
    Examples {
        command: &["evidence", "classify"],
        lines: &[(
            "fabric evidence classify PACKET S3 --reason 'keys were copied' --role commander",
            "A packet about an incident of high severity",
        )],
    },
    Examples {
        command: &["evidence", "countersign"],
        lines: &[
            (
                "fabric evidence countersign evidence/runs/20260504t030201z-dns-7f3a01 --role security",
                "Read what it says of the packet, and sign it too",
            ),
            (
                "fabric evidence countersign evidence/runs/PACKET --label 2 --role legal",
                "Agree to what a label of it says, such as a release",
            ),
        ],
    },
    Examples {
        command: &["evidence", "diff"],
        lines: &[(
            "fabric evidence diff evidence/runs/LAST evidence/runs/THIS",
            "What is otherwise since last time",
        )],
    },
    Examples {
        command: &["evidence", "hold", "declare"],
        lines: &[(
            "fabric evidence hold declare PACKET case-7 --review 2027-01-01T00:00:00Z --reason 'a letter'",
            "Nobody prunes it before two people have released it",
        )],
    },
    Examples {
        command: &["evidence", "hold", "extend"],
        lines: &[(
            "fabric evidence hold extend PACKET case-7 --review 2027-07-01T00:00:00Z --reason 'at court'",
            "Look at it again half a year later",
        )],
    },
    Examples {
        command: &["evidence", "hold", "list"],
        lines: &[("fabric evidence hold list", "What is held, why, and when to review it")],
    },
    Examples {
        command: &["evidence", "hold", "withdraw"],
        lines: &[(
            "fabric evidence hold withdraw evidence/runs/PACKET case-7 --reason 'the court asks again'",
            "Take a release back that was begun: the hold stands, whoever signs that release later",
        )],
    },
    Examples {
        command: &["evidence", "hold", "release"],
        lines: &[(
            "fabric evidence hold release evidence/runs/PACKET case-7 --reason 'settled'",
            "The first of two signatures; the packet is held until the second",
        )],
    },
    Examples {
        command: &["evidence", "export"],
        lines: &[(
            "fabric evidence export evidence/runs/20260504t030201z-dns-7f3a01 --to dns.tar",
            "One file to hand over; equal packets make equal archives",
        )],
    },
    Examples {
        command: &["evidence", "import"],
        lines: &[(
            "fabric evidence import dns.tar --into received --trust auditor/trust.toml",
            "Nothing is kept of what does not verify",
        )],
    },
    Examples {
        command: &["evidence", "list"],
        lines: &[("fabric evidence list --realm real", "The packets of the real site, the oldest first")],
    },
    Examples {
        command: &["evidence", "log", "sign"],
        lines: &[("fabric evidence log sign --role auditor", "Vouch for the log as it stands, if it holds")],
    },
    Examples {
        command: &["evidence", "log", "verify"],
        lines: &[(
            "fabric evidence log verify --packets",
            "Every packet is there, in its order, and verifies",
        )],
    },
    Examples {
        command: &["evidence", "notarize"],
        lines: &[(
            "fabric evidence notarize evidence/runs/20260504t030201z-dns-7f3a01",
            "Have the only authority of the trust file stamp every signature that has no timestamp",
        )],
    },
    Examples {
        command: &["evidence", "scan"],
        lines: &[
            (
                "fabric evidence scan evidence/runs",
                "Look for whatever looks like a secret in all packets of the project",
            ),
            (
                "fabric evidence scan old/evidence --site fabric.toml --output json",
                "Look for the site's own secrets too, in every encoding, and print what is found as JSON",
            ),
        ],
    },
    Examples {
        command: &["evidence", "prune"],
        lines: &[
            ("fabric evidence prune", "What may go, and why the rest stays"),
            ("fabric evidence prune --execute --reason 'yearly' --role records", "Delete what may go"),
        ],
    },
    Examples {
        command: &["evidence", "public-key"],
        lines: &[(
            "fabric evidence public-key certs/ada.asc",
            "For a program that verifies statements and knows no OpenPGP",
        )],
    },
    Examples {
        command: &["evidence", "retain"],
        lines: &[(
            "fabric evidence retain PACKET --until 2028-01-01T00:00:00Z --reason 'audit of 2027'",
            "Keep it longer than the trust file asks",
        )],
    },
    Examples {
        command: &["evidence", "show"],
        lines: &[(
            "fabric evidence show evidence/runs/PACKET",
            "What it says, who signed it, and what was said of it since",
        )],
    },
    Examples { command: &["doctor"], lines: &[("fabric doctor", "What would keep a run from working here")] },
    Examples {
        command: &["explain"],
        lines: &[
            ("fabric explain port.timeout", "A fault"),
            ("fabric explain 14", "An exit code"),
            ("fabric explain undeclared-call", "A finding of `fabric check`"),
        ],
    },
    Examples {
        command: &["freeze"],
        lines: &[(
            "fabric freeze samakia-dns --reason 'incident 7' --until 2026-11-22T06:00:00Z",
            "Nothing is changed there until the morning",
        )],
    },
    Examples {
        command: &["gameday"],
        lines: &[(
            "fabric gameday contract.yml --testcase gameday:vip-failover --rehearse",
            "The GameDay that a contract names, on the twin",
        )],
    },
    Examples {
        command: &["init"],
        lines: &[(
            "fabric init --user-id 'Ada <ada@example.org>' --role operator",
            "A key for Ada, who is an operator",
        )],
    },
    Examples {
        command: &["list"],
        lines: &[
            ("fabric list", "The scripts of the project"),
            ("fabric list primitives --output json", "What a script can ask for"),
        ],
    },
    Examples {
        command: &["new"],
        lines: &[
            ("fabric new acceptance front-door", "acceptance/front-door.rhai, and its test"),
            ("fabric new gameday front-door --language luau", "gamedays/front-door.luau, and its test"),
        ],
    },
    Examples {
        command: &["plan", "show"],
        lines: &[("fabric plan show DIGEST", "What a plan changes, and what takes it back")],
    },
    Examples {
        command: &["policy", "explain"],
        lines: &[
            ("fabric policy explain unit.stop host:dns-edge-1/keepalived", "One call"),
            (
                "fabric policy explain --script acceptance/dns.rhai --site twin",
                "Everything that a script declares, on the twin",
            ),
        ],
    },
    Examples {
        command: &["policy", "minimise"],
        lines: &[(
            "fabric policy minimise evidence/runs/PACKET --write smaller.toml",
            "What a run used of the policy, and a policy of nothing else",
        )],
    },
    Examples {
        command: &["recover"],
        lines: &[
            ("fabric recover --dry-run", "What killed runs have left"),
            ("fabric recover", "Take it back, and seal their packets"),
            (
                "fabric recover 20260504t030201z-dns-7f3a01 --vouch --reason 'the key of a test'",
                "Seal a packet although something in it looks like a secret",
            ),
        ],
    },
    Examples {
        command: &["rehearse"],
        lines: &[
            ("fabric rehearse acceptance/dns.rhai", "A suite"),
            ("fabric rehearse gamedays/vip-failover-stop.rhai --dry-run", "Only what a GameDay would change"),
            (
                "fabric rehearse acceptance/dns.rhai --fault '{\"fault\":\"host-down\",\"host\":\"dns-auth-2\"}'",
                "With one host down",
            ),
        ],
    },
    Examples {
        command: &["run"],
        lines: &[
            ("fabric run acceptance/dns.rhai --output junit", "A suite against the site, for CI"),
            ("fabric run acceptance/dns.rhai --metrics fabric-dns.prom", "With a textfile for Prometheus"),
            (
                "fabric run acceptance/dns.rhai --offline recordings/acceptance-dns-rhai.json",
                "Without the site",
            ),
            (
                "fabric run gamedays/vip-failover-stop.rhai --execute --plan DIGEST --reason 'quarterly test'",
                "What the dry run before it has planned",
            ),
        ],
    },
    Examples {
        command: &["schema"],
        lines: &[
            ("fabric schema twin-fault", "Every fault that can be planted in the twin"),
            ("fabric schema site", "The site file"),
        ],
    },
    Examples {
        command: &["secrets", "import"],
        lines: &[("fabric secrets import secrets.enc", "Move in from the file of the older scripts")],
    },
    Examples {
        command: &["secrets", "init"],
        lines: &[("fabric secrets init", "A store and its identity, in the operator's folder")],
    },
    Examples {
        command: &["secrets", "inspect"],
        lines: &[("fabric secrets inspect proxmox/token", "Its fields, their times, and who uses them")],
    },
    Examples {
        command: &["secrets", "list"],
        lines: &[("fabric secrets list", "What there is, and what the site file misses")],
    },
    Examples {
        command: &["secrets", "put"],
        lines: &[
            ("fabric secrets put proxmox/token", "Asks for the token without showing it"),
            ("fabric secrets put tenants/canary/postgres password --generate 24", "A random password"),
        ],
    },
    Examples {
        command: &["secrets", "remove"],
        lines: &[("fabric secrets remove tenants/canary/postgres password", "One field of a key")],
    },
    Examples {
        command: &["secrets", "rotate"],
        lines: &[
            ("fabric secrets rotate proxmox/token", "Asks for the new token and keeps the former one"),
            ("fabric secrets rotate proxmox/token --settle", "Forgets the former one"),
        ],
    },
    Examples {
        command: &["test"],
        lines: &[
            ("fabric test", "Every script that has cases"),
            ("fabric test acceptance/dns.rhai --output junit", "Those of one script, for CI"),
        ],
    },
    Examples {
        command: &["thaw"],
        lines: &[(
            "fabric thaw samakia-dns --reason 'incident 7 is over'",
            "Changes may be made there again",
        )],
    },
    Examples {
        command: &["twin"],
        lines: &[(
            "fabric twin --socket /tmp/twin.sock --speed 10",
            "A twin for `fabric rehearse --twin /tmp/twin.sock`",
        )],
    },
    Examples {
        command: &["verify"],
        lines: &[
            ("fabric verify evidence/runs/PACKET", "Whether a packet is as it was sealed"),
            ("fabric verify evidence/runs/PACKET --realm real", "And is evidence of the site itself"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::FromArgMatches as _;

    use super::*;

    /// The words of a line, as a shell takes them: those in single quotes are one.
    fn words(line: &str) -> Vec<String> {
        let pieces = line.split('\'').enumerate();
        pieces
            .flat_map(|(index, piece)| match index % 2 {
                0 => piece.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
                _ => vec![piece.to_owned()],
            })
            .collect()
    }

    /// The commands that do something, by their words.
    fn all(command: &Command, path: &[String]) -> Vec<Vec<String>> {
        let below: Vec<Vec<String>> = command
            .get_subcommands()
            .flat_map(|sub| all(sub, &[path, &[sub.get_name().to_owned()]].concat()))
            .collect();
        if below.is_empty() { vec![path.to_vec()] } else { below }
    }

    #[test]
    fn every_command_has_an_example_and_every_example_is_one() {
        let given: BTreeSet<Vec<String>> =
            EXAMPLES.iter().map(|e| e.command.iter().map(|word| (*word).to_owned()).collect()).collect();
        assert_eq!(given, all(&Args::command(), &[]).into_iter().collect());
        for Examples { command, lines } in EXAMPLES {
            assert!(!lines.is_empty(), "{command:?}");
            for (line, _) in *lines {
                let begins = ["fabric"].iter().chain(*command).copied().collect::<Vec<_>>().join(" ");
                assert!(line.starts_with(&begins), "{line}");
                let parsed = Args::command().try_get_matches_from(words(line));
                let args = parsed.and_then(|matches| Args::from_arg_matches(&matches));
                assert!(args.is_ok(), "{line}: {:?}", args.err().map(|error| error.to_string()));
            }
        }
    }

    #[test]
    fn an_example_stands_below_the_help_of_its_command_on_a_line_of_its_own() {
        for Examples { command, lines } in EXAMPLES {
            let words = ["fabric"].iter().chain(*command).chain(&["--help"]).copied();
            let help = super::command().try_get_matches_from(words).expect_err("help is no run").to_string();
            for (line, does) in *lines {
                for part in [line, does] {
                    assert!(help.lines().any(|shown| shown.trim() == *part), "{part} is not in:\n{help}");
                }
            }
        }
    }
}
