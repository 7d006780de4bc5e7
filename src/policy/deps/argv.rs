//! The arguments of a step: a template for each installer, a dash that ends the
//! options, then one value of the author.

use super::Folders;
use super::package::{Denial, Origin, Package};
use crate::model::dependency::{AskedAt, Installer, Risk, Scope, Step};
use std::collections::{BTreeMap, BTreeSet};

/// What would be run for a package.
pub(super) fn step(package: &Package, at: &AskedAt, folders: &Folders) -> Result<Step, Denial> {
    Ok(Step {
        installer: package.installer,
        argv: arguments(package, &folders.tools)?,
        env: environment(package.installer, &folders.tools),
        risks: risks(package),
        asked: BTreeSet::from([at.clone()]),
    })
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

fn arguments(package: &Package, tools: &str) -> Result<Vec<String>, Denial> {
    let Package { installer, name, version, range, .. } = package;
    let registry = package.origin == Origin::Registry;
    if !registry && !matches!(installer, Installer::Npm | Installer::Pip | Installer::Uv | Installer::Cargo) {
        let scope = if matches!(package.origin, Origin::Git { .. }) { Scope::Git } else { Scope::Url };
        return Err(Denial::new(scope, format!("{} installs by name only", installer.name())));
    }
    if range.is_some() && matches!(installer, Installer::Apt | Installer::Brew | Installer::Go) {
        return Err(Denial::new(Scope::Value, format!("{} has no ranges of versions", installer.name())));
    }
    if package.cask && *installer != Installer::Brew {
        return Err(Denial::new(Scope::Value, "only brew has casks"));
    }
    // Before any template: an index that an installer is not given must not be forgotten.
    let index = match &package.index {
        Some((beside, url)) => vec![index_option(*installer, *beside)?.to_owned(), url.clone()],
        None => Vec::new(),
    };
    let mut all = match installer {
        // Attack: `bas.-comp`. A name that no package has is a pattern to apt-get, and every
        // package that it fits would be installed.
        Installer::Apt => words(&[
            "apt-get",
            "install",
            "--yes",
            "--no-install-recommends",
            "-o",
            "APT::Cmd::Pattern-Only=true",
        ]),
        Installer::Brew if version.is_some() => {
            let why = "brew has no versions; a formula may have one in its name, as `node@22`";
            return Err(Denial::new(Scope::Value, why));
        }
        Installer::Brew => words(&["brew", "install", if package.cask { "--cask" } else { "--formula" }]),
        Installer::Cargo => words(&["cargo", "install", "--locked", "--root", tools]),
        Installer::Gem => words(&[
            "gem",
            "install",
            "--no-document",
            "--install-dir",
            &format!("{tools}/gems"),
            "--bindir",
            &format!("{tools}/bin"),
        ]),
        // A module's path begins with a letter or digit and has a dot: it is no option.
        Installer::Go => {
            return Ok(words(&[
                "go",
                "install",
                &format!("{name}@{}", version.as_deref().unwrap_or("latest")),
            ]));
        }
        Installer::Npm => {
            let mut all = words(&["npm", "install", "--global", "--prefix", tools]);
            all.extend((!package.scripts).then(|| "--ignore-scripts".to_owned()));
            all.extend(words(&["--no-audit", "--no-fund"]));
            all
        }
        Installer::Pip => {
            let mut all = words(&["python3", "-m", "pip", "--isolated", "--no-input", "install"]);
            all.extend(if builds(package) { Vec::new() } else { words(&["--only-binary", ":all:"]) });
            all.extend(words(&["--target", &format!("{tools}/python")]));
            all
        }
        Installer::Uv => {
            let mut all = words(&["uv", "tool", "install", "--no-config"]);
            all.extend((!builds(package)).then(|| "--no-build".to_owned()));
            all
        }
    };
    all.extend(index);
    if *installer == Installer::Cargo || *installer == Installer::Gem {
        let exact = if *installer == Installer::Cargo { "=" } else { "" };
        let told = version.as_ref().map(|version| format!("{exact}{version}")).or_else(|| range.clone());
        all.extend(told.into_iter().flat_map(|told| ["--version".to_owned(), told]));
    }
    if let (Installer::Cargo, Origin::Git { url, rev }) = (installer, &package.origin) {
        all.extend(words(&["--git", url]));
        all.extend(rev.iter().flat_map(|rev| words(&["--rev", rev])));
        if !name.is_empty() {
            all.extend(words(&["--", name]));
        }
        return Ok(all);
    }
    if let (Installer::Cargo, Origin::Url(_)) = (installer, &package.origin) {
        return Err(Denial::new(Scope::Url, "cargo installs no file by its address"));
    }
    // RubyGems cuts a dash and all behind it away, as words for the compiler: no gem would be
    // named. A gem's name begins with a letter or digit, so it is no option without it.
    if *installer != Installer::Gem {
        all.push("--".to_owned());
    }
    all.push(value(package));
    Ok(all)
}

/// The one argument that says what is installed.
fn value(package: &Package) -> String {
    let Package { installer, name, version, range, extras, .. } = package;
    let mark = match installer {
        Installer::Apt => "=",
        Installer::Npm => "@",
        _ => "==",
    };
    match &package.origin {
        Origin::Url(url) => url.clone(),
        Origin::Git { url, rev } => {
            let mark = if *installer == Installer::Npm { "#" } else { "@" };
            rev.as_ref().map_or_else(|| format!("git+{url}"), |rev| format!("git+{url}{mark}{rev}"))
        }
        Origin::Registry => {
            let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
            let told = match (installer, version, range) {
                (Installer::Cargo | Installer::Gem | Installer::Brew, ..) => String::new(),
                (_, Some(version), _) => format!("{mark}{version}"),
                (Installer::Npm, None, Some(range)) => format!("@{range}"),
                (_, None, Some(range)) => range.clone(),
                (_, None, None) => String::new(),
            };
            format!("{name}{extras}{told}")
        }
    }
}

/// A repository holds sources; a file may.
fn builds(package: &Package) -> bool {
    package.build || matches!(package.origin, Origin::Git { .. })
}

/// Whether pip would build it although it is told not to: `--only-binary` speaks of what an
/// index offers, and a file at an address is built if it is no wheel.
///
/// Attack: `https://…/x.tar.gz`, allowed as an address, runs its `setup.py`.
pub(super) fn builds_unasked(package: &Package) -> bool {
    let wheel = |url: &str| url.ends_with(".whl");
    package.installer == Installer::Pip && matches!(&package.origin, Origin::Url(url) if !wheel(url))
}

fn index_option(installer: Installer, beside: bool) -> Result<&'static str, Denial> {
    Ok(match (installer, beside) {
        (Installer::Pip, false) => "--index-url",
        (Installer::Pip, true) => "--extra-index-url",
        (Installer::Uv, false) => "--default-index",
        (Installer::Uv, true) => "--index",
        (Installer::Npm, false) => "--registry",
        _ => {
            let why = format!("{} is given no other index here", installer.name());
            return Err(Denial::new(Scope::Index, why));
        }
    })
}

fn environment(installer: Installer, tools: &str) -> BTreeMap<String, String> {
    match installer {
        Installer::Go => BTreeMap::from([
            ("GOBIN".to_owned(), format!("{tools}/bin")),
            ("GOPATH".to_owned(), format!("{tools}/go")),
        ]),
        Installer::Uv => BTreeMap::from([
            ("UV_TOOL_DIR".to_owned(), format!("{tools}/uv")),
            ("UV_TOOL_BIN_DIR".to_owned(), format!("{tools}/bin")),
        ]),
        _ => BTreeMap::new(),
    }
}

fn risks(package: &Package) -> BTreeSet<Risk> {
    let mut all = BTreeSet::new();
    match (&package.origin, &package.version, &package.range) {
        (Origin::Registry, None, Some(_)) => {
            all.insert(Risk::Range);
        }
        (Origin::Registry, None, None) => {
            all.insert(Risk::Unpinned);
        }
        (Origin::Registry, Some(_), _) => {}
        (Origin::Url(_), ..) => {
            all.extend([Risk::Url, Risk::Unpinned]);
            all.extend(builds_unasked(package).then_some(Risk::Build));
        }
        (Origin::Git { rev, .. }, ..) => {
            all.extend([Risk::Git, Risk::Build]);
            let commit =
                rev.as_ref().is_some_and(|rev| rev.len() == 40 && rev.chars().all(|c| c.is_ascii_hexdigit()));
            all.extend((!commit).then_some(Risk::Unpinned));
        }
    }
    if package.installer.needs_host() {
        all.insert(Risk::System);
    }
    match package.installer {
        Installer::Apt => {
            all.extend([Risk::Root, Risk::RunsOnInstall]);
        }
        Installer::Brew if package.name.contains('/') && !package.name.starts_with("homebrew/core/") => {
            all.extend([Risk::ThirdPartyTap, Risk::RunsOnInstall]);
        }
        Installer::Brew | Installer::Cargo | Installer::Gem => {
            all.insert(Risk::RunsOnInstall);
        }
        Installer::Go | Installer::Npm | Installer::Pip | Installer::Uv => {}
    }
    all.extend(package.scripts.then_some(Risk::RunsOnInstall));
    all.extend(package.build.then_some(Risk::Build));
    all.extend(package.index.is_some().then_some(Risk::Index));
    all.extend(package.global.then_some(Risk::Global));
    all.extend(package.root.then_some(Risk::Root));
    all
}
