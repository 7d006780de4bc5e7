//! What is remembered between runs.

use super::world::{World, day, delegation};
use proptest::prelude::*;
use serde_json::json;
use skill_trust::model::time::Timestamp;
use skill_trust::policy::provenance::tuf::{Client, Fault, Memory, Standing};

fn refreshed() -> World {
    let mut world = World::new();
    world.refresh(0).unwrap();
    world
}

#[test]
fn attack_a_deleted_cache_does_not_roll_back() {
    let old = refreshed();
    let mut world = old.clone();
    world.release(2);
    world.refresh(0).unwrap();
    // Everything that is no memory is as it was yesterday, or gone.
    for cache in [old.cache.clone(), std::collections::BTreeMap::new()] {
        let mut attacked = World { memory: world.memory.clone(), cache, ..old.clone() };
        assert!(matches!(attacked.refused(0), Fault::Rollback { found: 1, trusted: 2, .. }));
    }
    // A deleted cache alone costs one more request, and nothing else.
    world.cache.clear();
    world.refresh(0).unwrap();
    assert_eq!(world.asked, ["2.root.json", "timestamp.json", "2.targets.json"]);
}

#[test]
fn attack_a_cache_full_of_other_files() {
    let mut world = refreshed();
    for bytes in [&b""[..], b"{}", b"\xff", &vec![b'['; 100_000]] {
        for name in ["root.json", "timestamp.json", "snapshot.json", "targets.json"] {
            world.cache.insert(name.to_owned(), bytes.to_vec());
        }
        world.refresh(0).unwrap();
        assert_eq!(world.version("targets"), Some(1));
    }
}

#[test]
fn fresh_stale_and_expired_are_said_plainly() {
    let world = refreshed();
    let standing = |at: Timestamp| world.memory.standing(at).unwrap();
    assert_eq!(standing(day(0)), Standing::Fresh { until: day(7) });
    let last = Timestamp::from_unix(day(7).unix() - 1);
    assert_eq!(standing(last), Standing::Fresh { until: day(7) });
    assert!(standing(last).grants());
    // Timestamp 7 days, root 365.
    assert_eq!(standing(day(7)), Standing::Stale { role: "timestamp", since: Some(day(7)) });
    assert_eq!(standing(day(364)), Standing::Stale { role: "timestamp", since: Some(day(7)) });
    assert_eq!(standing(day(365)), Standing::RootExpired { since: day(365) });
    assert!(!standing(day(7)).grants() && !standing(day(365)).grants());
    // Never refreshed, or not to the end.
    let mut world = World::new();
    assert_eq!(world.memory.standing(day(0)).unwrap(), Standing::Stale { role: "timestamp", since: None });
    world.files.remove("1.targets.json");
    assert!(matches!(world.refresh(0).map(|_| ()).unwrap_err(), Fault::Missing { .. }));
    assert_eq!(world.memory.standing(day(0)).unwrap(), Standing::Stale { role: "targets", since: None });
}

#[test]
fn a_refresh_that_broke_off_goes_on_the_next_time() {
    let mut world = refreshed();
    world.release(2);
    for name in ["2.snapshot.json", "2.targets.json"] {
        let bytes = world.files.remove(name).unwrap();
        assert!(matches!(world.refresh(0).map(|_| ()).unwrap_err(), Fault::Missing { .. }));
        assert!(!world.memory.standing(day(0)).unwrap().grants(), "{name}");
        world.files.insert(name.to_owned(), bytes);
    }
    world.refresh(0).unwrap();
    assert!(world.memory.standing(day(0)).unwrap().grants());
    assert_eq!(world.version("targets"), Some(2));
}

#[test]
fn what_is_at_hand_is_used_offline_while_the_root_holds() {
    let mut world = refreshed();
    world.files.clear();
    world.asked.clear();
    for (at, good) in [(0, true), (8, true), (364, true), (365, false)] {
        let client = Client::recall(world.memory.clone(), day(at));
        assert_eq!(client.is_ok(), good, "day {at}");
        let Ok(mut client) = client else { continue };
        skill_trust::ops::roots::drive(&mut client, &mut world).unwrap();
        assert!(world.find(&mut client, "policy.toml").unwrap().is_some());
    }
    assert!(world.asked.is_empty());
    // A cached file that was changed is none.
    world.cache.get_mut("targets.json").unwrap()[40] ^= 1;
    let mut client = Client::recall(world.memory.clone(), day(0)).unwrap();
    assert!(skill_trust::ops::roots::drive(&mut client, &mut world).is_err());
    assert!(matches!(Client::recall(World::new().memory, day(0)), Err(Fault::Incomplete)));
}

#[test]
fn attack_a_memory_edited_by_hand_is_damage_and_no_trust() {
    let world = refreshed();
    let good = serde_json::to_value(&world.memory).unwrap();
    let open = |value: serde_json::Value| -> Result<(), String> {
        let memory: Memory = serde_json::from_value(value).map_err(|error| error.to_string())?;
        Client::refresh(memory.clone(), day(0)).map_err(|fault| fault.to_string())?;
        memory.standing(day(0)).map(|_| ()).map_err(|fault| fault.to_string())
    };
    assert_eq!(open(good.clone()), Ok(()));
    let other = serde_json::to_value(World::new().memory).unwrap();
    for (name, value) in [
        ("format", json!(2)),
        ("root", json!("{}")),
        ("root_digest", json!(format!("sha256:{}", "0".repeat(64)))),
        ("timestamp", json!("{}")),
        ("timestamp", good["snapshot"].clone()),
        ("snapshot", json!(good["snapshot"].as_str().unwrap().replacen("\"version\":1", "\"version\":2", 1))),
        ("extra", json!(1)),
        ("pin", json!("x")),
    ] {
        let mut bad = good.clone();
        assert_ne!(bad[name], value, "{name}");
        bad[name] = value;
        assert!(open(bad).is_err(), "{name}");
    }
    for name in ["root", "format", "pin", "held"] {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(name);
        assert!(open(bad).is_err(), "{name} missing");
    }
    assert_eq!(open(other), Ok(()));
}

#[test]
fn attack_a_memory_filled_with_roles_that_are_no_longer_listed() {
    let mut world = refreshed();
    for at in 2..8 {
        // Each time the keys of the snapshot change, so that roles may go.
        let team = super::world::Team { snapshot: vec![60 + at as u8], ..world.team.clone() };
        world.rotate(team, &[1, 2], day(365));
        let name = format!("r{at}");
        world.roles.retain(|(name, _)| name == "targets");
        world.list(at, &[], &[delegation(&name, 41, &["*"], false)]);
        world.role(&name, 1, &[41], &[("x", b"x")], &[]);
        world.seal(at);
        let mut client = world.refresh(0).unwrap();
        assert!(world.find(&mut client, "x").unwrap().is_some());
        let mut known: Vec<_> = world.memory.versions().unwrap().into_keys().collect();
        known.sort();
        assert_eq!(known, [&name, "root", "snapshot", "targets", "timestamp"]);
    }
}

#[test]
fn attack_kill_orders_of_yesterday() {
    let orders = |number: u64, why: &str| {
        format!(r#"{{"format":1,"order":{number},"orders":[{{"all":true,"why":"{why}"}}]}}"#).into_bytes()
    };
    let mut world = World::new();
    let mut version = 1;
    let mut take = |world: &mut World, bytes: &[u8]| {
        version += 1;
        world.list(version, &[("kill-orders.json", bytes)], &[]);
        world.seal(version);
        let mut client = world.refresh(0).unwrap();
        let found = world.find(&mut client, "kill-orders.json").unwrap().unwrap();
        let taken = client.take_kill_orders(&found, bytes).map(|orders| orders.order);
        assert!(client.take_kill_orders(&found, b"{}").is_err(), "other bytes than those listed");
        world.memory = client.memory().clone();
        taken
    };
    assert_eq!(take(&mut world, &orders(7, "a")), Ok(7));
    assert_eq!(take(&mut world, &orders(7, "a")), Ok(7));
    assert!(matches!(take(&mut world, &orders(7, "b")), Err(Fault::SameOrder { order: 7 })));
    // The keys of targets are stolen: a new file with old orders.
    assert!(matches!(take(&mut world, &orders(6, "a")), Err(Fault::Rollback { found: 6, trusted: 7, .. })));
    assert!(matches!(take(&mut world, b"{\"format\":1}"), Err(Fault::Malformed { .. })));
    assert_eq!(take(&mut world, &orders(9, "a")), Ok(9));
    assert_eq!(world.memory.kill_order(), 9);
    // Driven up by a thief, and taken back with the keys of targets.
    assert_eq!(take(&mut world, &orders(1 << 60, "a")), Ok(1 << 60));
    let team = super::world::Team { targets: vec![16], ..world.team.clone() };
    world.rotate(team, &[1, 2], day(365));
    world.refresh(0).map(|_| ()).unwrap_err();
    assert_eq!(world.memory.kill_order(), 0);
    assert_eq!(take(&mut world, &orders(10, "a")), Ok(10));
}

#[test]
fn attack_kill_orders_of_a_role_that_may_not_give_them() {
    let mut world = World::new();
    world.list(2, &[("policy.toml", b"x")], &[delegation("a", 41, &["reviews/*"], false)]);
    world.role("a", 1, &[41], &[("kill-orders.json", b"{}")], &[]);
    world.seal(2);
    let mut client = world.refresh(0).unwrap();
    assert_eq!(world.find(&mut client, "kill-orders.json").unwrap(), None);
    let found = world.find(&mut client, "policy.toml").unwrap().unwrap();
    assert!(matches!(client.take_kill_orders(&found, b"x"), Err(Fault::Unasked)));
}

#[test]
fn revoked_signers_reach_the_verifiers() {
    use skill_trust::model::signer::SignerId;
    use skill_trust::model::tuf::lists::revocations;
    use skill_trust::policy::provenance::tuf::signers;
    use skill_trust::policy::provenance::verdict::Evidenced;
    let key = format!("key:{}", "a".repeat(64));
    let list = format!(
        r#"{{"format":1,"revocations":[{{"signer":"{key}","kind":"retired","since":"2026-10-01T00:00:00Z","why":"x"}}]}}"#
    );
    let all = signers(&revocations(list.as_bytes()).unwrap(), "team");
    let signer = SignerId::parse(&key).unwrap();
    let at = |text: &str| Evidenced::FirstSeen(Timestamp::parse(text).unwrap());
    assert!(all.judge(&signer, at("2026-09-30T00:00:00Z"), false).is_ok());
    assert!(all.judge(&signer, at("2026-10-01T00:00:00Z"), false).is_err());
}

#[test]
fn revoked_publishers_are_named_with_their_time() {
    use skill_trust::model::tuf::lists::revocations;
    use skill_trust::policy::provenance::revocation::Kind;
    use skill_trust::policy::provenance::tuf::{publishers, signers};
    let list = br#"{"format":1,"revocations":[{"publisher":"acme","kind":"compromised","since":"2026-10-01T00:00:00Z","why":"x"},{"digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","kind":"yanked","why":"y"}]}"#;
    let list = revocations(list).unwrap();
    let found = publishers(&list, "team");
    let [(name, entry)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((name.as_str(), entry.kind, entry.feed.as_str()), ("acme", Kind::Compromised, "team: x"));
    assert_eq!(entry.since, Some(Timestamp::parse("2026-10-01T00:00:00Z").unwrap()));
    assert!(signers(&list, "team").is_empty());
}

/// What happens between two refreshes.
#[derive(Debug, Clone)]
enum Event {
    /// An honest release.
    Release,
    /// The repository as it was some releases ago.
    Replay(usize),
    /// A file is missing.
    Hide(usize),
    /// A byte of a file is another.
    Flip(usize, usize),
    /// The client's cache is gone, or as it was.
    Cache(bool),
    /// The owners add a key to the online roles.
    AddKeys,
    /// The owners replace the online keys and start at version 1 again.
    Rotate,
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Release),
        2 => any::<usize>().prop_map(Event::Replay),
        1 => any::<usize>().prop_map(Event::Hide),
        2 => any::<(usize, usize)>().prop_map(|(file, byte)| Event::Flip(file, byte)),
        1 => any::<bool>().prop_map(Event::Cache),
        1 => Just(Event::AddKeys),
        1 => Just(Event::Rotate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever is served in whatever order: no version that is remembered ever
    /// falls, unless the owners took keys away, and only a refresh that came to
    /// its end grants.
    #[test]
    fn no_sequence_of_events_takes_a_version_back(events in prop::collection::vec(any_event(), 1..14)) {
        let mut world = World::new();
        let (mut next, mut spare) = (2, 50_u8);
        let mut history = vec![(world.files.clone(), world.cache.clone())];
        for event in events {
            let honest = world.files.clone();
            match event {
                Event::Release => {
                    world.release(next);
                    next += 1;
                    history.push((world.files.clone(), world.cache.clone()));
                }
                Event::Replay(at) => world.files = history[at % history.len()].0.clone(),
                Event::Hide(at) => {
                    let name = world.files.keys().nth(at % world.files.len()).unwrap().clone();
                    world.files.remove(&name);
                }
                Event::Flip(at, byte) => {
                    let bytes = world.files.values_mut().nth(at % honest.len()).unwrap();
                    let byte = byte % bytes.len();
                    bytes[byte] ^= 2;
                }
                Event::Cache(gone) => {
                    world.cache = if gone { Default::default() } else { history[0].1.clone() };
                }
                Event::AddKeys | Event::Rotate => {
                    spare += 3;
                    let mut team = world.team.clone();
                    if matches!(event, Event::Rotate) {
                        (team.timestamp, team.snapshot) = (vec![spare], vec![spare + 1]);
                        next = 1;
                    } else {
                        team.timestamp.push(spare);
                    }
                    world.rotate(team, &[1, 2], day(365));
                    world.release(next);
                    next += 1;
                    history.push((world.files.clone(), world.cache.clone()));
                }
            }
            let before = world.memory.versions().unwrap();
            let keys = |memory: &Memory| {
                let root: serde_json::Value = serde_json::from_slice(memory.root()).unwrap();
                let ids = |role: &str| root["signed"]["roles"][role]["keyids"].as_array().unwrap().clone();
                [ids("timestamp"), ids("snapshot")].concat()
            };
            let old_keys = keys(&world.memory);
            let refreshed = world.refresh(0).is_ok();
            let after = world.memory.versions().unwrap();
            let lost = old_keys.iter().any(|id| !keys(&world.memory).contains(id));
            for (role, version) in &before {
                let kept = after.get(role).is_some_and(|after| after >= version);
                prop_assert!(kept || lost && role != "root", "{role} fell from {version}: {after:?}");
            }
            if refreshed {
                prop_assert!(world.memory.standing(day(0)).unwrap().grants());
            }
            // Trouble on the way passes; the next refresh sees the honest files.
            if !matches!(event, Event::Release | Event::AddKeys | Event::Rotate) {
                world.files = honest;
            }
        }
    }
}
