//! Where a root may lie, and how it grows old.

use super::{ends, scene};
use crate::sources::https::{Server, ok, plain};
use crate::support::scene::{START, Scene};
use crate::support::team::Team;
use skill_trust::model::code::Code;
use skill_trust::model::digest::Digest;
use skill_trust::model::followed::Standing;
use skill_trust::model::time::Timestamp;
use skill_trust::ops::roots::carry;
use skill_trust::ops::roots::follow::{self, Request};
use skill_trust::ops::roots::haul::Address;
use skill_trust::ops::{Nobody, status};
use skill_trust::system::fetch::FetchOptions;
use std::process::Command;

const DAY: i64 = 86_400;

fn request(origin: &str, pin: &str) -> Request {
    Request { name: "team".to_owned(), origin: origin.to_owned(), pin: Digest::from_hex(pin).unwrap() }
}

fn follow_it(scene: &Scene, team: &Team, origin: &str, options: &FetchOptions) {
    let plan = follow::plan(&scene.world, &request(origin, &team.pin()), options).unwrap();
    follow::add(&scene.world, &plan, "", &mut Nobody).unwrap();
}

#[test]
fn an_address_is_one_of_three() {
    let text = |typed: &str| format!("{:?}", Address::parse(typed));
    for (typed, word) in [
        ("/srv/root", "Folder(\"/srv/root\")"),
        ("https://git.example/acme/root", "Git("),
        ("acme/root", "https://github.com/acme/root"),
        ("acme/root/trust@main", "reference: Some(\"main\")"),
        ("file:///srv/root.git", "Git("),
        ("https://trust.example/acme/", "Web(\"https://trust.example/acme/\")"),
        ("https://trust.example", "Web(\"https://trust.example/\")"),
        ("https://trust.example/", "Web(\"https://trust.example/\")"),
        ("https://trust.example/root.zip", "Err"),
        ("http://trust.example/acme/", "Err"),
        ("https://user:word@trust.example/acme/", "Err"),
        ("ftp://x/y/", "Err"),
        ("", "Err"),
        ("/srv/\u{202e}x", "Err"),
    ] {
        assert!(text(typed).contains(word), "{typed}: {}", text(typed));
    }
}

#[test]
fn a_repository_is_resolved_anew_each_time() {
    let (bed, mut team) = scene();
    let git = |args: &[&str]| {
        let quiet = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
        let mut command = Command::new("git");
        command
            .args(quiet)
            .args(args)
            .current_dir(&bed.root)
            .env_clear()
            .env("PATH", crate::support::faults::path());
        let done = command.env("HOME", &bed.root).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    std::fs::write(bed.root.join(".gitignore"), "home\nagent-a\nagent-b\n").unwrap();
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "-f", "team"]);
    git(&["commit", "-q", "-m", "one"]);
    let digest = bed.enabled("demo", "a");
    let origin = format!("file://{}", bed.root.display());
    // The whole repository: its top holds no root.
    let wrong = bed.run(&["roots", "add", "team", &origin, "--pin", &team.pin()]);
    assert_ne!(wrong.code, Some(0), "{wrong:?}");
    let bare = bed.root.join("bare");
    std::fs::create_dir(&bare).unwrap();
    let top = bed.root.join("team");
    let in_team = |args: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]);
        command.args(args).current_dir(&top).env_clear().env("PATH", crate::support::faults::path());
        let done = command.env("HOME", &bed.root).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    in_team(&["init", "-q", "-b", "main"]);
    in_team(&["add", "-A", "-f"]);
    in_team(&["commit", "-q", "-m", "one"]);
    let origin = format!("file://{}", top.display());
    ends(bed.run(&["roots", "add", "team", &origin, "--pin", &team.pin()]), 0, &["following"]);
    team.order(1, &[r#"{"skill":"demo","why":"x"}"#.to_owned()]).release();
    // What is not committed is not there.
    ends(bed.run(&["roots", "refresh"]), 0, &["no news"]);
    in_team(&["add", "-A", "-f"]);
    in_team(&["commit", "-q", "-m", "two"]);
    ends(bed.run(&["roots", "refresh"]), 0, &["KILLED  name demo"]);
    assert!(!bed.gate("demo").0, "{digest}");
}

/// Serves a folder below `/pub/`.
fn serving(team: &Team) -> Server {
    let folder = team.folder.clone();
    Server::start(Box::new(move |request, out| {
        let path = request.line.strip_prefix("GET /pub/").and_then(|rest| rest.split(' ').next());
        match path.and_then(|path| std::fs::read(folder.join(path)).ok()) {
            Some(bytes) => ok(out, "application/octet-stream", &bytes),
            None => plain(out, "404 Not Found", ""),
        }
    }))
}

#[test]
fn a_web_server_is_a_trust_root_and_is_no_way_inside() {
    let mut scene = Scene::new();
    let mut team = Team::at(&scene.base().join("team"), 1, START);
    team.revoke(&[]).release();
    let server = serving(&team);
    let base = server.url.replace("/o/r", "/pub/");
    follow_it(&scene, &team, &base, &server.options());
    team.order(1, &[r#"{"all":true,"why":"x"}"#.to_owned()]).release();
    scene.at(START + 60);
    let (answers, carried) = carry::refresh(&scene.world, &[], &server.options()).unwrap();
    assert!(answers[0].stop.is_none() && answers[0].changed, "{answers:?}");
    assert!(carried.is_done() && carried.orders.len() == 1, "{carried:?}");
    // The same server, asked by who may not go inside.
    let inside = FetchOptions { internal_hosts: Vec::new(), ..server.options() };
    let (answers, _) = carry::refresh(&scene.world, &[], &inside).unwrap();
    let stop = answers[0].stop.as_ref().unwrap();
    assert!(stop.code == Code::SourceUnreachable && stop.what.contains("not a public address"), "{stop:?}");
    let offline = FetchOptions { offline: true, ..server.options() };
    let (answers, _) = carry::refresh(&scene.world, &[], &offline).unwrap();
    assert_eq!(answers[0].stop.as_ref().unwrap().code, Code::SourceUnreachable);
}

#[test]
fn attack_a_server_that_answers_without_end_or_with_errors() {
    let scene = Scene::new();
    let mut team = Team::at(&scene.base().join("team"), 1, START);
    team.release();
    for (answer, code) in [("500 Oops", Code::SourceUnreachable), ("404 Not Found", Code::RootRefused)] {
        let server = Server::start(Box::new(move |_, out| plain(out, answer, "")));
        let base = server.url.replace("/o/r", "/pub/");
        let stop = follow::plan(&scene.world, &request(&base, &team.pin()), &server.options()).unwrap_err();
        assert_eq!(stop.code, code, "{stop:?}");
    }
    let long = Server::start(Box::new(|_, out| ok(out, "text/plain", &vec![b'x'; 4 << 20])));
    let base = long.url.replace("/o/r", "/pub/");
    let stop = follow::plan(&scene.world, &request(&base, &team.pin()), &long.options()).unwrap_err();
    assert!(stop.what.contains("too large"), "{stop:?}");
}

#[test]
fn a_root_grows_stale_and_ends_by_the_clock_and_each_is_said() {
    let mut scene = Scene::new();
    let mut team = Team::at(&scene.base().join("team"), 1, START);
    team.release();
    follow_it(&scene, &team, &team.origin(), &FetchOptions::default());
    let standing = |scene: &Scene| follow::list(&scene.world, None).unwrap()[0].standing;
    let worn = |scene: &Scene| {
        let request = status::StatusRequest::default();
        status::status(&scene.world, &request).unwrap().roots.len()
    };
    assert_eq!((standing(&scene), worn(&scene)), (Standing::Fresh, 0));
    scene.at(START + 7 * DAY - 1);
    assert_eq!(standing(&scene), Standing::Fresh);
    scene.at(START + 7 * DAY);
    let since = Some(Timestamp::from_unix(START + 7 * DAY));
    assert_eq!((standing(&scene), worn(&scene)), (Standing::Stale { since }, 1));
    // A frozen server: what it hands out has ended, and what is kept stays.
    let (answers, carried) = carry::refresh(&scene.world, &[], &FetchOptions::default()).unwrap();
    let stop = answers[0].stop.as_ref().unwrap();
    assert!(stop.code == Code::RootRefused && stop.what.contains("timestamp metadata ended"), "{stop:?}");
    assert!(carried.is_done());
    team.now = START + 7 * DAY;
    team.release();
    let (answers, _) = carry::refresh(&scene.world, &[], &FetchOptions::default()).unwrap();
    assert!(answers[0].stop.is_none(), "{answers:?}");
    assert_eq!((standing(&scene), worn(&scene)), (Standing::Fresh, 0));
    scene.at(START + 365 * DAY);
    let since = Timestamp::from_unix(START + 365 * DAY);
    assert_eq!((standing(&scene), worn(&scene)), (Standing::Expired { since }, 1));
}

#[test]
fn attack_a_pin_of_a_later_root_begins_there_and_an_earlier_one_is_not_taken() {
    let scene = Scene::new();
    let mut team = Team::at(&scene.base().join("team"), 1, START);
    team.release().rotate_targets(60).release();
    let second = std::fs::read(team.folder.join("metadata/2.root.json")).unwrap();
    let pin = skill_trust::model::digest::sha256(&[&second]);
    let mut asked = request(&team.origin(), &team.pin());
    asked.pin = pin;
    let plan = follow::plan(&scene.world, &asked, &FetchOptions::default()).unwrap();
    assert_eq!(plan.haul.memory.versions().unwrap()["root"], 2);
    std::fs::remove_file(team.folder.join("metadata/2.root.json")).unwrap();
    let stop = follow::plan(&scene.world, &asked, &FetchOptions::default()).unwrap_err();
    assert_eq!(stop.code, Code::RootRefused);
}
