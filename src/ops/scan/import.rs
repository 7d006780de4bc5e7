//! What other scanners found, put beside what we find.
//!
//! A path in such a file says where to look among the files that we read, and
//! nothing is ever opened by it. A path from no root is tried from the folder
//! that is scanned and from the one that we run in, as tools write either.
//!
//! Attack: a result that names a file elsewhere, or none, so that it is lost.
//! What fits no file of ours is listed, and counts.

use super::Scan;
use super::findings::Held;
use crate::model::code::{Code, Stop};
use crate::model::excerpt::Text;
use crate::model::finding::{Context, Finding, Place, Tier};
use crate::model::json::EVIDENCE_MAX;
use crate::model::sarif::{self, At, Foreign, Report};
use crate::model::text;
use crate::policy::review::secrets::Secrets;
use crate::system::regular;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// What a file of another scanner holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The file, escaped.
    pub file: String,
    /// The tools that wrote it, escaped.
    pub tools: Vec<String>,
    /// Results that were taken.
    pub results: usize,
    /// Results that were too many.
    pub left_off: usize,
    /// Runs that say that they failed.
    pub failed: usize,
}

impl Imported {
    /// Whether all of it was taken, and its tools say that they did their work.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.left_off == 0 && self.failed == 0
    }
}

/// A result that stands in no file of ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Elsewhere {
    /// How heavy it is.
    pub tier: Tier,
    /// `TOOL:RULE`, escaped.
    pub rule: String,
    /// The path that it names, escaped and bounded; none if it names no file.
    pub path: Option<String>,
    /// What it says; not escaped.
    pub message: String,
}

/// Files of other scanners, read.
pub(super) struct Reports(Vec<(String, Report)>);

/// Reads them.
pub(super) fn read(files: &[PathBuf]) -> Result<Reports, Stop> {
    let mut all = Vec::new();
    for file in files {
        let shown = text::escape(&file.to_string_lossy());
        let stop = |why: &str| {
            let what = format!("{shown} cannot be taken in: {why}");
            Stop::new(Code::Usage, what, "name a SARIF 2.1.0 file, as other scanners write it")
        };
        let read = regular::read(file, EVIDENCE_MAX as u64).map_err(|why| stop(&why))?;
        let report = sarif::read(read.as_bytes()).map_err(|fault| stop(&fault.0))?;
        all.push((shown, report));
    }
    Ok(Reports(all))
}

/// Results, each with the paths below the top that it may mean.
#[derive(Default)]
pub(super) struct Sought(Vec<(usize, BTreeSet<PathBuf>, Foreign)>);

impl Reports {
    fn results(&self) -> impl Iterator<Item = &Foreign> {
        self.0.iter().flat_map(|(_, report)| &report.results)
    }

    /// Where each result may stand below a folder that has these paths.
    pub(super) fn sought(&self, tops: &[PathBuf], here: &Path) -> Sought {
        let below = |at: &At| -> BTreeSet<PathBuf> {
            let bases = tops.iter().map(PathBuf::as_path).chain([here]);
            let full = bases.filter_map(|base| flat(&base.join(&at.path)));
            full.flat_map(|path| {
                tops.iter()
                    .filter_map(move |top| path.strip_prefix(top).ok().map(Path::to_owned))
                    .collect::<Vec<_>>()
            })
            .collect()
        };
        let each = self.results().enumerate().filter_map(|(at, result)| {
            let paths = result.at.as_ref().map(below)?;
            (!paths.is_empty()).then(|| (at, paths, result.clone()))
        });
        Sought(each.collect())
    }
}

/// The path without `.` and `..`, as its letters have it; `None` above the root.
fn flat(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if !out.pop() => return None,
            Component::ParentDir => {}
            other => out.push(other),
        }
    }
    Some(out)
}

impl Sought {
    /// Those that stand in files of this skill, as findings, and which they are.
    pub(super) fn within(&self, skill: &Path, held: &[Held]) -> (Vec<Finding>, Vec<usize>) {
        let (mut found, mut placed) = (Vec::new(), Vec::new());
        if self.0.is_empty() {
            return (found, placed);
        }
        let files: BTreeMap<_, _> = held.iter().map(|one| (Path::new(&one.path), one)).collect();
        let mut texts = BTreeMap::new();
        for (at, paths, result) in &self.0 {
            for path in paths.iter().filter_map(|path| path.strip_prefix(skill).ok()) {
                if let Some(file) = files.get(path) {
                    let text = texts.entry(path).or_insert_with(|| Text::new(&file.bytes));
                    found.push(finding(result, &file.path, text));
                    placed.push(*at);
                }
            }
        }
        (found, placed)
    }
}

/// A result as a finding of ours.
fn finding(result: &Foreign, path: &str, text: &Text<'_>) -> Finding {
    let whole = Place { start: 0, end: 0, line: 1, column: 1 };
    let named = result.at.as_ref().and_then(|at| Some((at.from?, at.to?, at.utf16)));
    let place = named.and_then(|(from, to, utf16)| text.placed(from, to, utf16));
    let mut message = result.message.clone();
    if let (Some((from, ..)), None) = (named, place) {
        message.push_str(&format!(" (at line {}, which the file does not have)", from.0));
    }
    Finding {
        rule: result.rule.clone(),
        tier: result.tier,
        context: Context::File,
        path: path.to_owned(),
        place: place.unwrap_or(whole),
        message,
        reads_as: None,
    }
}

/// What was taken in, and the results that stand nowhere.
pub(super) fn rest(scan: &mut Scan, reports: Reports, placed: &[usize]) {
    let placed: BTreeSet<_> = placed.iter().copied().collect();
    let lost = reports.results().enumerate().filter(|(at, _)| !placed.contains(at));
    scan.elsewhere = lost
        .map(|(_, result)| Elsewhere {
            tier: result.tier,
            rule: result.rule.clone(),
            path: result.at.as_ref().map(|at| text::escape_short(&at.path, 300)),
            message: Secrets::default().without(&result.message),
        })
        .collect();
    scan.elsewhere.sort_by(|a, b| (b.tier, &a.path, &a.rule).cmp(&(a.tier, &b.path, &b.rule)));
    scan.imported = reports
        .0
        .into_iter()
        .map(|(file, report)| Imported {
            file,
            tools: report.tools,
            results: report.results.len(),
            left_off: report.left_off,
            failed: report.failed,
        })
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports(path: &str) -> Reports {
        let result = Foreign {
            rule: "t:r".to_owned(),
            tier: Tier::Warn,
            message: "m".to_owned(),
            at: Some(At { path: path.to_owned(), from: Some((1, None)), to: Some((1, None)), utf16: true }),
        };
        Reports(vec![("f".to_owned(), Report { results: vec![result], ..Report::default() })])
    }

    fn held() -> Vec<Held> {
        vec![Held::new("scripts/a.py".to_owned(), b"x = 1\n".to_vec(), false)]
    }

    fn found_in(result: &Foreign) -> Finding {
        finding(result, "scripts/a.py", &Text::new(&held()[0].bytes))
    }

    /// Whether a path is taken for `scripts/a.py` of the skill `/w/repo/pack/s`.
    fn fits(path: &str) -> bool {
        let tops = [PathBuf::from("/w/repo/pack"), PathBuf::from("/real/pack")];
        let sought = reports(path).sought(&tops, Path::new("/w/repo"));
        let (found, placed) = sought.within(Path::new("s"), &held());
        assert_eq!(found.len(), placed.len());
        !found.is_empty()
    }

    #[test]
    fn a_path_is_from_the_top_or_from_here() {
        for path in [
            "s/scripts/a.py",
            "pack/s/scripts/a.py",
            "./s/./scripts/a.py",
            "s/x/../scripts/a.py",
            "/w/repo/pack/s/scripts/a.py",
            "/real/pack/s/scripts/a.py",
        ] {
            assert!(fits(path), "{path}");
        }
    }

    #[test]
    fn attack_what_leads_elsewhere_is_in_no_file() {
        for path in [
            "scripts/a.py",
            "../s/scripts/a.py",
            "/scripts/a.py",
            "/w/repo/packs/s/scripts/a.py",
            "s/scripts/a.py/x",
            "s/scripts",
            "../../../../../../s/scripts/a.py",
            "",
        ] {
            assert!(!fits(path), "{path}");
        }
    }

    #[test]
    fn a_line_that_is_not_there_is_said() {
        let mut result = reports("s/scripts/a.py").0.remove(0).1.results.remove(0);
        assert_eq!(found_in(&result).place, Place { start: 0, end: 5, line: 1, column: 1 });
        result.at.as_mut().unwrap().from = Some((9, None));
        let found = found_in(&result);
        assert_eq!(found.place.end, 0);
        assert_eq!(found.message, "m (at line 9, which the file does not have)");
    }
}
