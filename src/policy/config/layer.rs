//! The policy of a followed trust root: one more layer, which can only tighten.
//!
//! ```text
//!   the machine's file ─▶ the account's file ─▶ root after root, by name
//!        wins over it           adds to it         each tightens, and that is all
//! ```
//!
//! Whoever follows a root has at least that root's policy, and nothing that the
//! files or another root say is loosened by it. [`STANCES`] says of each key
//! what is taken. What could widen is ignored, and said so.
//!
//! Attack: the keys of a root are stolen, and its policy made to add an internal
//! host, to grant trust, or to let poisoned bytes through early.
//!
//! Attack: of two roots that are followed, one frees bytes from the other's
//! `min-age`, or names another root's people in place of its own. A root does
//! not know what it is called elsewhere: its own signers are `root:self`.

use super::raw::{
    RawDeps, RawEnable, RawExcept, RawGate, RawLimits, RawNetwork, RawRequire, RawReview, RawTrust,
};
use super::{Policy, Setting, parse, quoted, within};
use crate::model::limits::Limits;
use crate::model::text;

/// Longest policy of a trust root, in bytes: the gate reads it on each call.
pub const TEXT_MAX: usize = 64 * 1024;

/// The signers that a root names by this are its own.
const SELF: &str = "root:self";

/// What becomes of one key in a trust root's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stance {
    /// The key, as in [`super::KEYS`].
    pub key: &'static str,
    /// Whether it can have an effect.
    pub taken: bool,
    /// How, or why not.
    pub why: &'static str,
}

const fn takes(key: &'static str, why: &'static str) -> Stance {
    Stance { key, taken: true, why }
}

const fn leaves(key: &'static str, why: &'static str) -> Stance {
    Stance { key, taken: false, why }
}

/// Of every key, what is taken.
pub const STANCES: &[Stance] = &[
    takes("sources.allow", "one more list that a source must be in; it adds no source"),
    takes("sources.deny", "all lists count"),
    takes("trust.min-age", "the longest counts"),
    takes("trust.early", "frees from this root's own `min-age`, and from no other; no file frees from it"),
    takes("trust.expires", "the shortest counts"),
    takes("trust.max-days", "the smallest counts"),
    takes("trust.note", "`required` counts; `optional` is ignored"),
    takes("trust.first-seen-counts", "`false` counts; `true` is ignored"),
    leaves("enable.agents", "where skills are placed is for the machine to say"),
    leaves("network.internal", "it would open hosts inside to what comes from outside"),
    leaves("deps.programs", "where programs are is for the machine to say"),
    takes("require.for", "every block whose `for` covers the source must be met"),
    takes("require.signatures", "every block must be met"),
    takes(
        "require.signers",
        "`root:self` is this root, whatever it is called here; no other root can be named",
    ),
    takes("require.reviews", "every block must be met"),
    takes("require.criteria", "every block must be met"),
    takes("require.attested", "every block must be met"),
    takes("require.verifiers", "every block must be met"),
    leaves("require.grant", "a trust root does not decide; the block is demanded without it"),
    takes("review.severity", "the heavier counts; it makes no rule weigh less, and no file excepts from it"),
    leaves("review.except.rule", "bytes are excepted where they are read, not by whom they come from"),
    leaves("review.except.digest", "as `review.except.rule`"),
    leaves("review.except.why", "as `review.except.rule`"),
    leaves("review.except.until", "as `review.except.rule`"),
    takes("limits.files", "the smallest counts"),
    takes("limits.total", "the smallest counts"),
    takes("limits.file", "the smallest counts"),
    takes("limits.depth", "the smallest counts"),
    takes("limits.path", "the smallest counts"),
    takes("gate.valid-for", "the smallest counts"),
];

/// What a trust root's policy comes to, for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layer {
    /// What it asks of everybody who follows it, a line each.
    pub asks: Vec<String>,
    /// What of it nobody takes, a line each, with the reason.
    pub ignored: Vec<String>,
}

/// Reads a trust root's policy by itself.
///
/// # Errors
/// Why it cannot be one.
pub fn read(text: &str) -> Result<Layer, String> {
    let mut policy = Policy::DEFAULT;
    policy.tighten_as("self", "its policy", text)?;
    let mut layer = Layer::default();
    for Setting { key, value, holds, .. } in &policy.settings {
        let why = STANCES.iter().find(|stance| stance.key == *key && !stance.taken).map(|stance| stance.why);
        let optional = (*key == "trust.note" && !holds).then_some("it could only loosen");
        match why.or(optional) {
            Some(why) => layer.ignored.push(format!("{key} = {value}: {why}")),
            None if key.starts_with("require.") => {}
            None => layer.asks.push(format!("{key} = {value}")),
        }
    }
    layer.asks.extend(policy.requires.iter().map(super::Require::line));
    Ok(layer)
}

impl Policy {
    /// Adds what a followed trust root asks for. Everything that was denied
    /// before is denied after it.
    ///
    /// # Errors
    /// What is wrong with it; then `self` is half changed, and of no use.
    pub fn tighten(&mut self, root: &str, text: &str) -> Result<(), String> {
        let file = format!("trust root {root}");
        self.tighten_as(root, &file, text).map_err(|why| format!("{file}: {why}"))
    }

    fn tighten_as(&mut self, root: &str, file: &str, text: &str) -> Result<(), String> {
        if text.len() > TEXT_MAX {
            return Err(format!("its policy is longer than {TEXT_MAX} bytes"));
        }
        let mut raw = parse(text)?;
        self.leave_out(raw.enable.take(), raw.network.take(), raw.deps.take(), file);
        let (limits, gate) = (raw.limits.take().unwrap_or_default(), raw.gate.take().unwrap_or_default());
        if let Some(trust) = &mut raw.trust {
            self.without_loosening(trust, file);
        }
        for block in raw.require.iter_mut().flatten() {
            self.without_grant(block, root, file)?;
        }
        if let Some(review) = &mut raw.review {
            self.without_exceptions(review, file);
        }
        let (files, weights) = (self.ages.len(), self.findings.weights.len());
        self.add(raw, file)?;
        self.findings.weights.iter_mut().skip(weights).for_each(|weight| weight.apart = true);
        // Only its own, if it has one: a file's age stays what it was.
        self.ages.iter_mut().skip(files).for_each(|age| age.apart = true);
        self.lower(&limits, &gate, file)?;
        self.count_in(text);
        Ok(())
    }

    /// Says what counts for nothing.
    fn ignore(&mut self, key: &'static str, value: String, file: &str) {
        self.settings.push(Setting { key, value, file: text::escape(file), holds: false });
    }

    // What is taken apart below names every field: a new key does not compile
    // until somebody has decided about it.

    fn leave_out(
        &mut self,
        enable: Option<RawEnable>,
        network: Option<RawNetwork>,
        deps: Option<RawDeps>,
        file: &str,
    ) {
        let RawEnable { agents } = enable.unwrap_or_default();
        if let Some(agents) = agents {
            self.ignore("enable.agents", quoted(&agents), file);
        }
        let RawNetwork { internal } = network.unwrap_or_default();
        if let Some(hosts) = internal {
            self.ignore("network.internal", quoted(&hosts), file);
        }
        let RawDeps { programs } = deps.unwrap_or_default();
        if let Some(folders) = programs {
            self.ignore("deps.programs", quoted(&folders), file);
        }
    }

    fn without_loosening(&mut self, trust: &mut RawTrust, file: &str) {
        let RawTrust { min_age: _, early: _, expires: _, max_days: _, note, first_seen_counts } = trust;
        if note.as_deref() == Some("optional") {
            *note = None;
            self.ignore("trust.note", "\"optional\"".to_owned(), file);
        }
        if *first_seen_counts == Some(true) {
            *first_seen_counts = None;
            self.ignore("trust.first-seen-counts", "true".to_owned(), file);
        }
    }

    fn without_exceptions(&mut self, review: &mut RawReview, file: &str) {
        let RawReview { severity: _, except } = review;
        for RawExcept { rule, digest, why, until } in std::mem::take(except) {
            let told = |text: &str| format!("\"{}\"", text::escape_short(text, 200));
            self.ignore("review.except.rule", told(&rule), file);
            self.ignore("review.except.digest", told(&digest), file);
            self.ignore("review.except.why", told(&why), file);
            if let Some(until) = until {
                self.ignore("review.except.until", told(&until), file);
            }
        }
    }

    fn without_grant(&mut self, block: &mut RawRequire, root: &str, file: &str) -> Result<(), String> {
        let RawRequire {
            source: _,
            signatures: _,
            signers,
            reviews: _,
            criteria: _,
            attested: _,
            verifiers: _,
            grant,
        } = block;
        if std::mem::take(grant) {
            self.ignore("require.grant", "true".to_owned(), file);
        }
        for signer in signers.iter_mut().filter(|signer| signer.starts_with("root:")) {
            if signer != SELF {
                return Err(format!(
                    "[[require]] signers: `{}` is another machine's name for some trust root; this one is {SELF}",
                    text::escape_short(signer, 80)
                ));
            }
            *signer = format!("root:{root}");
        }
        Ok(())
    }

    /// Takes the numbers that are smaller than those in force.
    fn lower(&mut self, limits: &RawLimits, gate: &RawGate, file: &str) -> Result<(), String> {
        let RawLimits { files, total, file: one, depth, path } = limits;
        let RawGate { valid_for } = gate;
        let (top, now) = (Limits::CEILING, self.limits);
        let small = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        self.limits.files = self.smaller("limits.files", *files, top.files, now.files, file)?;
        self.limits.total = self.smaller("limits.total", *total, top.total, now.total, file)?;
        self.limits.file = self.smaller("limits.file", *one, top.file, now.file, file)?;
        self.limits.depth =
            small(self.smaller("limits.depth", *depth, top.depth as u64, now.depth as u64, file)?);
        self.limits.path =
            small(self.smaller("limits.path", *path, top.path as u64, now.path as u64, file)?);
        self.valid_for = self.smaller("gate.valid-for", *valid_for, 3600, self.valid_for, file)?;
        Ok(())
    }

    fn smaller(
        &mut self,
        key: &'static str,
        value: Option<u64>,
        ceiling: u64,
        now: u64,
        file: &str,
    ) -> Result<u64, String> {
        let Some(value) = within(key, value, ceiling)? else { return Ok(now) };
        let over = self.say(key, value.to_string(), file, value < now);
        Ok(if over { value } else { now })
    }
}

#[cfg(test)]
mod tests;
