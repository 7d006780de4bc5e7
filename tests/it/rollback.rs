//! `enable --updates` and a person who went back to an older revision.

use crate::support::scene::{Scene, typed};
use skill_trust::model::code::Code;
use skill_trust::model::skill::Revision;
use skill_trust::ops::place::Place;
use skill_trust::ops::{disable, enable, trust};

/// Installs and trusts a revision. All in one second: times tell nothing.
fn revision(scene: &Scene, text: &str) -> Revision {
    let card = format!("---\nname: a\ndescription: x\n---\n{text}\n");
    let revision = scene.install(&[("SKILL.md", false, card.as_bytes())]);
    scene.trust(&revision, None);
    revision
}

/// The digests that would be placed, and in how many places.
fn updates(scene: &Scene) -> Result<Vec<(Revision, usize)>, Code> {
    let found = enable::updates(&scene.world).map_err(|stop| stop.code)?;
    Ok(found.into_iter().map(|(row, places)| (row.revision, places.len())).collect())
}

#[test]
fn a_deliberate_rollback_is_not_undone() {
    let scene = Scene::new();
    let old = revision(&scene, "old");
    scene.enable(&old);
    let new = revision(&scene, "new");
    assert_eq!(updates(&scene), Ok(vec![(new.clone(), 1)]));
    scene.enable(&new);
    assert_eq!(updates(&scene), Err(Code::NotTrusted), "the older one is no update of the newer");
    scene.enable(&old);
    let stop = enable::updates(&scene.world).unwrap_err();
    assert_eq!(stop.code, Code::NotTrusted);
    assert!(stop.what.contains(&format!("{old} was enabled after {new} was trusted")), "{}", stop.what);
    // A third revision is one again, and so is the second once it is trusted anew.
    let third = revision(&scene, "third");
    assert_eq!(updates(&scene), Ok(vec![(third.clone(), 1)]));
    trust::untrust(&scene.world, &typed(&third), false, None).unwrap();
    assert_eq!(updates(&scene), Err(Code::NotTrusted));
    trust::untrust(&scene.world, &typed(&new), false, None).unwrap();
    scene.trust(&new, None);
    assert_eq!(updates(&scene), Ok(vec![(new, 1)]));
}

#[test]
fn attack_the_clock_is_turned_back_before_the_rollback() {
    let mut scene = Scene::new();
    let old = revision(&scene, "old");
    scene.at(crate::support::scene::START + 1000);
    let new = revision(&scene, "new");
    scene.enable(&new);
    scene.at(crate::support::scene::START - 1000);
    scene.enable(&old);
    assert_eq!(updates(&scene), Err(Code::NotTrusted));
}

#[test]
fn losing_one_of_two_places_is_no_rollback() {
    let scene = Scene::new();
    let other = scene.base().join("agent/other");
    std::fs::create_dir(&other).unwrap();
    let old = revision(&scene, "old");
    scene.enable(&old);
    let place = Place::Folder(other);
    enable::enable(&scene.world, &typed(&old), &place).unwrap();
    let new = revision(&scene, "new");
    assert_eq!(updates(&scene), Ok(vec![(new.clone(), 2)]));
    disable::disable(&scene.world, &typed(&old), Some(&place)).unwrap();
    assert_eq!(updates(&scene), Ok(vec![(new.clone(), 1)]), "its row is younger, its last enable is not");
    // The newer one in one place, the older in another, by name: that is a decision.
    enable::enable(&scene.world, &typed(&old), &place).unwrap();
    assert_eq!(updates(&scene), Err(Code::NotTrusted));
}
