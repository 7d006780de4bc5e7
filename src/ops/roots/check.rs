//! Whether a file may become a target: read with the reader that clients will
//! use, before anybody signs it.
//!
//! A list of revocations that clients refuse as a whole takes nothing away,
//! and its author learns of it last. So what cannot be read is refused here;
//! so is a name that means nothing, which is a mistake in typing more often
//! than a plan.

use super::policies;
use crate::model::time::Timestamp;
use crate::model::tuf::advisory::Advisory;
use crate::model::tuf::layout::{AnchorTerms, Place, StampTerms};
use crate::model::tuf::{Value, is_plain, lists};
use crate::policy::config::Policy;
use crate::policy::provenance::bundle::Bundle;
use crate::policy::provenance::dsse::Envelope;
use crate::policy::provenance::examine;
use crate::policy::provenance::keys::PublicKey;
use crate::policy::provenance::ssh::allowed_signers::AllowedSigners;
use crate::policy::provenance::ssh::sig::SshSig as Signature;
use crate::policy::provenance::tuf::FILE_MAX;
use crate::policy::provenance::x509::Anchor;

/// What the names of targets can be, for messages.
pub const NAMES: &str = "anchors/NAME.pem, stamp-anchors/NAME.pem, allowed_signers, revocations.json, \
     kill-orders.json, advisories/ID.json, policy.toml or reviews/NAME";

/// What an anchor is good for, as it was typed.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// From when on; none: from now on.
    pub from: Option<Timestamp>,
    /// Until when; none: without an end.
    pub until: Option<Timestamp>,
    /// For sources that match one of these.
    pub sources: Vec<String>,
}

impl Terms {
    /// Whether nothing was typed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.from.is_none() && self.until.is_none() && self.sources.is_empty()
    }
}

/// What is said about a target of this name beside its content.
///
/// # Errors
/// Why it cannot be said.
pub fn custom(path: &str, terms: &Terms, now: Timestamp) -> Result<Option<Value>, String> {
    let sources = match Place::of(path) {
        Place::Anchor(_) if terms.sources.is_empty() => {
            return Err("an anchor must say for which sources it signs: --for 'https://git.example/acme/*'"
                .to_owned());
        }
        Place::Anchor(_) => Some(terms.sources.iter().map(|source| Value::Text(source.clone())).collect()),
        Place::StampAnchor(_) if terms.sources.is_empty() => None,
        Place::StampAnchor(_) => {
            return Err(
                "a stamp anchor has no --for: an authority says when, not what; leave it out".to_owned()
            );
        }
        _ if terms.is_empty() => return Ok(None),
        _ => {
            return Err(
                "only an anchor has --from, --until and --for, and a stamp anchor the first two".to_owned()
            );
        }
    };
    let time = |time: Timestamp| Value::Text(time.to_string());
    let mut valid = vec![("start".to_owned(), time(terms.from.unwrap_or(now)))];
    valid.extend(terms.until.map(|until| ("end".to_owned(), time(until))));
    let mut members = vec![("validFor".to_owned(), Value::Map(valid.into_iter().collect()))];
    members.extend(sources.map(|sources| ("namespaces".to_owned(), Value::List(sources))));
    let custom = Value::Map(members.into_iter().collect());
    self::terms(path, Some(&custom))?;
    Ok(Some(custom))
}

/// Reads what is said about a target beside its content, as clients will.
///
/// # Errors
/// Why clients would not take it.
pub fn terms(path: &str, custom: Option<&Value>) -> Result<(), String> {
    let read = match Place::of(path) {
        Place::Anchor(_) => AnchorTerms::read(custom).map(drop),
        Place::StampAnchor(_) => StampTerms::read(custom).map(drop),
        _ => Ok(()),
    };
    read.map_err(|bad| bad.to_string())
}

/// Reads a target as clients will. `before` is what stands there now.
///
/// # Errors
/// Why clients would not take it.
pub fn content(path: &str, bytes: &[u8], before: Option<&[u8]>) -> Result<(), String> {
    if !is_plain(path) {
        return Err("no path that clients can fetch".to_owned());
    }
    if bytes.len() as u64 > FILE_MAX {
        return Err(format!("it is longer than the {FILE_MAX} bytes that clients take"));
    }
    match Place::of(path) {
        Place::Anchor(_) => anchor(bytes),
        Place::StampAnchor(_) => stamp_anchor(bytes),
        Place::AllowedSigners => allowed_signers(bytes),
        Place::Revocations => lists::revocations(bytes).map(|_| ()).map_err(|bad| bad.to_string()),
        Place::KillOrders => kill_orders(bytes, before),
        Place::Advisory(id) => {
            Advisory::to_publish(id, bytes, before).map(|_| ()).map_err(|bad| bad.to_string())
        }
        // As a policy, in full; and as what followers make of it.
        Place::Policy => {
            Policy::read(&[(path, utf8(bytes)?)]).and_then(|_| policies::read(bytes)).map(|_| ())
        }
        Place::Review(_) => review(bytes),
        Place::Other => Err(format!("a target of this name means nothing to clients; it can be {NAMES}")),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "it is not UTF-8".to_owned())
}

fn anchor(bytes: &[u8]) -> Result<(), String> {
    let text = utf8(bytes)?;
    // Attack, or a slip: the secret key beside it is published for everybody.
    if text.contains("PRIVATE KEY") {
        return Err("it holds a secret key; name the .pub file".to_owned());
    }
    match (Anchor::from_pem(&text), PublicKey::from_pem(&text)) {
        (Ok(_), _) | (_, Ok(_)) => Ok(()),
        (Err(certificate), Err(key)) => {
            Err(format!("neither a certificate ({certificate}) nor a key ({key})"))
        }
    }
}

fn stamp_anchor(bytes: &[u8]) -> Result<(), String> {
    // Attack, or a slip: as for anchors; here one key can date everything.
    if utf8(bytes)?.contains("PRIVATE KEY") {
        return Err("it holds a secret key; name the certificate alone".to_owned());
    }
    examine::stamp_anchor(bytes).map(drop)
}

fn allowed_signers(bytes: &[u8]) -> Result<(), String> {
    let list = AllowedSigners::parse(bytes).map_err(|bad| bad.to_string())?;
    match list.faults().first() {
        None => Ok(()),
        Some(fault) => Err(format!("line {} lets nobody sign: {}", fault.number, fault.why)),
    }
}

fn kill_orders(bytes: &[u8], before: Option<&[u8]>) -> Result<(), String> {
    let order = |bytes: &[u8]| lists::kill_orders(bytes).map(|list| list.order);
    let new = order(bytes).map_err(|bad| bad.to_string())?;
    match before.map(order) {
        Some(Ok(old)) if new <= old => {
            Err(format!("its order is {new}, and clients have seen {old}: each change needs a higher one"))
        }
        _ => Ok(()),
    }
}

/// A bundle, an envelope or an OpenSSH signature.
fn review(bytes: &[u8]) -> Result<(), String> {
    if bytes.starts_with(b"-----BEGIN SSH SIGNATURE-----") {
        return Signature::parse(bytes).map(|_| ()).map_err(|bad| bad.to_string());
    }
    let json = Value::evidence(bytes).map_err(|bad| bad.to_string())?;
    match json.get("mediaType") {
        Some(_) => Bundle::read(bytes).map(|_| ()).map_err(|verdict| format!("{verdict:?}")),
        None => Envelope::read(&json).map(|_| ()),
    }
}
