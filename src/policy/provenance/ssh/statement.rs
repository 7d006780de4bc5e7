//! A statement about a skill, signed with an OpenSSH key: an in-toto Statement
//! v1 in one file, and an SSHSIG over exactly its bytes in another.
//!
//! ```text
//! {"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"pdf-forms","digest":{"gitTree":"<64 hex>"}}],"predicateType":"https://skill-trust/statement/v1","predicate":{"version":"1.2.0"}}
//! ```
//!
//! `gitTree` is in-toto's name for the id of a git tree, of 64 digits for the
//! SHA-256 format: the skill's own digest. `version` may be missing.
//!
//! The pair lies beside the folder, as `NAME.intoto.json` and
//! `NAME.intoto.json.sig`, and then the digest is the folder's; or in the
//! folder itself as [`INSIDE`], and then it is that of the folder without
//! exactly these two files. They are what `ssh-keygen -Y sign -n
//! skill-statement@v1 NAME.intoto.json` leaves behind.
//!
//! What the statement does not prevent: an older one of the same skill stays
//! true. Which version may follow which is the ledger's to say.

use super::judge::{Beliefs, weigh};
use super::{Fault, sig};
use crate::model::digest::{Digest, Hasher};
use crate::model::manifest::Manifest;
use crate::model::skill::SkillName;
use crate::model::text;
use crate::policy::provenance::statement::{self, TYPE};
use crate::policy::provenance::verdict::{Method, Verdict};

/// What signatures over statements are made for, and nothing else is.
pub const NAMESPACE: &str = "skill-statement@v1";
/// The pair inside of a folder: statement and signature.
pub const INSIDE: [&str; 2] = ["skill.intoto.json", "skill.intoto.json.sig"];
/// Most bytes of a statement.
pub const STATEMENT_MAX: usize = 16 << 10;

const PREDICATE: &str = "https://skill-trust/statement/v1";
/// Most characters of a version.
const VERSION_MAX: usize = 64;

/// What is stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The skill's name.
    pub name: SkillName,
    /// Its digest.
    pub digest: Digest,
    /// Its version, if one is stated.
    pub version: Option<String>,
}

/// Where the pair lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Beside the folder.
    Beside,
    /// In the folder, as [`INSIDE`].
    Inside,
}

impl Statement {
    /// The bytes of the statement: what is written to the file, and what
    /// `ssh-keygen -Y sign` is given.
    ///
    /// # Errors
    /// [`Fault::Form`] if the version has more than letters, digits and
    /// `.-_+`, or more than 64 of them.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Fault> {
        let predicate = match &self.version {
            None => "{}".to_owned(),
            Some(version) => format!(r#"{{"version":"{}"}}"#, checked_version(version)?),
        };
        let (name, digest) = (&self.name, self.digest.hex());
        Ok(format!(
            r#"{{"_type":"{TYPE}","subject":[{{"name":"{name}","digest":{{"gitTree":"{digest}"}}}}],"predicateType":"{PREDICATE}","predicate":{predicate}}}"#
        )
        .into_bytes())
    }

    /// What an agent signs for this statement; `ssh-keygen -Y sign` hashes by
    /// itself and wants [`Statement::to_bytes`].
    ///
    /// # Errors
    /// As [`Statement::to_bytes`].
    pub fn to_be_signed(&self) -> Result<Vec<u8>, Fault> {
        Ok(sig::to_be_signed(NAMESPACE, sig::Hash::Sha512, &self.to_bytes()?))
    }

    /// Signs it with an Ed25519 key: statement and armoured signature.
    ///
    /// # Errors
    /// As [`Statement::to_bytes`].
    pub fn sign_ed25519(&self, secret: &[u8; 32]) -> Result<(Vec<u8>, String), Fault> {
        let bytes = self.to_bytes()?;
        let signature = sig::sign_ed25519(secret, NAMESPACE, &bytes)?;
        Ok((bytes, signature))
    }

    /// Reads a statement. Blanks between its parts and the order of its fields
    /// do not matter; a field that is unknown, missing or there twice does.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() > STATEMENT_MAX {
            return Err(Fault::form("a statement of more than 16 KiB"));
        }
        // Attack: an escape is a second spelling of a name. Nothing here needs more.
        let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n') && *byte != b'\\';
        if !bytes.iter().all(plain) {
            return Err(Fault::form("a statement with an escape, or with more than printable ASCII"));
        }
        let stated = statement::Statement::read(bytes).map_err(Fault::Form)?;
        if stated.predicate_type != PREDICATE {
            let found = text::escape_short(&stated.predicate_type, 120);
            return Err(Fault::form(format!("`predicateType` is `{found}`, not `{PREDICATE}`")));
        }
        let digest = stated.only_git_tree().map_err(Fault::Form)?;
        let name = SkillName::parse(&stated.name).map_err(|why| Fault::form(why.to_string()))?;
        if let Some(name) = stated.predicate.unknown(&["version"]) {
            let name = text::escape_short(name, 80);
            return Err(Fault::form(format!("the predicate has an unknown member `{name}`")));
        }
        let version = match stated.predicate.get("version") {
            None => None,
            Some(version) => {
                let version = version.as_text().ok_or_else(|| Fault::form("`version` is no text"))?;
                Some(checked_version(version)?.to_owned())
            }
        };
        Ok(Self { name, digest, version })
    }
}

fn checked_version(version: &str) -> Result<&str, Fault> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte);
    if (1..=VERSION_MAX).contains(&version.len()) && version.bytes().all(plain) {
        return Ok(version);
    }
    Err(Fault::form("a version has 1 to 64 letters, digits and `.-_+`"))
}

/// Judges a pair about a skill of this name, as our own walk of its folder saw
/// it.
#[must_use]
pub fn verify(
    statement: &[u8],
    signature: &[u8],
    place: Place,
    name: &SkillName,
    folder: &Manifest,
    beliefs: &Beliefs<'_>,
) -> Verdict {
    let mut signed = match weigh(signature, statement, NAMESPACE, beliefs) {
        Ok(signed) => signed,
        Err(verdict) => return verdict,
    };
    let stated = match Statement::parse(statement) {
        Ok(stated) => stated,
        Err(fault) => return fault.into(),
    };
    // Attack: a good statement about one skill, laid beside another.
    if stated.name != *name {
        return Verdict::Invalid(format!("the statement is about `{}`, not about `{name}`", stated.name));
    }
    let digest = match place {
        Place::Beside => folder.digest(),
        Place::Inside => match without_pair(statement, signature, folder) {
            Ok(digest) => digest,
            Err(why) => return Verdict::Invalid(why),
        },
    };
    if stated.digest != digest {
        return Verdict::Invalid(format!("the statement is about {}, and this is {digest}", stated.digest));
    }
    if let Some(version) = &stated.version {
        signed.note(format!("stated to be version {version}"));
    }
    signed.vouch(Method::Statement)
}

/// The digest without the pair, if the pair in the folder is the one that is
/// judged: nothing else may hide behind these names.
fn without_pair(statement: &[u8], signature: &[u8], folder: &Manifest) -> Result<Digest, String> {
    for (path, bytes) in INSIDE.into_iter().zip([statement, signature]) {
        let entry = folder.get(path).ok_or_else(|| format!("the folder has no `{path}`"))?;
        let mut hasher = Hasher::git_object("blob", bytes.len() as u64);
        hasher.update(bytes);
        if entry.sha256 != hasher.finish() {
            return Err(format!("`{path}` in the folder is not the file that was judged"));
        }
        if entry.executable {
            return Err(format!("`{path}` is executable, which nothing covers"));
        }
    }
    Ok(folder.digest_without(&INSIDE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::sha256;
    use proptest::prelude::*;

    fn good() -> Statement {
        let name = SkillName::parse("pdf-forms").unwrap();
        Statement { name, digest: sha256(&[b"x"]), version: Some("1.2.0".to_owned()) }
    }

    fn said(text: &str) -> String {
        Statement::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_statement_is_read_back() {
        for version in [Some("1.2.0".to_owned()), None] {
            let statement = Statement { version, ..good() };
            assert_eq!(Statement::parse(&statement.to_bytes().unwrap()), Ok(statement));
        }
        let text = String::from_utf8(good().to_bytes().unwrap()).unwrap();
        let spaced = text.replace(',', " ,\n").replace(':', " :\t").replace(" :\t//", "://");
        assert_eq!(Statement::parse(spaced.as_bytes()), Ok(good()));
        for version in ["", "1 2", "1\"", "é", &"1".repeat(65)] {
            assert!(Statement { version: Some(version.to_owned()), ..good() }.to_bytes().is_err());
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let text = String::from_utf8(good().to_bytes().unwrap()).unwrap();
        let subject = &text[text.find("{\"name").unwrap()..text.find("],").unwrap()];
        let table = [
            (text.replace("{\"_type", "{\"_type\":\"x\",\"_type"), "twice"),
            (text.replace("\"gitTree\"", "\"gitTree\":\"x\",\"gitTree\""), "twice"),
            (text.replace(subject, &format!("{subject},{subject}")), "2 subjects"),
            (text.replace(subject, ""), "0 subjects"),
            (text.replace("Statement/v1", "Statement/v0.1"), "not `https://in-toto"),
            (text.replace("skill-trust/statement", "slsa.dev/provenance"), "predicateType"),
            (text.replace("\"version\"", "\"note\""), "unknown member `note`"),
            (text.replace("\"gitTree\"", "\"sha256\""), "no gitTree"),
            (text.replace("{\"gitTree", "{\"sha1\":\"x\",\"gitTree"), "other digests"),
            (text.replace("pdf-forms", "pdf\\u002dforms"), "escape"),
            (text.replace("pdf-forms", "PDF"), "name is"),
            (text.replace("pdf-forms", "pdf\u{2010}forms"), "ASCII"),
            (text.replace(&good().digest.hex(), &good().digest.hex().to_uppercase()), "64 lower-case"),
            (text.replace(&good().digest.hex(), &good().digest.hex()[..40]), "64 lower-case"),
            (text.replace("\"1.2.0\"", "1"), "no text"),
            (text.replace("\"1.2.0\"", "null"), "no text"),
            (text.replace("\"1.2.0\"", "[]"), "no text"),
            (text.replace("{\"version\":\"1.2.0\"}", "[]"), "no `predicate`"),
            (text.replace(",\"predicate\":{\"version\":\"1.2.0\"}", ""), "no `predicate`"),
            (format!("{text}{text}"), "trailing characters"),
            (format!("{text}\0"), "ASCII"),
            (format!("\u{feff}{text}"), "ASCII"),
            (text.replace("}]", "},]"), "trailing comma"),
            (text.replace(":{\"version\":\"1.2.0\"}", &format!(":{}", "[".repeat(25))), "too deep"),
            (text[..text.len() - 1].to_owned(), "EOF"),
            (format!("{text}{}", " ".repeat(STATEMENT_MAX)), "16 KiB"),
        ];
        for (text, why) in table {
            assert!(said(&text).contains(why), "{text}: {}, not {why}", said(&text));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}\",:a \u{e9}]{0,40}") {
            let _ = Statement::parse(text.as_bytes());
        }
    }
}
