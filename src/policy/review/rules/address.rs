//! Addresses in a text.

/// Longest address that is looked at.
const LONGEST: usize = 2048;

/// An address and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address<'a> {
    /// First byte of its scheme.
    pub start: usize,
    /// All of it.
    pub text: &'a str,
    /// The host, without user and port.
    pub host: &'a str,
    /// What stands behind the host, with the first slash.
    pub path: &'a str,
}

/// Every `http` and `https` address of a text, in order.
pub(super) fn addresses(text: &str) -> Vec<Address<'_>> {
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(found) = text.get(at..).and_then(|rest| rest.find("://")) {
        let mark = at + found;
        at = mark + 3;
        let low = |length: usize| {
            mark.checked_sub(length).and_then(|from| text.get(from..mark)).map(str::to_ascii_lowercase)
        };
        let scheme = match (low(5).as_deref(), low(4).as_deref()) {
            (Some("https"), _) => 5,
            (_, Some("http")) => 4,
            _ => continue,
        };
        let rest = &text[at..text.floor_char_boundary((at + LONGEST).min(text.len()))];
        let ends = |c: char| c.is_whitespace() || c.is_control() || "\"'`<>()[]{}|\\^,;".contains(c);
        let rest = match rest.strip_prefix('[') {
            Some(six) => &rest[..six.find(']').map_or(rest.len(), |end| end + 2)],
            None => &rest[..rest.find(ends).unwrap_or(rest.len())],
        };
        let rest = rest.trim_end_matches(['.', ':', '!', '?', '*', '_']);
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or_default() };
        let start = mark - scheme;
        all.push(Address { start, text: &text[start..at + rest.len()], host, path });
        at += rest.len();
    }
    all
}

/// Whether a host is this name, or one under it.
#[must_use]
pub(super) fn is_under(host: &str, name: &str) -> bool {
    let rest = host
        .len()
        .checked_sub(name.len())
        .filter(|at| host.is_char_boundary(*at))
        .map(|at| host.split_at(at));
    rest.is_some_and(|(before, end)| {
        end.eq_ignore_ascii_case(name) && (before.is_empty() || before.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::{addresses, is_under};

    #[test]
    fn addresses_end_where_text_goes_on() {
        let text = "See [x](https://a.example/b?c=1), <HTTP://u@b.example:80/x>. ftp://c http://d.example. http://[::1]:8/x";
        let all: Vec<_> = addresses(text).iter().map(|one| (one.host, one.path)).collect();
        assert_eq!(all, [("a.example", "/b?c=1"), ("b.example", "/x"), ("d.example", ""), ("[::1]", "")]);
    }

    #[test]
    fn a_name_is_under_another_at_a_dot() {
        assert!(is_under("bit.ly", "bit.ly") && is_under("www.Bit.ly", "bit.ly"));
        assert!(!is_under("habit.ly", "bit.ly") && !is_under("ly", "bit.ly"));
    }
}
