//! The walk over one folder, depth first: at most as many open handles as the
//! folder is deep, and memory bounded by the limits.

use super::names::Names;
use super::{Checks, FAULTS_MAX, Piece, Sink, open};
use crate::model::digest::{Digest, Hasher};
use crate::model::limits::{Fault, Rule};
use crate::model::manifest::Entry;
use crate::model::path::EntryPath;
use crate::model::text;
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;
use std::io;
use std::ops::ControlFlow::{self, Break, Continue};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

pub(super) struct Walk<'a, 's> {
    pub(super) checks: &'a Checks,
    pub(super) bytes: &'a mut [u8],
    pub(super) names: &'a mut Names,
    pub(super) sink: Option<&'a mut Sink<'s>>,
    pub(super) broken: Option<io::Error>,
    pub(super) entries: Vec<Entry>,
    pub(super) faults: Vec<Fault>,
    pub(super) total: u64,
    pub(super) depth: usize,
    pub(super) device: Option<u64>,
}

impl Walk<'_, '_> {
    /// Walks all of a folder, for better or worse. `fresh` is a handle of it that
    /// nobody has read from, if the caller has one.
    pub(super) fn root(&mut self, root: BorrowedFd<'_>, fresh: Option<&OwnedFd>) -> ControlFlow<()> {
        let stat = match rustix::fs::fstat(root) {
            Ok(stat) => stat,
            Err(error) => return self.fault(".".to_owned(), rule_of(error)),
        };
        self.device = Some(device(&stat));
        let wanted = self.checks.strict.map(|strict| (strict.root, strict.owner));
        self.modes(None, &stat, wanted)?;
        if let Some(fresh) = fresh {
            return self.folder(fresh, None);
        }
        // The caller's handle may have been listed before, or be in use elsewhere.
        let dir = match open::again(root) {
            Ok(dir) => dir,
            Err(error) => return self.fault(".".to_owned(), rule_of(error)),
        };
        self.folder(&dir, None)
    }

    fn folder(&mut self, dir: &OwnedFd, path: Option<&EntryPath>) -> ControlFlow<()> {
        let most = usize::try_from(self.checks.limits.files).unwrap_or(usize::MAX).saturating_add(FAULTS_MAX);
        let listed = match self.names.list(dir.as_fd(), most) {
            Ok(Some(listed)) => listed,
            Ok(None) => return self.stop(Rule::TooManyFiles(self.checks.limits.files)),
            Err(error) => return self.fault(shown(path), rule_of(error)),
        };
        if listed.is_empty() && path.is_some() {
            return self.fault(shown(path), Rule::EmptyFolder);
        }
        self.depth += 1;
        let first = listed.start;
        for at in listed {
            self.entry(dir, path, at)?;
        }
        self.depth -= 1;
        self.names.forget(first);
        Continue(())
    }

    fn entry(&mut self, dir: &OwnedFd, parent: Option<&EntryPath>, at: usize) -> ControlFlow<()> {
        let limits = &self.checks.limits;
        let path = match EntryPath::join(parent, self.names.name(at)) {
            Ok(path) => path,
            Err(fault) => {
                let name = text::escape_bytes(self.names.name(at));
                let path = parent.map_or_else(|| name.clone(), |parent| format!("{parent}/{name}"));
                return self.fault(path, Rule::Name(fault));
            }
        };
        if path.as_str().len() > limits.path {
            let rule = Rule::PathTooLong(limits.path);
            return self.fault(path.to_string(), rule);
        }
        match self.names.kind(at) {
            FileType::RegularFile => self.file(dir, path),
            FileType::Directory => self.subfolder(dir, &path),
            other => self.fault(path.to_string(), not_a_file(other).unwrap_or(Rule::ChangedWhileRead)),
        }
    }

    fn subfolder(&mut self, parent: &OwnedFd, path: &EntryPath) -> ControlFlow<()> {
        // Whatever it holds would be one deeper.
        if self.depth >= self.checks.limits.depth {
            return self.fault(path.to_string(), Rule::TooDeep(self.checks.limits.depth));
        }
        let opened = open::folder_at(parent, path.file_name());
        let (dir, stat) = match opened.and_then(|dir| Ok((rustix::fs::fstat(&dir)?, dir))) {
            Ok((stat, dir)) => (dir, stat),
            Err(error) => return self.unopened(parent, path, error),
        };
        if self.device != Some(device(&stat)) {
            return self.fault(path.to_string(), Rule::OtherFileSystem);
        }
        let wanted = self.checks.strict.map(|strict| (strict.folder, strict.owner));
        self.modes(Some(path), &stat, wanted)?;
        self.folder(&dir, Some(path))
    }

    fn file(&mut self, parent: &OwnedFd, path: EntryPath) -> ControlFlow<()> {
        let opened = open::file_at(parent, path.file_name());
        let (file, stat) = match opened.and_then(|file| Ok((rustix::fs::fstat(&file)?, file))) {
            Ok((stat, file)) => (file, stat),
            Err(error) => return self.unopened(parent, &path, error),
        };
        if let Some(rule) = not_a_file(open::kind(&stat)) {
            return self.fault(path.to_string(), rule);
        }
        let executable = stat.st_mode & 0o100 != 0;
        self.modes(Some(&path), &stat, self.wanted(executable))?;
        #[allow(clippy::unnecessary_cast, clippy::useless_conversion, reason = "its width differs")]
        let names = u64::from(stat.st_nlink);
        if names > 1 {
            self.fault(path.to_string(), Rule::HardLink(names))?;
        }
        let size = size_of(&stat);
        let limits = self.checks.limits;
        if size > limits.file {
            return self.fault(path.to_string(), Rule::FileTooLarge(size, limits.file));
        }
        if self.entries.len() as u64 >= limits.files {
            return self.stop(Rule::TooManyFiles(limits.files));
        }
        self.total = self.total.saturating_add(size);
        if self.total > limits.total {
            return self.stop(Rule::TooManyBytes(limits.total));
        }
        match self.hash(&file, &path, executable, size) {
            Ok(sha256) => self.entries.push(Entry { path, executable, size, sha256 }),
            Err(None) => return Break(()),
            Err(Some(rule)) => return self.fault(path.to_string(), rule),
        }
        Continue(())
    }

    /// Hashes a file's bytes and hands them on; `Err(None)` if the sink failed.
    fn hash(
        &mut self,
        file: &OwnedFd,
        path: &EntryPath,
        executable: bool,
        size: u64,
    ) -> Result<Digest, Option<Rule>> {
        let (sink, broken) = (&mut self.sink, &mut self.broken);
        let mut give = |piece: Piece<'_>| match sink.as_mut().map(|sink| sink(path, executable, piece)) {
            Some(Err(error)) => {
                *broken = Some(error);
                Break(())
            }
            Some(Ok(())) | None => Continue(()),
        };
        let mut hasher = Hasher::git_object("blob", size);
        if give(Piece::Start(size)).is_break() {
            return Err(None);
        }
        let whole = drain(file, size, self.bytes, &mut |bytes| {
            hasher.update(bytes);
            give(Piece::Bytes(bytes))
        });
        match whole {
            Ok(true) if give(Piece::End).is_continue() => Ok(hasher.finish()),
            Ok(_) => Err(None),
            Err(rule) => Err(Some(rule)),
        }
    }

    /// The mode and owner that a file of ours must have.
    fn wanted(&self, executable: bool) -> Option<(u32, u32)> {
        let strict = self.checks.strict?;
        Some((if executable { strict.program } else { strict.file }, strict.owner))
    }

    fn modes(
        &mut self,
        path: Option<&EntryPath>,
        stat: &Stat,
        wanted: Option<(u32, u32)>,
    ) -> ControlFlow<()> {
        #[allow(clippy::useless_conversion, reason = "narrower on other systems")]
        let mode = u32::from(stat.st_mode) & 0o7777;
        match wanted {
            None if mode & 0o7000 != 0 => self.fault(shown(path), Rule::SetId(mode)),
            None => Continue(()),
            Some((mode_wanted, owner)) => {
                if mode != mode_wanted {
                    self.fault(shown(path), Rule::Mode(mode, mode_wanted))?;
                }
                if stat.st_uid != owner {
                    self.fault(shown(path), Rule::Owner(stat.st_uid, owner))?;
                }
                Continue(())
            }
        }
    }

    /// What could not be opened may still show a mode that we did not write,
    /// which is drift and no mere trouble.
    fn unopened(&mut self, parent: &OwnedFd, path: &EntryPath, error: Errno) -> ControlFlow<()> {
        if let (Some(strict), Ok(stat)) = (self.checks.strict, open::look(parent, path.file_name())) {
            match open::kind(&stat) {
                FileType::Directory => self.modes(Some(path), &stat, Some((strict.folder, strict.owner)))?,
                FileType::RegularFile => {
                    self.modes(Some(path), &stat, self.wanted(stat.st_mode & 0o100 != 0))?;
                }
                _ => {}
            }
        }
        self.fault(path.to_string(), rule_of(error))
    }

    fn fault(&mut self, path: String, rule: Rule) -> ControlFlow<()> {
        self.faults.push(Fault { path, rule });
        if self.faults.len() < FAULTS_MAX { Continue(()) } else { self.stop(Rule::TooManyFaults(FAULTS_MAX)) }
    }

    fn stop(&mut self, rule: Rule) -> ControlFlow<()> {
        self.faults.push(Fault { path: ".".to_owned(), rule });
        Break(())
    }
}

/// Reads a regular file to its end; `Ok(false)` if `take` broke off.
pub(super) fn drain(
    file: &OwnedFd,
    size: u64,
    buffer: &mut [u8],
    take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<bool, Rule> {
    let mut seen = 0_u64;
    loop {
        let count = match rustix::io::read(file, &mut *buffer) {
            Ok(count) => count,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(rule_of(error)),
        };
        seen += count as u64;
        // The size is hashed first, so other bytes than announced are no blob.
        if seen > size || (count == 0 && seen < size) {
            return Err(Rule::ChangedWhileRead);
        }
        if count > 0 && take(&buffer[..count]).is_break() {
            return Ok(false);
        }
        // A regular file gives fewer bytes than asked for at its end only.
        if count == 0 || (seen == size && count < buffer.len()) {
            return Ok(true);
        }
    }
}

/// What an error from opening or reading says about the entry.
pub(super) fn rule_of(error: Errno) -> Rule {
    match error {
        Errno::LOOP => Rule::Link,
        Errno::XDEV => Rule::OtherFileSystem,
        Errno::NXIO | Errno::NODEV => Rule::Special("device or socket"),
        // It was there when the folder was listed.
        Errno::NOENT | Errno::NOTDIR => Rule::ChangedWhileRead,
        other => Rule::Unreadable(io::Error::from(other).to_string()),
    }
}

pub(super) fn not_a_file(kind: FileType) -> Option<Rule> {
    Some(match kind {
        FileType::RegularFile => return None,
        FileType::Symlink => Rule::Link,
        FileType::Fifo => Rule::Special("FIFO"),
        FileType::Socket => Rule::Special("socket"),
        FileType::CharacterDevice | FileType::BlockDevice => Rule::Special("device"),
        // The listing said file, or nothing.
        FileType::Directory | FileType::Unknown => Rule::ChangedWhileRead,
    })
}

pub(super) fn size_of(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(u64::MAX)
}

#[allow(clippy::unnecessary_cast, clippy::cast_sign_loss, reason = "signed and narrower on other systems")]
fn device(stat: &Stat) -> u64 {
    stat.st_dev as u64
}

fn shown(path: Option<&EntryPath>) -> String {
    path.map_or_else(|| ".".to_owned(), EntryPath::to_string)
}
