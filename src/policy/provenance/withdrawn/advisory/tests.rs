use super::*;
use crate::model::digest::sha256;
use crate::model::path::EntryPath;
use proptest::prelude::*;

const HERE: &str = "https://git.example/acme/tools";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER: &str = "ffffffffffffffffffffffffffffffffffffffff";

fn feed(root: &str, affected: &str, more: &str) -> Feed {
    let text = format!(
        r#"{{"id":"SKA-1","modified":"2026-11-20T09:00:00Z","summary":"sends data","affected":[{affected}]{more}}}"#
    );
    let advisories = vec![Advisory::read("SKA-1", text.as_bytes()).unwrap()];
    Feed { root: root.to_owned(), advisories, ..Feed::default() }
}

/// An entry about our place.
fn here(rest: &str) -> Feed {
    let comma = if rest.is_empty() { "" } else { "," };
    feed("team", &format!(r#"{{"package":{{"ecosystem":"Agent Skills","name":"{HERE}"}}{comma}{rest}}}"#), "")
}

fn semver(events: &str) -> Feed {
    here(&format!(r#""ranges":[{{"type":"SEMVER","events":[{events}]}}]"#))
}

fn source(commit: Option<&str>) -> Source {
    Source {
        commit: commit.map(str::to_owned),
        kind: SourceKind::Git,
        location: HERE.to_owned(),
        path: Some(EntryPath::parse(b"skills/pdf").unwrap()),
        reference: None,
    }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T00:00:00Z").unwrap()
}

fn asked(feeds: &[Feed], source: &Source, version: Option<&str>) -> Option<Withdrawn> {
    let digest = sha256(&[b"skill"]);
    let names = vec![SkillName::parse("forms").unwrap(), SkillName::parse("pdf").unwrap()];
    judge(feeds, &Seen { digest: &digest, names, source, version, now: now() })
}

fn covered(feed: &Feed, version: Option<&str>) -> bool {
    asked(std::slice::from_ref(feed), &source(None), version).is_some()
}

#[test]
fn what_it_is_about() {
    for (name, wanted) in [
        (HERE, true),
        ("ssh://git@git.example/acme/tools.git", true),
        ("git@git.example:Acme/Tools", true),
        ("https://git.example/acme", true),
        ("https://git.example/acme/tools/skills/pdf", true),
        ("https://git.example/acme/tools/skills", true),
        ("https://git.example/acme/tools/skills/other", false),
        ("https://git.example/acme/tool", false),
        ("https://other.example/acme/tools", false),
        ("/acme/tools", false),
        // Its name here, its name in the card, and somebody else's.
        ("forms", true),
        ("pdf", true),
        ("pdf-forms", false),
    ] {
        let feed =
            feed("team", &format!(r#"{{"package":{{"ecosystem":"Agent Skills","name":"{name}"}}}}"#), "");
        assert_eq!(covered(&feed, Some("1.0.0")), wanted, "{name}");
    }
    // Another ecosystem's package of that name is another package.
    assert!(!covered(&feed("team", r#"{"package":{"ecosystem":"npm","name":"pdf"}}"#, ""), None));
}

#[test]
fn a_digest_is_covered_wherever_it_came_from_and_no_other_is() {
    let list = |digest: &Digest| format!(r#","database_specific":{{"skill_digests":["{digest}"]}}"#);
    let found =
        asked(&[feed("team", "", &list(&sha256(&[b"skill"])))], &source(None), Some("9.9.9")).unwrap();
    assert!(found.narrows && found.why.contains("digest sha256:"), "{}", found.why);
    assert_eq!(asked(&[feed("team", "", &list(&sha256(&[b"other"])))], &source(None), None), None);
}

/// By hand, from the order of Semantic Versioning.
#[test]
fn ranges_by_hand() {
    let ends = r#"{"introduced":"1.2.0"},{"fixed":"1.4.2"}"#;
    let last = r#"{"introduced":"1.2.0"},{"last_affected":"1.4.1"}"#;
    let start = r#"{"introduced":"0"},{"fixed":"1.4.2"}"#;
    let twice = r#"{"introduced":"0"},{"fixed":"1.1.0"},{"introduced":"2.0.0"},{"fixed":"2.1.0"}"#;
    let open = r#"{"introduced":"2.0.0"}"#;
    let limit = r#"{"introduced":"0"},{"limit":"2.0.0"}"#;
    for (events, version, wanted) in [
        (ends, "1.1.9", false),
        (ends, "1.2.0", true),
        (ends, "v1.2.0", true),
        (ends, "1.4.1", true),
        (ends, "1.4.1+mended", true),
        (ends, "1.4.2", false),
        (ends, "1.4.2+x", false),
        (ends, "2.0.0", false),
        // One before a release goes with its release, in both directions.
        (ends, "1.2.0-rc1", true),
        (ends, "1.4.2-rc1", true),
        (ends, "1.4.3-rc1", false),
        (ends, "1.1.0-rc1", false),
        (last, "1.4.1", true),
        (last, "1.4.1+mended", true),
        (last, "1.4.2", false),
        (last, "1.4.2-rc1", false),
        (start, "0.0.0-0", true),
        (start, "0.0.1", true),
        (start, "1.4.2", false),
        (twice, "1.0.9", true),
        (twice, "1.1.0", false),
        (twice, "1.9.9", false),
        (twice, "2.0.0", true),
        (twice, "2.1.0", false),
        (open, "1.9.9", false),
        (open, "2.0.0-a", true),
        (open, "99.0.0", true),
        (limit, "1.9.9", true),
        (limit, "2.0.0", false),
    ] {
        assert_eq!(covered(&semver(events), Some(version)), wanted, "{events} {version}");
    }
    // `1.4.2-rc1` is the fix: what follows it has it.
    let early = semver(r#"{"introduced":"0"},{"fixed":"1.4.2-rc.1"}"#);
    for (version, wanted) in
        [("1.4.2-rc.0", true), ("1.4.2-rc.1", false), ("1.4.2-rc.2", false), ("1.4.2", false)]
    {
        // The release is fixed, so it does not draw its candidates in.
        assert_eq!(covered(&early, Some(version)), wanted, "{version}");
    }
}

#[test]
fn attack_a_version_that_cannot_be_compared_lies_in_every_range() {
    for events in [r#"{"introduced":"0"},{"fixed":"1.4.2"}"#, r#"{"introduced":"99.0.0"}"#] {
        for version in
            [None, Some(""), Some("1.4"), Some("newest"), Some("1.4.2 "), Some("vv1.4.2"), Some("١.٤.٢")]
        {
            let found = asked(&[semver(events)], &source(None), version).unwrap();
            assert!(found.why.contains("counts as affected"), "{version:?}: {}", found.why);
        }
    }
}

#[test]
fn a_list_of_versions_is_those_and_no_others() {
    let list = here(r#""versions":["1.4.1","v2.0.0","autumn"]"#);
    for (version, wanted) in [
        (Some("1.4.1"), true),
        (Some("v1.4.1"), true),
        (Some("1.4.1+x"), true),
        (Some("1.4.1-rc1"), true),
        (Some("2.0.0"), true),
        (Some("autumn"), true),
        (Some("1.4.2"), false),
        (Some("0.1.0"), false),
        // Cannot be compared, or is not known.
        (Some("winter"), true),
        (None, true),
    ] {
        assert_eq!(covered(&list, version), wanted, "{version:?}");
    }
    // The tag that was asked for names a version as well.
    let tagged = Source { reference: Some("autumn".to_owned()), ..source(None) };
    assert!(asked(std::slice::from_ref(&list), &tagged, Some("9.0.0")).is_some());
}

#[test]
fn without_ranges_and_versions_all_of_it_is_covered() {
    for version in [None, Some("1.0.0"), Some("x")] {
        assert!(covered(&here(""), version) && covered(&here(r#""ranges":[],"versions":[]"#), version));
    }
}

fn git(events: &str) -> String {
    format!(r#"{{"type":"GIT","repo":"{HERE}","events":[{events}]}}"#)
}

#[test]
fn commits_are_compared_by_what_is_written_down() {
    let fixed = git(&format!(r#"{{"introduced":"0"}},{{"fixed":"{COMMIT}"}}"#));
    let bad = git(&format!(r#"{{"introduced":"{}"}}"#, COMMIT.to_uppercase()));
    let last = git(&format!(r#"{{"introduced":"0"}},{{"last_affected":"{COMMIT}"}}"#));
    for (range, commit, wanted) in [
        (&fixed, Some(COMMIT), false),
        (&bad, Some(COMMIT), true),
        (&last, Some(COMMIT), true),
        // Before or after, nobody knows here.
        (&fixed, Some(OTHER), true),
        (&bad, Some(OTHER), true),
        (&fixed, None, true),
    ] {
        let feeds = [feed("team", &format!(r#"{{"ranges":[{range}]}}"#), "")];
        assert_eq!(asked(&feeds, &source(commit), Some("1.0.0")).is_some(), wanted, "{range} {commit:?}");
    }
    // Somebody else's repository.
    let feeds = [feed("team", &format!(r#"{{"ranges":[{}]}}"#, bad.replace("acme", "bona")), "")];
    assert_eq!(asked(&feeds, &source(Some(COMMIT)), None), None);
    // One range's fix is no other range's, but it is named as one.
    let both = [here(&format!(r#""ranges":[{fixed},{}]"#, git(&format!(r#"{{"introduced":"{OTHER}"}}"#))))];
    assert_eq!(asked(&both, &source(Some(COMMIT)), None), None);
    assert!(asked(&both, &source(Some(OTHER)), None).is_some());
}

#[test]
fn attack_the_digest_of_an_archive_is_no_commit() {
    let sha = "ab".repeat(32);
    let range = git(&format!(r#"{{"introduced":"0"}},{{"fixed":"{sha}"}}"#));
    let archive = Source { kind: SourceKind::Archive, ..source(Some(&format!("sha256:{sha}"))) };
    let bare = Source { kind: SourceKind::Archive, ..source(Some(&sha)) };
    for source in [archive, bare] {
        let feeds = [feed("team", &format!(r#"{{"ranges":[{range}]}}"#), "")];
        assert!(asked(&feeds, &source, None).is_some());
    }
}

#[test]
fn a_list_of_commits_is_whole_and_beside_versions_it_adds() {
    let list = |versions: &str| [here(&format!(r#""versions":[{versions}]"#))];
    let only = list(&format!(r#""{COMMIT}""#));
    assert!(asked(&only, &source(Some(COMMIT)), Some("1.0.0")).is_some());
    assert_eq!(asked(&only, &source(Some(OTHER)), Some("1.0.0")), None);
    assert_eq!(asked(&only, &source(Some(OTHER)), None), None);
    assert!(asked(&only, &source(None), Some("1.0.0")).is_some(), "a folder: no commit is known");
    let both = list(&format!(r#""{COMMIT}","1.0.0""#));
    for (commit, version, wanted) in [
        (OTHER, Some("1.0.0"), true),
        (COMMIT, Some("2.0.0"), true),
        (OTHER, Some("2.0.0"), false),
        // Attack: a version is named, so the next copy has none.
        (OTHER, None, true),
    ] {
        assert_eq!(asked(&both, &source(Some(commit)), version).is_some(), wanted, "{commit} {version:?}");
    }
}

#[test]
fn what_one_alphabet_tells_for_sure_doubt_in_the_other_does_not_undo() {
    let ranges = format!(
        r#""ranges":[{},{{"type":"SEMVER","events":[{{"introduced":"0"}},{{"fixed":"1.4.2"}}]}}]"#,
        git(&format!(r#"{{"introduced":"0"}},{{"fixed":"{COMMIT}"}}"#))
    );
    let feeds = [here(&ranges)];
    for (commit, version, wanted) in [
        (Some(OTHER), Some("1.4.1"), true),
        (Some(OTHER), Some("1.4.2"), false),
        (None, Some("1.4.2"), false),
        (Some(OTHER), None, true),
        (None, None, true),
        (Some(COMMIT), None, false),
        (Some(COMMIT), Some("odd"), false),
        // Both are sure, and one says affected.
        (Some(COMMIT), Some("1.4.1"), true),
    ] {
        assert_eq!(asked(&feeds, &source(commit), version).is_some(), wanted, "{commit:?} {version:?}");
    }
}

#[test]
fn a_withdrawn_one_takes_nothing_away_from_its_time_on() {
    for (withdrawn, wanted) in
        [("2026-11-20T23:59:59Z", false), ("2026-11-21T00:00:00Z", false), ("2026-11-21T00:00:01Z", true)]
    {
        let more = format!(r#","withdrawn":"{withdrawn}""#);
        let package = r#"{"package":{"ecosystem":"Agent Skills","name":"pdf"}}"#;
        assert_eq!(covered(&feed("team", package, &more), None), wanted, "{withdrawn}");
    }
}

#[test]
fn attack_one_root_withdraws_what_another_says() {
    let package = r#"{"package":{"ecosystem":"Agent Skills","name":"pdf"}}"#;
    let soft = feed("soft", package, r#","withdrawn":"2026-11-01T00:00:00Z""#);
    for feeds in [[soft.clone(), feed("team", package, "")], [feed("team", package, ""), soft]] {
        let found = asked(&feeds, &source(None), None).unwrap();
        assert_eq!((found.root.as_str(), found.narrows), ("team", true));
    }
}

#[test]
fn the_words_name_all_of_it_and_the_way_on() {
    let mut one = semver(r#"{"introduced":"0"},{"fixed":"1.4.2"},{"introduced":"2.0.0"},{"fixed":"2.0.1"}"#);
    one.advisories[0].severity = Some("HIGH".to_owned());
    let mut more = one.advisories[0].clone();
    more.id = "SKA-2\u{1b}".to_owned();
    one.advisories.push(more);
    let found = asked(&[one], &source(None), Some("1.4.1")).unwrap();
    assert_eq!(
        found.why,
        "trust root `team`: advisory SKA-1 (HIGH), \"sends data\", covers source https://git.example/acme/tools, \
         versions from the first before 1.4.2 from 2.0.0 before 2.0.1 (here 1.4.1); so do SKA-2\\u{1b}"
    );
    assert_eq!(found.advisory.unwrap().fixed, ["1.4.2", "2.0.1"]);
    let found = asked(
        &[semver(r#"{"introduced":"0"},{"fixed":"1.0.0"},{"introduced":"2.0.0"}"#)],
        &source(None),
        Some("2.0.0"),
    );
    assert_eq!(found.unwrap().advisory.unwrap().fixed, Vec::<String>::new(), "what is fixed lies below");
    let range = git(&format!(r#"{{"introduced":"0"}},{{"fixed":"{COMMIT}"}}"#));
    let found = asked(&[here(&format!(r#""ranges":[{range}]"#))], &source(Some(OTHER)), None);
    assert_eq!(found.unwrap().advisory.unwrap().fixed, ["commit 0123456789ab"]);
}

/// Versions that are few enough to meet often.
fn any_version() -> impl Strategy<Value = Version> {
    let pre = prop::sample::select(vec!["", "-0", "-rc.1", "-rc.2"]);
    let build = prop::sample::select(vec!["", "+a", "+b"]);
    (0..3_u64, 0..2_u64, 0..2_u64, pre, build)
        .prop_map(|(a, b, c, pre, build)| Version::parse(&format!("{a}.{b}.{c}{pre}{build}")).unwrap())
}

proptest! {
    /// Intervals from the specification's words, where the fold has events.
    #[test]
    fn a_range_is_the_union_of_its_intervals(
        points in prop::collection::vec(any_version(), 1..6),
        version in any_version(),
        closed in any::<bool>(),
    ) {
        let mut points = points;
        points.sort_by(Version::cmp_precedence);
        points.dedup_by(|a, b| a.cmp_precedence(b).is_eq());
        let end = if closed { "last_affected" } else { "fixed" };
        let events: Vec<_> = points.iter().enumerate()
            .map(|(at, point)| format!(r#"{{"{}":"{point}"}}"#, if at % 2 == 0 { "introduced" } else { end }))
            .rev()
            .collect();
        let range = semver(&events.join(",")).advisories[0].affected[0].ranges[0].clone();
        let expected = points.chunks(2).any(|pair| {
            version.cmp_precedence(&pair[0]).is_ge() && pair.get(1).is_none_or(|end| {
                let at = version.cmp_precedence(end);
                at.is_lt() || closed && at.is_eq()
            })
        });
        prop_assert_eq!(holds(&range, &version), expected);
    }

    /// Adding an entry, a range or a digest never takes anything out.
    #[test]
    fn more_never_covers_less(one in any_version(), other in any_version(), here_ in any_version()) {
        let range = |at: &Version| format!(r#"{{"type":"SEMVER","events":[{{"introduced":"{at}"}}]}}"#);
        let few = here(&format!(r#""ranges":[{}]"#, range(&one)));
        let many = here(&format!(r#""ranges":[{},{}]"#, range(&one), range(&other)));
        let text = here_.to_string();
        prop_assert!(!covered(&few, Some(&text)) || covered(&many, Some(&text)));
    }

    /// What follows a `+` decides nothing.
    #[test]
    fn builds_are_all_alike(at in any_version(), version in any_version()) {
        let feed = semver(&format!(r#"{{"introduced":"0"}},{{"last_affected":"{at}"}}"#));
        let bare = Version { build: semver::BuildMetadata::EMPTY, ..version.clone() };
        prop_assert_eq!(covered(&feed, Some(&version.to_string())), covered(&feed, Some(&bare.to_string())));
    }
}
