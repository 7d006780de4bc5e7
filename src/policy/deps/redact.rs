//! Output of an installer, fit to be shown: without what looks like a secret.
//!
//! A step gets none of ours: its environment is empty and the person's files are
//! not there. What a registry or a package prints is another matter, and on the
//! machine itself a step can read everything.

/// How what is secret begins, in one word.
const TOKENS: &[&str] = &[
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "npm_",
    "pypi-",
    "sk-",
    "hf_",
    "AKIA",
    "xoxb-",
    "eyJ",
];
/// Names whose value is nobody's business.
const NAMES: &[&str] =
    &["token", "password", "passwd", "secret", "authorization", "bearer", "api_key", "apikey", "_auth"];
/// What stands in its place.
const GONE: &str = "[redacted]";

/// A text without its secrets, line by line.
#[must_use]
pub fn redact(text: &str) -> String {
    let (mut out, mut key) = (Vec::new(), false);
    for line in text.lines() {
        let begins = line.contains("-----BEGIN ") && line.contains("PRIVATE KEY");
        if begins || key {
            key = !line.contains("-----END ");
            out.push(GONE.to_owned());
        } else {
            out.push(self::line(line));
        }
    }
    out.join("\n")
}

fn line(line: &str) -> String {
    let (mut out, mut hide) = (Vec::new(), false);
    for word in line.split(' ') {
        let low = word.to_ascii_lowercase();
        // `NPM_TOKEN=…` has a value that is secret, `tokenizers==9` has none.
        let key = low.split(['=', ':']).next().unwrap_or_default().trim_matches(['"', '\'']);
        let named = NAMES.iter().any(|name| key.ends_with(name));
        if hide && !word.is_empty() && low != "bearer" && low != "basic" && low != "=" && low != ":" {
            out.push(GONE.to_owned());
            hide = false;
        } else if let Some(at) = word.find(['=', ':']).filter(|at| named && at + 1 < word.len()) {
            out.push(format!("{}{GONE}", &word[..=at]));
        } else {
            hide = hide || (named && word.ends_with([':', '=']) || low == "bearer");
            out.push(self::word(word));
        }
    }
    out.join(" ")
}

fn word(word: &str) -> String {
    if let Some((before, after)) = word.split_once("://")
        && let Some((_, host)) = after.split('/').next().and_then(|authority| authority.rsplit_once('@'))
    {
        let rest = after.find('/').map_or("", |at| &after[at..]);
        return format!("{before}://{GONE}@{host}{rest}");
    }
    let bare = word.trim_start_matches(['"', '\'', '(', '[', '`']);
    let token = TOKENS.iter().any(|start| bare.starts_with(start)) && bare.len() >= 20;
    if token { GONE.to_owned() } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_not_shown() {
        let token = format!("gh{}{}", "p_", "9fK2mQ7sXw4ZbR1tYv8LdN3cHj6PgA5eUoWi");
        for (from, to) in [
            (format!("got {token} from there"), "got [redacted] from there".to_owned()),
            (
                "GET https://ana:hunter2@host.example/x 200".into(),
                "GET https://[redacted]@host.example/x 200".into(),
            ),
            ("NPM_TOKEN=abc".into(), "NPM_TOKEN=[redacted]".into()),
            ("password: hunter2 wrong".into(), "password: [redacted] wrong".into()),
            ("Authorization: Bearer abc.def".into(), "Authorization: Bearer [redacted]".into()),
            ("\"_authToken\":\"abc\"".into(), "\"_authToken\":[redacted]".into()),
        ] {
            assert_eq!(redact(&from), to);
        }
        let key = "a\n-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nb";
        assert_eq!(redact(key), "a\n[redacted]\n[redacted]\n[redacted]\nb");
    }

    #[test]
    fn what_is_none_stays_as_it_is() {
        for plain in [
            "added 12 packages in 3s",
            "npm error code E404",
            "see https://docs.example/a?b=c",
            "mail@example.org wrote",
            "  Compiling sk-learn v1.0",
            "ERROR: No matching distribution found for tokenizers==9",
        ] {
            assert_eq!(redact(plain), plain);
        }
    }
}
