//! The gate's contract with those who call it: every way out is an answer in
//! the form that the caller reads; only `allow` together with exit code 0 is a
//! yes; and every answer that was decided is one record.
//!
//! Not tried from outside: the panic path. Nothing that can be typed or put on
//! disk is known to make the gate panic, and no build has a switch for it.

use crate::support::pty::Pty;
use crate::support::sandbox::{Output, PROGRAM, Said, Sandbox, chmod, tamper};
use serde_json::{Value, json};
use skill_trust::model::digest::Digest;
use skill_trust::system::home::Home;
use skill_trust::system::lock::Lock;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// What a slow machine may need beyond any time that was promised.
const SLACK: Duration = Duration::from_secs(15);

/// A sandbox with `pdf` enabled in `a/`.
fn enabled() -> (Sandbox, Digest) {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").program("scripts/run.sh", "#!/bin/sh\n").make();
    let digest = sandbox.trusted(&pdf, "A");
    sandbox.run(&["enable", "pdf", "--dir", &sandbox.arg("a")]).ok();
    (sandbox, digest)
}

fn request(fields: &Value) -> Vec<u8> {
    let mut request = json!({ "schema": "skill-trust/gate-request/1", "skill": "pdf" });
    request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    request.to_string().into_bytes()
}

/// Checks one answer against what is promised of all; true if it allows.
fn allows(answer: &Value) -> bool {
    let required = [
        "codes",
        "decision",
        "digest",
        "epoch",
        "head",
        "paths",
        "question",
        "reason",
        "remedy",
        "schema",
        "seq",
        "skill",
        "state",
        "valid_for",
    ];
    let mut keys: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    keys.retain(|key| *key != "request_id");
    keys.sort_unstable();
    assert_eq!(keys, required, "{answer}");
    assert_eq!(answer["schema"], "skill-trust/gate-answer/1");
    let list = |field: &str| answer[field].as_array().unwrap().clone();
    assert!(answer["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{answer}");
    match answer["decision"].as_str().unwrap() {
        "allow" => {
            assert!(list("codes").is_empty() && !list("paths").is_empty(), "{answer}");
            assert!(Digest::parse(answer["digest"].as_str().unwrap()).is_ok(), "{answer}");
            assert!(answer["seq"].is_u64() && answer["head"].is_string() && answer["epoch"].is_u64());
            assert!(answer["valid_for"].as_u64().unwrap() > 0);
            true
        }
        "deny" => {
            assert!(!list("codes").is_empty() && list("paths").is_empty(), "{answer}");
            assert_eq!(answer["valid_for"], 0);
            false
        }
        other => panic!("decision {other}"),
    }
}

/// The answer in a run's output, with the law that joins it to the exit code.
fn answer(output: Output) -> (Value, i32) {
    let code = output.code;
    let answer = output.code(code).json();
    assert_eq!(allows(&answer), code == 0, "exit code {code}: {answer}");
    (answer, code)
}

/// Asserts a JSON deny of that code.
fn denied(output: Output, exit: i32, code: &str) -> Value {
    let (answer, found) = answer(output);
    assert_eq!((answer["codes"][0].as_str(), found), (Some(code), exit), "{answer}");
    answer
}

fn records(sandbox: &Sandbox) -> usize {
    sandbox.snapshot().records.len()
}

#[test]
fn allow_and_deny_are_one_record_each() {
    let (sandbox, digest) = enabled();
    let before = records(&sandbox);
    let (allow, _) = answer(sandbox.run(&["gate", "pdf", "--json"]));
    assert_eq!(allow["paths"], json!([sandbox.arg("a/pdf")]));
    assert_eq!(
        (allow["digest"].as_str(), allow["state"].as_str()),
        (Some(&*digest.to_string()), Some("enabled"))
    );
    assert_eq!(allow["seq"], before as u64 + 1);
    let (deny, _) = answer(sandbox.run(&["gate", "none", "--json"]));
    assert_eq!(deny["seq"], before as u64 + 2);
    let (fed, _) =
        answer(sandbox.feed(&request(&json!({ "request_id": "r1", "gateway": "moltis" })), &["gate"]));
    assert_eq!((fed["request_id"].as_str(), fed["decision"].as_str()), (Some("r1"), Some("allow")));
    let all = &sandbox.snapshot().records[before..];
    assert_eq!(all, ["gate allow pdf@A", "gate deny [not-installed] none", "gate allow pdf@A"]);
}

#[test]
fn what_cannot_be_understood_is_denied_in_the_callers_form() {
    let (sandbox, _) = enabled();
    let before = sandbox.snapshot();
    // By name a person reads it, unless JSON was asked for.
    for line in [
        &["gate", "pdf", "--nonsense"][..],
        &["gate", "pdf", "extra"],
        &["gate", "pdf", "--question", "delete"],
        &["gate", "pdf", "--path"],
        &["gate", "pdf", "--deadline", "soon"],
        &["gate", "pdf", "--json=yes"],
        &["gate", ""],
        &["gate", "../pdf"],
        &["gate", "pdf@12"],
        &["gate", "pdf", "--path", "relative/pdf"],
        &["gate", "pdf", "--path", ""],
        &["gate", "pdf", "--path", "/x\u{202e}/pdf"],
        &["gate", "pdf", "--head", "nonsense"],
        &["gate", "pdf", "--head", "1:12"],
        &["gate", "pdf", "--head", "-1:0000000000000000000000000000000000000000000000000000000000000000"],
    ] {
        let said = sandbox.run(line).code(2).says("deny");
        assert!(said.0.stdout.starts_with("deny"), "{line:?}: {}", said.0.stdout);
        denied(sandbox.run(&[line, &["--json"][..]].concat()), 2, "usage");
    }
    // Without a name the caller speaks JSON.
    for line in [&["gate", "--nonsense"][..], &["gate", "--for", "moltis"], &["gate", "--question", "x"]] {
        denied(sandbox.run(line), 2, "usage");
    }
    let odd = OsStr::from_bytes(b"\xff");
    for before in [&["gate"][..], &["gate", "pdf"]] {
        let mut command = sandbox.command(before);
        let output = Output::of(command.arg(odd).arg("--json"), before);
        denied(output, 2, "usage");
    }
    assert_eq!(sandbox.snapshot(), before, "what was no question left a record");
}

#[test]
fn a_request_is_taken_as_its_schema_says_or_not_at_all() {
    let (sandbox, _) = enabled();
    let before = sandbox.snapshot();
    let mut long = request(&json!({ "request_id": "x".repeat(70_000) }));
    let mut twice = request(&json!({}));
    twice.splice(1..1, b"\"skill\":\"other\",".iter().copied());
    for bad in [
        &b""[..],
        b"{",
        b"null",
        b"[]",
        b"\"pdf\"",
        b"pdf",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"{}",
        b"{\"skill\":\"pdf\"}",
        &request(&json!({ "schema": "skill-trust/gate-request/2" })),
        &request(&json!({ "schema": "" })),
        &request(&json!({ "force": true })),
        &request(&json!({ "skill": "" })),
        &request(&json!({ "skill": 1 })),
        &request(&json!({ "question": "LOAD" })),
        &request(&json!({ "deadline_ms": -1 })),
        &request(&json!({ "path": "a/pdf" })),
        &[&request(&json!({}))[..], b"{}"].concat(),
        &twice,
        &long,
    ] {
        denied(sandbox.feed(bad, &["gate"]), 2, "usage");
    }
    // Up to the limit, white space and all, it is read.
    long = request(&json!({}));
    long.resize(64 * 1024, b' ');
    assert_eq!(sandbox.snapshot(), before);
    let (fed, _) = answer(sandbox.feed(&long, &["gate"]));
    assert_eq!(fed["decision"], "allow");
    // The whole request is read before anything is said.
    long.push(b' ');
    denied(sandbox.feed(&long, &["gate"]), 2, "usage");
}

#[test]
fn on_a_terminal_without_a_name_it_denies_instead_of_waiting() {
    let (sandbox, _) = enabled();
    let home = sandbox.arg("home");
    let pty = Pty::start(Path::new(PROGRAM), &["--home", &home, "gate"], &[], sandbox.top(), (24, 80));
    let (shown, code) = pty.finish();
    let document: Value = serde_json::from_str(&shown).unwrap();
    assert!(!allows(&document));
    assert_eq!(code, 2);
}

#[test]
fn an_allow_that_does_not_arrive_is_none() {
    let (sandbox, _) = enabled();
    for args in [&["gate", "pdf"][..], &["gate", "pdf", "--json"], &["gate", "--all"], &["gate", "--help"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        if let Ok(full) = full {
            let status = sandbox.command(args).stdout(full).stderr(Stdio::null()).status().unwrap();
            assert!(!status.success(), "{args:?} to a full device");
        }
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = sandbox.command(args).stdout(writer).stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(1), "{args:?} to a reader that went away");
    }
    // That it may have been given stays on record.
    assert_eq!(sandbox.snapshot().records.last().unwrap(), "gate allow pdf@A");
}

#[test]
fn closed_streams_change_no_decision() {
    let (sandbox, _) = enabled();
    let home = sandbox.arg("home");
    let closed = |script: &str, rest: &[&str]| {
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", script, PROGRAM, "--home", &home]).args(rest);
        Output::of(command.stdin(Stdio::null()), rest)
    };
    // Without input there is no request, and without errors nothing is lost.
    denied(closed("exec \"$0\" \"$@\" <&-", &["gate"]), 2, "usage");
    let (answered, _) = answer(closed("exec \"$0\" \"$@\" <&- 2>&-", &["gate", "pdf", "--json"]));
    assert_eq!(answered["decision"], "allow");
    // Who closes the output has the exit code alone, and it tells the decision.
    let deny = closed("exec \"$0\" \"$@\" >&-", &["gate", "none"]).code(3);
    assert_eq!(deny.0.stdout, "");
}

/// The gate, started while somebody else holds the lock, and seen to wait.
fn waiting(sandbox: &Sandbox, args: &[&str]) -> Child {
    let mut child = sandbox.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    let opened = |folder: &str| {
        let links = std::fs::read_dir(folder).into_iter().flatten().flatten();
        links.filter_map(|link| std::fs::read_link(link.path()).ok()).any(|to| to.ends_with("home/lock"))
    };
    let folder = format!("/proc/{}/fd", child.id());
    while start.elapsed() < SLACK && !opened(&folder) {
        assert!(child.try_wait().unwrap().is_none(), "it did not wait");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

fn finish(child: Child, args: &[&str]) -> Output {
    Output::from(child.wait_with_output().unwrap(), args)
}

#[test]
fn a_signal_while_it_waits_is_a_deny() {
    use rustix::process::{Pid, Signal, kill_process};
    let (sandbox, _) = enabled();
    let home = Home::open(&sandbox.home()).unwrap();
    let lock = Lock::take(&home, SLACK).unwrap();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let args = ["gate", "pdf", "--json"];
        let child = waiting(&sandbox, &args);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let start = Instant::now();
        let answer = denied(finish(child, &args), 1, "cancelled");
        assert_eq!(answer["skill"], "pdf");
        assert!(start.elapsed() < SLACK, "{signal:?}");
    }
    let args = ["gate", "--all", "--json"];
    let child = waiting(&sandbox, &args);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let answers = finish(child, &args).code(1).json();
    assert_eq!(answers["schema"], "skill-trust/gate-answers/1", "a list stays a list");
    assert!(answers["answers"].as_array().unwrap().iter().all(|answer| !allows(answer)));
    drop(lock);
    sandbox.run(&["gate", "pdf"]).ok();
}

#[test]
fn the_deadline_is_kept_while_somebody_holds_the_lock() {
    let (sandbox, _) = enabled();
    let home = Home::open(&sandbox.home()).unwrap();
    let lock = Lock::take(&home, SLACK).unwrap();
    let start = Instant::now();
    // Three quarters of the time are for waiting and the rest for saying so; on
    // a machine that is slower than that the deadline itself speaks.
    let late = |output: Output| {
        let (answer, code) = answer(output);
        let said = (answer["codes"][0].as_str(), code);
        assert!([(Some("busy"), 9), (Some("deadline"), 1)].contains(&said), "{answer}");
        answer
    };
    assert_eq!(late(sandbox.run(&["gate", "pdf", "--json", "--deadline", "400"]))["skill"], "pdf");
    let fed = sandbox.feed(&request(&json!({ "deadline_ms": 400, "request_id": "r2" })), &["gate"]);
    assert_eq!(late(fed)["request_id"], "r2");
    late(sandbox.run(&["gate", "pdf", "--json", "--deadline", "0"]));
    let all = sandbox.run(&["gate", "--all", "--json", "--deadline", "400"]);
    assert_ne!(all.code, 0);
    let all: Value = serde_json::from_str(&all.stdout).unwrap();
    assert_eq!(all["schema"], "skill-trust/gate-answers/1");
    assert!(start.elapsed() < SLACK, "{:?}", start.elapsed());
    drop(lock);
    // A longer time than the usual one may be asked for.
    let (fed, _) = answer(sandbox.feed(&request(&json!({ "deadline_ms": 60_000 })), &["gate"]));
    assert_eq!(fed["decision"], "allow");
}

#[test]
fn a_caller_that_never_ends_its_request_is_denied_in_time() {
    let (sandbox, _) = enabled();
    let args = ["gate", "--deadline", "300"];
    let mut command = sandbox.command(&args);
    let start = Instant::now();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take();
    denied(finish(child, &args), 1, "deadline");
    assert!(start.elapsed() < SLACK);
    drop(stdin);
}

#[test]
fn a_home_that_is_not_as_it_must_be_denies() {
    let (sandbox, _) = enabled();
    let gate = ["gate", "pdf", "--json"];
    let by = |home: &str, exit: i32, code: &str| {
        let args = [&["--home", home][..], &gate].concat();
        denied(Output::of(&mut sandbox.bare(&args), &args), exit, code);
    };
    by(&sandbox.arg("none"), 3, "home-missing");
    assert!(!sandbox.at("none").exists(), "asking made a home");
    by("", 2, "usage");
    std::os::unix::fs::symlink(sandbox.home(), sandbox.at("link")).unwrap();
    by(&sandbox.arg("link"), 7, "home-unsafe");
    std::fs::write(sandbox.at("file"), "").unwrap();
    by(&sandbox.arg("file"), 7, "home-unsafe");
    std::fs::create_dir(sandbox.at("empty")).unwrap();
    chmod(&sandbox.at("empty"), 0o700);
    by(&sandbox.arg("empty"), 3, "home-missing");
    // As elsewhere, a path may be relative and a value may be joined.
    let joined = format!("--home={}", sandbox.arg("home"));
    for home in [&["--home", "../home"][..], &[&joined]] {
        let args = [home, &gate].concat();
        assert_eq!(answer(Output::of(&mut sandbox.bare(&args), &args)).1, 0);
    }
    for mode in [0o755, 0o770, 0o1700, 0o2700] {
        chmod(&sandbox.home(), mode);
        denied(sandbox.run(&gate), 7, "home-unsafe");
    }
    chmod(&sandbox.home(), 0o700);
    let (allow, _) = answer(sandbox.run(&gate));
    assert_eq!(allow["decision"], "allow");
    // The log, then the ledger.
    let log = sandbox.home().join("audit/audit.jsonl");
    let whole = std::fs::read(&log).unwrap();
    std::fs::write(&log, &whole[..whole.len() / 2]).unwrap();
    denied(sandbox.run(&gate), 7, "tampered");
    std::fs::write(&log, [&whole[..], &whole[..]].concat()).unwrap();
    denied(sandbox.run(&gate), 7, "rolled-back");
    std::fs::write(&log, &whole).unwrap();
    answer(sandbox.run(&gate));
    std::fs::rename(sandbox.home().join("ledger.db"), sandbox.at("ledger.db")).unwrap();
    denied(sandbox.run(&gate), 7, "ledger-missing");
}

#[test]
fn no_variable_and_no_dotenv_chooses_the_home() {
    let (sandbox, _) = enabled();
    let hidden = sandbox.at("work/.local/share/skill-trust");
    std::fs::create_dir_all(hidden.parent().unwrap()).unwrap();
    std::fs::rename(sandbox.home(), &hidden).unwrap();
    let (work, hidden_arg) = (sandbox.arg("work"), hidden.to_str().unwrap().to_owned());
    let variables: Vec<_> = ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "PWD", "TMPDIR"]
        .into_iter()
        .map(|name| (name, work.as_str()))
        .chain(["SKILLS_HOME", "SKILL_TRUST_HOME", "SKILL_TRUST_DIR"].map(|name| (name, hidden_arg.as_str())))
        .collect();
    let lines: Vec<_> = variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    std::fs::write(sandbox.at("work/.env"), lines.concat()).unwrap();
    let count = || std::fs::read_to_string(hidden.join("audit/audit.jsonl")).unwrap().lines().count();
    let before = count();
    denied(sandbox.run_in(&variables, &["gate", "pdf", "--json"]), 3, "home-missing");
    let account = skill_trust::system::account::Account::ours().home;
    // Where the tester has a home of their own, leave it alone.
    if !account.is_some_and(|home| home.join(".local/share/skill-trust").exists()) {
        let args = ["gate", "pdf", "--json"];
        let (_, code) = answer(Output::of(sandbox.bare(&args).envs(variables.iter().copied()), &args));
        assert_ne!(code, 0);
    }
    assert_eq!(count(), before, "the other home was asked");
    let (allow, _) = answer(sandbox.run_in(&variables, &["--home", &hidden_arg, "gate", "pdf", "--json"]));
    assert_eq!(allow["decision"], "allow");
}

#[test]
fn a_named_folder_is_hashed_and_must_be_a_placement() {
    let (sandbox, _) = enabled();
    let copy = sandbox.at("work/pdf");
    let placement = sandbox.arg("a/pdf");
    let done = std::process::Command::new("cp").args(["-a", &placement]).arg(&copy).status().unwrap();
    assert!(done.success());
    std::os::unix::fs::symlink(sandbox.at("a"), sandbox.at("work/link")).unwrap();
    let gate = |path: &str| sandbox.run(&["gate", "pdf", "--json", "--path", path]);
    for good in [placement.clone(), format!("{placement}/"), format!("{placement}//")] {
        let (allow, _) = answer(gate(&good));
        assert_eq!(allow["paths"], json!([placement]), "the answer names the placement");
    }
    let before = sandbox.snapshot();
    denied(gate(copy.to_str().unwrap()), 3, "path-unknown");
    for (other, code) in [
        (format!("{}/../a/pdf", sandbox.arg("a")), "path-unknown"),
        (sandbox.arg("work/nothing"), "path-differs"),
        (sandbox.arg("a"), "path-differs"),
        (format!("{placement}/SKILL.md"), "path-differs"),
        ("/".to_owned(), "path-differs"),
    ] {
        let (deny, _) = answer(gate(&other));
        assert_eq!(deny["codes"], json!([code]), "{other}");
    }
    assert_ne!(gate(&sandbox.arg("work/link/pdf")).code, 0, "a way through a link is no placement");
    tamper(&copy.join("SKILL.md"));
    denied(gate(copy.to_str().unwrap()), 5, "path-differs");
    // A folder that is not ours to judge changes no state.
    assert_eq!(sandbox.snapshot().state, before.state);
    assert_eq!(answer(gate(&placement)).1, 0);
}

#[test]
fn the_question_enable_is_about_the_stored_copy() {
    let (sandbox, digest) = enabled();
    let ask = |args: &[&str]| sandbox.run(&[&["gate", "pdf", "--json"], args].concat());
    let hex = digest.hex();
    let stored = sandbox.home().join("store").join(&hex[..2]).join(&hex);
    let (allow, _) = answer(ask(&["--question", "enable"]));
    assert_eq!(allow["paths"], json!([stored]));
    let fed = sandbox.feed(&request(&json!({ "question": "enable" })), &["gate"]);
    assert_eq!(answer(fed).0["question"], "enable");
    sandbox.run(&["disable", "pdf"]).ok();
    answer(ask(&["--question", "enable"]));
    denied(ask(&["--question", "load"]), 3, "not-enabled");
    tamper(&stored.join("SKILL.md"));
    let before = records(&sandbox);
    let drift = denied(ask(&["--question", "enable"]), 5, "drift");
    assert_eq!(drift["state"], "installed");
    assert_ne!(drift["digest"], json!(digest.to_string()), "the digest found is told");
    assert_eq!(sandbox.snapshot().records[before..], ["drift done [drift] pdf@A", "gate deny [drift] pdf@A"]);
}

#[test]
fn a_head_that_was_seen_must_be_continued() {
    let (sandbox, _) = enabled();
    let ask = |head: &str| sandbox.run(&["gate", "pdf", "--json", "--head", head]);
    let (first, _) = answer(sandbox.run(&["gate", "pdf", "--json"]));
    let head = first["head"].as_str().unwrap().to_owned();
    answer(sandbox.run(&["gate", "pdf", "--json"]));
    let (again, exit) = answer(ask(&head));
    assert_eq!(exit, 0, "{again}");
    let (size, root) = head.split_once(':').unwrap();
    let size: u64 = size.parse().unwrap();
    let other = if root.starts_with('0') { root.replacen('0', "1", 1) } else { format!("0{}", &root[1..]) };
    for bad in [
        format!("{size}:{other}"),
        format!("{}:{root}", size - 1),
        format!("{}:{root}", size + 1),
        format!("{}:{root}", size + 1_000),
        format!("{}:{root}", u64::MAX),
        format!("0:{root}"),
    ] {
        denied(ask(&bad), 7, "rolled-back");
    }
    let before = sandbox.snapshot();
    for bad in
        [format!("{size}"), format!("{size}:"), format!("{size}:{}", root.to_uppercase()), String::new()]
    {
        denied(ask(&bad), 2, "usage");
    }
    assert_eq!(sandbox.snapshot(), before);
    // For a list the same holds.
    let all = sandbox.run(&["gate", "--all", "--json", "--head", &head]).ok().json();
    assert!(allows(&all["answers"][0]));
    let all = sandbox.run(&["gate", "--all", "--json", "--head", &format!("{size}:{other}")]).code(7).json();
    assert!(!allows(&all["answers"][0]));
}

#[test]
fn a_list_answers_for_each_and_exits_with_the_worst() {
    let (sandbox, _) = enabled();
    let csv = sandbox.skill("csv").make();
    sandbox.trusted(&csv, "C");
    sandbox.run(&["enable", "csv", "--dir", &sandbox.arg("b")]).ok();
    let all = |code: i32| {
        let document = sandbox.run(&["gate", "--all", "--json"]).code(code).json();
        assert_eq!(document["schema"], "skill-trust/gate-answers/1");
        let answers = document["answers"].as_array().unwrap().clone();
        answers.iter().map(|answer| (allows(answer), answer["skill"].as_str().unwrap().to_owned())).collect()
    };
    let before = records(&sandbox);
    let answers: Vec<(bool, String)> = all(0);
    assert_eq!(answers.iter().filter(|(allow, _)| *allow).count(), 2);
    assert_eq!(sandbox.snapshot().records[before..], ["gate allow csv@C", "gate allow pdf@A"]);
    tamper(&sandbox.at("a/pdf/SKILL.md"));
    let answers = all(5);
    assert_eq!(answers.iter().map(|(allow, _)| *allow).collect::<Vec<_>>(), [true, false]);
    // What drifted is enabled no more.
    assert_eq!(all(0).len(), 1);
    for line in [&["gate", "--all", "pdf"][..], &["gate", "--all", "--path", "/x"], &["gate", "--all", "--x"]]
    {
        let document = sandbox.run(&[line, &["--json"]].concat()).code(2).json();
        assert_eq!(document["schema"], "skill-trust/gate-answers/1", "{line:?}");
    }
    sandbox.run(&["disable", "csv"]).ok();
    assert_eq!(all(0), []);
    sandbox.run(&["gate", "--all"]).ok().says("nothing is enabled");
    sandbox.run(&["kill", "--all"]).ok();
    let before = records(&sandbox);
    assert_eq!(all(6).iter().map(|(allow, _)| *allow).collect::<Vec<_>>(), [false]);
    assert_eq!(sandbox.snapshot().records[before..], ["gate deny [held-all]"]);
}

#[test]
fn a_kill_that_is_not_recorded_yet_denies_as_a_kill() {
    let (sandbox, _) = enabled();
    // A kill's one system call, and nothing after it.
    let home = sandbox.home();
    std::fs::rename(home.join("permit"), home.join("killed.0123456789abcdef0123456789abcdef")).unwrap();
    denied(sandbox.run(&["gate", "pdf", "--json"]), 6, "held-all");
    denied(sandbox.run(&["gate", "pdf", "--json"]), 6, "held-all");
    assert!(!sandbox.at("a/pdf").exists());
}

#[test]
fn help_is_no_answer() {
    let (sandbox, _) = enabled();
    let before = sandbox.snapshot();
    let Said(output) = sandbox.run(&["gate", "--help"]).ok();
    assert!(!output.stdout.contains("allow  "), "{}", output.stdout);
    assert_eq!(sandbox.snapshot(), before);
}
