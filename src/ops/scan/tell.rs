//! Findings with what stands where they stand: lines, prints, and no secrets.

use super::Told;
use super::findings::Held;
use crate::model::excerpt::{self, Text};
use crate::model::finding::{Finding, Place, Tier};
use crate::policy::judge::Judgement;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Findings of ours and of others with what stands there, heaviest first. Keys and
/// tokens are covered in what is excepted too.
pub(super) fn tell(judged: &mut Judgement, foreign: Vec<Finding>, held: &[Held]) -> Vec<Told> {
    let weighed = std::mem::take(&mut judged.findings);
    let found = weighed.iter().map(|one| &one.finding).chain(judged.excepted.iter().map(|one| &one.finding));
    let found: Vec<&Finding> = found.filter(|finding| is_secret(finding)).collect();
    let secrets = secrets(held, &found);
    let files = covered(held, &found, &secrets);
    let own = weighed.into_iter().map(|one| (one.finding, false, one.by.map(|by| (one.own, by))));
    let mut all: Vec<_> = own.chain(foreign.into_iter().map(|finding| (finding, true, None))).collect();
    let excepted = judged.excepted.iter_mut().map(|one| &mut one.finding);
    for finding in all.iter_mut().map(|(finding, ..)| finding).chain(excepted) {
        for secret in secrets.get(&finding.path).into_iter().flatten() {
            finding.message = excerpt::without(&finding.message, secret);
            finding.reads_as = finding.reads_as.take().map(|text| excerpt::without(&text, secret));
        }
    }
    let key = |finding: &Finding| {
        (Reverse(finding.tier), finding.path.clone(), finding.place.start, finding.rule.clone())
    };
    all.sort_by_cached_key(|(finding, is_foreign, _)| (key(finding), *is_foreign));
    let named: BTreeSet<_> = all.iter().map(|(finding, ..)| finding.path.as_str()).collect();
    let of = |path: &str| files.get_key_value(path).map(|(path, bytes)| (*path, Text::new(bytes)));
    let texts: BTreeMap<_, _> = named.into_iter().filter_map(of).collect();
    let mut seen = BTreeMap::new();
    all.into_iter()
        .map(|(finding, is_foreign, own)| told(finding, is_foreign, own, &texts, &mut seen))
        .collect()
}

/// How many findings of a rule stand at the same text of a file.
type Seen = BTreeMap<(String, String, String), usize>;

/// A finding with what stands there.
fn told(
    finding: Finding,
    is_foreign: bool,
    own: Option<(Tier, String)>,
    files: &BTreeMap<&str, Text<'_>>,
    seen: &mut Seen,
) -> Told {
    let empty = Text::new(&[]);
    let text = files.get(finding.path.as_str()).unwrap_or(&empty);
    let (path, place) = (&finding.path, &finding.place);
    let nth = seen.entry((finding.rule.clone(), path.clone(), text.marked(place))).or_default();
    let print = text.print(&finding.rule, path, place, *nth);
    *nth += 1;
    Told { region: text.region(place), excerpt: text.excerpt(place), print, is_foreign, own, finding }
}

/// The keys and tokens that were found, each in one line, by file.
fn secrets<'a>(held: &'a [Held], found: &[&Finding]) -> BTreeMap<String, BTreeSet<&'a str>> {
    let mut out: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for finding in found {
        let file = held.iter().find(|one| one.path == finding.path);
        let text = file.and_then(|file| file.bytes.get(finding.place.start..finding.place.end));
        let line = text.and_then(|text| std::str::from_utf8(text).ok()?.lines().next());
        out.entry(finding.path.clone()).or_default().extend(line.filter(|line| line.len() >= 8));
    }
    out
}

fn is_secret(finding: &Finding) -> bool {
    finding.rule.starts_with("secret.")
}

/// The files as they may be shown: keys and tokens that were found in them are
/// covered, for a log of ours must not be the next place they leak from.
fn covered<'a>(
    held: &'a [Held],
    found: &[&Finding],
    secrets: &BTreeMap<String, BTreeSet<&str>>,
) -> BTreeMap<&'a str, Cow<'a, [u8]>> {
    let mut out: BTreeMap<_, _> =
        held.iter().map(|one| (one.path.as_str(), Cow::Borrowed(one.bytes.as_slice()))).collect();
    for finding in found {
        if let Some(bytes) = out.get_mut(finding.path.as_str()) {
            excerpt::cover(bytes.to_mut(), &finding.place);
        }
    }
    // The same one once more in a line is no finding of its own.
    for (path, secrets) in secrets {
        let Some(bytes) = out.get_mut(path.as_str()) else { continue };
        let whole = held.iter().find(|one| one.path == *path).map_or(&[][..], |one| &one.bytes);
        let text = std::str::from_utf8(whole).unwrap_or_default();
        for secret in secrets {
            for (start, _) in text.match_indices(secret) {
                let place = Place { start, end: start + secret.len(), line: 0, column: 0 };
                excerpt::cover(bytes.to_mut(), &place);
            }
        }
    }
    out
}
