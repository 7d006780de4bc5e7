//! `roots renew`: a new timestamp, and new versions of what ends soon.
//!
//! It may run every night without a person. So it signs nothing that somebody
//! else drafted: what it renews says the same as before.

use super::super::World;
use super::change;
use super::keys::{self, Signer};
use super::release::{self, Next, TIMESTAMP_DAYS, YEAR};
use super::sign::{self, Outcome, told};
use super::team::{Team, record, typed, until};
use crate::model::code::{Code, Stop};
use crate::model::text;
use crate::model::time::Timestamp;
use crate::model::tuf::publish::{Draft, RootPlan};
use std::path::Path;

/// Days before its end in which a root or list is renewed along.
const SOON: i64 = 30;

/// Makes a new timestamp.
///
/// # Errors
/// [`Stop`]; then nothing was published.
pub fn renew(
    world: &World,
    folder: &Path,
    names: &[String],
    expires: Option<&str>,
    dry: bool,
) -> Result<Outcome, Stop> {
    let typed_keys: Vec<_> = names.iter().map(|name| format!(" --key {}", text::shell_word(name))).collect();
    let command = format!("skills roots renew {}{}", typed(folder), typed_keys.concat());
    world.no_agent(&command)?;
    let signers = keys::open(world, names)?;
    let mut team = Team::to_change(world, folder, &command)?;
    let now = world.clock.now();
    let end = until(expires, TIMESTAMP_DAYS, now)?;
    let root = team.root.get();
    if !release::enough(&root.timestamp, &signers) {
        let what = format!(
            "a timestamp needs {} of the timestamp's keys, and none of these is enough",
            root.timestamp.threshold
        );
        return Err(Stop::new(
            Code::PolicyUnmet,
            what,
            format!("see whose: skills roots show {}", typed(folder)),
        ));
    }
    let mut outcome = Outcome::default();
    if !team.pending.is_empty() {
        outcome.waits.push(format!("drafts wait, and were not signed: skills roots show {}", typed(folder)));
    } else if !dry {
        drafts(world, &mut team, &signers, now)?;
        if !team.pending.is_empty() {
            let done = sign::settle(world, &mut team, &signers, expires)?;
            if !done.released.is_empty() {
                return Ok(done);
            }
            outcome = done;
        }
    }
    let root = team.root.get();
    let whole = team.snapshot.get().head.expires < end && release::missing(root, &signers).is_none();
    let what = if whole { "snapshot and timestamp" } else { "timestamp" };
    let version = match (dry, whole) {
        (true, _) => team.timestamp.get().head.version + 1,
        (false, true) => {
            let next = Next { root: None, targets: None, until: end };
            release::publish(world, &mut team, &signers, next)?
        }
        (false, false) => release::stamp(world, &team, &signers, end)?,
    };
    outcome.released.push(format!("{what} {version}, until {end}"));
    if !dry {
        let said = format!("published {}", outcome.released.join(", "));
        outcome.unrecorded = told(record(world, folder, &said));
    }
    Ok(outcome)
}

/// Drafts what ends soon and says the same, where a key given here is one of
/// its own.
fn drafts(world: &World, team: &mut Team, signers: &[Signer], now: Timestamp) -> Result<(), Stop> {
    let soon = |end: Timestamp| end.unix() < now.unix() + SOON * 86_400;
    let root = team.root.get();
    let ours = |role| signers.iter().any(|signer| signer.is_of(role));
    let (roots, lists) = (
        soon(root.head.expires) && ours(&root.root),
        soon(team.targets.get().head.expires) && ours(&root.targets),
    );
    if roots {
        let draft = Draft::next_root(team.root.bytes(), &RootPlan::of(root), until(None, YEAR, now)?);
        let draft = draft.map_err(|bad| team.malformed("its root", &bad))?;
        team.keep_draft("root", &draft)?;
    }
    if lists {
        change::same_again(world, team)?;
    }
    Ok(())
}
