//! Whose stamps count: those of authorities that the same root lists, in the
//! time it gives them, and only to say when.

use super::scene::{BUNDLE, OURS, Scene, time, words};
use crate::oms::chains::CA;
use crate::oms::stamps::{LONG, ROOT, STAMPER, carry, signature};
use crate::oms::tools::{Yard, openssl};
use skill_trust::model::signer::SignerId;
use skill_trust::model::tuf::Value;
use skill_trust::model::tuf::layout::Place;
use skill_trust::policy::provenance::examine::Beliefs;
use skill_trust::policy::provenance::verdict::Evidenced;
use skill_trust::policy::provenance::x509::Anchor;
use std::fs;

const OPEN: &str = r#"{"validFor":{"start":"2020-01-01T00:00:00Z"}}"#;

/// A skill that `ana` signed and the authority `clock` stamped; `team` lists ana.
struct Stamped {
    scene: Scene,
    yard: Yard,
    ana: SignerId,
}

impl Stamped {
    fn new() -> Self {
        let (mut scene, yard) = (Scene::new(), Yard::new());
        // OpenSSL stamps with the machine's clock.
        scene.now = time("2098-01-01T00:00:00Z");
        scene.first_seen = Some(scene.now);
        let ana = scene.key("ana").id();
        scene.anchor_until("team", "acme", &scene.spki("ana"), OURS, "2099-01-01T00:00:00Z");
        scene.bundle("ana");
        yard.chain("clock", &[ROOT, STAMPER]);
        let mut all = Self { scene, yard, ana };
        let token = all.yard.stamp("clock", &all.signature());
        all.carry(&token);
        all
    }

    fn signature(&self) -> Vec<u8> {
        let file = self.yard.at("bundle");
        fs::write(&file, &self.scene.files[BUNDLE].1).unwrap();
        signature(&file)
    }

    fn carry(&mut self, token: &[u8]) {
        let file = self.yard.at("bundle");
        fs::write(&file, &self.scene.files[BUNDLE].1).unwrap();
        carry(&file, &[token.to_vec()]);
        self.scene.files.insert(BUNDLE.to_owned(), (false, fs::read(file).unwrap()));
    }

    fn pem(&self, file: &str) -> Vec<u8> {
        fs::read(self.yard.at(file)).unwrap()
    }

    /// A root lists an authority.
    fn list(&mut self, root: &str, pem: &[u8], custom: &str) -> Result<(), String> {
        let custom = Value::parse(custom.as_bytes()).unwrap();
        self.scene.beliefs.add_target(root, Place::of("stamp-anchors/clock.pem"), pem, Some(&custom))
    }

    /// By whose word the bundle was there, and what is noted.
    fn told(&self) -> (Evidenced, String) {
        let seen = self.scene.ask();
        let vouched = seen[0].verdict.vouched().unwrap_or_else(|| panic!("{}", words(&seen)));
        (vouched.at(), vouched.notes().join("; "))
    }

    fn is_stamped(&self) -> bool {
        matches!(self.told().0, Evidenced::Stamped(_))
    }
}

#[test]
fn a_stamp_counts_under_the_root_that_lists_who_gave_it() {
    let mut here = Stamped::new();
    let authority = here.pem("clock/0.pem");
    assert!(!here.is_stamped());
    here.list("team", &authority, OPEN).unwrap();
    assert!(here.is_stamped(), "{:?}", here.told());
    // Of a certificate that is itself listed nobody above it is asked.
    let leaf = here.pem("clock/1.pem");
    here.scene.beliefs.stamp_anchors.clear();
    here.list("team", &leaf, OPEN).unwrap();
    assert!(here.is_stamped(), "{:?}", here.told());
}

#[test]
fn attack_a_root_stamps_for_the_signers_of_another() {
    let mut here = Stamped::new();
    let authority = here.pem("clock/0.pem");
    here.list("eve", &authority, OPEN).unwrap();
    let (at, notes) = here.told();
    assert!(
        matches!(at, Evidenced::FirstSeen(_)) && notes.contains("which no anchor here certifies"),
        "{notes}"
    );
    // What the stolen key signs today, with yesterday's date by eve's own authority.
    let ana = format!(r#""signer":"{}","kind":"compromised","since":"2097-01-01T00:00:00Z""#, here.ana);
    here.scene.revoke("team", &ana);
    assert_eq!(here.scene.words(), "OMS bundle: revoked");
    // Its twin: who lists ana lists the authority as well.
    here.list("team", &authority, OPEN).unwrap();
    assert!(here.is_stamped());
}

#[test]
fn attack_a_root_whose_revocations_cannot_be_read_stamps_nothing() {
    let mut here = Stamped::new();
    let authority = here.pem("clock/0.pem");
    here.list("team", &authority, OPEN).unwrap();
    assert!(here.is_stamped());
    assert!(here.scene.beliefs.add_target("team", Place::Revocations, b"{", None).is_err());
    assert_eq!(here.scene.ask()[0].root, None);
    assert!(here.scene.ask()[0].verdict.vouched().is_none());
}

#[test]
fn a_stamp_counts_in_the_time_that_the_root_gives_its_authority() {
    let mut here = Stamped::new();
    let authority = here.pem("clock/0.pem");
    for (terms, counts) in [
        (r#"{"validFor":{"start":"2020-01-01T00:00:00Z","end":"2097-01-01T00:00:00Z"}}"#, true),
        (r#"{"validFor":{"start":"2020-01-01T00:00:00Z","end":"2021-01-01T00:00:00Z"}}"#, false),
        (r#"{"validFor":{"start":"2096-01-01T00:00:00Z"}}"#, false),
    ] {
        here.scene.beliefs.stamp_anchors.clear();
        here.list("team", &authority, terms).unwrap();
        assert_eq!(here.is_stamped(), counts, "{terms}: {:?}", here.told());
    }
}

#[test]
fn a_revoked_authority_stamps_nothing_whoever_revokes_it_and_since_when() {
    for (kind, since) in [("compromised", ""), ("retired", r#","since":"2097-06-01T00:00:00Z""#)] {
        for file in ["clock/0.pem", "clock/1.pem"] {
            let mut here = Stamped::new();
            let authority = here.pem("clock/0.pem");
            here.list("team", &authority, OPEN).unwrap();
            let named = Anchor::from_pem(&String::from_utf8(here.pem(file)).unwrap()).unwrap();
            let entry = format!(r#""signer":"{}","kind":"{kind}"{since}"#, SignerId::key(named.spki()));
            here.scene.revoke("another", &entry);
            let (at, notes) = here.told();
            assert!(matches!(at, Evidenced::FirstSeen(_)), "{file} {kind}");
            assert!(notes.contains("its authority is revoked"), "{notes}");
        }
    }
}

#[test]
fn attack_who_stamps_times_signs_skills() {
    let leaf = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature";
    let mut scene = Scene::new();
    for key in ["ana", "tsa", "eve"] {
        scene.key(key);
    }
    scene.anchor("team", "acme", &scene.spki("ana"), OURS);
    let authority = scene.certificate("tsa", CA, None);
    scene.certificate("eve", leaf, Some("tsa"));
    let custom = Value::parse(OPEN.as_bytes()).unwrap();
    scene.beliefs.add_target("team", Place::StampAnchor("clock"), &authority, Some(&custom)).unwrap();
    scene.bundle_with_chain("eve", &["eve"]);
    assert!(scene.ask()[0].verdict.vouched().is_none(), "{}", scene.words());
    // Its own key is known here for something else, so not one to pin on first use.
    scene.files.remove(BUNDLE);
    scene.bundle_with_key("tsa");
    assert_eq!(scene.words(), "OMS bundle: unknown-signer");
    // The twins: nobody lists that key; and the authority is listed for signers.
    scene.beliefs.stamp_anchors.clear();
    assert_eq!(scene.words(), "OMS bundle: unknown-signer (new)");
    scene.anchor("team", "tsa", &authority, OURS);
    scene.files.remove(BUNDLE);
    scene.bundle_with_chain("eve", &["eve"]);
    assert_eq!(scene.words(), "OMS bundle: valid by team");
}

#[test]
fn attack_our_memory_of_the_bytes_vouches_for_a_commit_that_was_made_over_them_later() {
    let mut scene = Scene::new();
    scene.key("ana");
    scene.allow("team", &format!("ana {}\n", scene.bench.public("ana")));
    scene.commit(Ok("ana"));
    scene.first_seen = Some(time("2026-01-10T00:00:00Z"));
    let ana = scene.ssh_id("ana");
    scene.revoke("team", &format!(r#""signer":"{ana}","kind":"compromised","since":"2026-02-01T00:00:00Z""#));
    // The statement inside is part of the bytes that were here; the commit is not.
    for counts in [false, true] {
        scene.beliefs.first_seen_counts = counts;
        assert_eq!(scene.words(), "signed commit: revoked", "{counts}");
    }
    scene.pair("ana");
    scene.git = None;
    for (counts, words) in [(false, "ssh statement: revoked"), (true, "ssh statement: valid by team")] {
        scene.beliefs.first_seen_counts = counts;
        assert_eq!(scene.words(), words);
    }
}

#[test]
fn what_can_never_stamp_is_no_stamp_anchor() {
    let mut here = Stamped::new();
    let leaf = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature";
    let ku = "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,";
    for (at, (extensions, why)) in [
        ("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign".to_owned(), "has no keyCertSign"),
        (leaf.to_owned(), "not for time stamps alone"),
        (format!("{ku}codeSigning"), "not for time stamps alone"),
        (format!("{ku}timeStamping,codeSigning"), "not for time stamps alone"),
        (
            "keyUsage=critical,keyAgreement\nextendedKeyUsage=critical,timeStamping".to_owned(),
            "has no digitalSignature",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("odd{at}");
        let extensions: &'static str = extensions.leak();
        here.yard.chain(&name, &[("Root", CA, LONG), ("Odd", extensions, LONG)]);
        let pem = here.pem(&format!("{name}/1.pem"));
        let said = here.list("team", &pem, OPEN).unwrap_err();
        assert!(said.starts_with("the stamp anchor `clock`: ") && said.contains(why), "{said}");
    }
    let (rsa, ed) = (here.yard.arg("rsa"), here.yard.arg("ed"));
    for (kind, file) in [("rsa:2048", &rsa), ("ed25519", &ed)] {
        let key = here.yard.arg("odd.key");
        openssl(&[
            "req", "-x509", "-newkey", kind, "-nodes", "-subj", "/CN=x", "-keyout", &key, "-out", file,
        ]);
        let said = here.list("team", &fs::read(file).unwrap(), OPEN).unwrap_err();
        assert!(said.contains("only P-256, P-384 and P-521"), "{said}");
    }
    let good = here.pem("clock/0.pem");
    for bad in
        [here.scene.spki("ana"), b"x".to_vec(), b"\xff".to_vec(), [good.clone(), good.clone()].concat()]
    {
        assert!(here.list("team", &bad, OPEN).is_err());
    }
    for custom in [r#"{"validFor":{"start":"2020-01-01T00:00:00Z"},"namespaces":["*"]}"#, "{}"] {
        assert!(here.list("team", &good, custom).is_err(), "{custom}");
    }
    assert!(here.scene.beliefs.add_target("team", Place::StampAnchor("clock"), &good, None).is_err());
    assert_eq!(here.scene.beliefs.stamp_anchors, Beliefs::default().stamp_anchors);
    here.list("team", &good, OPEN).unwrap();
}
