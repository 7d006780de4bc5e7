//! `persist.git-hook`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "persist.git-hook",
    title: "has git run something by itself",
    weight: Weight::of_commands(Tier::Warn, Tier::Note, None),
    owasp: &["AST01", "AST03"],
    what: "A file comes into `.git/hooks`, or git is told to take its hooks from another folder or to start a program of its own (`core.fsmonitor`, `core.sshCommand`, `init.templateDir`).",
    why: "It runs with every commit or checkout in that repository, as whoever works there.",
    instead: "Ship the hook, and let the project's own tool for hooks install it.",
    limits: "Tools that manage hooks, as `pre-commit install`, are left alone.",
    bad: "```sh\ncp scripts/check.sh .git/hooks/pre-commit\n```\n",
    alike: "```sh\nls .git/hooks\npre-commit install\ngit config --get core.hooksPath\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. } if name == "git" => {
            let words: Vec<&str> = argv.iter().map(|word| word.text.as_str()).collect();
            let hooks = |text: &str| KEYS.iter().any(|key| text.eq_ignore_ascii_case(key));
            let set = words
                .windows(2)
                .find(|pair| {
                    hooks(pair[0]) && !pair[1].starts_with('-') && !matches!(pair[1], "true" | "false")
                })
                .map(|pair| pair[1]);
            let asks = argv::has(argv, &["--get", "--unset", "--get-all", "get", "unset"]);
            set.filter(|_| !asks).map(|folder| format!("git starts `{}` by itself", argv::shown(folder)))
        }
        Event::Write { path, .. } if path.text.contains(".git/hooks/") => {
            Some(format!("writes `{}`", argv::shown(&path.text)))
        }
        _ => None,
    }),
};

/// Settings of git that name a program or a folder of programs.
const KEYS: &[&str] = &["core.hooksPath", "core.fsmonitor", "core.sshCommand", "init.templateDir"];
