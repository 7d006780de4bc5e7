//! `{a,b}` in a word: each word that it comes to.
//!
//! As bash has it: before anything else, in what is not quoted, and only where a
//! brace closes and a comma stands between. Bounded: more words, or longer ones, are no word's
//! work, and the caller tells that. Attack: a command of braces that is passed
//! over because it comes to too much.

use super::tree::{Op, Piece, Word};
use std::borrow::Cow;

/// Most words that braces of one word come to.
pub(super) const MOST: usize = 256;
/// Most pieces that all of them together are made of.
const PIECES: usize = 1 << 16;
/// How deep they stand in one another.
const DEPTH: usize = 8;

/// What a word is made of, where braces are asked.
enum Mark<'a> {
    /// `{`, with the place of what closes it, if there are choices between.
    Open(Option<usize>),
    Close,
    Comma,
    /// Text without braces and commas.
    Text(&'a str),
    Other(&'a Piece),
}

/// All words, or nothing if they are too many.
pub(super) fn braces(word: &Word) -> Option<Cow<'_, [Word]>> {
    if !word.pieces.iter().any(|piece| matches!(piece, Piece::Plain(text) if text.contains('{'))) {
        return Some(Cow::Borrowed(std::slice::from_ref(word)));
    }
    let (mut all, mut left) = (vec![word.clone()], PIECES);
    for _ in 0..DEPTH {
        let (before, mut next) = (all.len(), Vec::new());
        for word in &all {
            next.append(&mut once(word, &mut left)?);
            if next.len() > MOST {
                return None;
            }
        }
        all = next;
        if all.len() == before {
            return Some(Cow::Owned(all));
        }
    }
    None
}

/// The words that the outermost braces come to; the word itself if it has none.
fn once(word: &Word, left: &mut usize) -> Option<Vec<Word>> {
    let marks = marks(word);
    if !marks.iter().any(|mark| matches!(mark, Mark::Open(Some(_)))) {
        return Some(vec![word.clone()]);
    }
    let mut all = vec![Word { pieces: Vec::new(), span: word.span }];
    let mut at = 0;
    while let Some(mark) = marks.get(at) {
        let Mark::Open(Some(close)) = mark else {
            *left = left.checked_sub(all.len() * weight(mark))?;
            all.iter_mut().for_each(|word| join(word, mark));
            at += 1;
            continue;
        };
        let choices = choices(&marks, at + 1, *close);
        let inside = marks.get(at..=*close).unwrap_or_default();
        *left = left.checked_sub(all.len() * inside.iter().map(weight).sum::<usize>())?;
        if all.len() * choices.len() > MOST {
            return None;
        }
        let with = |word: &Word, choice: &[Mark<'_>]| {
            let mut word = word.clone();
            choice.iter().for_each(|mark| join(&mut word, mark));
            word
        };
        all = all.iter().flat_map(|word| choices.iter().map(|choice| with(word, choice))).collect();
        at = close + 1;
    }
    Some(all)
}

/// A word as marks; which brace closes which is found out once for all.
fn marks(word: &Word) -> Vec<Mark<'_>> {
    let (mut all, mut open) = (Vec::new(), Vec::new());
    for piece in &word.pieces {
        let Piece::Plain(text) = piece else {
            all.push(Mark::Other(piece));
            continue;
        };
        for part in text.split_inclusive(['{', '}', ',']) {
            let bare = part.trim_end_matches(['{', '}', ',']);
            if !bare.is_empty() {
                all.push(Mark::Text(bare));
            }
            match &part[bare.len()..] {
                "{" => {
                    open.push((all.len(), false));
                    all.push(Mark::Open(None));
                }
                "}" => {
                    let close = all.len();
                    if let Some((at, true)) = open.pop() {
                        all[at] = Mark::Open(Some(close));
                    }
                    all.push(Mark::Close);
                }
                "," => {
                    if let Some((_, choices)) = open.last_mut() {
                        *choices = true;
                    }
                    all.push(Mark::Comma);
                }
                _ => {}
            }
        }
    }
    all
}

/// What stands between the commas of these braces.
fn choices<'a, 'b>(marks: &'b [Mark<'a>], from: usize, close: usize) -> Vec<&'b [Mark<'a>]> {
    let (mut all, mut start, mut depth) = (Vec::new(), from, 0_usize);
    for at in from..close {
        match marks.get(at) {
            Some(Mark::Open(_)) => depth += 1,
            Some(Mark::Close) => depth = depth.saturating_sub(1),
            Some(Mark::Comma) if depth == 0 => {
                all.push(marks.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    all.push(marks.get(start..close).unwrap_or_default());
    all
}

/// What it takes to copy a mark.
fn weight(mark: &Mark<'_>) -> usize {
    match mark {
        Mark::Text(text) => 1 + text.len() / 16,
        Mark::Other(piece) => of_piece(piece),
        Mark::Open(_) | Mark::Close | Mark::Comma => 1,
    }
}

fn of_piece(piece: &Piece) -> usize {
    let of_word = |word: &Word| word.pieces.iter().map(of_piece).sum::<usize>();
    1 + match piece {
        Piece::Plain(text) | Piece::Quoted(text) => text.len() / 16,
        Piece::Name { op, .. } => match op {
            Op::Default(word) | Op::Instead(word) | Op::Demand(word) | Op::Trim { pattern: word, .. } => {
                of_word(word)
            }
            Op::Slice(from, count) => of_word(from) + count.as_ref().map_or(0, of_word),
            Op::Replace { old, new, .. } => of_word(old) + of_word(new),
            Op::Other(words) => words.iter().map(of_word).sum(),
            Op::Index(text) => text.len() / 16,
            Op::Value | Op::Case(_) | Op::Pointer => 0,
        },
        Piece::Output { .. } | Piece::Process { .. } | Piece::Unknown => 0,
    }
}

fn join(word: &mut Word, mark: &Mark<'_>) {
    let text = match mark {
        Mark::Open(_) => "{",
        Mark::Close => "}",
        Mark::Comma => ",",
        Mark::Text(text) => text,
        Mark::Other(piece) => return word.pieces.push((*piece).clone()),
    };
    match word.pieces.last_mut() {
        Some(Piece::Plain(before)) => before.push_str(text),
        _ => word.pieces.push(Piece::Plain(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::{Piece, Span, Word};
    use super::braces;

    fn all(text: &str) -> Option<Vec<String>> {
        let word = Word { pieces: vec![Piece::Plain(text.to_owned())], span: Span::default() };
        braces(&word).map(|words| words.iter().filter_map(Word::text).collect())
    }

    #[test]
    fn choices_are_put_beside_what_stands_around_them() {
        for (text, words) in [
            ("a{b,c}d", &["abd", "acd"][..]),
            ("{curl,-s,x}", &["curl", "-s", "x"]),
            ("{a,b}{1,2}", &["a1", "a2", "b1", "b2"]),
            ("{a,}x", &["ax", "x"]),
            ("{a}", &["{a}"]),
            ("a{b,c", &["a{b,c"]),
            ("a,b}", &["a,b}"]),
            ("{{a,b}}", &["{a}", "{b}"]),
            ("{a,{b,c}}", &["a", "b", "c"]),
            ("x{a,b{c,d}e}", &["xa", "xbce", "xbde"]),
        ] {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            assert_eq!(all(text), Some(words), "{text}");
        }
    }

    #[test]
    fn too_many_words_are_none_and_not_the_word_as_it_stands() {
        assert_eq!(all(&"{a,b}".repeat(9)), None);
        assert_eq!(all(&("{a,b}".to_owned() + &"{".repeat(100_000))), None);
        assert_eq!(all(&("{a,".repeat(20) + &"}".repeat(20))), None);
        assert_eq!(all(&"{".repeat(1 << 20)).map(|words| words.len()), Some(1));
        assert_eq!(all(&"{a".repeat(1 << 18)).map(|words| words.len()), Some(1));
        assert_eq!(all(&("{a,b".repeat(1 << 17) + &"}".repeat(1 << 17))), None);
    }
}
