//! Use cases: gather facts, decide, confirm, apply, record.
