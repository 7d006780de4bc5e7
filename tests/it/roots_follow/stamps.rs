//! A date of compromise, judged by a third party's clock: skills signed here,
//! stamped by the real openssl, and followed by the real program.

use super::{add, ends, state};
use crate::oms::stamps::{ROOT, STAMPER, carry, signature};
use crate::oms::tools::{Yard, subject};
use crate::support::faults::{Bed, Ran};
use crate::support::team::Team;
use skill_trust::model::signer::SignerId;
use skill_trust::model::time::Timestamp;
use skill_trust::policy::provenance::emit::{Naming, emit};
use skill_trust::policy::provenance::keys::{PublicKey, SecretKey};
use skill_trust::policy::provenance::stamp;
use skill_trust::policy::provenance::x509::Anchor;
use std::fs;
use std::path::PathBuf;

const TERMS: &str = r#"{"validFor":{"start":"2020-01-01T00:00:00Z"}}"#;
/// Whoever the root names is trusted without a typed answer.
const SIGNED: &str = "[[require]]\nsignatures = 1\ngrant = true\n";
const LATER: &str = "2098-01-01T00:00:00Z";
const LONG_AGO: &str = "2021-01-01T00:00:00Z";

/// A person who follows a team; the team lists the publisher `acme` and the
/// authority `clock`.
struct Scene {
    bed: Bed,
    team: Team,
    yard: Yard,
    secret: SecretKey,
    public: PublicKey,
}

impl Scene {
    /// None where this machine allows no account of our own.
    fn new() -> Option<Self> {
        let bed = Bed::new();
        if !bed.account() {
            return None;
        }
        let yard = Yard::new();
        yard.chain("clock", &[ROOT, STAMPER]);
        let (secret, public) = yard.key("acme", "prime256v1");
        let mut team = Team::new(&bed.root.join("team"), 1);
        team.anchor("acme", &public.pem(), &bed.path("src/*"));
        let mut scene = Self { bed, team, yard, secret, public };
        scene.authority("clock");
        scene.team.release();
        scene.policy(SIGNED);
        ends(add(&scene.bed, &scene.team), 0, &["`clock` may stamp times, from 2020-01-01T00:00:00Z: "]);
        Some(scene)
    }

    fn policy(&self, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let file = self.bed.root.join("account/.config/skill-trust/policy.toml");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The team lists an authority of the yard, and no other.
    fn authority(&mut self, name: &str) {
        self.team.files.retain(|path, _| !path.starts_with("stamp-anchors/"));
        let pem = fs::read(self.yard.at(&format!("{name}/0.pem"))).unwrap();
        self.team.files.insert(format!("stamp-anchors/{name}.pem"), (pem, Some(TERMS.to_owned())));
    }

    fn bundle(&self, name: &str) -> PathBuf {
        self.bed.root.join(format!("src/{name}/skill.oms.sig"))
    }

    /// Signs a source; its signature.
    fn sign(&self, name: &str) -> Vec<u8> {
        let _ = fs::remove_file(self.bundle(name));
        let (signed, bare) = subject(&self.bed.root.join("src").join(name));
        fs::write(self.bundle(name), emit(&signed, &bare, &self.secret, Naming::Key).unwrap()).unwrap();
        signature(&self.bundle(name))
    }

    /// Signs a source, and has an authority stamp it; when that was.
    fn stamped(&self, name: &str, authority: &str) -> Timestamp {
        let signature = self.sign(name);
        let token = self.yard.stamp(authority, &signature);
        carry(&self.bundle(name), std::slice::from_ref(&token));
        let root = fs::read_to_string(self.yard.at(&format!("{authority}/0.pem"))).unwrap();
        stamp::read(&token, &signature, &[Anchor::from_pem(&root).unwrap()]).unwrap().time
    }

    /// The team says since when the key is somebody else's as well.
    fn stolen_since(&mut self, since: &str) -> Ran {
        let id = self.public.id();
        let entry =
            format!(r#"{{"signer":"{id}","kind":"compromised","since":"{since}","why":"stolen laptop"}}"#);
        self.team.revoke(&[entry]);
        self.refresh()
    }

    /// The team releases, and the person takes it over.
    fn refresh(&mut self) -> Ran {
        self.team.release();
        ends(self.bed.run(&["roots", "refresh"]), 0, &[])
    }

    fn by_policy(&self, name: &str) -> Ran {
        self.bed.run(&["trust", name, "--by-policy"])
    }

    #[track_caller]
    fn trusted(&self, name: &str) {
        ends(self.by_policy(name), 0, &[]);
        assert_eq!(state(&self.bed, name), "trusted");
    }

    /// Neither the policy nor a person who names the digest gets it trusted.
    #[track_caller]
    fn denied(&self, name: &str, digest: &str, why: &[&str]) {
        let pieces = [&["revoked", "stolen laptop"], why].concat();
        ends(self.by_policy(name), 3, &pieces);
        ends(self.bed.run(&["trust", name, "--digest", digest]), 3, &pieces);
        assert_eq!(state(&self.bed, name), "installed");
    }
}

fn after(time: Timestamp, seconds: i64) -> String {
    Timestamp::from_unix(time.unix() + seconds).to_string()
}

#[test]
fn stamped_before_the_theft_counts_and_stamped_since_does_not() {
    let Some(mut scene) = Scene::new() else { return };
    let time = scene.stamped("demo", "clock");
    let digest = scene.bed.install("demo");
    scene.stolen_since(&time.to_string());
    scene.denied("demo", &digest, &[&format!("time-stamped {time}")]);
    // The twin: the theft was a second later.
    scene.stolen_since(&after(time, 1));
    scene.trusted("demo");
    ends(scene.bed.run(&["status", "demo"]), 0, &[&format!("stamped {time}"), "trust root `team`"]);
    scene.bed.enable("demo", "a");
    // What was decided stays, and goes when the theft turns out to be older.
    scene.refresh();
    assert_eq!(state(&scene.bed, "demo"), "enabled");
    assert!(scene.bed.gate("demo").0);
    ends(scene.stolen_since(&time.to_string()), 0, &["REVOKED  demo@", "stolen laptop"]);
    assert_eq!(state(&scene.bed, "demo"), "installed");
    assert!(!scene.bed.gate("demo").0);
}

#[test]
fn what_was_withdrawn_by_a_person_comes_back_by_its_stamp() {
    let Some(mut scene) = Scene::new() else { return };
    let time = scene.stamped("demo", "clock");
    scene.sign("other");
    scene.bed.install("demo");
    let other = scene.bed.install("other");
    scene.trusted("demo");
    scene.trusted("other");
    scene.bed.run(&["untrust", "demo"]).done();
    scene.bed.run(&["untrust", "other"]).done();
    scene.stolen_since(&after(time, 1));
    scene.trusted("demo");
    scene.denied("other", &other, &["without evidence of its time"]);
}

#[test]
fn without_a_stamp_our_own_record_keeps_what_was_decided_if_the_policy_says_so() {
    for by_refresh in [true, false] {
        let Some(mut scene) = Scene::new() else { return };
        scene.sign("demo");
        scene.stamped("other", "clock");
        for name in ["demo", "other"] {
            scene.bed.install(name);
            scene.trusted(name);
            scene.bed.enable(name, "a");
        }
        let states = |scene: &Scene| (state(&scene.bed, "demo"), state(&scene.bed, "other"));
        scene.stolen_since(LATER);
        assert_eq!(states(&scene), ("enabled".into(), "enabled".into()));
        ends(scene.bed.run(&["status", "demo"]), 0, &["signed", "here since"]);
        // The policy wants more than our own word.
        scene.policy(&format!("{SIGNED}\n[trust]\nfirst-seen-counts = false\n"));
        ends(scene.bed.run(&["status", "demo"]), 0, &["revoked", "first seen here"]);
        if by_refresh {
            ends(scene.refresh(), 0, &["REVOKED  demo@", "first seen here"]);
        } else {
            let agent = scene.bed.agent("b");
            ends(scene.bed.run(&["enable", "demo", "--dir", &agent]), 3, &["revoked", "stolen laptop"]);
            ends(scene.bed.run(&["enable", "other", "--dir", &agent]), 0, &[]);
        }
        assert_eq!(states(&scene), ("installed".into(), "enabled".into()));
        assert!(!scene.bed.gate("demo").0 && scene.bed.gate("other").0);
    }
}

#[test]
fn a_policy_that_cannot_be_read_takes_no_trust_away_and_allows_nothing() {
    let Some(mut scene) = Scene::new() else { return };
    scene.sign("demo");
    scene.bed.install("demo");
    scene.trusted("demo");
    scene.bed.enable("demo", "a");
    scene.policy("[trust]\nfirst-seen-counts = \"no\"\n");
    scene.stolen_since(LATER);
    assert_eq!(state(&scene.bed, "demo"), "enabled");
    assert!(!scene.bed.gate("demo").0);
    scene.policy("[trust]\nfirst-seen-counts = false\n");
    ends(scene.refresh(), 0, &["REVOKED  demo@"]);
}

#[test]
fn without_a_stamp_nothing_new_is_trusted_whatever_the_policy_says() {
    let Some(mut scene) = Scene::new() else { return };
    scene.sign("demo");
    let digest = scene.bed.install("demo");
    scene.stolen_since(LATER);
    for value in ["true", "false"] {
        scene.policy(&format!("{SIGNED}\n[trust]\nfirst-seen-counts = {value}\n"));
        scene.denied("demo", &digest, &["first seen here"]);
    }
    // The twin: nobody says that the key is stolen.
    scene.team.files.remove("revocations.json");
    scene.refresh();
    scene.trusted("demo");
}

#[test]
fn attack_a_stamp_by_an_authority_that_no_root_lists() {
    let Some(mut scene) = Scene::new() else { return };
    scene.yard.chain("eve", &[ROOT, STAMPER]);
    let time = scene.stamped("demo", "eve");
    let digest = scene.bed.install("demo");
    scene.stolen_since(&after(time, 1));
    scene.denied("demo", &digest, &["first seen here"]);
    // The twin: the team lists it; and takes it off again.
    scene.authority("eve");
    scene.refresh();
    scene.trusted("demo");
    scene.bed.run(&["untrust", "demo"]).done();
    scene.authority("clock");
    scene.refresh();
    scene.denied("demo", &digest, &["first seen here"]);
}

#[test]
fn attack_a_second_root_lists_an_authority_that_stamps_what_was_stolen() {
    let Some(mut scene) = Scene::new() else { return };
    scene.yard.chain("eve", &[ROOT, STAMPER]);
    let time = scene.stamped("demo", "eve");
    let digest = scene.bed.install("demo");
    let mut soft = Team::new(&scene.bed.root.join("soft"), 30);
    let pem = fs::read(scene.yard.at("eve/0.pem")).unwrap();
    soft.files.insert("stamp-anchors/clock.pem".to_owned(), (pem, Some(TERMS.to_owned())));
    soft.release();
    ends(
        scene.bed.run(&["roots", "add", "soft", &soft.origin(), "--pin", &soft.pin()]),
        0,
        &["may stamp times"],
    );
    scene.stolen_since(&after(time, 1));
    scene.denied("demo", &digest, &["first seen here"]);
}

#[test]
fn attack_a_stamp_over_another_signature() {
    let Some(mut scene) = Scene::new() else { return };
    let old = scene.sign("other");
    let token = scene.yard.stamp("clock", &old);
    // The stolen key signs anew, and takes along the stamp of what it signed once.
    let new = scene.sign("demo");
    carry(&scene.bundle("demo"), std::slice::from_ref(&token));
    let digest = scene.bed.install("demo");
    scene.stolen_since(LATER);
    scene.denied("demo", &digest, &["first seen here"]);
    // The twin: a stamp over this one.
    scene.sign("demo");
    assert_ne!(signature(&scene.bundle("demo")), old);
    let own = signature(&scene.bundle("demo"));
    let token = scene.yard.stamp("clock", &own);
    carry(&scene.bundle("demo"), &[token]);
    assert_ne!(new, old);
    let digest = scene.bed.install("demo");
    ends(scene.bed.run(&["trust", &format!("demo@{digest}"), "--by-policy"]), 0, &[]);
}

#[test]
fn attack_an_authority_that_is_revoked_or_whose_time_was_over() {
    let Some(mut scene) = Scene::new() else { return };
    let time = scene.stamped("demo", "clock");
    let digest = scene.bed.install("demo");
    scene.stolen_since(LATER);
    let revocations = scene.team.files["revocations.json"].clone();
    let root = fs::read_to_string(scene.yard.at("clock/0.pem")).unwrap();
    let clock = SignerId::key(Anchor::from_pem(&root).unwrap().spki());
    let entry = format!(r#"{{"signer":"{clock}","kind":"compromised","since":"{LATER}","why":"x"}}"#);
    let both = String::from_utf8(revocations.0.clone()).unwrap();
    let both = both.replace(r#""revocations":["#, &format!(r#""revocations":[{entry},"#));
    scene.team.list("revocations.json", both.as_bytes());
    scene.refresh();
    scene.denied("demo", &digest, &["first seen here"]);
    scene.team.files.insert("revocations.json".to_owned(), revocations);
    let listed = scene.team.files["stamp-anchors/clock.pem"].0.clone();
    for end in [LONG_AGO.to_owned(), time.to_string()] {
        let terms = format!(r#"{{"validFor":{{"start":"2020-01-01T00:00:00Z","end":"{end}"}}}}"#);
        scene.team.files.insert("stamp-anchors/clock.pem".to_owned(), (listed.clone(), Some(terms)));
        scene.refresh();
        scene.denied("demo", &digest, &["first seen here"]);
    }
    // The twin: its end came a second after the stamp.
    let terms = format!(r#"{{"validFor":{{"start":"2020-01-01T00:00:00Z","end":"{}"}}}}"#, after(time, 1));
    scene.team.files.insert("stamp-anchors/clock.pem".to_owned(), (listed, Some(terms)));
    scene.refresh();
    scene.trusted("demo");
}

#[test]
fn what_may_restrict_an_authority_and_is_not_understood_leaves_it_without_a_word() {
    let Some(mut scene) = Scene::new() else { return };
    let time = scene.stamped("demo", "clock");
    let digest = scene.bed.install("demo");
    let listed = scene.team.files["stamp-anchors/clock.pem"].0.clone();
    let terms = r#"{"onlyFor":"acme","validFor":{"start":"2020-01-01T00:00:00Z"}}"#.to_owned();
    scene.team.files.insert("stamp-anchors/clock.pem".to_owned(), (listed, Some(terms)));
    scene.stolen_since(&after(time, 1));
    scene.denied("demo", &digest, &["first seen here"]);
    ends(scene.bed.run(&["roots", "list"]), 0, &["`clock` stamps nothing that counts: "]);
    ends(scene.bed.run(&["status", "demo"]), 0, &["does not count: the stamp anchor `clock`"]);
}
