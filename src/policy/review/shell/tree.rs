//! What a shell text consists of, as far as a review asks.
//!
//! ```text
//! Script      pipelines, in the order in which they stand
//! Pipeline    commands whose outputs and inputs are joined
//! Command     words, or a group of its own: ( ), { }, if, while, case, a function's body
//! Word        pieces: text, quoted text, $name with what is done to it, $( ), <( ), $(( ))
//! ```
//!
//! Which branch is taken is not asked: all bodies of an `if` or `case` stand in
//! a group one after the other. What a text means is asked by `machine`.

use std::cell::OnceCell;
use std::rc::Rc;

/// Where something stands: bytes of the text, from the first to the one behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One behind the last.
    pub end: usize,
}

/// Pipelines, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script(pub Vec<Pipeline>);

/// Commands joined by `|`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// At least one.
    pub stages: Vec<Command>,
    /// From the first to the last of them.
    pub span: Span,
}

/// One stage of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What it does.
    pub body: Body,
    /// Where its input comes from and its output goes to.
    pub redirects: Vec<Redirect>,
    /// Where it stands.
    pub span: Span,
}

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// `NAME=value… word…`; the words may be none.
    Simple {
        /// What is set for it, or for the rest of the text.
        assigns: Vec<Assign>,
        /// The command and its arguments, before expansion.
        words: Vec<Word>,
    },
    /// Everything inside of a compound command.
    Group(Script),
    /// `for NAME in word…`, and `select`.
    For {
        /// The variable.
        name: String,
        /// What it goes through; none if it goes through the arguments.
        items: Vec<Word>,
        /// What is done with each.
        body: Script,
    },
    /// `NAME() …`
    Function {
        /// What it is called by.
        name: String,
        /// What it does then; shared, since it is kept each time that it is defined.
        body: Rc<Script>,
    },
}

/// `NAME=value`, `NAME+=value`, `NAME=(word…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assign {
    /// The variable.
    pub name: String,
    /// Which element of a list, if one is said.
    pub index: Option<String>,
    /// The value, or each of a list.
    pub value: Assigned,
    /// Whether it comes behind what is there.
    pub append: bool,
}

/// What is assigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assigned {
    /// One word.
    One(Word),
    /// A list in parentheses.
    List(Vec<Word>),
}

/// What a redirection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `<` and `<>`
    In,
    /// `>`, `>|`, `&>`, `>&` with a name
    Out,
    /// `>>`, `&>>`
    Append,
    /// `<<` and `<<<`: the word is the input itself
    Here,
    /// `2>&1` and the like
    Copy,
}

/// One redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// Which descriptor; that of the operator if none is said.
    pub fd: Option<u32>,
    /// What it does.
    pub way: Way,
    /// A name, a text, a number; the text of a here-document is known once its lines are read.
    pub target: Rc<OnceCell<Word>>,
}

/// One word as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// In their order.
    pub pieces: Vec<Piece>,
    /// Where it stands.
    pub span: Span,
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text outside of quotes, escapes taken away where they stood before what means nothing.
    Plain(String),
    /// Text that means itself: quoted, or behind a backslash.
    Quoted(String),
    /// `$name`, `${name…}`
    Name {
        /// Which.
        name: String,
        /// What is done with it.
        op: Op,
        /// Inside double quotes.
        quoted: bool,
    },
    /// `$(…)`, `` `…` ``
    Output {
        /// What is run for it; shared, since a word is copied for each choice of its braces.
        script: Rc<Script>,
        /// Inside double quotes.
        quoted: bool,
    },
    /// `<(…)`, `>(…)`
    Process {
        /// What is run.
        script: Rc<Script>,
        /// Whether it is read from: `<(…)`.
        read: bool,
    },
    /// `$((…))` and whatever else is only known at run time.
    Unknown,
}

/// What is done with a variable's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Nothing.
    Value,
    /// `${name[index]}`
    Index(String),
    /// `:-` and `:=`
    Default(Word),
    /// `:+`
    Instead(Word),
    /// `${name:from:count}`
    Slice(Word, Option<Word>),
    /// `${name#pattern}`: from the front, `%` from the end.
    Trim {
        /// From the end.
        end: bool,
        /// What goes.
        pattern: Word,
    },
    /// `${name/old/new}`
    Replace {
        /// Each one, not the first alone.
        all: bool,
        /// What goes.
        old: Word,
        /// What comes.
        new: Word,
    },
    /// `^`, `^^`, `,`, `,,`: whether up.
    Case(bool),
    /// `${!name}`
    Pointer,
    /// `:?`: nothing, or the end with these words.
    Demand(Word),
    /// Anything else: what is put together, and perhaps run, on the way.
    Other(Vec<Word>),
}

/// What was not as a shell would have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A quote, parenthesis, brace or compound command has no end.
    Open,
    /// Something ends that did not begin.
    Stray,
    /// Nested deeper than is followed.
    Deep,
}

impl Word {
    /// A word of text that means itself.
    #[must_use]
    pub fn literal(text: impl Into<String>) -> Self {
        Self { pieces: vec![Piece::Quoted(text.into())], span: Span::default() }
    }

    /// The text, if it is nothing else, whatever its quotes.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Plain(text) | Piece::Quoted(text) => out.push_str(text),
                _ => return None,
            }
        }
        Some(out)
    }

    /// The text if nothing of it is quoted: what can be a reserved word.
    #[must_use]
    pub fn bare(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Plain(text)] => Some(text),
            _ => None,
        }
    }
}
