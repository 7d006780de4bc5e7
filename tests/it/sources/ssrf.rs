//! Addresses that would make us the messenger of somebody outside: to this
//! machine, to the network around it, to a cloud's metadata service. Listeners
//! wait on the loopback addresses, and none may ever be connected to.

use super::https::{Server, plain};
use super::repo::{fails, open_with};
use crate::support::scene::Scene;
use skill_trust::model::source::SourceSpec;
use skill_trust::ops::install;
use skill_trust::system::fetch::{FetchError, FetchOptions};
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Listeners on one port of `127.0.0.1` and of `::1` where the machine has it.
struct Trap {
    listeners: Vec<TcpListener>,
    port: u16,
}

impl Trap {
    fn set() -> Self {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        let mut listeners = vec![first];
        listeners.extend(TcpListener::bind(("::1", port)));
        for listener in &listeners {
            listener.set_nonblocking(true).unwrap();
        }
        Self { listeners, port }
    }

    /// Asserts that nobody knocked.
    fn untouched(&self, why: &str) {
        for listener in &self.listeners {
            let error = listener.accept().expect_err(why);
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{why}: {error}");
        }
    }
}

/// Hosts that lead inside, in every dress that an address parser undoes.
const INSIDE: &[&str] = &[
    "localhost",
    "LOCALHOST",
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0",
    "0.0.0.0",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "127.255.255.254",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
];
/// Where nothing of ours can listen, and nobody may be sent either.
const AROUND: &[&str] = &[
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "10.0.0.1",
    "100.64.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "198.18.0.1",
    "[fe80::1]",
    "[fc00::1]",
    "224.0.0.1",
    "255.255.255.255",
];

fn refused(url: &str, options: &FetchOptions) -> String {
    let error = fails(open_with(url, None, options));
    assert!(matches!(error, FetchError::Unreachable { .. }), "{url}: {error}");
    let said = error.to_string();
    assert!(said.contains("not a public address"), "{url}: {said}");
    said
}

#[test]
fn no_address_leads_inside() {
    let trap = Trap::set();
    for host in INSIDE.iter().chain(AROUND) {
        let url = format!("https://{host}:{}/o/r", trap.port);
        // What is no address for us at all is refused before it is one for a client.
        let parsed = SourceSpec::parse(&url, |_| false);
        if parsed.is_ok() {
            let said = refused(&url, &FetchOptions::default());
            assert!(said.contains("[network] internal"), "the way out is named: {said}");
        }
        trap.untouched(host);
    }
}

#[test]
fn no_redirect_leads_inside() {
    for host in INSIDE.iter().chain(AROUND) {
        let trap = Trap::set();
        let to = format!("https://{host}:{}/o/r/info/refs?service=git-upload-pack", trap.port);
        let server =
            Server::start(Box::new(move |_, out| plain(out, "302 Found", &format!("Location: {to}\r\n"))));
        // The first server is one that the policy names, by its name alone.
        let options = server.options();
        if host.eq_ignore_ascii_case("localhost") {
            continue;
        }
        refused(&server.url, &options);
        trap.untouched(host);
    }
}

#[test]
fn a_host_inside_is_reached_if_the_policy_names_it_and_no_other() {
    let server = Server::start(Box::new(|_, out| plain(out, "404 Not Found", "")));
    let named = |hosts: &[&str]| FetchOptions {
        internal_hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        ..server.options()
    };
    let error = fails(open_with(&server.url, None, &named(&["LocalHost"])));
    assert!(error.to_string().contains("404"), "{error}");
    let number = server.url.replace("localhost", "127.0.0.1");
    let error = fails(open_with(&number, None, &named(&["127.0.0.1"])));
    assert!(error.to_string().contains("404"), "{error}");
    for hosts in [&[][..], &["host"], &["localhost."], &["ocalhost"], &["127.0.0.1"], &["*"], &[""]] {
        refused(&server.url, &named(hosts));
    }
    refused(&number, &named(&["localhost"]));
}

/// The same by a policy file: the machine's list counts, and what is no host
/// would match nothing and is an error.
#[test]
fn the_policy_file_names_the_hosts_inside() {
    let scene = Scene::new();
    let mut world = scene.world.clone();
    world.policy_files = ["machine.toml", "account.toml"].map(|name| scene.base().join(name)).to_vec();
    let server = Server::start(Box::new(|_, out| plain(out, "404 Not Found", "")));
    let spec = SourceSpec::parse(&server.url, |_| false).unwrap();
    let options = FetchOptions { internal_hosts: Vec::new(), ..server.options() };
    let said = |files: [&str; 2]| {
        for (path, text) in world.policy_files.iter().zip(files) {
            std::fs::write(path, text).unwrap();
        }
        let Err(stop) = install::open(&world, &spec, &options, install::Purpose::Look) else {
            panic!("nothing is there")
        };
        stop.what
    };
    let named = "[network]\ninternal = [\"localhost\"]\n";
    assert!(said([named, ""]).contains("404"));
    assert!(said(["", named]).contains("404"));
    for files in [["", ""], ["[network]\ninternal = []\n", named], [&named.replace("local", "other"), named]]
    {
        assert!(said(files).contains("not a public address"), "{files:?}");
    }
    for odd in ["*", "https://localhost", "localhost:443", "*.example.org", "a b", ""] {
        assert!(said([&named.replace("localhost", odd), ""]).contains("is no host"), "{odd}");
    }
}

/// Answers every question with one address, which alternates.
fn rebinding_resolver(socket: UdpSocket, asked: Arc<AtomicUsize>) {
    std::thread::spawn(move || {
        let mut packet = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            let question = &packet[..length];
            // The name ends with an empty label; type and class follow.
            let Some(end) = question[12..].iter().position(|byte| *byte == 0).map(|at| 12 + at + 5) else {
                continue;
            };
            let is_v4 = question[end - 4..end - 2] == [0, 1];
            let mut answer = question[..2].to_vec();
            answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_v4), 0, 0, 0, 0]);
            answer.extend(&question[12..end]);
            if is_v4 {
                let count = asked.fetch_add(1, Ordering::SeqCst);
                // TEST-NET would be refused too; this one is public, and nobody's.
                let address = if count.is_multiple_of(2) { [192, 0, 1, 1] } else { [127, 0, 0, 1] };
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
                answer.extend(address);
            }
            let _ = socket.send_to(&answer, from);
        }
    });
}

/// The real program, the machine's real resolver, and a name server that lies
/// differently each time: public first, this machine then.
#[test]
fn a_name_that_rebinds_is_never_connected_to_inside() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("NOT RUN: a name server of our own needs root; the other pass of the tests runs it");
        return;
    }
    let Ok(socket) = UdpSocket::bind("127.0.0.1:53") else {
        eprintln!("NOT RUN: port 53 is taken on this machine");
        return;
    };
    let asked = Arc::new(AtomicUsize::new(0));
    rebinding_resolver(socket, Arc::clone(&asked));
    let trap = Trap::set();
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("resolv"), "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n").unwrap();
    std::fs::write(at("nsswitch"), "hosts: dns\n").unwrap();
    let script = "mount --bind $1 /etc/resolv.conf && { [ ! -e /etc/nsswitch.conf ] || mount --bind $2 /etc/nsswitch.conf; } && \
        exec timeout 60 \"$3\" --home \"$4\" install \"$5\"";
    for round in 0..2 {
        let url = format!("https://rebind.example:{}/o/r", trap.port);
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, "sh", &at("resolv"), &at("nsswitch")]);
        command.args([env!("CARGO_BIN_EXE_skills"), &at("home"), &url]).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).current_dir(Path::new("/"));
        let done = command.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success(), "{said}");
        trap.untouched(&said);
        assert!(asked.load(Ordering::SeqCst) > round, "the name server was asked: {said}");
    }
    assert!(asked.load(Ordering::SeqCst) >= 2);
}
