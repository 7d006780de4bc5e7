//! `guard.quarantine`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "guard.quarantine",
    title: "takes the quarantine mark off a program",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST01"],
    what: "`xattr` deletes the mark `com.apple.quarantine`, or all marks, of a file; or `brew` is told not to set it.",
    why: "macOS asks before it opens a program with that mark, and looks whether it is signed. Without it, it opens in silence.",
    instead: "Ship a program that is signed and notarised, or build it on the machine.",
    limits: "What lies in a build folder of the project is left alone.",
    bad: "```sh\nxattr -dr com.apple.quarantine /Applications/Helper.app\n```\n",
    alike: "```sh\nxattr -l /Applications/Helper.app\nxattr -d com.apple.quarantine ./build/helper\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. } if matches!(name.as_str(), "xattr") => {
            let clears = argv::short(argv, 'c');
            let marks =
                argv::short(argv, 'd') && argv.iter().any(|word| word.text.contains("com.apple.quarantine"));
            let path = argv::operands(argv)
                .filter(|text| !text.contains("com.apple."))
                .last()
                .unwrap_or("what it is given");
            let own = ["build/", "dist/", "target/", ".build/", "out/"];
            let built = own.iter().any(|folder| path.trim_start_matches("./").starts_with(folder));
            ((clears || marks) && !built)
                .then(|| format!("takes the quarantine mark off `{}`", argv::shown(path)))
        }
        Event::Call { name, argv, .. } if name == "brew" && argv::has(argv, &["--no-quarantine"]) => {
            Some("`brew` installs a program without its quarantine mark".to_owned())
        }
        _ => None,
    }),
};
