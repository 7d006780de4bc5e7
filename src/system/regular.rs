//! Reading a file that somebody named: a regular one, all of it, not too long.
//!
//! Attack, or bad luck: a FIFO or a device in its place never ends, and waiting
//! for it would hang a command that a person, or a gate, waits for.

use rustix::fs::{FileType, Mode, OFlags, Stat};
use std::fs::File;
use std::io::{Error, Read as _};
use std::path::Path;

/// Opens a file without waiting for anything. Links are followed.
///
/// # Errors
/// The system's; none if it is there and is no regular file.
pub fn open(path: &Path) -> Result<Option<(File, Stat)>, Error> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    Ok(regular.then(|| (File::from(file), stat)))
}

/// The text of an open file.
///
/// # Errors
/// Why there is none.
pub fn text(file: File, most: u64) -> Result<String, String> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > most {
        return Err(format!("it is longer than {most} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// The text of a regular file.
///
/// # Errors
/// Why there is none.
pub fn read(path: &Path, most: u64) -> Result<String, String> {
    match open(path) {
        Ok(Some((file, _))) => text(file, most),
        Ok(None) => Err("it is no regular file".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The bytes of a regular file that is not reached by a link.
///
/// Attack: a link beside what was sent, whose name is typed and whose end is a
/// file of ours; the message about it would show what is in it.
///
/// # Errors
/// Why there are none.
pub fn read_unlinked(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::LOOP => "it is a link".to_owned(),
        other => Error::from(other).to_string(),
    })?;
    let stat = rustix::fs::fstat(&file).map_err(|error| Error::from(error).to_string())?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err("it is no regular file".to_owned());
    }
    let mut bytes = Vec::new();
    File::from(file).take(most + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > most {
        return Err(format!("it is longer than {most} bytes"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_what_never_ends_is_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let fifo = root.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        for path in [fifo.as_path(), root.path(), Path::new("/dev/zero")] {
            assert_eq!(read(path, 9), Err("it is no regular file".to_owned()), "{}", path.display());
        }
    }

    #[test]
    fn attack_a_link_to_a_file_of_ours_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let (file, link, fifo) =
            (root.path().join("file"), root.path().join("link"), root.path().join("fifo"));
        std::fs::write(&file, b"secret\xff").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert_eq!(read_unlinked(&file, 7), Ok(b"secret\xff".to_vec()));
        assert_eq!(read_unlinked(&file, 6), Err("it is longer than 6 bytes".to_owned()));
        assert_eq!(read_unlinked(&link, 9), Err("it is a link".to_owned()));
        for path in [fifo.as_path(), root.path()] {
            assert_eq!(read_unlinked(path, 9), Err("it is no regular file".to_owned()));
        }
    }

    #[test]
    fn it_is_read_whole_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        assert!(read(&path, 9).unwrap_err().contains("No such file"));
        for (bytes, said) in [
            (&b"123456789"[..], Ok("123456789".to_owned())),
            (b"1234567890", Err("it is longer than 9 bytes".to_owned())),
            (b"\xff", Err("it is not UTF-8".to_owned())),
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read(&path, 9), said);
        }
    }
}
