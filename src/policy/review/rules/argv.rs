//! What rules ask of arguments, paths and addresses.

use super::super::shell::value::{UNKNOWN, Value};
use crate::model::text;

/// Whether one of the arguments is one of these words.
pub(super) fn has(argv: &[Value], words: &[&str]) -> bool {
    argv.iter().skip(1).any(|word| words.contains(&word.text.as_str()))
}

/// The argument behind one of these options, attached by `=` or as a word of its own.
pub(super) fn behind<'a>(argv: &'a [Value], options: &[&str]) -> Option<&'a str> {
    argv.iter().enumerate().skip(1).find_map(|(at, word)| match word.text.split_once('=') {
        Some((option, value)) if options.contains(&option) => Some(value),
        _ if options.contains(&word.text.as_str()) => argv.get(at + 1).map(|word| word.text.as_str()),
        _ => None,
    })
}

/// Arguments that are no options.
pub(super) fn operands(argv: &[Value]) -> impl Iterator<Item = &str> {
    argv.iter()
        .skip(1)
        .map(|word| word.text.as_str())
        .filter(|text| !text.starts_with('-') && !text.is_empty())
}

/// Whether a short option of this letter is given, alone or in a bundle.
pub(super) fn short(argv: &[Value], letter: char) -> bool {
    argv.iter().skip(1).any(|word| {
        let text = word.text.as_str();
        text.starts_with('-') && !text.starts_with("--") && text.len() < 8 && text.contains(letter)
    })
}

/// A text as a message shows it.
pub(super) fn shown(text: &str) -> String {
    text::escape_short(&text.replace(UNKNOWN, "…"), 100)
}

/// A path in somebody's home folder, from there on.
pub(super) fn in_home(path: &str) -> Option<&str> {
    if let Some(rest) = ["$HOME/", "~/", "/root/", "%USERPROFILE%/", "$env:USERPROFILE/"]
        .iter()
        .find_map(|head| path.strip_prefix(head))
    {
        return Some(rest);
    }
    let rest = path
        .strip_prefix("/home/")
        .or_else(|| path.strip_prefix("/Users/"))
        .or_else(|| path.strip_prefix('~'))?;
    rest.split_once('/').map(|(_, rest)| rest)
}

/// The host of an address, in lower case, without user and port.
pub(super) fn host(url: &str) -> String {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    let host =
        behind.split(['/', '?', '#']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
    let host = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or_default() };
    host.to_ascii_lowercase()
}

/// Whether an address is of this machine, or of a network that is not the public one.
pub(super) fn is_near(url: &str) -> bool {
    let host = host(url);
    let private = host
        .parse::<std::net::Ipv4Addr>()
        .is_ok_and(|ip| ip.is_private() || ip.is_loopback() || ip.is_unspecified());
    private
        || host == "localhost"
        || host.starts_with("[::1]")
        || [".local", ".localhost", ".internal", ".test", ".lan"].iter().any(|ending| host.ends_with(ending))
}
