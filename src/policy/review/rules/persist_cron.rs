//! `persist.cron`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "persist.cron",
    title: "has the system's clock start something",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST01", "AST03"],
    what: "A table of `cron` is written or replaced, a file comes into `/etc/cron*`, or a Windows task is made.",
    why: "What stands there runs again and again, long after the skill is gone, and nobody sees it.",
    instead: "Tell people what to put there and let them do it; or let the agent's own scheduler ask.",
    limits: "The schedulers of agents themselves are left alone, and so is listing a table.",
    bad: "```sh\n(crontab -l; echo \"0 4 * * * $HOME/.tool/sync\") | crontab -\n```\n",
    alike: "```sh\ncrontab -l\nls /etc/cron.d\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, input, .. } if name == "crontab" => {
            let sets =
                argv.iter().skip(1).any(|word| word.text == "-") || argv::operands(argv).next().is_some();
            let sets = sets || argv.len() == 1 && !input.text.is_empty();
            (sets && !argv::has(argv, &["-l", "-e", "-r"])).then(|| "sets the table of `cron`".to_owned())
        }
        Event::Call { name, argv, .. } if name == "schtasks" => argv
            .iter()
            .any(|word| word.text.eq_ignore_ascii_case("/create"))
            .then(|| "makes a Windows task".to_owned()),
        Event::Write { path, .. }
            if path.text.starts_with("/etc/cron") || path.text.starts_with("/var/spool/cron") =>
        {
            Some(format!("writes `{}`", argv::shown(&path.text)))
        }
        _ => None,
    }),
};
