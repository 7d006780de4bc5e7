//! Whether a text writes into the folder it lies in.
//!
//! A placed copy is read-only and must stay as it was trusted: what writes
//! beside itself fails there, or drifts where it runs as root. A hint, like
//! every mark. It holds if one line
//!
//! - has a word that writes and, on the same line, a path of the text itself
//!   (`__file__`, `__dirname`, `$(dirname "$0")`, `BASH_SOURCE`, a name that
//!   was set from one of these, or an agent's variable for the skill's folder),
//! - has a word that writes and `SKILL.md`, or sends its output there,
//! - installs packages where it stands: `pip install -t .`, or `npm install`
//!   and its like without a package's name.
//!
//! Not seen: a path put together over several lines, a working folder that was
//! changed before, and the compiled copies that Python keeps of what it imports.

/// How a text names the folder it lies in.
const OWN: &[&str] = &[
    "__file__",
    "__dirname",
    "import.meta.url",
    "import.meta.dirname",
    "dirname \"$0\"",
    "dirname $0",
    "dirname -- \"$0\"",
    "${0%/*}",
    "BASH_SOURCE",
    "SKILL_DIR",
    "SKILL_ROOT",
    "PLUGIN_ROOT",
    "baseDir}",
];

/// What writes, in the languages that skills are written in.
const WRITES: &[&str] = &[
    "write_text(",
    "write_bytes(",
    ".mkdir(",
    "makedirs(",
    "shutil.copy",
    "shutil.move",
    "os.rename(",
    "os.replace(",
    "writeFile",
    "appendFile",
    "createWriteStream(",
    "mkdirSync(",
    "sed -i",
    "tee ",
    "touch ",
    "mkdir ",
    "git clone ",
    "wget -O",
    "curl -o",
];

/// Package managers that install beside the file that names the packages.
const INSTALLERS: &[&str] =
    &["npm install", "npm i", "npm ci", "yarn install", "pnpm install", "bun install"];

/// Whether it does.
pub(super) fn writes(content: &str) -> bool {
    let names = names(content);
    content.lines().any(|line| {
        let own = || OWN.iter().chain(&["SKILL.md"]).any(|path| line.contains(path));
        let named = || names.iter().any(|name| has_word(line, name));
        (is_write(line) && (own() || named()))
            || redirected(line, &names)
            || copied(line, &names)
            || installs_here(line)
    })
}

/// Names that are set from a path of the text itself, such as `HERE` in
/// `HERE = Path(__file__).parent`.
fn names(content: &str) -> Vec<&str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let set = content.lines().filter(|line| OWN.iter().any(|path| line.contains(path)));
    set.filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().rsplit(|c| !word(c)).next().unwrap_or_default())
        .filter(|name| name.len() > 2)
        .collect()
}

fn has_word(line: &str, name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(name)
        .any(|(at, _)| !line[..at].ends_with(part) && !line[at + name.len()..].starts_with(part))
}

fn is_write(line: &str) -> bool {
    let modes = ["'w'", "\"w\"", "'a'", "\"a\"", "'wb'", "\"wb\"", "'w+'", "\"w+\""];
    let opens = line.contains("open(") && modes.iter().any(|mode| line.contains(mode));
    opens || WRITES.iter().any(|word| line.contains(word))
}

/// Whether a path is the text's own folder or in it.
fn is_own(path: &str, names: &[&str]) -> bool {
    let path = path.trim_start_matches(['"', '\'', '$', '{', '(']);
    OWN.iter().any(|own| path.starts_with(own.trim_start_matches(['$', '{'])))
        || names.iter().any(|name| path.starts_with(name) && has_word(path, name))
        || ["SKILL.md", "./SKILL.md"].iter().any(|card| path.starts_with(card))
}

/// Whether output is sent to one. A quotation mark of Markdown, an arrow and
/// the end of a tag are none.
fn redirected(line: &str, names: &[&str]) -> bool {
    line.match_indices('>').any(|(at, _)| {
        let before = &line[..at];
        let sends = before.ends_with(|c: char| c.is_whitespace() || c == '>' || c.is_ascii_digit());
        !before.trim_matches(['>', ' ']).is_empty() && sends && is_own(line[at + 1..].trim_start(), names)
    })
}

/// Whether a copy or a move ends in one.
fn copied(line: &str, names: &[&str]) -> bool {
    let copies = ["cp ", "mv "].iter().any(|word| line.trim_start().starts_with(word));
    let line = line.trim_end();
    let word = line.rsplit(' ').next().unwrap_or_default();
    // `"$(dirname "$0")/x"` is more than one word to us.
    let below = line.rfind("$(dirname").and_then(|at| line[at..].split_once(')'));
    copies && (is_own(word, names) || below.is_some_and(|(_, after)| !after.contains(' ')))
}

fn installs_here(line: &str) -> bool {
    let pip = line.contains("pip install") || line.contains("pip3 install");
    let target = ["-t .", "--target .", "--target=."].iter().any(|option| {
        line.match_indices(option).any(|(at, _)| {
            let after = &line[at + option.len()..];
            // `-t ./vendor` is beside itself too, `-t ..` and `-t .cache` are not.
            line[..at].ends_with(' ') && !after.starts_with(|c: char| c == '.' || c.is_ascii_alphanumeric())
        })
    });
    let bare = |command: &&str| {
        line.match_indices(*command).any(|(at, _)| {
            let after = line[at + command.len()..].trim_start_matches(' ');
            !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric())
                && (after.is_empty() || after.starts_with(['`', '"', '\'', ';', '&', '|', ')']))
        })
    };
    (pip && target) || INSTALLERS.iter().any(bare)
}

#[cfg(test)]
mod tests {
    use super::writes;

    #[test]
    fn what_writes_beside_itself_is_seen() {
        for text in [
            "echo x > SKILL.md",
            "echo x >>SKILL.md",
            "cat <<EOF > ./SKILL.md",
            "echo x > \"$(dirname \"$0\")/state.json\"",
            "date >> ${0%/*}/log",
            "HERE=$(cd \"$(dirname \"$0\")\" && pwd)\ndate > \"$HERE/log\"",
            "HERE=$(dirname $0)\ncp /tmp/x \"$HERE/x\"",
            "cp /tmp/x \"$(dirname \"$0\")/x\"",
            "mkdir -p \"$(dirname \"${BASH_SOURCE[0]}\")/cache\"",
            "Path(__file__).with_name('x').write_text(a)",
            "BASE = Path(__file__).parent\n(BASE / 'x').write_text(a)",
            "open(os.path.join(os.path.dirname(__file__), 'x'), 'w')",
            "with open('SKILL.md', \"a\") as f:",
            "fs.writeFileSync(path.join(__dirname, 'x'), a)",
            "const here = path.dirname(import.meta.url)\nfs.mkdirSync(here + '/x')",
            "touch ${CLAUDE_SKILL_DIR}/seen",
            "pip install -r requirements.txt -t .",
            "pip install --target ./vendor x",
            "Run `npm install` first",
            "cd \"$x\" && npm ci && node y",
            "sed -i s/a/b/ SKILL.md",
        ] {
            assert!(writes(text), "{text}");
        }
    }

    #[test]
    fn what_only_reads_itself_or_writes_elsewhere_is_not() {
        for text in [
            "> SKILL.md is the card",
            "  > > SKILL.md",
            "rename -> SKILL.md",
            "a => SKILL.md",
            "<b> SKILL.md </b>",
            "see SKILL.md",
            "x = open(os.path.join(os.path.dirname(__file__), 'x')).read()",
            "HERE=$(dirname \"$0\")\n. \"$HERE/lib.sh\" > /dev/null",
            "HERE=$(dirname $0)\ncp \"$HERE/template\" /tmp/x",
            "cp \"$(dirname \"$0\")/x\" /tmp/x",
            "Path('out').write_text(a)",
            "npm install -g x",
            "npm install left-pad",
            "npm init",
            "pip install -t ../x y",
            "pip install x",
            "if a > b: open(name)",
            "THERE=x\ndate > $THERE",
        ] {
            assert!(!writes(text), "{text}");
        }
    }
}
