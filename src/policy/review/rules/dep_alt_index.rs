//! `dep.alt-index`

use super::super::shell::machine::Event;
use super::super::shell::value::Value;
use super::argv;
use super::install::install;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "dep.alt-index",
    title: "installs from another index than the public one",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST02"],
    what: "`pip`, `uv`, `npm` or another manager is given an index or a registry of its own.",
    why: "Whoever runs that index decides what every name means; with `--extra-index-url` also for names that the public one has.",
    instead: "Use the public index, or name the package by address and digest.",
    limits: "The indexes of PyTorch and NVIDIA and mirrors of the public ones that whole countries use are left alone if they are reached by https, and so are addresses of this machine.",
    bad: "```sh\npip install --extra-index-url http://packages.example.com/simple helper\n```\n",
    alike: "```sh\npip install torch --index-url https://download.pytorch.org/whl/cpu\npip install -i https://pypi.org/simple helper\n```\n",
    look: Look::Event(|event, _| {
        let given = match event {
            Event::Set { name, value } if VARIABLES.contains(&name.as_str()) => Some(value.text.as_str()),
            Event::Call { name, argv, .. }
                if matches!(name.as_str(), "npm" | "yarn" | "pnpm" | "pip" | "pip3")
                    && argv::has(argv, &["config"]) =>
            {
                let words: Vec<&str> = argv.iter().map(|word| word.text.as_str()).collect();
                let key = |text: &str| {
                    text == "registry" || text.ends_with("index-url") || text.ends_with(":registry")
                };
                words.windows(2).find(|pair| key(pair[0])).map(|pair| pair[1])
            }
            _ => install(event).and_then(|all| {
                ["--index-url", "--extra-index-url", "--index", "--default-index", "-i", "--registry"]
                    .iter()
                    .filter(|option| !(**option == "-i" && all.kind != "pip"))
                    .find_map(|option| behind(&all.args, option))
                    .filter(|url| url.contains("://"))
            }),
        };
        let url = given.filter(|url| url.contains('/') && !is_public(url))?;
        Some(format!("packages come from `{}`", argv::shown(url)))
    }),
};

const VARIABLES: &[&str] = &[
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "npm_config_registry",
    "NPM_CONFIG_REGISTRY",
];

/// The public indexes, and what is left alone beside them.
const PUBLIC: &[&str] = &[
    "pypi.org",
    "pypi.python.org",
    "test.pypi.org",
    "download.pytorch.org",
    "pypi.nvidia.com",
    "pypi.ngc.nvidia.com",
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "npm.pkg.github.com",
    "registry.npmmirror.com",
    "pypi.tuna.tsinghua.edu.cn",
    "mirrors.aliyun.com",
    "mirrors.cloud.tencent.com",
    "mirrors.ustc.edu.cn",
    "repo.huaweicloud.com",
    "jsr.io",
    "npm.jsr.io",
];

fn is_public(url: &str) -> bool {
    argv::is_near(url) || url.starts_with("https://") && PUBLIC.contains(&argv::host(url).as_str())
}

fn behind<'a>(args: &[&'a Value], option: &str) -> Option<&'a str> {
    args.iter().enumerate().find_map(|(at, word)| match word.text.split_once('=') {
        Some((name, value)) if name == option => Some(value),
        _ if word.text == option => args.get(at + 1).map(|word| word.text.as_str()),
        _ => None,
    })
}
