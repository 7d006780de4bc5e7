//! What is installed, and by which manager: read once for all rules that ask.

use super::super::shell::known::{Language, interpreter};
use super::super::shell::machine::Event;
use super::super::shell::value::Value;

/// An install, as a call of a package manager says it.
#[derive(Debug, Clone)]
pub(in super::super) struct Install<'a> {
    /// The ecosystem: `pip`, `npm`, `brew`, `system`, `go`, `cargo`, `gem`, `container`, `other`.
    pub kind: &'static str,
    /// The manager as it is called.
    pub manager: &'a str,
    /// Whether a package is started at once, as by `npx`.
    pub runs: bool,
    /// All arguments but the verb.
    pub args: Vec<&'a Value>,
}

/// Options of package managers that are followed by a word of their own.
const VALUED: &[&str] = &[
    "-r",
    "--requirement",
    "-i",
    "--index-url",
    "--extra-index-url",
    "-c",
    "--constraint",
    "-t",
    "--target",
    "-f",
    "--find-links",
    "--registry",
    "--prefix",
    "--root",
    "--features",
    "--version",
    "--trusted-host",
    "--python",
    "--tag",
    "--branch",
    "--rev",
    "--git",
    "--path",
    "-C",
    "--dir",
    "--index",
    "--proxy",
    "-e",
    "--editable",
    "--group",
    "-F",
    "--filter",
    "-v",
];

/// The same for containers.
const CONTAINED: &[&str] = &[
    "-p",
    "--publish",
    "--volume",
    "--env",
    "--env-file",
    "--name",
    "--network",
    "--net",
    "-w",
    "--workdir",
    "-u",
    "--user",
    "--entrypoint",
    "--mount",
    "--platform",
    "-m",
    "--memory",
    "--cpus",
    "--restart",
    "-l",
    "--label",
    "-h",
    "--hostname",
    "--gpus",
    "--cap-add",
];

impl<'a> Install<'a> {
    /// The value of one of these options.
    pub(super) fn option(&self, options: &[&str]) -> Option<&'a str> {
        self.args.iter().enumerate().find_map(|(at, word)| match word.text.split_once('=') {
            Some((option, value)) if options.contains(&option) => Some(value),
            _ if options.contains(&word.text.as_str()) => {
                self.args.get(at + 1).map(|word| word.text.as_str())
            }
            _ => None,
        })
    }

    /// Whether one of these options is given.
    pub(super) fn has(&self, options: &[&str]) -> bool {
        self.args.iter().any(|word| options.contains(&word.text.as_str()))
    }

    /// What is to be installed; of what is started, only that.
    pub(in super::super) fn packages(&self) -> Vec<&'a str> {
        let mut all = Vec::new();
        let mut words = self.args.iter();
        while let Some(word) = words.next() {
            let text = word.text.as_str();
            let picks = self.runs
                && self.kind != "container"
                && matches!(text, "-p" | "--package" | "--from" | "--with");
            if picks {
                all.extend(words.next().map(|word| word.text.as_str()));
            } else if self.runs && text.starts_with("--package=") {
                all.push(&text["--package=".len()..]);
            } else if VALUED.contains(&text) || self.kind == "container" && CONTAINED.contains(&text) {
                words.next();
            } else if !text.is_empty() && !text.starts_with('-') && text != "." {
                all.push(text);
                if self.runs {
                    all.truncate(1);
                    return all;
                }
            }
        }
        all
    }
}

/// The install that a call is, if it is one.
pub(in super::super) fn install(event: &Event) -> Option<Install<'_>> {
    let Event::Call { name, argv, .. } = event else { return None };
    let python = interpreter(name) == Some(Language::Python)
        && argv.get(1).is_some_and(|word| word.text == "-m")
        && argv.get(2).is_some_and(|word| matches!(word.text.as_str(), "pip" | "pipx" | "uv"));
    let (manager, words) =
        if python { (argv[2].text.as_str(), &argv[2..]) } else { (name.as_str(), argv.as_slice()) };
    let verb = |at: usize| {
        words.iter().skip(1).filter(|word| !word.text.starts_with('-')).nth(at).map_or("", |word| &word.text)
    };
    // How many words are verbs, and whether it runs what it brings.
    let (kind, verbs, runs) = match (manager, verb(0), verb(1)) {
        ("pip" | "pip3", "install" | "download", _) => ("pip", 1, false),
        (name, "install", _) if name.starts_with("pip3.") => ("pip", 1, false),
        ("pipx", "install" | "inject", _) => ("pip", 1, false),
        ("pipx", "run", _) => ("pip", 1, true),
        ("uv", "pip", "install") | ("uv", "tool", "install") => ("pip", 2, false),
        ("uv", "tool", "run") => ("pip", 2, true),
        ("uv" | "poetry" | "pdm" | "rye", "add", _)
        | ("conda" | "mamba" | "micromamba" | "pixi", "install" | "add", _) => ("pip", 1, false),
        ("uvx", first, _) if !first.is_empty() => ("pip", 0, true),
        ("npm" | "pnpm" | "bun" | "cnpm", "install" | "i" | "add" | "ci", _)
        | ("yarn", "add" | "install", _) => ("npm", 1, false),
        ("yarn", "global", "add") => ("npm", 2, false),
        ("npx" | "bunx" | "pnpx", first, _) if !first.is_empty() => ("npm", 0, true),
        ("pnpm" | "yarn", "dlx", _) | ("npm" | "bun", "exec" | "x", _) => ("npm", 1, true),
        ("brew", "install" | "reinstall" | "upgrade", _) => ("brew", 1, false),
        (
            "apt" | "apt-get" | "aptitude" | "dnf" | "yum" | "zypper" | "snap" | "port" | "pkg" | "opkg",
            "install",
            _,
        )
        | ("apk", "add", _)
        | ("winget" | "choco" | "scoop", "install", _)
        | ("flatpak", "install", _) => ("system", 1, false),
        ("pacman" | "yay" | "paru", _, _) if words.iter().any(|word| word.text.starts_with("-S")) => {
            ("system", 0, false)
        }
        ("go", "install" | "get", _) => ("go", 1, false),
        ("go", "run", package) if package.contains('@') => ("go", 1, true),
        ("cargo", "install" | "binstall" | "add", _) => ("cargo", 1, false),
        ("gem", "install", _) | ("bundle", "install" | "add", _) => ("gem", 1, false),
        ("docker" | "podman" | "nerdctl", "run", _) => ("container", 1, true),
        ("docker" | "podman" | "nerdctl", "pull", _) => ("container", 1, false),
        ("dotnet", "add", "package") | ("dotnet", "tool", "install" | "update") => ("other", 2, false),
        ("composer", "require" | "install" | "global", _)
        | ("nix-env", _, _)
        | ("nix", "profile", _)
        | ("helm", "install", _)
        | (
            "vcpkg" | "conan" | "luarocks" | "opam" | "cabal" | "stack" | "mix" | "mise" | "asdf" | "sdk",
            "install",
            _,
        ) => ("other", 1, false),
        _ => return None,
    };
    let mut left = verbs;
    let args = words.iter().skip(1).filter(|word| {
        let verb = left > 0 && !word.text.starts_with('-');
        left -= usize::from(verb);
        !verb
    });
    Some(Install { kind, manager, runs, args: args.collect() })
}
