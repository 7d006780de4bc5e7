//! `scan`: what the rules say of skills, for people and for programs.

mod document;
mod excerpt;
mod github;
mod plain;
mod sarif;

use super::super::complete;
use super::super::context::{Context, Ended, absolute};
use super::super::render;
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::finding::Tier;
use skill_trust::model::text;
use skill_trust::ops::scan::{self, Request, Scan, What};
use skill_trust::ops::verify;
use std::path::{Component, Path, PathBuf};

/// Say what a skill's text would do, by rules
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A folder is looked at as it lies there, with every skill below it; nothing needs to be installed, and nothing \
    is changed or recorded. A name is the stored copy. A finding says what a text would do; none proves nothing.\n\n\
    Plain output shows BLOCK and CONFIRM, and counts the rest: -v or --min show it.\n\n\
    Exit codes: 0 nothing at or above --fail-on, 5 not all could be looked at, 10 something at or above --fail-on.\n\n\
    Examples:\n  skills scan ./my-skill\n  skills scan . --fail-on confirm\n  skills scan pdf-forms -v\n  \
    skills scan . --format sarif > skills.sarif\n  skills scan . --format github\n  skills scan . --import bandit.sarif\n\n\
    See also: skills explain, skills review"
)]
pub(crate) struct Args {
    /// NAME or NAME@DIGEST, or paths of folders (with a slash, or no skill's name)
    #[arg(value_name = "PATH|NAME", required = true, add = complete::any())]
    what: Vec<String>,
    /// How to write it; --json is --format json
    #[arg(long, value_name = "FORMAT", default_value = "plain")]
    format: Format,
    /// Exit with 10 from this tier on
    #[arg(long, value_name = "TIER", default_value = "block")]
    fail_on: FailOn,
    /// Leave out what is below this tier
    #[arg(long, value_name = "TIER")]
    min: Option<Least>,
    /// A SARIF file of another scanner: show what it found too
    #[arg(long, value_name = "FILE")]
    import: Vec<PathBuf>,
    /// Write it all at once, however long
    #[arg(long)]
    no_pager: bool,
}

/// Forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Plain,
    /// One document
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// Annotations of GitHub's workflows
    Github,
}

/// From where on a finding is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// BLOCK
    Block,
    /// CONFIRM and heavier
    Confirm,
    /// WARN and heavier
    Warn,
    /// Any finding
    Note,
    /// Never for a finding
    Never,
}

/// The least that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Least {
    /// BLOCK alone
    Block,
    /// CONFIRM and heavier
    Confirm,
    /// WARN and heavier
    Warn,
    /// Everything
    Note,
}

impl FailOn {
    const fn tier(self) -> Option<Tier> {
        match self {
            Self::Block => Some(Tier::Block),
            Self::Confirm => Some(Tier::Confirm),
            Self::Warn => Some(Tier::Warn),
            Self::Note => Some(Tier::Note),
            Self::Never => None,
        }
    }
}

impl Least {
    const fn tier(self) -> Tier {
        match self {
            Self::Block => Tier::Block,
            Self::Confirm => Tier::Confirm,
            Self::Warn => Tier::Warn,
            Self::Note => Tier::Note,
        }
    }
}

/// What was looked at, and how its paths are written.
struct Looked {
    /// As it was named, escaped.
    named: String,
    /// What stands before a path for people: what was typed.
    typed: PathBuf,
    /// What stands before a path for programs: from the folder that we run in, if it lies there.
    from_here: PathBuf,
    /// Whether it is a folder, and not a stored copy.
    is_folder: bool,
    scan: Scan,
}

/// How it is shown.
#[derive(Clone, Copy)]
struct View {
    /// The least that is shown.
    min: Tier,
    /// Whether that was asked for: `-v` shows no more then.
    min_given: bool,
    /// From where on it is a failure.
    fail_on: Option<Tier>,
    verbose: bool,
    columns: usize,
}

impl Looked {
    /// A file's path for people, escaped.
    fn shown(&self, folder: &Path, file: &str) -> String {
        let path: PathBuf = self.typed.join(folder).join(file).components().collect();
        let shown = text::escape_bytes(path.as_os_str().as_encoded_bytes());
        if shown.is_empty() { ".".to_owned() } else { shown }
    }

    /// A file's path for programs.
    fn path(&self, folder: &Path, file: &str) -> PathBuf {
        self.from_here.join(folder).join(file)
    }
}

/// Runs `scan`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    let format = match (context.globals.json, args.format) {
        (true, Format::Plain) => Format::Json,
        (true, Format::Sarif | Format::Github) => {
            let what = "--json and another --format are two answers";
            return Err(Stop::new(Code::Usage, what, "leave one of them out"));
        }
        (_, format) => format,
    };
    context.globals.json = format == Format::Json;
    if args.what.len() > 1 && !args.import.is_empty() {
        let what = "a file of another scanner belongs to one folder, and several are named";
        return Err(Stop::new(Code::Usage, what, "name one folder with --import"));
    }
    let mut all = Vec::new();
    for what in &args.what {
        all.push(look(context, what, &args.import)?);
    }
    // People are shown what decides, and told of the rest.
    let people = matches!(format, Format::Plain | Format::Github) && !context.globals.verbose;
    let usual = if people { Tier::Confirm } else { Tier::Note };
    let view = View {
        min: args.min.map_or(usual, Least::tier),
        min_given: args.min.is_some(),
        fail_on: args.fail_on.tier(),
        verbose: context.globals.verbose,
        columns: context.out.columns().unwrap_or(100).min(160),
    };
    match format {
        Format::Plain => {
            if !args.no_pager {
                context.page();
            }
            let shown = plain::show(context, &all, view);
            context.page_end()?;
            shown?;
        }
        Format::Json => context.json("scan/1", document::document(&all, view))?,
        Format::Sarif => context.raw(&sarif::document(&all, view))?,
        Format::Github => {
            for line in github::lines(&all, view) {
                context.raw(&line)?;
            }
            context.note(&render::plain(&plain::summary(&all, view).join("\n")))?;
        }
    }
    Ok(exit(&all, view))
}

/// A folder by its path, or a skill by its name: as `verify` takes it.
fn look(context: &Context, what: &str, import: &[PathBuf]) -> Result<Looked, Stop> {
    let typed = Path::new(what);
    let is_path = what.contains('/')
        || what == "."
        || what == ".."
        || (typed.is_dir() && !verify::is_installed(&context.world, what));
    let here = absolute(Path::new("."))?;
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let full = if is_path { absolute(typed)? } else { PathBuf::new() };
    let asked = if is_path { What::Folder(full.clone()) } else { What::Stored(what.to_owned()) };
    let request = Request { what: asked, import: import.to_vec(), here: here.clone(), threads };
    let scan = scan::scan(&context.world, &request).map_err(|stop| not_a_path(stop, is_path, typed))?;
    let clean: PathBuf = typed.components().filter(|part| part.as_os_str() != ".").collect();
    let below = below(&full, &here);
    Ok(Looked {
        named: text::escape(what),
        typed: if is_path { clean } else { PathBuf::new() },
        from_here: if is_path { below } else { PathBuf::new() },
        is_folder: is_path,
        scan,
    })
}

/// The way from one folder to another below it; empty if it is not below it.
fn below(full: &Path, here: &Path) -> PathBuf {
    // `../here/skill` lies here too; only the system knows where `..` leads behind a link.
    let real = full.components().any(|part| part == Component::ParentDir);
    let real = real.then(|| Some((full.canonicalize().ok()?, here.canonicalize().ok()?))).flatten();
    let (full, here) = real.unwrap_or_else(|| (full.to_owned(), here.to_owned()));
    // What could not be asked for still has its `..`, and names no place below.
    let below = full.strip_prefix(&here).ok();
    let below = below.filter(|below| below.components().all(|part| part != Component::ParentDir));
    below.map(Path::to_owned).unwrap_or_default()
}

/// What kept an answer from being whole, but for what could not be read: in words,
/// with how heavy it is.
fn not_whole(scan: &Scan) -> Vec<(Tier, &'static str, String)> {
    let mut out = Vec::new();
    if let Some(stop) = &scan.problem {
        let next = if stop.next.is_empty() { String::new() } else { format!("; next: {}", stop.next) };
        let words = format!("not gone by, every rule weighs what it says itself: {}{next}", stop.what);
        out.push((Tier::Block, "policy", words));
    }
    for one in &scan.imported {
        let tools = if one.tools.is_empty() { "no tool".to_owned() } else { one.tools.join(", ") };
        if one.failed > 0 {
            let words = format!("{tools} did not finish, as {} says itself: scan with it again", one.file);
            out.push((Tier::Block, "import", words));
        }
        if one.left_off > 0 {
            let words =
                format!("too many results: {} of {}, by {tools}, are left out", one.left_off, one.file);
            out.push((Tier::Block, "import", words));
        }
    }
    out
}

/// A name that no skill has: what was meant may be a path.
fn not_a_path(stop: Stop, is_path: bool, typed: &Path) -> Stop {
    let shown = text::escape_short(&typed.to_string_lossy(), 300);
    let next = "name a folder, or a skill as it stands in: skills status";
    match stop.code {
        Code::HomeMissing | Code::NotInstalled if !is_path && typed.symlink_metadata().is_ok() => {
            let what =
                format!("no skill `{shown}` is installed, and what lies here under that name is no folder");
            Stop::new(Code::Usage, what, "name a folder: a skill, or one with skills below it")
        }
        Code::HomeMissing if !is_path => {
            let what = format!("there is no folder `{shown}` here, and nothing is installed");
            Stop::new(Code::NotInstalled, what, next)
        }
        Code::NotInstalled if !is_path => {
            let what = format!("{}, and there is no folder `{shown}` here", stop.what);
            Stop::new(Code::NotInstalled, what, next)
        }
        _ => stop,
    }
}

/// What was found outranks what was not looked at: both are no success.
fn exit(all: &[Looked], view: View) -> Exit {
    let reached = |tier: Tier| view.fail_on.is_some_and(|least| tier >= least);
    if all.iter().flat_map(|looked| looked.scan.tiers()).any(reached) {
        return Exit::Findings;
    }
    if all.iter().all(|looked| looked.scan.is_complete()) { Exit::Done } else { Exit::Drift }
}

/// How many findings there are of each tier, the heaviest first.
fn counts(all: &[Looked]) -> [(Tier, usize); 4] {
    let tiers = || all.iter().flat_map(|looked| looked.scan.tiers());
    [Tier::Block, Tier::Confirm, Tier::Warn, Tier::Note]
        .map(|tier| (tier, tiers().filter(|found| *found == tier).count()))
}
