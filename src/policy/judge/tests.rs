use super::*;
use crate::model::digest::sha256;
use crate::model::finding::{Context, Place};
use crate::policy::config::Policy;

const NOW: i64 = 1_000_000;

fn found(rule: &str, tier: Tier, line: usize) -> Finding {
    let place = Place { start: line, end: line + 1, line, column: 1 };
    Finding {
        rule: rule.to_owned(),
        tier,
        context: Context::Fence,
        path: "SKILL.md".to_owned(),
        place,
        message: "says something".to_owned(),
        reads_as: None,
    }
}

/// One of each tier, and the digest of the bytes.
fn all() -> (Vec<Finding>, Digest) {
    let of = [
        ("exec.decode", Tier::Block, 1),
        ("exec.fetch", Tier::Confirm, 2),
        ("dep.global", Tier::Warn, 3),
        ("hide.bidi", Tier::Note, 4),
    ];
    (of.map(|(rule, tier, line)| found(rule, tier, line)).to_vec(), sha256(&[b"these bytes"]))
}

fn policy(files: &[&str], roots: &[&str]) -> Policy {
    let names = ["/machine", "/account"];
    let files: Vec<_> = names.into_iter().zip(files.iter().map(|text| (*text).to_owned())).collect();
    let mut policy = Policy::read(&files).unwrap();
    for (name, text) in ["a", "b"].into_iter().zip(roots) {
        policy.tighten(name, text).unwrap();
    }
    policy
}

fn judged(files: &[&str], roots: &[&str]) -> Judgement {
    let (findings, digest) = all();
    judge(findings, &policy(files, roots).findings, &digest, Timestamp::from_unix(NOW))
}

fn weighs(rule: &str, tier: &str) -> String {
    format!("[review]\nseverity = {{ \"{rule}\" = \"{tier}\" }}\n")
}

fn except(rule: &str, bytes: &[u8], more: &str) -> String {
    let digest = sha256(&[bytes]);
    format!("[[review.except]]\nrule = \"{rule}\"\ndigest = \"{digest}\"\nwhy = \"read by two\"\n{more}\n")
}

/// The tier of a rule and who made it so; none where it is excepted.
fn of(judged: &Judgement, rule: &str) -> Option<(Tier, Option<String>)> {
    let one = judged.findings.iter().find(|one| one.finding.rule == rule)?;
    Some((one.finding.tier, one.by.clone()))
}

#[test]
fn without_a_word_of_the_policy_each_finding_weighs_what_its_rule_says() {
    let judged = judged(&[], &[]);
    assert_eq!(judged.counts(), [Tier::Block, Tier::Confirm, Tier::Warn, Tier::Note].map(|tier| (tier, 1)));
    assert!(judged.findings.iter().all(|one| one.by.is_none() && one.own == one.finding.tier));
    assert_eq!((judged.blocking(), judged.heaviest()), (vec!["exec.decode".to_owned()], Some(Tier::Block)));
    assert!(judged.needs_a_person() && judged.excepted.is_empty() && judged.unused.is_empty());
    let nothing = judge(Vec::new(), &Findings::SILENT, &Digest::ZERO, Timestamp::from_unix(NOW));
    assert!(nothing.heaviest().is_none() && !nothing.needs_a_person() && nothing.blocking().is_empty());
}

#[test]
fn the_stronger_file_says_the_least_that_counts_and_who_changes_it_is_told() {
    let (up, down) = (weighs("exec.fetch", "block"), weighs("exec.fetch", "note"));
    let (up, down, same) = (up.as_str(), down.as_str(), weighs("exec.fetch", "confirm"));
    let by = |file: &str| Some(file.to_owned());
    for (files, roots, wanted) in [
        (&[up][..], &[][..], (Tier::Block, by("/machine"))),
        (&[down], &[], (Tier::Note, by("/machine"))),
        (&["", down], &[], (Tier::Note, by("/account"))),
        // Attack: the account takes back what the machine says.
        (&[up, down], &[], (Tier::Block, by("/machine"))),
        (&[down, up], &[], (Tier::Block, by("/account"))),
        // Attack: a root makes a rule weigh less.
        (&[], &[down], (Tier::Confirm, None)),
        (&[up], &[down], (Tier::Block, by("/machine"))),
        (&[down], &[up], (Tier::Block, by("trust root a"))),
        (&[], &[down, up], (Tier::Block, by("trust root b"))),
        // The same weight in other words is no change.
        (&[same.as_str()], &[], (Tier::Confirm, None)),
    ] {
        assert_eq!(of(&judged(files, roots), "exec.fetch"), Some(wanted), "{files:?} {roots:?}");
    }
    let lowered = judged(&["", &weighs("exec.decode", "warn")], &[]);
    let one = lowered.findings.iter().find(|one| one.finding.rule == "exec.decode").unwrap();
    assert_eq!((one.own, one.finding.tier), (Tier::Block, Tier::Warn), "what it was is still said");
    assert!(lowered.blocking().is_empty() && lowered.needs_a_person());
    assert_eq!(lowered.findings[0].finding.rule, "exec.fetch", "the heaviest first");
}

/// Attack: who made it heavier again is named for having made it less.
#[test]
fn the_file_that_lowers_is_named_though_another_raises_again() {
    let weighed = |files: &[&str], roots: &[&str]| {
        let judged = judged(files, roots);
        let one = judged.findings.iter().find(|one| one.finding.rule == "exec.decode").unwrap();
        (one.finding.tier, one.by.clone(), one.lowered.clone(), one.weight())
    };
    let (note, ask, block) =
        (weighs("exec.decode", "note"), weighs("exec.decode", "confirm"), weighs("exec.decode", "block"));
    let (note, ask, block) = (note.as_str(), ask.as_str(), block.as_str());
    let by = |file: &str| Some(file.to_owned());
    for (files, roots, wanted) in [
        (&[][..], &[][..], (Tier::Block, None, None)),
        (&[note], &[], (Tier::Note, by("/machine"), by("/machine"))),
        (&["", note], &[ask], (Tier::Confirm, by("trust root a"), by("/account"))),
        (&[note, ask], &[], (Tier::Confirm, by("/account"), by("/machine"))),
        (&[ask, note], &[], (Tier::Confirm, by("/machine"), by("/machine"))),
        // Nothing is lowered of what blocks after all, nor by a root alone.
        (&[note, block], &[], (Tier::Block, None, None)),
        (&[note], &[block], (Tier::Block, None, None)),
        (&[block, note], &[], (Tier::Block, None, None)),
        (&[], &[note], (Tier::Block, None, None)),
    ] {
        let (tier, by, lowered, weight) = weighed(files, roots);
        assert_eq!((tier, by, lowered), wanted, "{files:?} {roots:?}");
        assert_eq!(weight, Tier::Block, "and what it is by itself stays");
    }
}

#[test]
fn attack_a_rule_is_made_less_and_excepted_and_nobody_is_told_that_it_blocks() {
    let less = weighs("exec.decode", "note") + &except("exec.decode", b"these bytes", "");
    let judged = judged(&[&less], &[]);
    let one = judged.excepted.iter().find(|one| one.finding.rule == "exec.decode").unwrap();
    assert_eq!((one.finding.tier, one.own, one.weight()), (Tier::Note, Tier::Block, Tier::Block));
    // The other way round, as heavy as it would count.
    let more = weighs("dep.global", "block") + &except("dep.global", b"these bytes", "");
    let judged = self::judged(&[&more], &[]);
    assert_eq!((judged.excepted[0].own, judged.excepted[0].weight()), (Tier::Warn, Tier::Block));
}

#[test]
fn attack_an_exception_for_other_bytes_frees_from_nothing() {
    let these = judged(&[&except("exec.decode", b"these bytes", "")], &[]);
    assert_eq!(of(&these, "exec.decode"), None);
    assert_eq!(these.excepted.len(), 1);
    let one = &these.excepted[0];
    assert_eq!(
        (one.finding.tier, one.why.as_str(), one.file.as_str()),
        (Tier::Block, "read by two", "/machine")
    );
    assert!(these.unused.is_empty() && these.blocking().is_empty());
    let other = judged(&[&except("exec.decode", b"those bytes", "")], &[]);
    assert_eq!(other, judged(&[], &[]), "not even told: it is about something else");
}

#[test]
fn an_exception_ends_and_one_that_hits_nothing_is_told() {
    let at = |unix: i64| format!("until = \"{}\"", Timestamp::from_unix(unix));
    assert_eq!(
        of(&judged(&[&except("exec.decode", b"these bytes", &at(NOW + 1))], &[]), "exec.decode"),
        None
    );
    let ended = judged(&[&except("exec.decode", b"these bytes", &at(NOW))], &[]);
    assert_eq!(of(&ended, "exec.decode"), Some((Tier::Block, None)));
    assert!(ended.unused[0].why.starts_with("it ended at 1970-01-12"), "{}", ended.unused[0].why);
    let idle = judged(&[&except("priv.sudo", b"these bytes", "")], &[]);
    assert_eq!(idle.unused[0].why, "the rule finds nothing in these bytes");
    assert_eq!(idle.findings, judged(&[], &[]).findings);
}

#[test]
fn attack_an_exception_of_the_account_frees_from_what_the_machine_or_a_root_says() {
    let mine = except("exec.fetch", b"these bytes", "");
    let up = weighs("exec.fetch", "block");
    let own = format!("{up}{}", mine);
    // Its own file's weight, and those it wins over.
    assert_eq!(of(&judged(&[&own], &[]), "exec.fetch"), None);
    assert_eq!(of(&judged(&[&mine, &up], &[]), "exec.fetch"), None);
    // Not a stronger file's, not a root's.
    for (files, roots, file) in
        [(&[up.as_str(), &mine][..], &[][..], "/machine"), (&[&mine], &[up.as_str()], "trust root a")]
    {
        let judged = judged(files, roots);
        assert_eq!(of(&judged, "exec.fetch"), Some((Tier::Block, Some(file.to_owned()))));
        assert!(judged.unused[0].why.starts_with(file), "{}", judged.unused[0].why);
    }
    // Nor does a root except.
    let judged = judged(&[], &[&mine]);
    assert_eq!(of(&judged, "exec.fetch"), Some((Tier::Confirm, None)));
    assert!(judged.excepted.is_empty() && judged.unused.is_empty());
}

#[test]
fn the_order_of_files_and_places_is_kept_within_a_tier() {
    let findings: Vec<_> = (1..5).map(|line| found("exec.fetch", Tier::Confirm, line)).collect();
    let judged = judge(findings, &Findings::SILENT, &Digest::ZERO, Timestamp::from_unix(NOW));
    let lines: Vec<_> = judged.findings.iter().map(|one| one.finding.place.line).collect();
    assert_eq!(lines, [1, 2, 3, 4]);
}
