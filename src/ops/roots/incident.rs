//! `roots revoke` and `roots order`: one more entry in the two lists that take
//! trust away, in one command, for a bad night.
//!
//! The list as a whole is read again as clients read it. A source is written
//! in the form in which clients know it: an entry that matches nothing would
//! be the worst kind of failure here, because it looks done.

use super::super::World;
use super::change::{self, Change, Changed, text_member};
use super::team::{Team, typed};
use crate::model::code::{Code, Stop};
use crate::model::source::SourceSpec;
use crate::model::text;
use crate::model::time::Timestamp;
use crate::model::tuf::{Value, lists};
use std::collections::BTreeMap;
use std::path::Path;

/// What it is about, as it was typed.
#[derive(Debug, Clone)]
pub enum About {
    /// A key or certificate.
    Signer(String),
    /// A skill's content.
    Digest(String),
    /// A source, or some of its versions.
    Source(String, Option<String>),
    /// A delegated role; in revocations alone.
    Publisher(String),
    /// A skill by name; in orders alone.
    Skill(String),
    /// Everything; in orders alone.
    All,
}

/// A revocation as it was typed.
#[derive(Debug, Clone)]
pub struct Revoke {
    /// What.
    pub about: About,
    /// `compromised`, `retired`, `yanked` or `malicious`.
    pub kind: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// For people.
    pub why: String,
}

/// The members of an entry that say what it is about.
fn members(about: &About) -> Result<BTreeMap<String, Value>, Stop> {
    Ok(match about {
        About::Signer(signer) => [text_member("signer", signer)].into(),
        About::Digest(digest) => [text_member("digest", digest)].into(),
        About::Publisher(name) => [text_member("publisher", name)].into(),
        About::Skill(name) => [text_member("skill", name)].into(),
        About::All => [("all".to_owned(), Value::Bool(true))].into(),
        About::Source(typed, versions) => {
            let mut map: BTreeMap<_, _> = [text_member("source", &source(typed)?)].into();
            map.extend(versions.as_ref().map(|versions| text_member("versions", versions)));
            map
        }
    })
}

fn source(typed: &str) -> Result<String, Stop> {
    let shown = text::escape_short(typed, 120);
    let next = "name it as others install it, such as https://git.example/acme/tools";
    let spec = SourceSpec::parse(typed, |_| false)
        .map_err(|bad| Stop::new(Code::Usage, format!("`{shown}`: {bad}"), next))?;
    let address = spec.address().map(str::to_owned);
    address.ok_or_else(|| Stop::new(Code::Usage, format!("`{shown}` is a place on this machine"), next))
}

/// Adds a revocation to the draft.
///
/// # Errors
/// [`Stop`]; then nothing was changed.
pub fn revoke(world: &World, folder: &Path, request: &Revoke, dry: bool) -> Result<Changed, Stop> {
    let mut entry = members(&request.about)?;
    entry.insert("kind".to_owned(), Value::Text(request.kind.clone()));
    entry.extend(request.since.map(|since| text_member("since", &since.to_string())));
    entry.extend([text_member("why", &request.why)]);
    let command = format!("skills roots revoke {} …", typed(folder));
    let mut team = Team::to_change(world, folder, &command)?;
    let mut list =
        list(&team, "revocations.json", "revocations", &[], |bytes| lists::revocations(bytes).map(|_| ()))?;
    add(&mut list, "revocations", entry)?;
    let bytes = Change::Bytes(file(list));
    change::apply(world, &mut team, "revocations.json", bytes, dry)
}

/// Adds a kill order to the draft, under the next number.
///
/// # Errors
/// [`Stop`]; then nothing was changed.
pub fn order(
    world: &World,
    folder: &Path,
    about: &About,
    why: &str,
    dry: bool,
) -> Result<(Changed, u64), Stop> {
    let mut entry = members(about)?;
    entry.extend([text_member("why", why)]);
    let command = format!("skills roots order {} …", typed(folder));
    let mut team = Team::to_change(world, folder, &command)?;
    let start = [("order", Value::Int(0))];
    let mut list =
        list(&team, "kill-orders.json", "orders", &start, |bytes| lists::kill_orders(bytes).map(|_| ()))?;
    add(&mut list, "orders", entry)?;
    let number = match list.get("order") {
        Some(Value::Int(number)) => number.saturating_add(1),
        _ => 1,
    };
    list.insert("order".to_owned(), Value::Int(number));
    let bytes = Change::Bytes(file(list));
    let changed = change::apply(world, &mut team, "kill-orders.json", bytes, dry)?;
    Ok((changed, number.unsigned_abs()))
}

/// The list as the drafts or the published targets have it, or an empty one.
fn list(
    team: &Team,
    path: &str,
    name: &str,
    start: &[(&str, Value)],
    readable: impl Fn(&[u8]) -> Result<(), crate::model::tuf::Malformed>,
) -> Result<BTreeMap<String, Value>, Stop> {
    let Some(bytes) = team.content(path)? else {
        let mut empty = BTreeMap::from([
            ("format".to_owned(), Value::Int(1)),
            (name.to_owned(), Value::List(Vec::new())),
        ]);
        empty.extend(start.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        return Ok(empty);
    };
    let value = readable(&bytes).and_then(|()| Value::parse(&bytes));
    match value.map_err(|bad| team.malformed(path, &bad))? {
        Value::Map(map) => Ok(map),
        _ => Ok(BTreeMap::new()),
    }
}

fn add(list: &mut BTreeMap<String, Value>, name: &str, entry: BTreeMap<String, Value>) -> Result<(), Stop> {
    let Some(Value::List(entries)) = list.get_mut(name) else {
        return Err(Stop::new(Code::Internal, "BUG: a list without its entries", ""));
    };
    let entry = Value::Map(entry);
    if entries.contains(&entry) {
        let what = "exactly this entry stands in the list already";
        return Err(Stop::new(
            Code::Usage,
            what,
            "sign what is pending: skills roots sign FOLDER --key NAME",
        ));
    }
    entries.push(entry);
    Ok(())
}

fn file(list: BTreeMap<String, Value>) -> Vec<u8> {
    let mut bytes = Value::Map(list).to_json();
    bytes.push(b'\n');
    bytes
}
