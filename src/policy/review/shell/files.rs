//! Files that the text itself writes, brings and unpacks, by their paths.
//!
//! No file system is asked. A path is what the text calls it: two names of one file
//! are two files, except for `./` and for the folder that the text went to by `cd`.

use super::machine::{Event, Machine};
use super::secrets;
use super::tree::Span;
use super::value::{Origin, UNKNOWN, Value};

impl Machine {
    pub(super) fn write(&mut self, path: Value, what: Value, append: bool, span: Span) {
        if !matches!(path.text.as_str(), "/dev/null" | "") {
            let mut held = if append { self.files.get(&plain_path(&path.text)).cloned() } else { None }
                .unwrap_or_default();
            held.push(&what);
            self.hold_file(plain_path(&path.text), held);
            let path = self.placed_at(path);
            self.tell(Event::Write { path, what, append }, span);
        }
    }

    /// What a file holds, as far as this text wrote it.
    pub(super) fn file(&self, path: &str) -> Value {
        self.files
            .get(&plain_path(path))
            .cloned()
            .unwrap_or_else(|| secrets::held(&self.placed_at(Value::known(path)).text))
    }

    /// A file comes to lie there, of which nothing is known.
    pub(super) fn placed(&mut self, path: Value, append: bool, span: Span) {
        let path = self.placed_at(path);
        self.tell(Event::Write { path, what: Value::unknown(), append }, span);
    }

    /// A path, from the folder on that the text went to.
    pub(super) fn placed_at(&self, path: Value) -> Value {
        let text = path.text.as_str();
        match self.text_of("PWD").filter(|_| !text.starts_with(['/', '$', '~', UNKNOWN])) {
            Some(folder) => {
                path.with_text(format!("{}/{}", folder.trim_end_matches('/'), text.trim_start_matches("./")))
            }
            None => path,
        }
    }

    /// Something leaves the machine; told if it is what should not.
    pub(super) fn sent(&mut self, name: &str, what: Value, to: Option<String>, span: Span) {
        if [Origin::Secret, Origin::Settings, Origin::Environment].into_iter().any(|kind| what.from.has(kind))
        {
            self.tell(Event::Send { name: name.to_owned(), what, to }, span);
        }
    }

    /// Whether this text brought that file: itself, or unpacked it out of what it brought.
    pub(super) fn brought(&self, path: &str) -> Option<Value> {
        if let Some(known) = self.files.get(&plain_path(path)) {
            return Some(known.clone());
        }
        if !path.starts_with(['/', '$']) {
            return self.files.get("*").cloned();
        }
        let mut folder = path;
        while let Some((outer, _)) = folder.rsplit_once('/') {
            if let Some(what) = self.files.get(&format!("{outer}/*")) {
                return Some(what.clone());
            }
            folder = outer;
        }
        None
    }

    /// What was unpacked out of an archive, whose names are not known, into a folder if one is said.
    pub(super) fn unpacked(&mut self, what: Value, folder: Option<&str>) {
        if what.from.kinds.is_empty() {
            return;
        }
        let path = match folder.filter(|folder| folder.starts_with(['/', '$'])) {
            Some(folder) => format!("{}/*", folder.trim_end_matches('/')),
            None => "*".to_owned(),
        };
        self.hold_file(path, what);
    }
}

fn plain_path(path: &str) -> String {
    path.trim_start_matches("./").to_owned()
}
