//! Archives at https addresses, from a server of our own.

use super::https::{Server, ok, plain, redirecting};
use super::repo::{Repo, fails, only, open, open_with};
use skill_trust::model::source::SourceKind;
use skill_trust::system::fetch::{FetchError, FetchOptions};
use std::process::Command;
use std::time::{Duration, Instant};

/// A repository's archive in both formats, and its bytes' SHA-256.
fn packed(repo: &Repo, name: &str) -> (Vec<u8>, String) {
    let out = repo.top().join(name).to_str().unwrap().to_owned();
    repo.git(&["archive", "-o", &out, "HEAD"]);
    let sum = Command::new("sha256sum").arg(&out).output().unwrap();
    (std::fs::read(&out).unwrap(), String::from_utf8(sum.stdout).unwrap()[..64].to_owned())
}

/// Serves bytes at one path, as a plain file server does.
fn serving(path: &'static str, body: Vec<u8>) -> Server {
    Server::start(Box::new(move |request, out| {
        if request.line.starts_with(&format!("GET {path} ")) {
            ok(out, "application/octet-stream", &body)
        } else {
            plain(out, "404 Not Found", "")
        }
    }))
}

fn address(server: &Server, path: &str) -> String {
    server.url.replace("/o/r", path)
}

#[test]
fn an_archive_arrives_with_the_bytes_of_its_folder() {
    let repo = Repo::with_skill();
    let wanted = only(open(&repo.file_url()).unwrap().as_ref()).unwrap();
    for (name, path) in [("a.tar.gz", "/pub/a.tar.gz"), ("a.tgz", "/pub/a.tgz"), ("a.zip", "/pub/a.zip")] {
        let (body, sum) = packed(&repo, name);
        let server = serving(path, body);
        let url = address(&server, path);
        let origin = open_with(&url, None, &server.options()).unwrap();
        let source = origin.source();
        assert_eq!((source.kind, source.location.as_str()), (SourceKind::Archive, url.as_str()));
        assert_eq!(source.commit.as_deref(), Some(format!("sha256:{sum}").as_str()));
        assert_eq!(only(origin.as_ref()).unwrap(), wanted, "{name}");
        let seen = server.seen();
        for absent in ["authorization", "cookie", "referer", "accept-encoding", "proxy"] {
            assert!(!seen.contains(absent), "{absent}: {seen}");
        }
    }
}

#[test]
fn a_redirected_archive_is_of_the_address_that_was_typed() {
    let repo = Repo::with_skill();
    let (body, _) = packed(&repo, "a.zip");
    let real = serving("/store/1234", body);
    let mut first = redirecting(address(&real, "/store/1234"), "302 Found");
    first.root.extend_from_slice(&real.root);
    let url = address(&first, "/releases/a.zip");
    let origin = open_with(&url, None, &first.options()).unwrap();
    assert_eq!(origin.source().location, url);
    assert!(origin.notes()[0].contains("/store/1234"), "{:?}", origin.notes());

    let plain_http = redirecting(address(&real, "/store/1234").replace("https", "http"), "302 Found");
    let error = fails(open_with(&address(&plain_http, "/a.zip"), None, &plain_http.options()));
    assert!(error.to_string().contains("not https"), "{error}");
    let circle = redirecting("/a.zip".to_owned(), "302 Found");
    let error = fails(open_with(&address(&circle, "/a.zip"), None, &circle.options()));
    assert!(error.to_string().contains("more than 3 times"), "{error}");
}

#[test]
fn what_is_no_archive_or_too_much_is_refused() {
    let repo = Repo::with_skill();
    let (body, _) = packed(&repo, "a.zip");
    let page = serving("/a.zip", b"<html>log in first</html>".to_vec());
    let error = fails(open_with(&address(&page, "/a.zip"), None, &page.options()));
    assert!(matches!(error, FetchError::Archive { .. }), "{error}");
    let cut = serving("/a.zip", body[..body.len() - 3].to_vec());
    let error = fails(open_with(&address(&cut, "/a.zip"), None, &cut.options()));
    assert!(matches!(error, FetchError::Archive { .. }), "{error}");
    let missing = serving("/b.zip", body.clone());
    let error = fails(open_with(&address(&missing, "/a.zip"), None, &missing.options()));
    assert!(error.to_string().contains("404"), "{error}");
    let coded = body.clone();
    let coded = Server::start(Box::new(move |_, out| {
        let length = coded.len();
        write!(out, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n")?;
        out.write_all(&coded)
    }));
    let error = fails(open_with(&address(&coded, "/a.zip"), None, &coded.options()));
    assert!(error.to_string().contains("packed as `gzip`"), "{error}");

    let short =
        Server::start(Box::new(|_, out| write!(out, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")));
    let error = fails(open_with(&address(&short, "/a.zip"), None, &short.options()));
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");

    let announced = serving("/a.zip", body);
    let options = FetchOptions { max_bytes: 10, ..announced.options() };
    let error = fails(open_with(&address(&announced, "/a.zip"), None, &options));
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
    let endless = Server::start(Box::new(|_, out| {
        write!(out, "HTTP/1.1 200 OK\r\n\r\n")?;
        loop {
            out.write_all(&[0; 4096])?;
        }
    }));
    let options = FetchOptions { max_bytes: 300_000, ..endless.options() };
    let error = fails(open_with(&address(&endless, "/a.zip"), None, &options));
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
    let slow = Server::start(Box::new(|_, out| {
        write!(out, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")?;
        out.flush()?;
        std::thread::sleep(Duration::from_secs(30));
        Ok(())
    }));
    let started = Instant::now();
    let options = FetchOptions { idle: Duration::from_millis(500), ..slow.options() };
    let error = fails(open_with(&address(&slow, "/a.zip"), None, &options));
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(25));

    let options = FetchOptions { offline: true, ..missing.options() };
    assert!(matches!(
        fails(open_with(&address(&missing, "/a.zip"), None, &options)),
        FetchError::Offline { .. }
    ));
}
