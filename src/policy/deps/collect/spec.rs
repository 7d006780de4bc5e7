//! A package as people write it, in words: name, extras, version or range, and
//! what leads elsewhere.
//!
//! ```text
//! requests[socks]>=2,<3 ; python_version < "3.9"    package, extras, range, marker
//! tool @ git+https://…                              from
//! left-pad@^1.2                                     package, range
//! ```
//!
//! Anything else stays the package's name as a whole, and the rule for names
//! refuses it.

use std::collections::BTreeMap;

/// Words of an entry.
pub(super) type Words = BTreeMap<String, Vec<String>>;

/// One word.
pub(super) fn word(value: &str) -> Vec<String> {
    vec![value.to_owned()]
}

/// The words for a package of this kind.
pub(super) fn named(kind: &str, typed: &str) -> Words {
    let typed = typed.trim();
    match kind {
        "pip" | "pip3" | "python" | "uv" | "pipx" | "uvx" => python(typed),
        "npm" | "node" | "pnpm" | "yarn" | "bun" => npm(typed),
        _ => Words::from([("package".to_owned(), word(typed))]),
    }
}

/// PEP 508, as far as it is one name.
fn python(typed: &str) -> Words {
    let whole = || Words::from([("package".to_owned(), word(typed))]);
    let (spec, marker) = match typed.split_once(';') {
        Some((spec, marker)) => (spec.trim(), Some(marker.trim())),
        None => (typed, None),
    };
    let mut words = Words::new();
    words.extend(marker.map(|marker| ("marker".to_owned(), word(marker))));
    if let Some((name, address)) = spec.split_once('@').filter(|(_, rest)| rest.contains(':')) {
        if !name.contains(':') {
            words.insert("package".to_owned(), word(name.trim()));
            words.insert("from".to_owned(), word(address.trim()));
            return words;
        }
        return whole();
    }
    let end = spec.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(spec.len());
    let (name, rest) = spec.split_at(end);
    let rest = rest.trim_start();
    let (extras, range) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((extras, range)) => (Some(extras), range.trim()),
        None => (None, rest.trim()),
    };
    let range = range.strip_prefix('(').and_then(|range| range.strip_suffix(')')).unwrap_or(range);
    if name.is_empty() || !(range.is_empty() || range.starts_with(['<', '>', '=', '~', '!'])) {
        return whole();
    }
    words.insert("package".to_owned(), word(name));
    if let Some(extras) = extras {
        words.insert("extras".to_owned(), extras.split(',').map(|one| one.trim().to_owned()).collect());
    }
    // Blanks around a comma or behind a sign mean nothing; others stay, and are refused.
    let mut tight = range.to_owned();
    for sign in [",", ">=", "<=", "==", "~=", "!=", ">", "<"] {
        tight = tight.replace(&format!("{sign} "), sign).replace(&format!(" {sign}"), sign);
    }
    match tight.strip_prefix("==") {
        Some(version) if !version.contains(['*', ',', '=']) => {
            words.insert("version".to_owned(), word(version));
        }
        _ if tight.is_empty() => {}
        _ => {
            words.insert("range".to_owned(), word(&tight));
        }
    }
    words
}

fn npm(typed: &str) -> Words {
    let at = typed.char_indices().skip(1).find(|(_, c)| *c == '@').map(|(at, _)| at);
    match at {
        Some(at) => versioned(&typed[..at], &typed[at + 1..]),
        None => Words::from([("package".to_owned(), word(typed))]),
    }
}

/// A name and what a list says of its version, as npm and cargo have it.
pub(super) fn versioned(name: &str, version: &str) -> Words {
    let version = version.trim();
    let mut words = Words::from([("package".to_owned(), word(name))]);
    let is_range = version.starts_with(['^', '~', '<', '>', '='])
        || version.chars().all(|c| c.is_ascii_digit() || ".x*X".contains(c))
            && version.split('.').count() < 3
        || version.ends_with(['x', '*', 'X']) && version.len() > 1;
    match version {
        "" | "*" | "latest" => {}
        _ if version.contains(':') || version.contains('/') => {
            words.insert("from".to_owned(), word(version));
        }
        _ if is_range => {
            words.insert("range".to_owned(), word(version));
        }
        _ => {
            words.insert("version".to_owned(), word(version));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: &str, typed: &str) -> String {
        let words = named(kind, typed);
        words.iter().map(|(key, all)| format!("{key}={}", all.join("+"))).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_people_write_comes_apart() {
        for (kind, typed, words) in [
            ("pip", "requests", "package=requests"),
            ("pip", "requests==2.1", "package=requests version=2.1"),
            ("pip", "requests >= 2.1, < 3", "package=requests range=>=2.1,<3"),
            ("pip", "a[b,c]~=1.0", "extras=b+c package=a range=~=1.0"),
            ("pip", "a==1.*", "package=a range===1.*"),
            ("pip", "a; python_version < \"3\"", "marker=python_version < \"3\" package=a"),
            ("pip", "a @ git+https://x.example/a", "from=git+https://x.example/a package=a"),
            ("npm", "@a/b@^1.2", "package=@a/b range=^1.2"),
            ("npm", "b@1.2.3", "package=b version=1.2.3"),
            ("npm", "b@latest", "package=b"),
            ("npm", "b@npm:c@1", "from=npm:c@1 package=b"),
            ("npm", "b@18", "package=b range=18"),
            ("cargo", "a b", "package=a b"),
        ] {
            assert_eq!(told(kind, typed), words, "{kind} {typed}");
        }
    }

    #[test]
    fn attack_what_does_not_come_apart_stays_whole_for_the_rule_to_refuse() {
        for typed in
            ["--pre", "x --pre", "-e .", "x $(id)", "git+https://x.example/y", "https://x.example/y.whl"]
        {
            assert_eq!(told("pip", typed), format!("package={typed}"));
        }
    }
}
