use super::*;

fn parse(typed: &str) -> Result<SourceSpec, BadSource> {
    SourceSpec::parse(typed, |name| ["here", "here/skill"].contains(&name))
}

fn git(url: &str, reference: Option<&str>, path: Option<&str>) -> SourceSpec {
    SourceSpec::Git {
        url: url.to_owned(),
        reference: reference.map(str::to_owned),
        path: path.map(|path| EntryPath::parse(path.as_bytes()).unwrap()),
    }
}

#[test]
fn the_accepted_forms() {
    assert_eq!(parse("acme/pdf").unwrap(), git("https://github.com/acme/pdf", None, None));
    assert_eq!(
        parse("acme/pdf/skills/a@v1.2").unwrap(),
        git("https://github.com/acme/pdf", Some("v1.2"), Some("skills/a"))
    );
    assert_eq!(parse("https://Host.example/x/y.git").unwrap(), git("https://host.example/x/y", None, None));
    assert_eq!(parse("git@host.example:x/y.git").unwrap(), git("ssh://git@host.example/x/y.git", None, None));
    assert_eq!(parse("ssh://git@h:22/x").unwrap(), git("ssh://git@h:22/x", None, None));
    assert_eq!(parse("file:///srv/x").unwrap(), git("file:///srv/x", None, None));
    let archive =
        SourceSpec::WebArchive { url: "https://h.example/x/pdf.zip".to_owned(), format: Format::Zip };
    assert_eq!(parse("https://H.example:443/x/pdf.zip").unwrap(), archive);
    assert_eq!(SourceSpec::archive("https://h.example/x/pdf.zip"), archive);
    assert_eq!(
        parse("https://h.example/x/pdf.zip.git").unwrap(),
        git("https://h.example/x/pdf.zip", None, None)
    );
    let site = SourceSpec::Site { url: "https://h.example".to_owned() };
    for same in ["https://h.example", "https://H.example:443/", &format!("https://h.example/{INDEX}")] {
        assert_eq!(parse(same).unwrap(), site, "{same}");
    }
    assert_eq!(parse("ssh://h/x/pdf.zip").unwrap(), git("ssh://h/x/pdf.zip", None, None));
    assert_eq!(parse("here").unwrap(), SourceSpec::Folder("here".into()));
    assert_eq!(parse("./x").unwrap(), SourceSpec::Folder("./x".into()));
}

#[test]
fn option_injection_and_foreign_transports_are_refused() {
    for bad in [
        "",
        "-x",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c touch% x",
        "fd::3",
        "http://h/x",
        "git://h/x",
        "https://-oProxyCommand=x/y",
        "ssh://-oProxyCommand=x/y",
        "ssh://h/-x",
        "https://u:p@h/x",
        "https://u@h/x",
        "https://",
        "https:///x",
        "https://u@h",
        "https://h/x?y",
        "https://h/x#y",
        "https://h/../x",
        "https://h/a b",
        "ftp://h/x",
        "file://host/x",
        "a\nb/c",
        "acme/pdf@-x",
        "acme/pdf@a..b",
        "acme/pdf/../x",
        "-a/b",
        "a/-b",
        "acme",
        "h:x",
        "ssh://u:p@h/x",
        "https://h:99999/x",
        "https://h/x$(y)",
        "https://\u{202e}h/x",
        "C:/x",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn one_place_has_one_spelling() {
    let https = git("https://h.example/x/y", None, None);
    for same in ["https://h.example:443/x/y", "https://H.example/x/y.git", "HTTPS://h.example/x/y/"] {
        assert_eq!(parse(same).unwrap(), https, "{same}");
    }
    let long = format!("https://h/{}", "x".repeat(LENGTH_MAX));
    for bad in
        ["https://h.example//x/y", "https://h.example./x/y", "https://h:0443/x", "https://h:+1/x", &long]
    {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn attack_dots_before_the_ending_that_is_taken_off() {
    // Each would be recorded as an address that is read as another place.
    for typed in [
        "https://h.example/acme/...git",
        "https://h.example/acme/..git",
        "https://h.example/acme/.git",
        "https://h.example/.git",
        "https://h.example/...git",
        "https://h.example/acme/x.git.git",
        "acme/x.git.git",
    ] {
        let refused = SourceSpec::parse(typed, |_| false);
        assert!(matches!(refused, Err(BadSource::Malformed(_))), "{typed}: {refused:?}");
    }
    let dotted = SourceSpec::parse("https://h.example/acme/x..git", |_| false).unwrap();
    assert_eq!(dotted.address(), Some("https://h.example/acme/x."));
}

#[test]
fn a_folder_named_like_a_repository_is_not_taken_for_either() {
    let refused = parse("here/skill").unwrap_err();
    assert_eq!(refused, BadSource::TwoMeanings("here/skill".into(), "https://github.com/here/skill".into()));
    assert_eq!(parse("./here/skill").unwrap(), SourceSpec::Folder("./here/skill".into()));
    assert!(matches!(parse("here/other").unwrap(), SourceSpec::Git { .. }));
}

#[test]
fn references_are_gits_and_need_no_quoting() {
    for good in ["main", "v1.2.3", "feature/x", "release-1", "0123456789abcdef0123456789abcdef01234567"] {
        assert!(is_reference(good), "{good}");
    }
    for bad in
        ["", "-x", "a..b", "a b", "x.lock", "@", "a@{1}", "/x", "x/", "x\u{7}", "$(x)", "a/.b", "a~1", "a^"]
    {
        assert!(!is_reference(bad), "{bad}");
    }
}
