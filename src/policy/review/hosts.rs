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
