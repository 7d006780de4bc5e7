//! A proof that is right, of something else.

use super::{Forge, arg, carry};
use std::fs;

#[test]
fn attack_the_signature_of_another_skill() {
    let Some(forge) = Forge::new() else { return };
    for (key, files) in
        [("acme", &["skill.oms.sig"][..]), ("release", &["skill.intoto.json", "skill.intoto.json.sig"])]
    {
        let other = forge.demo("other", "1.0.0");
        fs::write(other.join("notes.md"), "another\n").unwrap();
        forge.sign(&other, key);
        let folder = forge.demo("pub", "1.0.0");
        for file in files {
            carry(file, &other, &folder);
        }
        forge.refused(&folder, "policy-unmet", "signed: ");
    }
    let folder = forge.demo("pub", "1.0.0");
    forge.sign(&folder, "release");
    forge.granted(&folder);
}

/// The same bytes and the same right signature, under a name that was not signed.
#[test]
fn attack_a_signed_skill_under_another_name() {
    for key in ["acme", "release"] {
        let Some(forge) = Forge::new() else { return };
        let folder = forge.demo("pub", "1.0.0");
        forge.sign(&folder, key);
        forge.run(&["install", arg(&folder), "--as", "git-helper"]).ok();
        let seen = forge.seen("git-helper");
        if key == "acme" {
            // Whoever signs a bundle seldom chose the name in it: it is told, and decides nothing.
            let told = "signed under the name `demo`, not `git-helper`";
            assert!(seen.lines[0].contains(told), "{:#?}", seen.lines);
            forge.run(&["review", "git-helper"]).ok().says("under the name `demo`");
        } else {
            assert_eq!(seen.vouched(), 0, "{:#?}", seen.lines);
            forge.denied("git-helper", &[], "policy-unmet");
        }
        forge.run(&["remove", "git-helper"]).ok();
        forge.granted(&folder);
    }
}

/// A renamed folder with a renamed card is other bytes; a renamed folder alone
/// is the same skill, or none.
#[test]
fn attack_a_signed_skill_in_a_renamed_folder() {
    let Some(forge) = Forge::new() else { return };
    let folder = forge.demo("pub", "1.0.0");
    forge.sign(&folder, "acme");
    let renamed = forge.bench.path("pub/git-helper");
    fs::rename(&folder, &renamed).unwrap();
    let card = fs::read_to_string(renamed.join("SKILL.md")).unwrap();
    fs::write(renamed.join("SKILL.md"), card.replace("name: demo", "name: git-helper")).unwrap();
    forge.run(&["install", arg(&renamed)]).ok();
    assert_eq!(forge.seen("git-helper").vouched(), 0);
    forge.denied("git-helper", &[], "policy-unmet");
    let folder = forge.demo("pub", "1.0.0");
    forge.sign(&folder, "acme");
    forge.granted(&folder);
}
