//! Lists of packages in TOML: pyproject, Pipfile, Cargo, and the block at the
//! top of a Python script (PEP 723).

use super::lists::List;
use super::spec::{Words, named, word};
use crate::model::dependency::Scope;
use crate::model::text;
use toml::{Table, Value};

fn read(text: &str) -> Option<Table> {
    text.parse().ok()
}

/// The texts of a list.
fn texts(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn below<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (last, above) = path.split_last()?;
    let mut at = table;
    for key in above {
        at = at.get(*key)?.as_table()?;
    }
    at.get(*last)
}

/// `[project].dependencies`, Poetry's tables, and where uv is told to look.
pub(super) fn pyproject(list: &mut List<'_>) -> Option<String> {
    let Some(table) = read(list.text) else { return list.unreadable("pip") };
    for spec in texts(below(&table, &["project", "dependencies"])) {
        let line = list.line_of(spec);
        list.want("pip", named("pip", spec), line);
    }
    let poetry = below(&table, &["tool", "poetry", "dependencies"]).and_then(Value::as_table);
    for (name, value) in poetry.into_iter().flatten().filter(|(name, _)| *name != "python") {
        let line = list.line_of(name);
        list.want("pip", pinned(name, value), line);
    }
    sources(&table, list);
    let extras = below(&table, &["project", "optional-dependencies"]).and_then(Value::as_table);
    Some(match extras.map_or(0, Table::len) {
        0 => "a Python project's list of packages".to_owned(),
        more => format!("a Python project's list of packages; {more} optional lists are left out"),
    })
}

/// Where uv and Poetry are told to look for packages.
fn sources(table: &Table, list: &mut List<'_>) {
    let keys = [["tool", "uv", "index"], ["tool", "poetry", "source"]];
    for source in keys.iter().filter_map(|key| below(table, key)).filter_map(Value::as_array).flatten() {
        let url = source.get("url").and_then(Value::as_str).unwrap_or("{…}");
        elsewhere(list, Scope::Index, "index", url);
    }
    let named = below(table, &["tool", "uv", "sources"]).and_then(Value::as_table);
    for (name, source) in named.into_iter().flatten() {
        for (key, scope) in
            [("git", Scope::Git), ("url", Scope::Url), ("path", Scope::Path), ("index", Scope::Index)]
        {
            if let Some(value) = source.get(key).and_then(Value::as_str) {
                elsewhere(list, scope, name, value);
            }
        }
    }
}

fn elsewhere(list: &mut List<'_>, scope: Scope, name: &str, value: &str) {
    let why = format!(
        "`{}` comes from `{}`: {}",
        text::escape_short(name, 60),
        text::escape_short(value, 80),
        super::super::denied::of(scope).why
    );
    let line = list.line_of(value);
    list.refuse("pip", scope, why, line);
}

/// A name, and a version or a table of where it comes from.
fn pinned(name: &str, value: &Value) -> Words {
    let mut words = Words::from([("package".to_owned(), word(name))]);
    let (version, table) = match value {
        Value::String(version) => (Some(version.as_str()), None),
        Value::Table(table) => (table.get("version").and_then(Value::as_str), Some(table)),
        _ => (Some("{…}"), None),
    };
    for (key, value) in table.into_iter().flatten() {
        let shown = value.as_str().map_or_else(|| "{…}".to_owned(), str::to_owned);
        let key = match key.as_str() {
            "version" | "optional" | "allow-prereleases" => continue,
            "extras" => {
                words
                    .insert("extras".to_owned(), texts(Some(value)).into_iter().map(str::to_owned).collect());
                continue;
            }
            "git" | "path" | "index" | "rev" | "tag" | "branch" | "url" => key.as_str(),
            "file" => "url",
            "source" => "index",
            "markers" | "python" | "platform" => "marker",
            _ => "option",
        };
        words.insert(key.to_owned(), vec![shown]);
    }
    match version.map(str::trim) {
        None | Some("" | "*") => {}
        Some(version) if version.starts_with(['<', '>', '=', '!']) => {
            words.extend(named("pip", &format!("{name}{version}")))
        }
        // Poetry's own `^1.2`: pip has no such sign, and the rule for ranges refuses it.
        Some(version) => {
            words.insert("range".to_owned(), word(&version.replace(", ", ",")));
        }
    }
    words
}

/// Pipenv's list.
pub(super) fn pipfile(list: &mut List<'_>) -> Option<String> {
    let Some(table) = read(list.text) else { return list.unreadable("pip") };
    for source in table.get("source").and_then(Value::as_array).into_iter().flatten() {
        let url = source.get("url").and_then(Value::as_str).unwrap_or("{…}");
        if !matches!(url, "https://pypi.org/simple" | "https://pypi.org/simple/") {
            elsewhere(list, Scope::Index, "source", url);
        }
    }
    for (name, value) in table.get("packages").and_then(Value::as_table).into_iter().flatten() {
        let line = list.line_of(name);
        list.want("pip", pinned(name, value), line);
    }
    Some("pipenv's list of packages".to_owned())
}

/// Cargo's list: libraries, which a build brings. What leads elsewhere is refused.
pub(super) fn cargo(list: &mut List<'_>) -> Option<String> {
    let Some(table) = read(list.text) else { return list.unreadable("cargo") };
    for section in ["dependencies", "build-dependencies"] {
        for (name, value) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
            list.count();
            for (key, scope) in [("git", Scope::Git), ("path", Scope::Path), ("registry", Scope::Index)] {
                let Some(value) = value.get(key).and_then(Value::as_str) else { continue };
                let why = format!(
                    "`{}` comes from `{}`: {}",
                    text::escape_short(name, 60),
                    text::escape_short(value, 80),
                    super::super::denied::of(scope).why
                );
                let line = list.line_of(name);
                list.refuse("cargo", scope, why, line);
            }
        }
    }
    Some("cargo's list of crates: they come when the program is built".to_owned())
}

/// The block at the top of a script: `# /// script` to `# ///`.
pub(super) fn script(list: &mut List<'_>) -> Option<String> {
    let lines: Vec<&str> = list.text.lines().collect();
    let from = lines.iter().position(|line| line.trim_end() == "# /// script")?;
    let block =
        lines.iter().skip(from + 1).take_while(|line| line.trim_end() != "# ///" && line.starts_with('#'));
    let inside: String =
        block.map(|line| format!("{}\n", line[1..].strip_prefix(' ').unwrap_or(&line[1..]))).collect();
    let Some(table) = read(&inside) else { return list.unreadable("pip") };
    for spec in texts(table.get("dependencies")) {
        let line = list.line_of(spec).max(from + 1);
        list.want("pip", named("pip", spec), line);
    }
    sources(&table, list);
    Some("packages that a Python script names for itself".to_owned())
}
