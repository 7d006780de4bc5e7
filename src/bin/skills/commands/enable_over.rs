//! `enable` where something that is not ours lies: what a person is shown
//! before it is moved aside, and the one question.

use super::super::context::Context;
use super::super::render::{self, Tone, paint};
use super::unmanaged::short;
use serde_json::{Value, json};
use skill_trust::model::code::{Code, Stop};
use skill_trust::model::digest::Digest;
use skill_trust::model::text;
use skill_trust::ops::enable;
use skill_trust::ops::originals::{self, Agreed, InTheWay, Kept};
use skill_trust::ops::place::Place;
use std::path::{Path, PathBuf};

/// One skill to be placed.
pub(super) struct Want {
    /// NAME or NAME@DIGEST.
    pub(super) skill: String,
    /// Where.
    pub(super) place: Place,
    /// The original that it is to replace, and that one's other names.
    pub(super) lying: Option<(PathBuf, Vec<PathBuf>)>,
}

impl Want {
    /// What lies in its way, or why that cannot be moved. Anything else that is
    /// refused is refused again, and recorded, by the enable itself.
    pub(super) fn in_the_way(&self, context: &Context) -> Result<Option<InTheWay>, Stop> {
        let lying = self.lying.as_ref().map(|(path, _)| path.as_path());
        let mut found = match enable::in_the_way(&context.world, &self.skill, &self.place, lying) {
            Err(stop) if stop.code != Code::TargetTaken => None,
            found => found?,
        };
        if let (Some(found), Some((_, also))) = (&mut found, &self.lying) {
            found.also.clone_from(also);
        }
        Ok(found)
    }
}

/// Shows what lies in the way of each, asks once, and returns what was agreed
/// to, in the order of the wants.
pub(super) fn agreed(
    context: &mut Context,
    wants: &[Want],
    stated: Option<&Digest>,
) -> Result<Vec<Result<Option<Agreed>, Stop>>, Stop> {
    // Whoever may not enable is told so by the enable, and asked nothing.
    let found: Vec<_> = match context.world.agent {
        None => wants.iter().map(|want| want.in_the_way(context)).collect(),
        Some(_) => wants.iter().map(|_| Ok(None)).collect(),
    };
    let all: Vec<_> = found.iter().flatten().flatten().cloned().collect();
    let given = match (stated, all.as_slice()) {
        (Some(_), []) if found.iter().any(Result::is_err) => Ok(Vec::new()),
        (None, []) => Ok(Vec::new()),
        (Some(digest), [one]) => originals::state(&context.world, one, digest).map(|agreed| vec![agreed]),
        (Some(_), []) => {
            let what = "nothing that is not ours lies there, so there is nothing to replace";
            return Err(Stop::new(Code::Usage, what, "leave out --replace"));
        }
        (Some(_), _) => {
            let what = format!("--replace states one original, and {} are in the way", all.len());
            return Err(Stop::new(Code::Usage, what, "enable them one by one"));
        }
        (None, all) => {
            let shown = match all {
                [one] => describe(context, one),
                many => table(context, many),
            };
            let mut person = context.person();
            originals::agree(&context.world, all, &shown, person.as_mut())
        }
    };
    let names: Vec<_> = wants.iter().map(|want| want.skill.as_str()).collect();
    let mut given = given.map_err(|stop| enable::refused(&context.world, &names, stop))?.into_iter();
    let one = |(found, name): (Result<Option<InTheWay>, Stop>, &&str)| match found {
        Ok(found) => Ok(found.and_then(|_| given.next())),
        Err(stop) => Err(enable::refused(&context.world, &[name], stop)),
    };
    Ok(found.into_iter().zip(&names).map(one).collect())
}

fn bytes(one: &InTheWay) -> String {
    match (one.digest(), one.differ, one.faults()) {
        (_, None, _) => "nothing that can be read".to_owned(),
        (Some(digest), Some(0), _) if digest == one.revision.digest => {
            format!("the same bytes as {}", one.revision)
        }
        (_, Some(differ), 0) => format!("{} from {}", render::count(differ, "difference"), one.revision),
        (_, Some(_), faults) => format!("no sound skill: {}", render::count(faults, "fault")),
    }
}

/// What a person reads before saying yes to one.
pub(super) fn describe(context: &Context, one: &InTheWay) -> String {
    let home = context.world.account_home.as_deref();
    let path = |path: &Path| short(home, &path.to_string_lossy());
    let mut lines = vec![format!("What lies at {} now is not ours.", paint(Tone::Strong, &path(one.path())))];
    lines.push(format!("real path  {}", text::escape(&one.path().to_string_lossy())));
    if let Some(leads) = &one.leads {
        let to = text::escape(&leads.to_string_lossy());
        lines.push(format!("a link     to {to}; only the link is moved, what it leads to stays"));
    }
    if let Some(digest) = one.digest() {
        lines.push(format!("digest     {digest}"));
    }
    lines.push(format!("holds      {}", bytes(one)));
    lines.push(format!("to place   {}", one.revision.digest));
    lines.extend(one.also.iter().map(|also| format!("also read  as {}", path(also))));
    lines.extend(work_tree(one).map(|what| paint(Tone::Careful, &what)));
    lines.push("It is moved aside whole, and kept; nothing is deleted.".to_owned());
    lines.join("\n")
}

fn work_tree(one: &InTheWay) -> Option<String> {
    let root = one.work_tree.as_ref()?;
    let root = text::escape(&root.to_string_lossy());
    Some(format!(
        "git        it lies in the work tree {root}: files that are tracked there will be missing to git"
    ))
}

/// What a person reads before saying yes to several.
fn table(context: &Context, all: &[InTheWay]) -> String {
    let home = context.world.account_home.as_deref();
    let row = |one: &InTheWay| {
        let what = if one.is_link() { "a link" } else { "a folder" };
        let digest = one.digest().map_or_else(|| "-".to_owned(), |digest| digest.short());
        vec![short(home, &one.path().to_string_lossy()), what.to_owned(), digest, bytes(one)]
    };
    // What differs comes first.
    let mut sorted: Vec<_> = all.iter().collect();
    sorted.sort_by_key(|one| (one.digest() == Some(one.revision.digest), one.path().to_owned()));
    let rows: Vec<_> = sorted.into_iter().map(row).collect();
    let mut lines = vec!["These lie where the copies are to be placed, and are not ours:".to_owned()];
    lines.push(render::table(&["LIES AT", "IS", "DIGEST", "HOLDS"], &rows, context.out.width()));
    let mut trees: Vec<_> = all.iter().filter_map(work_tree).collect();
    trees.dedup();
    lines.extend(trees.into_iter().map(|what| paint(Tone::Careful, &what)));
    lines.push(
        "Each is moved aside whole, and kept; of a link, the link alone. Nothing is deleted.".to_owned(),
    );
    lines.join("\n")
}

/// Where an original is now.
pub(super) fn tell(context: &mut Context, kept: &Kept, done: &enable::Enabled) -> Result<(), Stop> {
    let home = context.world.account_home.clone();
    let digest = kept.digest.map_or_else(String::new, |digest| format!("  {}", digest.short()));
    context.say(&format!(
        "kept     what lay at {}{digest}: {}\nback with:\n{}",
        short(home.as_deref(), &kept.from.to_string_lossy()),
        text::escape(&kept.at.to_string_lossy()),
        back(kept, done)
    ))
}

/// The commands that bring it back, as they are typed, one a line.
pub(super) fn back(kept: &Kept, done: &enable::Enabled) -> String {
    let mut lines = Vec::new();
    // Into a folder that is there, `mv` would move it.
    if kept.from == Path::new(&done.path) {
        lines.push(format!("skills disable {}", done.row.revision));
    }
    lines.push(kept.back.clone());
    let lines: Vec<_> = lines.iter().map(|line| format!("  {}", paint(Tone::Copy, line))).collect();
    lines.join("\n")
}

/// The same as JSON.
pub(super) fn document(kept: &Kept) -> Value {
    json!({
        "from": kept.from.to_string_lossy(), "at": kept.at.to_string_lossy(),
        "digest": kept.digest, "back": kept.back,
    })
}
