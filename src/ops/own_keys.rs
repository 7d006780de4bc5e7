//! The account's own secret keys: listed, made and opened, and what is said
//! when that cannot be.

use super::World;
use crate::model::code::{Code, Stop};
use crate::model::signer::SignerId;
use crate::model::text;
use crate::policy::provenance::keys::PublicKey;
use crate::policy::provenance::ssh;
use crate::policy::provenance::ssh::statement::NAMESPACE;
use crate::system::keys::{self, ConfigDir, KeyFault};
use std::path::PathBuf;

pub use crate::system::keys::{KeyFile, Kind};

/// What is told of a key: nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub name: String,
    /// `ed25519` or `p256`.
    pub kind: &'static str,
    /// The signer that it is in bundles and envelopes.
    pub id: SignerId,
    /// The signer that it is in statements; only Ed25519 signs those.
    pub ssh: Option<SignerId>,
    /// A line for an `allowed_signers` file that lets it sign statements.
    pub allowed: Option<String>,
    /// Where the public half lies, and whether it does.
    pub public: (PathBuf, bool),
}

/// A name among the keys: what is told of it, or why it cannot be used.
pub type Listed = (String, Result<About, Stop>);

/// Every key, by name.
///
/// # Errors
/// [`Code::KeyUnsafe`] and the like about the folder.
pub fn list(world: &World) -> Result<Vec<Listed>, Stop> {
    let all = keys::list(&config(world)?).map_err(|fault| stop(&fault))?;
    Ok(all
        .into_iter()
        .map(|(name, key)| (name, key.map_err(|fault| stop(&fault)).and_then(|key| about(&key))))
        .collect())
}

/// Makes a key.
///
/// # Errors
/// [`Code::KeyTaken`]: a key is never replaced.
pub fn generate(world: &World, name: &str, kind: Kind) -> Result<About, Stop> {
    let key = keys::generate(&config(world)?, name, kind).map_err(|fault| stop(&fault))?;
    about(&key)
}

/// Whether [`generate`] would make one; changes nothing.
///
/// # Errors
/// As [`generate`].
pub fn could_generate(world: &World, name: &str, kind: Kind) -> Result<(), Stop> {
    keys::free(&config(world)?, name, kind).map_err(|fault| stop(&fault))
}

/// Opens a key that must be of a kind; `why` says what wants it.
///
/// # Errors
/// [`Code::NoKey`], [`Code::KeyUnsafe`].
pub fn load(world: &World, name: &str, kind: Kind, why: &str) -> Result<KeyFile, Stop> {
    let key = keys::load(&config(world)?, name).map_err(|fault| stop(&fault))?;
    if key.kind() == kind {
        return Ok(key);
    }
    let what = format!("the key `{name}` is of kind {}, and {why} with {kind}", key.kind());
    let next =
        format!("name a key of kind {kind}; one is made by: skills publish keys generate NAME --kind {kind}");
    Err(Stop::new(Code::NoKey, what, next))
}

fn config(world: &World) -> Result<ConfigDir, Stop> {
    let config = world.config.as_ref().ok_or_else(|| {
        let what = "this account has no home folder in the account database, and so no place for keys";
        Stop::new(Code::NoKey, what, "run it as an account that has one")
    })?;
    ConfigDir::new(config, &world.home).map_err(|fault| stop(&fault))
}

/// What is told of a key.
///
/// # Errors
/// [`Code::Internal`] if it has no public half that can be read back.
pub fn about(key: &KeyFile) -> Result<About, Stop> {
    let odd = || Stop::new(Code::Internal, "a public key that was just made cannot be read back", "");
    let public = PublicKey::from_spki(key.spki()).map_err(|_| odd())?;
    let ssh = match (key.kind(), key.spki().last_chunk::<32>()) {
        (Kind::Ed25519, Some(point)) => Some(ssh::key::PublicKey::ed25519(point).map_err(|_| odd())?),
        _ => None,
    };
    let line =
        |ssh: &ssh::key::PublicKey| format!("{} namespaces=\"{NAMESPACE}\" {}", key.name(), ssh.to_text());
    Ok(About {
        name: key.name().to_owned(),
        kind: key.kind().as_str(),
        id: public.id(),
        allowed: ssh.as_ref().map(line),
        ssh: ssh.map(|ssh| ssh.signer()),
        public: (key.public_path().to_owned(), key.public_path().is_file()),
    })
}

/// A key's fault in the product's words.
#[must_use]
pub fn stop(fault: &KeyFault) -> Stop {
    use crate::system::key_folder::FolderFault;
    let what = text::escape(&fault.to_string());
    let (code, next) = match fault {
        KeyFault::InHome { .. } => (Code::KeyUnsafe, "name another home: --home DIR"),
        KeyFault::Name(_) => (Code::Usage, "choose such a name, for instance: release-2027"),
        KeyFault::Missing(_) => (Code::NoKey, "run: skills publish keys list"),
        KeyFault::Taken(_) => {
            (Code::KeyTaken, "choose another name; skills publish keys list shows those that are used")
        }
        KeyFault::NoKey(_) => {
            (Code::NoKey, "put the file back as it was made, or move it away and make a new key")
        }
        KeyFault::Differs(_) => (
            Code::KeyUnsafe,
            "somebody changed one of the two: compare with the id that you handed out, then move the wrong file away",
        ),
        KeyFault::Folder(FolderFault::Unsafe { .. }) => (
            Code::KeyUnsafe,
            "others may have read it: revoke the key and make a new one; if nobody did, make folder (0700) and file (0600) yours alone again",
        ),
        _ => (Code::Io, "run: skills doctor"),
    };
    Stop::new(code, what, next)
}
