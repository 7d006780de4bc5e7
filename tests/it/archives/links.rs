//! Symbolic links in archives: one outside of every skill is passed over and
//! counted, as from a repository and from a folder; every other is refused.

use super::make::{Item, Part, deflated, gzip, outcome, pax, tar, zip};
use crate::sources::repo::{CARD, Files, Repo, fails, only, open, places};
use crate::support::sandbox::Sandbox;
use skill_trust::system::fetch::FetchError;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

fn tar_link(name: &str, target: &str) -> Item {
    Item::new(b'2', name, b"").with(157, target.as_bytes()).with(100, b"0000777\0")
}

fn zip_link(name: &str, target: &str) -> Part {
    Part::file(name, target).mode(0o120_777)
}

fn said(outcome: Result<Files, String>) -> String {
    match outcome {
        Ok(files) => format!("taken: {}", files.into_keys().collect::<Vec<_>>().join(" ")),
        Err(code) => code,
    }
}

/// What comes of a skill in the folder `s` with these entries around it.
fn of_tar(items: &[Item]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let all = [&[Item::file("s/SKILL.md", CARD)], items].concat();
    said(outcome(scratch.path(), "x.tar.gz", &gzip(&tar(&all))))
}

fn of_zip(parts: &[Part]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let all = [&[Part::file("s/SKILL.md", CARD)], parts].concat();
    said(outcome(scratch.path(), "x.zip", &zip(&all)))
}

/// A link in both formats.
#[track_caller]
fn both(name: &str, target: &str, wanted: &str) {
    assert_eq!(of_tar(&[tar_link(name, target)]), wanted, "tar: {name} -> {target}");
    assert_eq!(of_zip(&[zip_link(name, target)]), wanted, "zip: {name} -> {target}");
}

const TAKEN: &str = "taken: s/SKILL.md";

#[test]
fn a_link_outside_of_every_skill_is_passed_over() {
    for (name, target) in [
        ("CLAUDE.md", "AGENTS.md"),
        ("CLAUDE.md", "./AGENTS.md"),
        (".claude/skills", "../s"),
        ("docs/deep/x", "../../s/SKILL.md"),
        ("nowhere", "not/there"),
        ("s.md", "s"),
        ("t", "s"),
    ] {
        both(name, target, TAKEN);
    }
    assert_eq!(of_tar(&[tar_link("a", "s").gnu()]), TAKEN);
    assert_eq!(of_tar(&[tar_link("a", "s").with(100, b"0120777\0")]), TAKEN);
    assert_eq!(of_tar(&[pax(b'x', &[("linkpath", "s"), ("mtime", "1.5")]), tar_link("a", "s")]), TAKEN);
    assert_eq!(of_zip(&[zip_link("a", "s").packed()]), TAKEN);
    assert_eq!(of_zip(&[zip_link("a", "s").described()]), TAKEN);
}

#[test]
fn attack_a_link_inside_of_a_skill() {
    both("s/a", "SKILL.md", "entry-link");
    both("s/a/b/c", "../../SKILL.md", "entry-link");
    both("s/a/b", "../../CLAUDE.md", "entry-link");
    // The root is a skill: everything is inside.
    let scratch = tempfile::tempdir().unwrap();
    let root = gzip(&tar(&[tar_link("a/b", "c"), Item::file("SKILL.md", CARD)]));
    assert_eq!(said(outcome(scratch.path(), "x.tgz", &root)), "entry-link");
}

#[test]
fn a_skill_with_a_link_is_refused_and_its_neighbour_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let card = |name: &str| CARD.replace("pdf", name);
    let path = dir.path().join("x.zip");
    let parts = [
        Part::file("good/SKILL.md", &card("good")),
        Part::file("bad/SKILL.md", &card("bad")),
        zip_link("bad/more", "SKILL.md"),
        zip_link("CLAUDE.md", "good"),
    ];
    fs::write(&path, zip(&parts)).unwrap();
    let origin = open(path.to_str().unwrap()).unwrap();
    assert_eq!(places(origin.as_ref()), ["bad", "good"]);
    let listing = origin.skills().unwrap();
    // The one inside is that skill's own fault, and not counted.
    assert_eq!(listing.links, 1);
    let limits = skill_trust::model::limits::Limits::DEFAULT;
    let take = |at: usize| {
        let mut seen = Vec::new();
        let done = origin.copy(&listing.skills[at], &limits, &mut |path, _, _, _| {
            seen.push(path.to_string());
            Ok(())
        });
        (done, seen)
    };
    let (bad, seen) = take(0);
    assert!(matches!(fails(bad), FetchError::Refused(faults) if faults[0].path == "more") && seen.is_empty());
    let (good, seen) = take(1);
    assert!(good.is_ok() && seen == ["SKILL.md"]);
}

#[test]
fn attack_a_target_that_leads_out_or_lies() {
    for target in ["/etc/passwd", "../x", "a/../../x", "s/..", ".", "..", "s/", "C:x", "a\\b", ".git/config"]
    {
        both("a", target, "archive-link-target");
    }
    both("a/b", "../../s", "archive-link-target");
    assert_eq!(of_tar(&[tar_link("a", "")]), "archive-link-target");
    assert_eq!(of_zip(&[zip_link("a", "")]), "archive-link-target");
    assert_eq!(of_zip(&[zip_link("a", &"n/".repeat(1000))]), "archive-link-target");
    // More than any target, and still inside the limits of a file.
    assert_eq!(of_zip(&[zip_link("a", &"n".repeat(1 << 20)).packed()]), "archive-link-target");
    let lie = [pax(b'x', &[("linkpath", "SKILL.md")]), tar_link("a", "s")];
    assert_eq!(of_tar(&lie), "tar-pax-conflict");
    let empty = [pax(b'x', &[("linkpath", "")]), tar_link("a", "s")];
    assert_eq!(of_tar(&empty), "tar-pax-conflict");
    assert_eq!(of_tar(&[pax(b'x', &[("linkpath", "s")]), Item::file("a", "x")]), "tar-pax-key");
    assert_eq!(of_tar(&[pax(b'x', &[("linkpath", "s")]), Item::folder("a/")]), "tar-pax-key");
    assert_eq!(of_tar(&[tar_link("a", "s\0hidden")]), "tar-reserved");
    let long = Item::new(b'K', "././@LongLink", format!("{}\0", "n".repeat(120)).as_bytes()).gnu();
    assert_eq!(of_tar(&[long, tar_link("a", &"n".repeat(100)).gnu()]), "tar-type");
}

#[test]
fn attack_a_link_with_data() {
    // One reader skips the data, another reads a header there.
    let hidden = Item::file("s/hidden", "").bytes();
    let mut link = tar_link("a", "s").with(124, b"00000001000\0");
    assert_eq!(of_tar(&[link.clone(), Item::file("b", "")]), "archive-link-data");
    link.data = hidden;
    assert_eq!(of_tar(&[link]), "archive-link-data");
    let size = [pax(b'x', &[("size", "512")]), tar_link("a", "s")];
    assert_eq!(of_tar(&size), "tar-pax-conflict");
}

#[test]
fn attack_a_target_that_is_not_what_its_header_says() {
    // The checksum is looked at, and so is the size, as for every file.
    let link = || zip_link("a", "s");
    let sum = Part { local_edit: vec![(14, vec![0; 4])], central_edit: vec![(16, vec![0; 4])], ..link() };
    assert_eq!(of_zip(&[sum]), "zip-data");
    let longer = Part { packed: Some(deflated(b"sx")), method: 8, ..link() };
    assert_eq!(of_zip(&[longer]), "zip-data");
    let other = Part { local_name: Some(b"b".to_vec()), ..link() };
    assert_eq!(of_zip(&[other]), "zip-local");
}

#[test]
fn attack_something_beneath_a_link_or_of_its_name() {
    for (name, code) in [
        ("a/x", "archive-link-as-folder"),
        ("a", "archive-duplicate"),
        ("A/x", "entry-collision"),
        ("A", "entry-collision"),
    ] {
        let (item, part) = (Item::file(name, "x"), Part::file(name, "x"));
        for swap in [false, true] {
            let (mut items, mut parts) =
                ([tar_link("a", "s"), item.clone()], [zip_link("a", "s"), part.clone()]);
            if swap {
                items.reverse();
                parts.reverse();
            }
            assert_eq!(of_tar(&items), code, "tar, {name}, {swap}");
            assert_eq!(of_zip(&parts), code, "zip, {name}, {swap}");
        }
    }
    // The folder of the skill itself.
    both("s", "t", "archive-link-as-folder");
    both("S", "t", "entry-collision");
    both("s/SKILL.md", "t", "archive-duplicate");
    both("s/SKILL.md/x", "t", "archive-file-as-folder");
    // Two entries that are links, one through the other.
    assert_eq!(of_tar(&[tar_link("a", "s"), tar_link("a/b", "c")]), "archive-link-as-folder");
    assert_eq!(of_zip(&[zip_link("a", "s"), zip_link("a/b", "c")]), "archive-link-as-folder");
}

#[test]
fn attack_a_link_that_another_tool_takes_for_a_card() {
    // Java and Python write a file here; who follows it sees a skill in `t`.
    both("t/SKILL.md", "../s/SKILL.md", "archive-link-card");
    both("t/skill.md", "../s/SKILL.md", "archive-link-card");
    both("SKILL.md", "s/SKILL.md", "archive-link-card");
}

#[test]
fn hard_links_are_refused_wherever_they_lie() {
    assert_eq!(of_tar(&[Item::new(b'1', "a", b"").with(157, b"s/SKILL.md")]), "entry-hard-link");
}

/// What was listed, by three kinds of source.
fn listed(sandbox: &Sandbox, source: &str) -> (String, u64) {
    let said = sandbox.run(&["install", source, "--list", "-v"]);
    assert_eq!(said.code, 0, "{said:?}");
    let json = sandbox.run(&["install", source, "--list", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    (said.stderr, document["links"].as_u64().unwrap())
}

#[test]
fn links_are_counted_in_the_same_words_from_every_source() {
    let sandbox = Sandbox::new();
    let repo = Repo::new();
    repo.write("s/SKILL.md", CARD);
    repo.write("AGENTS.md", "read me");
    repo.write("docs/a.md", "a");
    symlink("AGENTS.md", repo.work.join("CLAUDE.md")).unwrap();
    symlink("../s", repo.work.join("docs/skills")).unwrap();
    repo.commit("first");
    let out = |name: &str| repo.top().join(name).to_str().unwrap().to_owned();
    let mut sources = vec![repo.file_url()];
    for (format, name) in [("tar.gz", "git.tar.gz"), ("zip", "git.zip")] {
        repo.git(&["archive", "--format", format, "-o", &out(name), "HEAD"]);
        sources.push(out(name));
    }
    for line in [
        "mkdir plain && cp -R repo/s repo/docs repo/AGENTS.md repo/CLAUDE.md plain/",
        "tar -czf tar.tgz -C plain .",
        "! command -v bsdtar || bsdtar -czf bsd.tgz -C plain . && bsdtar --format zip -cf bsd.zip -C plain .",
        "! command -v zip || cd plain && zip -qry ../info.zip .",
        "! command -v 7z || cd plain && 7z a -tzip -snl -bso0 ../seven.zip .",
    ] {
        let done = Command::new("sh").args(["-c", line]).current_dir(repo.top()).status().unwrap();
        assert!(done.success(), "{line}");
    }
    sources.push(out("plain"));
    for name in ["tar.tgz", "bsd.tgz", "bsd.zip", "info.zip", "seven.zip"] {
        match repo.top().join(name).exists() {
            true => sources.push(out(name)),
            false => println!("not there: {name}"),
        }
    }
    assert!(sources.len() >= 5);
    let wanted = only(open(&repo.file_url()).unwrap().as_ref()).unwrap();
    for source in &sources {
        let (note, count) = listed(&sandbox, source);
        assert_eq!(count, 2, "{source}");
        assert!(note.contains("passed over: 2 symbolic links outside of every skill"), "{source}: {note}");
        let quiet = sandbox.run(&["install", source, "--list"]);
        assert!(!quiet.stderr.contains("passed over"), "{quiet:?}");
        assert_eq!(only(open(source).unwrap().as_ref()).unwrap(), wanted, "{source}");
    }
    let said = sandbox.run(&["install", &out("git.zip"), "-v"]).ok().0;
    assert!(said.stderr.contains("passed over: 2 symbolic links"), "{said:?}");
}
