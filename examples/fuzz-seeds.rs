//! Writes the seeds of the fuzzers: `fuzz-seeds FOLDER` makes one folder for
//! each target, and `dictionaries` with the words of each. `scripts/fuzz` calls
//! this.

#![allow(clippy::unwrap_used, clippy::panic, dead_code, reason = "the bodies are tests")]

#[path = "../tests/it/fuzz_seeds/seeds.rs"]
mod seeds;
#[path = "../tests/it/fuzz_seeds/targets/mod.rs"]
mod targets;

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).unwrap_or_else(|| "corpus".into());
    for (target, _) in targets::TARGETS {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder)?;
        for (at, seed) in seeds::of(target).iter().enumerate() {
            fs::write(folder.join(format!("seed-{at:02}")), seed)?;
        }
        println!("{target}");
    }
    Ok(())
}
