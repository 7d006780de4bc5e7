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
use crate::policy::provenance::statement::TYPE;
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
        let text = std::str::from_utf8(bytes).map_err(|_| Fault::form("a statement that is not UTF-8"))?;
        let value = json::read(text).map_err(|why| Fault::form(format!("the statement: {why}")))?;
        let [kind, subject, predicate_type, predicate] =
            value.fields(["_type", "subject", "predicateType", "predicate"], 4)?;
        is(kind, "_type", TYPE)?;
        is(predicate_type, "predicateType", PREDICATE)?;
        // Attack: a second subject that another reader takes for the first.
        let [one] = subject.list()? else {
            return Err(Fault::form("a statement is about exactly one subject"));
        };
        let [name, digests] = one.fields(["name", "digest"], 2)?;
        let [tree] = digests.fields(["gitTree"], 1)?;
        let name = SkillName::parse(name.text()?).map_err(|why| Fault::form(why.to_string()))?;
        let digest = Digest::from_hex(tree.text()?);
        let digest = digest.map_err(|_| Fault::form("`gitTree` is not 64 lower-case hex digits"))?;
        let version = match predicate.fields(["version"], 0)? {
            [json::Value::Missing] => None,
            [version] => Some(checked_version(version.text()?)?.to_owned()),
        };
        Ok(Self { name, digest, version })
    }
}

fn is(value: &json::Value, field: &str, wanted: &str) -> Result<(), Fault> {
    let found = value.text()?;
    if found == wanted {
        return Ok(());
    }
    Err(Fault::form(format!("`{field}` is `{}`, not `{wanted}`", text::escape_short(found, 120))))
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

/// As much of JSON as a statement needs: objects, lists and plain texts.
mod json {
    use super::Fault;

    /// Objects in objects; a statement has three.
    const DEPTH: usize = 6;

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(super) enum Value {
        Text(String),
        List(Vec<Value>),
        Object(Vec<(String, Value)>),
        Missing,
    }

    impl Value {
        pub(super) fn text(&self) -> Result<&str, Fault> {
            match self {
                Self::Text(text) => Ok(text),
                _ => Err(Fault::form("the statement: a text is missing or something else")),
            }
        }

        pub(super) fn list(&self) -> Result<&[Self], Fault> {
            match self {
                Self::List(list) => Ok(list),
                _ => Err(Fault::form("the statement: a list is missing or something else")),
            }
        }

        /// The fields of these names and no others, the first `needed` of which
        /// must be there.
        pub(super) fn fields<const N: usize>(
            &self,
            names: [&str; N],
            needed: usize,
        ) -> Result<[&Self; N], Fault> {
            let Self::Object(fields) = self else {
                return Err(Fault::form("the statement: an object is missing or something else"));
            };
            if fields.iter().any(|(name, _)| !names.contains(&name.as_str())) {
                return Err(Fault::form(format!("the statement: a field besides {}", names.join(", "))));
            }
            let find = |name: &str| fields.iter().find(|(found, _)| found == name).map(|(_, value)| value);
            if let Some(name) = names[..needed].iter().find(|name| find(name).is_none()) {
                return Err(Fault::form(format!("the statement: no `{name}`")));
            }
            Ok(names.map(|name| find(name).unwrap_or(&Self::Missing)))
        }
    }

    pub(super) fn read(text: &str) -> Result<Value, &'static str> {
        let mut rest = text;
        let value = value(&mut rest, DEPTH)?;
        skip(&mut rest);
        if rest.is_empty() { Ok(value) } else { Err("something follows its end") }
    }

    fn skip(rest: &mut &str) {
        *rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn eat(rest: &mut &str, c: char) -> bool {
        skip(rest);
        rest.strip_prefix(c).map(|after| *rest = after).is_some()
    }

    fn value(rest: &mut &str, depth: usize) -> Result<Value, &'static str> {
        let below = depth.checked_sub(1).ok_or("too deep")?;
        if eat(rest, '{') {
            return object(rest, below).map(Value::Object);
        }
        if eat(rest, '[') {
            return list(rest, below).map(Value::List);
        }
        text(rest).map(Value::Text)
    }

    fn list(rest: &mut &str, depth: usize) -> Result<Vec<Value>, &'static str> {
        let mut out = Vec::new();
        if eat(rest, ']') {
            return Ok(out);
        }
        loop {
            out.push(value(rest, depth)?);
            if eat(rest, ']') {
                return Ok(out);
            }
            if !eat(rest, ',') {
                return Err("no comma where one should be");
            }
        }
    }

    /// Attack: a field twice, of which one reader takes the first and another
    /// the last.
    fn object(rest: &mut &str, depth: usize) -> Result<Vec<(String, Value)>, &'static str> {
        let mut out: Vec<(String, Value)> = Vec::new();
        if eat(rest, '}') {
            return Ok(out);
        }
        loop {
            let name = text(rest)?;
            if out.iter().any(|(found, _)| *found == name) {
                return Err("a field stands twice");
            }
            if !eat(rest, ':') {
                return Err("no colon where one should be");
            }
            out.push((name, value(rest, depth)?));
            if eat(rest, '}') {
                return Ok(out);
            }
            if !eat(rest, ',') {
                return Err("no comma where one should be");
            }
        }
    }

    /// Printable ASCII without escapes: nothing in a statement needs more, and
    /// an escape is a second spelling of a name.
    fn text(rest: &mut &str) -> Result<String, &'static str> {
        if !eat(rest, '"') {
            return Err("something other than objects, lists and texts");
        }
        let end = rest.find('"').ok_or("a text that does not end")?;
        let (text, after) = rest.split_at(end);
        if !text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') {
            return Err("a text with an escape, or with more than printable ASCII");
        }
        *rest = &after[1..];
        Ok(text.to_owned())
    }
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
            (text.replace(subject, &format!("{subject},{subject}")), "exactly one"),
            (text.replace(subject, ""), "exactly one"),
            (text.replace("Statement/v1", "Statement/v0.1"), "not `https://in-toto"),
            (text.replace("skill-trust/statement", "slsa.dev/provenance"), "predicateType"),
            (text.replace("\"version\"", "\"note\""), "besides"),
            (text.replace("\"gitTree\"", "\"sha256\""), "besides"),
            (text.replace("{\"gitTree", "{\"sha1\":\"x\",\"gitTree"), "besides"),
            (text.replace("pdf-forms", "pdf\\u002dforms"), "escape"),
            (text.replace("pdf-forms", "PDF"), "name is"),
            (text.replace("pdf-forms", "pdf\u{2010}forms"), "ASCII"),
            (text.replace(&good().digest.hex(), &good().digest.hex().to_uppercase()), "64 lower-case"),
            (text.replace(&good().digest.hex(), &good().digest.hex()[..40]), "64 lower-case"),
            (text.replace("\"1.2.0\"", "1"), "other than"),
            (text.replace("\"1.2.0\"", "null"), "other than"),
            (text.replace("\"1.2.0\"", "[]"), "text is missing"),
            (text.replace("{\"version\":\"1.2.0\"}", "[]"), "object is missing"),
            (text.replace(",\"predicate\":{\"version\":\"1.2.0\"}", ""), "no `predicate`"),
            (format!("{text}{text}"), "follows"),
            (format!("{text}\0"), "follows"),
            (format!("\u{feff}{text}"), "other than"),
            (text.replace("}]", "},]"), "other than"),
            (text.replace(":{\"version\":\"1.2.0\"}", &format!(":{}", "[".repeat(9))), "too deep"),
            (text[..text.len() - 1].to_owned(), "comma"),
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
