//! What the files of a skill ask for: pure, total, and nothing of it believed.
//!
//! ```text
//! front       install entries and requirements that gateways read
//! lists       package.json, requirements.txt, pyproject.toml and their like; lock files are noted
//! command     calls of package managers in blocks of commands, in scripts, in install entries
//! undeclared  of those, what nothing declares
//! spec        a package as it is written: name, extras, version or range
//! ```
//!
//! What is found in text is not declared; what an option changes is a word of its
//! own, so that nothing that leads elsewhere is lost on the way to the plan.

mod command;
mod front;
mod lists;
mod spec;
mod tables;
mod undeclared;

use crate::model::dependency::{AskedAt, Collected, Refused, Scope};
use std::collections::BTreeSet;

pub use crate::policy::review::File;
pub use undeclared::{Undeclared, undeclared};

/// Everything that these files ask for.
#[must_use]
pub fn collect(files: &[File<'_>]) -> Collected {
    let mut all = declared(files);
    command::collect(files, &mut all);
    all.needs.sort();
    all.needs.dedup();
    all.listed.sort();
    all
}

/// What these files say that is needed, without what their text does.
fn declared(files: &[File<'_>]) -> Collected {
    let mut all = Collected::default();
    for file in files {
        if file.path.split('/').any(|part| matches!(part, "node_modules" | ".git" | "site-packages")) {
            continue;
        }
        // Attack: one byte that is no text, so that a list of packages is no list.
        let text = &*String::from_utf8_lossy(file.bytes);
        if file.path == "SKILL.md" {
            front::collect(file.path, text, &mut all);
        }
        lists::collect(file.path, text, &mut all);
    }
    all
}

fn at(path: &str, line: usize, declared: bool) -> AskedAt {
    AskedAt { path: path.to_owned(), line, declared }
}

fn refused(kind: &str, scope: Scope, why: String, at: AskedAt) -> Refused {
    Refused { kind: kind.to_owned(), scope, why, allow: BTreeSet::new(), asked: BTreeSet::from([at]) }
}

#[cfg(test)]
mod tests;
