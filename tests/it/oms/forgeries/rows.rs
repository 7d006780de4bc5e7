//! The rows of the table: what is done, our verdict, and whether the reference verifies.

use super::super::tools::chmod;
use super::{Parts, Row};
use std::fs;
use std::path::Path;

const fn row(
    what: &'static str,
    change: fn(&mut Parts, &Path),
    ours: &'static str,
    because: &'static str,
    reference: bool,
) -> Row {
    Row { what, change, ours, because, reference }
}

fn add(folder: &Path, path: &str) {
    fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
    fs::write(folder.join(path), "x").unwrap();
}

/// Nothing is changed.
pub(super) const NOTHING: &[Row] =
    &[row("nothing", |_, _| {}, "valid", "executable, which is not signed: scripts/run.sh", true)];

/// The folder is changed after it was signed.
pub(super) const FOLDERS: &[Row] = &[
    row(
        "`chmod +x` on a document",
        |_, at| chmod(&at.join("SKILL.md"), 0o755),
        "valid",
        "executable, which is not signed: SKILL.md, scripts/run.sh",
        true,
    ),
    row("`chmod -x` on a script", |_, at| chmod(&at.join("scripts/run.sh"), 0o644), "valid", "", true),
    row(
        "an empty folder added",
        |_, at| fs::create_dir(at.join("empty")).unwrap(),
        "valid",
        "executable",
        true,
    ),
    row(
        "a file changed",
        |_, at| fs::write(at.join("SKILL.md"), "other").unwrap(),
        "invalid",
        "`SKILL.md` was signed as",
        false,
    ),
    row(
        "a file removed",
        |_, at| fs::remove_file(at.join("scripts-old/x")).unwrap(),
        "invalid",
        "`scripts-old/x` was signed and is not here",
        false,
    ),
    row(
        "a file renamed",
        |_, at| fs::rename(at.join("scripts-old/x"), at.join("scripts-old/y")).unwrap(),
        "invalid",
        "`scripts-old/x` was signed and is not here",
        false,
    ),
    row("a file added", |_, at| add(at, "scripts/more.sh"), "incomplete", "scripts/more.sh", false),
    row(
        "a file added; the reference is told to ignore such",
        |_, at| add(at, "scripts/UNSIGNED"),
        "incomplete",
        "scripts/UNSIGNED",
        true,
    ),
    row(
        "a workflow planted in `.github`",
        |_, at| add(at, ".github/workflows/x.yml"),
        "incomplete",
        ".github/workflows/x.yml",
        true,
    ),
    row("`.gitattributes` planted", |_, at| add(at, ".gitattributes"), "incomplete", ".gitattributes", true),
    row(
        "a git hook planted",
        |_, at| add(at, ".git/hooks/post-checkout"),
        "incomplete",
        ".git/hooks/post-checkout",
        true,
    ),
    row(
        "a second bundle deeper down",
        |_, at| add(at, "scripts/skill.oms.sig"),
        "incomplete",
        "scripts/skill.oms.sig",
        false,
    ),
];

/// The statement says something else, and is signed by the right key.
pub(super) const STATEMENTS: &[Row] = &[
    row(
        "`ignore_paths` hides a folder that is there",
        |it, _| {
            it.list.retain(|one| !one.0.starts_with("scripts/"));
            it.ignore = r#","ignore_paths":["scripts"]"#;
        },
        "incomplete",
        "scripts/run.sh",
        true,
    ),
    row(
        "`ignore_paths` hides everything, nothing is listed",
        |it, _| {
            it.list.clear();
            it.ignore = r#","ignore_paths":["."]"#;
        },
        "invalid",
        "it lists no file at all",
        true,
    ),
    row(
        "`ignore_paths` names what is not there",
        |it, _| it.ignore = r#","ignore_paths":["notes"]"#,
        "valid",
        "its signer left out `notes`",
        true,
    ),
    row("no `ignore_paths`", |it, _| it.ignore = "", "valid", "executable", true),
    row(
        "a file listed twice",
        |it, _| it.list.push(it.list[0].clone()),
        "invalid",
        "it lists `SKILL.md` twice",
        true,
    ),
    row(
        "the list reversed",
        |it, _| it.list.reverse(),
        "valid",
        "its files are listed in an order of their own",
        true,
    ),
    row("wrong root digest", |it, _| it.wrong_root = true, "invalid", "root digest was signed as", false),
    row(
        "`./SKILL.md`",
        |it, _| it.list[0].0 = "./SKILL.md".to_owned(),
        "invalid",
        "`./SKILL.md`: `.` or `..`",
        true,
    ),
    row(
        "`scripts/../SKILL.md`",
        |it, _| it.list[0].0 = "scripts/../SKILL.md".to_owned(),
        "invalid",
        "`scripts/../SKILL.md`: `.` or `..`",
        false,
    ),
    row("`/SKILL.md`", |it, _| it.list[0].0 = "/SKILL.md".to_owned(), "invalid", "an absolute path", false),
    row(
        "`scripts//run.sh`",
        |it, _| it.list[2].0 = "scripts//run.sh".to_owned(),
        "invalid",
        "an empty name",
        true,
    ),
    row(
        "upper-case digits in a digest",
        |it, _| it.list[0].1 = it.list[0].1.to_uppercase(),
        "invalid",
        "not 64 lower-case hex digits",
        true,
    ),
    row(
        "a name twice in one object",
        |it, _| it.statement = (r#""name":"pdf-forms""#, r#""name":"x","name":"pdf-forms""#),
        "invalid",
        "a name twice in one object",
        true,
    ),
    row(
        "two subjects",
        |it, _| it.statement = (r#""subject":["#, r#""subject":[{"name":"x","digest":{"sha256":"00"}},"#),
        "invalid",
        "2 subjects",
        false,
    ),
    row(
        "another name",
        |it, _| it.statement = (r#""name":"pdf-forms""#, r#""name":"other""#),
        "valid",
        "signed under the name `other`",
        true,
    ),
    row(
        "Statement v0.1",
        |it, _| it.statement = ("Statement/v1", "Statement/v0.1"),
        "invalid",
        "Statement/v0.1",
        false,
    ),
    row(
        "another predicateType",
        |it, _| it.statement = ("signature/v1.0", "signature/v9"),
        "invalid",
        "signature/v9",
        false,
    ),
    row(
        "an unknown member in the predicate",
        |it, _| it.statement = (r#""predicate":{"#, r#""predicate":{"x":1,"#),
        "invalid",
        "the predicate has an unknown member",
        true,
    ),
    row(
        "more kinds of digest",
        |it, _| it.statement = (r#""digest":{"sha256"#, r#""digest":{"sha512":"00","sha256"#),
        "valid",
        "executable",
        true,
    ),
    row(
        "annotations on a file",
        |it, _| it.list[0].2 = r#","annotations":{"origin":"x"}"#,
        "valid",
        "executable",
        true,
    ),
    row(
        "modes in annotations, and another mode here",
        |it, at| {
            it.list[0].2 = r#","annotations":{"mode":"100644"}"#;
            chmod(&at.join("SKILL.md"), 0o755);
        },
        "invalid",
        "`SKILL.md` was signed as not executable, and is executable",
        true,
    ),
    row(
        "a mode in annotations that is none",
        |it, _| it.list[0].2 = r#","annotations":{"mode":"0100644"}"#,
        "invalid",
        "the mode of `SKILL.md` is neither 100644 nor 100755",
        true,
    ),
    row(
        "another `gitTree` in the subject",
        |it, _| {
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
        |it, _| {
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
        |it, _| it.statement = (r#""allow_symlinks":false"#, r#""allow_symlinks":true"#),
        "valid",
        "its signer followed links",
        true,
    ),
];

/// The bundle around a good statement is another.
pub(super) const BUNDLES: &[Row] = &[
    row(
        "a second, wrong signature",
        |it, _| it.bundle = ("\"keyid\":\"\"}", "\"keyid\":\"\"},{\"sig\":\"AAAA\"}"),
        "invalid",
        "2 signatures",
        true,
    ),
    row(
        "no signature",
        |it, _| it.bundle = ("\"signatures\":[{", "\"signatures\":[],\"x\":[{"),
        "invalid",
        "a member that DSSE does not know",
        false,
    ),
    row(
        "signed without the encoding of DSSE",
        |it, _| it.bare_payload = true,
        "invalid",
        "the signature is not by key:",
        false,
    ),
    row(
        "another payloadType",
        |it, _| it.payload_type = "application/json",
        "invalid",
        "the payload is a `application/json`",
        false,
    ),
    row("no hint", |it, _| it.bundle = ("HINT", "{}"), "valid", "the bundle does not name its key", true),
    row(
        "the hint of another key",
        |it, _| {
            it.bundle =
                ("HINT", r#"{"hint":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#)
        },
        "unknown-signer",
        "the key aaaa",
        false,
    ),
    row(
        "the key itself, as before 1.1",
        |it, _| it.bundle = ("HINT", r#"{"rawBytes":"RAW","keyDetails":"PKIX_ECDSA_P256_SHA_256"}"#),
        "valid",
        "executable",
        true,
    ),
    row(
        "`keyid` null",
        |it, _| it.bundle = ("\"keyid\":\"\"", "\"keyid\":null"),
        "valid",
        "executable",
        true,
    ),
    row("no `keyid`", |it, _| it.bundle = (",\"keyid\":\"\"", ""), "valid", "executable", true),
    row("no `tlogEntries`", |it, _| it.bundle = (",\"tlogEntries\":[]", ""), "valid", "executable", true),
    row(
        "media type 0.2",
        |it, _| it.bundle = (".bundle.v0.3+json", ".bundle+json;version=0.2"),
        "unsupported",
        "version=0.2",
        false,
    ),
    row(
        "an unknown member at the top",
        |it, _| it.bundle = ("{\"mediaType\"", "{\"x\":1,\"mediaType\""),
        "invalid",
        "an unknown member `x`",
        false,
    ),
    row(
        "a member twice at the top",
        |it, _| it.bundle = ("{\"mediaType\"", "{\"dsseEnvelope\":1,\"mediaType\""),
        "invalid",
        "a name twice in one object",
        true,
    ),
    row(
        "more after the end",
        |it, _| it.bundle = ("{\"mediaType\"", "{}{\"mediaType\""),
        "invalid",
        "trailing characters",
        false,
    ),
    row(
        "a key and certificates",
        |it, _| {
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
        |it, _| it.bundle = ("\"publicKey\":{\"hint\":\"", "\"certificate\":{\"rawBytes\":\""),
        "unsupported",
        "keyless Sigstore",
        false,
    ),
    row(
        "a time stamp that is none",
        |it, _| {
            it.bundle = (
                "\"tlogEntries\":[]",
                "\"tlogEntries\":[],\"timestampVerificationData\":{\"rfc3161Timestamps\":[{\"signedTimestamp\":\"AAAA\"}]}",
            )
        },
        "valid",
        "a time stamp in it is not counted",
        true,
    ),
];
