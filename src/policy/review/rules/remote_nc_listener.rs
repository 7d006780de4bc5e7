//! `remote.nc-listener`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "remote.nc-listener",
    title: "waits for a connection from outside",
    weight: Weight::of_commands(Tier::Warn, Tier::Note, None),
    owasp: &["AST03"],
    what: "`nc`, `ncat` or `socat` listens on a port.",
    why: "Whoever reaches the port talks to whatever is tied to it.",
    instead: "Bind to this machine alone, and use a server that asks who is there.",
    limits: "Servers of other programs are not looked at. A shell that is tied to it is `remote.shell`.",
    bad: "```sh\nnc -lvnp 4444\n```\n",
    alike: "```sh\nnc -zv localhost 4444\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. } if matches!(name.as_str(), "nc" | "ncat" | "netcat" | "socat") => {
            let listens = match name.as_str() {
                "socat" => argv.iter().any(|word| word.text.to_ascii_lowercase().contains("-listen:")),
                _ => argv::short(argv, 'l') || argv::has(argv, &["--listen"]),
            };
            listens.then(|| format!("`{name}` waits for a connection"))
        }
        _ => None,
    }),
};
