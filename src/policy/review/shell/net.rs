//! What programs bring from the network, and what they send.
//!
//! What a request is signed with is not counted as sent: a token in a header is how
//! every honest client works; a private key in one is not.

use super::known::{self, Fetch};
use super::machine::Machine;
use super::tree::Span;
use super::value::{Origin, UNKNOWN, Value};

impl Machine {
    pub(super) fn fetched(
        &mut self,
        fetch: Fetch,
        name: &str,
        argv: &[Value],
        input: Value,
        span: Span,
    ) -> Value {
        // `curl | bash` of a sentence about it: without an address nothing is fetched.
        if matches!(name, "curl" | "wget") && !is_asked(argv) {
            return Value::unknown();
        }
        // What was asked for by a secret is not that secret.
        let mut value = Value::unknown().and(if fetch == Fetch::Dns { Origin::Dns } else { Origin::Fetched });
        let (mut file, mut named) = (None, fetch == Fetch::File);
        let (what, url) = by_fetcher(self, name, argv, &input);
        self.sent(name, what, url.clone(), span);
        let mut rest = argv.iter().skip(1).peekable();
        while let Some(word) = rest.next() {
            let text = word.text.as_str();
            value.from.add(&word.from);
            let attached = |short: &str| {
                text.strip_prefix(short).filter(|rest| !rest.is_empty() && !text.starts_with("--"))
            };
            if known::output_option(name, text) {
                file = rest.next().cloned();
            } else if let Some((option, path)) =
                text.split_once('=').filter(|(option, _)| known::output_option(name, option))
            {
                let _ = option;
                file = Some(word.with_text(path));
            } else if let Some(path) = attached(if name.starts_with("wget") { "-O" } else { "-o" }) {
                file = Some(word.with_text(path));
            } else if name == "curl" && (text == "--remote-name" || is_short(text, 'O')) {
                named = true;
            } else if matches!(name, "lynx" | "w3m" | "links" | "elinks") {
                // `-source`, `-dump_source`: whole words behind one dash.
            } else if is_short(text, if name.starts_with("wget") { 'O' } else { 'o' }) && text.len() > 2 {
                // `-fsSLo file`, `-qO-`
                let letter = if name.starts_with("wget") { 'O' } else { 'o' };
                let behind = text.split_once(letter).map_or("", |(_, behind)| behind);
                file = if behind.is_empty() { rest.next().cloned() } else { Some(word.with_text(behind)) };
            }
        }
        value
            .from
            .kinds
            .retain(|kind| !matches!(kind, Origin::Secret | Origin::Settings | Origin::Environment));
        if let Some(url) = &url {
            value.from.urls.insert(url.chars().take(300).collect());
        }
        if name == "bitsadmin" {
            file = argv.last().cloned();
        }
        let file = file.or_else(|| {
            let url = url.as_deref()?.split(['?', '#']).next()?.trim_end_matches('/');
            named.then(|| Value::known(url.rsplit('/').next().unwrap_or("index.html")))
        });
        match file {
            Some(path) if !matches!(path.text.as_str(), "-" | "/dev/stdout") => {
                self.write(path, value, false, span);
                Value::default()
            }
            _ => value,
        }
    }
}

/// Whether anything is asked for: an address, a name for one, or a file of them.
fn is_asked(argv: &[Value]) -> bool {
    argv.iter().skip(1).any(|word| {
        let text = word.text.as_str();
        let listed =
            ["-K", "--config", "-i", "--input-file", "--url"].iter().any(|one| text.starts_with(one));
        listed || !(text.starts_with('-') || text.is_empty() || matches!(text, "..." | "…" | "URL" | "url"))
    })
}

fn is_short(text: &str, letter: char) -> bool {
    text.starts_with('-') && !text.starts_with("--") && text.contains(letter)
}

/// Options whose value is the body of a request, or names a file with it.
const BODIES: &[&str] = &[
    "-d",
    "--data",
    "--data-raw",
    "--data-binary",
    "--data-ascii",
    "--data-urlencode",
    "--json",
    "-F",
    "--form",
    "--form-string",
    "--post-data",
    "--body-data",
    "-Body",
    "-body",
];
/// Options whose value is a file that is sent as it is.
const FILES: &[&str] = &["-T", "--upload-file", "--post-file", "--body-file", "-InFile", "-infile"];
/// Options whose value says who asks, or is not sent at all.
const SIGNS: &[&str] = &[
    "-H",
    "--header",
    "-u",
    "--user",
    "-b",
    "--cookie",
    "--oauth2-bearer",
    "-E",
    "--cert",
    "--key",
    "--cacert",
    "-K",
    "--config",
    "-o",
    "--output",
    "-Headers",
    "-headers",
    "--netrc-file",
    "-w",
    "-A",
    "-e",
    "-x",
    "--proxy",
    "--password",
    "--auth",
    "-X",
    "--request",
    "-m",
    "--max-time",
    "--connect-timeout",
    "--retry",
    "-OutFile",
    "-Method",
    "-U",
    "--user-agent",
    "--output-document",
];

/// What a program that reaches the network sends, and where to.
pub(super) fn by_fetcher(
    machine: &Machine,
    name: &str,
    argv: &[Value],
    input: &Value,
) -> (Value, Option<String>) {
    if name == "scp" {
        return by_other(machine, name, argv, input).unwrap_or_default();
    }
    let (mut what, mut to) = (Value::default(), None);
    let pipes = matches!(
        name,
        "nc" | "ncat" | "netcat" | "socat" | "telnet" | "http" | "https" | "xh" | "ftp" | "tftp"
    );
    if pipes {
        what.push(input);
    }
    let mut rest = argv.iter().skip(1);
    while let Some(word) = rest.next() {
        let (option, attached) = match word.text.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(word.with_text(value))),
            _ => (word.text.as_str(), None),
        };
        let last = format!("-{}", option.chars().last().unwrap_or('-'));
        let short = option.starts_with('-') && !option.starts_with("--") && option.len() > 2 && name != "dig";
        let is = |list: &[&str]| {
            list.contains(&option) || short && option.len() < 8 && list.contains(&last.as_str())
        };
        let saves = name.starts_with("wget") && last == "-O";
        if is(SIGNS) || saves {
            let value = attached.or_else(|| rest.next().cloned()).unwrap_or_default();
            if value.from.has(Origin::Secret) {
                what.push(&value);
            }
        } else if is(FILES) {
            let path = attached.or_else(|| rest.next().cloned()).unwrap_or_default();
            what.push(&opened(machine, &path.text, input));
        } else if is(BODIES) {
            let value = attached.or_else(|| rest.next().cloned()).unwrap_or_default();
            what.push(&body(machine, &value, input));
        } else {
            if to.is_none() && !option.starts_with('-') && option.contains(['.', ':', '/', UNKNOWN]) {
                to = Some(option.chars().take(300).collect());
            }
            what.push(word);
        }
    }
    (what, to)
}

/// The body that a value stands for: itself, `@file`, `field=@file`, `field=<file`.
fn body(machine: &Machine, value: &Value, input: &Value) -> Value {
    let text = value.text.as_str();
    let path = text.strip_prefix('@').or_else(|| {
        let (_, behind) = text.split_once('=')?;
        behind.strip_prefix(['@', '<'])
    });
    match path {
        Some(path) => opened(machine, path.split(';').next().unwrap_or_default(), input),
        None => value.clone(),
    }
}

fn opened(machine: &Machine, path: &str, input: &Value) -> Value {
    if matches!(path, "-" | "." | "/dev/stdin") { input.clone() } else { machine.file(path) }
}

/// Programs that copy files or their input to elsewhere; `None` for any other.
pub(super) fn by_other(
    machine: &Machine,
    name: &str,
    argv: &[Value],
    input: &Value,
) -> Option<(Value, Option<String>)> {
    let words: Vec<&Value> = argv.iter().skip(1).collect();
    let first = words.first().map_or("", |word| word.text.as_str());
    let second = words.get(1).map_or("", |word| word.text.as_str());
    let remote = |text: &str| {
        text.split_once(':')
            .is_some_and(|(host, _)| host.len() > 1 && !host.contains('/') && !host.starts_with('$'))
    };
    let copies = match name {
        "scp" | "rsync" | "sftp" => words.last().is_some_and(|word| remote(&word.text)),
        "aws" => first == "s3" && words.last().is_some_and(|word| word.text.starts_with("s3://")),
        "gsutil" | "rclone" | "mc" => matches!(first, "cp" | "copy" | "rsync" | "sync"),
        "gh" => first == "gist" && second == "create",
        "mail" | "mailx" | "sendmail" | "mutt" | "ssh" => {
            return (!input.from.kinds.is_empty())
                .then(|| (input.clone(), words.first().map(|word| word.text.clone())));
        }
        _ => false,
    };
    if !copies {
        return None;
    }
    let mut what = Value::default();
    let mut skip = false;
    for word in &words {
        if !skip && !word.text.starts_with('-') {
            what.push(&machine.file(&word.text));
        }
        skip = matches!(word.text.as_str(), "-i" | "-e" | "-F" | "--rsh" | "--exclude");
    }
    what.push(input);
    Some((what, words.last().map(|word| word.text.clone())))
}
