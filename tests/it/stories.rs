//! Long stories, told to the real program from end to end. After each command
//! the test compares all that lasts (rows, holds, records, files) with what
//! its author worked out by hand.

use crate::support::sandbox::{Sandbox, Story, chmod, tamper};
use skill_trust::model::code::Code;
use skill_trust::model::decision::Decision;
use skill_trust::model::time::Timestamp;
use skill_trust::ops::place;
use skill_trust::ops::{Nobody, World, enable, gate, trust};
use std::path::Path;

/// A path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn from_a_folder_to_an_agent_and_back() {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").program("scripts/run.sh", "#!/bin/sh\necho hello\n").make();
    let digest = sandbox.digest(&pdf);
    sandbox.call("A", &digest);
    let (a, b) = (sandbox.arg("a"), sandbox.arg("b"));
    let mut story = Story::of(&sandbox);

    sandbox.run(&["install", text(&pdf)]).ok().says("stored").says("skills review pdf@");
    story.changed(
        "> home done
         > install done pdf@A
         + home/audit/ 0700
         + home/evidence/ 0700
         + home/permit 0600
         + home/permits/ 0700
         + home/staging/ 0700
         + home/store/ 0700
         + home/store/A/ 0500
         + home/trust-roots/ 0700
         + row pdf@A installed",
    );
    // Installed is not trusted, and trusted is not enabled: nothing skips a step.
    sandbox.run(&["enable", "pdf", "--dir", &a]).code(3).says("not-trusted");
    story.changed("> enable refused [not-trusted] pdf@A");
    sandbox.run(&["gate", "pdf"]).code(3).says("deny");
    story.changed("> gate deny [not-trusted] pdf@A");
    sandbox.run(&["trust", "pdf", "--digest", &digest.to_string()]).ok().says("trusted");
    story.changed(
        "> trust done pdf@A
         - row pdf@A installed
         + row pdf@A trusted",
    );
    sandbox.run(&["gate", "pdf"]).code(3).says("not-enabled");
    story.changed("> gate deny [not-enabled] pdf@A");
    sandbox.run(&["gate", "pdf", "--question", "enable"]).ok().says("allow");
    story.changed("> gate allow pdf@A");

    sandbox.run(&["enable", "pdf", "--dir", &a]).ok().says("enabled");
    story.changed(
        "> enable done pdf@A
         - row pdf@A trusted
         + a/pdf/ 0555
         + a/pdf/SKILL.md 0444
         + a/pdf/scripts/ 0555
         + a/pdf/scripts/run.sh 0555
         + home/permits/pdf@A 0600
         + row pdf@A enabled a/pdf",
    );
    sandbox.run(&["gate", "pdf"]).ok().says("allow");
    story.changed("> gate allow pdf@A");
    sandbox.run(&["enable", "pdf", "--dir", &b]).ok();
    story.changed(
        "> enable done pdf@A
         - row pdf@A enabled a/pdf
         + b/pdf/ 0555
         + b/pdf/SKILL.md 0444
         + b/pdf/scripts/ 0555
         + b/pdf/scripts/run.sh 0555
         + row pdf@A enabled a/pdf b/pdf",
    );
    let answer = sandbox.run(&["gate", "pdf", "--json"]).ok().json();
    let copies: Vec<_> =
        answer["paths"].as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect();
    assert_eq!(copies, [sandbox.arg("a/pdf"), sandbox.arg("b/pdf")]);
    story.changed("> gate allow pdf@A");
    sandbox.run(&["remove", "pdf"]).code(3).says("still-enabled").says("skills disable pdf@");
    story.changed("> remove refused [still-enabled] pdf@A");

    sandbox.run(&["disable", "pdf", "--dir", &a]).ok().says("a/pdf");
    story.changed(
        "> disable done pdf@A
         - a/pdf/ 0555
         - a/pdf/SKILL.md 0444
         - a/pdf/scripts/ 0555
         - a/pdf/scripts/run.sh 0555
         - row pdf@A enabled a/pdf b/pdf
         + home/evidence/skill-trust-withdrawn-ID/ 0700
         + row pdf@A enabled b/pdf",
    );
    sandbox.run(&["gate", "pdf"]).ok();
    story.changed("> gate allow pdf@A");
    sandbox.run(&["disable", "pdf", "--dir", &a]).code(3).says("not enabled at");
    story.changed("> disable refused [not-enabled] pdf@A");
    sandbox.run(&["disable", "pdf"]).ok();
    story.changed(
        "> disable done pdf@A
         - b/pdf/ 0555
         - b/pdf/SKILL.md 0444
         - b/pdf/scripts/ 0555
         - b/pdf/scripts/run.sh 0555
         - home/permits/pdf@A 0600
         - row pdf@A enabled b/pdf
         + home/evidence/permit-pdf@A.disabled-ID 0600
         + home/evidence/skill-trust-withdrawn-ID/ 0700
         + row pdf@A trusted",
    );
    sandbox.run(&["disable", "pdf"]).ok().says("enabled nowhere");
    story.changed("> disable done pdf@A");
    sandbox.run(&["untrust", "pdf"]).ok();
    story.changed(
        "> untrust done pdf@A
         - row pdf@A trusted
         + row pdf@A installed",
    );
    sandbox.run(&["remove", "pdf"]).ok();
    story.changed(
        "> remove done pdf@A
         - home/store/A/ 0500
         - row pdf@A installed",
    );
    sandbox.run(&["gate", "pdf"]).code(3).says("not-installed");
    story.changed("> gate deny [not-installed] pdf");
    sandbox.is_tidy();
}

#[test]
fn of_many_skills_those_that_were_asked_for() {
    let sandbox = Sandbox::new();
    for name in ["pdf", "csv", "docs"] {
        sandbox.call(name, &sandbox.digest(&sandbox.skill(name).make()));
    }
    let broken = sandbox.skill("broken").file("SKILL.md", "no front matter\n").make();
    sandbox.call("broken", &sandbox.digest(&broken));
    let all = sandbox.arg("sources");
    sandbox.run(&["install", &sandbox.arg("sources/pdf")]).ok();
    sandbox.run(&["remove", "pdf"]).ok();
    let mut story = Story::of(&sandbox);

    sandbox.run(&["install", &all]).code(2).says("4 skills are there").says("csv").says("--skill NAME");
    story.unchanged();
    sandbox.run(&["install", &all, "--list"]).ok().says("csv").says("docs").says("refused");
    story.unchanged();
    sandbox.run(&["install", &all, "--skill", "nothing"]).code(3).says("no skill `nothing` is there");
    story.changed("> install refused [no-skill]");
    sandbox.run(&["install", &all, "--skill", "csv", "--skill", "docs"]).ok().says("2 stored, 0 refused");
    story.changed(
        "> install done csv@csv
         > install done docs@docs
         + home/store/csv/ 0500
         + home/store/docs/ 0500
         + row csv@csv installed
         + row docs@docs installed",
    );
    // The name belongs to `sources/pdf` no more: nothing of it is installed.
    sandbox.run(&["install", &all, "--all"]).code(3).says("3 stored, 1 refused").says("card-refused");
    story.changed(
        "> install refused [card-refused]
         > install done csv@csv
         > install done docs@docs
         > install done pdf@pdf
         + home/store/pdf/ 0500
         + row pdf@pdf installed",
    );
    sandbox.is_tidy();
}

#[test]
fn a_skill_whose_text_is_longer_than_any_front_matter_is_taken() {
    let sandbox = Sandbox::new();
    for length in [65_000, 65_536, 65_537, 65_538, 200_000] {
        let mut card = "---\nname: long\ndescription: words\n---\n".to_owned();
        card.push_str(&"x".repeat(length - card.len()));
        let folder = sandbox.skill("long").file("SKILL.md", &card).make();
        sandbox.run(&["install", text(&folder)]).ok().says("stored");
    }
}

#[test]
fn a_name_belongs_to_its_first_source() {
    let sandbox = Sandbox::new();
    let first = sandbox.skill("pdf").into_folder("sources/one/pdf").make();
    let second = sandbox.skill("pdf").file("extra.md", "more\n").into_folder("sources/two/pdf").make();
    sandbox.call("A", &sandbox.digest(&first));
    sandbox.call("B", &sandbox.digest(&second));
    sandbox.run(&["install", text(&first)]).ok();
    let mut story = Story::of(&sandbox);

    sandbox.run(&["install", text(&second)]).code(3).says("source-bound").says("--as pdf-2");
    story.changed("> install refused [source-bound] pdf");
    sandbox.run(&["install", text(&second), "--as", "pdf"]).code(3).says("source-bound");
    story.changed("> install refused [source-bound] pdf");
    sandbox.run(&["install", text(&second), "--as", "Not A Name"]).code(2);
    story.unchanged();
    sandbox.run(&["install", text(&second), "--as", "pdf-two"]).ok();
    story.changed(
        "> install done pdf-two@B
         + home/store/B/ 0500
         + row pdf-two@B installed",
    );
    // Under its other name it is another skill; its bytes never changed.
    let digest = sandbox.digest(&second);
    sandbox.run(&["trust", "pdf-two", "--digest", &digest.to_string()]).ok();
    sandbox.run(&["enable", "pdf-two", "--dir", &sandbox.arg("a")]).ok();
    assert_eq!(sandbox.digest(&sandbox.at("a/pdf-two")), digest);
    sandbox.run(&["gate", "pdf-two"]).ok();
    sandbox.run(&["gate", "pdf"]).code(3);
    sandbox.is_tidy();
}

#[test]
fn trust_is_for_the_digest_that_was_named() {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").make();
    let (digest, other) = (sandbox.digest(&pdf), sandbox.digest(&sandbox.skill("other").make()));
    sandbox.call("A", &digest);
    sandbox.run(&["install", text(&pdf)]).ok();
    let mut story = Story::of(&sandbox);

    sandbox.run(&["trust", "pdf", "--digest", &other.to_string()]).code(5).says("digest-mismatch");
    story.changed("> trust refused [digest-mismatch] pdf@A");
    for short in [&digest.to_string()[..40], &digest.hex(), &digest.to_string().to_uppercase(), ""] {
        sandbox.run(&["trust", "pdf", "--digest", short]).code(2);
    }
    story.unchanged();
    sandbox.run(&["trust", "nothing", "--digest", &digest.to_string()]).code(3).says("not-installed");
    story.changed("> trust refused [not-installed] nothing");
    for bad in ["yesterday", "2001-01-01", "0d", "-1d"] {
        sandbox.run(&["trust", "pdf", "--digest", &digest.to_string(), &format!("--expires={bad}")]).code(2);
    }
    story.unchanged();
    // A byte of the stored copy changes before the answer counts.
    let hex = digest.hex();
    let stored = sandbox.home().join("store").join(&hex[..2]).join(&hex);
    tamper(&stored.join("SKILL.md"));
    sandbox.run(&["trust", "pdf", "--digest", &digest.to_string()]).code(5).says("install it again");
    story.changed("> trust refused [digest-mismatch] pdf@A");
}

#[test]
fn with_two_revisions_a_wrong_digest_is_still_a_wrong_digest() {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").make();
    sandbox.call("A", &sandbox.digest(&pdf));
    sandbox.run(&["install", text(&pdf)]).ok();
    let pdf = sandbox.skill("pdf").file("more.md", "more\n").make();
    sandbox.call("B", &sandbox.digest(&pdf));
    sandbox.run(&["install", text(&pdf)]).ok();
    let other = sandbox.digest(&sandbox.skill("other").make());
    let mut story = Story::of(&sandbox);
    sandbox.run(&["trust", "pdf", "--digest", &other.to_string()]).code(5).says("digest-mismatch");
    story.changed("> trust refused [digest-mismatch] pdf");
}

#[test]
fn an_ambiguous_name_is_never_guessed() {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").make();
    let first = sandbox.digest(&pdf);
    sandbox.run(&["install", text(&pdf)]).ok();
    let pdf = sandbox.skill("pdf").file("more.md", "more\n").make();
    let second = sandbox.digest(&pdf);
    sandbox.run(&["install", text(&pdf)]).ok();
    let (one, two) = (format!("pdf@{}", first.short()), format!("pdf@{}", second.short()));
    let mut story = Story::of(&sandbox);
    let a = sandbox.arg("a");
    for (line, record) in [
        (vec!["trust", "pdf"], "> trust refused [ambiguous] pdf"),
        (vec!["enable", "pdf", "--dir", &a], "> enable refused [ambiguous] pdf"),
        (vec!["remove", "pdf"], "> remove refused [ambiguous] pdf"),
        (vec!["untrust", "pdf"], "> untrust refused [ambiguous] pdf"),
        (vec!["disable", "pdf"], "> disable refused [ambiguous] pdf"),
        (vec!["gate", "pdf"], "> gate deny [ambiguous] pdf"),
    ] {
        sandbox.run(&line).code(2).says("ambiguous").says(&first.short()).says(&second.short());
        story.changed(record);
    }
    // None can be allowed, and one was decided about: the answer is its no.
    sandbox.run(&["trust", &one, "--digest", &first.to_string()]).ok();
    let gate = |question: &str| sandbox.run(&["gate", "pdf", "--question", question]);
    gate("load")
        .code(3)
        .says(&format!("deny   {one}  [not-enabled]"))
        .says("none of its 2 revisions is enabled");
    sandbox.run(&["untrust", &one]).ok();
    for question in ["load", "enable"] {
        gate(question)
            .code(3)
            .says(&format!("deny   {one}  [not-trusted]"))
            .says("was withdrawn; none of its 2");
    }
    // In full it is clear.
    sandbox.run(&["remove", &one]).ok();
    sandbox.run(&["trust", &two, "--digest", &second.to_string()]).ok();
}

#[test]
fn what_was_banned_does_not_come_back() {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").make();
    let digest = sandbox.trusted(&pdf, "A");
    sandbox.run(&["enable", "pdf", "--dir", &sandbox.arg("a")]).ok();
    let mut story = Story::of(&sandbox);

    sandbox.run(&["untrust", "pdf", "--never", "--note", "mines coins"]).ok();
    story.changed(
        "> untrust done pdf@A
         > kill done pdf@A
         - a/pdf/ 0555
         - a/pdf/SKILL.md 0444
         - home/permits/pdf@A 0600
         - row pdf@A enabled a/pdf
         + hold digest A
         + home/evidence/permit-pdf@A.untrusted-ID 0600
         + home/evidence/skill-trust-withdrawn-ID/ 0700
         + row pdf@A installed",
    );
    sandbox.run(&["trust", "pdf", "--digest", &digest.to_string()]).code(6).says("held");
    story.changed("> trust refused [held] pdf@A");
    sandbox.run(&["install", text(&pdf)]).code(6).says("held");
    story.changed("> install refused [held] pdf");
    sandbox.run(&["install", text(&pdf), "--as", "innocent"]).code(6).says("held");
    story.changed("> install refused [held] pdf");
    sandbox.run(&["remove", "pdf"]).ok();
    story.changed(
        "> remove done pdf@A
         - home/store/A/ 0500
         - row pdf@A installed",
    );
    sandbox.run(&["install", text(&pdf)]).code(6);
    story.changed("> install refused [held] pdf");
    // Other bytes of that name are another matter.
    let pdf = sandbox.skill("pdf").file("more.md", "more\n").make();
    sandbox.run(&["install", text(&pdf)]).ok();
    sandbox.is_tidy();
}

#[test]
fn swapping_revisions_and_rolling_back() {
    let sandbox = Sandbox::new();
    let a = sandbox.arg("a");
    let pdf = sandbox.skill("pdf").make();
    let first = sandbox.trusted(&pdf, "A");
    sandbox.run(&["enable", "pdf", "--dir", &a]).ok();
    let pdf = sandbox.skill("pdf").file("more.md", "more\n").make();
    let second = sandbox.digest(&pdf);
    sandbox.call("B", &second);
    let mut story = Story::of(&sandbox);

    // The new revision arrives beside the old one, which goes on.
    sandbox.run(&["update", "pdf"]).ok().says("stored").says(&second.short());
    story.changed(
        "> install done pdf@B
         + home/store/B/ 0500
         + row pdf@B installed",
    );
    sandbox.run(&["gate", "pdf"]).ok().says(&first.short());
    story.changed("> gate allow pdf@A");
    sandbox.run(&["trust", "pdf", "--digest", &second.to_string()]).ok();
    story.changed(
        "> trust done pdf@B
         - row pdf@B installed
         + row pdf@B trusted",
    );
    sandbox.run(&["enable", "pdf", "--dir", &a]).ok().says("replaced pdf@");
    story.changed(
        "> enable done pdf@B
         > disable done pdf@A
         - home/permits/pdf@A 0600
         - row pdf@A enabled a/pdf
         - row pdf@B trusted
         + a/pdf/more.md 0444
         + home/evidence/permit-pdf@A.disabled-ID 0600
         + home/evidence/skill-trust-withdrawn-ID/ 0700
         + home/permits/pdf@B 0600
         + row pdf@A trusted
         + row pdf@B enabled a/pdf",
    );
    sandbox.run(&["gate", "pdf"]).ok().says(&second.short());
    sandbox.run(&["gate", &format!("pdf@{}", first.short())]).code(3).says("not-enabled");
    story.changed("> gate allow pdf@B\n> gate deny [not-enabled] pdf@A");
    sandbox.run(&["enable", &format!("pdf@{}", first.short()), "--dir", &a]).ok();
    story.changed(
        "> enable done pdf@A
         > disable done pdf@B
         - a/pdf/more.md 0444
         - home/permits/pdf@B 0600
         - row pdf@A trusted
         - row pdf@B enabled a/pdf
         + home/evidence/permit-pdf@B.disabled-ID 0600
         + home/evidence/skill-trust-withdrawn-ID/ 0700
         + home/permits/pdf@A 0600
         + row pdf@A enabled a/pdf
         + row pdf@B trusted",
    );
    assert_eq!(sandbox.digest(&sandbox.at("a/pdf")), first);
    sandbox.run(&["gate", "pdf"]).ok().says(&first.short());
    sandbox.is_tidy();
}

#[test]
fn a_git_source_moves_with_its_branch_and_a_pinned_commit_never() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo("repo");
    repo.write("SKILL.md", "---\nname: pdf\ndescription: First.\n---\nOne.\n");
    let first = repo.commit("first");
    let url = repo.url();
    sandbox.run(&["install", &url]).ok().says(&first[..12]);
    sandbox.run(&["install", &url, "--rev", &first, "--as", "fixed"]).ok();
    let before = sandbox.snapshot();
    sandbox.run(&["update"]).ok().says("same     pdf").says("same     fixed");
    assert_eq!(sandbox.snapshot().state, before.state);

    repo.write("SKILL.md", "---\nname: pdf\ndescription: Second.\n---\nTwo.\n");
    let second = repo.commit("second");
    sandbox.run(&["update", "--dry-run"]).ok().says("waiting  pdf").says("same     fixed");
    assert_eq!(sandbox.snapshot().state, before.state);
    sandbox.run(&["update"]).ok().says("stored   pdf").says("same     fixed");
    let rows = |snapshot: &[String]| snapshot.iter().filter(|line| line.starts_with("row pdf@")).count();
    assert_eq!(rows(&sandbox.snapshot().state), 2);
    assert_eq!(sandbox.snapshot().state.iter().filter(|line| line.starts_with("row fixed@")).count(), 1);
    assert_ne!(first, second);
    sandbox.is_tidy();
}

/// A world in which a person trusts by digest, at a second of the test's choice.
struct Dated<'a> {
    sandbox: &'a Sandbox,
    world: World,
}

impl<'a> Dated<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        // Later than the real clock, which the program has already recorded.
        let world = sandbox.world(Timestamp::parse("2100-01-01T00:00:00Z").unwrap());
        Self { sandbox, world }
    }

    fn later(&mut self, seconds: i64) {
        let skill_trust::system::clock::Clock::Fixed(now) = self.world.clock else { unreachable!() };
        let later = Timestamp::from_unix(now.unix() + seconds);
        self.world.clock = skill_trust::system::clock::Clock::Fixed(later);
    }

    fn trust(&self, folder: &Path, expires: Option<&str>) -> Result<(), Code> {
        let request = trust::TrustRequest {
            skill: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            digest: Some(self.sandbox.digest(folder)),
            terms: trust::TermsRequest { expires: expires.map(str::to_owned), note: None },
            ..trust::TrustRequest::default()
        };
        let plan = trust::plan(&self.world, &request).map_err(|stop| stop.code)?;
        trust::trust(&self.world, &plan, "", &mut Nobody).map(drop).map_err(|stop| stop.code)
    }

    fn enable(&self, name: &str, folder: &str) -> Result<(), Code> {
        let place = place::Place::Folder(self.sandbox.at(folder));
        enable::enable(&self.world, name, &place).map(drop).map_err(|stop| stop.code)
    }

    fn gate(&self, name: &str) -> Result<(), Code> {
        let answer = gate::ask(&self.world, &gate::bare_request(name));
        if answer.decision == Decision::Allow { Ok(()) } else { Err(answer.codes[0]) }
    }
}

#[test]
fn trust_that_ended_is_denied_and_falls_back() {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").make();
    sandbox.call("A", &sandbox.digest(&pdf));
    sandbox.run(&["install", text(&pdf)]).ok();
    let mut dated = Dated::new(&sandbox);
    dated.trust(&pdf, Some("2d")).unwrap();
    dated.enable("pdf", "a").unwrap();
    dated.later(2 * 86_400 - 1);
    assert_eq!(dated.gate("pdf"), Ok(()));
    let mut story = Story::of(&sandbox);
    dated.later(1);
    assert_eq!(dated.gate("pdf"), Err(Code::Expired));
    story.changed(
        "> expire done [expired] pdf@A
         > gate deny [expired] pdf@A
         - a/pdf/ 0555
         - a/pdf/SKILL.md 0444
         - home/permits/pdf@A 0600
         - row pdf@A enabled a/pdf
         + home/evidence/permit-pdf@A.expired-ID 0600
         + home/evidence/skill-trust-withdrawn-ID/ 0700
         + row pdf@A installed",
    );
    // The clock going back brings nothing back.
    dated.later(-86_400);
    assert_eq!(dated.gate("pdf"), Err(Code::NotTrusted));
    story.changed("> gate deny [not-trusted] pdf@A");
    // `enable` is the first to notice.
    dated.later(86_400);
    dated.trust(&pdf, Some("1d")).unwrap();
    dated.later(86_400);
    story.changed("> trust done pdf@A\n- row pdf@A installed\n+ row pdf@A trusted");
    assert_eq!(dated.enable("pdf", "a"), Err(Code::Expired));
    story.changed(
        "> expire done [expired] pdf@A
         > enable refused [expired] pdf@A
         - row pdf@A trusted
         + row pdf@A installed",
    );
}

#[test]
fn a_policy_that_comes_later_withdraws() {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").make();
    sandbox.trusted(&pdf, "A");
    sandbox.run(&["enable", "pdf", "--dir", &sandbox.arg("a")]).ok();
    let mut dated = Dated::new(&sandbox);
    let policy = sandbox.at("policy.toml");
    dated.world.policy_files = vec![policy.clone()];
    assert_eq!(dated.gate("pdf"), Ok(()), "a policy file that does not exist is no rule");
    let mut story = Story::of(&sandbox);

    std::fs::write(&policy, "[sources]\ndeny = [").unwrap();
    assert_eq!(dated.gate("pdf"), Err(Code::PolicyBroken));
    std::fs::write(&policy, "[surces]\ndeny = []\n").unwrap();
    assert_eq!(dated.gate("pdf"), Err(Code::PolicyBroken), "a misspelt rule is not no rule");
    // A rule that cannot be read denies and changes nothing.
    story.unchanged();
    std::fs::write(&policy, format!("[sources]\ndeny = [\"{}\"]\n", sandbox.arg("sources"))).unwrap();
    assert_eq!(dated.gate("pdf"), Err(Code::PolicyUnmet));
    story.changed(
        "> unmet done [policy-unmet] pdf@A
         > gate deny [policy-unmet] pdf@A
         - a/pdf/ 0555
         - a/pdf/SKILL.md 0444
         - home/permits/pdf@A 0600
         - row pdf@A enabled a/pdf
         + home/evidence/permit-pdf@A.unmet-ID 0600
         + home/evidence/skill-trust-withdrawn-ID/ 0700
         + row pdf@A installed",
    );
    assert_eq!(dated.trust(&pdf, None), Err(Code::PolicyUnmet));
    story.changed("> trust refused [policy-unmet] pdf@A");
    // Lifting the rule brings nothing back by itself.
    std::fs::remove_file(&policy).unwrap();
    assert_eq!(dated.gate("pdf"), Err(Code::NotTrusted));
    story.changed("> gate deny [not-trusted] pdf@A");
    // A policy may end every trust after some days.
    dated.trust(&pdf, None).unwrap();
    std::fs::write(&policy, "[trust]\nmax-days = 1\n").unwrap();
    dated.later(86_399);
    dated.enable("pdf", "a").unwrap();
    assert_eq!(dated.gate("pdf"), Ok(()));
    dated.later(1);
    assert_eq!(dated.gate("pdf"), Err(Code::Expired));
}

#[test]
fn what_was_killed_stays_so_until_a_person_lifts_it() {
    let sandbox = Sandbox::new();
    let a = sandbox.arg("a");
    let pdf = sandbox.skill("pdf").make();
    let digest = sandbox.trusted(&pdf, "A").to_string();
    let csv = sandbox.skill("csv").make();
    sandbox.trusted(&csv, "C");
    sandbox.run(&["enable", "pdf", "csv", "--dir", &a]).ok();
    let mut story = Story::of(&sandbox);

    sandbox.run(&["kill", "pdf"]).ok().says("KILLED").says("release pdf");
    story.changed(
        "> kill done pdf@A
         > kill done
         - a/pdf/ 0555
         - a/pdf/SKILL.md 0444
         - home/permits/pdf@A 0600
         - row pdf@A enabled a/pdf
         + hold digest A
         + hold name pdf
         + home/evidence/permit-pdf@A.killed-ID 0600
         + home/evidence/skill-trust-withdrawn-ID/ 0700
         + row pdf@A trusted",
    );
    sandbox.run(&["gate", "pdf"]).code(6).says("held");
    sandbox.run(&["gate", "csv"]).ok();
    sandbox.run(&["enable", "pdf", "--dir", &a]).code(6).says("held");
    story.changed("> gate deny [held] pdf@A\n> gate allow csv@C\n> enable refused [held] pdf@A");

    sandbox.run(&["kill", "--all", "--note", "INC-204"]).ok().says("KILLED").says("everything");
    story.changed(
        "> kill done
         > kill done csv@C
         > kill done
         - a/csv/ 0555
         - a/csv/SKILL.md 0444
         - home/permit 0600
         - home/permits/csv@C 0600
         - row csv@C enabled a/csv
         + epoch 1
         + held
         + home/evidence/permit-csv@C.killed-ID 0600
         + home/evidence/skill-trust-withdrawn-ID/ 0700
         + home/killed.ID 0600
         + row csv@C trusted",
    );
    for line in [
        &["enable", "csv", "--dir", &a][..],
        &["trust", "csv", "--digest", &digest],
        &["install", text(&csv)],
        &["gate", "csv", "--question", "enable"],
        &["gate", "--all"],
    ] {
        let said = sandbox.run(line);
        assert!([5, 6].contains(&said.code), "{line:?}: {}", said.stderr);
    }
    // Narrowing goes on while held.
    sandbox.run(&["disable", "csv"]).ok();
    sandbox.run(&["untrust", "csv"]).ok();
    sandbox.run(&["remove", "csv"]).ok();
    let mut story = Story::of(&sandbox);
    sandbox.run(&["release", "--all", "--phrase", "release epoch 1"]).ok().says("nothing is enabled");
    story.changed(
        "> release done
         - held
         - home/killed.ID 0600
         + home/permit 0600",
    );
    // The narrow kill stands, and nothing sprang back to life.
    sandbox.run(&["gate", "pdf"]).code(6).says("held");
    sandbox.run(&["release", "pdf", "--phrase", "release name pdf"]).ok();
    story.changed("> gate deny [held] pdf@A\n> release done\n- hold digest A\n- hold name pdf");
    sandbox.run(&["gate", "pdf"]).code(3).says("not-enabled");
    sandbox.run(&["enable", "pdf", "--dir", &a]).ok();
    sandbox.run(&["gate", "pdf"]).ok();
    sandbox.is_tidy();
}

#[test]
fn every_refusal_is_one_record_and_nothing_else() {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").make();
    let digest = sandbox.trusted(&pdf, "A");
    let digest = digest.to_string();
    let open = sandbox.at("work/open");
    std::fs::create_dir(&open).unwrap();
    chmod(&open, 0o777);
    let taken = sandbox.at("work/taken");
    std::fs::create_dir_all(taken.join("pdf")).unwrap();
    chmod(&taken, 0o755);
    let tree = sandbox.repo("tree").work;
    let (open, taken, tree) = (text(&open), text(&taken), text(&tree));
    let linked = sandbox.skill("linked").make();
    std::os::unix::fs::symlink("/etc/passwd", linked.join("link")).unwrap();
    let nothing = sandbox.at("sources/nothing");
    std::fs::create_dir(&nothing).unwrap();
    let a = sandbox.arg("a");
    let mut story = Story::of(&sandbox);
    for (line, code, record) in [
        (vec!["install", text(&linked)], 3, "install refused [entry-refused] linked"),
        (vec!["install", text(&nothing)], 3, "install refused [no-skill]"),
        (vec!["install", text(&pdf), "--digest", "sha256:0"], 2, ""),
        (vec!["install", "/nowhere/at/all"], 8, "install refused [source-unreachable]"),
        (vec!["install", "file:///nowhere/at/all"], 8, "install refused [source-unreachable]"),
        (vec!["trust", "none", "--digest", &digest], 3, "trust refused [not-installed] none"),
        (vec!["enable", "none", "--dir", &a], 3, "enable refused [not-installed] none"),
        (vec!["enable", "pdf", "--dir", open], 3, "enable refused [target-unsafe] pdf@A"),
        (vec!["enable", "pdf", "--dir", taken], 4, "enable refused [person-needed] pdf@A"),
        (vec!["enable", "pdf", "--dir", tree], 3, "enable refused [target-tracked] pdf@A"),
        (vec!["disable", "none"], 3, "disable refused [not-installed] none"),
        (vec!["untrust", "none"], 3, "untrust refused [not-installed] none"),
        (vec!["remove", "none"], 3, "remove refused [not-installed] none"),
        (vec!["gate", "none"], 3, "gate deny [not-installed] none"),
    ] {
        sandbox.run(&line).code(code).says("");
        story.changed(&if record.is_empty() { String::new() } else { format!("> {record}") });
        sandbox.is_tidy();
    }
}

#[test]
fn a_dry_run_changes_nothing() {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").make();
    let a = sandbox.arg("a");
    // Not even a home is made.
    sandbox.run(&["install", text(&pdf), "--dry-run"]).ok().says("would take pdf");
    sandbox.run(&["install", text(&pdf), "--list"]).ok().says("pdf");
    for line in [
        vec!["gate", "pdf"],
        vec!["gate", "--all"],
        vec!["update", "--dry-run"],
        vec!["trust", "pdf", "--dry-run"],
        vec!["enable", "pdf", "--dir", &a, "--dry-run"],
        vec!["kill", "pdf", "--dry-run"],
    ] {
        assert_ne!(sandbox.run(&line).code, 0, "{line:?}");
    }
    assert!(!sandbox.home().exists());

    let digest = sandbox.trusted(&pdf, "A");
    sandbox.run(&["enable", "pdf", "--dir", &a]).ok();
    let pdf = sandbox.skill("pdf").file("more.md", "more\n").make();
    let mut story = Story::of(&sandbox);
    let digest = digest.to_string();
    for line in [
        vec!["install", text(&pdf), "--dry-run"],
        vec!["install", text(&pdf), "--list"],
        vec!["update", "--dry-run"],
        vec!["trust", "pdf", "--digest", &digest, "--dry-run"],
        vec!["untrust", "pdf", "--dry-run"],
        vec!["untrust", "pdf", "--never", "--dry-run"],
        vec!["disable", "pdf", "--dry-run"],
        vec!["enable", "pdf", "--dir", &sandbox.arg("b"), "--dry-run"],
        vec!["kill", "--all", "--dry-run"],
        vec!["kill", "pdf", "--dry-run"],
        vec!["status"],
    ] {
        sandbox.run(&line).ok();
        story.unchanged();
    }
    sandbox.run(&["remove", "pdf", "--dry-run"]).code(3);
    story.unchanged();
    sandbox.run(&["release", "--all", "--dry-run"]).code(2).says("nothing is held here");
    story.unchanged();
    sandbox.is_tidy();
}

#[test]
fn json_is_one_document_with_a_schema() {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").make();
    let digest = sandbox.digest(&pdf).to_string();
    let a = sandbox.arg("a");
    for (line, code, schema) in [
        (vec!["install", text(&pdf), "--list"], 0, "source/1"),
        (vec!["install", text(&pdf), "--dry-run"], 0, "install-plan/1"),
        (vec!["install", text(&pdf)], 0, "install/1"),
        (vec!["install", "/nowhere/at/all"], 8, "error/1"),
        (vec!["trust", "pdf", "--dry-run"], 0, "trust-plan/1"),
        (vec!["trust", "pdf"], 4, "error/1"),
        (vec!["trust", "pdf", "--digest", &digest], 0, "trust/1"),
        (vec!["enable", "pdf", "--dir", &a, "--dry-run"], 0, "enable-plan/1"),
        (vec!["enable", "pdf", "--dir", &a], 0, "enable/1"),
        (vec!["enable", "pdf"], 2, "error/1"),
        (vec!["gate", "pdf"], 0, "gate-answer/1"),
        (vec!["gate", "none"], 3, "gate-answer/1"),
        (vec!["gate", "--all"], 0, "gate-answers/1"),
        (vec!["update", "--dry-run"], 0, "update/1"),
        (vec!["update"], 0, "update/1"),
        (vec!["disable", "pdf", "--dry-run"], 0, "disable-plan/1"),
        (vec!["disable", "pdf"], 0, "disable/1"),
        (vec!["untrust", "pdf", "--dry-run"], 0, "untrust-plan/1"),
        (vec!["untrust", "pdf"], 0, "untrust/1"),
        (vec!["kill", "pdf", "--dry-run"], 0, "kill-plan/1"),
        (vec!["kill", "pdf"], 0, "kill/1"),
        (vec!["release", "pdf", "--dry-run"], 0, "release-plan/1"),
        (vec!["release", "pdf", "--phrase", "no"], 1, "error/1"),
        (vec!["release", "pdf", "--phrase", "release name pdf"], 0, "release/1"),
        (vec!["remove", "pdf", "--dry-run"], 0, "remove/1"),
        (vec!["remove", "pdf"], 0, "remove/1"),
        (vec!["remove", "pdf"], 3, "error/1"),
        (vec!["install"], 2, "error/1"),
        (vec!["nonsense"], 2, "error/1"),
    ] {
        let line = [line.as_slice(), &["--json"]].concat();
        let said = sandbox.run(&line).code(code);
        assert_eq!(said.json()["schema"], format!("skill-trust/{schema}"), "{line:?}");
        assert_eq!(said.0.stdout.lines().count(), 1, "{line:?}");
    }
}
