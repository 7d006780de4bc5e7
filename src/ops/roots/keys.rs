//! Keys as trust roots name them: secret ones of this account by name, public
//! ones of other people from the file that they handed out.

use super::super::World;
use crate::model::code::{Code, Stop};
use crate::model::text;
use crate::model::tuf::{KeyId, PublicKey, Role, SecretKey, Value};
use crate::policy::provenance::keys::{Kind, PublicKey as Spki};
use crate::system::keys::{self, ConfigDir, KeyFault};
use crate::system::regular;
use std::path::Path;

/// Longest file of a public key in bytes; one of P-256 has 178.
const PUBLIC_MAX: u64 = 4096;

/// A secret key of this account, opened.
pub(super) struct Signer {
    /// Its name.
    pub(super) name: String,
    /// It.
    pub(super) key: SecretKey,
    /// Its public half.
    pub(super) public: PublicKey,
}

impl Signer {
    /// Whether it is one of a role's.
    pub(super) fn is_of(&self, role: &Role) -> bool {
        role.keyids.contains(&self.public.id())
    }
}

fn fault(name: &str, fault: &KeyFault) -> Stop {
    let what = format!("the key `{}`: {}", text::escape_short(name, 80), text::escape(&fault.to_string()));
    let (code, next) = match fault {
        KeyFault::Missing(_) => {
            (Code::NoKey, format!("make it: skills publish keys generate {}", text::shell_word(name)))
        }
        KeyFault::Name(_) => (Code::Usage, "see: skills publish keys list".to_owned()),
        _ => (Code::KeyUnsafe, "mend that, then run it again; see: skills publish keys list".to_owned()),
    };
    Stop::new(code, what, next)
}

/// Opens keys by name, each once.
pub(super) fn open(world: &World, names: &[String]) -> Result<Vec<Signer>, Stop> {
    let none = || {
        Stop::new(
            Code::NoKey,
            "this account has no config folder for keys",
            "run it as an account that has one",
        )
    };
    let config = world.config.as_deref().ok_or_else(none)?;
    let config = ConfigDir::new(config, &world.home).map_err(|bad| fault("", &bad))?;
    let mut opened: Vec<Signer> = Vec::new();
    for name in names {
        let file = keys::load(&config, name).map_err(|bad| fault(name, &bad))?;
        let odd = || fault(name, &KeyFault::NoKey(file.public_path().to_owned()));
        let key = match (file.ed25519(), file.p256()) {
            (Some(seed), _) => SecretKey::ed25519(seed),
            (_, Some(scalar)) => SecretKey::p256(scalar).map_err(|_| odd())?,
            _ => return Err(odd()),
        };
        let public = key.public().map_err(|_| odd())?;
        if opened.iter().all(|other| other.public.id() != public.id()) {
            opened.push(Signer { name: name.clone(), key, public });
        }
    }
    Ok(opened)
}

/// Reads a public key that somebody handed out.
pub(super) fn public(path: &Path) -> Result<PublicKey, Stop> {
    let stop = |why: &str| {
        let what = format!("{}: {why}", text::escape(&path.to_string_lossy()));
        let next = "ask its owner for the file: skills publish keys show NAME";
        Stop::new(Code::Usage, what, next)
    };
    let pem = regular::read(path, PUBLIC_MAX).map_err(|why| stop(&why))?;
    let key = Spki::from_pem(&pem).map_err(|bad| stop(&bad.to_string()))?;
    let words = |kind: &str, scheme: &str, public: String| {
        let text = |text: &str| Value::Text(text.to_owned());
        Value::object([
            ("keytype", text(kind)),
            ("scheme", text(scheme)),
            ("keyval", Value::object([("public", Value::Text(public))])),
        ])
    };
    let object = match key.kind() {
        Kind::Ed25519 => {
            let point = &key.spki()[key.spki().len() - 32..];
            words("ed25519", "ed25519", point.iter().map(|byte| format!("{byte:02x}")).collect())
        }
        Kind::P256 => words("ecdsa", "ecdsa-sha2-nistp256", key.pem()),
        kind => return Err(stop(&format!("trust roots are signed with Ed25519 or P-256, not with {kind}"))),
    };
    PublicKey::read(&object).map_err(|bad| stop(&bad.to_string()))
}

/// As people read it aloud: the first digits of an id.
pub(super) fn short(id: &KeyId) -> &str {
    &id.as_str()[..12]
}
