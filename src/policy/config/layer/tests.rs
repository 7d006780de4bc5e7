//! A layer can only tighten: by hand for each key, and for any two layers.

use super::super::{KEYS, Key};
use super::*;
use crate::model::digest::{Digest, sha256};
use crate::model::provenance::{Attested, Provenance, Reviewed, Voucher, Witness};
use crate::model::signer::SignerId;
use crate::model::time::Timestamp;
use proptest::prelude::*;

fn key(seed: u8) -> String {
    SignerId::key(&sha256(&[&[seed]])).to_string()
}

fn files(texts: &[&str]) -> Policy {
    let names = ["/machine", "/account"];
    let files: Vec<_> = names.into_iter().zip(texts.iter().map(|text| (*text).to_owned())).collect();
    Policy::read(&files).unwrap()
}

fn with(texts: &[&str], layers: &[(&str, &str)]) -> Policy {
    let mut policy = files(texts);
    for (root, text) in layers {
        policy.tighten(root, text).unwrap();
    }
    policy
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix(second)
}

fn voucher(who: &str, root: &str) -> Voucher {
    Voucher {
        at: at(0),
        key: who.to_owned(),
        method: "OMS bundle".to_owned(),
        root: root.to_owned(),
        signer: who.to_owned(),
        witness: Witness::Now,
    }
}

#[test]
fn every_key_has_a_stance_and_no_other_has() {
    let keys: Vec<_> = KEYS.iter().map(|key: &Key| key.name).collect();
    let stances: Vec<_> = STANCES.iter().map(|stance| stance.key).collect();
    assert_eq!(stances, keys);
}

#[test]
fn what_a_root_asks_is_said_with_its_name_and_counts_in_the_digest() {
    let policy = with(&[], &[("team", "[trust]\nmin-age = \"3d\"\n[[require]]\nsignatures = 1\n")]);
    assert!(policy.settings().iter().all(|said| said.file == "trust root team" && said.holds));
    let why = policy.check_provenance("/s", &Provenance::default(), at(0)).unwrap_err();
    assert!(why.starts_with("trust root team requires 1 signature"), "{why}");
    assert_eq!(policy.check_age(&Digest::ZERO, at(0), at(1)).unwrap_err().file, "trust root team");
    assert!(policy.digest.is_some());
    assert_ne!(policy.digest, with(&[], &[("team", "[trust]\nmin-age = \"3d\"\n")]).digest);
}

#[test]
fn attack_a_root_opens_hosts_places_skills_or_grants() {
    let text = "[enable]\nagents = [\"claude-code\"]\n[network]\ninternal = [\"10.0.0.1\"]\n\
                [trust]\nnote = \"optional\"\n[[require]]\nsignatures = 1\ngrant = true\n";
    let policy = with(&[], &[("team", text)]);
    assert!(policy.agents.is_empty() && policy.internal.is_empty() && !policy.note_required);
    assert_eq!(policy.file_of("enable.agents"), None);
    let signed = Provenance { vouched: vec![voucher(&key(1), "team")], ..Provenance::default() };
    assert!(policy.check_provenance("/s", &signed, at(0)).is_ok());
    assert!(policy.grants("/s", &signed, at(0)).unwrap_err().contains("no policy file grants"));
    let layer = read(text).unwrap();
    assert_eq!(layer.asks, ["[[require]] signatures = 1"]);
    let ignored: Vec<_> = layer.ignored.iter().map(|line| line.split(" = ").next().unwrap()).collect();
    assert_eq!(ignored, ["enable.agents", "network.internal", "trust.note", "require.grant"]);
    // A note that a file demands stays demanded.
    assert!(with(&["[trust]\nnote = \"required\"\n"], &[("team", text)]).note_required);
}

#[test]
fn attack_a_root_raises_what_the_machine_lowered() {
    let machine = "[limits]\nfiles = 10\n[gate]\nvalid-for = 5\n[trust]\nmax-days = 30\nexpires = \"10d\"\n";
    let root = "[limits]\nfiles = 100\ndepth = 3\n[gate]\nvalid-for = 50\n[trust]\nmax-days = 90\nexpires = \"20d\"\n";
    let policy = with(&[machine], &[("team", root)]);
    assert_eq!((policy.limits.files, policy.limits.depth, policy.valid_for), (10, 3, 5));
    assert_eq!((policy.max_days, policy.expires), (Some(30), Some(10 * 86_400)));
    let counts: Vec<_> = policy
        .settings()
        .iter()
        .filter(|said| said.holds)
        .map(|said| (said.key, said.file.as_str()))
        .collect();
    let mut wanted: Vec<_> = ["trust.expires", "trust.max-days", "limits.files", "gate.valid-for"]
        .map(|key| (key, "/machine"))
        .to_vec();
    wanted.push(("limits.depth", "trust root team"));
    assert_eq!(counts, wanted);
    // Against what holds without a file, too; and where a file raised it, the root lowers it.
    assert_eq!(with(&[], &[("team", "[limits]\nfiles = 9000\n")]).limits.files, Limits::DEFAULT.files);
    let lowered = with(&["[limits]\nfiles = 9000\n"], &[("team", "[limits]\nfiles = 8000\n")]);
    assert_eq!(lowered.limits.files, 8000);
    assert_eq!(lowered.file_of("limits.files"), Some("trust root team"));
}

#[test]
fn attack_early_by_one_frees_from_another() {
    let digest = sha256(&[b"bytes"]);
    let age = |span: &str| format!("[trust]\nmin-age = \"{span}\"\n");
    let early = format!("[trust]\nearly = [\"{digest}\"]\n");
    let both = format!("[trust]\nmin-age = \"3d\"\nearly = [\"{digest}\"]\n");
    let young = |policy: &Policy| policy.check_age(&digest, at(0), at(1)).err().map(|young| young.file);
    let by = |name: &str| Some(name.to_owned());
    // Its own frees from its own.
    assert_eq!(young(&with(&[], &[("a", &both)])), None);
    // Not from the files', not from another root's in either order.
    assert_eq!(young(&with(&[&age("3d")], &[("a", &early)])), by("/machine"));
    assert_eq!(young(&with(&[], &[("a", &both), ("b", &age("2d"))])), by("trust root b"));
    assert_eq!(young(&with(&[], &[("a", &age("2d")), ("b", &both)])), by("trust root a"));
    // Nor does a file free from a root's, which everybody who follows it has.
    assert_eq!(young(&with(&[&early], &[("a", &age("3d"))])), by("trust root a"));
    assert_eq!(young(&with(&[&early, &age("3d")], &[])), None);
    // A root that says nothing of age leaves the files' as they were.
    assert_eq!(young(&with(&[&early, &age("3d")], &[("a", "[limits]\nfiles = 9\n")])), None);
}

#[test]
fn attack_a_root_excepts_bytes_or_makes_a_rule_weigh_less() {
    use crate::model::finding::Tier;
    let digest = sha256(&[b"bytes"]);
    let text = format!(
        "[review]\nseverity = {{ \"exec.decode\" = \"note\", \"exec.fetch\" = \"block\" }}\n\
         [[review.except]]\nrule = \"exec.decode\"\ndigest = \"{digest}\"\nwhy = \"x\"\nuntil = \"2027-01-31\"\n"
    );
    let policy = with(&[], &[("team", &text)]);
    assert!(policy.findings.excepts().is_empty());
    assert_eq!(policy.findings.tier("exec.decode", Tier::Block), (Tier::Block, None));
    assert_eq!(policy.findings.tier("exec.fetch", Tier::Warn), (Tier::Block, Some("trust root team")));
    let layer = read(&text).unwrap();
    assert_eq!(layer.asks, ["review.severity = { \"exec.decode\" = \"note\", \"exec.fetch\" = \"block\" }"]);
    let ignored: Vec<_> = layer.ignored.iter().map(|line| line.split(" = ").next().unwrap()).collect();
    assert_eq!(
        ignored,
        ["review.except.rule", "review.except.digest", "review.except.why", "review.except.until"]
    );
    // A file's own lower weight stands against nothing that a root asks.
    let low = "[review]\nseverity = { \"exec.fetch\" = \"note\" }\n";
    let both = with(&[low], &[("team", &text)]);
    assert_eq!(both.findings.tier("exec.fetch", Tier::Confirm), (Tier::Block, Some("trust root team")));
}

#[test]
fn attack_a_root_names_another_ones_people() {
    let mut policy = Policy::DEFAULT;
    let why = policy.tighten("a", "[[require]]\nsignatures = 1\nsigners = [\"root:b\"]\n").unwrap_err();
    assert!(why.starts_with("trust root a: ") && why.contains("root:self"), "{why}");
    let policy = with(&[], &[("a", "[[require]]\nsignatures = 1\nsigners = [\"root:self\"]\n")]);
    let by = |root: &str| {
        let provenance = Provenance { vouched: vec![voucher(&key(1), root)], ..Provenance::default() };
        policy.check_provenance("/s", &provenance, at(0)).is_ok()
    };
    assert!(by("a") && !by("b") && !by("self"));
}

#[test]
fn attack_a_rule_is_written_to_be_seen_as_ours() {
    let text = "[sources]\nallow = [\"/\\u001b[2K\\u202eok\"]\ndeny = [\"/s\", \"/\\u001b\"]\n\
                [[require]]\nfor = \"/\\u001b[1m\"\nreviews = 1\n";
    let policy = with(&[], &[("team", text)]);
    let mut shown: Vec<_> = policy.settings().iter().map(|said| said.value.clone()).collect();
    shown.extend(read(text).unwrap().asks);
    shown.push(policy.check_source("/other").unwrap_err());
    shown.push(policy.check_source("/\u{1b}").unwrap_err());
    assert!(shown.len() > 8);
    for line in shown {
        assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line:?}");
    }
}

#[test]
fn what_is_no_policy_is_refused_whole() {
    let long = format!("# {}\n", "x".repeat(TEXT_MAX));
    for (text, why) in [
        ("[sources]\nalow = []", "unknown field"),
        ("[trust]\nmin-age = \"soon\"", "must be a span"),
        ("[limits]\nfiles = 0", "1 to"),
        ("[sources]\ndeny = [\"\"]", "match everything"),
        ("[[require]]\ngrant = true", "demands nothing"),
        ("[tomorrow]\nrule = 1", "unknown field"),
        (&long, "longer than"),
    ] {
        let said = read(text).unwrap_err();
        assert!(said.contains(why), "{said}");
        assert!(!said.contains('\u{1b}'));
    }
    assert_eq!(read("").unwrap(), Layer::default());
}

/// One of a few values for each key, or none: small worlds, so that layers meet.
fn text(root: bool) -> impl Strategy<Value = String> {
    let pick = |lines: &'static [&'static str]| prop::option::of(prop::sample::select(lines));
    let early = format!("early = [\"{}\"]", sha256(&[&[1]]));
    let signer = if root { "root:self".to_owned() } else { "root:a".to_owned() };
    let block = (
        prop::option::of(prop::sample::select(&["/s", "/s/x", "https://h/a"][..])),
        0_u32..3,
        prop::bool::ANY,
        0_u32..3,
        prop::bool::ANY,
        prop::bool::ANY,
    )
        .prop_map(move |(prefix, signatures, own, reviews, run, grant)| {
            let mut block = "[[require]]\nattested = 1\n".to_owned();
            if signatures + reviews > 0 {
                block = "[[require]]\n".to_owned();
            }
            if let Some(prefix) = prefix {
                block.push_str(&format!("for = \"{prefix}\"\n"));
            }
            if signatures > 0 {
                block.push_str(&format!("signatures = {signatures}\n"));
                if own {
                    block.push_str(&format!("signers = [\"{signer}\", \"{}\"]\n", key(1)));
                }
            }
            if reviews > 0 {
                block.push_str(&format!("reviews = {reviews}\n"));
                if run {
                    block.push_str("criteria = [\"run\"]\n");
                }
            }
            block.push_str(&format!("grant = {grant}\n"));
            block
        });
    let sources = (
        pick(&["allow = [\"/s\"]", "allow = [\"/s/x\", \"https://h/\"]", "allow = []"]),
        pick(&["deny = [\"/s/x\"]", "deny = [\"https://h/a\"]"]),
    );
    let trust = (
        pick(&["min-age = \"1h\"", "min-age = \"2d\""]),
        prop::option::of(Just(early)),
        pick(&["expires = \"1d\"", "expires = \"9d\""]),
        pick(&["max-days = 1", "max-days = 9"]),
        pick(&["note = \"required\"", "note = \"optional\""]),
    );
    let rest = (
        pick(&["[enable]\nagents = [\"claude-code\"]", "[enable]\nagents = [\"codex\"]"]),
        pick(&["[network]\ninternal = [\"one.example\"]", "[network]\ninternal = [\"10.0.0.1\"]"]),
        pick(&[
            "[limits]\nfiles = 3\ntotal = 5",
            "[limits]\nfiles = 9000\ndepth = 20",
            "[limits]\npath = 9\nfile = 9",
        ]),
        pick(&["[gate]\nvalid-for = 5", "[gate]\nvalid-for = 600"]),
        pick(&[
            "[review]\nseverity = { \"exec.fetch\" = \"note\" }",
            "[review]\nseverity = { \"exec.fetch\" = \"block\" }",
            "[[review.except]]\nrule = \"exec.fetch\"\ndigest = \"sha256:4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a\"\nwhy = \"x\"",
        ]),
    );
    (sources, trust, rest, prop::collection::vec(block, 0..3)).prop_map(|(sources, trust, rest, blocks)| {
        let lines = |all: &[Option<&str>]| -> String {
            all.iter().flatten().map(|line| format!("{line}\n")).collect()
        };
        let (min_age, early, expires, days, note) = trust;
        let head = lines(&[sources.0, sources.1]);
        let trust = lines(&[min_age, early.as_deref(), expires, days, note]);
        let rest = lines(&[rest.0, rest.1, rest.2, rest.3, rest.4]);
        format!("[sources]\n{head}[trust]\n{trust}{rest}{}", blocks.concat())
    })
}

fn provenance() -> impl Strategy<Value = Provenance> {
    let one = (1_u8..4, prop::sample::select(&["a", "b", "c"][..]));
    let review = (1_u8..4, 40_i64..60, prop::bool::ANY);
    (prop::collection::vec(one, 0..4), prop::collection::vec(review, 0..4), 0_u8..2).prop_map(
        |(vouched, reviews, attested)| Provenance {
            vouched: vouched.into_iter().map(|(who, root)| voucher(&key(who), root)).collect(),
            reviews: reviews
                .into_iter()
                .map(|(who, until, run)| Reviewed {
                    criteria: if run { vec!["run".to_owned()] } else { Vec::new() },
                    keys: vec![key(who)],
                    until: at(until),
                    who: format!("person {who}"),
                })
                .collect(),
            attested: (0..attested).map(|_| Attested { keys: Vec::new(), who: "ci".to_owned() }).collect(),
            ..Provenance::default()
        },
    )
}

/// A question to a policy.
#[derive(Debug, Clone)]
struct Case {
    source: &'static str,
    provenance: Provenance,
    digest: Digest,
    now: Timestamp,
}

fn case() -> impl Strategy<Value = Case> {
    let source = prop::sample::select(&["/s", "/s/x", "/other", "https://h/a/b", "https://h/c"][..]);
    let now = prop::sample::select(&[50_i64, 3_600, 2 * 86_400, 10 * 86_400][..]);
    (source, provenance(), 1_u8..3, now).prop_map(|(source, provenance, digest, now)| Case {
        source,
        provenance,
        digest: sha256(&[&[digest]]),
        now: at(now),
    })
}

/// Every kind of yes that a policy can say, in one order.
fn yes(policy: &Policy, case: &Case) -> [bool; 5] {
    [
        policy.check_source(case.source).is_ok(),
        policy.check_provenance(case.source, &case.provenance, case.now).is_ok(),
        policy.grants(case.source, &case.provenance, case.now).is_ok(),
        policy.check_age(&case.digest, at(0), case.now).is_ok(),
        !policy.note_required,
    ]
}

/// What one finding of that tier weighs; none where it is excepted.
fn weight(
    policy: &Policy,
    case: &Case,
    tier: crate::model::finding::Tier,
) -> Option<crate::model::finding::Tier> {
    use crate::model::finding::{Context, Finding, Place};
    let place = Place { start: 0, end: 1, line: 1, column: 1 };
    let text = || "x".to_owned();
    let (rule, context) = ("exec.fetch".to_owned(), Context::Fence);
    let one = Finding { rule, tier, context, path: text(), place, message: text(), reads_as: None };
    crate::policy::judge::judge(vec![one], &policy.findings, &case.digest, case.now).heaviest()
}

/// No yes of `tight` is a no of `loose`, and no number is larger.
fn at_most(tight: &Policy, loose: &Policy, case: &Case) -> Result<(), TestCaseError> {
    for (tight, loose) in yes(tight, case).into_iter().zip(yes(loose, case)) {
        prop_assert!(loose || !tight);
    }
    let (few, many) = (&tight.limits, &loose.limits);
    prop_assert!(few.files <= many.files && few.total <= many.total && few.file <= many.file);
    prop_assert!(few.depth <= many.depth && few.path <= many.path && tight.valid_for <= loose.valid_for);
    for own in crate::model::finding::Tier::ALL {
        let weight = |policy: &Policy| weight(policy, case, *own);
        prop_assert!(weight(tight) >= weight(loose), "{own:?}");
    }
    let ends = |policy: &Policy| (policy.max_days.unwrap_or(u32::MAX), policy.expires.unwrap_or(i64::MAX));
    prop_assert!(ends(tight).0 <= ends(loose).0 && ends(tight).1 <= ends(loose).1);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the files and the roots say: a layer more allows nothing more,
    /// and whoever follows a root has at least that root's policy.
    #[test]
    fn for_any_two_layers_nothing_denied_becomes_allowed(
        machine in text(false), account in text(false), a in text(true), b in text(true), case in case(),
    ) {
        let base = with(&[&machine, &account], &[]);
        let one = with(&[&machine, &account], &[("a", &a)]);
        let two = with(&[&machine, &account], &[("a", &a), ("b", &b)]);
        at_most(&one, &base, &case)?;
        at_most(&two, &one, &case)?;
        at_most(&two, &with(&[&machine, &account], &[("b", &b)]), &case)?;
        prop_assert_eq!(&two.agents, &base.agents);
        prop_assert_eq!(&two.internal, &base.internal);
        // At least each root's own policy; a grant is for the files alone.
        for (root, text) in [("a", &a), ("b", &b)] {
            let alone = with(&[], &[(root, text)]);
            for (at, (ours, its)) in yes(&two, &case).into_iter().zip(yes(&alone, &case)).enumerate() {
                prop_assert!(its || !ours || at == 2);
            }
            prop_assert!(two.max_days.unwrap_or(u32::MAX) <= alone.max_days.unwrap_or(u32::MAX));
        }
    }
}
