//! Repositories, trees and addresses made to do harm.
//!
//! The trees are written object by object with the real git's plumbing, since
//! its everyday commands would not make them. Each is fetched both ways: read
//! in place, and as a pack over a wire.

mod local;

use crate::sources::repo::{CARD, Repo, copy_within, fails, only, open, open_with};
use crate::sources::ssh::{serving, stub};
use skill_trust::model::limits::{Fault, Limits};
use skill_trust::model::source::SourceSpec;
use skill_trust::system::fetch::{FetchError, FetchOptions};
use std::path::Path;
use std::time::{Duration, Instant};

/// What came of a tree: the codes of its faults by path, or the error's words.
fn outcome(typed: &str, options: &FetchOptions) -> Vec<(String, String)> {
    let taken = open_with(typed, None, options).and_then(|origin| only(origin.as_ref()));
    match taken {
        Ok(files) => files.into_keys().map(|path| (path, "taken".to_owned())).collect(),
        Err(FetchError::Refused(faults)) => {
            let row = |fault: &Fault| (fault.path.clone(), fault.rule.code().to_owned());
            faults.iter().map(row).collect()
        }
        Err(error) => vec![(String::new(), error.to_string())],
    }
}

/// Checks a tree both ways: exactly this fault, or an error with these words.
fn refused(repo: &Repo, tree: &str, place: &str, said: &str) {
    repo.publish(tree);
    for (typed, options) in
        [(repo.file_url(), FetchOptions::default()), ("ssh://host.example/x".to_owned(), serving(repo))]
    {
        let found = outcome(&typed, &options);
        assert_eq!(found.len(), 1, "{typed}: {found:?}");
        assert_eq!(found[0].0, place, "{typed}: {found:?}");
        assert!(found[0].1.contains(said), "{typed}: {found:?}, not {said}");
        let shown = format!("{found:?}");
        assert!(!shown.chars().any(|c| c.is_control()), "{shown:?}");
    }
}

#[test]
fn each_hostile_name_has_its_own_reason() {
    let repo = Repo::with_skill();
    let card = repo.blob(CARD.as_bytes());
    let cases: &[(&[u8], &str, &str)] = &[
        (b"..", "..", "name-dots"),
        (b".", ".", "name-dots"),
        (b"../../outside", "../../outside", "name-absolute"),
        (b"/etc/passwd", "/etc/passwd", "name-absolute"),
        (b"C:run", "C:run", "name-absolute"),
        (b".git", ".git", "name-dot-git"),
        (b".GIT", ".GIT", "name-dot-git"),
        (b"GiT~1", "GiT~1", "name-dot-git"),
        (b"a\\b", "a\\b", "name-backslash"),
        (b"aux.txt", "aux.txt", "name-device"),
        (b"CON", "CON", "name-device"),
        (b"com1", "com1", "name-device"),
        ("cafe\u{301}".as_bytes(), "cafe\u{301}", "name-not-nfc"),
        (b"new\nline", "new\\u{a}line", "name-hidden-character"),
        (b"\x1b[2Kx", "\\u{1b}[2Kx", "name-hidden-character"),
        ("x\u{202e}dm.exe".as_bytes(), "x\\u{202e}dm.exe", "name-hidden-character"),
        (".g\u{200c}it".as_bytes(), ".g\\u{200c}it", "name-hidden-character"),
        (b"bad\xff", "bad\\x{ff}", "name-not-utf8"),
        (b"dot.", "dot.", "name-trailing-dot"),
        (b"space ", "space ", "name-trailing-dot"),
        (&[b'n'; 300], &"n".repeat(300), "name-too-long"),
    ];
    for (name, place, code) in cases {
        let mut rows: Vec<(&str, &[u8], &str)> =
            vec![("100644", b"SKILL.md", &card), ("100644", name, &card)];
        rows.sort_by_key(|row| row.1);
        refused(&repo, &repo.tree(&rows), place, code);
    }
    // A name without any bytes; git itself will not pack it.
    repo.publish(&repo.tree(&[("100644", b"", &card), ("100644", b"SKILL.md", &card)]));
    let found = outcome(&repo.file_url(), &FetchOptions::default());
    assert_eq!(found, [(String::new(), "name-empty".to_owned())]);
}

#[test]
fn each_hostile_kind_and_shape_has_its_own_reason() {
    let repo = Repo::with_skill();
    let card = repo.blob(CARD.as_bytes());
    let link = repo.blob(b"/etc/passwd");
    let head = repo.git(&["rev-parse", "HEAD"]);
    let empty = repo.tree(&[]);
    let with = |mode: &str, name: &str, id: &str| {
        let mut rows: Vec<(&str, &[u8], &str)> =
            vec![("100644", b"SKILL.md", &card), (mode, name.as_bytes(), id)];
        rows.sort_by_key(|row| row.1);
        repo.tree(&rows)
    };
    refused(&repo, &with("120000", "link", &link), "link", "entry-link");
    for mode in ["100777", "100664", "100600", "104755", "100000", "140000", "20000", "777"] {
        refused(&repo, &with(mode, "odd", &card), "odd", "entry-git-mode");
    }
    refused(&repo, &with("100664", "SKILL2.md", &card), "SKILL2.md", "entry-git-mode");
    refused(&repo, &with("40000", "empty", &empty), "empty", "entry-empty-folder");
    refused(&repo, &with("100644", "SKILL.md", &card), "SKILL.md", "entry-collision");
    refused(&repo, &repo.tree(&[("100664", b"SKILL.md", &card)]), "SKILL.md", "entry-git-mode");

    // A file and a folder of one name are not neighbours in git's order.
    let folder = repo.tree(&[("100644", b"x", &card)]);
    let twins = repo.tree(&[
        ("100644", b"SKILL.md", &card),
        ("100644", b"a", &card),
        ("100644", b"a-b", &card),
        ("40000", b"a", &folder),
    ]);
    refused(&repo, &twins, "a", "entry-collision");
    let unsorted = repo.tree(&[("100644", b"SKILL.md", &card), ("100644", b"A", &card)]);
    refused(&repo, &unsorted, "", "not in git's order");
    refused(&repo, &with("040000", "zero", &folder), "", "octal number");

    // A submodule, with the file that would name a command.
    let modules =
        repo.blob(b"[submodule \"x\"]\n\tpath = x\n\turl = -u./payload\n\tupdate = !touch canary\n");
    let tree = repo.tree(&[
        ("100644", b".gitmodules", &modules),
        ("100644", b"SKILL.md", &card),
        ("160000", b"x", &head),
    ]);
    refused(&repo, &tree, "x", "entry-submodule");
}

#[test]
fn a_kind_that_its_mode_denies_is_broken() {
    let repo = Repo::with_skill();
    let card = repo.blob(CARD.as_bytes());
    let folder = repo.tree(&[("100644", b"x", &card)]);
    let head = repo.git(&["rev-parse", "HEAD"]);
    for (mode, id) in [("100644", &folder), ("100644", &head), ("40000", &card), ("40000", &head)] {
        repo.publish(&repo.tree(&[("100644", b"SKILL.md", &card), (mode, b"a", id)]));
        // Git itself will not pack these; in place they must not pass either.
        let found = outcome(&repo.file_url(), &FetchOptions::default());
        assert!(found[0].1.contains("is broken") || found[0].1.contains("order"), "{found:?}");
        let sorted = [(mode, &b"A"[..], id.as_str()), ("100644", b"SKILL.md", card.as_str())];
        repo.publish(&repo.tree(&sorted));
        let found = outcome(&repo.file_url(), &FetchOptions::default());
        assert!(found[0].1.contains("is broken"), "{found:?}");
    }
}

#[test]
fn size_count_and_depth_are_bounded_before_a_byte_is_given() {
    let repo = Repo::with_skill();
    let card = repo.blob(CARD.as_bytes());
    let small = repo.blob(b"0123456789");
    let take = |tree: &str, limits: Limits| {
        repo.publish(tree);
        let origin = open(&repo.file_url()).unwrap();
        let skill = origin.skills().unwrap().skills.remove(0);
        match copy_within(origin.as_ref(), &skill, &limits) {
            Ok(files) => files.into_keys().collect(),
            Err(FetchError::Refused(faults)) => {
                faults.iter().map(|fault| fault.rule.code().to_owned()).collect()
            }
            Err(error) => vec![error.to_string()],
        }
    };
    let names: Vec<String> = (0..40).map(|n| format!("f{n:02}")).collect();
    let mut rows: Vec<(&str, &[u8], &str)> = vec![("100644", b"SKILL.md", &card)];
    rows.extend(names.iter().map(|name| ("100644", name.as_bytes(), small.as_str())));
    let many = repo.tree(&rows);
    let base = Limits::DEFAULT;
    assert_eq!(take(&many, Limits { files: 41, ..base }).len(), 41);
    assert_eq!(take(&many, Limits { files: 40, ..base }), ["limit-files"]);
    let all = 400 + CARD.len() as u64;
    assert_eq!(take(&many, Limits { total: all, ..base }).len(), 41);
    assert_eq!(take(&many, Limits { total: all - 1, ..base }), ["limit-bytes"]);
    assert_eq!(take(&many, Limits { file: 9, ..base }).len(), 41, "every file is named");

    let mut deep = repo.tree(&[("100644", b"x", &small)]);
    for _ in 0..15 {
        deep = repo.tree(&[("40000", b"d", &deep)]);
    }
    let deep = repo.tree(&[("100644", b"SKILL.md", &card), ("40000", b"d", &deep)]);
    assert_eq!(take(&deep, Limits { depth: 17, ..base }).len(), 2);
    assert_eq!(take(&deep, Limits { depth: 16, ..base }), ["limit-depth"]);
    assert_eq!(take(&deep, Limits { path: 20, depth: 32, ..base }), ["limit-path"]);

    let huge = repo.blob(&vec![0; 17 << 20]);
    let tree = repo.tree(&[("100644", b"SKILL.md", &card), ("100644", b"huge", &huge)]);
    assert_eq!(take(&tree, base), ["limit-file"]);
    repo.publish(&repo.tree(&[("100644", b"SKILL.md", &huge)]));
    let listing = open(&repo.file_url()).unwrap().skills().unwrap();
    assert_eq!(listing.faults[0].rule.code(), "limit-file", "a card that large is not read");
}

#[test]
fn a_tree_that_repeats_itself_without_end_is_answered_soon() {
    let repo = Repo::with_skill();
    let card = repo.blob(CARD.as_bytes());
    let names: Vec<String> = (0..10).map(|n| format!("d{n}")).collect();
    let files = repo.tree(&[("100644", b"x", &card)]);
    for leaf in [files.clone(), repo.tree(&[])] {
        let mut bomb = leaf;
        for _ in 0..12 {
            let rows: Vec<_> = names.iter().map(|name| ("40000", name.as_bytes(), bomb.as_str())).collect();
            bomb = repo.tree(&rows);
        }
        let started = Instant::now();
        repo.publish(&bomb);
        let error = fails(open(&repo.file_url()).unwrap().skills());
        assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
        repo.publish(&repo.tree(&[("100644", b"SKILL.md", &card), ("40000", b"bomb", &bomb)]));
        let error = fails(only(open(&repo.file_url()).unwrap().as_ref()));
        assert!(matches!(&error, FetchError::Refused(faults) if faults.len() <= 1_001), "{error}");
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    }
}

#[test]
fn a_good_control_is_taken_both_ways() {
    let repo = Repo::with_skill();
    let card = repo.blob(CARD.as_bytes());
    let inner = repo.tree(&[("100755", b"run", &card)]);
    let tree = repo.tree(&[
        ("100644", b"-rf", &card),
        ("100644", b".gitattributes", &repo.blob(b"* filter=evil export-ignore\n")),
        ("100644", b".gitignore", &repo.blob(b"*\n")),
        ("100644", b"A", &card),
        ("100644", b"SKILL.md", &card),
        ("100644", b"a", &card),
        ("40000", b"b", &inner),
        ("100644", "日本語.md".as_bytes(), &card),
    ]);
    repo.publish(&tree);
    let near = only(open(&repo.file_url()).unwrap().as_ref()).unwrap();
    let far = open_with("ssh://host.example/x", None, &serving(&repo)).unwrap();
    assert_eq!(only(far.as_ref()).unwrap(), near);
    assert_eq!(near.len(), 8);
    assert!(near["b/run"].0);
}

#[test]
fn no_address_runs_a_program_or_becomes_an_option() {
    let repo = Repo::with_skill();
    let canary = repo.top().join("canary");
    let at = canary.display().to_string();
    let shell = stub(
        &repo,
        &format!(
            "for last; do :; done; case \"$*\" in *ProxyCommand*) touch {at};; esac; eval \"echo $last\" >/dev/null; exit 1"
        ),
    );
    let payloads = [
        format!("--upload-pack=touch {at}"),
        format!("-u touch {at}"),
        format!("--config=core.gitProxy=touch {at}"),
        format!("-oProxyCommand=touch {at}"),
        format!("ext::sh -c touch% {at}"),
        format!("ext::touch {at}"),
        "fd::17/foo".to_owned(),
        format!("transport::touch {at}"),
        format!("ssh://-oProxyCommand=touch {at}/x"),
        "ssh://-oProxyCommand=x/x".to_owned(),
        "ssh://git@-oProxyCommand=x/x".to_owned(),
        "ssh://-lroot@host/x".to_owned(),
        "ssh://host:-oProxyCommand=x/x".to_owned(),
        "ssh://host/-x".to_owned(),
        format!("ssh://host/$(touch {at})"),
        format!("ssh://host/`touch {at}`"),
        format!("ssh://host/';touch {at};'"),
        format!("ssh://host/x|touch {at}"),
        format!("ssh://host/x;touch {at}"),
        format!("ssh://host/x&touch {at}"),
        format!("ssh://host/x\ntouch {at}"),
        "git@-oProxyCommand=x:y".to_owned(),
        "-oProxyCommand=x@host:y".to_owned(),
        format!("git@host:$(touch {at})"),
        format!("file:///$(touch {at})"),
        "file://host/x".to_owned(),
        "git://host/x".to_owned(),
        "http://host/x".to_owned(),
        "ftp://host/x".to_owned(),
        "https://user:secret@host/x".to_owned(),
        "https://-host/x".to_owned(),
        "https://host/x?y=$(id)".to_owned(),
        "https://host/%2e%2e/x".to_owned(),
        format!("acme/pdf@--upload-pack=touch {at}"),
        "acme/pdf@-x".to_owned(),
        "acme/pdf@a:b".to_owned(),
        "acme/pdf/../../x".to_owned(),
        "acme/pdf/.git/hooks".to_owned(),
    ];
    let mut refused = 0;
    for payload in &payloads {
        match SourceSpec::parse(payload, |_| false) {
            Err(_) => refused += 1,
            // None gets here; if one ever does, it must still do no harm.
            Ok(spec) => drop(crate::sources::repo::open_spec(&spec, &shell)),
        }
        assert!(!canary.exists(), "{payload}");
    }
    assert_eq!(refused, payloads.len());
    assert!(!Path::new(&at).exists());
}
