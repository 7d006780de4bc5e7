//! python-tuf 7.0.1 and securesystemslib 1.6.0 as judges: they read what we
//! write, we read what they write, and we refuse what they refuse.
//!
//! `scripts/interop-tools` installs them; `scripts/test` calls it.

use super::world::{World, bent, day, delegation, key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use skill_trust::model::digest::sha256;
use skill_trust::model::tuf::Value as Json;
use skill_trust::policy::provenance::tuf::Memory;
use std::collections::BTreeMap;

/// Asks the other side, many questions at once.
pub(crate) fn ask(requests: &[Value]) -> Vec<Value> {
    crate::support::interop::ask("tuf/python_tuf.py", requests)
}

fn request(world: &World, root: &[u8], at: i64, target: &str) -> Value {
    let mut files = BTreeMap::new();
    files.extend(world.files.iter().map(|(name, bytes)| (format!("metadata/{name}"), BASE64.encode(bytes))));
    files.extend(world.targets.iter().map(|(name, bytes)| (format!("targets/{name}"), BASE64.encode(bytes))));
    json!({"do": "client", "root": BASE64.encode(root), "files": files, "now": day(at).unix(), "target": target})
}

/// What we say, in the other side's words.
fn ours(world: &World, at: i64, target: &str) -> (&'static str, String) {
    let mut world = world.clone();
    let mut client = match world.refresh(at) {
        Ok(client) => client,
        Err(fault) => return ("refused", fault.to_string()),
    };
    match world.find(&mut client, target) {
        Err(fault) => ("refused", fault.to_string()),
        Ok(None) => ("none", String::new()),
        Ok(Some(found)) => match world.targets.get(&found.place).map(|bytes| found.check(bytes)) {
            Some(Ok(())) => ("found", String::new()),
            Some(Err(fault)) => ("refused", fault.to_string()),
            None => ("refused", "no such file".to_owned()),
        },
    }
}

/// A team's repository with everything in it.
fn team() -> World {
    let mut world = World::new();
    let acme = delegation("acme", 41, &["anchors/acme*"], true);
    let others = delegation("others", 42, &["anchors/*"], false);
    world.list(2, &[("policy.toml", b"policy")], &[acme, others]);
    world.role("acme", 1, &[41], &[("anchors/acme.pem", b"acme's")], &[]);
    world.role("others", 1, &[42], &[("anchors/other.pem", b"another's")], &[]);
    world.rotate(world.team.clone(), &[1, 2], day(365));
    world.seal(2);
    world
}

#[test]
fn python_tuf_reads_what_we_write() {
    let world = team();
    let cases = [
        (0, "policy.toml", "found"),
        (0, "anchors/acme.pem", "found"),
        (0, "anchors/other.pem", "found"),
        (0, "anchors/none.pem", "none"),
        // The timestamp ends on day 7, to the second.
        (6, "policy.toml", "found"),
        (7, "policy.toml", "refused"),
    ];
    let requests: Vec<_> =
        cases.iter().map(|(at, target, _)| request(&world, world.root(1), *at, target)).collect();
    for ((at, target, wanted), answer) in cases.iter().zip(ask(&requests)) {
        assert_eq!(answer["is"], *wanted, "{target} on day {at}: {answer}");
        assert_eq!(ours(&world, *at, target).0, *wanted, "{target} on day {at}");
    }
}

#[test]
fn a_repository_without_consistent_snapshots_is_read_alike() {
    let mut world = loose();
    world.bend("2.root.json", &[1, 2], |root| root["consistent_snapshot"] = json!(false));
    for role in ["snapshot", "targets", "acme", "others"] {
        let from =
            world.files.keys().filter(|name| name.ends_with(&format!(".{role}.json"))).max().unwrap().clone();
        let bytes = world.files[&from].clone();
        world.files.retain(|name, _| !name.ends_with(&format!(".{role}.json")));
        world.files.insert(format!("{role}.json"), bytes);
    }
    world.targets = BTreeMap::from([("anchors/acme.pem".to_owned(), b"acme's".to_vec())]);
    let answer = &ask(&[request(&world, world.root(1), 0, "anchors/acme.pem")])[0];
    assert_eq!(answer["is"], "found", "{answer}");
    assert_eq!(ours(&world, 0, "anchors/acme.pem"), ("found", String::new()));
    let mut client = world.refresh(0).unwrap();
    assert_eq!(
        world.asked,
        ["2.root.json", "3.root.json", "timestamp.json", "snapshot.json", "targets.json"]
    );
    let found = world.find(&mut client, "anchors/acme.pem").unwrap().unwrap();
    assert_eq!(found.place, "anchors/acme.pem");
}

#[test]
fn we_read_what_python_tuf_writes() {
    let answer = &ask(&[json!({"do": "write", "expires": day(30).unix()})])[0];
    let bytes = |value: &Value| BASE64.decode(value.as_str().unwrap()).unwrap();
    let root = bytes(&answer["root"]);
    let mut world = World::new();
    world.files.clear();
    world.targets.clear();
    for (name, file) in answer["files"].as_object().unwrap() {
        let (folder, name) = name.split_once('/').unwrap();
        let to = if folder == "metadata" { &mut world.files } else { &mut world.targets };
        to.insert(name.to_owned(), bytes(file));
    }
    world.memory = Memory::bootstrap(&root, sha256(&[&root])).unwrap();
    let mut client = world.refresh(0).unwrap();
    for (role, wanted) in [("root", 2), ("timestamp", 9), ("snapshot", 7), ("targets", 5)] {
        assert_eq!(world.version(role), Some(wanted), "{role}");
    }
    for (path, role, text) in [
        ("policy.toml", "targets", "by targets"),
        ("anchors/acme.pem", "acme", "by acme"),
        ("bins/é x.bin", "bins", "by bins"),
    ] {
        let found = world.find(&mut client, path).unwrap().unwrap_or_else(|| panic!("{path}"));
        assert_eq!((found.role.as_str(), world.target(&found).as_slice()), (role, text.as_bytes()));
    }
    assert_eq!(world.find(&mut client, "anchors/acme.txt").unwrap(), None);
    // Written by them, changed on the way.
    for name in ["timestamp.json", "7.snapshot.json", "5.targets.json", "2.root.json"] {
        let mut changed = world.clone();
        changed.memory = Memory::bootstrap(&root, sha256(&[&root])).unwrap();
        changed.cache.clear();
        let text = String::from_utf8(changed.files[name].clone()).unwrap().replacen("2026", "2027", 1);
        changed.files.insert(name.to_owned(), text.into_bytes());
        assert!(changed.refresh(0).is_err(), "{name}");
    }
}

#[test]
fn securesystemslib_has_the_same_canonical_form_and_the_same_key_ids() {
    let mut values: Vec<Value> = [
        json!({"b": 1, "a": [true, false, null], "": {}}),
        json!("line\nbreak \"quoted\" back\\slash \u{0}\u{7f}é🙂"),
        json!({"é": 1, "z": 2, "\u{ffff}": 3, "🙂": 4, "Z": 5, "a\"b": 6}),
        json!([-9_223_372_036_854_775_808_i64, 9_223_372_036_854_775_807_i64, 0, -1]),
    ]
    .into();
    let world = team();
    values.extend(world.files.values().map(|bytes| serde_json::from_slice(bytes).unwrap()));
    let requests: Vec<_> = values.iter().map(|value| json!({"do": "canonical", "value": value})).collect();
    for (value, answer) in values.iter().zip(ask(&requests)) {
        let mine = Json::parse(&serde_json::to_vec(value).unwrap()).unwrap().canonical();
        let theirs = BASE64.decode(answer["canonical"].as_str().unwrap()).unwrap();
        assert_eq!(String::from_utf8_lossy(&mine), String::from_utf8_lossy(&theirs));
    }
    let keys: Vec<_> = (1..7).map(|number| key(number).public().unwrap()).collect();
    let requests: Vec<_> = keys
        .iter()
        .map(|key| {
            let object: Value = serde_json::from_slice(&key.object().to_json()).unwrap();
            json!({"do": "keyid", "key": object})
        })
        .collect();
    for (key, answer) in keys.iter().zip(ask(&requests)) {
        let theirs = Json::parse(&serde_json::to_vec(&answer["key"]).unwrap()).unwrap();
        let theirs = skill_trust::model::tuf::PublicKey::read(&theirs).unwrap();
        assert_eq!(theirs.content(), key.content());
        // python-tuf hashes its key object, whose PEM text may end otherwise.
        assert_eq!(theirs.id().as_str(), answer["id"].as_str().unwrap(), "{answer}");
    }
}

/// A repository that lists versions alone, so that each file can be bent
/// without the others noticing by its hash.
fn loose() -> World {
    let mut world = team();
    world.bend("2.snapshot.json", &[5], |file| {
        let meta = file["meta"].as_object_mut().unwrap();
        meta.values_mut().for_each(|entry| *entry = json!({"version": entry["version"]}));
    });
    world.bend("timestamp.json", &[4], |file| file["meta"]["snapshot.json"] = json!({"version": 2}));
    world
}

/// Every place in a JSON value.
fn places(value: &Value, here: &str, out: &mut Vec<String>) {
    let below = |name: &str| format!("{here}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| {
            out.push(below(name));
            places(value, &below(name), out);
        }),
        Value::Array(list) => list.iter().enumerate().for_each(|(at, value)| {
            out.push(below(&at.to_string()));
            places(value, &below(&at.to_string()), out);
        }),
        _ => {}
    }
}

fn removed(value: &mut Value, place: &str) {
    let (parent, name) = place.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(parent).unwrap() {
        Value::Object(map) => drop(map.remove(&name)),
        Value::Array(list) => drop(list.remove(name.parse().unwrap())),
        _ => unreachable!(),
    }
}

/// Files, and who signs them.
const SIGNED: [(&str, &[u8]); 5] = [
    ("2.root.json", &[1, 2]),
    ("timestamp.json", &[4]),
    ("2.snapshot.json", &[5]),
    ("2.targets.json", &[6]),
    ("1.acme.json", &[41]),
];

/// Every value of every file replaced, removed or doubled, and signed anew by
/// those who may: what is judged is the form, not the signature.
fn mutations() -> Vec<(String, World)> {
    let good = loose();
    let mut all = Vec::new();
    for (name, keys) in SIGNED {
        let file: Value = serde_json::from_slice(&good.files[name]).unwrap();
        let mut found = Vec::new();
        places(&file["signed"], "", &mut found);
        for place in found {
            let old = file["signed"].pointer(&place).unwrap().clone();
            let mut with = |what: String, change: &dyn Fn(&mut Value)| {
                let mut world = good.clone();
                world.files.insert(name.to_owned(), bent(&good.files[name], keys, |signed| change(signed)));
                all.push((format!("{name} {place} {what}"), world));
            };
            with("removed".to_owned(), &|signed| removed(signed, &place));
            for new in [
                json!(null),
                json!(true),
                json!(0),
                json!(1),
                json!(-1),
                json!(3),
                json!(""),
                json!("x"),
                json!([]),
                json!({}),
                json!(["x"]),
                json!({"x": 1}),
                json!(i64::MAX),
                json!("2030-01-01T00:00:00Z"),
                json!("2030-1-1T0:0:0Z"),
                json!("1.5"),
                json!("a/**"),
                json!("a[b]"),
            ] {
                if new != old {
                    with(format!("is {new}"), &|signed| *signed.pointer_mut(&place).unwrap() = new.clone());
                }
            }
            if let Value::Array(list) = &old
                && let Some(first) = list.first()
            {
                with("first twice".to_owned(), &|signed| {
                    signed.pointer_mut(&place).unwrap().as_array_mut().unwrap().push(first.clone());
                });
            }
            if old.is_object() {
                with("and more".to_owned(), &|signed| {
                    signed.pointer_mut(&place).unwrap()["more"] = json!([1])
                });
            }
        }
    }
    all
}

/// Where python-tuf takes what we refuse, and why we do; each is in
/// `docs/conformance-tuf.md`. A part of our message, and the reason.
const STRICTER: &[(&str, &str)] = &[
    ("an id is the hash of its key", "section 4.3 says MUST; python-tuf leaves it to its users"),
    ("is no key id of 64 hex digits", "the same"),
    ("the pattern `", "a pattern that other readers read otherwise"),
    ("neither true nor false", "types are checked"),
    ("is not an integer of at least", "types are checked"),
    ("is not a list", "types are checked"),
    ("is not a text", "types are checked"),
    ("an ed25519 key that is", "a key that verifies nothing is refused when it is read"),
];

#[test]
fn we_refuse_what_python_tuf_refuses_over_a_generated_set() {
    let good = loose();
    assert_eq!(ours(&good, 0, "anchors/acme.pem").0, "found");
    let cases = mutations();
    let requests: Vec<_> =
        cases.iter().map(|(_, world)| request(world, world.root(1), 0, "anchors/acme.pem")).collect();
    let (mut agreed, mut stricter, mut faults) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for ((name, world), answer) in cases.iter().zip(ask(&requests)) {
        let (mine, why) = ours(world, 0, "anchors/acme.pem");
        let theirs = answer["is"].as_str().unwrap();
        if mine == theirs {
            *agreed.entry(mine).or_insert(0) += 1;
        } else if mine == "refused" {
            match STRICTER.iter().find(|(part, _)| why.contains(part)) {
                Some((part, _)) => *stricter.entry(*part).or_insert(0) += 1,
                None => faults.push(format!("{name}: they say {theirs}, we refuse: {why}")),
            }
        } else {
            faults.push(format!("{name}: we say {mine}, they say {answer}"));
        }
    }
    println!("{} cases; agreed {agreed:?}; stricter {stricter:?}", cases.len());
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
    // The page says how many, and so it stays true.
    let page = include_str!("../../../docs/conformance-tuf.md");
    let count = cases.len();
    let said = format!("{},{:03} changed repositories", count / 1000, count % 1000);
    assert!(page.contains(&said), "docs/conformance-tuf.md should say: {said}");
    let said = format!("we refuse {} more", stricter.values().sum::<i32>());
    assert!(page.contains(&said), "docs/conformance-tuf.md should say: {said}");
    let unused: Vec<_> = STRICTER.iter().filter(|(part, _)| !stricter.contains_key(part)).collect();
    assert!(unused.is_empty(), "no case shows {unused:?}");
    assert!(cases.len() > 1_000 && agreed["found"] > 50 && agreed["refused"] > 500, "{agreed:?}");
}

/// The differences that `docs/conformance-tuf.md` names and that the generated
/// set does not reach, seen on both sides.
#[test]
fn each_difference_that_the_page_names_is_there() {
    let good = team();
    let mut cases: Vec<(&str, &str, &str, World)> = Vec::new();

    // One key under two ids, once as "note": the threshold of two is one holder.
    let mut world = loose();
    let mut twin = String::new();
    world.bend("2.root.json", &[1, 2], |root| {
        let id = root["roles"]["timestamp"]["keyids"][0].as_str().unwrap().to_owned();
        let mut object = root["keys"][&id].clone();
        object["note"] = json!("twin");
        twin = sha256(&[&Json::parse(&serde_json::to_vec(&object).unwrap()).unwrap().canonical()]).hex();
        root["keys"][&twin] = object;
        root["roles"]["timestamp"]["keyids"] = json!([id, twin]);
        root["roles"]["timestamp"]["threshold"] = json!(2);
    });
    let mut file: Value = serde_json::from_slice(&world.files["timestamp.json"]).unwrap();
    let sig = file["signatures"][0]["sig"].clone();
    file["signatures"].as_array_mut().unwrap().push(json!({"keyid": twin, "sig": sig}));
    world.files.insert("timestamp.json".to_owned(), serde_json::to_vec(&file).unwrap());
    cases.push(("one key under two ids", "refused", "found", world));

    let mut world = loose();
    let roles = |root: &mut Value| root["roles"]["mirrors"] = json!({"keyids": [], "threshold": 1});
    world.bend("2.root.json", &[1, 2], roles);
    cases.push(("the role mirrors", "found", "refused", world));

    let mut world = good.clone();
    let text = String::from_utf8(world.files["timestamp.json"].clone()).unwrap();
    let twice = text.replacen("\"_type\"", "\"_type\":\"root\",\"_type\"", 1);
    world.files.insert("timestamp.json".to_owned(), twice.into_bytes());
    cases.push(("a name twice", "refused", "found", world));

    // FIPS 180-4: SHA-384 of `abc`.
    let hash =
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7";
    let mut world = loose();
    world.bend("1.acme.json", &[41], |file| {
        file["targets"]["anchors/acme.pem"] = json!({"length": 3, "hashes": {"sha384": hash}});
    });
    world.targets.insert(format!("anchors/{hash}.acme.pem"), b"abc".to_vec());
    cases.push(("SHA-384", "refused", "found", world));

    let mut world = loose();
    let more = |file: &mut Value| file["meta"]["more.json"] = json!({"version": 1});
    world.bend("timestamp.json", &[4], more);
    cases.push(("more than the snapshot in a timestamp", "refused", "refused", world));

    let mut world = loose();
    world.bend("2.snapshot.json", &[5], |file| {
        drop(file["meta"].as_object_mut().unwrap().remove("acme.json"))
    });
    cases.push(("a delegated role that is not listed", "refused", "refused", world));

    let requests: Vec<_> =
        cases.iter().map(|(_, _, _, world)| request(world, world.root(1), 0, "anchors/acme.pem")).collect();
    for ((what, mine, theirs, world), answer) in cases.iter().zip(ask(&requests)) {
        let (is, why) = ours(world, 0, "anchors/acme.pem");
        assert_eq!(is, *mine, "{what}: {why}");
        assert_eq!(answer["is"], *theirs, "{what}: {answer}");
    }
}
