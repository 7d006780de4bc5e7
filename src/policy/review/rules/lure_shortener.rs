//! `lure.shortener`

use super::super::page::Hit;
use super::address::{addresses, is_under};
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;
use crate::model::text;

/// Hosts whose addresses say nothing of where they lead.
const SHORT: &[&str] = &[
    "bit.ly",
    "tinyurl.com",
    "t.co",
    "goo.gl",
    "is.gd",
    "v.gd",
    "rb.gy",
    "cutt.ly",
    "shorturl.at",
    "ow.ly",
    "t.ly",
    "rebrand.ly",
    "tiny.cc",
    "s.id",
    "bl.ink",
    "shorte.st",
    "adf.ly",
    "qrco.de",
    "clck.ru",
    "u.to",
    "git.io",
    "surl.li",
    "2u.pw",
    "tiny.one",
];

pub(super) static RULE: Rule = Rule {
    id: "lure.shortener",
    title: "an address that does not say where it leads",
    weight: Weight {
        run: Some(Tier::Confirm),
        fence: Some(Tier::Warn),
        inline: Some(Tier::Warn),
        prose: Some(Tier::Warn),
        file: None,
    },
    owasp: &["AST04"],
    what: "An address of a service that makes long addresses short.",
    why: "Nobody can see where it leads, and whoever made it can let it lead elsewhere tomorrow.",
    instead: "Write the address itself.",
    limits: "Services of one vendor for its own pages are left alone. The list names the most common ones.",
    bad: "Get it at https://bit.ly/3AbCdEf first.\n",
    alike: "Get it at https://habit.ly/guide or read about bit.ly links, e.g. https://bit.ly/ and https://bit.ly/xxx.\n",
    look: Look::Page(|page| {
        let short = addresses(page.text).into_iter().filter(|one| {
            let code = one.path.trim_matches('/');
            let made_up = code.len() < 4
                || code.contains(".php")
                || code.starts_with("api")
                || code.contains("shorten")
                || ["example", "your", "xxx", "abc"].iter().any(|part| code.to_lowercase().starts_with(part));
            !made_up && SHORT.iter().any(|name| is_under(one.host, name))
        });
        let found = short.map(|one| {
            let told = format!("leads to wherever `{}` leads", text::escape_short(one.text, 80));
            Hit::new(one.start, one.start + one.text.len(), Tier::Confirm, told)
        });
        found.collect()
    }),
};
