//! The policy's rules about sources, asked of every address on the way: what a
//! redirect leads to, and what a site's index names, is contacted only if the
//! policy would let a person name it.

use super::https::{Server, ok, plain, redirecting};
use super::repo::{CARD, fails, open_with};
use crate::support::scene::Scene;
use skill_trust::model::code::Code;
use skill_trust::model::digest::sha256;
use skill_trust::model::source::SourceSpec;
use skill_trust::ops::install;
use skill_trust::system::fetch::{FetchError, FetchOptions};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

const LIST: &str = "/info/refs?service=git-upload-pack";

/// A place that the policy denies; nobody may knock there.
struct Denied {
    listener: TcpListener,
    base: String,
}

impl Denied {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        Self { listener, base }
    }

    fn untouched(&self, why: &str) {
        let error = self.listener.accept().expect_err(why);
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{why}: {error}");
    }
}

/// What an install under a policy says.
fn said(server: &Server, typed: &str, policy: &str) -> (Code, String) {
    let scene = Scene::new();
    let mut world = scene.world.clone();
    let file = scene.base().join("policy.toml");
    std::fs::write(&file, format!("[network]\ninternal = [\"localhost\"]\n[sources]\n{policy}\n")).unwrap();
    world.policy_files = vec![file];
    let spec = SourceSpec::parse(typed, |_| false).unwrap();
    match install::open(&world, &spec, &server.options(), install::Purpose::Look) {
        Err(stop) => (stop.code, stop.what),
        Ok(_) => panic!("nothing is there"),
    }
}

#[test]
fn attack_a_redirect_to_what_the_policy_denies() {
    let denied = Denied::new();
    let rule = format!("deny = [\"{}/acme\"]", denied.base);
    for to in [
        "/acme/old",
        "/acme",
        "/ACME/old.git",
        "//acme/./old",
        "/x/../acme/old",
        "/%61cme/old",
        "/x%2f..%2facme/old",
    ] {
        let to = format!("{}{to}{LIST}", denied.base);
        let server = redirecting(to.clone(), "302 Found");
        let (code, what) = said(&server, &server.url, &rule);
        assert!(code == Code::PolicyUnmet && what.contains("[sources] deny"), "{to}: {what}");
        assert!(what.contains("it redirects to") && what.contains(&server.url), "{what}");
        denied.untouched(&to);
    }
    // The same of an archive, and at the second redirect.
    let last = format!("{}/acme/a.zip?signed=1", denied.base);
    let server = Server::start(Box::new(move |request, out| {
        let to = if request.line.starts_with("GET /x/a.zip ") { "/y/a.zip" } else { &last };
        plain(out, "302 Found", &format!("Location: {to}\r\n"))
    }));
    let (code, what) = said(&server, &server.url.replace("/o/r", "/x/a.zip"), &rule);
    assert!(code == Code::PolicyUnmet && what.contains("[sources] deny"), "{what}");
    assert!(server.seen().contains("GET /y/a.zip "), "the allowed one was asked");
    denied.untouched("the second redirect");
}

#[test]
fn attack_an_index_that_names_what_the_policy_denies() {
    let denied = Denied::new();
    let digest = sha256(&[CARD.as_bytes()]).hex();
    let url = format!("{}/acme/SKILL.md", denied.base);
    let index = format!(
        r#"{{"$schema":"https://schemas.agentskills.io/discovery/0.2.0/schema.json","skills":[
            {{"name":"a","type":"skill-md","description":"d","url":"{url}","digest":"sha256:{digest}"}}]}}"#
    );
    let server = Server::start(Box::new(move |_, out| ok(out, "application/json", index.as_bytes())));
    let site = server.url.replace("/o/r", "");
    let (code, what) = said(&server, &site, &format!("deny = [\"{}\"]", denied.base));
    assert!(code == Code::PolicyUnmet && what.contains(&url) && what.contains("[sources] deny"), "{what}");
    denied.untouched("the index names it");
}

/// What is not in an allowed place is not used, whoever sends us there.
#[test]
fn attack_an_allowed_place_that_redirects_out_of_what_is_allowed() {
    let outside = Server::start(Box::new(|_, out| plain(out, "404 Not Found", "")));
    let mut server = redirecting(format!("{}{LIST}", outside.url), "302 Found");
    server.root.extend_from_slice(&outside.root);
    let allow = format!("allow = [\"{}\"]", server.url);
    let (code, what) = said(&server, &server.url, &allow);
    assert!(code == Code::PolicyUnmet && what.contains("[sources] allow"), "{what}");
    assert_eq!(outside.seen(), "", "it is on no list");
    // With both on the list it is followed.
    let both = format!("allow = [\"{}\", \"{}\"]", server.url, outside.url);
    let (code, what) = said(&server, &server.url, &both);
    assert!(code == Code::SourceUnreachable && what.contains("404"), "{what}");
    assert!(outside.seen().starts_with("GET /o/r/info/refs"));
}

/// Every hop is asked about, once and in order, and git's own spelling of a
/// repository is the one that a policy has.
#[test]
fn every_address_is_asked_about_before_it_is_contacted() {
    let server = Server::start(Box::new(|request, out| {
        let to = match request.line.split(' ').nth(1).unwrap_or_default() {
            "/o/r/info/refs?service=git-upload-pack" => format!("/o/r.git{LIST}"),
            "/o/r.git/info/refs?service=git-upload-pack" => format!("/p/q{LIST}#x"),
            _ => return plain(out, "404 Not Found", ""),
        };
        plain(out, "301 Moved Permanently", &format!("Location: {to}\r\n"))
    }));
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&asked);
    let options = |no: &'static str| {
        let log = Arc::clone(&log);
        let allowed = move |address: &str| {
            log.lock().unwrap().push(address.to_owned());
            if address.ends_with(no) { Err("a rule".to_owned()) } else { Ok(()) }
        };
        FetchOptions { allowed: Some(Arc::new(allowed)), ..server.options() }
    };
    let error = fails(open_with(&server.url, None, &options("nowhere")));
    assert!(error.to_string().contains("404"), "{error}");
    let last = server.url.replace("/o/r", "/p/q");
    assert_eq!(*asked.lock().unwrap(), [server.url.clone(), server.url.clone(), last]);
    let before = server.seen().len();
    let error = fails(open_with(&server.url, None, &options("/o/r")));
    assert!(matches!(error, FetchError::Forbidden { .. }) && error.to_string().contains("a rule"), "{error}");
    assert_eq!(server.seen().len(), before, "nobody was asked");
}
