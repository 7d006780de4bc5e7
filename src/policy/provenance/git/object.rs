//! Commits, tags and trees as git stores them, read strictly.
//!
//! A commit's signature is the header `gpgsig`, and what was signed is the
//! commit without it. A tag's signature is the tail of the tag, from the last
//! line that begins one, and what was signed is all before it. In both, the
//! header `gpgsig-sha256` belongs to the same object in another hash; it is
//! under no signature of ours and is only noted.
//!
//! Git's own reader is forgiving: two `gpgsig` headers are glued together, a
//! second `tree` is passed over, anything may follow a tag's signature. Each
//! of these lets one program see another commit than the signer, so here
//! there is one form.

use super::super::sha1::{Collision, sha1};
use super::super::ssh::Fault;
use crate::model::text;
use std::fmt;

/// The id of a git object: SHA-1 over kind, size and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 20]);

impl Id {
    /// The id of an object of this kind, `blob`, `tree`, `commit` or `tag`.
    ///
    /// # Errors
    /// [`Collision`].
    pub fn of(kind: &str, bytes: &[u8]) -> Result<Self, Collision> {
        sha1(&[format!("{kind} {}\0", bytes.len()).as_bytes(), bytes]).map(Self)
    }

    /// Reads exactly 40 lower-case hex digits.
    #[must_use]
    pub fn from_hex(hex: &[u8]) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut out = [0; 20];
        if hex.len() != 40 {
            return None;
        }
        for (byte, pair) in out.iter_mut().zip(hex.chunks(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(out))
    }

    /// The raw bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The kind of a signature, by how its armour begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Armour {
    /// OpenSSH: evaluated.
    Ssh,
    /// OpenPGP: not evaluated.
    Pgp,
    /// X.509 (CMS), such as gitsign's: not evaluated.
    Cms,
}

/// How each armour begins, as git tells them apart.
const ARMOURS: &[(&[u8], Armour)] = &[
    (b"-----BEGIN SSH SIGNATURE-----", Armour::Ssh),
    (b"-----BEGIN PGP SIGNATURE-----", Armour::Pgp),
    (b"-----BEGIN PGP MESSAGE-----", Armour::Pgp),
    (b"-----BEGIN SIGNED MESSAGE-----", Armour::Cms),
];

fn armour_of(bytes: &[u8]) -> Option<Armour> {
    ARMOURS.iter().find(|(begin, _)| bytes.starts_with(begin)).map(|(_, armour)| *armour)
}

/// A signature and what it was made over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Its kind.
    pub armour: Armour,
    /// Its text.
    pub text: Vec<u8>,
    /// The bytes that were signed.
    pub payload: Vec<u8>,
}

/// A commit, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The tree of the whole repository.
    pub tree: Id,
    /// Its signature.
    pub signature: Option<Signature>,
    /// Whether it has a signature for its SHA-256 form, which is not looked at.
    pub other_signature: bool,
}

/// What a tag leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A commit.
    Commit(Id),
    /// Another tag.
    Tag(Id),
}

/// An annotated tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Where it leads.
    pub target: Target,
    /// The name it was made under.
    pub name: String,
    /// Its signature.
    pub signature: Option<Signature>,
    /// Whether it has a signature for its SHA-256 form, which is not looked at.
    pub other_signature: bool,
}

/// One header, its folded lines joined.
struct Header<'a> {
    name: &'a str,
    value: Vec<u8>,
    /// Where its lines lie in the object.
    span: std::ops::Range<usize>,
}

/// Splits an object into its headers; answers also where its message begins.
fn headers(raw: &[u8]) -> Result<(Vec<Header<'_>>, usize), Fault> {
    let (mut out, mut at) = (Vec::<Header<'_>>::new(), 0);
    loop {
        let Some(length) = raw[at..].iter().position(|byte| *byte == b'\n') else {
            return Err(Fault::Form("a header that does not end".to_owned()));
        };
        let (line, next) = (&raw[at..at + length], at + length + 1);
        if line.is_empty() {
            return Ok((out, next));
        }
        if line.iter().any(|byte| matches!(byte, 0 | b'\r')) {
            return Err(Fault::Form("a header with a NUL or a carriage return".to_owned()));
        }
        match (line.strip_prefix(b" "), out.last_mut()) {
            (Some(folded), Some(last)) => {
                last.value.push(b'\n');
                last.value.extend_from_slice(folded);
                last.span.end = next;
            }
            (Some(_), None) => return Err(Fault::Form("a folded line before any header".to_owned())),
            (None, _) => {
                let name = line.split(|byte| *byte == b' ').next().unwrap_or_default();
                let good = !name.is_empty() && name.len() < line.len() && name.is_ascii();
                let name = std::str::from_utf8(name).ok().filter(|_| good);
                let name = name.ok_or_else(|| {
                    let shown = text::escape_short(&text::escape_bytes(line), 60);
                    Fault::Form(format!("a header that is none: `{shown}`"))
                })?;
                out.push(Header { name, value: line[name.len() + 1..].to_vec(), span: at..next });
            }
        }
        at = next;
    }
}

/// Headers that come first and in order, each of one line, as many times as
/// `count` allows; none of them may come again later.
fn ordered<'a, 'b>(
    headers: &'b [Header<'a>],
    wanted: &[(&str, std::ops::RangeInclusive<usize>)],
) -> Result<Vec<&'b Header<'a>>, Fault> {
    let mut rest = headers;
    let mut first = Vec::new();
    for (name, count) in wanted {
        let run = rest.iter().take_while(|header| header.name == *name).count();
        if !count.contains(&run) {
            return Err(Fault::Form(format!("the header `{name}` stands there {run} times")));
        }
        if rest[..run].iter().any(|header| header.value.contains(&b'\n')) {
            return Err(Fault::Form(format!("the header `{name}` has more than one line")));
        }
        first.extend(rest.first().filter(|_| run > 0));
        rest = &rest[run..];
    }
    if let Some(late) = rest.iter().find(|header| wanted.iter().any(|(name, _)| header.name == *name)) {
        return Err(Fault::Form(format!("the header `{}` stands where it should not", late.name)));
    }
    Ok(first)
}

/// Where headers whose names begin with `gpgsig` lie. Git leaves all of them
/// out of what is signed, so of each there may be one, and no other.
fn signatures<'a, 'b>(headers: &'b [Header<'a>]) -> Result<[Option<&'b Header<'a>>; 2], Fault> {
    let mut found = [None, None];
    for header in headers.iter().filter(|header| header.name.starts_with("gpgsig")) {
        let slot = match header.name {
            "gpgsig" => &mut found[0],
            "gpgsig-sha256" => &mut found[1],
            other => {
                return Err(Fault::Form(format!(
                    "the header `{}` is unknown",
                    text::escape_short(other, 60)
                )));
            }
        };
        if slot.replace(header).is_some() {
            return Err(Fault::Form(format!("the header `{}` stands there twice", header.name)));
        }
    }
    Ok(found)
}

/// The bytes without some headers.
fn without(raw: &[u8], left_out: &[Option<&Header<'_>>]) -> Vec<u8> {
    let mut spans: Vec<_> = left_out.iter().flatten().map(|header| header.span.clone()).collect();
    spans.sort_by_key(|span| span.start);
    let (mut out, mut from) = (Vec::with_capacity(raw.len()), 0);
    for span in spans {
        out.extend_from_slice(&raw[from..span.start]);
        from = span.end;
    }
    out.extend_from_slice(&raw[from..]);
    out
}

fn id_in(header: &Header<'_>) -> Result<Id, Fault> {
    Id::from_hex(&header.value)
        .ok_or_else(|| Fault::Form(format!("the header `{}` holds no id of 40 hex digits", header.name)))
}

impl Commit {
    /// Reads a commit's bytes.
    ///
    /// # Errors
    /// [`Fault::Form`].
    pub fn parse(raw: &[u8]) -> Result<Self, Fault> {
        let (headers, _) = headers(raw)?;
        let wanted = [("tree", 1..=1), ("parent", 0..=usize::MAX), ("author", 1..=1), ("committer", 1..=1)];
        let first = ordered(&headers, &wanted)?;
        let tree = id_in(first[0])?;
        let [ours, other] = signatures(&headers)?;
        let signature = match ours {
            None => None,
            Some(header) => Some(Signature {
                armour: armour_of(&header.value)
                    .ok_or_else(|| Fault::Form("a signature of no known kind".to_owned()))?,
                text: header.value.clone(),
                payload: without(raw, &[ours, other]),
            }),
        };
        Ok(Self { tree, signature, other_signature: other.is_some() })
    }
}

impl Tag {
    /// Reads a tag's bytes.
    ///
    /// # Errors
    /// [`Fault::Form`].
    pub fn parse(raw: &[u8]) -> Result<Self, Fault> {
        let (headers, message) = headers(raw)?;
        let first =
            ordered(&headers, &[("object", 1..=1), ("type", 1..=1), ("tag", 1..=1), ("tagger", 0..=1)])?;
        let id = id_in(first[0])?;
        let target = match first[1].value.as_slice() {
            b"commit" => Target::Commit(id),
            b"tag" => Target::Tag(id),
            _ => return Err(Fault::Form("it leads to neither a commit nor a tag".to_owned())),
        };
        let name = std::str::from_utf8(&first[2].value);
        let name = name.map_err(|_| Fault::Form("its name is not UTF-8".to_owned()))?.to_owned();
        let [misplaced, other] = signatures(&headers)?;
        if misplaced.is_some() {
            return Err(Fault::Form("a signature as a header, where a tag has none".to_owned()));
        }
        let signature = last_armour(raw, message).map(|(at, armour)| Signature {
            armour,
            text: raw[at..].to_vec(),
            payload: without(&raw[..at], &[other]),
        });
        Ok(Self { target, name, signature, other_signature: other.is_some() })
    }
}

/// The last line of the message that begins a signature.
///
/// Attack: a message that quotes a signature of its own, so that a reader of
/// the first one takes the rest for unsigned decoration.
fn last_armour(raw: &[u8], message: usize) -> Option<(usize, Armour)> {
    let starts = raw.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let mut found = None;
    for at in std::iter::once(message).chain(starts.filter(|at| *at > message)) {
        if let Some(armour) = armour_of(&raw[at..]) {
            found = Some((at, armour));
        }
    }
    found
}

/// The id of the folder with this name in a tree.
///
/// # Errors
/// [`Fault::Form`] if it is not there, is no folder, or stands there twice.
pub fn folder_in(mut tree: &[u8], name: &str) -> Result<Id, Fault> {
    let broken = || Fault::Form("a tree that cannot be read".to_owned());
    let mut found = None;
    while !tree.is_empty() {
        let space = tree.iter().position(|byte| *byte == b' ').ok_or_else(broken)?;
        let end = tree.iter().position(|byte| *byte == 0).filter(|end| *end > space).ok_or_else(broken)?;
        let id = tree.get(end + 1..end + 21).and_then(|id| id.try_into().ok()).ok_or_else(broken)?;
        if &tree[space + 1..end] == name.as_bytes() && found.replace((&tree[..space], Id(id))).is_some() {
            return Err(Fault::Form(format!("a tree with two entries `{name}`")));
        }
        tree = &tree[end + 21..];
    }
    match found {
        Some((b"40000", id)) => Ok(id),
        Some(_) => Err(Fault::Form(format!("`{name}` is no folder in the commit"))),
        None => Err(Fault::Form(format!("the commit has no folder `{name}`"))),
    }
}

#[cfg(test)]
mod tests;
