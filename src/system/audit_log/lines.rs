//! Reading the log without its ledger: for showing it, never for deciding.

use super::{FILE, LogFault};
use crate::model::record::LINE_MAX;
use crate::system::home::Home;
use rustix::fs::{Mode, OFlags};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};

/// The lines of the log as they stand in the file.
#[derive(Debug)]
pub struct Lines {
    reader: BufReader<std::fs::File>,
    /// Where the next line begins.
    offset: u64,
}

/// A piece of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its bytes without the line end; cut at the longest a record may be.
    pub bytes: Vec<u8>,
    /// Whether it is a whole line, of a length that a record may have.
    pub whole: bool,
}

impl Lines {
    /// Opens the log for reading only.
    ///
    /// # Errors
    /// [`LogFault`].
    pub fn open(home: &Home) -> Result<Self, LogFault> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file =
            rustix::fs::openat(home.dir(), FILE, flags, Mode::empty()).map_err(|error| match error {
                rustix::io::Errno::NOENT => LogFault::Missing(0),
                rustix::io::Errno::LOOP => LogFault::Unsafe,
                other => LogFault::Read(other.into()),
            })?;
        let stat = rustix::fs::fstat(&file).map_err(|error| LogFault::Read(error.into()))?;
        if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
            return Err(LogFault::Unsafe);
        }
        let reader = BufReader::with_capacity(64 * 1024, std::fs::File::from(file));
        Ok(Self { reader, offset: 0 })
    }

    /// The next line; none at the end, and none for an end without a line end,
    /// which may still be written: ask again later, or [`Lines::rest`].
    ///
    /// # Errors
    /// [`LogFault::Read`].
    pub fn next_line(&mut self) -> Result<Option<Line>, LogFault> {
        let mut bytes = Vec::new();
        let limit = LINE_MAX as u64 + 1;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes).map_err(LogFault::Read)?;
        if bytes.last() == Some(&b'\n') {
            self.offset += read as u64;
            bytes.pop();
            return Ok(Some(Line { bytes, whole: true }));
        }
        if read as u64 == limit {
            self.offset += read as u64;
            return Ok(Some(Line { bytes, whole: false }));
        }
        self.reader.seek(std::io::SeekFrom::Start(self.offset)).map_err(LogFault::Read)?;
        Ok(None)
    }

    /// What stands after the last line end.
    ///
    /// # Errors
    /// [`LogFault::Read`].
    pub fn rest(&mut self) -> Result<Option<Line>, LogFault> {
        let mut bytes = Vec::new();
        self.reader.by_ref().take(LINE_MAX as u64).read_to_end(&mut bytes).map_err(LogFault::Read)?;
        self.offset += bytes.len() as u64;
        Ok(if bytes.is_empty() { None } else { Some(Line { bytes, whole: false }) })
    }

    /// Whether the file became shorter than what was read of it.
    ///
    /// # Errors
    /// [`LogFault::Read`].
    pub fn shrank(&self) -> Result<bool, LogFault> {
        let length = self.reader.get_ref().metadata().map_err(LogFault::Read)?.len();
        Ok(length < self.offset)
    }
}
