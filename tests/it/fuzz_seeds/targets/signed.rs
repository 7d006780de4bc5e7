//! Bundles, envelopes, statements and git objects: nothing is valid but what
//! was signed, and one text has one reading.

use super::{BARE, name, now, refused, sampled, shown};
use skill_trust::model::digest::{Digest, sha256};
use skill_trust::model::json::Value;
use skill_trust::policy::provenance::bundle::{Bundle, MEDIA_TYPE};
use skill_trust::policy::provenance::dsse::{self, Envelope, pae};
use skill_trust::policy::provenance::emit::{Naming, emit};
use skill_trust::policy::provenance::git::object::{Commit, Id, Tag, folder_in};
use skill_trust::policy::provenance::keys::{PublicKey, SecretKey, Window};
use skill_trust::policy::provenance::oms::{Beliefs, KnownKey, SIGNATURE_FILE, verify};
use skill_trust::policy::provenance::revocation::Revocations;
use skill_trust::policy::provenance::verdict::Verdict;
use skill_trust::policy::provenance::{Subject, SubjectFile, ssh, statement};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What was signed here, once.
pub(crate) struct Signed {
    secret: SecretKey,
    keys: Vec<KnownKey>,
    pub(crate) subject: Subject,
    /// The bundle's text.
    pub(crate) bundle: String,
    /// What is signed in it.
    pub(crate) payload: Vec<u8>,
}

pub(crate) static SIGNED: LazyLock<Signed> = LazyLock::new(|| {
    let secret = SecretKey::p256(&[7; 32]).unwrap();
    let file = |path: &str, content: &[u8], executable| SubjectFile {
        path: path.to_owned(),
        sha256: sha256(&[content]),
        executable,
    };
    let files =
        vec![file("SKILL.md", b"words", false), file("a/x", b"2", false), file("run.sh", b"echo", true)];
    let subject = Subject { name: name(), digest: Digest::ZERO, files };
    let bundle = emit(&subject, &BARE, &secret, Naming::Key).unwrap();
    let payload = Bundle::read(bundle.as_bytes()).unwrap().envelope.payload().to_vec();
    let keys = vec![KnownKey { key: secret.public(), window: Window::ALWAYS }];
    Signed { secret, keys, subject, bundle, payload }
});

static NOBODY: LazyLock<Revocations> = LazyLock::new(Revocations::default);

fn ask(bundle: &[u8], keys: &[KnownKey]) -> Verdict {
    let beliefs =
        Beliefs { keys, anchors: &[], stamp_anchors: &[], revocations: &NOBODY, first_seen_counts: false };
    verify(bundle, &SIGNED.subject, &BARE, &beliefs, now())
}

/// A text that was read, written and read again.
fn again(json: &Value) -> Value {
    let text = json.to_string();
    let read = Value::evidence(text.as_bytes()).unwrap_or_else(|fault| panic!("{fault}: {text}"));
    assert_eq!(read, *json, "{text}");
    read
}

/// A bundle is valid for nothing but the statement that was signed.
pub(crate) fn bundle(data: &[u8]) {
    let bundle = match Bundle::read(data) {
        Ok(bundle) => bundle,
        Err(verdict) => {
            assert!(matches!(verdict.word(), "invalid" | "unsupported"), "{verdict}");
            return refused(&verdict);
        }
    };
    refused(&ask(data, &[]));
    if !sampled(data) {
        return;
    }
    let json = again(&Value::evidence(data).unwrap());
    assert_eq!(Bundle::read(json.to_string().as_bytes()).as_ref(), Ok(&bundle));
    let verdict = ask(data, &SIGNED.keys);
    shown(&verdict.to_string());
    if let Some(vouched) = verdict.vouched() {
        // Nobody here can sign, so whatever else was changed, this was not.
        assert_eq!(bundle.envelope.payload(), SIGNED.payload);
        assert_eq!(bundle.envelope.payload_type(), dsse::IN_TOTO);
        assert_eq!(*vouched.signer(), SIGNED.secret.public().id());
        vouched.notes().iter().for_each(|note| shown(note));
    }
}

/// An envelope gives its payload only to who has the keys that signed it.
pub(crate) fn envelope(data: &[u8]) {
    let Ok(json) = Value::evidence(data) else { return };
    let envelope = match Envelope::read(&json) {
        Ok(envelope) => envelope,
        Err(why) => return shown(&why),
    };
    assert_eq!(Envelope::read(&again(&json)).as_ref(), Ok(&envelope));
    let stated = json.get("payload").and_then(Value::as_text).unwrap();
    assert_eq!(dsse::encode(envelope.payload()), stated, "base64 with two spellings");
    let signed = envelope.signed_bytes();
    assert!(signed.ends_with(envelope.payload()) && signed.starts_with(b"DSSEv1 "));
    let key = SIGNED.secret.public();
    assert!(envelope.verify(std::slice::from_ref(&key), 0).is_err());
    assert!(envelope.verify(&[], 1).is_err());
    if sampled(data) {
        assert!(envelope.verify(&[key.clone(), key.clone()], 2).is_err(), "one key counts twice");
        if let Ok((payload, signers)) = envelope.verify(&[key], 1) {
            assert_eq!((payload, signers.len()), (SIGNED.payload.as_slice(), 1));
        }
    }
}

/// Our reader of statements, and one that nobody here wrote, agree; and what
/// OpenSSH signs says nothing that is passed over.
pub(crate) fn statement(data: &[u8]) {
    let wide = statement::Statement::read(data);
    if let Err(why) = &wide {
        shown(why);
    }
    if let Ok(read) = &wide {
        let json = again(&Value::evidence(data).unwrap());
        assert_eq!(statement::Statement::read(json.to_string().as_bytes()).as_ref(), Ok(read));
        let other: serde_json::Value = serde_json::from_slice(data).unwrap();
        assert_eq!(other["subject"].as_array().unwrap().len(), 1);
        assert_eq!(other["subject"][0]["name"].as_str(), Some(read.name.as_str()));
        assert_eq!(other["predicateType"].as_str(), Some(read.predicate_type.as_str()));
        let digests: Vec<_> = other["subject"][0]["digest"].as_object().unwrap().keys().collect();
        assert_eq!(digests.len(), read.digests.len());
    }
    match ssh::statement::Statement::parse(data) {
        Err(fault) => shown(&fault.to_string()),
        Ok(narrow) => {
            let bytes = narrow.to_bytes().unwrap();
            assert_eq!(ssh::statement::Statement::parse(&bytes).as_ref(), Ok(&narrow));
            let other: serde_json::Value = serde_json::from_slice(data).unwrap();
            let subject = serde_json::json!([{ "name": narrow.name.as_str(), "digest": { "gitTree": narrow.digest.hex() } }]);
            assert_eq!(other["subject"], subject);
            let said = narrow.version.map(|version| ("version".to_owned(), version.into()));
            assert_eq!(other["predicate"], serde_json::Value::Object(said.into_iter().collect()));
        }
    }
}

/// A statement of whatever content, rightly signed: valid only if it lists
/// every file that is here, with its bytes, and no other.
pub(crate) fn predicate(data: &[u8]) {
    if let Err(why) = statement::Statement::read(data) {
        return shown(&why);
    }
    let fixed = &*SIGNED;
    let signature = fixed.secret.sign(&pae(dsse::IN_TOTO, data)).unwrap();
    let (payload, signature) = (dsse::encode(data), dsse::encode(&signature));
    let bundle = format!(
        r#"{{"mediaType":"{MEDIA_TYPE}","verificationMaterial":{{"publicKey":{{"hint":"{}"}}}},"dsseEnvelope":{{"payload":"{payload}","payloadType":"{}","signatures":[{{"sig":"{signature}"}}]}}}}"#,
        fixed.secret.public().fingerprint().hex(),
        dsse::IN_TOTO,
    );
    let verdict = ask(bundle.as_bytes(), &fixed.keys);
    shown(&verdict.to_string());
    let Some(vouched) = verdict.vouched() else { return };
    vouched.notes().iter().for_each(|note| shown(note));
    let other: serde_json::Value = serde_json::from_slice(data).unwrap();
    let listed = other["predicate"]["resources"].as_array().unwrap();
    let text = |value: &serde_json::Value, key: &str| value[key].as_str().unwrap().to_owned();
    let found: BTreeMap<_, _> = listed.iter().map(|one| (text(one, "name"), text(one, "digest"))).collect();
    assert_eq!(found.len(), listed.len(), "a name twice");
    let here = fixed.subject.files.iter().filter(|file| file.path != SIGNATURE_FILE);
    assert_eq!(found, here.map(|file| (file.path.clone(), file.sha256.hex())).collect());
}

/// Commits, tags and trees: what is signed and the signature are the object.
pub(crate) fn git(data: &[u8]) {
    match Commit::parse(data) {
        Err(fault) => shown(&fault.to_string()),
        Ok(commit) => {
            let tree = format!("tree {}\n", commit.tree);
            assert!(data.starts_with(tree.as_bytes()), "the tree is not the first line");
            if let Some(signature) = &commit.signature {
                assert!(signature.payload.starts_with(tree.as_bytes()), "the tree is not signed");
                // What is signed is a commit of its own, without a signature.
                let bare = Commit::parse(&signature.payload).unwrap();
                assert_eq!((bare.tree, bare.signature, bare.other_signature), (commit.tree, None, false));
            }
        }
    }
    match Tag::parse(data) {
        Err(fault) => shown(&fault.to_string()),
        Ok(tag) => {
            if let Some(signature) = &tag.signature {
                assert!(data.ends_with(&signature.text));
                let left = data.len() - signature.text.len();
                assert!(
                    signature.payload.len() == left || tag.other_signature && signature.payload.len() < left
                );
            }
        }
    }
    if let Ok(id) = folder_in(data, "skills") {
        let entry = [b"40000 skills\0".as_slice(), id.as_bytes()].concat();
        // The name of another entry may end like this one's whole beginning.
        assert!(data.windows(entry.len()).any(|at| at == entry));
    }
    if let Some(id) = Id::from_hex(data) {
        assert_eq!(id.to_string().as_bytes(), data);
    }
}

/// The key of a bundle, for seeds.
pub(crate) fn public() -> PublicKey {
    SIGNED.secret.public()
}
