//! Metadata of trust roots: what it says can be had only with signatures, and
//! what is signed has one form.

use super::shown;
use skill_trust::model::time::Timestamp as Time;
use skill_trust::model::tuf::publish::{DelegationPlan, Draft, FilePlan, RootPlan, Seal, Signers};
use skill_trust::model::tuf::{
    Metadata, Pattern, Role, Root, SecretKey, Snapshot, Targets, Timestamp, Trusted, Unverified, Value,
};
use std::sync::LazyLock;

/// A whole small repository, signed.
pub(crate) struct World {
    root: Trusted<Root>,
    /// Root, timestamp, snapshot, targets.
    pub(crate) files: [Vec<u8>; 4],
}

pub(crate) static WORLD: LazyLock<World> = LazyLock::new(|| {
    let (one, two) = (SecretKey::ed25519(&[7; 32]), SecretKey::p256(&[9; 32]).unwrap());
    let publics = [one.public().unwrap(), two.public().unwrap()];
    let by = |keys: &[_], threshold| Signers { keys: keys.to_vec(), threshold };
    let until = Time::from_unix(1_900_000_000);
    let plan = RootPlan {
        root: by(&publics, 2),
        timestamp: by(&publics[..1], 1),
        snapshot: by(&publics[..1], 1),
        targets: by(&publics[..1], 1),
    };
    let root = Draft::first_root(&plan, until).unwrap().sign(&one).unwrap().sign(&two).unwrap().to_bytes();
    let delegation = DelegationPlan {
        name: "acme".to_owned(),
        signers: by(&publics[1..], 1),
        paths: vec![Pattern::parse("skills/acme/*").unwrap()],
        terminating: true,
    };
    let file = FilePlan { path: "kill-orders.json", bytes: b"{}", custom: None };
    let targets = Draft::targets(1, until, &[file], &[delegation]).unwrap().sign(&one).unwrap().to_bytes();
    let seal = Seal {
        version: 1,
        snapshot_expires: until,
        timestamp_expires: until,
        snapshot_keys: &[&one],
        timestamp_keys: &[&one],
    };
    let all = seal.release(&[("targets".to_owned(), targets.clone())]).unwrap();
    let named = |end: &str| all.iter().find(|(name, _)| name.ends_with(end)).unwrap().1.clone();
    let files = [root.clone(), named("timestamp.json"), named("snapshot.json"), targets];
    World { root: Unverified::<Root>::parse(&root).unwrap().verify_pinned().unwrap(), files }
});

/// What of a file is signed, in the form in which it is.
fn signed(bytes: &[u8]) -> Vec<u8> {
    let Ok(Value::Map(file)) = Value::parse(bytes) else { panic!("no object") };
    file["signed"].canonical()
}

/// The first byte says which role is asked for; the rest is the file.
pub(crate) fn metadata(data: &[u8]) {
    let Some((kind, file)) = data.split_first() else { return };
    let root = WORLD.root.get();
    match kind & 3 {
        0 => role::<Root>(file, 0, &root.root),
        1 => role::<Timestamp>(file, 1, &root.timestamp),
        2 => role::<Snapshot>(file, 2, &root.snapshot),
        _ => role::<Targets>(file, 3, &root.targets),
    }
}

fn role<T: Metadata>(file: &[u8], which: usize, role: &Role) {
    let read = match Unverified::<T>::parse(file) {
        Ok(read) => read,
        Err(fault) => return shown(&fault.to_string()),
    };
    let value = Value::parse(file).unwrap();
    let written = value.to_json();
    assert_eq!(Value::parse(&written).as_ref(), Ok(&value), "written and read again");
    let canonical = value.canonical();
    if canonical.iter().all(|byte| *byte >= b' ') {
        assert_eq!(Value::parse(&canonical).map(|again| again.canonical()), Ok(canonical));
    }
    assert!(Unverified::<T>::parse(&written).is_ok());
    let nobody = Role { keyids: role.keyids.clone(), threshold: 0 };
    assert!(Unverified::<T>::parse(&written).unwrap().verify(&WORLD.root.get().keys, &nobody).is_err());
    if let Ok(trusted) = read.verify(&WORLD.root.get().keys, role) {
        // Nobody here can sign: what is signed is what was.
        assert_eq!(signed(trusted.bytes()), signed(&WORLD.files[which]));
    }
}
