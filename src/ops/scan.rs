//! `scan`: what the rules say of skills, wherever these lie.
//!
//! A folder is looked at as it lies there and needs no home; a name is the store
//! copy of a revision. Nothing is changed and nothing recorded.
//!
//! ```text
//! folder -> skills below it -> each read once: hashed, and the same bytes looked at
//!                           -> findings, by the policy, each with its lines and its print
//! ```
//!
//! Invariant: nothing that was not looked at passes for clean. What cannot be
//! read is a fault of its skill or of the search, and [`Scan::is_complete`] is
//! false then. The answer is the same for the same bytes, on one thread or ten.

mod import;
mod tell;

use super::session::{home_stop, open_ledger};
use super::{World, facts, findings, judged, layers};
use crate::model::card::Card;
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::excerpt::{Excerpt, Region};
use crate::model::finding::{Finding, Tier};
use crate::model::lifecycle::State;
use crate::model::limits::{Fault, Rule};
use crate::model::manifest::Manifest;
use crate::model::text;
use crate::model::time::Timestamp;
use crate::policy::config::Policy;
use crate::policy::entry;
use crate::policy::judge::{self, Judgement};
pub use crate::policy::judge::{Excepted, Unused};
use crate::system::below;
use crate::system::home::Home;
use crate::system::tree::{self, Checks, Observed, Piece};
use findings::Held;
pub use import::{Elsewhere, Imported};
use import::{Reports, Sought};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A folder, by its full path.
    Folder(PathBuf),
    /// NAME or NAME@DIGEST.
    Stored(String),
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is to be looked at.
    pub what: What,
    /// SARIF files of other scanners.
    pub import: Vec<PathBuf>,
    /// The folder that paths without a root are from, in such files.
    pub here: PathBuf,
    /// Threads at most.
    pub threads: usize,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Scan {
    /// The skills, by their paths.
    pub skills: Vec<Scanned>,
    /// Places that a skill may lie in and that could not be looked into.
    pub faults: Vec<Fault>,
    /// Symbolic links that were passed over.
    pub links: usize,
    /// What other scanners' files hold, one for each file.
    pub imported: Vec<Imported>,
    /// What other scanners found where none of these files is.
    pub elsewhere: Vec<Elsewhere>,
    /// Why the policy could not be gone by, if so: every rule has its own weight then.
    pub problem: Option<Stop>,
}

/// One skill.
#[derive(Debug)]
pub struct Scanned {
    /// Its folder from the top, by its bytes; empty for the top itself.
    pub folder: PathBuf,
    /// The same for people, escaped.
    pub path: String,
    /// Its name by its card, or that of its folder, escaped.
    pub name: String,
    /// Of the files that could be read.
    pub digest: Digest,
    /// How many these are.
    pub files: usize,
    /// Their bytes together.
    pub bytes: u64,
    /// What could not be read, and what no skill may hold.
    pub faults: Vec<Fault>,
    /// What is wrong with its card, escaped.
    pub card: Vec<String>,
    /// What was found, the heaviest first.
    pub told: Vec<Told>,
    /// What the policy excepts for exactly these bytes.
    pub excepted: Vec<Excepted>,
    /// The policy's exceptions for these bytes that free from nothing.
    pub unused: Vec<Unused>,
}

/// A finding with what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The finding.
    pub finding: Finding,
    /// Where it is; none for a file as a whole.
    pub region: Option<Region>,
    /// The lines it stands in.
    pub excerpt: Option<Excerpt>,
    /// The same for the same text, when lines around it move.
    pub print: String,
    /// Whether another scanner says it.
    pub is_foreign: bool,
    /// What it weighs by itself, and the file of the policy that makes it weigh otherwise.
    pub own: Option<(Tier, String)>,
}

impl Scan {
    /// Every finding, and what others found elsewhere.
    pub fn tiers(&self) -> impl Iterator<Item = Tier> {
        let told = self.skills.iter().flat_map(|skill| skill.told.iter().map(|told| told.finding.tier));
        told.chain(self.elsewhere.iter().map(|one| one.tier))
    }

    /// Whether all was read that is there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let imported = self.imported.iter().all(Imported::is_whole);
        imported
            && self.problem.is_none()
            && self.faults.is_empty()
            && self.skills.iter().all(|skill| skill.unread().next().is_none())
    }
}

impl Scanned {
    /// The heaviest finding.
    #[must_use]
    pub fn worst(&self) -> Option<Tier> {
        self.told.iter().map(|told| told.finding.tier).max()
    }

    /// The faults behind which something was not looked at.
    pub fn unread(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().filter(|fault| is_unread(fault))
    }

    /// How many findings there are of this tier.
    #[must_use]
    pub fn count(&self, tier: Tier) -> usize {
        self.told.iter().filter(|told| told.finding.tier == tier).count()
    }
}

/// Whether what has this fault was not looked at. Other faults keep a skill from
/// being installed, and nothing from being read.
#[must_use]
pub const fn is_unread(fault: &Fault) -> bool {
    !matches!(
        fault.rule,
        Rule::HardLink(_)
            | Rule::SetId(_)
            | Rule::EmptyFolder
            | Rule::Collision(_)
            | Rule::NoSkillFile(_)
            | Rule::Mode(..)
            | Rule::Owner(..)
    )
}

/// Looks.
///
/// # Errors
/// [`Code::Usage`]: no folder, no skill in it, or no SARIF;
/// [`Code::Unreadable`]; those of finding a revision.
pub fn scan(world: &World, request: &Request) -> Result<Scan, Stop> {
    let reports = import::read(&request.import)?;
    let (mut scan, placed) = match &request.what {
        What::Folder(path) => folder(world, path, request, &reports)?,
        What::Stored(name) => stored(world, name, request, &reports)?,
    };
    import::rest(&mut scan, reports, &placed);
    Ok(scan)
}

/// By which policy it is judged, and when.
struct Rules {
    policy: Policy,
    now: Timestamp,
    problem: Option<Stop>,
}

impl Rules {
    /// The policy in force. One that is broken keeps nobody from looking, and
    /// what was found by the rules alone is not taken for a whole answer.
    fn of(world: &World, policy: Result<Policy, Stop>) -> Self {
        let checked = policy.and_then(|policy| judged::known_rules(&policy).map(|()| policy));
        let now = world.clock.now();
        match checked {
            Ok(policy) => Self { policy, now, problem: None },
            Err(stop) => Self { policy: Policy::silent(), now, problem: Some(stop) },
        }
    }

    /// The one place where findings come back from the rules.
    fn judge(&self, held: &[Held], digest: &Digest) -> Judgement {
        judge::judge(findings::of(held), &self.policy.findings, digest, self.now)
    }
}

/// A revision's store copy.
fn stored(
    world: &World,
    name: &str,
    request: &Request,
    reports: &Reports,
) -> Result<(Scan, Vec<usize>), Stop> {
    let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
    let ledger = open_ledger(&home)?;
    let row = facts::resolve(&ledger, name, |row| row.lifecycle.state() == State::Installed)?;
    let digest = row.revision.digest;
    let held = findings::stored(&home, &row)?;
    let top = PathBuf::from(facts::store_path(&home, &digest));
    let sought = reports.sought(&[top], &request.here);
    let rules = Rules::of(world, world.policy().and_then(|files| layers::over(files, &ledger)));
    let (mut skill, placed) = look(&held, digest, Vec::new(), Path::new(""), &sought, &rules);
    skill.name = row.revision.name.to_string();
    Ok((Scan { skills: vec![skill], problem: rules.problem, ..Scan::default() }, placed))
}

/// Every skill in a folder.
fn folder(
    world: &World,
    path: &Path,
    request: &Request,
    reports: &Reports,
) -> Result<(Scan, Vec<usize>), Stop> {
    let shown = text::escape(&path.to_string_lossy());
    let top = tree::open_folder(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            Stop::new(Code::Unreadable, format!("{shown}: {error}"), "run it as who may read that folder")
        }
        _ => {
            let next = "name a folder that is no link: a skill, or one with skills below it";
            Stop::new(Code::Usage, format!("{shown}: {error}"), next)
        }
    })?;
    let rules = Rules::of(world, layers::in_force(world));
    let found = below::skills(top.as_fd());
    if found.skills.is_empty() {
        return Err(no_skill(&shown, &found));
    }
    let mut tops = vec![path.to_owned()];
    tops.extend(std::fs::canonicalize(path));
    let sought = reports.sought(&tops, &request.here);
    let each = |below: &PathBuf| one(top.as_fd(), below, &sought, &rules);
    let (skills, placed): (_, Vec<_>) = shared_out(&found.skills, request.threads, &each).into_iter().unzip();
    let scan =
        Scan { skills, faults: found.faults, links: found.links, problem: rules.problem, ..Scan::default() };
    Ok((scan, placed.concat()))
}

/// Nothing was looked at, and that is no success.
fn no_skill(shown: &str, found: &below::Below) -> Stop {
    if let Some(first) = found.faults.first() {
        let more = match found.faults.len() {
            1 => String::new(),
            count => format!(", and {} more places", count - 1),
        };
        let what =
            format!("{shown}: no skill was found, and not all of it could be looked into: {first}{more}");
        return Stop::new(Code::Unreadable, what, "run it as who may read all of that folder");
    }
    let links = match found.links {
        0 => String::new(),
        count => format!("; links are not followed, and {count} lie there"),
    };
    let what = format!("{shown}: no folder in it holds a `SKILL.md`, so nothing was looked at{links}");
    Stop::new(Code::Usage, what, "name a skill's folder, or one with skills below it")
}

/// Gives work to threads; the answers come in the order of the work.
fn shared_out<T: Sync, R: Send>(work: &[T], threads: usize, each: &(dyn Fn(&T) -> R + Sync)) -> Vec<R> {
    let threads = threads.min(work.len());
    if threads <= 1 {
        return work.iter().map(each).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = work.get(at) else { return done };
            done.push((at, each(one)));
        }
    };
    let mut all: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(take)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    if all.len() == work.len() {
        return all.into_iter().map(|(_, found)| found).collect();
    }
    // A thread died, so some are missing; alone it shows which.
    work.iter().map(each).collect()
}

/// One skill of a folder: read once, and what was read is looked at.
fn one(top: BorrowedFd<'_>, below: &Path, sought: &Sought, rules: &Rules) -> (Scanned, Vec<usize>) {
    let limits = rules.policy.limits;
    let opened = match below::open(top, below) {
        Ok(opened) => opened,
        Err(fault) => return look(&[], Manifest::default().digest(), vec![fault], below, sought, rules),
    };
    let mut held: Vec<Held> = Vec::new();
    let mut open: Option<(String, Vec<u8>, bool)> = None;
    let read =
        tree::copy(opened.as_fd(), &Checks { limits, strict: None }, &mut |path, executable, piece| {
            match piece {
                Piece::Start(_) => {
                    open = Some((path.as_str().to_owned(), Vec::new(), executable));
                }
                Piece::Bytes(bytes) => {
                    if let Some((_, held, _)) = &mut open {
                        held.extend_from_slice(bytes);
                    }
                }
                // What did not end is no file of the manifest.
                Piece::End => {
                    held.extend(
                        open.take().map(|(path, bytes, executable)| Held::new(path, bytes, executable)),
                    );
                }
            }
            Ok(())
        });
    let mut observed = match read {
        Ok(observed) => observed,
        // What takes the bytes never fails; if it did, nothing would be known.
        Err(error) => {
            let fault = Fault { path: ".".to_owned(), rule: Rule::Unreadable(error.to_string()) };
            Observed { faults: vec![fault], ..Observed::default() }
        }
    };
    let mut faults = std::mem::take(&mut observed.faults);
    faults.extend(entry::check(&observed.manifest, &limits));
    // The reading and the look at the whole may say the same.
    let mut seen = Vec::new();
    faults.retain(|fault| {
        let is_new = !seen.contains(fault);
        seen.push(fault.clone());
        is_new
    });
    look(&held, observed.manifest.digest(), faults, below, sought, rules)
}

/// What is to be said of files that were read, and which results of other
/// scanners are among it.
fn look(
    held: &[Held],
    digest: Digest,
    faults: Vec<Fault>,
    below: &Path,
    sought: &Sought,
    rules: &Rules,
) -> (Scanned, Vec<usize>) {
    let path = text::escape_bytes(below.as_os_str().as_encoded_bytes());
    let card = held.iter().find(|one| one.path == entry::SKILL_FILE).map(|one| Card::parse(&one.bytes));
    let name = match &card {
        Some(Ok(Card { name: Ok(name), .. })) => name.to_string(),
        Some(Ok(Card { raw_name: Some(raw), .. })) => text::escape_short(raw, 64),
        _ => path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("(top)").to_owned(),
    };
    let card = match card {
        Some(Err(faults)) => faults.iter().map(|fault| text::escape(&fault.to_string())).collect(),
        Some(Ok(Card { name: Err(why), .. })) => vec![text::escape(&format!("its name: {why}"))],
        _ => Vec::new(),
    };
    let mut judged = rules.judge(held, &digest);
    let (foreign, placed) = sought.within(below, held);
    let told = tell::tell(&mut judged, foreign, held);
    let Judgement { excepted, unused, .. } = judged;
    let bytes = held.iter().map(|one| one.size).sum();
    let folder = below.to_owned();
    let files = held.len();
    (Scanned { folder, path, name, digest, files, bytes, faults, card, told, excepted, unused }, placed)
}
