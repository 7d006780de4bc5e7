//! The digest is what stock git says, for any folder, and whatever settings a
//! person, a machine or the skill itself brings along.

use proptest::prelude::*;
use skill_trust::model::digest::Digest;
use skill_trust::model::limits::Limits;
use skill_trust::system::tree::{self, Checks};
use std::collections::BTreeMap;
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// Path to content and execute bit.
type Files = BTreeMap<String, (Vec<u8>, bool)>;

fn write(base: &Path, files: &Files) {
    for (path, (bytes, executable)) in files {
        let path = base.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let mode = if *executable { 0o755 } else { 0o644 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn ours(folder: &Path) -> Digest {
    let checks = Checks { limits: Limits::DEFAULT, strict: None };
    let observed = tree::read(tree::open_folder(folder).unwrap().as_fd(), &checks);
    assert_eq!(observed.faults, []);
    observed.manifest.digest()
}

fn git(work: &Path, home: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(work)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_DIR", home.join("repository"))
        .env("GIT_WORK_TREE", work)
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn by_git(folder: &Path) -> String {
    let home = tempfile::tempdir().unwrap();
    git(folder, home.path(), &["init", "-q", "--object-format=sha256"]);
    git(folder, home.path(), &["add", "-A", "-f", "."]);
    git(folder, home.path(), &["write-tree"])
}

/// The line that our documentation tells people to paste.
fn documented_line() -> &'static str {
    let source = include_str!("../../src/model/manifest.rs");
    let mut block = source.lines().skip_while(|line| *line != "//! ```sh").skip(1);
    let line = block.next().unwrap().strip_prefix("//! ").unwrap();
    assert_eq!(block.next(), Some("//! ```"), "it is one line");
    assert!(line.ends_with(" FOLDER"));
    line
}

fn run_documented_line(folder: &Path, prepare: impl FnOnce(&mut Command)) -> String {
    let quoted = format!("'{}'", folder.to_str().unwrap().replace('\'', r"'\''"));
    let mut command = Command::new("sh");
    command.arg("-c").arg(documented_line().replace("FOLDER", &quoted));
    prepare(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn any_files() -> impl Strategy<Value = Files> {
    // Names around `/` in byte order, of several scripts, and that shells,
    // git's path patterns and other systems read in their own way.
    let name = prop::sample::select(vec![
        "a",
        "a-",
        "a-b",
        "a.b",
        "a0",
        "ab",
        "A",
        "!",
        "é",
        "ÿ",
        "日本",
        "नमस्ते",
        "🙂",
        "-rf",
        "x y",
        "ab:c",
        ":(top)",
        "'q'",
        "\"",
        "$x",
        "*",
        "[a]",
        "#",
        "%",
        "~x",
        ".gitignore",
        ".hidden",
        "node_modules",
        "SKILL.md",
        "\u{10000}",
    ]);
    let path = prop::collection::vec(name, 1..5).prop_map(|parts| parts.join("/"));
    let content = prop::collection::vec(any::<u8>(), 0..40);
    prop::collection::vec((path, (content, any::<bool>())), 1..25).prop_map(|all| {
        let mut files = Files::new();
        for (path, file) in all {
            let below = format!("{path}/");
            let taken = |other: &String| other.starts_with(&below) || path.starts_with(&format!("{other}/"));
            if !files.keys().any(taken) {
                files.insert(path, file);
            }
        }
        files
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_digest_of_any_folder_is_gits_tree_id(files in any_files()) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &files);
        prop_assert_eq!(ours(folder.path()).hex(), by_git(folder.path()));
    }
}

/// A folder that does all it can to make git hash other bytes than it holds.
fn hostile() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("it's a skill ").tempdir().unwrap();
    let attributes: &[u8] = b"* text=auto eol=crlf ident filter=lower diff=x\n\
        *.md text eol=lf ident\n*.txt crlf=input\n*.enc working-tree-encoding=UTF-16 text\n\
        [attr]raw text\n* raw\n";
    let mut files = Files::new();
    let mut add = |path: &str, bytes: &[u8], executable| {
        files.insert(path.to_owned(), (bytes.to_vec(), executable));
    };
    add("SKILL.md", b"one\r\ntwo\r\n$Id$ $Id: abc $\r\n", false);
    add("lf.txt", b"one\ntwo\n", false);
    add("wide.enc", b"\xff\xfea\0\r\0\n\0", false);
    add("run.sh", b"#!/bin/sh\r\n", true);
    add(".gitattributes", attributes, false);
    add("sub/.gitattributes", attributes, false);
    add("sub/UPPER", b"UPPER\r\n", false);
    add(".gitignore", b"*\n", false);
    add(".gitmodules", b"[submodule \"sub\"]\n\tpath = sub\n\turl = ./x\n", false);
    add("sub/.gitignore", b"*\n!nothing\n", false);
    write(folder.path(), &files);
    folder
}

#[test]
fn the_documented_line_gives_our_digest() {
    let folder = hostile();
    assert_eq!(run_documented_line(folder.path(), |_| {}), ours(folder.path()).hex());
}

#[test]
fn the_documented_line_works_from_within_the_folder() {
    let folder = hostile();
    let line = run_documented_line(Path::new("."), |command| {
        command.current_dir(folder.path());
    });
    assert_eq!(line, ours(folder.path()).hex());
}

#[test]
fn no_settings_of_a_person_change_what_the_documented_line_gives() {
    let folder = hostile();
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name).display().to_string();
    std::fs::create_dir_all(home.path().join("template/info")).unwrap();
    std::fs::write(home.path().join("template/info/exclude"), "*\n").unwrap();
    std::fs::write(home.path().join("attributes"), "* text eol=lf ident filter=lower\n").unwrap();
    std::fs::write(home.path().join("ignore"), "*\n").unwrap();
    let config = format!(
        "[core]\n\tautocrlf = input\n\teol = crlf\n\tfileMode = false\n\tattributesFile = {}\n\
         \texcludesFile = {}\n\tsafecrlf = true\n[init]\n\ttemplateDir = {}\n\tdefaultObjectFormat = sha1\n\
         [filter \"lower\"]\n\tclean = tr A-Z a-z\n\trequired = true\n[extensions]\n\tworktreeConfig = true\n",
        at("attributes"),
        at("ignore"),
        at("template")
    );
    std::fs::write(home.path().join(".gitconfig"), config).unwrap();
    let line = run_documented_line(folder.path(), |command| {
        command
            .env("HOME", home.path())
            .env("XDG_CONFIG_HOME", home.path())
            .env("GIT_CONFIG_GLOBAL", home.path().join(".gitconfig"))
            .env("GIT_INDEX_FILE", home.path().join("index"))
            .env("GIT_DIR", home.path().join("elsewhere"))
            .env("GIT_WORK_TREE", home.path())
            .env("GIT_OBJECT_DIRECTORY", home.path().join("objects"))
            .env("GIT_DEFAULT_HASH", "sha1")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "core.autocrlf")
            .env("GIT_CONFIG_VALUE_0", "true");
    });
    assert_eq!(line, ours(folder.path()).hex());
}

#[test]
fn without_its_care_the_line_would_give_something_else() {
    // Keeps the tests above honest: the folder really is hostile.
    let folder = hostile();
    assert_ne!(by_git(folder.path()), ours(folder.path()).hex());
}

#[test]
fn the_documented_line_sees_names_of_every_kind() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a-b", "a/x", "a.b", "a0", ":(exclude)a", "日本/é", "-n", "*", "'\"$x"];
    write(folder.path(), &paths.map(|path| (path.to_owned(), (b"x".to_vec(), false))).into());
    assert_eq!(run_documented_line(folder.path(), |_| {}), ours(folder.path()).hex());
}
