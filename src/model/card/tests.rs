use super::*;
use proptest::prelude::*;

/// A file around the given front matter lines.
fn file(front: &str) -> Vec<u8> {
    format!("---\n{front}---\n# Body\n").into_bytes()
}

fn accepted(front: &str) -> Card {
    Card::parse(&file(front)).unwrap_or_else(|faults| panic!("{front}\n{faults:?}"))
}

fn refused(bytes: &[u8]) -> Vec<CardRule> {
    match Card::parse(bytes) {
        Ok(card) => panic!("accepted: {}\n{card:?}", String::from_utf8_lossy(bytes)),
        Err(faults) => faults.iter().map(|fault| fault.rule).collect(),
    }
}

fn kinds(card: &Card) -> Vec<NoteKind> {
    card.notes.iter().map(|note| note.kind).collect()
}

const PLAIN: &str = "name: pdf-forms\ndescription: Fills forms.\n";

#[test]
fn a_card_by_the_specification_has_no_notes() {
    let card = accepted(
        "name: pdf-forms\ndescription: >-\n  Fills forms.\n  Use it for PDF.\nlicense: MIT\n\
         compatibility: Needs python\nmetadata:\n  author: ana\n  version: \"1.10\"\n",
    );
    assert_eq!(card.name.as_ref().map(SkillName::as_str), Ok("pdf-forms"));
    assert_eq!(card.description, "Fills forms. Use it for PDF.");
    assert_eq!(card.license.as_deref(), Some("MIT"));
    assert_eq!(card.compatibility.as_deref(), Some("Needs python"));
    assert_eq!(card.version.as_deref(), Some("1.10"));
    assert_eq!(card.metadata["author"], "ana");
    assert_eq!((card.body_line, card.notes.as_slice()), (12, [].as_slice()));
}

#[test]
fn forms_of_text_that_are_accepted() {
    for (form, value) in [
        ("\"foo: bar # x\"", "foo: bar # x"),
        ("'it''s: fine'", "it's: fine"),
        ("\"a \\\"b\\\" c\"", "a \"b\" c"),
        ("see https://example.com/a#b", "see https://example.com/a#b"),
        ("C# and F#", "C# and F#"),
        ("one\n  two\n  three", "one two three"),
        ("\"one\n  two\"", "one two"),
        ("|\n  name: evil\n  - x", "name: evil\n- x"),
        (">\n  &a *b !c\n\n  d", "&a *b !c\nd"),
        ("\n  on the next line", "on the next line"),
        ("say *this* & that!", "say *this* & that!"),
        ("日本語 \u{2615}\u{fe0f} 👩\u{200d}💻", "日本語 \u{2615}\u{fe0f} 👩\u{200d}💻"),
        ("می\u{200c}خواهم", "می\u{200c}خواهم"),
    ] {
        assert_eq!(accepted(&format!("name: a\ndescription: {form}\n")).description, value, "{form}");
    }
}

#[test]
fn every_rule_by_its_smallest_card() {
    use CardRule as R;
    let cases: &[(&str, R)] = &[
        ("name: a\ndescription: Use when: it rains\n", R::ColonInText),
        ("name: a\ndescription: one\n  two: three\n", R::ColonInText),
        ("name: a\ndescription: ends with:\n", R::ColonInText),
        ("name: a\ndescription: cut # here\n", R::CommentInText),
        ("name: a # b\ndescription: x\n", R::CommentInText),
        ("name: yes\ndescription: x\n", R::NotText),
        ("name: 1e3\ndescription: x\n", R::NotText),
        ("name: ~\ndescription: x\n", R::NotText),
        ("name:\ndescription: x\n", R::NotText),
        ("name: 2\ndescription: x\n", R::NotText),
        ("name: 0x1f\ndescription: x\n", R::NotText),
        ("name: 2024-01-31\ndescription: x\n", R::NotText),
        ("name: a\ndescription: true\n", R::NotText),
        ("name: a\ndescription: [x]\n", R::NotScalar),
        ("name: {a: b}\ndescription: x\n", R::NotScalar),
        ("name: \"p\\x64f\"\ndescription: x\n", R::NameForm),
        ("name: |-\n  pdf\ndescription: x\n", R::NameForm),
        ("name: a\n  b\ndescription: x\n", R::NameForm),
        ("name: a\n", R::NoDescription),
        ("name: a\ndescription:\n", R::NoDescription),
        ("name: a\ndescription: \"  \"\n", R::NoDescription),
        ("name: a\nname: b\ndescription: x\n", R::DuplicateKey),
        ("name: a\nName: b\ndescription: x\n", R::DuplicateKey),
        ("name: a\ndescription: x\nmetadata:\n  k: 1\n  k: 2\n", R::DuplicateKey),
        ("name: &x a\ndescription: x\n", R::Anchor),
        ("name: a\ndescription: *x\n", R::Alias),
        ("name: a\ndescription: x\ntools:\n  - *x\n", R::Alias),
        ("name: a\ndescription: x\ntools: [a, *x]\n", R::Alias),
        ("name: !!str a\ndescription: x\n", R::Tag),
        ("name: a\ndescription: x\nmetadata: {k: !include y}\n", R::Tag),
        ("name: a\ndescription: x\nmetadata:\n  <<: {k: v}\n", R::MergeKey),
        ("name: a\ndescription: x\nmetadata: { <<: {k: v}}\n", R::MergeKey),
        ("? name\n: a\ndescription: x\n", R::ComplexKey),
        ("name: a\ndescription: x\n[k]: v\n", R::Unindented),
        ("name: a\ndescription: x\nmetadata: {\"a\n  b\": v}\n", R::ComplexKey),
        ("\"name\": a\ndescription: x\n", R::OddKey),
        ("name : a\ndescription: x\n", R::OddKey),
        ("n\u{430}me: a\ndescription: x\n", R::OddKey),
        ("name: a\ndescription: x\non: push\n", R::OddKey),
        ("name: a\ndescription: \"x\nname: evil\n  y\"\n", R::Unindented),
        ("name: a\ndescription: x\nmetadata: {\nk: v\n}\n", R::Unindented),
        ("name: a\ndescription: x\njust words\n", R::Unindented),
        ("name: a\ndescription: x\nmetadata:\n\tk: v\n", R::TabIndent),
        ("%YAML 1.2\nname: a\ndescription: x\n", R::Directive),
        ("name: a\n...\ndescription: x\n", R::Fence),
        ("name: a\n--- \ndescription: x\n", R::Fence),
        ("name: a\ndescription: |\n  x\n  ---\n  y\n", R::Fence),
        ("name: a\n-----\ndescription: x\n", R::Fence),
        ("name: a\ndescription: x\u{202e}y\n", R::Hidden),
        ("name: a\ndescription: x\u{200b}y\n", R::Hidden),
        ("name: a\ndescription: x\u{200d}y\n", R::Hidden),
        ("name: a\ndescription: x\u{e0041}\n", R::Hidden),
        ("name: a\ndescription: x\u{1b}[2K\n", R::Hidden),
        ("name: a\ndescription: x\u{0}\n", R::Hidden),
        ("name: a\ndescription: \"x\\u202ey\"\n", R::Hidden),
        ("name: a\ndescription: x\nmetadata: {k: \"\\e[2K\"}\n", R::Hidden),
        ("name: a\ndescription: \"x\n", R::Syntax),
        ("name: a\ndescription: x\nmetadata: {a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}}\n", R::TooDeep),
        ("# nothing\n", R::Syntax),
    ];
    for (front, rule) in cases {
        let found = refused(&file(front));
        assert!(found.contains(rule), "{front}: {found:?}");
    }
}

#[test]
fn the_frame_is_exact() {
    use CardRule as R;
    let text = |text: &str| text.as_bytes().to_vec();
    for (bytes, rule) in [
        (b"---\nname: \xff\n---\n".to_vec(), R::NotUtf8),
        (b"---\nname: a\ndescription: x\n---\nbody \xff\n".to_vec(), R::NotUtf8),
        (text("\u{feff}---\nname: a\n---\n"), R::ByteOrderMark),
        (text(""), R::NoStart),
        (text("# Title\n"), R::NoStart),
        (text("\n---\nname: a\n---\n"), R::NoStart),
        (text("--- \nname: a\n---\n"), R::NoStart),
        (text("---"), R::NoStart),
        (text("---\nname: a\ndescription: x\n"), R::NoEnd),
        (text("---\nname: a\ndescription: x\n ---\n"), R::NoEnd),
        (text("---\nname: a\r\ndescription: x\n---\n"), R::LineEnds),
        (text("---\r\nname: a\ndescription: x\r\n---\r\n"), R::LineEnds),
        (text("---\nname: a\rb\ndescription: x\n---\n"), R::Hidden),
        (text("---\r\nname: a\r\r\ndescription: x\r\n---\r\n"), R::Hidden),
        (text(&format!("---\n{}---\n", "# x\n".repeat(20_000))), R::TooLarge),
    ] {
        assert_eq!(refused(&bytes), [rule], "{}", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
    }
    let card = Card::parse(b"---\r\nname: a\r\ndescription: x\r\n---\r\nbody\r\n").unwrap();
    assert_eq!((card.description.as_str(), kinds(&card)), ("x", vec![NoteKind::CarriageReturns]));
    let card = Card::parse(b"---\nname: a\ndescription: x\n---").unwrap();
    assert_eq!(kinds(&card), [NoteKind::NoBody]);
}

/// Who skips to a line `---` finds no end, or another one, in a file that others end here.
#[test]
fn attack_a_last_line_that_ends_in_another_way() {
    for bytes in ["---\nname: a\ndescription: x\n---\r\n", "---\r\nname: a\r\ndescription: x\r\n---\n"] {
        assert_eq!(refused(bytes.as_bytes()), [CardRule::LineEnds], "{bytes:?}");
        assert_eq!(refused(format!("{bytes}body").as_bytes()), [CardRule::LineEnds], "{bytes:?}");
    }
    for bytes in ["---\nname: a\ndescription: x\n---", "---\r\nname: a\r\ndescription: x\r\n---"] {
        Card::parse(bytes.as_bytes()).unwrap();
    }
}

#[test]
fn a_bad_or_missing_name_leaves_the_choice_to_a_person() {
    for (front, raw) in [
        ("name: PDF Forms\ndescription: x\n", Some("PDF Forms")),
        ("name: \"\"\ndescription: x\n", Some("")),
        ("name: a--b\ndescription: x\n", Some("a--b")),
        ("description: x\n", None),
    ] {
        let card = accepted(front);
        assert_eq!(card.raw_name.as_deref(), raw);
        assert!(card.name.is_err());
        assert_eq!(kinds(&card), [NoteKind::Name]);
    }
    assert_eq!(accepted("name: '2'\ndescription: x\n").name.unwrap().as_str(), "2");
}

#[test]
fn tools_in_every_form_that_is_found() {
    let tools = ["Bash(git add:*)", "Read"];
    for (front, form) in [
        ("allowed-tools: Bash(git add:*) Read\n", false),
        ("allowed-tools: \"Bash(git add:*) Read\"\n", false),
        ("allowed-tools: Bash(git add:*), Read\n", true),
        ("allowed-tools: [\"Bash(git add:*)\", Read]\n", true),
        ("allowed-tools:\n- Bash(git add:*)\n- Read\n", true),
    ] {
        let card = accepted(&format!("{PLAIN}{front}"));
        assert_eq!(card.allowed_tools, tools, "{front}");
        assert_eq!(kinds(&card).contains(&NoteKind::ToolsForm), form, "{front}");
        assert!(kinds(&card).contains(&NoteKind::Risky));
    }
}

#[test]
fn extensions_are_kept_as_written_and_the_risky_ones_marked() {
    let card = accepted(&format!(
        "{PLAIN}version: 1.10\nmetadata:\n  n: 1.0\n  openclaw: {{\"install\": [{{\"kind\": brew, n: 1.10}}], \"os\":null}}\n\
         hooks:\n  Stop: [x]\nauthor: ana\n"
    ));
    assert_eq!(card.version.as_deref(), Some("1.10"));
    assert_eq!(card.metadata["n"], "1.0");
    let expected = [
        ("metadata.openclaw", r#"{"install":[{"kind":"brew","n":1.10}],"os":null}"#),
        ("hooks", r#"{"Stop":["x"]}"#),
        ("author", r#""ana""#),
    ];
    let found: Vec<_> = card.extensions.iter().map(|(key, json)| (key.as_str(), json.as_str())).collect();
    assert_eq!(found, expected);
    let notes: Vec<_> = card.notes.iter().map(|note| (note.line, note.kind, note.about.as_str())).collect();
    assert_eq!(
        notes,
        [
            (4, NoteKind::Untyped, "version: 1.10"),
            (6, NoteKind::Untyped, "n: 1.0"),
            (7, NoteKind::Shape, "metadata.openclaw"),
            (7, NoteKind::Risky, "metadata.openclaw.install"),
            (8, NoteKind::Risky, "hooks"),
            (10, NoteKind::Extension, "author"),
        ]
    );
}

#[test]
fn lengths_over_the_specification_are_noted() {
    let long = "é".repeat(DESCRIPTION_MAX);
    assert_eq!(kinds(&accepted(&format!("name: a\ndescription: {long}\n"))), []);
    let card = accepted(&format!("name: a\ndescription: {long}x\ncompatibility: {}\n", "y".repeat(501)));
    assert_eq!(kinds(&card), [NoteKind::LongDescription, NoteKind::LongCompatibility]);
}

#[test]
fn a_fault_names_line_rule_and_way_out_in_escaped_text() {
    let faults = Card::parse(&file("name: a\ndescription: Use when: \u{1b}[2Kx\n")).unwrap_err();
    let shown: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown[0],
        "line 3: `: Use when: \\u{1b}[2Kx`: holds a hidden or control character; remove it [card-hidden-character]"
    );
    assert!(shown[1].starts_with("line 3: `Use when: \\u{1b}[2Kx`: unquoted text with a colon"), "{shown:?}");
    assert!(shown[1].ends_with("put the value in quotes [card-colon]"), "{shown:?}");
}

#[test]
fn codes_are_distinct() {
    let mut codes: Vec<_> = CardRule::ALL.iter().map(|rule| rule.code()).collect();
    codes.extend(NoteKind::ALL.iter().map(|kind| kind.code()));
    let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
    assert_eq!(distinct.len(), codes.len());
}

#[test]
fn hostile_sizes_end_soon() {
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (one, two) in ('a'..='y').zip('b'..='z') {
        bomb.push_str(&format!("{two}: &{two} [*{one},*{one},*{one},*{one},*{one},*{one}]\n"));
    }
    let nested = format!("{PLAIN}x: {}\n", "[".repeat(60_000));
    let keys: String = (0..9_000).map(|at| format!("k{at:x}:\n")).collect();
    for front in [bomb, nested, format!("{PLAIN}x: {}\n", "a,".repeat(30_000)), "\"".repeat(60_000), keys] {
        let start = std::time::Instant::now();
        let _ = Card::parse(&file(&front));
        assert!(start.elapsed().as_millis() < 2_000, "{}", &front[..20]);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Card::parse(&bytes);
    }

    #[test]
    fn no_text_makes_it_panic_or_slips_hidden_text_through(
        front in "(name|description|metadata|x|  y|- |[\"'|>&*!?{}\\[\\],:#~% \n\t\r\\\\a-c\u{202e}\u{200d}👩é-]){0,60}"
    ) {
        match Card::parse(&file(&front)) {
            Ok(card) => {
                let text = format!("{:?}{}", card.raw_name, card.description.replace(['\n', '\t'], ""));
                prop_assert!(!text.contains('\u{202e}'), "hidden");
                prop_assert!(!card.description.is_empty());
            }
            Err(faults) => {
                prop_assert!(!faults.is_empty());
                let lines = file(&front).iter().filter(|c| **c == b'\n').count();
                for fault in faults {
                    prop_assert!((1..=lines + 1).contains(&fault.line), "{fault}");
                    prop_assert!(!fault.to_string().chars().any(text::is_hidden));
                }
            }
        }
    }

    #[test]
    fn accepted_cards_have_the_keys_that_a_line_reader_sees(
        front in "(name: a\n|description: [a-z\"'|>: ]{0,8}\n|  [a-z:\"' -]{0,8}\n|[a-c]: [a-z\"'\\[{&|]{0,4}\n|- x\n){1,8}"
    ) {
        if let Ok(card) = Card::parse(&file(&front)) {
            let seen = front.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())).count();
            let named = usize::from(card.raw_name.is_some());
            prop_assert_eq!(seen, card.extensions.len() + 1 + named, "{}", front);
        }
    }
}
