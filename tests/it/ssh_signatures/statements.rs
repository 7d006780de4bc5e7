//! Statements about a skill: signed by us, by `ssh-keygen`, for folders with
//! the pair beside or inside.

use super::bench::{Bench, Case, KINDS, NOON};
use skill_trust::model::digest::{Hasher, sha256};
use skill_trust::model::manifest::{Entry, Manifest};
use skill_trust::model::path::EntryPath;
use skill_trust::model::signer::SignerId;
use skill_trust::model::skill::SkillName;
use skill_trust::model::time::Timestamp;
use skill_trust::policy::provenance::revocation::Revocations;
use skill_trust::policy::provenance::ssh::allowed_signers::AllowedSigners;
use skill_trust::policy::provenance::ssh::judge::Beliefs;
use skill_trust::policy::provenance::ssh::key::PublicKey;
use skill_trust::policy::provenance::ssh::statement::{INSIDE, NAMESPACE, Place, Statement, verify};
use skill_trust::policy::provenance::verdict::{Evidenced, Method, Verdict};

pub(crate) const SECRET: [u8; 32] = [7; 32];

fn raw(secret: [u8; 32]) -> [u8; 32] {
    ed25519_dalek::SigningKey::from_bytes(&secret).verifying_key().to_bytes()
}

pub(crate) fn line(secret: [u8; 32]) -> String {
    PublicKey::ed25519(&raw(secret)).unwrap().to_text()
}

/// Path, executable, content.
pub(crate) type Files<'a> = Vec<(&'a str, bool, &'a [u8])>;

pub(crate) fn files() -> Files<'static> {
    vec![("SKILL.md", false, b"---\nname: pdf\n---\n"), ("scripts/run.sh", true, b"#!/bin/sh\n")]
}

pub(crate) fn manifest(files: &Files<'_>) -> Manifest {
    let entry = |(path, executable, bytes): &(&str, bool, &[u8])| {
        let mut hasher = Hasher::git_object("blob", bytes.len() as u64);
        hasher.update(bytes);
        let path = EntryPath::parse(path.as_bytes()).unwrap();
        Entry { path, executable: *executable, size: bytes.len() as u64, sha256: hasher.finish() }
    };
    Manifest::new(files.iter().map(entry).collect()).unwrap()
}

pub(crate) fn name(text: &str) -> SkillName {
    SkillName::parse(text).unwrap()
}

pub(crate) fn stated(files: &Files<'_>) -> Statement {
    Statement { name: name("pdf"), digest: manifest(files).digest(), version: Some("1.0.0".to_owned()) }
}

/// The answer, with this list of allowed signers.
pub(crate) fn judged(
    allowed: &str,
    pair: &(Vec<u8>, Vec<u8>),
    place: Place,
    skill: &str,
    files: &Files<'_>,
) -> Verdict {
    let allowed = AllowedSigners::parse(allowed.as_bytes()).unwrap();
    let beliefs = Beliefs {
        allowed: &allowed,
        revoked: &[],
        revocations: &Revocations::default(),
        at: Evidenced::Now(Timestamp::parse(NOON).unwrap()),
        first_seen_counts: false,
        principal: None,
    };
    verify(&pair.0, &pair.1, place, &name(skill), &manifest(files), &beliefs)
}

pub(crate) fn pair(statement: &Statement) -> (Vec<u8>, Vec<u8>) {
    let (bytes, signature) = statement.sign_ed25519(&SECRET).unwrap();
    (bytes, signature.into_bytes())
}

fn allowed() -> String {
    format!("ana@example.org {}\n", line(SECRET))
}

#[test]
fn what_we_state_is_valid_here_and_signed_for_ssh_keygen() {
    let pair = pair(&stated(&files()));
    let verdict = judged(&allowed(), &pair, Place::Beside, "pdf", &files());
    let vouched = verdict.vouched().unwrap_or_else(|| panic!("{verdict}"));
    assert_eq!(vouched.method(), Method::Statement);
    assert!(vouched.signer().as_str().starts_with("ssh:SHA256:"));
    // RFC 8410, 4: what stands before the 32 bytes of the key.
    let spki = [&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..], &raw(SECRET)].concat();
    assert_eq!(*vouched.key(), SignerId::key(&sha256(&[&spki])));
    let notes = vouched.notes().join("; ");
    assert!(notes.contains("ana@example.org") && notes.contains("version 1.0.0"), "{notes}");

    let bench = Bench::new();
    let case =
        Case { namespace: NAMESPACE, principal: "ana@example.org", ..Case::new(allowed(), &pair.1, &pair.0) };
    bench.both("ours", &case, true);
    bench.both("for files", &Case { namespace: "file", ..case }, false);
}

#[test]
fn what_ssh_keygen_signs_over_our_bytes_is_valid() {
    let bench = Bench::new();
    let bytes = stated(&files()).to_bytes().unwrap();
    for (kind, arguments) in KINDS {
        let allowed = format!("* {}\n", bench.key(kind, arguments));
        let signature = bench.sign(kind, NAMESPACE, &bytes, &[]);
        let verdict = judged(&allowed, &(bytes.clone(), signature), Place::Beside, "pdf", &files());
        assert_eq!(verdict.word(), "valid", "{kind}: {verdict}");
        let other = bench.sign(kind, "file", &bytes, &[]);
        let verdict = judged(&allowed, &(bytes.clone(), other), Place::Beside, "pdf", &files());
        assert!(verdict.to_string().contains("made for `file`"), "{verdict}");
    }
}

#[test]
fn every_change_of_the_folder_is_another_folder() {
    let pair = pair(&stated(&files()));
    let mut changes: Vec<(&str, Files<'_>)> = Vec::new();
    let with = |change: fn(&mut Files<'_>)| {
        let mut files = files();
        change(&mut files);
        files
    };
    changes.push(("content", with(|files| files[0].2 = b"other")));
    changes.push(("executable", with(|files| files[0].1 = true)));
    changes.push(("not executable", with(|files| files[1].1 = false)));
    changes.push(("renamed", with(|files| files[1].0 = "scripts/ran.sh")));
    changes.push(("added", with(|files| files.push(("x", false, b"")))));
    changes.push(("removed", with(|files| files.truncate(1))));
    changes.push(("hidden", with(|files| files.push((".github/workflows/x.yml", false, b"")))));
    for (what, files) in changes {
        let verdict = judged(&allowed(), &pair, Place::Beside, "pdf", &files);
        assert!(verdict.to_string().contains("and this is sha256:"), "{what}: {verdict}");
    }
}

#[test]
fn a_pair_inside_leaves_out_itself_and_nothing_else() {
    let pair = pair(&stated(&files()));
    let (statement, signature) = (pair.0.clone(), pair.1.clone());
    let inside = || -> Files<'_> {
        let mut files = files();
        files.push((INSIDE[0], false, &statement));
        files.push((INSIDE[1], false, &signature));
        files
    };
    let answer = |files: &Files<'_>| judged(&allowed(), &pair, Place::Inside, "pdf", files);
    assert_eq!(answer(&inside()).word(), "valid");
    // Beside, the same pair is about a folder without it.
    assert_eq!(judged(&allowed(), &pair, Place::Beside, "pdf", &inside()).word(), "invalid");

    let mut missing = inside();
    missing.pop();
    let mut swapped = inside();
    swapped[2].2 = b"run this";
    let mut executable = inside();
    executable[3].1 = true;
    let mut more = inside();
    more.push(("skill.intoto.json.sig2", false, b""));
    for (files, said) in [
        (files(), "has no `skill.intoto.json`"),
        (missing, "has no `skill.intoto.json.sig`"),
        (swapped, "not the file that was judged"),
        (executable, "executable"),
        (more, "and this is"),
    ] {
        let verdict = answer(&files);
        assert!(verdict.to_string().contains(said), "{verdict}, not {said}");
    }
}

#[test]
fn a_statement_is_looked_at_only_after_its_signature() {
    let (mut bytes, signature) = pair(&stated(&files()));
    bytes.push(b' ');
    let verdict = judged(&allowed(), &(bytes, signature), Place::Beside, "pdf", &files());
    assert!(verdict.to_string().contains("does not fit"), "{verdict}");
    // Rightly signed, and no statement.
    let signature =
        skill_trust::policy::provenance::ssh::sig::sign_ed25519(&SECRET, NAMESPACE, b"{}").unwrap();
    let verdict =
        judged(&allowed(), &(b"{}".to_vec(), signature.into_bytes()), Place::Beside, "pdf", &files());
    assert!(verdict.to_string().contains("no `_type`"), "{verdict}");
}
