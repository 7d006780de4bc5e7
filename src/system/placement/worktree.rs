//! Whether a placement would lie in a git work tree that does not ignore it.
//!
//! There it would be committed with the project, removed by `git clean`, or
//! changed by a checkout. Only plain lines are understood, those we offer and
//! those that name a folder above: no wildcards, no global ignore file. What
//! is not understood counts as not ignored, and so does any negated line that
//! could be about us: the answer errs towards asking a person. A path that git
//! already tracks stays tracked whatever is ignored; that is not looked for.

use crate::model::skill::SkillName;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Longest ignore file that is read, in bytes.
const IGNORE_MAX: u64 = 1024 * 1024;

/// A work tree that would see the placement.
pub(super) struct WorkTree {
    /// Its top.
    pub(super) root: PathBuf,
    /// The line that hides the placement from git.
    pub(super) line: String,
    /// Where it belongs.
    pub(super) exclude: PathBuf,
}

/// Looks for the work tree around `folder`; none if there is none, or if it
/// ignores `name` in that folder.
pub(super) fn find(folder: &Path, name: &SkillName) -> std::io::Result<Option<WorkTree>> {
    let mut root = None;
    for ancestor in folder.ancestors() {
        match std::fs::symlink_metadata(ancestor.join(".git")) {
            Ok(_) => {
                root = Some(ancestor);
                break;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let Some(root) = root else { return Ok(None) };
    let parts: Vec<&str> = folder
        .strip_prefix(root)
        .unwrap_or(folder)
        .components()
        .filter_map(|component| component.as_os_str().to_str())
        .chain([name.as_str()])
        .collect();
    let tree = WorkTree { root: root.to_owned(), line: line(&parts), exclude: exclude_file(root)? };
    let mut ignored = Answer::Silent;
    ignored.hear(&read(&tree.exclude)?, &parts, &tree.line);
    let mut dir = root.to_owned();
    for (depth, part) in parts.iter().enumerate() {
        ignored.hear(&read(&dir.join(".gitignore"))?, &parts[depth..], &line(&parts[depth..]));
        dir.push(part);
    }
    Ok(if ignored == Answer::Ignored { None } else { Some(tree) })
}

/// The anchored line for a path, wildcards escaped.
fn line(parts: &[&str]) -> String {
    let mut line = String::from("/");
    for part in parts {
        for c in part.chars() {
            if matches!(c, '*' | '?' | '[' | '\\') {
                line.push('\\');
            }
            line.push(c);
        }
        line.push('/');
    }
    line
}

#[derive(PartialEq, Eq)]
enum Answer {
    Silent,
    Ignored,
    /// Some line takes paths out again.
    Doubt,
}

impl Answer {
    fn hear(&mut self, text: &str, parts: &[&str], offered: &str) {
        for line in text.lines().map(|line| line.trim_end_matches(' ')) {
            if let Some(negated) = line.strip_prefix('!') {
                let wild = negated.contains(['*', '?', '[', '\\']);
                if wild || parts.iter().any(|part| negated.contains(part)) {
                    *self = Self::Doubt;
                }
            } else if *self == Self::Silent && (line == offered || covers(line, parts)) {
                *self = Self::Ignored;
            }
        }
    }
}

/// Whether a plain line names the path or a folder above it.
fn covers(line: &str, parts: &[&str]) -> bool {
    if line.is_empty() || line.starts_with('#') || line.contains(['*', '?', '[', '\\']) {
        return false;
    }
    let plain = line.strip_suffix('/').unwrap_or(line);
    let anchored = plain.contains('/');
    let plain = plain.strip_prefix('/').unwrap_or(plain);
    if !anchored {
        return parts.contains(&plain);
    }
    let mut left = parts.iter();
    plain.split('/').all(|want| left.next() == Some(&want))
}

/// Where this work tree keeps its private exclude file: a linked work tree or
/// a submodule has it in the repository it belongs to.
fn exclude_file(root: &Path) -> std::io::Result<PathBuf> {
    let mut git = root.join(".git");
    if git.is_file() {
        if let Some(to) = read(&git)?.lines().next().and_then(|line| line.strip_prefix("gitdir: ")) {
            git = root.join(to);
        }
        if let Some(common) = read(&git.join("commondir"))?.lines().next() {
            git = git.join(common);
        }
    }
    Ok(git.join("info/exclude"))
}

/// A small text file; empty if there is none or it is not one.
fn read(path: &Path) -> std::io::Result<String> {
    match std::fs::metadata(path) {
        Ok(about) if about.is_file() && about.len() <= IGNORE_MAX => {}
        _ => return Ok(String::new()),
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(IGNORE_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8(bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(exclude: &str, gitignore: &str) -> Option<String> {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(".claude/skills");
        std::fs::create_dir_all(root.path().join(".git/info")).unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(root.path().join(".git/info/exclude"), exclude).unwrap();
        std::fs::write(root.path().join(".gitignore"), gitignore).unwrap();
        find(&folder, &SkillName::parse("pdf").unwrap()).unwrap().map(|tree| tree.line)
    }

    #[test]
    fn only_plain_lines_that_cover_the_placement_count() {
        let offered = Some("/.claude/skills/pdf/".to_owned());
        assert_eq!(asks("", ""), offered);
        for good in ["/.claude/skills/pdf/", ".claude/", "/.claude", ".claude/skills", "pdf", "# x\n.claude/"]
        {
            assert_eq!(asks(good, ""), None, "{good}");
            assert_eq!(asks("", good), None, "{good}");
        }
        for bad in
            ["*", "/skills", "claude", "/.claude/skills/pdf2/", "pd?", "#.claude/", "/pdf", "/pdf/.claude"]
        {
            assert_eq!(asks(bad, ""), offered, "{bad}");
        }
        assert_eq!(asks(".claude/", "!.claude/skills"), offered);
        assert_eq!(asks(".claude/", "!*.md"), offered);
        assert_eq!(asks(".claude/", "!docs"), None);
    }
}
