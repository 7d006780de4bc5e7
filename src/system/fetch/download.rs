//! Files over https, into a scratch folder, as they come.
//!
//! Nothing is decompressed or read on the way: the file is what an archive's
//! reader checks as a whole afterwards, and its SHA-256 is recorded. A redirect
//! is followed, at most three times: many hosts keep what they publish
//! elsewhere. Whom the client may talk to is `web`'s matter; how much may come
//! and how long it may take is the budget's.
//!
//! Attack: an endless file, a byte a minute, a page for people in place of the
//! file, a body that a proxy on the way has packed.

use super::watch::{Budget, Watched};
use super::web::{self, unreachable};
use super::{FetchError, FetchOptions, Files};
use crate::model::text;
use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// What arrived.
pub(super) struct Download {
    /// The file.
    pub(super) path: PathBuf,
    /// Where it came from in the end.
    pub(super) url: String,
    /// What the server says it is; lower-case, without parameters.
    pub(super) kind: String,
}

/// Downloads that share one budget.
pub(super) struct Downloads<'a> {
    budget: Arc<Budget>,
    client: Client,
    scratch: &'a Path,
}

impl<'a> Downloads<'a> {
    /// Prepares; nothing is contacted yet. `what` names the whole of it.
    pub(super) fn new(what: &str, scratch: &'a Path, options: &FetchOptions) -> Result<Self, FetchError> {
        let what = text::escape_short(what, 300);
        if options.offline {
            return Err(FetchError::Offline { what });
        }
        let budget = Budget::new(&what, options);
        let client = web::client(&budget, |_| true).map_err(|error| unreachable(&what, &error))?;
        Ok(Self { budget, client, scratch })
    }

    /// Fetches `url` into a new file of that name in the scratch folder.
    ///
    /// # Errors
    /// [`FetchError`]; what had arrived stays in the scratch folder, which the
    /// caller deletes.
    pub(super) fn fetch(&self, url: &str, name: &str, limit: u64) -> Result<Download, FetchError> {
        let what = text::escape_short(url, 300);
        web::check(url, &what, self.budget.options())?;
        let limit = limit.min(self.budget.options().max_bytes);
        let found: Arc<OnceLock<(String, String)>> = Arc::default();
        let (client, asked, told, said) =
            (self.client.clone(), url.to_owned(), Arc::clone(&found), what.clone());
        let mut stream = Watched::start(&self.budget, move || {
            let sent = client.get(asked).header(ACCEPT, "*/*").send();
            let answer = checked(sent.map_err(|error| unreachable(&said, &error))?, &said, limit)?;
            let _ = told.set((answer.url().as_str().to_owned(), kind(&answer)));
            Ok(answer)
        });
        let path = self.scratch.join(name);
        let io = |error| FetchError::io(&path, error);
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(io)?;
        let (mut buffer, mut length) = (vec![0; 64 << 10], 0_u64);
        loop {
            let count = stream.read(&mut buffer).map_err(|error| FetchError::from_read(&what, error))?;
            if count == 0 {
                break;
            }
            length += count as u64;
            if length > limit {
                return Err(too_large(&what, limit));
            }
            file.write_all(&buffer[..count]).map_err(io)?;
        }
        let (url, kind) = found.get().cloned().unwrap_or_default();
        Ok(Download { path, url, kind })
    }
}

/// What lies below an address, file by file, all with one budget.
pub(super) struct Folder {
    budget: Arc<Budget>,
    client: Client,
    options: FetchOptions,
    /// Ends in a slash.
    base: String,
}

impl Folder {
    /// Prepares; nothing is contacted yet.
    pub(super) fn new(base: &str, options: &FetchOptions) -> Result<Self, FetchError> {
        let what = text::escape_short(base, 300);
        if options.offline {
            return Err(FetchError::Offline { what });
        }
        let budget = Budget::new(&what, options);
        web::check(base, &what, options)?;
        let client = web::client(&budget, |_| true).map_err(|error| unreachable(&what, &error))?;
        Ok(Self { budget, client, options: options.clone(), base: base.to_owned() })
    }
}

impl Files for Folder {
    fn get(&self, place: &str, limit: u64) -> Result<Option<Vec<u8>>, FetchError> {
        let url = format!("{}{}", self.base, quoted(place));
        let what = text::escape_short(&url, 300);
        web::check(&url, &what, &self.options)?;
        let limit = limit.min(self.options.max_bytes);
        let missing: Arc<OnceLock<()>> = Arc::default();
        let (client, told, said) = (self.client.clone(), Arc::clone(&missing), what.clone());
        let mut stream = Watched::start(&self.budget, move || {
            let sent = client.get(url).header(ACCEPT, "*/*").send();
            let answer = sent.map_err(|error| unreachable(&said, &error))?;
            // Stores of files say 403 of what is not there, to who may not list them.
            if matches!(answer.status(), StatusCode::NOT_FOUND | StatusCode::FORBIDDEN) {
                let _ = told.set(());
            }
            checked(answer, &said, limit)
        });
        let mut bytes = Vec::new();
        let most = limit.saturating_add(1);
        let read = (&mut stream).take(most).read_to_end(&mut bytes);
        if missing.get().is_some() {
            return Ok(None);
        }
        read.map_err(|error| FetchError::from_read(&what, error))?;
        if bytes.len() as u64 > limit { Err(too_large(&what, limit)) } else { Ok(Some(bytes)) }
    }
}

/// A path as an address has it: everything but unreserved characters and
/// slashes percent-encoded, the sign of an encoding too (RFC 3986, 2.3).
fn quoted(place: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(place.len());
    for byte in place.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// What the server calls it.
fn kind(answer: &Response) -> String {
    let header = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn too_large(what: &str, limit: u64) -> FetchError {
    FetchError::TooLarge { what: what.to_owned(), limit: format!("{limit} bytes in transfer") }
}

/// The answer, if it is the file and can be of a size that we take.
fn checked(answer: Response, what: &str, limit: u64) -> Result<Response, FetchError> {
    let fail = |why: String| Err(FetchError::Unreachable { what: what.to_owned(), why });
    let status = answer.status();
    if status != StatusCode::OK {
        return fail(format!("the server says {status}"));
    }
    if let Some(coding) = answer.headers().get(CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        let coding = text::escape_short(&text::escape_bytes(coding.as_bytes()), 60);
        return fail(format!("the answer is packed as `{coding}`, which was not asked for"));
    }
    let length: Option<u64> =
        answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    match length {
        // Said before it is fetched; what is not announced is counted.
        Some(length) if length > limit => Err(too_large(what, limit)),
        _ => Ok(answer),
    }
}
