//! Tells the linker to leave out the counters of code that a target cannot
//! reach: libFuzzer looks through all of them after each input, which else
//! costs more than most inputs.

fn main() {
    println!("cargo:rustc-link-arg-bins=-Wl,-z,start-stop-gc");
}
