//! `roots rotate`: the next root, with other keys or thresholds. It counts when
//! enough of the old root's keys and enough of its own have signed it, so that
//! no one person, with one stolen key, can make one.

use super::super::World;
use super::keys;
use super::release::YEAR;
use super::sign::{self, Outcome};
use super::team::{Team, typed, until};
use crate::model::code::{Code, Stop};
use crate::model::text;
use crate::model::tuf::publish::{Draft, RootPlan, Signers};
use crate::model::tuf::{KeyId, PublicKey};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Fewest digits that name a key.
const DIGITS_MIN: usize = 8;

/// A role of a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleName {
    /// Who signs roots.
    Root,
    /// Who signs lists of targets.
    Targets,
    /// Who signs snapshots.
    Snapshot,
    /// Who signs timestamps.
    Timestamp,
}

impl RoleName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Root, Self::Targets, Self::Snapshot, Self::Timestamp];

    const fn of(self, plan: &mut RootPlan) -> &mut Signers {
        match self {
            Self::Root => &mut plan.root,
            Self::Targets => &mut plan.targets,
            Self::Snapshot => &mut plan.snapshot,
            Self::Timestamp => &mut plan.timestamp,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Where.
    pub folder: PathBuf,
    /// Names of keys of this account, which sign at once.
    pub keys: Vec<String>,
    /// Files of public keys that come.
    pub add: Vec<PathBuf>,
    /// Ids, or files, of keys that go.
    pub remove: Vec<String>,
    /// How many must sign: of root and targets, or of `roles`.
    pub threshold: Option<u64>,
    /// Which roles; none: keys come to and go from all.
    pub roles: Vec<RoleName>,
    /// Until when it counts, as typed.
    pub expires: Option<String>,
}

/// Drafts the next root, and signs it with what keys are given.
///
/// # Errors
/// [`Stop`]; then nothing was published.
pub fn rotate(world: &World, request: &Request, dry: bool) -> Result<(Vec<String>, Outcome), Stop> {
    let command = format!("skills roots rotate {} …", typed(&request.folder));
    world.no_agent(&command)?;
    if request.add.is_empty()
        && request.remove.is_empty()
        && request.threshold.is_none()
        && request.expires.is_none()
    {
        let next = "name what changes: --add FILE, --remove KEYID, --threshold N or --expires WHEN";
        return Err(Stop::new(Code::Usage, "nothing would change", next));
    }
    let signers = keys::open(world, &request.keys)?;
    let come = request.add.iter().map(|path| keys::public(path)).collect::<Result<Vec<_>, _>>()?;
    let mut team = Team::to_change(world, &request.folder, &command)?;
    // Attack: somebody left a draft, and a rotation by another person signs it unseen.
    if !team.pending.is_empty() && !signers.is_empty() {
        let what = "something waits for signatures already, and would be signed unseen";
        let next = format!(
            "look at it: skills roots show {}; then sign it, discard it, or rotate without --key",
            typed(&team.path)
        );
        return Err(Stop::new(Code::PolicyUnmet, what, next));
    }
    let mut plan = team.plan()?;
    let go = request.remove.iter().map(|named| found(&plan, named)).collect::<Result<Vec<_>, _>>()?;
    alter(&mut plan, request, &come, &go)?;
    let end = until(request.expires.as_deref(), YEAR, world.clock.now())?;
    let draft = Draft::next_root(team.root.bytes(), &plan, end).map_err(|bad| {
        Stop::new(Code::Usage, format!("no client would take such a root: {bad}"), "name another --threshold")
    })?;
    let bytes = draft.to_bytes();
    if dry {
        team.pending.root = Some(bytes);
        return Ok((super::show::changes(&team)?, Outcome::default()));
    }
    team.keep_draft("root", &draft)?;
    let changes = super::show::changes(&team)?;
    Ok((changes, sign::settle(world, &mut team, &signers, None)?))
}

fn alter(plan: &mut RootPlan, request: &Request, come: &[PublicKey], go: &[KeyId]) -> Result<(), Stop> {
    let roles = if request.roles.is_empty() { &RoleName::ALL[..] } else { &request.roles[..] };
    for name in roles {
        let role = name.of(plan);
        role.keys.retain(|key| !go.contains(&key.id()));
        for key in come {
            if role.keys.iter().all(|there| there.content() != key.content()) {
                role.keys.push(key.clone());
            }
        }
    }
    let two = [RoleName::Root, RoleName::Targets];
    let counted = if request.roles.is_empty() { &two[..] } else { &request.roles[..] };
    for name in counted {
        name.of(plan).threshold = request.threshold.unwrap_or(name.of(plan).threshold);
    }
    // A key of the old root alone must not be all that holds the new one.
    for name in RoleName::ALL {
        let role = name.of(plan);
        if role.threshold > role.keys.len() as u64 {
            let what = format!(
                "{name:?}: {} would have to sign, and {} would be left",
                role.threshold,
                role.keys.len()
            );
            let next = "add a key, or name a lower --threshold (with --role for this one alone)";
            return Err(Stop::new(Code::Usage, what, next));
        }
    }
    Ok(())
}

/// The key that an id, its first digits or a file names.
fn found(plan: &RootPlan, named: &str) -> Result<KeyId, Stop> {
    let all: BTreeSet<_> = [&plan.root, &plan.targets, &plan.snapshot, &plan.timestamp]
        .into_iter()
        .flat_map(|role| role.keys.iter().map(PublicKey::id))
        .collect();
    let digits = named.bytes().all(|c| c.is_ascii_hexdigit());
    let wanted = match digits {
        true if named.len() < DIGITS_MIN => {
            let what = format!("`{named}` is too short; {DIGITS_MIN} digits of a key's id at least");
            return Err(Stop::new(Code::Usage, what, "see them: skills roots show FOLDER"));
        }
        true => named.to_ascii_lowercase(),
        false => keys::public(named.as_ref())?.id().as_str().to_owned(),
    };
    let mut fit = all.into_iter().filter(|id| id.as_str().starts_with(&wanted));
    match (fit.next(), fit.next()) {
        (Some(id), None) => Ok(id),
        (none, _) => {
            let why = if none.is_some() { "two keys begin so" } else { "no role has such a key" };
            let what = format!("`{}`: {why}", text::escape_short(named, 80));
            Err(Stop::new(Code::Usage, what, "see them: skills roots show FOLDER"))
        }
    }
}
