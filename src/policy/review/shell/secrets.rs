//! Files in which keys and passwords lie, and what programs make of them.
//!
//! A path is a secret by where it lies, not by what it holds: no file is read.
//! Two kinds are told apart, because one of them is read by honest programs all
//! day: a project's `.env`. The other is read by the program it belongs to, and
//! by thieves.

use super::machine::Machine;
use super::tree::Span;
use super::value::{Origin, UNKNOWN, Value};

/// Parts of paths under which keys and passwords lie. In lower case.
const KEYS: &[&str] = &[
    "/.ssh/id_",
    "/.aws/credentials",
    "/.gnupg/private-keys",
    "/.gnupg/secring",
    "/.netrc",
    "/.pypirc",
    "/.git-credentials",
    "/.docker/config.json",
    "/.kube/config",
    "/.azure/accesstokens",
    "/gcloud/application_default_credentials.json",
    "/gcloud/credentials.db",
    "/.config/gh/hosts.yml",
    "/.claude/.credentials.json",
    "/.codex/auth.json",
    "/auth-profiles.json",
    "/library/keychains",
    "/login.keychain",
    "/chrome/default/login data",
    "/default/login data",
    "/default/cookies",
    "/cookies.sqlite",
    "/key4.db",
    "/logins.json",
    "/wallet.dat",
    "/.ethereum/keystore",
    "/solana/id.json",
    "/.electrum/wallets",
    "/exodus.wallet",
    "/.password-store/",
    "/etc/shadow",
    "/.bash_history",
    "/.zsh_history",
];

/// Folders that are nothing but keys.
const FOLDERS: &[&str] =
    &["/.ssh", "/.aws", "/.gnupg", "/library/keychains", "/.password-store", "/.ethereum/keystore"];

/// What kind of secret a file is by its path.
#[must_use]
pub fn kind(path: &str) -> Option<Origin> {
    let low = path.trim_matches(['"', '\'']).to_lowercase().replace('\\', "/");
    if low.len() > 300 || low.contains(['\n', ' ']) && !low.contains("login data") {
        return None;
    }
    let rooted = format!("/{}", low.trim_start_matches("./").trim_start_matches('/'));
    let name = rooted.rsplit('/').next().unwrap_or_default();
    if name.ends_with(".pub") || rooted.starts_with("/http") {
        return None;
    }
    if low.starts_with("/proc/") && name == "environ" {
        return Some(Origin::Environment);
    }
    let folder = rooted.trim_end_matches(['*', '/', '.']);
    let home =
        low.starts_with('$') || low.starts_with('~') || low.starts_with('/') || low.starts_with(UNKNOWN);
    let key = KEYS.iter().any(|part| rooted.contains(part))
        || home && FOLDERS.iter().any(|part| folder.ends_with(part));
    if key {
        return Some(Origin::Secret);
    }
    let settings = name.strip_prefix(".env").is_some_and(|rest| {
        let rest = rest.trim_start_matches('.');
        !["example", "sample", "template", "dist", "test", "schema", "vault", "rc", "defaults"]
            .iter()
            .any(|word| rest.contains(word))
    });
    (settings && (name == ".env" || name.starts_with(".env."))).then_some(Origin::Settings)
}

/// What such a file holds: nobody knows, but where it is from.
#[must_use]
pub fn held(path: &str) -> Value {
    let mut value = Value::unknown();
    if let Some(kind) = kind(path) {
        value = value.and(kind);
        value.from.paths.insert(path.chars().take(200).collect());
    }
    value
}

/// Programs that print what they are given in another form.
const FORMS: &[&str] = &[
    "base64",
    "gbase64",
    "base32",
    "xxd",
    "hexdump",
    "od",
    "gzip",
    "bzip2",
    "xz",
    "zstd",
    "openssl",
    "gpg",
    "strings",
    "less",
    "more",
    "nl",
    "tar",
    "bsdtar",
    "zip",
    "7z",
    "type",
    "get-content",
    "gc",
    "rev",
    "plutil",
    "sqlite3",
    "age",
];

/// Programs that pick out of a text what is asked for: one setting out of many is no leak of all.
const PICKS: &[&str] =
    &["grep", "egrep", "rg", "awk", "gawk", "cut", "jq", "yq", "sed", "wc", "sha256sum", "shasum", "md5sum"];

/// Output of a program that passes on a secret it was given as a file or as input.
pub(super) fn passed_on(
    machine: &mut Machine,
    name: &str,
    argv: &[Value],
    input: &Value,
    span: Span,
) -> Option<Value> {
    let rest = argv.get(1..).unwrap_or_default();
    if name == "printenv" && rest.iter().all(|word| word.text.starts_with('-')) {
        return Some(Value::unknown().and(Origin::Environment));
    }
    if PICKS.contains(&name) {
        let mut out = input.with_text(UNKNOWN);
        out.from.kinds.remove(&Origin::Settings);
        return Some(out);
    }
    if !FORMS.contains(&name) {
        return None;
    }
    let mut out = input.with_text(UNKNOWN);
    for word in rest {
        out.from.add(&word.from);
        if kind(&word.text).is_some() || !word.text.starts_with('-') {
            out.from.add(&machine.file(&word.text).from);
        }
    }
    let packed = match name {
        "tar" | "bsdtar" => {
            rest.iter().position(|word| word.text.ends_with('f')).and_then(|at| rest.get(at + 1))
        }
        "zip" | "7z" => rest.iter().find(|word| word.text.contains('.') && !word.text.starts_with('-')),
        "openssl" | "gpg" => rest
            .iter()
            .position(|word| matches!(word.text.as_str(), "-out" | "-o"))
            .and_then(|at| rest.get(at + 1)),
        _ => None,
    };
    match packed.filter(|path| path.text != "-" && kind(&path.text).is_none()) {
        Some(path) if !out.from.kinds.is_empty() => {
            machine.write(path.clone(), out, false, span);
            Some(Value::default())
        }
        _ => Some(out),
    }
}

#[cfg(test)]
mod tests {
    use super::super::value::Origin;
    use super::kind;

    #[test]
    fn keys_are_known_by_where_they_lie_however_the_path_is_written() {
        for path in [
            "$HOME/.ssh/id_rsa",
            "~/.ssh/id_ed25519",
            "/home/me/.aws/credentials",
            ".aws/credentials",
            "C:\\Users\\me\\.ssh\\id_rsa",
            "/Users/me/Library/Keychains/login.keychain-db",
            "~/Library/Application Support/Google/Chrome/Default/Login Data",
            "~/.ssh/",
            "~/.ssh/*",
            "~/.aws",
        ] {
            assert_eq!(kind(path), Some(Origin::Secret), "{path}");
        }
        for path in [".env", "./app/.env.local", "/srv/app/.env.production", "~/.tool/.env"] {
            assert_eq!(kind(path), Some(Origin::Settings), "{path}");
        }
        assert_eq!(kind("/proc/self/environ"), Some(Origin::Environment));
    }

    #[test]
    fn what_is_public_or_an_example_is_none() {
        for path in [
            "~/.ssh/id_rsa.pub",
            "~/.ssh/config",
            "~/.ssh/known_hosts",
            ".env.example",
            ".env.sample",
            ".envrc",
            "process.env",
            "https://example.com/.aws/credentials",
            "see ~/.aws/credentials for more",
            "credentials",
            "",
        ] {
            assert_eq!(kind(path), None, "{path}");
        }
    }
}
