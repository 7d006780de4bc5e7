//! `secret.token`

use super::super::page::{Hit, Page};
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeSet;

/// How a token begins, how many letters follow at least, and whose it is.
const TOKENS: &[(&str, usize, &str)] = &[
    ("AKIA", 16, "AWS"),
    ("ASIA", 16, "AWS"),
    ("AIza", 35, "Google"),
    ("GOCSPX-", 28, "Google"),
    ("SG.", 60, "SendGrid"),
    ("dop_v1_", 64, "DigitalOcean"),
    ("ghp_", 36, "GitHub"),
    ("gho_", 36, "GitHub"),
    ("ghs_", 36, "GitHub"),
    ("ghu_", 36, "GitHub"),
    ("github_pat_", 60, "GitHub"),
    ("glpat-", 20, "GitLab"),
    ("gsk_", 48, "Groq"),
    ("hf_", 34, "Hugging Face"),
    ("npm_", 36, "npm"),
    ("pypi-AgEI", 50, "PyPI"),
    ("rk_live_", 24, "Stripe"),
    ("sk_live_", 24, "Stripe"),
    ("shpat_", 32, "Shopify"),
    ("sk-ant-", 60, "Anthropic"),
    ("sk-proj-", 40, "OpenAI"),
    ("sk-", 48, "OpenAI"),
    ("xapp-", 40, "Slack"),
    ("xoxb-", 40, "Slack"),
    ("xoxp-", 40, "Slack"),
    ("eyJ", 60, "JWT"),
];
/// What stands in tokens that are none.
const EXAMPLES: &[&str] = &[
    "example",
    "xxxx",
    "your",
    "0000",
    "1234",
    "abcd",
    "dummy",
    "sample",
    "placeholder",
    "redacted",
    "test",
    "fake",
    "changeme",
    "here",
    "....",
    "aaaa",
    "todo",
    "insert",
    "replace",
    "secret",
    "deadbeef",
];

pub(super) static RULE: Rule = Rule {
    id: "secret.token",
    title: "a key or token of a service",
    weight: Weight::of_commands(Tier::Warn, Tier::Warn, Some(Tier::Warn)),
    owasp: &["AST03"],
    what: "A text that begins and is as long as the tokens of a well-known service, shown by its first four letters and its length only.",
    why: "It is somebody's: a leak, or an account that the skill has its users act through.",
    instead: "Take it out, withdraw it, and let the skill read its user's own from the environment.",
    limits: "By shape alone: nothing is asked of the service. Values of documentation are left alone, as are keys that are public by design and look so.",
    bad: concat!("Use ", "gh", "p_", "9fK2mQ7sXw4ZbR1tYv8LdN3cHj6PgA5eUoWi", " to log in.\n"),
    alike: "Use `AKIAIOSFODNN7EXAMPLE`, `ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`, `sk-your-key-here`, `ghp_1234567890abcdefghijklmnopqrstuvwxyz`.\n",
    look: Look::Page(look),
};

fn look(page: &Page<'_>) -> Vec<Hit> {
    let mut all = Vec::new();
    for (at, word) in words(page.text).filter(|(_, word)| (20..8192).contains(&word.len())) {
        if let Some(whose) = token(word) {
            let first: String = word.chars().take(4).collect();
            let told = format!("a token of {whose}: `{first}…`, {} letters", word.len());
            all.push(Hit::new(at, at + word.len(), Tier::Warn, told));
        }
    }
    all
}

/// The words that may be tokens, each with its first byte.
pub(in crate::policy::review) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut at = 0;
    text.split(move |c| !is_part(c)).filter_map(move |word| {
        let start = at;
        let behind = text.get(start + word.len()..).and_then(|rest| rest.chars().next());
        at = start + word.len() + behind.map_or(0, char::len_utf8);
        (!word.is_empty()).then_some((start, word))
    })
}

/// Whether a word that was cut may be the beginning of a token.
pub(in crate::policy::review) fn begins_one(word: &str) -> bool {
    let rest = TOKENS.iter().find_map(|(prefix, ..)| word.strip_prefix(prefix));
    rest.is_some_and(|rest| rest.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()))
}

/// Whose token a word is.
pub(in crate::policy::review) fn token(word: &str) -> Option<&'static str> {
    let (prefix, least, whose) = TOKENS.iter().find(|(prefix, ..)| word.starts_with(prefix))?;
    let rest = word.get(prefix.len()..)?.trim_end_matches(['.', '-', '_']);
    let low = word.to_lowercase();
    let kinds: BTreeSet<u8> = rest.bytes().collect();
    let mixed =
        rest.bytes().any(|byte| byte.is_ascii_digit()) && rest.bytes().any(|byte| byte.is_ascii_alphabetic());
    if rest.len() < *least || !mixed || kinds.len() < 10 || EXAMPLES.iter().any(|part| low.contains(part)) {
        return None;
    }
    let fits = match *whose {
        "AWS" => {
            rest.len() == *least
                && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        }
        "JWT" => is_jwt(word),
        "OpenAI" => rest.bytes().any(|byte| byte.is_ascii_uppercase()) && !rest.contains('.'),
        "GitHub" | "npm" | "Hugging Face" | "Groq" => {
            rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        }
        _ => true,
    };
    fits.then_some(*whose)
}

/// A head, claims and a signature, of which the claims are not those of the textbook.
fn is_jwt(word: &str) -> bool {
    let mut parts = word.split('.');
    let mut object = || {
        let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        String::from_utf8(bytes).ok().filter(|text| text.starts_with('{') && text.contains(':'))
    };
    let (Some(head), Some(claims)) = (object(), object()) else { return false };
    let textbook = ["John Doe", "1234567890", "example", "test", "alice", "admin", "user123", "attacker"]
        .iter()
        .any(|part| claims.contains(part));
    head.contains("alg")
        && !head.contains("none")
        && !textbook
        && parts.next().is_some_and(|sign| sign.len() >= 40)
}
