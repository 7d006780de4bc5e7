//! From a certificate to a signer, by way of our own anchors and no others.
//!
//! ```text
//! path        built by webpki from the bundle's leaf and intermediates to one of our anchors;
//!             a root that the bundle brings along is never an anchor
//! time        every certificate of the path, the anchor's too, at the time of the evidence
//! leaf        KeyUsage with digitalSignature, always; if there is an ExtendedKeyUsage, anywhere in
//!             the path, it holds codeSigning; no CA, but for the anchor itself
//! issuers     BasicConstraints CA and path length (webpki, and the anchor's own here); KeyUsage with
//!             keyCertSign, which webpki leaves to its caller
//! identity    our anchor's key, and the leaf's subject
//! ```
//!
//! Attacks: a bundle that carries its own root proves itself; a leaf that
//! expired years ago verifies wherever "now" is taken from the leaf; a server's
//! certificate for TLS signs a skill; an ordinary leaf is used as an authority.
//!
//! Signatures inside the path are ECDSA on P-256 and P-384 with SHA-256 or
//! SHA-384, and on P-521 with SHA-512. RSA is not evaluated.

use super::keys::{Hash, Kind, PublicKey, Window, ecdsa, pem};
use super::verdict::Verdict;
use crate::model::digest::{Digest, sha256};
use crate::model::signer::SignerId;
use crate::model::text;
use crate::model::time::Timestamp;
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm,
};
use rustls_pki_types::{UnixTime, alg_id};
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

/// Most certificates in one bundle.
const CERTIFICATES_MAX: usize = 10;

/// Longest certificate, in bytes.
const CERTIFICATE_MAX: usize = 1 << 16;

/// What the leaf is for.
#[derive(Clone, Copy)]
struct Use {
    /// As webpki asks for it, of every certificate of the path.
    extended: webpki::KeyUsage,
    /// The same, as the bytes of the identifier.
    oid: &'static [u8],
    /// Its name.
    word: &'static str,
}

/// 1.3.6.1.5.5.7.3.3, where there is any ExtendedKeyUsage.
const CODE: Use = purpose(&[43, 6, 1, 5, 5, 7, 3, 3], "codeSigning");

/// 1.3.6.1.5.5.7.3.8. That the leaf has it at all is asked apart.
const STAMPS: Use = purpose(&[43, 6, 1, 5, 5, 7, 3, 8], "timeStamping");

const fn purpose(oid: &'static [u8], word: &'static str) -> Use {
    Use { extended: webpki::KeyUsage::required_if_present(oid), oid, word }
}

/// A certificate that we believe: of an authority, or of one signer itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    der: Vec<u8>,
    spki: Digest,
    /// When we believe it, beside its own validity.
    pub window: Window,
}

/// What is no anchor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorFault {
    /// Something else.
    #[error("not one certificate in PEM form (`-----BEGIN CERTIFICATE-----`)")]
    NotPem,
    /// Not X.509.
    #[error("not an X.509 certificate in DER")]
    NotACertificate,
}

/// A leaf whose path leads to an anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    /// The leaf's key.
    pub key: PublicKey,
    /// Who it is.
    pub signer: SignerId,
    /// Every key and certificate of the path, as revocation lists name them:
    /// `key:` and the SHA-256 of a public key or of a whole certificate.
    pub path: Vec<SignerId>,
}

impl Anchor {
    /// From a PEM text with one certificate.
    ///
    /// # Errors
    /// [`AnchorFault`].
    pub fn from_pem(text: &str) -> Result<Self, AnchorFault> {
        let blocks = pem("CERTIFICATE", text).ok_or(AnchorFault::NotPem)?;
        let [der] = blocks.as_slice() else { return Err(AnchorFault::NotPem) };
        Self::from_der(der)
    }

    /// From DER.
    ///
    /// # Errors
    /// [`AnchorFault`].
    pub fn from_der(der: &[u8]) -> Result<Self, AnchorFault> {
        let seen = Seen::read(der).ok_or(AnchorFault::NotACertificate)?;
        let spki = sha256(&[&seen.spki]);
        Ok(Self { der: der.to_vec(), spki, window: Window::ALWAYS })
    }

    /// Every id by which a list may name it or its key.
    #[must_use]
    pub fn names(&self) -> Vec<SignerId> {
        Seen::read(&self.der).map(|seen| seen.names()).unwrap_or_default()
    }

    /// Whether stamps of times could ever lead to it: it is an authority that
    /// may certify, or is itself for time stamps alone; by an algorithm that is
    /// evaluated here.
    ///
    /// # Errors
    /// Why not.
    pub fn may_stamp(&self) -> Result<(), Verdict> {
        let (seen, _) = first(&self.der)?;
        if seen.is_authority() {
            return seen.may_certify();
        }
        for_stamps_alone(&self.der)?;
        seen.may_sign(STAMPS)
    }

    /// SHA-256 of its public key: the first half of the ids of all it certifies.
    #[must_use]
    pub const fn spki(&self) -> &Digest {
        &self.spki
    }
}

/// What is asked of a certificate beside webpki's questions.
struct Seen {
    subject: String,
    spki: Vec<u8>,
    fingerprint: Digest,
    /// None: no such extension.
    usage: Option<KeyUsage>,
    /// The same of ExtendedKeyUsage.
    purposes: Option<ExtendedKeyUsage>,
    basic: Option<BasicConstraints>,
    validity: Window,
}

impl Seen {
    fn read(der: &[u8]) -> Option<Self> {
        if der.len() > CERTIFICATE_MAX {
            return None;
        }
        let certificate = Certificate::from_der(der).ok()?;
        let body = certificate.tbs_certificate();
        let second = |time: &x509_cert::time::Time| {
            Timestamp::from_unix(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
        };
        Some(Self {
            subject: body.subject().to_string(),
            spki: body.subject_public_key_info().to_der().ok()?,
            fingerprint: sha256(&[der]),
            usage: body.get_extension::<KeyUsage>().ok()?.map(|(_, usage)| usage),
            purposes: body.get_extension::<ExtendedKeyUsage>().ok()?.map(|(_, purposes)| purposes),
            basic: body.get_extension::<BasicConstraints>().ok()?.map(|(_, basic)| basic),
            validity: Window {
                from: Some(second(&body.validity().not_before)),
                // Of a certificate the last second is inside (RFC 5280, 4.1.2.5).
                until: Some(Timestamp::from_unix(
                    second(&body.validity().not_after).unix().saturating_add(1),
                )),
            },
        })
    }

    fn words(&self) -> String {
        format!("`{}`", text::escape_short(&self.subject, 120))
    }

    fn is_authority(&self) -> bool {
        self.basic.as_ref().is_some_and(|basic| basic.ca)
    }

    fn may_certify(&self) -> Result<(), Verdict> {
        if self.usage.as_ref().is_some_and(KeyUsage::key_cert_sign) {
            return Ok(());
        }
        Err(Verdict::Invalid(format!(
            "{} may not certify others: its KeyUsage has no keyCertSign",
            self.words()
        )))
    }

    /// Whether it is for signing at all, and for this.
    fn may_sign(&self, what: Use) -> Result<(), Verdict> {
        let words = self.words();
        if !self.usage.as_ref().is_some_and(KeyUsage::digital_signature) {
            return Err(Verdict::Invalid(format!(
                "{words} may not sign: its KeyUsage has no digitalSignature"
            )));
        }
        let named = |all: &ExtendedKeyUsage| all.0.iter().any(|one| one.as_bytes() == what.oid);
        if self.purposes.as_ref().is_none_or(named) { Ok(()) } else { Err(other_uses(&words, what)) }
    }

    /// Every id by which a list may name the certificate or its key.
    fn names(&self) -> Vec<SignerId> {
        let key = PublicKey::from_spki(&self.spki);
        // Of a key that is not evaluated here the hash alone is known.
        let mut all = key.map_or_else(|_| vec![SignerId::key(&sha256(&[&self.spki]))], |key| key.names());
        all.push(SignerId::key(&self.fingerprint));
        all
    }

    fn is_valid_at(&self, window: Window, at: Timestamp) -> Result<(), Verdict> {
        window.holds(at).map_err(|why| Verdict::Expired { signer: self.words(), why })
    }
}

/// Follows a chain, leaf first, to one of the anchors.
///
/// # Errors
/// The verdict: unknown signer, expired, unsupported or invalid.
pub fn certify(chain: &[Vec<u8>], anchors: &[Anchor], at: Timestamp) -> Result<Certified, Verdict> {
    follow(chain, anchors, at, CODE)
}

/// As [`certify`], for an authority that stamps times.
///
/// # Errors
/// As [`certify`]; and for a leaf without ExtendedKeyUsage, which RFC 3161 demands.
pub fn certify_stamper(chain: &[Vec<u8>], anchors: &[Anchor], at: Timestamp) -> Result<Certified, Verdict> {
    for_stamps_alone(chain.first().map(Vec::as_slice).unwrap_or_default())?;
    follow(chain, anchors, at, STAMPS)
}

fn for_stamps_alone(leaf: &[u8]) -> Result<(), Verdict> {
    let purposes = Seen::read(leaf).and_then(|leaf| leaf.purposes);
    // 1.3.6.1.5.5.7.3.8, and nothing else beside it.
    let alone = |all: ExtendedKeyUsage| matches!(all.0.as_slice(), [one] if one.as_bytes() == STAMPS.oid);
    if purposes.is_some_and(alone) {
        return Ok(());
    }
    Err(Verdict::Invalid("its certificate is not for time stamps alone".to_owned()))
}

fn follow(chain: &[Vec<u8>], anchors: &[Anchor], at: Timestamp, what: Use) -> Result<Certified, Verdict> {
    let invalid = |why: &str| Verdict::Invalid(why.to_owned());
    let [leaf, others @ ..] = chain else { return Err(invalid("the bundle holds no certificate")) };
    if chain.len() > CERTIFICATES_MAX {
        return Err(Verdict::Invalid(format!("{} certificates; at most {CERTIFICATES_MAX}", chain.len())));
    }
    let (seen, key) = first(leaf)?;
    let mut best = nobody(&seen);
    for anchor in anchors {
        match reach(leaf, &seen, others, anchor, at, what) {
            Ok(path) => {
                let signer = SignerId::certificate(&anchor.spki, &seen.subject);
                let signer = signer.map_err(|_| {
                    invalid("the certificate's subject is empty, or too long to name a signer")
                })?;
                return Ok(Certified { key, signer, path });
            }
            // What another anchor has to say of a signer it does not know says nothing.
            Err(verdict) => {
                if matches!(best, Verdict::UnknownSigner { .. }) {
                    best = verdict;
                }
            }
        }
    }
    Err(best)
}

/// The signer's own certificate, and its key.
fn first(leaf: &[u8]) -> Result<(Seen, PublicKey), Verdict> {
    let unreadable = || Verdict::Invalid("the first certificate of the bundle cannot be read".to_owned());
    let seen = Seen::read(leaf).ok_or_else(unreadable)?;
    let key = PublicKey::from_spki(&seen.spki).ok().filter(|key| key.kind() != Kind::Ed25519);
    let key = key.ok_or_else(|| {
        Verdict::Unsupported(format!(
            "the key of {}: only P-256, P-384 and P-521 are evaluated in certificates",
            seen.words()
        ))
    })?;
    Ok((seen, key))
}

/// A leaf that no anchor certifies, fit to sign in itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// Its key, which nobody we know certifies.
    pub key: PublicKey,
    /// What it calls itself; escaped.
    pub who: String,
    /// Every id by which a list may name a certificate of the chain or its key.
    pub names: Vec<SignerId>,
}

/// Looks at a chain that [`certify`] could not follow. The names in it are what
/// it says of itself.
///
/// # Errors
/// The verdict, if the leaf may not sign even by what it says of itself.
pub fn stranger(chain: &[Vec<u8>], at: Timestamp) -> Result<Stranger, Verdict> {
    let leaf = chain.first().map(Vec::as_slice).unwrap_or_default();
    let (seen, key) = first(leaf)?;
    seen.is_valid_at(seen.validity, at)?;
    seen.may_sign(CODE)?;
    let names = chain.iter().filter_map(|der| Seen::read(der)).flat_map(|one| one.names()).collect();
    let who = format!("{}, which no anchor here certifies, by the key {}", seen.words(), key.id());
    Ok(Stranger { key, who, names })
}

/// From the leaf to this anchor: the keys and certificates on the way.
fn reach(
    leaf: &[u8],
    seen: &Seen,
    others: &[Vec<u8>],
    anchor: &Anchor,
    at: Timestamp,
    what: Use,
) -> Result<Vec<SignerId>, Verdict> {
    let unreadable = || Verdict::Invalid("a certificate of the chain cannot be read".to_owned());
    let root = Seen::read(&anchor.der).ok_or_else(unreadable)?;
    let mut met = Vec::new();
    if leaf == anchor.der {
        // A person believes this very certificate, so it needs nobody above it.
        seen.is_valid_at(seen.validity, at)?;
    } else {
        let between = path(leaf, seen, others, anchor, at, what)?;
        root.is_valid_at(root.validity, at)?;
        if !root.is_authority() {
            return Err(Verdict::Invalid(format!("{} is no authority, and certifies nobody", root.words())));
        }
        root.may_certify()?;
        let allowed = root.basic.as_ref().and_then(|basic| basic.path_len_constraint);
        if allowed.is_some_and(|most| between.len() > usize::from(most)) {
            return Err(Verdict::Invalid(format!("more authorities below {} than it allows", root.words())));
        }
        for der in between {
            let issuer = Seen::read(&der).ok_or_else(unreadable)?;
            issuer.may_certify()?;
            met.push(issuer);
        }
        met.push(root);
    }
    seen.is_valid_at(anchor.window, at)?;
    // Here too for a leaf that is itself believed, which webpki never saw.
    seen.may_sign(what)?;
    Ok(met.iter().chain([seen]).flat_map(Seen::names).collect())
}

/// The certificates between leaf and anchor, as webpki finds the path.
fn path(
    leaf: &[u8],
    seen: &Seen,
    others: &[Vec<u8>],
    anchor: &Anchor,
    at: Timestamp,
    what: Use,
) -> Result<Vec<Vec<u8>>, Verdict> {
    let judged = |error: webpki::Error| judge(&error, seen, at, what);
    let der = CertificateDer::from(leaf);
    let root = CertificateDer::from(anchor.der.as_slice());
    let end = webpki::EndEntityCert::try_from(&der).map_err(judged)?;
    let root = webpki::anchor_from_trusted_cert(&root).map_err(judged)?;
    let others: Vec<_> = others.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let second = u64::try_from(at.unix()).unwrap_or(0);
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(second));
    let roots = [root];
    let found =
        end.verify_for_usage(ALGORITHMS, &roots, &others, time, what.extended, None, None).map_err(judged)?;
    Ok(found.intermediate_certificates().map(|one| one.der().to_vec()).collect())
}

fn other_uses(who: &str, what: Use) -> Verdict {
    Verdict::Invalid(format!("{who} is for other uses: its ExtendedKeyUsage has no {}", what.word))
}

fn nobody(leaf: &Seen) -> Verdict {
    Verdict::UnknownSigner { who: format!("{}, which no anchor here certifies", leaf.words()), key: None }
}

/// What webpki found, in our words.
fn judge(error: &webpki::Error, leaf: &Seen, at: Timestamp, what: Use) -> Verdict {
    use webpki::Error as E;
    let time = |time: &UnixTime| Timestamp::from_unix(i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
    let expired = |why: String| Verdict::Expired { signer: leaf.words(), why };
    match error {
        E::CertExpired { not_after, .. } => expired(format!(
            "a certificate of the path ended {}, and the evidence is of {at}",
            time(not_after)
        )),
        E::CertNotValidYet { not_before, .. } => expired(format!(
            "a certificate of the path begins {}, and the evidence is of {at}",
            time(not_before)
        )),
        // Somebody else's authority may have the same name: then only its signature does not fit.
        E::UnknownIssuer | E::InvalidSignatureForPublicKey => nobody(leaf),
        E::UnsupportedSignatureAlgorithmContext(_)
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Verdict::Unsupported(format!(
            "the certificates above {} are signed with RSA or another algorithm that is not evaluated here",
            leaf.words()
        )),
        E::CaUsedAsEndEntity => {
            Verdict::Invalid(format!("{} is an authority's certificate, and signs no skill", leaf.words()))
        }
        E::EndEntityUsedAsCa => Verdict::Invalid(format!("what certifies {} is no authority", leaf.words())),
        E::PathLenConstraintViolated => {
            Verdict::Invalid(format!("more authorities above {} than one of them allows", leaf.words()))
        }
        E::RequiredEkuNotFoundContext(_) => other_uses(&leaf.words(), what),
        other => Verdict::Invalid(format!(
            "the path from {} is not sound: {}",
            leaf.words(),
            text::escape_short(&format!("{other:?}"), 120)
        )),
    }
}

/// ECDSA as webpki asks for it.
#[derive(Debug)]
struct Ecdsa {
    kind: Kind,
    hash: Hash,
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
}

const fn ecdsa_with(kind: Kind, hash: Hash) -> Ecdsa {
    let key = match kind {
        Kind::P384 => alg_id::ECDSA_P384,
        Kind::P521 => alg_id::ECDSA_P521,
        _ => alg_id::ECDSA_P256,
    };
    let signature = match hash {
        Hash::Sha256 => alg_id::ECDSA_SHA256,
        Hash::Sha384 => alg_id::ECDSA_SHA384,
        Hash::Sha512 => alg_id::ECDSA_SHA512,
    };
    Ecdsa { kind, hash, key, signature }
}

static ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    &ecdsa_with(Kind::P256, Hash::Sha256),
    &ecdsa_with(Kind::P256, Hash::Sha384),
    &ecdsa_with(Kind::P384, Hash::Sha256),
    &ecdsa_with(Kind::P384, Hash::Sha384),
    &ecdsa_with(Kind::P521, Hash::Sha512),
];

impl SignatureVerificationAlgorithm for Ecdsa {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        ecdsa(self.kind, self.hash, key, message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

#[cfg(test)]
mod tests;
