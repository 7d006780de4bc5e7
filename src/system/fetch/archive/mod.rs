//! An archive: `.tar.gz`, `.tgz`, `.zip`, read by our own
//! parsers and never unpacked.
//!
//! ```text
//!   check   the whole file, once: structure, names, sizes, checksums
//!           ─▶ list of files with the SHA-256 of each; SHA-256 of the archive
//!   copy    the same walk again; each file must be the one of the list,
//!           byte for byte, or nothing is kept
//! ```
//!
//! One form is taken, in which every tool reads the same; everything else is
//! refused with its reason, and nothing is repaired. Hard links, devices and odd
//! names refuse the whole archive, also outside of the skill that is wanted:
//! what they do to the rest depends on the tool. A symbolic link outside of
//! every skill is passed over; `link` says when. See `docs/archives.md`.
//!
//! Invariant: memory is bounded whatever the archive says; no buffer is sized
//! by a header but for names of at most 64 KiB.

mod gzip;
mod inflate;
mod link;
mod list;
mod pax;
mod pinned;
mod reason;
mod tar;
mod zip;
mod zip_record;

pub use list::Kind;
pub use reason::{Odd, Reason};

use super::folder::card_folders;
use super::{CARD, CARD_BYTES, FetchError, FetchOptions, Found, Listing, Origin, Sink};
use super::{fault, misshapen, over, shown};
use crate::model::digest::{self, Digest, Hasher};
use crate::model::limits::{Fault, Limits, Rule};
use crate::model::path::EntryPath;
use crate::model::source::{Format, Source, SourceKind};
#[cfg(feature = "https")]
use crate::model::text;
use list::List;
use pinned::{Pinned, changed};
use reason::{Trouble, odd_all};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use tar::Each;

/// Bytes read from the file at once.
const PIECE: usize = 64 << 10;
/// Bytes of all cards together: they are held in memory.
const CARDS: usize = 8 << 20;

/// An archive that was checked.
struct Archive {
    pinned: Pinned,
    format: Format,
    what: String,
    source: Source,
    notes: Vec<String>,
    list: List,
    /// The SHA-256 of each file's bytes, in the order of the list.
    digests: Vec<Digest>,
    skills: Vec<Found>,
}

/// Opens an archive and checks all of it.
pub(super) fn open(
    typed: &Path,
    format: Format,
    options: &FetchOptions,
) -> Result<Box<dyn Origin>, FetchError> {
    let (pinned, real) = Pinned::open(typed, options)?;
    let what = shown(&real);
    let location = real.to_str().ok_or_else(|| FetchError::NotARepository {
        what: what.clone(),
        why: "its path is not UTF-8 and cannot be recorded".to_owned(),
    })?;
    // It is found again by this path: by `update`, and by who reads the record.
    if Format::of(location) != Some(format) {
        let why = "what is named like an archive leads to a file that is not".to_owned();
        return Err(FetchError::NotARepository { what, why });
    }
    let location = location.to_owned();
    checked(pinned, format, what, location, Vec::new())
}

/// Opens an archive that was fetched from an address, which is its source.
#[cfg(feature = "https")]
pub(super) fn open_fetched(
    file: &Path,
    format: Format,
    url: &str,
    notes: Vec<String>,
    options: &FetchOptions,
) -> Result<Box<dyn Origin>, FetchError> {
    let (pinned, _) = Pinned::open(file, options)?;
    checked(pinned, format, text::escape_short(url, 300), url.to_owned(), notes)
}

fn checked(
    pinned: Pinned,
    format: Format,
    what: String,
    location: String,
    notes: Vec<String>,
) -> Result<Box<dyn Origin>, FetchError> {
    let Checked { list, digests, skills, digest, .. } =
        check(&pinned, format).map_err(|trouble| trouble.of(&what))?;
    let commit = Some(digest.to_string());
    let source = Source { commit, kind: SourceKind::Archive, location, path: None, reference: None };
    Ok(Box::new(Archive { pinned, format, what, source, notes, list, digests, skills }))
}

/// What the first pass found.
struct Checked {
    list: List,
    digests: Vec<Digest>,
    /// The SHA-256 of each link's target.
    targets: Vec<Digest>,
    skills: Vec<Found>,
    digest: Digest,
}

/// Walks the archive once: every entry to `each`, in its order. Gives the
/// SHA-256 of the whole file, whose every byte was read for it.
fn walk(pinned: &Pinned, format: Format, each: Each<'_>) -> Result<Digest, Trouble> {
    match format {
        Format::TarGz => {
            let mut gunzip =
                gzip::Gunzip::new(BufReader::with_capacity(PIECE, pinned.section(0, pinned.len())))?;
            tar::read(&mut gunzip, each)?;
            gunzip.into_source().into_inner().digest(&[])
        }
        Format::Zip => {
            let directory = zip::Directory::read(pinned)?;
            let section = pinned.section(0, directory.start);
            let mut source = BufReader::with_capacity(PIECE, section);
            zip::read(&mut source, &directory, each)?;
            source.into_inner().digest(&directory.bytes)
        }
    }
}

/// The first pass.
fn check(pinned: &Pinned, format: Format) -> Result<Checked, Trouble> {
    let (mut list, mut digests, mut cards) = (List::default(), Vec::new(), HashMap::new());
    let mut held = 0;
    let mut targets = Vec::new();
    let digest = walk(pinned, format, &mut |entry, data| {
        list.add(entry.name, entry.kind, entry.size)?;
        match entry.kind {
            Kind::File { .. } => {}
            Kind::Folder => return Ok(()),
            Kind::Link => {
                let mut target = Vec::new();
                data.take(link::TARGET + 1).read_to_end(&mut target)?;
                link::check_target(entry.name, &target)?;
                targets.push(digest::sha256(&[&target]));
                return Ok(());
            }
        }
        let is_card = list.files.last().is_some_and(|seen| seen.path.file_name() == CARD);
        let mut hashed = Hashed { data, hasher: Hasher::new() };
        if is_card {
            let mut card = Vec::new();
            hashed.by_ref().take(CARD_BYTES as u64).read_to_end(&mut card)?;
            held += card.len();
            if held > CARDS {
                return Err(Trouble::TooLarge(format!("{CARDS} bytes of cards")));
            }
            cards.insert(digests.len(), card);
        }
        io::copy(&mut hashed, &mut io::sink())?;
        digests.push(hashed.hasher.finish());
        Ok(())
    })?;
    if list.files.is_empty() {
        return Err(odd_all(Reason::Empty, ""));
    }
    let index: HashMap<&str, usize> =
        list.files.iter().enumerate().map(|(at, seen)| (seen.path.as_str(), at)).collect();
    let skills = card_folders(&list.files)
        .into_values()
        .map(|(path, card)| {
            let card = index.get(card.as_str()).and_then(|at| cards.get(at)).cloned();
            Found { path, card: card.unwrap_or_default() }
        })
        .collect();
    Ok(Checked { list, digests, targets, skills, digest })
}

/// An entry of a checked archive, whether or not it belongs to a skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub path: EntryPath,
    /// A file, or a link that is passed over.
    pub kind: Kind,
    /// The SHA-256 of the file's bytes or of the link's target.
    pub digest: Digest,
}

/// The checked list of an archive, before skills are looked for in it: its
/// files, then its links. For comparison with other readers.
///
/// # Errors
/// As [`super::open`].
pub fn members(path: &Path, format: Format, options: &FetchOptions) -> Result<Vec<Member>, FetchError> {
    let (pinned, real) = Pinned::open(path, options)?;
    listed(&pinned, format, &shown(&real))
}

/// As [`members`], of a file that is open already: one that has no name, so
/// that thousands can be read in a second.
///
/// # Errors
/// As [`members`].
pub fn members_in(file: File, format: Format, options: &FetchOptions) -> Result<Vec<Member>, FetchError> {
    let what = "an archive without a name";
    let pinned = Pinned::of(file, options).map_err(|error| FetchError::io(Path::new(what), error))?;
    listed(&pinned, format, what)
}

fn listed(pinned: &Pinned, format: Format, what: &str) -> Result<Vec<Member>, FetchError> {
    let Checked { list, digests, targets, .. } = check(pinned, format).map_err(|trouble| trouble.of(what))?;
    let files = list.files.into_iter().zip(digests).map(|(seen, digest)| Member {
        path: seen.path,
        kind: Kind::File { executable: seen.executable },
        digest,
    });
    let links = list.links.into_iter().zip(targets);
    Ok(files.chain(links.map(|(path, digest)| Member { path, kind: Kind::Link, digest })).collect())
}

impl Archive {
    /// The files of a skill by their place in the list, and every fault.
    fn plan(&self, skill: &Found, limits: &Limits) -> (HashMap<usize, EntryPath>, Vec<Fault>) {
        let (mut files, mut faults, mut total) = (HashMap::new(), Vec::new(), 0_u64);
        for (at, seen) in self.list.files.iter().enumerate() {
            let Some(path) = below(&seen.path, skill.path.as_ref()) else { continue };
            total = total.saturating_add(seen.size);
            faults.extend(misshapen(limits, &path).map(|rule| fault(Some(&path), rule)));
            faults.extend(over(limits, &path, seen.size, files.len() as u64 + 1, total));
            files.insert(at, path);
        }
        let mut paths: Vec<&str> = files.values().map(EntryPath::as_str).collect();
        paths.sort_unstable();
        for link in &self.list.links {
            faults.extend(below(link, skill.path.as_ref()).map(|path| fault(Some(&path), Rule::Link)));
        }
        for folder in &self.list.folders {
            let Some(path) = below(folder, skill.path.as_ref()) else { continue };
            let prefix = format!("{path}/");
            let next = paths.partition_point(|path| *path < prefix.as_str());
            if !paths.get(next).is_some_and(|path| path.starts_with(&prefix)) {
                faults.push(fault(Some(&path), Rule::EmptyFolder));
            }
        }
        faults.sort_by(|a, b| a.path.cmp(&b.path));
        faults.truncate(super::FAULTS);
        (files, faults)
    }
}

/// A path as seen from a folder above it; none for one that is elsewhere.
fn below(path: &EntryPath, folder: Option<&EntryPath>) -> Option<EntryPath> {
    let Some(folder) = folder else { return Some(path.clone()) };
    let rest = path.as_str().strip_prefix(folder.as_str())?.strip_prefix('/')?;
    EntryPath::parse(rest.as_bytes()).ok()
}

impl Origin for Archive {
    fn source(&self) -> &Source {
        &self.source
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn skills(&self) -> Result<Listing, FetchError> {
        let outside =
            |link: &&EntryPath| !self.skills.iter().any(|skill| below(link, skill.path.as_ref()).is_some());
        let links = self.list.links.iter().filter(outside).count() as u64;
        Ok(Listing { skills: self.skills.clone(), faults: Vec::new(), links })
    }

    fn copy(&self, skill: &Found, limits: &Limits, out: Sink<'_>) -> Result<(), FetchError> {
        let (mut files, faults) = self.plan(skill, limits);
        if !faults.is_empty() {
            return Err(FetchError::Refused(faults));
        }
        let mut next = 0;
        let walked = walk(&self.pinned, self.format, &mut |entry, data| {
            let Kind::File { executable } = entry.kind else { return Ok(()) };
            let at = next;
            next += 1;
            let Some(path) = files.remove(&at) else { return Ok(()) };
            // Attack: the file is written to between the passes.
            let (Some(seen), Some(digest)) = (self.list.files.get(at), self.digests.get(at)) else {
                return Err(changed());
            };
            let name = entry.name.strip_prefix(b"./").unwrap_or(entry.name);
            if (name, executable, entry.size) != (seen.path.as_str().as_bytes(), seen.executable, seen.size) {
                return Err(changed());
            }
            let mut hashed = Hashed { data, hasher: Hasher::new() };
            out(&path, executable, entry.size, &mut hashed)?;
            io::copy(&mut hashed, &mut io::sink())?;
            if hashed.hasher.finish() != *digest {
                return Err(changed());
            }
            // Nothing of what follows is wanted; all of it was checked.
            if files.is_empty() { Err(Trouble::Enough) } else { Ok(()) }
        });
        match walked {
            Ok(_) if !files.is_empty() => Err(changed().of(&self.what)),
            Ok(_) | Err(Trouble::Enough) => Ok(()),
            Err(trouble) => Err(trouble.of(&self.what)),
        }
    }
}

/// Data on its way, hashed.
struct Hashed<'a> {
    data: &'a mut dyn Read,
    hasher: Hasher,
}

impl Read for Hashed<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.data.read(out)?;
        self.hasher.update(&out[..n]);
        Ok(n)
    }
}
