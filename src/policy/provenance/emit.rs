//! Writes an OMS bundle over a skill.
//!
//! Compact JSON in the order of the specification's examples, files by code
//! points. Beside what OMS asks for, the subject carries the folder's digest
//! without the bundle (`gitTree`, which binds modes) and `dirHash`, and each
//! file its mode: places that in-toto leaves open, so that every other verifier
//! still accepts the bundle.
//!
//! Not signed is what the signature would not cover: verifiers leave `.git*`
//! and `.github` out by default, so anybody could change them afterwards.

use super::Subject;
use super::bundle::MEDIA_TYPE;
use super::dsse::{self, pae};
use super::keys::{Kind, SecretKey};
use super::oms::{IGNORED, PREDICATE_TYPE, SIGNATURE_FILE, dir_hash};
use super::seal::{Json, list, object, word};
use super::statement;
use crate::model::digest::{Digest, Hasher};
use crate::model::text;

/// The default ignore list of the specification.
const DEFAULTS: [&str; 4] = [".git", ".gitignore", ".gitattributes", ".github"];

/// How a bundle says who signed it.
#[derive(Debug, Clone, Copy)]
pub enum Naming<'a> {
    /// By the key's fingerprint.
    Key,
    /// By certificates in DER, that of the key first, without the root.
    Chain(&'a [Vec<u8>]),
}

/// Why nothing is signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmitFault {
    /// Files that no verifier would look at.
    #[error(
        "not signed: the signature would not cover {}, which verifiers leave out; move {them} out of the skill and sign again",
        files.join(", "), them = if files.len() == 1 { "it" } else { "them" }
    )]
    Uncovered {
        /// Their paths, escaped.
        files: Vec<String>,
    },
    /// Nothing to sign.
    #[error("not signed: there is no file in it")]
    Empty,
    /// A key that OMS does not know.
    #[error("not signed: an Ed25519 key; OMS bundles are signed by P-256, P-384 and P-521 keys alone")]
    Ed25519,
    /// The machine computed wrongly.
    #[error("not signed: the signature that was made does not verify; this machine is at fault")]
    Machine,
}

/// Signs a folder. `bare` is its digest without [`SIGNATURE_FILE`].
///
/// The answer is the bundle's whole text, for that file.
///
/// # Errors
/// [`EmitFault`].
pub fn emit(
    subject: &Subject,
    bare: &Digest,
    key: &SecretKey,
    naming: Naming<'_>,
) -> Result<String, EmitFault> {
    let hidden = |path: &str| IGNORED.contains(&path.split('/').next().unwrap_or_default());
    let files: Vec<_> =
        subject.files.iter().filter(|file| hidden(&file.path)).map(|file| text::escape(&file.path)).collect();
    if !files.is_empty() {
        return Err(EmitFault::Uncovered { files });
    }
    if subject.files.iter().all(|file| file.path == SIGNATURE_FILE) {
        return Err(EmitFault::Empty);
    }
    if key.public().kind() == Kind::Ed25519 {
        return Err(EmitFault::Ed25519);
    }
    let payload = statement(subject, bare).0;
    let signature = key.sign(&pae(dsse::IN_TOTO, payload.as_bytes())).map_err(|_| EmitFault::Machine)?;
    let who = match naming {
        Naming::Key => ("publicKey", object([("hint", word(&key.public().pem_digest().hex()))])),
        Naming::Chain(chain) => {
            let one = |der: &Vec<u8>| object([("rawBytes", word(&dsse::encode(der)))]);
            ("x509CertificateChain", object([("certificates", list(chain.iter().map(one)))]))
        }
    };
    let signature = object([("sig", word(&dsse::encode(&signature))), ("keyid", word(""))]);
    let bundle = object([
        ("mediaType", word(MEDIA_TYPE)),
        ("verificationMaterial", object([who, ("tlogEntries", list([]))])),
        (
            "dsseEnvelope",
            object([
                ("payload", word(&dsse::encode(payload.as_bytes()))),
                ("payloadType", word(dsse::IN_TOTO)),
                ("signatures", list([signature])),
            ]),
        ),
    ]);
    Ok(bundle.0)
}

fn statement(subject: &Subject, bare: &Digest) -> Json {
    let mut files: Vec<_> = subject.files.iter().filter(|file| file.path != SIGNATURE_FILE).collect();
    // The order of UTF-8 bytes is that of code points.
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut root = Hasher::new();
    let mut resources = Vec::new();
    for file in files {
        root.update(file.sha256.as_bytes());
        resources.push(object([
            ("name", word(&file.path)),
            ("digest", word(&file.sha256.hex())),
            ("algorithm", word("sha256")),
            ("annotations", object([("mode", word(if file.executable { "100755" } else { "100644" }))])),
        ]));
    }
    let digest = object([
        ("sha256", word(&root.finish().hex())),
        ("gitTree", word(&bare.hex())),
        ("dirHash", word(&dir_hash(subject).hex())),
    ]);
    let ignored = DEFAULTS.iter().chain([&SIGNATURE_FILE]).map(|path| word(path));
    let serialization = object([
        ("method", word("files")),
        ("hash_type", word("sha256")),
        ("allow_symlinks", Json("false".to_owned())),
        ("ignore_paths", list(ignored)),
    ]);
    object([
        ("_type", word(statement::TYPE)),
        ("subject", list([object([("name", word(subject.name.as_str())), ("digest", digest)])])),
        ("predicateType", word(PREDICATE_TYPE)),
        ("predicate", object([("resources", list(resources)), ("serialization", serialization)])),
    ])
}
