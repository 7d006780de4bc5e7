//! Key files: what they hold, who may read them, and which are refused.

use super::{Author, arg, tool};
use crate::support::sandbox::chmod;
use skill_trust::model::code::{Code, Stop};
use skill_trust::model::digest::sha256;
use skill_trust::ops::own_keys::{self, About, Kind};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

const KINDS: [Kind; 2] = [Kind::Ed25519, Kind::P256];

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn load(author: &Author, name: &str) -> Result<(), Stop> {
    own_keys::load(&author.world, name, Kind::Ed25519, "this is done").map(|_| ())
}

/// Everything that a file could be recognised by: its base64 lines, and the
/// secret itself in hex and base64.
fn marks(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let mut marks: Vec<_> =
        text.lines().filter(|line| !line.starts_with('-')).map(|line| line[..20].to_owned()).collect();
    let hex = tool("openssl", &["pkey", "-in", arg(file), "-text", "-noout"]);
    let secret = hex.split("priv:").nth(1).unwrap().split("pub:").next().unwrap();
    let bytes: String = secret.chars().filter(char::is_ascii_hexdigit).collect();
    assert_eq!(bytes.len(), 64, "{hex}");
    marks.push(bytes[..32].to_owned());
    marks.push(bytes[32..].to_owned());
    marks
}

#[test]
fn a_key_is_two_files_that_openssl_and_ssh_keygen_read() {
    let author = Author::new();
    for kind in KINDS {
        let made = own_keys::generate(&author.world, kind.as_str(), kind).unwrap();
        let (secret, public) = (author.key(&format!("{kind}.key")), author.key(&format!("{kind}.pub")));
        assert_eq!((mode(&secret), mode(&public)), (0o600, 0o600));
        assert_eq!(made.public, (public.clone(), true));
        // OpenSSL computes the public half from the secret one, byte by byte as we wrote it.
        let derived = tool("openssl", &["pkey", "-in", arg(&secret), "-pubout"]);
        assert_eq!(derived, fs::read_to_string(&public).unwrap());
        // And writes the secret one as we did.
        assert_eq!(tool("openssl", &["pkey", "-in", arg(&secret)]), fs::read_to_string(&secret).unwrap());
        let der = author.sandbox.at("spki.der");
        tool("openssl", &["pkey", "-pubin", "-in", arg(&public), "-outform", "DER", "-out", arg(&der)]);
        assert_eq!(made.id.to_string(), format!("key:{}", sha256(&[&fs::read(&der).unwrap()]).hex()));
        assert_eq!(made.ssh.is_some(), kind == Kind::Ed25519);
    }
    assert_eq!(mode(&author.key("")), 0o700);
    assert_eq!(mode(&author.sandbox.at("work/.config/skill-trust")), 0o700);
    let names: Vec<_> = fs::read_dir(author.key("")).unwrap().collect();
    assert_eq!(names.len(), 4, "nothing is left beside them: {names:?}");
}

#[test]
fn the_ids_are_those_of_ssh_keygen() {
    let author = Author::new();
    let made = own_keys::generate(&author.world, "release", Kind::Ed25519).unwrap();
    let line = made.allowed.unwrap();
    let (options, key) = line.split_once(" ssh-ed25519 ").unwrap();
    assert_eq!(options, "release namespaces=\"skill-statement@v1\"");
    let file = author.sandbox.at("release.ssh.pub");
    fs::write(&file, format!("ssh-ed25519 {key}\n")).unwrap();
    let told = tool("ssh-keygen", &["-lf", arg(&file)]);
    assert_eq!(format!("ssh:{}", told.split(' ').nth(1).unwrap()), made.ssh.unwrap().to_string());
    // The last 32 bytes of the public half are the same key.
    let spki =
        tool("openssl", &["pkey", "-pubin", "-in", arg(&author.key("release.pub")), "-text", "-noout"]);
    let hex: String = spki.split("pub:").nth(1).unwrap().chars().filter(char::is_ascii_hexdigit).collect();
    let blob =
        tool("sh", &["-c", &format!("echo {key} | base64 -d | tail -c 32 | od -An -tx1 | tr -d ' \\n'")]);
    assert_eq!(hex, blob);
}

#[test]
fn keys_that_openssl_made_are_taken() {
    let author = Author::new();
    own_keys::generate(&author.world, "first", Kind::Ed25519).unwrap();
    for (name, kind, algorithm) in [
        ("ours-a", Kind::Ed25519, &["-algorithm", "ed25519"][..]),
        ("ours-b", Kind::P256, &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ] {
        let file = author.key(&format!("{name}.key"));
        tool("openssl", &[&["genpkey"], algorithm, &["-out", arg(&file)]].concat());
        chmod(&file, 0o600);
        let key = own_keys::load(&author.world, name, kind, "this is done").unwrap();
        assert_eq!(key.public_pem(), tool("openssl", &["pkey", "-in", arg(&file), "-pubout"]));
        // The public half is written on demand, and the secret one is left alone.
        let before = fs::read(&file).unwrap();
        assert!(!own_keys::about(&key).unwrap().public.1);
        assert!(own_keys::generate(&author.world, name, kind).unwrap().public.1);
        assert_eq!(fs::read(&file).unwrap(), before);
    }
    for (name, algorithm) in [
        ("rsa", &["-algorithm", "RSA"][..]),
        ("other", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("x", &["-algorithm", "x25519"]),
    ] {
        let file = author.key(&format!("{name}.key"));
        tool("openssl", &[&["genpkey"], algorithm, &["-out", arg(&file)]].concat());
        chmod(&file, 0o600);
        assert_eq!(load(&author, name).unwrap_err().code, Code::NoKey, "{name}");
    }
}

#[test]
fn a_key_is_never_replaced() {
    let author = Author::new();
    own_keys::generate(&author.world, "release", Kind::Ed25519).unwrap();
    let before = (fs::read(author.key("release.key")).unwrap(), fs::read(author.key("release.pub")).unwrap());
    for kind in KINDS {
        assert_eq!(own_keys::generate(&author.world, "release", kind).unwrap_err().code, Code::KeyTaken);
        assert_eq!(
            own_keys::could_generate(&author.world, "release", kind).unwrap_err().code,
            Code::KeyTaken
        );
    }
    assert_eq!(
        before,
        (fs::read(author.key("release.key")).unwrap(), fs::read(author.key("release.pub")).unwrap())
    );
    // Another person's public key under that name is not taken for ours.
    fs::write(author.key("colleague.pub"), "x").unwrap();
    assert_eq!(
        own_keys::generate(&author.world, "colleague", Kind::Ed25519).unwrap_err().code,
        Code::KeyTaken
    );
    assert!(!author.key("colleague.key").exists());
    for bad in ["", "Release", "a/b", "..", "-a", "a.key", "checkpoint", &"a".repeat(65)] {
        assert_eq!(
            own_keys::generate(&author.world, bad, Kind::Ed25519).unwrap_err().code,
            Code::Usage,
            "{bad}"
        );
    }
}

#[test]
fn looking_for_keys_makes_nothing() {
    let author = Author::new();
    assert_eq!(own_keys::list(&author.world), Ok(Vec::new()));
    assert_eq!(load(&author, "release").unwrap_err().code, Code::NoKey);
    own_keys::could_generate(&author.world, "release", Kind::Ed25519).unwrap();
    assert!(!author.sandbox.at("work/.config").exists());
}

#[test]
fn attack_a_key_that_others_could_read_or_choose_is_refused() {
    let author = Author::new();
    own_keys::generate(&author.world, "release", Kind::Ed25519).unwrap();
    let (keys, file) = (author.sandbox.at("work/.config/skill-trust/keys"), author.key("release.key"));
    let config = author.sandbox.at("work/.config/skill-trust");
    let refused = |why: &str| {
        let stop = load(&author, "release").unwrap_err();
        assert_eq!(stop.code, Code::KeyUnsafe, "{why}: {stop:?}");
    };
    for (path, bad, good) in [
        (&file, 0o640, 0o600),
        (&file, 0o604, 0o600),
        (&file, 0o660, 0o600),
        (&file, 0o4600, 0o600),
        (&keys, 0o750, 0o700),
        (&keys, 0o701, 0o700),
        (&config, 0o770, 0o700),
    ] {
        chmod(path, bad);
        refused(&format!("{} {bad:o}", path.display()));
        chmod(path, good);
        load(&author, "release").unwrap();
    }
    // A link to a good key, a folder and a FIFO in its place.
    let aside = author.key("aside");
    fs::rename(&file, &aside).unwrap();
    symlink(&aside, &file).unwrap();
    refused("a link");
    let listed = own_keys::list(&author.world).unwrap();
    assert_eq!(listed[0].1.as_ref().unwrap_err().code, Code::KeyUnsafe);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    refused("a folder");
    fs::remove_dir(&file).unwrap();
    tool("mkfifo", &["-m", "600", arg(&file)]);
    refused("a FIFO");
    fs::remove_file(&file).unwrap();
    fs::rename(&aside, &file).unwrap();
    // The folder itself as a link.
    let moved = author.sandbox.at("moved");
    fs::rename(&keys, &moved).unwrap();
    symlink(&moved, &keys).unwrap();
    refused("a folder that is a link");
    fs::remove_file(&keys).unwrap();
    fs::rename(&moved, &keys).unwrap();
    if std::os::unix::fs::chown(&file, Some(12_345), None).is_ok() {
        refused("another account's");
    } else {
        eprintln!("NOT RUN: only the superuser can give a file away");
    }
}

#[test]
fn attack_a_public_half_of_another_key_is_not_handed_out() {
    let author = Author::new();
    own_keys::generate(&author.world, "release", Kind::Ed25519).unwrap();
    own_keys::generate(&author.world, "other", Kind::Ed25519).unwrap();
    fs::copy(author.key("other.pub"), author.key("release.pub")).unwrap();
    assert_eq!(load(&author, "release").unwrap_err().code, Code::KeyUnsafe);
}

#[test]
fn a_damaged_key_is_no_key() {
    let author = Author::new();
    for kind in KINDS {
        let name = kind.as_str();
        own_keys::generate(&author.world, name, kind).unwrap();
        fs::remove_file(author.key(&format!("{name}.pub"))).unwrap();
        let file = author.key(&format!("{name}.key"));
        let good = fs::read_to_string(&file).unwrap();
        let mut bad = vec![
            String::new(),
            good.trim_end().to_owned(),
            format!("{good}\n"),
            format!("note\n{good}"),
            good.replace('\n', "\r\n"),
            good.replace("PRIVATE", "EC PRIVATE"),
            format!("{good}{good}"),
            "x".repeat(5000),
        ];
        bad.extend(
            (30..good.len() - 30).step_by(7).map(|cut| format!("{}{}", &good[..cut], &good[cut + 1..])),
        );
        for text in bad {
            fs::write(&file, &text).unwrap();
            let fault = own_keys::load(&author.world, name, kind, "this is done").unwrap_err();
            assert_eq!(fault.code, Code::NoKey, "{text}");
            assert!(!fault.what.contains(&good[30..50]), "{fault:?}");
            assert_eq!(fs::read_to_string(&file).unwrap(), text, "never repaired");
        }
    }
}

#[test]
fn attack_keys_do_not_lie_in_the_home() {
    let author = Author::new();
    let home = author.sandbox.home();
    fs::create_dir(&home).unwrap();
    symlink(&home, author.sandbox.at("work/link")).unwrap();
    for config in [home.join("config"), home.clone(), author.sandbox.at("work/link/below/config")] {
        let mut world = author.world.clone();
        world.config = Some(config.clone());
        let stop = own_keys::generate(&world, "release", Kind::Ed25519).unwrap_err();
        assert_eq!(stop.code, Code::KeyUnsafe, "{}", config.display());
        assert!(fs::read_dir(&home).unwrap().next().is_none());
    }
}

#[test]
fn a_key_of_another_kind_is_told_with_both_kinds() {
    let author = Author::new();
    own_keys::generate(&author.world, "bundles", Kind::P256).unwrap();
    let stop = load(&author, "bundles").unwrap_err();
    assert_eq!(stop.code, Code::NoKey);
    assert!(stop.what.contains("p256") && stop.what.contains("ed25519"), "{}", stop.what);
}

#[test]
fn many_at_once_agree_on_one_key() {
    let author = Author::new();
    let made: Vec<Result<About, Stop>> = std::thread::scope(|scope| {
        let make = || own_keys::generate(&author.world, "release", Kind::Ed25519);
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let ids: std::collections::BTreeSet<_> = made.iter().flatten().map(|about| about.id.clone()).collect();
    assert_eq!(ids.len(), 1, "{made:?}");
    load(&author, "release").unwrap();
}

#[test]
fn the_program_shows_ids_and_nothing_secret() {
    let author = Author::new();
    let mut said = String::new();
    for (kind, name) in [("ed25519", "release"), ("p256", "bundles")] {
        let plan = ["publish", "keys", "generate", name, "--kind", kind, "--dry-run"];
        let Some(output) = author.run(&plan) else { return };
        said += &output.code(0).says("would make").0.stdout;
        assert!(!author.key(&format!("{name}.key")).exists());
        said += &author.run(&["publish", "keys", "generate", name, "--kind", kind]).unwrap().code(0).0.stdout;
    }
    let listed = author.run(&["publish", "keys", "list", "--json", "--verbose"]).unwrap().code(0);
    let document = listed.json();
    assert_eq!(document["schema"], "skill-trust/publish-keys/1");
    assert_eq!(document["keys"][1]["name"], "release");
    assert!(document["keys"][1]["ssh"].as_str().unwrap().starts_with("ssh:SHA256:"));
    assert!(document["keys"][0]["ssh"].is_null());
    said += &listed.0.stdout;
    let refused = author.run(&["publish", "keys", "generate", "release"]).unwrap().code(3);
    said += &refused.0.stderr;
    chmod(&author.key("bundles.key"), 0o644);
    let listed = author.run(&["publish", "keys", "list"]).unwrap().code(3);
    assert!(listed.0.stderr.contains("0644") && listed.0.stdout.contains("release"), "{listed:?}");
    said += &listed.0.stderr;
    for file in ["release.key", "bundles.key"] {
        for mark in marks(&author.key(file)) {
            assert!(!said.to_lowercase().contains(&mark.to_lowercase()), "{mark} of {file} in:\n{said}");
        }
    }
    assert!(!author.sandbox.home().exists(), "keys need no home");
}
