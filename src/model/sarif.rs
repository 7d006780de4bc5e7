//! What another scanner found, out of a SARIF 2.1.0 file.
//!
//! Read: which tool, which rule, how heavy, the words, and the first place. All
//! else is left alone. Everything is text of strangers: the tool's, and through
//! its messages the skill's author's.
//!
//! A result that its tool suppressed is taken all the same. Attack: `# nosec` in
//! the skill's own code, by which its author would decide what is found.

use super::finding::Tier;
use super::json::{Malformed, Value};
use super::text;
use std::collections::BTreeMap;

/// Results of one file that are taken.
pub const RESULTS_MAX: usize = 5_000;
/// Characters of a rule's and of a tool's name that are kept.
const NAME_MAX: usize = 80;
/// Characters of a message that are kept.
const MESSAGE_MAX: usize = 1_000;
/// Bytes of an address that are looked at.
const URI_MAX: usize = 4_096;

/// One result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// `TOOL:RULE`, escaped and bounded.
    pub rule: String,
    /// How heavy it is here: never BLOCK.
    pub tier: Tier,
    /// What it says, bounded, not escaped.
    pub message: String,
    /// Where, if it says so.
    pub at: Option<At>,
}

/// A place in a file, as another program names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// The file's path, decoded; not escaped, and never to be opened.
    pub path: String,
    /// Line and column from 1, as far as they are given.
    pub from: Option<(usize, Option<usize>)>,
    /// The same of the end; a column is one behind the last character.
    pub to: Option<(usize, Option<usize>)>,
    /// Whether columns count UTF-16 units, and not code points.
    pub utf16: bool,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Its results, in order.
    pub results: Vec<Foreign>,
    /// Names of the tools, escaped and bounded.
    pub tools: Vec<String>,
    /// Results beyond [`RESULTS_MAX`].
    pub left_off: usize,
    /// Runs that say of themselves that they failed.
    pub failed: usize,
}

/// Reads a file.
///
/// # Errors
/// [`Malformed`]: no JSON with one reading, over 4 MiB, or not SARIF 2.1.0.
pub fn read(bytes: &[u8]) -> Result<Report, Malformed> {
    // Tools of one vendor write a mark of the byte order; it says nothing.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let log = Value::evidence(bytes)?;
    let version = log.get("version").and_then(Value::as_text).unwrap_or_default();
    if version != "2.1.0" {
        let version = text::escape_short(version, 20);
        return Err(Malformed(format!("not SARIF 2.1.0: its version is `{version}`")));
    }
    let runs = log.get("runs").and_then(Value::as_list);
    let runs = runs.ok_or_else(|| Malformed("not SARIF: it has no list of runs".to_owned()))?;
    let mut out = Report::default();
    for run in runs {
        let driver = run.get("tool").and_then(|tool| tool.get("driver"));
        let named = driver.and_then(|driver| driver.get("name")).and_then(Value::as_text);
        let tool =
            text::escape_short(named.filter(|name| !name.trim().is_empty()).unwrap_or("unnamed"), NAME_MAX);
        let run = Run { value: run, driver, tool, rules: rules(driver) };
        let invocations = run.value.get("invocations").and_then(Value::as_list).unwrap_or_default();
        let failed = |one: &&Value| one.get("executionSuccessful") == Some(&Value::Bool(false));
        out.failed += usize::from(invocations.iter().any(|one| failed(&one)));
        for result in run.value.get("results").and_then(Value::as_list).unwrap_or_default() {
            if !says_something(result) {
                continue;
            }
            // Attack: as many results as four megabytes hold, each to be worked out.
            if out.results.len() < RESULTS_MAX {
                out.results.push(run.result(result));
            } else {
                out.left_off += 1;
            }
        }
        out.tools.push(run.tool);
    }
    Ok(out)
}

/// One run of a tool.
struct Run<'a> {
    value: &'a Value,
    driver: Option<&'a Value>,
    tool: String,
    /// What the tool says of its rules, by their ids.
    rules: BTreeMap<&'a str, &'a Value>,
}

/// The rules of a tool; of several with one id the first.
fn rules(driver: Option<&Value>) -> BTreeMap<&str, &Value> {
    let all = driver.and_then(|driver| driver.get("rules")?.as_list()).unwrap_or_default();
    all.iter().rev().filter_map(|rule| Some((text_of(rule, "id")?, rule))).collect()
}

/// Whether a result says that something was found.
fn says_something(result: &Value) -> bool {
    !matches!(text_of(result, "kind"), Some("pass" | "notApplicable"))
        && text_of(result, "baselineState") != Some("absent")
}

impl Run<'_> {
    /// A result.
    fn result(&self, result: &Value) -> Foreign {
        let kind = text_of(result, "kind").unwrap_or("fail");
        let rule = self.rule(result);
        let by_rule = rule.and_then(|rule| text_of(rule.get("defaultConfiguration")?, "level"));
        let tier = match (kind, text_of(result, "level").or(by_rule)) {
            ("informational", _) | ("fail", Some("note" | "none")) => Tier::Note,
            ("fail", Some("error")) => Tier::Confirm,
            _ => Tier::Warn,
        };
        let id = text_of(result, "ruleId")
            .or_else(|| text_of(result.get("rule")?, "id"))
            .or_else(|| text_of(rule?, "id"))
            .unwrap_or("unnamed");
        let name = format!("{}:{}", self.tool, text::escape_short(id, NAME_MAX));
        let message = self.message(result.get("message"), rule);
        Foreign { rule: name.replace(char::is_whitespace, "-"), tier, message, at: self.place(result) }
    }

    /// What the tool says of the rule that a result is of.
    fn rule(&self, result: &Value) -> Option<&Value> {
        let rules = self.driver?.get("rules")?.as_list()?;
        let index = result.get("ruleIndex").or_else(|| result.get("rule")?.get("index"));
        if let Some(found) = index.and_then(size).and_then(|index| rules.get(index)) {
            return Some(found);
        }
        let id = text_of(result, "ruleId").or_else(|| text_of(result.get("rule")?, "id"))?;
        self.rules.get(id).copied()
    }

    /// The words of a result, or those of its rule.
    fn message(&self, message: Option<&Value>, rule: Option<&Value>) -> String {
        let own =
            message.and_then(|message| text_of(message, "text").or_else(|| text_of(message, "markdown")));
        let by_id = || {
            let id = text_of(message?, "id")?;
            text_of(rule?.get("messageStrings")?.get(id)?, "text")
        };
        let short = || text_of(rule?.get("shortDescription")?, "text");
        let by_rule = || short().or_else(|| text_of(rule?, "name"));
        let words = own.or_else(by_id).or_else(by_rule).unwrap_or("says nothing of it");
        let given = message.and_then(|message| message.get("arguments")).and_then(Value::as_list);
        let out = filled(words, given.unwrap_or_default());
        let lines: Vec<_> = out.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines.join(" ").chars().take(MESSAGE_MAX).collect()
    }

    /// The first place that names a file.
    fn place(&self, result: &Value) -> Option<At> {
        let all = result.get("locations")?.as_list()?;
        let place = all.iter().find_map(|one| one.get("physicalLocation"))?;
        let path = self.path(place.get("artifactLocation")?)?;
        let region = place.get("region");
        let number = |name: &str| region.and_then(|region| region.get(name)).and_then(size);
        let from = number("startLine").map(|line| (line, number("startColumn")));
        let to = from.map(|(line, _)| (number("endLine").unwrap_or(line), number("endColumn")));
        // Points of code, unless the other unit is named or nothing is.
        let utf16 = text_of(self.value, "columnKind") != Some("unicodeCodePoints");
        Some(At { path, from, to, utf16 })
    }

    /// The path of a file: its address, or that of the list it is named from,
    /// below the bases that it names.
    fn path(&self, location: &Value) -> Option<String> {
        let listed = || {
            let index = location.get("index").and_then(size)?;
            self.value.get("artifacts")?.as_list()?.get(index)?.get("location")
        };
        let mut location = if text_of(location, "uri").is_some() { location } else { listed()? };
        let mut path = decoded(text_of(location, "uri")?)?;
        // A base may have a base; a circle of them ends.
        for _ in 0..4 {
            let base =
                text_of(location, "uriBaseId").and_then(|id| self.value.get("originalUriBaseIds")?.get(id));
            let Some(base) = base.filter(|_| !path.starts_with('/')) else { break };
            if let Some(uri) = text_of(base, "uri") {
                path = format!("{}/{path}", decoded(uri)?.trim_end_matches('/'));
            }
            location = base;
        }
        Some(path)
    }
}

/// Words with `{0}` and so on filled in from a list.
///
/// Attack: `{0}` many times, filled in by `{1}` many times, and so on: ten rounds
/// of that are more than any memory. What was filled in is not looked at again,
/// and nothing is written beyond what is kept.
fn filled(words: &str, given: &[Value]) -> String {
    let (mut out, mut left, mut rest) = (String::new(), MESSAGE_MAX, words);
    while left > 0
        && let Some(first) = rest.chars().next()
    {
        let number =
            rest.strip_prefix('{').and_then(|rest| rest[..rest.floor_char_boundary(4)].split_once('}'));
        let number =
            number.map(|(number, _)| number).filter(|number| number.bytes().all(|c| c.is_ascii_digit()));
        let value = number.and_then(|number| Some((given.get(number.parse::<usize>().ok()?)?, number)));
        let (part, length) = match value {
            Some((value, number)) => (value.as_text().unwrap_or_default(), number.len() + 2),
            None => (&rest[..first.len_utf8()], first.len_utf8()),
        };
        let before = out.len();
        out.extend(part.chars().take(left.min(200)));
        left -= out[before..].chars().count();
        rest = &rest[length..];
    }
    out
}

fn text_of<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_text)
}

fn size(value: &Value) -> Option<usize> {
    if let Value::Int(number) = value { usize::try_from(*number).ok() } else { None }
}

/// The path that an address of this machine names: `file:` or none before it,
/// `%41` decoded. `None` for what names no file here.
fn decoded(uri: &str) -> Option<String> {
    let uri = uri.get(..uri.len().min(URI_MAX)).filter(|kept| kept.len() == uri.len())?;
    let path = match uri.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => match rest.strip_prefix("//") {
            Some(rest) => rest.strip_prefix("localhost").filter(|rest| rest.starts_with('/')).unwrap_or(rest),
            None => rest,
        },
        Some((scheme, _)) if scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            return None;
        }
        _ => uri,
    };
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        if byte == b'%' {
            let (high, low) = (hex(bytes.next())?, hex(bytes.next())?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok().filter(|path| !path.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(run: &str) -> Result<Report, Malformed> {
        read(format!(r#"{{"version":"2.1.0","runs":[{run}]}}"#).as_bytes())
    }

    fn results(results: &str) -> Vec<Foreign> {
        let run = format!(
            r#"{{"tool":{{"driver":{{"name":"other","rules":[
                {{"id":"R0","shortDescription":{{"text":"short"}}}},
                {{"id":"R1","defaultConfiguration":{{"level":"error"}},
                  "messageStrings":{{"m":{{"text":"uses {{0}} and {{1}}"}}}}}}]}}}},
               "originalUriBaseIds":{{"ROOT":{{"uri":"file:///repo/"}},"SUB":{{"uri":"sub/","uriBaseId":"ROOT"}},
                 "LOOP":{{"uri":"x/","uriBaseId":"LOOP"}}}},
               "artifacts":[{{"location":{{"uri":"listed.py"}}}}],
               "results":[{results}]}}"#
        );
        log(&run).unwrap().results
    }

    fn one(result: &str) -> Foreign {
        let found = results(result);
        assert_eq!(found.len(), 1, "{result}");
        found.into_iter().next().unwrap()
    }

    #[test]
    fn levels_become_tiers_and_none_blocks() {
        for (result, tier) in [
            (r#""level":"error""#, Tier::Confirm),
            (r#""level":"warning""#, Tier::Warn),
            (r#""level":"note""#, Tier::Note),
            (r#""level":"none""#, Tier::Note),
            (r#""level":"fatal""#, Tier::Warn),
            (r#""ruleId":"R1""#, Tier::Confirm),
            (r#""ruleIndex":1"#, Tier::Confirm),
            (r#""rule":{"index":1}"#, Tier::Confirm),
            (r#""ruleIndex":1,"level":"note""#, Tier::Note),
            (r#""ruleId":"R0""#, Tier::Warn),
            (r#""kind":"review""#, Tier::Warn),
            (r#""kind":"informational","level":"error""#, Tier::Note),
        ] {
            assert_eq!(one(&format!("{{{result}}}")).tier, tier, "{result}");
        }
        assert!(results(r#"{"kind":"pass"},{"kind":"notApplicable"},{"baselineState":"absent"}"#).is_empty());
    }

    #[test]
    fn attack_what_the_skill_suppressed_is_found() {
        let found = one(r#"{"ruleId":"R1","suppressions":[{"kind":"inSource","status":"accepted"}]}"#);
        assert_eq!(found.tier, Tier::Confirm);
    }

    #[test]
    fn the_words_are_the_results_or_the_rules() {
        assert_eq!(one(r#"{"message":{"text":"own\n  words"}}"#).message, "own words");
        assert_eq!(
            one(r#"{"ruleId":"R1","message":{"id":"m","arguments":["a","b"]}}"#).message,
            "uses a and b"
        );
        assert_eq!(one(r#"{"ruleId":"R0"}"#).message, "short");
        assert_eq!(one("{}").message, "says nothing of it");
        let long = format!(r#"{{"message":{{"text":"{}"}}}}"#, "é".repeat(9_999));
        assert_eq!(one(&long).message.chars().count(), MESSAGE_MAX);
    }

    #[test]
    fn what_is_not_in_the_list_stays_as_it_is() {
        for (text, wanted) in [
            ("{0} {1}{0} {2} {x} {} { {é} {+0} {0", "a ba {2} {x} {} { {é} {+0} {0"),
            ("{3}", "{3}"),
            ("{99999}", "{99999}"),
        ] {
            let result = format!(r#"{{"message":{{"text":"{text}","arguments":["a","b"]}}}}"#);
            assert_eq!(one(&result).message, wanted, "{text}");
        }
    }

    #[test]
    fn attack_what_is_filled_in_is_not_filled_in_again() {
        let given: Vec<_> =
            (1..=10).map(|next| format!(r#""{}""#, format!("{{{next}}}").repeat(66))).collect();
        let given = given.join(",");
        let result = format!(r#"{{"message":{{"text":"{}","arguments":[{given}]}}}}"#, "{0}".repeat(330));
        let found = one(&result).message;
        assert_eq!(found.chars().count(), MESSAGE_MAX);
        assert!(found.starts_with("{1}{1}{1}"), "{found}");
        // A list of nothing but empty words ends too.
        let empty = format!(r#"{{"message":{{"text":"{}x","arguments":[""]}}}}"#, "{0}".repeat(100_000));
        assert_eq!(one(&empty).message, "x");
    }

    #[test]
    fn attack_many_results_of_many_rules_cost_what_they_are_long() {
        let many = 40_000;
        let rules: Vec<_> = (0..many).map(|at| format!(r#"{{"id":"R{at}"}}"#)).collect();
        let found: Vec<_> = (0..many).map(|_| format!(r#"{{"ruleId":"R{}"}}"#, many - 1)).collect();
        let run = format!(
            r#"{{"tool":{{"driver":{{"name":"t","rules":[{}]}}}},"results":[{}]}}"#,
            rules.join(","),
            found.join(",")
        );
        let begun = std::time::Instant::now();
        let report = log(&run).unwrap();
        assert_eq!((report.results.len(), report.left_off), (RESULTS_MAX, many - RESULTS_MAX));
        // Searched one by one they would be over a thousand million comparisons.
        assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
        let twice = r#"{"tool":{"driver":{"name":"t","rules":[{"id":"R","name":"first"},{"id":"R","name":"second"}]}},"results":[{"ruleId":"R"}]}"#;
        assert_eq!(log(twice).unwrap().results[0].message, "first");
    }

    #[test]
    fn attack_names_are_escaped_and_bounded() {
        let found = one(r#"{"ruleId":"a\u001b[2J\nBLOCK \u202e"}"#);
        assert_eq!(found.rule, "other:a\\u{1b}[2J\\u{a}BLOCK-\\u{202e}");
        let found = one(&format!(r#"{{"ruleId":"{}"}}"#, "x".repeat(5_000)));
        assert_eq!(found.rule.chars().count(), "other:".len() + NAME_MAX);
        assert_eq!(one("{}").rule, "other:unnamed");
        let run = r#"{"tool":{"driver":{"name":" "}},"results":[{}]}"#;
        assert_eq!(log(run).unwrap().results[0].rule, "unnamed:unnamed");
    }

    #[test]
    fn a_path_is_that_of_its_address_and_bases() {
        let path = |location: &str| {
            let result =
                format!(r#"{{"locations":[{{"physicalLocation":{{"artifactLocation":{{{location}}}}}}}]}}"#);
            one(&result).at.map(|at| at.path)
        };
        let is =
            |location: &str, wanted: &str| assert_eq!(path(location).as_deref(), Some(wanted), "{location}");
        is(r#""uri":"a/b%20c.py""#, "a/b c.py");
        is(r#""uri":"file:///repo/a.py""#, "/repo/a.py");
        is(r#""uri":"file://localhost/repo/a.py""#, "/repo/a.py");
        is(r#""uri":"file:/repo/a.py""#, "/repo/a.py");
        is(r#""uri":"a.py","uriBaseId":"ROOT""#, "/repo/a.py");
        is(r#""uri":"a.py","uriBaseId":"SUB""#, "/repo/sub/a.py");
        is(r#""uri":"a.py","uriBaseId":"NONE""#, "a.py");
        is(r#""uri":"a.py","uriBaseId":"LOOP""#, "x/x/x/x/a.py");
        is(r#""index":0"#, "listed.py");
        is(r#""uri":"../../etc/passwd""#, "../../etc/passwd");
        for none in [
            r#""uri":"https://a/b""#,
            r#""uri":"a%0""#,
            r#""uri":"a%zz""#,
            r#""uri":"a%00b""#,
            r#""index":7"#,
            "",
        ] {
            assert_eq!(path(none), None, "{none}");
        }
    }

    #[test]
    fn a_region_has_what_was_given() {
        let at = |region: &str| {
            let place = format!(r#"{{"artifactLocation":{{"uri":"a"}},"region":{{{region}}}}}"#);
            one(&format!(r#"{{"locations":[{{"physicalLocation":{place}}}]}}"#)).at.map(|at| (at.from, at.to))
        };
        assert_eq!(at(r#""startLine":3"#), Some((Some((3, None)), Some((3, None)))));
        let full = r#""startLine":3,"startColumn":2,"endLine":4,"endColumn":9"#;
        assert_eq!(at(full), Some((Some((3, Some(2))), Some((4, Some(9))))));
        assert_eq!(at(r#""charOffset":3"#), Some((None, None)));
        assert_eq!(at(r#""startLine":-3"#), Some((None, None)));
        assert_eq!(at(r#""startLine":99999999999999999999"#), Some((None, None)));
    }

    #[test]
    fn attack_other_json_is_refused_and_odd_members_are_no_panic() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"version":"2.1.0"}"#,
            r#"{"version":"2.0.0","runs":[]}"#,
            "{\"version\":\"2.1.0\",\"runs\":{}}",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(br#"{"version":"2.1.0","runs":[],"runs":[]}"#).is_err());
        assert!(read(format!(r#"{{"version":"2.1.0","runs":{}"#, "[".repeat(50_000)).as_bytes()).is_err());
        assert!(read(&vec![b' '; (4 << 20) + 1]).is_err());
        assert_eq!(read(b"\xef\xbb\xbf{\"version\":\"2.1.0\",\"runs\":[]}"), Ok(Report::default()));
        for run in
            ["1", "null", "[]", r#"{"results":1}"#, r#"{"tool":[],"results":[1,null,[],{"locations":[1]}]}"#]
        {
            assert!(log(run).is_ok(), "{run}");
        }
    }

    #[test]
    fn more_results_than_anybody_reads_are_counted() {
        let many = vec!["{}"; RESULTS_MAX + 3].join(",");
        let report =
            log(&format!(r#"{{"results":[{many}],"invocations":[{{"executionSuccessful":false}}]}}"#))
                .unwrap();
        assert_eq!((report.results.len(), report.left_off, report.failed), (RESULTS_MAX, 3, 1));
    }
}
