//! `destructive.rm-root`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "destructive.rm-root",
    title: "deletes everything",
    weight: Weight::of_commands(Tier::Block, Tier::Note, None),
    owasp: &["AST01", "AST03"],
    what: "`rm -r` is pointed at the root, at the home folder, or at one of the system's folders as a whole.",
    why: "Nothing brings it back.",
    instead: "Name the folder that is to go.",
    limits: "Paths that only a run would tell are left alone, though an empty variable makes the same of them.",
    bad: "```sh\nrm -rf ~/*\n```\n",
    alike: "```sh\nrm -rf ~/.cache/helper ./build \"$TMP/x\"\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. } if matches!(name.as_str(), "rm") => {
            let deep = argv::short(argv, 'r') || argv::short(argv, 'R') || argv::has(argv, &["--recursive"]);
            let whole = |path: &&str| {
                let path = path.trim_end_matches(['*', '.']);
                let short = path.trim_end_matches('/');
                matches!(path, "/" | "$HOME/" | "~/") && !path.is_empty() || WHOLE.contains(&short)
            };
            let path = argv::operands(argv)
                .find(whole)
                .filter(|_| deep || argv::has(argv, &["--no-preserve-root"]))?;
            Some(format!("deletes `{}`", argv::shown(path)))
        }
        _ => None,
    }),
};

/// Folders that are everything somebody has.
const WHOLE: &[&str] = &[
    "$HOME",
    "~",
    "/home",
    "/root",
    "/Users",
    "/etc",
    "/usr",
    "/var",
    "/bin",
    "/lib",
    "/boot",
    "/opt",
    "/System",
    "/Library",
    "/Applications",
    "$HOME/Documents",
    "$HOME/Desktop",
    "$HOME/.ssh",
];
