//! Refusals that several use cases give, in the product's words: what, why with
//! both values, and the exact way on.

use crate::model::code::{Code, Stop};
use crate::model::lifecycle::RevisionRow;
use crate::model::limits::Fault;
use crate::model::source::{Source, SourceKind};
use crate::model::text;
use crate::policy::gate::Hashed;
use crate::system::store::StoreFault;

/// The refusal for a store copy that is not what it should be.
#[must_use]
pub fn store_differs(row: &RevisionRow, stored: &Hashed) -> Stop {
    let found = match (stored.faults.first(), stored.digest) {
        (Some(fault), _) => fault.to_string(),
        (None, Some(digest)) => digest.to_string(),
        (None, None) => "nothing readable".to_owned(),
    };
    let what =
        format!("the stored copy of {} should be {}, found: {found}", row.revision, row.revision.digest);
    Stop::new(Code::DigestMismatch, what, again_from(row))
}

/// Where the same bytes may still be, for who has to bring them again.
#[must_use]
pub fn again_from(row: &RevisionRow) -> String {
    match row.source.kind {
        SourceKind::Adopted => format!("adopt it again: {}", install_again(row)),
        _ => format!("install it again from {}", row.source),
    }
}

/// The command that brings exactly these bytes again.
#[must_use]
pub fn install_again(row: &RevisionRow) -> String {
    let Source { commit, kind, location, path, .. } = &row.source;
    // Installed from there it would be another source's, and refused under this name.
    if *kind == SourceKind::Adopted {
        // With a name it is read and stored again, whatever is known of its bytes.
        let folder = super::adopt_command(std::path::Path::new(location));
        return format!("{folder} --as {}", row.revision.name);
    }
    let mut command = format!("skills install {}", text::shell_word(location));
    // A work tree of this machine is taken at the commit it is at.
    if let (SourceKind::Git, Some(commit), false) = (kind, commit, location.starts_with('/')) {
        command.push_str(&format!(" --rev {}", text::shell_word(commit)));
    }
    let folder = path.as_ref().map(|path| path.as_str().to_owned());
    let named = folder.or_else(|| row.card_name.clone()).unwrap_or_else(|| row.revision.name.to_string());
    command.push_str(&format!(" --skill {}", text::shell_word(&named)));
    if row.card_name.is_some() {
        command.push_str(&format!(" --as {}", row.revision.name));
    }
    format!("{command} --digest {}", row.revision.digest)
}

/// A refused step in words.
#[must_use]
pub fn step_refused(row: &RevisionRow, code: Code, held: Option<&str>) -> Stop {
    let revision = &row.revision;
    match code {
        Code::Held => Stop::new(
            Code::Held,
            format!("{revision}: {}", held.unwrap_or("held by a kill")),
            "nothing widens while held; the release that lifts it is named by: skills status",
        ),
        Code::StillEnabled => {
            let what = format!("{revision} is enabled");
            Stop::new(code, what, format!("first run: skills disable {revision}"))
        }
        Code::NotTrusted => Stop::new(
            code,
            format!("{revision} is installed and not trusted"),
            format!("skills review {revision}, then: skills trust {revision}"),
        ),
        other => Stop::new(other, format!("{revision}: {}", other.summary()), "run: skills status"),
    }
}

/// The refusal for entries that no skill may hold.
#[must_use]
pub fn entries_stop(faults: &[Fault]) -> Stop {
    let list: Vec<_> = faults.iter().take(10).map(ToString::to_string).collect();
    let more = if faults.len() > 10 { format!("; and {} more", faults.len() - 10) } else { String::new() };
    let what = format!("entries that no skill may hold: {}{more}", list.join("; "));
    Stop::new(Code::EntryRefused, what, "ask its author to remove them, or install from a copy of your own")
}

/// A store's fault in the product's words.
#[must_use]
pub fn store_stop(fault: &StoreFault) -> Stop {
    match fault {
        StoreFault::Refused(faults) => entries_stop(faults),
        StoreFault::Differs { .. } => Stop::new(Code::DigestMismatch, fault.to_string(), "install it again"),
        StoreFault::Missing(_) => Stop::new(Code::DigestMismatch, fault.to_string(), "install it again"),
        _ => Stop::new(Code::Io, fault.to_string(), "free space, or run: skills doctor"),
    }
}
