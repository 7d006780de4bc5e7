//! Symbolic links outside of every skill: passed over, counted, never made.
//!
//! Many repositories have one at the top (`CLAUDE.md` leads to `AGENTS.md`). In
//! a repository or a folder such a link is passed over, and so it is here; one
//! inside a skill refuses that skill, as everywhere.
//!
//! Readers disagree about a link: GNU tar, bsdtar, `unzip` and 7-Zip make one,
//! Python's `zipfile` and Java write a file that holds the target. That harms
//! nobody while all of these hold, and each is checked here or in the list:
//!
//! - It is outside of every skill, so no byte of a skill comes from it.
//! - Nothing is beneath it and nothing of its name, before or after it, also
//!   after folding of case. Attack: what is written through it lands elsewhere.
//! - It is not called `SKILL.md`, in any case. Attack: a reader that follows
//!   it, or takes the target for the card, sees a skill where we see none.
//! - Its target is a plain path inside of the archive, with `..` at the
//!   beginning alone. The folders above a link are no links (nothing is beneath
//!   one), so the climb ends inside; and what is gone through below can only be
//!   a link of which the same holds. Attack: `x` leads to a skill of the
//!   machine; and Python's `tarfile` refuses such an archive, others do not.
//! - Its target stands in one place.
//!
//! What stays: `x` leads to the folder `skills`, and a tool that walks what it
//! unpacked sees each skill twice. It is the same bytes twice, and none is
//! installed by us from there.

use super::list::fold;
use super::reason::{Reason, Trouble, odd};
use crate::model::path::EntryPath;
use crate::system::fetch::CARD;

/// Longest target, which is held in memory: that of a path.
pub(super) const TARGET: u64 = 1024;

/// Whether a link may have this name at all.
pub(super) fn check_name(path: &EntryPath) -> Result<(), Trouble> {
    if fold(path.file_name()) == fold(CARD) {
        return Err(odd(Reason::LinkCard, path.as_str().as_bytes(), ""));
    }
    Ok(())
}

/// Whether the target of the link `name` is a plain path inside of the archive.
pub(super) fn check_target(name: &[u8], target: &[u8]) -> Result<(), Trouble> {
    let wrong = |why: &str| {
        let target = crate::model::text::escape_bytes(target);
        let target = crate::model::text::escape_short(&target, 100);
        Err(odd(Reason::LinkTarget, name, format!("`{target}`: {why}")))
    };
    let name = name.strip_prefix(b"./").unwrap_or(name);
    let mut folders = name.iter().filter(|c| **c == b'/').count();
    let mut rest = target.strip_prefix(b"./").unwrap_or(target);
    while let Some(below) = rest.strip_prefix(b"../") {
        let Some(above) = folders.checked_sub(1) else { return wrong("it leads out of the archive") };
        (folders, rest) = (above, below);
    }
    if target.len() as u64 > TARGET {
        return wrong("it is too long");
    }
    match EntryPath::parse(rest) {
        Ok(_) if rest.contains(&b':') => wrong("a colon in it"),
        Ok(_) => Ok(()),
        Err(why) => wrong(&why.to_string()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn taken(name: &str, target: &str) -> bool {
        match check_target(name.as_bytes(), target.as_bytes()) {
            Ok(()) => true,
            Err(Trouble::Odd(odd)) if odd.reason == Reason::LinkTarget => {
                assert!(!odd.to_string().chars().any(char::is_control), "{odd}");
                false
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn targets_inside_are_taken() {
        for (name, target) in [
            ("CLAUDE.md", "AGENTS.md"),
            ("CLAUDE.md", "./AGENTS.md"),
            ("./CLAUDE.md", "AGENTS.md"),
            (".claude/skills", "../skills"),
            (".claude/skills", "./../skills"),
            ("a/b/c", "../../d/e"),
            ("a/b/c", "nowhere"),
        ] {
            assert!(taken(name, target), "{name} -> {target}");
        }
    }

    #[test]
    fn attack_targets_that_lead_out_or_are_read_differently() {
        for (name, target) in [
            ("x", ""),
            ("x", "/etc/passwd"),
            ("x", "../y"),
            ("./x", "../y"),
            ("a/x", "../../y"),
            ("x", ".."),
            ("x", "."),
            ("a/x", ".."),
            ("a/x", "../"),
            ("a/x", "../."),
            // Through another link, the parent is not the one by name.
            ("x", "a/../y"),
            ("x", "a/.."),
            ("a/x", ".././y"),
            ("x", "././y"),
            ("x", "y/"),
            ("x", "y//z"),
            ("x", "a\\b"),
            ("x", "C:/y"),
            ("x", "y:z"),
            ("x", "a\0b"),
            ("x", "a\nb"),
            ("x", "\u{1b}[2J"),
            ("x", "e\u{301}"),
            ("x", ".git/config"),
        ] {
            assert!(!taken(name, target), "{name} -> {target:?}");
        }
        assert!(check_target(b"x", b"\xff").is_err());
        assert!(!taken("x", &vec!["n".repeat(100); 11].join("/")));
    }

    #[test]
    fn attack_a_link_called_like_a_card() {
        for name in ["SKILL.md", "a/SKILL.md", "a/skill.MD", "Skill.md"] {
            assert!(check_name(&EntryPath::parse(name.as_bytes()).unwrap()).is_err(), "{name}");
        }
        assert!(check_name(&EntryPath::parse(b"SKILL.md.txt").unwrap()).is_ok());
    }
}
