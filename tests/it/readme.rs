//! What the README says is so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below a folder with one of the endings.
pub(crate) fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![root().join(folder)];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
            } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn its_line_for_the_digest_is_the_one_that_is_tested() {
    let source = read("src/model/manifest.rs");
    let documented = source.lines().skip_while(|line| *line != "//! ```sh").nth(1).unwrap();
    let line = documented.strip_prefix("//! ").unwrap();
    assert!(line.ends_with(" FOLDER"), "{line}");
    let found = read("README.md").lines().filter(|other| *other == line).count();
    assert_eq!(found, 1, "README.md must hold this line, once:\n{line}");
}

#[test]
fn the_tests_it_names_exist() {
    let sources: String = files("tests", &[".rs"])
        .into_iter()
        .chain(files("src", &[".rs"]))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let readme = read("README.md");
    let promises = readme.split("## Six promises").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<_> =
        promises.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert_eq!(rows.len(), 6, "six promises");
    let mut named = BTreeSet::new();
    for word in promises.split('`').skip(1).step_by(2) {
        if word.contains('_')
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        {
            assert!(
                sources.contains(&format!("fn {word}(")),
                "README.md names a test `{word}` that is not there"
            );
            named.insert(word.to_owned());
        }
    }
    assert!(named.len() >= 6, "{named:?}");
}

#[test]
fn every_command_it_shows_is_one() {
    let cli = read("docs/reference/cli.md");
    let known: BTreeSet<_> = cli.lines().filter_map(|line| line.strip_prefix("## skills ")).collect();
    let readme = read("README.md");
    let mut blocks = readme.split("```");
    let mut shown = 0;
    while let (Some(_), Some(block)) = (blocks.next(), blocks.next()) {
        for line in block.lines().map(|line| line.trim_start_matches("$ ")) {
            let Some(rest) = line.strip_prefix("skills ") else { continue };
            let command = rest.split_whitespace().next().unwrap_or_default();
            assert!(known.contains(command), "README.md shows `{line}`");
            let option = |word: &&str| word.starts_with("--");
            let section = cli.split(&format!("## skills {command}\n")).nth(1).unwrap();
            let section = section.split("\n## ").next().unwrap();
            for option in rest.split('#').next().unwrap().split_whitespace().filter(option) {
                assert!(
                    section.contains(option),
                    "README.md shows `{line}`, and {option} is not in its help"
                );
            }
            shown += 1;
        }
    }
    assert!(shown >= 15, "{shown}");
}

#[test]
fn its_exit_codes_are_the_programs() {
    use skill_trust::model::code::Exit;
    let readme = read("README.md");
    for exit in Exit::ALL {
        let row = format!("| {} | ", *exit as u8);
        assert!(readme.contains(&row), "README.md has no row for exit code {}", *exit as u8);
    }
}

#[test]
fn links_between_our_pages_lead_somewhere() {
    let mut pages = files("docs", &[".md"]);
    pages.extend(
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(|page| root().join(page)),
    );
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for piece in text.split("](").skip(1) {
            let target = piece.split(')').next().unwrap().split('#').next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = page.parent().unwrap_or(Path::new("")).join(target);
            assert!(path.exists(), "{}: no {target}", page.display());
        }
    }
}

#[test]
fn its_request_and_its_answer_fit_their_schemas() {
    let readme = read("README.md");
    let mut found = 0;
    for block in readme.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        let document: serde_json::Value = serde_json::from_str(block).unwrap();
        let name = document["schema"].as_str().unwrap().split('/').nth(1).unwrap().to_owned();
        let schema = serde_json::from_str(&read(&format!("schema/{name}.json"))).unwrap();
        assert!(jsonschema::is_valid(&schema, &document), "{block}");
        found += 1;
    }
    assert_eq!(found, 2);
}
