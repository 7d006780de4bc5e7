//! People who may sign statements, and which of them signed an envelope.
//!
//! They stand in the `allowed_signers` of a trust root, the one list that says
//! who may sign what: a line with `namespaces="skill-review@v1"` makes a
//! reviewer, one with `namespaces="skill-attest@v1"` a verifier.
//!
//! ```text
//! ana namespaces="skill-review@v1" ssh-ed25519 AAAA…
//! ana namespaces="skill-review@v1" ecdsa-sha2-nistp256 AAAA…
//! https://ci.example.org/skills namespaces="skill-attest@v1",valid-before="20270101Z" ssh-ed25519 AAAA…
//! ```
//!
//! Envelopes are signed by bare keys; a line's key is taken out of OpenSSH's
//! form, and both of its ids are asked for in revocations.
//!
//! People are counted, never keys. Attacks: one person with two keys is two
//! voices; one key under two names is two voices; a pattern (`*`) is as many
//! voices as the reader likes. So the principal is one plain name, the same
//! name is the same person in whatever list it stands, and a key that stands
//! under two names counts for neither.

use super::dsse::Envelope;
use super::keys::PublicKey;
use super::revocation::Revocations;
use super::seal::is_for_statements;
use super::ssh::allowed_signers::{AllowedSigners, Line, NotAllowed};
use super::verdict::Evidenced;
use crate::model::signer::SignerId;
use crate::model::text;
use crate::model::time::Timestamp;
use std::collections::BTreeMap;

/// For reviews.
pub const REVIEW: &str = "skill-review@v1";
/// For attestations.
pub const ATTEST: &str = "skill-attest@v1";
/// Most keys that are read: each is tried on each signature.
pub const KEYS_MAX: usize = 256;
/// Longest name, in bytes.
const NAME_MAX: usize = 200;

/// One key, and whose it is said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    key: PublicKey,
    /// As `key:…` and as `ssh:…`: a revocation may name either.
    names: Vec<SignerId>,
    /// By person, the lines that say so.
    owners: BTreeMap<String, Vec<Line>>,
}

/// Who may sign statements of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    namespace: String,
    keys: Vec<Listed>,
    faults: Vec<String>,
}

impl People {
    /// Takes out of lists of allowed signers whoever is named for a purpose;
    /// each list with the name of its trust root, for messages.
    #[must_use]
    pub fn read(lists: &[(&str, &AllowedSigners)], namespace: &str) -> Self {
        let mut all = Self { namespace: namespace.to_owned(), ..Self::default() };
        for (root, list) in lists {
            for line in list.named_for(namespace) {
                let at =
                    format!("{}, line {} of the allowed signers", text::escape_short(root, 64), line.number);
                if let Err(why) = all.add(line) {
                    all.faults.push(format!("{at}, lets nobody sign for {namespace}: {why}"));
                }
            }
        }
        let disputed = all.keys.iter().filter(|listed| listed.owners.len() > 1);
        let told: Vec<_> = disputed
            .map(|listed| {
                let names = listed.people();
                format!("the key {} stands under {names}: it counts for none of them", listed.key.id())
            })
            .collect();
        all.faults.extend(told);
        all
    }

    fn add(&mut self, line: &Line) -> Result<(), String> {
        let name = line.principals();
        if line.is_authority() {
            return Err("an authority signs no statements; list the person's own key".to_owned());
        }
        // Attack: `*` or `ana,eve` is whoever the reader wants it to be.
        if name.contains(['*', '?', '!', ',']) || name.len() > NAME_MAX {
            let name = text::escape_short(name, 80);
            return Err(format!("`{name}` is not the name of one person, without `*`, `?`, `!` and `,`"));
        }
        let ssh = line.key();
        // A device signs more than it was given, which no envelope has.
        let bare = if ssh.kind().is_security_key() { None } else { ssh.plain() };
        let key = bare.filter(|key| is_for_statements(key.kind())).ok_or_else(|| {
            format!(
                "a key of kind {} signs no envelope; ssh-ed25519 and ecdsa-sha2-nistp256 do",
                ssh.kind().name()
            )
        })?;
        let known = self.keys.iter().position(|listed| listed.key == key);
        let at = match known {
            Some(at) => at,
            None if self.keys.len() == KEYS_MAX => {
                return Err(format!("there are {KEYS_MAX} keys before it, and no more are read"));
            }
            None => {
                self.keys.push(Listed { names: key.names(), key, owners: BTreeMap::new() });
                self.keys.len() - 1
            }
        };
        self.keys[at].owners.entry(name.to_owned()).or_default().push(line.clone());
        Ok(())
    }

    /// Lines and keys that let nobody sign, and why; for people.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// The names, each once, as they stand in the lists.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let names = self.keys.iter().flat_map(|listed| listed.owners.keys());
        let unique: std::collections::BTreeSet<_> = names.map(String::as_str).collect();
        unique.into_iter().collect()
    }

    /// Whether there is nobody.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whose keys signed the envelope. Not yet asked: whether they may, now.
    pub(super) fn hands<'a>(&'a self, envelope: &Envelope) -> Vec<Hand<'a>> {
        let keys: Vec<_> = self.keys.iter().map(|listed| listed.key.clone()).collect();
        let Ok((_, signers)) = envelope.verify(&keys, 1) else { return Vec::new() };
        self.keys
            .iter()
            .filter(|listed| signers.contains(&listed.key.id()))
            .map(|listed| Hand { listed, namespace: &self.namespace })
            .collect()
    }
}

impl Listed {
    fn people(&self) -> String {
        let names: Vec<_> =
            self.owners.keys().map(|name| format!("`{}`", text::escape_short(name, 80))).collect();
        names.join(" and ")
    }
}

/// A listed key that signed rightly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hand<'a> {
    listed: &'a Listed,
    namespace: &'a str,
}

/// What decides whether a key still counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing<'a> {
    pub(super) revocations: &'a Revocations,
    pub(super) first_seen_counts: bool,
}

impl<'a> Hand<'a> {
    /// The key, by the id that it has in every encoding.
    pub(super) fn key(self) -> SignerId {
        self.listed.key.id()
    }

    /// The names it stands under, for messages.
    pub(super) fn names(self) -> String {
        self.listed.people()
    }

    /// The one person whose key it is.
    ///
    /// # Errors
    /// If it stands under two names.
    pub(super) fn person(self) -> Result<&'a str, String> {
        let mut names = self.listed.owners.keys();
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name),
            _ => Err(format!("the key {} stands under {}", self.key(), self.names())),
        }
    }

    /// Whether it counts, with that evidence of its time.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn counts(self, at: Evidenced, standing: Standing<'_>) -> Result<(), String> {
        self.in_window(at.time())?;
        self.unrevoked(at, standing)
    }

    /// Whether it counts for a warning that it gave at `made`, by its own word.
    ///
    /// Whoever retired a key still had it alone when the warning was given, so
    /// the warning stays. Attack: whoever stole a key stops every skill with
    /// old dates; so a compromised key needs evidence, as always.
    pub(super) fn warned(self, made: Timestamp, at: Evidenced, standing: Standing<'_>) -> Result<(), String> {
        self.in_window(at.time()).or_else(|_| self.in_window(made))?;
        let by_its_word = Standing { first_seen_counts: false, ..standing };
        self.unrevoked(at, standing).or_else(|_| self.unrevoked(Evidenced::FirstSeen(made), by_its_word))
    }

    fn in_window(self, time: Timestamp) -> Result<(), String> {
        let mut why = String::new();
        for line in self.listed.owners.values().flatten() {
            match line.allows(self.namespace, time) {
                Ok(()) => return Ok(()),
                Err(NotAllowed::Namespace(fault) | NotAllowed::Time(fault)) => why = fault,
            }
        }
        Err(format!("the key {} of {}: {why}", self.key(), self.names()))
    }

    fn unrevoked(self, at: Evidenced, standing: Standing<'_>) -> Result<(), String> {
        for id in &self.listed.names {
            let judged = standing.revocations.judge(id, at, standing.first_seen_counts);
            judged.map_err(|verdict| format!("{verdict}, and it is the key of {}", self.names()))?;
        }
        Ok(())
    }
}
