//! Two sentences that are said only where the system itself is in the way, each
//! by a cause of its own rather than by a fault that is drawn.

use crate::kill_conditions::apart;
use crate::support::faults::{Ran, is_root};

/// An account that an agent reads, and a home, in a file system in which no file
/// can be made any more, or one; and the ledger is damaged.
const FEW_NAMES: &str = r#"
skills=$1; at=$2; spare=$3
mount -t tmpfs -o "mode=0700,size=8m,nr_inodes=150" none "$at"
mkdir -p "$at/account/.claude/skills/loose" "$at/src/demo"
printf -- '---\nname: demo\ndescription: A skill for the fault tests.\n---\n' > "$at/src/demo/SKILL.md"
printf -- '---\nname: loose\ndescription: Nobody manages it.\n---\n' > "$at/account/.claude/skills/loose/SKILL.md"
echo "person:x:0:0::$at/account:/bin/sh" > "$at/passwd"
mount --bind "$at/passwd" /etc/passwd
"$skills" --home "$at/home" install "$at/src/demo" > /dev/null
n=0; while touch "$at/fill$n" 2> /dev/null; do n=$((n + 1)); done
test "$spare" = 0 || rm "$at/fill0"
echo "not a database" > "$at/home/ledger.db"
code=0; "$skills" --home "$at/home" kill --all --unmanaged || code=$?
echo "kill exit $code"
echo "marks $(find "$at/home" -maxdepth 1 -name 'aside.*' | wc -l)"
find "$at/home/evidence" -path '*/original-*/SKILL.md' | sed 's/^/moved to /'
grep -c 'moved aside' "$at/home/audit/audit.jsonl" | sed 's/^/records /'
"#;

fn cleared(spare: &str) -> Option<Ran> {
    if !is_root() {
        eprintln!("NOT RUN: a small file system needs root; the other pass of the tests runs it");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    apart(FEW_NAMES, &[&dir.path().to_string_lossy(), spare])
}

/// Attack by bad luck: neither mark nor record can be written; the kill has stopped everything and moved a person's work, and "done" would be
/// the last that anybody hears of it.
#[test]
fn a_kill_that_can_write_neither_mark_nor_record_says_not_recorded_and_fails() {
    let Some(ran) = cleared("0") else { return };
    assert!(ran.out.contains("KILLED") && !ran.err.contains("NOT KILLED"), "{ran:?}");
    assert!(ran.out.contains("moved to ") && ran.out.contains("marks 0"), "moved, and unmarked: {ran:?}");
    assert!(ran.err.contains("what was moved aside is not recorded yet"), "{ran:?}");
    assert!(
        ran.err.contains("NOT RECORDED: no later command knows where it is; keep what is said"),
        "{ran:?}"
    );
    assert!(ran.out.contains("kill exit 1"), "{ran:?}");
    // What is said is enough to find it by.
    let at = ran.out.lines().find_map(|line| line.strip_prefix("moved to ")).unwrap();
    let folder = at.strip_suffix("/SKILL.md").unwrap();
    assert!(ran.out.lines().any(|line| line.trim() == format!("is at      {folder}")), "{ran:?}");
    assert!(ran.out.contains("records 0"), "it is true: {ran:?}");
}

/// Its twin: one file more, and the mark says where it is.
#[test]
fn a_kill_that_could_write_its_mark_does_not_say_not_recorded() {
    let Some(ran) = cleared("1") else { return };
    assert!(ran.out.contains("moved to ") && ran.out.contains("marks 1"), "moved, and marked: {ran:?}");
    assert!(ran.err.contains("what was moved aside is not recorded yet"), "{ran:?}");
    assert!(!ran.err.contains("NOT RECORDED") && ran.out.contains("kill exit 0"), "{ran:?}");
}

/// A drifted copy on another file system than the home, whose card cannot be
/// renamed since something is mounted upon it.
const HELD_CARD: &str = r#"
skills=$1; at=$2
mount -t tmpfs -o mode=0700 none "$at"
mkdir -p "$at/agent" "$at/src/demo"
test "$3" = one || mount -t tmpfs -o mode=0700 none "$at/agent"
printf -- '---\nname: demo\ndescription: A skill for the fault tests.\n---\n' > "$at/src/demo/SKILL.md"
echo one > "$at/src/demo/notes.txt"
digest=$("$skills" --home "$at/home" install "$at/src/demo" | grep -o 'sha256:[0-9a-f]*' | tail -1)
"$skills" --home "$at/home" trust demo --digest "$digest" > /dev/null
"$skills" --home "$at/home" enable demo --dir "$at/agent" > /dev/null 2>&1
chmod 0644 "$at/agent/demo/notes.txt"; echo two > "$at/agent/demo/notes.txt"
mount --bind "$at/agent/demo/SKILL.md" "$at/agent/demo/SKILL.md"
code=0; "$skills" --home "$at/home" repair demo --digest "$digest" 2>&1 || code=$?
echo "repair exit $code"
find "$at/agent" -name SKILL.md | sed 's/^/card /'
find "$at/agent" "$at/home/evidence" -name SKILL.md -exec umount {} +
"$skills" --home "$at/home" doctor > /dev/null || true
find "$at/agent" -name SKILL.md | sed 's/^/later card /'
code=0; "$skills" --home "$at/home" repair demo --digest "$digest" 2>&1 | sed 's/^/later: /'
"#;

fn repaired(systems: &str) -> Option<Ran> {
    if !is_root() {
        eprintln!("NOT RUN: mounting upon a card needs root; the other pass of the tests runs it");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    apart(HELD_CARD, &[&dir.path().to_string_lossy(), systems])
}

/// Attack by bad luck: trusted again, placed again, and beside it the changed
/// copy, hidden, which an agent that searches hidden folders still loads.
#[test]
fn a_repair_whose_changed_copy_keeps_its_card_says_still_there_and_fails() {
    let Some(ran) = repaired("two") else { return };
    let card =
        ran.out.lines().find_map(|line| line.strip_prefix("card ")).unwrap_or_else(|| panic!("{ran:?}"));
    let folder = card.strip_suffix("/SKILL.md").unwrap();
    assert!(folder.rsplit('/').next().unwrap().starts_with(".skill-trust-withdrawn-"), "{ran:?}");
    let said =
        format!("STILL THERE  {folder}: the changed copy could not be taken away; an agent may find it");
    assert!(ran.out.contains(&said) && ran.out.contains("then: skills doctor"), "{ran:?}");
    assert!(ran.out.contains("repair exit 1"), "{ran:?}");
    // With nothing in the way, what it said to do does it, and is the end of it.
    assert!(!ran.out.contains("later card") && !ran.out.contains("later: STILL THERE"), "{ran:?}");
    assert!(ran.out.contains("later: already trusted again"), "{ran:?}");
}

/// In the evidence no agent looks: there a card is no alarm, which nothing that
/// anybody did would ever end.
#[test]
fn a_changed_copy_in_the_evidence_is_not_still_there() {
    let Some(ran) = repaired("one") else { return };
    assert!(ran.out.contains("/home/evidence/skill-trust-withdrawn-"), "{ran:?}");
    assert!(!ran.out.contains("STILL THERE") && !ran.out.contains("\ncard "), "{ran:?}");
    assert!(ran.out.contains("repair exit 0") && ran.out.contains("trusted  demo@"), "{ran:?}");
}
