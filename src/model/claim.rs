//! Claims: what other tools say about where a skill came from.
//!
//! Installers leave notes: lock files beside the agents' folders, a file in the
//! skill, lines in its front matter. They tell a person where to look. They are
//! written by whoever can write those folders, so a claim is shown as one and
//! decides nothing; a note that cannot be read is no claim.
//!
//! | tool | note | says |
//! |---|---|---|
//! | npm `skills` | `.agents/.skill-lock.json`, `skills-lock.json` | source, hash of the folder |
//! | ClawHub | `.clawhub/lock.json`, `.clawhub/origin.json` in the skill | registry, slug, version |
//! | `gh skill` | `metadata.github-*` in the front matter | repository, ref, path |
//! | APM | `apm.lock.yaml` | repository, commit, files it wrote |
//! | ToolHive | `toolhive.lock.yaml` | source, reference |

use super::card::Card;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Longest note that is read, in bytes.
pub const NOTE_MAX: u64 = 4 << 20;
/// The note that ClawHub leaves inside a skill, under its new and its old name.
pub const ORIGINS: &[&str] = &[".clawhub/origin.json", ".clawdhub/origin.json"];

/// What a tool says about a skill's origin. **Not escaped.**
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// The tool that says so.
    pub tool: &'static str,
    /// The place it names.
    pub source: String,
    /// The commit, version or reference it names.
    pub revision: Option<String>,
}

/// Claims by the skill's folder: its name, or its path from the note's base.
pub type Claims = BTreeMap<String, Claim>;

/// A file that may make claims about several skills.
#[derive(Debug, Clone, Copy)]
pub struct LockFile {
    /// Where it lies, below the account's home or a project's root.
    pub path: &'static str,
    parse: fn(&str) -> Option<Claims>,
}

/// The files of the tools that we know.
pub const LOCK_FILES: &[LockFile] = &[
    LockFile { path: ".agents/.skill-lock.json", parse: npm },
    LockFile { path: ".local/state/skills/.skill-lock.json", parse: npm },
    LockFile { path: "skills-lock.json", parse: npm },
    LockFile { path: ".openclaw/.clawhub/lock.json", parse: clawhub },
    LockFile { path: ".openclaw/workspace/.clawhub/lock.json", parse: clawhub },
    LockFile { path: ".clawhub/lock.json", parse: clawhub },
    LockFile { path: "apm.lock.yaml", parse: apm },
    LockFile { path: "toolhive.lock.yaml", parse: toolhive },
];

impl LockFile {
    /// What it claims; nothing if it does not read as one.
    #[must_use]
    pub fn claims(&self, bytes: &[u8]) -> Claims {
        std::str::from_utf8(bytes).ok().and_then(self.parse).unwrap_or_default()
    }
}

/// The first of some keys that holds text.
fn text(value: &Value, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| value.get(*key)?.as_str()).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn each(note: &str, claim: impl Fn(&str, &Value) -> Option<Claim>) -> Option<Claims> {
    let note: Value = serde_json::from_str(note).ok()?;
    let skills = note.get("skills")?.as_object()?;
    Some(
        skills
            .iter()
            .filter(|(_, value)| value.is_object())
            .filter_map(|(name, value)| Some((name.clone(), claim(name, value)?)))
            .collect(),
    )
}

fn npm(note: &str) -> Option<Claims> {
    each(note, |_, value| {
        let source = text(value, &["sourceUrl", "source"])?;
        let revision = text(value, &["ref", "skillFolderHash", "computedHash"]);
        Some(Claim { tool: "npm skills", source, revision })
    })
}

fn clawhub(note: &str) -> Option<Claims> {
    each(note, |slug, value| Some(from_clawhub(slug, value)))
}

fn from_clawhub(slug: &str, value: &Value) -> Claim {
    let owner = text(value, &["ownerHandle"]).map(|owner| format!("@{owner}/")).unwrap_or_default();
    let registry = text(value, &["sourceUrl", "registry"]).unwrap_or_else(|| "clawhub".to_owned());
    let revision = text(value, &["version", "installedVersion"]);
    Claim { tool: "ClawHub", source: format!("{registry} {owner}{slug}"), revision }
}

/// What ClawHub's note inside a skill claims.
#[must_use]
pub fn origin(bytes: &[u8]) -> Option<Claim> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    Some(from_clawhub(&text(&value, &["slug"])?, &value))
}

/// What `gh skill` wrote into the front matter.
#[must_use]
pub fn from_card(card: &Card) -> Option<Claim> {
    let source = card.metadata.get("github-repo")?.clone();
    let revision = ["github-pinned", "github-ref", "github-tree-sha"];
    let revision = revision.iter().find_map(|key| card.metadata.get(*key)).cloned();
    Some(Claim { tool: "gh skill", source, revision })
}

/// The part of APM's lock that we read.
#[derive(Deserialize)]
struct Apm {
    #[serde(default)]
    dependencies: Vec<ApmEntry>,
}

#[derive(Deserialize)]
struct ApmEntry {
    repo_url: String,
    resolved_commit: Option<String>,
    version: Option<String>,
    #[serde(default)]
    deployed_files: Vec<String>,
}

fn apm(note: &str) -> Option<Claims> {
    let lock: Apm = yaml(note)?;
    let mut claims = Claims::new();
    for entry in lock.dependencies {
        let revision = entry.resolved_commit.or(entry.version);
        let claim = Claim { tool: "APM", source: entry.repo_url, revision };
        let folders = entry.deployed_files.iter().filter_map(|file| skill_folder(file));
        claims.extend(folders.map(|folder| (folder.to_owned(), claim.clone())));
    }
    Some(claims)
}

/// `.claude/skills/x` of `.claude/skills/x/scripts/y`.
fn skill_folder(file: &str) -> Option<&str> {
    let start = file.find("skills/")? + "skills/".len();
    let end = file[start..].find('/').map_or(file.len(), |at| start + at);
    (end > start).then(|| &file[..end])
}

/// The part of ToolHive's lock that we read.
#[derive(Deserialize)]
struct ToolHive {
    #[serde(default)]
    skills: Vec<ToolHiveEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolHiveEntry {
    name: String,
    source: String,
    resolved_reference: Option<String>,
    version: Option<String>,
}

fn toolhive(note: &str) -> Option<Claims> {
    let lock: ToolHive = yaml(note)?;
    let claim = |entry: ToolHiveEntry| {
        let revision = entry.resolved_reference.or(entry.version);
        (entry.name, Claim { tool: "ToolHive", source: entry.source, revision })
    };
    Some(lock.skills.into_iter().map(claim).collect())
}

/// Attack: a note that unfolds into gigabytes. No anchors, and a budget.
fn yaml<'de, T: Deserialize<'de>>(note: &'de str) -> Option<T> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_documents: 1,
            max_depth: 16,
            max_inclusion_depth: 0,
        },
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(note, options).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, note: &str) -> Vec<(String, String, String)> {
        let known = LOCK_FILES.iter().find(|known| known.path == path).unwrap();
        let show = |(name, claim): (String, Claim)| {
            (name, format!("{}: {}", claim.tool, claim.source), claim.revision.unwrap_or_default())
        };
        known.claims(note.as_bytes()).into_iter().map(show).collect()
    }

    fn is(name: &str, source: &str, revision: &str) -> (String, String, String) {
        (name.to_owned(), source.to_owned(), revision.to_owned())
    }

    #[test]
    fn each_tool_in_its_own_form() {
        let npm = r#"{"version": 3, "skills": {"a": {"source": "acme/x", "sourceType": "github",
            "sourceUrl": "https://github.com/acme/x.git", "skillFolderHash": "9b1d"}}, "dismissed": {}}"#;
        assert_eq!(
            read(".agents/.skill-lock.json", npm),
            [is("a", "npm skills: https://github.com/acme/x.git", "9b1d")]
        );
        let project = r#"{"version": 1, "skills": {"a": {"source": "acme/x", "sourceType": "github", "computedHash": "77"}}}"#;
        assert_eq!(read("skills-lock.json", project), [is("a", "npm skills: acme/x", "77")]);
        let clawhub = r#"{"version": 1, "skills": {"a": {"version": "1.2.0", "ownerHandle": "mo", "registry": "https://r"}, "b": {"version": "2"}}}"#;
        assert_eq!(
            read(".openclaw/workspace/.clawhub/lock.json", clawhub),
            [is("a", "ClawHub: https://r @mo/a", "1.2.0"), is("b", "ClawHub: clawhub b", "2")]
        );
        let apm = "lockfile_version: '1'\ndependencies:\n- repo_url: github.com/acme/x\n  resolved_commit: 4f2c\n  deployed_files:\n  - .claude/skills/a/SKILL.md\n  - .claude/skills/a\n  - .github/prompts/b.md\n";
        assert_eq!(read("apm.lock.yaml", apm), [is(".claude/skills/a", "APM: github.com/acme/x", "4f2c")]);
        let toolhive = "version: 1\nskills:\n- name: a\n  source: ghcr.io/acme/a\n  resolvedReference: ghcr.io/acme/a@sha256:1\n  explicit: true\n";
        assert_eq!(
            read("toolhive.lock.yaml", toolhive),
            [is("a", "ToolHive: ghcr.io/acme/a", "ghcr.io/acme/a@sha256:1")]
        );
        let origin =
            origin(br#"{"version": 1, "registry": "https://r", "slug": "a", "installedVersion": "3"}"#);
        assert_eq!(origin.unwrap().source, "https://r a");
    }

    #[test]
    fn what_gh_wrote_into_the_card() {
        let card = "---\nname: a\ndescription: x\nmetadata:\n  github-repo: https://github.com/acme/x\n  github-ref: refs/tags/v1\n---\nB\n";
        let claim = from_card(&Card::parse(card.as_bytes()).unwrap()).unwrap();
        assert_eq!(
            (claim.source.as_str(), claim.revision.as_deref()),
            ("https://github.com/acme/x", Some("refs/tags/v1"))
        );
        assert_eq!(from_card(&Card::parse(b"---\nname: a\ndescription: x\n---\nB\n").unwrap()), None);
    }

    #[test]
    fn a_note_that_makes_no_sense_is_no_claim() {
        for file in LOCK_FILES {
            for bad in [
                "",
                "{}",
                "[]",
                "null",
                "skills: 1",
                r#"{"skills": []}"#,
                r#"{"skills": {"a": 1}}"#,
                "a: &x [*x]",
                "\u{0}",
            ] {
                assert!(file.claims(bad.as_bytes()).is_empty(), "{}: {bad:?}", file.path);
            }
            assert!(file.claims(b"\xff\xfe").is_empty());
        }
        let bomb = format!("skills:\n- name: {}\n", "[".repeat(100_000));
        assert!(read("toolhive.lock.yaml", &bomb).is_empty());
        assert_eq!(origin(b"{}"), None);
    }
}
