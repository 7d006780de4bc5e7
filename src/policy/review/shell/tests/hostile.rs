//! Texts that are made to exhaust whoever reads them.

use super::super::budget::{Budget, KEPT};
use super::super::machine::{Machine, STEPS};
use super::super::read::read;
use super::super::tree::Fault;

/// Reads and follows it: what that takes is counted, and what is quadratic in its
/// reader takes an hour, which whoever waits will see.
fn follows(name: &str, text: &str) {
    let reading = read(text);
    let mut machine = Machine::default();
    machine.follow(&reading.script);
    let spent = machine.budget;
    let trace = machine.take();
    assert!(spent.read <= text.len(), "{name}: {spent:?}");
    assert!(spent.spent <= Budget::limit(spent.read) + OVER || trace.cut, "{name}: {spent:?}");
    assert!(spent.spent <= 2 * Budget::limit(spent.read) + OVER, "{name}: {spent:?}");
    assert!(spent.kept <= KEPT && trace.events.len() <= STEPS, "{name}: {spent:?}");
}

/// What one step that was begun may spend beyond the limit.
const OVER: usize = 16 * 1024 * 1024;

#[test]
fn each_construct_nested_thirty_thousand_times() {
    const MANY: usize = 30_000;
    for (before, inside, after) in [
        ("(", "a", ")"),
        ("{ ", "a;", "};"),
        ("$(", "a", ")"),
        ("a $(", "b", ")"),
        ("\"$(", "a", ")\""),
        ("<(", "a", ")"),
        ("`", "a", "`"),
        ("${a:-", "b", "}"),
        ("\"${a:-", "b", "}\""),
        ("${a[", "b", "]}"),
        ("${a/$(", "b", ")/x}"),
        ("$((", "1", "))"),
        ("((", "1", "))"),
        ("if a; then ", "b;", " fi;"),
        ("while a; do ", "b;", " done;"),
        ("for a in b; do ", "c;", " done;"),
        ("case a in b) ", "c", ";; esac;"),
        ("a() { ", "b;", "};"),
        ("function a { ", "b;", "};"),
        ("[[ ( ", "a", " ) ]]"),
        ("! ", "a", ""),
        ("time ", "a", ""),
        ("{a,", "b", "}"),
        ("a @(", "b", ")"),
        ("x[$(", "a", ")]=b"),
        ("x=(", "a", ")"),
        ("cat <<E\n$(", "a", ")\nE\n"),
        ("eval \"", "a", "\""),
        ("sudo ", "a", ""),
        ("${ ", "a;", "}"),
    ] {
        follows(before, &(before.repeat(MANY) + inside + &after.repeat(MANY)));
        follows(before, &before.repeat(MANY));
        follows(after, &after.repeat(MANY));
    }
    assert!(read(&"(".repeat(MANY)).faults.iter().any(|(fault, _)| *fault == Fault::Deep));
}

#[test]
fn a_quarter_of_a_mebibyte_of_each_sign_and_of_pairs_of_them() {
    const SIGNS: &[&str] = &[
        "a",
        " ",
        "\n",
        "\r",
        "\t",
        ";",
        "|",
        "&",
        "<",
        ">",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "'",
        "\"",
        "`",
        "$",
        "\\",
        "#",
        "!",
        "=",
        "~",
        "*",
        "?",
        "<<",
        "<<E\n",
        "<<<",
        ">&",
        "((",
        "))",
        "$(",
        "${",
        "$((",
        "[[",
        "]]",
        ";;",
        "&&",
        "||",
        "é",
        "0",
        "\0",
        "a=",
        "a[",
        "@(",
        "<(",
        "case ",
        " in ",
        "for ",
        "if ",
        "then ",
        "do ",
        "done ",
        "fi ",
        "esac ",
        "function ",
        "\\\n",
        "$'",
        "{a,b}",
        "a=(",
    ];
    for one in SIGNS {
        follows(one, &one.repeat((1 << 18) / one.len()));
    }
    for (index, one) in SIGNS.iter().enumerate() {
        let other = SIGNS[(index * 7 + 3) % SIGNS.len()];
        follows(
            &format!("{one}{other}"),
            &format!("{one}{other}").repeat((1 << 16) / (one.len() + other.len())),
        );
    }
}

#[test]
fn values_that_grow_and_commands_that_call_themselves() {
    let lines = |line: &str| line.repeat((1 << 19) / line.len());
    follows("doubling", &("a=xxxxxxxxxxxxxxxx\n".to_owned() + &lines("a=$a$a\n")));
    follows(
        "doubling and said",
        &("a=x\n".to_owned() + &"a=$a$a\n".repeat(30) + &lines("echo $a$a $a $a\n")),
    );
    follows("many words", &("a='x x'\n".to_owned() + &"a=\"$a $a\"\n".repeat(20) + &lines("echo $a $a\n")));
    follows("a list", &("a=(x)\n".to_owned() + &"a+=(\"${a[@]}\")\n".repeat(1000)));
    follows("function", "f() { f; f; }; f");
    follows("functions", "f() { g; g; }; g() { f; f; }; f");
    follows("function with output", "f() { x=$(f)$(f); echo $x$x; }; f");
    follows("alias", "alias a='a a'; a; alias b='c'; alias c='b'; b");
    follows("eval", "x='eval \"$x\"; eval \"$x\"'; eval \"$x\"");
    follows(
        "loops",
        &("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do ".repeat(30) + "a;" + &" done;".repeat(30)),
    );
    follows("braces", &("echo ".to_owned() + &"{a,b}".repeat(100_000)));
    follows("braces in braces", &("echo ".to_owned() + &"{{a,b},{c,d}}".repeat(10_000)));
    follows("braces far", &("echo ".to_owned() + &"{a".repeat(200_000)));
    follows("here", &lines("cat <<E\nx $(a)\nE\n"));
    follows(
        "here announced",
        &("cat ".to_owned() + &"<<E ".repeat(200_000) + "\n" + &"x\nE\n".repeat(200_000)),
    );
    follows("pipes", &("a".to_owned() + &" | cat".repeat(100_000)));
    follows("printf", &("printf '".to_owned() + &"%s".repeat(100_000) + "' " + &"a ".repeat(100_000)));
    follows(
        "patterns",
        "a=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; *a*b*c*d*e*f*g*h*i*j*k*l*m*n*o*p*q*r*s*t*u*v*w*x*y*z x",
    );
    follows("decoding", &("x=bHM=\n".to_owned() + &"x=$(echo $x$x | base64 -d)\n".repeat(10_000)));
    follows("tee", &lines("echo a | tee -a f\n"));
    follows("append", &lines("echo aaaaaaaaaaaaaaaa >> f; cat f\n"));
    follows("xargs", &("echo ".to_owned() + &"a ".repeat(100_000) + "| xargs " + &"b ".repeat(100_000)));
    follows("replace", &("a=xxxx\n".to_owned() + &lines("a=${a//x/xx}\n")));
}

/// Numbers in no order, the same ones at each run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// Whatever is put together of the grammar's pieces is read to its end: a command
/// behind it is found, unless a quote or the like holds it, which is told.
#[test]
fn nothing_is_passed_over_in_silence() {
    const PARTS: &[&str] = &[
        "a",
        "b c",
        " ",
        "\n",
        ";",
        "|",
        "&&",
        "(",
        ")",
        "{ ",
        "; }",
        "$(",
        "`",
        "'",
        "\"",
        "${a",
        "}",
        "if ",
        "; then ",
        "; fi",
        "case x in ",
        "a) ",
        ";;",
        " esac",
        "<<E\n",
        "E\n",
        ">",
        "[[ ",
        " ]]",
        "\\",
        "#",
        "x=",
        "f() ",
        "for i in ",
        "; do ",
        "; done",
        "((",
        "))",
        "x[",
        "]=",
        ":-",
        "/",
        "$'",
        "@(",
        "<(",
        "é",
        "\r\n",
        "\t",
    ];
    let mut seeded = Seeded(0x9e37_79b9_7f4a_7c15);
    for _ in 0..20_000 {
        let count = seeded.below(30);
        let text: String = (0..count).map(|_| PARTS[seeded.below(PARTS.len())]).collect();
        let text = text + "\n\nmarker end\n";
        let reading = read(&text);
        let shown = format!("{:?}", reading.script);
        assert!(shown.contains("Plain(\"marker\")") || !reading.faults.is_empty(), "{text}\n{reading:?}");
        let mut machine = Machine::default();
        machine.follow(&reading.script);
        let _ = machine.take();
    }
}
