//! Names and versions that may stand among an installer's arguments.
//!
//! Each installer has a rule of its own, and each is narrower than what the
//! installer takes: what is not surely a name from its registry is refused, with
//! the rule in words. No value begins with a dash, holds a blank, a control
//! character, an `@`, `:`, `#`, `?`, `%`, `=` or `~` where its installer would read an address, a
//! path, an option or a second package in it.
//!
//! Attack: a package named `--registry=https://elsewhere`, `git+https://…`,
//! `../evil`, `left-pad@npm:evil` or `x --pre`.

use crate::model::dependency::Installer;
use crate::model::text;

/// Longest name of any installer.
const NAME_MAX: usize = 214;
/// Longest version.
const VERSION_MAX: usize = 64;
/// What files of packages end in.
const FILES: &[&str] = &[
    ".7z",
    ".deb",
    ".egg",
    ".gem",
    ".rpm",
    ".tar",
    ".tar.bz2",
    ".tar.lz",
    ".tar.lzma",
    ".tar.xz",
    ".tar.zst",
    ".tbz",
    ".tgz",
    ".tlz",
    ".txz",
    ".whl",
    ".zip",
];

/// Whether an installer may take a word for a file of the folder it is started in.
///
/// Attack: `left-pad.tgz`, or the version `1.0.0-a.tgz`: npm installs what an earlier
/// step put there under that name. npm takes any letter between `.tar` and `gz`.
fn is_file(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let tarred = value.strip_suffix("gz").is_some_and(|rest| {
        let mut rest = rest.chars();
        rest.next_back().is_some() && rest.as_str().ends_with(".tar")
    });
    tarred || FILES.iter().any(|ending| value.ends_with(ending))
}

/// A name that is only a name.
///
/// # Errors
/// Why it is not one, for people.
pub fn name(installer: Installer, value: &str) -> Result<&str, String> {
    let refuse = |rule: &str| {
        Err(format!(
            "`{}` is no name of a package of {}: {rule}",
            text::escape_short(value, 80),
            installer.name()
        ))
    };
    if value.is_empty() || value.len() > NAME_MAX {
        return refuse("it has 1 to 214 characters");
    }
    if is_file(value) {
        return refuse("it ends as a file does, and could be taken for one");
    }
    // To an apt-get that takes patterns, any letter.
    if value.ends_with('.') {
        return refuse("it ends in a dot");
    }
    let fits = match installer {
        Installer::Npm => npm(value),
        Installer::Pip | Installer::Uv => plain(value, "._-") && ends_plain(value),
        Installer::Cargo => plain(value, "_-") && value.starts_with(|c: char| c.is_ascii_alphabetic()),
        Installer::Gem => plain(value, "._-"),
        Installer::Apt => {
            value.len() > 1
                && plain(value, "+.-")
                && !value.chars().any(|c| c.is_ascii_uppercase())
                // `x-` takes x away. `x+` installs x, or a package of just that name; `g++` is one.
                && (!value.ends_with(['+', '-']) || value.ends_with("++") && !value.contains('-'))
        }
        Installer::Brew => brew(value),
        Installer::Go => go(value),
    };
    if fits { Ok(value) } else { refuse(rule_of(installer)) }
}

const fn rule_of(installer: Installer) -> &'static str {
    match installer {
        Installer::Npm => {
            "lower-case letters, digits, `.`, `_`, `-`, perhaps behind one `@scope/`; a letter or digit first"
        }
        Installer::Pip | Installer::Uv => "letters, digits, `.`, `_`, `-`; a letter or digit first and last",
        Installer::Cargo => "letters, digits, `_`, `-`; a letter first",
        Installer::Gem => "letters, digits, `.`, `_`, `-`; a letter or digit first",
        Installer::Apt => "lower-case letters, digits, `+`, `.`, `-`; at least two",
        Installer::Brew => "a formula, or a tap's formula as `owner/tap/formula`",
        Installer::Go => "a module's path: a host with a dot, then folders without dots alone",
    }
}

/// A letter or digit first, then these too.
fn plain(value: &str, more: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        && !value.contains("..")
}

fn ends_plain(value: &str) -> bool {
    value.ends_with(|c: char| c.is_ascii_alphanumeric())
}

fn npm(value: &str) -> bool {
    let (scope, name) = match value.strip_prefix('@').map(|rest| rest.split_once('/')) {
        None => (None, value),
        Some(Some((scope, name))) => (Some(scope), name),
        Some(None) => return false,
    };
    let part = |part: &str| plain(part, "._-") && !part.chars().any(|c| c.is_ascii_uppercase());
    scope.is_none_or(part) && part(name)
}

fn brew(value: &str) -> bool {
    let parts: Vec<_> = value.split('/').collect();
    let last = parts.last().copied().unwrap_or_default();
    let (name, version) = last.split_once('@').map_or((last, None), |(name, version)| (name, Some(version)));
    matches!(parts.len(), 1 | 3)
        && parts[..parts.len() - 1].iter().all(|part| plain(part, "._-"))
        && plain(name, "._+-")
        && version.is_none_or(|version| plain(version, ".") && !version.contains(char::is_alphabetic))
        && !last.ends_with(".rb")
}

fn go(value: &str) -> bool {
    let parts: Vec<_> = value.split('/').collect();
    let host = parts.first().copied().unwrap_or_default();
    parts.len() > 1
        && host.contains('.')
        && plain(host, ".-")
        && !host.chars().any(|c| c.is_ascii_uppercase())
        && !host.rsplit('.').next().unwrap_or_default().chars().all(|c| c.is_ascii_digit())
        && parts.iter().all(|part| plain(part, "._-+") && !part.ends_with('.'))
}

/// A version that is one version, not a range or a tag that moves.
///
/// # Errors
/// Why it is not one, for people.
pub fn version(installer: Installer, value: &str) -> Result<&str, String> {
    let body = value.strip_prefix('v').filter(|_| installer == Installer::Go).unwrap_or(value);
    let more = match installer {
        Installer::Pip | Installer::Uv => ".+!-_",
        Installer::Apt => ".+~-:",
        _ => ".+-",
    };
    let fits = value.len() <= VERSION_MAX
        && !is_file(value)
        && body.starts_with(|c: char| c.is_ascii_digit())
        && body.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        && (installer != Installer::Go || value.starts_with('v'));
    // `1` and `1.2` are ranges for npm, cargo and go.
    let whole = match installer {
        Installer::Npm | Installer::Cargo => semver::Version::parse(body).is_ok(),
        Installer::Go => semver::Version::parse(body).is_ok(),
        _ => true,
    };
    if fits && whole {
        return Ok(value);
    }
    Err(format!("`{}` is not one version for {}", text::escape_short(value, 80), installer.name()))
}

/// A range of versions, as one word: what stands behind a name in a list of requirements.
///
/// # Errors
/// Why it is not one, for people.
pub fn range(installer: Installer, value: &str) -> Result<&str, String> {
    let marks = match installer {
        Installer::Pip | Installer::Uv => "<>=~!,.*+-_",
        Installer::Npm | Installer::Cargo => "<>=~^.*+-",
        Installer::Gem => "<>=~!.-",
        _ => "",
    };
    let first = |c: char| "<>=~!^".contains(c) || c.is_ascii_digit() && installer != Installer::Pip;
    let fits = value.len() <= VERSION_MAX
        && !is_file(value)
        && value.starts_with(first)
        && value.contains(|c: char| c.is_ascii_digit())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c));
    if fits {
        return Ok(value);
    }
    Err(format!("`{}` is no range of versions for {}", text::escape_short(value, 80), installer.name()))
}

/// An address that is only an address: https, a host in plain letters, a path
/// without anything that is decoded, resolved or taken for an option.
///
/// Attack: `https://good.example@evil.example/`, another port, `%2e%2e`, `#egg=`, a blank.
///
/// # Errors
/// Why it is not one, for people.
pub fn address(value: &str) -> Result<&str, String> {
    let fits = || {
        let rest = value.strip_prefix("https://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let named = host.contains('.')
            && plain(host, ".-")
            && ends_plain(host)
            && !host.chars().any(|c| c.is_ascii_uppercase())
            && !host.split('.').any(|part| part.starts_with("xn--") || part.is_empty())
            && host.rsplit('.').next().is_some_and(|end| end.chars().all(|c| c.is_ascii_alphabetic()));
        let plain_path = path.chars().all(|c| c.is_ascii_alphanumeric() || "._~/+-".contains(c))
            && !path.split('/').any(|part| matches!(part, "." | ".."))
            && !path.contains("//");
        (value.len() <= 512 && named && plain_path).then_some(())
    };
    fits().map(|()| value).ok_or_else(|| {
        format!(
            "`{}` is no plain https address (a host's name, then a path in letters, digits, `.`, `_`, `~`, `+`, `-`)",
            text::escape_short(value, 80)
        )
    })
}

/// A commit, tag or branch that is one word.
///
/// # Errors
/// Why it is not one, for people.
pub fn revision(value: &str) -> Result<&str, String> {
    if value.len() <= VERSION_MAX && plain(value, "._/-") && ends_plain(value) {
        return Ok(value);
    }
    Err(format!("`{}` is no commit, tag or branch", text::escape_short(value, 80)))
}
