//! What `enable` says of what it placed: of one skill everything, of several a
//! line each, and what is the same for all of them once at the end.

use super::super::context::Context;
use super::super::render::{self, Tone, commands, paint};
use super::enable_over::{self, Want};
use super::unmanaged::short;
use skill_trust::model::code::{Code, Stop};
use skill_trust::model::lifecycle::RevisionRow;
use skill_trust::model::skill::Revision;
use skill_trust::model::text;
use skill_trust::ops::enable::{self, Enabled};
use skill_trust::ops::originals::Kept;
use skill_trust::ops::place::{Place, Spot};
use std::collections::BTreeMap;
use std::path::Path;

/// One that was placed: where it was wanted, and what became of it.
pub(super) struct Done<'a> {
    pub(super) want: &'a Want,
    pub(super) placed: Enabled,
}

/// The option that names a place again.
fn place(place: &Place) -> String {
    match place {
        Place::Agent(id) => format!("--agent {id}"),
        Place::Folder(path) => format!("--dir {}", text::shell_word(&path.to_string_lossy())),
    }
}

/// The command that brings an older revision back to where it was.
fn back(place_of: &Place, old: &[&RevisionRow]) -> String {
    let old: Vec<_> = old.iter().map(|row| row.revision.to_string()).collect();
    commands(&format!("skills enable {} {}", old.join(" "), place(place_of)))
}

/// Says one line, at once: the next may take its time.
pub(super) fn line(context: &mut Context, done: &Enabled) -> Result<(), Stop> {
    let word = if done.new { "enabled" } else { "already enabled" };
    let (revision, path) = (&done.row.revision, text::escape(&done.path));
    context.say(&format!("{}  {revision}  {path}", paint(Tone::Good, word)))
}

/// Places a copy where it was, by a decision of its own; says so, or why not.
pub(super) fn again(
    context: &mut Context,
    revision: &Revision,
    spot: &Spot,
) -> Result<Result<String, Stop>, Stop> {
    match enable::enable(&context.world, &revision.file_name(), &spot.place) {
        Ok(done) => {
            line(context, &done)?;
            Ok(Ok(done.path))
        }
        Err(stop) => {
            let path = text::escape(&spot.path);
            context.fault(&format!("{}  {revision}  {path}", paint(Tone::Bad, "not placed")))?;
            let shown = context.out.stop(&stop);
            shown.map_err(|error| Stop::new(Code::Io, error.to_string(), "run: skills status"))?;
            Ok(Err(stop))
        }
    }
}

/// Says what is left to say when all are placed.
pub(super) fn end(context: &mut Context, all: &[Done<'_>]) -> Result<(), Stop> {
    if let [one] = all {
        if let Some(old) = &one.placed.swapped {
            let back = back(&one.want.place, &[old]);
            context.say(&format!("replaced {}, which stays trusted; back with: {back}", old.revision))?;
        }
        if let Some(kept) = &one.placed.kept {
            enable_over::tell(context, kept, &one.placed)?;
        }
        return readers(context, &one.placed.readers);
    }
    let mut folders: BTreeMap<&Path, Vec<&Done<'_>>> = BTreeMap::new();
    for done in all {
        let folder = Path::new(&done.placed.path).parent().unwrap_or(Path::new("/"));
        folders.entry(folder).or_default().push(done);
    }
    kept(context, all)?;
    for (folder, there) in folders {
        let home = context.world.account_home.clone();
        let name = short(home.as_deref(), &folder.to_string_lossy());
        let old: Vec<_> = there.iter().filter_map(|done| done.placed.swapped.as_ref()).collect();
        let who = match there.first().map(|done| done.placed.readers.as_slice()) {
            None | Some([]) => "no agent we know reads this folder by itself".to_owned(),
            Some(readers) => format!("read by {}", readers.join(", ")),
        };
        context.say(&format!("\n{name}  {}, {who}", render::count(there.len(), "skill")))?;
        if let (false, Some(first)) = (old.is_empty(), there.first()) {
            let back = back(&first.want.place, &old);
            let what = format!("{} replaced an older revision, which stays trusted", old.len());
            context.say(&format!("  {what}; back with:\n  {back}"))?;
        }
    }
    Ok(())
}

/// Where the originals are, in one table, and how one comes back.
fn kept(context: &mut Context, all: &[Done<'_>]) -> Result<(), Stop> {
    let home = context.world.account_home.clone();
    let shown = |path: &Path| short(home.as_deref(), &path.to_string_lossy());
    let kept: Vec<_> = all.iter().filter_map(|done| Some((done, done.placed.kept.as_ref()?))).collect();
    let Some((first, one)) = kept.first() else { return Ok(()) };
    let evidence = one.at.parent().unwrap_or(Path::new("/"));
    context.say(&format!("\nThe originals are kept, whole, in {}:", shown(evidence)))?;
    let row = |kept: &Kept| {
        // One that had to stay on its own disk is not there.
        let own = kept.at.parent() == Some(evidence);
        let at = if own { kept.at.file_name().map(Path::new).unwrap_or(&kept.at) } else { &kept.at };
        vec![shown(&kept.from), text::escape(&at.to_string_lossy())]
    };
    let rows: Vec<_> = kept.iter().map(|(_, kept)| row(kept)).collect();
    context.say(&render::table(&["LAY AT", "KEPT AS"], &rows, context.out.width()))?;
    context.say(&format!("One comes back like this:\n{}", enable_over::back(one, &first.placed)))
}

/// Who reads a folder.
pub(super) fn readers(context: &mut Context, readers: &[&str]) -> Result<(), Stop> {
    if readers.is_empty() {
        return context.note("no agent we know reads this folder by itself");
    }
    context.say(&format!("read by  {}", readers.join(", ")))
}
