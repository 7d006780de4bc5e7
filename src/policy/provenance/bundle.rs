//! The Sigstore bundle around an OMS signature, taken apart.
//!
//! ```text
//! mediaType             application/vnd.dev.sigstore.bundle.v0.3+json
//! verificationMaterial  exactly one of
//!     publicKey              hint, or rawBytes and keyDetails as before model_signing 1.1
//!     x509CertificateChain   leaf first, DER
//!     certificate            keyless: not evaluated
//!   and perhaps tlogEntries, timestampVerificationData
//! dsseEnvelope
//! ```
//!
//! Nothing in here is believed: the material says only which of *our* keys or
//! anchors to try.

use super::dsse::{self, Envelope};
use super::keys::PublicKey;
use super::verdict::Verdict;
use crate::model::json::Value;
use crate::model::text;

/// Most time stamps in one bundle: each is followed with all our anchors.
const STAMPS_MAX: usize = 8;

/// The one media type.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Which key is said to have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// A bare key.
    Key {
        /// Hex SHA-256 of its PEM text.
        hint: Option<String>,
        /// The key itself, as bundles before 1.1 have it.
        raw: Option<PublicKey>,
    },
    /// Certificates in DER, the signer's first.
    Chain(Vec<Vec<u8>>),
}

/// A bundle, decoded; nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Who is said to have signed.
    pub material: Material,
    /// What was signed.
    pub envelope: Envelope,
    /// RFC 3161 tokens, in DER.
    pub stamps: Vec<Vec<u8>>,
    /// Whether a transparency log's entries are there.
    pub logged: bool,
}

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// [`Verdict::Invalid`], or [`Verdict::Unsupported`] for what is a bundle of another kind.
    pub fn read(bytes: &[u8]) -> Result<Self, Verdict> {
        let invalid = |why: String| Verdict::Invalid(format!("the bundle: {why}"));
        let json = Value::evidence(bytes).map_err(|fault| invalid(format!("{fault}")))?;
        let media = json.get("mediaType").and_then(Value::as_text).unwrap_or_default();
        if media != MEDIA_TYPE {
            let quoted = text::escape_short(media, 80);
            let known = media.starts_with("application/vnd.dev.sigstore.bundle");
            return Err(if known {
                Verdict::Unsupported(format!("a bundle of type `{quoted}`; only `{MEDIA_TYPE}`"))
            } else {
                invalid(format!("its mediaType is `{quoted}`, not `{MEDIA_TYPE}`"))
            });
        }
        only(&json, "it", &["mediaType", "verificationMaterial", "dsseEnvelope"]).map_err(invalid)?;
        let stated =
            json.get("verificationMaterial").ok_or_else(|| invalid("no verificationMaterial".to_owned()))?;
        let material = material(stated)?;
        let stamps = stamps(stated.get("timestampVerificationData")).map_err(invalid)?;
        let logged = match stated.get("tlogEntries") {
            None => false,
            Some(Value::List(entries)) => !entries.is_empty(),
            Some(_) => return Err(invalid("tlogEntries is no list".to_owned())),
        };
        let envelope = json.get("dsseEnvelope").ok_or_else(|| invalid("no dsseEnvelope".to_owned()))?;
        let envelope = Envelope::read(envelope).map_err(invalid)?;
        Ok(Self { material, envelope, stamps, logged })
    }
}

fn only(json: &Value, what: &str, known: &[&str]) -> Result<(), String> {
    if json.as_map().is_none() {
        return Err(format!("{what} is no object"));
    }
    json.unknown(known).map_or(Ok(()), |name| {
        Err(format!("{what} has an unknown member `{}`", text::escape_short(name, 80)))
    })
}

fn material(json: &Value) -> Result<Material, Verdict> {
    let invalid = |why: String| Verdict::Invalid(format!("the bundle: {why}"));
    let kinds = ["publicKey", "x509CertificateChain", "certificate"];
    only(json, "verificationMaterial", &[&kinds[..], &["tlogEntries", "timestampVerificationData"]].concat())
        .map_err(invalid)?;
    let stated: Vec<_> = kinds.iter().filter_map(|kind| Some((*kind, json.get(kind)?))).collect();
    match stated.as_slice() {
        [("publicKey", key)] => bare_key(key).map_err(invalid),
        [("x509CertificateChain", chain)] => certificates(chain).map(Material::Chain).map_err(invalid),
        [("certificate", _)] => {
            Err(Verdict::Unsupported("keyless Sigstore signatures (Fulcio and Rekor)".to_owned()))
        }
        [] => Err(invalid("it names neither a key nor a certificate".to_owned())),
        // Attack: one program looks at the key, another at the certificate.
        _ => Err(invalid("it names both a key and a certificate".to_owned())),
    }
}

fn bare_key(json: &Value) -> Result<Material, String> {
    only(json, "publicKey", &["hint", "rawBytes", "keyDetails"])?;
    let member = |name: &str| match json.get(name) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(format!("{name} is no text")),
    };
    let raw = member("rawBytes")?.map(|text| {
        let bytes = dsse::decode(text).ok_or("rawBytes is not strict base64")?;
        // model_signing put PEM where the type says DER.
        let key = match std::str::from_utf8(&bytes) {
            Ok(pem) => PublicKey::from_pem(pem),
            Err(_) => PublicKey::from_spki(&bytes),
        };
        key.map_err(|fault| format!("rawBytes: {fault}"))
    });
    Ok(Material::Key { hint: member("hint")?.map(str::to_owned), raw: raw.transpose()? })
}

fn certificates(json: &Value) -> Result<Vec<Vec<u8>>, String> {
    only(json, "x509CertificateChain", &["certificates"])?;
    let list = json.get("certificates").and_then(Value::as_list).unwrap_or_default();
    if list.is_empty() {
        return Err("x509CertificateChain holds no certificate".to_owned());
    }
    let one = |json: &Value| {
        only(json, "a certificate", &["rawBytes"])?;
        let bytes = json.get("rawBytes").and_then(Value::as_text).and_then(dsse::decode);
        bytes.ok_or_else(|| "a certificate is not strict base64".to_owned())
    };
    list.iter().map(one).collect()
}

fn stamps(json: Option<&Value>) -> Result<Vec<Vec<u8>>, String> {
    let Some(json) = json else { return Ok(Vec::new()) };
    only(json, "timestampVerificationData", &["rfc3161Timestamps"])?;
    let list = match json.get("rfc3161Timestamps") {
        None => return Ok(Vec::new()),
        Some(list) => list.as_list().ok_or("rfc3161Timestamps is no list")?,
    };
    if list.len() > STAMPS_MAX {
        return Err(format!("{} time stamps; at most {STAMPS_MAX} are read", list.len()));
    }
    let one = |json: &Value| {
        only(json, "a time stamp", &["signedTimestamp"])?;
        let bytes = json.get("signedTimestamp").and_then(Value::as_text).and_then(dsse::decode);
        bytes.ok_or_else(|| "a time stamp is not strict base64".to_owned())
    };
    list.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::provenance::keys::SecretKey;

    fn read(material: &str) -> Result<Bundle, Verdict> {
        let text = format!(
            r#"{{"mediaType":"{MEDIA_TYPE}","verificationMaterial":{material},"dsseEnvelope":{{"payload":"","payloadType":"t","signatures":[{{"sig":"AA=="}}]}}}}"#
        );
        Bundle::read(text.as_bytes())
    }

    #[test]
    fn each_form_of_material() {
        let key = SecretKey::p256(&[7; 32]).unwrap().public();
        let raw = |bytes: &[u8]| {
            format!(r#"{{"publicKey":{{"rawBytes":"{}","keyDetails":"x"}}}}"#, dsse::encode(bytes))
        };
        let found = |text: &str| read(text).unwrap().material;
        let none = |raw| Material::Key { hint: None, raw };
        assert_eq!(
            found(r#"{"publicKey":{"hint":"x"}}"#),
            Material::Key { hint: Some("x".to_owned()), raw: None }
        );
        assert_eq!(found(r#"{"publicKey":{"hint":""},"tlogEntries":[]}"#), none(None));
        assert_eq!(found(&raw(key.pem().as_bytes())), none(Some(key.clone())));
        assert_eq!(found(&raw(key.spki())), none(Some(key)));
        let chain =
            found(r#"{"x509CertificateChain":{"certificates":[{"rawBytes":"AA=="},{"rawBytes":"AQ=="}]}}"#);
        assert_eq!(chain, Material::Chain(vec![vec![0], vec![1]]));
        let more = read(r#"{"publicKey":{},"tlogEntries":[{}],"timestampVerificationData":{"rfc3161Timestamps":[{"signedTimestamp":"AQ=="}]}}"#).unwrap();
        assert_eq!((more.logged, more.stamps), (true, vec![vec![1]]));
        assert!(read(r#"{"publicKey":{},"timestampVerificationData":{}}"#).unwrap().stamps.is_empty());
    }

    #[test]
    fn at_most_eight_time_stamps() {
        let with = |count: usize| {
            let list = vec![r#"{"signedTimestamp":"AQ=="}"#; count].join(",");
            read(&format!(
                r#"{{"publicKey":{{}},"timestampVerificationData":{{"rfc3161Timestamps":[{list}]}}}}"#
            ))
        };
        assert_eq!(with(8).unwrap().stamps.len(), 8);
        let why = with(9).unwrap_err().to_string();
        assert!(why.contains("9 time stamps; at most 8"), "{why}");
    }

    #[test]
    fn what_is_no_material() {
        for text in [
            "[]",
            "{}",
            "null",
            r#"{"publicKey":[]}"#,
            r#"{"publicKey":{"hint":1}}"#,
            r#"{"publicKey":{"x":1}}"#,
            r#"{"publicKey":{"rawBytes":"A"}}"#,
            r#"{"publicKey":{"rawBytes":"AAAA"}}"#,
            r#"{"publicKey":{},"tlogEntries":{}}"#,
            r#"{"publicKey":{},"x":1}"#,
            r#"{"publicKey":{},"certificate":{}}"#,
            r#"{"x509CertificateChain":{}}"#,
            r#"{"x509CertificateChain":{"certificates":[]}}"#,
            r#"{"x509CertificateChain":{"certificates":[{}]}}"#,
            r#"{"x509CertificateChain":{"certificates":[{"rawBytes":"A"}]}}"#,
            r#"{"x509CertificateChain":{"certificates":["AA=="]}}"#,
            r#"{"publicKey":{},"timestampVerificationData":[]}"#,
            r#"{"publicKey":{},"timestampVerificationData":{"rfc3161Timestamps":{}}}"#,
            r#"{"publicKey":{},"timestampVerificationData":{"rfc3161Timestamps":[{}]}}"#,
        ] {
            assert_eq!(read(text).unwrap_err().word(), "invalid", "{text}");
        }
        assert_eq!(read(r#"{"certificate":{},"tlogEntries":[{}]}"#).unwrap_err().word(), "unsupported");
    }
}
