//! `secret.private-key`

use super::super::page::{Hit, Page};
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

const BEGIN: &str = "-----BEGIN ";
/// Fewest letters that a key takes, of the shortest kind.
const SHORTEST: usize = 60;

pub(super) static RULE: Rule = Rule {
    id: "secret.private-key",
    title: "a private key",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, Some(Tier::Warn)),
    owasp: &["AST03"],
    what: "A private key in PEM form with a body of a key's length.",
    why: "Whoever has the skill has the key: it protects nothing any more. In a skill it is a leak, or the means to reach a machine of somebody else's.",
    instead: "Take it out, make a new one, and let the skill read it from where its user keeps keys.",
    limits: "Keys that are shortened or filled up with one letter are taken for examples.",
    bad: concat!(
        "-----BEGIN PRIVATE",
        " KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+Dq0w1v8zK4pXyH3sLkTj7Rr9mNc2oUaEbGf5hQdVi\n-----END PRIVATE",
        " KEY-----\n"
    ),
    alike: concat!(
        "-----BEGIN PRIVATE",
        " KEY-----\nMIIEvQIBADANBg...\n-----END PRIVATE",
        " KEY-----\n\n-----BEGIN CERTIFICATE-----\n"
    ),
    look: Look::Page(look),
};

fn look(page: &Page<'_>) -> Vec<Hit> {
    let mut all = Vec::new();
    for (start, _) in page.text.match_indices(BEGIN) {
        let rest = page.text.get(start + BEGIN.len()..).unwrap_or_default();
        let rest = &rest[..rest.floor_char_boundary(8192)];
        let Some((name, body)) =
            rest.split_once("-----").filter(|(name, _)| name.len() < 40 && name.ends_with("PRIVATE KEY"))
        else {
            continue;
        };
        // Line breaks may be written out, as in JSON.
        let body = body.split("-----").next().unwrap_or_default().replace("\\n", "\n").replace("\\r", "");
        let letters: String = body
            .lines()
            .filter(|line| !line.contains(':'))
            .flat_map(str::chars)
            .filter(|c| !c.is_whitespace())
            .collect();
        let of_base64 = letters.bytes().all(|c| c.is_ascii_alphanumeric() || b"+/=\"',;".contains(&c));
        let mut kinds: Vec<char> = letters.chars().collect();
        kinds.sort_unstable();
        kinds.dedup();
        if letters.len() >= SHORTEST && of_base64 && kinds.len() > 24 {
            let told = format!("holds a {} of {} letters", name.to_lowercase(), letters.len());
            all.push(Hit::new(start, start + BEGIN.len() + name.len(), Tier::Confirm, told));
        }
    }
    all
}
