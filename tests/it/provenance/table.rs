//! Which answer each kind of evidence gets, by what is believed.

use super::scene::{OURS, SOURCE, Scene, words};
use skill_trust::policy::provenance::examine::names;

#[test]
fn each_kind_of_evidence_by_what_is_believed() {
    type Make = fn(&mut Scene);
    // What is there; with nothing believed; with the key known; with it revoked;
    // with another file in the folder, when nothing is believed, and when it is known.
    let rows: &[(&str, Make, [&str; 5])] = &[
        ("nothing", |_| {}, ["", "", "", "", ""]),
        (
            "a bundle by hash",
            |it| it.bundle("ana"),
            [
                "OMS bundle: unknown-signer",
                "OMS bundle: valid by team",
                "OMS bundle: revoked",
                "OMS bundle: unknown-signer",
                "OMS bundle: incomplete by team",
            ],
        ),
        (
            "a bundle with its key",
            |it| it.bundle_with_key("ana"),
            [
                "OMS bundle: unknown-signer (new)",
                "OMS bundle: valid by team",
                "OMS bundle: revoked",
                "OMS bundle: unknown-signer",
                "OMS bundle: incomplete by team",
            ],
        ),
        (
            "a bundle with a certificate",
            |it| it.bundle_with_chain("ana", &["ana"]),
            [
                "OMS bundle: unknown-signer (new)",
                "OMS bundle: valid by team",
                "OMS bundle: revoked",
                "OMS bundle: unknown-signer",
                "OMS bundle: incomplete by team",
            ],
        ),
        (
            "a pair in the folder",
            |it| it.pair("ana"),
            [
                "ssh statement: unknown-signer (new)",
                "ssh statement: valid by team",
                "ssh statement: revoked",
                "ssh statement: invalid",
                "ssh statement: invalid",
            ],
        ),
        (
            "a pair beside it",
            |it| it.pair_beside("ana"),
            [
                "ssh statement: unknown-signer (new)",
                "ssh statement: valid by team",
                "ssh statement: revoked",
                "ssh statement: invalid",
                "ssh statement: invalid",
            ],
        ),
        (
            "a signed commit",
            |it| it.commit(Ok("ana")),
            [
                "signed commit: unknown-signer (new)",
                "signed commit: valid by team",
                "signed commit: revoked",
                "signed commit: invalid",
                "signed commit: invalid",
            ],
        ),
        (
            "all of them",
            |it| {
                it.bundle_with_key("ana");
                it.commit(Ok("ana"));
                it.pair_beside("ana");
            },
            [
                "OMS bundle: unknown-signer (new); ssh statement: unknown-signer (new); signed commit: unknown-signer (new)",
                "OMS bundle: valid by team; ssh statement: valid by team; signed commit: valid by team",
                "OMS bundle: revoked; ssh statement: revoked; signed commit: revoked",
                "OMS bundle: unknown-signer; ssh statement: invalid; signed commit: invalid",
                "OMS bundle: incomplete by team; ssh statement: invalid; signed commit: invalid",
            ],
        ),
    ];
    for (what, make, wanted) in rows {
        let mut scene = Scene::new();
        scene.key("ana");
        let certificate = scene.leaf("ana");
        make(&mut scene);
        let mut found = vec![scene.words()];
        scene.anchor("team", "acme", &certificate, OURS);
        scene.anchor("team", "acme-key", &scene.spki("ana"), OURS);
        scene.allow("team", &format!("ana {}\n", scene.bench.public("ana")));
        found.push(scene.words());
        let known = std::mem::take(&mut scene.beliefs);
        scene.beliefs = known.clone();
        let id = scene.ssh_id("ana");
        scene.revoke("other", &format!(r#""signer":"{id}","kind":"retired""#));
        found.push(scene.words());
        scene.put("extra", false, b"x");
        scene.beliefs = skill_trust::policy::provenance::examine::Beliefs::default();
        found.push(scene.words());
        scene.beliefs = known;
        found.push(scene.words());
        assert_eq!(found, wanted.map(str::to_owned), "{what}");
    }
}

#[test]
fn each_root_that_says_yes_has_its_line() {
    let mut scene = Scene::new();
    scene.key("ana");
    scene.bundle("ana");
    let spki = scene.spki("ana");
    for root in ["west", "east"] {
        scene.anchor(root, "acme", &spki, OURS);
    }
    // One whose time is over neither helps nor harms.
    scene.anchor_until("south", "acme", &spki, OURS, "2021-01-01T00:00:00Z");
    assert_eq!(scene.words(), "OMS bundle: valid by east; OMS bundle: valid by west");
    scene.beliefs.anchors.clear();
    scene.beliefs.keys.retain(|one| one.root == "south");
    assert_eq!(scene.words(), "OMS bundle: expired by south");
}

#[test]
fn an_anchor_ends_at_its_second() {
    let mut scene = Scene::new();
    scene.key("ana");
    scene.leaf("ana");
    let (spki, pem) = (scene.spki("ana"), scene.bench.read("ana.pem"));
    for by_key in [true, false] {
        scene.files.remove(super::scene::BUNDLE);
        if by_key {
            scene.bundle("ana")
        } else {
            scene.bundle_with_chain("ana", &["ana"])
        }
        scene.beliefs = skill_trust::policy::provenance::examine::Beliefs::default();
        scene.anchor_until("team", "acme", if by_key { &spki } else { &pem }, OURS, "2026-06-15T12:00:00Z");
        for (now, word) in [
            ("2019-12-31T23:59:59Z", "expired by team"),
            ("2020-01-01T00:00:00Z", "valid by team"),
            ("2026-06-15T11:59:59Z", "valid by team"),
            ("2026-06-15T12:00:00Z", "expired by team"),
        ] {
            scene.now = super::scene::time(now);
            assert_eq!(scene.words(), format!("OMS bundle: {word}"), "{now} {by_key}");
            let terms = scene.beliefs.anchors.first().map(|one| &one.terms);
            let terms = terms.or(scene.beliefs.keys.first().map(|one| &one.terms)).unwrap();
            assert_eq!(terms.holds_at(scene.now), word.starts_with("valid"), "{now}");
            assert!(terms.covers(SOURCE));
        }
    }
}

#[test]
fn kinds_that_are_not_evaluated_are_named() {
    let mut scene = Scene::new();
    scene.key("ana");
    for path in ["SKILL.md.asc", "model.sig", "pdf.minisig", "x.SIGSTORE.json", "docs/deep.asc", "a.p7s"] {
        scene.put(path, false, b"x");
    }
    scene.commit(Err("-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----"));
    let seen = scene.ask();
    let said: Vec<_> = seen.iter().map(|one| one.verdict.to_string()).collect();
    assert_eq!(
        said,
        [
            "not evaluated: an OpenPGP signature",
            "not evaluated: an OpenPGP signature, `SKILL.md.asc`",
            "not evaluated: a CMS signature, `a.p7s`",
            "not evaluated: a signature whose kind its name does not say, `model.sig`",
            "not evaluated: a minisign signature, `pdf.minisig`",
            "not evaluated: a Sigstore bundle, `x.SIGSTORE.json`",
        ]
    );
    // A keyless bundle, and an RSA key of OpenSSH.
    let mut scene = Scene::new();
    scene.key("ana");
    scene.bench.key("old", &["-t", "rsa", "-b", "2048"]);
    scene.pair_beside("old");
    scene.bundle("ana");
    let text = String::from_utf8(scene.files[super::scene::BUNDLE].1.clone()).unwrap();
    let at = text.find("\"publicKey\"").unwrap();
    let end = at + text[at..].find('}').unwrap() + 1;
    let keyless = format!("{}\"certificate\":{{\"rawBytes\":\"AA==\"}}{}", &text[..at], &text[end..]);
    scene.put(super::scene::BUNDLE, false, keyless.as_bytes());
    let seen = scene.ask();
    assert_eq!(words(&seen), "OMS bundle: unsupported; ssh statement: unsupported");
    assert!(seen[0].verdict.to_string().contains("Sigstore"), "{}", seen[0].verdict);
    assert!(seen[1].verdict.to_string().contains("ssh-rsa"), "{}", seen[1].verdict);
}

#[test]
fn the_names_of_evidence() {
    let mut scene = Scene::new();
    assert_eq!(names(&scene.walk().1).read, []);
    for path in ["skill.oms.sig", "skill.intoto.json", "skill.intoto.json.sig", "sub/skill.oms.sig"] {
        scene.put(path, false, b"x");
    }
    let found = names(&scene.walk().1);
    assert_eq!(
        found.read,
        [("skill.oms.sig", 4 << 20), ("skill.intoto.json", 16 << 10), ("skill.intoto.json.sig", 64 << 10)]
    );
    assert_eq!(found.other, []);
}

#[test]
fn a_tag_is_asked_beside_its_commit() {
    let mut scene = Scene::new();
    for key in ["ana", "bea"] {
        scene.key(key);
    }
    scene.allow("team", &format!("ana {}\n", scene.bench.public("ana")));
    scene.commit(Ok("bea"));
    scene.tag("ana", "v1", "v1");
    assert_eq!(scene.words(), "signed commit: unknown-signer (new); signed tag: valid by team");
    scene.tag("ana", "v1", "v2");
    assert_eq!(scene.words(), "signed commit: unknown-signer (new); signed tag: invalid");
    scene.tag("bea", "v1", "v1");
    scene.commit(Ok("ana"));
    assert_eq!(scene.words(), "signed commit: valid by team");
    scene.put("SKILL.md", false, b"other");
    assert_eq!(scene.words(), "signed commit: invalid");
}

#[test]
fn half_a_pair() {
    let mut scene = Scene::new();
    scene.key("ana");
    scene.pair("ana");
    let signature = scene.files.remove("skill.intoto.json.sig").unwrap();
    assert_eq!(scene.words(), "ssh statement: unsigned");
    scene.files.remove("skill.intoto.json");
    scene.files.insert("skill.intoto.json.sig".to_owned(), signature);
    assert_eq!(scene.words(), "ssh statement: invalid");
}
