//! Time stamps by `openssl ts`, over bundles of ours: what they change, and what they do not.

use super::chains::{CA, One};
use super::tools::{Yard, cli, openssl, reference, subject};
use skill_trust::model::time::Timestamp;
use skill_trust::policy::provenance::bundle::Bundle;
use skill_trust::policy::provenance::dsse::encode;
use skill_trust::policy::provenance::emit::{Naming, emit};
use skill_trust::policy::provenance::keys::{PublicKey, Window, pem};
use skill_trust::policy::provenance::oms::{Beliefs, KnownKey, verify};
use skill_trust::policy::provenance::revocation::{Entry, Kind, Revocations};
use skill_trust::policy::provenance::stamp;
use skill_trust::policy::provenance::verdict::{Evidenced, Verdict};
use skill_trust::policy::provenance::x509::{Anchor, certify_stamper};
use std::fs;
use std::path::{Path, PathBuf};

/// OpenSSL stamps with the machine's clock, so everything lasts longer than that.
pub(crate) const LONG: (&str, &str) = ("20200101000000Z", "20970101000000Z");
const LATER: &str = "2098-01-01T00:00:00Z";

pub(crate) const ROOT: One = ("Stamp Root", CA, LONG);
pub(crate) const STAMPER: One =
    ("Stamper", "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping", LONG);

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Puts tokens into a bundle that has none.
pub(crate) fn carry(bundle: &Path, tokens: &[Vec<u8>]) {
    let text = fs::read_to_string(bundle).unwrap();
    let list: Vec<_> =
        tokens.iter().map(|token| format!("{{\"signedTimestamp\":\"{}\"}}", encode(token))).collect();
    let data = format!(
        "\"timestampVerificationData\":{{\"rfc3161Timestamps\":[{}]}},\"tlogEntries\":[]",
        list.join(",")
    );
    let stamped = text.replace("\"tlogEntries\":[]", &data);
    assert_ne!(stamped, text);
    fs::write(bundle, stamped).unwrap();
}

/// What a bundle's one signature is, as bytes.
pub(crate) fn signature(bundle: &Path) -> Vec<u8> {
    Bundle::read(&fs::read(bundle).unwrap()).unwrap().envelope.signatures()[0].clone()
}

impl Yard {
    /// A token by an authority of the yard over some bytes.
    pub(crate) fn stamp(&self, authority: &str, bytes: &[u8]) -> Vec<u8> {
        let arg = |name: &str| self.arg(&format!("{authority}/{name}"));
        fs::write(arg("data"), bytes).unwrap();
        fs::write(arg("tsserial"), "01\n").unwrap();
        let conf = format!(
            "[t]\nserial={}\ncrypto_device=builtin\nsigner_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256,sha384,sha512\nordering=no\ntsa_name=no\ness_cert_id_chain=no\ness_cert_id_alg=sha256\n",
            arg("tsserial")
        );
        fs::write(arg("tsconf"), conf).unwrap();
        openssl(&["ts", "-query", "-data", &arg("data"), "-sha512", "-cert", "-out", &arg("query")]);
        let mut words = vec!["ts".to_owned(), "-reply".to_owned()];
        for (flag, file) in [
            ("-config", "tsconf"),
            ("-queryfile", "query"),
            ("-signer", "1.pem"),
            ("-inkey", "1.key"),
            ("-out", "token"),
        ] {
            words.extend([flag.to_owned(), arg(file)]);
        }
        words.extend(["-section", "t", "-token_out"].map(str::to_owned));
        openssl(&words.iter().map(String::as_str).collect::<Vec<_>>());
        openssl(&[
            "ts",
            "-verify",
            "-data",
            &arg("data"),
            "-in",
            &arg("token"),
            "-token_in",
            "-CAfile",
            &arg("0.pem"),
        ]);
        fs::read(arg("token")).unwrap()
    }
}

/// A signed skill, a stamp authority, and what is believed.
struct Scene {
    yard: Yard,
    folder: PathBuf,
    keys: Vec<PublicKey>,
    anchors: Vec<Anchor>,
    stampers: Vec<Anchor>,
    revocations: Revocations,
}

impl Scene {
    /// A bundle by a bare key.
    fn new() -> Self {
        let yard = Yard::new();
        let (secret, public) = yard.key("key", "prime256v1");
        let folder = yard.skill("skill");
        let (signed, bare) = subject(&folder);
        let text = emit(&signed, &bare, &secret, Naming::Key).unwrap();
        fs::write(folder.join("skill.oms.sig"), text).unwrap();
        yard.chain("tsa", &[ROOT, STAMPER]);
        let stampers = vec![yard.anchor("tsa")];
        Self {
            yard,
            folder,
            keys: vec![public],
            anchors: Vec::new(),
            stampers,
            revocations: Revocations::default(),
        }
    }

    fn bundle(&self) -> PathBuf {
        self.folder.join("skill.oms.sig")
    }

    fn signature(&self) -> Vec<u8> {
        signature(&self.bundle())
    }

    fn stamp(&self, authority: &str, bytes: &[u8]) -> Vec<u8> {
        self.yard.stamp(authority, bytes)
    }

    /// Puts tokens into the bundle.
    fn carry(&self, tokens: &[Vec<u8>]) {
        carry(&self.bundle(), tokens);
    }

    fn ask(&self, at: Evidenced) -> Verdict {
        let (subject, bare) = subject(&self.folder);
        let keys: Vec<_> =
            self.keys.iter().map(|key| KnownKey { key: key.clone(), window: Window::ALWAYS }).collect();
        let beliefs = Beliefs {
            keys: &keys,
            anchors: &self.anchors,
            stamp_anchors: &self.stampers,
            revocations: &self.revocations,
            first_seen_counts: false,
        };
        verify(&fs::read(self.bundle()).unwrap(), &subject, &bare, &beliefs, at)
    }

    /// When the signature was there, and what was noted.
    fn told(&self) -> (Evidenced, String) {
        let verdict = self.ask(Evidenced::Now(time(LATER)));
        let vouched = verdict.vouched().unwrap_or_else(|| panic!("{verdict}"));
        (vouched.at(), vouched.notes().join("; "))
    }
}

#[test]
fn a_stamp_says_when_the_signature_was_there() {
    let mut scene = Scene::new();
    let signature = scene.signature();
    let token = scene.stamp("tsa", &signature);
    let stamped = stamp::read(&token, &signature, &scene.stampers).unwrap();
    assert_eq!(stamped.path.len(), 6, "two keys in two encodings and two certificates");
    scene.carry(std::slice::from_ref(&token));
    assert_eq!(scene.told(), (Evidenced::Stamped(stamped.time), String::new()));
    let machine = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!((i64::try_from(machine).unwrap() - stamped.time.unix()).abs() < 600, "{}", stamped.time);
    // The reference takes such a bundle too.
    let (public, folder, bundle) =
        (scene.yard.arg("key.pub"), scene.folder.to_str().unwrap(), scene.bundle());
    let question =
        cli(&["verify", "key", "--public_key", &public, "--signature", bundle.to_str().unwrap(), folder]);
    assert_eq!(reference(&scene.yard, &[question]), ["ok"]);
    // What somebody else stamped before is the better evidence, and stays.
    let before = Evidenced::Stamped(time("2021-01-01T00:00:00Z"));
    let (later, why) = (scene.ask(before), "which is after 2021-01-01");
    let vouched = later.vouched().unwrap();
    assert!(vouched.at() == before && vouched.notes()[0].contains(why), "{:?}", vouched.notes());

    // Attack: a stolen key signs today. Only a stamp of before would help.
    let signer = scene.keys[0].id();
    for (since, word) in [(stamped.time.unix() + 1, "valid"), (stamped.time.unix(), "revoked")] {
        scene.revocations = Revocations::default();
        let since = Some(Timestamp::from_unix(since));
        scene
            .revocations
            .add(signer.clone(), Entry { kind: Kind::Compromised, since, feed: "a list".to_owned() });
        assert_eq!(scene.ask(Evidenced::Now(time(LATER))).word(), word);
    }
}

#[test]
fn a_stamp_that_cannot_be_followed_is_as_if_it_were_not_there() {
    let mut scene = Scene::new();
    let (signature, plain) = (scene.signature(), fs::read(scene.bundle()).unwrap());
    let now = Evidenced::Now(time(LATER));
    let both = "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping,codeSigning";
    scene.yard.chain("stranger", &[ROOT, STAMPER]);
    scene.yard.chain("short", &[ROOT, ("Stamper", STAMPER.1, ("20960101000000Z", "20970101000000Z"))]);
    let good = scene.stamp("tsa", &signature);
    let other = scene.stamp("tsa", b"another signature");
    let strange = scene.stamp("stranger", &signature);
    for (token, why) in [
        (other, "it is over other bytes than this signature"),
        (strange, "which no anchor here certifies"),
        (b"\x30\x00".to_vec(), "not a time stamp in the form that is read here"),
        ([&good[..], &[0]].concat(), "not a time stamp in the form that is read here"),
    ] {
        fs::write(scene.bundle(), &plain).unwrap();
        scene.carry(std::slice::from_ref(&token));
        let (at, notes) = scene.told();
        assert!(
            at == now && notes.contains("a time stamp in it is not counted: ") && notes.contains(why),
            "{notes}"
        );
        // One that is good beside it still counts.
        fs::write(scene.bundle(), &plain).unwrap();
        scene.carry(&[token, good.clone()]);
        assert!(matches!(scene.told().0, Evidenced::Stamped(_)));
    }
    // An authority whose certificate is for something else as well, or was not valid then; OpenSSL stamps with neither.
    scene.yard.chain("both", &[ROOT, ("Stamper", both, LONG)]);
    let leaf = |name: &str| {
        pem("CERTIFICATE", &fs::read_to_string(scene.yard.at(&format!("{name}/1.pem"))).unwrap()).unwrap()
    };
    let ask = |name: &str| {
        certify_stamper(&leaf(name), &[scene.yard.anchor(name)], time("2026-11-21T00:00:00Z"))
            .map_err(|verdict| verdict.to_string())
    };
    assert!(ask("tsa").is_ok());
    assert!(ask("both").unwrap_err().contains("not for time stamps alone"));
    assert!(ask("short").unwrap_err().contains("begins 2096"));
    // And one that is revoked.
    let stamped = stamp::read(&good, &signature, &scene.stampers).unwrap();
    for id in stamped.path {
        scene.revocations = Revocations::default();
        scene.revocations.add(id, Entry { kind: Kind::Retired, since: None, feed: "a list".to_owned() });
        let (at, notes) = scene.told();
        assert!(at == now && notes.contains("its authority is revoked"), "{notes}");
    }
}

/// Whatever byte of a token is another: it says the same moment, or nothing.
#[test]
fn no_changed_byte_of_a_token_moves_the_time() {
    let scene = Scene::new();
    let signature = scene.signature();
    let good = scene.stamp("tsa", &signature);
    let wanted = stamp::read(&good, &signature, &scene.stampers).unwrap();
    let mut survived = 0;
    for at in 0..good.len() {
        let mut token = good.clone();
        token[at] ^= 1;
        if let Ok(found) = stamp::read(&token, &signature, &scene.stampers) {
            assert_eq!(found.time, wanted.time, "byte {at}");
            survived += 1;
        }
        assert!(stamp::read(&good[..at], &signature, &scene.stampers).is_err(), "cut at {at}");
    }
    println!("{survived} of {} changes do not matter", good.len());
    assert!(survived * 3 < good.len(), "{survived} of {} changes do not matter", good.len());
}

/// A certificate that ended since: the stamp shows that it had not when it signed.
#[test]
fn a_stamp_outlives_the_certificate() {
    let mut scene = Scene::new();
    let leaf = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature";
    scene.yard.chain("signers", &[("Root", CA, LONG), ("Acme Signing", leaf, LONG)]);
    scene.folder = scene.yard.signed("signers", 2, false);
    scene.anchors = vec![scene.yard.anchor("signers")];
    let now = Evidenced::Now(time(LATER));
    assert_eq!(scene.ask(now).word(), "expired");
    scene.carry(&[scene.stamp("tsa", &scene.signature())]);
    assert!(matches!(scene.told().0, Evidenced::Stamped(_)), "{}", scene.ask(now));
    scene.stampers.clear();
    assert_eq!(scene.ask(now).word(), "expired");
}
