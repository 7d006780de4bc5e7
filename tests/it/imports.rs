//! What others signed, kept by who reads it: two machines and more, each with a
//! home and keys of its own, and a team whose list says who may review.

use crate::support::scene::{START, Scene, typed};
use crate::support::team::Team;
use skill_trust::model::code::{Code, Stop};
use skill_trust::model::decision::{Decision, Question};
use skill_trust::model::digest::{Digest, sha256};
use skill_trust::model::lifecycle::State;
use skill_trust::model::skill::Revision;
use skill_trust::ops::Nobody;
use skill_trust::ops::import::{self, Imported};
use skill_trust::ops::own_keys::{self, Kind};
use skill_trust::ops::publish::state::{self, Opinion, Request};
use skill_trust::ops::roots::follow;
use skill_trust::ops::session::{Depth, Session};
use skill_trust::ops::trust::{self, TrustRequest};
use skill_trust::system::fetch::FetchOptions;
use std::fs;
use std::path::{Path, PathBuf};

const SKILL: &[(&str, bool, &[u8])] =
    &[("SKILL.md", false, b"---\nname: pdf-forms\ndescription: Fills forms.\n---\nDo it.\n")];
const OTHER: &[(&str, bool, &[u8])] =
    &[("SKILL.md", false, b"---\nname: pdf-forms\ndescription: Fills forms.\n---\nDo something else.\n")];
const DAY: i64 = 86_400;

/// Somebody with a machine, on which the skill lies, and a key.
struct Person {
    scene: Scene,
    /// As in a list of allowed signers.
    ssh: String,
    /// As verifiers call themselves.
    id: String,
}

fn person(name: &str) -> Person {
    let mut scene = Scene::new();
    scene.world.config = Some(scene.base().join("config"));
    scene.install(SKILL);
    let about = own_keys::generate(&scene.world, name, Kind::Ed25519).unwrap();
    let line = about.allowed.unwrap();
    let words: Vec<_> = line.split(' ').collect();
    let at = words.iter().position(|word| *word == "ssh-ed25519").unwrap();
    Person { scene, ssh: words[at..at + 2].join(" "), id: about.id.to_string() }
}

impl Person {
    fn review(&self, key: &str, file: &str, opinion: &Opinion) -> PathBuf {
        let out = self.scene.base().join(file);
        let request =
            Request { skill: "pdf-forms".into(), key: key.into(), out: Some(out.clone()), dry_run: false };
        state::review(&self.scene.world, &request, opinion).unwrap();
        out
    }

    fn attest(&self, key: &str) -> PathBuf {
        let out = self.scene.base().join("attested.json");
        let request =
            Request { skill: "pdf-forms".into(), key: key.into(), out: Some(out.clone()), dry_run: false };
        state::attest(&self.scene.world, &request).unwrap();
        out
    }
}

fn positive(until: &str) -> Opinion {
    Opinion { criteria: vec!["safe-to-run".into()], until: Some(until.into()), ..Opinion::default() }
}

fn violation() -> Opinion {
    let findings = vec!["sends the form to a stranger".into()];
    Opinion { criteria: vec!["safe-to-run".into()], violation: true, findings, ..Opinion::default() }
}

/// Who reads: the skill is installed, the team's list is followed.
fn reader(list: &str, policy: &str) -> (Scene, Revision) {
    let scene = Scene::new();
    let revision = scene.install(SKILL);
    fs::write(scene.base().join("policy.toml"), policy).unwrap();
    follow(&scene, list);
    (scene, revision)
}

fn follow(scene: &Scene, list: &str) {
    let mut team = Team::at(&scene.base().join("team"), 1, START);
    team.days = 200;
    team.list("allowed_signers", list.as_bytes()).release();
    let pin = Digest::parse(&format!("sha256:{}", team.pin())).unwrap();
    let request = follow::Request { name: "team".into(), origin: team.origin(), pin };
    let plan = follow::plan(&scene.world, &request, &FetchOptions::default()).unwrap();
    follow::add(&scene.world, &plan, "", &mut Nobody).unwrap();
}

fn reviewers(people: &[(&str, &Person)]) -> String {
    let line =
        |(name, person): &(&str, &Person)| format!("{name} namespaces=\"skill-review@v1\" {}\n", person.ssh);
    people.iter().map(line).collect()
}

fn add(scene: &Scene, file: &Path) -> Result<Imported, Stop> {
    import::import(&scene.world, "pdf-forms", file, false)
}

fn by_policy(scene: &Scene, revision: &Revision) -> Result<(), Stop> {
    let request = TrustRequest { skill: typed(revision), by_policy: true, ..TrustRequest::default() };
    let plan = trust::plan(&scene.world, &request)?;
    trust::trust(&scene.world, &plan, "", &mut Nobody).map(drop)
}

fn by_digest(scene: &Scene, revision: &Revision) -> Result<(), Stop> {
    let digest = Some(revision.digest);
    let request = TrustRequest { skill: typed(revision), digest, ..TrustRequest::default() };
    let plan = trust::plan(&scene.world, &request)?;
    trust::trust(&scene.world, &plan, "", &mut Nobody).map(drop)
}

/// How many records of that event there are, and the last one's text.
fn records(scene: &Scene, event: &str) -> (usize, String) {
    let log = fs::read_to_string(scene.base().join("home/audit/audit.jsonl")).unwrap();
    let word = format!("\"event\":\"{event}\"");
    let all: Vec<_> = log.lines().filter(|line| line.contains(&word)).collect();
    (all.len(), all.last().unwrap_or(&"").to_string())
}

fn state_of(scene: &Scene, revision: &Revision) -> State {
    let session = Session::open(&scene.world, Depth::All).unwrap();
    session.ledger.revision(revision).unwrap().unwrap().lifecycle.state()
}

const TWO: &str = "[[require]]\nreviews = 2\ncriteria = [\"safe-to-run\"]\ngrant = true\n";

#[test]
fn two_people_elsewhere_are_enough_one_person_twice_is_not_and_both_end() {
    let (ana, ben) = (person("ana"), person("ben"));
    let (mut scene, revision) = reader(&reviewers(&[("ana", &ana), ("ben", &ben)]), TWO);
    let stop = by_policy(&scene, &revision).unwrap_err();
    assert_eq!(stop.code, Code::PolicyUnmet, "{stop:?}");
    assert!(stop.what.contains("by 2 people") && stop.what.contains("0 there"), "{stop:?}");
    let first = ana.review("ana", "first.json", &positive("30d"));
    let done = add(&scene, &first).unwrap();
    assert_eq!((done.told.says.as_str(), done.told.by.as_str()), ("positive for safe-to-run", "ana"));
    assert_eq!(done.told.until.unwrap().unix(), START + 30 * DAY);
    let (count, record) = records(&scene, "import");
    assert_eq!(count, 1);
    assert!(
        record.contains(&sha256(&[&fs::read(&first).unwrap()]).hex()) && record.contains(&ana.id),
        "{record}"
    );
    let stop = by_policy(&scene, &revision).unwrap_err();
    assert!(stop.what.contains("by 2 people") && stop.what.contains("1 there"), "{stop:?}");
    // The same file again is no record; another one by the same person no second voice.
    let again = add(&scene, &first).unwrap();
    assert!(again.told.already && again.record.is_none());
    assert_eq!(records(&scene, "import").0, 1);
    add(&scene, &ana.review("ana", "second.json", &positive("60d"))).unwrap();
    let stop = by_policy(&scene, &revision).unwrap_err();
    assert!(stop.what.contains("1 there"), "{stop:?}");
    add(&scene, &ben.review("ben", "third.json", &positive("40d"))).unwrap();
    by_policy(&scene, &revision).unwrap();
    scene.enable(&revision);
    assert_eq!(scene.ask(&revision, Question::Load).decision, Decision::Allow);
    // Ben's ends first, Ana's longer one is the one that counts.
    scene.at(START + 40 * DAY - 1);
    assert_eq!(scene.ask(&revision, Question::Load).decision, Decision::Allow);
    scene.at(START + 40 * DAY);
    let answer = scene.ask(&revision, Question::Load);
    assert_eq!((answer.decision, answer.codes.as_slice()), (Decision::Deny, &[Code::PolicyUnmet][..]));
    assert!(answer.reason.contains("1 there"), "{}", answer.reason);
}

#[test]
fn what_a_verifier_elsewhere_attests_counts_for_who_is_named() {
    let ci = person("ci");
    let revision = ci.scene.install(SKILL);
    ci.scene.trust(&revision, None);
    let attested = ci.attest("ci");
    let list = format!("{} namespaces=\"skill-attest@v1\" {}\n", ci.id, ci.ssh);
    let want = |who: &str| format!("[[require]]\nattested = 1\nverifiers = [\"{who}\"]\ngrant = true\n");
    let (scene, revision) = reader(&list, &want(&ci.id));
    assert!(by_policy(&scene, &revision).unwrap_err().what.contains("0 there"));
    let done = add(&scene, &attested).unwrap();
    assert_eq!((done.told.kind, done.told.says.as_str()), ("attestation", "PASSED"));
    by_policy(&scene, &revision).unwrap();
    // Another verifier is asked for.
    let (scene, revision) = reader(&list, &want("https://ci.example"));
    add(&scene, &attested).unwrap();
    let stop = by_policy(&scene, &revision).unwrap_err();
    assert!(stop.what.contains("0 there"), "{stop:?}");
    // A reviewer's line makes no verifier.
    let (scene, _) = reader(&reviewers(&[(&ci.id, &ci)]), "");
    assert_eq!(add(&scene, &attested).unwrap_err().code, Code::NotSigned);
}

#[test]
fn a_warning_ends_trust_that_was_given_and_no_new_one_is_given() {
    let (ana, ben) = (person("ana"), person("ben"));
    let (mut scene, revision) = reader(&reviewers(&[("ana", &ana), ("ben", &ben)]), TWO);
    add(&scene, &ana.review("ana", "a.json", &positive("30d"))).unwrap();
    add(&scene, &ben.review("ben", "b.json", &positive("30d"))).unwrap();
    by_policy(&scene, &revision).unwrap();
    let place = scene.enable(&revision);
    let warning = ben.review("ben", "w.json", &violation());
    // Looked at first: nothing is changed by it.
    let trial = import::import(&scene.world, "pdf-forms", &warning, true).unwrap();
    assert!(trial.told.warns.is_some() && trial.narrowed.is_empty() && trial.record.is_none());
    assert_eq!(scene.ask(&revision, Question::Load).decision, Decision::Allow);
    // An agent may hand over what only takes away.
    scene.world.agent = Some("an agent");
    let done = add(&scene, &warning).unwrap();
    scene.world.agent = None;
    assert_eq!(done.narrowed.len(), 1);
    assert!(done.failures.is_empty() && !place.exists());
    assert_eq!(scene.ask(&revision, Question::Load).decision, Decision::Deny);
    assert_eq!(state_of(&scene, &revision), State::Installed);
    let (_, record) = records(&scene, "revoke");
    assert!(record.contains("violation") && record.contains("sends the form to a stranger"), "{record}");
    for stop in [by_policy(&scene, &revision).unwrap_err(), by_digest(&scene, &revision).unwrap_err()] {
        assert_eq!(stop.code, Code::Violation, "{stop:?}");
        assert!(stop.what.contains("sends the form to a stranger"), "{stop:?}");
    }
    // After years, and with a root that nobody refreshed.
    scene.at(START + 210 * DAY);
    assert!(by_digest(&scene, &revision).is_err());
}

#[test]
fn attack_a_statement_that_counts_for_nothing_is_not_kept() {
    let (ana, eve) = (person("ana"), person("eve"));
    let (mut scene, revision) = reader(&reviewers(&[("ana", &ana)]), TWO);
    let good = ana.review("ana", "good.json", &positive("30d"));
    let refused = |scene: &Scene, file: &Path, piece: &str| {
        let before = records(scene, "import").0;
        let stop = add(scene, file).unwrap_err();
        assert!(stop.what.contains(piece), "{piece}: {stop:?}");
        assert!(!stop.what.contains('\u{1b}') && !stop.next.is_empty(), "{stop:?}");
        let recorded = usize::from(stop.code != Code::Usage);
        assert_eq!(records(scene, "import").0, before + recorded, "{stop:?}");
    };
    let base = scene.base();
    let write = |name: &str, bytes: &[u8]| {
        fs::write(base.join(name), bytes).unwrap();
        base.join(name)
    };
    // By a stranger, whatever it says.
    refused(&scene, &eve.review("eve", "e.json", &positive("30d")), "nobody on the lists");
    refused(&scene, &eve.review("eve", "w.json", &violation()), "nobody on the lists");
    // About other bytes of the same name.
    let other = ana.scene.install(OTHER);
    let out = ana.scene.base().join("other.json");
    let request = Request { skill: typed(&other), key: "ana".into(), out: Some(out.clone()), dry_run: false };
    state::review(&ana.scene.world, &request, &positive("30d")).unwrap();
    refused(&scene, &out, "it is about sha256:");
    // Changed, with terminal codes, too long, no regular file, a link.
    let text = fs::read_to_string(&good).unwrap();
    let payload = text.split("\"payload\":\"").nth(1).unwrap().split('"').next().unwrap();
    let changed = format!("{}A{}", &payload[..40], &payload[41..]);
    refused(&scene, &write("changed", text.replace(payload, &changed).as_bytes()), "nobody on the lists");
    let keyid = text.split("\"keyid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let named = text.replace(keyid, "\\u001b[2J").replace(payload, &changed);
    refused(&scene, &write("named", named.as_bytes()), "\\u{1b}");
    refused(&scene, &write("long", &[b' '; (128 << 10) + 1]), "longer than");
    refused(&scene, &write("none", b"{}"), "payloadType");
    refused(&scene, &base, "no regular file");
    std::os::unix::fs::symlink(&good, base.join("link")).unwrap();
    refused(&scene, &base.join("link"), "it is a link");
    // By an agent.
    scene.world.agent = Some("an agent");
    assert_eq!(add(&scene, &good).unwrap_err().code, Code::AgentEnvironment);
    scene.world.agent = None;
    // After its end.
    scene.at(START + 30 * DAY);
    refused(&scene, &good, "it ended");
    assert!(by_policy(&scene, &revision).unwrap_err().what.contains("0 there"));
    // Where nobody is listed at all.
    let bare = Scene::new();
    bare.install(SKILL);
    assert!(add(&bare, &good).unwrap_err().what.contains("no trust root is followed"));
}

#[test]
fn of_several_revisions_the_statement_says_which() {
    let ana = person("ana");
    let (scene, first) = reader(&reviewers(&[("ana", &ana)]), "");
    let second = scene.install(OTHER);
    assert_ne!(first, second);
    let done = add(&scene, &ana.review("ana", "a.json", &positive("30d"))).unwrap();
    assert_eq!(done.row.revision, first);
    let stop =
        import::import(&scene.world, &typed(&second), &ana.scene.base().join("a.json"), false).unwrap_err();
    assert!(stop.what.contains("it is about"), "{stop:?}");
}

#[test]
fn attack_a_root_kept_stale_does_not_silence_who_warns() {
    let ana = person("ana");
    let (mut scene, revision) = reader(&reviewers(&[("ana", &ana)]), "");
    let (good, warning) =
        (ana.review("ana", "a.json", &positive("360d")), ana.review("ana", "w.json", &violation()));
    // The timestamp ends with the snapshot, after 20 days; the root itself does not.
    scene.at(START + 25 * DAY);
    let done = add(&scene, &good).unwrap();
    assert!(done.told.waits.is_some(), "{done:?}");
    by_digest(&scene, &revision).unwrap();
    assert_eq!(add(&scene, &warning).unwrap().narrowed.len(), 1);
    assert_eq!(by_digest(&scene, &revision).unwrap_err().code, Code::Violation);
}
