//! What a trust root may do from now on, in words, for the person who decides
//! whether to follow it. All of it is text that somebody else wrote: escaped.

use super::haul::Haul;
use crate::model::digest::Digest;
use crate::model::followed::KeptTarget;
use crate::model::text;
use crate::model::time::Timestamp;
use crate::model::tuf::Value;
use crate::model::tuf::advisory::{Advisory, Package};
use crate::model::tuf::layout::{AnchorTerms, Place, StampTerms};
use crate::model::tuf::lists::{self, KillOrder, KillOrders, Subject};
use crate::policy::provenance::examine;
use crate::policy::provenance::ssh::allowed_signers::AllowedSigners;

/// A publisher's anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchored {
    /// Whose; escaped.
    pub publisher: String,
    /// For which sources and from when to when; or why it counts for nothing. Escaped.
    pub terms: Result<String, String>,
}

/// Most advisories that are shown in words, a line each.
const ADVISORIES_SHOWN: usize = 20;

/// An advisory.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Advised {
    /// Its id; escaped.
    pub id: String,
    /// What it says in short; escaped.
    pub summary: String,
    /// How its database calls its severity; escaped.
    pub severity: Option<String>,
    /// Since when it takes nothing away, if so.
    pub withdrawn: Option<Timestamp>,
    /// Skills and sources that it is about; escaped.
    pub about: Vec<String>,
    /// Contents that it lists.
    pub digests: usize,
}

impl Advised {
    /// An advisory in words.
    #[must_use]
    pub fn of(read: &Advisory) -> Self {
        let about = read.affected.iter().flat_map(|entry| &entry.packages).map(|package| match package {
            Package::Skill(name) => format!("skill {name}"),
            Package::Place(place) => text::escape_short(place, 200),
        });
        let told = read.told("", Vec::new());
        Self {
            id: told.id,
            summary: told.summary,
            severity: told.severity,
            withdrawn: read.withdrawn,
            about: about.collect::<std::collections::BTreeSet<_>>().into_iter().collect(),
            digests: read.digests.len(),
        }
    }

    /// One line, without its id: `(HIGH) "sends form data away": skill pdf, 2 digests`.
    #[must_use]
    pub fn words(&self) -> String {
        let mut about: Vec<_> = self.about.iter().take(3).cloned().collect();
        if self.about.len() > about.len() {
            about.push(format!("{} more", self.about.len() - about.len()));
        }
        match self.digests {
            0 => {}
            1 => about.push("1 digest".to_owned()),
            many => about.push(format!("{many} digests")),
        }
        let severity = self.severity.as_ref().map_or_else(String::new, |word| format!("({word}) "));
        let ended = self.withdrawn.map_or_else(String::new, |since| format!(", withdrawn {since}"));
        let about = if about.is_empty() { "no skill".to_owned() } else { about.join(", ") };
        format!("{severity}\"{}\": {about}{ended}", self.summary)
    }
}

/// What a root lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct May {
    /// Anchors.
    pub anchors: Vec<Anchored>,
    /// Authorities that stamp times; as publishers, by the name the root gives them.
    pub stampers: Vec<Anchored>,
    /// Principals of its allowed signers; escaped.
    pub signers: Vec<String>,
    /// Entries of its revocations.
    pub revocations: usize,
    /// Number and entries of its kill orders.
    pub orders: Option<(u64, Vec<String>)>,
    /// Advisories.
    pub advisories: Vec<Advised>,
    /// Whether it has a policy.
    pub policy: bool,
    /// What that asks of everybody here, a line each; escaped.
    pub asks: Vec<String>,
    /// What of it has no effect here, and why; escaped.
    pub ignored: Vec<String>,
    /// Reviews.
    pub reviews: usize,
    /// Files that cannot be read here; escaped.
    pub faults: Vec<String>,
}

impl May {
    /// Of what came, where all of it is new.
    #[must_use]
    pub fn of_haul(haul: &Haul) -> Self {
        let read = |digest: &Digest| {
            let found = haul.files.iter().find(|(kept, _)| kept.bytes == *digest)?;
            found.1.clone()
        };
        Self::of(haul.files.iter().map(|(kept, _)| kept), &read)
    }

    /// Of what is kept.
    #[must_use]
    pub fn of<'a>(
        targets: impl Iterator<Item = &'a KeptTarget>,
        read: &dyn Fn(&Digest) -> Option<Vec<u8>>,
    ) -> Self {
        let mut may = Self::default();
        for kept in targets {
            if let Err(why) = may.add(kept, read) {
                may.faults.push(format!("`{}`: {why}", text::escape_short(&kept.path, 120)));
            }
        }
        may
    }

    fn add(&mut self, kept: &KeptTarget, read: &dyn Fn(&Digest) -> Option<Vec<u8>>) -> Result<(), String> {
        let bytes = || read(&kept.bytes).ok_or_else(|| "its bytes are gone or were changed".to_owned());
        match Place::of(&kept.path) {
            Place::Anchor(publisher) => {
                let publisher = text::escape_short(publisher, 80);
                self.anchors.push(Anchored { publisher, terms: terms(kept) });
            }
            Place::StampAnchor(name) => {
                let terms = stamp_terms(kept).and_then(|terms| {
                    examine::stamp_anchor(&bytes()?)
                        .map(|_| terms)
                        .map_err(|why| text::escape_short(&why, 300))
                });
                self.stampers.push(Anchored { publisher: text::escape_short(name, 80), terms });
            }
            Place::AllowedSigners => {
                let list = AllowedSigners::parse(&bytes()?).map_err(|fault| fault.to_string())?;
                self.signers = list.principals().iter().map(|one| text::escape_short(one, 120)).collect();
                let bad = list.faults().iter();
                self.faults
                    .extend(bad.map(|line| format!("`allowed_signers`, line {}: {}", line.number, line.why)));
            }
            Place::Revocations => {
                self.revocations = lists::revocations(&bytes()?).map_err(|why| why.to_string())?.len();
            }
            Place::KillOrders => {
                let KillOrders { order, orders } =
                    lists::kill_orders(&bytes()?).map_err(|why| why.to_string())?;
                self.orders = Some((order, orders.iter().map(order_words).collect()));
            }
            Place::Advisory(id) => {
                let read = Advisory::read(id, &bytes()?).map_err(|why| why.to_string())?;
                self.advisories.push(Advised::of(&read));
            }
            Place::Policy => {
                self.policy = true;
                let layer = super::policies::read(&bytes()?)
                    .map_err(|why| format!("not in force: {}", text::escape_short(&why, 300)))?;
                (self.asks, self.ignored) = (layer.asks, layer.ignored);
            }
            Place::Review(_) => self.reviews += 1,
            Place::Other => {}
        }
        Ok(())
    }

    /// A line for each thing, for people.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for anchor in &self.anchors {
            lines.push(match &anchor.terms {
                Ok(terms) => format!("publisher `{}` may sign for {terms}", anchor.publisher),
                Err(why) => format!("publisher `{}` may sign for nothing: {why}", anchor.publisher),
            });
        }
        for stamper in &self.stampers {
            lines.push(match &stamper.terms {
                Ok(terms) => format!(
                    "`{}` may stamp times, {terms}: by its word a signature is older than a theft of its key",
                    stamper.publisher
                ),
                Err(why) => format!("`{}` stamps nothing that counts: {why}", stamper.publisher),
            });
        }
        if !self.signers.is_empty() {
            lines.push(format!("these may sign with OpenSSH keys: {}", self.signers.join(", ")));
        }
        if self.revocations > 0 {
            lines.push(format!(
                "it revokes: {}; what rests on that loses trust here",
                entries(self.revocations)
            ));
        }
        match &self.orders {
            Some((number, orders)) if !orders.is_empty() => {
                lines.push(format!(
                    "its kill orders, number {number}, are carried out here: {}",
                    orders.join(", ")
                ));
            }
            _ => {}
        }
        for one in self.advisories.iter().take(ADVISORIES_SHOWN) {
            let effect = if one.withdrawn.is_some() { "" } else { "; what it covers loses trust here" };
            lines.push(format!("advisory {} {}{effect}", one.id, one.words()));
        }
        if self.advisories.len() > ADVISORIES_SHOWN {
            let more = self.advisories.len() - ADVISORIES_SHOWN;
            lines.push(format!("advisories that are not shown here: {more}; --json has them all"));
        }
        lines.extend(self.asks.iter().map(|ask| format!("its policy holds here: {ask}")));
        lines.extend(self.ignored.iter().map(|what| format!("its policy, ignored here: {what}")));
        if self.reviews > 0 {
            lines.push(format!("reviews: {}", self.reviews));
        }
        lines.extend(self.faults.iter().map(|fault| format!("cannot be read: {fault}")));
        if lines.is_empty() {
            lines.push("it lists nothing yet".to_owned());
        }
        lines
    }
}

fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

fn custom(kept: &KeptTarget) -> Result<Option<Value>, String> {
    let custom = kept.custom.as_ref().map(|custom| Value::parse(custom.as_bytes())).transpose();
    custom.map_err(|why| why.to_string())
}

fn stamp_terms(kept: &KeptTarget) -> Result<String, String> {
    let StampTerms { start, end } =
        StampTerms::read(custom(kept)?.as_ref()).map_err(|why| why.to_string())?;
    Ok(format!("from {start}{}", end.map_or_else(String::new, |end| format!(" until {end}"))))
}

fn terms(kept: &KeptTarget) -> Result<String, String> {
    let terms = AnchorTerms::read(custom(kept)?.as_ref()).map_err(|why| why.to_string())?;
    let namespaces: Vec<_> =
        terms.namespaces.iter().map(|one| text::escape_short(one.as_str(), 200)).collect();
    let until = terms.end.map_or_else(String::new, |end| format!(" until {end}"));
    Ok(format!("{}, from {}{until}", namespaces.join(", "), terms.start))
}

/// What an order stops, and why.
fn order_words(order: &KillOrder) -> String {
    let what = match &order.subject {
        Subject::All => "everything".to_owned(),
        Subject::Skill(name) => format!("skill {name}"),
        Subject::Digest(digest) => format!("digest {digest}"),
        Subject::Signer(signer) => format!("signer {signer}"),
        Subject::Source { place, .. } => format!("source {}", text::escape_short(place, 200)),
        Subject::Publisher(name) => format!("publisher {}", text::escape_short(name, 80)),
    };
    format!("{what} ({})", text::escape_short(&order.why, 200))
}
