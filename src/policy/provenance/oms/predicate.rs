//! The OMS predicate: which files, by which hash, listed how.

use super::PREDICATE_TYPE;
use crate::model::digest::Digest;
use crate::model::json::Value;
use crate::model::path::EntryPath;
use crate::model::text;
use crate::policy::provenance::statement::Statement;
use crate::policy::provenance::verdict::Verdict;
use std::collections::BTreeSet;

/// The predicate of version 0.2, which held the files as subjects.
const OLD_TYPE: &str = "https://model_signing/Digests/v0.1";

/// One listed file.
pub(super) struct Resource {
    /// Its path inside the skill.
    pub(super) name: EntryPath,
    /// SHA-256 of its bytes.
    pub(super) digest: Digest,
    /// Whether it was executable, where the signer says so.
    pub(super) executable: Option<bool>,
}

/// What was signed about files.
pub(super) struct Predicate {
    /// In the order of the statement, no name twice, at least one.
    pub(super) resources: Vec<Resource>,
    /// What the signer left out.
    pub(super) ignored: Vec<String>,
    /// Whether links were followed.
    pub(super) followed_links: bool,
}

impl Predicate {
    /// Takes the predicate out of a statement.
    pub(super) fn read(statement: &Statement) -> Result<Self, Verdict> {
        let invalid = |why: &str| Verdict::Invalid(format!("the statement: {why}"));
        match statement.predicate_type.as_str() {
            PREDICATE_TYPE => {}
            OLD_TYPE => return Err(Verdict::Unsupported(format!("statements of type {OLD_TYPE}"))),
            other => {
                let quoted = text::escape_short(other, 80);
                return Err(invalid(&format!("its predicateType is `{quoted}`, not `{PREDICATE_TYPE}`")));
            }
        }
        // The schema allows no more; what another reader makes of it is not known.
        if statement.predicate.unknown(&["resources", "serialization"]).is_some() {
            return Err(invalid("the predicate has an unknown member"));
        }
        let how = statement.predicate.get("serialization").ok_or_else(|| invalid("no serialization"))?;
        let (ignored, followed_links) = serialization(how)?;
        let list = statement.predicate.get("resources").and_then(Value::as_list);
        let list = list.ok_or_else(|| invalid("no list of resources"))?;
        if list.is_empty() {
            return Err(invalid("it lists no file at all, so it vouches for none"));
        }
        let resources =
            list.iter().map(resource).collect::<Result<Vec<_>, _>>().map_err(|why| invalid(&why))?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = resources.iter().find(|one| !seen.insert(&one.name)) {
            return Err(invalid(&format!("it lists `{}` twice", text::escape(twice.name.as_str()))));
        }
        Ok(Self { resources, ignored, followed_links })
    }
}

/// What was ignored, and whether links were followed.
fn serialization(json: &Value) -> Result<(Vec<String>, bool), Verdict> {
    let invalid = |why: &str| Verdict::Invalid(format!("the statement's serialization: {why}"));
    let word = |name: &str| json.get(name).and_then(Value::as_text).unwrap_or_default();
    match word("method") {
        "files" => {}
        "shards" => {
            return Err(Verdict::Unsupported(
                "files signed in pieces (method `shards`); sign with method `files`".to_owned(),
            ));
        }
        _ => return Err(invalid("its method is neither `files` nor `shards`")),
    }
    match word("hash_type") {
        "sha256" => {}
        other @ ("blake2b" | "blake2" | "blake3") => {
            return Err(Verdict::Unsupported(format!("files hashed with {other}; sign with sha256")));
        }
        _ => return Err(invalid("its hash_type is not sha256")),
    }
    if json.unknown(&["method", "hash_type", "allow_symlinks", "ignore_paths"]).is_some() {
        return Err(invalid("an unknown member"));
    }
    let Some(Value::Bool(followed)) = json.get("allow_symlinks") else {
        return Err(invalid("allow_symlinks is neither true nor false"));
    };
    let ignored = match json.get("ignore_paths") {
        None => Vec::new(),
        Some(list) => {
            let texts = list
                .as_list()
                .map(|items| items.iter().map(|item| Some(item.as_text()?.to_owned())).collect());
            texts.flatten().ok_or_else(|| invalid("ignore_paths is no list of texts"))?
        }
    };
    Ok((ignored, *followed))
}

fn resource(json: &Value) -> Result<Resource, String> {
    let member = |name: &str| {
        json.get(name).and_then(Value::as_text).ok_or_else(|| format!("a resource without `{name}`"))
    };
    let name = member("name")?;
    let quoted = || text::escape_short(name, 120);
    // Attack: `./run.sh` or `a/../run.sh` is another file to one program and the
    // same to the next. The rule is that of names in a skill.
    let path =
        EntryPath::parse(name.as_bytes()).map_err(|fault| format!("it lists `{}`: {fault}", quoted()))?;
    if member("algorithm")? != "sha256" {
        return Err(format!("`{}` is not hashed with sha256, as the whole is", quoted()));
    }
    let digest = Digest::from_hex(member("digest")?);
    let digest =
        digest.map_err(|_| format!("the digest of `{}` is not 64 lower-case hex digits", quoted()))?;
    let annotations = json.get("annotations");
    if annotations.is_some_and(|all| all.as_map().is_none()) {
        return Err(format!("the annotations of `{}` are no object", quoted()));
    }
    // Attack: `0100755` is one mode to one program and none to the next.
    let executable = match annotations.and_then(|all| all.get("mode")).map(Value::as_text) {
        None => None,
        Some(Some("100755")) => Some(true),
        Some(Some("100644")) => Some(false),
        Some(_) => return Err(format!("the mode of `{}` is neither 100644 nor 100755", quoted())),
    };
    Ok(Resource { name: path, digest, executable })
}
