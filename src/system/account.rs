//! The account we run as, from the account database. The only file that names
//! its crate.
//!
//! No environment variable is asked: a project's `.env` that sets `HOME` must
//! not be able to point the gate or a kill at another home.

use std::path::PathBuf;

/// An account of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub uid: u32,
    /// Its name, or its number where it has none.
    pub name: String,
    /// Its home folder; none if the database has no entry.
    pub home: Option<PathBuf>,
}

impl Account {
    /// The account of the effective user id.
    #[must_use]
    pub fn ours() -> Self {
        let uid = rustix::process::geteuid().as_raw();
        match nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)) {
            Ok(Some(user)) => {
                Self { uid, name: user.name, home: Some(user.dir).filter(|home| home.is_absolute()) }
            }
            Ok(None) | Err(_) => Self { uid, name: uid.to_string(), home: None },
        }
    }
}

/// The group that nobody but our account is in, if it has one: named like the
/// account, without other members. Many systems give each account such a group
/// and make its folders writable for it.
#[must_use]
pub fn private_group() -> Option<u32> {
    let uid = nix::unistd::Uid::from_raw(rustix::process::geteuid().as_raw());
    let user = nix::unistd::User::from_uid(uid).ok().flatten()?;
    let group = nix::unistd::Group::from_gid(user.gid).ok().flatten()?;
    let alone = group.name == user.name && group.mem.iter().all(|member| *member == user.name);
    alone.then(|| user.gid.as_raw())
}
