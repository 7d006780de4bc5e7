//! Every fact is needed: the one base case that allows, and each fact changed.

use super::*;
use crate::model::digest::sha256;
use crate::model::lifecycle::{HoldScope, Placements};
use crate::model::provenance::Provenance;
use crate::model::record::{Actor, Draft, Place};
use crate::model::skill::SkillName;
use crate::model::source::{Source, SourceKind};

struct Case {
    question: Question,
    brake: Brake,
    epoch: u64,
    holds: Vec<Hold>,
    row: RevisionRow,
    permit: Option<SkillPermit>,
    proven: Option<Proven>,
    folders: Vec<Hashed>,
    named: Option<Hashed>,
    ended: Option<&'static str>,
    policy: Policy,
    now: Timestamp,
}

impl Case {
    fn decide(&self) -> Result<Evidence, No> {
        decide(&Facts {
            question: self.question,
            brake: &self.brake,
            epoch: self.epoch,
            holds: &self.holds,
            row: &self.row,
            permit: self.permit.as_ref(),
            proven: self.proven.as_ref(),
            folders: &self.folders,
            named: self.named.as_ref(),
            ended: self.ended,
            policy: &self.policy,
            now: self.now,
        })
    }

    fn permit(&mut self) -> &mut SkillPermit {
        self.permit.as_mut().unwrap()
    }

    fn record(&mut self) -> &mut Record {
        &mut self.proven.as_mut().unwrap().record
    }

    /// The pin of the row, to be changed.
    fn pin(&mut self) -> &mut Pin {
        match &mut self.row.lifecycle {
            Lifecycle::Trusted { pin } | Lifecycle::Enabled { pin, .. } => pin,
            Lifecycle::Installed { .. } => panic!("the base case has a pin"),
        }
    }
}

fn actor() -> Actor {
    Actor { uid: 1, user: "ana".into(), via: "cli".into() }
}

fn place(path: &str) -> Placement {
    Placement { agent: None, path: path.into(), staged: format!("{path}.staged") }
}

fn good(path: &str) -> Hashed {
    Hashed { path: path.into(), digest: Some(sha256(&[b"bytes"])), faults: vec![] }
}

/// Enabled at two places, with an end, in epoch 3.
fn base() -> Case {
    let name = SkillName::parse("pdf").unwrap();
    let digest = sha256(&[b"bytes"]);
    let revision = Revision { name: name.clone(), digest };
    let source = Source {
        commit: None,
        kind: SourceKind::Git,
        location: "https://h/acme/x".into(),
        path: None,
        reference: None,
    };
    let until = Some(Timestamp::from_unix(1000));
    let pin = Pin {
        at: Timestamp::from_unix(10),
        by: actor(),
        despite: Vec::new(),
        digest,
        name: name.clone(),
        note: None,
        provenance: Provenance { strangers: vec!["ana".into()], ..Provenance::default() },
        seq: 5,
        set: None,
        source: source.clone(),
        until,
        version: None,
    };
    let places = vec![place("/a/pdf"), place("/b/pdf")];
    let mut draft = Draft::new(actor(), "enable", Outcome::Done, "enabled");
    draft.skill = Some(name);
    draft.digest = Some(digest);
    draft.pin = Some(5);
    draft.until = until;
    draft.placements = places.clone();
    let state = sha256(&[b"state"]);
    let record = draft.finish(Place { seq: 7, prev: state, time: Timestamp::from_unix(20), epoch: 3, state });
    let hash = sha256(&[b"hash of the record"]);
    let placements = Placements::try_from(places.clone()).unwrap();
    Case {
        question: Question::Load,
        brake: Brake::Clear { epoch: 3 },
        epoch: 3,
        holds: vec![],
        row: RevisionRow {
            revision: revision.clone(),
            lifecycle: Lifecycle::Enabled { pin, placements },
            source: source.clone(),
            card_name: None,
            version: None,
            arrived: 1,
            installed: Timestamp::from_unix(1),
            files: 1,
            bytes: 5,
            seq: 7,
        },
        permit: Some(SkillPermit {
            revision,
            source: source.location,
            signers: vec!["ana".into()],
            epoch: 3,
            seq: 7,
            hash,
            until,
            placements: places,
        }),
        proven: Some(Proven { record, hash }),
        folders: vec![good("/a/pdf"), good("/b/pdf")],
        named: None,
        ended: None,
        policy: Policy::DEFAULT,
        now: Timestamp::from_unix(999),
    }
}

/// The same revision, trusted and asked to be switched on.
fn base_enable() -> Case {
    let mut case = base();
    let pin = case.pin().clone();
    case.row.lifecycle = Lifecycle::Trusted { pin };
    case.question = Question::Enable;
    case.permit = None;
    case.folders = vec![good("/home/store/x")];
    let record = case.record();
    record.event = "trust".into();
    record.seq = 5;
    case
}

fn other() -> Digest {
    sha256(&[b"other"])
}

fn fault(rule: Rule) -> Vec<Fault> {
    vec![Fault { path: "x".into(), rule }]
}

#[test]
fn the_base_cases_allow_and_name_what_was_hashed() {
    let evidence = base().decide().unwrap();
    assert_eq!((evidence.pin(), evidence.paths()), (5, &["/a/pdf".to_owned(), "/b/pdf".to_owned()][..]));
    assert_eq!(base_enable().decide().unwrap().paths(), ["/home/store/x"]);
    let mut named = base();
    named.named = Some(good("/b/pdf"));
    assert!(named.decide().is_ok());
}

type Change = fn(&mut Case);

/// One change each to the case that allows `load`, and the code it must give.
const LOAD: &[(&str, Change, Code)] = &[
    ("a kill of everything", |c| c.brake = Brake::Stopped("killed".into()), Code::HeldAll),
    ("a home permit of an older epoch", |c| c.brake = Brake::Clear { epoch: 2 }, Code::EpochDiffers),
    ("a home permit of a later epoch", |c| c.brake = Brake::Clear { epoch: 4 }, Code::EpochDiffers),
    ("a ledger of another epoch", |c| c.epoch = 2, Code::EpochDiffers),
    ("a hold on the name", |c| c.holds = hold(HoldScope::Name(SkillName::parse("pdf").unwrap())), Code::Held),
    ("a hold on the digest", |c| c.holds = hold(HoldScope::Digest(c.row.revision.digest)), Code::Held),
    ("a hold on the source", |c| c.holds = hold(HoldScope::Source("https://h/acme/x".into())), Code::Held),
    ("a hold on the signer", |c| c.holds = hold(HoldScope::Signer("ana".into())), Code::Held),
    ("never trusted", |c| c.row.lifecycle = Lifecycle::Installed { former: None }, Code::NotTrusted),
    (
        "trust withdrawn",
        |c| c.row.lifecycle = Lifecycle::Installed { former: Some(c.pin().clone()) },
        Code::NotTrusted,
    ),
    ("placed nowhere", |c| c.row.lifecycle = Lifecycle::Trusted { pin: c.pin().clone() }, Code::NotEnabled),
    ("a pin of other bytes", |c| c.pin().digest = other(), Code::LedgerDamaged),
    ("a pin of another name", |c| c.pin().name = SkillName::parse("pdg").unwrap(), Code::LedgerDamaged),
    ("no permit", |c| c.permit = None, Code::PermitMissing),
    ("no record in ledger and log alike", |c| c.proven = None, Code::PermitDiffers),
    ("a permit of an earlier epoch", |c| c.permit().epoch = 2, Code::EpochDiffers),
    ("a record of an earlier epoch", |c| c.record().epoch = 2, Code::EpochDiffers),
    ("a permit of other bytes", |c| c.permit().revision.digest = other(), Code::PermitDiffers),
    (
        "a permit of another skill",
        |c| c.permit().revision.name = SkillName::parse("x").unwrap(),
        Code::PermitDiffers,
    ),
    ("a permit of another source", |c| c.permit().source = "https://h/x".into(), Code::PermitDiffers),
    ("a permit of another signer", |c| c.permit().signers.clear(), Code::PermitDiffers),
    ("a permit naming another record", |c| c.permit().seq = 6, Code::PermitDiffers),
    ("a permit with another hash", |c| c.permit().hash = other(), Code::PermitDiffers),
    ("a permit with another end", |c| c.permit().until = None, Code::PermitDiffers),
    ("a permit with a place less", |c| drop(c.permit().placements.remove(0)), Code::PermitDiffers),
    ("a permit with a place more", |c| c.permit().placements.push(place("/c/pdf")), Code::PermitDiffers),
    (
        "a permit with another staged path",
        |c| c.permit().placements[0].staged = "/x".into(),
        Code::PermitDiffers,
    ),
    ("a row of another record", |c| c.row.seq = 6, Code::PermitDiffers),
    ("a record of a refusal", |c| c.record().decision = Outcome::Refused, Code::PermitDiffers),
    ("a record of a gate answer", |c| c.record().event = "gate".into(), Code::PermitDiffers),
    ("a record of a trust decision", |c| c.record().event = "trust".into(), Code::PermitDiffers),
    ("a record of another skill", |c| c.record().skill = None, Code::PermitDiffers),
    ("a record of other bytes", |c| c.record().digest = Some(other()), Code::PermitDiffers),
    ("a record of another pin", |c| c.record().pin = Some(3), Code::PermitDiffers),
    ("a pin of another record", |c| c.pin().seq = 4, Code::PermitDiffers),
    ("a record with another end", |c| c.record().until = None, Code::PermitDiffers),
    ("a record with other places", |c| c.record().placements.truncate(1), Code::PermitDiffers),
    ("a pin with a later end", |c| c.pin().until = None, Code::PermitDiffers),
    ("the end reached", |c| c.now = Timestamp::from_unix(1000), Code::Expired),
    ("no folder hashed", |c| c.folders.clear(), Code::NoFolder),
    ("one folder of two hashed", |c| drop(c.folders.pop()), Code::PermitDiffers),
    ("another folder hashed", |c| c.folders[1].path = "/c/pdf".into(), Code::PermitDiffers),
    ("other bytes", |c| c.folders[1].digest = Some(other()), Code::Drift),
    ("no bytes", |c| c.folders[0].digest = None, Code::Drift),
    ("a link beside the right bytes", |c| c.folders[0].faults = fault(Rule::Link), Code::Drift),
    ("a folder gone", |c| c.folders[0].faults = fault(Rule::Missing), Code::Drift),
    (
        "a file that cannot be read",
        |c| c.folders[0].faults = fault(Rule::Unreadable("no".into())),
        Code::Unreadable,
    ),
    (
        "a folder others can swap",
        |c| c.folders[0].faults = fault(Rule::Swappable("x".into())),
        Code::TargetUnsafe,
    ),
    (
        "other bytes at the named path",
        |c| c.named = Some(Hashed { digest: None, ..good("/a/pdf") }),
        Code::PathDiffers,
    ),
    ("a named path that is no place", |c| c.named = Some(good("/c/pdf")), Code::PathUnknown),
];

/// The same for the case that allows `enable`.
const ENABLE: &[(&str, Change, Code)] = &[
    ("a kill of everything", |c| c.brake = Brake::Stopped("killed".into()), Code::HeldAll),
    ("a hold on the name", |c| c.holds = hold(HoldScope::Name(SkillName::parse("pdf").unwrap())), Code::Held),
    ("never trusted", |c| c.row.lifecycle = Lifecycle::Installed { former: None }, Code::NotTrusted),
    (
        "trust withdrawn",
        |c| c.row.lifecycle = Lifecycle::Installed { former: Some(c.pin().clone()) },
        Code::NotTrusted,
    ),
    ("no record in ledger and log alike", |c| c.proven = None, Code::PermitDiffers),
    ("a record of an install", |c| c.record().event = "install".into(), Code::PermitDiffers),
    ("a record of a refused trust", |c| c.record().decision = Outcome::Refused, Code::PermitDiffers),
    ("a record of other bytes", |c| c.record().digest = Some(other()), Code::PermitDiffers),
    ("a record of another skill", |c| c.record().skill = None, Code::PermitDiffers),
    ("a record with another end", |c| c.record().until = None, Code::PermitDiffers),
    ("another record", |c| c.record().seq = 4, Code::PermitDiffers),
    ("a pin of other bytes", |c| c.pin().digest = other(), Code::LedgerDamaged),
    ("the end reached", |c| c.now = Timestamp::from_unix(1000), Code::Expired),
    ("no folder hashed", |c| c.folders.clear(), Code::NoFolder),
    ("other bytes in the store", |c| c.folders[0].digest = Some(other()), Code::Drift),
    (
        "other bytes at the named path",
        |c| c.named = Some(Hashed { digest: None, ..good("/a/pdf") }),
        Code::PathDiffers,
    ),
];

fn hold(scope: HoldScope) -> Vec<Hold> {
    vec![Hold { scope, seq: 6 }]
}

#[test]
fn each_fact_changed_alone_denies_with_its_own_code() {
    for (what, change, code) in LOAD {
        let mut case = base();
        change(&mut case);
        assert_eq!(case.decide().map_err(|no| no.code), Err(*code), "load, {what}");
    }
    for (what, change, code) in ENABLE {
        let mut case = base_enable();
        change(&mut case);
        assert_eq!(case.decide().map_err(|no| no.code), Err(*code), "enable, {what}");
    }
}

/// The record that withdrew trust says why; any other says nothing.
#[test]
fn what_was_withdrawn_is_told_by_the_record_that_did_it() {
    let withdrawn = |question, change: &dyn Fn(&mut Case)| {
        let mut case = base();
        case.question = question;
        case.row.lifecycle = Lifecycle::Installed { former: Some(case.pin().clone()) };
        case.record().event = "revoke".into();
        case.record().reason = "the key was stolen".into();
        change(&mut case);
        let no = case.decide().unwrap_err();
        (no.code, no.reason.contains("the key was stolen"))
    };
    for question in [Question::Load, Question::Enable] {
        let seen = |change: &dyn Fn(&mut Case)| withdrawn(question, change);
        assert_eq!(seen(&|_| ()), (Code::Revoked, true));
        assert_eq!(seen(&|c| c.record().codes = vec!["violation".into()]), (Code::Violation, true));
        assert_eq!(seen(&|c| c.record().event = "drift".into()), (Code::NotTrusted, true));
        // A person's own word needs no second one.
        assert_eq!(seen(&|c| c.record().event = "untrust".into()), (Code::NotTrusted, false));
        // Attack: a record of other bytes, of another skill or of another time speaks for these.
        assert_eq!(seen(&|c| c.record().digest = Some(other())), (Code::NotTrusted, false));
        assert_eq!(seen(&|c| c.record().skill = None), (Code::NotTrusted, false));
        assert_eq!(seen(&|c| c.record().seq = 6), (Code::NotTrusted, false));
        assert_eq!(seen(&|c| c.proven = None), (Code::NotTrusted, false));
        // A kill comes before all of it.
        assert_eq!(seen(&|c| c.brake = Brake::Stopped("killed".into())), (Code::HeldAll, false));
    }
}

#[test]
fn any_two_changes_together_deny_too() {
    for (first, one, _) in LOAD {
        for (second, two, _) in LOAD {
            // Changes that need a permit, record or pin cannot follow those that take it away.
            let run = std::panic::AssertUnwindSafe(|| {
                let mut case = base();
                one(&mut case);
                two(&mut case);
                case.decide()
            });
            if let Ok(decision) = std::panic::catch_unwind(run) {
                // To agree on something else, row, permit and record would all have to change.
                let undone = decision.is_ok().then_some((first, second));
                assert_eq!(undone, None);
            }
        }
    }
}

#[test]
fn policy_ends_trust_and_forbids_sources() {
    let mut case = base();
    case.policy = Policy::read(&[("p", "[trust]\nmax-days = 1".to_owned())]).unwrap();
    assert!(case.decide().is_ok());
    case.now = Timestamp::from_unix(999);
    case.pin().at = Timestamp::from_unix(999 - 86_400);
    assert_eq!(case.decide().unwrap_err().code, Code::Expired);
    let mut case = base();
    case.policy = Policy::read(&[("p", "[sources]\ndeny = [\"https://h/acme\"]".to_owned())]).unwrap();
    assert_eq!(case.decide().unwrap_err().code, Code::PolicyUnmet);
}

#[test]
fn a_least_age_is_a_rule_for_enabling_and_takes_nothing_away() {
    let policy = Policy::read(&[("p", "[trust]\nmin-age = \"1d\"".to_owned())]).unwrap();
    let (mut load, mut enable) = (base(), base_enable());
    load.policy = policy.clone();
    enable.policy = policy;
    assert!(load.decide().is_ok());
    assert_eq!(enable.decide().unwrap_err().code, Code::TooYoung);
    enable.pin().until = None;
    enable.record().until = None;
    enable.now = Timestamp::from_unix(enable.row.installed.unix() + 86_399);
    assert_eq!(enable.decide().unwrap_err().code, Code::TooYoung);
    enable.now = Timestamp::from_unix(enable.row.installed.unix() + 86_400);
    assert!(enable.decide().is_ok());
}
