//! The page of rules, and the schema of what `scan` answers.

use super::check;
use serde_json::{Value, json};
use skill_trust::model::finding::{Context, Tier};
use skill_trust::ops::explain::{self, KINDS};
use std::fmt::Write as _;

#[test]
fn the_page_of_rules_is_the_rules() {
    let mut page = "# Rules of the scan\n\nWhat `skills scan` finds by. `skills explain ID` prints the same. An id is never used for anything else.\n\n\
        A rule weighs by the kind of text that it finds something in. BLOCK keeps a skill from being trusted, CONFIRM is shown with the question, WARN is worth a look and decides nothing, \
        NOTE is worth knowing. A finding says what a text would do; that nothing is found proves nothing.\n\n\
        In SARIF BLOCK is an `error`, CONFIRM a `warning`, WARN and NOTE are a `note`; as annotations of GitHub they are `error`, `warning` and `notice`. \
        What another scanner calls an `error` is CONFIRM here, its `warning` WARN, its `note` NOTE: nothing that is taken in BLOCKs.\n\n\
        | rule | at most | what |\n|---|---|---|\n"
        .to_owned();
    for rule in explain::rules() {
        let _ = writeln!(
            page,
            "| [`{id}`](#{anchor}) | {} | {} |",
            rule.heaviest().name(),
            rule.title,
            id = rule.id,
            anchor = rule.id.replace('.', "")
        );
    }
    for rule in explain::rules() {
        let _ = write!(page, "\n## {}\n\n{}.\n\n", rule.id, capital(rule.title));
        let _ = writeln!(page, "| {} |\n|{}", KINDS.join(" | "), "---|".repeat(KINDS.len()));
        let weights = rule.weights.map(|weight| weight.map_or("-", Tier::name));
        let _ = writeln!(page, "| {} |", weights.join(" | "));
        for (heading, words) in
            [("What", rule.what), ("Why", rule.why), ("Instead", rule.instead), ("Limits", rule.limits)]
        {
            let _ = write!(page, "\n### {heading}\n\n{words}\n");
        }
        let _ = write!(page, "\n### Tags\n\n{}\n", rule.owasp.join(", "));
    }
    check("docs/reference/rules.md", &page);
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

#[test]
fn every_rule_says_all_of_it() {
    for rule in explain::rules() {
        for words in [rule.title, rule.what, rule.why, rule.instead, rule.limits] {
            assert!(words.len() > 8 && !words.contains('\n'), "{}: {words:?}", rule.id);
        }
        assert!(!rule.owasp.is_empty() && rule.weights.iter().any(Option::is_some), "{}", rule.id);
    }
}

/// Every code on the pages of codes and of entry rules can be asked about.
#[test]
fn whatever_bears_a_code_can_be_explained() {
    for page in [
        include_str!("../../../docs/reference/codes.md"),
        include_str!("../../../docs/reference/entry-rules.md"),
    ] {
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let codes: Vec<_> = rows.map(|(code, _)| code).collect();
        assert!(codes.len() > 20, "{codes:?}");
        for code in codes {
            assert!(explain::find(code).is_some(), "{code}");
        }
    }
}

fn object(properties: Value) -> Value {
    let names: Vec<_> = properties.as_object().unwrap().keys().cloned().collect();
    json!({ "type": "object", "properties": properties, "required": names, "additionalProperties": false })
}

fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

fn said(description: &str, mut schema: Value) -> Value {
    schema["description"] = json!(description);
    schema
}

/// The schema of `scan --json`.
pub(crate) fn schema() -> Value {
    let (text, count, flag) = (
        json!({ "type": "string" }),
        json!({ "type": "integer", "minimum": 0 }),
        json!({ "type": "boolean" }),
    );
    let text_or_none = json!({ "type": ["string", "null"] });
    let tier = json!({ "enum": Tier::ALL });
    let contexts = [
        Context::Prose,
        Context::Inline,
        Context::Fence,
        Context::Call,
        Context::Script,
        Context::Install,
        Context::File,
    ];
    let fault = object(json!({
        "code": said("An entry rule; `skills explain CODE` tells more.", text.clone()),
        "path": text, "reason": text,
        "unread": said("Whether something was not looked at because of it.", flag.clone()),
    }));
    let line = object(json!({
        "line": count, "text": said("Of a long line, the part around what is meant.", text.clone()),
        "marked": said("The part that is meant: first byte of `text`, and one behind the last.",
            json!({ "type": "array", "items": count, "minItems": 2, "maxItems": 2 })),
        "cut": said("Whether the line goes on to the left, and to the right.",
            json!({ "type": "array", "items": flag, "minItems": 2, "maxItems": 2 })),
    }));
    let mut region = object(json!({
        "start": count, "end": count, "line": count, "column": count, "end_line": count, "end_column": count,
    }));
    region["type"] = json!(["object", "null"]);
    let mut by = object(json!({ "rule": tier, "file": text }));
    by["type"] = json!(["object", "null"]);
    let finding = object(json!({
        "rule": text, "tier": tier, "context": json!({ "enum": contexts }),
        "path": said("From the skill's folder.", text.clone()),
        "region": said("Bytes from 0, lines and characters from 1; the end is one behind. Null for a file as a whole.", region),
        "message": said("In words, without keys and tokens.", text.clone()),
        "reads_as": said("What the text comes to once it is decoded; without keys and tokens.", text_or_none.clone()),
        "lines": said("The first lines of it; keys and tokens in them are covered.", list(line)),
        "print": said("The same for the same text, when lines around it move.", json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" })),
        "foreign": said("Whether another scanner says it.", flag.clone()),
        "by": said("The file of the policy that gives it its tier, and the tier that the rule gives it; null if that is the tier.", by),
    }));
    let excepted = object(json!({
        "rule": text, "tier": tier, "path": text, "line": count, "message": text,
        "file": said("The policy's file that excepts it.", text.clone()), "why": text, "until": text_or_none,
    }));
    let unused = object(json!({ "rule": text, "file": text, "reason": text }));
    let skill = object(json!({
        "path": said("From what was named; empty for that itself.", text.clone()), "name": text,
        "digest": said("Of the files that were read.", json!({ "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" })),
        "files": count, "bytes": count, "faults": list(fault.clone()),
        "card": said("What is wrong with its front matter.", list(text.clone())),
        "findings": said("Heaviest first, then by file and place.", list(finding)),
        "excepted": said("What the policy excepts for exactly these bytes.", list(excepted)),
        "unused_exceptions": said("Exceptions for these bytes that free from nothing.", list(unused)),
    }));
    let imported = object(json!({
        "file": text, "tools": list(text.clone()), "results": count, "left_off": count, "failed_runs": count,
    }));
    let elsewhere = object(json!({ "rule": text, "tier": tier, "path": text_or_none, "message": text }));
    let looked_at = object(json!({
        "named": text, "folder": said("Whether it is a folder, and not a stored copy.", flag.clone()),
        "skills": list(skill), "faults": said("Places that were not searched for skills.", list(fault)),
        "links": said("Symbolic links outside of skills that were not followed.", count.clone()),
        "imported": list(imported),
        "elsewhere": said("What other scanners found in no file that was looked at.", list(elsewhere)),
        "policy_problem": said("Why the policy could not be gone by; every rule has its own weight then.", text_or_none.clone()),
    }));
    let mut all = object(json!({
        "schema": json!({ "const": "skill-trust/scan/1" }),
        "fail_on": said("From which tier on the exit code is 10; null for never.", json!({ "enum": [tier["enum"][0], tier["enum"][1], tier["enum"][2], tier["enum"][3], null] })),
        "reached": said("Whether anything is that heavy.", flag.clone()),
        "complete": said("Whether all was looked at that is there. If not, the exit code is not 0.", flag),
        "shown_from": said("Findings below this tier are counted in `tiers` and left out elsewhere.", tier.clone()),
        "tiers": object(json!({ "block": count, "confirm": count, "warn": count, "note": count })),
        "looked_at": list(looked_at),
    }));
    all["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    all["title"] = json!("What a scan found");
    all
}

#[test]
fn the_schema_of_a_scan_is_what_the_tests_hold_it_against() {
    check("schema/scan.json", &format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap()));
}
