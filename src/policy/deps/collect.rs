//! What the files of a skill ask for: pure, total, and nothing of it believed.
//!
//! ```text
//! front       install entries and requirements that gateways read
//! ```

mod front;

use crate::model::dependency::{AskedAt, Collected};

/// A file of a skill.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// Its path in the skill's folder.
    pub path: &'a str,
    /// What it holds.
    pub bytes: &'a [u8],
    /// Whether it may be executed.
    pub executable: bool,
}

/// Everything that these files ask for.
#[must_use]
pub fn collect(files: &[File<'_>]) -> Collected {
    let mut all = Collected::default();
    for file in files {
        let Ok(text) = std::str::from_utf8(file.bytes) else { continue };
        if file.path == "SKILL.md" {
            front::collect(file.path, text, &mut all);
        }
    }
    all.needs.sort();
    all.needs.dedup();
    all.listed.sort();
    all
}

fn at(path: &str, line: usize, declared: bool) -> AskedAt {
    AskedAt { path: path.to_owned(), line, declared }
}
