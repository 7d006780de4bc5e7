//! `guard.signature-off`

use super::super::shell::machine::Event;
use super::{Look, Rule, Weight, argv};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "guard.signature-off",
    title: "installs without asking who signed it",
    weight: Weight::of_commands(Tier::Warn, Tier::Note, None),
    owasp: &["AST02"],
    what: "A package manager or a tool is told not to check signatures or sums: `--allow-unauthenticated`, `--nogpgcheck`, `[trusted=yes]`, `GOSUMDB=off` and their like.",
    why: "Whoever answers decides what is installed.",
    instead: "Add the publisher's key, and let it be checked.",
    limits: "Packages that carry no signature at all are not told.",
    bad: "```sh\nsudo apt-get install --allow-unauthenticated helper\n```\n",
    alike: "```sh\nsudo apt-get install helper\necho trusted=yes\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Set { name, value }
            if matches!((name.as_str(), value.text.as_str()), ("GOSUMDB", "off") | ("GONOSUMCHECK", "1")) =>
        {
            Some(format!("sets `{name}={}`", argv::shown(&value.text)))
        }
        Event::Call { name, argv, .. }
            if matches!(name.as_str(), "apt" | "apt-get" | "yum" | "dnf" | "zypper" | "rpm" | "apk") =>
        {
            let off = [
                "--allow-unauthenticated",
                "--nogpgcheck",
                "--no-gpg-checks",
                "--nosignature",
                "--allow-untrusted",
                "--force-yes",
            ];
            argv.iter()
                .find(|word| off.contains(&word.text.as_str()))
                .map(|word| format!("calls `{name}` with `{}`", argv::shown(&word.text)))
        }
        Event::Write { path, what, .. }
            if path.text.starts_with("/etc/apt/") || path.text.starts_with("/etc/yum") =>
        {
            let off = what.text.contains("trusted=yes") || what.text.contains("gpgcheck=0");
            off.then(|| format!("writes `{}` so that signatures are not asked for", argv::shown(&path.text)))
        }
        _ => None,
    }),
};
