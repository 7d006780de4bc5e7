//! Installers × values that are more than a value, with everything allowed that
//! may be: each is stopped, or is exactly one argument.

use super::*;

const KINDS: &[&str] = &["brew", "npm", "go", "cargo", "uv", "pip", "apt", "gem"];

/// Every option that a template has, and nothing else may be one.
const OPTIONS: &[&str] = &[
    "--yes",
    "--no-install-recommends",
    "-o",
    "--formula",
    "--cask",
    "--locked",
    "--root",
    "--git",
    "--rev",
    "--version",
    "--no-document",
    "--install-dir",
    "--bindir",
    "--global",
    "--prefix",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--registry",
    "-m",
    "--isolated",
    "--no-input",
    "--only-binary",
    "--target",
    "--index-url",
    "--extra-index-url",
    "--no-config",
    "--no-build",
    "--default-index",
    "--index",
    "--",
];

/// Each kind of value that the matrix has, as an author could put it.
const VALUES: &[&str] = &[
    // A dash in front, options behind.
    "-g",
    "--registry=https://x.example",
    "--",
    "x --pre",
    "x\t--pre",
    "x --index-url https://x.example/simple",
    // Quotes, newlines, NUL, shells, globs.
    "x\"y",
    "x'y",
    "x\ny",
    "x\r\ny",
    "x\0y",
    "$(id)",
    "`id`",
    "x;id",
    "x&&id",
    "x|id",
    "x>y",
    "x*",
    "x?",
    "[x]",
    "{x,y}",
    "%s",
    "@file",
    "@x/",
    // Addresses and places.
    "http://x.example/y",
    "https://u:p@x.example/y",
    "https://x.example:8080/y",
    "https://x.example/a/../b",
    "https://x.example/%2e%2e/b",
    "https://x.example//b",
    "https://x.example/b c",
    "https://x.example/-b --pre",
    "https://1.2.3.4/b",
    "https://[::1]/b",
    "https://xn--x-x.example/b",
    "https://X.example/b",
    "https://x.example./b",
    "https://-x.example/b",
    "https://x.example/b#egg=c",
    "ftp://x.example/b",
    "git+ssh://git@x.example/b",
    "git+http://x.example/b",
    "git+https://u@x.example/b",
    "git+https://x.example/b@--upload-pack=id",
    "git+https://x.example/b#--upload-pack=id",
    "git+https://x.example/b@a..b",
    "git@x.example:a/b",
    "ext::sh -c id",
    "user/repo",
    "github:user/repo",
    "npm:y@1.0.0",
    "x@npm:y@1.0.0",
    "file:../y",
    "link:../y",
    "workspace:*",
    "../y",
    "/etc/passwd",
    "~/y",
    ".",
    "",
    " ",
    // Letters that look alike or are not seen.
    "х",
    "ｘ",
    "x\u{200b}y",
    "x\u{202e}y",
    "x\u{a0}y",
    // Versions.
    "x@^1 || ^2",
    "x==1.0 --hash=sha256:0",
    "x===1",
    "x @ https://x.example/y",
];

/// Words that carry a value of the author.
const WORDS: &[&str] = &[
    "package",
    "formula",
    "cask",
    "module",
    "crate",
    "version",
    "range",
    "extras",
    "from",
    "git",
    "url",
    "rev",
    "tap",
    "index",
    "index-url",
    "extra-index-url",
    "registry",
    "marker",
];

fn check(step: &Step, kind: &str, word: &str, value: &str) {
    for (at, argument) in step.argv.iter().enumerate() {
        let ours =
            argument.starts_with("/tools") || OPTIONS.contains(&argument.as_str()) || argument == ":all:";
        assert!(!argument.is_empty(), "{kind} {word}={value:?}: {:?}", step.argv);
        assert!(!argument.starts_with('-') || ours, "{kind} {word}={value:?}: {:?}", step.argv);
        let odd =
            |c: char| c.is_whitespace() || c.is_control() || !c.is_ascii() || "$`;|&\"'\\*?(){}%".contains(c);
        let range = argument.contains(['<', '>', '=', '~', '^', '!']);
        assert!(ours || range || !argument.contains(odd), "{kind} {word}={value:?} at {at}: {:?}", step.argv);
        assert!(!argument.contains(char::is_whitespace) && !argument.contains('\0'), "{:?}", step.argv);
        let address = argument.contains("://");
        assert!(
            !address || argument.starts_with("https://") || argument.starts_with("git+https://"),
            "{:?}",
            step.argv
        );
        assert!(!argument.contains("..") && !argument.starts_with('/') || ours, "{:?}", step.argv);
    }
}

#[test]
fn the_matrix_of_installers_and_values() {
    let (mut stopped, mut passed) = (0, 0);
    for kind in KINDS {
        for word in WORDS {
            for value in VALUES.iter().copied().chain([format!("x{}", "y".repeat(4000)).as_str()]) {
                let words = match *word {
                    "package" | "formula" | "cask" | "module" | "crate" | "from" => vec![(*word, value)],
                    word if *kind == "go" => vec![("package", "x.example/y"), (word, value)],
                    "rev" => vec![("git", "https://x.example/y"), ("rev", value)],
                    word => vec![("package", "abc"), (word, value)],
                };
                let plan = allowing(&[wanted(kind, &words)], Scope::ALL);
                assert_eq!(plan.steps.len() + plan.refused.len(), 1, "{kind} {words:?}: {plan:?}");
                plan.steps.iter().for_each(|step| check(step, kind, word, value));
                stopped += plan.refused.len();
                passed += plan.steps.len();
            }
        }
    }
    // What passes is words that an installer does not have, and repositories whose commit is plain.
    assert!(stopped > passed * 6, "{stopped} stopped, {passed} passed");
}

#[test]
fn attack_what_is_dangerous_passes_in_no_word_without_a_scope() {
    for kind in KINDS {
        for word in ["git", "url", "tap", "registry", "index-url", "sudo", "system", "scripts", "build"] {
            let plan = planned(&[wanted(kind, &[("package", "abc"), (word, "https://x.example/y")])]);
            assert!(plan.steps.is_empty(), "{kind} {word}: {:?}", plan.steps);
        }
    }
}

#[test]
fn a_scope_makes_a_step_of_what_has_arguments_and_tells_the_risk() {
    for (kind, words, scope, risk, line) in [
        (
            "npm",
            &[("package", "https://x.example/a.tgz")][..],
            Scope::Url,
            Risk::Url,
            "npm install --global --prefix /tools --ignore-scripts --no-audit --no-fund -- https://x.example/a.tgz",
        ),
        (
            "uv",
            &[("from", "git+https://x.example/a@v1")],
            Scope::Git,
            Risk::Git,
            "uv tool install --no-config -- git+https://x.example/a@v1",
        ),
        (
            "cargo",
            &[("git", "https://x.example/a"), ("rev", "abc")],
            Scope::Git,
            Risk::Git,
            "cargo install --locked --root /tools --git https://x.example/a --rev abc",
        ),
        (
            "pip",
            &[("package", "a"), ("extra-index-url", "https://x.example/simple")],
            Scope::Index,
            Risk::Index,
            "python3 -m pip --isolated --no-input install --only-binary :all: --target /tools/python --extra-index-url https://x.example/simple -- a",
        ),
        (
            "brew",
            &[("formula", "c"), ("tap", "a/b")],
            Scope::Tap,
            Risk::ThirdPartyTap,
            "brew install --formula -- a/b/c",
        ),
        (
            "npm",
            &[("package", "a"), ("scripts", "on")],
            Scope::Scripts,
            Risk::RunsOnInstall,
            "npm install --global --prefix /tools --no-audit --no-fund -- a",
        ),
        (
            "pip",
            &[("package", "a"), ("build", ":all:")],
            Scope::Build,
            Risk::Build,
            "python3 -m pip --isolated --no-input install --target /tools/python -- a",
        ),
        (
            "gem",
            &[("package", "a"), ("sudo", "sudo")],
            Scope::Root,
            Risk::Root,
            "gem install --no-document --install-dir /tools/gems --bindir /tools/bin a",
        ),
        (
            "pip",
            &[("package", "a"), ("system", "--break-system-packages")],
            Scope::System,
            Risk::Global,
            "python3 -m pip --isolated --no-input install --only-binary :all: --target /tools/python -- a",
        ),
    ] {
        let one = wanted(kind, words);
        let without = planned(std::slice::from_ref(&one));
        assert!(without.steps.is_empty(), "{kind} {words:?}");
        assert_eq!(without.refused[0].allow, BTreeSet::from([scope]), "{kind} {words:?}");
        let plan = allowing(&[one], &[scope]);
        assert_eq!(plan.steps[0].argv.join(" "), line);
        assert!(plan.steps[0].risks.contains(&risk), "{:?}", plan.steps[0].risks);
        assert_ne!(plan.digest().unwrap(), without.digest().unwrap());
    }
}

#[test]
fn every_scope_that_is_missing_is_named() {
    let one =
        wanted("pip", &[("from", "git+https://x.example/a"), ("index-url", "https://x.example/simple")]);
    let plan = planned(std::slice::from_ref(&one));
    assert_eq!(plan.refused[0].allow, BTreeSet::from([Scope::Git, Scope::Index]));
    assert!(allowing(std::slice::from_ref(&one), &[Scope::Git]).steps.is_empty());
    assert_eq!(allowing(&[one], &[Scope::Git, Scope::Index]).steps.len(), 1);
}

/// Attack: `--only-binary` speaks of what an index offers. A file at an address that is no
/// wheel is built, and building runs what its author wrote.
#[test]
fn attack_an_allowed_address_of_sources_runs_its_setup() {
    let at = |url: &str| wanted("pip", &[("package", url)]);
    for url in [
        "https://x.example/a.tar.gz",
        "https://x.example/a.zip",
        "https://x.example/a",
        "https://x.example/a.whl/",
        "https://x.example/a.whl.tgz",
        "https://x.example/awhl",
    ] {
        let refused = planned(&[at(url)]);
        assert_eq!(refused.refused[0].allow, BTreeSet::from([Scope::Url, Scope::Build]), "{url}");
        for one in [Scope::Url, Scope::Build] {
            let plan = allowing(&[at(url)], &[one]);
            assert!(plan.steps.is_empty() && plan.refused.len() == 1, "{url} {one:?}: {plan:?}");
        }
        let both = allowing(&[at(url)], &[Scope::Url, Scope::Build]);
        assert!(both.steps[0].risks.is_superset(&BTreeSet::from([Risk::Url, Risk::Build])), "{both:?}");
    }
    let wheel = allowing(&[at("https://x.example/a-1.0-py3-none-any.whl")], &[Scope::Url]);
    assert!(!wheel.steps[0].risks.contains(&Risk::Build), "{wheel:?}");
    assert!(wheel.steps[0].argv.join(" ").contains("--only-binary :all:"), "{wheel:?}");
}

#[test]
fn what_an_installer_has_no_arguments_for_cannot_be_allowed() {
    for (kind, word, value) in [
        ("gem", "git", "https://x.example/a"),
        ("go", "registry", "https://x.example/a"),
        ("apt", "url", "https://x.example/a.deb"),
        ("npm", "extra-index-url", "https://x.example/a"),
        ("pip", "find-links", "https://x.example/a"),
    ] {
        let package = if kind == "go" { "x.example/y" } else { "abc" };
        let plan = allowing(&[wanted(kind, &[("package", package), (word, value)])], Scope::ALL);
        assert!(plan.steps.is_empty(), "{kind}: {:?}", plan.steps);
        assert!(plan.refused[0].allow.is_empty(), "{kind}: {:?}", plan.refused);
    }
}

proptest! {
    /// Whatever stands in whatever word, with everything allowed: no option of the author's.
    #[test]
    fn no_word_becomes_an_option(kind in "brew|npm|go|cargo|uv|pip|apt|gem", words in proptest::collection::vec((0..WORDS.len(), "[-@a-z0-9./:#+~^<>=, $;]{0,24}"), 1..4)) {
        let words: Vec<_> = words.iter().map(|(at, value)| (WORDS[*at], value.as_str())).collect();
        for step in allowing(&[wanted(&kind, &words)], Scope::ALL).steps {
            check(&step, &kind, "any", &format!("{words:?}"));
        }
    }
}
