//! Findings of `fabric verify`: why a packet does not verify. `evidence/PACKET.md` defines them for every verifier.

use super::{Entry, Kind};

const ALTERED: &str =
    "The packet was changed, by accident or on purpose, after it was sealed, or it was not made by fabric.";
const DISTRUST: &str = "Do not rely on the packet. Get it again from where it was made, and compare the digests of the manifests.";
const CARRIED: &str = "It was changed on its way: by an archive tool, a file system or a transfer that alters names or content.";
const CARRY: &str = "Move packets whole and as bytes, such as with `tar`, and get this one again.";

const fn finding(
    code: &'static str,
    means: &'static str,
    arises: &'static str,
    remedy: &'static str,
) -> Entry {
    Entry { code, kind: Kind::Finding, means, arises, remedy }
}

pub(super) const ENTRIES: &[Entry] = &[
    finding(
        "artifact.differs",
        "A probe's samples or a document are not those that the journal speaks of.",
        ALTERED,
        DISTRUST,
    ),
    finding("checks.differ", "`checks.json` is not what the journal says.", ALTERED, DISTRUST),
    finding("file.case_twin", "Two names differ in case alone.", CARRIED, CARRY),
    finding("file.digest", "The content of a file is not what the manifest says.", ALTERED, DISTRUST),
    finding(
        "file.folder",
        "There is a folder that no packet has, or an empty one.",
        "Something was put beside the packet's files.",
        "Remove what does not belong to the packet and verify again.",
    ),
    finding(
        "file.link",
        "There is a symbolic link.",
        "Something was put beside the packet's files, or a file was replaced by a link.",
        DISTRUST,
    ),
    finding("file.missing", "A file that must be there is not.", CARRIED, CARRY),
    finding(
        "file.mode",
        "A file has a set-user, set-group or sticky bit.",
        "Something was put in its place, or somebody set it.",
        DISTRUST,
    ),
    finding("file.name", "A name is not UTF-8.", CARRIED, CARRY),
    finding(
        "file.special",
        "There is a device, socket or pipe.",
        "Something was put beside the packet's files.",
        "Remove what does not belong to the packet and verify again.",
    ),
    finding(
        "file.too_large",
        "A file is over the limit: 16 KiB for a signature, 256 MiB for others.",
        ALTERED,
        DISTRUST,
    ),
    finding(
        "file.unlisted",
        "A file is neither in the manifest nor a known sidecar.",
        "Something was put beside the packet's files, such as an editor's backup.",
        "Remove what does not belong to the packet and verify again.",
    ),
    finding(
        "file.unreadable",
        "The system does not let a file be read.",
        "Its mode or owner does not let you.",
        "Verify as an account that may read the whole packet.",
    ),
    finding(
        "journal.chain",
        "A line of the journal is torn, not canonical, or breaks the hash chain.",
        ALTERED,
        DISTRUST,
    ),
    finding(
        "journal.story",
        "The chain holds, but the events do not add up to one run.",
        "The journal was put together by something else than a run, or by a faulty version.",
        DISTRUST,
    ),
    finding(
        "log.back_dated",
        "A packet was entered in the log as sealed before the one above it.",
        "It was made with an earlier clock, to look older than it is, or the clock of the machine was set back.",
        "Compare with its timestamp, if it has one; do not rely on its time.",
    ),
    finding(
        "log.chain",
        "The log of packets is not one chain.",
        "A line was changed, moved or taken out, or the disk lost the end of it.",
        "Get the log from a copy, and hold the packets against that.",
    ),
    finding(
        "log.duplicate",
        "A folder was entered in the log twice.",
        "The log was written by hand, or a packet was entered again.",
        "Look at both lines; a packet is sealed once.",
    ),
    finding(
        "log.head",
        "A signed head of the log is not one, or is signed by nobody who counts.",
        "The file was changed, or its signer is not in the trust file.",
        "Get the head from whoever signed it, or have him entered.",
    ),
    finding(
        "log.removed",
        "A packet that the log tells of is not there.",
        "It was deleted or moved.",
        "Bring it back from a copy; find out who took it away and why.",
    ),
    finding(
        "log.replaced",
        "Another packet lies where the log tells of one, or it does not verify.",
        ALTERED,
        DISTRUST,
    ),
    finding(
        "log.rewritten",
        "The log does not have a line that somebody signed.",
        "It was written anew, or its end was cut off, after the head was signed.",
        "Get the log as it was from a copy; the packets that differ are those to ask about.",
    ),
    finding(
        "log.unlisted",
        "A sealed packet lies there that the log does not tell of.",
        "It was put there from elsewhere, or the host was killed between sealing it and entering it.",
        "Verify it by itself; it is not part of what this log vouches for.",
    ),
    finding("manifest.absolute_path", "A path in the manifest begins with `/`.", ALTERED, DISTRUST),
    finding("manifest.case_twin", "Two paths in the manifest differ in case alone.", ALTERED, DISTRUST),
    finding("manifest.duplicate", "A path stands twice in the manifest.", ALTERED, DISTRUST),
    finding(
        "manifest.empty",
        "The manifest is empty.",
        "The run was not sealed, or the file was emptied.",
        DISTRUST,
    ),
    finding(
        "manifest.incomplete",
        "A file that every packet has is not listed in the manifest.",
        ALTERED,
        DISTRUST,
    ),
    finding("manifest.leaving_path", "A path in the manifest has a `..` segment.", ALTERED, DISTRUST),
    finding(
        "manifest.line_end",
        "The manifest has a carriage return, or no final line feed.",
        CARRIED,
        CARRY,
    ),
    finding(
        "manifest.line_form",
        "A line of the manifest is not a digest, two spaces and a path.",
        ALTERED,
        DISTRUST,
    ),
    finding("manifest.order", "The manifest is not sorted.", ALTERED, DISTRUST),
    finding(
        "manifest.path_form",
        "A path in the manifest has characters outside `[a-z0-9._/-]`.",
        ALTERED,
        DISTRUST,
    ),
    finding(
        "manifest.unknown_file",
        "The manifest lists a file that the core of a packet does not have.",
        "The packet is of a newer version, or something was added to it.",
        "Verify with the newest fabric.",
    ),
    finding(
        "packet.realm",
        "The realm is not the one that was asked for.",
        "A packet of the lab or the twin was taken for one of the site.",
        "Only packets of realm `real` are evidence of the site.",
    ),
    finding(
        "packet.unreadable",
        "The folder cannot be read.",
        "Its mode or owner does not let you, or it is none.",
        "Verify as an account that may read the whole packet.",
    ),
    finding(
        "plan.differs",
        "`artifacts/plan.json` is not the plan that the journal speaks of, or not that of this run.",
        ALTERED,
        DISTRUST,
    ),
    finding(
        "record.form",
        "A record is not in its canonical spelling.",
        "It was written anew by an editor or a formatter, or by something else than fabric.",
        DISTRUST,
    ),
    finding(
        "record.format",
        "A record has a format number that the verifier does not know.",
        "The packet is of a newer version.",
        "Verify with the newest fabric.",
    ),
    finding("record.json", "A record is not strict JSON.", ALTERED, DISTRUST),
    finding(
        "record.shape",
        "A field of a record is missing, unknown or ill-typed.",
        "It was edited, or is of a version that fabric does not know.",
        DISTRUST,
    ),
    finding(
        "report.differs",
        "`report.md` or `report.html` is not the rendering of the records.",
        ALTERED,
        DISTRUST,
    ),
    finding("run.differs", "`run.json` is not what the journal says.", ALTERED, DISTRUST),
    finding(
        "sidecar.stray",
        "There is a query or an answer of a timestamp without the other, or without its signature.",
        "A file was removed, or a timestamp of another packet was put there.",
        "Get the files that belong together, or have the signature stamped again.",
    ),
    finding(
        "signature.bad",
        "A signature is not a good one over this manifest.",
        "The manifest was changed after it was signed, or the signature is of another packet.",
        DISTRUST,
    ),
    finding(
        "signature.expired",
        "Certificate or key is expired or not yet valid, or the trust file does not take its signatures of that time.",
        "It is over now, and no timestamp shows that the signature was made while it was not.",
        "Get a certificate that was extended by its holder, and update the trust file; have packets notarized while keys are alive.",
    ),
    finding(
        "signature.file_name",
        "The file of a signature is not named after the signer.",
        "Somebody renamed it.",
        "Name it after the fingerprint of the certificate, in upper case, with the ending `.asc`.",
    ),
    finding(
        "signature.form",
        "A file does not hold exactly one signature.",
        "Signatures were put together in one file, or something else was saved there.",
        "Keep one detached signature in each file.",
    ),
    finding(
        "signature.intent",
        "A signature was given to something else.",
        "Who sealed the packet gives `seal` or `recover`, everybody else `countersign`; this one was made for another purpose.",
        "Have it countersigned with `fabric evidence countersign`; do not rely on a seal that is none.",
    ),
    finding(
        "signature.missing",
        "Nobody signed.",
        "The signing key could not be used at the end of the run, or the signatures were not carried along.",
        "Get the folder `signatures` of the packet; without it nothing vouches for the packet.",
    ),
    finding(
        "signature.not_the_principal",
        "Who sealed it by its own account did not sign.",
        "The signature of the principal that the run names is missing.",
        DISTRUST,
    ),
    finding(
        "signature.notation",
        "Role or intent of a signature is missing or stands twice.",
        "It was made by hand without the notations that evidence/PACKET.md asks for.",
        "Sign with fabric, or with `gpg --set-notation` as evidence/PACKET.md shows.",
    ),
    finding(
        "signature.required",
        "The trust file demands a countersignature that is not there.",
        "Nobody has signed it in that role yet, or only with a certificate that signed already.",
        "Have somebody with the role run `fabric evidence countersign` on the packet.",
    ),
    finding(
        "signature.revoked",
        "The trust file or the holder revoked the certificate.",
        "The key is lost, or its holder left.",
        "Ask the owner of the trust file since when it is not to be believed.",
    ),
    finding(
        "signature.role",
        "A signature claims a role that the trust file does not give to the signer.",
        "The role was taken from the signer, or never given.",
        "Compare the trust file with who may sign in this role.",
    ),
    finding(
        "signature.spelling",
        "A signature has bytes that no signature covers.",
        "Something was added to the file.",
        DISTRUST,
    ),
    finding(
        "signature.unknown_signer",
        "A certificate is one that the trust file does not know.",
        "The signer is not entered, or the wrong trust file is used.",
        "Name the right one with `--trust FILE`, or have the signer entered by its owner.",
    ),
    finding(
        "timestamp.bad",
        "A timestamp is not a good signature over what it says, or does not name its certificate.",
        ALTERED,
        DISTRUST,
    ),
    finding(
        "timestamp.form",
        "A file is not a query or an answer of RFC 3161 with one signature.",
        "Something else was saved there, or the authority speaks another protocol.",
        "Have the signature stamped again with `fabric evidence notarize`.",
    ),
    finding(
        "timestamp.imprint",
        "A timestamp is over other bytes than those of the signature file.",
        "The signature was made anew, or the timestamp is of another one.",
        DISTRUST,
    ),
    finding(
        "timestamp.nonce",
        "A timestamp answers another query.",
        "An earlier answer was played back, or the query was replaced.",
        DISTRUST,
    ),
    finding(
        "timestamp.policy",
        "The policy of a timestamp was not asked for, or the trust file does not take it.",
        "The authority works under several policies, or has changed its own.",
        "Ask the owner of the trust file which policies count, and have the signature stamped under one of them.",
    ),
    finding(
        "timestamp.required",
        "The trust file demands a timestamp that is not there.",
        "The signature was not stamped yet, or its timestamp was not carried along.",
        "Run `fabric evidence notarize` on the packet.",
    ),
    finding(
        "timestamp.spelling",
        "A timestamp has bytes that no signature covers.",
        "It was kept as an authority sent it, or something was added to the file.",
        "Have the signature stamped with `fabric evidence notarize`, which keeps what is signed.",
    ),
    finding(
        "timestamp.status",
        "The authority refused to stamp.",
        "It does not take the digest or the policy that was asked for, or it is out of order.",
        "Read what it says, and ask it under a policy of its own.",
    ),
    finding(
        "timestamp.time",
        "A timestamp is from before the signature, from the future, or of a time at which the trust file does not take the authority's.",
        "One of the clocks was wrong, or the authority's time in the trust file is over.",
        "Compare the clocks of signer and authority; have the packet signed and stamped again.",
    ),
    finding(
        "timestamp.untrusted",
        "No chain leads from a timestamp to an authority of the trust file.",
        "The authority is not entered, its certificate was changed, or the wrong trust file is used.",
        "Have the authority's root certificate entered by the owner of the trust file.",
    ),
    finding(
        "timestamp.usage",
        "The authority's certificate is not, critically, for timestamps alone.",
        "It is the certificate of something else, whose key may sign what looks like a timestamp.",
        "Use an authority with a certificate for this purpose (RFC 3161, 2.3).",
    ),
];
