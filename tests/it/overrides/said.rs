//! What the policy makes less of is said wherever somebody decides, asked or
//! not, and what is refused is on record: the real program, in an account whose
//! policy weighs otherwise.

use super::*;
use crate::support::sandbox::Output;

/// What blocks, and what is to confirm, made notes; one of them excepted below.
const LESS: &str = "[review]\nseverity = { \"exec.decode\" = \"note\", \"hide.encoded-blob\" = \"note\", \"exec.fetch\" = \"note\" }\n";

/// The last record.
pub(super) fn record(sandbox: &Sandbox) -> Value {
    let log = fs::read_to_string(sandbox.home().join("audit/audit.jsonl")).unwrap();
    serde_json::from_str(log.lines().last().unwrap()).unwrap()
}

/// How many records there are.
fn records(sandbox: &Sandbox) -> usize {
    fs::read_to_string(sandbox.home().join("audit/audit.jsonl")).unwrap().lines().count()
}

/// An account with a policy and two skills, `fine` and `odd`, which blocks but
/// for the policy. None where this machine allows no account database of our
/// own, or the home would not be its own.
struct Account {
    sandbox: Sandbox,
    odd: Revision,
}

impl Account {
    fn new() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("NOT RUN: an account of its own needs root; the other pass runs it");
            return None;
        }
        let sandbox = Sandbox::fast();
        let folder = sandbox.skill("odd").file("SKILL.md", blocked("odd")).make();
        let name = skill_trust::model::skill::SkillName::parse("odd").unwrap();
        let odd = Revision { name, digest: sandbox.digest(&folder) };
        let fine = sandbox.skill("fine").make();
        fs::create_dir_all(sandbox.at("work/person/.config/skill-trust")).unwrap();
        let account = Self { sandbox, odd };
        account.policy("");
        account.try_run(&["install", folder.to_str().unwrap()])?.ok();
        account.run(&["install", fine.to_str().unwrap()]).ok();
        let text = format!("{LESS}{}", except("hide.command", &account.odd));
        account.policy(&text);
        Some(account)
    }

    fn policy(&self, text: &str) {
        let file = self.file();
        fs::write(&file, text).unwrap();
        chmod(Path::new(&file), 0o600);
    }

    fn file(&self) -> String {
        self.sandbox.arg("work/person/.config/skill-trust/policy.toml")
    }

    fn try_run(&self, args: &[&str]) -> Option<Output> {
        let home = self.sandbox.arg("home");
        let all = [&[PROGRAM, "--home", &home, "--no-input"], args].concat();
        let output = crate::unmanaged::with_account(&self.sandbox.at("work/person"), &all)?;
        Some(Output::from(output, args))
    }

    fn run(&self, args: &[&str]) -> Output {
        self.try_run(args).unwrap()
    }

    /// What is said of `odd` in a set.
    fn in_set(&self) -> Vec<String> {
        let (file, odd) = (self.file(), &self.odd);
        vec![
            format!("found    {odd}: 3 NOTE, 1 excepted; see: skills review {odd}"),
            format!("exec.decode: the rule says BLOCK; {file} says NOTE"),
            format!("hide.command: BLOCK, excepted by {file}: own test data"),
        ]
    }
}

/// Attack: thirty good ones and one that blocks, which the policy makes a note.
#[test]
fn attack_what_the_policy_makes_less_rides_in_a_set_unseen() {
    let Some(account) = Account::new() else { return };
    let dry = account.run(&["trust", "fine", "odd", "--dry-run"]).ok();
    for line in account.in_set() {
        assert!(dry.0.stdout.contains(&line), "{line}: {}", dry.0.stdout);
    }
    assert!(!dry.0.stdout.contains("found    fine@"), "{}", dry.0.stdout);
    let row = dry.0.stdout.lines().find(|line| line.starts_with("odd ")).unwrap().to_owned();
    assert!(row.contains("findings"), "there is something to look for: {row}");
    // Stated by a machine nobody is asked, and it is said all the same.
    let set = account.run(&["trust", "fine", "odd", "--print-set"]).ok().0;
    let file = account.sandbox.arg("work/set");
    fs::write(&file, &set.stdout).unwrap();
    let digest = set.stderr.split_whitespace().find(|word| word.starts_with("sha256:")).unwrap();
    let mut told = account.run(&["trust", "--set", &file, "--digest", digest]).ok();
    for line in account.in_set() {
        told = told.says(&line);
    }
    let log = fs::read_to_string(account.sandbox.home().join("audit/audit.jsonl")).unwrap();
    let mut records = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let last = records.rfind(|record| record["skill"] == "odd").unwrap();
    let reason = last["reason"].as_str().unwrap();
    for said in
        ["trusted in a set of 2", "BLOCK by exec.decode made NOTE by", "BLOCK by hide.command excepted by"]
    {
        assert!(reason.contains(said), "{said}: {reason}");
    }
}

#[test]
fn where_nobody_is_asked_what_was_made_less_is_said() {
    let Some(account) = Account::new() else { return };
    let digest = account.odd.digest.to_string();
    let file = account.file();
    let lines = [
        "found    3 NOTE, 1 excepted".to_owned(),
        "NOTE     exec.decode  SKILL.md:8".to_owned(),
        format!("the rule says BLOCK; {file} says NOTE"),
        "excepted hide.command  SKILL.md:8".to_owned(),
        format!("BLOCK, by {file}: own test data"),
    ];
    let all = |mut said: crate::support::sandbox::Said| {
        for line in &lines {
            said = said.says(line);
        }
    };
    all(account.run(&["trust", "odd", "--digest", &digest]).ok());
    let folder = account.sandbox.arg("a");
    account.run(&["enable", "odd", "--dir", &folder]).ok();
    crate::support::sandbox::tamper(&account.sandbox.at("a/odd/SKILL.md"));
    account.run(&["verify"]).code(5);
    all(account.run(&["repair", "odd", "--digest", &digest]).ok());
    // Made less and excepted: what the rule says is on the screen too.
    let less = LESS.replace("{ ", "{ \"hide.command\" = \"warn\", ");
    account.policy(&format!("{less}{}", except("hide.command", &account.odd)));
    account
        .run(&["review", "odd", "--no-pager"])
        .ok()
        .says(&format!("WARN, the rule says BLOCK, by {file}: own"));
}

/// A line that names the heaviest says if the policy could not be asked.
#[test]
fn one_line_says_that_the_policy_did_not_weigh() {
    let Some(account) = Account::new() else { return };
    let words = "; not weighed by the policy";
    assert!(!account.run(&["status", "odd"]).stdout.contains(words));
    account.policy("[review]\nseverity = { \"exec.fetsh\" = \"block\" }\n");
    let said = account.run(&["status", "odd"]);
    assert!(said.stdout.contains("exec.decode  SKILL.md:8") && said.stdout.contains(words), "{said:?}");
    let said = account.run(&["status", "fine"]);
    assert!(said.stdout.contains("nothing that the rules look for; not weighed by the policy"), "{said:?}");
}

/// What a machine asks of several and does not get is on record as it is of one;
/// what is only looked at is not, nor that nothing waits.
#[test]
fn a_refused_set_is_on_record() {
    let sandbox = Sandbox::fast();
    let folder = sandbox.skill("odd").file("SKILL.md", blocked("odd")).make();
    let fine = sandbox.skill("fine").make();
    for folder in [&folder, &fine] {
        sandbox.run(&["install", folder.to_str().unwrap()]).ok();
    }
    let before = records(&sandbox);
    for (args, code) in [
        (&["trust", "odd", "fine", "--by-policy", "--dry-run"][..], 3),
        (&["trust", "--updates"], 3),
        (&["trust", "--updates", "--by-policy"], 3),
        (&["trust", "--adopted"], 3),
        (&["trust", "fine", "odd", "--expires", "never"], 2),
    ] {
        sandbox.run(args).code(code);
        assert_eq!(records(&sandbox), before, "{args:?}");
    }
    sandbox.run(&["trust", "odd", "fine", "--by-policy"]).code(3).says("[policy-unmet]");
    let refused = record(&sandbox);
    let head = ["event", "decision", "note"].map(|key| refused[key].as_str().unwrap_or_default());
    assert_eq!(head, ["trust", "refused", "a set: skills trust odd fine --by-policy"], "{refused}");
    assert_eq!(refused["codes"], serde_json::json!(["policy-unmet"]));
    // A set in full, of which one is decided alone.
    let set = skill_trust::model::set::RevisionSet::new([
        &revision("odd", &sandbox, &folder),
        &revision("fine", &sandbox, &fine),
    ])
    .unwrap();
    let file = sandbox.arg("work/set");
    fs::write(&file, set.text()).unwrap();
    let digest = set.digest().to_string();
    sandbox.run(&["trust", "--set", &file, "--digest", &digest]).code(4);
    assert_eq!(record(&sandbox)["note"], format!("a set of 2: {digest}"));
    assert_eq!(records(&sandbox), before + 2);
}

fn revision(name: &str, sandbox: &Sandbox, folder: &Path) -> Revision {
    let name = skill_trust::model::skill::SkillName::parse(name).unwrap();
    Revision { name, digest: sandbox.digest(folder) }
}
