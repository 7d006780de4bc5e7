//! Bundles and folders made to be taken for what they are not: our verdict beside
//! the reference's, so that it shows where we are stricter, and that we are nowhere
//! looser. `docs/conformance.md` has the same table; it must be this one.
//!
//! Links, special files and set-id bits are not here: a folder that has them is
//! refused before anybody asks who signed it.

mod rows;

use super::tools::{Yard, chmod, cli, ours, reference, subject};
use rows::{BUNDLES, FOLDERS, NOTHING, STATEMENTS};
use skill_trust::model::digest::sha256;
use skill_trust::policy::provenance::dsse::{encode, pae};
use skill_trust::policy::provenance::emit::{Naming, emit};
use skill_trust::policy::provenance::keys::SecretKey;
use skill_trust::policy::provenance::verdict::Vouched;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../../docs/conformance.md");
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A bundle as the reference writes it, in parts that can be changed one by one.
struct Parts {
    /// The listed files: name, digest, and what stands behind them.
    list: Vec<(String, String, &'static str)>,
    /// The `ignore_paths` member, comma included.
    ignore: &'static str,
    /// From and to, in the statement before it is signed.
    statement: (&'static str, &'static str),
    /// From and to, in the finished bundle.
    bundle: (&'static str, &'static str),
    /// Computes the root digest from other bytes.
    wrong_root: bool,
    /// What is signed instead of the encoding of the protocol.
    bare_payload: bool,
    payload_type: &'static str,
}

/// One row: what was done, and how.
#[derive(Clone)]
struct Row {
    what: &'static str,
    change: fn(&mut Parts, &Path),
    /// Our verdict's word.
    ours: &'static str,
    /// What our verdict says, in part; of a valid one, its first note.
    because: &'static str,
    reference: bool,
}

const DEFAULTS: &str = r#","ignore_paths":[".git",".gitignore",".gitattributes",".github","skill.oms.sig"]"#;

impl Parts {
    fn new(folder: &Path) -> Self {
        let list =
            subject(folder).0.files.into_iter().map(|file| (file.path, file.sha256.hex(), "")).collect();
        Self {
            list,
            ignore: DEFAULTS,
            statement: ("", ""),
            bundle: ("", ""),
            wrong_root: false,
            bare_payload: false,
            payload_type: IN_TOTO,
        }
    }

    fn text(&self, key: &SecretKey) -> String {
        let mut raw = Vec::new();
        let mut list = Vec::new();
        for (name, digest, more) in &self.list {
            let bytes: Vec<_> =
                (0..32).map(|at| u8::from_str_radix(&digest[at * 2..at * 2 + 2], 16).unwrap()).collect();
            raw.extend(bytes);
            list.push(format!(r#"{{"name":"{name}","algorithm":"sha256","digest":"{digest}"{more}}}"#));
        }
        if self.wrong_root {
            raw.push(0);
        }
        let payload = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"pdf-forms","digest":{{"sha256":"{}"}}}}],"predicateType":"https://model_signing/signature/v1.0","predicate":{{"resources":[{}],"serialization":{{"method":"files","hash_type":"sha256","allow_symlinks":false{}}}}}}}"#,
            sha256(&[&raw]).hex(),
            list.join(","),
            self.ignore,
        );
        let payload = swap(&payload, self.statement);
        let message = if self.bare_payload {
            payload.clone().into_bytes()
        } else {
            pae(self.payload_type, payload.as_bytes())
        };
        let text = format!(
            r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{{"publicKey":{{"hint":"{}"}},"tlogEntries":[]}},"dsseEnvelope":{{"payload":"{}","payloadType":"{}","signatures":[{{"sig":"{}","keyid":""}}]}}}}"#,
            key.public().pem_digest().hex(),
            encode(payload.as_bytes()),
            self.payload_type,
            encode(&key.sign(&message).unwrap()),
        );
        let raw = encode(key.public().pem().as_bytes());
        swap(&text, self.bundle).replace("HINT", &key.public().pem_digest().hex()).replace("RAW", &raw)
    }
}

fn swap(text: &str, (from, to): (&str, &str)) -> String {
    if from.is_empty() {
        return text.to_owned();
    }
    // The hint itself is of a key that is made at run time.
    if from == "HINT" {
        let at = text.find("{\"hint\"").unwrap();
        let end = at + text[at..].find('}').unwrap() + 1;
        return format!("{}{to}{}", &text[..at], &text[end..]);
    }
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[test]
fn our_verdict_beside_the_references() {
    let yard = Yard::new();
    let (key, public) = yard.key("key", "prime256v1");
    let rows: Vec<_> = [NOTHING, FOLDERS, STATEMENTS, BUNDLES].concat();
    let (rows, mut questions, mut found) = (rows, Vec::new(), Vec::new());
    for (at, row) in rows.iter().enumerate() {
        let folder = yard.skill(&format!("row{at}"));
        let mut parts = Parts::new(&folder);
        (row.change)(&mut parts, &folder);
        let bundle = folder.join("skill.oms.sig");
        fs::write(&bundle, parts.text(&key)).unwrap();
        found.push(ours(&bundle, &folder, std::slice::from_ref(&public), &[]));
        let (public, bundle) = (yard.arg("key.pub"), bundle.to_str().unwrap().to_owned());
        let mut words = vec!["verify", "key", "--public_key", &public, "--signature", &bundle];
        if folder.join("scripts/UNSIGNED").exists() {
            words.push("--ignore_unsigned_files");
        }
        words.push(folder.to_str().unwrap());
        questions.push(cli(&words));
    }
    let answers = reference(&yard, &questions);
    let usual = found[0].vouched().unwrap().notes();
    let (mut wrong, mut table) = (String::new(), String::new());
    for ((row, verdict), answer) in rows.iter().zip(&found).zip(&answers) {
        let said =
            verdict.vouched().map_or_else(|| verdict.to_string(), |vouched| vouched.notes().join("; "));
        if verdict.word() != row.ours || !said.contains(row.because) || (answer == "ok") != row.reference {
            let _ = writeln!(wrong, "{}: {} ({said}) | {answer}", row.what, verdict.word());
        }
        // Nowhere looser: what the reference refuses is never valid here.
        assert!(answer == "ok" || verdict.vouched().is_none(), "{}: {answer}", row.what);
        let reference = if answer == "ok" { "verifies" } else { "refuses" };
        let unusual = |vouched: &Vouched| vouched.notes().iter().any(|note| !usual.contains(note));
        let noted = if verdict.vouched().is_some_and(unusual) { ", noted" } else { "" };
        let _ = writeln!(table, "| {} | {}{noted} | {reference} |", row.what, verdict.word());
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(PAGE.contains(&table), "docs/conformance.md should have this table:\n{table}");
}

/// What the reference signs in ways that we do not evaluate is told as that.
#[test]
fn pieces_and_other_hashes_are_not_evaluated() {
    let yard = Yard::new();
    let (_, public) = yard.key("key", "prime256v1");
    for (how, words) in [("pieces", "files signed in pieces"), ("blake2", "files hashed with blake2b")] {
        let folder = yard.skill(how);
        let (key, bundle) = (yard.arg("key.key"), folder.join("skill.oms.sig"));
        let question =
            [how, &key, folder.to_str().unwrap(), bundle.to_str().unwrap()].map(str::to_owned).to_vec();
        // The command line of the reference does not verify these either.
        assert_eq!(reference(&yard, &[question]), ["ok"], "{how}");
        let verdict = ours(&bundle, &folder, std::slice::from_ref(&public), &[]);
        assert_eq!(verdict.word(), "unsupported", "{verdict}");
        assert!(verdict.to_string().contains(words), "{verdict}");
    }
}

/// With what we add to a bundle, a mode is signed, and the reference still verifies.
#[test]
fn a_mode_that_we_signed_is_bound() {
    let yard = Yard::new();
    let (key, public) = yard.key("key", "secp384r1");
    let folder = yard.skill("skill");
    let (signed, bare) = subject(&folder);
    let bundle = folder.join("skill.oms.sig");
    fs::write(&bundle, emit(&signed, &bare, &key, Naming::Key).unwrap()).unwrap();
    let ask = || ours(&bundle, &folder, std::slice::from_ref(&public), &[]);
    assert!(ask().vouched().unwrap().notes().is_empty());
    for (file, there, other) in [("scripts/run.sh", 0o755, 0o644), ("SKILL.md", 0o644, 0o755)] {
        chmod(&folder.join(file), other);
        assert!(ask().to_string().contains("the tree, modes included, was signed as"), "{}", ask());
        let public_key = yard.arg("key.pub");
        let check = cli(&[
            "verify",
            "key",
            "--public_key",
            &public_key,
            "--signature",
            bundle.to_str().unwrap(),
            folder.to_str().unwrap(),
        ]);
        assert_eq!(reference(&yard, &[check]), ["ok"]);
        chmod(&folder.join(file), there);
    }
}
