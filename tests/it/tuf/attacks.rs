//! One test for each attack, named after it.

use super::world::{Team, World, bent, day, key, signed};
use serde_json::json;
use skill_trust::model::digest::sha256;
use skill_trust::model::tuf::SecretKey;
use skill_trust::model::tuf::publish::Draft;
use skill_trust::policy::provenance::tuf::{Fault, Memory, Standing, TIMESTAMP_MAX};

fn refreshed() -> World {
    let mut world = World::new();
    world.refresh(0).unwrap();
    world
}

/// Everything rotated but the root's own keys.
fn other_online_keys(world: &World) -> Team {
    Team { timestamp: vec![14], snapshot: vec![15], targets: vec![16], ..world.team.clone() }
}

#[test]
fn a_whole_refresh_asks_for_each_file_once_and_a_second_one_for_two() {
    let mut world = World::new();
    let mut client = world.refresh(0).unwrap();
    assert_eq!(world.asked, ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]);
    let found = world.find(&mut client, "policy.toml").unwrap().unwrap();
    assert_eq!((found.role.as_str(), world.target(&found)), ("targets", b"release 1".to_vec()));
    world.refresh(0).unwrap();
    assert_eq!(world.asked, ["2.root.json", "timestamp.json"]);
    world.release(2);
    world.refresh(1).unwrap();
    assert_eq!(world.asked, ["2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"]);
    assert_eq!(world.version("targets"), Some(2));
    for (name, bytes) in [("root.json", world.root(1)), ("timestamp.json", &world.files["timestamp.json"])] {
        assert!(world.cache.get(name).is_none_or(|cached| cached == bytes), "the bytes as they came: {name}");
    }
}

#[test]
fn attack_arbitrary_installation_of_another_root() {
    let mut world = World::new();
    let pin = sha256(&[world.root(1)]);
    // The attacker's own, in itself flawless.
    let theirs = Team { root: (vec![21, 22], 2), ..world.team.clone() };
    let theirs = signed(Draft::first_root(&theirs.plan(), day(365)).unwrap(), &[21, 22]);
    assert!(matches!(Memory::bootstrap(&theirs, pin), Err(Fault::Pin { .. })));
    assert!(Memory::bootstrap(&theirs, sha256(&[&theirs])).is_ok());
    // The right root with one space more.
    let spaced = [world.root(1), b" "].concat();
    assert!(matches!(Memory::bootstrap(&spaced, pin), Err(Fault::Pin { .. })));
    // Pinned, but not signed by its own threshold.
    let alone = signed(Draft::first_root(&world.team.plan(), day(365)).unwrap(), &[1]);
    assert!(matches!(Memory::bootstrap(&alone, sha256(&[&alone])), Err(Fault::Signatures { .. })));
    // And as a next root.
    world.files.insert("2.root.json".to_owned(), bent(&theirs, &[21, 22], |root| root["version"] = json!(2)));
    assert!(matches!(world.refused(0), Fault::Signatures { .. }));
}

#[test]
fn attack_arbitrary_software_with_wrong_signatures_of_each_role() {
    for (name, role) in
        [("timestamp.json", "timestamp"), ("1.snapshot.json", "snapshot"), ("1.targets.json", "targets")]
    {
        for keys in [&[][..], &[9], &[1, 2, 3]] {
            let mut world = World::new();
            world.bend(name, keys, |_| {});
            if role != "timestamp" {
                // What lists it does not bind it by hash: the signatures alone decide.
                let listing = if role == "snapshot" { "timestamp.json" } else { "1.snapshot.json" };
                let entry = format!("{role}.json");
                let signer = if role == "snapshot" { 4 } else { 5 };
                world.bend(listing, &[signer], |file| file["meta"][&entry] = json!({"version": 1}));
            }
            if role == "targets" {
                world.bend("timestamp.json", &[4], |file| {
                    file["meta"]["snapshot.json"] = json!({"version": 1})
                });
            }
            let fault = world.refresh(0).map(|_| ()).unwrap_err();
            assert!(
                matches!(&fault, Fault::Signatures { role: found, .. } if found == role),
                "{role} {keys:?}: {fault}"
            );
            assert_eq!(world.version(role), None);
        }
    }
}

#[test]
fn attack_endless_data() {
    let mut world = World::new();
    let good = world.files["timestamp.json"].clone();
    let mut padded = good.clone();
    padded.resize(TIMESTAMP_MAX as usize + 1, b' ');
    world.files.insert("timestamp.json".to_owned(), padded.clone());
    assert!(matches!(world.refused(0), Fault::TooLong { .. }));
    padded.pop();
    world.files.insert("timestamp.json".to_owned(), padded);
    world.refresh(0).unwrap();
    // A length that is listed is a cap too: not one byte more is read.
    let mut world = World::new();
    world.files.get_mut("1.snapshot.json").unwrap().extend(vec![b' '; 1 << 20]);
    let fault = world.refresh(0).map(|_| ()).unwrap_err();
    assert!(matches!(fault, Fault::TooLong { max, .. } if max < 2000), "{fault}");
    // Roots without end: the refresh goes on after 256 of them, and the next
    // one goes on there.
    let mut world = World::new();
    for _ in 0..300 {
        world.rotate(world.team.clone(), &[1, 2], day(365));
    }
    world.refresh(0).unwrap();
    assert_eq!(world.version("root"), Some(257));
    world.refresh(0).unwrap();
    assert_eq!(world.version("root"), Some(301));
}

#[test]
fn attack_rollback_of_the_root() {
    let mut world = refreshed();
    world.rotate(world.team.clone(), &[1, 2], day(365));
    world.refresh(0).unwrap();
    for version in [1, 2, 4, 1_000] {
        let again = bent(world.root(2), &[1, 2], |root| root["version"] = json!(version));
        world.files.insert("3.root.json".to_owned(), again);
        let fault = world.refused(0);
        let rollback = matches!(fault, Fault::Rollback { .. });
        assert!(
            rollback == (version <= 2) && (rollback || matches!(fault, Fault::Version { .. })),
            "{fault}"
        );
    }
}

#[test]
fn attack_rollback_of_the_timestamp() {
    let mut world = refreshed();
    let old = world.files["timestamp.json"].clone();
    world.release(2);
    world.refresh(0).unwrap();
    world.files.insert("timestamp.json".to_owned(), old);
    assert!(matches!(world.refused(0), Fault::Rollback { found: 1, trusted: 2, .. }));
}

#[test]
fn attack_rollback_of_the_snapshot() {
    let mut world = refreshed();
    let old = world.files["1.snapshot.json"].clone();
    world.release(2);
    world.refresh(0).unwrap();
    // The timestamp's key is stolen: a new timestamp names the old snapshot.
    world.stamp(3, &old);
    assert!(matches!(world.refused(0), Fault::Rollback { found: 1, trusted: 2, .. }));
}

#[test]
fn attack_rollback_of_the_targets() {
    let mut world = refreshed();
    let old = world.roles.clone();
    world.release(2);
    world.refresh(0).unwrap();
    // The keys of timestamp and snapshot are stolen.
    world.roles = old;
    world.seal(3);
    let fault = world.refresh(0).map(|_| ()).unwrap_err();
    assert!(matches!(fault, Fault::Rollback { found: 1, trusted: 2, .. }), "{fault}");
    assert_eq!(world.version("snapshot"), Some(2));
    // And by leaving the role out.
    world.bend("3.snapshot.json", &[5], |file| file["meta"] = json!({"other.json": {"version": 9}}));
    let snapshot = world.files["3.snapshot.json"].clone();
    world.stamp(4, &snapshot);
    assert!(matches!(world.refresh(0).map(|_| ()).unwrap_err(), Fault::Gone { .. }));
}

#[test]
fn attack_freeze_of_each_role() {
    let mut world = refreshed();
    // Timestamp: 7 days, to the second; snapshot: 20; targets: 30; root: 365.
    world.refresh(6).unwrap();
    assert!(matches!(world.refused(7), Fault::Expired { role, .. } if role == "timestamp"));
    for (name, role) in
        [("timestamp.json", "timestamp"), ("1.snapshot.json", "snapshot"), ("1.targets.json", "targets")]
    {
        let mut world = World::new();
        let late = if role == "timestamp" { 7 } else { 3 };
        for (file, keys) in [("1.targets.json", 6), ("1.snapshot.json", 5), ("timestamp.json", 4)] {
            let end = if file == name { 3 } else { 9 };
            let end = if role == "timestamp" && file == name { 7 } else { end };
            world.bend(file, &[keys], |signed| {
                signed["expires"] = json!(day(end).to_string());
                if let Some(meta) = signed.get_mut("meta").and_then(|meta| meta.as_object_mut()) {
                    meta.values_mut().for_each(|entry| *entry = json!({"version": 1}));
                }
            });
        }
        let fault = world.refresh(late).map(|_| ()).unwrap_err();
        assert!(matches!(&fault, Fault::Expired { role: found, .. } if found == role), "{role}: {fault}");
        assert_eq!(world.version(role), None, "{role}");
    }
}

#[test]
fn attack_freeze_with_an_expired_root_blocks_and_only_the_last_root_must_not_be_expired() {
    let mut world = refreshed();
    world.rotate(world.team.clone(), &[1, 2], day(1));
    let fault = world.refresh(2).map(|_| ()).unwrap_err();
    assert!(matches!(fault, Fault::Expired { ref role, .. } if role == "root"), "{fault}");
    assert_eq!(world.version("root"), Some(2), "it is remembered all the same (5.3.10)");
    assert_eq!(world.memory.standing(day(2)).unwrap(), Standing::RootExpired { since: day(1) });
    world.rotate(world.team.clone(), &[1, 2], day(365));
    world.refresh(2).unwrap();
    assert_eq!(world.version("root"), Some(3));
}

#[test]
fn attack_mix_and_match() {
    // A snapshot of one release with the targets of another, all well signed.
    let mut world = World::new();
    let first = world.files["1.targets.json"].clone();
    world.release(2);
    world.files.insert("2.targets.json".to_owned(), first);
    let fault = world.refresh(0).map(|_| ()).unwrap_err();
    assert!(matches!(fault, Fault::Mismatch { .. } | Fault::TooLong { .. }), "{fault}");
    // Without hashes, the version tells.
    let mut world = World::new();
    let first = world.files["1.targets.json"].clone();
    world.release(2);
    world.bend("2.snapshot.json", &[5], |file| file["meta"]["targets.json"] = json!({"version": 2}));
    let snapshot = world.files["2.snapshot.json"].clone();
    world.stamp(2, &snapshot);
    world.files.insert("2.targets.json".to_owned(), first);
    assert!(matches!(world.refresh(0).map(|_| ()).unwrap_err(), Fault::Version { found: 1, wanted: 2, .. }));
    // A snapshot other than the timestamp's.
    let mut world = World::new();
    world.release(2);
    let second = world.files["2.snapshot.json"].clone();
    let mut other = World::new();
    other.files.insert("1.snapshot.json".to_owned(), second);
    assert!(other.refresh(0).is_err());
    assert_eq!(other.version("snapshot"), None);
}

#[test]
fn attack_fast_forward_and_the_way_out_of_it() {
    let mut world = refreshed();
    // The attacker has all three online keys and drives the versions up.
    world.list(1_000_000, &[("policy.toml", b"theirs")], &[]);
    world.seal(1_000_000);
    world.refresh(0).unwrap();
    assert_eq!(world.version("timestamp"), Some(1_000_000));
    // The owners take the keys back and go on with version 2.
    let team = other_online_keys(&world);
    world.rotate(team, &[1, 2], day(365));
    world.release(2);
    let mut client = world.refresh(0).unwrap();
    assert_eq!((world.version("timestamp"), world.version("targets")), (Some(2), Some(2)));
    let found = world.find(&mut client, "policy.toml").unwrap().unwrap();
    assert_eq!(world.target(&found), b"release 2");
    // What the attacker signed counts no more, whatever its version.
    world.team.timestamp = vec![4];
    let snapshot = world.files["1000000.snapshot.json"].clone();
    world.stamp(2_000_000, &snapshot);
    assert!(matches!(world.refused(0), Fault::Signatures { .. }));
}

#[test]
fn attack_a_crash_between_the_new_root_and_forgetting_what_was_driven_up() {
    let mut world = refreshed();
    world.seal(1_000_000);
    world.refresh(0).unwrap();
    let team = other_online_keys(&world);
    world.rotate(team, &[1, 2], day(365));
    // The refresh ends right after the root was taken.
    world.files.remove("timestamp.json");
    assert!(matches!(world.refresh(0).map(|_| ()).unwrap_err(), Fault::Missing { .. }));
    assert_eq!((world.version("root"), world.version("timestamp")), (Some(2), None));
    world.release(2);
    world.refresh(0).unwrap();
    assert_eq!(world.version("timestamp"), Some(2));
}

#[test]
fn attack_a_key_that_is_added_opens_no_way_back() {
    let mut world = refreshed();
    let old = world.files["timestamp.json"].clone();
    world.release(2);
    world.refresh(0).unwrap();
    let team = Team { timestamp: vec![4, 14], snapshot: vec![5, 15], ..world.team.clone() };
    world.rotate(team, &[1, 2], day(365));
    world.files.insert("timestamp.json".to_owned(), old);
    assert!(matches!(world.refresh(0).map(|_| ()).unwrap_err(), Fault::Rollback { .. }));
    assert_eq!((world.version("root"), world.version("timestamp")), (Some(2), Some(2)));
}

#[test]
fn attack_key_compromise_below_the_threshold_of_the_root() {
    let mut world = refreshed();
    // One of the two that are needed.
    let theirs = Team { root: (vec![1, 21], 1), ..world.team.clone() };
    let mut attacked = world.clone();
    attacked.rotate(theirs, &[1, 21], day(365));
    assert!(matches!(attacked.refused(0), Fault::Signatures { .. }));
    // The owners replace it with the two that are left.
    let ours = Team { root: (vec![2, 3, 7], 2), ..world.team.clone() };
    world.rotate(ours, &[2, 3], day(365));
    world.refresh(0).unwrap();
    let mut attacked = world.clone();
    let theirs = Team { root: (vec![1, 21], 1), ..world.team.clone() };
    attacked.rotate(theirs, &[1, 21], day(365));
    assert!(matches!(attacked.refused(0), Fault::Signatures { .. }));
}

#[test]
fn attack_key_compromise_at_the_threshold_is_not_survived_and_a_new_pin_is_the_way_out() {
    let mut world = refreshed();
    let honest = world.clone();
    let theirs = Team { root: (vec![21], 1), targets: vec![26], ..world.team.clone() };
    world.rotate(theirs, &[1, 2, 21], day(365));
    world.refresh(0).map(|_| ()).unwrap_err();
    assert_eq!(world.version("root"), Some(2), "two of three keys are the root");
    // A root that is pinned anew begins with nothing of what was believed.
    let ours = Team { root: (vec![31, 32], 2), ..honest.team };
    let root = signed(Draft::first_root(&ours.plan(), day(365)).unwrap(), &[31, 32]);
    let memory = Memory::bootstrap(&root, sha256(&[&root])).unwrap();
    assert_eq!(memory.versions().unwrap().len(), 1);
}

#[test]
fn attack_a_new_root_without_the_old_threshold_or_without_its_own() {
    let world = refreshed();
    let next = Team { root: (vec![7, 8, 9], 2), ..world.team.clone() };
    for (keys, good) in [
        (&[1, 2, 7, 8][..], true),
        (&[1, 7, 8], false),
        (&[7, 8, 9], false),
        (&[1, 2, 7], false),
        (&[1, 2, 3], false),
        (&[], false),
    ] {
        let mut world = world.clone();
        world.rotate(next.clone(), keys, day(365));
        assert_eq!(world.refresh(0).is_ok(), good, "{keys:?}");
        assert_eq!(world.version("root"), Some(if good { 2 } else { 1 }), "{keys:?}");
    }
}

#[test]
fn attack_duplicate_key_ids_among_signatures() {
    let mut world = World::new();
    let mut file: serde_json::Value = serde_json::from_slice(&world.files["timestamp.json"]).unwrap();
    let one = file["signatures"][0].clone();
    file["signatures"].as_array_mut().unwrap().push(one);
    world.files.insert("timestamp.json".to_owned(), serde_json::to_vec(&file).unwrap());
    assert!(matches!(world.refused(0), Fault::Malformed { .. }));
}

#[test]
fn attack_one_key_counted_twice() {
    // In a role's list of ids, signed by its owners.
    let mut world = refreshed();
    world.rotate(world.team.clone(), &[1, 2], day(365));
    world.bend("2.root.json", &[1, 2], |root| {
        let ids = root["roles"]["timestamp"]["keyids"].as_array_mut().unwrap();
        ids.push(ids[0].clone());
        root["roles"]["timestamp"]["threshold"] = json!(2);
    });
    assert!(matches!(world.refused(0), Fault::Malformed { .. }));
}

/// One key under two ids, and a signature under each: the bytes of the key
/// object differ, the point does not.
#[test]
fn attack_one_key_under_two_ids() {
    let mut world = refreshed();
    world.rotate(world.team.clone(), &[1, 2], day(365));
    let mut second = String::new();
    world.bend("2.root.json", &[1, 2], |root| {
        let id = root["roles"]["timestamp"]["keyids"][0].as_str().unwrap().to_owned();
        let mut twin = root["keys"][&id].clone();
        twin["note"] = json!("twin");
        let canonical = skill_trust::model::tuf::Value::parse(&serde_json::to_vec(&twin).unwrap()).unwrap();
        second = sha256(&[&canonical.canonical()]).hex();
        root["keys"][&second] = twin;
        root["roles"]["timestamp"]["keyids"] = json!([id, second]);
        root["roles"]["timestamp"]["threshold"] = json!(2);
    });
    world.release(2);
    let mut file: serde_json::Value = serde_json::from_slice(&world.files["timestamp.json"]).unwrap();
    let sig = file["signatures"][0]["sig"].clone();
    file["signatures"].as_array_mut().unwrap().push(json!({"keyid": second, "sig": sig}));
    world.files.insert("timestamp.json".to_owned(), serde_json::to_vec(&file).unwrap());
    let fault = world.refresh(0).map(|_| ()).unwrap_err();
    let Fault::Signatures { why, .. } = &fault else { panic!("{fault}") };
    assert_eq!((why.found, why.threshold), (1, 2));
    // The root itself is fine: it is the threshold that one holder cannot reach.
    assert_eq!(world.version("root"), Some(2));
}

#[test]
fn attack_a_key_under_an_id_that_is_not_its_own() {
    let mut world = refreshed();
    world.rotate(world.team.clone(), &[1, 2], day(365));
    world.bend("2.root.json", &[1, 2], |root| {
        let id = root["roles"]["timestamp"]["keyids"][0].as_str().unwrap().to_owned();
        root["keys"][&id]["keyval"]["public"] =
            json!("66dd78c5c2a78abc6fc6b267ff1a8017ba0e8bfc853dd97af351949bba021275");
    });
    assert!(matches!(world.refused(0), Fault::Malformed { .. }));
}

#[test]
fn attack_threshold_0_and_roles_without_keys() {
    for (threshold, keys, malformed) in
        [(json!(0), false, true), (json!(-1), false, true), (json!(1), true, false), (json!(2), false, false)]
    {
        let mut world = refreshed();
        world.rotate(world.team.clone(), &[1, 2], day(365));
        world.bend("2.root.json", &[1, 2], |root| {
            root["roles"]["timestamp"]["threshold"] = threshold.clone();
            if keys {
                root["roles"]["timestamp"]["keyids"] = json!([]);
            }
        });
        world.release(2);
        let fault = world.refresh(0).map(|_| ()).unwrap_err();
        assert_eq!(matches!(fault, Fault::Malformed { .. }), malformed, "{threshold} {fault}");
        assert_eq!(matches!(fault, Fault::Signatures { .. }), !malformed, "{threshold} {fault}");
    }
}

#[test]
fn attack_a_weak_key_in_a_root() {
    let mut world = refreshed();
    world.rotate(world.team.clone(), &[1, 2], day(365));
    world.bend("2.root.json", &[1, 2], |root| {
        let weak = json!({"keytype": "ed25519", "scheme": "ed25519",
            "keyval": {"public": "0100000000000000000000000000000000000000000000000000000000000000"}});
        let canonical = skill_trust::model::tuf::Value::parse(&serde_json::to_vec(&weak).unwrap()).unwrap();
        root["keys"][sha256(&[&canonical.canonical()]).hex()] = weak;
    });
    let fault = world.refused(0);
    assert!(fault.to_string().contains("weak"), "{fault}");
}

#[test]
fn attack_metadata_of_one_role_in_place_of_another() {
    // Root and targets share a key here; a targets file as timestamp.
    let mut world = World::new();
    for (from, to) in [
        ("1.snapshot.json", "timestamp.json"),
        ("1.root.json", "timestamp.json"),
        ("1.targets.json", "timestamp.json"),
    ] {
        let bytes = bent(&world.files[from], &[4], |_| {});
        world.files.insert(to.to_owned(), bytes);
        assert!(matches!(world.refused(0), Fault::Malformed { .. }), "{from}");
    }
}

#[test]
fn attack_another_timestamp_of_the_same_version_changes_nothing() {
    let mut world = refreshed();
    world.bend("timestamp.json", &[4], |file| file["meta"]["snapshot.json"] = json!({"version": 100}));
    world.refresh(0).unwrap();
    assert_eq!(world.asked, ["2.root.json", "timestamp.json"]);
    assert_eq!(world.version("snapshot"), Some(1));
    let before = world.memory.clone();
    world.refresh(0).unwrap();
    assert_eq!(world.memory, before);
}

#[test]
fn attack_signatures_over_other_bytes_that_say_the_same() {
    // White space and the order of names are no content.
    let mut world = World::new();
    let file: serde_json::Value = serde_json::from_slice(&world.files["timestamp.json"]).unwrap();
    world.files.insert("timestamp.json".to_owned(), serde_json::to_vec_pretty(&file).unwrap());
    world.refresh(0).unwrap();
    // A name that stands twice is no metadata, whichever of the two was signed.
    let text = String::from_utf8(world.files["timestamp.json"].clone()).unwrap();
    let twice = text.replacen("\"version\"", "\"version\": 9, \"version\"", 1);
    assert_ne!(text, twice);
    world.files.insert("timestamp.json".to_owned(), twice.into_bytes());
    assert!(matches!(world.refused(0), Fault::Malformed { .. }));
}

#[test]
fn attack_every_single_byte_of_every_file_changed() {
    let good = World::new();
    for name in ["timestamp.json", "1.snapshot.json", "1.targets.json"] {
        for at in 0..good.files[name].len() {
            let mut world = good.clone();
            world.files.get_mut(name).unwrap()[at] ^= 1;
            let Ok(_) = world.refresh(0) else { continue };
            // Only what no signature covers: white space, or a signature's own
            // member that is ignored. The timestamp alone is not bound by a hash.
            assert_eq!(name, "timestamp.json", "byte {at} of {name}");
            let (old, new): (serde_json::Value, serde_json::Value) = (
                serde_json::from_slice(&good.files[name]).unwrap(),
                serde_json::from_slice(&world.files[name]).unwrap(),
            );
            assert_eq!(old["signed"], new["signed"], "byte {at}");
        }
    }
}

#[test]
fn unknown_kinds_of_keys_and_members_do_not_disturb_and_do_not_count() {
    let mut world = refreshed();
    world.rotate(world.team.clone(), &[1, 2], day(365));
    world.bend("2.root.json", &[1, 2], |root| {
        let rsa =
            json!({"keytype": "rsa", "scheme": "rsassa-pss-sha256", "keyval": {"public": "x"}, "x": [1, {}]});
        let canonical = skill_trust::model::tuf::Value::parse(&serde_json::to_vec(&rsa).unwrap()).unwrap();
        let id = sha256(&[&canonical.canonical()]).hex();
        root["keys"][&id] = rsa;
        root["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!(id));
        root["roles"]["mirrors"] = json!({"anything": 1});
        root["extra"] = json!({"deep": [null, true]});
    });
    world.refresh(0).unwrap();
    assert_eq!(world.version("root"), Some(2));
    let _: SecretKey = key(1);
}
