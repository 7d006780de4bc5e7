//! Whom we let sign: the `allowed_signers` file of ssh-keygen(1).
//!
//! ```text
//! # comment
//! ana@example.org,*@team.example,!eve@team.example ssh-ed25519 AAAA… comment
//! *@example.org cert-authority,namespaces="git",valid-before="20270101Z" ssh-ed25519 AAAA…
//! ```
//!
//! A line is principals (patterns with `*` and `?`; `!` takes out), options,
//! and a key. A line that is not understood to its last option lets nobody
//! sign, and is named in [`AllowedSigners::faults`]: an option that is passed
//! over could be the one that was to narrow it.

use super::cert::Identity;
use super::key::{self, PublicKey};
use super::time::ListTime;
use super::{Fault, sig};
use crate::model::signer::SignerId;
use crate::model::text;
use crate::model::time::Timestamp;

/// Most bytes of a list that are read.
pub const LIST_MAX: usize = 4 << 20;

/// One line that lets somebody sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it stands, from 1.
    pub number: usize,
    principals: String,
    authority: bool,
    namespaces: Option<String>,
    after: Option<ListTime>,
    before: Option<ListTime>,
    key: PublicKey,
}

/// One line that lets nobody sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFault {
    /// Where it stands, from 1.
    pub number: usize,
    /// Why; escaped.
    pub why: String,
}

/// A list that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedSigners {
    lines: Vec<Line>,
    faults: Vec<LineFault>,
}

/// Why a line that names the signer does not let it sign now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAllowed {
    /// Not for this purpose.
    Namespace(String),
    /// Not at this time.
    Time(String),
}

impl AllowedSigners {
    /// Reads a list. Lines that are not understood end up in
    /// [`AllowedSigners::faults`].
    ///
    /// # Errors
    /// [`Fault::Form`] if it is longer than [`LIST_MAX`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() > LIST_MAX {
            return Err(Fault::form("a list of allowed signers of more than 4 MiB"));
        }
        let mut list = Self::default();
        for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let number = at + 1;
            match read_line(line, number) {
                Ok(Some(line)) => list.lines.push(line),
                Ok(None) => {}
                Err(fault) => list.faults.push(LineFault { number, why: fault.to_string() }),
            }
        }
        Ok(list)
    }

    /// The lines that let nobody sign, and why.
    #[must_use]
    pub fn faults(&self) -> &[LineFault] {
        &self.faults
    }

    /// The keys of the lines that let somebody sign, authorities' among them.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.lines.iter().map(|line| &line.key)
    }

    /// How many lines let somebody sign.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nobody may.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The principals of each line, as they are written.
    #[must_use]
    pub fn principals(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.principals.as_str()).collect()
    }

    /// The lines that name this key, or its authority, and the principal if
    /// one is wanted; with each the principal that counts.
    pub(super) fn naming<'a>(
        &'a self,
        identity: &'a Identity,
        wanted: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Line, &'a str)> {
        self.lines.iter().filter_map(move |line| Some((line, line.principal_of(identity, wanted)?)))
    }

    /// Whether this key or its authority stands in the list at all.
    pub(super) fn knows(&self, identity: &Identity) -> bool {
        self.lines.iter().any(|line| line.key_fits(identity))
    }

    /// The lines that let somebody sign for a purpose, and name it.
    ///
    /// Attack: a line without `namespaces`, or with `*`, was written for commits
    /// and lets its key do everything; so it made a reviewer of everybody who
    /// commits. Only a line that spells the purpose out counts.
    pub(in crate::policy::provenance) fn named_for(&self, namespace: &str) -> impl Iterator<Item = &Line> {
        let names = move |list: &&str| {
            list.split(',').any(|pattern| pattern == namespace) && in_list(namespace, list)
        };
        self.lines.iter().filter(move |line| line.namespaces.as_deref().filter(names).is_some())
    }

    /// The patterns of the lines that hold this signer's key or authority, for
    /// who counts people instead of keys.
    #[must_use]
    pub fn principals_of(&self, signer: &SignerId) -> Vec<&str> {
        let fits = |line: &&Line| match signer.as_str().strip_prefix("ssh-ca:") {
            Some(rest) => line.authority && rest.get(..50) == Some(line.key.fingerprint().as_str()),
            None => !line.authority && line.key.signer() == *signer,
        };
        self.lines.iter().filter(fits).map(|line| line.principals.as_str()).collect()
    }
}

impl Line {
    /// Whether its key is an authority, which signs nothing itself.
    pub(in crate::policy::provenance) const fn is_authority(&self) -> bool {
        self.authority
    }

    /// Its patterns, as they stand there.
    pub(in crate::policy::provenance) fn principals(&self) -> &str {
        &self.principals
    }

    /// Its key.
    pub(in crate::policy::provenance) const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Whether the line is about this key. A certified key is let in by its
    /// authority's line alone, as for `ssh-keygen`.
    fn key_fits(&self, identity: &Identity) -> bool {
        match identity {
            Identity::Key(key) => !self.authority && **key == self.key,
            Identity::Certificate(cert) => self.authority && cert.authority == self.key,
        }
    }

    fn principal_of<'a>(&'a self, identity: &'a Identity, wanted: Option<&'a str>) -> Option<&'a str> {
        if !self.key_fits(identity) || wanted.is_some_and(|wanted| !in_list(wanted, &self.principals)) {
            return None;
        }
        match (identity, wanted) {
            (Identity::Key(_), Some(wanted)) => Some(wanted),
            // Attack: `!*,ana` and `!eve` hold nobody, whoever is asked for; so
            // one of the patterns must hold itself.
            (Identity::Key(_), None) => {
                self.principals.split(',').find(|pattern| in_list(pattern, &self.principals))
            }
            (Identity::Certificate(cert), Some(wanted)) => {
                cert.principals.iter().any(|principal| principal == wanted).then_some(wanted)
            }
            (Identity::Certificate(cert), None) => cert
                .principals
                .iter()
                .map(String::as_str)
                .find(|principal| in_list(principal, &self.principals)),
        }
    }

    /// Whether it lets sign for this purpose, at this time: from the first to
    /// the last second that it names, both included.
    ///
    /// # Errors
    /// [`NotAllowed`], with both values.
    pub(in crate::policy::provenance) fn allows(
        &self,
        namespace: &str,
        at: Timestamp,
    ) -> Result<(), NotAllowed> {
        let number = self.number;
        if let Some(namespaces) = self.namespaces.as_deref().filter(|list| !in_list(namespace, list)) {
            let (asked, list) = (sig::shown(namespace), text::escape_short(namespaces, 200));
            let why = format!("line {number} lets it sign for `{list}`, and this is `{asked}`");
            return Err(NotAllowed::Namespace(why));
        }
        if let Some(begin) = self.after.map(ListTime::as_begin).filter(|begin| at < *begin) {
            let why = format!("line {number} lets it sign from {begin} on, the evidence is of {at}");
            return Err(NotAllowed::Time(why));
        }
        if let Some(end) = self.before.map(ListTime::as_end).filter(|end| at > *end) {
            let why = format!("line {number} lets it sign up to {end}, the evidence is of {at}");
            return Err(NotAllowed::Time(why));
        }
        Ok(())
    }
}

/// The first word, and what follows the blanks behind it.
fn word(text: &str) -> (&str, &str) {
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start_matches([' ', '\t']))
}

fn read_line(line: &[u8], number: usize) -> Result<Option<Line>, Fault> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = std::str::from_utf8(line).map_err(|_| Fault::form("not UTF-8"))?;
    let line = line.trim_matches([' ', '\t']);
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    if line.chars().any(|c| text::is_hidden(c) && c != '\t') {
        return Err(Fault::form("hidden or control characters"));
    }
    let (principals, rest) = word(line);
    if principals.contains('"') {
        return Err(Fault::form("principals in quotes are not read; write them without"));
    }
    let (first, _) = word(rest);
    if first.is_empty() {
        return Err(Fault::form("no key where one should be"));
    }
    let mut out = Options::default();
    let mut rest = rest;
    if !key::is_key_name(first) {
        rest = out.read(rest)?;
    }
    let (name, rest) = word(rest);
    let (base64, _comment) = word(rest);
    if !key::is_key_name(name) {
        return Err(Fault::form("no key where one should be"));
    }
    let key = match Identity::parse_text(name, base64)? {
        Identity::Key(key) => *key,
        Identity::Certificate(_) => {
            return Err(Fault::form("a certificate; name its authority instead, with `cert-authority`"));
        }
    };
    Ok(Some(Line {
        number,
        principals: principals.to_owned(),
        authority: out.authority,
        namespaces: out.namespaces,
        after: out.after,
        before: out.before,
        key,
    }))
}

#[derive(Default)]
struct Options {
    authority: bool,
    namespaces: Option<String>,
    after: Option<ListTime>,
    before: Option<ListTime>,
}

impl Options {
    /// Reads options up to a blank, and answers what follows it.
    fn read<'a>(&mut self, mut text: &'a str) -> Result<&'a str, Fault> {
        loop {
            let end = text.find(['=', ',', ' ', '\t']).unwrap_or(text.len());
            let (name, rest) = text.split_at(end);
            let (value, rest) = match rest.strip_prefix('=') {
                Some(quoted) => quote(quoted).map(|(value, rest)| (Some(value), rest))?,
                None => (None, rest),
            };
            self.set(&name.to_ascii_lowercase(), value)?;
            match rest.strip_prefix(',') {
                Some(more) => text = more,
                None if rest.starts_with([' ', '\t']) => break text = rest.trim_start_matches([' ', '\t']),
                None => return Err(Fault::form("options that are followed by no key")),
            }
        }
        let narrow = |time: Option<ListTime>, side: fn(ListTime) -> Timestamp| time.map(side);
        if let (Some(begin), Some(end)) =
            (narrow(self.after, ListTime::as_begin), narrow(self.before, ListTime::as_end))
            && end <= begin
        {
            return Err(Fault::form(format!("it ends {end}, before it begins {begin}")));
        }
        Ok(text)
    }

    fn set(&mut self, name: &str, value: Option<String>) -> Result<(), Fault> {
        let twice = || Fault::form(format!("`{name}` stands twice"));
        let time = |value: &str| {
            let what = text::escape_short(value, 40);
            ListTime::parse(value).ok_or_else(|| {
                Fault::form(format!(
                    "`{name}` is `{what}`, which is no time such as 20270131Z or 202701311200Z"
                ))
            })
        };
        match (name, value) {
            ("cert-authority", None) => self.authority = true,
            ("namespaces", Some(_)) if self.namespaces.is_some() => return Err(twice()),
            ("valid-after", Some(_)) if self.after.is_some() => return Err(twice()),
            ("valid-before", Some(_)) if self.before.is_some() => return Err(twice()),
            ("namespaces", Some(value)) => self.namespaces = Some(value),
            ("valid-after", Some(value)) => self.after = Some(time(&value)?),
            ("valid-before", Some(value)) => self.before = Some(time(&value)?),
            _ => {
                let name = text::escape_short(name, 60);
                return Err(Fault::form(format!(
                    "the option `{name}` is unknown, or has a value too many or too few; the line lets nobody sign"
                )));
            }
        }
        Ok(())
    }
}

/// What stands between quotes, and what follows. A backslash before a quote
/// keeps it; before anything else it is itself.
fn quote(text: &str) -> Result<(String, &str), Fault> {
    let Some(mut rest) = text.strip_prefix('"') else {
        return Err(Fault::form("an option's value that does not begin with a quote"));
    };
    let mut out = String::new();
    loop {
        let end = rest.find(['"', '\\']).ok_or_else(|| Fault::form("a quote that is not closed"))?;
        out.push_str(&rest[..end]);
        if rest[end..].starts_with('"') {
            return Ok((out, &rest[end + 1..]));
        }
        let kept = if rest[end..].starts_with("\\\"") { '"' } else { '\\' };
        out.push(kept);
        rest = &rest[end + if kept == '"' { 2 } else { 1 }..];
    }
}

/// Whether a list of patterns holds a name: one pattern fits, and none with
/// `!` does.
pub(super) fn in_list(name: &str, patterns: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if fits(name.as_bytes(), pattern.as_bytes()) => return false,
            Some(_) => {}
            None => found |= fits(name.as_bytes(), pattern.as_bytes()),
        }
    }
    found
}

/// `*` is any bytes, `?` is one. Steps back to the last `*` alone, so that no
/// pattern costs more than length times length.
fn fits(name: &[u8], pattern: &[u8]) -> bool {
    let (mut n, mut p, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[n] => {
                n += 1;
                p += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                (p, n) = (at + 1, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests;
