//! `lure.password-archive`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "lure.password-archive",
    title: "opens an archive with a password that stands beside it",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST01", "AST04"],
    what: "`unzip`, `7z` or `unrar` is given an archive's password on its command line.",
    why: "A password that everybody is told keeps nobody out but scanners, which cannot look inside.",
    instead: "Ship the files as they are.",
    limits: "Passwords that come from a variable or are asked for are left alone. Sentences that tell a password are not looked at here.",
    bad: "```sh\nunzip -P helper helper.zip\n```\n",
    alike: "```sh\nunzip -l helper.zip\nunzip -P \"$ZIP_PASSWORD\" backup.zip\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. }
            if matches!(name.as_str(), "unzip" | "7z" | "7za" | "7zz" | "unrar" | "rar" | "bsdtar") =>
        {
            let reads = match name.as_str() {
                "7z" | "7za" | "7zz" | "unrar" | "rar" => {
                    argv::operands(argv).next().is_some_and(|verb| matches!(verb, "x" | "e"))
                }
                _ => true,
            };
            let option = |text: &str| match name.as_str() {
                "unzip" => text.strip_prefix("-P").map(str::to_owned),
                "bsdtar" => {
                    text.strip_prefix("--passphrase").map(|rest| rest.trim_start_matches('=').to_owned())
                }
                _ => text.strip_prefix("-p").map(str::to_owned),
            };
            let at = argv.iter().skip(1).position(|word| option(&word.text).is_some()).filter(|_| reads)?;
            let word = argv.get(at + 1)?;
            let mut given = word.with_text(option(&word.text).unwrap_or_default());
            if given.text.is_empty() && matches!(name.as_str(), "unzip" | "bsdtar") {
                given = argv.get(at + 2)?.clone();
            }
            let told = given.is_known() && !given.text.is_empty() && given.text != "-";
            told.then(|| {
                format!("`{name}` opens an archive with the password `{}`", argv::shown(&given.text))
            })
        }
        _ => None,
    }),
};
