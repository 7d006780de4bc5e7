//! Programs whose part in a chain is known: what brings bytes in, what runs
//! them, what stands in front of another program.

/// What takes a program as its arguments and runs it: how many arguments of its own come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapper {
    /// Options and `NAME=value`, then the command.
    Plain,
    /// Options, then that many words, then the command.
    Words(usize),
    /// The command's arguments come from the input too.
    Input,
}

/// Options of wrappers that take a value as a word of its own.
const VALUED: &[(&str, &str)] = &[
    ("sudo", "ugCDRTtUhpr"),
    ("doas", "uC"),
    ("env", "uC"),
    ("nice", "n"),
    ("ionice", "cnpPu"),
    ("time", "fo"),
    ("timeout", "ks"),
    ("stdbuf", "ioe"),
    ("xargs", "IEdLnPsa"),
    ("exec", "a"),
    ("watch", "n"),
    ("flock", "wE"),
    ("chroot", ""),
];

/// Whether a program does nothing but run another one.
#[must_use]
pub fn wrapper(name: &str) -> Option<Wrapper> {
    Some(match name {
        "sudo" | "doas" | "env" | "nohup" | "nice" | "ionice" | "time" | "setsid" | "stdbuf" | "exec"
        | "command" | "builtin" | "unbuffer" | "busybox" | "toybox" | "catchsegv" | "caffeinate"
        | "winpty" | "watch" | "then" | "do" | "else" | "rlwrap" | "noglob" | "nocorrect" => Wrapper::Plain,
        "timeout" | "chroot" | "flock" => Wrapper::Words(1),
        "xargs" | "parallel" => Wrapper::Input,
        _ => return None,
    })
}

/// Whether this option of this wrapper is followed by a word that belongs to it.
#[must_use]
pub fn takes_value(wrapper: &str, option: &str) -> bool {
    let Some((_, letters)) = VALUED.iter().find(|(name, _)| *name == wrapper) else { return false };
    let mut rest = option.chars().skip(1);
    matches!((rest.next(), rest.next()), (Some(letter), None) if letters.contains(letter))
}

/// Languages whose interpreters run what they are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// POSIX shells and their kin.
    Shell,
    /// Python.
    Python,
    /// Perl.
    Perl,
    /// Ruby.
    Ruby,
    /// Node, Deno, Bun.
    JavaScript,
    /// PHP.
    Php,
    /// PowerShell.
    PowerShell,
    /// Others.
    Other,
}

/// The language that a program runs.
#[must_use]
pub fn interpreter(name: &str) -> Option<Language> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    Some(match stem {
        "sh" | "bash" | "zsh" | "dash" | "ksh" | "mksh" | "ash" | "fish" | "rbash" | "csh" | "tcsh" => {
            Language::Shell
        }
        "python" | "pypy" | "ipython" | "pythonw" | "py" => Language::Python,
        "perl" => Language::Perl,
        "ruby" | "jruby" => Language::Ruby,
        "node" | "nodejs" | "deno" | "bun" | "tsx" | "ts-node" => Language::JavaScript,
        "php" => Language::Php,
        "pwsh" | "powershell" => Language::PowerShell,
        "lua" | "luajit" | "osascript" | "tclsh" | "rscript" | "groovy" | "expect" => Language::Other,
        _ => return None,
    })
}

/// The option behind which the program text itself stands.
#[must_use]
pub fn inline_option(language: Language, option: &str) -> bool {
    let short = |letter: char| {
        option.starts_with('-')
            && !option.starts_with("--")
            && option.len() > 1
            && option[1..].contains(letter)
    };
    match language {
        Language::Shell => short('c'),
        Language::Python => option == "-c" || (short('c') && option.len() <= 4),
        // `-MLWP::Simple` and `-rjson/core` name what is loaded.
        Language::Perl => {
            option.ends_with('e') && short('e') && !option.starts_with("-M") && !option.starts_with("-I")
                || option == "-E"
        }
        Language::Ruby => option.ends_with('e') && short('e') && !option.starts_with("-r"),
        Language::JavaScript => matches!(option, "-e" | "--eval" | "-p" | "--print" | "-pe" | "eval"),
        Language::Php => matches!(option, "-r" | "--run"),
        Language::PowerShell => {
            let low = option.to_ascii_lowercase();
            low.len() > 1 && ("-command".starts_with(&low) || "/command".starts_with(&low))
        }
        Language::Other => matches!(option, "-e" | "-c"),
    }
}

/// What a program that reaches the network does with what it gets, if it says nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetch {
    /// Writes it to its output.
    Output,
    /// Writes it to a file named after the address.
    File,
    /// Prints a DNS answer.
    Dns,
}

/// Whether a program fetches.
#[must_use]
pub fn fetcher(name: &str) -> Option<Fetch> {
    Some(match name {
        "curl" | "fetch" | "lwp-request" | "get" | "http" | "https" | "xh" | "xhs" | "httpie" | "curlie"
        | "lynx" | "w3m" | "links" | "elinks" | "nc" | "ncat" | "netcat" | "socat" | "telnet" | "iwr"
        | "irm" | "invoke-webrequest" | "invoke-restmethod" | "tftp" | "ftp" | "s3cmd" => Fetch::Output,
        "wget" | "wget2" | "aria2c" | "axel" | "scp" | "certutil" | "bitsadmin" => Fetch::File,
        "dig" | "nslookup" | "host" | "drill" | "kdig" | "resolvectl" => Fetch::Dns,
        _ => return None,
    })
}

/// Options of fetchers that name the file to write.
#[must_use]
pub fn output_option(name: &str, option: &str) -> bool {
    match name {
        "wget" | "wget2" => matches!(option, "-O" | "--output-document"),
        "aria2c" | "axel" => matches!(option, "-o" | "--out" | "--output"),
        "iwr" | "irm" | "invoke-webrequest" | "invoke-restmethod" => option.eq_ignore_ascii_case("-outfile"),
        _ => matches!(option, "-o" | "--output"),
    }
}

/// Names that a pattern in a command's place may stand for.
pub const PATTERNED: &[&str] = &[
    "bash", "sh", "zsh", "dash", "ksh", "curl", "wget", "python", "python3", "perl", "ruby", "node", "php",
    "nc", "base64", "eval", "sudo", "cat", "env", "busybox", "openssl", "xxd", "chmod", "source",
];
