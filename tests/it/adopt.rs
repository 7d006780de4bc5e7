//! `adopt`, originals that are replaced, and `kill --unmanaged`: an account's
//! folder full of other tools' skills comes under control, and nothing of it is
//! lost, followed or believed to be ours.

mod attacks;
mod cleared;
mod home;
mod races;
mod replaced;

use crate::unmanaged::{Account, with_account};
use skill_trust::model::code::Stop;
use skill_trust::model::digest::Digest;
use skill_trust::model::limits::Limits;
use skill_trust::ops::adopt::{self, Adoptions, Outcome, Request, Which};
use skill_trust::ops::enable::{self, Enabled};
use skill_trust::ops::originals;
use skill_trust::ops::pick::Pick;
use skill_trust::ops::place::Place;
use skill_trust::ops::trust::TermsRequest;
use skill_trust::ops::trust::set::{self, SetRequest};
use skill_trust::ops::{Answer, Ask, Question, World};
use skill_trust::system::tree::{self, Checks};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::Output;

/// The real program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_skills");

/// A person who says yes, after something was done behind their back.
struct Yes<F: FnMut()>(F);

impl<F: FnMut()> Ask for Yes<F> {
    fn ask(&mut self, _: &str, _: &Question) -> Answer {
        (self.0)();
        Answer::Yes
    }
}

fn yes() -> Yes<fn()> {
    Yes(|| ())
}

fn all(world: &World) -> Adoptions {
    adopt::adopt(world, &Request { which: Which::All(None), rename: None, dry: false }).unwrap()
}

fn at(world: &World, path: &Path) -> Result<Outcome, Stop> {
    let request = Request { which: Which::At(path.to_owned()), rename: None, dry: false };
    adopt::adopt(world, &request).map(|mut done| done.skills.pop().unwrap().outcome)
}

/// The word for what became of the skill at a path.
fn outcome(done: &Adoptions, path: &str) -> String {
    let one = done.skills.iter().find(|one| one.skill.path.ends_with(path));
    match &one.unwrap_or_else(|| panic!("{path}: {done:#?}")).outcome {
        Outcome::Taken(revision) => format!("taken {}", revision.name),
        Outcome::Known(revision) => format!("known {}", revision.name),
        Outcome::Would(revision) => format!("would {}", revision.name),
        Outcome::Refused(stop) => format!("refused {}", stop.code),
    }
}

fn trust_adopted(world: &World) {
    let request = SetRequest::Picked(Pick::Adopted);
    let plan = set::plan(world, &request, &TermsRequest { expires: None, note: None }).unwrap();
    set::trust(world, &plan, "", &mut yes()).unwrap();
}

fn digest(folder: &Path) -> Digest {
    let open = tree::open_folder(folder).unwrap();
    tree::read(open.as_fd(), &Checks { limits: Limits::DEFAULT, strict: None }).manifest.digest()
}

/// An account with one adopted, trusted skill whose original lies in Claude
/// Code's folder.
fn one() -> (Account, World) {
    let account = Account::new();
    account.skill(".claude/skills/pdf");
    let world = account.world();
    all(&world);
    trust_adopted(&world);
    (account, world)
}

const CLAUDE: &str = "claude-code";

/// Enables over whatever lies in the way, with a person who says yes.
fn enable_over(world: &World, name: &str, ask: &mut dyn Ask) -> Result<Enabled, Stop> {
    let place = Place::Agent(CLAUDE.to_owned());
    let found = enable::in_the_way(world, name, &place, None)?;
    let found: Vec<_> = found.into_iter().collect();
    let agreed = originals::agree(world, &found, "", ask)?;
    enable::enable_over(world, name, &place, agreed.first())
}

fn evidence(account: &Account) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(account.path(".local/share/skill-trust/evidence")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("original-")).collect()
}

/// The lines of the audit log.
fn log(account: &Account) -> String {
    std::fs::read_to_string(account.path(".local/share/skill-trust/audit/audit.jsonl")).unwrap()
}

/// The program with the account's own folder; none for an ordinary user, who
/// gets another account database only where `/` is not theirs nor root's.
fn program(account: &Account, args: &[&str]) -> Option<Output> {
    as_person(account, &[&[PROGRAM], args].concat())
}

fn as_person(account: &Account, command: &[&str]) -> Option<Output> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT RUN: only root can give the program another account's folder; the other pass runs it");
        return None;
    }
    with_account(&account.path(""), command)
}
