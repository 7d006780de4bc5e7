//! How much a machine does and keeps, for all texts of a skill together.
//!
//! Steps alone bound nothing: one step may copy a long text a thousand times, and
//! a function of one fence may be called from ten thousand others. So every text
//! that is put together costs its bytes, every command a fixed sum, and what names
//! and files hold is counted as long as it is kept. What a skill may spend grows
//! with what it says. What goes beyond is not done, and that is told.

use super::machine::Machine;
use super::value::Value;

/// What any skill may spend, in bytes that are put together.
const FREE: usize = 48 * 1024 * 1024;
/// And for each byte of commands that is followed.
const EACH: usize = 48;
/// Bytes that names and files may hold at a time.
pub(in super::super) const KEPT: usize = 16 * 1024 * 1024;
/// What each byte of a text costs that is read once more: by `eval`, as an alias, as a program.
pub(super) const READ: usize = 16;
/// What a command costs whatever it does.
pub(super) const COMMAND: usize = 256;

/// What was spent, and what is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Budget {
    /// Bytes put together so far.
    pub(in super::super) spent: usize,
    /// Bytes of commands followed so far.
    pub(in super::super) read: usize,
    /// Bytes that names and files hold now.
    pub(in super::super) kept: usize,
}

impl Budget {
    /// What may be spent on so much text.
    pub(in super::super) const fn limit(read: usize) -> usize {
        FREE + EACH * read
    }
}

impl Machine {
    /// Counts bytes that are put together; whether there were that many left.
    pub(super) fn spend(&mut self, bytes: usize) -> bool {
        self.budget.spent = self.budget.spent.saturating_add(bytes);
        let left = self.budget.spent <= Budget::limit(self.budget.read);
        self.trace.cut |= !left;
        left
    }

    /// Keeps the values of a name, if there is room for them.
    pub(super) fn hold(&mut self, name: &str, values: Vec<Value>) {
        let before = self.vars.remove(name).map_or(0, |before| size(name, &before));
        if self.room(before, size(name, &values)) {
            self.vars.insert(name.to_owned(), values);
        }
    }

    /// Keeps what a file holds, if there is room for it.
    pub(super) fn hold_file(&mut self, path: String, what: Value) {
        let before = self.files.remove(&path).map_or(0, |before| path.len() + before.size());
        if self.room(before, path.len() + what.size()) {
            self.files.insert(path, what);
        }
    }

    /// Gives back so much, and takes so much, if that is left.
    pub(super) fn room(&mut self, before: usize, size: usize) -> bool {
        self.budget.kept = self.budget.kept.saturating_sub(before);
        let left = self.budget.kept + size <= KEPT;
        self.budget.kept += if left { size } else { 0 };
        self.trace.cut |= !left;
        left
    }
}

fn size(name: &str, values: &[Value]) -> usize {
    name.len() + values.iter().map(Value::size).sum::<usize>()
}
