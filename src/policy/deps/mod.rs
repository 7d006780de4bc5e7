//! From what a skill asks for to what exactly would be run: pure, total, and
//! never a line for a shell.
//!
//! ```text
//! kind and words of the author ─▶ installer, name, version   each by a strict rule
//!                              ─▶ arguments from a template  a dash ends the options, values come last
//!                              ─▶ risks, told beside the step
//! what does not fit            ─▶ refused, with the reason; never passed on
//! ```
//!
//! Scripts of packages are off wherever an installer can do without them. A
//! download, a container, a command in the author's own words: refused. Those
//! are for a person to do, who sees what is done.

pub mod denied;
pub mod values;

use crate::model::dependency::{AskedAt, Installer, Plan, Refused, Risk, Step, Wanted};
use crate::model::digest::Digest;
use crate::model::text;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Most steps of a plan.
pub const STEPS_MAX: usize = 64;

/// Where things are put: folders of our own, as the sandbox sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// What is installed, and its programs below `bin`.
    pub tools: String,
}

/// Plans everything that is asked for on this operating system (`linux`, `macos`).
#[must_use]
pub fn plan(skill: Digest, wanted: &[Wanted], os: &str, folders: &Folders) -> Plan {
    let mut steps: BTreeMap<(Installer, Vec<String>), Step> = BTreeMap::new();
    let mut refused = BTreeSet::new();
    let here: Vec<_> = wanted
        .iter()
        .filter(|one| one.os.is_empty() || one.os.iter().any(|name| same_os(name, os)))
        .collect();
    for one in here {
        for asked in asked(one) {
            match asked.and_then(|package| step(&package, &one.at, folders)) {
                Ok(step) => {
                    let key = (step.installer, step.argv.clone());
                    let full = steps.len() >= STEPS_MAX;
                    match steps.entry(key) {
                        Entry::Occupied(mut known) => known.get_mut().asked.extend(step.asked),
                        Entry::Vacant(_) if full => {
                            let why = format!("a plan has at most {STEPS_MAX} steps");
                            refused.insert(Refused { kind: one.kind.clone(), why, asked: one.at.clone() });
                        }
                        Entry::Vacant(place) => {
                            place.insert(step);
                        }
                    }
                }
                Err(why) => {
                    refused.insert(Refused { kind: one.kind.clone(), why, asked: one.at.clone() });
                }
            }
        }
    }
    // What the skill declares in one place is not undeclared for standing in another.
    for step in steps.values_mut() {
        if !step.asked.iter().any(|at| at.declared) {
            step.risks.insert(Risk::Undeclared);
        }
    }
    Plan { skill, steps: steps.into_values().collect(), refused: refused.into_iter().collect() }
}

fn same_os(name: &str, os: &str) -> bool {
    let name = name.to_lowercase();
    name == os || (os == "macos" && matches!(name.as_str(), "darwin" | "mac" | "osx"))
}

/// A package of an installer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Package {
    installer: Installer,
    name: String,
    version: Option<String>,
}

/// The installer that a kind means.
fn installer(kind: &str) -> Result<Installer, String> {
    Ok(match kind.to_ascii_lowercase().as_str() {
        "apt" | "apt-get" | "deb" => Installer::Apt,
        "brew" | "homebrew" => Installer::Brew,
        "cargo" | "rust" | "crate" => Installer::Cargo,
        "gem" | "ruby" => Installer::Gem,
        "go" | "golang" => Installer::Go,
        "npm" | "node" | "pnpm" | "yarn" | "bun" => Installer::Npm,
        "pip" | "pip3" | "python" => Installer::Pip,
        "uv" | "uvx" | "pipx" => Installer::Uv,
        "download" => {
            return Err(
                "a download has no registry behind it: fetch it by hand, and compare its digest".to_owned()
            );
        }
        "shell" | "script" | "exec" | "command" | "manual" => {
            return Err("a command in the author's own words is never run: read it, and run it by hand if you want it".to_owned());
        }
        other => return Err(format!("nothing is known of the kind `{}`", text::escape_short(other, 40))),
    })
}

/// Every package that an entry names.
fn asked(one: &Wanted) -> Vec<Result<Package, String>> {
    let installer = match installer(&one.kind) {
        Ok(installer) => installer,
        Err(why) => return vec![Err(why)],
    };
    if let Some(odd) = ["git", "url", "tap", "registry", "index", "index-url", "args", "command", "flags"]
        .into_iter()
        .find(|word| one.words.contains_key(*word))
    {
        let value = one.words.get(odd).and_then(|all| all.first()).map_or("", String::as_str);
        return vec![Err(format!(
            "`{odd}: {}` leads elsewhere than to {}'s own packages",
            text::escape_short(value, 80),
            installer.name()
        ))];
    }
    let named = ["package", "packages", "formula", "module", "crate", "name", "pkg", "gem"];
    let names: Vec<_> = named.into_iter().filter_map(|word| one.words.get(word)).flatten().collect();
    if names.is_empty() {
        return vec![Err("no package is named".to_owned())];
    }
    let version = one.words.get("version").and_then(|all| all.first()).map(String::as_str);
    names.into_iter().map(|name| package(installer, name, version)).collect()
}

/// A name that may have its version behind it, in the installer's own spelling.
fn package(installer: Installer, typed: &str, version: Option<&str>) -> Result<Package, String> {
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
            return Err(format!(
                "two versions: `{}` and `{}`",
                text::escape_short(own, 40),
                text::escape_short(other, 40)
            ));
        }
        (own, other) => own.or(other),
    };
    let name = values::name(installer, name)?.to_owned();
    let version = wanted.map(|wanted| values::version(installer, wanted).map(str::to_owned)).transpose()?;
    Ok(Package { installer, name, version })
}

/// The arguments: options first, a dash that ends them, then the value.
fn step(package: &Package, at: &AskedAt, folders: &Folders) -> Result<Step, String> {
    let Package { installer, name, version } = package;
    let tools = &folders.tools;
    let with = |mark: &str| {
        version.as_ref().map_or_else(|| name.clone(), |version| format!("{name}{mark}{version}"))
    };
    let words: Vec<String> = match installer {
        Installer::Apt => vec![
            "apt-get".into(),
            "install".into(),
            "--yes".into(),
            "--no-install-recommends".into(),
            "--".into(),
            with("="),
        ],
        Installer::Brew if version.is_some() => {
            return Err("brew has no versions; a formula may have one in its name, as `node@22`".to_owned());
        }
        Installer::Brew => {
            vec!["brew".into(), "install".into(), "--formula".into(), "--".into(), name.clone()]
        }
        Installer::Cargo => {
            let mut words =
                vec!["cargo".into(), "install".into(), "--locked".into(), "--root".into(), tools.clone()];
            if let Some(version) = version {
                words.extend(["--version".into(), format!("={version}")]);
            }
            words.extend(["--".into(), name.clone()]);
            words
        }
        Installer::Gem => {
            let mut words = vec![
                "gem".into(),
                "install".into(),
                "--no-document".into(),
                "--install-dir".into(),
                format!("{tools}/gems"),
                "--bindir".into(),
                format!("{tools}/bin"),
            ];
            if let Some(version) = version {
                words.extend(["--version".into(), version.clone()]);
            }
            words.extend(["--".into(), name.clone()]);
            words
        }
        // A module's path begins with a letter or digit and has a dot: it is no option.
        Installer::Go => {
            vec!["go".into(), "install".into(), format!("{name}@{}", version.as_deref().unwrap_or("latest"))]
        }
        Installer::Npm => vec![
            "npm".into(),
            "install".into(),
            "--global".into(),
            "--prefix".into(),
            tools.clone(),
            "--ignore-scripts".into(),
            "--no-audit".into(),
            "--no-fund".into(),
            "--".into(),
            with("@"),
        ],
        Installer::Pip => vec![
            "python3".into(),
            "-m".into(),
            "pip".into(),
            "--isolated".into(),
            "--no-input".into(),
            "install".into(),
            "--only-binary".into(),
            ":all:".into(),
            "--target".into(),
            format!("{tools}/python"),
            "--".into(),
            with("=="),
        ],
        Installer::Uv => vec![
            "uv".into(),
            "tool".into(),
            "install".into(),
            "--no-config".into(),
            "--no-build".into(),
            "--".into(),
            with("=="),
        ],
    };
    let env = match installer {
        Installer::Go => BTreeMap::from([
            ("GOBIN".to_owned(), format!("{tools}/bin")),
            ("GOPATH".to_owned(), format!("{tools}/go")),
        ]),
        Installer::Uv => BTreeMap::from([
            ("UV_TOOL_DIR".to_owned(), format!("{tools}/uv")),
            ("UV_TOOL_BIN_DIR".to_owned(), format!("{tools}/bin")),
        ]),
        _ => BTreeMap::new(),
    };
    Ok(Step {
        installer: *installer,
        argv: words,
        env,
        risks: risks(package),
        asked: BTreeSet::from([at.clone()]),
    })
}

fn risks(package: &Package) -> BTreeSet<Risk> {
    let mut all = BTreeSet::new();
    if package.version.is_none() {
        all.insert(Risk::Unpinned);
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
    all
}

#[cfg(test)]
mod tests;
