//! `lure.raw-ip-url`

use super::super::page::Hit;
use super::address::addresses;
use super::exec_fetch_raw_ip::is_bare;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;
use crate::model::text;

/// Public services that are known by their number, and numbers that stand for any.
const KNOWN: &[&str] = &[
    "1.1.1.1",
    "1.0.0.1",
    "8.8.8.8",
    "8.8.4.4",
    "9.9.9.9",
    "1.2.3.4",
    "4.3.2.1",
    "5.6.7.8",
    "255.255.255.255",
    "100.100.100.200",
];

pub(super) static RULE: Rule = Rule {
    id: "lure.raw-ip-url",
    title: "an address by its number",
    weight: Weight::of_commands(Tier::Confirm, Tier::Confirm, Some(Tier::Warn)),
    owasp: &["AST01", "AST04"],
    what: "A web address whose host is a public IP address and no name.",
    why: "A number belongs to whoever rents it now. Vendors have names.",
    instead: "Use the name.",
    limits: "Addresses of this machine, of private networks, of documentation, and of well-known resolvers are left alone. What is fetched from there and run is `exec.fetch.raw-ip`.",
    bad: "```sh\ncurl -o list.json http://91.92.242.30/list.json\n```\n",
    alike: "```sh\ncurl http://192.168.1.10:8080/ http://127.0.0.1/ http://198.51.100.7/x https://1.1.1.1/dns-query http://10.0.0.5/a\n```\n",
    look: Look::Page(|page| {
        let bare = addresses(page.text).into_iter().filter(|one| {
            let shared = one.host.split('.').next().and_then(|part| part.parse::<u8>().ok());
            !KNOWN.contains(&one.host)
                && !matches!(shared, Some(0 | 100 | 224..))
                && one.host.contains(['.', ':'])
                && is_bare(one.text)
        });
        let found = bare.map(|one| {
            let told =
                format!("names a public address by its number: `{}`", text::escape_short(one.text, 80));
            Hit::new(one.start, one.start + one.text.len(), Tier::Confirm, told)
        });
        found.collect()
    }),
};
