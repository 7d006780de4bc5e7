//! Signing through a real `ssh-agent`, and through things that only look like one.

use super::sign::ssh_keygen_takes;
use super::{Author, all, arg, skill, tool};
use skill_trust::model::code::Code;
use skill_trust::model::code::Stop;
use skill_trust::ops::publish::sign::{self, Request, Signed};
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// An agent with a socket of its own, ended with the test.
struct Running {
    child: Child,
    socket: PathBuf,
}

impl Running {
    fn start(folder: &Path) -> Self {
        let socket = folder.join("socket");
        let mut command = Command::new("ssh-agent");
        command.args(["-D", "-a", arg(&socket)]).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        for _ in 0..3000 {
            if socket.exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Self { child, socket }
    }

    fn ssh_add(&self, args: &[&str]) {
        let output = Command::new("ssh-add").args(args).env("SSH_AUTH_SOCK", &self.socket).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A key pair by `ssh-keygen`, its `.pub` file and its id.
fn key(folder: &Path, name: &str, kind: &[&str]) -> (PathBuf, String) {
    let file = folder.join(name);
    tool("ssh-keygen", &[&["-q", "-N", "", "-C", "a comment", "-f", arg(&file)], kind].concat());
    let public = folder.join(format!("{name}.pub"));
    let told = tool("ssh-keygen", &["-lf", arg(&public)]);
    (public, format!("ssh:{}", told.split(' ').nth(1).unwrap()))
}

fn sign(author: &Author, folder: &Path, socket: &Path, key: &str, replace: bool) -> Result<Signed, Stop> {
    let (agent, key) = (Some(socket.to_owned()), key.to_owned());
    let request = Request { path: folder.to_owned(), key, form: None, agent, replace, dry_run: false };
    sign::sign(&author.world, &request)
}

#[test]
fn an_ssh_agent_signs_and_ssh_keygen_verifies() {
    let author = Author::new();
    let keys = author.sandbox.at("work");
    let agent = Running::start(&keys);
    for (name, kind) in [
        ("ed", &["-t", "ed25519"][..]),
        ("p256", &["-t", "ecdsa", "-b", "256"]),
        ("p384", &["-t", "ecdsa", "-b", "384"]),
        ("p521", &["-t", "ecdsa", "-b", "521"]),
    ] {
        let (public, id) = key(&keys, name, kind);
        agent.ssh_add(&["-q", arg(&keys.join(name))]);
        // The secret half is now in the agent alone.
        fs::remove_file(keys.join(name)).unwrap();
        let folder = skill(&author, &format!("by-{name}"));
        let signed = sign(&author, &folder, &agent.socket, &id, false).unwrap();
        assert_eq!(signed.signer.to_string(), id);
        let line = format!("ana {}", fs::read_to_string(&public).unwrap().trim());
        assert!(ssh_keygen_takes(&folder, &line, "ana"), "{name}");
        // By its file, the same key; and its own signature may be replaced.
        assert!(sign(&author, &folder, &agent.socket, arg(&public), false).unwrap().already);
        fs::write(folder.join("more.md"), "more\n").unwrap();
        assert!(sign(&author, &folder, &agent.socket, arg(&public), true).unwrap().replaced);
        assert!(ssh_keygen_takes(&folder, &line, "ana"), "{name}");
    }
}

#[test]
fn a_key_that_the_agent_does_not_have_or_that_is_not_evaluated_signs_nothing() {
    let author = Author::new();
    let keys = author.sandbox.at("work");
    let agent = Running::start(&keys);
    let folder = skill(&author, "pdf-forms");
    let before = all(&folder);
    let (absent, id) = key(&keys, "absent", &["-t", "ed25519"]);
    let (rsa, rsa_id) = key(&keys, "rsa", &["-t", "rsa", "-b", "2048"]);
    agent.ssh_add(&["-q", arg(&keys.join("rsa"))]);
    let refused = |named: &str, code: Code| {
        let stop = sign(&author, &folder, &agent.socket, named, false).unwrap_err();
        assert_eq!(stop.code, code, "{named}: {stop:?}");
        assert!(!stop.next.is_empty());
    };
    refused(&id, Code::NoKey);
    refused(arg(&absent), Code::NoKey);
    refused(&rsa_id, Code::NoKey);
    refused(arg(&rsa), Code::NoKey);
    refused("ssh:SHA256:short", Code::Usage);
    refused(arg(&keys.join("nowhere.pub")), Code::NoKey);
    // A secret file, named by mistake, is not read out.
    let stop = sign(&author, &folder, &agent.socket, arg(&keys.join("absent")), false).unwrap_err();
    let secret = fs::read_to_string(keys.join("absent")).unwrap();
    let mark = &secret.lines().nth(3).unwrap()[..20];
    assert!(!stop.what.contains(mark) && stop.code == Code::NoKey, "{stop:?}");
    // A locked agent has no keys.
    agent.ssh_add(&["-q", arg(&keys.join("absent"))]);
    agent.ssh_add(&["-qD"]);
    refused(&id, Code::NoKey);
    let nobody = sign(&author, &folder, &keys.join("no-socket"), &id, false).unwrap_err();
    assert_eq!(nobody.code, Code::NoKey);
    assert_eq!(all(&folder), before);
}

/// Something at a socket that lists a key and answers a signature of its own.
fn impostor(socket: &Path, blob: Vec<u8>, signature: Vec<u8>) -> std::thread::JoinHandle<()> {
    let listener = UnixListener::bind(socket).unwrap();
    let string = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let list = [&[12][..], &1_u32.to_be_bytes(), &string(&blob), &string(b"")].concat();
    let signed = [&[14][..], &string(&signature)].concat();
    let answers = [string(&list), string(&signed)];
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for answer in answers {
            let mut size = [0; 4];
            if stream.read_exact(&mut size).is_err() {
                return;
            }
            let mut message = vec![0; u32::from_be_bytes(size) as usize];
            stream.read_exact(&mut message).unwrap();
            stream.write_all(&answer).unwrap();
        }
    })
}

#[test]
fn attack_what_listens_at_the_socket_answers_a_signature_of_another_key() {
    use base64::Engine as _;
    let author = Author::new();
    let keys = author.sandbox.at("work");
    let (public, id) = key(&keys, "ana", &["-t", "ed25519"]);
    let line = fs::read_to_string(public).unwrap();
    let blob = base64::engine::general_purpose::STANDARD.decode(line.split(' ').nth(1).unwrap()).unwrap();
    let string = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let folder = skill(&author, "pdf-forms");
    let before = all(&folder);
    for (number, signature) in
        [[string(b"ssh-ed25519"), string(&[7; 64])].concat(), Vec::new(), b"x".to_vec()]
            .into_iter()
            .enumerate()
    {
        let socket = keys.join(format!("impostor-{number}"));
        let listening = impostor(&socket, blob.clone(), signature);
        let stop = sign(&author, &folder, &socket, &id, false).unwrap_err();
        listening.join().unwrap();
        assert_eq!(stop.code, Code::NotSigned, "{stop:?}");
        assert_eq!(all(&folder), before);
    }
}

#[test]
fn attack_the_environment_chooses_no_agent() {
    let author = Author::new();
    let keys = author.sandbox.at("work");
    let agent = Running::start(&keys);
    let (_, id) = key(&keys, "ana", &["-t", "ed25519"]);
    agent.ssh_add(&["-q", arg(&keys.join("ana"))]);
    let folder = skill(&author, "pdf-forms");
    let environment = [("SSH_AUTH_SOCK", arg(&agent.socket))];
    let output = author.sandbox.run_in(&environment, &["publish", "sign", arg(&folder), "--key", &id]);
    let _ = output.code(2);
    assert!(!folder.join("skill.intoto.json").exists());
    let said = author.sandbox.run(&["publish", "sign", "--help"]).code(0);
    assert!(said.0.stdout.contains("SSH_AUTH_SOCK is not read"), "{}", said.0.stdout);
}
