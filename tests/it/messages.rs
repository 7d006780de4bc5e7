//! Every refusal and every failure says what to do next.

use skill_trust::model::code::{Code, Stop};
use skill_trust::model::digest::Digest;
use skill_trust::model::skill::{Revision, SkillName};
use skill_trust::ops::gate;

/// Stops made with nothing to do next: file and code, with the reason here.
/// A bug gets its next line from [`Stop::new`].
const SILENT: &[(&str, &str)] = &[];

/// Every call of `Stop::new` in a text, with the line it stands on.
fn stops(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("Stop::new(") {
        let (mut depth, mut quoted, mut skip) = (0, false, false);
        let rest = &text[at..];
        let end = rest.char_indices().find(|(_, c)| {
            match c {
                _ if skip => skip = false,
                '\\' if quoted => skip = true,
                '"' => quoted = !quoted,
                '(' if !quoted => depth += 1,
                ')' if !quoted => depth -= 1,
                _ => {}
            }
            *c == ')' && depth == 0 && !quoted
        });
        let end = end.map_or(rest.len(), |(end, _)| end);
        let call = rest[..end].split_whitespace().collect::<Vec<_>>().join(" ");
        found.push((text[..at].matches('\n').count() + 1, call));
    }
    found
}

fn is_silent(call: &str) -> bool {
    let call = call.trim_end().trim_end_matches(',');
    call.ends_with(", \"\"") && !call.contains("Code::Internal")
}

#[test]
fn no_stop_leaves_a_person_without_a_way_on() {
    let (mut calls, mut faults) = (0, Vec::new());
    for path in crate::readme::files("src", &[".rs"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let file = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
        for (line, call) in stops(text) {
            calls += 1;
            let known = SILENT.iter().any(|(known, code)| *known == file && call.contains(code));
            if is_silent(&call) && !known {
                faults.push(format!("{file}:{line}: {call})"));
            }
        }
    }
    assert!(calls > 100, "{calls}");
    assert!(faults.is_empty(), "say what to do next, or put it into SILENT:\n{}", faults.join("\n"));
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let text = "fn f() {\n  Stop::new(Code::Io, format!(\"a) {}\", b()), \"\");\n Stop::new(\n Code::Io,\n \"x\",\n \"\",\n )\n}";
    let found = stops(text);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|(_, call)| is_silent(call)), "{found:?}");
    assert_eq!(found[0].0, 2);
    assert!(!is_silent("Stop::new(Code::Io, x, \"run: skills doctor\""));
}

#[test]
fn each_code_of_a_gates_no_has_its_remedy_and_a_bug_says_whom_to_tell() {
    let digest = Digest::from_hex("0".repeat(64).as_str()).unwrap();
    let revision = Revision { name: SkillName::parse("pdf").unwrap(), digest };
    for code in Code::ALL {
        assert!(!gate::remedy(*code, &revision).is_empty(), "{code}");
    }
    assert!(Stop::new(Code::Internal, "BUG: x", "").next.contains("report"));
    assert_eq!(Stop::new(Code::Declined, "x", "").next, "");
}
