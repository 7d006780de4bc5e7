//! Secret keys of people: who signs skills, trust roots and reviews here.
//!
//! ```text
//! CONFIG/keys/NAME.key   0600  PKCS#8 in PEM, as `openssl genpkey` writes it
//! CONFIG/keys/NAME.pub   0600  SubjectPublicKeyInfo in PEM: what is handed out
//! ```
//!
//! The folder and its checks are those of [`key_folder`]. CONFIG lies outside of
//! the home: a home is copied, exported and put back, and a key must not go
//! with it. A [`ConfigDir`] is only made where that is so.
//!
//! A key file is taken in one form, byte by byte, with its public half computed
//! and compared. The public file is never believed; it is derived from the
//! secret one, and one that differs is told. Attack: somebody replaces `NAME.pub`,
//! and the owner hands out a key that another one holds.
//!
//! Secrets are wiped when they are dropped, are never printed, and stand in no
//! message: a fault names the file.

use super::key_folder::{self, FolderFault};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::elliptic_curve::zeroize::Zeroizing;
use rustix::fs::OFlags;
use std::fmt;
use std::path::{Path, PathBuf};

pub use super::roots::is_name;

/// Longest key file in bytes; one of P-256 has 241.
const FILE_MAX: u64 = 1024;
/// Most keys that are listed.
const LIST_MAX: usize = 1000;
/// What the checkpoint's own key is called; it has another form.
const RESERVED: &str = "checkpoint";

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ed25519: statements, reviews, attestations, trust roots.
    Ed25519,
    /// ECDSA over P-256: OMS bundles, which know no Ed25519.
    P256,
}

/// PKCS#8 up to the secret (RFC 8410; RFC 5208 with RFC 5915).
const ED25519_SECRET: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
const P256_SECRET: &[u8] = b"\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04\x6d\x30\x6b\x02\x01\x01\x04\x20";
/// What stands between secret and point.
const P256_POINT: &[u8] = b"\xa1\x44\x03\x42\x00";
/// SubjectPublicKeyInfo up to the key.
const ED25519_PUBLIC: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
const P256_PUBLIC: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";

impl Kind {
    /// As it is typed and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::P256 => "p256",
        }
    }

    /// Reads what was typed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Ed25519, Self::P256].into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// It would lie in the home.
    #[error(
        "the folder of the keys, {config}, lies in the home {home}: who copies the home would copy the keys"
    )]
    InHome {
        /// The config folder.
        config: PathBuf,
        /// The home.
        home: PathBuf,
    },
    /// No name of a key.
    #[error("`{0}` is no name of a key: 1 to 64 lower-case letters, digits and `-`, and not `checkpoint`")]
    Name(String),
    /// There is none of that name.
    #[error("there is no key {0}")]
    Missing(PathBuf),
    /// There is one already; it is never replaced.
    #[error("{0} is there already, and a key is never replaced")]
    Taken(PathBuf),
    /// The file is no key of ours.
    #[error("{0} is no Ed25519 or P-256 key in PKCS#8 form, as this program and `openssl genpkey` write it")]
    NoKey(PathBuf),
    /// The public file belongs to another key.
    #[error("{0} is not the public half of the key beside it")]
    Differs(PathBuf),
    /// The folder or a file in it.
    #[error(transparent)]
    Folder(#[from] FolderFault),
}

/// A config folder that lies outside of the home.
#[derive(Debug, Clone)]
pub struct ConfigDir(PathBuf);

impl ConfigDir {
    /// Takes the folder, which need not be there yet.
    ///
    /// # Errors
    /// [`KeyFault::InHome`].
    pub fn new(config: &Path, home: &Path) -> Result<Self, KeyFault> {
        // By name and by where the names lead: a link must not bring keys in.
        let inside = config.starts_with(home) || real(config).starts_with(real(home));
        if inside {
            return Err(KeyFault::InHome { config: config.to_owned(), home: home.to_owned() });
        }
        Ok(Self(config.to_owned()))
    }

    /// Where a file of the keys' folder lies.
    fn file(&self, name: &str, ending: &str) -> PathBuf {
        self.0.join(key_folder::NAME).join(format!("{name}.{ending}"))
    }
}

/// Where a path leads, of which the end may be missing.
fn real(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    let mut there = path;
    loop {
        if let Ok(found) = there.canonicalize() {
            return missing.iter().rev().fold(found, |path, name| path.join(name));
        }
        let (Some(parent), Some(name)) = (there.parent(), there.file_name()) else { return path.to_owned() };
        missing.push(name);
        there = parent;
    }
}

/// A secret key and where it lies.
pub struct KeyFile {
    name: String,
    kind: Kind,
    secret: Zeroizing<[u8; 32]>,
    spki: Vec<u8>,
    public_path: PathBuf,
}

/// Never its content.
impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFile({}, {})", self.name, self.kind)
    }
}

impl KeyFile {
    fn new(config: &ConfigDir, name: &str, kind: Kind, secret: Zeroizing<[u8; 32]>) -> Option<Self> {
        let spki = public(kind, &secret)?;
        let public_path = config.file(name, "pub");
        Some(Self { name: name.to_owned(), kind, secret, spki, public_path })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The seed, if it is Ed25519.
    #[must_use]
    pub fn ed25519(&self) -> Option<&[u8; 32]> {
        (self.kind == Kind::Ed25519).then_some(&*self.secret)
    }

    /// The scalar, if it is P-256.
    #[must_use]
    pub fn p256(&self) -> Option<&[u8; 32]> {
        (self.kind == Kind::P256).then_some(&*self.secret)
    }

    /// The public half as DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Where the public half lies.
    #[must_use]
    pub fn public_path(&self) -> &Path {
        &self.public_path
    }

    /// The text of the public half.
    #[must_use]
    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.spki).to_string()
    }

    /// The whole of the secret file.
    fn secret_pem(&self) -> Zeroizing<String> {
        let mut der = Zeroizing::new(Vec::with_capacity(256));
        der.extend_from_slice(match self.kind {
            Kind::Ed25519 => ED25519_SECRET,
            Kind::P256 => P256_SECRET,
        });
        der.extend_from_slice(&*self.secret);
        if self.kind == Kind::P256 {
            der.extend_from_slice(P256_POINT);
            der.extend_from_slice(&self.spki[P256_PUBLIC.len()..]);
        }
        pem("PRIVATE KEY", &der)
    }

    /// Reads a secret file's text: one form, and nothing around it.
    fn parse(config: &ConfigDir, name: &str, text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let body = text.strip_prefix("-----BEGIN PRIVATE KEY-----\n")?;
        let body = body.strip_suffix("-----END PRIVATE KEY-----\n")?;
        let mut joined = Zeroizing::new(String::with_capacity(body.len()));
        body.lines().for_each(|line| joined.push_str(line));
        let mut der = Zeroizing::new(vec![0; joined.len()]);
        let size = STANDARD.decode_slice(joined.as_bytes(), &mut der).ok()?;
        let der = &der[..size];
        let (kind, rest) = match der.strip_prefix(ED25519_SECRET) {
            Some(rest) => (Kind::Ed25519, rest),
            None => (Kind::P256, der.strip_prefix(P256_SECRET)?),
        };
        let secret = Zeroizing::new(*rest.first_chunk::<32>()?);
        let key = Self::new(config, name, kind, secret)?;
        // What follows the secret, the line breaks and the point are compared too.
        (key.secret_pem().as_bytes() == text.as_bytes()).then_some(key)
    }
}

/// The public half; none for the few numbers that are no key.
fn public(kind: Kind, secret: &[u8; 32]) -> Option<Vec<u8>> {
    Some(match kind {
        Kind::Ed25519 => {
            let key = ed25519_dalek::SigningKey::from_bytes(secret);
            [ED25519_PUBLIC, key.verifying_key().as_bytes()].concat()
        }
        Kind::P256 => {
            let key = p256::ecdsa::SigningKey::from_slice(secret).ok()?;
            [P256_PUBLIC, key.verifying_key().to_sec1_point(false).as_bytes()].concat()
        }
    })
}

/// As OpenSSL writes it: lines of 64 characters.
fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let mut body = Zeroizing::new([0; 512]);
    let size = STANDARD.encode_slice(der, &mut *body).unwrap_or(0);
    // Room for all of it: a text that grows leaves copies of a secret behind.
    let mut out = Zeroizing::new(String::with_capacity(1024));
    out.push_str(&format!("-----BEGIN {label}-----\n"));
    // Base64 is ASCII: every byte is a character.
    for line in body[..size].chunks(64) {
        out.extend(line.iter().map(|byte| char::from(*byte)));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// Makes a key, and never replaces one. The public half of a key that was made
/// and then not written, for a crash, is written now if the same is asked for.
///
/// # Errors
/// [`KeyFault`]; [`KeyFault::Taken`] for a name that is used.
pub fn generate(config: &ConfigDir, name: &str, kind: Kind) -> Result<KeyFile, KeyFault> {
    free(config, name, kind)?;
    let folder = key_folder::open_or_make(&config.0)?;
    let path = config.file(name, "key");
    let key = loop {
        let secret = Zeroizing::new(key_folder::random(&path)?);
        if let Some(key) = KeyFile::new(config, name, kind, secret) {
            break key;
        }
    };
    // The secret first: of what there is no secret, nobody hands out a public half.
    key_folder::add(&folder, &format!("{name}.key"), &path, key.secret_pem().as_bytes())?;
    // Read back: another process may have been first, and its key is the key.
    let key = load(config, name)?;
    if key.kind != kind {
        return Err(KeyFault::Taken(path));
    }
    key_folder::add(&folder, &format!("{name}.pub"), &key.public_path, key.public_pem().as_bytes())?;
    load(config, name)
}

/// Whether a key of that name could be made; changes nothing.
///
/// # Errors
/// [`KeyFault::Name`], [`KeyFault::Taken`], or what is wrong with the folder.
pub fn free(config: &ConfigDir, name: &str, kind: Kind) -> Result<(), KeyFault> {
    let taken = |name: &str, ending| Err(KeyFault::Taken(config.file(name, ending)));
    match load(config, name) {
        Err(KeyFault::Missing(_)) => {}
        Ok(key) if key.kind == kind && !key.public_path.exists() => return Ok(()),
        Ok(_) => return taken(name, "key"),
        Err(fault) => return Err(fault),
    }
    // Somebody else's public key lies there: a new key must not seem to be that one.
    if config.file(name, "pub").symlink_metadata().is_ok() { taken(name, "pub") } else { Ok(()) }
}

/// Opens a key. A public file that is there must be its public half.
///
/// # Errors
/// [`KeyFault`].
pub fn load(config: &ConfigDir, name: &str) -> Result<KeyFile, KeyFault> {
    if !is_name(name) || name == RESERVED {
        return Err(KeyFault::Name(crate::model::text::escape_short(name, 80)));
    }
    let path = config.file(name, "key");
    let missing = || KeyFault::Missing(path.clone());
    let folder = key_folder::open(&config.0)?.ok_or_else(missing)?;
    let text = key_folder::read(&folder, &format!("{name}.key"), &path, FILE_MAX)?.ok_or_else(missing)?;
    let text = Zeroizing::new(text);
    let key = KeyFile::parse(config, name, &text).ok_or_else(|| KeyFault::NoKey(path.clone()))?;
    let public = key_folder::read_public(&folder, &format!("{name}.pub"), &key.public_path, FILE_MAX)?;
    if public.is_some_and(|public| public != key.public_pem().as_bytes()) {
        return Err(KeyFault::Differs(key.public_path));
    }
    Ok(key)
}

/// A name in the folder, and its key or why it cannot be used.
pub type Named = (String, Result<KeyFile, KeyFault>);

/// Every key, by name.
///
/// # Errors
/// [`KeyFault`] about the folder.
pub fn list(config: &ConfigDir) -> Result<Vec<Named>, KeyFault> {
    let Some(folder) = key_folder::open(&config.0)? else { return Ok(Vec::new()) };
    let path = config.0.join(key_folder::NAME);
    let io = |error: rustix::io::Errno| FolderFault::Io { path: path.clone(), source: error.into() };
    // A handle of its own: reading a folder moves the place in it.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let again = rustix::fs::openat(&folder, ".", flags, rustix::fs::Mode::empty()).map_err(io)?;
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::new(again).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name().to_str().ok().and_then(|name| name.strip_suffix(".key"));
        names.extend(name.filter(|name| is_name(name) && *name != RESERVED).map(str::to_owned));
        if names.len() > LIST_MAX {
            break;
        }
    }
    names.sort();
    Ok(names.into_iter().map(|name| (name.clone(), load(config, &name))).collect())
}
