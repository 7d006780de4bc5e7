//! TUF 1.0 metadata: who may sign what, and which files exist.
//!
//! The Update Framework, specification 1.0.34 (section 4 has the formats). A
//! team's trust root is such a repository: a `root` that names the keys of the
//! four top-level roles, a `timestamp` that says which `snapshot` is the newest,
//! a `snapshot` that says which version each `targets` file has, and `targets`
//! that name files by hash and delegate paths to other roles.
//!
//! ```text
//! bytes ── json ──▶ Value ── role, targets ──▶ Unverified<T> ── keys + threshold ──▶ Trusted<T>
//!          no key twice     known fields read,                  the only way to what
//!          integers only    unknown ones signed and ignored     it says
//! ```
//!
//! Here is form alone, and whether a file has enough signatures. Order,
//! versions, time and memory are in `policy::provenance::tuf`.
//!
//! Not taken, each refused by name: keys whose id is not the hash of their
//! content, `succinct_roles` (TAP 15), fractions, patterns that two readers
//! could read in two ways. RSA and unknown keys are kept and count for nothing.

pub mod advisory;
mod envelope;
mod hashes;
mod key;
pub mod layout;
pub mod lists;
mod name;
mod pattern;
pub mod publish;
mod role;
mod root;
mod targets;

use super::json;

pub use envelope::{Metadata, TooFewSignatures, Trusted, Unverified};
pub use hashes::Hashes;
pub use json::{Malformed, Value};
pub use key::{KeyId, Keys, PublicKey, SecretKey};
pub use name::{file_of, is_plain, quote};
pub use pattern::{BadPattern, Pattern};
pub use role::{Head, MetaFile, Role, Snapshot, Timestamp};
pub use root::Root;
pub use targets::{Delegation, Delegations, Paths, TargetFile, Targets};

/// The four roles of a root, and their files' names without `.json`.
pub const TOP_LEVEL: [&str; 4] = ["root", "timestamp", "snapshot", "targets"];
