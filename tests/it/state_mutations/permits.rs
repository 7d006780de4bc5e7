//! Changes of the permits by somebody who knows their format: every permit
//! that ever was, under every name, with every field edited.

use super::Change;
use crate::support::scene::{Snapshot, chmod};
use skill_trust::model::permit::{HomePermit, SkillPermit};
use skill_trust::model::skill::Revision;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

pub(super) fn changes<'a>(
    now: &'a Snapshot,
    old: &'a [Snapshot],
    revisions: &[&Revision],
) -> Vec<Change<'a>> {
    let texts: BTreeSet<&str> = old
        .iter()
        .chain([now])
        .flat_map(Snapshot::files)
        .filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok())
        .collect();
    let mut out = Vec::new();
    for text in &texts {
        if let Some(permit) = HomePermit::parse(text) {
            home(&mut out, &permit);
        }
        if let Some(permit) = SkillPermit::parse(text) {
            for revision in revisions {
                skill(&mut out, &permit, revision);
            }
        }
    }
    back(&mut out, now);
    for revision in revisions {
        for word in ["killed", "disabled", "drift", "unheard-of"] {
            let name = format!("home/permits/{}.{word}", revision.file_name());
            out.push((format!("plant an empty {name}"), Box::new(move |base| write(&base.join(&name), ""))));
        }
        let line = format!("{}\n", revision.file_name());
        out.push((
            format!("plant placing of {revision}"),
            Box::new(move |base| write(&base.join("home/placing"), &line)),
        ));
    }
    out
}

fn write(path: &Path, text: &str) -> bool {
    let _ = fs::remove_file(path);
    fs::write(path, text).unwrap();
    chmod(path, 0o600);
    true
}

/// Puts a home permit there; with and without taking the kill away.
fn home(out: &mut Vec<Change<'_>>, permit: &HomePermit) {
    for epoch in [permit.epoch, permit.epoch + 1, permit.epoch.saturating_sub(1), 99] {
        for lift in [false, true] {
            for id in [permit.id.clone(), "0".repeat(32), "odd".to_owned()] {
                let text = HomePermit { epoch, id }.text();
                let what = format!("home permit of epoch {epoch}, kill taken away: {lift}: {text:?}");
                out.push((
                    what,
                    Box::new(move |base| {
                        let home = base.join("home");
                        if lift {
                            unkill(&home);
                        }
                        write(&home.join("permit"), &text)
                    }),
                ));
            }
        }
    }
}

fn unkill(home: &Path) {
    for entry in fs::read_dir(home).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("killed.") {
            fs::remove_file(path).unwrap();
        }
    }
}

/// Puts a skill permit under a revision's name, whole and with each field edited.
fn skill(out: &mut Vec<Change<'_>>, permit: &SkillPermit, revision: &Revision) {
    let mut own = permit.clone();
    own.revision = revision.clone();
    let mut all = vec![permit.clone(), own.clone()];
    let mut edit = |change: &dyn Fn(&mut SkillPermit)| {
        let mut edited = own.clone();
        change(&mut edited);
        all.push(edited);
    };
    edit(&|permit| permit.epoch += 1);
    edit(&|permit| permit.epoch = permit.epoch.saturating_sub(1));
    edit(&|permit| permit.seq += 1);
    edit(&|permit| permit.seq -= 1);
    edit(&|permit| permit.seq = 1);
    edit(&|permit| permit.hash = skill_trust::model::digest::sha256(&[b"other"]));
    edit(&|permit| permit.until = None);
    edit(&|permit| permit.until = Some(skill_trust::model::time::Timestamp::from_unix(4_000_000_000)));
    edit(&|permit| permit.source.push('x'));
    edit(&|permit| permit.signers.push("ana".to_owned()));
    edit(&|permit| permit.placements.clear());
    edit(&|permit| permit.placements[0].path.push('x'));
    edit(&|permit| permit.placements[0].staged.push('x'));
    edit(&|permit| permit.placements[0].agent = Some("codex".to_owned()));
    edit(&|permit| permit.placements.push(permit.placements[0].clone()));
    for (at, permit) in all.into_iter().enumerate() {
        let (text, name) = (permit.text(), revision.file_name());
        let what = format!("permit {at} of record {} as {name}: {text:?}", permit.seq);
        out.push((what, Box::new(move |base| write(&base.join("home/permits").join(&name), &text))));
    }
}

/// Renames back whatever a kill or a narrowing step renamed.
fn back<'a>(out: &mut Vec<Change<'a>>, now: &'a Snapshot) {
    for (path, _) in now.files() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let to = if name.starts_with("killed.") {
            "home/permit".to_owned()
        } else if let Some(revision) = name.strip_prefix("permit-") {
            format!("home/permits/{}", revision.split('.').next().unwrap())
        } else if path.starts_with("home/permits") && name.contains('.') {
            format!("home/permits/{}", name.split('.').next().unwrap())
        } else {
            continue;
        };
        out.push((
            format!("rename {} to {to}", path.display()),
            Box::new(move |base| fs::rename(base.join(path), base.join(&to)).is_ok()),
        ));
    }
}
