"""Unpacks archives with every reader of this machine and tells what each made
of them. Reads lines `quick PATH` or `all PATH`, answers one line of JSON each:
the reader's name to a map of path to SHA-256, or to a string, its refusal.
Behind the hash stands `+x` if the owner may execute the file, before it `link:`
if it is that of a symbolic link's target. Java and Python's `zipfile` know
neither and show plain files.

Quick readers live as long as this process; the others are started anew."""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings
import zipfile

warnings.simplefilter("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
# No reader fills the machine's memory because a header says so.
LARGEST = 1 << 30
resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))
ROOM = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


def tree(top):
    """What was unpacked: files by content, anything else as such."""
    found = {}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            # An ordinary account cannot read what it unpacked without rights.
            if not os.path.islink(path):
                os.chmod(path, 0o700)
            short = os.path.relpath(os.fsencode(path), os.fsencode(top)).decode("utf-8", "backslashreplace")
            if os.path.islink(path):
                found[short] = "link:" + hashlib.sha256(os.fsencode(os.readlink(path))).hexdigest()
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    sum = hashlib.sha256(file.read()).hexdigest()
                found[short] = sum + "+x" if mode & 0o100 else sum
            elif not os.path.isdir(path):
                found[short] = "special"
    return found


def unpacked(unpack):
    """A tree in a folder of its own, inside another that shows an escape."""
    outer = tempfile.mkdtemp(dir=ROOM)
    inner = os.path.join(outer, "a", "b")
    os.makedirs(inner)
    try:
        unpack(inner)
        found = tree(outer)
        inside = {path[4:]: value for path, value in found.items() if path.startswith("a/b/")}
        return inside if len(inside) == len(found) else "escaped"
    except Exception as error:
        return "refused: " + type(error).__name__
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def python_tar(path):
    def unpack(folder):
        with tarfile.open(path, "r:gz") as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(folder, filter="data")
            else:
                # Older ones write wherever a name leads.
                for member in archive.getmembers():
                    leads = os.path.join(os.path.dirname(member.name), member.linkname if member.issym() else "")
                    away = any(
                        (os.path.normpath(path) + "/").startswith(("/", "../")) for path in [member.name, leads]
                    )
                    if away or not (member.isreg() or member.isdir() or member.issym()):
                        raise ValueError(member.name)
                archive.extractall(folder)
            # Without this nothing looks at the checksum of the stream.
            while archive.fileobj.read(1 << 16):
                pass

    return unpacked(unpack)


def python_zip(path):
    def unpack(folder):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)

    return unpacked(unpack)


def program(command, fine=(0,)):
    def read(path):
        def unpack(folder):
            words = [path if word == "IN" else folder if word == "TO" else word for word in command]
            done = subprocess.run(
                words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=20,
                env=dict(os.environ, LC_ALL="C.UTF-8"),
            )
            if done.returncode not in fine:
                raise OSError(done.returncode)

        return unpacked(unpack)

    return read


class Child:
    """A reader in another language that answers line by line."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def ask(self, path):
        self.process.stdin.write(path + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def there(*names):
    return all(shutil.which(name) for name in names)


def main():
    children = {}
    if there("java"):
        children["java"] = Child(["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", os.path.join(HERE, "Readers.java")])
    if there("perl") and subprocess.run(["perl", "-MArchive::Tar", "-MDigest::SHA", "-MJSON::PP", "-e1"],
                                        stderr=subprocess.DEVNULL).returncode == 0:
        children["perl"] = Child(["perl", os.path.join(HERE, "readers.pl")])
    slow_tar = {"gnu tar": ["tar", "--no-same-owner", "-xzf", "IN", "-C", "TO"]}
    slow_zip = {}
    if there("bsdtar"):
        slow_tar["bsdtar"] = ["bsdtar", "--no-same-owner", "-xf", "IN", "-C", "TO"]
        slow_zip["bsdtar"] = ["bsdtar", "--no-same-owner", "-xf", "IN", "-C", "TO"]
    if there("unzip"):
        slow_zip["unzip"] = ["unzip", "-qq", "-o", "IN", "-d", "TO"]
    if there("7z"):
        # Without this it leaves an empty file for a link with `..`, and an error.
        plain = subprocess.run(["7z", "i", "-snld20"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        unpack = "7z x -y -bso0" + (" -snld20" if plain == 0 else "")
        slow_tar["7z"] = [
            "sh", "-c",
            '7z x -so -tgzip "$1" > "$2.tar" && %s -ttar -o"$2" "$2.tar"; s=$?; rm -f "$2.tar"; exit $s' % unpack,
            "sh", "IN", "TO",
        ]
        slow_zip["7z"] = ["sh", "-c", unpack + ' -o"$2" "$1"', "sh", "IN", "TO"]
    for line in sys.stdin:
        how, path = line.rstrip("\n").split(" ", 1)
        answer = {}
        if path.endswith(".zip"):
            answer["python zipfile"] = python_zip(path)
            if "java" in children:
                answer.update(children["java"].ask(path))
            slow = slow_zip
        else:
            answer["python tarfile"] = python_tar(path)
            if "perl" in children:
                answer.update(children["perl"].ask(path))
            slow = slow_tar
        if how == "all":
            for name, command in slow.items():
                # `unzip` ends with 1 after a warning: all was written.
                answer[name] = program(command, (0, 1) if name == "unzip" else (0,))(path)
        print(json.dumps(answer), flush=True)
    shutil.rmtree(ROOM, ignore_errors=True)


main()
