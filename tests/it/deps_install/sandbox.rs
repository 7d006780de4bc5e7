//! What a hostile installer can reach: tried for real, as root and as an
//! ordinary account, each act by a program that writes down what became of it.

use super::bench::{Bench, NPM, possible};
use crate::support::scene::chmod;
use serde_json::Value;
use skill_trust::model::code::Code;
use skill_trust::model::consent::End;
use skill_trust::ops::deps::install;
use std::fs;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::process::Command;

/// Tries each act and writes the system's answer down; `ok` if it was done.
const TRIES: &str = r##"#!/usr/bin/python3 -I
import ctypes, errno, json, os, socket, subprocess, sys, time
BASE, SOCK, ABSTRACT, PARENT, ACCOUNT = @
said = {}
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, act):
    try:
        act()
        said[name] = 'ok'
    except OSError as error:
        said[name] = errno.errorcode.get(error.errno, str(error))
    except Exception as error:
        said[name] = 'error: ' + repr(error)
def call(number, *args):
    if libc.syscall(number, *args) < 0:
        raise OSError(ctypes.get_errno(), 'x')
def connect(family, to):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.connect(to)
def write(path):
    with open(path, 'a') as f: f.write('x')
for path in ['/secret', '/home/ledger.db', '/home/permit', '/home/deps/work/canary', '/agent/pdf/SKILL.md', '/policy.toml', '/home', '/agent']:
    attempt('read ' + path, lambda: os.stat(BASE + path))
attempt('read account', lambda: os.listdir(ACCOUNT))
attempt('read ssh', lambda: os.listdir(ACCOUNT + '/.ssh'))
for path in ['/root', '/home', '/var', '/run', '/mnt', '/srv', '/opt', '/boot', '/sys', '/etc/shadow', '/etc/ssh', '/etc/skill-trust', '/run/docker.sock', '/run/user', '/var/run/docker.sock', '/etc/machine-id', '/tmp/.X11-unix']:
    attempt('read ' + path, lambda: os.stat(path))
for path in ['/usr/bin/planted', '/usr/local/bin/planted', '/etc/planted', '/planted', '/bin/planted', BASE + '/bin/planted', BASE + '/bin/npm', '/proc/sysrq-trigger', '/skill-home/../planted']:
    attempt('write ' + path, lambda: write(path))
attempt('write tools', lambda: write('/skill-tools/mine'))
attempt('write home', lambda: write('/skill-home/mine'))
attempt('write tmp', lambda: write('/tmp/mine'))
attempt('socket path', lambda: connect(socket.AF_UNIX, SOCK))
attempt('socket abstract', lambda: connect(socket.AF_UNIX, '\0' + ABSTRACT))
attempt('socket vsock', lambda: socket.socket(40, socket.SOCK_STREAM))
attempt('socket packet', lambda: socket.socket(17, socket.SOCK_RAW))
attempt('socket inet', lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
attempt('socketpair', lambda: socket.socketpair())
attempt('socketpair seqpacket', lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
attempt('socketpair datagram', lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
attempt('socketpair raw', lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW))
attempt('send abstract', lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', '\0' + ABSTRACT + '-datagrams'))
attempt('send abstract by seqpacket', lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)[0].sendto(b'x', '\0' + ABSTRACT + '-datagrams'))
attempt('send abstract by stream', lambda: socket.socketpair()[0].sendto(b'x', '\0' + ABSTRACT + '-datagrams'))
attempt('signal parent', lambda: os.kill(PARENT, 0))
attempt('terminal', lambda: open('/dev/tty'))
attempt('unshare user', lambda: call(272 if os.uname().machine == 'x86_64' else 97, 0x10000000))
attempt('clone user', lambda: call(56 if os.uname().machine == 'x86_64' else 220, 0x10000000 | 17, 0, 0, 0, 0))
attempt('keyctl', lambda: call(250 if os.uname().machine == 'x86_64' else 219, 0, -3, 0, 0, 0))
attempt('io_uring', lambda: call(425, 1, 0))
attempt('mount', lambda: call(165 if os.uname().machine == 'x86_64' else 40, b'none', b'/tmp', b'tmpfs', 0, 0))
attempt('chroot', lambda: os.chroot('/tmp'))
attempt('mknod', lambda: os.mknod('/tmp/disk', 0o60600, os.makedev(8, 0)))
attempt('set host name', lambda: call(170 if os.uname().machine == 'x86_64' else 161, b'x', 1))
# What it is already: nothing would change.
now = (ctypes.c_long * 2)(int(time.time()), 0)
attempt('set time', lambda: call(227 if os.uname().machine == 'x86_64' else 112, 0, now))
def is_open(number):
    try:
        os.fstat(number)
        return True
    except OSError:
        return False
said['open'] = [number for number in range(4096) if is_open(number)]
status = dict(line.split(':\t', 1) for line in open('/proc/self/status').read().splitlines() if ':\t' in line)
said['caps'] = status['CapEff'].strip() + status['CapPrm'].strip() + status['CapBnd'].strip()
said['privs'] = status['NoNewPrivs'].strip()
said['processes'] = len([p for p in os.listdir('/proc') if p.isdigit()])
said['environment'] = sorted(os.environ)
said['passwd'] = open('/etc/passwd').read().count('\n')
said['stdin'] = len(sys.stdin.read())
said['root'] = sorted(os.listdir('/'))
said['host'] = socket.gethostname()
json.dump(said, open('/skill-tools/said', 'w'))
"##;

fn tried() -> Option<(Value, Bench)> {
    if !possible() {
        return None;
    }
    let bench = Bench::new(NPM, "");
    let base = bench.scene.base();
    fs::write(base.join("secret"), "mine").unwrap();
    chmod(&base.join("secret"), 0o644);
    fs::create_dir_all(base.join("agent/pdf")).unwrap();
    fs::write(base.join("agent/pdf/SKILL.md"), "x").unwrap();
    let path = base.join("sock");
    let _one = UnixListener::bind(&path).unwrap();
    // Both are there to be reached by whoever is not in the sandbox.
    UnixStream::connect(&path).unwrap();
    let name = format!("skill-trust-test-{}", std::process::id());
    let abstracted = SocketAddr::from_abstract_name(&name).unwrap();
    let _two = UnixListener::bind_addr(&abstracted).unwrap();
    UnixStream::connect_addr(&abstracted).unwrap();
    let datagrams = SocketAddr::from_abstract_name(format!("{name}-datagrams")).unwrap();
    let three = UnixDatagram::bind_addr(&datagrams).unwrap();
    three.set_nonblocking(true).unwrap();
    let mut got = [0; 4];
    UnixDatagram::unbound().unwrap().send_to_addr(b"y", &datagrams).unwrap();
    assert_eq!(three.recv(&mut got).unwrap(), 1);
    // What whoever started us left open: a second descriptor, unlike the first, is inherited.
    let opened = fs::File::open(&base).unwrap();
    let left = rustix::io::dup(&opened).unwrap();
    assert!(!rustix::io::fcntl_getfd(&left).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    let account = skill_trust::system::account::Account::ours().home.unwrap_or_else(|| "/nonexistent".into());
    let given = format!(
        "{:?}, {:?}, {name:?}, {}, {:?}",
        base.to_str().unwrap(),
        path.to_str().unwrap(),
        std::process::id(),
        account.to_str().unwrap()
    );
    bench.stub("npm", &TRIES.replace('@', &given));
    let report = bench.install();
    assert_eq!(report.end, End::Done, "{:?}", install::tail(&report.steps[0], 20));
    assert_eq!(three.recv(&mut got).unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "{got:?}");
    assert!(rustix::fs::fstat(&left).is_ok(), "what is ours to keep is not closed");
    let said = fs::read_to_string(bench.tools().join("said")).unwrap();
    Some((serde_json::from_str(&said).unwrap(), bench))
}

#[test]
fn attack_a_hostile_installer_reaches_nothing_of_the_persons() {
    let Some((said, bench)) = tried() else { return };
    let all = said.as_object().unwrap();
    let gone = ["ENOENT", "EACCES", "ENOTDIR"];
    for (act, answer) in all.iter().filter(|(act, _)| act.starts_with("read ")) {
        assert!(gone.contains(&answer.as_str().unwrap_or_default()), "{act}: {answer}");
    }
    for (act, answer) in all.iter().filter(|(act, _)| act.starts_with("write /")) {
        let no = ["EROFS", "EACCES", "EPERM", "ENOENT"];
        assert!(no.contains(&answer.as_str().unwrap_or_default()), "{act}: {answer}");
    }
    for path in ["/usr/bin/planted", "/usr/local/bin/planted", "/etc/planted", "/planted"] {
        assert!(!std::path::Path::new(path).exists(), "{path}");
    }
    assert!(!bench.scene.base().join("bin/planted").exists());
    for (act, answer) in [
        ("write tools", "ok"),
        ("write home", "ok"),
        ("write tmp", "ok"),
        ("socket path", "EAFNOSUPPORT"),
        ("socket abstract", "EAFNOSUPPORT"),
        ("socket vsock", "EAFNOSUPPORT"),
        ("socket packet", "EAFNOSUPPORT"),
        ("socket inet", "ok"),
        ("socketpair", "ok"),
        ("socketpair seqpacket", "ok"),
        ("socketpair datagram", "ESOCKTNOSUPPORT"),
        ("socketpair raw", "ESOCKTNOSUPPORT"),
        ("send abstract", "ESOCKTNOSUPPORT"),
        ("send abstract by stream", "EISCONN"),
        ("signal parent", "ESRCH"),
        ("unshare user", "EPERM"),
        ("clone user", "EPERM"),
        ("keyctl", "EPERM"),
        ("io_uring", "ENOSYS"),
        ("mount", "EPERM"),
        ("chroot", "EPERM"),
        ("mknod", "EPERM"),
        ("set host name", "EPERM"),
        ("set time", "EPERM"),
    ] {
        assert_eq!(said[act], answer, "{act}");
    }
    assert!(["ENXIO", "ENOENT", "EIO"].contains(&said["terminal"].as_str().unwrap()), "{}", said["terminal"]);
    assert_eq!(said["caps"], "0".repeat(48), "no right is kept, and none can be got");
    assert_eq!((&said["privs"], &said["stdin"], &said["passwd"]), (&"1".into(), &0.into(), &1.into()));
    assert!(said["processes"].as_u64().unwrap() <= 3, "{}", said["processes"]);
    // Python sets LC_CTYPE for itself.
    let names = said["environment"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    let names: Vec<_> = names.filter(|name| *name != "LC_CTYPE").collect();
    assert_eq!(names, ["HOME", "LANG", "PATH", "PWD", "TERM", "TMPDIR"]);
    assert_eq!(said["host"], "skill");
    assert_eq!(said["open"], serde_json::json!([0, 1, 2]), "nothing that is open here goes along");
    assert!(!bench.scene.base().join("home/deps/work").exists());
}

/// Attack: an installer puts links into the tools' folder, that lead to what is
/// the person's; whoever removes it would follow.
#[test]
fn attack_what_was_installed_leads_elsewhere_when_it_is_removed() {
    if !possible() {
        return;
    }
    let bench = Bench::new(NPM, "");
    let base = bench.scene.base();
    fs::create_dir(base.join("precious")).unwrap();
    fs::write(base.join("precious/file"), "mine").unwrap();
    let text = format!(
        "#!/bin/sh\ncd /skill-tools\nln -s {0}/precious link\nln -s {0}/precious/file file\nmkdir -p d/e\nln -s ../../../../../precious d/e/up\nchmod 500 d/e d\n",
        base.display()
    );
    bench.stub("npm", &text);
    assert_eq!(bench.install().end, End::Done);
    assert!(bench.tools().join("link/file").exists(), "outside, the link leads there");
    skill_trust::ops::remove::remove(&bench.scene.world, &crate::support::scene::typed(&bench.revision))
        .unwrap();
    assert!(!bench.tools().exists());
    assert_eq!(fs::read_to_string(base.join("precious/file")).unwrap(), "mine");
}

/// A sandbox is believed for no call: where a file of the home can be read in it,
/// nothing is run. Here the home lies in what the policy lets every step read.
#[test]
fn attack_a_policy_that_opens_the_home_to_every_step() {
    if !possible() {
        return;
    }
    let bench = Bench::new(NPM, "#!/bin/sh\necho x > /skill-tools/begun\n");
    let base = bench.scene.base();
    for folder in [base.join("home"), base.clone(), base.parent().unwrap().to_owned()] {
        let policy = format!("[deps]\nprograms = [\"{}\", \"{}/bin\"]\n", folder.display(), base.display());
        fs::write(base.join("policy.toml"), policy).unwrap();
        let stop = bench.look(&bench.request()).unwrap_err();
        assert_eq!(stop.code, Code::PolicyUnmet, "{stop:?}");
    }
    // A folder of the home itself holds no home, and is found out by trying.
    let policy = format!("[deps]\nprograms = [\"{0}/home/deps/work\", \"{0}/bin\"]\n", base.display());
    fs::create_dir_all(base.join("home/deps/work")).unwrap();
    chmod(&base.join("home/deps"), 0o700);
    fs::write(base.join("policy.toml"), policy).unwrap();
    let ready = bench.given(&bench.request());
    let consent = bench.consent(&ready).unwrap();
    let stop = install::start(&bench.scene.world, &ready, &consent).unwrap_err();
    assert_eq!(stop.code, Code::NoSandbox, "{stop:?}");
    assert!(stop.what.contains("it does not hold") && !bench.ran(), "{stop:?}");
    assert_eq!(bench.told().last().unwrap(), "deps-started refused no-sandbox");
}

/// Whoever may not make name spaces is told, and nothing is run without one.
#[test]
fn where_no_sandbox_works_nothing_is_run() {
    if !possible() || !crate::support::faults::is_root() {
        eprintln!("NOT RUN: hiding bubblewrap needs root; the other pass of the tests runs it");
        return;
    }
    let bed = crate::support::faults::Bed::new();
    let pip = r#"{"kind":"pip","package":"requests","version":"2.32.0"}"#;
    let source = bed.root.join("src/demo/SKILL.md");
    let card = format!(
        "---\nname: demo\ndescription: D.\nmetadata: {{\"openclaw\": {{\"install\": [{pip}]}}}}\n---\n"
    );
    fs::write(&source, card).unwrap();
    let digest = bed.install("demo");
    bed.trust("demo", &digest);
    for (hide, says) in [
        ("mount --bind /bin/false /usr/bin/bwrap", "it does not work here"),
        ("mount -t tmpfs none /usr/bin", ""),
    ] {
        let plan = bed.run(&["deps", "plan", "demo", "--json"]).done().out;
        let plan: Value = serde_json::from_str(&plan).unwrap();
        let script = format!("{hide} || exit 99; exec \"$0\" \"$@\"");
        let inner = "/bin/sh";
        let output = Command::new("unshare")
            .args(["--mount", inner, "-c", &script, crate::support::faults::SKILLS, "--home"])
            .arg(bed.home())
            .args(["deps", "install", "demo", "--plan", plan["digest"].as_str().unwrap()])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .output()
            .unwrap();
        let (code, err) = (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned());
        assert_eq!(code, Some(3), "{hide}: {err}");
        assert!(err.contains("[no-sandbox]") && err.contains(says), "{hide}: {err}");
    }
    let log = fs::read_to_string(bed.log()).unwrap();
    assert!(!log.contains("deps-ended") && log.matches("[\"no-sandbox\"]").count() == 2, "{log}");
    assert!(!bed.home().join("deps/work").exists());
}
