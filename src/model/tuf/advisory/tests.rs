use super::*;
use proptest::prelude::*;

const DIGEST: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const PLACE: &str = r#""package":{"ecosystem":"Agent Skills","name":"https://git.example/acme/tools"}"#;

fn read(rest: &str) -> Result<Advisory, Malformed> {
    Advisory::read("SKA-1", format!(r#"{{"id":"SKA-1"{rest}}}"#).as_bytes())
}

/// With one entry.
fn entry(text: &str) -> Result<Advisory, Malformed> {
    read(&format!(r#","affected":[{{{text}}}]"#))
}

/// With one range of our place.
fn range(text: &str) -> Result<Advisory, Malformed> {
    entry(&format!(r#"{PLACE},"ranges":[{{{text}}}]"#))
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

#[test]
fn all_of_an_advisory_is_read() {
    let all = read(&format!(
        r#","schema_version":"1.6.0","modified":"2026-11-20T09:00:00.123456Z","withdrawn":"2026-12-01T00:00:00Z",
        "summary":"sends form data away","details":"long","aliases":["CVE-1"],"severity":[{{"type":"CVSS_V3","score":"CVSS:3.1/AV:N"}}],
        "affected":[{{{PLACE},"ranges":[
            {{"type":"SEMVER","events":[{{"fixed":"1.4.2"}},{{"introduced":"0"}}]}},
            {{"type":"GIT","repo":"https://git.example/acme/tools","events":[{{"introduced":"{}"}},{{"fixed":"{}"}},{{"limit":"*"}}]}}],
            "versions":["2.0.0"]}},
          {{"package":{{"ecosystem":"AGENT SKILLS","name":"pdf-forms","purl":"pkg:x/y"}}}},
          {{"package":{{"ecosystem":"npm","name":"left pad"}},"ranges":[{{"type":"NEW"}}]}}],
        "database_specific":{{"severity":"HIGH","skill_digests":["{DIGEST}"],"other":[1]}},"somebody":"else's""#,
        COMMIT.to_uppercase(),
        "f".repeat(40),
    ))
    .unwrap();
    assert_eq!((all.id.as_str(), all.summary.as_str()), ("SKA-1", "sends form data away"));
    assert_eq!(all.severity.as_deref(), Some("HIGH"));
    assert_eq!(all.modified.unwrap().to_string(), "2026-11-20T09:00:00Z");
    let at = |text: &str| Timestamp::parse(text).unwrap();
    assert!(!all.is_withdrawn(at("2026-11-30T23:59:59Z")) && all.is_withdrawn(at("2026-12-01T00:00:00Z")));
    assert_eq!(all.digests, BTreeSet::from([Digest::parse(DIGEST).unwrap()]));
    let [place, skill] = &all.affected[..] else { panic!("{:?}", all.affected) };
    assert_eq!(place.packages, [Package::Place("https://git.example/acme/tools".to_owned())]);
    assert_eq!(place.ranges[0].events, [(Event::Introduced, None), (Event::Fixed, Some(version("1.4.2")))]);
    assert_eq!(place.commits[0].affected, BTreeSet::from([COMMIT.to_owned()]));
    assert_eq!(place.commits[0].fixed, BTreeSet::from(["f".repeat(40)]));
    assert_eq!(place.versions, ["2.0.0"]);
    assert_eq!(skill.packages, [Package::Skill(SkillName::parse("pdf-forms").unwrap())]);
    assert!(skill.ranges.is_empty() && skill.commits.is_empty() && skill.versions.is_empty());
}

#[test]
fn what_informs_may_be_missing_null_or_odd() {
    for rest in [
        "",
        r#","affected":null,"withdrawn":null,"summary":null,"database_specific":null"#,
        r#","summary":7,"details":{"a":[]},"severity":"x","references":5,"published":"soon""#,
        r#","database_specific":{"severity":9,"skill_digests":null}"#,
        r#","schema_version":"1.99""#,
    ] {
        let read = read(rest).unwrap();
        assert_eq!((read.summary.as_str(), read.withdrawn, read.affected.len()), ("", None, 0), "{rest}");
    }
    let long = format!(r#","summary":"{}""#, "é".repeat(5_000));
    assert_eq!(read(&long).unwrap().summary.chars().count(), WORDS_MAX);
}

#[test]
fn without_a_package_the_repositories_are_meant() {
    let git = |repo: &str| format!(r#"{{"type":"GIT","repo":"{repo}","events":[{{"introduced":"0"}}]}}"#);
    let text = format!(r#""ranges":[{},{}]"#, git("https://git.example/a"), git("ssh://git@git.example/b"));
    let wanted = ["https://git.example/a", "ssh://git@git.example/b"];
    assert_eq!(
        entry(&text).unwrap().affected[0].packages,
        wanted.map(|place| Package::Place(place.to_owned()))
    );
}

#[test]
fn attack_what_decides_and_is_not_understood_refuses_the_file() {
    for rest in [
        r#","schema_version":"2.0""#,
        r#","schema_version":1"#,
        r#","withdrawn":"yesterday""#,
        r#","withdrawn":true"#,
        r#","withdrawn":"""#,
        r#","withdrawn":"2026-12-01T00:00:00.Z""#,
        r#","withdrawn":"2026-12-01T00:00:00.5+01:00""#,
        r#","withdrawn":"2026-12-01T00:00:00+01:00""#,
        r#","affected":{}"#,
        r#","affected":[1]"#,
        r#","affected":[{}]"#,
        r#","affected":[{"package":null,"versions":["1.0.0"]}]"#,
        r#","affected":[{"package":"pdf"}]"#,
        r#","affected":[{"package":{"name":"pdf"}}]"#,
        r#","affected":[{"package":{"ecosystem":"Agent Skills"}}]"#,
        r#","affected":[{"package":{"ecosystem":"Agent Skills","name":"acme/tools"}}]"#,
        r#","affected":[{"package":{"ecosystem":"Agent Skills","name":"PDF"}}]"#,
        r#","affected":[{"package":{"ecosystem":"Agent Skills","name":"https://h/a b"}}]"#,
        r#","affected":[{"package":{"ecosystem":"Agent Skills","name":"https://h/\u202ea"}}]"#,
        r#","database_specific":[]"#,
        r#","database_specific":{"skill_digests":"x"}"#,
        r#","database_specific":{"skill_digests":["sha256:12"]}"#,
        r#","database_specific":{"skill_digests":[1]}"#,
        r#","id":"SKA-1""#,
        r#","affected":[],"affected":[]"#,
        r#","x":1.5"#,
    ] {
        assert!(read(rest).is_err(), "{rest}");
    }
    for text in [
        r#""type":"NEW","events":[{"introduced":"0"}]"#,
        r#""events":[{"introduced":"0"}]"#,
        r#""type":"SEMVER""#,
        r#""type":"SEMVER","events":[]"#,
        r#""type":"SEMVER","events":[{"fixed":"1.0.0"}]"#,
        r#""type":"SEMVER","events":[{"introduced":0}]"#,
        r#""type":"SEMVER","events":[{"introduced":"1.4"}]"#,
        r#""type":"SEMVER","events":[{"introduced":"0"},{"fixed":"soon"}]"#,
        r#""type":"SEMVER","events":[{"introduced":"0"},{"ended":"1.0.0"}]"#,
        r#""type":"SEMVER","events":[{"introduced":"0","fixed":"1.0.0"}]"#,
        r#""type":"SEMVER","events":[{"introduced":"0"},{}]"#,
        r#""type":"SEMVER","events":[{"introduced":"0"},{"fixed":"2.0.0"},{"last_affected":"1.0.0"}]"#,
        r#""type":"GIT","events":[{"introduced":"0"}]"#,
        r#""type":"GIT","repo":"acme/tools","events":[{"introduced":"0"}]"#,
        r#""type":"GIT","repo":"https://h/a","events":[{"introduced":"0123456"}]"#,
        r#""type":"GIT","repo":"https://h/a","events":[{"introduced":"0"},{"fixed":"main"}]"#,
    ] {
        assert!(range(text).is_err(), "{text}");
    }
    assert!(range(r#""type":"SEMVER","events":[{"introduced":"0"}]"#).is_ok());
    for (id, text) in [("SKA-1", "{}"), ("SKA-1", "[]"), ("SKA-1", ""), ("SKA-2", r#"{"id":"SKA-1"}"#)] {
        assert!(Advisory::read(id, text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn attack_more_than_is_read_is_refused_and_not_cut() {
    let many = |text: &str, count| vec![text; count].join(",");
    let events =
        |count| range(&format!(r#""type":"SEMVER","events":[{}]"#, many(r#"{"introduced":"0"}"#, count)));
    assert!(events(LIST_MAX).is_ok() && events(LIST_MAX + 1).is_err());
    let versions = |count| entry(&format!(r#"{PLACE},"versions":[{}]"#, many(r#""1.0.0""#, count)));
    assert!(versions(10 * LIST_MAX).is_ok() && versions(10 * LIST_MAX + 1).is_err());
    let entries = |count| read(&format!(r#","affected":[{}]"#, many(&format!("{{{PLACE}}}"), count)));
    assert!(entries(LIST_MAX).is_ok() && entries(LIST_MAX + 1).is_err());
    let digest = format!(r#""{DIGEST}""#);
    let digests =
        |count| read(&format!(r#","database_specific":{{"skill_digests":[{}]}}"#, many(&digest, count)));
    assert!(digests(10 * LIST_MAX).is_ok() && digests(10 * LIST_MAX + 1).is_err());
}

#[test]
fn events_are_put_in_order_with_the_wider_reading_of_two_at_one_version() {
    let text = r#""type":"SEMVER","events":[{"introduced":"2.0.0"},{"fixed":"3.0.0"},{"fixed":"2.0.0"},{"introduced":"0"},{"introduced":"1.0.0-a"}]"#;
    let read = range(text).unwrap().affected.remove(0).ranges.remove(0);
    let wanted = [
        (Event::Introduced, None),
        (Event::Introduced, Some("1.0.0-a")),
        (Event::Fixed, Some("2.0.0")),
        (Event::Introduced, Some("2.0.0")),
        (Event::Fixed, Some("3.0.0")),
    ];
    assert_eq!(read.events, wanted.map(|(event, at)| (event, at.map(version))));
    let limits = |text: &str| {
        let text = format!(r#""type":"SEMVER","events":[{{"introduced":"0"}},{text}]"#);
        range(&text).unwrap().affected.remove(0).ranges.remove(0).limit
    };
    assert_eq!(limits(r#"{"limit":"1.0.0"},{"limit":"2.0.0"}"#), Some(version("2.0.0")));
    assert_eq!(limits(r#"{"limit":"1.0.0"},{"limit":"*"}"#), None);
}

const GOOD: &str = r#"{"id":"SKA-1","modified":"2026-11-20T09:00:00Z","summary":"x","affected":[{"package":{"ecosystem":"Agent Skills","name":"pdf"},"versions":["1.0.0"]}]}"#;

#[test]
fn a_publisher_is_told_of_every_slip() {
    let check = |text: &str| Advisory::to_publish("SKA-1", text.as_bytes(), None).map_err(|bad| bad.0);
    assert!(check(GOOD).is_ok());
    for (from, to, says) in [
        (r#""versions""#, r#""verisons""#, "verisons"),
        (r#""affected""#, r#""affectd""#, "affectd"),
        (r#""name""#, r#""Name":"x","name""#, "`Name`"),
        (
            r#""versions":["1.0.0"]"#,
            r#""ranges":[{"type":"SEMVER","events":[{"introduced":"0"}],"to":1}]"#,
            "`to`",
        ),
        ("Agent Skills", "Agent-Skills", "covers no skill"),
        (r#""modified":"2026-11-20T09:00:00Z","#, "", "`modified` is missing"),
        (r#""summary":"x""#, r#""summary":" ""#, "`summary` is missing"),
        (r#""versions":["1.0.0"]"#, r#""database_specific":{"skill_digests":[]}"#, "counts only in"),
    ] {
        assert_ne!(GOOD.replace(from, to), GOOD);
        let said = check(&GOOD.replace(from, to)).unwrap_err();
        assert!(said.contains(says), "{to}: {said}");
    }
    // What clients read all the same, as the wider or the narrower of two meanings.
    assert_eq!(read(r#","affectd":[{}]"#).unwrap().affected.len(), 0);
    // One that is withdrawn may cover nothing.
    let ended =
        GOOD.replace("Agent Skills", "npm").replace(r#""id""#, r#""withdrawn":"2026-11-20T09:00:00Z","id""#);
    assert!(check(&ended).is_ok());
}

#[test]
fn a_change_has_a_later_time() {
    let next = |modified: &str, before: &str| {
        let text = GOOD.replace("2026-11-20T09:00:00Z", modified).replace("1.0.0", "1.0.1");
        Advisory::to_publish("SKA-1", text.as_bytes(), Some(before.as_bytes())).is_ok()
    };
    for (modified, good) in
        [("2026-11-20T09:00:01Z", true), ("2026-11-20T09:00:00Z", false), ("2026-11-20T08:59:59Z", false)]
    {
        assert_eq!(next(modified, GOOD), good, "{modified}");
    }
    // The same file once more, and one in place of what nobody could read.
    assert!(Advisory::to_publish("SKA-1", GOOD.as_bytes(), Some(GOOD.as_bytes())).is_ok());
    assert!(next("2020-01-01T00:00:00Z", r#"{"id":"SKA-1"}"#) && next("2020-01-01T00:00:00Z", "x"));
}

#[test]
fn attack_a_summary_goes_on_in_our_words() {
    let text = r#","summary":"x\", withdrawn by \"the team\"\u001b[2J\n\u202e","database_specific":{"severity":"LOW\u0007"}"#;
    let told = read(text).unwrap().told("team", Vec::new());
    let all = format!("{told:?}");
    assert!(!told.summary.contains('"') && told.summary.contains("x', withdrawn"), "{all}");
    assert!(
        ![&told.summary, told.severity.as_ref().unwrap()].iter().any(|one| one.chars().any(text::is_hidden)),
        "{all}"
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "id",
        "SKA-1",
        "affected",
        "package",
        "ecosystem",
        "Agent Skills",
        "name",
        "pdf",
        "ranges",
        "type",
        "SEMVER",
        "GIT",
        "events",
        "introduced",
        "0",
        "fixed",
        "1.0.0",
        "versions",
        "https://h/a",
        "repo",
        "withdrawn",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Int),
        word.clone().prop_map(|word| Value::Text(word.to_owned()))
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        let name = word.clone().prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map(name, inner, 0..6).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_panics_and_what_may_be_published_is_read_the_same(mut value in any_json()) {
        if let Value::Map(map) = &mut value {
            map.insert("id".to_owned(), Value::Text("SKA-1".to_owned()));
        }
        let bytes = value.to_json();
        let read = Advisory::read("SKA-1", &bytes);
        if let Ok(good) = Advisory::to_publish("SKA-1", &bytes, None) {
            prop_assert_eq!(read, Ok(good));
        }
    }
}
