//! Texts of ours and of skills: one reading, and what is written is what was
//! read.

use super::shown;
use skill_trust::model::address::special;
use skill_trust::model::canonical::is_canonical;
use skill_trust::model::card::{Card, FRONT_MATTER_MAX};
use skill_trust::model::claim::{LOCK_FILES, from_card, origin};
use skill_trust::model::decision::GateRequest;
use skill_trust::model::limits::Limits;
use skill_trust::model::note::{self, Signer, TreeHead, Verifier};
use skill_trust::model::permit::{HomePermit, SkillPermit};
use skill_trust::model::record::{Link, Record};
use skill_trust::model::source::{SourceSpec, covers, is_reference};
use skill_trust::model::text::is_hidden;
use skill_trust::policy::config::Policy;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// A card: one reading for name and description, whatever stands in the body.
pub(crate) fn card(data: &[u8]) {
    let card = match Card::parse(data) {
        Ok(card) => card,
        Err(faults) => {
            assert!((1..=50).contains(&faults.len()));
            return faults.iter().for_each(|fault| shown(&fault.to_string()));
        }
    };
    card.notes.iter().for_each(|note| shown(&note.to_string()));
    assert!(!card.description.trim().is_empty());
    let text = std::str::from_utf8(data).unwrap();
    let front = text.lines().skip(1).take_while(|line| *line != "---");
    assert!(front.clone().map(|line| line.len() + 1).sum::<usize>() <= FRONT_MATTER_MAX + 4096);
    // A reader that goes line by line, as agents have it.
    let named: Vec<_> = front.filter_map(|line| line.strip_prefix("name:")).collect();
    match (&card.raw_name, named.as_slice()) {
        (None, []) => assert!(card.name.is_err()),
        (None, [value]) => assert!(card.name.is_err(), "`{value}`"),
        (Some(name), [value]) => {
            let value = value.split(" #").next().unwrap_or_default().trim();
            let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            let inner = inner.or_else(|| value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')));
            if card.name.is_ok() {
                assert_eq!(inner.unwrap_or(value), name, "two readings of the name");
            }
        }
        other => panic!("{other:?}"),
    }
    if let Ok(name) = &card.name {
        assert_eq!(Some(name.as_str()), card.raw_name.as_deref());
    }
    if data.ends_with(b"\n") {
        let longer = [data, b"name: other\n---\ndescription: other\n"].concat();
        let same = Card::parse(&longer).unwrap();
        assert_eq!(
            (&same.name, &same.description, &same.extensions, &same.metadata, same.body_line),
            (&card.name, &card.description, &card.extensions, &card.metadata, card.body_line),
        );
    }
    let _ = from_card(&card);
}

/// A record: what is parsed is written as the same line.
pub(crate) fn record(data: &[u8]) {
    let record = match Record::parse(data) {
        Ok(record) => record,
        Err(_) => {
            let _ = Link::parse(data);
            return;
        }
    };
    assert_eq!(record.line().unwrap().as_bytes(), data);
    assert!(is_canonical(std::str::from_utf8(data).unwrap()));
    assert_eq!(Link::parse(data), Ok(Link::from(&record)));
}

/// The key of the log in here.
static LOG: LazyLock<(Signer, String)> = LazyLock::new(|| {
    let signer = Signer::from_seed("skill-trust/0123456789abcdef0123456789abcdef", &[7; 32]).unwrap();
    let head = TreeHead {
        origin: "skill-trust/0123456789abcdef0123456789abcdef".to_owned(),
        size: 7,
        root: super::BARE,
    };
    let note = signer.sign(&head.text()).unwrap();
    (signer, note)
});

/// A note that is signed, for seeds.
pub(crate) fn signed_note() -> String {
    LOG.1.clone()
}

/// A note: its text is what was signed; keys and heads have one form.
pub(crate) fn note(data: &[u8]) {
    let (signer, signed) = &*LOG;
    match note::open(data, &[signer.verifier()]) {
        Err(fault) => shown(&fault.to_string()),
        Ok(opened) => assert!(signed.starts_with(&format!("{}\n", opened.text))),
    }
    assert!(note::open(data, &[]).is_err());
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(head) = TreeHead::parse(text) {
        assert_eq!(head.text(), text);
    }
    match Verifier::parse(text) {
        Err(fault) => shown(&fault.to_string()),
        Ok(key) => assert_eq!(key.to_string(), text),
    }
    match Signer::parse(text) {
        Err(fault) => shown(&fault.to_string()),
        Ok(key) => assert_eq!(key.secret_text(), text),
    }
}

/// Permits: what is parsed is written as the same text.
pub(crate) fn permit(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(permit) = HomePermit::parse(text) {
        assert_eq!(permit.text(), text);
    }
    if let Some(permit) = SkillPermit::parse(text) {
        assert_eq!(permit.text(), text);
        for end in 0..text.len() {
            assert!(
                !text.is_char_boundary(end) || SkillPermit::parse(&text[..end]).is_none(),
                "cut at {end}"
            );
        }
    }
}

/// A policy file: a later one only tightens, and no limit goes over the ceiling.
pub(crate) fn policy(data: &[u8]) {
    const FIRST: &str = "[sources]\nallow = [\"https://git.example/acme/\"]\ndeny = [\"https://git.example/acme/evil\"]\n[limits]\nfiles = 100\n";
    let Ok(text) = std::str::from_utf8(data) else { return };
    let policy = match Policy::read(&[("f", text.to_owned())]) {
        Ok(policy) => policy,
        Err(_) => return,
    };
    let (limits, most) = (policy.limits, Limits::CEILING);
    assert!(limits.files <= most.files && limits.total <= most.total && limits.file <= most.file);
    assert!(limits.depth <= most.depth && limits.path <= most.path);
    let Ok(both) = Policy::read(&[("first", FIRST.to_owned()), ("later", text.to_owned())]) else { return };
    assert_eq!(both.limits.files, 100);
    let first = Policy::read(&[("first", FIRST.to_owned())]).unwrap();
    for place in
        ["https://git.example/acme/x", "https://git.example/acme/evil", "https://other.example/x", "/x"]
    {
        assert!(both.check_source(place).is_err() || first.check_source(place).is_ok(), "{place}");
        assert!(both.check_source(place).is_err() || policy.check_source(place).is_ok(), "{place}");
    }
}

/// A gateway's question: what it says is what is echoed, and no member is
/// passed over.
pub(crate) fn request(data: &[u8]) {
    let Ok(request) = serde_json::from_slice::<GateRequest>(data) else { return };
    let text = serde_json::to_vec(&request).unwrap();
    let again: GateRequest = serde_json::from_slice(&text).unwrap();
    assert_eq!(serde_json::to_vec(&again).unwrap(), text);
    let value: serde_json::Value = serde_json::from_slice(data).unwrap();
    let known = ["schema", "skill", "question", "path", "head", "request_id", "gateway", "deadline_ms"];
    if let Some(members) = value.as_object() {
        assert!(members.keys().all(|name| known.contains(&name.as_str())));
    }
}

/// A typed source and an address.
pub(crate) fn source(data: &[u8]) {
    if let Ok(bytes) = <[u8; 16]>::try_from(data) {
        let wide = Ipv6Addr::from(bytes);
        if let Some(narrow) = wide.to_ipv4_mapped() {
            assert_eq!(special(IpAddr::V6(wide)).is_some(), special(IpAddr::V4(narrow)).is_some());
        }
        let _ = special(IpAddr::V6(wide));
        let [a, b, c, d, ..] = bytes;
        let narrow = Ipv4Addr::new(a, b, c, d);
        if narrow.is_private() || narrow.is_loopback() || narrow.is_link_local() || narrow.is_multicast() {
            assert!(special(IpAddr::V4(narrow)).is_some(), "{narrow}");
        }
    }
    let Ok(typed) = std::str::from_utf8(data) else { return };
    let spec = match SourceSpec::parse(typed, |_| false) {
        Ok(spec) => spec,
        Err(fault) => return shown(&fault.to_string()),
    };
    let reference = match &spec {
        SourceSpec::Git { reference, .. } => reference.as_deref(),
        _ => None,
    };
    assert!(reference.is_none_or(is_reference));
    let Some(url) = spec.address() else { return };
    assert!(!url.chars().any(is_hidden) && !url.contains(['?', '#', '\\', ' ', '%']), "{url}");
    assert!(!url.starts_with('-') && !url.contains("/../") && !url.ends_with("/.."), "{url}");
    if let Some(rest) = url.strip_prefix("https://") {
        assert!(!rest.split('/').next().unwrap().contains('@'), "a name or password in {url}");
    }
    // What is recorded is read as the same place.
    let again = SourceSpec::parse(url, |_| false).unwrap_or_else(|fault| panic!("{url}: {fault}"));
    assert_eq!(again.address(), Some(url));
    assert!(covers(url, url));
}

/// What other tools say of a skill's origin: read or not, nothing more.
pub(crate) fn claims(data: &[u8]) {
    for file in LOCK_FILES {
        let claims = file.claims(data);
        assert!(claims.len() <= data.len(), "more claims than bytes");
    }
    if let Some(claim) = origin(data) {
        assert_eq!(claim.tool, "ClawHub");
    }
}
