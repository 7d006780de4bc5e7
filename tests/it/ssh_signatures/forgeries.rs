//! Forgeries, each named after what it tries.

use super::bench::{Bench, Case, KINDS};
use super::statements::{Files, SECRET, files, judged, line, manifest, name, pair, stated};
use skill_trust::policy::provenance::ssh::allowed_signers::AllowedSigners;
use skill_trust::policy::provenance::ssh::sig::sign_ed25519;
use skill_trust::policy::provenance::ssh::statement::{NAMESPACE, Place, Statement};
use std::collections::BTreeSet;

fn allowed() -> String {
    format!("ana {}\n", line(SECRET))
}

#[test]
fn a_valid_proof_of_something_else() {
    let other: Files<'_> = vec![("SKILL.md", false, b"harmless")];
    let verdict = judged(&allowed(), &pair(&stated(&other)), Place::Beside, "pdf", &files());
    assert!(verdict.to_string().contains("the statement is about sha256:"), "{verdict}");
    // The same key signed the same bytes, for another purpose.
    let bytes = stated(&files()).to_bytes().unwrap();
    for purpose in ["git", "file", "skill-statement@v2"] {
        let signature = sign_ed25519(&SECRET, purpose, &bytes).unwrap().into_bytes();
        let verdict = judged(&allowed(), &(bytes.clone(), signature), Place::Beside, "pdf", &files());
        assert!(verdict.to_string().contains("not for `skill-statement@v1`"), "{verdict}");
    }
}

#[test]
fn an_entry_copied_under_another_name() {
    let pair = pair(&stated(&files()));
    let verdict = judged(&allowed(), &pair, Place::Beside, "pdf-pro", &files());
    assert!(verdict.to_string().contains("about `pdf`, not about `pdf-pro`"), "{verdict}");
}

/// It stays valid, as it must: which revision may follow which is the ledger's
/// to say, and it has the version from the notes.
#[test]
fn an_older_version_replayed_is_still_rightly_signed_and_says_which_it_is() {
    let old: Files<'_> = vec![("SKILL.md", false, b"old")];
    let statement =
        Statement { name: name("pdf"), digest: manifest(&old).digest(), version: Some("0.9".to_owned()) };
    let verdict = judged(&allowed(), &pair(&statement), Place::Beside, "pdf", &old);
    let notes = verdict.vouched().unwrap().notes().join("; ");
    assert!(notes.contains("stated to be version 0.9"), "{notes}");
}

#[test]
fn duplicate_key_ids() {
    // The same key on three lines, under three names, is one signer.
    let key = line(SECRET);
    let list = format!("ana {key}\nbea {key}\n* {key} again\n");
    let pair = pair(&stated(&files()));
    let signers: BTreeSet<_> = [allowed(), list.clone()]
        .iter()
        .map(|list| judged(list, &pair, Place::Beside, "pdf", &files()).vouched().unwrap().signer().clone())
        .collect();
    assert_eq!(signers.len(), 1);
    let read = AllowedSigners::parse(list.as_bytes()).unwrap();
    let one = signers.first().unwrap();
    assert_eq!(read.principals_of(one), ["ana", "bea", "*"]);
}

#[test]
fn a_key_counted_twice() {
    // One key, by itself and certified for two principals: three signers, and
    // one key, by which a threshold counts.
    let bench = Bench::new();
    let authority = bench.key("ca", KINDS[0].1);
    let key = bench.key("k", KINDS[0].1);
    let list = format!("* {key}\n* cert-authority {authority}\n");
    let bytes = stated(&files()).to_bytes().unwrap();
    let mut signatures = vec![bench.sign("k", NAMESPACE, &bytes, &[])];
    for principal in ["ana", "bea"] {
        bench.certify("ca", "k", &["-n", principal]);
        signatures.push(bench.sign("k-cert", NAMESPACE, &bytes, &[]));
    }
    let (mut signers, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for signature in signatures {
        let verdict = judged(&list, &(bytes.clone(), signature), Place::Beside, "pdf", &files());
        let vouched = verdict.vouched().unwrap_or_else(|| panic!("{verdict}"));
        signers.insert(vouched.signer().clone());
        keys.insert(vouched.key().clone());
    }
    assert_eq!((signers.len(), keys.len()), (3, 1));
}

#[test]
fn a_signature_moved_to_another_key() {
    // The key in the blob is replaced by one that is allowed.
    use super::signatures::{armoured, blob};
    use skill_trust::policy::provenance::ssh::wire::{Reader, Writer};
    let bench = Bench::new();
    let trusted = bench.key("trusted", KINDS[0].1);
    bench.key("evil", KINDS[0].1);
    let theirs = blob(&bench.sign("evil", "file", b"message", &[]));
    let own = blob(&bench.sign("trusted", "file", b"other", &[]));
    let (mut from, mut key) = (Reader::new(&theirs[10..]), Reader::new(&own[10..]));
    from.string().unwrap();
    let moved = Writer::new().raw(&theirs[..10]).string(key.string().unwrap()).raw(from.rest()).finish();
    let signature = armoured(&moved);
    bench.both("moved", &Case::new(format!("ana {trusted}\n"), &signature, b"message"), false);
}

#[test]
fn a_certificate_that_the_key_issued_for_itself() {
    let bench = Bench::new();
    let authority = bench.key("ca", KINDS[0].1);
    let key = bench.key("k", KINDS[0].1);
    bench.certify("k", "k", &["-n", "ana"]);
    let signature = bench.sign("k-cert", "file", b"message", &[]);
    bench.both(
        "itself",
        &Case::new(format!("ana cert-authority {authority}\n"), &signature, b"message"),
        false,
    );
    // Even where the key itself is let sign: a certificate needs an authority.
    bench.both("itself", &Case::new(format!("ana {key}\n"), &signature, b"message"), false);
}

#[test]
fn a_weak_key_whose_one_signature_fits_every_message() {
    use base64::Engine as _;
    use skill_trust::policy::provenance::ssh::sig::SshSig;
    use skill_trust::policy::provenance::ssh::wire::Writer;
    // The neutral point as key and as R, zero as S.
    let point = {
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes
    };
    let key = Writer::new().string(b"ssh-ed25519").string(&point).finish();
    let inner = Writer::new().string(b"ssh-ed25519").string(&[point, [0; 32]].concat()).finish();
    let head = Writer::new().raw(b"SSHSIG").u32(1).string(&key).string(b"file").string(b"");
    let signature = super::signatures::armoured(&head.string(b"sha512").string(&inner).finish());
    assert!(SshSig::parse(&signature).unwrap_err().to_string().contains("weak"));
    let line = format!("ana ssh-ed25519 {}\n", base64::engine::general_purpose::STANDARD.encode(&key));
    let list = AllowedSigners::parse(line.as_bytes()).unwrap();
    assert!(list.is_empty() && list.faults()[0].why.contains("weak"));
    for message in [&b"one"[..], b"two"] {
        assert!(Case::new(line.clone(), &signature, message).ours().is_err());
    }
}
