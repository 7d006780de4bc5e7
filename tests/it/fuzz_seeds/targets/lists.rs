//! What takes trust away on a trust root's word, its two lists and its
//! advisories: an entry is understood, or the whole file is refused; none is lost.

use super::{BARE, name, now, shown};
use skill_trust::model::digest::Digest;
use skill_trust::model::source::{Source, SourceKind};
use skill_trust::model::time::Timestamp;
use skill_trust::model::tuf::Value;
use skill_trust::model::tuf::advisory::{Advisory, DIGESTS, ECOSYSTEM, Event};
use skill_trust::model::tuf::lists::{Kind, Subject, kill_orders, revocations};
use skill_trust::policy::provenance::tuf::signers;
use skill_trust::policy::provenance::withdrawn::Feed;
use skill_trust::policy::provenance::withdrawn::advisory::{Seen, judge};
use std::collections::BTreeSet;

/// How many entries another reader counts.
fn count(data: &[u8], name: &str) -> usize {
    let other: serde_json::Value = serde_json::from_slice(data).unwrap();
    other[name].as_array().unwrap().len()
}

/// Both lists, of the same bytes.
pub(crate) fn lists(data: &[u8]) {
    match revocations(data) {
        Err(fault) => shown(&fault.to_string()),
        Ok(list) => {
            assert_eq!(list.len(), count(data, "revocations"));
            assert_eq!(revocations(&Value::parse(data).unwrap().to_json()).as_ref(), Ok(&list));
            let revoked = signers(&list, "feed");
            for one in &list {
                let Subject::Signer(signer) = &one.subject else { continue };
                assert!(matches!(one.kind, Kind::Retired | Kind::Compromised), "{one:?}");
                // Without evidence of its time nothing escapes a revocation.
                let verdict = revoked.judge(signer, now(), true).unwrap_err();
                shown(&verdict.to_string());
            }
        }
    }
    match kill_orders(data) {
        Err(fault) => shown(&fault.to_string()),
        Ok(list) => {
            assert_eq!(list.orders.len(), count(data, "orders"));
            assert_eq!(kill_orders(&Value::parse(data).unwrap().to_json()).as_ref(), Ok(&list));
        }
    }
}

/// An advisory of a fixed id: as many entries of ours as another reader counts,
/// and what it covers does not depend on how it is written.
pub(crate) fn advisory(data: &[u8]) {
    let read = match Advisory::read("SKA-1", data) {
        Err(fault) => return shown(&fault.to_string()),
        Ok(read) => read,
    };
    let other: serde_json::Value = serde_json::from_slice(data).unwrap();
    let ours = |entry: &&serde_json::Value| {
        let package = &entry["package"];
        package.is_null() || package["ecosystem"].as_str().unwrap().eq_ignore_ascii_case(ECOSYSTEM)
    };
    let none = Vec::new();
    let entries = other["affected"].as_array().unwrap_or(&none).iter().filter(ours);
    assert_eq!(read.affected.len(), entries.count());
    let texts = other["database_specific"][DIGESTS].as_array().unwrap_or(&none).iter();
    let digests: BTreeSet<_> = texts.map(|text| Digest::parse(text.as_str().unwrap()).unwrap()).collect();
    assert_eq!(digests, read.digests);
    let again = Value::parse(data).unwrap().to_json();
    assert_eq!(Advisory::read("SKA-1", &again).as_ref(), Ok(&read));
    assert!(Advisory::read("SKA-2", data).is_err());
    for range in read.affected.iter().flat_map(|entry| &entry.ranges) {
        assert!(range.events.iter().any(|(event, _)| *event == Event::Introduced), "{range:?}");
    }
    if let Err(fault) = Advisory::to_publish("SKA-1", data, None) {
        shown(&fault.to_string());
    }
    covers(&read);
}

/// What it says of the one skill that all targets know, whichever version and
/// commit that has.
fn covers(read: &Advisory) {
    let commit = "0123456789abcdef0123456789abcdef01234567".to_owned();
    let source = |commit| Source {
        commit,
        kind: SourceKind::Git,
        location: "https://git.example/acme/tools".to_owned(),
        path: None,
        reference: None,
    };
    let feeds = [Feed { root: "team".to_owned(), advisories: vec![read.clone()], ..Feed::default() }];
    let at = Timestamp::from_unix(1_795_000_000);
    let ask = |version: Option<&str>, source: &Source| {
        let found = judge(&feeds, &Seen { digest: &BARE, names: vec![name()], source, version, now: at });
        if let Some(found) = &found {
            assert!(found.narrows && !read.is_withdrawn(at));
            shown(&found.why);
            found.advisory.as_ref().unwrap().fixed.iter().for_each(|one| shown(one));
        }
        found.is_some()
    };
    let (known, unknown) = (source(Some(commit)), source(None));
    for version in ["1.4.1", "1.4.1+x", "1.4.2", "2.0.0-rc.1"] {
        // What follows a `+` decides nothing, nor does a `v`.
        if !read.affected.iter().any(|entry| entry.versions.iter().any(|one| one.contains(['+', 'v']))) {
            assert_eq!(ask(Some(version), &known), ask(Some(&format!("v{version}")), &known), "{version}");
            let bare = version.split('+').next().unwrap();
            assert_eq!(ask(Some(version), &known), ask(Some(bare), &known), "{version}");
        }
        // Who knows nothing is covered wherever somebody who knows is.
        assert!(!ask(Some(version), &known) || ask(None, &unknown), "{version}");
    }
    assert!(!ask(Some("no version"), &unknown) || ask(None, &unknown));
    assert!(!read.digests.contains(&BARE) || read.is_withdrawn(at) || ask(Some("1.4.2"), &known));
}
