//! SARIF 2.1.0: for code scanning and other programs that gather findings.
//!
//! Columns count code points. Paths are relative to the folder that we run in,
//! if what is scanned lies there, and else to what is scanned; no path of the
//! machine is in it, so that the same bytes give the same document. What went
//! wrong outside of it, with the policy or another scanner's file, is named as it is.

use super::{Looked, View, not_whole};
use serde_json::{Map, Value, json};
use skill_trust::model::excerpt::Region;
use skill_trust::model::finding::Tier;
use skill_trust::model::limits::Fault;
use skill_trust::model::text;
use skill_trust::ops::explain::{self, About};
use skill_trust::ops::scan::{Excepted, Told, is_unread};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The base that paths are given from.
const BASE: &str = "%SRCROOT%";

/// The document.
pub(super) fn document(all: &[Looked], view: View) -> String {
    let rules = rules(all, view);
    let at: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    let mut results = Vec::new();
    for looked in all {
        for skill in &looked.scan.skills {
            for told in skill.told.iter().filter(|told| told.finding.tier >= view.min) {
                let uri = uri(&looked.path(&skill.folder, &told.finding.path));
                results.push(result(told, &uri, &at));
            }
            for one in skill.excepted.iter().filter(|one| one.finding.tier >= view.min) {
                results.push(suppressed(one, &uri(&looked.path(&skill.folder, &one.finding.path)), &at));
            }
        }
        for other in looked.scan.elsewhere.iter().filter(|other| other.tier >= view.min) {
            results.push(json!({
                "ruleId": other.rule, "ruleIndex": at.get(other.rule.as_str()), "level": level(other.tier),
                "message": { "text": words(&other.message, other.path.as_deref()) },
                "properties": { "tier": other.tier },
            }));
        }
    }
    let run = json!({
        "tool": { "driver": {
            "name": "skills", "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules.into_values().collect::<Vec<_>>(),
        } },
        "invocations": [{
            "executionSuccessful": all.iter().all(|looked| looked.scan.is_complete()),
            "toolExecutionNotifications": notifications(all),
        }],
        "originalUriBaseIds": { BASE: {
            "description": { "text": "The folder that the scan was run in, or else what was scanned." },
        } },
        "columnKind": "unicodeCodePoints",
        "artifacts": artifacts(all),
        "results": results,
    });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run],
    });
    super::super::super::context::visible_json(&log.to_string())
}

/// BLOCK is an error and CONFIRM a warning; what decides nothing is a note.
const fn level(tier: Tier) -> &'static str {
    match tier {
        Tier::Block => "error",
        Tier::Confirm => "warning",
        Tier::Warn | Tier::Note => "note",
    }
}

/// The rules that found something, by id.
fn rules(all: &[Looked], view: View) -> BTreeMap<String, Value> {
    let scans = || all.iter().map(|looked| &looked.scan);
    let own = scans()
        .flat_map(|scan| scan.skills.iter().flat_map(|skill| &skill.told))
        .map(|told| (told.finding.tier, &told.finding.rule));
    let others = scans().flat_map(|scan| scan.elsewhere.iter().map(|other| (other.tier, &other.rule)));
    let excepted = scans().flat_map(|scan| scan.skills.iter().flat_map(|skill| &skill.excepted));
    let excepted = excepted.map(|one| (one.finding.tier, &one.finding.rule));
    let hit = own.chain(others).chain(excepted).filter(|(tier, _)| *tier >= view.min);
    let mut heaviest: BTreeMap<&String, Tier> = BTreeMap::new();
    for (tier, rule) in hit {
        let held = heaviest.entry(rule).or_insert(tier);
        *held = tier.max(*held);
    }
    let described = |(id, tier): (&String, Tier)| {
        let about = match explain::rule(id) {
            Some(about) => rule(&about),
            None => foreign(id, tier),
        };
        (id.clone(), about)
    };
    heaviest.into_iter().map(described).collect()
}

fn rule(about: &About) -> Value {
    let help = format!(
        "{}\n\nInstead: {}\n\nLimits: {}\n\nMore: skills explain {}",
        about.why, about.instead, about.limits, about.id
    );
    let mut tags = vec!["security"];
    tags.extend(about.owasp);
    json!({
        "id": about.id,
        "shortDescription": { "text": about.title },
        "fullDescription": { "text": about.what },
        "help": { "text": help },
        "defaultConfiguration": { "level": level(about.heaviest()) },
        "properties": { "tags": tags },
    })
}

/// A rule of another scanner, of which we know its name alone.
fn foreign(id: &str, tier: Tier) -> Value {
    json!({
        "id": id,
        "shortDescription": { "text": format!("{id}, which another scanner found") },
        "defaultConfiguration": { "level": level(tier) },
        "properties": { "tags": ["imported"] },
    })
}

fn result(told: &Told, uri: &str, rules: &BTreeMap<&str, usize>) -> Value {
    let finding = &told.finding;
    let mut message = text::escape(&finding.message);
    if let Some(reads_as) = &finding.reads_as {
        message.push_str(&format!("; reads as: {}", text::escape(reads_as)));
    }
    json!({
        "ruleId": finding.rule,
        "ruleIndex": rules.get(finding.rule.as_str()),
        "level": level(finding.tier),
        "message": { "text": message },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri, "uriBaseId": BASE },
            "region": region(told.region.as_ref()),
        } }],
        "partialFingerprints": { "skillTrust/v1": told.print },
        "properties": { "tier": finding.tier, "context": finding.context },
    })
}

/// What the policy excepts is no alert, and stands here with its reason.
fn suppressed(one: &Excepted, uri: &str, rules: &BTreeMap<&str, usize>) -> Value {
    let finding = &one.finding;
    json!({
        "ruleId": finding.rule,
        "ruleIndex": rules.get(finding.rule.as_str()),
        "level": level(finding.tier),
        "message": { "text": text::escape(&finding.message) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri, "uriBaseId": BASE },
            "region": { "startLine": finding.place.line },
        } }],
        "suppressions": [{ "kind": "external", "status": "accepted", "justification": one.why }],
        "properties": { "tier": finding.tier, "context": finding.context },
    })
}

/// A file as a whole is told by its first line: readers of these documents want one.
fn region(region: Option<&Region>) -> Value {
    match region {
        None => json!({ "startLine": 1 }),
        Some(region) => json!({
            "startLine": region.line, "startColumn": region.column,
            "endLine": region.end_line, "endColumn": region.end_column,
            "byteOffset": region.start, "byteLength": region.end - region.start,
        }),
    }
}

fn words(message: &str, path: Option<&str>) -> String {
    let path = path.map_or_else(|| "no file".to_owned(), |path| format!("`{path}`"));
    format!("{} (it names {path}, which was not looked at)", text::escape(message))
}

/// What could not be looked at, and why else the answer is not whole.
fn notifications(all: &[Looked]) -> Vec<Value> {
    let one = |fault: &Fault, uri: Option<String>| {
        let mut out = Map::new();
        let level = if is_unread(fault) { "error" } else { "warning" };
        out.insert("level".to_owned(), json!(level));
        out.insert("message".to_owned(), json!({ "text": fault.to_string() }));
        out.insert("descriptor".to_owned(), json!({ "id": fault.rule.code() }));
        if let Some(uri) = uri {
            let location = json!({ "artifactLocation": { "uri": uri, "uriBaseId": BASE } });
            out.insert("locations".to_owned(), json!([{ "physicalLocation": location }]));
        }
        Value::Object(out)
    };
    let mut out = Vec::new();
    // The policy is one for all that was named.
    let about: BTreeSet<_> = all.iter().flat_map(|looked| not_whole(&looked.scan)).collect();
    for (tier, title, words) in about {
        let text = text::escape(&format!("{title}: {words}"));
        out.push(json!({ "level": level(tier), "message": { "text": text } }));
    }
    for looked in all {
        out.extend(looked.scan.faults.iter().map(|fault| one(fault, None)));
        for skill in &looked.scan.skills {
            let uri = || uri(&looked.path(&skill.folder, "SKILL.md"));
            out.extend(skill.faults.iter().map(|fault| one(fault, Some(uri()))));
        }
    }
    out
}

/// The files that something was found in.
fn artifacts(all: &[Looked]) -> Vec<Value> {
    let mut uris = BTreeSet::new();
    for looked in all {
        for skill in &looked.scan.skills {
            uris.extend(skill.told.iter().map(|told| uri(&looked.path(&skill.folder, &told.finding.path))));
        }
    }
    uris.into_iter().map(|uri| json!({ "location": { "uri": uri, "uriBaseId": BASE } })).collect()
}

/// A relative path as an address: every byte but those that need no escape.
fn uri(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes
        .map(|byte| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn an_address_is_the_path_and_nothing_more() {
        assert_eq!(uri(Path::new("a/b c.md")), "a/b%20c.md");
        assert_eq!(uri(Path::new("é#?%:x")), "%C3%A9%23%3F%25%3Ax");
        assert_eq!(uri(Path::new(OsStr::from_bytes(b"a\n\xff"))), "a%0A%FF");
    }
}
