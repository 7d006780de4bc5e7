//! Compound commands: what stands inside of them, and where they end.
//!
//! Which branch is taken is not asked. One that does not end goes to the end of
//! the text, or of the parentheses around it, and is told.

use super::cursor::Reader;
use super::read::only_expands;
use super::tree::{Body, Command, Fault, Pipeline, Script, Word};
use super::words::ends_word;
use std::rc::Rc;

const BEGINS: &[&str] = &["{", "if", "while", "until", "for", "select", "case", "function", "[["];

impl Reader<'_> {
    /// A compound command, if one stands here.
    pub(super) fn compound(&mut self) -> Option<Body> {
        if self.rest().starts_with("((")
            && let Some(word) = self.arithmetic_word()
        {
            return Some(Body::Simple { assigns: Vec::new(), words: vec![Word::literal(":"), word] });
        }
        if self.rest().starts_with('(') {
            self.bump();
            return Some(Body::Group(self.inner()));
        }
        let word = self.reserved(BEGINS)?;
        if word == "[[" {
            return Some(self.test());
        }
        if !self.deeper() {
            return None;
        }
        self.skip(word.len());
        let body = match word {
            "{" => Body::Group(self.parts(&["}"])),
            "if" => Body::Group(self.parts(&["then", "elif", "else", "fi"])),
            "while" | "until" => Body::Group(self.parts(&["do", "done"])),
            "case" => Body::Group(self.case()),
            "function" => {
                self.blanks();
                let name = self.take_while(|c| !ends_word(c)).to_owned();
                self.function(name)
            }
            _ => self.each(),
        };
        self.shallower();
        Some(body)
    }

    /// Lists, each up to the next of these words; the last one is the end.
    fn parts(&mut self, words: &[&'static str]) -> Script {
        let last = words.last().copied().unwrap_or_default();
        let mut all = Vec::new();
        // A stray parenthesis is passed over unless it closes something around.
        let close = (self.parens > 0).then_some(')');
        loop {
            all.append(&mut self.script(words, close).0);
            let Some(word) = self.reserved(words) else {
                self.fault(Fault::Open);
                return Script(all);
            };
            self.skip(word.len());
            if word == last {
                return Script(all);
            }
        }
    }

    /// The body of a loop: `do … done`, or `{ … }` as bash takes it too.
    fn looped(&mut self) -> Script {
        self.gap();
        if self.eat(';') {
            self.gap();
        }
        if self.reserved(&["{"]).is_some() {
            self.skip(1);
            return self.parts(&["}"]);
        }
        self.parts(&["do", "done"])
    }

    fn each(&mut self) -> Body {
        self.blanks();
        if self.rest().starts_with("((") {
            let start = self.at;
            let word = self.arithmetic_word();
            let mut all: Vec<Pipeline> =
                word.map(|word| only_expands(vec![word], self.span(start))).into_iter().collect();
            all.append(&mut self.looped().0);
            return Body::Group(Script(all));
        }
        let name = self.take_while(|c| !ends_word(c)).to_owned();
        let mut items = Vec::new();
        self.gap();
        if self.reserved(&["in"]).is_some() {
            self.skip(2);
            self.blanks();
            while let Some(word) = self.word() {
                items.push(word);
                self.blanks();
            }
        }
        let body = self.looped();
        Body::For { name, items, body }
    }

    fn case(&mut self) -> Script {
        let mut all = Vec::new();
        self.blanks();
        let start = self.at;
        if let Some(word) = self.word() {
            // What is looked at may run commands; nothing else of it is asked.
            all.push(only_expands(vec![word], self.span(start)));
        }
        self.gap();
        if self.reserved(&["in"]).is_some() {
            self.skip(2);
        }
        loop {
            self.gap();
            if self.reserved(&["esac"]).is_some() {
                self.skip(4);
                return Script(all);
            }
            let start = self.at;
            let patterns = match self.patterns() {
                Ok(patterns) => patterns,
                Err(words) => {
                    // No branch: the line is taken for what it would be alone.
                    self.fault(Fault::Open);
                    if !words.is_empty() {
                        let (span, body) = (self.span(start), Body::Simple { assigns: Vec::new(), words });
                        let stages = vec![Command { body, redirects: Vec::new(), span }];
                        all.push(Pipeline { stages, span });
                    }
                    return Script(all);
                }
            };
            // A pattern may run commands too.
            let run: Vec<Word> = patterns.into_iter().filter(|word| word.text().is_none()).collect();
            if !run.is_empty() {
                all.push(only_expands(run, self.span(start)));
            }
            all.append(&mut self.script(&["esac"], Some(';')).0);
            self.take_while(|c| c == ';' || c == '&');
            if self.peek() == Some(')') {
                self.fault(Fault::Open);
                return Script(all);
            }
        }
    }

    /// The patterns of a branch, up to its parenthesis; the words if there is none in the line.
    fn patterns(&mut self) -> Result<Vec<Word>, Vec<Word>> {
        let mut words = Vec::new();
        self.eat('(');
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\r'));
            match self.peek() {
                Some(')') => {
                    self.bump();
                    return Ok(words);
                }
                Some('|') => {
                    self.bump();
                    self.gap();
                }
                None | Some('\n') => return Err(words),
                Some(_) => match self.word() {
                    Some(word) => words.push(word),
                    None => {
                        self.bump();
                    }
                },
            }
        }
    }

    /// `[[ … ]]`: words and operators that run nothing, but for what is substituted.
    fn test(&mut self) -> Body {
        let mut words = Vec::new();
        let mut operator = false;
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\r'));
            if self.rest().starts_with("\\\n") {
                self.skip(2);
                continue;
            }
            match self.peek() {
                Some('\n') if operator || self.goes_on() => {
                    self.newline();
                    operator = true;
                }
                None | Some('\n') => {
                    self.fault(Fault::Open);
                    break;
                }
                Some(_) => match self.word() {
                    Some(word) => {
                        let end = word.bare() == Some("]]");
                        operator = word.bare() == Some("[[");
                        words.push(word);
                        if end {
                            break;
                        }
                    }
                    None => {
                        operator = self.bump() != Some(')');
                    }
                },
            }
        }
        Body::Simple { assigns: Vec::new(), words }
    }

    /// Whether the next line goes on with a test.
    fn goes_on(&self) -> bool {
        let next = self.rest().trim_start_matches('\n').trim_start_matches([' ', '\t']);
        next.starts_with("&&") || next.starts_with("||") || next.starts_with("]]")
    }

    /// Behind a function's name.
    pub(super) fn function(&mut self, name: String) -> Body {
        self.blanks();
        if self.eat('(') {
            self.blanks();
            self.eat(')');
        }
        self.gap();
        let body = self.command().map_or_else(Script::default, |command| {
            let span = command.span;
            Script(vec![Pipeline { stages: vec![command], span }])
        });
        Body::Function { name, body: Rc::new(body) }
    }
}
