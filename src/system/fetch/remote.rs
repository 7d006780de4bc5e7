//! A repository somewhere else: from its list of references to one commit.

use super::git::{self, Id, Kind, Objects};
use super::snapshot::Snapshot;
use super::watch::Budget;
use super::wire::{self, Advertised, Wire};
use super::{FetchError, FetchOptions};
use crate::model::path::EntryPath;
use crate::model::source::{Source, SourceKind};
use crate::model::text;
use std::path::Path;
use std::sync::Arc;

/// What a person's reference turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// A listed reference; its object, which may be a tag.
    Listed(Id),
    /// A commit by its id.
    Commit(Id),
}

/// Decides what `wanted` means. `lookup` gives the object of a reference by
/// its full name.
///
/// Attack: a tag named as a branch, or a branch named as a commit id, so that
/// two tools, or two days, see two things under one name.
pub(super) fn choose(
    wanted: Option<&str>,
    what: &str,
    lookup: &dyn Fn(&str) -> Result<Option<Id>, FetchError>,
) -> Result<Choice, FetchError> {
    let none = |wanted: &str, why: &str| FetchError::Reference {
        what: what.to_owned(),
        wanted: text::escape_short(wanted, 200),
        why: why.to_owned(),
    };
    let Some(wanted) = wanted else {
        return lookup("HEAD")?
            .map(Choice::Listed)
            .ok_or_else(|| none("HEAD", "it has no commit, or no default branch"));
    };
    let full = if wanted.starts_with("refs/") {
        vec![wanted.to_owned()]
    } else {
        vec![format!("refs/heads/{wanted}"), format!("refs/tags/{wanted}")]
    };
    let mut hits = Vec::new();
    for name in full {
        if let Some(id) = lookup(&name)? {
            hits.push((name, id));
        }
    }
    let commit = git::id(&wanted.to_ascii_lowercase());
    let both = |a: &str, b: &str| {
        let both = [text::escape_short(a, 200), text::escape_short(b, 200)];
        Err(FetchError::Ambiguous { wanted: text::escape_short(wanted, 200), both })
    };
    match (hits.as_slice(), commit) {
        ([(a, _), (b, _), ..], _) => both(a, b),
        ([(a, _)], Some(_)) => both(a, &format!("commit {wanted}")),
        ([(_, id)], None) => Ok(Choice::Listed(*id)),
        ([], Some(id)) => Ok(Choice::Commit(id)),
        ([], None) => {
            let short =
                wanted.len() < 40 && wanted.len() >= 7 && wanted.bytes().all(|c| c.is_ascii_hexdigit());
            let why = if short {
                "no branch or tag of that name; a commit takes all 40 digits"
            } else {
                "no branch or tag of that name"
            };
            Err(none(wanted, why))
        }
    }
}

/// Fetches one commit into `scratch`.
pub(super) fn open(
    url: &str,
    reference: Option<&str>,
    path: Option<&EntryPath>,
    scratch: &Path,
    options: &FetchOptions,
) -> Result<Snapshot, FetchError> {
    let what = text::escape_short(url, 300);
    if options.offline {
        return Err(FetchError::Offline { what });
    }
    let budget = Budget::new(&what, options);
    let mut wire = connect(url, &what, &budget)?;
    let fetched = fetch(wire.as_mut(), &what, reference, &scratch.join("objects"), &budget);
    let (objects, tip, mut notes) = fetched.map_err(|error| wire.explain(error))?;
    notes.extend(wire.notes());
    let source = Source {
        commit: None,
        kind: SourceKind::Git,
        location: url.to_owned(),
        path: path.cloned(),
        reference: reference.map(str::to_owned),
    };
    Snapshot::new(objects, tip, source, notes)
}

fn connect(url: &str, what: &str, budget: &Arc<Budget>) -> Result<Box<dyn Wire>, FetchError> {
    if url.starts_with("ssh://") {
        return Ok(Box::new(super::ssh::Ssh::start(url, what, budget)?));
    }
    if url.starts_with("https://") {
        #[cfg(feature = "https")]
        return Ok(Box::new(super::http::Https::new(url, what, budget)?));
        #[cfg(not(feature = "https"))]
        return Err(FetchError::NotBuiltIn { what: what.to_owned(), feature: "https" });
    }
    // Attack: a source that did not come through the parser, with a transport
    // that runs programs or is open to anyone on the way.
    let why = "only https://, ssh:// and file:// are fetched".to_owned();
    Err(FetchError::NotARepository { what: what.to_owned(), why })
}

fn fetch(
    wire: &mut dyn Wire,
    what: &str,
    reference: Option<&str>,
    folder: &Path,
    budget: &Arc<Budget>,
) -> Result<(Objects, Id, Vec<String>), FetchError> {
    let server = wire::read_advertisement(wire.advertisement()?, what)?;
    let listed = |name: &str| Ok(server.references.get(name).copied());
    let (id, by_id) = match choose(reference, what, &listed)? {
        Choice::Listed(id) => (id, false),
        Choice::Commit(id) => (id, true),
    };
    let is_tip = server.references.values().any(|tip| *tip == id);
    let mut notes = Vec::new();
    let (wanted, shallow) = if !by_id || is_tip {
        (vec![id], true)
    } else if server.gives_commits() {
        // Attack: hosts keep the commits of all forks in one place, and give
        // a stranger's commit out under the original's address.
        notes.push(format!(
            "commit {id} is not the end of a branch or tag; a host may give out commits of a fork under this address"
        ));
        (vec![id], true)
    } else {
        (published(&server), false)
    };
    let request = wire::request(&server, &wanted, shallow, what)?;
    let answer = wire.ask(request)?;
    let objects = git::receive(&mut wire::read_answer(answer, what)?, folder, what, budget)?;
    if by_id && (!objects.has(id) || objects.header(id)?.0 != Kind::Commit) {
        return Err(FetchError::Reference {
            what: what.to_owned(),
            wanted: id.to_string(),
            why: "no branch or tag holds that commit".to_owned(),
        });
    }
    Ok((objects, id, notes))
}

/// The ends of all branches and tags.
fn published(server: &Advertised) -> Vec<Id> {
    let open = |name: &str| name.starts_with("refs/heads/") || name.starts_with("refs/tags/");
    server.references.iter().filter(|(name, _)| open(name)).map(|(_, id)| *id).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    const A: &str = "1111111111111111111111111111111111111111";

    fn chosen(wanted: Option<&str>, names: &[&str]) -> Result<Choice, FetchError> {
        choose(wanted, "there", &|name| Ok(names.contains(&name).then(|| git::id(A).unwrap())))
    }

    #[test]
    fn a_name_means_one_thing_or_nothing() {
        let id = git::id(A).unwrap();
        assert_eq!(chosen(None, &["HEAD"]).unwrap(), Choice::Listed(id));
        assert_eq!(chosen(Some("v1"), &["refs/tags/v1"]).unwrap(), Choice::Listed(id));
        assert_eq!(
            chosen(Some("refs/tags/v1"), &["refs/tags/v1", "refs/heads/v1"]).unwrap(),
            Choice::Listed(id)
        );
        assert_eq!(chosen(Some(A), &[]).unwrap(), Choice::Commit(id));
        for (wanted, names) in
            [("v1", ["refs/tags/v1", "refs/heads/v1"]), (A, ["HEAD", &format!("refs/heads/{A}")])]
        {
            assert!(matches!(chosen(Some(wanted), &names), Err(FetchError::Ambiguous { .. })), "{wanted}");
        }
        for (wanted, said) in
            [(None, "default branch"), (Some("v2"), "no branch"), (Some("1111111"), "all 40")]
        {
            let error = chosen(wanted, &[]).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
