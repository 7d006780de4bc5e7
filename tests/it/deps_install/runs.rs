//! What is run is what was shown, and how it ended is on record.

use super::bench::{Bench, NPM, Patient, WRITES_DOWN, possible};
use serde_json::Value;
use skill_trust::model::code::Code;
use skill_trust::model::consent::{End, Where};
use skill_trust::ops::Nobody;
use skill_trust::ops::deps::install::{self, Request};
use skill_trust::system::runner::{Ending, KEPT};
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// One of each installer that a sandbox can hold.
const EACH: &str = r#"{"kind":"node","package":"@scope/left-pad","version":"1.3.0"},
 {"kind":"pip","package":"requests","version":"2.32.0"},
 {"kind":"cargo","crate":"ripgrep","version":"14.1.0"},
 {"kind":"go","module":"example.org/x/tool","version":"v1.2.3"},
 {"kind":"uv","package":"ruff"},
 {"kind":"gem","package":"rake","version":"13.0.0"}"#;

fn words(bytes: &[u8]) -> Vec<String> {
    let all = bytes.split(|byte| *byte == 0).map(|word| String::from_utf8(word.to_vec()).unwrap());
    let mut all: Vec<_> = all.collect();
    all.pop();
    all
}

/// The argument vectors and the environment that a program saw are those of the
/// plan as `deps plan --json` has it.
#[test]
fn each_installer_gets_exactly_the_words_that_were_shown() {
    if !possible() {
        return;
    }
    let bench = Bench::new(EACH, WRITES_DOWN);
    for name in ["python3", "cargo", "go", "uv", "gem"] {
        bench.stub(name, WRITES_DOWN);
    }
    let ready = bench.given(&bench.request());
    let shown: Value = serde_json::from_str(&ready.plan.text().unwrap()).unwrap();
    let consent = bench.consent(&ready).unwrap();
    let report = bench.run(&ready, &consent).unwrap();
    assert_eq!((report.end, report.steps.len()), (End::Done, 6), "{report:?}");
    for step in shown["steps"].as_array().unwrap() {
        let argv: Vec<_> =
            step["argv"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect();
        let saw = fs::read(bench.tools().join(format!("words.{}", argv[0]))).unwrap();
        assert_eq!(words(&saw), argv[1..], "{argv:?}");
        let env = words(&fs::read(bench.tools().join(format!("env.{}", argv[0]))).unwrap());
        let mut env: BTreeMap<_, _> = env
            .iter()
            .map(|one| one.split_once('=').unwrap())
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .collect();
        let usual = ["/usr/local/bin", "/usr/bin", "/bin"].map(std::path::Path::new);
        let closed =
            usual.iter().filter(|folder| skill_trust::system::programs::check_folder(folder).is_ok());
        let path = closed.fold(format!("{}/bin", bench.scene.base().display()), |path, folder| {
            format!("{path}:{}", folder.display())
        });
        for (name, value) in [
            ("PATH", path.as_str()),
            ("HOME", "/skill-home"),
            ("TMPDIR", "/tmp"),
            ("LANG", "C.UTF-8"),
            ("TERM", "dumb"),
            ("PWD", "/skill-home"),
        ] {
            assert_eq!(env.remove(name).as_deref(), Some(value), "{name} of {argv:?}");
        }
        let own: BTreeMap<String, String> = serde_json::from_value(step["env"].clone()).unwrap();
        assert_eq!(env, own, "{argv:?}");
    }
    assert_eq!(bench.told(), ["deps-consent done", "deps-started done", "deps-ended done"]);
    let started = &bench.records()[1];
    let (reason, note) = (started["reason"].as_str().unwrap(), started["note"].as_str().unwrap());
    assert!(reason.contains(&ready.digest.to_string()), "{reason}");
    assert!(
        note.contains("npm install --global --prefix /skill-tools") && note.contains("npm is "),
        "{note}"
    );
}

/// Without a sandbox the words name the real folder, and so the plan is another one.
#[test]
fn on_the_machine_itself_the_plan_names_the_real_folder_and_has_another_digest() {
    let npm = WRITES_DOWN.replace("to=/skill-tools", "to=$4");
    let bench = Bench::new(NPM, &npm);
    let request = Request { on_host: true, ..bench.request() };
    let ready = bench.given(&request);
    let tools = bench.shelf().join("on-host");
    assert!(ready.plan.steps[0].argv.contains(&tools.to_string_lossy().into_owned()), "{:?}", ready.plan);
    assert!(ready.typed().starts_with("sha256:"), "all of it is typed");
    if possible() {
        let inside = bench.look(&bench.request()).unwrap();
        assert_ne!(inside.digest, ready.digest);
        // Attack: a yes to the harmless plan is taken for the other.
        let other = Request { plan: Some(inside.digest), ..request.clone() };
        let stop = bench.consent(&bench.look(&other).unwrap()).unwrap_err();
        assert_eq!(stop.code, Code::DigestMismatch);
    }
    let consent = bench.consent(&ready).unwrap();
    assert_eq!(consent.place, Where::Host);
    let report = bench.run(&ready, &consent).unwrap();
    assert_eq!(report.end, End::Done, "{report:?}");
    assert_eq!(words(&fs::read(tools.join("words.npm")).unwrap()), ready.plan.steps[0].argv[1..]);
    let env = words(&fs::read(tools.join("env.npm")).unwrap());
    let names: Vec<_> = env.iter().map(|one| one.split('=').next().unwrap()).collect();
    assert_eq!(names, ["HOME", "LANG", "PATH", "TERM", "TMPDIR"]);
    assert!(!bench.scene.base().join("home/deps/work").exists(), "the run's own folder is gone");
}

#[test]
fn a_step_that_fails_ends_the_run_and_its_output_is_bounded_and_hashed() {
    if !possible() {
        return;
    }
    let two = format!("{NPM}, {{\"kind\":\"pip\",\"package\":\"requests\",\"version\":\"2.32.0\"}}");
    let text = "#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' a\necho\necho last words >&2\nexit 7\n";
    let bench = Bench::new(&two, text);
    bench.stub("python3", WRITES_DOWN);
    let report = bench.install();
    assert_eq!((report.end, report.steps.len()), (End::Failed, 1), "the second was not begun: {report:?}");
    let step = &report.steps[0];
    assert_eq!((step.ending.clone(), step.bytes, step.tail.len()), (Ending::Exited(7), 300_012, KEPT));
    assert_eq!(install::tail(step, 1), ["last words"]);
    let all = [vec![b'a'; 300_000], b"\nlast words\n".to_vec()].concat();
    // By hand: printf of the same bytes into sha256sum.
    assert_eq!(step.sha256, skill_trust::model::digest::sha256(&[&all]));
    assert_eq!(install::verdict(&report).unwrap_err().code, Code::StepFailed);
    assert_eq!(bench.told()[2], "deps-ended done step-failed");
    let note = bench.records()[2]["note"].as_str().unwrap().to_owned();
    assert!(note.contains("step 1: exit 7 after ") && note.contains("output 300012 bytes sha256:"), "{note}");
    assert!(!bench.ran(), "the second installer was not started");
}

/// A run that is stopped, how, and as what it is on record.
fn stopped(
    npm: &str,
    timeout: Duration,
    patient: &mut Patient,
    meanwhile: impl FnOnce(&Bench) + Send,
) -> Bench {
    let bench = Bench::new(NPM, npm);
    let ready = bench.given(&Request { timeout, ..bench.request() });
    let consent = bench.consent(&ready).unwrap();
    let started = install::start(&bench.scene.world, &ready, &consent).unwrap();
    let began = Instant::now();
    let report = std::thread::scope(|scope| {
        let act = scope.spawn(|| {
            let until = Instant::now() + Duration::from_secs(20);
            while !bench.ran() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(10));
            }
            meanwhile(&bench);
        });
        let report = install::run(&bench.scene.world, started, patient).unwrap();
        act.join().unwrap();
        report
    });
    assert!(began.elapsed() < Duration::from_secs(25), "it was stopped, and did not end by itself");
    assert_eq!(report.end, End::Failed);
    assert!(!bench.tools().join("late").exists());
    // What it had begun in the background is gone with it.
    let count = || fs::read(bench.tools().join("beat")).map_or(0, |beats| beats.len());
    let before = count();
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(count(), before, "something still runs");
    bench
}

/// Begins something in the background that outlives its parent if it can, and waits.
const WAITS: &str = "#!/bin/sh\necho x > /skill-tools/begun\n\
    setsid sh -c 'while :; do printf . >> /skill-tools/beat; sleep 0.05; done' &\nsleep 60\necho x > /skill-tools/late\n";

#[test]
fn what_takes_too_long_is_stopped_with_all_that_it_began() {
    if possible() {
        let bench = stopped(WAITS, Duration::from_secs(1), &mut Patient::default(), |_| {});
        assert_eq!(bench.told()[2], "deps-ended done deadline");
    }
}

#[test]
fn the_person_stops_it_with_all_that_it_began() {
    if possible() {
        let mut patient = Patient { stop_at: Some(4), ..Patient::default() };
        let bench = stopped(WAITS, Duration::from_secs(50), &mut patient, |_| {});
        assert_eq!(bench.told()[2], "deps-ended done cancelled");
    }
}

#[test]
fn a_kill_of_everything_stops_it() {
    if possible() {
        let kill = |bench: &Bench| {
            let report = skill_trust::system::kill::kill_all(&bench.scene.world.home);
            assert!(report.is_held(), "{report:?}");
        };
        let bench = stopped(WAITS, Duration::from_secs(50), &mut Patient::default(), kill);
        assert_eq!(bench.told()[2], "deps-ended done held");
    }
}

#[test]
fn who_takes_the_trust_back_stops_it() {
    if possible() {
        let untrust = |bench: &Bench| {
            let typed = crate::support::scene::typed(&bench.revision);
            skill_trust::ops::trust::untrust(&bench.scene.world, &typed, false, None).unwrap();
        };
        let bench = stopped(WAITS, Duration::from_secs(50), &mut Patient::default(), untrust);
        assert_eq!(bench.told()[2], "deps-ended done held");
    }
}

/// Attack: a sandboxed step leaves a link where a later one, that nothing holds,
/// would write through it.
#[test]
fn what_a_sandboxed_step_left_is_not_where_a_step_without_one_writes() {
    if !possible() {
        return;
    }
    let bench = Bench::new(NPM, "#!/bin/sh\n");
    fs::create_dir(bench.scene.base().join("precious")).unwrap();
    bench.stub(
        "npm",
        &format!("#!/bin/sh\nln -s {}/precious /skill-tools/bin\n", bench.scene.base().display()),
    );
    assert_eq!(bench.install().end, End::Done);
    bench.stub("npm", "#!/bin/sh\necho x > \"$4/bin/planted\" || mkdir \"$4/bin\"\n");
    let request = Request {
        on_host: true,
        after: Some(bench.look(&bench.request()).unwrap().after()),
        ..bench.request()
    };
    let ready = bench.given(&request);
    let consent = bench.consent(&ready).unwrap();
    assert_eq!(bench.run(&ready, &consent).unwrap().end, End::Done);
    assert!(bench.shelf().join("on-host/bin").is_dir());
    assert_eq!(fs::read_dir(bench.scene.base().join("precious")).unwrap().count(), 0);
}

/// What is remembered of it can be shown, and goes with the skill.
#[test]
fn what_was_installed_goes_with_the_last_revision() {
    if !possible() {
        return;
    }
    let bench = Bench::new(NPM, WRITES_DOWN);
    bench.install();
    assert!(bench.ran());
    let last = bench.look(&bench.request()).unwrap().last.unwrap();
    assert_eq!((last.end, last.run.steps), (End::Done, 1));
    let typed = crate::support::scene::typed(&bench.revision);
    skill_trust::ops::remove::remove(&bench.scene.world, &typed).unwrap();
    assert!(!bench.tools().exists());
    assert!(bench.scene.base().join("home/deps/lock").exists());
    let again = bench.scene.install(&[("SKILL.md", false, b"---\nname: demo\ndescription: D.\n---\n")]);
    bench.scene.trust(&again, None);
    let request = Request { skill: "demo".into(), ..bench.request() };
    let none = bench.look(&request).unwrap();
    assert!(none.last.is_none() && none.plan.steps.is_empty());
    let stop = install::consent(&bench.scene.world, &none, "", &mut Nobody).unwrap_err();
    assert_eq!(stop.code, Code::Usage, "there is nothing to say yes to: {stop:?}");
}
