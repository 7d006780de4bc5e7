//! A folder, its evidence, and what is believed.

use crate::oms::tools::openssl;
use crate::ssh_signatures::bench::Bench;
use skill_trust::model::digest::{Hasher, sha256};
use skill_trust::model::git_proof::GitProof;
use skill_trust::model::manifest::{Entry, Manifest};
use skill_trust::model::path::EntryPath;
use skill_trust::model::signer::SignerId;
use skill_trust::model::skill::SkillName;
use skill_trust::model::source::{Source, SourceKind};
use skill_trust::model::time::Timestamp;
use skill_trust::model::tuf::Value;
use skill_trust::model::tuf::layout::Place;
use skill_trust::policy::provenance::dsse::encode;
use skill_trust::policy::provenance::emit::{Naming, emit};
use skill_trust::policy::provenance::examine::{Beliefs, Evidence, Git, Seen, examine};
use skill_trust::policy::provenance::git::folder::{FolderHasher, GitFolder};
use skill_trust::policy::provenance::git::object::Id;
use skill_trust::policy::provenance::keys::{PublicKey, SecretKey, pem};
use skill_trust::policy::provenance::ssh::key::PublicKey as SshKey;
use skill_trust::policy::provenance::ssh::statement::{INSIDE, NAMESPACE, Statement};
use skill_trust::policy::provenance::{Subject, SubjectFile};
use std::collections::BTreeMap;
use std::fs;

pub(super) const NOW: &str = "2026-06-15T12:00:00Z";
pub(super) const SOURCE: &str = "https://git.example/acme/tools";
/// The namespace that covers it.
pub(super) const OURS: &str = "https://git.example/acme/*";
pub(super) const BUNDLE: &str = "skill.oms.sig";
const LEAF: &str = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature";

pub(super) struct Scene {
    pub(super) bench: Bench,
    pub(super) files: BTreeMap<String, (bool, Vec<u8>)>,
    pub(super) source: Source,
    pub(super) beside: Option<(Vec<u8>, Vec<u8>)>,
    pub(super) git: Option<(GitProof, GitFolder)>,
    pub(super) first_seen: Option<Timestamp>,
    pub(super) now: Timestamp,
    pub(super) beliefs: Beliefs,
}

pub(super) fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

impl Scene {
    pub(super) fn new() -> Self {
        let mut scene = Self {
            bench: Bench::new(),
            files: BTreeMap::new(),
            source: Source {
                commit: None,
                kind: SourceKind::Git,
                location: SOURCE.to_owned(),
                path: None,
                reference: None,
            },
            beside: None,
            git: None,
            first_seen: None,
            now: time(NOW),
            beliefs: Beliefs::default(),
        };
        scene.put("SKILL.md", false, b"---\nname: pdf-forms\ndescription: x\n---\n");
        scene.put("scripts/run.sh", true, b"#!/bin/sh\n");
        scene
    }

    pub(super) fn put(&mut self, path: &str, executable: bool, bytes: &[u8]) {
        self.files.insert(path.to_owned(), (executable, bytes.to_vec()));
    }

    fn name() -> SkillName {
        SkillName::parse("pdf-forms").unwrap()
    }

    pub(super) fn walk(&self) -> (Subject, Manifest) {
        let (mut files, mut entries) = (Vec::new(), Vec::new());
        for (path, (executable, bytes)) in &self.files {
            let mut hasher = Hasher::git_object("blob", bytes.len() as u64);
            hasher.update(bytes);
            entries.push(Entry {
                path: EntryPath::parse(path.as_bytes()).unwrap(),
                executable: *executable,
                size: bytes.len() as u64,
                sha256: hasher.finish(),
            });
            let sha256 = sha256(&[bytes]);
            files.push(SubjectFile { path: path.clone(), sha256, executable: *executable });
        }
        let manifest = Manifest::new(entries).unwrap();
        (Subject { name: Self::name(), digest: manifest.digest(), files }, manifest)
    }

    /// A P-256 key by `ssh-keygen`: `NAME`, `NAME.pub`; and `NAME.spki`, in PEM.
    pub(super) fn key(&self, name: &str) -> PublicKey {
        self.bench.key(name, &["-t", "ecdsa", "-b", "256", "-m", "PEM"]);
        let public = self.bench.arg(&format!("{name}.pub"));
        let text = self.bench.keygen(&["-e", "-m", "PKCS8", "-f", &public]);
        self.bench.write(&format!("{name}.spki"), text.as_bytes());
        PublicKey::from_pem(&text).unwrap()
    }

    pub(super) fn spki(&self, name: &str) -> Vec<u8> {
        self.bench.read(&format!("{name}.spki"))
    }

    /// The `ssh:` id of the same key.
    pub(super) fn ssh_id(&self, name: &str) -> SignerId {
        use base64::Engine as _;
        let line = self.bench.public(name);
        let blob = base64::engine::general_purpose::STANDARD.decode(line.split(' ').nth(1).unwrap());
        SshKey::parse(&blob.unwrap()).unwrap().signer()
    }

    fn secret(&self, name: &str) -> SecretKey {
        SecretKey::from_pem(&fs::read_to_string(self.bench.at(name)).unwrap()).unwrap()
    }

    /// A certificate of that key by `openssl ca`, self-signed or by another's, as
    /// PEM in `NAME.pem`.
    pub(super) fn certificate(&self, name: &str, extensions: &str, issuer: Option<&str>) -> Vec<u8> {
        let bench = &self.bench;
        let dir = bench.arg("");
        bench.write("index", b"");
        bench.write("serial", b"1000\n");
        let conf = format!(
            "[ca]\ndefault_ca=d\n[d]\nnew_certs_dir={dir}\ndatabase={dir}/index\nserial={dir}/serial\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n[req]\ndistinguished_name=n\n[n]\n"
        );
        let conf = bench.write("conf", conf.as_bytes());
        let ext = bench.write("ext", extensions.as_bytes());
        let [key, request, made] = ["", ".csr", ".pem"].map(|end| bench.arg(&format!("{name}{end}")));
        let subject = format!("/CN={name}");
        openssl(&["req", "-new", "-config", &conf, "-key", &key, "-subj", &subject, "-out", &request]);
        let mut words = vec!["ca", "-batch", "-notext", "-config", &conf, "-in", &request, "-out", &made];
        words.extend(["-startdate", "20200101000000Z", "-enddate", "20300101000000Z", "-extfile", &ext]);
        let above = issuer.map(|issuer| [bench.arg(&format!("{issuer}.pem")), bench.arg(issuer)]);
        match &above {
            None => words.extend(["-selfsign", "-keyfile", &key]),
            Some([certificate, key]) => words.extend(["-cert", certificate, "-keyfile", key]),
        }
        openssl(&words);
        bench.read(&format!("{name}.pem"))
    }

    /// The usual certificate of a signer, by its own key.
    pub(super) fn leaf(&self, name: &str) -> Vec<u8> {
        self.certificate(name, LEAF, None)
    }

    fn text(&self, key: &str, naming: Naming<'_>) -> String {
        let mut bare = self.walk().0;
        bare.files.retain(|file| file.path != BUNDLE);
        let digest = self.walk().1.digest_without(&[BUNDLE]);
        emit(&bare, &digest, &self.secret(key), naming).unwrap()
    }

    /// A bundle that names its key by a hash.
    pub(super) fn bundle(&mut self, key: &str) {
        let text = self.text(key, Naming::Key);
        self.put(BUNDLE, false, text.as_bytes());
    }

    /// A bundle with the key in it, as before `model_signing` 1.1.
    pub(super) fn bundle_with_key(&mut self, key: &str) {
        let hint = format!("\"hint\":\"{}\"", self.secret(key).public().pem_digest().hex());
        let raw = format!("\"rawBytes\":\"{}\",\"keyDetails\":\"x\"", encode(&self.spki(key)));
        let text = self.text(key, Naming::Key);
        assert!(text.contains(&hint), "{text}");
        self.put(BUNDLE, false, text.replace(&hint, &raw).as_bytes());
    }

    /// A bundle with certificates, the signer's first.
    pub(super) fn bundle_with_chain(&mut self, key: &str, chain: &[&str]) {
        let der = |name: &&str| {
            let text = String::from_utf8(self.bench.read(&format!("{name}.pem"))).unwrap();
            pem("CERTIFICATE", &text).unwrap().remove(0)
        };
        let chain: Vec<_> = chain.iter().map(der).collect();
        let text = self.text(key, Naming::Chain(&chain));
        self.put(BUNDLE, false, text.as_bytes());
    }

    pub(super) fn sign(&self, key: &str) -> (Vec<u8>, Vec<u8>) {
        let digest = self.walk().1.digest_without(&INSIDE);
        let bytes = Statement { name: Self::name(), digest, version: None }.to_bytes().unwrap();
        let signature = self.bench.sign(key, NAMESPACE, &bytes, &[]);
        (bytes, signature)
    }

    /// A statement and its signature, in the folder.
    pub(super) fn pair(&mut self, key: &str) {
        let (statement, signature) = self.sign(key);
        self.put(INSIDE[0], false, &statement);
        self.put(INSIDE[1], false, &signature);
    }

    /// A statement over the folder as it is, beside it.
    pub(super) fn pair_beside(&mut self, key: &str) {
        self.beside = Some(self.sign(key));
    }

    /// A commit of the folder as it is, signed by the key or by an armour of
    /// somebody's.
    pub(super) fn commit(&mut self, key: Result<&str, &str>) {
        let mut hasher = FolderHasher::new();
        for (path, (executable, bytes)) in &self.files {
            hasher.add(&EntryPath::parse(path.as_bytes()).unwrap(), *executable, bytes).unwrap();
        }
        let folder = hasher.finish().unwrap();
        let who = "A <a@example.org> 1767323045 +0000";
        let head = format!("tree {}\nauthor {who}\ncommitter {who}\n", folder.tree());
        let armour = match key {
            Ok(key) => {
                let message = format!("{head}\nwords\n");
                String::from_utf8(self.bench.sign(key, "git", message.as_bytes(), &[])).unwrap()
            }
            Err(armour) => armour.to_owned(),
        };
        let header = armour.trim_end().replace('\n', "\n ");
        let commit = format!("{head}gpgsig {header}\n\nwords\n").into_bytes();
        self.source.commit = Some(Id::of("commit", &commit).unwrap().to_string());
        self.git = Some((GitProof { tags: Vec::new(), commit, trees: Vec::new() }, folder));
    }

    /// A tag of that commit, signed by the key, and asked for by a name.
    pub(super) fn tag(&mut self, key: &str, name: &str, asked: &str) {
        let id = self.source.commit.clone().unwrap();
        let who = "A <a@example.org> 1767323045 +0000";
        let text = format!("object {id}\ntype commit\ntag {name}\ntagger {who}\n\nwords\n");
        let armour = self.bench.sign(key, "git", text.as_bytes(), &[]);
        self.source.reference = Some(asked.to_owned());
        self.git.as_mut().unwrap().0.tags = vec![[text.as_bytes(), &armour].concat()];
    }

    /// A root lists an anchor.
    pub(super) fn anchor(&mut self, root: &str, publisher: &str, pem: &[u8], namespace: &str) {
        self.anchor_until(root, publisher, pem, namespace, "2030-01-01T00:00:00Z");
    }

    pub(super) fn anchor_until(
        &mut self,
        root: &str,
        publisher: &str,
        pem: &[u8],
        namespace: &str,
        end: &str,
    ) {
        let custom = format!(
            r#"{{"validFor":{{"start":"2020-01-01T00:00:00Z","end":"{end}"}},"namespaces":["{namespace}"]}}"#
        );
        let custom = Value::parse(custom.as_bytes()).unwrap();
        let path = format!("anchors/{publisher}.pem");
        self.beliefs.add_target(root, Place::of(&path), pem, Some(&custom)).unwrap();
    }

    /// A root lists OpenSSH keys.
    pub(super) fn allow(&mut self, root: &str, lines: &str) {
        self.beliefs.add_target(root, Place::AllowedSigners, lines.as_bytes(), None).unwrap();
    }

    /// A root revokes: the members of one entry but `why`.
    pub(super) fn revoke(&mut self, root: &str, entry: &str) {
        let list = format!(r#"{{"format":1,"revocations":[{{{entry},"why":"lost"}}]}}"#);
        self.beliefs.add_target(root, Place::Revocations, list.as_bytes(), None).unwrap();
    }

    pub(super) fn ask(&self) -> Vec<Seen> {
        let (subject, manifest) = self.walk();
        self.ask_with(&subject, &manifest, |_| {})
    }

    pub(super) fn ask_with(
        &self,
        subject: &Subject,
        manifest: &Manifest,
        change: impl FnOnce(&mut Evidence<'_>),
    ) -> Vec<Seen> {
        let file = |path: &str| self.files.get(path).map(|(_, bytes)| bytes.as_slice());
        let mut evidence = Evidence {
            source: &self.source,
            subject,
            manifest,
            bundle: file(BUNDLE),
            statement: file(INSIDE[0]),
            statement_signature: file(INSIDE[1]),
            beside: self.beside.as_ref().map(|(a, b)| (a.as_slice(), b.as_slice())),
            git: self.git.as_ref().map(|(proof, folder)| Git { proof, folder }),
            first_seen: self.first_seen,
            now: self.now,
        };
        change(&mut evidence);
        examine(&self.beliefs, &evidence)
    }

    /// Each answer as `METHOD: WORD`, and `by ROOT`; `(new)` where the key could be pinned.
    pub(super) fn words(&self) -> String {
        words(&self.ask())
    }
}

pub(super) fn words(seen: &[Seen]) -> String {
    let one = |one: &Seen| {
        let root = one.root.as_ref().map(|root| format!(" by {root}")).unwrap_or_default();
        let new = if pinnable(one).is_some() { " (new)" } else { "" };
        format!("{}: {}{root}{new}", one.method.as_str(), one.verdict.word())
    };
    seen.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The key that first use may pin.
pub(super) fn pinnable(seen: &Seen) -> Option<&SignerId> {
    use skill_trust::policy::provenance::verdict::Verdict;
    match &seen.verdict {
        Verdict::UnknownSigner { key, .. } => key.as_ref(),
        _ => None,
    }
}
