//! Sites that publish an index of their skills, from a server of our own.

use super::https::{Server, ok, plain, redirecting};
use super::repo::{CARD, Files, Repo, copy_within, fails, open_with};
use skill_trust::model::digest::sha256;
use skill_trust::model::limits::Limits;
use skill_trust::model::source::SourceKind;
use skill_trust::system::fetch::FetchError;
use std::collections::BTreeMap;

const SCHEMA: &str = "https://schemas.agentskills.io/discovery/0.2.0/schema.json";
const INDEX: &str = "/.well-known/agent-skills/index.json";

/// What lies at which path, with which content type.
type Site = BTreeMap<String, (&'static str, Vec<u8>)>;

fn serve(site: Site) -> Server {
    let mut server = Server::start(Box::new(move |request, out| {
        let path = request.line.split(' ').nth(1).unwrap_or_default();
        match site.get(path) {
            Some((kind, body)) => ok(out, kind, body),
            None => plain(out, "404 Not Found", ""),
        }
    }));
    server.url = server.url.replace("/o/r", "");
    server
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256(&[bytes]).hex())
}

fn entry(name: &str, kind: &str, url: &str, digest: &str) -> String {
    format!(
        r#"{{"name":"{name}","type":"{kind}","description":"d","url":"{url}","digest":"{digest}","new":1}}"#
    )
}

fn index(entries: &[String]) -> Vec<u8> {
    format!(r#"{{"$schema":"{SCHEMA}","later":true,"skills":[{}]}}"#, entries.join(",")).into_bytes()
}

fn packed(repo: &Repo, name: &str) -> Vec<u8> {
    let out = repo.top().join(name).to_str().unwrap().to_owned();
    repo.git(&["archive", "-o", &out, "HEAD"]);
    std::fs::read(&out).unwrap()
}

fn with_index(index: Vec<u8>, files: &[(&str, &'static str, &[u8])]) -> Site {
    let mut site = Site::from([(INDEX.to_owned(), ("application/json", index))]);
    site.extend(files.iter().map(|(path, kind, body)| ((*path).to_owned(), (*kind, body.to_vec()))));
    site
}

#[test]
fn a_site_lists_its_skills_and_each_is_the_one_that_its_index_names() {
    let repo = Repo::with_skill();
    let (tgz, zip, card) = (packed(&repo, "a.tgz"), packed(&repo, "b.zip"), CARD.as_bytes());
    let entries = [
        entry("alone", "skill-md", "alone/SKILL.md", &digest(card)),
        entry("rooted", "skill-md", "/elsewhere/SKILL.md", &digest(card)),
        entry("tarred", "archive", "/dl/tarred.bin", &digest(&tgz)),
        entry("zipped", "archive", "/dl/zipped.zip", &digest(&zip)),
        entry("later", "capsule", "/dl/later", &digest(card)),
    ];
    let server = serve(with_index(
        index(&entries),
        &[
            ("/.well-known/agent-skills/alone/SKILL.md", "text/markdown", card),
            ("/elsewhere/SKILL.md", "text/markdown; charset=utf-8", card),
            ("/dl/tarred.bin", "application/gzip", &tgz),
            ("/dl/zipped.zip", "application/octet-stream", &zip),
        ],
    ));
    let origin = open_with(&server.url, None, &server.options()).unwrap();
    assert_eq!(origin.source().kind, SourceKind::Site);
    assert_eq!(origin.source().location, server.url);
    let notes = origin.notes().join("\n");
    assert!(notes.contains("`later` is passed over: its type `capsule`"), "{notes}");
    let found = origin.skills().unwrap().skills;
    let names: Vec<_> = found.iter().map(|skill| skill.path.as_ref().unwrap().to_string()).collect();
    assert_eq!(names, ["alone", "rooted", "tarred", "zipped"]);
    let files = |at: usize| copy_within(origin.as_ref(), &found[at], &Limits::DEFAULT).unwrap();
    let one = Files::from([("SKILL.md".to_owned(), (false, card.to_vec()))]);
    assert_eq!((files(0), files(1)), (one.clone(), one));
    assert_eq!(files(2), files(3));
    assert_eq!(files(2)["scripts/run.sh"], (true, b"#!/bin/sh\necho hello\n".to_vec()));
    assert_eq!(origin.source_of(&found[2]).commit, Some(digest(&tgz)));
    assert_eq!(origin.source_of(&found[0]).commit, Some(digest(card)));
}

#[test]
fn a_file_that_is_not_the_one_of_the_index_ends_it() {
    let card = CARD.as_bytes();
    let entries = [entry("alone", "skill-md", "/a", &digest(b"another"))];
    let server = serve(with_index(index(&entries), &[("/a", "text/markdown", card)]));
    let error = fails(open_with(&server.url, None, &server.options()));
    assert!(matches!(error, FetchError::Broken { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains(&digest(card)) && said.contains(&digest(b"another")), "{said}");
}

#[test]
fn an_index_that_is_not_understood_is_not_followed() {
    let card = CARD.as_bytes();
    let good = digest(card);
    let one = |name: &str, kind: &str, url: &str, digest: &str| index(&[entry(name, kind, url, digest)]);
    let text = |schema: &str| format!("{{{schema}\"skills\":[]}}").into_bytes();
    let mut many = Vec::new();
    for at in 0..501 {
        many.push(entry(&format!("s{at}"), "skill-md", "/a", &good));
    }
    let cases = [
        (b"<html></html>".to_vec(), "not read"),
        (b"[]".to_vec(), "not read"),
        (text(""), "no `$schema`"),
        (text(r#""$schema":"https://schemas.agentskills.io/discovery/0.3.0/schema.json","#), "0.3.0"),
        (text(&format!(r#""$schema":"{SCHEMA}","$schema":"{SCHEMA}","#)), "not read"),
        (one("Bad", "skill-md", "/a", &good), "`Bad`"),
        (one("../x", "skill-md", "/a", &good), "`../x`"),
        (one("a\\u001b[2J", "skill-md", "/a", &good), "names"),
        (one("a", "skill-md", "/a", "sha256:12"), "not `sha256:`"),
        (one("a", "skill-md", "/a", &good.to_uppercase()), "not `sha256:`"),
        (one("a", "skill-md", "/a", &good.replace("sha256", "sha512")), "not `sha256:`"),
        (
            index(&[entry("a", "skill-md", "/a", &good), entry("a", "skill-md", "/b", &digest(b"x"))]),
            "names `a` twice",
        ),
        (index(&many), "more than 500"),
        (one("a", "skill-md", "http://localhost/a", &good), "not https"),
        (one("a", "skill-md", "file:///etc/passwd", &good), "not https"),
        (one("a", "skill-md", "https://me:secret@localhost/a", &good), "user name"),
        (one("a", "skill-md", "https://127.0.0.1/a", &good), "not a public address"),
        (one("a", "skill-md", "//169.254.169.254/latest", &good), "not a public address"),
        (one("a", "archive", "/a", &good), "neither its content type"),
        (one("a", "archive", "/a.zip", &good), "not taken"),
    ];
    for (body, said) in cases {
        let server = serve(with_index(body, &[("/a", "text/plain", card), ("/a.zip", "text/plain", card)]));
        let error = fails(open_with(&server.url, None, &server.options())).to_string();
        assert!(error.contains(said), "{said}: {error}");
        assert!(!error.contains('\u{1b}') && !error.contains("secret"), "{error:?}");
    }
    let huge = serve(with_index(vec![b' '; (1 << 20) + 1], &[]));
    let error = fails(open_with(&huge.url, None, &huge.options()));
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
    let none = serve(Site::new());
    let error = fails(open_with(&none.url, None, &none.options()));
    assert!(error.to_string().contains("404"), "{error}");
}

#[test]
fn an_archive_whose_card_is_not_at_its_root_is_refused() {
    let repo = Repo::new();
    repo.write("inside/SKILL.md", CARD);
    repo.commit("nested");
    let zip = packed(&repo, "a.zip");
    let server = serve(with_index(
        index(&[entry("a", "archive", "/a.zip", &digest(&zip))]),
        &[("/a.zip", "application/zip", &zip)],
    ));
    let error = fails(open_with(&server.url, None, &server.options())).to_string();
    assert!(error.contains("no SKILL.md at the root"), "{error}");
}

/// The person typed one host; that others are contacted, by an entry or by a
/// redirect of one, is said, and of the site's own host nothing.
#[test]
fn what_comes_from_another_host_is_said() {
    let card = CARD.as_bytes();
    let other = serve(Site::from([("/cdn/SKILL.md".to_owned(), ("text/markdown", card.to_vec()))]));
    let sent_on = redirecting(format!("{}/cdn/SKILL.md", other.url), "302 Found");
    let sent_on = (sent_on.url.replace("/o/r", "/x"), sent_on.root);
    let direct = format!("{}/cdn/SKILL.md", other.url);
    let mut entries = vec![
        entry("own", "skill-md", "/a", &digest(card)),
        entry("far", "skill-md", &direct, &digest(card)),
        entry("sent-on", "skill-md", &sent_on.0, &digest(card)),
    ];
    let mut server = serve(with_index(index(&entries), &[("/a", "text/markdown", card)]));
    server.root.extend_from_slice(&other.root);
    server.root.extend_from_slice(&sent_on.1);
    let origin = open_with(&server.url, None, &server.options()).unwrap();
    let said = format!("`far`, `sent-on` come from another host, {}", other.url);
    let ours: Vec<_> = origin.notes().iter().filter(|note| note.contains("host")).collect();
    assert_eq!(ours, [&said]);

    entries.truncate(1);
    for at in 0..12 {
        entries.push(entry(&format!("s{at}"), "skill-md", &direct, &digest(card)));
    }
    let mut server = serve(with_index(index(&entries), &[("/a", "text/markdown", card)]));
    server.root.extend_from_slice(&other.root);
    let origin = open_with(&server.url, None, &server.options()).unwrap();
    let notes = origin.notes().join("\n");
    assert!(
        notes.contains("`s0`, `s1`") && notes.contains("`s9`, … come from") && !notes.contains("s10"),
        "{notes}"
    );
}
