//! Bundles and folders made to be taken for what they are not: our verdict beside
//! the reference's, so that it shows where we are stricter, and that we are nowhere
//! looser. `docs/conformance.md` has the same table; it must be this one.
//!
//! Links, special files and set-id bits are not here: a folder that has them is
//! refused before anybody asks who signed it.

use super::tools::{Yard, chmod, cli, ours, reference, subject};
use skill_trust::model::digest::sha256;
use skill_trust::policy::provenance::dsse::{encode, pae};
use skill_trust::policy::provenance::emit::{Naming, emit};
use skill_trust::policy::provenance::keys::SecretKey;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../../docs/conformance.md");
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A bundle as the reference writes it, in parts that can be changed one by one.
struct Parts {
    /// The listed files: name, digest, and what stands behind them.
    list: Vec<(String, String, &'static str)>,
    /// The `ignore_paths` member, comma included.
    ignore: &'static str,
    /// From and to, in the statement before it is signed.
    statement: (&'static str, &'static str),
    /// From and to, in the finished bundle.
    bundle: (&'static str, &'static str),
    /// Computes the root digest from other bytes.
    wrong_root: bool,
    /// What is signed instead of the encoding of the protocol.
    bare_payload: bool,
    payload_type: &'static str,
}

/// One row: what was done, and how.
struct Row {
    what: &'static str,
    change: fn(&mut Parts, &Yard, &Path),
    /// Our verdict's word.
    ours: &'static str,
    /// What our verdict says, in part; of a valid one, its first note.
    because: &'static str,
    reference: bool,
}

const DEFAULTS: &str = r#","ignore_paths":[".git",".gitignore",".gitattributes",".github","skill.oms.sig"]"#;

impl Parts {
    fn new(folder: &Path) -> Self {
        let list =
            subject(folder).0.files.into_iter().map(|file| (file.path, file.sha256.hex(), "")).collect();
        Self {
            list,
            ignore: DEFAULTS,
            statement: ("", ""),
            bundle: ("", ""),
            wrong_root: false,
            bare_payload: false,
            payload_type: IN_TOTO,
        }
    }

    fn text(&self, key: &SecretKey) -> String {
        let mut raw = Vec::new();
        let mut list = Vec::new();
        for (name, digest, more) in &self.list {
            let bytes: Vec<_> =
                (0..32).map(|at| u8::from_str_radix(&digest[at * 2..at * 2 + 2], 16).unwrap()).collect();
            raw.extend(bytes);
            list.push(format!(r#"{{"name":"{name}","algorithm":"sha256","digest":"{digest}"{more}}}"#));
        }
        if self.wrong_root {
            raw.push(0);
        }
        let payload = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"pdf-forms","digest":{{"sha256":"{}"}}}}],"predicateType":"https://model_signing/signature/v1.0","predicate":{{"resources":[{}],"serialization":{{"method":"files","hash_type":"sha256","allow_symlinks":false{}}}}}}}"#,
            sha256(&[&raw]).hex(),
            list.join(","),
            self.ignore,
        );
        let payload = swap(&payload, self.statement);
        let message = if self.bare_payload {
            payload.clone().into_bytes()
        } else {
            pae(self.payload_type, payload.as_bytes())
        };
        let text = format!(
            r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{{"publicKey":{{"hint":"{}"}},"tlogEntries":[]}},"dsseEnvelope":{{"payload":"{}","payloadType":"{}","signatures":[{{"sig":"{}","keyid":""}}]}}}}"#,
            key.public().pem_digest().hex(),
            encode(payload.as_bytes()),
            self.payload_type,
            encode(&key.sign(&message).unwrap()),
        );
        let raw = encode(key.public().pem().as_bytes());
        swap(&text, self.bundle).replace("HINT", &key.public().pem_digest().hex()).replace("RAW", &raw)
    }
}

fn swap(text: &str, (from, to): (&str, &str)) -> String {
    if from.is_empty() {
        return text.to_owned();
    }
    // The hint itself is of a key that is made at run time.
    if from == "HINT" {
        let at = text.find("{\"hint\"").unwrap();
        let end = at + text[at..].find('}').unwrap() + 1;
        return format!("{}{to}{}", &text[..at], &text[end..]);
    }
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

fn rows() -> Vec<Row> {
    let row = |what, change, ours, because, reference| Row { what, change, ours, because, reference };
    let mut all =
        vec![row("nothing", |_, _, _| {}, "valid", "executable, which is not signed: scripts/run.sh", true)];
    all.extend(folders(&row));
    all.extend(statements(&row));
    all.extend(bundles(&row));
    all
}

type Maker<'a> =
    &'a dyn Fn(&'static str, fn(&mut Parts, &Yard, &Path), &'static str, &'static str, bool) -> Row;

/// The folder is changed after it was signed.
fn folders(row: Maker<'_>) -> Vec<Row> {
    fn add(folder: &Path, path: &str) {
        fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
        fs::write(folder.join(path), "x").unwrap();
    }
    vec![
        row(
            "`chmod +x` on a document",
            |_, _, at| chmod(&at.join("SKILL.md"), 0o755),
            "valid",
            "executable, which is not signed: SKILL.md, scripts/run.sh",
            true,
        ),
        row("`chmod -x` on a script", |_, _, at| chmod(&at.join("scripts/run.sh"), 0o644), "valid", "", true),
        row(
            "an empty folder added",
            |_, _, at| fs::create_dir(at.join("empty")).unwrap(),
            "valid",
            "executable",
            true,
        ),
        row(
            "a file changed",
            |_, _, at| fs::write(at.join("SKILL.md"), "other").unwrap(),
            "invalid",
            "`SKILL.md` was signed as",
            false,
        ),
        row(
            "a file removed",
            |_, _, at| fs::remove_file(at.join("scripts-old/x")).unwrap(),
            "invalid",
            "`scripts-old/x` was signed and is not here",
            false,
        ),
        row(
            "a file renamed",
            |_, _, at| fs::rename(at.join("scripts-old/x"), at.join("scripts-old/y")).unwrap(),
            "invalid",
            "`scripts-old/x` was signed and is not here",
            false,
        ),
        row("a file added", |_, _, at| add(at, "scripts/more.sh"), "incomplete", "scripts/more.sh", false),
        row(
            "a file added; the reference is told to ignore such",
            |_, _, at| add(at, "scripts/UNSIGNED"),
            "incomplete",
            "scripts/UNSIGNED",
            true,
        ),
        row(
            "a workflow planted in `.github`",
            |_, _, at| add(at, ".github/workflows/x.yml"),
            "incomplete",
            ".github/workflows/x.yml",
            true,
        ),
        row(
            "`.gitattributes` planted",
            |_, _, at| add(at, ".gitattributes"),
            "incomplete",
            ".gitattributes",
            true,
        ),
        row(
            "a git hook planted",
            |_, _, at| add(at, ".git/hooks/post-checkout"),
            "incomplete",
            ".git/hooks/post-checkout",
            true,
        ),
        row(
            "a second bundle deeper down",
            |_, _, at| add(at, "scripts/skill.oms.sig"),
            "incomplete",
            "scripts/skill.oms.sig",
            false,
        ),
    ]
}

/// The statement says something else, and is signed by the right key.
fn statements(row: Maker<'_>) -> Vec<Row> {
    vec![
        row(
            "`ignore_paths` hides a folder that is there",
            |it, _, _| {
                it.list.retain(|one| !one.0.starts_with("scripts/"));
                it.ignore = r#","ignore_paths":["scripts"]"#;
            },
            "incomplete",
            "scripts/run.sh",
            true,
        ),
        row(
            "`ignore_paths` hides everything, nothing is listed",
            |it, _, _| {
                it.list.clear();
                it.ignore = r#","ignore_paths":["."]"#;
            },
            "invalid",
            "it lists no file at all",
            true,
        ),
        row(
            "`ignore_paths` names what is not there",
            |it, _, _| it.ignore = r#","ignore_paths":["notes"]"#,
            "valid",
            "its signer left out `notes`",
            true,
        ),
        row("no `ignore_paths`", |it, _, _| it.ignore = "", "valid", "executable", true),
        row(
            "a file listed twice",
            |it, _, _| it.list.push(it.list[0].clone()),
            "invalid",
            "it lists `SKILL.md` twice",
            true,
        ),
        row(
            "the list reversed",
            |it, _, _| it.list.reverse(),
            "valid",
            "its files are listed in an order of their own",
            true,
        ),
        row(
            "wrong root digest",
            |it, _, _| it.wrong_root = true,
            "invalid",
            "root digest was signed as",
            false,
        ),
        row(
            "`./SKILL.md`",
            |it, _, _| it.list[0].0 = "./SKILL.md".to_owned(),
            "invalid",
            "`./SKILL.md`: `.` or `..`",
            true,
        ),
        row(
            "`scripts/../SKILL.md`",
            |it, _, _| it.list[0].0 = "scripts/../SKILL.md".to_owned(),
            "invalid",
            "`scripts/../SKILL.md`: `.` or `..`",
            false,
        ),
        row(
            "`/SKILL.md`",
            |it, _, _| it.list[0].0 = "/SKILL.md".to_owned(),
            "invalid",
            "an absolute path",
            false,
        ),
        row(
            "`scripts//run.sh`",
            |it, _, _| it.list[2].0 = "scripts//run.sh".to_owned(),
            "invalid",
            "an empty name",
            true,
        ),
        row(
            "upper-case digits in a digest",
            |it, _, _| it.list[0].1 = it.list[0].1.to_uppercase(),
            "invalid",
            "not 64 lower-case hex digits",
            true,
        ),
        row(
            "a name twice in one object",
            |it, _, _| it.statement = (r#""name":"pdf-forms""#, r#""name":"x","name":"pdf-forms""#),
            "invalid",
            "a name twice in one object",
            true,
        ),
        row(
            "two subjects",
            |it, _, _| {
                it.statement = (r#""subject":["#, r#""subject":[{"name":"x","digest":{"sha256":"00"}},"#)
            },
            "invalid",
            "2 subjects",
            false,
        ),
        row(
            "another name",
            |it, _, _| it.statement = (r#""name":"pdf-forms""#, r#""name":"other""#),
            "valid",
            "signed under the name `other`",
            true,
        ),
        row(
            "Statement v0.1",
            |it, _, _| it.statement = ("Statement/v1", "Statement/v0.1"),
            "invalid",
            "Statement/v0.1",
            false,
        ),
        row(
            "another predicateType",
            |it, _, _| it.statement = ("signature/v1.0", "signature/v9"),
            "invalid",
            "signature/v9",
            false,
        ),
        row(
            "an unknown member in the predicate",
            |it, _, _| it.statement = (r#""predicate":{"#, r#""predicate":{"x":1,"#),
            "invalid",
            "the predicate has an unknown member",
            true,
        ),
        row(
            "more kinds of digest",
            |it, _, _| it.statement = (r#""digest":{"sha256"#, r#""digest":{"sha512":"00","sha256"#),
            "valid",
            "executable",
            true,
        ),
        row(
            "annotations on a file",
            |it, _, _| it.list[0].2 = r#","annotations":{"origin":"x"}"#,
            "valid",
            "executable",
            true,
        ),
        row(
            "modes in annotations, and another mode here",
            |it, _, at| {
                it.list[0].2 = r#","annotations":{"mode":"100644"}"#;
                chmod(&at.join("SKILL.md"), 0o755);
            },
            "valid",
            "executable here where it was signed as not",
            true,
        ),
        row(
            "another `gitTree` in the subject",
            |it, _, _| {
                it.statement = (
                    r#""digest":{"sha256"#,
                    r#""digest":{"gitTree":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","sha256"#,
                )
            },
            "invalid",
            "the tree, modes included,",
            true,
        ),
        row(
            "another `dirHash` in the subject",
            |it, _, _| {
                it.statement = (
                    r#""digest":{"sha256"#,
                    r#""digest":{"dirHash":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","sha256"#,
                )
            },
            "invalid",
            "the dirHash",
            true,
        ),
        row(
            "links were followed",
            |it, _, _| it.statement = (r#""allow_symlinks":false"#, r#""allow_symlinks":true"#),
            "valid",
            "its signer followed links",
            true,
        ),
    ]
}

/// The bundle around a good statement is another.
fn bundles(row: Maker<'_>) -> Vec<Row> {
    vec![
        row(
            "a second, wrong signature",
            |it, _, _| it.bundle = ("\"keyid\":\"\"}", "\"keyid\":\"\"},{\"sig\":\"AAAA\"}"),
            "invalid",
            "2 signatures",
            true,
        ),
        row(
            "no signature",
            |it, _, _| it.bundle = ("\"signatures\":[{", "\"signatures\":[],\"x\":[{"),
            "invalid",
            "a member that DSSE does not know",
            false,
        ),
        row(
            "signed without the encoding of DSSE",
            |it, _, _| it.bare_payload = true,
            "invalid",
            "the signature is not by key:",
            false,
        ),
        row(
            "another payloadType",
            |it, _, _| it.payload_type = "application/json",
            "invalid",
            "the payload is a `application/json`",
            false,
        ),
        row(
            "no hint",
            |it, _, _| it.bundle = ("HINT", "{}"),
            "valid",
            "the bundle does not name its key",
            true,
        ),
        row(
            "the hint of another key",
            |it, _, _| {
                it.bundle =
                    ("HINT", r#"{"hint":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#)
            },
            "unknown-signer",
            "the key aaaa",
            false,
        ),
        row(
            "the key itself, as before 1.1",
            |it, _, _| it.bundle = ("HINT", r#"{"rawBytes":"RAW","keyDetails":"PKIX_ECDSA_P256_SHA_256"}"#),
            "valid",
            "executable",
            true,
        ),
        row(
            "`keyid` null",
            |it, _, _| it.bundle = ("\"keyid\":\"\"", "\"keyid\":null"),
            "valid",
            "executable",
            true,
        ),
        row("no `keyid`", |it, _, _| it.bundle = (",\"keyid\":\"\"", ""), "valid", "executable", true),
        row(
            "no `tlogEntries`",
            |it, _, _| it.bundle = (",\"tlogEntries\":[]", ""),
            "valid",
            "executable",
            true,
        ),
        row(
            "media type 0.2",
            |it, _, _| it.bundle = (".bundle.v0.3+json", ".bundle+json;version=0.2"),
            "unsupported",
            "version=0.2",
            false,
        ),
        row(
            "an unknown member at the top",
            |it, _, _| it.bundle = ("{\"mediaType\"", "{\"x\":1,\"mediaType\""),
            "invalid",
            "an unknown member `x`",
            false,
        ),
        row(
            "a member twice at the top",
            |it, _, _| it.bundle = ("{\"mediaType\"", "{\"dsseEnvelope\":1,\"mediaType\""),
            "invalid",
            "a name twice in one object",
            true,
        ),
        row(
            "more after the end",
            |it, _, _| it.bundle = ("{\"mediaType\"", "{}{\"mediaType\""),
            "invalid",
            "more after the end",
            false,
        ),
        row(
            "a key and certificates",
            |it, _, _| {
                it.bundle = (
                    "\"tlogEntries\":[]",
                    "\"x509CertificateChain\":{\"certificates\":[{\"rawBytes\":\"AAAA\"}]},\"tlogEntries\":[]",
                )
            },
            "invalid",
            "both a key and a certificate",
            false,
        ),
        row(
            "keyless",
            |it, _, _| it.bundle = ("\"publicKey\":{\"hint\":\"", "\"certificate\":{\"rawBytes\":\""),
            "unsupported",
            "keyless Sigstore",
            false,
        ),
        row(
            "a time stamp that is none",
            |it, _, _| {
                it.bundle = (
                    "\"tlogEntries\":[]",
                    "\"tlogEntries\":[],\"timestampVerificationData\":{\"rfc3161Timestamps\":[{\"signedTimestamp\":\"AAAA\"}]}",
                )
            },
            "valid",
            "a time stamp in it is not counted",
            true,
        ),
    ]
}

#[test]
fn our_verdict_beside_the_references() {
    let yard = Yard::new();
    let (key, public) = yard.key("key", "prime256v1");
    let (rows, mut questions, mut found) = (rows(), Vec::new(), Vec::new());
    for (at, row) in rows.iter().enumerate() {
        let folder = yard.skill(&format!("row{at}"));
        let mut parts = Parts::new(&folder);
        (row.change)(&mut parts, &yard, &folder);
        let bundle = folder.join("skill.oms.sig");
        fs::write(&bundle, parts.text(&key)).unwrap();
        found.push(ours(&bundle, &folder, std::slice::from_ref(&public), &[]));
        let (public, bundle) = (yard.arg("key.pub"), bundle.to_str().unwrap().to_owned());
        let mut words = vec!["verify", "key", "--public_key", &public, "--signature", &bundle];
        if folder.join("scripts/UNSIGNED").exists() {
            words.push("--ignore_unsigned_files");
        }
        words.push(folder.to_str().unwrap());
        questions.push(cli(&words));
    }
    let answers = reference(&yard, &questions);
    let usual = found[0].vouched().unwrap().notes();
    let (mut wrong, mut table) = (String::new(), String::new());
    for ((row, verdict), answer) in rows.iter().zip(&found).zip(&answers) {
        let said =
            verdict.vouched().map_or_else(|| verdict.to_string(), |vouched| vouched.notes().join("; "));
        if verdict.word() != row.ours || !said.contains(row.because) || (answer == "ok") != row.reference {
            let _ = writeln!(wrong, "{}: {} ({said}) | {answer}", row.what, verdict.word());
        }
        // Nowhere looser: what the reference refuses is never valid here.
        assert!(answer == "ok" || verdict.vouched().is_none(), "{}: {answer}", row.what);
        let reference = if answer == "ok" { "verifies" } else { "refuses" };
        let noted =
            if verdict.vouched().is_some_and(|vouched| vouched.notes() != usual) { ", noted" } else { "" };
        let _ = writeln!(table, "| {} | {}{noted} | {reference} |", row.what, verdict.word());
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(PAGE.contains(&table), "docs/conformance.md should have this table:\n{table}");
}

/// What the reference signs in ways that we do not evaluate is told as that.
#[test]
fn pieces_and_other_hashes_are_not_evaluated() {
    let yard = Yard::new();
    let (_, public) = yard.key("key", "prime256v1");
    for (how, words) in [("pieces", "files signed in pieces"), ("blake2", "files hashed with blake2b")] {
        let folder = yard.skill(how);
        let (key, bundle) = (yard.arg("key.key"), folder.join("skill.oms.sig"));
        let question =
            [how, &key, folder.to_str().unwrap(), bundle.to_str().unwrap()].map(str::to_owned).to_vec();
        // The command line of the reference does not verify these either.
        assert_eq!(reference(&yard, &[question]), ["ok"], "{how}");
        let verdict = ours(&bundle, &folder, std::slice::from_ref(&public), &[]);
        assert_eq!(verdict.word(), "unsupported", "{verdict}");
        assert!(verdict.to_string().contains(words), "{verdict}");
    }
}

/// With what we add to a bundle, a mode is signed, and the reference still verifies.
#[test]
fn a_mode_that_we_signed_is_bound() {
    let yard = Yard::new();
    let (key, public) = yard.key("key", "secp384r1");
    let folder = yard.skill("skill");
    let (signed, bare) = subject(&folder);
    let bundle = folder.join("skill.oms.sig");
    fs::write(&bundle, emit(&signed, &bare, &key, Naming::Key).unwrap()).unwrap();
    let ask = || ours(&bundle, &folder, std::slice::from_ref(&public), &[]);
    assert!(ask().vouched().unwrap().notes().is_empty());
    for (file, there, other) in [("scripts/run.sh", 0o755, 0o644), ("SKILL.md", 0o644, 0o755)] {
        chmod(&folder.join(file), other);
        assert!(ask().to_string().contains("the tree, modes included, was signed as"), "{}", ask());
        let public_key = yard.arg("key.pub");
        let check = cli(&[
            "verify",
            "key",
            "--public_key",
            &public_key,
            "--signature",
            bundle.to_str().unwrap(),
            folder.to_str().unwrap(),
        ]);
        assert_eq!(reference(&yard, &[check]), ["ok"]);
        chmod(&folder.join(file), there);
    }
}
