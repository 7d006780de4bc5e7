//! `persist.shell-rc`

use super::super::shell::machine::Event;
use super::super::shell::value::{Origin, Value};
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "persist.shell-rc",
    title: "puts commands where every new shell runs them",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST01", "AST03"],
    what: "Something other than a setting is put into `.bashrc`, `.zshrc`, `.profile` or their kin.",
    why: "It runs in every shell from then on, as the user, and long after the skill is gone.",
    instead: "Print the line and let people add it.",
    limits: "Lines that only export, set an alias, or say something are left alone, if no part of them was fetched.",
    bad: "```sh\necho 'eval \"$(helper init zsh)\"' >> ~/.zshrc\n```\n",
    alike: "```sh\necho 'export PATH=\"$HOME/.helper/bin:$PATH\"' >> ~/.zshrc\nsource ~/.zshrc\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Write { path, what, .. } if is_start(&path.text) && !is_setting(what) => {
            Some(format!("puts commands into `{}`", argv::shown(&path.text)))
        }
        _ => None,
    }),
};

/// Files that shells run when they start.
const STARTS: &[&str] = &[
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".profile",
    ".zshrc",
    ".zprofile",
    ".zshenv",
    ".zlogin",
    ".kshrc",
    ".config/fish/config.fish",
    ".config/powershell/profile.ps1",
];

fn is_start(path: &str) -> bool {
    argv::in_home(path).is_some_and(|rest| STARTS.contains(&rest))
        || path.starts_with("/etc/profile")
        || matches!(path, "/etc/bash.bashrc" | "/etc/zshrc" | "/etc/zsh/zshrc")
}

/// Whether every line only sets something.
fn is_setting(what: &Value) -> bool {
    if what.from.has(Origin::Fetched) || what.from.has(Origin::Decoded) {
        return false;
    }
    what.text.lines().map(str::trim).all(|line| {
        let heads = [
            "#",
            "export ",
            "alias ",
            "set -gx ",
            "set -x ",
            "fish_add_path ",
            "typeset ",
            "path+=",
            "setopt ",
        ];
        let alias = line.starts_with("alias ") && !line.contains("curl") && !line.contains("wget");
        let plain = !line.contains("$(") && !line.contains('`') && (alias || !line.contains([';', '|', '&']));
        line.is_empty()
            || line.starts_with('#')
            || plain && heads.iter().any(|head| line.starts_with(head))
            || plain
                && line
                    .split_once('=')
                    .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
    })
}
