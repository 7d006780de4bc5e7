//! The http client, and whom it may talk to: the only door to reqwest and TLS.
//!
//! No credentials exist here at all, and no cookies, proxies or certificates
//! out of a project's environment, decompression or plain http. Names are
//! looked up by our own resolver: every address that a name leads to must be
//! public, and the connection goes to one of exactly those addresses. So does
//! each redirect.
//!
//! Attack (server-side request forgery): an address, or a redirect, that leads
//! to this machine, to the network around it or to a cloud's metadata service;
//! a name that resolves to a public address when it is checked and to
//! `127.0.0.1` when it is connected to (rebinding), against which checking
//! beforehand is no help; an address written as a number, which is no name and
//! never asks a resolver.
//!
//! A host inside is reached only if the policy names it:
//! `[network] internal = ["git.example.org"]`.
//!
//! The rules about sources are asked of every address before it is contacted.
//! Attack: what the policy denies, under an allowed address that redirects to it
//! or an allowed site whose index names it.

use super::watch::Budget;
use super::{Allowed, FetchError, FetchOptions};
use crate::model::{address, text};
use reqwest::Url;
use reqwest::blocking::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Action, Attempt, Policy};
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

/// Redirects that are followed.
const REDIRECTS: usize = 3;
/// Addresses of one name; more are an attempt to make us try them all.
const ADDRESSES: usize = 32;

/// Whether a request, by the address it began with, may be redirected.
pub(super) type MayRedirect = fn(&str) -> bool;

/// A client for one fetch.
pub(super) fn client(budget: &Budget, may_redirect: MayRedirect) -> reqwest::Result<Client> {
    // Fails when it is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = budget.options();
    let guard = Guard::new(options);
    let hops = guard.clone();
    let mut builder = Client::builder()
        .user_agent(concat!("skill-trust/", env!("CARGO_PKG_VERSION")))
        .https_only(true)
        .no_proxy()
        .referer(false)
        .redirect(Policy::custom(move |attempt| redirected(&hops, may_redirect, attempt)))
        .dns_resolver(Arc::new(guard))
        .connect_timeout(options.connect)
        // For the head of an answer, and then for each piece of its body.
        .timeout(options.idle);
    if let Some(pem) = &options.extra_root_pem {
        builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
    }
    builder.build()
}

/// Checks the address that a fetch begins with, before anything is contacted.
///
/// # Errors
/// [`FetchError::Unreachable`] for an address written as a number that is not
/// public, and for what is no address at all; [`FetchError::Forbidden`].
pub(super) fn check(url: &str, what: &str, options: &FetchOptions) -> Result<(), FetchError> {
    let fail = |why: String| FetchError::Unreachable { what: what.to_owned(), why };
    let url = Url::parse(url).map_err(|error| fail(text::escape_short(&error.to_string(), 200)))?;
    let guard = Guard::new(options);
    guard.ruled(&url).map_err(|why| FetchError::Forbidden { what: what.to_owned(), why })?;
    guard.number(&url).map_err(fail)
}

/// What went wrong, in the innermost cause's words.
pub(super) fn unreachable(what: &str, error: &(dyn Error + 'static)) -> FetchError {
    // It says most: "certificate expired", "refused".
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    if let Some(Ruled(why)) = inner.downcast_ref() {
        return FetchError::Forbidden { what: what.to_owned(), why: why.clone() };
    }
    FetchError::Unreachable { what: what.to_owned(), why: text::escape_short(&inner.to_string(), 300) }
}

/// What a person should know of how it was reached.
pub(super) fn notes(asked: &str, found: Option<&str>) -> Vec<String> {
    let mut notes = Vec::new();
    // The same address, as a client writes it, is no other one.
    let same = |found: &str| Url::parse(asked).is_ok_and(|asked| asked.as_str() == found);
    if let Some(found) = found.filter(|found| *found != asked && !same(found)) {
        notes.push(format!("the address redirects to {}", text::escape_short(found, 300)));
    }
    // Attack: a project's environment that brings its own roots. They are
    // not ours to drop (some systems keep all roots this way), so say it.
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        if let Some(place) = std::env::var_os(name) {
            let place = text::escape_bytes(place.as_encoded_bytes());
            notes.push(format!("the certificate roots come from {name}={}", text::escape_short(&place, 200)));
        }
    }
    notes
}

/// A redirect that a rule forbids.
#[derive(Debug)]
struct Ruled(String);

impl fmt::Display for Ruled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Ruled {}

/// Which hosts may be inside, and which addresses may be used.
#[derive(Clone)]
struct Guard {
    internal: Vec<String>,
    allowed: Option<Allowed>,
}

impl Guard {
    fn new(options: &FetchOptions) -> Self {
        Self { internal: options.internal_hosts.clone(), allowed: options.allowed.clone() }
    }

    /// Asks the rules, of the address as it is written and as servers read it.
    fn ruled(&self, url: &Url) -> Result<(), String> {
        let Some(allowed) = &self.allowed else { return Ok(()) };
        places(url).iter().try_for_each(|place| {
            allowed(place).map_err(|rule| format!("{}: {rule}", text::escape_short(place, 300)))
        })
    }

    fn is_internal(&self, host: &str) -> bool {
        self.internal.iter().any(|name| name.eq_ignore_ascii_case(host))
    }

    /// A host that is a number asks no resolver, so it is looked at here. The
    /// url parser has turned `0x7f.1` and `2130706433` into `127.0.0.1`.
    fn number(&self, url: &Url) -> Result<(), String> {
        let host = url.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) if !self.is_internal(host) && !self.is_internal(bare) => public(bare, address),
            _ => Ok(()),
        }
    }

    /// Every address of a name, if all of them are public.
    fn resolve(&self, host: &str) -> Result<Vec<SocketAddr>, String> {
        let said = |error: &std::io::Error| format!("its name cannot be resolved: {error}");
        let found: Vec<_> = (host, 0).to_socket_addrs().map_err(|error| said(&error))?.collect();
        if found.len() > ADDRESSES {
            return Err(format!("{} has {} addresses, more than {ADDRESSES}", shown(host), found.len()));
        }
        if !self.is_internal(host) {
            // One is enough: which of them is connected to is chance.
            found.iter().try_for_each(|address| public(host, address.ip()))?;
        }
        Ok(found)
    }
}

fn shown(host: &str) -> String {
    text::escape_short(host, 200)
}

fn public(host: &str, address: IpAddr) -> Result<(), String> {
    match address::special(address) {
        None => Ok(()),
        Some(what) => {
            let host = shown(host);
            Err(format!(
                "{host} is {address}, which is {what}, not a public address; a host inside must be named in the policy: [network] internal = [\"{host}\"]"
            ))
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let found = Self::resolve(self, name.as_str());
        Box::pin(std::future::ready(match found {
            Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
            Err(why) => Err(Box::from(why)),
        }))
    }
}

/// The place that an address is at, without what is asked of it: as written, and
/// with its escapes undone, dots resolved.
///
/// Attack: `https://h/%61cme/old`, where `https://h/acme` is denied.
fn places(url: &Url) -> Vec<String> {
    let bare = |url: &Url| {
        let mut url = url.clone();
        url.set_query(None);
        url.set_fragment(None);
        let place = String::from(url);
        // Git's list of a repository is that repository, in the spelling of what is typed.
        let repository =
            place.strip_suffix("/info/refs").map(|base| base.strip_suffix(".git").unwrap_or(base));
        repository.map_or_else(|| place.clone(), str::to_owned)
    };
    let written = bare(url);
    let read = unescaped(&written).and_then(|read| Url::parse(&read).ok()).map(|read| bare(&read));
    let other = read.map(|read| unescaped(&read).unwrap_or(read)).filter(|read| *read != written);
    [Some(written), other].into_iter().flatten().collect()
}

/// A text with its `%` escapes undone; none if it has none.
fn unescaped(text: &str) -> Option<String> {
    let hex = |at: usize| {
        let digits = text.get(at + 1..at + 3).filter(|two| two.bytes().all(|c| c.is_ascii_hexdigit()))?;
        u8::from_str_radix(digits, 16).ok()
    };
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(byte) = text.as_bytes().get(at) {
        let escaped = if *byte == b'%' { hex(at) } else { None };
        out.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    (out != text.as_bytes()).then(|| String::from_utf8_lossy(&out).into_owned())
}

fn redirected(guard: &Guard, may_redirect: MayRedirect, attempt: Attempt<'_>) -> Action {
    let url = attempt.url();
    let bare = url.username().is_empty() && url.password().is_none();
    let to = text::escape_short(&format!("{}://{}", url.scheme(), url.host_str().unwrap_or("?")), 200);
    let asked = attempt.previous().first().is_some_and(|first| may_redirect(first.as_str()));
    let (ruled, number) = (guard.ruled(url), guard.number(url));
    if url.scheme() != "https" {
        attempt.error(format!("it redirects to {to}, which is not https"))
    } else if !bare {
        attempt.error(format!("it redirects to {to} with a name or password"))
    } else if let Err(why) = ruled {
        attempt.error(Ruled(format!("it redirects to {why}")))
    } else if let Err(why) = number {
        attempt.error(format!("it redirects to where nobody may be sent: {why}"))
    } else if !asked {
        attempt.error(format!("it redirects the fetch itself to {to}"))
    } else if attempt.previous().len() > REDIRECTS {
        attempt.error(format!("it redirects more than {REDIRECTS} times"))
    } else {
        attempt.follow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_a_clients_spelling_is_no_redirect() {
        let said = |asked, found| notes(asked, found).iter().any(|note| note.contains("redirects"));
        assert!(!said("https://h/ü.zip", Some("https://h/%C3%BC.zip")));
        assert!(!said("https://h:443/x/./y", Some("https://h/x/y")));
        assert!(!said("https://h/x", Some("https://h/x")) && !said("https://h/x", None));
        assert!(said("https://h/ü.zip", Some("https://h/%C3%BC/a.zip")));
        assert!(said("https://h/x", Some("https://other/x")));
    }

    #[test]
    fn a_place_is_asked_about_as_servers_read_it() {
        let of = |url: &str| places(&Url::parse(url).unwrap());
        assert_eq!(of("https://h/acme/x?q#f"), ["https://h/acme/x"]);
        assert_eq!(of("https://h/acme/x.git/info/refs?service=s"), ["https://h/acme/x"]);
        assert_eq!(of("https://h/%61cme/x"), ["https://h/%61cme/x", "https://h/acme/x"]);
        assert_eq!(of("https://h/a%2f%2e%2e%2fb"), ["https://h/a%2f%2e%2e%2fb", "https://h/b"]);
        assert_eq!(of("https://h/%+1x/%zz"), ["https://h/%+1x/%zz"]);
        assert_eq!(of("https://h/%FC")[1], "https://h/\u{fffd}");
    }
}
