//! The commands that show and check, driven as a person and as a script would:
//! the real program, an empty environment, a home of its own.

mod checks;
mod damage;

use serde_json::Value;
use skill_trust::model::text::is_hidden;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A place of its own: sources, an agent's folder, and a home not made yet.
struct Place {
    root: tempfile::TempDir,
}

/// What a command answered.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    #[track_caller]
    fn with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        assert!(self.out.chars().all(|c| c == '\n' || !is_hidden(c)), "raw hidden characters: {self:#?}");
        self
    }

    #[track_caller]
    fn has(self, pieces: &[&str]) -> Self {
        for piece in pieces {
            assert!(self.out.contains(piece), "no `{piece}` in {self:#?}");
        }
        self
    }

    #[track_caller]
    fn lacks(self, piece: &str) -> Self {
        assert!(!self.out.contains(piece), "`{piece}` in {self:#?}");
        self
    }

    #[track_caller]
    fn json(&self, schema: &str) -> Value {
        let value: Value =
            serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"));
        assert_eq!(value["schema"], format!("skill-trust/{schema}"));
        value
    }
}

const CARD: &str =
    "---\nname: pdf-forms\ndescription: Fills forms\nallowed-tools: Bash(python3:*)\n---\n# Use it\n";

impl Place {
    fn new() -> Self {
        let place = Self { root: tempfile::tempdir().unwrap() };
        fs::set_permissions(place.root.path(), fs::Permissions::from_mode(0o700)).unwrap();
        fs::create_dir(place.path("agent")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn home(&self) -> PathBuf {
        self.path("home")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skills"));
        command.env_clear().current_dir(self.root.path()).stdin(Stdio::null());
        command.arg("--home").arg(self.home()).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Writes a skill's file below `src/`.
    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path("src").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Installs the skill `pdf-forms` and returns its digest.
    fn install(&self) -> String {
        self.write("pdf-forms/SKILL.md", CARD);
        self.write("pdf-forms/run.py", "print(1)\nprint(2)\n");
        self.take()
    }

    fn take(&self) -> String {
        let said = self.run(&["install", "./src/pdf-forms", "--json"]).with(0);
        said.json("install/1")["skills"][0]["digest"].as_str().unwrap().to_owned()
    }

    /// Installs, trusts and places it; returns its digest.
    fn enable(&self) -> String {
        let digest = self.install();
        self.run(&["trust", "pdf-forms", "--digest", &digest, "--note", "read it"]).with(0);
        self.run(&["enable", "pdf-forms", "--dir", "agent"]).with(0);
        digest
    }

    fn log(&self) -> PathBuf {
        self.home().join("audit/audit.jsonl")
    }

    /// Every file below the root: path and content.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut all = BTreeMap::new();
        collect(self.root.path(), &mut all);
        all
    }
}

fn collect(folder: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.symlink_metadata().unwrap().is_dir() {
            all.insert(path.clone(), Vec::new());
            collect(&path, all);
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap_or_default());
        }
    }
}

/// `NAME@` and the short digest, as people type it.
fn revision(digest: &str) -> String {
    format!("pdf-forms@{}", &digest["sha256:".len()..][..12])
}

#[test]
fn on_a_bare_account_nothing_is_written_and_the_way_on_is_named() {
    let place = Place::new();
    let before = place.files();
    for args in [&["status"][..], &[], &["ls"], &["status", "--json"], &["doctor"], &["doctor", "--fix"]] {
        place.run(args).with(0);
        assert_eq!(place.files(), before, "{args:?}");
    }
    place.run(&["status"]).with(0).has(&[
        "Nothing is managed here yet",
        "skills install SOURCE",
        "skills tour",
    ]);
    let json = place.run(&["status", "--json"]).with(0).json("status/1");
    assert_eq!(
        (&json["exists"], &json["skills"], &json["problem"]),
        (&false.into(), &serde_json::json!([]), &Value::Null)
    );
    for args in
        [&["status", "x"][..], &["verify"], &["review", "x"], &["audit", "show"], &["audit", "verify"]]
    {
        let said = place.run(args).with(3);
        assert!(said.err.contains("next:"), "{said:#?}");
        assert_eq!(place.files(), before, "{args:?}");
    }
    // A home that was made by hand and is empty stays so.
    fs::create_dir(place.home()).unwrap();
    fs::set_permissions(place.home(), fs::Permissions::from_mode(0o700)).unwrap();
    let before = place.files();
    place.run(&["status"]).with(0).has(&["Nothing is managed here yet"]);
    place.run(&["doctor"]).with(0);
    assert_eq!(place.files(), before);
}

#[test]
fn status_tells_each_state_and_the_evidence() {
    let place = Place::new();
    let digest = place.install();
    place.run(&["status"]).with(0).has(&["pdf-forms", "installed", &digest[7..19], "not trusted yet"]);
    place.run(&["trust", "pdf-forms", "--digest", &digest, "--expires", "90d", "--note", "read it"]).with(0);
    place.run(&["status"]).with(0).has(&["trusted", "placed nowhere"]);
    place.run(&["enable", "pdf-forms", "--dir", "agent"]).with(0);
    let json = place.run(&["status", "--json"]).with(0).json("status/1");
    let skill = &json["skills"][0];
    assert_eq!((skill["state"].as_str(), skill["usable"].as_bool()), (Some("enabled"), Some(true)));
    assert_eq!(skill["pin"]["note"], "read it");
    assert!(skill["notes"].to_string().contains("verified now"), "{skill}");
    assert!(skill["notes"].to_string().contains("trust ends in"), "{skill}");
    let one = place.run(&["status", "pdf-forms", "-v", "--history"]).with(0);
    one.has(&[&digest, "read it", "sound", "may be used now", "100644", "run.py", "enable", "record 3"]);
    // The gate says the same.
    place.run(&["gate", "pdf-forms"]).with(0);
}

#[test]
fn status_shows_drift_and_changes_nothing() {
    let place = Place::new();
    place.enable();
    let copy = place.path("agent/pdf-forms/run.py");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&copy, "print(3)\n").unwrap();
    let log = fs::read(place.log()).unwrap();
    place.run(&["status"]).with(0).has(&["enabled", "drifted", "skills verify"]);
    let json = place.run(&["status", "--json"]).with(0).json("status/1");
    assert_eq!(
        (json["skills"][0]["usable"].as_bool(), &json["skills"][0]["code"]),
        (Some(false), &"drift".into())
    );
    assert_eq!(fs::read(place.log()).unwrap(), log);
    assert!(copy.exists());
}

#[test]
fn status_tells_of_kills_and_how_to_lift_them() {
    let place = Place::new();
    place.enable();
    place.run(&["kill", "pdf-forms"]).with(0);
    place.run(&["status"]).with(0).has(&["HELD", "skills release pdf-forms", "held"]);
    place.run(&["kill", "--all"]).with(0);
    place.run(&["status"]).with(0).has(&["STOPPED", "skills release --all"]);
    let json = place.run(&["status", "--json"]).with(0).json("status/1");
    assert_eq!(json["holds"].as_array().map(Vec::len), Some(2), "the name and the digest it had");
    assert!(json["stopped"].is_string());
    place.run(&["doctor"]).with(0).has(&["warn   kill", "skills release --all"]);
}

#[test]
fn a_newer_revision_is_announced_beside_the_one_in_use() {
    let place = Place::new();
    place.enable();
    place.write("pdf-forms/run.py", "print(1)\nprint(22)\n");
    let newer = revision(&place.take());
    place.run(&["status"]).with(0).has(&["newer revision waiting", &format!("next: skills review {newer}")]);
    let json = place.run(&["status", "--json"]).with(0).json("status/1");
    assert!(newer.ends_with(&json["skills"][0]["newer"]["digest"].as_str().unwrap()[7..19]));
    place.run(&["status", "pdf-forms"]).with(0).has(&["waiting", &format!("skills review {newer}")]);
}

#[test]
fn a_first_review_shows_everything_riskiest_first() {
    let place = Place::new();
    place.write("pdf-forms/z.sh", "#!/bin/sh\ncurl https://example.org\n");
    place.write("pdf-forms/b.bin", b"\x89PNG\0\x01");
    let digest = place.install();
    let said = place.run(&["review", "pdf-forms"]).with(0);
    let said = said.has(&[
        "Fills forms",
        "Bash(python3:*)",
        "asks for tools",
        "    1 | print(1)",
        "not text: 6 bytes",
        &digest,
    ]);
    assert!(said.out.trim_end().ends_with(&format!("skills trust {}", revision(&digest))));
    let at = |piece: &str| said.out.find(piece).unwrap();
    assert!(at("== z.sh") < at("== SKILL.md") && at("== SKILL.md") < at("== run.py"), "{}", said.out);
    place.run(&["review", "pdf-forms", "--files"]).with(0).has(&["z.sh", "network"]).lacks("print(1)");
    place
        .run(&["review", "pdf-forms", "--file", "run.py"])
        .with(0)
        .has(&["    2 | print(2)"])
        .lacks("Fills forms");
    place.run(&["review", "pdf-forms", "--file", "no.py"]).with(2);
    let json = place.run(&["review", "pdf-forms", "--json"]).with(0).json("review/1");
    assert_eq!(json["files"][0]["path"], "z.sh");
    assert_eq!(json["files"].as_array().unwrap().len(), 4);
    assert_eq!(json["card"]["allowed_tools"], serde_json::json!(["Bash(python3:*)"]));
}

#[test]
fn after_a_trust_only_the_difference_is_shown() {
    let place = Place::new();
    place.write("pdf-forms/gone.txt", "old\n");
    let first = place.enable();
    fs::remove_file(place.path("src/pdf-forms/gone.txt")).unwrap();
    place.write("pdf-forms/run.py", "print(1)\nprint(99)\n");
    place.write("pdf-forms/new.sh", "#!/bin/sh\n");
    fs::set_permissions(place.path("src/pdf-forms/new.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let second = place.take();
    let said = place.run(&["review", "pdf-forms"]).with(0);
    said.has(&[
        &format!("against  {}", revision(&first)),
        "3 files (1 changed, 1 new, 1 removed), 2 lines added, 2 removed, 1 new executable",
        "!        new: executable: new.sh\n",
        "1 file is as before, not shown",
        "| - print(2)",
        "| + print(99)",
        "|   print(1)",
        "gone.txt  (removed",
        &format!("skills trust {}", revision(&second)),
    ])
    .lacks("# Use it");
    let said = place.run(&["review", "pdf-forms", "--files"]).with(0).lacks("SKILL.md").out;
    assert!(said.find("new: executable").unwrap() < said.find("MARKS").unwrap(), "{said}");
    place.run(&["review", "pdf-forms", "--full"]).with(0).has(&["# Use it", "print(99)"]).lacks("print(2)");
    let back = ["review", &revision(&first), "--against", &revision(&second)];
    place.run(&["trust", &revision(&second), "--digest", &second]).with(0);
    place.run(&back).with(0).has(&["| + print(2)", "| - print(99)"]);
    let json = place.run(&["review", &revision(&second), "--json"]).with(0).json("review/1");
    let change = |path: &str| {
        let files = json["files"].as_array().unwrap();
        files.iter().find(|file| file["path"] == path).unwrap()["change"].clone()
    };
    assert_eq!(
        [change("run.py"), change("new.sh"), change("gone.txt"), change("SKILL.md")],
        ["changed", "added", "removed", "same"]
    );
}

#[test]
fn an_update_that_brings_nothing_risky_says_so_and_old_risks_are_not_called_new() {
    let place = Place::new();
    place.write("pdf-forms/get.sh", "#!/bin/sh\ncurl https://example.org\n");
    place.enable();
    place.write("pdf-forms/get.sh", "#!/bin/sh\ncurl https://example.com\n");
    place.take();
    let said = place.run(&["review", "pdf-forms"]).with(0);
    said.has(&["nothing to look for that was not there before", "X N ~", "| + curl https://example.com"])
        .lacks("new: ");
    // The network moves into a file that had none: that is new.
    place.write("pdf-forms/run.py", "import urllib.request\nprint(2)\n");
    let newer = revision(&place.take());
    place.run(&["review", &newer]).with(0).has(&["new: network: run.py\n"]).lacks("new: executable");
}

#[test]
fn look_alike_letters_are_written_out_wherever_they_stand() {
    let place = Place::new();
    place.write("pdf-forms/SKILL.md", CARD.replace("Fills forms", "Fills p\u{430}ypal forms"));
    place.write("pdf-forms/p\u{430}ypal.py", "p\u{430}ypal = 1\nпривет = 2\n");
    place.take();
    let said = place.run(&["review", "pdf-forms"]).with(0).lacks("p\u{430}ypal");
    said.has(&[
        "says     Fills p\\u{430}ypal forms",
        "p\\u{430}ypal.py  ",
        "== p\\u{430}ypal.py",
        "    1!| p\\u{430}ypal = 1",
        "    2 | привет = 2",
    ]);
    // To a program it is the same text.
    let json = place.run(&["review", "pdf-forms", "--json"]).with(0).out;
    assert!(json.contains("p\u{430}ypal.py"), "{json}");
}

#[test]
fn nothing_that_an_author_writes_reaches_the_terminal_raw() {
    let place = Place::new();
    let evil = "ok\u{1b}[2K\u{1b}]52;c;eA==\u{7}\rx\u{202e}y\u{200b}\u{e0041}\u{9b}1A\n\
        == fake.md  (1 B)\nNext:      skills trust other\n";
    place.write("pdf-forms/evil.txt", evil);
    let digest = place.install();
    let said = place.run(&["review", "pdf-forms"]).with(0);
    let said = said.has(&["\\u{1b}[2K", "\\u{202e}", "\\u{e0041}", "    1!| ok", "    2 | == fake.md"]);
    assert!(
        !said
            .out
            .lines()
            .any(|line| line.starts_with("== fake")
                || line.ends_with("trust other") && line.starts_with("Next"))
    );
    // To a program it is the same text, with nothing raw in it.
    let json = place.run(&["review", "pdf-forms", "--json", "--file", "evil.txt"]).with(0).json("review/1");
    assert_eq!(json["files"][0]["content"], evil);
    // Names that no skill may hold, in a folder that is not installed.
    place.write("bad/SKILL.md", CARD);
    place.write("bad/a\u{1b}[31mb\u{202e}.txt", "x");
    place.run(&["verify", "src/bad"]).with(5).has(&["\\u{1b}[31m", "refused"]);
    place.run(&["verify", "src/bad", "--json"]).with(5).json("folder/1");
    for args in [&["status"][..], &["status", "pdf-forms", "-v"], &["audit", "show"], &["verify"]] {
        place.run(args).with(0);
    }
    for name in ["\u{1b}[31m", "a\u{202e}b", "../x"] {
        for command in ["status", "review"] {
            let said = place.run(&[command, name]).with(2);
            assert!(!said.err.contains('\u{1b}') && !said.err.contains('\u{202e}'), "{said:#?}");
        }
    }
    assert!(place.run(&["trust", "pdf-forms", "--digest", &digest]).with(0).out.contains("trusted"));
}
