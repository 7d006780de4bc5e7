//! Everything that must hold after a fault, whatever it was.

use super::scenes::Scene;
use crate::support::faults::{Bed, Call, Foreign, Logs, Looked, Ran};
use skill_trust::model::code::Code;
use skill_trust::model::decision::Decision;
use skill_trust::ops::gate;
use std::collections::BTreeMap;

/// What the gate never says because of a fault of ours.
const NEVER: &[&str] = &["rolled-back", "tampered", "ledger-damaged", "ledger-missing", "internal"];

/// One command under test, with what it is to be compared with.
pub(crate) struct Judge {
    /// Where it runs.
    pub(crate) bed: Bed,
    scene: &'static Scene,
    args: Vec<String>,
    /// Its system calls when nothing goes wrong.
    pub(crate) calls: Vec<Call>,
    before: Looked,
    after: Looked,
    /// What others put into the agent's folder.
    originals: Vec<Foreign>,
    code: i32,
    /// Logs for the second program.
    pub(crate) logs: Logs,
    /// What was violated.
    pub(crate) violations: Vec<String>,
    /// How many points were judged.
    pub(crate) points: usize,
    /// Points at which the program said that it was done.
    pub(crate) acknowledged: usize,
    /// Points at which it was killed.
    pub(crate) killed: usize,
    /// Points that left a half-removed home, which was gone on with.
    pub(crate) gone_on: usize,
}

impl Judge {
    /// Prepares a scene in a place and runs it once without a fault.
    pub(crate) fn new(bed: Bed, scene: &'static Scene) -> Self {
        let args = (scene.prepare)(&bed);
        bed.keep("start");
        let before = bed.look().unwrap();
        let originals = bed.foreign(&before.view.placed());
        bed.restore("start");
        let (ran, calls) = bed.trace(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let code = ran.code.unwrap_or_else(|| panic!("{}: {ran:?}", scene.name));
        assert!(code == 0 || scene.name == "drift", "{}: {ran:?}", scene.name);
        let after = bed.look().unwrap();
        assert!(before.head != after.head, "{}: it changes something", scene.name);
        Self {
            bed,
            scene,
            args,
            calls,
            before,
            after,
            originals,
            code,
            logs: Logs::new(),
            violations: Vec::new(),
            points: 0,
            acknowledged: 0,
            killed: 0,
            gone_on: 0,
        }
    }

    /// The command with one fault, from the start.
    pub(crate) fn run(&self, call: &str, fault: &str) -> Ran {
        self.bed.restore("start");
        self.run_here(call, fault)
    }

    /// The command with one fault, as things are.
    pub(crate) fn run_here(&self, call: &str, fault: &str) -> Ran {
        let args: Vec<_> = self.args.iter().map(String::as_str).collect();
        self.bed.run_with(call, fault, &args)
    }

    /// Judges what is there now.
    pub(crate) fn judge(&mut self, point: &str, ran: &Ran) {
        self.points += 1;
        let done = ran.code == Some(self.code);
        self.acknowledged += usize::from(done);
        self.killed += usize::from(ran.signal == Some(9));
        let mut found = Vec::new();
        let failed = ran.code == Some(1);
        if let Err(why) = self.laws(done, failed, &mut found) {
            found.push(why);
        }
        let how = ran.code.map_or_else(|| "killed".to_owned(), |code| format!("exit {code}"));
        let name = self.scene.name;
        self.violations.extend(found.into_iter().map(|why| format!("{name}: {point}: {how}: {why}")));
    }

    fn laws(&mut self, done: bool, failed: bool, found: &mut Vec<String>) -> Result<(), String> {
        self.go_on(found)?;
        let bed = &self.bed;
        // An answer of the gate is no promise that the copies are gone by now.
        if done && self.code == 0 && bed.live() != self.after.view.live {
            found.push(format!("acknowledged, and an agent finds {:?}", bed.live()));
        }
        let held = bed.has_hold();
        let (early, ran) = bed.gate("demo");
        if early && held {
            found.push("the gate allowed under a kill".to_owned());
        }
        if let Some(word) = NEVER.iter().find(|word| ran.out.contains(&format!("\"{word}\""))) {
            found.push(format!("the gate said {word}: {}", ran.out));
        }
        let mut now = bed.look()?;
        let again = bed.look()?;
        if now.head != again.head || now.view != again.view {
            found.push(format!("recovery did something the second time: {} {}", now.head, again.head));
        }
        self.logs.take(bed, &now.head);
        self.states(&now, done, found);
        self.originals(&mut now, failed, found);
        let view = &now.view;
        // See `removed` below: closed, since it could not be moved.
        let closed = !done && self.scene.name == "kill by name" && view.live.is_subset(&view.placed());
        // Handed over: the home is gone, and the copies are the person's.
        let over = self.scene.name == "uninstall, handing over" && view.rows.is_empty();
        if over && view.live != self.after.view.live {
            found.push(format!("handed over is {:?}, not {:?}", view.live, self.after.view.live));
        }
        if view.live != view.placed() && !closed && !over {
            found.push(format!("an agent finds {:?}, the ledger has {:?}", view.live, view.placed()));
        }
        for (row, state) in &view.rows {
            let answer = gate::ask(&bed.world(), &gate::bare_request(row));
            let allowed = answer.decision == Decision::Allow;
            // A narrow kill that cannot rename a permit removes it, and says NOT
            // KILLED if it cannot record that either: denied, and less than recorded.
            let removed = self.scene.name == "kill by name" && answer.codes == [Code::PermitMissing];
            if removed && !done {
                continue;
            }
            if allowed != (state.starts_with("enabled") && !view.held) {
                found.push(format!(
                    "{row} is {state}, and the gate says {:?}: {}",
                    answer.codes, answer.reason
                ));
            }
            if early && row.starts_with("demo@") && view.rows.len() == 2 && !allowed {
                found.push("the gate allowed and then did not".to_owned());
            }
        }
        #[cfg(feature = "provenance")]
        super::imports::law(bed, self.scene, &self.args, done)?;
        Ok(())
    }

    /// A home that is half removed allows nothing, has nothing live that was not
    /// allowed before, and is removed wholly by going on.
    fn go_on(&mut self, found: &mut Vec<String>) -> Result<(), String> {
        if !self.bed.home().join("uninstalling").exists() {
            return Ok(());
        }
        self.gone_on += 1;
        let (allowed, ran) = self.bed.gate("demo");
        if allowed || !ran.out.contains("half-removed") {
            found.push(format!("half removed, and the gate says: {}", ran.out));
        }
        if !self.bed.live().is_subset(&self.before.view.live)
            || !self.after.view.live.is_subset(&self.bed.live())
        {
            found.push(format!("half removed, and an agent finds {:?}", self.bed.live()));
        }
        let log = std::fs::read_to_string(self.bed.path("log.jsonl")).unwrap_or_default();
        if !log.contains("\"event\":\"uninstall\"") {
            found.push("half removed, and the log was not exported".to_owned());
        }
        let ran = self.bed.run(&["uninstall"]);
        if !ran.acknowledged() || self.bed.home().exists() {
            return Err(format!("an uninstall that was begun could not be gone on with: {ran:?}"));
        }
        Ok(())
    }

    /// What others put there is whole, once, and named by the log if it is not
    /// where it lay. There it is as live as it was; that is nobody's placement.
    /// Where nothing at all can be written a kill clears all the same, and fails
    /// for that reason: then it is enough that the home's evidence holds it.
    fn originals(&self, now: &mut Looked, failed: bool, found: &mut Vec<String>) {
        let log = std::fs::read_to_string(self.bed.log()).unwrap_or_default();
        let placed = now.view.placed();
        for original in &self.originals {
            let path = original.path.to_string_lossy().into_owned();
            match self.bed.whole(original).as_slice() {
                [at] if *at == original.path => {
                    if placed.contains(&path) {
                        found.push(format!("{path} is not ours, and the ledger says it is"));
                    }
                    now.view.live.remove(&path);
                }
                [at] => {
                    let name = at.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    let kept = failed && at.starts_with(self.bed.home().join("evidence"));
                    if !log.contains(&name) && !kept {
                        found.push(format!("{path} is at {}, and no record says so", at.display()));
                    }
                }
                several => found.push(format!("{path} is whole in {} places: {several:?}", several.len())),
            }
        }
    }

    /// Before, or after; acknowledged, after.
    fn states(&self, now: &Looked, done: bool, found: &mut Vec<String>) {
        let (before, after, view) = (&self.before.view, &self.after.view, &now.view);
        if done && view != after {
            found.push(format!("acknowledged, and it is {view:?}, not {after:?}"));
        }
        let names = before.rows.keys().chain(after.rows.keys()).chain(view.rows.keys());
        for name in names {
            let (is, was, to) = (view.rows.get(name), before.rows.get(name), after.rows.get(name));
            let less = is.is_some_and(|is| self.scene.also.contains(&is.as_str()));
            if is != was && is != to && !less {
                found.push(format!("{name} is {is:?}, neither {was:?} nor {to:?}"));
            }
        }
        let all = |rows: &BTreeMap<String, String>| rows == &view.rows;
        if self.scene.together && !all(&before.rows) && !all(&after.rows) {
            found.push(format!("some are ahead of others: {:?}", view.rows));
        }
        if view.holds != before.holds && view.holds != after.holds {
            found.push(format!("the holds are {:?}", view.holds));
        }
        if view.held != before.held && view.held != after.held {
            found.push(format!("held is {}", view.held));
        }
        if now.epoch < self.before.epoch || now.epoch > self.after.epoch + 1 {
            found.push(format!("the epoch went from {} to {}", self.before.epoch, now.epoch));
        }
    }

    /// Hands over what was found.
    pub(crate) fn end(mut self) -> Vec<String> {
        let logs = std::mem::replace(&mut self.logs, Logs::new());
        let mut all = std::mem::take(&mut self.violations);
        all.extend(logs.check());
        all
    }
}

/// Prints the count and fails with the first few violations.
pub(crate) fn conclude(what: &str, points: usize, violations: &[String]) {
    eprintln!("{what}: {points} points, {} violations", violations.len());
    let short = |text: &String| text.trim_end().chars().take(700).collect::<String>();
    let first: Vec<_> = violations.iter().take(25).map(short).collect();
    assert!(violations.is_empty(), "{what}: {} violations\n{}", violations.len(), first.join("\n"));
}
