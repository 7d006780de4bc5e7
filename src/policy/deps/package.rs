//! From the words of an entry to a package of an installer, and what of them is
//! refused unless a person allows it.
//!
//! Nothing is dropped silently: a word that leads elsewhere is a denial, a value
//! that is not surely a name ends the entry.

use super::{argv, denied, values};
use crate::model::dependency::{Installer, Scope, Wanted};
use crate::model::text;

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Denial {
    pub scope: Scope,
    /// Escaped.
    pub why: String,
}

impl Denial {
    pub(super) fn new(scope: Scope, why: impl Into<String>) -> Self {
        Self { scope, why: why.into() }
    }

    /// A value of the author, and the reason that its scope has.
    pub(super) fn of(scope: Scope, value: &str) -> Self {
        Self::new(scope, format!("`{}`: {}", text::escape_short(value, 80), denied::of(scope).why))
    }
}

/// Where a package comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// From the installer's own registry.
    Registry,
    /// A file.
    Url(String),
    /// A repository, perhaps at a commit, tag or branch.
    Git { url: String, rev: Option<String> },
}

/// A package of an installer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    pub installer: Installer,
    /// Empty if only its origin is known.
    pub name: String,
    pub version: Option<String>,
    pub range: Option<String>,
    pub extras: Vec<String>,
    pub origin: Origin,
    /// Another index, and whether it comes beside the public one.
    pub index: Option<(bool, String)>,
    pub cask: bool,
    pub scripts: bool,
    pub build: bool,
    pub global: bool,
    pub root: bool,
}

/// One package that an entry names.
pub(super) struct Asking {
    /// Or what ends it.
    pub package: Result<Package, Denial>,
    /// What has to be allowed first.
    pub denials: Vec<Denial>,
}

/// The installer that a kind means.
fn installer(kind: &str) -> Result<Installer, Denial> {
    Ok(match kind.to_ascii_lowercase().as_str() {
        "apt" | "apt-get" | "deb" => Installer::Apt,
        "brew" | "homebrew" => Installer::Brew,
        "cargo" | "rust" | "crate" => Installer::Cargo,
        "gem" | "ruby" => Installer::Gem,
        "go" | "golang" => Installer::Go,
        "npm" | "node" | "pnpm" | "yarn" | "bun" => Installer::Npm,
        "pip" | "pip3" | "python" => Installer::Pip,
        "uv" | "uvx" | "pipx" => Installer::Uv,
        "download" => return Err(Denial::new(Scope::Download, denied::of(Scope::Download).why)),
        "git" => return Err(Denial::new(Scope::Git, denied::of(Scope::Git).why)),
        "shell" | "script" | "exec" | "command" | "manual" | "note" => {
            let why = format!("a command in the author's own words: {}", denied::of(Scope::Shell).why);
            return Err(Denial::new(Scope::Shell, why));
        }
        other if denied::OTHERS.contains(&other) => {
            let why =
                format!("there is no form for the arguments of `{other}`: install it by hand if you want it");
            return Err(Denial::new(Scope::Kind, why));
        }
        other => {
            let why = format!("nothing is known of the kind `{}`", text::escape_short(other, 40));
            return Err(Denial::new(Scope::Kind, why));
        }
    })
}

/// Words that name what is to be installed.
const NAMED: &[&str] =
    &["package", "packages", "formula", "cask", "module", "modules", "crate", "name", "pkg", "gem", "from"];

/// Every package that an entry names.
pub(super) fn asked(one: &Wanted) -> Vec<Asking> {
    let ends = |denial| vec![Asking { package: Err(denial), denials: Vec::new() }];
    let installer = match installer(&one.kind) {
        Ok(installer) => installer,
        Err(denial) => return ends(said(one, denial)),
    };
    let first = |word: &str| one.words.get(word).and_then(|all| all.first()).map(String::as_str);
    let mut denials = Vec::new();
    for (word, scope) in denied::WORDS {
        let Some(value) = first(word) else { continue };
        if *scope == Scope::Index && is_public(value) {
            continue;
        }
        let why = format!("`{word}: {}`: {}", text::escape_short(value, 80), denied::of(*scope).why);
        let denial = Denial::new(*scope, why);
        // Attack: a tap in `tap:` of something that is no formula.
        let fits = scope.may_be_allowed() && (*scope != Scope::Tap || installer == Installer::Brew);
        if !fits {
            return ends(denial);
        }
        denials.push(denial);
    }
    let from = first("from").is_some();
    let names: Vec<(&str, &String)> = NAMED
        .iter()
        .filter(|word| !from || **word == "from")
        .filter_map(|word| Some((*word, one.words.get(*word)?)))
        .flat_map(|(word, all)| all.iter().map(move |name| (word, name)))
        .collect();
    let elsewhere =
        first("git").or_else(|| first("repo")).or_else(|| first("repository")).or_else(|| first("url"));
    if let Some(address) = elsewhere {
        let typed = if first("url").is_none() && !address.starts_with("git+") {
            format!("git+{address}")
        } else {
            address.to_owned()
        };
        let rev = first("rev").or_else(|| first("tag")).or_else(|| first("branch"));
        let typed = rev.map_or_else(|| typed.clone(), |rev| format!("{typed}#{rev}"));
        return vec![one_of(one, installer, "from", &typed, denials)];
    }
    if names.is_empty() {
        return ends(Denial::new(Scope::Value, "no package is named"));
    }
    names.into_iter().map(|(word, name)| one_of(one, installer, word, name, denials.clone())).collect()
}

/// A denial, with what the entry says beside its kind.
fn said(one: &Wanted, denial: Denial) -> Denial {
    let words = ["command", "cmd", "run", "script", "url", "path", "instructions", "package", "packages"];
    let value = words.iter().find_map(|word| one.words.get(*word).and_then(|all| all.first()));
    match value {
        None => denial,
        Some(value) => {
            let why = format!("`{}`: {}", text::escape_short(value.trim(), 160), denial.why);
            Denial::new(denial.scope, why)
        }
    }
}

fn one_of(one: &Wanted, installer: Installer, word: &str, typed: &str, mut denials: Vec<Denial>) -> Asking {
    let first = |word: &str| one.words.get(word).and_then(|all| all.first()).map(String::as_str);
    let read = || {
        let (origin, denial) = origin(installer, typed)?;
        let mut package = match origin {
            Origin::Registry => {
                package(installer, &tapped(installer, typed, first("tap")), first("version"))?
            }
            origin => Package { origin, ..empty(installer) },
        };
        if package.origin != Origin::Registry {
            if let Some(version) = first("version") {
                return Err(Denial::new(
                    Scope::Value,
                    format!("a version, `{}`, beside an address", text::escape_short(version, 40)),
                ));
            }
            // Of a repository with several crates, this one.
            if let Some(name) =
                first("package").or_else(|| first("crate")).filter(|_| installer == Installer::Cargo)
            {
                package.name = values::name(installer, name).map_err(value)?.to_owned();
            }
        }
        if let Some(list) = first("find-links") {
            return Err(Denial::of(Scope::Index, list));
        }
        if installer == Installer::Brew && package.name.contains('/') {
            let own = package.name.starts_with("homebrew/core/");
            let known = denials.iter().any(|one| one.scope == Scope::Tap);
            if !own && !known {
                return Ok((package, Some(Denial::of(Scope::Tap, typed))));
            }
        }
        if let Some(range) = first("range").filter(|range| !range.is_empty()) {
            if package.version.is_none() && package.origin == Origin::Registry {
                package.range = Some(values::range(installer, range).map_err(value)?.to_owned());
            } else {
                return Err(Denial::of(Scope::Value, range));
            }
        }
        if let Some(extras) = one.words.get("extras") {
            let python = matches!(installer, Installer::Pip | Installer::Uv);
            if !python || package.origin != Origin::Registry {
                return Err(Denial::of(Scope::Value, &extras.join(",")));
            }
            for extra in extras {
                package.extras.push(values::name(installer, extra).map_err(value)?.to_owned());
            }
        }
        for (word, beside) in
            [("index", false), ("index-url", false), ("registry", false), ("extra-index-url", true)]
        {
            if let Some(url) = first(word).filter(|url| !is_public(url)) {
                let plain = values::address(url).map_err(|why| value(format!("`{word}`: {why}")))?;
                package.index = Some((beside, plain.to_owned()));
            }
        }
        if let Some(marker) = first("marker") {
            let why = format!(
                "only under a condition, `{}`, which a plan cannot tell",
                text::escape_short(marker, 80)
            );
            return Err(Denial::new(Scope::Value, why));
        }
        package.cask = word == "cask";
        package.scripts = first("scripts").is_some();
        package.build = first("build").is_some();
        package.global = first("global").is_some_and(|value| value != "false") || first("system").is_some();
        package.root = first("sudo").is_some();
        Ok((package, denial))
    };
    match read() {
        Ok((package, denial)) => {
            let new = denial.filter(|new| !denials.iter().any(|old| old.scope == new.scope));
            denials.extend(new);
            let known = denials.iter().any(|one| one.scope == Scope::Build);
            denials
                .extend((argv::builds_unasked(&package) && !known).then(|| Denial::of(Scope::Build, typed)));
            Asking { package: Ok(package), denials }
        }
        Err(denial) => Asking { package: Err(denial), denials: Vec::new() },
    }
}

fn value(why: String) -> Denial {
    Denial::new(Scope::Value, why)
}

fn empty(installer: Installer) -> Package {
    Package {
        installer,
        name: String::new(),
        version: None,
        range: None,
        extras: Vec::new(),
        origin: Origin::Registry,
        index: None,
        cask: false,
        scripts: false,
        build: false,
        global: false,
        root: false,
    }
}

/// The registries that installers ask by themselves.
fn is_public(url: &str) -> bool {
    let url = url.strip_suffix('/').unwrap_or(url);
    matches!(url, "https://pypi.org/simple" | "https://registry.npmjs.org" | "https://registry.yarnpkg.com")
}

fn tapped(installer: Installer, typed: &str, tap: Option<&str>) -> String {
    match tap {
        Some(tap) if installer == Installer::Brew && !typed.contains('/') => format!("{tap}/{typed}"),
        _ => typed.to_owned(),
    }
}

/// Whether a value is an address, a repository or a place instead of a name.
fn origin(installer: Installer, typed: &str) -> Result<(Origin, Option<Denial>), Denial> {
    let lower = typed.trim().to_ascii_lowercase();
    let begins = |all: &[&str]| all.iter().any(|one| lower.starts_with(one));
    if begins(&["file:", "link:", "workspace:", "portal:", "./", "../", "/", "~", ".\\"]) || lower == "." {
        return Err(Denial::of(Scope::Path, typed));
    }
    let is_git =
        begins(&["git+", "git:", "git@", "ssh:", "github:", "gitlab:", "bitbucket:", "gist:", "hg+", "svn+"])
            || begins(&["https://", "http://"])
                && lower.split(['#', '@', '?']).next().is_some_and(|url| url.ends_with(".git"));
    if is_git {
        let url = typed.strip_prefix("git+").unwrap_or(typed);
        // `https://host/path@rev` for pip, `https://host/path#rev` for npm.
        let (url, rev) = match (url.split_once('#'), url.rsplit_once('@')) {
            (Some((url, rev)), _) => (url, Some(rev)),
            (None, Some((url, rev))) if url.len() > "https://".len() => (url, Some(rev)),
            _ => (url, None),
        };
        let plain = values::address(url).and_then(|url| match rev {
            Some(rev) => values::revision(rev).map(|rev| (url, Some(rev.to_owned()))),
            None => Ok((url, None)),
        });
        return match plain {
            Ok((url, rev)) => {
                let denial = Denial::of(Scope::Git, typed);
                Ok((Origin::Git { url: url.to_owned(), rev }, Some(denial)))
            }
            Err(why) => Err(Denial::new(Scope::Git, why)),
        };
    }
    if lower.contains("://") {
        return match values::address(typed) {
            Ok(url) => Ok((Origin::Url(url.to_owned()), Some(Denial::of(Scope::Url, typed)))),
            Err(why) => Err(Denial::new(Scope::Url, why)),
        };
    }
    // `user/repo`: for npm a repository of somebody.
    if installer == Installer::Npm && !typed.starts_with('@') && typed.matches('/').count() == 1 {
        return Err(Denial::of(Scope::Git, typed));
    }
    Ok((Origin::Registry, None))
}

/// A name that may have its version behind it, in the installer's own spelling.
fn package(installer: Installer, typed: &str, version: Option<&str>) -> Result<Package, Denial> {
    let (name, own) = match installer {
        Installer::Npm | Installer::Go | Installer::Cargo => {
            match typed.char_indices().skip(1).find(|(_, c)| *c == '@') {
                Some((at, _)) => (&typed[..at], Some(&typed[at + 1..])),
                None => (typed, None),
            }
        }
        Installer::Pip | Installer::Uv => {
            typed.split_once("==").map_or((typed, None), |(name, version)| (name, Some(version)))
        }
        Installer::Apt => {
            typed.split_once('=').map_or((typed, None), |(name, version)| (name, Some(version)))
        }
        Installer::Gem | Installer::Brew => (typed, None),
    };
    let moving = |version: &&str| !matches!(*version, "latest" | "next" | "*");
    let wanted = match (own.filter(moving), version.filter(moving)) {
        (Some(own), Some(other)) if own != other => {
            return Err(value(format!(
                "two versions: `{}` and `{}`",
                text::escape_short(own, 40),
                text::escape_short(other, 40)
            )));
        }
        (own, other) => own.or(other),
    };
    let name = values::name(installer, name).map_err(value)?.to_owned();
    let version = wanted
        .map(|wanted| values::version(installer, wanted).map(str::to_owned))
        .transpose()
        .map_err(value)?;
    Ok(Package { name, version, ..empty(installer) })
}
