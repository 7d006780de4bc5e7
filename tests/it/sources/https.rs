//! Https, against a server of our own with a certificate of our own.

use super::repo::{Repo, fails, only, open_with};
use skill_trust::system::fetch::{FetchError, FetchOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LIST_TYPE: &str = "application/x-git-upload-pack-advertisement";
const ANSWER_TYPE: &str = "application/x-git-upload-pack-result";

/// What a client sent.
pub(crate) struct Request {
    pub(crate) line: String,
    headers: String,
    body: Vec<u8>,
}

pub(crate) type Answer = Box<dyn Fn(&Request, &mut dyn Write) -> std::io::Result<()> + Send + Sync>;

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) root: Vec<u8>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(answer: Answer) -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, log, answer) = (Arc::clone(&config), Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, config, &log, &answer));
            }
        });
        Self { url: format!("https://localhost:{port}/o/r"), root: made.cert.pem().into_bytes(), seen }
    }

    pub(crate) fn options(&self) -> FetchOptions {
        let brief = Duration::from_secs(20);
        FetchOptions {
            extra_root_pem: Some(self.root.clone()),
            internal_hosts: vec!["localhost".to_owned()],
            idle: brief,
            total: brief,
            ..FetchOptions::default()
        }
    }

    pub(super) fn seen(&self) -> String {
        self.seen.lock().unwrap().join("\n")
    }

    fn error(&self) -> FetchError {
        fails(open_with(&self.url, None, &self.options()))
    }
}

fn serve(stream: TcpStream, config: Arc<rustls::ServerConfig>, log: &Mutex<Vec<String>>, answer: &Answer) {
    let connection = rustls::ServerConnection::new(config).unwrap();
    let mut tls = rustls::StreamOwned::new(connection, stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match tls.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let (line, headers) = head.split_once("\r\n").unwrap();
    let headers = headers.to_ascii_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    if tls.read_exact(&mut body).is_err() {
        return;
    }
    log.lock().unwrap().push(format!("{line}\n{headers}"));
    let request = Request { line: line.to_owned(), headers, body };
    let _ = answer(&request, &mut tls);
    tls.conn.send_close_notify();
    let _ = tls.flush();
}

pub(crate) fn ok(out: &mut dyn Write, kind: &str, body: &[u8]) -> std::io::Result<()> {
    write!(
        out,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    out.write_all(body)
}

pub(crate) fn plain(out: &mut dyn Write, status: &str, extra: &str) -> std::io::Result<()> {
    write!(out, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n{extra}Connection: close\r\n\r\n")
}

/// Serves a repository as `git http-backend` does.
fn git(repo: &Repo) -> Answer {
    let mut base = vec![repo.top().join("home"), repo.work.join(".git")];
    let (place, home) = (base.pop().unwrap(), base.pop().unwrap());
    Box::new(move |request, out| {
        let mut command = std::process::Command::new("git");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", &home);
        command.args(["-c", "safe.directory=*", "upload-pack", "--stateless-rpc"]);
        let list = request.line.starts_with("GET /o/r/info/refs?service=git-upload-pack ");
        if list {
            command.arg("--advertise-refs");
        } else if !request.line.starts_with("POST /o/r/git-upload-pack ") {
            return plain(out, "404 Not Found", "");
        }
        let mut child = command.arg(&place).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&request.body).unwrap();
        let done = child.wait_with_output().unwrap().stdout;
        if list {
            let body = [b"001e# service=git-upload-pack\n0000", done.as_slice()].concat();
            ok(out, LIST_TYPE, &body)
        } else {
            assert!(request.headers.contains("content-type: application/x-git-upload-pack-request"));
            ok(out, ANSWER_TYPE, &done)
        }
    })
}

#[test]
fn a_repository_arrives_over_https() {
    let repo = Repo::with_skill();
    repo.git(&["tag", "-a", "-m", "one", "v1"]);
    repo.write("later.txt", "x");
    let head = repo.commit("second");
    let server = Server::start(git(&repo));
    let origin = open_with(&server.url, None, &server.options()).unwrap();
    assert_eq!(origin.source().commit.as_deref(), Some(head.as_str()));
    assert_eq!(origin.source().location, server.url);
    let local = super::open(&repo.file_url()).unwrap();
    assert_eq!(only(origin.as_ref()).unwrap(), only(local.as_ref()).unwrap());
    let tagged = open_with(&server.url, Some("v1"), &server.options()).unwrap();
    assert!(!only(tagged.as_ref()).unwrap().contains_key("later.txt"));

    let seen = server.seen();
    assert!(seen.contains("user-agent: skill-trust/"), "{seen}");
    for absent in ["authorization", "cookie", "referer", "accept-encoding", "proxy"] {
        assert!(!seen.contains(absent), "{absent}: {seen}");
    }
}

#[test]
fn a_certificate_nobody_vouches_for_is_refused() {
    let repo = Repo::with_skill();
    let server = Server::start(git(&repo));
    let options = FetchOptions { extra_root_pem: None, ..server.options() };
    let error = fails(open_with(&server.url, None, &options));
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    let other = server.url.replace("localhost", "127.0.0.2");
    let inside = FetchOptions { internal_hosts: vec!["127.0.0.2".to_owned()], ..server.options() };
    let error = fails(open_with(&other, None, &inside));
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    assert!(server.seen().is_empty());
    let odd = FetchOptions {
        extra_root_pem: Some(b"-----BEGIN CERTIFICATE-----\n!\n".to_vec()),
        ..server.options()
    };
    assert!(open_with(&server.url, None, &odd).is_err());
}

#[test]
fn answers_that_are_no_repository_are_named() {
    let cases: [(&'static str, &'static str, &str); 6] = [
        ("401 Unauthorized", "", "over ssh"),
        ("403 Forbidden", "", "over ssh"),
        ("404 Not Found", "", "over ssh"),
        ("500 Internal Server Error", "", "500"),
        ("200 OK", "Content-Type: text/html\r\n", "content type `text/html`"),
        (
            "200 OK",
            "Content-Type: application/x-git-upload-pack-advertisement\r\nContent-Encoding: gzip\r\n",
            "gzip",
        ),
    ];
    for (status, extra, said) in cases {
        let server = Server::start(Box::new(move |_, out| plain(out, status, extra)));
        let error = server.error();
        assert!(matches!(error, FetchError::Unreachable { .. }));
        assert!(error.to_string().contains(said), "{error}");
    }
    let hostile = Server::start(Box::new(|_, out| ok(out, "text/\u{9b}2J", b"")));
    assert!(!hostile.error().to_string().contains('\u{9b}'));
    let dumb = Server::start(Box::new(|_, out| ok(out, LIST_TYPE, b"1111\trefs/heads/main\n")));
    assert!(matches!(dumb.error(), FetchError::Unreachable { .. }));
}

/// Answers every request with a redirect.
pub(super) fn redirecting(to: String, status: &'static str) -> Server {
    Server::start(Box::new(move |_, out| plain(out, status, &format!("Location: {to}\r\n"))))
}

#[test]
fn redirects_stay_on_https_carry_nothing_and_end() {
    let repo = Repo::with_skill();
    let real = Server::start(git(&repo));
    let list = "/info/refs?service=git-upload-pack";

    let mut first = redirecting(format!("{}{list}", real.url), "301 Moved Permanently");
    first.root.extend_from_slice(&real.root);
    let origin = open_with(&first.url, None, &first.options()).unwrap();
    assert!(only(origin.as_ref()).is_ok());
    assert_eq!(origin.source().location, first.url, "the name that was typed is the source");
    assert!(origin.notes()[0].contains(&real.url), "{:?}", origin.notes());
    assert!(!first.seen().contains("POST"), "the fetch goes where the list came from");

    let credentials = real.url.replace("https://", "https://me:secret@");
    for (to, said) in [
        (format!("{}{list}", real.url.replace("https", "http")), "not https"),
        ("file:///etc/passwd".to_owned(), "302 Found"),
        (format!("{credentials}{list}"), "name or password"),
        (list.to_owned(), "more than 3 times"),
        (real.url.clone(), "404"),
    ] {
        let mut server = redirecting(to, "302 Found");
        server.root.extend_from_slice(&real.root);
        let error = server.error().to_string();
        assert!(error.contains(said) && !error.contains("secret"), "{error}");
    }
}

#[test]
fn the_fetch_itself_is_not_redirected() {
    let repo = Repo::with_skill();
    for status in ["302 Found", "307 Temporary Redirect"] {
        let serve = git(&repo);
        let server = Server::start(Box::new(move |request, out| {
            if request.line.starts_with("POST /o/r/git-upload-pack ") {
                return plain(out, status, "Location: /o/r/elsewhere\r\n");
            }
            serve(request, out)
        }));
        let error = server.error().to_string();
        assert!(error.contains("redirects the fetch"), "{error}");
        assert!(!server.seen().contains("elsewhere"));
    }
}

#[test]
fn an_endless_or_stalled_answer_is_cut_off() {
    let endless = Server::start(Box::new(|_, out| {
        write!(
            out,
            "HTTP/1.1 200 OK\r\nContent-Type: {LIST_TYPE}\r\n\r\n001e# service=git-upload-pack\n0000"
        )?;
        loop {
            out.write_all(b"00421111111111111111111111111111111111111111 refs/heads/endless-x\n")?;
        }
    }));
    let options = FetchOptions { max_bytes: 300_000, ..endless.options() };
    assert!(matches!(fails(open_with(&endless.url, None, &options)), FetchError::TooLarge { .. }));

    let stalled = Server::start(Box::new(|_, out| {
        write!(out, "HTTP/1.1 200 OK\r\nContent-Type: {LIST_TYPE}\r\nContent-Length: 99\r\n\r\n001e# serv")?;
        out.flush()?;
        std::thread::sleep(Duration::from_secs(30));
        Ok(())
    }));
    let started = Instant::now();
    let options = FetchOptions { idle: Duration::from_millis(500), ..stalled.options() };
    let error = fails(open_with(&stalled.url, None, &options));
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(25));
}

#[test]
fn nobody_there_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let inside = FetchOptions { internal_hosts: vec!["localhost".to_owned()], ..FetchOptions::default() };
    let error = fails(open_with(&format!("https://localhost:{port}/x"), None, &inside));
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
}

#[test]
fn a_pack_that_was_cut_or_changed_is_refused() {
    let repo = Repo::with_skill();
    for n in 0..30 {
        repo.write(&format!("{n}.txt"), &n.to_string().repeat(500));
    }
    repo.commit("more");
    let whole = Arc::new(Mutex::new(0_usize));
    for at in 0..40 {
        let (serve, whole) = (git(&repo), Arc::clone(&whole));
        let server = Server::start(Box::new(move |request, out| {
            let mut answer = Vec::new();
            serve(request, &mut answer)?;
            if request.line.starts_with("POST ") {
                // Somewhere in the pack: one bit is turned, or the rest is missing.
                let head = answer.windows(4).position(|four| four == b"PACK").unwrap();
                let place = head + (answer.len() - head - 5) * at / 40;
                *whole.lock().unwrap() = answer.len();
                if at % 2 == 0 { answer[place] ^= 4 } else { answer.truncate(place) }
            }
            out.write_all(&answer)
        }));
        let error = server.error();
        assert!(matches!(error, FetchError::Broken { .. } | FetchError::Unreachable { .. }), "{at}: {error}");
    }
    assert!(*whole.lock().unwrap() > 1000);
}
