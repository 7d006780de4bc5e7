//! Expressions of a program, from left to right, each token once.

use super::super::shell::known::{self, Language};
use super::super::shell::tree::Span;
use super::super::shell::value::{Origin, UNKNOWN, Value};
use super::lex::{At, Bit, MOST, Token, tokens};
use super::{Act, Program, quoted};
use std::cell::Cell;
use std::collections::BTreeMap;

/// How deep brackets are followed; deeper ones are read as flat text.
const DEPTH: usize = 50;
/// Bytes that are taken out of names in one program. Attack: a name that doubles,
/// and is then said a hundred thousand times.
const WORK: usize = 8 * 1024 * 1024;
/// Names that are remembered.
const NAMES: usize = 4096;

/// Functions that give their argument to a shell or start it as a program, by the
/// end of their full name.
const STARTS: &[&str] = &[
    "os.system",
    "os.popen",
    "os.popen2",
    "os.popen3",
    "os.startfile",
    "os.execl",
    "os.execle",
    "os.execlp",
    "os.execv",
    "os.execve",
    "os.execvp",
    "os.spawnl",
    "os.spawnlp",
    "os.posix_spawn",
    "subprocess.run",
    "subprocess.call",
    "subprocess.check_call",
    "subprocess.check_output",
    "subprocess.Popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "asyncio.create_subprocess_shell",
    "asyncio.create_subprocess_exec",
    "pty.spawn",
    "commands.getoutput",
    "child_process.exec",
    "child_process.execSync",
    "child_process.spawn",
    "child_process.spawnSync",
    "child_process.execFile",
    "child_process.execFileSync",
    "child_process.fork",
    "execa",
    "execa.command",
    "execaCommand",
    "shelljs.exec",
    "Bun.spawn",
    "Bun.spawnSync",
    "Deno.run",
    "IO.popen",
    "Open3.capture2",
    "Open3.capture2e",
    "Open3.capture3",
    "Open3.popen3",
    "Kernel.system",
    "Kernel.exec",
    "posix.system",
    "nt.system",
];
/// The same, where the name alone says it.
const ALONE: &[&str] = &[
    "execSync",
    "spawnSync",
    "execFileSync",
    "create_subprocess_shell",
    "shell_exec",
    "proc_open",
    "passthru",
];
/// The same, in languages that have them built in.
const BUILT_IN: &[&str] = &["system", "exec", "popen", "spawn", "passthru", "shell_exec", "proc_open"];
const RUNS: &[&str] = &[
    "exec",
    "eval",
    "Function",
    "builtins.exec",
    "builtins.eval",
    "__builtins__.exec",
    "__builtins__.eval",
    "window.eval",
    "globalThis.eval",
    "global.eval",
    "self.eval",
    "window.Function",
    "globalThis.Function",
    "vm.runInNewContext",
    "vm.runInThisContext",
    "vm.runInContext",
    "marshal.loads",
    "pickle.loads",
    "instance_eval",
    "class_eval",
    "module_eval",
    "assert",
    "create_function",
];
const FETCHES: &[&str] = &[
    "urlopen",
    "requests.get",
    "requests.post",
    "requests.request",
    "httpx.get",
    "httpx.post",
    "session.get",
    "aiohttp.get",
    "urllib2.urlopen",
    "urlretrieve",
    "wget.download",
    "fetch",
    "axios",
    "axios.get",
    "axios.post",
    "axios.request",
    "got",
    "got.get",
    "needle",
    "superagent.get",
    "https.get",
    "http.get",
    "https.request",
    "http.request",
    "Net.HTTP.get",
    "Net.HTTP.get_response",
    "URI.open",
    "OpenURI.open_uri",
    "HTTParty.get",
    "Faraday.get",
    "LWP.Simple.get",
    "curl_exec",
    "recv",
    "sock.recv",
];
/// The same, where an address is what they are given.
const OPENED: &[&str] = &["file_get_contents", "fopen", "file"];
const DECODES: &[&str] = &[
    "b64decode",
    "urlsafe_b64decode",
    "standard_b64decode",
    "decodebytes",
    "b32decode",
    "b16decode",
    "b85decode",
    "a85decode",
    "fromhex",
    "unhexlify",
    "a2b_base64",
    "decompress",
    "decode64",
    "strict_decode64",
    "urlsafe_decode64",
    "decode_base64",
    "base64_decode",
    "gzinflate",
    "gzuncompress",
    "str_rot13",
    "atob",
    "FromBase64String",
    "fromCharCode",
    "inflateSync",
    "gunzipSync",
    "unpack",
];
const OPENS: &[&str] = &["open", "Path", "pathlib.Path", "io.open", "File.open", "codecs.open"];
const WRITES: &[&str] = &[
    "writeFileSync",
    "writeFile",
    "appendFileSync",
    "File.write",
    "IO.write",
    "file_put_contents",
    "Deno.writeTextFile",
];

/// What an expression comes to.
#[derive(Debug, Clone, Default)]
struct Val {
    value: Value,
    /// Its name in full, if it has one.
    path: String,
    /// Its elements, if it is a list.
    list: Option<Vec<Value>>,
    /// The file that it writes to, if it is one.
    file: Option<String>,
    /// Whether it begins with what stands there in quotes.
    literal: bool,
}

impl Val {
    fn text(value: Value) -> Self {
        Self { value, ..Self::default() }
    }

    fn named(path: impl Into<String>) -> Self {
        Self { value: Value::unknown(), path: path.into(), ..Self::default() }
    }
}

/// Bytes that are copied with it.
fn size(val: &Val) -> usize {
    val.value.size() + val.list.iter().flatten().map(Value::size).sum::<usize>()
}

struct Follower<'a> {
    language: Language,
    tokens: &'a [At<'a>],
    at: usize,
    depth: usize,
    names: BTreeMap<String, Val>,
    acts: Vec<(Act, Span)>,
    /// Bytes that may still be taken out of names.
    left: Cell<usize>,
    /// Whether something was not followed to its end.
    cut: Cell<bool>,
}

/// What a program does, in the order in which it stands.
pub(super) fn acts(language: Language, text: &str) -> Program {
    let all = tokens(language, text);
    let mut program = Follower {
        language,
        tokens: &all,
        at: 0,
        depth: 0,
        names: BTreeMap::new(),
        acts: Vec::new(),
        left: Cell::new(WORK),
        cut: Cell::new(all.len() >= MOST),
    };
    while program.at < all.len() {
        program.statement();
    }
    Program { cut: program.cut.get(), work: WORK - program.left.get(), acts: program.acts }
}

impl<'a> Follower<'a> {
    fn peek(&self, ahead: usize) -> Option<&'a Token<'a>> {
        self.tokens.get(self.at + ahead).map(|(token, ..)| token)
    }

    fn name(&self, ahead: usize) -> Option<&'a str> {
        match self.peek(ahead) {
            Some(Token::Name(name)) => Some(name),
            _ => None,
        }
    }

    fn is(&self, ahead: usize, sign: char) -> bool {
        self.peek(ahead) == Some(&Token::Sign(sign))
    }

    fn statement(&mut self) {
        let before = self.at;
        match self.name(0) {
            Some("import" | "from" | "use" | "require") if !self.is(1, '(') => self.import(),
            Some("const" | "let" | "var") if self.is(1, '{') => {
                self.at += 1;
                self.taken_apart();
            }
            Some(
                "const" | "let" | "var" | "my" | "our" | "export" | "async" | "await" | "return" | "with"
                | "else" | "try",
            ) => self.at += 1,
            Some(_) if self.sets() => self.assignment(),
            _ if self.is(0, '{') && self.language == Language::JavaScript => self.taken_apart(),
            _ => {
                let val = self.expression();
                // `with open(…) as f`
                if self.name(0) == Some("as")
                    && let Some(name) = self.name(1)
                {
                    self.at += 2;
                    self.remember(name, val);
                }
            }
        }
        if self.at == before {
            self.at += 1;
        }
    }

    fn remember(&mut self, name: &str, val: Val) {
        if self.names.len() < NAMES || self.names.contains_key(name) {
            self.names.insert(name.to_owned(), val);
        } else {
            self.cut.set(true);
        }
    }

    /// What a name was last set to, while there is work left.
    fn known(&self, name: &str) -> Option<&Val> {
        let val = self.names.get(name)?;
        let Some(left) = self.left.get().checked_sub(size(val)) else {
            self.cut.set(true);
            return None;
        };
        self.left.set(left);
        Some(val)
    }

    /// Whether `NAME =` or `NAME: TYPE =` or `NAME +=` stands here.
    fn sets(&self) -> bool {
        let at = if self.is(1, '+') { 2 } else { 1 };
        let typed = self.is(1, ':') && self.name(2).is_some() && self.is(3, '=') && !self.is(4, '=');
        typed || self.is(at, '=') && !self.is(at + 1, '=') && !self.is(at + 1, '>')
    }

    fn assignment(&mut self) {
        let name = self.name(0).unwrap_or_default();
        let adds = self.is(1, '+');
        self.at += if self.is(1, ':') { 4 } else { 2 + usize::from(adds) };
        let mut val = self.expression();
        if adds && let Some(before) = self.names.get(name) {
            let mut value = before.value.clone();
            value.push(&val.value);
            val.value = value;
        }
        self.remember(name, val);
    }

    /// `{a, b: c} = …`, or a block.
    fn taken_apart(&mut self) {
        let mut pairs = Vec::new();
        let mut ahead = 1;
        while let Some(name) = self.name(ahead).filter(|_| pairs.len() < 32) {
            let renamed = if self.is(ahead + 1, ':') { self.name(ahead + 2) } else { None };
            pairs.push((name, renamed.unwrap_or(name)));
            ahead += if renamed.is_some() { 3 } else { 1 };
            if !self.is(ahead, ',') {
                break;
            }
            ahead += 1;
        }
        if !(self.is(ahead, '}') && self.is(ahead + 1, '=')) {
            self.at += 1;
            return;
        }
        self.at += ahead + 2;
        let val = self.expression();
        for (name, shown) in pairs {
            self.remember(shown, Val { path: format!("{}.{name}", val.path), ..val.clone() });
        }
    }

    /// `import a as b`, `from a import b as c`, `import {a as b} from 'c'`.
    fn import(&mut self) {
        let python = self.language == Language::Python;
        let from = self.name(0) == Some("from");
        self.at += 1;
        let mut module = String::new();
        let mut pairs: Vec<(String, String)> = Vec::new();
        let (mut now, mut renames, mut whole) = (String::new(), false, !from);
        while let Some(token) = self.peek(0).filter(|_| pairs.len() < 256) {
            self.at += 1;
            match token {
                Token::Sign(';') => break,
                Token::Sign('.') => now.push('.'),
                Token::Sign(',' | '{' | '}' | ')') => now.clear(),
                Token::Name("import") => (module, whole) = (std::mem::take(&mut now), false),
                Token::Name("from") => now.clear(),
                Token::Name("as") => renames = true,
                Token::Name(name) if renames => {
                    renames = false;
                    if let Some(last) = pairs.last_mut() {
                        last.1 = (*name).to_owned();
                    }
                }
                Token::Name(name) => {
                    let goes_on = now.ends_with('.');
                    now.push_str(name);
                    match pairs.last_mut() {
                        Some(last) if goes_on => last.0.clone_from(&now),
                        _ if from && module.is_empty() && python => {}
                        _ => pairs.push((now.clone(), (*name).to_owned())),
                    }
                }
                Token::Sign('*') => pairs.push(("*".to_owned(), "*".to_owned())),
                Token::Text(_) => {
                    module = self.plain(token).text;
                    break;
                }
                Token::Sign(_) => {}
            }
        }
        let module = module.trim_start_matches("node:").to_owned();
        for (name, shown) in pairs {
            let path = match (name.as_str(), whole && python) {
                (_, true) => name,
                ("*", _) => module.clone(),
                _ if module == "child_process" && shown.len() < 3 && name == shown => module.clone(),
                _ => format!("{module}.{name}"),
            };
            self.remember(&shown, Val::named(path));
        }
    }

    /// A text without what is put in.
    fn plain(&self, token: &Token<'_>) -> Value {
        let mut out = Value::default();
        let Token::Text(bits) = token else { return out };
        for bit in bits {
            match bit {
                Bit::Plain(text) => out.push_text(text),
                Bit::Put(inside) => {
                    let name =
                        inside.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
                    let known = self
                        .known(inside.trim())
                        .or_else(|| self.known(name).filter(|val| !val.value.from.kinds.is_empty()));
                    match known {
                        Some(val) => out.push(&val.value),
                        None => out.push_text(UNKNOWN.encode_utf8(&mut [0; 4])),
                    }
                }
            }
        }
        out
    }

    /// Operands and what joins them.
    fn expression(&mut self) -> Val {
        let mut val = self.operand();
        loop {
            let sign = match self.peek(0) {
                Some(Token::Sign(
                    sign @ ('+' | '%' | '|' | '?' | '&' | '<' | '>' | '*' | '/' | '-' | '!' | '='),
                )) => *sign,
                Some(Token::Name("or" | "and" | "if" | "in" | "is" | "not")) => '|',
                // Ruby's and Perl's and PHP's own.
                Some(Token::Sign('.')) if matches!(self.language, Language::Perl | Language::Php) => '+',
                _ => return val,
            };
            self.at += 1;
            let before = self.at;
            let right = self.operand();
            if self.at == before {
                continue;
            }
            match sign {
                '+' => {
                    val.value.push(&right.value);
                    (val.path, val.list) = (String::new(), None);
                }
                '%' => val = Val::text(put_in(&val.value, "%s", &[right.value])),
                '=' => val = right,
                _ if val.value.text.is_empty() || !val.value.is_known() => {
                    let from = val.value.from.clone();
                    val = right;
                    val.value.from.add(&from);
                }
                _ => val.value.from.add(&right.value.from),
            }
        }
    }

    fn operand(&mut self) -> Val {
        let Some((token, start, _)) = self.tokens.get(self.at) else { return Val::default() };
        let val = match token {
            Token::Text(_) => {
                let mut value = Value::default();
                let Token::Text(bits) = token else { return Val::default() };
                let literal = matches!(bits.first(), Some(Bit::Plain(text)) if !text.trim().is_empty());
                while let Some(token @ Token::Text(_)) = self.peek(0) {
                    value.push(&self.plain(token));
                    self.at += 1;
                }
                Val { literal, ..Val::text(value) }
            }
            Token::Name("new" | "await" | "async" | "yield" | "return" | "typeof" | "lambda" | "not") => {
                self.at += 1;
                self.cut.set(self.cut.get() || self.depth >= DEPTH);
                return if self.depth < DEPTH { self.deeper(Self::operand) } else { Val::default() };
            }
            Token::Name(name) => {
                self.at += 1;
                match self.known(name) {
                    Some(val) => val.clone(),
                    None => Val::named(*name),
                }
            }
            Token::Sign('(' | '[' | '{') if self.depth < DEPTH => {
                let list = self.is(0, '[');
                let all = self.deeper(Self::inside);
                match (list, all) {
                    (true, all) => Val {
                        list: Some(all.iter().map(|(_, val)| val.value.clone()).collect()),
                        ..Val::text(joined(all))
                    },
                    (false, all) => all.into_iter().last().map(|(_, val)| val).unwrap_or_default(),
                }
            }
            Token::Sign('(' | '[' | '{') => {
                self.cut.set(true);
                return Val::default();
            }
            Token::Sign(_) => return Val::default(),
        };
        self.behind(val, *start)
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        self.depth += 1;
        let out = read(self);
        self.depth -= 1;
        out
    }

    /// Everything in brackets: what is separated by commas, with the name if it has one.
    /// Statements in it are followed too.
    fn inside(&mut self) -> Vec<(String, Val)> {
        self.at += 1;
        let (mut all, mut name) = (Vec::new(), String::new());
        while let Some(token) = self.peek(0) {
            let before = self.at;
            match token {
                Token::Sign(')' | ']' | '}') => {
                    self.at += 1;
                    break;
                }
                Token::Sign(',' | ';') => {
                    self.at += 1;
                    name.clear();
                }
                Token::Name(word)
                    if (self.is(1, '=') && !self.is(2, '=') && !self.is(2, '>')) || self.is(1, ':') =>
                {
                    if self.is(1, '=') && matches!(self.language, Language::JavaScript) {
                        self.assignment();
                    } else {
                        (*word).clone_into(&mut name);
                        self.at += 2;
                    }
                }
                Token::Name("const" | "let" | "var" | "import" | "from" | "return") => self.statement(),
                _ => {
                    let val = self.expression();
                    if self.at == before {
                        self.at += 1;
                    } else if all.len() < 256 {
                        all.push((std::mem::take(&mut name), val));
                    }
                }
            }
        }
        all
    }

    /// Fields, calls and indices behind an operand.
    fn behind(&mut self, mut val: Val, start: usize) -> Val {
        loop {
            match self.peek(0) {
                Some(Token::Sign('?')) if self.is(1, '.') => self.at += 1,
                Some(Token::Sign(':')) if self.is(1, ':') && self.name(2).is_some() => {
                    self.at += 1;
                }
                Some(Token::Sign('.' | ':'))
                    if self.name(1).is_some() && (self.is(0, '.') || self.is_before(':')) =>
                {
                    let name = self.name(1).unwrap_or_default();
                    self.at += 2;
                    val.path =
                        if val.path.is_empty() { name.to_owned() } else { format!("{}.{name}", val.path) };
                    val.path.truncate(val.path.floor_char_boundary(200));
                    val.list = None;
                }
                Some(Token::Sign('(')) if self.depth < DEPTH => {
                    let all = self.deeper(Self::inside);
                    let end = self.tokens.get(self.at.saturating_sub(1)).map_or(start, |(.., end)| *end);
                    val = self.call(val, all, Span { start, end });
                }
                Some(Token::Sign('[')) if self.depth < DEPTH => {
                    let all = self.deeper(Self::inside);
                    if let Some((_, index)) = all.last()
                        && index.value.is_known()
                        && !index.value.text.is_empty()
                    {
                        val.path = format!("{}.{}", val.path, index.value.text);
                        val.path.truncate(val.path.floor_char_boundary(200));
                    }
                    val.list = None;
                }
                _ => return val,
            }
        }
    }

    fn is_before(&self, sign: char) -> bool {
        self.at > 0 && self.tokens.get(self.at - 1).is_some_and(|(token, ..)| *token == Token::Sign(sign))
    }

    /// What a call comes to, and what it does.
    fn call(&mut self, callee: Val, all: Vec<(String, Val)>, span: Span) -> Val {
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

/// Whether what came over the network or out of an encoding is itself what is run:
/// it begins the command, or stands behind an interpreter. As an argument it is data.
fn runs_as_text(what: &Value, literal: bool) -> bool {
    let first = what.text.trim_start();
    let word = first.split_whitespace().next().unwrap_or_default();
    let name = word.rsplit('/').next().unwrap_or_default();
    !what.from.kinds.is_empty()
        && (!literal
            || first.is_empty()
            || word.starts_with(UNKNOWN)
            || known::interpreter(name).is_some()
            || name == "eval")
}

/// What is started: a text, or a program with a list of arguments.
fn command(all: &[(String, Val)]) -> Value {
    let given =
        all.iter().find(|(name, _)| name.is_empty() || matches!(name.as_str(), "args" | "cmd" | "command"));
    let Some((_, first)) = given else { return Value::unknown() };
    if let Some(list) = &first.list {
        return words(list);
    }
    let mut out = first.value.clone();
    // spawn("sh", ["-c", …]), execlp("sh", "sh", "-c", …)
    match all.get(1).map(|(name, val)| (name.is_empty(), &val.list)) {
        Some((true, Some(list))) => {
            out.push_text(" ");
            out.push(&words(list));
        }
        Some((true, None)) if all.len() > 2 => {
            let rest: Vec<Value> = all
                .iter()
                .skip(2)
                .filter(|(name, _)| name.is_empty())
                .map(|(_, val)| val.value.clone())
                .collect();
            out.push_text(" ");
            out.push(&words(&rest));
        }
        _ => {}
    }
    out
}

fn words(list: &[Value]) -> Value {
    let mut out = Value::default();
    for (index, value) in list.iter().enumerate() {
        if index > 0 {
            out.push_text(" ");
        }
        out.push(&value.with_text(quoted(&value.text)));
    }
    out
}

fn joined(all: Vec<(String, Val)>) -> Value {
    let mut out = Value::default();
    for (_, val) in all {
        out.from.add(&val.value.from);
    }
    out.with_text(UNKNOWN)
}

/// The elements of a list with a text between them.
fn join(val: &Val, between: &Value) -> Value {
    let Some(list) = &val.list else { return val.value.with_text(UNKNOWN) };
    let mut out = Value::default();
    for (index, value) in list.iter().enumerate() {
        if index > 0 && between.is_known() {
            out.push_text(&between.text);
        }
        out.push(value);
    }
    out
}

fn put_in(format: &Value, mark: &str, values: &[Value]) -> Value {
    let mut out = format.with_text("");
    let mut values = values.iter();
    for (index, part) in format.text.split(mark).enumerate() {
        if index > 0 {
            match values.next() {
                Some(value) => out.push(value),
                None => out.push_text(UNKNOWN.encode_utf8(&mut [0; 4])),
            }
        }
        out.push_text(part);
    }
    out
}

/// A text out of base64 or hexadecimal, if that is known; where it came from in any case.
fn decoded(what: &Value, name: &str, kind: &str) -> Value {
    use base64::Engine as _;
    let packed: String = what.text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = match (name, kind) {
        ("fromhex" | "unhexlify", _) | (_, "hex") => {
            let digits: Vec<u32> = packed.chars().filter_map(|c| c.to_digit(16)).collect();
            Some(
                digits.chunks_exact(2).filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect(),
            )
        }
        (
            "b64decode" | "atob" | "decode64" | "strict_decode64" | "base64_decode" | "decode_base64"
            | "from" | "Buffer",
            _,
        ) => base64::engine::general_purpose::STANDARD.decode(packed.as_bytes()).ok(),
        _ => None,
    };
    let text =
        bytes.filter(|_| what.is_known()).map(|bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned());
    let mut out = Value { text: String::new(), from: what.from.clone() };
    out.push_text(text.as_deref().unwrap_or("\u{fffc}"));
    out.and(Origin::Decoded)
}
