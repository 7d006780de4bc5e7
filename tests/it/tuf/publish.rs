//! What a team writes.

use super::world::{Team, World, day, key, signed, signers};
use skill_trust::model::tuf::publish::{DelegationPlan, Draft, FilePlan, RootPlan, Seal};
use skill_trust::model::tuf::{PublicKey, Root, Unverified, Value};

fn plan(root: (&[u8], u64)) -> RootPlan {
    let team = Team { root: (root.0.to_vec(), 1), timestamp: vec![4], snapshot: vec![5], targets: vec![6] };
    RootPlan { root: signers(root.0, root.1), ..team.plan() }
}

#[test]
fn what_no_client_would_accept_cannot_be_written() {
    for (keys, threshold, good) in [
        (&[1, 2][..], 2, true),
        (&[1, 2], 0, false),
        (&[1, 2], 3, false),
        (&[], 1, false),
        (&[1, 1], 1, false),
    ] {
        let draft = Draft::first_root(&plan((keys, threshold)), day(365));
        assert_eq!(draft.is_ok(), good, "{keys:?} {threshold}");
    }
    let rsa = r#"{"keytype":"rsa","scheme":"rsassa-pss-sha256","keyval":{"public":"x"}}"#;
    let rsa = PublicKey::read(&Value::parse(rsa.as_bytes()).unwrap()).unwrap();
    let mut odd = plan((&[1], 1));
    odd.targets.keys.push(rsa);
    assert!(Draft::first_root(&odd, day(365)).is_err());
    for name in ["", "root", "snapshot", &"a".repeat(65)] {
        let one = DelegationPlan {
            name: name.to_owned(),
            signers: signers(&[1], 1),
            paths: vec![],
            terminating: false,
        };
        assert!(Draft::targets(1, day(1), &[], &[one]).is_err(), "{name}");
    }
    for path in ["", "/a", "../a", "a//b", "a\\b"] {
        let file = FilePlan { path, bytes: b"", custom: None };
        assert!(Draft::targets(1, day(1), &[file], &[]).is_err(), "{path}");
    }
    let file = FilePlan { path: "a", bytes: b"", custom: None };
    assert!(Draft::targets(1, day(1), &[file.clone(), file], &[]).is_err());
    assert!(Draft::targets(0, day(1), &[], &[]).is_err());
    assert!(Draft::snapshot(1, day(1), &[("targets".to_owned(), b"{}".to_vec())]).is_err());
    assert!(Draft::timestamp(1, day(1), World::new().root(1)).is_err());
}

#[test]
fn people_sign_one_root_one_after_the_other() {
    let draft = Draft::first_root(&plan((&[1, 2, 3], 3)), day(365)).unwrap();
    let mut bytes = draft.to_bytes();
    for (at, number) in [1, 2, 3].into_iter().enumerate() {
        let missing = Unverified::<Root>::parse(&bytes).unwrap().verify_pinned().map(|_| ()).unwrap_err();
        assert_eq!((missing.found, missing.threshold), (at as u64, 3));
        bytes = Draft::open(&bytes).unwrap().sign(&key(number)).unwrap().to_bytes();
    }
    assert!(Unverified::<Root>::parse(&bytes).unwrap().verify_pinned().is_ok());
    // Signing again adds nothing.
    let again = Draft::open(&bytes).unwrap().sign(&key(1)).unwrap().to_bytes();
    assert!(Unverified::<Root>::parse(&again).is_ok());
}

#[test]
fn a_release_is_written_with_the_timestamp_last() {
    let world = World::new();
    let (snapshot, timestamp) = (key(5), key(4));
    let seal = Seal {
        version: 2,
        snapshot_expires: day(20),
        timestamp_expires: day(7),
        snapshot_keys: &[&snapshot],
        timestamp_keys: &[&timestamp],
    };
    let files = seal.release(&world.roles).unwrap();
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["1.targets.json", "2.snapshot.json", "timestamp.json"]);
    let mut reader = world;
    reader.files.extend(files);
    reader.refresh(0).unwrap();
    assert_eq!(reader.version("snapshot"), Some(2));
}

#[test]
fn opening_a_draft_keeps_what_we_do_not_know() {
    let draft = signed(Draft::first_root(&plan((&[1], 1)), day(365)).unwrap(), &[1]);
    let text = String::from_utf8(draft).unwrap().replace("\"_type\"", "\"a\":[1,{\"b\":null}],\"_type\"");
    let again = Draft::open(text.as_bytes()).unwrap().sign(&key(1)).unwrap().to_bytes();
    assert!(String::from_utf8(again.clone()).unwrap().contains("\"a\":[1,{\"b\":null}]"));
    assert!(Unverified::<Root>::parse(&again).unwrap().verify_pinned().is_ok());
}
