//! `publish sign`: what is signed holds for foreign programs, and what a
//! signature would not cover is not signed.

use super::{Author, all, arg, by_git, marks, skill, tool};
use crate::oms::tools::{Yard, cli, reference};
use crate::support::sandbox::chmod;
use skill_trust::model::code::{Code, Stop};
use skill_trust::ops::own_keys::{self, Kind};
use skill_trust::ops::publish::sign::{self, Form, Request, Signed};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

const PAIR: [&str; 2] = ["skill.intoto.json", "skill.intoto.json.sig"];

fn author() -> Author {
    let author = Author::new();
    own_keys::generate(&author.world, "release", Kind::Ed25519).unwrap();
    own_keys::generate(&author.world, "bundles", Kind::P256).unwrap();
    author
}

fn request(path: &Path, key: &str) -> Request {
    Request {
        path: path.to_owned(),
        key: key.to_owned(),
        form: None,
        agent: None,
        replace: false,
        dry_run: false,
    }
}

fn sign(author: &Author, path: &Path, key: &str) -> Result<Signed, Stop> {
    sign::sign(&author.world, &request(path, key))
}

/// Whether `ssh-keygen` takes the pair in a folder, under a list of signers.
pub(super) fn ssh_keygen_takes(folder: &Path, allowed: &str, who: &str) -> bool {
    let list = tempfile::NamedTempFile::new().unwrap();
    fs::write(list.path(), format!("{allowed}\n")).unwrap();
    let statement = fs::File::open(folder.join(PAIR[0])).unwrap();
    let output = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-n", "skill-statement@v1", "-I", who, "-f", arg(list.path())])
        .args(["-s", arg(&folder.join(PAIR[1]))])
        .stdin(Stdio::from(statement))
        .output()
        .unwrap();
    output.status.success()
}

#[test]
fn ssh_keygen_verifies_our_statement_and_git_the_digest_in_it() {
    let author = author();
    let folder = skill(&author, "pdf-forms");
    let signed = sign(&author, &folder, "release").unwrap();
    assert_eq!((signed.form, signed.files, signed.version.as_deref()), (Form::Statement, 2, Some("1.2.0")));
    assert_eq!(signed.digest.hex(), by_git(&folder, &PAIR));
    let statement: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join(PAIR[0])).unwrap()).unwrap();
    assert_eq!(statement["subject"][0]["name"], "pdf-forms");
    assert_eq!(statement["subject"][0]["digest"]["gitTree"], signed.digest.hex());
    assert_eq!(statement["predicate"]["version"], "1.2.0");
    let listed = own_keys::list(&author.world).unwrap();
    let about = listed.into_iter().find(|(name, _)| name == "release").unwrap().1.unwrap();
    assert_eq!(about.ssh.as_ref(), Some(&signed.signer));
    let allowed = about.allowed.unwrap();
    assert!(ssh_keygen_takes(&folder, &allowed, "release"));
    assert!(!ssh_keygen_takes(&folder, &allowed.replace("skill-statement@v1", "git"), "release"));
    fs::write(folder.join(PAIR[0]), "{}").unwrap();
    assert!(!ssh_keygen_takes(&folder, &allowed, "release"));
}

#[test]
fn the_oms_reference_verifies_our_bundle() {
    let author = author();
    let folder = skill(&author, "pdf-forms");
    let signed = sign(&author, &folder, "bundles").unwrap();
    assert_eq!((signed.form, signed.files), (Form::Oms, 2));
    assert_eq!(signed.digest.hex(), by_git(&folder, &["skill.oms.sig"]));
    let (yard, public) = (Yard::new(), author.key("bundles.pub"));
    let bundle = folder.join("skill.oms.sig");
    let question =
        cli(&["verify", "key", "--public_key", arg(&public), "--signature", arg(&bundle), arg(&folder)]);
    assert_eq!(reference(&yard, std::slice::from_ref(&question)), ["ok"]);
    fs::write(folder.join("scripts/run.sh"), "#!/bin/sh\necho other\n").unwrap();
    let answer = reference(&yard, &[question]).remove(0);
    assert!(answer.starts_with("refused"), "{answer}");
}

#[test]
fn signing_twice_changes_nothing_and_other_bytes_need_a_word() {
    let author = author();
    for (name, key) in [("with-statement", "release"), ("with-bundle", "bundles")] {
        let folder = skill(&author, name);
        sign(&author, &folder, key).unwrap();
        let before = all(&folder);
        assert!(sign(&author, &folder, key).unwrap().already);
        let again = sign::sign(&author.world, &Request { replace: true, ..request(&folder, key) }).unwrap();
        assert!(again.already && !again.replaced);
        assert_eq!(all(&folder), before, "{name}");
        fs::write(folder.join("more.md"), "more\n").unwrap();
        let before = all(&folder);
        let stop = sign(&author, &folder, key).unwrap_err();
        assert!(stop.code == Code::NotSigned && stop.next.contains("--replace"), "{stop:?}");
        let replace = Request { replace: true, ..request(&folder, key) };
        let plan = sign::sign(&author.world, &Request { dry_run: true, ..replace.clone() }).unwrap();
        assert!(plan.replaced);
        assert_eq!(all(&folder), before, "{name}: a trial writes nothing");
        let signed = sign::sign(&author.world, &replace).unwrap();
        assert!(signed.replaced);
        assert_eq!(signed.digest.hex(), by_git(&folder, signed.form.files()));
        assert!(sign(&author, &folder, key).unwrap().already);
        assert!(all(&folder).iter().all(|(path, ..)| !path.to_str().unwrap().contains(".skill-signature")));
    }
}

#[test]
fn attack_a_strangers_signature_is_never_replaced() {
    let (author, stranger) = (author(), author());
    for (key, file) in [("release", PAIR[1]), ("bundles", "skill.oms.sig")] {
        let folder = skill(&author, &format!("of-{key}"));
        // The stranger's key may have the same name; it is another key.
        sign(&stranger, &folder, key).unwrap();
        let before = all(&folder);
        for replace in [false, true] {
            let stop = sign::sign(&author.world, &Request { replace, ..request(&folder, key) }).unwrap_err();
            assert!(stop.code == Code::NotSigned && stop.what.contains(file), "{stop:?}");
        }
        // What is no signature at all is not ours either.
        fs::write(folder.join(file), "notes of mine\n").unwrap();
        let replaced = sign::sign(&author.world, &Request { replace: true, ..request(&folder, key) });
        assert_eq!(replaced.unwrap_err().code, Code::NotSigned);
        assert_eq!(all(&folder).len(), before.len());
        assert_eq!(fs::read(folder.join(file)).unwrap(), b"notes of mine\n");
    }
    // Half of a pair is no signature of ours.
    let folder = skill(&author, "half");
    sign(&author, &folder, "release").unwrap();
    fs::remove_file(folder.join(PAIR[0])).unwrap();
    let replaced = sign::sign(&author.world, &Request { replace: true, ..request(&folder, "release") });
    assert_eq!(replaced.unwrap_err().code, Code::NotSigned);
}

#[test]
fn what_a_signature_would_not_cover_is_not_signed() {
    let author = author();
    type Spoil = fn(&Path);
    let cases: &[(&str, Code, Spoil)] = &[
        (".github/", Code::NotSigned, |folder| {
            fs::create_dir(folder.join(".github")).unwrap();
            fs::write(folder.join(".github/x"), "x").unwrap();
        }),
        (".gitignore", Code::NotSigned, |folder| fs::write(folder.join(".gitignore"), "x").unwrap()),
        (".gitattributes", Code::NotSigned, |folder| fs::write(folder.join(".gitattributes"), "x").unwrap()),
        (".skill-signature.", Code::NotSigned, |folder| {
            fs::write(folder.join(".skill-signature.00"), "x").unwrap();
        }),
        ("mode 0645", Code::NotSigned, |folder| chmod(&folder.join("SKILL.md"), 0o645)),
        ("mode 0674", Code::NotSigned, |folder| chmod(&folder.join("SKILL.md"), 0o674)),
        ("skill.intoto.json", Code::NotSigned, |folder| fs::write(folder.join(PAIR[0]), "{}").unwrap()),
        ("skill.intoto.json.sig", Code::NotSigned, |folder| fs::write(folder.join(PAIR[1]), "x").unwrap()),
        ("read-only", Code::NotSigned, |folder| chmod(folder, 0o555)),
        ("link", Code::EntryRefused, |folder| symlink("SKILL.md", folder.join("other.md")).unwrap()),
        ("link", Code::EntryRefused, |folder| symlink("/etc", folder.join("etc")).unwrap()),
        ("name", Code::EntryRefused, |folder| {
            fs::hard_link(folder.join("SKILL.md"), folder.join("again.md")).unwrap();
        }),
        ("set", Code::EntryRefused, |folder| chmod(&folder.join("scripts/run.sh"), 0o4755)),
        (".git", Code::EntryRefused, |folder| fs::create_dir(folder.join(".git")).unwrap()),
        ("empty", Code::EntryRefused, |folder| fs::create_dir(folder.join("empty")).unwrap()),
        ("skill.md", Code::EntryRefused, |folder| fs::write(folder.join("skill.md"), "x").unwrap()),
        ("SKILL.md", Code::EntryRefused, |folder| fs::remove_file(folder.join("SKILL.md")).unwrap()),
        ("name", Code::CardRefused, |folder| {
            fs::write(folder.join("SKILL.md"), "---\nname: Bad Name\ndescription: x\n---\n").unwrap();
        }),
        ("card-no-start", Code::CardRefused, |folder| {
            fs::write(folder.join("SKILL.md"), "no card\n").unwrap()
        }),
    ];
    for (number, (said, code, spoil)) in cases.iter().enumerate() {
        let folder = skill(&author, &format!("case-{number}"));
        spoil(&folder);
        let before = all(&folder);
        for dry_run in [true, false] {
            let stop =
                sign::sign(&author.world, &Request { dry_run, ..request(&folder, "bundles") }).unwrap_err();
            assert_eq!(stop.code, *code, "{said}: {stop:?}");
            assert!(stop.what.contains(said) && !stop.next.is_empty(), "{said}: {stop:?}");
        }
        assert_eq!(all(&folder), before, "{said}: nothing is written");
        chmod(&folder, 0o755);
    }
    // A statement names the whole tree, so these are covered by it.
    let folder = skill(&author, "covered");
    fs::write(folder.join(".gitignore"), "x\n").unwrap();
    let signed = sign(&author, &folder, "release").unwrap();
    assert_eq!(signed.digest.hex(), by_git(&folder, &PAIR));
    // And a bundle that is there would not list the pair.
    let folder = skill(&author, "both");
    sign(&author, &folder, "bundles").unwrap();
    let stop = sign(&author, &folder, "release").unwrap_err();
    assert!(stop.what.contains("skill.oms.sig"), "{stop:?}");
}

#[test]
fn attack_nothing_is_signed_in_the_home_or_through_a_link() {
    let author = author();
    let home = author.sandbox.home();
    fs::create_dir(&home).unwrap();
    let folder = skill(&author, "pdf-forms");
    let inside = home.join("pdf-forms");
    tool("cp", &["-a", arg(&folder), arg(&inside)]);
    let link = author.sandbox.at("link");
    symlink(&folder, &link).unwrap();
    let way = author.sandbox.at("way");
    symlink(&home, &way).unwrap();
    for (path, code) in [
        (inside.clone(), Code::NotSigned),
        (way.join("pdf-forms"), Code::NotSigned),
        (link, Code::Usage),
        (folder.join("SKILL.md"), Code::Usage),
        (folder.join("nowhere"), Code::Usage),
    ] {
        assert_eq!(sign(&author, &path, "release").unwrap_err().code, code, "{}", path.display());
    }
    assert_eq!(all(&inside).len(), all(&folder).len());
}

#[test]
fn the_key_must_fit_the_form() {
    let author = author();
    let folder = skill(&author, "pdf-forms");
    for (key, form) in [("release", Form::Oms), ("bundles", Form::Statement), ("nobody", Form::Oms)] {
        let stop =
            sign::sign(&author.world, &Request { form: Some(form), ..request(&folder, key) }).unwrap_err();
        assert_eq!(stop.code, Code::NoKey, "{stop:?}");
    }
    chmod(&author.key("release.key"), 0o644);
    assert_eq!(sign(&author, &folder, "release").unwrap_err().code, Code::KeyUnsafe);
    assert!(!folder.join(PAIR[0]).exists());
}

#[test]
fn attack_an_agent_makes_no_keys_and_signs_nothing() {
    let mut author = author();
    let folder = skill(&author, "pdf-forms");
    author.world.agent = Some("an agent");
    assert_eq!(sign(&author, &folder, "release").unwrap_err().code, Code::AgentEnvironment);
    let made = own_keys::generate(&author.world, "another", Kind::Ed25519);
    assert_eq!(made.unwrap_err().code, Code::AgentEnvironment);
    assert!(!author.key("another.key").exists() && !folder.join(PAIR[0]).exists());
}

#[test]
fn the_program_says_what_was_signed_and_nothing_secret() {
    let author = author();
    let folder = skill(&author, "pdf-forms");
    let mut said = String::new();
    for (key, extra) in [("release", "--verbose"), ("release", "--json"), ("bundles", "--json")] {
        let Some(output) = author.run(&["publish", "sign", arg(&folder), "--key", key, extra]) else {
            return;
        };
        said += &format!("{}\n{}\n", output.stdout, output.stderr);
        assert_eq!(output.code, if key == "release" { 0 } else { 3 }, "{output:?}");
    }
    assert!(
        said.contains(&by_git(&folder, &PAIR)) && said.contains("2 files") && said.contains("ssh:SHA256:"),
        "{said}"
    );
    for file in all(&folder) {
        said += &String::from_utf8_lossy(&file.2);
    }
    for file in ["release.key", "bundles.key"] {
        for mark in marks(&author.key(file)) {
            assert!(!said.to_lowercase().contains(&mark.to_lowercase()), "{mark} of {file}");
        }
    }
    assert!(!author.sandbox.home().exists(), "signing needs no home");
}
