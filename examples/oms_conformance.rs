//! The adapter through which the OMS conformance suite drives this library.
//!
//! ```text
//! scripts/conformance SUITE SPEC      builds this, runs the suite, prints the counts
//! ```
//!
//! It translates and decides nothing. Two of the suite's flags let a caller say
//! that some files are not part of the model; here the caller's word narrows
//! the folder that is asked about, before the verifier or signer sees it:
//!
//! - `--ignore-paths`: these files are left out of the subject;
//! - `--ignore-unsigned-files`: an answer of "incomplete" is taken as good.
//!
//! What a *bundle* says is left out changes nothing.

#![allow(clippy::exit, reason = "the suite looks at the exit code alone")]

use skill_trust::model::digest::{Digest, Hasher, sha256};
use skill_trust::model::manifest::{Entry, Manifest};
use skill_trust::model::path::EntryPath;
use skill_trust::model::skill::SkillName;
use skill_trust::model::time::Timestamp;
use skill_trust::policy::provenance::emit::{Naming, emit};
use skill_trust::policy::provenance::keys::{PublicKey, SecretKey, Window, pem};
use skill_trust::policy::provenance::oms::{Beliefs, KnownKey, verify};
use skill_trust::policy::provenance::revocation::Revocations;
use skill_trust::policy::provenance::verdict::{Evidenced, Verdict};
use skill_trust::policy::provenance::x509::Anchor;
use skill_trust::policy::provenance::{Subject, SubjectFile};
use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

type Answer<T> = Result<T, Box<dyn Error>>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.split_first() {
        Some((command, flags)) if command == "sign-model" => {
            Flags::read(flags).and_then(|flags| sign(&flags))
        }
        Some((command, flags)) if command == "verify-model" => {
            Flags::read(flags).and_then(|flags| check(&flags))
        }
        _ => Err("sign-model or verify-model".into()),
    };
    match done {
        Ok(words) => println!("{words}"),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}

/// Every flag of the suite's protocol, with its values in order.
struct Flags(Vec<(String, String)>);

impl Flags {
    fn read(arguments: &[String]) -> Answer<Self> {
        let (mut flags, mut rest) = (Vec::new(), arguments.iter());
        while let Some(flag) = rest.next() {
            let bare = ["--ignore-unsigned-files", "--use-staging"].contains(&flag.as_str());
            let value = if bare { Some(String::new()) } else { rest.next().cloned() };
            flags.push((flag.clone(), value.ok_or_else(|| format!("{flag} needs a value"))?));
        }
        Ok(Self(flags))
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(flag, _)| flag == name).map(|(_, value)| value.as_str())
    }

    fn one(&self, name: &str) -> Answer<&str> {
        self.all(name).next().ok_or_else(|| format!("{name} is missing").into())
    }

    fn file(&self, name: &str) -> Answer<String> {
        Ok(fs::read_to_string(self.one(name)?)?)
    }

    /// The model without what the caller leaves out and without the bundle.
    fn model(&self, bundle: &str) -> Answer<(Subject, Digest)> {
        let left_out: Vec<_> = self.all("--ignore-paths").chain([bundle]).map(PathBuf::from).collect();
        subject(Path::new(self.one("--model-path")?), &left_out)
    }
}

fn sign(flags: &Flags) -> Answer<String> {
    let target = flags.one("--output-bundle")?;
    let (subject, bare) = flags.model(target)?;
    let key = SecretKey::from_pem(&flags.file("--private-key")?)?;
    let text = match flags.one("--method")? {
        "key" => emit(&subject, &bare, &key, Naming::Key)?,
        "certificate" => {
            let mut chain = certificates(flags.one("--signing-cert")?)?;
            for path in flags.all("--cert-chain") {
                chain.extend(certificates(path)?);
            }
            emit(&subject, &bare, &key, Naming::Chain(&chain))?
        }
        other => return Err(format!("method {other} is not supported").into()),
    };
    fs::write(target, text)?;
    Ok(format!("signed {} files", subject.files.len()))
}

fn certificates(path: &str) -> Answer<Vec<Vec<u8>>> {
    Ok(pem("CERTIFICATE", &fs::read_to_string(path)?).ok_or("no certificate in PEM form")?)
}

fn check(flags: &Flags) -> Answer<String> {
    let path = flags.one("--bundle")?;
    let (subject, bare) = flags.model(path)?;
    let (mut keys, mut anchors) = (Vec::new(), Vec::new());
    match flags.one("--method")? {
        "key" => keys.push(KnownKey {
            key: PublicKey::from_pem(&flags.file("--public-key")?)?,
            window: Window::ALWAYS,
        }),
        "certificate" => {
            for path in flags.all("--cert-chain") {
                anchors.push(Anchor::from_pem(&fs::read_to_string(path)?)?);
            }
        }
        other => return Err(format!("method {other} is not supported").into()),
    }
    let revocations = Revocations::default();
    let beliefs = Beliefs {
        keys: &keys,
        anchors: &anchors,
        stamp_anchors: &[],
        revocations: &revocations,
        first_seen_counts: false,
    };
    let second = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let now = Evidenced::Now(Timestamp::from_unix(i64::try_from(second)?));
    let verdict = verify(&fs::read(path)?, &subject, &bare, &beliefs, now);
    let extra_is_fine = flags.all("--ignore-unsigned-files").next().is_some();
    match verdict {
        Verdict::Valid(_) => Ok(verdict.to_string()),
        Verdict::Incomplete { .. } if extra_is_fine => Ok(verdict.to_string()),
        _ => Err(verdict.to_string().into()),
    }
}

/// A folder, or one file as a folder with that file alone, as a subject; and its digest.
fn subject(model: &Path, left_out: &[PathBuf]) -> Answer<(Subject, Digest)> {
    let mut found = Vec::new();
    let top = if model.is_dir() { model } else { model.parent().ok_or("no folder")? };
    if model.is_dir() {
        walk(model, left_out, &mut found)?;
    } else {
        found.push(model.to_owned());
    }
    let (mut files, mut entries) = (Vec::new(), Vec::new());
    for path in found {
        let name = EntryPath::parse(path.strip_prefix(top)?.as_os_str().as_encoded_bytes())?;
        let bytes = fs::read(&path)?;
        let executable = fs::metadata(&path)?.permissions().mode() & 0o100 != 0;
        let mut blob = Hasher::git_object("blob", bytes.len() as u64);
        blob.update(&bytes);
        files.push(SubjectFile { path: name.as_str().to_owned(), sha256: sha256(&[&bytes]), executable });
        entries.push(Entry { path: name, executable, size: bytes.len() as u64, sha256: blob.finish() });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let digest = Manifest::new(entries)?.digest();
    let name = model.file_name().and_then(|name| SkillName::parse(name.to_str()?).ok());
    let name = name.map_or_else(|| SkillName::parse("model"), Ok)?;
    Ok((Subject { name, digest, files }, digest))
}

fn walk(folder: &Path, left_out: &[PathBuf], found: &mut Vec<PathBuf>) -> Answer<()> {
    for entry in fs::read_dir(folder)? {
        let (path, kind) = {
            let entry = entry?;
            (entry.path(), entry.file_type()?)
        };
        if left_out.contains(&path) {
            continue;
        }
        if kind.is_dir() {
            walk(&path, left_out, found)?;
        } else if kind.is_file() {
            found.push(path);
        } else {
            return Err(format!("{} is neither a file nor a folder", path.display()).into());
        }
    }
    Ok(())
}
