//! The rest of a kill: placements are taken away, permits renamed.

use super::{KillReport, Stopped};
use crate::model::permit::SkillPermit;
use crate::model::skill::Revision;
use crate::system::placement::leaf::{self, Identity, ReadFault, identity};
use crate::system::placement::{sync_parent, take};
use rustix::fs::Mode;
use rustix::io::Errno;
use std::collections::{BTreeSet, HashSet};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

/// What a permit becomes.
const SUFFIX: &str = "killed";
/// How often the folder is listed before a stream of new names is left alone;
/// at least twice, even if the first listing shows nothing: it may miss a
/// permit that another kill renames at that moment.
const PASSES: usize = 8;

/// A sweep through the permits.
struct Sweep<'a> {
    permits: OwnedFd,
    report: &'a mut KillReport,
    /// Names that were dealt with.
    seen: HashSet<String>,
    /// One path in each folder to flush at the end.
    touched: BTreeSet<(String, String)>,
}

/// A permit file that somebody may have taken meanwhile.
enum Read {
    Permit(Box<SkillPermit>, Identity),
    Gone,
    /// Not readable as the permit its name promises.
    Bad(String),
}

/// What became of a permit's name.
enum Renamed {
    To(String),
    /// Somebody else renamed it.
    Gone,
    /// Reported.
    Failed,
}

/// Everything: placements first, then the permit's name.
pub(super) fn all(home: BorrowedFd<'_>, report: &mut KillReport) {
    let Some(mut sweep) = Sweep::open(home, report) else { return };
    for pass in 0..PASSES {
        // step: kill lists the permits
        let new = sweep.list();
        if pass > 0 && new.is_empty() {
            break;
        }
        for (name, revision, pending) in new {
            if pending {
                sweep.again(&name, &revision);
            } else {
                sweep.stop(&name, &revision);
            }
        }
    }
    sweep.flush();
}

/// What matches: the permit's name first, since that is the effect.
pub(super) fn matching(
    home: BorrowedFd<'_>,
    matches: &dyn Fn(&SkillPermit) -> bool,
    report: &mut KillReport,
) {
    let Some(mut sweep) = Sweep::open(home, report) else { return };
    for pass in 0..PASSES {
        // step: kill lists the permits
        let new = sweep.list();
        if pass > 0 && new.is_empty() {
            break;
        }
        let mut taken = Vec::new();
        for (name, revision, pending) in new {
            if pending {
                if let Read::Permit(permit, _) = sweep.read(&name, &revision)
                    && matches(&permit)
                {
                    taken.push((*permit, true));
                }
            } else if let Some(permit) = sweep.take_matching(&name, &revision, matches) {
                taken.push((permit, false));
            }
        }
        let failed = sweep.report.failures.len();
        sweep.report.sync(sweep.permits.as_fd(), "flushing the permits");
        sweep.report.synced &= failed == sweep.report.failures.len();
        for (permit, pending) in taken {
            sweep.withdraw(&permit, !pending);
        }
    }
    sweep.flush();
}

impl<'a> Sweep<'a> {
    /// None if there are no permits to go through.
    fn open(home: BorrowedFd<'_>, report: &'a mut KillReport) -> Option<Self> {
        match leaf::open_folder(home, "permits") {
            Ok(permits) => Some(Self { permits, report, seen: HashSet::new(), touched: BTreeSet::new() }),
            Err(Errno::NOENT) => None,
            Err(error) => {
                report.fail("permits", error);
                None
            }
        }
    }

    /// Permits and pending records that were not seen before.
    fn list(&mut self) -> Vec<(String, Revision, bool)> {
        let names = leaf::names(self.permits.as_fd()).unwrap_or_else(|error| {
            self.report.fail("permits", error);
            Vec::new()
        });
        let mut new: Vec<_> = names
            .into_iter()
            .filter(|name| !self.seen.contains(name))
            .filter_map(|name| {
                let (revision, suffix) = split(&name)?;
                Some((name, revision, suffix))
            })
            .collect();
        new.sort();
        self.seen.extend(new.iter().map(|(name, ..)| name.clone()));
        new
    }

    fn read(&self, name: &str, revision: &Revision) -> Read {
        // step: kill reads the permit
        match leaf::read_text(self.permits.as_fd(), name) {
            Err(ReadFault::System(Errno::NOENT)) => Read::Gone,
            Err(fault) => Read::Bad(fault.to_string()),
            Ok((text, file)) => match SkillPermit::parse(&text) {
                Some(permit) if permit.revision == *revision => Read::Permit(Box::new(permit), file),
                Some(_) => Read::Bad("names another revision than its file".to_owned()),
                None => Read::Bad("not well-formed: its placements are not known".to_owned()),
            },
        }
    }

    /// One permit of a kill of everything.
    fn stop(&mut self, name: &str, revision: &Revision) {
        let file = match self.read(name, revision) {
            Read::Gone => return,
            Read::Bad(why) => {
                self.report.fail(format!("permits/{name}"), why);
                None
            }
            Read::Permit(permit, file) => {
                self.withdraw(&permit, true);
                Some(file)
            }
        };
        // step: kill renames the permit
        let Renamed::To(to) = self.rename(name) else { return };
        let same = leaf::look(&self.permits, &to).is_ok_and(|stat| Some(identity(&stat)) == file);
        // An enable may have written it anew after it was read.
        if !same && let Read::Permit(newer, _) = self.read(&to, revision) {
            self.withdraw(&newer, file.is_none());
        }
    }

    /// A record that is pending: whoever left it may not have come to the
    /// placements yet.
    fn again(&mut self, name: &str, revision: &Revision) {
        match self.read(name, revision) {
            Read::Permit(permit, _) => self.withdraw(&permit, false),
            Read::Gone => {}
            Read::Bad(why) => self.report.fail(format!("permits/{name}"), why),
        }
    }

    /// Renames a permit that matches and returns what was in the file renamed.
    fn take_matching(
        &mut self,
        name: &str,
        revision: &Revision,
        matches: &dyn Fn(&SkillPermit) -> bool,
    ) -> Option<SkillPermit> {
        let (permit, file) = match self.read(name, revision) {
            Read::Gone => return None,
            Read::Permit(permit, file) => (*permit, Some(file)),
            Read::Bad(why) => {
                // It permits nothing, but what it placed may still be there.
                self.report.fail(format!("permits/{name}"), why);
                (stand_in(revision), None)
            }
        };
        if !matches(&permit) {
            return None;
        }
        let to = match self.rename(name) {
            Renamed::To(to) => to,
            Renamed::Gone => return Some(permit),
            // Renaming may need space in the folder; removing does not.
            Renamed::Failed => {
                self.remove(name);
                return Some(permit);
            }
        };
        let same = leaf::look(&self.permits, &to).is_ok_and(|stat| Some(identity(&stat)) == file);
        match self.read(&to, revision) {
            Read::Permit(newer, _) if !same => {
                self.withdraw(&permit, false);
                Some(*newer)
            }
            _ => Some(permit),
        }
    }

    fn remove(&mut self, name: &str) {
        match rustix::fs::unlinkat(&self.permits, name, rustix::fs::AtFlags::empty()) {
            Ok(()) => self.report.fail(format!("permits/{name}"), "was removed, so no record is pending"),
            Err(Errno::NOENT) => {}
            Err(error) => self.report.fail(format!("permits/{name}"), error),
        }
    }

    /// Makes a permit the pending record of its kill; its new name.
    fn rename(&mut self, name: &str) -> Renamed {
        let mut to = format!("{name}.{SUFFIX}");
        for _ in 0..3 {
            match leaf::rename_new(self.permits.as_fd(), name, &to) {
                Ok(()) => {
                    self.seen.insert(to.clone());
                    return Renamed::To(to);
                }
                Err(Errno::NOENT) => return Renamed::Gone,
                // A folder of ours that was closed to us.
                Err(Errno::ACCESS) if rustix::fs::fchmod(&self.permits, Mode::RWXU).is_ok() => {}
                Err(Errno::EXIST) => to = format!("{name}.{SUFFIX}.{}", leaf::fresh_id()),
                Err(error) => {
                    self.report.fail(format!("permits/{name}"), error);
                    return Renamed::Failed;
                }
            }
        }
        self.report.fail(format!("permits/{name}"), "could not be renamed");
        Renamed::Failed
    }

    /// Staged first, then final, of each placement.
    fn withdraw(&mut self, permit: &SkillPermit, stops: bool) {
        let name = &permit.revision.name;
        let (mut paths, mut aside) = (Vec::new(), Vec::new());
        for placement in &permit.placements {
            for path in [&placement.staged, &placement.path] {
                match take(name, path, &placement.staged) {
                    Ok(None) => continue,
                    Ok(Some(to)) => {
                        paths.push(path.clone());
                        aside.push(to);
                    }
                    Err(fault) => self.report.fail(path.clone(), fault),
                }
                if let Some((parent, _)) = path.rsplit_once('/') {
                    self.touched.insert((parent.to_owned(), path.clone()));
                }
            }
        }
        if stops || !paths.is_empty() {
            self.report.stopped.push(Stopped { revision: permit.revision.clone(), paths, aside });
        }
    }

    /// Makes it last: without this a power cut could bring a placement back.
    fn flush(self) {
        if let Err(error) = rustix::fs::fsync(&self.permits) {
            self.report.fail("flushing the permits", error);
        }
        let mut last = None;
        for (parent, path) in &self.touched {
            if last == Some(parent) {
                continue;
            }
            last = Some(parent);
            if let Err(fault) = sync_parent(path) {
                self.report.fail(parent.clone(), fault);
            }
        }
    }
}

/// The revision in a permit's name, and whether it is a pending record.
fn split(name: &str) -> Option<(Revision, bool)> {
    let (plain, pending) = match name.split_once('.') {
        None => (name, false),
        Some((plain, _)) => (plain, true),
    };
    Some((Revision::from_file_name(plain)?, pending))
}

/// What is known of a permit that cannot be read: its name.
fn stand_in(revision: &Revision) -> SkillPermit {
    SkillPermit {
        revision: revision.clone(),
        source: String::new(),
        signers: Vec::new(),
        epoch: 0,
        seq: 0,
        hash: crate::model::digest::Digest::ZERO,
        until: None,
        placements: Vec::new(),
    }
}
