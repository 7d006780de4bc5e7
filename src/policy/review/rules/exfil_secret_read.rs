//! `exfil.secret-read`

use super::super::shell::machine::Event;
use super::super::shell::secrets;
use super::super::shell::value::Origin;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "exfil.secret-read",
    title: "prints or copies a file of keys or passwords",
    weight: Weight::of_commands(Tier::Warn, Tier::Note, None),
    owasp: &["AST01", "AST03"],
    what: "A private key, the credentials of a cloud, a keychain or the store of a browser is read by a program that prints, packs or copies it.",
    why: "What an agent prints it has read, and what it has read it may send on.",
    instead: "Let the program that the secret belongs to use it; never bring it into a text.",
    limits: "Naming a key as an option (`ssh -i`) is left alone, and so is a project's `.env`. Programs in other languages are `exfil.program`.",
    bad: "```sh\ncat ~/.ssh/id_ed25519\n```\n",
    alike: "```sh\nssh -i ~/.ssh/id_ed25519 host\ncat ~/.ssh/id_ed25519.pub\nchmod 600 ~/.aws/credentials\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Read(path) if secret(&path.text) => Some(format!("reads `{}`", argv::shown(&path.text))),
        Event::Call { name, argv, .. } if READERS.contains(&name.as_str()) => argv::operands(argv)
            .find(|text| secret(text))
            .map(|path| format!("`{name}` reads `{}`", argv::shown(path))),
        Event::Call { name, argv, .. } if name == "security" => {
            argv::has(argv, &["dump-keychain", "export"]).then(|| "`security` prints a keychain".to_owned())
        }
        _ => None,
    }),
};

/// Programs that print, pack or copy what they are given.
const READERS: &[&str] = &[
    "cat",
    "head",
    "tail",
    "less",
    "more",
    "bat",
    "base64",
    "xxd",
    "hexdump",
    "od",
    "strings",
    "cp",
    "tar",
    "zip",
    "gzip",
    "rsync",
    "scp",
    "sqlite3",
    "get-content",
    "type",
    "nl",
    "tac",
    "dd",
    "pbcopy",
    "xclip",
    "openssl",
    "source",
    ".",
];

fn secret(path: &str) -> bool {
    secrets::kind(path) == Some(Origin::Secret)
        && !path.ends_with("history")
        && !path.ends_with(".kube/config")
}
