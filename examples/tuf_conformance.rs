//! Our TUF client behind the command line that tuf-conformance drives.
//!
//! ```text
//! tuf_conformance --metadata-dir DIR init ROOT
//! tuf_conformance --metadata-dir DIR --metadata-url URL refresh
//! tuf_conformance --metadata-dir DIR --metadata-url URL --target-name PATH…
//!                 --target-base-url URL --target-dir DIR download
//! ```
//!
//! Exit code 0 if all of it went well, else 1. The memory, which the ledger
//! holds in the program, is a file `memory` beside the metadata here. It speaks
//! plain http, and only to this machine: the suite serves on loopback. See
//! `docs/conformance-tuf.md` for the counts.

use skill_trust::model::digest::sha256;
use skill_trust::model::time::Timestamp;
use skill_trust::model::tuf::quote;
use skill_trust::ops::roots::{Ground, find, refresh};
use skill_trust::policy::provenance::tuf::{Found, Memory, Request};
use std::error::Error;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

type Answer<T> = Result<T, Box<dyn Error>>;

/// What the suite says.
#[derive(Default)]
struct Arguments {
    metadata: PathBuf,
    metadata_url: String,
    targets: PathBuf,
    targets_url: String,
    names: Vec<String>,
    words: Vec<String>,
}

fn arguments() -> Answer<Arguments> {
    let mut found = Arguments::default();
    let mut all = std::env::args().skip(1);
    while let Some(word) = all.next() {
        let mut value = || all.next().ok_or("an option without its value");
        match word.as_str() {
            "--metadata-dir" => found.metadata = value()?.into(),
            "--metadata-url" => found.metadata_url = value()?,
            "--target-dir" => found.targets = value()?.into(),
            "--target-base-url" => found.targets_url = value()?,
            "--target-name" => found.names.push(value()?),
            _ => found.words.push(word),
        }
    }
    Ok(found)
}

/// Reads over plain http from this machine alone.
struct Http(reqwest::blocking::Client);

impl Http {
    fn new() -> Answer<Self> {
        // The client is built with TLS in it, and wants to know whose.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::blocking::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .build()?;
        Ok(Self(client))
    }

    /// None for a 404. At most `max` bytes and one more.
    fn get(&self, url: &str, max: u64) -> io::Result<Option<Vec<u8>>> {
        let address = reqwest::Url::parse(url).map_err(io::Error::other)?;
        if !matches!(address.host_str(), Some("127.0.0.1" | "localhost" | "[::1]")) {
            return Err(io::Error::other("only this machine is asked"));
        }
        let answer = self.0.get(address).send().map_err(io::Error::other)?;
        match answer.status().as_u16() {
            200 => {}
            404 => return Ok(None),
            status => return Err(io::Error::other(format!("status {status}"))),
        }
        let mut bytes = Vec::new();
        answer.take(max + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
}

fn joined(base: &str, rest: &str) -> String {
    format!("{}/{rest}", base.trim_end_matches('/'))
}

struct Suite {
    http: Http,
    folder: PathBuf,
    url: String,
}

impl Ground for Suite {
    fn fetch(&mut self, request: &Request) -> io::Result<Option<Vec<u8>>> {
        self.http.get(&joined(&self.url, &request.name), request.max)
    }

    fn cached(&mut self, name: &str, _: u64) -> Option<Vec<u8>> {
        std::fs::read(self.folder.join(name)).ok()
    }

    fn keep(&mut self, memory: &Memory, name: &str, bytes: &[u8]) -> io::Result<()> {
        remember(&self.folder, memory)?;
        std::fs::write(self.folder.join(name), bytes)
    }
}

fn remember(folder: &Path, memory: &Memory) -> io::Result<()> {
    std::fs::write(folder.join("memory"), serde_json::to_vec(memory)?)
}

/// What the suite trusts at first: its bytes are their own pin.
fn init(folder: &Path, root: &Path) -> Answer<()> {
    let bytes = std::fs::read(root)?;
    let memory = Memory::bootstrap(&bytes, sha256(&[&bytes]))?;
    remember(folder, &memory)?;
    Ok(std::fs::write(folder.join("root.json"), &bytes)?)
}

fn download(suite: &Suite, found: &Found, arguments: &Arguments) -> Answer<()> {
    let file = arguments.targets.join(quote(&found.path));
    if std::fs::read(&file).is_ok_and(|bytes| found.check(&bytes).is_ok()) {
        return Ok(());
    }
    let place: Vec<_> = found.place.split('/').map(quote).collect();
    let url = joined(&arguments.targets_url, &place.join("/"));
    let bytes = suite.http.get(&url, found.max)?.ok_or("no such target")?;
    found.check(&bytes)?;
    Ok(std::fs::write(file, bytes)?)
}

fn run() -> Answer<()> {
    let arguments = arguments()?;
    let folder = arguments.metadata.clone();
    if let [word, root] = arguments.words.as_slice()
        && word == "init"
    {
        return init(&folder, Path::new(root));
    }
    let memory: Memory = serde_json::from_slice(&std::fs::read(folder.join("memory"))?)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let now = Timestamp::from_unix(i64::try_from(now)?);
    let mut suite = Suite { http: Http::new()?, folder, url: arguments.metadata_url.clone() };
    let mut client = refresh(memory, now, &mut suite)?;
    match arguments.words.as_slice() {
        [word] if word == "refresh" => Ok(()),
        [word] if word == "download" => arguments.names.iter().try_for_each(|name| {
            let found = find(&mut client, name, &mut suite)?.ok_or("nobody who may lists this target")?;
            download(&suite, &found, &arguments)
        }),
        _ => Err("init ROOT, refresh or download".into()),
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tuf_conformance: {error}");
            ExitCode::FAILURE
        }
    }
}
