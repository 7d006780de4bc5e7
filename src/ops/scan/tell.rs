//! Findings with what stands where they stand: lines, prints, and no secrets.

use super::Told;
use super::findings::{self, Held};
use crate::model::excerpt::{self, Text};
use crate::model::finding::{Finding, Place, Tier};
use crate::policy::judge::Judgement;
use crate::policy::review::secrets::Secrets;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Findings of ours and of others with what stands there, heaviest first. Keys and
/// tokens are covered in what is excepted too.
pub(super) fn tell(judged: &mut Judgement, mut foreign: Vec<Finding>, held: &[Held]) -> Vec<Told> {
    if judged.findings.is_empty() && judged.excepted.is_empty() && foreign.is_empty() {
        return Vec::new();
    }
    let secrets = findings::secrets(held);
    findings::hush(&secrets, judged);
    foreign.iter_mut().for_each(|finding| findings::hush_one(&secrets, finding));
    let weighed = std::mem::take(&mut judged.findings);
    let own = weighed.into_iter().map(|one| (one.finding, false, one.by.map(|by| (one.own, by))));
    let mut all: Vec<_> = own.chain(foreign.into_iter().map(|finding| (finding, true, None))).collect();
    let counted = all.iter().map(|(finding, ..)| finding);
    let excepted = judged.excepted.iter().map(|one| &one.finding);
    let files = covered(held, &secrets, counted.chain(excepted));
    let key = |finding: &Finding| {
        (Reverse(finding.tier), finding.path.clone(), finding.place.start, finding.rule.clone())
    };
    all.sort_by_cached_key(|(finding, is_foreign, _)| (key(finding), *is_foreign));
    let texts: BTreeMap<_, _> = files.iter().map(|(path, bytes)| (*path, Text::new(bytes))).collect();
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

/// The files that something was found in, as they may be shown: a log of ours must
/// not be the next place that a key or token leaks from.
fn covered<'a, 'b>(
    held: &'a [Held],
    secrets: &Secrets<'_>,
    found: impl Iterator<Item = &'b Finding>,
) -> BTreeMap<&'a str, Cow<'a, [u8]>> {
    let mut places: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
    for finding in found {
        let of_file = places.entry(finding.path.as_str()).or_default();
        of_file.extend(finding.rule.starts_with("secret.").then_some(finding.place));
    }
    let files = held.iter().filter_map(|file| {
        let places = places.get(file.path.as_str())?;
        let mut bytes = secrets.covered(&file.bytes);
        for place in places {
            excerpt::cover(bytes.to_mut(), place);
        }
        Some((file.path.as_str(), bytes))
    });
    files.collect()
}
