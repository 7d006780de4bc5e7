//! Calls of package managers as they stand in text, option by option.
//!
//! An option is known to change nothing here, or it becomes a word that leads
//! elsewhere, or it is `option`: then the plan refuses the whole call.
//!
//! Attack: `pip install --trusted-host x --index-url http://x requests`, which
//! without its options would look like any other.

use super::spec::{Words, named, versioned, word};
use super::{at, refused};
use crate::model::dependency::{AskedAt, Collected, Need, NeedKind, Scope, Wanted};
use crate::model::text;
use crate::policy::deps::denied;
use crate::policy::review::asks::{Does, Installs, of_command, of_files};
use crate::policy::review::{File, hosts};

/// Most that is taken from text.
const MOST: usize = 2_000;

/// Everything that the texts of these files do.
pub(super) fn collect(files: &[File<'_>], all: &mut Collected) {
    for done in of_files(files).iter().filter(|done| done.is_run()) {
        take(&done.does, &[], &at(&done.path, done.place.line, false), all);
    }
}

/// What is known of a command in an install entry.
pub(super) fn of_entry(command: &str, os: &[String], at: &AskedAt, all: &mut Collected) {
    for does in of_command(command) {
        take(&does, os, at, all);
    }
}

fn take(does: &Does, os: &[String], at: &AskedAt, all: &mut Collected) {
    if all.wanted.len() + all.refused.len() + all.needs.len() > MOST {
        return;
    }
    match does {
        Does::Runs(urls) => {
            all.refused.push(refused("download and run", Scope::Fetch, runs(urls), at.clone()))
        }
        Does::Points(said) => {
            let why = format!("`{}`: {}", text::escape_short(said, 120), denied::of(Scope::Index).why);
            all.refused.push(refused("setting", Scope::Index, why, at.clone()));
        }
        Does::Taps(tap) => {
            let why = format!("`brew tap {}`: {}", text::escape_short(tap, 80), denied::of(Scope::Tap).why);
            all.refused.push(refused("brew", Scope::Tap, why, at.clone()));
        }
        Does::Installs(one) if one.runs => {
            // Of a container nothing is known but its image.
            if let Some(name) = one.packages.first().filter(|name| !name.starts_with(['.', '/'])) {
                let named = format!("{name} ({})", one.manager);
                let need =
                    Need { kind: NeedKind::AtUse, any_of: vec![named], brought_by: None, asked: at.clone() };
                all.needs.push(need);
            }
        }
        Does::Installs(one) => installs(one, os, at, all),
    }
}

fn runs(urls: &[String]) -> String {
    let shown: Vec<_> = urls.iter().map(|url| format!("`{}`", text::escape_short(url, 120))).collect();
    let from = if shown.is_empty() { "an address".to_owned() } else { shown.join(", ") };
    let why = denied::of(Scope::Fetch).why;
    let known: Option<Vec<_>> = urls.iter().map(|url| hosts::at(url)).collect();
    match known.as_deref() {
        Some([known, ..]) => format!("{from} is {}; still, {why}", known.words()),
        _ => format!("{from}: {why}"),
    }
}

/// What a call installs: kinds and names.
pub(super) fn packages(one: &Installs) -> Vec<(&'static str, String)> {
    let Some(kind) = kind_of(one).filter(|_| !one.runs) else { return Vec::new() };
    let (_, names) = options(kind, &one.args);
    let is_name =
        |name: &&str| !name.is_empty() && !name.contains('…') && !name.starts_with(['.', '/', '{', '<']);
    let first = |name: &str| named(kind, name).remove("package").and_then(|mut all| all.pop());
    names.into_iter().filter(is_name).filter_map(first).map(|name| (kind, name)).collect()
}

/// The kind that a manager means; none if what it installs is a project's own.
fn kind_of(one: &Installs) -> Option<&'static str> {
    let verb = one.argv.iter().skip(1).find(|word| !word.starts_with('-')).map_or("", String::as_str);
    match (one.kind, one.manager.as_str(), verb) {
        ("pip", "pipx", _) | ("pip", "uv", "tool") => Some("uv"),
        ("pip", "conda" | "mamba" | "micromamba" | "pixi", _) => Some("conda"),
        ("pip", ..) => Some("pip"),
        ("npm", ..) => Some("npm"),
        ("brew", ..) => Some("brew"),
        ("go", _, "get") | ("cargo", _, "add") | ("other", "dotnet", "add") => None,
        ("go", ..) => Some("go"),
        ("cargo", ..) => Some("cargo"),
        ("gem", ..) => Some("gem"),
        ("system", "apt" | "apt-get" | "aptitude", _) => Some("apt"),
        ("system", manager, _) | ("other", manager, _) => {
            denied::OTHERS.iter().copied().find(|known| *known == manager)
        }
        _ => None,
    }
}

fn installs(one: &Installs, os: &[String], at: &AskedAt, all: &mut Collected) {
    let Some(kind) = kind_of(one) else { return };
    let (common, names) = options(kind, &one.args);
    let mut common = common;
    if one.root && kind != "apt" {
        common.insert("sudo".to_owned(), word("sudo"));
    }
    let mut push = |words: Words| {
        all.wanted.push(Wanted { kind: kind.to_owned(), words, os: os.to_vec(), at: at.clone() });
    };
    let names: Vec<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
    // A list of the skill's own, which is collected where it lies.
    let leads = common.keys().any(|key| denied::WORDS.iter().any(|(word, _)| word == key));
    if names.is_empty() && leads {
        push(common);
    } else {
        for name in names {
            let mut words = common.clone();
            let cask = words.remove("cask").is_some();
            for (key, values) in named(kind, name) {
                let key = if cask && key == "package" { "cask".to_owned() } else { key };
                words.entry(key).or_default().extend(values);
            }
            push(words);
        }
    }
}

/// What an option does to a call.
enum Means {
    /// Nothing that matters to a plan.
    Nothing,
    /// Its value does not matter either.
    Skip,
    /// It is a word, without a value.
    Word(&'static str),
    /// Its value is a word.
    Value(&'static str),
    /// A list of packages: a file, or an address.
    List,
    /// Nothing is known of it.
    Unknown,
}

fn means(kind: &str, option: &str) -> Means {
    match (kind, option) {
        (
            _,
            "-y" | "--yes" | "-q" | "--quiet" | "-qq" | "--silent" | "--verbose" | "--no-input"
            | "--assume-yes",
        )
        | (_, "-v" | "-V" | "--no-progress" | "--no-color")
            if !(kind == "gem" && option == "-v") =>
        {
            Means::Nothing
        }
        ("pip" | "uv", "-i" | "--index-url" | "--index" | "--default-index") => Means::Value("index-url"),
        ("pip" | "uv", "--extra-index-url") => Means::Value("extra-index-url"),
        ("pip" | "uv", "-f" | "--find-links") => Means::Value("find-links"),
        ("pip", "-r" | "--requirement" | "--requirements" | "-c" | "--constraint") => Means::List,
        ("pip" | "uv", "-e" | "--editable") => Means::Value("path"),
        ("pip", "--break-system-packages" | "--system") => Means::Word("system"),
        ("pip", "--user") => Means::Word("global"),
        ("pip" | "uv", "--no-binary") => Means::Value("build"),
        ("pip", "-t" | "--target" | "--prefix" | "--root" | "--timeout" | "--retries") => Means::Skip,
        (
            "pip" | "uv",
            "-U" | "--upgrade" | "--no-cache-dir" | "--no-cache" | "--disable-pip-version-check",
        )
        | ("pip" | "uv", "--prefer-binary" | "--force-reinstall" | "--force" | "-qqq" | "--dev")
        | ("pip", "--require-hashes" | "--only-binary=:all:" | "--no-warn-script-location" | "--no-build") => {
            Means::Nothing
        }
        ("npm", "-g" | "--global" | "--location=global") => Means::Word("global"),
        ("npm", "--registry") => Means::Value("registry"),
        ("npm", "--foreground-scripts" | "--ignore-scripts=false" | "--no-ignore-scripts") => {
            Means::Word("scripts")
        }
        ("npm", "--prefix" | "-C" | "--dir" | "--cwd" | "-w" | "--workspace" | "--filter") => Means::Skip,
        ("npm", "--save" | "--save-dev" | "--save-exact" | "-D" | "-S" | "-E" | "-d" | "--dev" | "-W")
        | (
            "npm",
            "--ignore-scripts" | "--no-audit" | "--no-fund" | "--no-save" | "--production" | "--omit=dev",
        )
        | (
            "npm",
            "--legacy-peer-deps" | "--frozen-lockfile" | "--exact" | "--prefer-offline" | "-P"
            | "--save-prod",
        )
        | (
            "npm",
            "--no-optional" | "--only=production" | "--no-package-lock" | "-f" | "--force"
            | "--loglevel=error",
        ) => Means::Nothing,
        ("brew", "--cask") => Means::Word("cask"),
        ("brew", "--formula" | "--no-quarantine=false") => Means::Nothing,
        ("cargo", "--git") => Means::Value("git"),
        ("cargo", "--rev" | "--tag" | "--branch") => Means::Value("rev"),
        ("cargo", "--path") => Means::Value("path"),
        ("cargo", "--index" | "--registry") => Means::Value("index"),
        ("cargo", "--version" | "--vers") => Means::Value("version"),
        ("cargo", "--root" | "-j" | "--jobs") => Means::Skip,
        ("cargo", "--locked" | "--force" | "-f" | "--no-confirm") => Means::Nothing,
        ("gem", "-v" | "--version") => Means::Value("version"),
        ("gem", "-s" | "--source") => Means::Value("index"),
        ("gem", "--no-document" | "--no-doc" | "-N" | "--user-install") => Means::Nothing,
        ("apt", "--no-install-recommends" | "-yq" | "-qy" | "-qqy" | "-yqq" | "--fix-missing" | "-f") => {
            Means::Nothing
        }
        ("go", _) | (_, _) => Means::Unknown,
    }
}

/// The words that hold for every package of a call, and the packages.
fn options<'a>(kind: &str, args: &'a [String]) -> (Words, Vec<&'a str>) {
    let (mut words, mut names, mut rest) = (Words::new(), Vec::new(), args.iter().map(String::as_str));
    let mut ended = false;
    while let Some(arg) = rest.next() {
        if ended || !arg.starts_with('-') || arg == "-" {
            names.push(arg);
            continue;
        }
        if arg == "--" {
            ended = true;
            continue;
        }
        let (option, attached) = match arg.split_once('=') {
            Some((option, value)) if arg.starts_with("--") => (option, Some(value)),
            _ => (arg, None),
        };
        let whole = means(kind, arg);
        let meaning =
            if attached.is_some() && matches!(whole, Means::Unknown) { means(kind, option) } else { whole };
        let mut value = || attached.or_else(|| rest.next()).unwrap_or_default();
        let mut add =
            |key: &str, value: &str| words.entry(key.to_owned()).or_default().push(value.to_owned());
        match meaning {
            Means::Nothing => {}
            Means::Skip => {
                value();
            }
            Means::Word(key) => add(key, arg),
            Means::Value("rev") => add("rev", value()),
            Means::Value(key) => add(key, value()),
            Means::List => match value() {
                list if list.contains("://") => add("url", list),
                _ => {}
            },
            Means::Unknown => add("option", arg),
        }
    }
    (words, names)
}

/// The words for a name with a version beside it.
pub(super) fn listed(kind: &str, name: &str, version: &str) -> Words {
    match kind {
        "npm" => versioned(name, version),
        // A bare number is a range for cargo.
        "cargo" if version.starts_with(|c: char| c.is_ascii_digit()) => {
            versioned(name, &format!("^{version}"))
        }
        "cargo" => versioned(name, version),
        _ => named(kind, name),
    }
}
