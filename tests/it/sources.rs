//! Sources that a person may name: folders, local repositories, ssh, https.

mod download;
pub(crate) mod https;
pub(crate) mod repo;
mod rules;
mod site;
pub(crate) mod ssh;
mod ssrf;

use repo::{CARD, Repo, copy_within, fails, only, open, open_at, open_spec, open_with, places};
use skill_trust::model::limits::Limits;
use skill_trust::model::path::EntryPath;
use skill_trust::model::source::{SourceKind, SourceSpec};
use skill_trust::system::fetch::{CARD_BYTES, FetchError, FetchOptions};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

fn typed(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_local_form_gives_the_same_bytes() {
    let repo = Repo::with_skill();
    let head = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["clone", "-q", "--bare", "--no-local", ".", "../bare.git"]);
    let bare = repo.top().join("bare.git");
    let forms = [
        repo.file_url(),
        typed(&repo.work),
        format!("file://{}", bare.display()),
        format!("file://{}", repo.top().join("bare").display()),
    ];
    for form in forms {
        let origin = open(&form).unwrap();
        let source = origin.source();
        assert_eq!(source.kind, SourceKind::Git, "{form}");
        assert_eq!(source.commit.as_deref(), Some(head.as_str()), "{form}");
        assert!(origin.notes().is_empty(), "{:?}", origin.notes());
        let files = only(origin.as_ref()).unwrap();
        assert_eq!(files.keys().collect::<Vec<_>>(), ["SKILL.md", "scripts/run.sh"], "{form}");
        assert_eq!(files["SKILL.md"], (false, CARD.as_bytes().to_vec()));
        assert!(files["scripts/run.sh"].0, "the executable bit is kept");
    }
    let location = open(&typed(&repo.work)).unwrap().source().location.clone();
    assert_eq!(location, repo.file_url(), "the work tree and its address are one source");
}

#[test]
fn the_remote_of_a_work_tree_is_not_claimed() {
    let repo = Repo::with_skill();
    repo.git(&["remote", "add", "origin", "https://example.org/famous/skills"]);
    let origin = open(&typed(&repo.work)).unwrap();
    assert_eq!(origin.source().location, repo.file_url());
}

#[test]
fn references_are_resolved_to_a_commit() {
    let repo = Repo::with_skill();
    let first = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["tag", "v1"]);
    repo.git(&["tag", "-a", "-m", "two", "v1-signed"]);
    repo.git(&["tag", "-a", "-m", "tag of a tag", "v1-twice", "v1-signed"]);
    repo.git(&["branch", "release/1"]);
    repo.write("NEW.md", "new");
    let second = repo.commit("second");
    let cases = [
        (None, &second),
        (Some("main"), &second),
        (Some("v1"), &first),
        (Some("v1-signed"), &first),
        (Some("v1-twice"), &first),
        (Some("release/1"), &first),
        (Some("refs/tags/v1"), &first),
        (Some(first.as_str()), &first),
    ];
    for packed in [false, true] {
        if packed {
            repo.git(&["gc", "-q"]);
            assert!(repo.work.join(".git/packed-refs").is_file());
        }
        for (reference, commit) in &cases {
            let origin = open_with(&repo.file_url(), *reference, &FetchOptions::default()).unwrap();
            assert_eq!(origin.source().commit.as_ref(), Some(*commit), "{reference:?} {packed}");
            assert_eq!(origin.source().reference.as_deref(), *reference);
            let files = only(origin.as_ref()).unwrap();
            assert_eq!(files.contains_key("NEW.md"), *commit == &second, "{reference:?}");
        }
    }
}

#[test]
fn a_reference_that_means_nothing_or_two_things_is_refused() {
    let repo = Repo::with_skill();
    let head = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["tag", "twin"]);
    repo.git(&["branch", "twin"]);
    repo.git(&["update-ref", &format!("refs/heads/{head}"), "HEAD"]);
    let url = repo.file_url();
    let error = fails(open_at(&url, "twin"));
    assert!(
        matches!(&error, FetchError::Ambiguous { both, .. } if *both == ["refs/heads/twin", "refs/tags/twin"])
    );
    assert!(matches!(fails(open_at(&url, &head)), FetchError::Ambiguous { .. }));
    assert!(open_at(&url, "refs/tags/twin").is_ok());
    for missing in ["no-such", &head[..12], "0123456789012345678901234567890123456789", "refs/heads/no-such"]
    {
        assert!(matches!(fails(open_at(&url, missing)), FetchError::Reference { .. }), "{missing}");
    }
    let blob = repo.blob(b"not a commit");
    repo.git(&["update-ref", "refs/tags/blob", &blob]);
    assert!(matches!(fails(open_at(&url, "blob")), FetchError::Broken { .. }));
    assert!(matches!(fails(open_at(&url, &blob)), FetchError::Broken { .. }));
    let empty = Repo::new();
    assert!(matches!(fails(open(&empty.file_url())), FetchError::Reference { .. }));
}

#[test]
fn many_skills_and_the_folder_of_one() {
    let repo = Repo::new();
    for folder in ["skills/pdf", "skills/xls", "skills/pdf/inner", "deep/a/b/c", "skills-extra"] {
        repo.write(&format!("{folder}/SKILL.md"), CARD);
    }
    repo.write("skills/none/skill.md", "another case is another name");
    repo.write("README.md", "no skill");
    symlink("README.md", repo.work.join("link-outside-of-skills")).unwrap();
    repo.commit("many");
    let origin = open(&repo.file_url()).unwrap();
    assert_eq!(places(origin.as_ref()), ["deep/a/b/c", "skills-extra", "skills/pdf", "skills/xls"]);
    let listing = origin.skills().unwrap();
    assert!(listing.faults.is_empty(), "{:?}", listing.faults);
    let pdf = &listing.skills[2];
    assert_eq!(pdf.card, CARD.as_bytes());
    assert_eq!(origin.source_of(pdf).path.unwrap().as_str(), "skills/pdf");
    let files = copy_within(origin.as_ref(), pdf, &Limits::DEFAULT).unwrap();
    assert_eq!(files.keys().collect::<Vec<_>>(), ["SKILL.md", "inner/SKILL.md"]);

    let inside = |path: &str| SourceSpec::Git {
        url: repo.file_url(),
        reference: None,
        path: Some(EntryPath::parse(path.as_bytes()).unwrap()),
    };
    let origin = open_spec(&inside("skills"), &FetchOptions::default()).unwrap();
    assert_eq!(places(origin.as_ref()), ["skills/pdf", "skills/xls"]);
    for missing in ["none", "README.md", "skills/pdf/SKILL.md", "link-outside-of-skills"] {
        let error = fails(open_spec(&inside(missing), &FetchOptions::default()));
        assert!(matches!(error, FetchError::Missing { .. }), "{missing}: {error}");
    }
    let origin = open(&typed(&repo.work.join("skills/pdf"))).unwrap();
    assert_eq!(places(origin.as_ref()), ["skills/pdf"]);
    assert_eq!(origin.source().path.as_ref().unwrap().as_str(), "skills/pdf");
}

#[test]
fn places_that_cannot_be_searched_are_listed() {
    let repo = Repo::new();
    let card = repo.blob(CARD.as_bytes());
    let skill = repo.tree(&[("100644", b"SKILL.md", &card)]);
    let head = repo.git(&["commit-tree", &skill, "-m", "x"]);
    let tree = repo.tree(&[
        ("40000", b"bad\nname", &skill),
        ("40000", b"good", &skill),
        ("160000", b"module", &head),
    ]);
    repo.publish(&tree);
    let listing = open(&repo.file_url()).unwrap().skills().unwrap();
    assert_eq!(listing.skills.len(), 1);
    let found: Vec<_> = listing.faults.iter().map(|fault| (fault.path.as_str(), fault.rule.code())).collect();
    assert_eq!(found, [("bad\\u{a}name", "name-hidden-character"), ("module", "entry-submodule")]);
}

#[test]
fn uncommitted_changes_are_said_and_not_taken() {
    let repo = Repo::with_skill();
    repo.write("gone.txt", "x");
    repo.write("mode.txt", "x");
    repo.commit("more");
    let before = only(open(&repo.file_url()).unwrap().as_ref()).unwrap();
    repo.write("SKILL.md", &CARD.replace("Read", "Send"));
    repo.write("new.txt", "new");
    repo.executable("mode.txt");
    fs::remove_file(repo.work.join("gone.txt")).unwrap();
    let origin = open(&typed(&repo.work)).unwrap();
    assert_eq!(only(origin.as_ref()).unwrap(), before);
    let note = "4 uncommitted changes are not included: 2 modified, 1 not in the commit, 1 deleted";
    assert_eq!(origin.notes().len(), 1, "{:?}", origin.notes());
    assert_eq!(origin.notes()[0], note);
}

#[test]
fn what_is_not_in_the_commit_is_a_plain_folder() {
    let repo = Repo::with_skill();
    repo.write("fresh/SKILL.md", CARD);
    let origin = open(&typed(&repo.work.join("fresh"))).unwrap();
    assert_eq!(origin.source().kind, SourceKind::Folder);
    assert_eq!(origin.source().location, typed(&repo.work.join("fresh")));
    assert_eq!(origin.source().commit, None);
    assert!(origin.notes()[0].contains("not in the commit"), "{:?}", origin.notes());
    assert_eq!(only(origin.as_ref()).unwrap().len(), 1);
}

#[test]
fn a_linked_work_tree_and_a_submodule_are_believed_when_they_point_back() {
    let repo = Repo::with_skill();
    repo.git(&["worktree", "add", "-q", "-b", "side", "../side"]);
    let side = repo.top().join("side");
    fs::write(side.join("SIDE.md"), "side").unwrap();
    assert!(repo.command().current_dir(&side).args(["add", "-A"]).status().unwrap().success());
    assert!(repo.command().current_dir(&side).args(["commit", "-qm", "side"]).status().unwrap().success());
    let origin = open(&typed(&side)).unwrap();
    assert!(only(origin.as_ref()).unwrap().contains_key("SIDE.md"));
    assert_eq!(origin.source().commit.as_deref(), Some(repo.git(&["rev-parse", "side"]).as_str()));

    let outer = Repo::with_skill();
    let url = repo.file_url();
    outer.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "module"]);
    assert!(only(open(&typed(&outer.work.join("module"))).unwrap().as_ref()).is_ok());

    let forged = repo.top().join("forged");
    fs::create_dir(&forged).unwrap();
    fs::write(forged.join("SKILL.md"), CARD).unwrap();
    for target in [repo.work.join(".git"), repo.work.join(".git/worktrees/side")] {
        fs::write(forged.join(".git"), format!("gitdir: {}\n", target.display())).unwrap();
        let error = fails(open(&typed(&forged)));
        assert!(
            matches!(&error, FetchError::Distrusted { why, .. } if why.contains("point back")),
            "{error}"
        );
    }
}

#[test]
fn a_plain_folder_is_taken_as_it_lies_there() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("a/scripts")).unwrap();
    fs::create_dir_all(root.join("b")).unwrap();
    for folder in ["a", "b", "a/scripts"] {
        fs::write(root.join(folder).join("SKILL.md"), CARD).unwrap();
    }
    fs::write(root.join("a/scripts/run"), "x").unwrap();
    fs::set_permissions(root.join("a/scripts/run"), fs::Permissions::from_mode(0o744)).unwrap();
    fs::write(root.join("b/SKILL.md"), "x".repeat(CARD_BYTES + 10)).unwrap();
    let link = dir.path().join("link-to-a");
    symlink(root.join("a"), &link).unwrap();

    let origin = open(&typed(&root)).unwrap();
    assert_eq!(places(origin.as_ref()), ["a", "b"]);
    let listing = origin.skills().unwrap();
    assert_eq!(listing.skills[1].card.len(), CARD_BYTES);
    let files = copy_within(origin.as_ref(), &listing.skills[0], &Limits::DEFAULT).unwrap();
    assert_eq!(files.keys().collect::<Vec<_>>(), ["SKILL.md", "scripts/SKILL.md", "scripts/run"]);
    assert!(files["scripts/run"].0);

    // The folder a person names may be reached through a link of theirs.
    let origin = open(&typed(&link)).unwrap();
    assert_eq!(origin.source().location, typed(&root.join("a")));
    assert_eq!(only(origin.as_ref()).unwrap().len(), 3);
    assert!(matches!(fails(open(&typed(&root.join("a/SKILL.md")))), FetchError::NotARepository { .. }));
    assert!(matches!(fails(open(&typed(&root.join("no-such")))), FetchError::Io { .. }));
}

#[test]
fn a_plain_folder_names_all_its_faults_before_a_byte_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("s");
    fs::create_dir_all(root.join("empty")).unwrap();
    fs::create_dir_all(root.join("sub/.git")).unwrap();
    fs::write(root.join("SKILL.md"), CARD).unwrap();
    symlink("/etc/passwd", root.join("passwords")).unwrap();
    symlink("/etc", root.join("folder")).unwrap();
    fs::write(root.join("one"), "x").unwrap();
    fs::hard_link(root.join("one"), root.join("two")).unwrap();
    fs::write(root.join("suid"), "x").unwrap();
    fs::set_permissions(root.join("suid"), fs::Permissions::from_mode(0o4755)).unwrap();
    fs::write(root.join("con.txt"), "x").unwrap();
    fs::write(root.join("big"), vec![0; 4000]).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(root.join("fifo")).status().unwrap();
    assert!(fifo.success());

    let origin = open(&typed(&root)).unwrap();
    let skill = &origin.skills().unwrap().skills[0];
    let limits = Limits { file: 3000, ..Limits::DEFAULT };
    let FetchError::Refused(faults) = fails(copy_within(origin.as_ref(), skill, &limits)) else { panic!() };
    let found: Vec<_> = faults.iter().map(|fault| (fault.path.as_str(), fault.rule.code())).collect();
    let expected = [
        ("big", "limit-file"),
        ("con.txt", "name-device"),
        ("empty", "entry-empty-folder"),
        ("fifo", "entry-special-file"),
        ("folder", "entry-link"),
        ("one", "entry-hard-link"),
        ("passwords", "entry-link"),
        ("socket", "entry-special-file"),
        ("sub/.git", "name-dot-git"),
        ("suid", "entry-set-id"),
        ("two", "entry-hard-link"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_card_that_is_a_link_makes_no_skill_and_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    symlink("/etc/passwd", dir.path().join("SKILL.md")).unwrap();
    let listing = open(&typed(dir.path())).unwrap().skills().unwrap();
    assert!(listing.skills.is_empty());
    assert_eq!(listing.faults[0].rule.code(), "entry-link");
}

#[test]
fn offline_takes_what_is_here_and_nothing_else() {
    let repo = Repo::with_skill();
    let options = FetchOptions { offline: true, ..FetchOptions::default() };
    assert!(open_with(&repo.file_url(), None, &options).is_ok());
    for typed in ["acme/pdf", "https://localhost/x/y", "git@localhost:x/y"] {
        assert!(matches!(fails(open_with(typed, None, &options)), FetchError::Offline { .. }), "{typed}");
    }
}

#[test]
fn a_source_that_did_not_come_through_the_parser_is_checked_again() {
    for url in ["http://localhost/x", "git://localhost/x", "ext::touch x", "/x", "ftp://h/x", "ssh://-oX/y"] {
        let spec = SourceSpec::Git { url: url.to_owned(), reference: None, path: None };
        let error = fails(open_spec(&spec, &FetchOptions::default()));
        assert!(matches!(error, FetchError::NotARepository { .. }), "{url}: {error}");
    }
}
