//! A publisher's folder as it is: every root from the first on, what is
//! published now, and what still lacks signatures.
//!
//! Nothing in the folder is taken on its word. Attack: a pull request, or a
//! share that others can write, brings other targets under the old signatures,
//! and the next change by somebody with a key would sign them along. So what
//! is published is verified before anything is built on it; drafts, which are
//! not signed yet, are shown to whoever signs them.

use super::super::World;
use super::super::session::{Depth, Session, real};
use super::check;
use crate::model::code::{Code, Stop};
use crate::model::digest::{Digest, sha256};
use crate::model::text;
use crate::model::time;
use crate::model::tuf::publish::{Draft, RootPlan};
use crate::model::tuf::{
    Malformed, Metadata, Root, Snapshot, Targets, Timestamp, Trusted, Unverified, file_of,
};
use crate::policy::provenance::tuf::{ROOT_MAX, ROOTS_MAX, SNAPSHOT_MAX, TARGETS_MAX, TIMESTAMP_MAX};
use crate::system::publishing::{DRAFTS, Space};
use crate::system::roots::{METADATA, TARGETS};
use std::path::{Path, PathBuf};

/// A folder that was read.
#[derive(Debug)]
pub struct Team {
    pub(super) space: Space,
    /// As it was named.
    pub path: PathBuf,
    /// The first root: what others pin.
    pub first: Vec<u8>,
    /// The newest one.
    pub root: Trusted<Root>,
    /// The top-level targets.
    pub targets: Trusted<Targets>,
    /// Every targets file, the top-level one first, by role.
    pub roles: Vec<(String, Vec<u8>)>,
    /// What the timestamp names.
    pub snapshot: Trusted<Snapshot>,
    /// The newest timestamp.
    pub timestamp: Trusted<Timestamp>,
    /// What lacks signatures.
    pub pending: Pending,
}

/// Drafts that could become the next version.
#[derive(Debug, Default)]
pub struct Pending {
    /// Of the root.
    pub root: Option<Vec<u8>>,
    /// Of the top-level targets.
    pub targets: Option<Vec<u8>>,
}

impl Pending {
    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.root.is_none() && self.targets.is_none()
    }
}

/// The folder as a person types it in a command.
#[must_use]
pub fn typed(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    text::shell_bytes(path.as_os_str().as_bytes())
}

pub(super) fn io(path: &Path, what: &str) -> impl Fn(std::io::Error) -> Stop + use<> {
    let what = format!("{}: {what}", text::escape(&path.to_string_lossy()));
    move |error| {
        Stop::new(Code::Io, format!("{what}: {error}"), "nothing was published; mend that, and run it again")
    }
}

/// Refuses a folder in our own home, and one that holds it: what is published
/// is for everybody to read, the home for nobody else.
pub(super) fn outside_home(world: &World, path: &Path) -> Result<(), Stop> {
    let (folder, home) = (real(path), real(&world.home));
    if folder.starts_with(&home) || home.starts_with(&folder) {
        let what = format!(
            "{} and the home {} lie in one another; a trust root is for others to read, a home is not",
            text::escape(&path.to_string_lossy()),
            text::escape(&world.home.to_string_lossy())
        );
        return Err(Stop::new(Code::TargetUnsafe, what, "name a folder elsewhere"));
    }
    Ok(())
}

pub(super) fn lock(space: &Space, path: &Path) -> Result<(), Stop> {
    if space.lock().map_err(io(path, "it cannot be locked"))? {
        return Ok(());
    }
    let what = format!("another process works on {}", text::escape(&path.to_string_lossy()));
    Err(Stop::new(Code::Busy, what, "wait until it is done, then run it again"))
}

impl Team {
    /// Opens a folder to change it.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) fn to_change(world: &World, path: &Path, command: &str) -> Result<Self, Stop> {
        world.no_agent(command)?;
        outside_home(world, path)?;
        let space = open(path)?;
        lock(&space, path)?;
        Self::read(space, path)
    }

    /// Opens a folder to look at it.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn to_look(path: &Path) -> Result<Self, Stop> {
        Self::read(open(path)?, path)
    }

    fn read(space: Space, path: &Path) -> Result<Self, Stop> {
        let reader = Reader { space: &space, path };
        let (first, root) = reader.roots()?;
        let stamp = reader.need(&file_of("timestamp", None), TIMESTAMP_MAX)?;
        let timestamp =
            reader.verified::<Timestamp>(&stamp, "timestamp.json", &root, |root| &root.timestamp)?;
        let name = file_of("snapshot", Some(timestamp.get().snapshot.version));
        let bytes = reader.need(&name, SNAPSHOT_MAX)?;
        if !timestamp.get().snapshot.fits(&bytes) {
            return Err(reader.broken(&name, "it is not the one that the timestamp names"));
        }
        let snapshot = reader.verified::<Snapshot>(&bytes, &name, &root, |root| &root.snapshot)?;
        let mut roles = Vec::new();
        for (file, meta) in &snapshot.get().meta {
            let role = file.strip_suffix(".json").unwrap_or(file);
            let name = file_of(role, Some(meta.version));
            let bytes = reader.need(&name, TARGETS_MAX)?;
            if !meta.fits(&bytes) {
                return Err(reader.broken(&name, "it is not the one that the snapshot names"));
            }
            let at = if role == "targets" { 0 } else { roles.len() };
            roles.insert(at, (role.to_owned(), bytes));
        }
        let Some((_, bytes)) = roles.first().filter(|(role, _)| role == "targets") else {
            return Err(reader.broken("its snapshot", "it names no targets.json"));
        };
        let name = file_of("targets", snapshot.get().of("targets").map(|meta| meta.version));
        let targets = reader.verified::<Targets>(bytes, &name, &root, |root| &root.targets)?;
        let pending = Pending {
            root: reader.draft::<Root>("root", root.bytes(), ROOT_MAX)?,
            targets: reader.draft::<Targets>("targets", targets.bytes(), TARGETS_MAX)?,
        };
        Ok(Self { path: path.to_owned(), first, root, targets, roles, snapshot, timestamp, pending, space })
    }

    /// The content of a target as the drafts have it, or as published.
    pub(super) fn content(&self, path: &str) -> Result<Option<Vec<u8>>, Stop> {
        let draft = self.pending.targets.as_deref().map(unsigned::<Targets>).transpose();
        let draft = draft.map_err(|bad| self.malformed("drafts/targets.json", &bad))?;
        self.target(draft.as_ref().unwrap_or_else(|| self.targets.get()), path)
    }

    /// The content of a target as it is published.
    pub(super) fn published(&self, path: &str) -> Result<Option<Vec<u8>>, Stop> {
        self.target(self.targets.get(), path)
    }

    /// Refuses drafted targets that clients would not take: what somebody else
    /// drafted, with other tools or by hand, is read like what is set here.
    pub(super) fn check_draft(&self) -> Result<(), Stop> {
        let Some(bytes) = &self.pending.targets else { return Ok(()) };
        let next: Targets = unsigned(bytes).map_err(|bad| self.malformed("drafts/targets.json", &bad))?;
        let now = &self.targets.get().files;
        for (path, file) in next.files.iter().filter(|(path, file)| now.get(*path) != Some(*file)) {
            let content = self.target(&next, path)?.unwrap_or_default();
            let before = self.published(path)?;
            let good = check::terms(path, file.custom.as_ref());
            if let Err(why) = good.and_then(|()| check::content(path, &content, before.as_deref())) {
                let what = format!(
                    "{}: clients would not take it: {}",
                    text::escape_short(path, 120),
                    text::escape(&why)
                );
                let next = format!(
                    "set it again, or throw the draft away: skills roots discard {}",
                    typed(&self.path)
                );
                return Err(Stop::new(Code::SourceBroken, what, next));
            }
        }
        Ok(())
    }

    /// The bytes of a target as these targets list it.
    pub(super) fn target(&self, targets: &Targets, path: &str) -> Result<Option<Vec<u8>>, Stop> {
        let Some(file) = targets.files.get(path) else { return Ok(None) };
        let shown = text::escape_short(path, 120);
        let place = file.place(path, true).unwrap_or_default();
        let bytes = self.space.read(&format!("{TARGETS}/{place}"), file.length);
        let bytes = bytes.map_err(io(&self.path, &format!("`{shown}` cannot be read")))?;
        match bytes.filter(|bytes| file.fits(bytes)) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(Stop::new(
                Code::SourceBroken,
                format!("{shown}: its file below targets/ is missing or is not the one that is listed"),
                format!(
                    "set it again: skills roots set {} {} FILE",
                    typed(&self.path),
                    text::shell_word(path)
                ),
            )),
        }
    }

    /// The roles as the drafts have them, or as published.
    pub(super) fn plan(&self) -> Result<RootPlan, Stop> {
        let draft = self.pending.root.as_deref().map(unsigned::<Root>).transpose();
        let draft = draft.map_err(|bad| self.malformed("drafts/root.json", &bad))?;
        Ok(RootPlan::of(draft.as_ref().unwrap_or_else(|| self.root.get())))
    }

    pub(super) fn malformed(&self, what: &str, bad: &Malformed) -> Stop {
        Reader { space: &self.space, path: &self.path }.broken(what, &bad.to_string())
    }

    /// What somebody who signs now signs, in one value: the digest of the one
    /// draft, or of the digests of both.
    ///
    /// # Errors
    /// [`Stop`] for a draft that cannot be read.
    pub fn stake(&self) -> Result<Digest, Stop> {
        let digest = |bytes: &Option<Vec<u8>>, role: &str| {
            let digest = bytes.as_deref().map(|bytes| Draft::open(bytes).map(|draft| draft.digest()));
            digest.transpose().map_err(|bad| self.malformed(&format!("drafts/{role}.json"), &bad))
        };
        let both = (digest(&self.pending.root, "root")?, digest(&self.pending.targets, "targets")?);
        Ok(match both {
            (Some(root), Some(targets)) => sha256(&[root.as_bytes(), targets.as_bytes()]),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Digest::ZERO,
        })
    }

    /// Writes a draft for others to sign.
    pub(super) fn keep_draft(&mut self, role: &str, draft: &Draft) -> Result<(), Stop> {
        let bytes = draft.to_bytes();
        let put = self.space.put(&format!("{DRAFTS}/{role}.json"), &bytes);
        put.map_err(io(&self.path, "the draft cannot be written"))?;
        let slot = if role == "root" { &mut self.pending.root } else { &mut self.pending.targets };
        *slot = Some(bytes);
        Ok(())
    }

    /// Throws drafts away.
    pub(super) fn drop_draft(&mut self, role: &str) -> Result<(), Stop> {
        let dropped = self.space.drop_file(&format!("{DRAFTS}/{role}.json"));
        dropped.map_err(io(&self.path, "the draft cannot be taken away"))?;
        *(if role == "root" { &mut self.pending.root } else { &mut self.pending.targets }) = None;
        Ok(())
    }
}

fn open(path: &Path) -> Result<Space, Stop> {
    Space::open(path).map_err(|error| {
        let what = format!("{}: {error}", text::escape(&path.to_string_lossy()));
        let make = format!("make a trust root there: skills roots init {} --key NAME", typed(path));
        Stop::new(Code::Io, what, make)
    })
}

/// What a draft says, whoever signed it.
pub(super) fn unsigned<T: Metadata>(bytes: &[u8]) -> Result<T, Malformed> {
    Draft::open(bytes)?.says()
}

struct Reader<'a> {
    space: &'a Space,
    path: &'a Path,
}

impl Reader<'_> {
    fn file(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, Stop> {
        let place = format!("{METADATA}/{name}");
        let bytes = self.space.read(&place, max).map_err(io(self.path, &place))?;
        if bytes.as_ref().is_some_and(|bytes| bytes.len() as u64 > max) {
            return Err(self.broken(name, &format!("it is longer than {max} bytes")));
        }
        Ok(bytes)
    }

    fn need(&self, name: &str, max: u64) -> Result<Vec<u8>, Stop> {
        self.file(name, max)?.ok_or_else(|| self.broken(name, "it is missing"))
    }

    fn broken(&self, name: &str, why: &str) -> Stop {
        let what = format!("{}: {name}: {why}", text::escape(&self.path.to_string_lossy()));
        let next = "get back the folder as it was last published, from its git repository or web space";
        Stop::new(Code::SourceBroken, what, next)
    }

    /// The first root and the newest, each signed by the one before it.
    fn roots(&self) -> Result<(Vec<u8>, Trusted<Root>), Stop> {
        let Some(first) = self.file("1.root.json", ROOT_MAX)? else {
            let what = format!("{} holds no trust root", text::escape(&self.path.to_string_lossy()));
            let next = format!("make one: skills roots init {} --key NAME", typed(self.path));
            return Err(Stop::new(Code::SourceBroken, what, next));
        };
        let bad = |name: &str| {
            let name = name.to_owned();
            move |why: String| self.broken(&name, &why)
        };
        let parse = |bytes: &[u8], name: &str| {
            Unverified::<Root>::parse(bytes).map_err(|why| bad(name)(why.to_string()))
        };
        let root = parse(&first, "1.root.json")?.verify_pinned();
        let mut root = root.map_err(|why| bad("1.root.json")(why.to_string()))?;
        for _ in 0..ROOTS_MAX * 4 {
            let version = root.get().head.version + 1;
            let name = file_of("root", Some(version));
            let Some(bytes) = self.file(&name, ROOT_MAX)? else { break };
            let next = parse(&bytes, &name)?.verify_next(root.get());
            root = next.map_err(|why| bad(&name)(why.to_string()))?;
            if root.get().head.version != version {
                return Err(self.broken(&name, "it names another version in it"));
            }
        }
        if !root.get().consistent {
            let name = file_of("root", Some(root.get().head.version));
            return Err(self.broken(&name, "it is kept without consistent snapshots, which is not done here"));
        }
        Ok((first, root))
    }

    fn verified<T: Metadata>(
        &self,
        bytes: &[u8],
        name: &str,
        root: &Trusted<Root>,
        role: impl Fn(&Root) -> &crate::model::tuf::Role,
    ) -> Result<Trusted<T>, Stop> {
        let file = Unverified::<T>::parse(bytes).map_err(|bad| self.broken(name, &bad.to_string()))?;
        let root = root.get();
        file.verify(&root.keys, role(root)).map_err(|few| self.broken(name, &few.to_string()))
    }

    /// A draft, if it could follow what is published. One that was published
    /// already is what a crash left, and is none.
    fn draft<T: Metadata>(&self, role: &str, now: &[u8], max: u64) -> Result<Option<Vec<u8>>, Stop> {
        let place = format!("{DRAFTS}/{role}.json");
        let Some(bytes) = self.space.read(&place, max).map_err(io(self.path, &place))? else {
            return Ok(None);
        };
        let stop = |bad: &Malformed| self.broken(&place, &bad.to_string());
        let published: T = unsigned(now).map_err(|bad| stop(&bad))?;
        let draft: T = unsigned(&bytes).map_err(|bad| stop(&bad))?;
        let digest = |bytes: &[u8]| Draft::open(bytes).map(|draft| draft.digest());
        if digest(now).map_err(|bad| stop(&bad))? == digest(&bytes).map_err(|bad| stop(&bad))? {
            return Ok(None);
        }
        let (next, found) = (published.head().version + 1, draft.head().version);
        if found != next {
            let what = format!(
                "{}: {place} would be version {found}, and the next one is {next}: it was begun before another one was published",
                text::escape(&self.path.to_string_lossy())
            );
            let next =
                format!("throw it away and make the change again: skills roots discard {}", typed(self.path));
            return Err(Stop::new(Code::SourceBroken, what, next));
        }
        Ok(Some(bytes))
    }
}

/// Throws away what is not signed; reads nothing else, so that it works when
/// a draft cannot be read.
///
/// # Errors
/// [`Stop`].
pub fn discard(world: &World, path: &Path, dry: bool) -> Result<Vec<String>, Stop> {
    world.no_agent(&format!("skills roots discard {}", typed(path)))?;
    outside_home(world, path)?;
    let space = open(path)?;
    lock(&space, path)?;
    let mut gone = Vec::new();
    for name in ["root.json", "targets.json"] {
        let place = format!("{DRAFTS}/{name}");
        let there = space.list(DRAFTS).map_err(io(path, "its drafts"))?.iter().any(|found| found == name);
        if there && !dry {
            space.drop_file(&place).map_err(io(path, &place))?;
        }
        gone.extend(there.then_some(place));
    }
    Ok(gone)
}

/// Records what was published, if this account has a home. It has no part in
/// what others read, so what goes wrong here is told and undoes nothing.
pub(super) fn record(world: &World, team: &Path, what: &str) -> Option<Stop> {
    let folder = text::escape_short(&real(team).to_string_lossy(), 300);
    let noted = Session::open(world, Depth::All)
        .and_then(|mut session| session.note("publish", format!("trust root {folder}: {what}")).map(|_| ()));
    noted.err().filter(|stop| stop.code != Code::HomeMissing)
}

/// An end that a person typed, or so many days from now.
pub(super) fn until(typed: Option<&str>, days: i64, now: time::Timestamp) -> Result<time::Timestamp, Stop> {
    let Some(typed) = typed else { return Ok(time::Timestamp::from_unix(now.unix() + days * 86_400)) };
    let shown = text::escape_short(typed, 40);
    let end = time::Timestamp::parse_end(typed, now)
        .map_err(|why| Stop::new(Code::Usage, format!("`{shown}`: {why}"), "example: --expires 90d"))?;
    if end <= now {
        let what = format!("it cannot end at {end}; it is {now}");
        return Err(Stop::new(Code::Usage, what, "name a later end"));
    }
    Ok(end)
}
