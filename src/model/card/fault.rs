//! What can be wrong with a card, and what is only worth telling: each with a
//! stable code, the words for a person, and the way out.

use crate::model::text;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use std::fmt;

macro_rules! words {
    ($(#[$doc:meta])* $kind:ident { $($(#[$item:meta])* $name:ident $code:literal $what:literal $fix:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $kind { $($(#[$item])* $name,)* }

        impl $kind {
            /// Every one, in the order of the reference page.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What is the case, as a half sentence.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self { $(Self::$name => $what,)* }
            }

            /// For a fault: what its author should do. For a note: why it matters.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $fix,)* }
            }
        }
    };
}

words! {
    /// A rule that a card broke; the skill is refused.
    CardRule {
        /// The file is not UTF-8 throughout.
        NotUtf8 "card-not-utf8" "not UTF-8" "save the file as UTF-8";
        /// A byte order mark before the first line.
        ByteOrderMark "card-byte-order-mark" "starts with a byte order mark, which some readers take for content" "save the file without it";
        /// The first line is not `---`.
        NoStart "card-no-start" "the first line is not exactly `---`" "begin the file with a line `---`";
        /// No line `---` ends the front matter.
        NoEnd "card-no-end" "no line that is exactly `---` ends the front matter" "end the front matter with a line `---`";
        /// More front matter than [`super::FRONT_MATTER_MAX`].
        TooLarge "card-too-large" "the front matter is longer than 64 KiB" "shorten it";
        /// Some lines end in CR LF, others in LF, or a CR stands alone.
        LineEnds "card-line-ends" "line ends are mixed, so readers disagree where lines end" "use one kind of line end";
        /// A control, direction, zero-width, tag or private character.
        Hidden "card-hidden-character" "holds a hidden or control character" "remove it";
        /// A line that other readers take for the end.
        Fence "card-fence" "a line that some readers take for the end of the front matter" "remove or reword it";
        /// A tab where YAML counts spaces.
        TabIndent "card-tab-indent" "indented with a tab, which YAML forbids" "indent with spaces";
        /// `%YAML` and the like.
        Directive "card-directive" "a YAML directive" "remove it";
        /// `&name`.
        Anchor "card-anchor" "a YAML anchor, which copies values out of sight" "write the value out, or quote it";
        /// `*name`.
        Alias "card-alias" "a YAML alias, which copies values out of sight" "write the value out, or quote it";
        /// `!name`.
        Tag "card-tag" "a YAML tag, which makes readers disagree on the value" "remove the tag, or quote the value";
        /// `<<`.
        MergeKey "card-merge-key" "a YAML merge key, which only some readers follow" "write the keys out";
        /// `? ` or a collection as key.
        ComplexKey "card-complex-key" "a complex key" "use a plain word as key";
        /// A top-level key in another form than `word:`.
        OddKey "card-odd-key" "a top-level key that simple readers do not see, or see otherwise" "write it as `word: value` with letters, digits, `-`, `_` and `.`";
        /// A top-level line that continues something but is not indented.
        Unindented "card-unindented" "a line at the left edge that is no `key: value`; readers disagree on what it belongs to" "indent it, or make it a comment";
        /// The same key twice, also but for case.
        DuplicateKey "card-duplicate-key" "a key stands twice; some readers take the first, some the last" "keep one";
        /// `description: foo: bar`.
        ColonInText "card-colon" "unquoted text with a colon and a space, which strict readers refuse and lenient ones guess at" "put the value in quotes";
        /// `name: foo # bar`.
        CommentInText "card-comment" "unquoted text with ` #`, where YAML ends the value and simple readers do not" "put the value in quotes";
        /// Nested deeper than [`super::DEPTH_MAX`], or too many values.
        TooDeep "card-too-deep" "nested too deep, or too many values" "flatten it";
        /// The YAML reader refused it.
        Syntax "card-syntax" "not valid YAML" "correct it";
        /// The YAML reader and a line reader see different keys.
        Ambiguous "card-ambiguous" "two ways to read it give different keys" "write it in plain `key: value` lines";
        /// A name or description that some readers take for a number, a truth value, a date or nothing.
        NotText "card-not-text" "some readers take it for a number, a date, true, false or nothing" "put it in quotes";
        /// A name written over several lines or with escapes.
        NameForm "card-name-form" "the name is not written out on its line, so simple readers see another one" "write `name: the-name`";
        /// A list or map where text must be.
        NotScalar "card-not-scalar" "a list or map where text must stand" "write text";
        /// No description, or an empty one.
        NoDescription "card-no-description" "there is no description" "add `description:` with 1 to 1024 characters";
    }
}

words! {
    /// Something a person should know about a card that is accepted.
    NoteKind {
        /// The name breaks the specification.
        Name "card-name" "the name breaks the specification" "clients differ in what they make of it";
        /// Lines end in CR LF.
        CarriageReturns "card-crlf" "lines end in CR LF" "some readers do not find the front matter";
        /// An emoji joiner or presentation mark, or a joiner between letters that need one.
        Joiner "card-joiner" "holds an invisible joiner where scripts and emoji use one" "it is invisible";
        /// Over 1024 characters of description.
        LongDescription "card-long-description" "the description has more than 1024 characters" "the specification allows 1024; a client may cut it or skip the skill";
        /// Over 500 characters of compatibility.
        LongCompatibility "card-long-compatibility" "compatibility has more than 500 characters" "the specification allows 500";
        /// Plain scalar that readers type differently.
        Untyped "card-untyped" "unquoted, and some readers take it for something else than text" "kept as written";
        /// A value of another shape than the specification says.
        Shape "card-shape" "not of the shape that the specification gives it" "kept as an extension";
        /// Tools as a list or with commas.
        ToolsForm "card-tools-form" "tools as a list or with commas; the specification says separated by spaces" "clients differ in what they grant";
        /// A key that the specification does not know.
        Extension "card-extension" "a key that the specification does not know" "some client may act on it";
        /// A key known to change what an agent may or must do.
        Risky "card-risky" "a key that changes what an agent may do, or when" "read it before you trust the skill";
        /// An unquoted value cut short by a comment.
        Comment "card-cut" "YAML ends the value at ` #`, simple readers do not" "kept as YAML has it";
        /// Nothing after the front matter.
        NoBody "card-no-body" "nothing stands after the front matter" "the skill says nothing";
    }
}

/// One fault: where, which rule, and what was found there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CardFault {
    /// Line in the file, counted from 1.
    pub line: usize,
    /// The rule.
    pub rule: CardRule,
    /// What was found, escaped and cut; empty if there is nothing to show.
    pub found: String,
}

/// One note: where, which kind, and what about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CardNote {
    /// Line in the file, counted from 1.
    pub line: usize,
    /// The kind.
    pub kind: NoteKind,
    /// Key or value that it is about, escaped and cut; empty if there is nothing to show.
    pub about: String,
}

/// Longest piece of a card that a message repeats, in characters.
const SHOWN_MAX: usize = 60;

impl CardFault {
    /// A fault; what was found is escaped here.
    #[must_use]
    pub fn new(line: usize, rule: CardRule, found: &str) -> Self {
        Self { line, rule, found: text::escape_short(found.trim(), SHOWN_MAX) }
    }
}

impl CardNote {
    /// A note; what it is about is escaped here.
    #[must_use]
    pub fn new(line: usize, kind: NoteKind, about: &str) -> Self {
        Self { line, kind, about: text::escape_short(about.trim(), SHOWN_MAX) }
    }
}

impl fmt::Display for CardFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.found.is_empty() {
            write!(f, "`{}`: ", self.found)?;
        }
        write!(f, "{}; {} [{}]", self.rule.what(), self.rule.advice(), self.rule.code())
    }
}

impl fmt::Display for CardNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.about.is_empty() {
            write!(f, "`{}`: ", self.about)?;
        }
        write!(f, "{}; {} [{}]", self.kind.what(), self.kind.advice(), self.kind.code())
    }
}

fn structured<S: Serializer>(
    serializer: S,
    (code, line, about): (&str, usize, &str),
    reason: &str,
) -> Result<S::Ok, S::Error> {
    let mut out = serializer.serialize_struct("CardRemark", 4)?;
    out.serialize_field("about", about)?;
    out.serialize_field("code", code)?;
    out.serialize_field("line", &line)?;
    out.serialize_field("reason", reason)?;
    out.end()
}

impl Serialize for CardFault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        structured(serializer, (self.rule.code(), self.line, &self.found), self.rule.what())
    }
}

impl Serialize for CardNote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        structured(serializer, (self.kind.code(), self.line, &self.about), self.kind.what())
    }
}
