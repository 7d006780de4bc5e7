//! OpenSSF Model Signing bundles, `skill.oms.sig`: key and certificate mode.
//!
//! ```text
//! form        bundle, envelope with exactly one signature
//! signer      one of our keys, by hint, raw bytes or trial; or a path to one of our anchors
//! signature   over the statement's exact bytes
//! time        of the evidence: a stamp that we believe, else what the caller knows
//!             window of the key, validity of every certificate, at that time
//! revocation  signer, keys and certificates of the path
//! statement   one subject, known method and hash, clean names, no name twice, the root digest
//! subject     every listed file is here with these bytes; tree and directory digests, if signed
//! coverage    every file here is listed, the bundle itself apart
//! ```
//!
//! The reference tool stops earlier in several places; each is an attack here.
//! What its default ignore list hides (`.github`, `.gitattributes`) is not
//! covered, and makes the answer incomplete; an ignore list inside a statement
//! never makes a file covered; a mode that was not signed is told. See
//! `docs/adr/0023-oms-more-strictly-than-its-reference.md`.

mod coverage;
pub(super) use coverage::{IGNORED, dir_hash};
mod predicate;

use super::Subject;
use super::bundle::{Bundle, Material};
use super::dsse::{self, Envelope};
use super::keys::{Kind, PublicKey, Window};
use super::revocation::Revocations;
use super::stamp;
use super::statement::Statement;
use super::verdict::{Evidenced, Method, Verdict, Vouched};
use super::x509::{self, Anchor};
use crate::model::digest::Digest;
use crate::model::signer::SignerId;
use crate::model::text;
use crate::model::time::Timestamp;
use predicate::Predicate;

/// Where a skill's bundle lies: the one file that it cannot cover.
pub const SIGNATURE_FILE: &str = "skill.oms.sig";

/// What the predicate must be.
pub const PREDICATE_TYPE: &str = "https://model_signing/signature/v1.0";

/// A key of somebody we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// The key.
    pub key: PublicKey,
    /// When we believe it.
    pub window: Window,
}

/// Whom we believe.
#[derive(Debug, Clone, Copy)]
pub struct Beliefs<'a> {
    /// Bare keys.
    pub keys: &'a [KnownKey],
    /// Certificates.
    pub anchors: &'a [Anchor],
    /// Authorities that stamp times.
    pub stamp_anchors: &'a [Anchor],
    /// Who is revoked.
    pub revocations: &'a Revocations,
    /// Whether our own first-seen time is witness enough against a compromise.
    pub first_seen_counts: bool,
}

/// Who signed, as far as signature, time and revocation go.
struct Signed {
    who: Who,
    key: SignerId,
    notes: Vec<String>,
}

/// Whether we know them.
enum Who {
    Known(SignerId),
    /// A key that came along, for which the signature is right; in words.
    Stranger(String),
}

/// Verifies a bundle over a folder.
///
/// `bare` is the folder's digest without [`SIGNATURE_FILE`]
/// (`Manifest::digest_without`), which signers may have named. `at` is what is
/// known of when the bundle was there; a time stamp inside may know better.
#[must_use]
pub fn verify(
    bundle: &[u8],
    subject: &Subject,
    bare: &Digest,
    beliefs: &Beliefs<'_>,
    at: Evidenced,
) -> Verdict {
    judge(bundle, subject, bare, beliefs, at).unwrap_or_else(|verdict| verdict)
}

fn judge(
    bundle: &[u8],
    subject: &Subject,
    bare: &Digest,
    beliefs: &Beliefs<'_>,
    at: Evidenced,
) -> Result<Verdict, Verdict> {
    let bundle = Bundle::read(bundle)?;
    let envelope = &bundle.envelope;
    if envelope.payload_type() != dsse::IN_TOTO {
        let quoted = text::escape_short(envelope.payload_type(), 80);
        return Err(Verdict::Invalid(format!("the payload is a `{quoted}`, not a `{}`", dsse::IN_TOTO)));
    }
    // Attack: the reference looks at the first signature alone, another program at any.
    let [signature] = envelope.signatures() else {
        let count = envelope.signatures().len();
        return Err(Verdict::Invalid(format!("{count} signatures; an OMS bundle has exactly one")));
    };
    let (at, told) = evidence(&bundle.stamps, signature, beliefs, at);
    let Signed { who, key, mut notes } = match &bundle.material {
        Material::Key { hint, raw } => {
            by_key(hint.as_deref(), raw.as_ref(), envelope, signature, beliefs, at)?
        }
        Material::Chain(chain) => by_certificate(chain, envelope, signature, beliefs, at)?,
    };
    notes.extend(told);
    if bundle.logged {
        notes.push("it holds entries of a transparency log, which are not evaluated".to_owned());
    }
    let statement = Statement::read(envelope.payload()).map_err(Verdict::Invalid)?;
    let predicate = Predicate::read(&statement)?;
    let told = coverage::compare(&statement, &predicate, subject, bare).map_err(Verdict::Invalid)?;
    let signer = match who {
        Who::Known(signer) => signer,
        Who::Stranger(who) => {
            let key = told.uncovered.is_empty().then_some(key);
            return Err(Verdict::UnknownSigner { who, key });
        }
    };
    if !told.uncovered.is_empty() {
        return Err(Verdict::Incomplete { signer, uncovered: told.uncovered });
    }
    notes.extend(told.notes);
    Ok(Verdict::Valid(Vouched::new(signer, key, Method::Oms, at, notes)))
}

/// When the signature is known to have been there: the earliest stamp that we
/// believe, else what the caller knows; and what is to be told of stamps.
///
/// Attack: whoever has a stolen key signs today. A date of yesterday would need
/// a stamp of yesterday over that very signature.
fn evidence(
    stamps: &[Vec<u8>],
    signature: &[u8],
    beliefs: &Beliefs<'_>,
    at: Evidenced,
) -> (Evidenced, Vec<String>) {
    let (mut best, mut notes): (Option<Timestamp>, _) = (None, Vec::new());
    for token in stamps {
        let read = stamp::read(token, signature, beliefs.stamp_anchors).and_then(|stamp| {
            if stamp.time > at.time() {
                return Err(format!("it is of {}, which is after {}", stamp.time, at.time()));
            }
            let asked = Evidenced::Now(at.time());
            let revoked = |id: &SignerId| beliefs.revocations.judge(id, asked, false).is_err();
            if stamp.path.iter().any(revoked) {
                Err("its authority is revoked".to_owned())
            } else {
                Ok(stamp.time)
            }
        });
        match read {
            Ok(time) => best = Some(best.map_or(time, |best| best.min(time))),
            Err(why) => notes.push(format!("a time stamp in it is not counted: {why}")),
        }
    }
    // What was seen or stamped before that is the better evidence.
    let best = best.filter(|time| !matches!(at, Evidenced::Stamped(known) if known < *time));
    (best.map_or(at, Evidenced::Stamped), notes)
}

fn by_key(
    hint: Option<&str>,
    raw: Option<&PublicKey>,
    envelope: &Envelope,
    signature: &[u8],
    beliefs: &Beliefs<'_>,
    at: Evidenced,
) -> Result<Signed, Verdict> {
    let is_hint =
        |hint: &str, key: &PublicKey| hint == key.pem_digest().hex() || hint == key.fingerprint().hex();
    // Attack: the hint names a key of ours, and the bytes beside it are a stranger's.
    if let (Some(hint), Some(raw)) = (hint, raw)
        && !is_hint(hint, raw)
    {
        return Err(Verdict::Invalid("the bundle's hint and rawBytes are two keys".to_owned()));
    }
    if raw.is_some_and(|raw| raw.kind() == Kind::Ed25519) {
        return Err(no_ed25519());
    }
    let named = |known: &&KnownKey| {
        hint.is_none_or(|hint| is_hint(hint, &known.key)) && raw.is_none_or(|raw| *raw == known.key)
    };
    let candidates: Vec<_> = beliefs.keys.iter().filter(named).collect();
    let message = envelope.signed_bytes();
    // Ed25519 is no key of OMS: what one program would not verify, we do not either.
    let fits = |known: &&&KnownKey| {
        known.key.kind() != Kind::Ed25519 && known.key.verify(&message, signature).is_ok()
    };
    let fitting: Vec<_> = candidates.iter().filter(fits).collect();
    let [known, ..] = fitting.as_slice() else {
        return match (candidates.as_slice(), raw) {
            ([], Some(raw)) => by_stranger(raw, envelope, signature, beliefs, at),
            ([], None) => Err(unnamed(hint)),
            _ if hint.is_none() && raw.is_none() => Err(unnamed(None)),
            ([first, ..], _) if first.key.kind() == Kind::Ed25519 => Err(no_ed25519()),
            ([first, ..], _) => Err(wrong(&first.key.id())),
        };
    };
    let signer = known.key.id();
    // One key may be believed in several windows: then in any of them.
    if !fitting.iter().any(|known| known.window.holds(at.time()).is_ok()) {
        let why = known.window.holds(at.time()).err().unwrap_or_default();
        return Err(Verdict::Expired { signer: signer.to_string(), why });
    }
    not_revoked(&known.key.names(), beliefs, at)?;
    let mut notes = Vec::new();
    if hint.is_none() && raw.is_none() {
        notes.push("the bundle does not name its key; it was found by trying".to_owned());
    }
    Ok(Signed { who: Who::Known(signer.clone()), key: signer, notes })
}

/// A key that came along and that nobody here knows: whether the signature is
/// right for it can be told, and that is all.
fn by_stranger(
    key: &PublicKey,
    envelope: &Envelope,
    signature: &[u8],
    beliefs: &Beliefs<'_>,
    at: Evidenced,
) -> Result<Signed, Verdict> {
    key.verify(&envelope.signed_bytes(), signature).map_err(|_| wrong(&key.id()))?;
    // Attack: a revoked key is shown as somebody new, and pinned.
    not_revoked(&key.names(), beliefs, at)?;
    let who = Who::Stranger(format!("the key {}", key.id()));
    Ok(Signed { who, key: key.id(), notes: Vec::new() })
}

fn by_certificate(
    chain: &[Vec<u8>],
    envelope: &Envelope,
    signature: &[u8],
    beliefs: &Beliefs<'_>,
    at: Evidenced,
) -> Result<Signed, Verdict> {
    let message = envelope.signed_bytes();
    let found = match x509::certify(chain, beliefs.anchors, at.time()) {
        Ok(found) => found,
        Err(Verdict::UnknownSigner { .. }) => {
            let found = x509::stranger(chain, at.time())?;
            found.key.verify(&message, signature).map_err(|_| wrong(&found.key.id()))?;
            not_revoked(&found.names, beliefs, at)?;
            return Ok(Signed { who: Who::Stranger(found.who), key: found.key.id(), notes: Vec::new() });
        }
        Err(other) => return Err(other),
    };
    found.key.verify(&message, signature).map_err(|_| wrong(&found.signer))?;
    not_revoked(&[&[found.signer.clone()], found.path.as_slice()].concat(), beliefs, at)?;
    Ok(Signed { who: Who::Known(found.signer), key: found.key.id(), notes: Vec::new() })
}

fn not_revoked(names: &[SignerId], beliefs: &Beliefs<'_>, at: Evidenced) -> Result<(), Verdict> {
    names.iter().try_for_each(|one| beliefs.revocations.judge(one, at, beliefs.first_seen_counts))
}

fn wrong(signer: &SignerId) -> Verdict {
    Verdict::Invalid(format!("the signature is not by {signer} over this statement"))
}

fn no_ed25519() -> Verdict {
    Verdict::Unsupported("an Ed25519 key: only P-256, P-384 and P-521 sign OMS bundles".to_owned())
}

/// Nothing came along by which the signature could be checked.
fn unnamed(hint: Option<&str>) -> Verdict {
    let who = hint.map_or_else(
        || "the bundle does not name its key, and none known here fits".to_owned(),
        |hint| format!("the key {}", text::escape_short(hint, 80)),
    );
    Verdict::UnknownSigner { who, key: None }
}

#[cfg(test)]
mod tests;
