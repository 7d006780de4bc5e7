//! A whole home, taken in: what is found, what is kept, and that nothing of it
//! is changed by looking or adopting.

use super::{PROGRAM, all, at, one, outcome, program};
use crate::support::pty::Pty;
use crate::unmanaged::{Account, everything};
use skill_trust::model::code::Code;
use skill_trust::model::source::SourceKind;
use skill_trust::ops::adopt::{self, Outcome, Request, Which};
use skill_trust::ops::session::{Depth, Session};
use skill_trust::ops::unmanaged::Adopted;
use skill_trust::ops::{pick, status};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Links, duplicates, hand-made and broken skills, as people have them.
fn lived_in() -> Account {
    let account = Account::new();
    account.skill(".claude/skills/pdf");
    account.skill(".agents/skills/pdf");
    account.skill("dot/fonts");
    symlink("../../dot/fonts", account.path(".claude/skills/fonts")).unwrap();
    let same = "---\nname: docx\ndescription: x\n---\nB\n";
    account.write(".claude/skills/docx/SKILL.md", same);
    account.write(".agents/skills/docx/SKILL.md", same);
    account.skill(".agents/skills/group/inner");
    account.skill(".claude/skills/has-link");
    symlink("/etc/passwd", account.path(".claude/skills/has-link/notes")).unwrap();
    account.write(".claude/skills/no-card/SKILL.md", "# No front matter\n");
    account.skill(".claude/skills/Bad_Name");
    symlink("nowhere", account.path(".claude/skills/dead")).unwrap();
    symlink("round", account.path(".claude/skills/round")).unwrap();
    symlink("..", account.path(".claude/skills/up")).unwrap();
    account.write(
        ".agents/.skill-lock.json",
        r#"{"version":3,"skills":{"fonts":{"source":"acme/x","ref":"v1"}}}"#,
    );
    account
}

#[test]
fn everything_that_can_be_taken_is_and_the_rest_says_what_to_do() {
    let account = lived_in();
    let world = account.world();
    let done = all(&world);
    assert_eq!(done.skills.len(), 9, "{done:#?}");
    for (path, is) in [
        (".agents/skills/pdf", "taken pdf"),
        (".claude/skills/pdf", "refused source-bound"),
        (".claude/skills/fonts", "taken fonts"),
        (".agents/skills/docx", "taken docx"),
        (".claude/skills/docx", "known docx"),
        (".agents/skills/group/inner", "taken inner"),
        (".claude/skills/has-link", "refused entry-refused"),
        (".claude/skills/no-card", "refused card-refused"),
        (".claude/skills/Bad_Name", "refused card-refused"),
    ] {
        assert_eq!(outcome(&done, path), is, "{path}");
    }
    let first_known = done.skills.iter().position(|one| matches!(one.outcome, Outcome::Known(_))).unwrap();
    let broken = done.skills.iter().position(|one| one.skill.faults > 0).unwrap();
    assert!(broken < first_known, "riskiest first");
    // Again: nothing new, and nothing is taken twice.
    let again = all(&world);
    assert!(!again.skills.iter().any(|one| matches!(one.outcome, Outcome::Taken(_))), "{again:#?}");
    let session = Session::open(&world, Depth::All).unwrap();
    let rows = session.ledger.revisions().unwrap();
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row.source.kind == SourceKind::Adopted && row.source.commit.is_none()));
}

#[test]
fn the_command_that_a_refusal_names_resolves_it() {
    let account = lived_in();
    let world = account.world();
    let done = all(&world);
    let next = |path: &str| {
        let one = done.skills.iter().find(|one| one.skill.path.ends_with(path)).unwrap();
        let Outcome::Refused(stop) = &one.outcome else { panic!("{path}") };
        stop.next.clone()
    };
    let path = account.path(".claude/skills/pdf");
    assert_eq!(next(".claude/skills/pdf"), format!("skills adopt {} --as pdf-2", path.display()));
    let rename = Some(skill_trust::model::skill::SkillName::parse("pdf-2").unwrap());
    let request = Request { which: Which::At(path), rename, dry: false };
    let taken = adopt::adopt(&world, &request).unwrap();
    assert_eq!(outcome(&taken, "pdf"), "taken pdf-2");
    assert!(next("Bad_Name").contains("--as NAME"));
    // Renamed once, its bytes are known from then on.
    assert_eq!(outcome(&all(&world), ".claude/skills/pdf"), "known pdf-2");
    fs::remove_file(account.path(".claude/skills/has-link/notes")).unwrap();
    assert!(matches!(at(&world, &account.path(".claude/skills/has-link")).unwrap(), Outcome::Taken(_)));
}

#[test]
fn the_originals_and_everything_around_them_stay_to_the_inode() {
    let account = lived_in();
    let agents = || [".claude", ".agents", "dot"].map(|folder| everything(&account.path(folder)));
    let before = agents();
    all(&account.world());
    assert!(agents() == before, "something changed");
}

#[test]
fn a_dry_run_says_the_same_and_makes_nothing() {
    let account = lived_in();
    let before = everything(account.root.path());
    let request = Request { which: Which::All(None), rename: None, dry: true };
    let would = adopt::adopt(&account.world(), &request).unwrap();
    assert!(everything(account.root.path()) == before, "something changed");
    let done = all(&account.world());
    for one in &done.skills {
        let path = one.skill.path.to_str().unwrap();
        assert_eq!(outcome(&would, path), outcome(&done, path).replace("taken", "would"), "{path}");
    }
}

#[test]
fn one_agent_alone_and_an_empty_account() {
    let account = lived_in();
    let request = Request { which: Which::All(Some("codex".to_owned())), rename: None, dry: true };
    let done = adopt::adopt(&account.world(), &request).unwrap();
    assert!(done.skills.iter().all(|one| one.skill.agents.contains(&"Codex")) && done.skills.len() == 3);
    let empty = Account::new();
    assert!(all(&empty.world()).skills.is_empty());
    assert!(!empty.world().home.exists(), "no home is made for nothing");
}

/// What lies there is what the agent loads, not the commit around it.
#[test]
fn a_linked_folder_in_a_dirty_work_tree_is_taken_as_it_lies() {
    let account = Account::new();
    account.skill("dot/pdf");
    let git = |args: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.args(args).current_dir(account.path("dot")).env_clear();
        command.env("PATH", crate::support::faults::path()).env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("HOME", account.path("")).args::<[&str; 0], &str>([]);
        assert!(command.output().unwrap().status.success(), "git {args:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "x"]);
    account.write("dot/pdf/new.md", "not committed\n");
    fs::create_dir_all(account.path(".claude/skills")).unwrap();
    symlink(account.path("dot/pdf"), account.path(".claude/skills/pdf")).unwrap();
    let world = account.world();
    let Outcome::Taken(revision) = at(&world, &account.path(".claude/skills/pdf")).unwrap() else { panic!() };
    assert_eq!(revision.digest, super::digest(&account.path("dot/pdf")));
    let session = Session::open(&world, Depth::All).unwrap();
    let row = session.ledger.revision(&revision).unwrap().unwrap();
    let real = fs::canonicalize(account.path("dot/pdf")).unwrap();
    assert_eq!((row.source.location.as_str(), &row.source.commit), (real.to_str().unwrap(), &None));
}

/// Attack: a lock file that says it is from somewhere good.
#[test]
fn a_claim_is_kept_as_a_claim_and_is_no_provenance() {
    let account = lived_in();
    let world = account.world();
    all(&world);
    let log = super::log(&account);
    let record = log.lines().find(|line| line.contains("\"skill\":\"fonts\"")).unwrap();
    assert!(record.contains("npm skills claims it is from acme/x at v1; nobody checked that"), "{record}");
    assert!(record.contains("\"kind\":\"adopted\"") && !record.contains("\"commit\""), "{record}");
}

#[test]
fn status_says_adopted_then_changed_then_nothing() {
    let (account, world) = one();
    let mark = || {
        let found = status::status(&world, &status::StatusRequest::default()).unwrap();
        found.unmanaged.skills.into_iter().map(|skill| skill.adopted).collect::<Vec<_>>()
    };
    assert!(matches!(mark().as_slice(), [Some(Adopted::As(_))]));
    fs::write(account.path(".claude/skills/pdf/more"), "x").unwrap();
    assert!(matches!(mark().as_slice(), [Some(Adopted::Changed(_))]));
    fs::remove_file(account.path(".claude/skills/pdf/more")).unwrap();
    super::enable_over(&world, "pdf", &mut super::yes()).unwrap();
    assert!(mark().is_empty());
}

#[test]
fn the_same_bytes_from_another_source_are_known_and_stay_that_sources() {
    let account = Account::new();
    account.skill(".claude/skills/pdf");
    let world = account.world();
    let copy = account.path("elsewhere/pdf");
    account.write("elsewhere/pdf/SKILL.md", fs::read(account.path(".claude/skills/pdf/SKILL.md")).unwrap());
    let spec = skill_trust::model::source::SourceSpec::Folder(copy);
    let options = skill_trust::system::fetch::FetchOptions::default();
    let opened =
        skill_trust::ops::install::open(&world, &spec, &options, skill_trust::ops::install::Purpose::Take)
            .unwrap();
    let selection = skill_trust::ops::install::Selection::default();
    let picked = opened.select(&selection).unwrap();
    opened.take(&world, &picked, &selection).unwrap();
    drop(opened);
    assert_eq!(outcome(&all(&world), "pdf"), "known pdf");
    let found = pick::look(&world, &pick::Pick::Adopted, |_| true);
    assert_eq!(found.unwrap_err().code, Code::NotInstalled);
}

#[test]
fn what_was_adopted_has_no_source_to_update_from() {
    let (_account, world) = one();
    assert!(skill_trust::ops::update::plan(&world, &[]).unwrap().is_empty());
    let stop = skill_trust::ops::update::plan(&world, &["pdf".to_owned()]).unwrap_err();
    assert!(stop.next.starts_with("skills adopt "), "{stop:?}");
}

/// Types an answer on a terminal, with the account's own folder.
fn on_a_terminal(account: &Account, args: &[&str], question: &str, answer: &str) -> (String, i32) {
    let passwd = account.root.path().join("passwd");
    fs::write(&passwd, format!("person:x:0:0::{}:/bin/sh\n", account.path("").display())).unwrap();
    let mount = crate::support::faults::AS_ACCOUNT;
    let mut all = vec!["--mount"];
    let passwd = passwd.to_string_lossy().into_owned();
    all.extend(["sh", "-c", mount, &passwd, PROGRAM]);
    all.extend(args);
    let environment = [("TERM", "xterm"), ("NO_COLOR", "1")];
    let mut pty = Pty::start(Path::new("/usr/bin/unshare"), &all, &environment, &account.path(""), (60, 120));
    pty.wait_for(question);
    pty.send(answer);
    pty.finish()
}

#[test]
fn a_whole_home_in_four_commands_one_typed_answer_and_one_consent() {
    let account = lived_in();
    // What differs under one name is decided by hand, and not part of this.
    fs::remove_dir_all(account.path(".claude/skills/pdf")).unwrap();
    let Some(adopted) = program(&account, &["adopt", "--all"]) else { return };
    let said = String::from_utf8(adopted.stdout).unwrap();
    assert_eq!(adopted.status.code(), Some(3), "{said}");
    assert!(said.contains("4 adopted, 1 known already, 3 refused."), "{said}");
    let review = program(&account, &["review", "--adopted"]).unwrap();
    let said = String::from_utf8(review.stdout).unwrap();
    assert!(said.contains("skills trust --adopted") && said.contains("From dot/fonts"), "{said}");
    let (said, code) = on_a_terminal(&account, &["trust", "--adopted"], "revisions: ", "4 from 4 sources\r");
    assert_eq!(code, 0, "{said}");
    let (said, code) = on_a_terminal(&account, &["enable", "--adopted"], "place the copies? [y/N] ", "y\r");
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.matches("original-").count(), 6, "each once, and in the way back: {said}");
    for path in [".agents/skills/pdf", ".claude/skills/fonts", ".agents/skills/docx", ".claude/skills/docx"] {
        let path = account.path(path);
        assert!(!path.is_symlink() && path.join("SKILL.md").exists(), "{path:?}");
    }
    assert!(account.path("dot/fonts/SKILL.md").exists(), "what a link led to stays");
    let gate = program(&account, &["gate", "--all"]).unwrap();
    assert!(gate.status.success(), "{}", String::from_utf8_lossy(&gate.stdout));
    let again = program(&account, &["enable", "--adopted"]).unwrap();
    assert!(again.status.success() && String::from_utf8_lossy(&again.stdout).contains("Nothing to replace"));
}

/// No is the default, and changes nothing.
#[test]
fn an_empty_answer_to_the_consent_is_no() {
    let (account, world) = one();
    if program(&account, &["--version"]).is_none() {
        return;
    }
    let before = everything(&account.path(".claude"));
    let (said, code) = on_a_terminal(&account, &["enable", "--adopted"], "[y/N] ", "\r");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the same bytes as pdf@") && said.contains("real path"), "{said}");
    assert!(everything(&account.path(".claude")) == before && super::evidence(&account).is_empty());
    drop(world);
    assert!(super::log(&account).lines().last().unwrap().contains("declined"));
}
