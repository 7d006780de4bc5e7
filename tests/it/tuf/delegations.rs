//! Delegated roles: who is asked for what, and in which order.

use super::world::{World, day, delegation};
use serde_json::json;
use skill_trust::policy::provenance::tuf::Fault;

/// targets → acme (anchors/acme*), others (anchors/*).
fn publishers() -> World {
    let mut world = World::new();
    let acme = delegation("acme", 41, &["anchors/acme*"], true);
    let others = delegation("others", 42, &["anchors/*"], false);
    world.list(2, &[], &[acme, others]);
    world.role(
        "acme",
        1,
        &[41],
        &[("anchors/acme.pem", b"acme's"), ("anchors/evil.pem", b"acme's evil")],
        &[],
    );
    world.role(
        "others",
        1,
        &[42],
        &[
            ("anchors/other.pem", b"another's"),
            ("anchors/acme2.pem", b"not acme's"),
            ("anchors/acme.pem", b"fake"),
        ],
        &[],
    );
    world.seal(2);
    world
}

#[test]
fn each_publisher_speaks_for_its_own_paths() {
    let mut world = publishers();
    let mut client = world.refresh(0).unwrap();
    for (path, wanted) in [
        ("anchors/acme.pem", Some(("acme", "acme's"))),
        ("anchors/other.pem", Some(("others", "another's"))),
        ("anchors/none.pem", None),
        ("policy.toml", None),
    ] {
        let found = world.find(&mut client, path).unwrap();
        let told = found.as_ref().map(|found| (found.role.as_str(), world.target(found)));
        assert_eq!(told, wanted.map(|(role, text)| (role, text.as_bytes().to_vec())), "{path}");
    }
}

#[test]
fn attack_a_delegation_that_escapes_its_paths() {
    let mut world = publishers();
    let mut client = world.refresh(0).unwrap();
    // acme lists evil.pem, which it may not speak for.
    assert_eq!(world.find(&mut client, "anchors/evil.pem").unwrap(), None);
    // And no spelling of a path leads there.
    for path in [
        "anchors/acme/../evil.pem",
        "/anchors/acme.pem",
        "anchors//acme.pem",
        "anchors\\acme.pem",
        "../x",
        "",
    ] {
        assert!(matches!(world.find(&mut client, path), Err(Fault::Path { .. })), "{path}");
    }
}

#[test]
fn attack_somebody_after_a_terminating_delegation() {
    let mut world = publishers();
    let mut client = world.refresh(0).unwrap();
    world.asked.clear();
    // `others` lists it and comes after acme, which is terminating and has none.
    assert_eq!(world.find(&mut client, "anchors/acme2.pem").unwrap(), None);
    assert!(!world.asked.contains(&"1.others.json".to_owned()), "{:?}", world.asked);
}

#[test]
fn roles_are_asked_depth_first_in_their_order() {
    let mut world = World::new();
    let all = |name, key, terminating| delegation(name, key, &["*"], terminating);
    world.list(2, &[], &[all("a", 41, false), all("b", 42, false)]);
    world.role("a", 1, &[41], &[], &[all("c", 43, false), all("d", 44, true), all("e", 45, false)]);
    for (name, key) in [("b", 42), ("c", 43), ("d", 44), ("e", 45)] {
        world.role(name, 1, &[key], &[], &[]);
    }
    world.seal(2);
    let mut client = world.refresh(0).unwrap();
    world.asked.clear();
    assert_eq!(world.find(&mut client, "x").unwrap(), None);
    // d ends it: neither e nor b is asked.
    assert_eq!(world.asked, ["1.a.json", "1.c.json", "1.d.json"]);
}

#[test]
fn attack_a_delegation_cycle() {
    let mut world = World::new();
    let all = |name, key| delegation(name, key, &["*"], false);
    world.list(2, &[], &[all("a", 41)]);
    world.role("a", 1, &[41], &[], &[all("b", 42)]);
    world.role("b", 1, &[42], &[], &[all("a", 41), all("b", 42)]);
    world.seal(2);
    let mut client = world.refresh(0).unwrap();
    world.asked.clear();
    assert_eq!(world.find(&mut client, "x").unwrap(), None);
    assert_eq!(world.asked, ["1.a.json", "1.b.json"]);
}

#[test]
fn attack_a_chain_of_delegations_without_end() {
    let mut world = World::new();
    world.list(2, &[], &[delegation("r0", 41, &["*"], false)]);
    for at in 0..40 {
        let next = delegation(&format!("r{}", at + 1), 41, &["*"], false);
        world.role(&format!("r{at}"), 1, &[41], &[], &[next]);
    }
    world.role("r40", 1, &[41], &[("x", b"x")], &[]);
    world.seal(2);
    let mut client = world.refresh(0).unwrap();
    assert!(matches!(world.find(&mut client, "x"), Err(Fault::TooManyRoles { .. })));
    // The client is as good as before.
    assert!(client.is_current() && client.found().is_none());
}

#[test]
fn attack_a_role_reached_on_a_second_way_is_verified_for_that_way() {
    let mut world = World::new();
    world.list(2, &[], &[delegation("a", 41, &["a/*"], false), delegation("b", 42, &["b/*"], false)]);
    world.role("a", 1, &[41], &[], &[delegation("both", 43, &["a/*"], false)]);
    world.role("b", 1, &[42], &[], &[delegation("both", 44, &["b/*"], false)]);
    // Signed with the key that a names, not with that of b.
    world.role("both", 1, &[43], &[("a/x", b"a's"), ("b/x", b"b's")], &[]);
    world.seal(2);
    let mut client = world.refresh(0).unwrap();
    let found = world.find(&mut client, "a/x").unwrap().unwrap();
    assert_eq!(world.target(&found), b"a's");
    assert!(matches!(world.find(&mut client, "b/x"), Err(Fault::Signatures { .. })));
    // Also for a client that has it in its cache from before.
    let mut again = world.refresh(0).unwrap();
    assert!(matches!(world.find(&mut again, "b/x"), Err(Fault::Signatures { .. })));
}

#[test]
fn attack_a_role_whose_name_the_top_level_knows_with_another_key() {
    let mut world = World::new();
    world.list(2, &[], &[delegation("both", 43, &["a/*"], false), delegation("b", 42, &["b/*"], false)]);
    world.role("b", 1, &[42], &[], &[delegation("both", 44, &["b/*"], false)]);
    for (signer, a, b) in [(43, true, false), (44, false, true)] {
        world.role("both", 1, &[signer], &[("a/x", b"a's"), ("b/x", b"b's")], &[]);
        world.seal(2);
        // A client that saw neither before.
        let mut world = World { memory: World::new().memory, cache: Default::default(), ..world.clone() };
        let mut client = world.refresh(0).unwrap();
        assert_eq!(world.find(&mut client, "a/x").is_ok(), a, "signed by {signer}");
        assert_eq!(world.find(&mut client, "b/x").is_ok(), b, "signed by {signer}");
    }
}

#[test]
fn attack_a_delegated_role_that_the_snapshot_does_not_list() {
    let mut world = World::new();
    world.list(2, &[], &[delegation("a", 41, &["*"], false)]);
    world.seal(2);
    world.role("a", 1, &[41], &[("x", b"x")], &[]);
    let mut client = world.refresh(0).unwrap();
    world.asked.clear();
    assert!(matches!(world.find(&mut client, "x"), Err(Fault::NotListed { .. })));
    assert!(world.asked.is_empty(), "it is not even asked for: {:?}", world.asked);
}

#[test]
fn attack_rollback_and_freeze_of_a_delegated_role() {
    let mut world = publishers();
    let mut client = world.refresh(0).unwrap();
    assert!(world.find(&mut client, "anchors/acme.pem").unwrap().is_some());
    let old = world.roles.clone();
    world.role("acme", 2, &[41], &[("anchors/acme.pem", b"acme's second")], &[]);
    world.seal(3);
    world.refresh(0).unwrap();
    world.roles = old;
    world.seal(4);
    assert!(matches!(
        world.refresh(0).map(|_| ()).unwrap_err(),
        Fault::Rollback { found: 1, trusted: 2, .. }
    ));
    // One that has ended.
    let mut world = publishers();
    let at = world.roles.iter().position(|(name, _)| name == "acme").unwrap();
    world.bend("1.acme.json", &[41], |file| file["expires"] = json!(day(1).to_string()));
    world.roles[at].1 = world.files["1.acme.json"].clone();
    world.seal(3);
    let mut client = world.refresh(0).unwrap();
    let found = world.find(&mut client, "anchors/acme.pem").unwrap().unwrap();
    assert_eq!(found.until, day(1), "the first end on the way to it");
    let mut client = world.refresh(1).unwrap();
    assert!(matches!(world.find(&mut client, "anchors/acme.pem"), Err(Fault::Expired { .. })));
}

#[test]
fn attack_another_file_in_place_of_a_target() {
    let mut world = publishers();
    let mut client = world.refresh(0).unwrap();
    let found = world.find(&mut client, "anchors/acme.pem").unwrap().unwrap();
    assert!(found.check(b"acme's").is_ok());
    for bytes in [&b"acme's!"[..], b"acme'z", b"", &[0; 5_000]] {
        assert!(matches!(found.check(bytes), Err(Fault::Mismatch { .. } | Fault::TooLong { .. })));
    }
    assert_eq!(found.max, 6);
    assert!(found.place.ends_with(".acme.pem") && found.place.starts_with("anchors/"), "{}", found.place);
}

#[test]
fn attack_a_role_named_like_a_path() {
    for name in ["../acme", "/acme", "?", "#", "a b", "%2e", "é"] {
        let mut world = World::new();
        world.list(2, &[], &[delegation(name, 41, &["*"], false)]);
        world.role(name, 1, &[41], &[("x", b"x")], &[]);
        world.seal(2);
        let mut client = world.refresh(0).unwrap();
        assert!(world.find(&mut client, "x").unwrap().is_some(), "{name}");
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~%".contains(c);
        assert!(world.asked.iter().chain(world.cache.keys()).all(|file| file.chars().all(plain)), "{name}");
    }
}
