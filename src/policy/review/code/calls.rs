//! What a call of a program comes to, by the name that it resolves to, and what it does.

use super::super::shell::known::Language;
use super::super::shell::tree::Span;
use super::super::shell::value::{Origin, UNKNOWN, Value};
use super::eval::Follower;
use super::names::{ALONE, BUILT_IN, DECODES, FETCHES, OPENED, OPENS, RUNS, STARTS, WRITES};
use super::val::{Val, command, decoded, join, put_in, runs_as_text};
use super::{Act, quoted};

impl Follower<'_> {
    /// What a call comes to, and what it does.
    pub(super) fn call(&mut self, callee: Val, all: Vec<(String, Val)>, span: Span) -> Val {
        let path = callee.path.trim_start_matches("node:").to_owned();
        let last = path.rsplit('.').next().unwrap_or_default();
        let first = all.first().map(|(_, val)| val.clone()).unwrap_or_default();
        let text = |at: usize| all.get(at).map(|(_, val)| val.value.text.clone()).unwrap_or_default();
        match path.as_str() {
            "__import__" | "importlib.import_module" | "import_module" | "require" | "import" => {
                return Val::named(first.value.text.trim_start_matches("node:"));
            }
            "getattr" => return Val::named(format!("{}.{}", first.path, text(1))),
            "promisify" | "util.promisify" => return first,
            "compile" | "str" | "bytes" | "bytearray" | "String" | "io.BytesIO" | "io.StringIO" => {
                return Val::text(first.value);
            }
            _ => {}
        }
        if OPENS.contains(&path.as_str()) {
            return Val { file: Some(first.value.text), path, ..Val::text(Value::unknown()) };
        }
        if self.starts(&path) {
            let what = command(&all);
            let literal = all.first().is_some_and(|(_, val)| val.literal || val.list.is_some());
            let what = if runs_as_text(&what, literal) { what } else { Value::known(what.text) };
            self.acts.push((Act::Shell(what), span));
            return Val::text(Value::unknown());
        }
        if self.runs(&path) {
            if !first.value.from.kinds.is_empty() {
                self.acts.push((Act::Run(first.value.clone()), span));
            }
            return Val::text(first.value);
        }
        self.brings(&callee, &path, last, &all, span)
    }

    /// Calls that fetch, decode, write, or change a text.
    fn brings(&mut self, callee: &Val, path: &str, last: &str, all: &[(String, Val)], span: Span) -> Val {
        let first = all.first().map(|(_, val)| val.value.clone()).unwrap_or_default();
        let second = all.get(1).map(|(_, val)| val.value.clone()).unwrap_or_default();
        let writes = WRITES.iter().any(|one| path.ends_with(one));
        if let (Some(file), "write" | "write_bytes" | "write_text" | "writelines") = (&callee.file, last) {
            self.written(file, &first, span);
            return Val::default();
        }
        if writes {
            self.written(&first.text, &second, span);
            return Val::default();
        }
        if last == "copyfileobj" {
            if let Some(file) = all.get(1).and_then(|(_, val)| val.file.clone()) {
                self.written(&file, &first, span);
            }
            return Val::default();
        }
        // PHP opens addresses as it opens files.
        let opened = self.language == Language::Php && OPENED.contains(&path) && first.text.contains("://");
        let fetches = FETCHES.iter().any(|one| {
            path == *one || path.strip_suffix(one).is_some_and(|rest| rest.ends_with('.') && one.len() > 5)
        });
        if fetches || opened {
            let mut value = Value::unknown().and(Origin::Fetched);
            if first.is_known() && !first.text.is_empty() {
                value.from.urls.insert(first.text.chars().take(300).collect());
            }
            if matches!(last, "urlretrieve" | "download") && !second.text.is_empty() {
                self.written(&second.text, &value, span);
            }
            return Val { value, path: path.to_owned(), ..Val::default() };
        }
        let coded = matches!(second.text.as_str(), "base64" | "hex" | "rot13" | "rot_13" | "base64url");
        let packed = last == "unpack" && first.text.starts_with(['m', 'H']);
        if DECODES.contains(&last) && (last != "unpack" || packed)
            || coded && matches!(last, "from" | "decode" | "Buffer")
        {
            let what = if packed { callee.value.clone() } else { first };
            return Val::text(decoded(&what, last, &second.text));
        }
        let value = match last {
            "format" if callee.value.is_known() => {
                put_in(&callee.value, "{}", &all.iter().map(|(_, val)| val.value.clone()).collect::<Vec<_>>())
            }
            "join" => all.first().map(|(_, val)| join(val, &callee.value)).unwrap_or_default(),
            "reverse" | "split" | "replace" | "map" if callee.value.is_known() => {
                callee.value.with_text(UNKNOWN).and(Origin::Built)
            }
            "decode" | "encode" | "strip" | "trim" | "toString" | "read" | "text" | "json" | "concat" => {
                callee.value.clone()
            }
            _ => callee.value.with_text(UNKNOWN),
        };
        // A promise's value comes as the argument of what is called with it.
        Val { value, path: path.to_owned(), file: callee.file.clone(), ..Val::default() }
    }

    /// A file is written: told to the machine in the words of a shell, as it keeps the files.
    fn written(&mut self, file: &str, what: &Value, span: Span) {
        if file.is_empty() || file.contains(UNKNOWN) {
            return;
        }
        let file = quoted(file);
        let command = if what.from.has(Origin::Fetched) {
            let url = what.from.urls.iter().next().map_or_else(|| UNKNOWN.to_string(), Clone::clone);
            format!("iwr {} -OutFile {file}", quoted(&url))
        } else if what.from.has(Origin::Decoded) {
            format!("basenc -d <<< x > {file}")
        } else {
            return;
        };
        self.acts.push((Act::Shell(Value::known(command)), span));
    }

    fn starts(&self, path: &str) -> bool {
        let built = matches!(self.language, Language::Ruby | Language::Perl | Language::Php);
        STARTS
            .iter()
            .any(|one| path == *one || path.strip_suffix(one).is_some_and(|rest| rest.ends_with('.')))
            || ALONE
                .iter()
                .any(|one| path == *one || path.strip_suffix(one).is_some_and(|rest| rest.ends_with('.')))
            || built && BUILT_IN.contains(&path)
    }

    fn runs(&self, path: &str) -> bool {
        let own = match path {
            "exec" => matches!(self.language, Language::Python),
            "assert" | "create_function" => self.language == Language::Php,
            "Function" => self.language == Language::JavaScript,
            _ => true,
        };
        own && RUNS.contains(&path)
    }
}
