//! What a packet's labels come to. What protects a packet counts from its first signature on; what takes a protection away, once
//! everybody signed whom the trust file demands.

use fabric_model::Slug;

use super::{Act, Label, Signed};
use crate::severity::Severity;
use crate::stamp::Stamp;
use crate::trust::{Level, Trust, missing};
use crate::verify::{Finding, SignedBy};

/// What a packet's labels come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The labels, in their order.
    pub labels: Vec<Signed>,
    /// The severity in effect.
    pub severity: Option<Severity>,
    /// The roles in which the last classification needs further signatures.
    pub lacking: Vec<Slug>,
    /// Until when the packet is kept, if a label says so.
    pub retain_until: Option<Stamp>,
    /// The holds, released ones included, in the order in which they were declared.
    pub holds: Vec<Hold>,
}

/// A legal hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its name.
    pub id: Slug,
    /// The number of the label that declared it.
    pub declared: u64,
    /// When somebody is to look whether it is still needed.
    pub review: Stamp,
    /// The number of the label that releases it, once there is one.
    pub release: Option<u64>,
    /// Whether everybody signed that who must.
    pub released: bool,
}

impl Standing {
    /// The holds that are in force.
    pub fn held(&self) -> impl Iterator<Item = &Hold> {
        self.holds.iter().filter(|hold| !hold.released)
    }

    /// The label of this number.
    pub fn label(&self, seq: u64) -> Option<&Signed> {
        self.labels.iter().find(|signed| signed.label.seq == seq)
    }

    /// What these labels come to, and what is wrong with the order of them or with who signed. `named` says how findings call a label.
    pub(super) fn of(
        labels: Vec<Signed>,
        trust: &Trust,
        named: impl Fn(&Label) -> String,
    ) -> (Self, Vec<Finding>) {
        let mut standing = Self::default();
        let mut findings = Vec::new();
        for mut signed in labels {
            match standing.follow(&signed.label, &signed.signers, trust) {
                Ok(lacking) => signed.lacking = lacking,
                Err((class, message)) => findings.push(Finding::new(class, &named(&signed.label), message)),
            }
            standing.labels.push(signed);
        }
        (standing, findings)
    }

    /// Takes one label in, and says in which roles it needs further signatures.
    fn follow(&mut self, label: &Label, signers: &[SignedBy], trust: &Trust) -> Result<Vec<Slug>, Refused> {
        let Some(author) = signers.iter().find(|signer| signer.fingerprint == label.by) else {
            return Err(("label.unsigned", format!("{}, who made it, did not sign it", label.by)));
        };
        let level = self.level(trust)?;
        match &label.act {
            Act::Classify { severity } => {
                // Whoever lowers it signs as for the higher of the two.
                let higher = self.severity.map_or(*severity, |before| before.max(*severity));
                known(*severity, trust)?;
                let roles = &known(higher, trust)?.classified_as;
                given_in(author, roles)?;
                let lacking = missing(roles, signers.iter());
                self.severity = Some(if lacking.is_empty() { *severity } else { higher });
                self.lacking.clone_from(&lacking);
                Ok(lacking)
            }
            Act::Retain { until } => {
                given_in(author, &[level.classified_as.as_slice(), &level.held_as].concat())?;
                self.retain_until = self.retain_until.max(Some(*until));
                Ok(Vec::new())
            }
            Act::HoldDeclare { hold, review } => {
                if self.holds.iter().any(|known| known.id == *hold) {
                    return Err(("label.story", format!("a hold `{hold}` was declared before")));
                }
                given_in(author, &level.held_as)?;
                self.holds.push(Hold {
                    id: hold.clone(),
                    declared: label.seq,
                    review: *review,
                    release: None,
                    released: false,
                });
                Ok(missing(&level.held_as, signers.iter()))
            }
            Act::HoldExtend { hold, review } => {
                let known = self.unreleased(hold)?;
                given_in(author, &level.held_as)?;
                if *review <= known.review {
                    let message = format!("hold `{hold}` is to be reviewed at {} already", known.review);
                    return Err(("label.story", message));
                }
                known.review = *review;
                Ok(Vec::new())
            }
            Act::HoldRelease { hold } => {
                let known = self.unreleased(hold)?;
                given_in(author, &level.released_as)?;
                let lacking = missing(&level.released_as, signers.iter());
                known.release = Some(label.seq);
                known.released = lacking.is_empty();
                Ok(lacking)
            }
            // It protects, so one person is enough, and no signature that the release gets later takes it back.
            Act::HoldReleaseWithdraw { hold } => {
                let known = self.named(hold)?;
                let Some(release) = known.release else {
                    return Err(("label.story", format!("no label releases hold `{hold}`")));
                };
                given_in(author, &[level.held_as.as_slice(), &level.released_as].concat())?;
                (known.release, known.released) = (None, false);
                if let Some(void) = self.labels.iter_mut().find(|signed| signed.label.seq == release) {
                    void.lacking.clear();
                }
                Ok(Vec::new())
            }
        }
    }

    /// What the trust file says of the severity in effect. What nobody classified is held and released as the worst.
    fn level<'a>(&self, trust: &'a Trust) -> Result<&'a Level, Refused> {
        match self.severity {
            Some(severity) => known(severity, trust),
            None => trust
                .levels()
                .last()
                .ok_or_else(|| ("label.level", "the trust file has no `[[severity]]`".to_owned())),
        }
    }

    fn named(&mut self, id: &Slug) -> Result<&mut Hold, Refused> {
        let found = self.holds.iter_mut().find(|hold| hold.id == *id);
        found.ok_or_else(|| ("label.story", format!("there is no hold `{id}`")))
    }

    /// A hold that no label releases, signed by all or not: what follows a label must not hang on who signs that later.
    fn unreleased(&mut self, id: &Slug) -> Result<&mut Hold, Refused> {
        let hold = self.named(id)?;
        match hold.release {
            None => Ok(hold),
            Some(label) => Err(("label.story", format!("label {label} releases hold `{id}` already"))),
        }
    }
}

/// A class and a message.
type Refused = (&'static str, String);

fn known(severity: Severity, trust: &Trust) -> Result<&Level, Refused> {
    trust
        .level(severity)
        .ok_or_else(|| ("label.level", format!("the trust file has no `[[severity]]` with level {severity}")))
}

fn given_in(author: &SignedBy, roles: &[Slug]) -> Result<(), Refused> {
    if roles.contains(&author.role) {
        return Ok(());
    }
    let listed = roles.iter().map(Slug::as_str).collect::<Vec<_>>().join(", ");
    let message = format!("`{}` signed as `{}`, and it takes one of: {listed}", author.name, author.role);
    Err(("label.role", message))
}
