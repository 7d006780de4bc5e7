//! What agents load today, on an account where nothing of ours exists.

use skill_trust::model::skill::SkillName;
use skill_trust::ops::unmanaged::{self, Ours, Relation, Unmanaged};
use skill_trust::ops::{World, status};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// An account's folder with skills of other tools in it.
pub(crate) struct Account {
    pub(crate) root: tempfile::TempDir,
}

impl Account {
    pub(crate) fn new() -> Self {
        let account = Self { root: tempfile::tempdir().unwrap() };
        fs::create_dir(account.path("")).unwrap();
        account
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.path().join("person").join(below)
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A skill whose body is its path, so that no two have the same bytes.
    pub(crate) fn skill(&self, path: &str) {
        let name = path.rsplit('/').next().unwrap();
        self.write(
            &format!("{path}/SKILL.md"),
            format!("---\nname: {name}\ndescription: From {path}\n---\nBody\n"),
        );
    }

    pub(crate) fn world(&self) -> World {
        let mut world = World::usual("test");
        world.home = self.path(".local/share/skill-trust");
        world.account_home = Some(self.path(""));
        world.config = Some(self.path(".config/skill-trust"));
        world.policy_files = Vec::new();
        world
    }

    fn find(&self) -> Vec<Unmanaged> {
        unmanaged::find(&self.world(), &Ours::default()).skills
    }
}

#[track_caller]
fn one<'a>(all: &'a [Unmanaged], path: &str) -> &'a Unmanaged {
    let found: Vec<_> = all.iter().filter(|skill| skill.path.ends_with(path)).collect();
    assert_eq!(found.len(), 1, "{path}: {all:#?}");
    found[0]
}

#[test]
fn skills_are_found_through_links_and_in_depth_and_each_once() {
    let account = Account::new();
    account.skill("dotfiles/skills/linked");
    account.skill(".claude/skills/plain");
    account.skill(".claude/skills/group/inner/nested");
    account.skill(".claude/skills/plain/part-of-it");
    account.skill(".claude/skills/1/2/3/4/5/too-deep");
    fs::create_dir_all(account.path(".agents/skills")).unwrap();
    symlink(account.path("dotfiles/skills/linked"), account.path(".agents/skills/linked")).unwrap();
    // A whole folder that is a link, links in a circle, and links to nowhere.
    fs::create_dir_all(account.path(".cursor")).unwrap();
    symlink(account.path(".claude/skills"), account.path(".cursor/skills")).unwrap();
    symlink(account.path(".claude"), account.path(".claude/skills/group/up")).unwrap();
    symlink("nowhere", account.path(".claude/skills/dangling")).unwrap();
    symlink("self", account.path(".claude/skills/self")).unwrap();
    let all = account.find();
    let names: Vec<_> = all.iter().map(|skill| skill.name.as_str()).collect();
    assert_eq!(names, ["linked", "nested", "plain"]);
    let linked = one(&all, ".agents/skills/linked");
    assert_eq!(
        linked.real.as_deref(),
        Some(&*fs::canonicalize(account.path("dotfiles/skills/linked")).unwrap())
    );
    assert!(linked.agents.contains(&"Codex") && !linked.agents.contains(&"Claude Code"));
    let plain = one(&all, "skills/plain");
    assert!(plain.agents.contains(&"Cursor") && plain.agents.contains(&"Claude Code"));
    assert_eq!(plain.files, 2);
}

#[test]
fn our_placements_are_left_out_and_marks_are_told() {
    let account = Account::new();
    account.write(
        ".claude/skills/old-fonts/SKILL.md",
        "---\nname: old-fonts\ndescription: x\nallowed-tools: Bash(python3:*)\n---\nB\n",
    );
    account.write(".claude/skills/old-fonts/x.sh", "#!/bin/sh\ncurl x\n");
    account.skill(".agents/skills/ours");
    let ours = Ours { places: BTreeSet::from([account.path(".agents/skills/ours")]), ..Ours::default() };
    let all = unmanaged::find(&account.world(), &ours).skills;
    assert_eq!(all.len(), 1, "{all:#?}");
    let marks: String = all[0].marks.iter().map(|mark| mark.letter()).collect();
    assert_eq!((marks.as_str(), all[0].files), ("XTN", 2));
}

/// Attack: thousands of empty folders, so that the search ends before the skill.
#[test]
fn a_search_that_ends_early_says_so() {
    let account = Account::new();
    account.skill(".claude/skills/zz/hidden");
    let all = || unmanaged::find(&account.world(), &Ours::default());
    assert!(!all().cut && all().skills.len() == 1);
    for at in 0..4_000 {
        fs::create_dir(account.path(&format!(".claude/skills/{at}"))).unwrap();
    }
    assert!(all().cut && all().skills.is_empty());
}

#[test]
fn claims_of_other_tools_are_told_and_the_nearest_one_wins() {
    let account = Account::new();
    for name in ["by-npm", "by-claw", "by-apm", "by-hive", "by-nobody"] {
        account.skill(&format!(".claude/skills/{name}"));
    }
    account.write(
        ".claude/skills/by-gh/SKILL.md",
        "---\nname: by-gh\ndescription: x\nmetadata:\n  github-repo: https://github.com/acme/x\n  github-ref: refs/tags/v1\n---\nB\n",
    );
    account.write(
        ".agents/.skill-lock.json",
        r#"{"version":3,"skills":{"by-npm":{"source":"acme/x"},"by-gh":{"source":"liar/x"}}}"#,
    );
    account.write(
        ".claude/skills/by-claw/.clawhub/origin.json",
        r#"{"slug":"by-claw","registry":"https://r","installedVersion":"2"}"#,
    );
    account.write("apm.lock.yaml", "dependencies:\n- repo_url: github.com/acme/apm\n  deployed_files: [.claude/skills/by-apm/SKILL.md]\n");
    account
        .write("toolhive.lock.yaml", "skills:\n- name: by-hive\n  source: \"ghcr.io/acme/\\u001b[31mred\"\n");
    let all = account.find();
    let claim = |name: &str| {
        one(&all, name)
            .claim
            .as_ref()
            .map(|claim| format!("{} {}", claim.tool, claim.source))
            .unwrap_or_default()
    };
    assert_eq!(claim("by-npm"), "npm skills acme/x");
    assert_eq!(claim("by-gh"), "gh skill https://github.com/acme/x");
    assert_eq!(claim("by-claw"), "ClawHub https://r by-claw");
    assert_eq!(claim("by-apm"), "APM github.com/acme/apm");
    assert_eq!(claim("by-hive"), "ToolHive ghcr.io/acme/\\u{1b}[31mred");
    assert_eq!(claim("by-nobody"), "");
}

/// Attack: a lock file that is a FIFO, a device or without end would stop
/// `status` for ever.
#[test]
fn a_lock_file_that_is_no_file_stops_nobody() {
    let account = Account::new();
    account.skill(".claude/skills/plain");
    fs::create_dir_all(account.path(".agents")).unwrap();
    let made = Command::new("mkfifo").arg(account.path(".agents/.skill-lock.json")).status().unwrap();
    assert!(made.success());
    symlink("/dev/zero", account.path("apm.lock.yaml")).unwrap();
    fs::create_dir(account.path("toolhive.lock.yaml")).unwrap();
    account.write("skills-lock.json", vec![b' '; 5 << 20]);
    assert_eq!(account.find().len(), 1);
}

#[test]
fn twins_shadows_and_look_alikes_are_told() {
    let account = Account::new();
    account.skill(".claude/skills/pdf-forms");
    account.skill(".agents/skills/pdf-forms");
    account.skill(".agents/skills/pdf-froms");
    account.skill(".moltis/skills/pdf-forms");
    for folder in [".claude/skills", ".moltis/skills"] {
        account.write(&format!("{folder}/same/SKILL.md"), "---\nname: same\ndescription: x\n---\nB\n");
    }
    let ours = Ours { names: BTreeSet::from([SkillName::parse("same").unwrap()]), ..Ours::default() };
    let all = unmanaged::find(&account.world(), &ours).skills;
    let shadows = |path: &str| -> Vec<(String, Vec<&str>)> {
        let relations = &one(&all, path).relations;
        let shadow = |relation: &Relation| match relation {
            Relation::Shadows { path, agents } => {
                let below = Path::new(path).strip_prefix(account.path("")).unwrap();
                Some((below.to_string_lossy().into_owned(), agents.clone()))
            }
            _ => None,
        };
        relations.iter().filter_map(shadow).collect()
    };
    // Copilot and OpenCode read both folders; Moltis reads its own alone.
    assert_eq!(
        shadows(".claude/skills/pdf-forms"),
        [(".agents/skills/pdf-forms".to_owned(), vec!["Copilot", "OpenCode"])]
    );
    assert_eq!(shadows(".moltis/skills/pdf-forms"), []);
    let looks = |path: &str| {
        one(&all, path).relations.contains(&Relation::LooksLike { name: "pdf-froms".to_owned() })
    };
    assert!(looks(".claude/skills/pdf-forms") && !looks(".claude/skills/same"));
    let same = one(&all, ".claude/skills/same");
    assert!(same.relations.contains(&Relation::NamedAsOurs));
    let twin = account.path(".moltis/skills/same").to_string_lossy().into_owned();
    assert!(same.relations.contains(&Relation::SameBytes { path: twin }));
}

#[test]
fn what_is_wrong_with_a_card_or_a_folder_is_told() {
    let account = Account::new();
    account.write(".claude/skills/nameless/SKILL.md", "# No front matter\n");
    account.write(".claude/skills/other/SKILL.md", "---\nname: somebody\ndescription: x\n---\nB\n");
    account.skill(".claude/skills/has-link");
    symlink("/etc/passwd", account.path(".claude/skills/has-link/notes")).unwrap();
    let all = account.find();
    assert!(one(&all, "nameless").card.is_some());
    assert_eq!(one(&all, "other").card.as_deref(), Some("it says `somebody`, its folder `other`"));
    let linked = one(&all, "has-link");
    assert_eq!((linked.faults, linked.digest), (1, None));
}

// ---- the real program, on an account that has never heard of us ----

/// Runs a command with another account database, in which whoever runs the
/// test has that folder; none where mounts are not allowed.
pub(crate) fn with_account(home: &Path, command: &[&str]) -> Option<Output> {
    let scratch = tempfile::tempdir().unwrap();
    let uid = fs::metadata(scratch.path()).unwrap().uid();
    let own = nix::unistd::geteuid().is_root();
    let id = if own { uid } else { 0 };
    let passwd = scratch.path().join("passwd");
    fs::write(&passwd, format!("person:x:{id}:{id}::{}:/bin/sh\n", home.display())).unwrap();
    let mut unshare = Command::new("unshare");
    unshare.env_clear().env("PATH", crate::support::faults::path());
    unshare.args(if own { &["--mount"][..] } else { &["--map-root-user", "--mount"][..] });
    unshare.args(["sh", "-c", crate::support::faults::AS_ACCOUNT]).arg(&passwd).args(command);
    let output = unshare.output().unwrap();
    let why = String::from_utf8_lossy(&output.stderr);
    if why.contains("unshare failed") || why.contains("mount:") || why.contains("permission denied") {
        eprintln!("NOT RUN: no mount of our own on this machine: {why}");
        return None;
    }
    Some(output)
}

/// Everything below a folder with its times and inode numbers.
pub(crate) fn everything(root: &Path) -> Vec<String> {
    let found = Command::new("find").arg(root).args(["-printf", "%p %i %m %s %T@ %C@\\n"]).output().unwrap();
    let mut lines: Vec<_> = String::from_utf8(found.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn status_on_a_bare_account_shows_a_hundred_skills_and_writes_nothing() {
    let account = Account::new();
    for at in 0..100 {
        account.skill(&format!(".claude/skills/skill-{at}"));
        account.write(&format!(".claude/skills/skill-{at}/scripts/run.sh"), "#!/bin/sh\necho hello\n");
    }
    let before = everything(account.root.path());
    let trace = account.root.path().with_extension("trace");
    let program = env!("CARGO_BIN_EXE_skills");
    let file = trace.to_string_lossy().into_owned();
    let Some(output) =
        with_account(&account.path(""), &["strace", "-f", "-s", "200", "-o", &file, program, "status"])
    else {
        return;
    };
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("(100 skills)") && said.contains("skill-99 "), "{said}");
    assert!(said.contains("~/.claude/skills  read by Claude Code"), "{said}");
    assert!(everything(account.root.path()) == before, "something changed");
    let calls = fs::read_to_string(&trace).unwrap();
    fs::remove_file(&trace).unwrap();
    assert!(calls.matches("scripts").count() >= 100, "the trace is not of reading the skills");
    // Whatever could leave something behind, on any path.
    let changing = [
        "O_WRONLY",
        "O_RDWR",
        "O_CREAT",
        "O_TRUNC",
        "O_TMPFILE",
        "mkdir",
        "mknod",
        "rename",
        "unlink",
        "rmdir",
        "symlink(",
        "symlinkat(",
        "link(",
        "linkat(",
        "chmod",
        "chown",
        "truncate",
        "utime",
        "setxattr",
        "AF_INET",
        "bind(",
        "fsync",
        "fdatasync",
    ];
    let bad: Vec<_> = calls
        .lines()
        .filter(|line| changing.iter().any(|word| line.contains(word)))
        .filter(|line| !line.contains("/dev/tty") && !line.contains("readlink"))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

/// The list as the library has it, whoever runs the test.
#[test]
fn status_of_a_bare_account_makes_no_home() {
    let account = Account::new();
    account.skill(".claude/skills/plain");
    let before = everything(account.root.path());
    let found = status::status(&account.world(), &status::StatusRequest::default()).unwrap();
    assert!(!found.exists && found.unmanaged.skills.len() == 1);
    assert!(everything(account.root.path()) == before);
}
