//! Names in the home that nobody accounts for.
//!
//! None of them can make anything run: permits and objects count by exact
//! name. But a person should know of what we did not write.

use super::home::{FOLDERS, Home};
use super::{kill, originals, permit, placement, store, tools};
use crate::model::digest::Digest;
use crate::model::skill::Revision;
use crate::model::text;
use std::io;
use std::os::unix::ffi::OsStrExt as _;

/// Files that may stand at the top of a home.
pub(super) const FILES: &[&str] = &[
    "permit",
    "lock",
    "placing",
    "uninstalling.new",
    "ledger.db",
    "ledger.db-wal",
    "ledger.db-shm",
    "ledger.db-journal",
    "ledger.db.new",
    "ledger.db.new-journal",
];

/// Finds them; each as `folder: name`, escaped, sorted.
///
/// # Errors
/// The system's, when a folder of the home cannot be listed.
pub fn find(home: &Home) -> io::Result<Vec<String>> {
    let mut out = Vec::new();
    let mut add = |folder: &str, known: &dyn Fn(&str) -> bool| -> io::Result<()> {
        let mut names = names(home, folder)?;
        names.retain(|name| !name.to_str().is_some_and(known));
        let shown = names.iter().map(|name| text::escape_bytes(name.as_bytes()));
        let place = if folder == "." { "home" } else { folder };
        out.extend(shown.map(|name| format!("{place}: {name}")));
        Ok(())
    };
    add(".", &|name| {
        let marks = [kill::KILLED, originals::MARK];
        let ours = FILES.contains(&name) || FOLDERS.contains(&name) || name == tools::FOLDER;
        ours || marks.iter().any(|mark| name.starts_with(mark))
    })?;
    add(tools::FOLDER, &|name| ["lock", "work"].contains(&name) || Digest::from_hex(name).is_ok())?;
    add("trust-roots", &|_| false)?;
    add("permits", &is_permit)?;
    add("store", &|name| name.len() == 2 && name.bytes().all(|c| c.is_ascii_hexdigit()))?;
    for shelf in names(home, "store")? {
        if let Some(shelf) = shelf.to_str().filter(|shelf| shelf.len() == 2) {
            let object = |name: &str| Digest::from_hex(name).is_ok() && name.starts_with(shelf);
            add(&format!("store/{shelf}"), &object)?;
        }
    }
    add("evidence", &|name| {
        let withdrawn = placement::ASIDE.trim_start_matches('.');
        ["store-", "permit-", withdrawn, originals::KEPT].iter().any(|known| name.starts_with(known))
    })?;
    add("audit", &|name| {
        let ours = ["audit.jsonl", "intent", super::checkpoint::NAME];
        ours.contains(&name) || name.starts_with("torn-")
    })?;
    Ok(out)
}

/// A permit, or the pending record of one.
fn is_permit(name: &str) -> bool {
    let plain = name.split_once('.').map_or(name, |(plain, _)| plain);
    Revision::from_file_name(plain).is_some() || name.starts_with(permit::UNFINISHED)
}

/// Names in `staging/`: what a running install is making, or a dead one left.
///
/// # Errors
/// The system's.
pub fn staged(home: &Home) -> io::Result<usize> {
    Ok(names(home, "staging")?.len())
}

/// Clears what dead processes left; see [`store::sweep_staging`].
///
/// # Errors
/// The fault, in words.
pub fn sweep(home: &Home) -> Result<usize, String> {
    store::sweep_staging(home).map_err(|fault| fault.to_string())
}

fn names(home: &Home, folder: &str) -> io::Result<Vec<std::ffi::OsString>> {
    let dir = match home.folder(folder) {
        // A folder that is not there holds nothing.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => rustix::fs::Dir::new(opened?)?,
    };
    let mut names = Vec::new();
    for entry in dir {
        let entry = entry?;
        let name = std::ffi::OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
