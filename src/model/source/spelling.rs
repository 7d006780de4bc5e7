//! One place, many spellings: which of them are refused because there is an
//! exact one, and which count as one where it narrows.

use super::{BadSource, INDEX};
use crate::model::text;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a place, written in any way, is or holds the place of an identity.
///
/// For what narrows only (a kill, a policy's `deny`): when two spellings could
/// lead to one repository they count as one. The transport, the user, a
/// default port, the letters' case of what is remote, doubled and trailing
/// slashes and the ending `.git` make no difference; `file:///x` is `/x`.
///
/// Attack: `https://h/acme/old` is denied, so the same repository is installed
/// as `ssh://git@h/acme/old.git`. And by bad luck: a kill of the source in the
/// spelling somebody remembers stops nothing.
#[must_use]
pub fn covers(place: &str, identity: &str) -> bool {
    let (place, identity) = (one_spelling(place), one_spelling(identity));
    identity.strip_prefix(&place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Host and path of what is remote, `host:` before it; the path of what is here.
fn one_spelling(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        // The short ssh form: user@host:path.
        None => match text.split_once(':') {
            Some((host, path)) if host.contains('@') && !host.contains('/') => {
                return one_spelling(&format!("ssh://{host}/{path}"));
            }
            _ => ("file".to_owned(), text),
        },
    };
    if scheme == "file" {
        return joined(String::new(), rest);
    }
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    // A site may be named by its index too.
    let path = if path.trim_end_matches('/') == INDEX { "" } else { path };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let (name, port) = split_port(host).unwrap_or((host, ""));
    let port = port.trim_start_matches(':').trim_start_matches('0');
    let usual = matches!((scheme.as_str(), port), (_, "") | ("https", "443") | ("ssh", "22"));
    let port = if usual { String::new() } else { format!(":{port}") };
    joined(format!("host:{}{port}", name.trim_end_matches('.')), path).to_ascii_lowercase()
}

fn joined(mut out: String, path: &str) -> String {
    for part in path.split('/').filter(|part| !part.is_empty()) {
        out.push('/');
        out.push_str(part);
    }
    while let Some(shorter) = out.strip_suffix(".git").filter(|shorter| !shorter.ends_with('/')) {
        out.truncate(shorter.len());
    }
    out
}

/// A host that is a number has one spelling; see RFC 5952 for the longer ones.
pub(super) fn one_number(host: &str) -> Result<(), BadSource> {
    let shown = || text::escape_short(host, 100);
    if let Some(inside) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match inside.parse::<Ipv6Addr>() {
            Ok(address) if address.to_string() == inside => Ok(()),
            Ok(address) => Err(BadSource::Number(shown(), format!("[{address}]"))),
            Err(_) => Err(BadSource::Malformed("odd host name")),
        };
    }
    // As address parsers have it: what ends in a number is one, in one of their forms.
    let last = host.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|c| c.is_ascii_hexdigit()));
    let is_number = hex || !last.is_empty() && last.bytes().all(|c| c.is_ascii_digit());
    match host.parse::<Ipv4Addr>() {
        Ok(address) if address.to_string() == host => Ok(()),
        _ if is_number => {
            Err(BadSource::Number(shown(), "four numbers from 0 to 255, as in 192.0.2.1".to_owned()))
        }
        _ => Ok(()),
    }
}

pub(super) fn split_port(host: &str) -> Result<(&str, &str), BadSource> {
    if host.ends_with(']') {
        return Ok((host, ""));
    }
    let Some(at) = host.rfind(':') else { return Ok((host, "")) };
    let typed = &host[at + 1..];
    match typed.parse::<u16>() {
        Ok(port) if port.to_string() == typed => Ok(host.split_at(at)),
        _ => Err(BadSource::Malformed("odd port")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::SourceSpec;
    use super::*;

    fn parse(typed: &str) -> Result<SourceSpec, BadSource> {
        SourceSpec::parse(typed, |_| false)
    }

    #[test]
    fn attack_a_number_in_another_spelling() {
        for good in
            ["192.0.2.1", "0.0.0.0", "[::1]", "[2001:db8::1]", "[::ffff:192.0.2.1]", "0x.example", "1.h"]
        {
            assert_eq!(
                parse(&format!("https://{good}:8443/x")),
                Ok(SourceSpec::Git { url: format!("https://{good}:8443/x"), reference: None, path: None })
            );
        }
        for bad in [
            "127.1",
            "127.0.1",
            "0",
            "2130706433",
            "0x7f000001",
            "0X7F.1",
            "0177.0.0.1",
            "127.0.0.01",
            "1.2.3.4.5",
            "256.1.1.1",
            "h.1",
            "h.0x",
            "0x",
        ] {
            for typed in [
                format!("https://{bad}/x"),
                format!("https://{bad}"),
                format!("ssh://git@{bad}:22/x"),
                format!("git@{bad}:x"),
            ] {
                let said = parse(&typed).unwrap_err();
                assert!(matches!(said, BadSource::Number(..)), "{typed}: {said:?}");
                assert!(said.to_string().contains("four numbers from 0 to 255"), "{said}");
            }
        }
        for (bad, good) in [
            ("[0:0:0:0:0:0:0:1]", "[::1]"),
            ("[2001:DB8:0::1]", "[2001:db8::1]"),
            ("[::ffff:7f00:1]", "[::ffff:127.0.0.1]"),
        ] {
            let said = parse(&format!("https://{bad}/x"));
            // Case is folded, as in a name.
            let bad = bad.to_ascii_lowercase();
            assert_eq!(said, Err(BadSource::Number(bad, good.to_owned())));
        }
        for bad in ["[]", "[1.2.3.4]", "[::1%eth0]", "[x]"] {
            assert!(matches!(parse(&format!("https://{bad}/x")), Err(BadSource::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn attack_a_denied_or_killed_place_in_another_spelling() {
        let place = "https://github.com/acme/old";
        for same in [
            "https://github.com/acme/old",
            "https://github.com/ACME/Old",
            "https://github.com:443/acme/old",
            "https://github.com./acme//old/",
            "https://github.com/acme/old.git",
            "ssh://git@github.com/acme/old.git",
            "ssh://git@github.com:22/acme/old",
            "git@github.com:acme/old.git",
            "https://github.com/acme/old/inside",
        ] {
            assert!(covers(place, same), "{same}");
            assert!(covers("https://github.com/acme/", same), "{same}");
        }
        for other in [
            "https://github.com/acme/older",
            "https://github.com/acme",
            "https://github.example/acme/old",
            "https://github.com:8443/acme/old",
            "/github.com/acme/old",
        ] {
            assert!(!covers(place, other), "{other}");
        }
        assert!(covers(&format!("https://h.example/{INDEX}"), "https://h.example"));
        for same in ["/srv/x", "file:///srv/x", "/srv//x/", "file:///srv/x.git", "/srv/x/inside"] {
            assert!(covers("/srv/x", same) && covers("file:///srv/x", same), "{same}");
        }
        assert!(!covers("/srv/x", "/srv/X") && !covers("/", "https://h/x") && covers("/", "/srv"));
    }
}
