//! One file over https, into a scratch folder, as it comes.
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
use super::{FetchError, FetchOptions};
use crate::model::text;
use reqwest::StatusCode;
use reqwest::blocking::Response;
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH};
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// What arrived.
pub(super) struct Download {
    /// The file.
    pub(super) path: PathBuf,
    /// What a person should know of how it came.
    pub(super) notes: Vec<String>,
}

/// Fetches `url` into a new file of that name in `scratch`.
///
/// # Errors
/// [`FetchError`]; what had arrived stays in `scratch`, which the caller deletes.
pub(super) fn to_file(
    url: &str,
    scratch: &Path,
    name: &str,
    options: &FetchOptions,
) -> Result<Download, FetchError> {
    let what = text::escape_short(url, 300);
    if options.offline {
        return Err(FetchError::Offline { what });
    }
    web::check(url, &what, options)?;
    let budget = Budget::new(&what, options);
    let client = web::client(&budget, |_| true).map_err(|error| unreachable(&what, &error))?;
    let found: Arc<OnceLock<String>> = Arc::default();
    let (asked, told, said) = (url.to_owned(), Arc::clone(&found), what.clone());
    let limit = options.max_bytes;
    let mut stream = Watched::start(&budget, move || {
        let sent = client.get(asked).header(ACCEPT, "*/*").send();
        let answer = checked(sent.map_err(|error| unreachable(&said, &error))?, &said, limit)?;
        let _ = told.set(answer.url().as_str().to_owned());
        Ok(answer)
    });
    let path = scratch.join(name);
    let io = |error| FetchError::io(&path, error);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(io)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = stream.read(&mut buffer).map_err(|error| FetchError::from_read(&what, error))?;
        if count == 0 {
            break;
        }
        file.write_all(&buffer[..count]).map_err(io)?;
    }
    let notes = web::notes(url, found.get().map(String::as_str));
    Ok(Download { path, notes })
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
        Some(length) if length > limit => {
            Err(FetchError::TooLarge { what: what.to_owned(), limit: format!("{limit} bytes in transfer") })
        }
        _ => Ok(answer),
    }
}
