//! Expressions of a program, from left to right, each token once.

use super::super::shell::known::Language;
use super::super::shell::tree::Span;
use super::super::shell::value::{UNKNOWN, Value};
use super::lex::{At, Bit, MOST, Token, tokens};
use super::val::{Val, joined, put_in, size};
use super::{Act, Program};
use std::cell::Cell;
use std::collections::BTreeMap;

/// How deep brackets are followed; deeper ones are read as flat text.
const DEPTH: usize = 50;
/// Bytes that are taken out of names in one program. Attack: a name that doubles,
/// and is then said a hundred thousand times.
const WORK: usize = 8 * 1024 * 1024;
/// Names that are remembered.
const NAMES: usize = 4096;

pub(super) struct Follower<'a> {
    pub(super) language: Language,
    tokens: &'a [At<'a>],
    at: usize,
    depth: usize,
    names: BTreeMap<String, Val>,
    pub(super) acts: Vec<(Act, Span)>,
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
}
