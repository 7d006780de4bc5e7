//! `guard.tls-off`

use super::super::shell::machine::Event;
use super::super::shell::value::Value;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "guard.tls-off",
    title: "talks to a server without asking who it is",
    weight: Weight::of_commands(Tier::Warn, Tier::Note, None),
    owasp: &["AST02"],
    what: "The check of a server's certificate is switched off: `curl -k`, `wget --no-check-certificate`, `http.sslVerify false`, `NODE_TLS_REJECT_UNAUTHORIZED=0`, `pip --trusted-host` and their like.",
    why: "Anybody on the way can answer instead, and read and change what is sent.",
    instead: "Give the authority's certificate (`--cacert`, `GIT_SSL_CAINFO`, `NODE_EXTRA_CA_CERTS`).",
    limits: "Addresses of this machine and of private networks are left alone. What programs in other languages switch off is not seen.",
    bad: "```sh\ncurl -k https://api.example.com/v1/items\n```\n",
    alike: "```sh\ncurl -k https://localhost:8443/health\ncurl --cacert ca.pem https://api.example.com/v1/items\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Set { name, value }
            if OFF.iter().any(|(known, off)| name == known && off.contains(&value.text.as_str())) =>
        {
            Some(format!("sets `{name}={}`", argv::shown(&value.text)))
        }
        Event::Call { name, argv, .. } => {
            told(name, argv).map(|how| format!("switches the check of certificates off: `{how}`"))
        }
        _ => None,
    }),
};

/// Variables, and the values that switch the check off.
const OFF: &[(&str, &[&str])] = &[
    ("NODE_TLS_REJECT_UNAUTHORIZED", &["0"]),
    ("GIT_SSL_NO_VERIFY", &["1", "true"]),
    ("PYTHONHTTPSVERIFY", &["0"]),
];

fn told(name: &str, argv: &[Value]) -> Option<String> {
    let words: Vec<&str> = argv.iter().skip(1).map(|word| word.text.as_str()).collect();
    let near = || {
        let mut addresses =
            argv::operands(argv).filter(|text| text.contains("://") || text.contains(':')).peekable();
        addresses.peek().is_some() && addresses.all(argv::is_near)
    };
    let verify = |text: &str| text.eq_ignore_ascii_case("http.sslVerify");
    match name {
        "curl" if argv::has(argv, &["--insecure"]) || argv::short(argv, 'k') => {
            (!near()).then(|| "curl -k".to_owned())
        }
        "wget" if argv::has(argv, &["--no-check-certificate"]) => {
            (!near()).then(|| "wget --no-check-certificate".to_owned())
        }
        "git" => {
            let inline =
                words.iter().any(|word| word.to_ascii_lowercase().starts_with("http.sslverify=false"));
            let set = words.windows(2).any(|pair| verify(pair[0]) && matches!(pair[1], "false" | "0"));
            (inline || set).then(|| "http.sslVerify false".to_owned())
        }
        "npm" | "yarn" | "pnpm" => {
            let pair = words.windows(2).any(|pair| pair[0] == "strict-ssl" && pair[1] == "false");
            (pair || words.iter().any(|word| matches!(*word, "strict-ssl=false" | "--strict-ssl=false")))
                .then(|| "strict-ssl false".to_owned())
        }
        "pip" | "pip3" | "uv" | "python" | "python3" => {
            let host = argv::behind(argv, &["--trusted-host", "--allow-insecure-host"])?;
            (!argv::is_near(host)).then(|| format!("--trusted-host {}", argv::shown(host)))
        }
        _ => None,
    }
}
