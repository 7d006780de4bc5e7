//! One signature, judged: known signer, right signature, allowed for this
//! purpose at this time, not revoked. In this order, and each with its own
//! answer.
//!
//! What the signature is *about* is not known here. Statement and commit
//! compare their subject afterwards, and only they make a `Vouched`.

use super::allowed_signers::{AllowedSigners, Line, NotAllowed};
use super::cert::{Certificate, Identity};
use super::revoked::RevokedKeys;
use super::sig::{self, SshSig};
use crate::model::signer::SignerId;
use crate::model::text;
use crate::policy::provenance::revocation::Revocations;
use crate::policy::provenance::verdict::{Evidenced, Method, Verdict, Vouched};

/// What we believe when a signature comes along.
#[derive(Debug, Clone, Copy)]
pub struct Beliefs<'a> {
    /// Whom we let sign.
    pub allowed: &'a AllowedSigners,
    /// Lists of OpenSSH's own of those who may no longer.
    pub revoked: &'a [RevokedKeys],
    /// Revocations that know times.
    pub revocations: &'a Revocations,
    /// When the signature is known to have been there. Never git's own times,
    /// nor any that stands beside the signature: whoever stole a key writes
    /// there what they like.
    pub at: Evidenced,
    /// Whether our own ledger is witness enough against a compromise.
    pub first_seen_counts: bool,
    /// Only this principal will do; none: any that the list names.
    pub principal: Option<&'a str>,
}

/// A right signature. What it is about is still to be checked.
pub(in crate::policy::provenance) enum Judged {
    /// By somebody we know.
    Known(Signed),
    /// By a key that came along and that no list here knows.
    Stranger {
        /// In words.
        who: String,
        /// The key itself.
        key: SignerId,
    },
}

impl Judged {
    /// Adds what is worth knowing.
    pub(in crate::policy::provenance) fn note(&mut self, note: String) {
        if let Self::Known(signed) = self {
            signed.notes.push(note);
        }
    }

    /// Only for those who have compared the subject.
    pub(in crate::policy::provenance) fn vouch(self, method: Method) -> Verdict {
        match self {
            Self::Known(Signed { signer, key, at, notes }) => {
                Verdict::Valid(Vouched::new(signer, key, method, at, notes))
            }
            Self::Stranger { who, key } => Verdict::UnknownSigner { who, key: Some(key) },
        }
    }
}

/// Somebody we know signed a message. What it is about is still to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    signer: SignerId,
    key: SignerId,
    at: Evidenced,
    notes: Vec<String>,
}

impl Signed {
    /// Who.
    #[must_use]
    pub const fn signer(&self) -> &SignerId {
        &self.signer
    }
}

/// Judges the armoured `signature` over `message`, made for `namespace`.
///
/// # Errors
/// Every [`Verdict`] but the valid one.
pub fn judge(
    signature: &[u8],
    message: &[u8],
    namespace: &str,
    beliefs: &Beliefs<'_>,
) -> Result<Signed, Verdict> {
    match weigh(signature, message, namespace, beliefs)? {
        Judged::Known(signed) => Ok(signed),
        Judged::Stranger { who, .. } => Err(Verdict::UnknownSigner { who, key: None }),
    }
}

/// As [`judge`], for those who compare the subject afterwards: a stranger's
/// signature is checked as well, with the key that came along.
///
/// # Errors
/// Every [`Verdict`] but the valid one.
pub(in crate::policy::provenance) fn weigh(
    signature: &[u8],
    message: &[u8],
    namespace: &str,
    beliefs: &Beliefs<'_>,
) -> Result<Judged, Verdict> {
    let sig = SshSig::parse(signature)?;
    // Attack: a signature over a commit, or over any file, shown as one over a
    // statement.
    if sig.namespace != namespace {
        let made = sig::shown(&sig.namespace);
        return Err(Verdict::Invalid(format!("the signature was made for `{made}`, not for `{namespace}`")));
    }
    let identity = &sig.identity;
    let lines: Vec<_> = beliefs.allowed.naming(identity, beliefs.principal).collect();
    if let Identity::Certificate(cert) = identity {
        cert.verify_authority()?;
        cert.allows(sig.signature())?;
    }
    sig.verify(message)?;
    if lines.is_empty() {
        return stranger(identity, beliefs);
    }
    let (line, principal) = in_time(identity, &lines, namespace, beliefs)?;
    let signer = signer_of(identity, principal)?;
    not_revoked(identity, &signer, beliefs)?;

    let mut notes = vec![match identity {
        Identity::Key(_) => {
            format!("line {} of the allowed signers: {}", line.number, text::escape_short(principal, 200))
        }
        Identity::Certificate(cert) => certified(cert, line),
    }];
    if let Some(device) = sig.signature().device() {
        let how = if device.knew_who() { ", which knew who touched it" } else { "" };
        notes.push(format!("by a security key{how}; its signature number {}", device.counter));
    }
    notes.extend(beliefs.revoked.iter().flat_map(|list| list.notes().iter().cloned()));
    Ok(Judged::Known(Signed { signer, key: identity.key().content(), at: beliefs.at, notes }))
}

/// The first line that lets this signer sign for this, then.
fn in_time<'a>(
    identity: &Identity,
    lines: &[(&'a Line, &'a str)],
    namespace: &str,
    beliefs: &Beliefs<'_>,
) -> Result<(&'a Line, &'a str), Verdict> {
    let at = beliefs.at.time();
    let signer = identity.key().fingerprint();
    if let Identity::Certificate(cert) = identity {
        cert.holds_at(at).map_err(|why| Verdict::Expired { signer: signer.clone(), why: why.0 })?;
    }
    let mut refused = None;
    for (line, principal) in lines {
        match line.allows(namespace, at) {
            Ok(()) => return Ok((line, principal)),
            // A wrong time is nearer to a yes than a wrong purpose.
            Err(NotAllowed::Time(why)) => refused = Some(Verdict::Expired { signer: signer.clone(), why }),
            Err(NotAllowed::Namespace(why)) => {
                // Known, and not for this: nothing to pin on first use.
                refused.get_or_insert_with(|| Verdict::UnknownSigner {
                    who: format!("{signer}: {why}"),
                    key: None,
                });
            }
        }
    }
    Err(refused.unwrap_or(Verdict::UnknownSigner { who: signer, key: None }))
}

fn signer_of(identity: &Identity, principal: &str) -> Result<SignerId, Verdict> {
    match identity {
        Identity::Key(key) => Ok(key.signer()),
        Identity::Certificate(cert) => SignerId::ssh_authority(&cert.authority.digest(), principal)
            .map_err(|_| Verdict::Invalid("the principal is too long to be recorded".to_owned())),
    }
}

/// The signer, its key, its authority: each may be revoked. So may one of the
/// other principals of its certificate, and then the key counts for none.
fn not_revoked(identity: &Identity, signer: &SignerId, beliefs: &Beliefs<'_>) -> Result<(), Verdict> {
    for list in beliefs.revoked {
        if let Some(how) = list.revokes(identity) {
            let why = format!("a list of revoked keys: {how}; such lists count for all time");
            return Err(Verdict::Revoked { signer: signer.to_string(), why });
        }
    }
    let mut all = vec![signer.clone()];
    all.extend(identity.key().names());
    if let Identity::Certificate(cert) = identity {
        all.extend(cert.authority.names());
        let authority = cert.authority.digest();
        let others = cert.principals.iter().map(|name| SignerId::ssh_authority(&authority, name));
        all.extend(others.filter_map(Result::ok));
    }
    for one in &all {
        beliefs.revocations.judge(one, beliefs.at, beliefs.first_seen_counts)?;
    }
    Ok(())
}

/// Who it is that we do not know; the signature is right.
///
/// Attack: a key that was revoked here is shown as somebody new, and pinned. And
/// one that a list lets sign for others, or for something else, comes in as a
/// stranger: what is known here is never pinned on first use.
fn stranger(identity: &Identity, beliefs: &Beliefs<'_>) -> Result<Judged, Verdict> {
    let key = identity.key().signer();
    if let Identity::Certificate(cert) = identity {
        let expired = |why: super::cert::NotThen| Verdict::Expired { signer: key.to_string(), why: why.0 };
        cert.holds_at(beliefs.at.time()).map_err(expired)?;
    }
    not_revoked(identity, &key, beliefs)?;
    let who = stranger_words(identity, beliefs);
    if beliefs.allowed.knows(identity) {
        return Err(Verdict::UnknownSigner { who, key: None });
    }
    Ok(Judged::Stranger { who, key })
}

fn stranger_words(identity: &Identity, beliefs: &Beliefs<'_>) -> String {
    let key = identity.key().fingerprint();
    let who = match identity {
        Identity::Key(_) => key,
        Identity::Certificate(cert) => format!("{key}, certified by {}", cert.authority.fingerprint()),
    };
    match beliefs.principal {
        Some(principal) if beliefs.allowed.knows(identity) => {
            format!("{who}, which is not let sign as `{}`", text::escape_short(principal, 80))
        }
        _ if beliefs.allowed.knows(identity) => format!("{who}, none of whose principals is let sign"),
        _ => who,
    }
}

fn certified(cert: &Certificate, line: &Line) -> String {
    let id = text::escape_short(&String::from_utf8_lossy(&cert.key_id), 80);
    let (number, serial) = (line.number, cert.serial);
    format!(
        "line {number} of the allowed signers: certificate `{id}`, serial number {serial}, of key {}",
        cert.key.fingerprint()
    )
}
