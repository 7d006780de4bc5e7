//! `deps install`: exactly what was confirmed, once, where nothing of the
//! person's can be reached, and with both ends on record.

mod bench;
mod consent;
mod crash;
mod picked;
mod program;
mod runs;
mod sandbox;
