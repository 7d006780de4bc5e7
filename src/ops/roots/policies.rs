//! The policy of a followed root: from its file among the targets to the row
//! that every decision reads, and what a change of it means to a person.
//!
//! ```text
//! policy.toml, verified ─▶ read by this version ─▶ remembered with the root's other news
//!                              │ not understood
//!                              └▶ the older one stays in force, and the root is stale
//! ```

use super::follow::EVENT;
use crate::model::code::Stop;
use crate::model::digest::Digest;
use crate::model::followed::{self, Followed, KeptPolicy, POLICIES};
use crate::model::record::Outcome;
use crate::model::tuf::layout::Place;
use crate::ops::revoked::followed;
use crate::ops::session::{Depth, Session, ledger_stop};
use crate::ops::{World, layers};
use crate::policy::config::layer::{self, Layer};
use crate::system::ledger::{Ledger, Txn};

/// What became another in a root's policy; lines for people, harmless to show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changed {
    /// What it asks that it did not.
    pub asks: Vec<String>,
    /// What it asks no longer.
    pub gone: Vec<String>,
    /// What of it has no effect here, and why.
    pub ignored: Vec<String>,
}

impl Changed {
    /// From one text to another.
    #[must_use]
    pub fn between(before: Option<&str>, after: Option<&str>) -> Self {
        let read = |text: Option<&str>| text.and_then(|text| layer::read(text).ok()).unwrap_or_default();
        let (before, after) = (read(before), read(after));
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|one| !those.contains(one)).cloned().collect()
        };
        Self {
            asks: only(&after.asks, &before.asks),
            gone: only(&before.asks, &after.asks),
            ignored: only(&after.ignored, &before.ignored),
        }
    }

    /// Whether nothing became another.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.asks.is_empty() && self.gone.is_empty() && self.ignored.is_empty()
    }

    /// For people, a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let each = |word: &str, lines: &[String]| -> Vec<String> {
            lines.iter().map(|line| format!("{word}: {line}")).collect()
        };
        let mut lines = each("asks from now on", &self.asks);
        lines.extend(each("no longer asks", &self.gone));
        lines.extend(each("ignored by who follows", &self.ignored));
        lines
    }

    /// For a record; short of what would make it long.
    fn recorded(&self) -> String {
        const MOST: usize = 8;
        let lines = self.lines();
        let mut text = String::new();
        for line in lines.iter().take(MOST) {
            text.push_str("; its policy ");
            text.push_str(&crate::model::text::escape_short(line, 240));
        }
        if lines.len() > MOST {
            text.push_str(&format!("; and {} more", lines.len() - MOST));
        }
        text
    }
}

/// Reads the file as every follower will.
///
/// # Errors
/// Why it cannot be a policy here.
pub fn read(bytes: &[u8]) -> Result<Layer, String> {
    let text = utf8(bytes)?;
    // A rule that there is not here would be demanded of nothing: not understood is not taken.
    #[cfg(feature = "review")]
    if let Some(rule) = crate::ops::judged::unknown_rule(text) {
        return Err(format!("[review] names the rule `{rule}`, and there is none here"));
    }
    layer::read(text)
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// What is remembered of a root's policy.
pub(super) fn text_of<'a>(all: &'a [KeptPolicy], name: &str) -> Option<&'a str> {
    all.iter().find(|one| one.name == name).map(|one| one.text.as_str())
}

/// All policies from now on, where one root lists what it lists now. One that
/// cannot be read here, or is gone, leaves the older one in force.
pub(super) fn next(
    mut all: Vec<KeptPolicy>,
    root: &Followed,
    bytes: &dyn Fn(&Digest) -> Option<Vec<u8>>,
) -> Vec<KeptPolicy> {
    let target = root.targets.iter().find(|target| Place::of(&target.path) == Place::Policy);
    let Some(target) = target else {
        all.retain(|one| one.name != root.name);
        return all;
    };
    if all.iter().any(|one| one.name == root.name && one.bytes == target.bytes) {
        return all;
    }
    let found = bytes(&target.bytes).filter(|bytes| read(bytes).is_ok());
    if let Some(text) = found.and_then(|bytes| String::from_utf8(bytes).ok()) {
        all.retain(|one| one.name != root.name);
        all.push(KeptPolicy { bytes: target.bytes, name: root.name.clone(), text });
    }
    all
}

/// Remembers them; nothing at all where there is none.
pub(super) fn remember(txn: &mut Txn<'_>, all: Vec<KeptPolicy>) -> Result<(), Stop> {
    let fault = |fault| ledger_stop(&fault);
    if all.is_empty() {
        return txn.forget(POLICIES).map_err(fault);
    }
    let body = followed::policies_text(all)
        .map_err(|why| Stop::new(crate::model::code::Code::Internal, format!("BUG: {why}"), ""))?;
    txn.remember(POLICIES, &body).map_err(fault)
}

/// What a record says of a root's policy that becomes another.
pub(super) fn recorded(before: &[KeptPolicy], after: &[KeptPolicy], name: &str) -> String {
    Changed::between(text_of(before, name), text_of(after, name)).recorded()
}

/// What every root lists takes effect, also where it was fetched by a version
/// that let nothing come of it.
///
/// # Errors
/// [`Stop`].
pub(super) fn settle(world: &World) -> Result<(), Stop> {
    let mut session = Session::open_to_narrow(world, Depth::All)?;
    let before = layers::kept(&session.ledger)?;
    let roots = followed(&session.ledger)?;
    let after = all(&session.ledger, before.clone(), &roots);
    if after == before {
        return Ok(());
    }
    let changes = roots.iter().map(|root| (root, recorded(&before, &after, &root.name)));
    let words: String = changes
        .filter(|(_, said)| !said.is_empty())
        .map(|(root, said)| format!("; {}{said}", root.name))
        .collect();
    let draft = session.draft(EVENT, Outcome::Done, format!("policies of trust roots take effect{words}"));
    session.commit(|txn| {
        remember(txn, after)?;
        Ok(vec![draft])
    })?;
    Ok(())
}

fn all(ledger: &Ledger, before: Vec<KeptPolicy>, roots: &[Followed]) -> Vec<KeptPolicy> {
    let read = |digest: &Digest| ledger.blob(digest).ok().flatten();
    let mut after: Vec<_> =
        before.into_iter().filter(|one| roots.iter().any(|root| root.name == one.name)).collect();
    for root in roots {
        after = next(after, root, &read);
    }
    after.sort_by(|a, b| a.name.cmp(&b.name));
    after
}
