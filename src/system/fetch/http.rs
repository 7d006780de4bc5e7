//! Git over https. See: gitprotocol-http(5).
//!
//! Two requests: one lists the references, one fetches. A redirect is followed
//! for the list alone, at most three times and only to https; the fetch then
//! goes to where the list came from, and a redirect of the fetch is an error,
//! as it is for git itself. Whom the client may talk to is `web`'s matter.
//!
//! Attack: a redirect to another scheme, or to an address that carries a name
//! and password; a page that is no repository.

use super::FetchError;
use super::watch::{Budget, Watched};
use super::web::{self, unreachable};
use super::wire::Wire;
use crate::model::text;
use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use std::io::Read;
use std::sync::{Arc, OnceLock};

const LIST: &str = "/info/refs?service=git-upload-pack";
const LIST_TYPE: &str = "application/x-git-upload-pack-advertisement";
const ASK_TYPE: &str = "application/x-git-upload-pack-request";
const ANSWER_TYPE: &str = "application/x-git-upload-pack-result";
/// The first packet of a list, and the end that follows it.
const LIST_HEAD: &[u8] = b"001e# service=git-upload-pack\n0000";

/// A repository behind https.
pub(super) struct Https {
    client: Client,
    url: String,
    what: String,
    budget: Arc<Budget>,
    /// Where the list came from, after redirects.
    base: Arc<OnceLock<String>>,
    stream: Option<Watched>,
}

impl Https {
    /// Prepares; nothing is contacted yet.
    pub(super) fn new(url: &str, what: &str, budget: &Arc<Budget>) -> Result<Self, FetchError> {
        web::check(url, what, budget.options())?;
        let client = web::client(budget, |asked| asked.ends_with(LIST));
        let client = client.map_err(|error| unreachable(what, &error))?;
        Ok(Self {
            client,
            url: url.to_owned(),
            what: what.to_owned(),
            budget: Arc::clone(budget),
            base: Arc::default(),
            stream: None,
        })
    }

    fn watch<F>(&mut self, open: F) -> &mut Watched
    where
        F: FnOnce() -> Result<Response, FetchError> + Send + 'static,
    {
        let stream = Watched::start(&self.budget, open);
        self.stream.insert(stream)
    }
}

/// Checks that an answer is one of git's, and no page made for people.
fn checked(answer: Response, kind: &str, what: &str) -> Result<Response, FetchError> {
    let fail = |why: String| Err(FetchError::Unreachable { what: what.to_owned(), why });
    let status = answer.status();
    match status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            return fail(format!(
                "the server says {status}; it is not there or not public (private repositories are fetched over ssh)"
            ));
        }
        _ => return fail(format!("the server says {status}")),
    }
    let header = |name| answer.headers().get(name).map(|value| text::escape_bytes(value.as_bytes()));
    if let Some(coding) = header(CONTENT_ENCODING).filter(|coding| coding != "identity") {
        return fail(format!(
            "the answer is packed as `{}`, which was not asked for",
            text::escape_short(&coding, 60)
        ));
    }
    match header(CONTENT_TYPE) {
        Some(found) if found == kind => Ok(answer),
        found => {
            let found = text::escape_short(&found.unwrap_or_else(|| "nothing".to_owned()), 60);
            fail(format!("no git repository answers there (content type `{found}`, not `{kind}`)"))
        }
    }
}

impl Wire for Https {
    fn advertisement(&mut self) -> Result<&mut dyn Read, FetchError> {
        let (client, what, base) = (self.client.clone(), self.what.clone(), Arc::clone(&self.base));
        let url = format!("{}{LIST}", self.url);
        let name = self.what.clone();
        let stream = self.watch(move || {
            let sent = client.get(url).header(ACCEPT, LIST_TYPE).send();
            let answer = checked(sent.map_err(|error| unreachable(&what, &error))?, LIST_TYPE, &what)?;
            let Some(found) = answer.url().as_str().strip_suffix(LIST) else {
                let why = "it redirects to an address that is no repository's".to_owned();
                return Err(FetchError::Unreachable { what, why });
            };
            let _ = base.set(found.to_owned());
            Ok(answer)
        });
        let mut head = [0; LIST_HEAD.len()];
        stream.read_exact(&mut head).map_err(|error| FetchError::from_read(&name, error))?;
        if head != *LIST_HEAD {
            let why = "its answer does not start as git's does".to_owned();
            return Err(FetchError::Unreachable { what: name, why });
        }
        Ok(stream)
    }

    fn ask(&mut self, request: Vec<u8>) -> Result<&mut dyn Read, FetchError> {
        let (client, what) = (self.client.clone(), self.what.clone());
        let base = self.base.get().unwrap_or(&self.url);
        let url = format!("{base}/git-upload-pack");
        let stream = self.watch(move || {
            let post = client.post(url).header(CONTENT_TYPE, ASK_TYPE).header(ACCEPT, ANSWER_TYPE);
            let sent = post.body(request).send().map_err(|error| unreachable(&what, &error))?;
            checked(sent, ANSWER_TYPE, &what)
        });
        Ok(stream)
    }

    fn notes(&self) -> Vec<String> {
        web::notes(&self.url, self.base.get().map(String::as_str))
    }
}
