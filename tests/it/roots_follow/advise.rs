//! Advisories: what they cover loses trust, as with a revocation, and nothing
//! else does.

use super::{add, ends, scene, state};
use crate::support::faults::{Bed, Ran, path};
use crate::support::team::Team;
use serde_json::Value;
use skill_trust::model::digest::sha256;
use skill_trust::model::followed;
use skill_trust::model::record::Outcome;
use skill_trust::model::tuf::publish::target_name;
use skill_trust::ops::session::{Depth, Session};
use std::fs;
use std::process::Command;

/// Lists an advisory: its entries of `affected`, and members besides.
fn advise<'a>(team: &'a mut Team, id: &str, affected: &str, more: &str) -> &'a mut Team {
    let text = format!(
        r#"{{"schema_version":"1.6.0","id":"{id}","modified":"2026-11-20T09:00:00Z","summary":"sends form data away","affected":[{affected}]{more}}}"#
    );
    team.list(&format!("advisories/{id}.json"), text.as_bytes())
}

fn digests(all: &[&str]) -> String {
    let all: Vec<_> = all.iter().map(|digest| format!("\"{digest}\"")).collect();
    format!(r#","database_specific":{{"severity":"HIGH","skill_digests":[{}]}}"#, all.join(","))
}

/// An entry about a package of ours.
fn about(name: &str, rest: &str) -> String {
    let comma = if rest.is_empty() { "" } else { "," };
    format!(r#"{{"package":{{"ecosystem":"Agent Skills","name":"{name}"}}{comma}{rest}}}"#)
}

fn semver(events: &str) -> String {
    format!(r#""ranges":[{{"type":"SEMVER","events":[{events}]}}]"#)
}

/// The source of a skill with a version in its card.
fn versioned(bed: &Bed, name: &str, version: &str) {
    bed.source(name, "echo one\n");
    let card = format!(
        "---\nname: {name}\ndescription: A skill for the tests.\nmetadata:\n  version: \"{version}\"\n---\n\n# {name}\n"
    );
    fs::write(bed.root.join("src").join(name).join("SKILL.md"), card).unwrap();
}

fn json(ran: Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|why| panic!("{why}: {ran:?}"))
}

/// `demo` enabled as 1.4.1, `other` as 1.4.2, and a root that is followed.
fn both() -> (Bed, Team, String) {
    let (bed, team) = scene();
    versioned(&bed, "demo", "1.4.1");
    versioned(&bed, "other", "1.4.2");
    let demo = bed.enabled("demo", "a");
    bed.enabled("other", "a");
    ends(add(&bed, &team), 0, &[]);
    (bed, team, demo)
}

/// `demo` lost its trust and its copy, `other` nothing.
#[track_caller]
fn demo_alone_is_gone(bed: &Bed) {
    assert_eq!((state(bed, "demo"), state(bed, "other")), ("installed".into(), "enabled".into()));
    assert!(!bed.gate("demo").0 && bed.gate("other").0);
    let live: Vec<_> = bed.live().into_iter().collect();
    assert!(live.len() == 1 && live[0].ends_with("/other"), "{live:?}");
}

#[track_caller]
fn nothing_is_gone(bed: &Bed) {
    assert_eq!((state(bed, "demo"), state(bed, "other")), ("enabled".into(), "enabled".into()));
    assert!(bed.gate("demo").0 && bed.gate("other").0);
}

#[test]
fn each_way_to_name_it_takes_exactly_that_away() {
    let (bed, mut team, demo) = both();
    bed.keep("before");
    let sources = bed.path("src");
    let fixed = semver(r#"{"introduced":"0"},{"fixed":"1.4.2"}"#);
    let twice = r#""ranges":[{"type":"SEMVER","events":[{"introduced":"3.0.0"}]},{"type":"ECOSYSTEM","events":[{"introduced":"1.0.0"},{"last_affected":"1.4.1"}]}]"#;
    for (affected, more, says) in [
        (String::new(), digests(&[&demo]), "covers digest sha256:"),
        (about(&sources, &fixed), String::new(), "versions from the first before 1.4.2 (here 1.4.1)"),
        (about(&sources, twice), String::new(), "up to 1.4.1"),
        (about(&sources, r#""versions":["1.4.0","1.4.1"]"#), String::new(), "version 1.4.1"),
        (about(&format!("{sources}/demo"), ""), String::new(), "covers source"),
        (about("demo", ""), String::new(), "covers skill demo"),
        (
            format!("{},{}", about("nobody", ""), about("demo", &fixed)),
            String::new(),
            "covers skill demo, versions",
        ),
    ] {
        bed.restore("before");
        advise(&mut team, "SKA-1", &affected, &more).release();
        let ran = ends(
            bed.run(&["roots", "refresh"]),
            0,
            &["REVOKED  demo@", "advisory SKA-1", "sends form data away", says],
        );
        assert!(ran.out.contains("taken away"), "{ran:?}");
        demo_alone_is_gone(&bed);
        // A second refresh has nothing left to do.
        let again = ends(bed.run(&["roots", "refresh"]), 0, &["no news"]);
        assert!(!again.out.contains("REVOKED"), "{again:?}");
    }
}

#[test]
fn what_is_covered_is_refused_from_now_on_at_every_door_and_the_way_on_is_named() {
    let (bed, mut team, demo) = both();
    bed.run(&["untrust", "demo"]).done();
    let entry = about(&bed.path("src"), &semver(r#"{"introduced":"0"},{"fixed":"1.4.2"}"#));
    advise(&mut team, "SKA-1", &entry, r#","database_specific":{"severity":"HIGH"}"#).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["news"]);
    let words = [
        "revoked",
        "advisory SKA-1 (HIGH)",
        "\"sends form data away\"",
        "it is fixed in 1.4.2",
        "skills update demo",
        "skills roots list team",
    ];
    ends(bed.run(&["trust", "demo", "--digest", &demo]), 3, &words);
    ends(bed.run(&["install", &bed.path("src/demo")]), 3, &words);
    ends(bed.run(&["enable", "demo", "--dir", &bed.agent("b")]), 3, &["revoked"]);
    ends(
        bed.run(&["review", "demo"]),
        0,
        &["advisory SKA-1 (HIGH)", "it is fixed in 1.4.2", "no trust is given"],
    );
    ends(bed.run(&["status", "demo"]), 0, &["advisory SKA-1 (HIGH)", "it is fixed in 1.4.2"]);
    ends(bed.run(&["status"]), 0, &["revoked", "advisory SKA-1 (HIGH)", "skills update demo"]);
    ends(
        bed.run(&["roots", "list"]),
        0,
        &["advisory SKA-1 (HIGH) \"sends form data away\"", "what it covers loses trust here"],
    );
    let found = &json(bed.run(&["review", "demo", "--json"]))["revoked"];
    let told = serde_json::json!({ "root": "team", "id": "SKA-1", "summary": "sends form data away", "severity": "HIGH", "fixed": ["1.4.2"] });
    assert_eq!((&found["advisory"], &found["narrows"]), (&told, &Value::Bool(true)));
    let status = json(bed.run(&["status", "demo", "--json"]));
    assert!(status.to_string().contains(r#""advisory":{"fixed":["1.4.2"],"id":"SKA-1""#), "{status}");
    let roots = json(bed.run(&["roots", "list", "--json"]));
    assert_eq!(roots["roots"][0]["may"]["advisories"][0]["id"], "SKA-1");
    // The version that is fixed is no update of a skill that nobody may have.
    versioned(&bed, "demo", "1.4.2");
    bed.enabled("demo", "a");
    assert!(bed.gate("demo").0);
}

#[test]
fn the_record_and_the_json_of_a_refresh_name_the_advisory() {
    let (bed, mut team, demo) = both();
    advise(&mut team, "SKA-1", "", &digests(&[&demo])).release();
    let document = json(bed.run(&["roots", "refresh", "--json"]));
    let one = &document["carried"]["revoked"][0];
    assert_eq!(
        (&one["name"], &one["advisory"]["id"], &one["advisory"]["root"]),
        (&"demo".into(), &"SKA-1".into(), &"team".into())
    );
    assert!(one["next"].as_str().unwrap().contains("skills roots list team"), "{one}");
    let log = fs::read_to_string(bed.log()).unwrap();
    let record = log.lines().find(|line| line.contains(r#""event":"revoke""#)).unwrap();
    assert!(
        record.contains("advisory SKA-1 (HIGH)") && record.contains(r#""codes":["revoked"]"#),
        "{record}"
    );
}

#[test]
fn a_commit_is_compared_with_what_is_written_down() {
    let (bed, mut team) = scene();
    versioned(&bed, "demo", "1.4.1");
    let repository = bed.root.join("src/demo");
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]);
        command.args(args).current_dir(&repository).env_clear().env("PATH", path()).env("HOME", &bed.root);
        let done = command.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "one"]);
    let commit = git(&["rev-parse", "HEAD"]);
    bed.enabled("demo", "a");
    ends(add(&bed, &team), 0, &[]);
    bed.keep("before");
    let place = bed.path("src/demo");
    let range = |repo: &str, events: &str| {
        format!(r#"{{"ranges":[{{"type":"GIT","repo":"{repo}","events":[{{"introduced":"0"}},{events}]}}]}}"#)
    };
    let other = "f".repeat(40);
    for (entry, says) in [
        (range(&place, &format!(r#"{{"last_affected":"{commit}"}}"#)), Some("commit ")),
        (
            range(&format!("file://{place}"), &format!(r#"{{"fixed":"{other}"}}"#)),
            Some("no history is at hand"),
        ),
        (range(&place, &format!(r#"{{"fixed":"{commit}"}}"#)), None),
        (range(&bed.path("src/other"), &format!(r#"{{"last_affected":"{commit}"}}"#)), None),
        (about("demo", &format!(r#""versions":["{commit}"]"#)), Some("commit ")),
        (about("demo", &format!(r#""versions":["{other}"]"#)), None),
    ] {
        bed.restore("before");
        advise(&mut team, "SKA-1", &entry, "").release();
        let ran = ends(bed.run(&["roots", "refresh"]), 0, &[says.unwrap_or("news")]);
        assert_eq!(ran.out.contains("REVOKED"), says.is_some(), "{entry}: {ran:?}");
        let wanted = if says.is_some() { "installed" } else { "enabled" };
        assert_eq!(state(&bed, "demo"), wanted, "{entry}");
    }
}

#[test]
fn a_withdrawn_advisory_takes_nothing_away_and_brings_nothing_back() {
    let (bed, mut team, demo) = both();
    let ended = r#","withdrawn":"2026-01-01T00:00:00Z""#;
    advise(&mut team, "SKA-1", "", &format!("{}{ended}", digests(&[&demo]))).release();
    let ran = ends(bed.run(&["roots", "refresh"]), 0, &["news"]);
    assert!(!ran.out.contains("REVOKED"), "{ran:?}");
    nothing_is_gone(&bed);
    ends(bed.run(&["roots", "list"]), 0, &["withdrawn 2026-01-01T00:00:00Z"]);
    // In force, and then withdrawn: what was taken stays taken until a person decides.
    advise(&mut team, "SKA-1", "", &digests(&[&demo])).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["REVOKED  demo@"]);
    demo_alone_is_gone(&bed);
    advise(&mut team, "SKA-1", "", &format!("{}{ended}", digests(&[&demo]))).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["news"]);
    demo_alone_is_gone(&bed);
    bed.run(&["trust", "demo", "--digest", &demo]).done();
    // One that is withdrawn in the future is in force.
    advise(&mut team, "SKA-1", "", &format!(r#"{},"withdrawn":"2100-01-01T00:00:00Z""#, digests(&[&demo])))
        .release();
    ends(bed.run(&["roots", "refresh"]), 0, &["REVOKED  demo@"]);
}

#[test]
fn another_package_is_untouched() {
    let (bed, mut team, demo) = both();
    let wrong = sha(&demo);
    for (affected, more) in [
        (about("https://git.example/acme/tools", ""), String::new()),
        (about("dem", ""), String::new()),
        (about(&bed.path("src/dem"), ""), String::new()),
        (r#"{"package":{"ecosystem":"npm","name":"demo"}}"#.to_owned(), String::new()),
        (about("demo", &semver(r#"{"introduced":"1.4.2"},{"fixed":"1.4.3"}"#)), String::new()),
        (about("demo", r#""versions":["1.4.0"]"#), String::new()),
        (String::new(), digests(&[&wrong])),
    ] {
        advise(&mut team, "SKA-1", &affected, &more).release();
        let ran = ends(bed.run(&["roots", "refresh"]), 0, &["news"]);
        assert!(!ran.out.contains("REVOKED"), "{affected}: {ran:?}");
        nothing_is_gone(&bed);
    }
}

/// A digest beside another.
fn sha(digest: &str) -> String {
    let last = if digest.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &digest[..digest.len() - 1])
}

#[test]
fn attack_the_next_copy_has_no_version_or_an_odd_one() {
    let (bed, mut team, _) = both();
    let entry = about(&bed.path("src"), &semver(r#"{"introduced":"0"},{"fixed":"1.4.2"}"#));
    advise(&mut team, "SKA-1", &entry, "").release();
    ends(bed.run(&["roots", "refresh"]), 0, &["REVOKED  demo@"]);
    for version in ["1.4", "1.4.1+mended", "1.4.2-rc1", "newest", ""] {
        versioned(&bed, "demo", version);
        ends(bed.run(&["install", &bed.path("src/demo")]), 3, &["revoked", "SKA-1"]);
    }
    bed.source("demo", "echo two\n");
    ends(
        bed.run(&["install", &bed.path("src/demo")]),
        3,
        &["no version is known here, so it counts as affected"],
    );
}

#[test]
fn attack_a_skill_that_is_named_by_an_advisory_comes_under_another_name() {
    let (bed, mut team) = scene();
    advise(&mut team, "SKA-1", &about("demo", ""), "").release();
    ends(add(&bed, &team), 0, &["advisory SKA-1"]);
    ends(
        bed.run(&["install", &bed.path("src/demo"), "--as", "mended"]),
        3,
        &["revoked", "covers skill demo"],
    );
    bed.install("other");
}

#[test]
fn attack_an_older_advisory_is_played_again() {
    let (bed, mut team, demo) = both();
    advise(&mut team, "SKA-1", &about("nobody", ""), "").release();
    ends(bed.run(&["roots", "refresh"]), 0, &["news"]);
    let old = bed.root.join("old");
    super::follow::copy(&team.folder, &old);
    advise(&mut team, "SKA-1", "", &digests(&[&demo])).release();
    // Its old bytes under the new name: the file that is listed does not come.
    let (bytes, _) = &team.files["advisories/SKA-1.json"];
    let place = team.folder.join("targets").join(target_name("advisories/SKA-1.json", bytes));
    let new = fs::read(&place).unwrap();
    fs::write(&place, fs::read_to_string(&place).unwrap().replace(&demo, &sha(&demo))).unwrap();
    ends(bed.run(&["roots", "refresh"]), 5, &["missing", "advisories/SKA-1.json"]);
    nothing_is_gone(&bed);
    ends(bed.run(&["roots", "list"]), 0, &["stale", "skill nobody"]);
    fs::write(&place, new).unwrap();
    ends(bed.run(&["roots", "refresh"]), 0, &["REVOKED  demo@"]);
    // Yesterday's release, which is rightly signed.
    fs::remove_dir_all(&team.folder).unwrap();
    fs::rename(&old, &team.folder).unwrap();
    ends(bed.run(&["roots", "refresh"]), 5, &["rollback"]);
    ends(bed.run(&["trust", "demo", "--digest", &demo]), 3, &["revoked", "SKA-1"]);
}

#[test]
fn one_that_cannot_be_read_is_not_taken_and_the_one_before_it_counts() {
    let (bed, mut team, demo) = both();
    advise(&mut team, "SKA-1", "", &digests(&[&demo])).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["REVOKED  demo@"]);
    for (bad, says) in [
        (r#"{"id":"SKA-2"}"#, "its id is `SKA-2`"),
        (r#"{"id":"SKA-1","withdrawn":"long ago"}"#, "`withdrawn` is not a time"),
        (r#"{"id":"SKA-1","id":"SKA-1"}"#, "a name twice in one object: `id`"),
        ("", "not JSON"),
    ] {
        team.list("advisories/SKA-1.json", bad.as_bytes()).release();
        ends(bed.run(&["roots", "refresh"]), 5, &["missing", "advisories/SKA-1.json", says]);
        ends(bed.run(&["trust", "demo", "--digest", &demo]), 3, &["revoked", "SKA-1"]);
        ends(bed.run(&["roots", "list"]), 0, &["stale"]);
    }
}

#[test]
fn one_that_was_lost_denies_and_comes_back_with_the_next_refresh() {
    let (bed, mut team, demo) = both();
    advise(&mut team, "SKA-1", &about("nobody", ""), "").release();
    ends(bed.run(&["roots", "refresh"]), 0, &["news"]);
    bed.run(&["untrust", "demo"]).done();
    let (bytes, _) = &team.files["advisories/SKA-1.json"];
    let lost = sha256(&[bytes]);
    let ledger = || rusqlite::Connection::open(bed.home().join("ledger.db")).unwrap();
    assert_eq!(ledger().execute("DELETE FROM blob WHERE digest = ?1", [lost.as_bytes()]).unwrap(), 1);
    let gone = ["`advisories/SKA-1.json` of `team` is gone"];
    ends(bed.run(&["trust", "demo", "--digest", &demo]), 7, &gone);
    ends(bed.run(&["install", &bed.path("src/other")]), 7, &gone);
    ends(bed.run(&["status"]), 7, &gone);
    ends(bed.run(&["review", "demo"]), 7, &["`advisories/SKA-1.json`", "is gone"]);
    ends(bed.run(&["roots", "list"]), 0, &["cannot be read: `advisories/SKA-1.json`"]);
    ends(bed.run(&["roots", "refresh"]), 0, &["news", "fresh"]);
    bed.run(&["trust", "demo", "--digest", &demo]).done();
}

/// As a version kept it that did not read advisories.
#[test]
fn one_that_was_kept_unread_denies_until_it_is_published_anew() {
    let (bed, mut team, demo) = both();
    advise(&mut team, "SKA-1", &about("nobody", ""), "").release();
    ends(bed.run(&["roots", "refresh"]), 0, &["news"]);
    bed.run(&["untrust", "demo"]).done();
    {
        let world = bed.world();
        let mut session = Session::open(&world, Depth::All).unwrap();
        let odd: &[u8] = br#"{"id":"SKA-1","affected":"everything"}"#;
        let mut roots = followed::parse(session.ledger.memory(followed::KEY).unwrap().as_deref()).unwrap();
        roots[0].targets[0].bytes = sha256(&[odd]);
        let draft = session.draft("test", Outcome::Done, "an older version");
        let commit = session.commit(|txn| {
            txn.keep_blob(odd).unwrap();
            txn.remember(followed::KEY, &followed::text(roots).unwrap()).unwrap();
            Ok(vec![draft])
        });
        commit.unwrap();
    }
    let odd = [
        "`advisories/SKA-1.json` cannot be read here: `affected` is not a list",
        "skills roots refresh team",
    ];
    ends(bed.run(&["trust", "demo", "--digest", &demo]), 5, &odd);
    ends(bed.run(&["install", &bed.path("src/other")]), 5, &odd);
    ends(bed.run(&["review", "demo"]), 0, &odd);
    assert_eq!((state(&bed, "demo"), state(&bed, "other")), ("installed".into(), "enabled".into()));
    ends(bed.run(&["roots", "refresh"]), 0, &["news", "fresh"]);
    bed.run(&["trust", "demo", "--digest", &demo]).done();
}

#[test]
fn a_root_that_is_stale_takes_away_all_the_same() {
    let (bed, mut team) = scene();
    let demo = bed.enabled("demo", "a");
    bed.enabled("other", "a");
    ends(add(&bed, &team), 0, &[]);
    advise(&mut team, "SKA-1", "", &digests(&[&demo])).list("policy.toml", b"x");
    team.release();
    let (bytes, _) = &team.files["policy.toml"];
    let place = team.folder.join("targets").join(target_name("policy.toml", bytes));
    fs::remove_file(place).unwrap();
    let ran = bed.run(&["roots", "refresh"]);
    let all = format!("{}{}", ran.out, ran.err);
    assert!(ran.code == Some(5) && all.contains("REVOKED  demo@") && all.contains("stale"), "{ran:?}");
    demo_alone_is_gone(&bed);
}

#[test]
fn attack_a_hostile_summary_reaches_no_terminal_and_no_log() {
    let (bed, mut team, demo) = both();
    let text = format!(
        r#"{{"id":"SKA-1","summary":"x\", withdrawn. \u001b[2J\u202e\r\nREVOKED nothing \u0000 {}","affected":[]{}}}"#,
        "long ".repeat(2_000),
        digests(&[&demo]).replace("HIGH", r"\u001b]0;x\u0007")
    );
    team.list("advisories/SKA-1.json", text.as_bytes()).release();
    let mut said = vec![ends(bed.run(&["roots", "refresh"]), 0, &["REVOKED  demo@"])];
    demo_alone_is_gone(&bed);
    for args in [
        &["status"][..],
        &["status", "demo"],
        &["review", "demo"],
        &["roots", "list"],
        &["trust", "demo", "--digest", &demo],
    ] {
        said.push(bed.run(args));
    }
    for ran in said {
        let all = format!("{}{}", ran.out, ran.err);
        assert!(!all.contains(['\u{1b}', '\u{202e}', '\u{7}', '\r', '\0']), "{all:?}");
        assert!(!all.contains("\nREVOKED nothing") && !all.contains("x\", withdrawn"), "{all}");
    }
    let log = fs::read_to_string(bed.log()).unwrap();
    assert!(log.lines().all(|line| line.len() <= 16 << 10) && !log.contains(['\u{1b}', '\u{202e}', '\r']));
}

#[test]
fn when_a_root_is_followed_its_advisories_are_shown_and_carried_out() {
    let (bed, mut team) = scene();
    let demo = bed.enabled("demo", "a");
    bed.enabled("other", "a");
    advise(&mut team, "SKA-1", "", &digests(&[&demo])).release();
    ends(
        add(&bed, &team),
        0,
        &[
            "advisory SKA-1 (HIGH) \"sends form data away\": 1 digest; what it covers loses trust here",
            "REVOKED  demo@",
        ],
    );
    demo_alone_is_gone(&bed);
    // Nobody asks it any more, and nothing comes back by itself.
    bed.run(&["roots", "remove", "team", "--phrase", "team"]).done();
    demo_alone_is_gone(&bed);
    bed.run(&["trust", "demo", "--digest", &demo]).done();
}
