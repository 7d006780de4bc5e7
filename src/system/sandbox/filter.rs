//! Which system calls a step may make: a program for the kernel's filter.
//!
//! Name spaces hide files, processes and mounts. What they leave open while the
//! network is shared is closed here:
//!
//! - sockets other than of the internet: an abstract socket (the session bus,
//!   the X server) belongs to the network's name space and not to a path. A pair
//!   of connected ones is harmless as long as neither end can send elsewhere,
//!   which an end for datagrams can;
//! - key rings, which belong to the account;
//! - new user name spaces, in which a program would be root again and could
//!   reach parts of the kernel that an account never does;
//! - calls that make other calls unseen (`io_uring`).
//!
//! The program is made of numbers alone, eight bytes for each instruction.

/// A call that is answered with an error: its number, and the error's.
type Refused = (u32, u32);

const EPERM: u32 = 1;
const ENOSYS: u32 = 38;
const ESOCKTNOSUPPORT: u32 = 94;
const EAFNOSUPPORT: u32 = 97;
/// The families of sockets that there are: internet, its sixth version, and the
/// kernel's own for routes, which name look-ups ask.
const FAMILIES: [u32; 3] = [2, 10, 16];
/// The family of a pair of sockets: `AF_UNIX`.
const PAIRED: u32 = 1;
/// Their kinds, of which both ends stay with each other: a stream, and one with
/// message borders. Above are flags.
const KINDS: [u32; 2] = [1, 5];
const KIND: u32 = 0xf;
/// `CLONE_NEWUSER`.
const NEW_USER: u32 = 0x1000_0000;

/// What differs between processors.
struct Arch {
    audit: u32,
    socket: u32,
    socketpair: u32,
    clone: u32,
    refused: &'static [Refused],
    /// Numbers from here on belong to another way of calling.
    other_from: Option<u32>,
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
const HERE: Option<Arch> = Some(Arch {
    audit: 0xc000_003e,
    socket: 41,
    socketpair: 53,
    clone: 56,
    refused: &[
        (435, ENOSYS), // clone3: its flags cannot be seen; the C library goes on with clone
        (425, ENOSYS), // io_uring_setup, _enter, _register
        (426, ENOSYS),
        (427, ENOSYS),
        (272, EPERM), // unshare
        (308, EPERM), // setns
        (248, EPERM), // add_key, request_key, keyctl
        (249, EPERM),
        (250, EPERM),
        (298, EPERM), // perf_event_open
        (321, EPERM), // bpf
        (323, EPERM), // userfaultfd
    ],
    other_from: Some(0x4000_0000),
});

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
const HERE: Option<Arch> = Some(Arch {
    audit: 0xc000_00b7,
    socket: 198,
    socketpair: 199,
    clone: 220,
    refused: &[
        (435, ENOSYS),
        (425, ENOSYS),
        (426, ENOSYS),
        (427, ENOSYS),
        (97, EPERM),
        (268, EPERM),
        (217, EPERM),
        (218, EPERM),
        (219, EPERM),
        (241, EPERM),
        (280, EPERM),
        (282, EPERM),
    ],
    other_from: None,
});

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
const HERE: Option<Arch> = None;

const LOAD: u16 = 0x20;
const IF_EQUAL: u16 = 0x15;
const IF_AT_LEAST: u16 = 0x35;
const IF_ANY_BIT: u16 = 0x45;
const AND: u16 = 0x54;
const RETURN: u16 = 0x06;
const ALLOW: u32 = 0x7fff_0000;
const KILL: u32 = 0x8000_0000;
const ERROR: u32 = 0x0005_0000;
/// Where in what the kernel hands over the number, the processor and the first two arguments
/// are; of these the lower half, which is what the kernel's own calls look at.
const NUMBER: u32 = 0;
const PROCESSOR: u32 = 4;
const ARGUMENT: u32 = 16;
const SECOND: u32 = 24;

/// The program for this processor; none where it is not known how its calls are
/// numbered.
#[must_use]
pub(super) fn program() -> Option<Vec<u8>> {
    HERE.map(|arch| bytes(&instructions(&arch)))
}

/// One instruction: what, how far to jump if so and if not, and with which value.
type Instruction = (u16, u8, u8, u32);

fn instructions(arch: &Arch) -> Vec<Instruction> {
    let mut all = vec![
        (LOAD, 0, 0, PROCESSOR),
        // A call in another processor's way has other numbers.
        (IF_EQUAL, 1, 0, arch.audit),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
    ];
    if let Some(from) = arch.other_from {
        all.extend([(IF_AT_LEAST, 0, 1, from), (RETURN, 0, 0, KILL)]);
    }
    for (number, error) in arch.refused {
        all.extend([(IF_EQUAL, 0, 1, *number), (RETURN, 0, 0, ERROR | error)]);
    }
    all.extend([
        (IF_EQUAL, 0, 6, arch.socket),
        (LOAD, 0, 0, ARGUMENT),
        (IF_EQUAL, 3, 0, FAMILIES[0]),
        (IF_EQUAL, 2, 0, FAMILIES[1]),
        (IF_EQUAL, 1, 0, FAMILIES[2]),
        (RETURN, 0, 0, ERROR | EAFNOSUPPORT),
        (RETURN, 0, 0, ALLOW),
        (IF_EQUAL, 0, 9, arch.socketpair),
        (LOAD, 0, 0, ARGUMENT),
        (IF_EQUAL, 1, 0, PAIRED),
        (RETURN, 0, 0, ERROR | EAFNOSUPPORT),
        (LOAD, 0, 0, SECOND),
        (AND, 0, 0, KIND),
        (IF_EQUAL, 2, 0, KINDS[0]),
        (IF_EQUAL, 1, 0, KINDS[1]),
        (RETURN, 0, 0, ERROR | ESOCKTNOSUPPORT),
        (RETURN, 0, 0, ALLOW),
        (IF_EQUAL, 0, 3, arch.clone),
        (LOAD, 0, 0, ARGUMENT),
        (IF_ANY_BIT, 0, 1, NEW_USER),
        (RETURN, 0, 0, ERROR | EPERM),
        (RETURN, 0, 0, ALLOW),
    ]);
    all
}

fn bytes(all: &[Instruction]) -> Vec<u8> {
    let one = |(code, yes, no, value): &Instruction| {
        let mut out = code.to_ne_bytes().to_vec();
        out.extend([*yes, *no]);
        out.extend(value.to_ne_bytes());
        out
    };
    all.iter().flat_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's machine, as far as these instructions go.
    fn run(program: &[Instruction], processor: u32, number: u32, arguments: [u32; 2]) -> u32 {
        let (mut at, mut held) = (0, 0);
        loop {
            let (code, yes, no, value) = program[at];
            let jump = |so: bool| usize::from(if so { yes } else { no });
            at += 1;
            match code {
                LOAD => {
                    held = match value {
                        NUMBER => number,
                        PROCESSOR => processor,
                        ARGUMENT => arguments[0],
                        SECOND => arguments[1],
                        other => panic!("{other}"),
                    }
                }
                AND => held &= value,
                IF_EQUAL => at += jump(held == value),
                IF_AT_LEAST => at += jump(held >= value),
                IF_ANY_BIT => at += jump(held & value != 0),
                RETURN => return value,
                other => panic!("{other:#x}"),
            }
        }
    }

    #[test]
    fn what_is_refused_is_refused_and_nothing_else() {
        let Some(arch) = HERE else { return };
        let program = instructions(&arch);
        let say = |number, argument| run(&program, arch.audit, number, [argument, 0]);
        for family in 0..50 {
            let wanted = if FAMILIES.contains(&family) { ALLOW } else { ERROR | EAFNOSUPPORT };
            assert_eq!(say(arch.socket, family), wanted, "family {family}");
        }
        assert_eq!(say(arch.clone, 0x0120_0011), ALLOW);
        for flags in [NEW_USER, NEW_USER | 0x0120_0011, u32::MAX] {
            assert_eq!(say(arch.clone, flags), ERROR | EPERM);
        }
        for (number, error) in arch.refused {
            assert_eq!(say(*number, 0), ERROR | error, "{number}");
        }
        let known = |number: &u32| arch.refused.iter().any(|(other, _)| other == number);
        let looked_at = [arch.socket, arch.socketpair, arch.clone];
        for number in (0..500).filter(|number| !looked_at.contains(number)) {
            assert_eq!(say(number, 1) == ALLOW, !known(&number), "{number}");
        }
        for processor in [0, 0x4000_0003, arch.audit ^ 1] {
            assert_eq!(run(&program, processor, arch.socket, [2, 0]), KILL);
        }
        if let Some(from) = arch.other_from {
            assert_eq!(say(from, 0), KILL);
            assert_eq!(say(from + arch.socket, 2), KILL);
        }
    }

    /// Attack: an end of a pair for datagrams sends to an abstract socket, which
    /// whoever makes sockets may not.
    #[test]
    fn attack_an_end_of_a_pair_that_sends_elsewhere() {
        let Some(arch) = HERE else { return };
        let program = instructions(&arch);
        let pair = |family, kind| run(&program, arch.audit, arch.socketpair, [family, kind]);
        let (close_on_exec, non_blocking) = (0o2_000_000, 0o4_000);
        for kind in 0..16 {
            let wanted = if kind == 1 || kind == 5 { ALLOW } else { ERROR | ESOCKTNOSUPPORT };
            for flags in [0, close_on_exec, non_blocking, close_on_exec | non_blocking] {
                assert_eq!(pair(1, kind | flags), wanted, "{kind} {flags:o}");
            }
        }
        for family in (0..50).filter(|family| *family != 1) {
            assert_eq!(pair(family, 1), ERROR | EAFNOSUPPORT, "{family}");
        }
    }
}
