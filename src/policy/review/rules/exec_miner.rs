//! `exec.miner`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "exec.miner",
    title: "mines coins for somebody",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST01"],
    what: "A miner is started, or a program is given the address of a mining pool (`stratum+tcp://`).",
    why: "It takes the machine for somebody's purse.",
    instead: "There is no use of this in a skill.",
    limits: "Miners under other names, with a pool in a settings file, are not seen.",
    bad: "```sh\n./worker -o stratum+tcp://pool.example.com:3333 -u wallet\n```\n",
    alike: "```sh\ncurl -s https://api.example.com/pool/stats\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. }
            if !matches!(name.as_str(), "grep" | "rg" | "echo" | "egrep" | "yara" | "zgrep" | "awk") =>
        {
            let pool = argv.iter().find(|word| {
                ["stratum+tcp://", "stratum+ssl://", "stratum2+tcp://"]
                    .iter()
                    .any(|head| word.text.starts_with(head))
            });
            let known = matches!(name.as_str(), "xmrig" | "minerd" | "cpuminer" | "xmr-stak");
            match pool {
                Some(pool) => Some(format!("mines at `{}`", argv::shown(&pool.text))),
                None => known.then(|| format!("starts the miner `{name}`")),
            }
        }
        _ => None,
    }),
};
