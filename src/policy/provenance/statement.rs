//! in-toto statements, version 1: somebody says something about a subject.
//!
//! Only with exactly one subject. A statement about several would vouch for a
//! skill that its signer only mentioned beside another one.

use crate::model::digest::Digest;
use crate::model::json::Value;
use crate::model::text;
use std::collections::BTreeMap;

/// What `_type` must be.
pub const TYPE: &str = "https://in-toto.io/Statement/v1";

/// A statement; whether it is signed was asked before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What the subject is called by its signer.
    pub name: String,
    /// The subject's digests, by the name of their kind.
    pub digests: BTreeMap<String, String>,
    /// What else is said of the subject: the first member that is neither.
    pub more: Option<String>,
    /// Of which kind the predicate is.
    pub predicate_type: String,
    /// What is said.
    pub predicate: Value,
}

impl Statement {
    /// Reads the payload of an envelope, or what OpenSSH signed.
    ///
    /// # Errors
    /// What is wrong with its form.
    pub fn read(payload: &[u8]) -> Result<Self, String> {
        let json = Value::evidence(payload).map_err(|fault| format!("the statement is {fault}"))?;
        let text = |name: &str| {
            let text = json.get(name).and_then(Value::as_text);
            text.ok_or_else(|| format!("the statement has no `{name}`"))
        };
        let kind = text("_type")?;
        if kind != TYPE {
            return Err(format!("the statement's type is `{}`, not `{TYPE}`", text::escape_short(kind, 80)));
        }
        if let Some(name) = json.unknown(&["_type", "subject", "predicateType", "predicate"]) {
            return Err(format!("the statement has an unknown member `{}`", text::escape_short(name, 80)));
        }
        let subjects = json.get("subject").and_then(Value::as_list).unwrap_or_default();
        let [subject] = subjects else {
            return Err(format!("the statement has {} subjects; it must have one", subjects.len()));
        };
        let name = subject.get("name").and_then(Value::as_text).filter(|name| !name.is_empty());
        let name = name.ok_or("the statement's subject has no name")?;
        let digests =
            subject.get("digest").and_then(Value::as_map).ok_or("the statement's subject has no digest")?;
        let digests = digests.iter().map(|(kind, value)| Some((kind.clone(), value.as_text()?.to_owned())));
        let digests =
            digests.collect::<Option<_>>().ok_or("a digest of the statement's subject is no text")?;
        let predicate = json.get("predicate").filter(|value| value.as_map().is_some());
        Ok(Self {
            name: name.to_owned(),
            digests,
            more: subject.unknown(&["name", "digest"]).map(str::to_owned),
            predicate_type: text("predicateType")?.to_owned(),
            predicate: predicate.ok_or("the statement has no `predicate`")?.clone(),
        })
    }

    /// The subject's digest of that kind.
    ///
    /// # Errors
    /// If there is one that is not 64 lower-case hex digits.
    pub fn digest(&self, kind: &str) -> Result<Option<Digest>, String> {
        let digest = self.digests.get(kind).map(Digest::from_hex).transpose();
        digest.map_err(|_| format!("the subject's {kind} is not 64 lower-case hex digits"))
    }

    /// The digest of the subject's folder.
    ///
    /// # Errors
    /// If there is none.
    pub fn git_tree(&self) -> Result<Digest, String> {
        self.digest("gitTree")?.ok_or_else(|| "the subject has no gitTree".to_owned())
    }

    /// The same of a statement whose form is ours: nothing else is said of its
    /// subject.
    ///
    /// Attack: `gitTree` of one folder and another digest of a second one, each
    /// read by another program.
    ///
    /// # Errors
    /// If anything else is said.
    pub fn only_git_tree(&self) -> Result<Digest, String> {
        match &self.more {
            Some(name) => {
                Err(format!("the subject has an unknown member `{}`", text::escape_short(name, 80)))
            }
            None if self.digests.len() != 1 => Err("the subject has other digests than gitTree".to_owned()),
            None => self.git_tree(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"00"}}],"predicateType":"p","predicate":{}}"#;

    #[test]
    fn one_subject_and_nothing_unknown() {
        let statement = Statement::read(GOOD.as_bytes()).unwrap();
        assert_eq!((statement.name.as_str(), statement.predicate_type.as_str()), ("a", "p"));
        assert!(statement.digest("sha256").is_err());
        assert_eq!(statement.digest("gitTree"), Ok(None));
        for (from, to) in [
            ("Statement/v1", "Statement/v0.1"),
            ("\"subject\":[", "\"subject\":[{\"name\":\"b\",\"digest\":{}},"),
            (r#"[{"name":"a","digest":{"sha256":"00"}}]"#, "[]"),
            (r#""name":"a""#, r#""name":"""#),
            (r#""name":"a""#, r#""name":1"#),
            (r#""name":"a""#, r#""name":"a","name":"a""#),
            (r#""digest":{"sha256":"00"}"#, r#""digest":[]"#),
            (r#"{"sha256":"00"}"#, r#"{"sha256":0}"#),
            (r#""predicate":{}"#, r#""predicate":[]"#),
            (r#","predicate":{}"#, ""),
            (r#""predicateType":"p","#, ""),
            (r#""predicate":{}"#, r#""predicate":{},"x":1"#),
        ] {
            let bad = GOOD.replace(from, to);
            assert_ne!(bad, GOOD, "{from}");
            assert!(Statement::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
