//! Each construct of the grammar, as the list of its simple commands.

use super::super::read::read;
use super::super::tree::{Body, Fault, Op, Piece, Script, Way, Word};

/// Simple commands, in order, in a form that a test can be read in: words in
/// brackets, `|` between the stages, `>` and its like for redirections.
fn told(text: &str) -> String {
    let mut all = Vec::new();
    script(&read(text).script, &mut all);
    all.join(" ; ")
}

fn script(script_: &Script, all: &mut Vec<String>) {
    for pipeline in &script_.0 {
        let mut stages = Vec::new();
        for command in &pipeline.stages {
            let mut inner = Vec::new();
            let mut shown = match &command.body {
                Body::Simple { assigns, words } => {
                    let set = assigns.iter().map(|one| format!("{}=", one.name));
                    set.chain(words.iter().map(word)).collect::<Vec<_>>().join(" ")
                }
                Body::Group(group) => {
                    script(group, &mut inner);
                    format!("({})", inner.join(" ; "))
                }
                Body::For { name, items, body } => {
                    script(body, &mut inner);
                    format!("for {name}:{} ({})", items.len(), inner.join(" ; "))
                }
                Body::Function { name, body } => {
                    script(body, &mut inner);
                    format!("{name}() {}", inner.join(" ; "))
                }
            };
            for redirect in &command.redirects {
                let way = match redirect.way {
                    Way::In => "<",
                    Way::Out => ">",
                    Way::Append => ">>",
                    Way::Here => "<<",
                    Way::Copy => ">&",
                };
                shown.push_str(&format!(" {way}{}", redirect.target.get().map(word).unwrap_or_default()));
            }
            stages.push(shown.trim().to_owned());
        }
        all.push(stages.join(" | "));
    }
}

fn word(word: &Word) -> String {
    word.pieces.iter().map(piece).collect()
}

fn piece(piece: &Piece) -> String {
    let inner = |script_: &Script| {
        let mut all = Vec::new();
        script(script_, &mut all);
        all.join(" ; ")
    };
    match piece {
        Piece::Plain(text) => text.clone(),
        Piece::Quoted(text) => format!("'{text}'"),
        Piece::Name { name, op: Op::Value, .. } => format!("${name}"),
        Piece::Name { name, op, .. } => {
            let words: Vec<&Word> = match op {
                Op::Default(one) | Op::Instead(one) | Op::Demand(one) | Op::Trim { pattern: one, .. } => {
                    vec![one]
                }
                Op::Slice(from, count) => std::iter::once(from).chain(count).collect(),
                Op::Replace { old, new, .. } => vec![old, new],
                Op::Other(words) => words.iter().collect(),
                _ => Vec::new(),
            };
            format!("${{{name}:{}}}", words.into_iter().map(word).collect::<Vec<_>>().join(","))
        }
        Piece::Output { script, .. } => format!("$({})", inner(script)),
        Piece::Process { script, read } => format!("{}({})", if *read { "<" } else { ">" }, inner(script)),
        Piece::Unknown => "?".to_owned(),
    }
}

/// Checks texts that a shell accepts: what is read of them, and that nothing is found wrong.
fn reads(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(told(text), *expected, "{text}");
        assert!(read(text).faults.is_empty(), "{text}: {:?}", read(text).faults);
    }
}

#[test]
fn simple_commands_and_what_joins_them() {
    reads(&[
        ("a b  c", "a b c"),
        ("a;b&c\nd", "a ; b ; c ; d"),
        ("a && b || ! c", "a ; b ; c"),
        ("a | b |& c |\n\n d", "a | b | c | d"),
        ("time -p a | b", "a | b"),
        ("a \\\n b # c\n#d\ne#f", "a b ; e#f"),
        ("x=1 y+=2 z[3]=4 a b=5", "x= y= z= a b=5"),
        ("x=(1 2\n3) a", "x= a"),
        ("declare -a x=(1 \"2 3\") y", "x= declare -a 'x' y"),
        ("local x=$(a)", "local x=$(a)"),
        ("a() { b; }; function c { d; }\nfunction e() (f)", "a() (b) ; c() (d) ; e() (f)"),
        ("a ()\n{\nb\n} >c", "a() (b) >c"),
    ]);
}

#[test]
fn quotes_and_escapes() {
    reads(&[
        ("'a b'\"c d\"e\\ f", "'a b''c d'e' 'f"),
        ("\"a\\\"b\\$c\\d\"", "'a\"b$c\\d'"),
        ("$'a\\tb\\x41' $\"c\"", "'a\tbA' 'c'"),
        ("a\"\"b ''", "a''b ''"),
        ("\"$a ${b} $(c \"d e\") `f`\"", "''$a' '$b' '$(c 'd e')' '$(f)"),
        ("a$ $1 $@ ${#b} $$", "a$ $1 $@ ${b:} $$"),
        ("'it'\\''s'", "'it'''s'"),
    ]);
}

#[test]
fn substitutions() {
    reads(&[
        ("a $(b $(c) | d) `e \\`f\\``", "a $(b $(c) | d) $(e $(f))"),
        ("a <(b) >(c) $(<d)", "a <(b) >(c) $(<d)"),
        ("$((1 + (2)))$(( $(a) ))", "?$(a)?"),
        ("$((a) | (b))", "$((a) | (b))"),
        ("((a = 1)) && b", "':' ? ; b"),
        ("${ a; }${| b; }", "$(a)$(b)"),
        ("$(case a in b) c;; (d) e;; esac)", "$((':' a ; c ; e))"),
        ("a$(b;)c", "a$(b)c"),
    ]);
}

#[test]
fn what_is_done_with_a_value_is_kept_where_it_runs_something() {
    reads(&[
        ("${a:-$(b)} ${a:=b} ${a-c}", "${a:$(b)} ${a:b} ${a:c}"),
        ("${a:?$(b)} ${a?b}", "${a:$(b)} ${a:b}"),
        ("${a:1:2} ${a: -1}", "${a:1,2} ${a: -1}"),
        ("${a#b} ${a%%$(c)} ${a/x/$(d)}", "${a:b} ${a:$(c)} ${a:x,$(d)}"),
        ("${a[1]} ${a[@]} ${a[$(b)]} ${a[0]:-$(c)}", "${a:} ${a:} ${a:$(b)} ${a:0,:-$(c)}"),
        ("\"${a:-\"b c\"}\" \"${a#'}'}\" \"${a:-'}\"", "''${a:'b c'} ''${a:'}'} ''${a:'}"),
        ("x[$(a)]=b", "x="),
        ("${!a} ${a@Q} ${a^^} ${a,}", "${a:} ${a:} ${a:} ${a:}"),
    ]);
}

#[test]
fn compound_commands() {
    reads(&[
        ("if a; then b; elif c; then d; else e; fi >f", "(a ; b ; c ; d ; e) >f"),
        ("while a; do b; done | c", "(a ; b) | c"),
        ("until a\ndo b\ndone", "(a ; b)"),
        ("for x in a $b; do c; done", "for x:2 (c)"),
        ("for x do a; done", "for x:0 (a)"),
        ("for x in a b; { c; }", "for x:2 (c)"),
        ("for ((i=0; i<$(a); i++)); do b; done", "(':' $(a)? ; b)"),
        ("select x in a; do b; done", "for x:1 (b)"),
        ("{ a; b; } && (c; d)", "(a ; b) ; (c ; d)"),
        ("case $x in a|b) c; d;; (e) f;& *) g;;& esac; h", "(':' $x ; c ; d ; f ; g) ; h"),
        ("case x in $(a)) b;; esac", "(':' x ; ':' $(a) ; b)"),
        ("case x in\n  a |\n  b)\n    c ;;\nesac\nd", "(':' x ; c) ; d"),
        ("[[ a == b && ( c || ! d ) ]] && e", "[[ a == b c ! d ]] ; e"),
        ("[[ a\n&& b ]]\nc", "[[ a b ]] ; c"),
        ("[[ a &&\n\nb ]]\nc", "[[ a b ]] ; c"),
        ("[[ $x =~ ^(a|b)$ ]]; c", "[[ $x =~ ^ a b $ ]] ; c"),
        ("coproc a; b", "a ; b"),
        ("echo if then fi done", "echo if then fi done"),
        ("rm !(a|b) @(c) x?(y)", "rm !(a|b) @(c) x?(y)"),
    ]);
}

#[test]
fn redirections_and_here_documents() {
    reads(&[
        ("a >b 2>>c <d &>e 2>&1 >&f <>g >|h {x}>i", "a >b >>c <d >e >&1 >f <g >h >i"),
        ("cat <<E\na $b\nE\nc", "cat <<'a '$b'\n' ; c"),
        ("cat <<'E'\na $b\nE\nc", "cat <<'a $b\n' ; c"),
        ("cat <<\\E\na $b\nE\nc", "cat <<'a $b\n' ; c"),
        ("cat <<-E\n\ta\n\tE\nc", "cat <<'a\n' ; c"),
        ("a <<E | b <<F; c\n1\nE\n2\nF\nd", "a <<'1\n' | b <<'2\n' ; c ; d"),
        ("cat <<\"E F\"\nE\nE F\nc", "cat <<'E\n' ; c"),
        ("cat <<$x\na\n$x\nc", "cat <<'a\n' ; c"),
        ("x=$(cat <<E\na\nE\n); b", "x= ; b"),
        ("x=$(cat <<E\na\nE)\nb", "x= ; b"),
        ("a <<<\"b $c\"", "a <<'b '$c"),
        ("a > \\\n b c", "a c >b"),
        ("cat <<E\r\na\r\nE\r\nb\r\n", "cat <<'a\r\n' ; b"),
    ]);
}

#[test]
fn a_line_that_only_looks_like_the_end_of_a_here_document_hides_nothing() {
    // In a text with other line ends, `E` and a return are not the end: what stands
    // between is data, and the quote in it does not swallow what is run behind.
    assert_eq!(
        told("cat <<E\nE\r\n'\nE\ncurl u | sh\n"),
        "cat <<'E\r\n\\'\n' ; curl u | sh".replace("\\'", "'")
    );
    assert_eq!(told("cat <<E\nE \n'\nE\nb\n"), "cat <<'E \n'\n' ; b");
}

#[test]
fn what_follows_nonsense_is_still_found() {
    for text in
        ["fi; b", ") b", "} ; b", ";; b", "done\nb", "| b", "&& b", "< | b", "esac; b", "a <; b", "[[ x\nb"]
    {
        let shown = told(text);
        assert!(shown.split([' ', ';', '|']).any(|one| one == "b"), "{text}: {shown}");
    }
    for text in [
        "if a; then b",
        "while a; do b",
        "{ b",
        "( b",
        "case x in a) b",
        "f() { b",
        "a $(b",
        "a `b",
        "a \"$(b)",
        "a ${x:-$(b)",
    ] {
        let shown = told(text);
        assert!(shown.contains('b'), "{text}: {shown}");
        assert!(read(text).faults.iter().any(|(fault, _)| *fault == Fault::Open), "{text}");
    }
}

#[test]
fn places_are_those_of_the_text() {
    let text = "a; curl x | sh # y";
    let reading = read(text);
    let spans: Vec<&str> =
        reading.script.0.iter().map(|one| text[one.span.start..one.span.end].trim()).collect();
    assert_eq!(spans, ["a", "curl x | sh # y"]);
    let Body::Simple { words, .. } = &reading.script.0[1].stages[0].body else { panic!() };
    assert_eq!(&text[words[1].span.start..words[1].span.end], "x");
}
