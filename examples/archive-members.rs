//! Prints what is in archives as our readers see it, before skills are looked
//! for: `scripts/compare-archives` holds it against other readers.
//!
//! Reads a path a line; answers a line of JSON each: a map of path to SHA-256,
//! with `+x` behind it for a program and `link:` before it for a link, or a
//! string, the refusal.

use skill_trust::model::source::Format;
use skill_trust::system::fetch::archive::{Kind, Member, members};
use skill_trust::system::fetch::{FetchError, FetchOptions};
use std::collections::BTreeMap;
use std::io::{self, BufRead as _, Write as _};
use std::path::Path;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let path = line?;
        let answer = match Format::of(&path) {
            None => serde_json::json!("refused: not named like an archive"),
            Some(format) => match members(Path::new(&path), format, &FetchOptions::default()) {
                Ok(all) => serde_json::json!(all.iter().map(shown).collect::<BTreeMap<_, _>>()),
                Err(error) => serde_json::json!(format!("refused: {}", reason(&error))),
            },
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn shown(member: &Member) -> (String, String) {
    let digest = member.digest.hex();
    let value = match member.kind {
        Kind::File { executable: true } => format!("{digest}+x"),
        Kind::Link => format!("link:{digest}"),
        Kind::File { .. } | Kind::Folder => digest,
    };
    (member.path.to_string(), value)
}

/// The code alone, then the words.
fn reason(error: &FetchError) -> String {
    let code = match error {
        FetchError::Archive { odd, .. } => odd.reason.code(),
        FetchError::Refused(faults) => faults.first().map_or("entries", |fault| fault.rule.code()),
        FetchError::TooLarge { .. } => "too-large",
        _ => "other",
    };
    format!("{code} {error}")
}
