//! DSSE envelopes: a payload, its type, and signatures over both.
//!
//! What is signed is the pre-authentication encoding, which holds the type and
//! both lengths, so that bytes signed as one thing are never taken for another.
//! See: the DSSE protocol, version 1.
//!
//! `keyid` is never believed: it is not signed. Which key made a signature is
//! found by trying ours.

use super::keys::PublicKey;
use crate::model::json::Value;
use crate::model::signer::SignerId;
use crate::model::text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeSet;

/// The type of a payload that is an in-toto statement.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Most signatures of one envelope.
const SIGNATURES_MAX: usize = 32;

/// An envelope, decoded; nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<Vec<u8>>,
}

/// Why a threshold is not met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdFault {
    /// A threshold of nobody would be met by anybody.
    #[error("a threshold of 0 is met by anybody")]
    Zero,
    /// Too few.
    #[error("signed by {found} of the {of} keys in question, and {wanted} are needed")]
    Unmet {
        /// Distinct keys whose signature is right.
        found: usize,
        /// Distinct keys asked about.
        of: usize,
        /// The threshold.
        wanted: usize,
    },
}

impl Envelope {
    /// Takes an envelope out of its JSON.
    ///
    /// # Errors
    /// What is wrong with its form.
    pub fn read(json: &Value) -> Result<Self, String> {
        if json.as_map().is_none() {
            return Err("the envelope is no object".to_owned());
        }
        if json.unknown(&["payload", "payloadType", "signatures"]).is_some() {
            return Err("the envelope has a member that DSSE does not know".to_owned());
        }
        let payload_type =
            json.get("payloadType").and_then(Value::as_text).ok_or("the envelope has no payloadType")?;
        let payload = json.get("payload").and_then(Value::as_text).ok_or("the envelope has no payload")?;
        let payload = decode(payload).ok_or("the payload is not strict base64")?;
        let list = json.get("signatures").and_then(Value::as_list).ok_or("the envelope has no signatures")?;
        if list.is_empty() || list.len() > SIGNATURES_MAX {
            return Err(format!("{} signatures; 1 to {SIGNATURES_MAX} can be", list.len()));
        }
        let signatures = list.iter().map(signature).collect::<Result<_, _>>()?;
        Ok(Self { payload_type: payload_type.to_owned(), payload, signatures })
    }

    /// The signatures, in their order.
    #[must_use]
    pub fn signatures(&self) -> &[Vec<u8>] {
        &self.signatures
    }

    /// What the payload says it is.
    #[must_use]
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The bytes that signatures are over.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }

    /// The payload, for who has verified a signature; nobody else reads it.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload, if at least `threshold` *distinct* keys of `keys` signed it,
    /// and these keys.
    ///
    /// Attack: one person's key listed twice, or one signature repeated, or a
    /// second signature by the same key, makes two out of one. Keys are counted
    /// by the hash of what they are, so each counts once.
    ///
    /// # Errors
    /// [`ThresholdFault`].
    pub fn verify(
        &self,
        keys: &[PublicKey],
        threshold: usize,
    ) -> Result<(&[u8], BTreeSet<SignerId>), ThresholdFault> {
        if threshold == 0 {
            return Err(ThresholdFault::Zero);
        }
        let message = self.signed_bytes();
        let signed = |key: &&PublicKey| self.signatures.iter().any(|sig| key.verify(&message, sig).is_ok());
        let signers: BTreeSet<_> = keys.iter().filter(signed).map(PublicKey::id).collect();
        if signers.len() < threshold {
            let of = keys.iter().map(PublicKey::id).collect::<BTreeSet<_>>().len();
            return Err(ThresholdFault::Unmet { found: signers.len(), of, wanted: threshold });
        }
        Ok((&self.payload, signers))
    }
}

fn signature(json: &Value) -> Result<Vec<u8>, String> {
    if json.unknown(&["sig", "keyid"]).is_some() {
        return Err("a signature has a member that DSSE does not know".to_owned());
    }
    if !matches!(json.get("keyid"), None | Some(Value::Null | Value::Text(_))) {
        return Err("a signature's keyid is no text".to_owned());
    }
    let sig = json.get("sig").and_then(Value::as_text).ok_or("a signature without `sig`")?;
    decode(sig).filter(|sig| !sig.is_empty()).ok_or_else(|| "a signature is not strict base64".to_owned())
}

/// The keys that an envelope names, escaped; for messages alone, since nobody
/// signed these names.
#[must_use]
pub fn named_keys(bytes: &[u8]) -> Vec<String> {
    let Ok(json) = Value::evidence(bytes) else { return Vec::new() };
    let list = json.get("signatures").and_then(Value::as_list).unwrap_or_default();
    let names = list.iter().filter_map(|one| one.get("keyid").and_then(Value::as_text));
    names.filter(|name| !name.is_empty()).take(3).map(|name| text::escape_short(name, 80)).collect()
}

/// The pre-authentication encoding.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

/// Base64 with its padding, the standard letters, no white space and no stray
/// bits: one text for the same bytes.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The one base64 text of these bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::provenance::keys::{SecretKey, tests::ed25519};

    #[test]
    fn the_encoding_is_that_of_the_protocol() {
        // The example of the DSSE protocol.
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        // Lengths are of bytes, not of characters.
        assert_eq!(pae("é", "ü".as_bytes()), "DSSEv1 2 é 2 ü".as_bytes());
    }

    #[test]
    fn base64_has_one_spelling() {
        assert_eq!(decode("AA=="), Some(vec![0]));
        for text in ["AA", "AA=", "AB==", "AA==\n", " AA==", "AA===", "A-==", "A_==", "AA==AA=="] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    fn envelope(payload: &[u8], signatures: &[Vec<u8>]) -> Envelope {
        let list: Vec<_> =
            signatures.iter().map(|sig| format!("{{\"sig\":\"{}\",\"keyid\":\"x\"}}", encode(sig))).collect();
        let text = format!(
            "{{\"payload\":\"{}\",\"payloadType\":\"t\",\"signatures\":[{}]}}",
            encode(payload),
            list.join(",")
        );
        Envelope::read(&Value::evidence(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn one_key_is_never_two() {
        let (one, two) = (SecretKey::p256(&[7; 32]).unwrap(), SecretKey::p384(&[9; 48]).unwrap());
        let (third, signature) = ed25519(&[5; 32], &pae("t", b"x"));
        let sign = |key: &SecretKey| key.sign(&pae("t", b"x")).unwrap();
        let (a, b) = (one.public(), two.public());
        let all = [a.clone(), a.clone(), b.clone(), third.clone()];

        let twice = envelope(b"x", &[sign(&one), sign(&one)]);
        assert_eq!(twice.verify(&all, 2), Err(ThresholdFault::Unmet { found: 1, of: 3, wanted: 2 }));
        assert_eq!(twice.verify(&all, 1).unwrap().1, BTreeSet::from([a.id()]));

        let both = envelope(b"x", &[sign(&one), vec![1, 2, 3], sign(&two), signature]);
        assert_eq!(both.verify(&all, 3).unwrap(), (&b"x"[..], BTreeSet::from([a.id(), b.id(), third.id()])));
        assert!(both.verify(&all, 4).is_err());
        assert!(both.verify(std::slice::from_ref(&b), 2).is_err());
        assert_eq!(both.verify(&all, 0), Err(ThresholdFault::Zero));
        // Other bytes, or the same as another type, were not signed.
        assert!(envelope(b"y", &[sign(&one)]).verify(&all, 1).is_err());
        assert!(envelope(b"x", &[one.sign(&pae("u", b"x")).unwrap()]).verify(&all, 1).is_err());
    }

    #[test]
    fn a_form_that_dsse_does_not_know_is_refused() {
        let read = |text: &str| Envelope::read(&Value::evidence(text.as_bytes()).unwrap());
        assert!(read(r#"{"payload":"","payloadType":"t","signatures":[{"sig":"AA==","keyid":null},{"sig":"AA=="}]}"#).is_ok());
        let many = format!(
            r#"{{"payload":"","payloadType":"t","signatures":[{}]}}"#,
            vec![r#"{"sig":"AA=="}"#; 33].join(",")
        );
        for text in [
            "[]",
            r#"{"payload":"","payloadType":"t"}"#,
            r#"{"payload":"","payloadType":"t","signatures":[]}"#,
            r#"{"payload":"","payloadType":"t","signatures":{}}"#,
            r#"{"payload":"","payloadType":1,"signatures":[{"sig":"AA=="}]}"#,
            r#"{"payload":"A","payloadType":"t","signatures":[{"sig":"AA=="}]}"#,
            r#"{"payload":"","payloadType":"t","signatures":[{"sig":""}]}"#,
            r#"{"payload":"","payloadType":"t","signatures":[{"keyid":""}]}"#,
            r#"{"payload":"","payloadType":"t","signatures":[{"sig":"AA==","keyid":1}]}"#,
            r#"{"payload":"","payloadType":"t","signatures":[{"sig":"AA==","cert":""}]}"#,
            r#"{"payload":"","payloadType":"t","signatures":["AA=="]}"#,
            r#"{"payload":"","payloadType":"t","signatures":[{"sig":"AA=="}],"extra":1}"#,
            &many,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
