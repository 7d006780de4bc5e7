//! A yes that is not, or is no longer, one to this: refused, on record, and no
//! installer started.

use super::bench::{Bench, NPM, WRITES_DOWN, possible};
use crate::support::scene::{START, typed};
use skill_trust::model::code::{Code, Stop};
use skill_trust::model::consent::{Consent, SECONDS};
use skill_trust::model::dependency::Scope;
use skill_trust::model::digest::sha256;
use skill_trust::ops::deps::install::{self, Ready, Request};
use skill_trust::ops::trust;
use skill_trust::ops::{Answer, Ask, Question};
use std::fs;

const OTHER: &str = r#"{"kind":"node","package":"right-pad","version":"1.0.1"}"#;

fn bench() -> Option<(Bench, Ready)> {
    possible().then(|| {
        let bench = Bench::new(NPM, WRITES_DOWN);
        let ready = bench.given(&bench.request());
        (bench, ready)
    })
}

/// Nothing may come of it, and it is on record.
fn refused(bench: &Bench, ready: &Ready, consent: &Consent, code: Code) -> Stop {
    let before = bench.told().len();
    let stop = install::start(&bench.scene.world, ready, consent).unwrap_err();
    assert_eq!(stop.code, code, "{stop:?}");
    assert_eq!(bench.told()[before..], [format!("deps-started refused {}", code.as_str())]);
    assert!(!bench.ran(), "an installer was started");
    assert!(!bench.scene.base().join("home/deps/work").exists(), "the run's own folder was left");
    stop
}

#[test]
fn attack_a_yes_is_used_twice() {
    let Some((bench, ready)) = bench() else { return };
    let consent = bench.consent(&ready).unwrap();
    bench.run(&ready, &consent).unwrap();
    fs::remove_dir_all(bench.tools()).unwrap();
    refused(&bench, &ready, &consent, Code::NoConsent);
}

/// Attack: the skill is removed, installed and trusted again, so that nothing would be
/// remembered of the run, and its command line is run once more.
#[test]
fn attack_a_given_digest_is_given_again_after_the_skill_was_removed() {
    let Some((bench, ready)) = bench() else { return };
    let consent = bench.consent(&ready).unwrap();
    let seq = bench.run(&ready, &consent).unwrap().run.seq;
    skill_trust::ops::remove::remove(&bench.scene.world, &typed(&bench.revision)).unwrap();
    assert_eq!(bench.same_again(NPM), bench.revision);
    bench.scene.trust(&bench.revision, None);
    let again = bench.given(&bench.request());
    assert_eq!(again.digest, ready.digest);
    let last = again.last.clone().unwrap();
    assert_eq!((last.run.seq, last.what.len()), (seq, 0));
    assert_eq!(bench.consent(&again).unwrap_err().code, Code::NoConsent);
    refused(&bench, &again, &consent, Code::NoConsent);
    // A person who looks may still have it once more.
    let once_more = bench.given(&Request { after: Some(seq), ..bench.request() });
    let consent = bench.consent(&once_more).unwrap();
    bench.run(&once_more, &consent).unwrap();
    assert!(bench.ran());
}

/// Attack: the command line of a run is run once more.
#[test]
fn attack_a_given_digest_is_given_again() {
    let Some((bench, ready)) = bench() else { return };
    let consent = bench.consent(&ready).unwrap();
    let report = bench.run(&ready, &consent).unwrap();
    let seq = report.run.seq;
    let again = bench.given(&bench.request());
    let stop = bench.consent(&again).unwrap_err();
    assert_eq!(stop.code, Code::NoConsent);
    assert!(stop.next.ends_with(&format!("--plan {} --after {seq}", ready.digest)), "{stop:?}");
    assert_eq!(bench.told().last().unwrap(), "deps-consent refused no-consent");
    for wrong in [0, 1, seq - 1, seq + 1] {
        let stale = bench.given(&Request { after: Some(wrong), ..bench.request() });
        assert_eq!(bench.consent(&stale).unwrap_err().code, Code::NoConsent, "{wrong}");
    }
    let once_more = bench.given(&Request { after: Some(seq), ..bench.request() });
    let consent = bench.consent(&once_more).unwrap();
    bench.run(&once_more, &consent).unwrap();
    // And that one is used up, too.
    assert_eq!(bench.consent(&once_more).unwrap_err().code, Code::NoConsent);
}

#[test]
fn attack_a_yes_that_is_too_old() {
    let Some((mut bench, ready)) = bench() else { return };
    let consent = bench.consent(&ready).unwrap();
    bench.scene.at(START + SECONDS);
    refused(&bench, &ready, &consent, Code::NoConsent);
    // Attack: the clock is turned back then. Time is never earlier than the last record.
    bench.scene.at(START);
    refused(&bench, &ready, &consent, Code::NoConsent);
}

#[test]
fn a_yes_holds_up_to_its_last_second() {
    let Some((mut bench, ready)) = bench() else { return };
    let consent = bench.consent(&ready).unwrap();
    bench.scene.at(START + SECONDS - 1);
    bench.run(&ready, &consent).unwrap();
    assert!(bench.ran());
}

/// Attack: each thing that a yes is bound to is another one when it is used.
#[test]
fn attack_a_yes_that_says_something_else() {
    let Some((bench, ready)) = bench() else { return };
    let consent = bench.consent(&ready).unwrap();
    let mut forged: Vec<Consent> = vec![consent.clone(); 5];
    forged[0].plan = sha256(&[b"x"]);
    forged[1].scopes.insert("dep.tap".to_owned());
    forged[2].until = skill_trust::model::time::Timestamp::from_unix(START + 9_999);
    forged[3].after = 1;
    forged[4].actor.uid = 8;
    for forged in forged {
        refused(&bench, &ready, &forged, Code::NoConsent);
    }
    // None of that used it up.
    bench.run(&ready, &consent).unwrap();
}

#[test]
fn attack_a_yes_to_another_skills_plan() {
    let Some((bench, ready)) = bench() else { return };
    let other = bench.another(OTHER);
    bench.scene.trust(&other, None);
    let request = Request { skill: typed(&other), ..bench.request() };
    let theirs = bench.given(&request);
    let consent = bench.consent(&theirs).unwrap();
    refused(&bench, &ready, &consent, Code::NoConsent);
    // The digest of the one, given for the other.
    let crossed = bench.look(&Request { plan: Some(theirs.digest), ..bench.request() }).unwrap();
    assert_eq!(bench.consent(&crossed).unwrap_err().code, Code::DigestMismatch);
    assert!(!bench.ran());
}

/// Attack: the skill's stored bytes are changed between the yes and its use.
#[test]
fn attack_the_skill_is_edited_after_the_yes() {
    let Some((bench, ready)) = bench() else { return };
    let consent = bench.consent(&ready).unwrap();
    let hex = bench.revision.digest.hex();
    let card = bench.scene.base().join("home/store").join(&hex[..2]).join(&hex).join("SKILL.md");
    let text = fs::read_to_string(&card).unwrap().replace("left-pad", "evil-pad");
    crate::support::scene::chmod(&card, 0o600);
    fs::write(&card, text).unwrap();
    crate::support::scene::chmod(&card, 0o400);
    refused(&bench, &ready, &consent, Code::DigestMismatch);
}

/// Attack: what is held in memory between the yes and its use is another plan.
#[test]
fn attack_the_plan_is_edited_after_the_yes() {
    let Some((bench, ready)) = bench() else { return };
    let consent = bench.consent(&ready).unwrap();
    let mut edited = ready.clone();
    edited.plan.steps[0].argv.push("evil-pad".to_owned());
    refused(&bench, &edited, &consent, Code::NoConsent);
    edited.digest = edited.plan.digest().unwrap();
    refused(&bench, &edited, &consent, Code::NoConsent);
    // Another thing is allowed than was.
    let mut wider = ready.clone();
    wider.request.allow.insert(Scope::Git);
    refused(&bench, &wider, &consent, Code::NoConsent);
}

#[test]
fn attack_the_program_is_another_one_after_the_yes() {
    let Some((bench, ready)) = bench() else { return };
    let consent = bench.consent(&ready).unwrap();
    bench.stub("npm", "#!/bin/sh\necho evil > /skill-tools/evil\n");
    refused(&bench, &ready, &consent, Code::NoConsent);
    // One that others can change is none at all.
    crate::support::scene::chmod(&bench.scene.base().join("bin/npm"), 0o777);
    refused(&bench, &ready, &consent, Code::NoProgram);
}

/// Attack: whatever takes the right to use a skill away comes between the yes and its use.
#[test]
fn attack_the_skill_is_no_longer_trusted_or_held() {
    type Act = fn(&Bench);
    let acts: [(Act, Code); 3] = [
        (
            |bench| {
                trust::untrust(&bench.scene.world, &typed(&bench.revision), false, None).unwrap();
            },
            Code::NotTrusted,
        ),
        (
            |bench| {
                assert!(skill_trust::system::kill::kill_all(&bench.scene.world.home).is_held());
            },
            Code::HeldAll,
        ),
        (
            |bench| fs::write(bench.scene.base().join("policy.toml"), "[sources]\ndeny = [\"/\"]\n").unwrap(),
            Code::PolicyUnmet,
        ),
    ];
    for (act, code) in acts {
        let Some((bench, ready)) = bench() else { return };
        let consent = bench.consent(&ready).unwrap();
        act(&bench);
        refused(&bench, &ready, &consent, code);
        assert_eq!(bench.consent(&ready).unwrap_err().code, code);
    }
}

#[test]
fn what_nobody_trusts_gets_nothing_whoever_says_yes() {
    if !possible() {
        return;
    }
    let bench = Bench::new(NPM, WRITES_DOWN);
    let other = bench.another(OTHER);
    let ready = bench.given(&Request { skill: typed(&other), ..bench.request() });
    assert_eq!(bench.consent(&ready).unwrap_err().code, Code::NotTrusted);
    assert_eq!(bench.told(), ["deps-consent refused not-trusted"]);
}

#[test]
fn an_agents_environment_neither_says_yes_nor_uses_one() {
    let Some((mut bench, ready)) = bench() else { return };
    let consent = bench.consent(&ready).unwrap();
    bench.scene.world.agent = Some("Claude Code");
    assert_eq!(bench.consent(&ready).unwrap_err().code, Code::AgentEnvironment);
    refused(&bench, &ready, &consent, Code::AgentEnvironment);
}

/// Two with one yes: exactly one runs, and the other is told and on record.
#[test]
fn attack_one_yes_is_used_by_two_at_once() {
    for _ in 0..6 {
        let Some((bench, ready)) = bench() else { return };
        bench.stub("npm", "#!/bin/sh\nprintf x >> /skill-tools/count\n");
        let ready = bench.given(&Request { ..ready.request.clone() });
        let consent = bench.consent(&ready).unwrap();
        let barrier = std::sync::Barrier::new(2);
        let both = std::thread::scope(|scope| {
            let one = || {
                barrier.wait();
                bench.run(&ready, &consent).map(|report| report.run.seq).map_err(|stop| stop.code)
            };
            let (first, second) = (scope.spawn(one), scope.spawn(one));
            [first.join().unwrap(), second.join().unwrap()]
        });
        let ran = both.iter().filter(|one| one.is_ok()).count();
        assert_eq!(ran, 1, "{both:?}");
        assert!(both.iter().any(|one| matches!(one, Err(Code::NoConsent | Code::Busy))), "{both:?}");
        assert_eq!(fs::read(bench.tools().join("count")).unwrap(), b"x");
        let told = bench.told();
        assert_eq!(told.iter().filter(|line| *line == "deps-started done").count(), 1, "{told:?}");
        assert_eq!(
            told.iter().filter(|line| line.starts_with("deps-started refused")).count(),
            1,
            "{told:?}"
        );
    }
}

/// Attack: the row of a yes that was used up is put back into the ledger.
#[test]
fn attack_a_used_up_yes_is_put_back() {
    let Some((bench, ready)) = bench() else { return };
    let consent = bench.consent(&ready).unwrap();
    let home = bench.scene.base().join("home");
    let files = ["ledger.db", "ledger.db-wal"];
    let kept: Vec<_> = files.iter().map(|name| fs::read(home.join(name)).unwrap_or_default()).collect();
    bench.run(&ready, &consent).unwrap();
    fs::remove_dir_all(bench.tools()).unwrap();
    let _ = fs::remove_file(home.join("ledger.db-shm"));
    for (name, bytes) in files.iter().zip(kept) {
        fs::write(home.join(name), bytes).unwrap();
    }
    let stop = install::start(&bench.scene.world, &ready, &consent).unwrap_err();
    assert_eq!(stop.code, Code::RolledBack, "{stop:?}");
    assert!(!bench.ran());
}

/// A person who types this, and sees what is asked.
struct Types(&'static str, Option<String>);

impl Ask for Types {
    fn ask(&mut self, _: &str, question: &Question) -> Answer {
        let Question::Type { expected, .. } = question else { panic!("{question:?}") };
        self.1 = Some(expected.clone());
        if *expected == self.0 { Answer::Yes } else { Answer::No }
    }
}

#[test]
fn what_is_typed_is_the_plans_digest_and_all_of_it_where_something_is_unusual() {
    if !possible() {
        return;
    }
    let git = r#"{"kind":"pip","package":"x","git":"https://git.example/x","rev":"0123456789abcdef0123456789abcdef01234567"}"#;
    let bench = Bench::new(git, WRITES_DOWN);
    bench.stub("python3", WRITES_DOWN);
    let plain = bench.look(&bench.request()).unwrap();
    assert!(plain.plan.steps.is_empty() && !plain.plan.refused.is_empty(), "{:?}", plain.plan);
    let ready = bench.look(&bench.allowing(&[Scope::Git, Scope::Build])).unwrap();
    assert_eq!(ready.plan.steps.len(), 1, "{:?}", ready.plan);
    let mut person = Types("pdf", None);
    let stop = install::consent(&bench.scene.world, &ready, "", &mut person).unwrap_err();
    assert_eq!((stop.code, person.1.unwrap()), (Code::Declined, ready.digest.to_string()));
    let bench = Bench::new(NPM, WRITES_DOWN);
    let ready = bench.look(&bench.request()).unwrap();
    let mut person = Types("", None);
    install::consent(&bench.scene.world, &ready, "", &mut person).unwrap_err();
    assert_eq!(person.1.unwrap(), ready.digest.hex()[..12]);
    assert_eq!(bench.told(), ["deps-consent refused declined"]);
}

/// What no sandbox can hold is refused as a whole, and nothing of it is done.
#[test]
fn attack_a_plan_with_one_step_for_the_system() {
    let apt = format!("{NPM}, {{\"kind\":\"apt\",\"package\":\"jq\"}}");
    let bench = Bench::new(&apt, WRITES_DOWN);
    bench.stub("apt-get", "#!/bin/sh\nexit 1\n");
    for scopes in [&[][..], &[Scope::System, Scope::Root]] {
        let request = bench.allowing(scopes);
        assert_eq!(bench.look(&request).unwrap_err().code, Code::NeedsHost, "{scopes:?}");
    }
    assert!(!bench.ran());
}
