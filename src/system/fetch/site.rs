//! A site that publishes its skills: the index at
//! `/.well-known/agent-skills/index.json`, Agent Skills Discovery 0.2.0.
//!
//! ```text
//!   index     one file, at most 1 MiB; its `$schema` decides how it is read
//!   entries   name, type, url, digest: a `SKILL.md`, or an archive with one at its root
//!   files     each fetched whole, and dropped unless its SHA-256 is the entry's
//! ```
//!
//! The digest says that this is the file which the index means; both come from
//! the same publisher, so it proves nothing more, and the pin a person makes is
//! ours. It does make an address on another host safe to follow, which the
//! specification allows: over https alone, and to public addresses alone.
//!
//! What the specification lets a client pass over is passed over and said:
//! entries of an unknown type. An unknown `$schema` ends it.
//!
//! Attack: an entry twice under one name, one harmless and one not; a name that
//! is none; an index of a million entries; an address with a password in it; an
//! archive whose card lies in a folder inside, where other clients find none.

use super::download::{Download, Downloads};
use super::{CARD, CARD_BYTES, FetchError, FetchOptions, Found, Listing, Origin, Sink};
use super::{archive, over, web};
use crate::model::digest::{Digest, sha256};
use crate::model::limits::Limits;
use crate::model::path::EntryPath;
use crate::model::skill::SkillName;
use crate::model::source::{Format, INDEX, Source, SourceKind};
use crate::model::text;
use reqwest::Url;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The index that we read.
const SCHEMA: &str = "https://schemas.agentskills.io/discovery/0.2.0/schema.json";
/// Bytes of an index, and entries in it.
const INDEX_BYTES: u64 = 1 << 20;
const ENTRIES: usize = 500;
/// Other hosts, and skills of one, that a note names.
const NAMED: usize = 10;

/// The index as published; what is not known is left alone, as its specification asks.
#[derive(Deserialize)]
struct Index {
    #[serde(rename = "$schema")]
    schema: Option<String>,
    #[serde(default)]
    skills: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    url: String,
    digest: String,
}

/// A site, all of whose skills are here.
struct Site {
    source: Source,
    notes: Vec<String>,
    skills: Vec<Published>,
}

/// One skill of a site.
struct Published {
    found: Found,
    digest: Digest,
    content: Content,
}

enum Content {
    Card(PathBuf),
    Archive(Box<dyn Origin>),
}

/// Reads the index and fetches what it names.
pub(super) fn open(url: &str, scratch: &Path, options: &FetchOptions) -> Result<Box<dyn Origin>, FetchError> {
    let what = text::escape_short(url, 300);
    let downloads = Downloads::new(url, scratch, options)?;
    let asked = format!("{url}/{INDEX}");
    let file = downloads.fetch(&asked, "index.json", INDEX_BYTES)?;
    let mut notes = web::notes(&asked, Some(&file.url));
    let bytes = std::fs::read(&file.path).map_err(|error| FetchError::io(&file.path, error))?;
    let fail = |why: String| FetchError::NotARepository { what: what.clone(), why };
    let entries = entries(&bytes, &mut notes).map_err(fail)?;
    let base = Url::parse(&file.url).map_err(|error| fail(error.to_string()))?;
    let mut skills = Vec::with_capacity(entries.len());
    let mut elsewhere: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let (published, from) = publish(&downloads, &base, entry, at, options)?;
        skills.push(published);
        if let Some(host) = another(url, &from) {
            elsewhere.entry(host).or_default().push(entry.name.as_str());
        }
    }
    notes.extend(from_others(&elsewhere));
    let source = Source {
        commit: None,
        kind: SourceKind::Site,
        location: url.to_owned(),
        path: None,
        reference: None,
    };
    Ok(Box::new(Site { source, notes, skills }))
}

/// The host that an address is at, if it is not the site's.
fn another(site: &str, from: &str) -> Option<String> {
    let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin().ascii_serialization());
    origin(from).filter(|host| origin(site).as_ref() != Some(host))
}

/// Who else publishes what the site names: the person typed one host, and
/// others saw that it is fetched.
fn from_others(hosts: &BTreeMap<String, Vec<&str>>) -> Vec<String> {
    let line = |(host, names): (&String, &Vec<&str>)| {
        let shown: Vec<_> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
        let more = if names.len() > NAMED { ", …" } else { "" };
        let are = if names.len() == 1 { "comes" } else { "come" };
        format!("{}{more} {are} from another host, {}", shown.join(", "), text::escape_short(host, 200))
    };
    let mut notes: Vec<_> = hosts.iter().take(NAMED).map(line).collect();
    if hosts.len() > NAMED {
        notes.push(format!("{} more hosts are named by its index", hosts.len() - NAMED));
    }
    notes
}

/// An entry, checked.
struct Checked {
    name: SkillName,
    is_archive: bool,
    url: String,
    digest: Digest,
}

/// The entries that are understood. The first that is wrong ends it: what a
/// site publishes next to a broken entry is nothing to build on.
fn entries(bytes: &[u8], notes: &mut Vec<String>) -> Result<Vec<Checked>, String> {
    let index: Index = serde_json::from_slice(bytes)
        .map_err(|error| format!("its index is not read: {}", text::escape_short(&error.to_string(), 200)))?;
    match index.schema.as_deref() {
        Some(SCHEMA) => {}
        Some(other) => {
            return Err(format!("its index says `$schema` {}, not {SCHEMA}", text::escape_short(other, 200)));
        }
        None => return Err(format!("its index has no `$schema`; {SCHEMA} is the one that holds digests")),
    }
    if index.skills.len() > ENTRIES {
        return Err(format!("its index has {} entries, more than {ENTRIES}", index.skills.len()));
    }
    let (mut out, mut names) = (Vec::new(), BTreeSet::new());
    for entry in index.skills {
        let shown = text::escape_short(&entry.name, 80);
        let name =
            SkillName::parse(&entry.name).map_err(|bad| format!("its index names `{shown}`: {bad}"))?;
        if !names.insert(name.clone()) {
            return Err(format!("its index names `{name}` twice"));
        }
        let is_archive = match entry.kind.as_str() {
            "archive" => true,
            "skill-md" => false,
            other => {
                let other = text::escape_short(other, 60);
                notes.push(format!("`{name}` is passed over: its type `{other}` is unknown"));
                continue;
            }
        };
        let digest = entry.digest.strip_prefix("sha256:").and_then(|hex| Digest::from_hex(hex).ok());
        let digest = digest.ok_or_else(|| {
            let digest = text::escape_short(&entry.digest, 80);
            format!("the digest of `{name}` is `{digest}`, not `sha256:` and 64 hex digits")
        })?;
        out.push(Checked { name, is_archive, url: entry.url, digest });
    }
    Ok(out)
}

/// Fetches what an entry names and checks that it is that; with where it came
/// from in the end.
fn publish(
    downloads: &Downloads<'_>,
    base: &Url,
    entry: &Checked,
    at: usize,
    options: &FetchOptions,
) -> Result<(Published, String), FetchError> {
    let Checked { name, digest, .. } = entry;
    let fail = |why: String| FetchError::Broken { what: format!("`{name}` of the index"), why };
    let url = base.join(&entry.url).map_err(|error| fail(format!("its address: {error}")))?;
    let shown = text::escape_short(&format!("{}://{}", url.scheme(), url.host_str().unwrap_or("?")), 200);
    if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
        return Err(fail(format!("its address is at {shown}, which is not https, or holds a user name")));
    }
    let limit = if entry.is_archive { u64::MAX } else { Limits::CEILING.file };
    let file = downloads.fetch(url.as_str(), &format!("file-{at}"), limit)?;
    let found = hash(&file.path)?;
    if found != *digest {
        return Err(fail(format!(
            "the index says sha256:{}, what came is sha256:{}",
            digest.hex(),
            found.hex()
        )));
    }
    let path = Some(EntryPath::parse(name.as_str().as_bytes()).map_err(|bad| fail(bad.to_string()))?);
    if !entry.is_archive {
        let mut card = Vec::new();
        let io = |error| FetchError::io(&file.path, error);
        File::open(&file.path).map_err(io)?.take(CARD_BYTES as u64).read_to_end(&mut card).map_err(io)?;
        let content = Content::Card(file.path);
        return Ok((Published { found: Found { path, card }, digest: *digest, content }, file.url));
    }
    let format = format(&file, &url).ok_or_else(|| {
        let kind = text::escape_short(&file.kind, 60);
        fail(format!("neither its content type `{kind}` nor its address tells .tar.gz or .zip"))
    })?;
    let origin = archive::open_fetched(&file.path, format, url.as_str(), Vec::new(), options)?;
    let listing = origin.skills()?;
    let root = listing.skills.into_iter().find(|skill| skill.path.is_none());
    let root = root.ok_or_else(|| fail(format!("its archive has no {CARD} at the root")))?;
    let content = Content::Archive(origin);
    Ok((Published { found: Found { path, card: root.card }, digest: *digest, content }, file.url))
}

/// The server's word first, then the address, as the specification has it.
fn format(file: &Download, url: &Url) -> Option<Format> {
    match file.kind.as_str() {
        "application/gzip" | "application/x-gzip" | "application/x-tgz" | "application/x-gtar" => {
            Some(Format::TarGz)
        }
        "application/zip" | "application/x-zip-compressed" => Some(Format::Zip),
        _ => Format::of(url.path()),
    }
}

fn hash(path: &Path) -> Result<Digest, FetchError> {
    let io = |error| FetchError::io(path, error);
    let mut file = File::open(path).map_err(io)?;
    let mut hasher = crate::model::digest::Hasher::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => return Ok(hasher.finish()),
            count => hasher.update(&buffer[..count]),
        }
    }
}

impl Origin for Site {
    fn source(&self) -> &Source {
        &self.source
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn skills(&self) -> Result<Listing, FetchError> {
        let skills = self.skills.iter().map(|skill| skill.found.clone()).collect();
        Ok(Listing { skills, ..Listing::default() })
    }

    fn copy(&self, skill: &Found, limits: &Limits, out: Sink<'_>) -> Result<(), FetchError> {
        let missing = || FetchError::Missing {
            what: self.source.location.clone(),
            path: skill.path.as_ref().map(ToString::to_string).unwrap_or_default(),
        };
        let skill = self.skills.iter().find(|known| known.found.path == skill.path).ok_or_else(missing)?;
        let file = match &skill.content {
            Content::Archive(origin) => {
                let root = Found { path: None, card: skill.found.card.clone() };
                return origin.copy(&root, limits, out);
            }
            Content::Card(file) => file,
        };
        let io = |error| FetchError::io(file, error);
        let card = EntryPath::parse(CARD.as_bytes()).map_err(|_| missing())?;
        let mut bytes = Vec::new();
        // Read once and hashed as read: the scratch folder is private, but what
        // is handed out is what was checked.
        File::open(file).map_err(io)?.take(Limits::CEILING.file + 1).read_to_end(&mut bytes).map_err(io)?;
        let size = bytes.len() as u64;
        let faults = over(limits, &card, size, 1, size);
        if !faults.is_empty() {
            return Err(FetchError::Refused(faults));
        }
        if sha256(&[&bytes]) != skill.digest {
            return Err(FetchError::Broken {
                what: super::shown(file),
                why: "it changed while it was read".to_owned(),
            });
        }
        out(&card, false, size, &mut bytes.as_slice()).map_err(io)
    }

    fn source_of(&self, skill: &Found) -> Source {
        let known = self.skills.iter().find(|known| known.found.path == skill.path);
        let commit = known.map(|known| format!("sha256:{}", known.digest.hex()));
        Source { path: skill.path.clone(), commit, ..self.source.clone() }
    }
}
