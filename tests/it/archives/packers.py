"""Packs the folder `in` below argv[1] in every way that Python's own modules
and the programs that are there know; prints one line for each: name, file."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

top = sys.argv[1]
source = os.path.join(top, "in")
made = []


def target(name):
    path = os.path.join(top, name)
    made.append(path)
    return path


def names():
    for folder, folders, files in os.walk(source):
        folders.sort()
        for name in sorted(folders) + sorted(files):
            path = os.path.join(folder, name)
            yield path, os.path.relpath(path, source)


# Python's tarfile, in its three formats, with and without entries for folders.
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
for name, kind in FORMATS.items():
    with tarfile.open(target("python-%s.tar.gz" % name), "w:gz", format=kind) as out:
        for path, short in names():
            out.add(path, short, recursive=False)
    with tarfile.open(target("python-%s-dot.tgz" % name), "w:gz", format=kind) as out:
        out.add(source, ".")
    with tarfile.open(target("python-%s-memory.tar.gz" % name), "w:gz", format=kind) as out:
        for path, short in names():
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    data = file.read()
                info = tarfile.TarInfo(short)
                info.size, info.mode = len(data), os.stat(path).st_mode & 0o777
                out.addfile(info, io.BytesIO(data))
shutil.make_archive(os.path.join(top, "shutil"), "gztar", source)
made.append(os.path.join(top, "shutil.tar.gz"))

# Python's zipfile: from files, in both methods, and to a pipe.
for name, method in {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED}.items():
    with zipfile.ZipFile(target("python-%s.zip" % name), "w", method) as out:
        for path, short in names():
            out.write(path, short)


class Pipe:
    def __init__(self, file):
        self.file = file

    def write(self, data):
        return self.file.write(data)

    def flush(self):
        self.file.flush()


with open(target("python-piped.zip"), "wb") as file:
    with zipfile.ZipFile(Pipe(file), "w", zipfile.ZIP_DEFLATED) as out:
        for path, short in names():
            if os.path.isfile(path):
                out.write(path, short)
shutil.make_archive(os.path.join(top, "shutil"), "zip", source)
made.append(os.path.join(top, "shutil.zip"))

# Programs.
entries = sorted(os.listdir(source))


def run(name, command):
    if shutil.which(command[0]) is None:
        print("absent", command[0])
        return
    path = target(name)
    command = [path if word == "OUT" else word for word in command]
    subprocess.run(command, cwd=source, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ, LC_ALL="C.UTF-8"))


run("tar-dot.tgz", ["tar", "-czf", "OUT", "-C", source, "."])
run("tar-default.tar.gz", ["tar", "-czf", "OUT", "--"] + entries)
for name in ["gnu", "pax", "ustar"]:
    run("tar-%s.tar.gz" % name, ["tar", "-czf", "OUT", "--format=" + name, "--"] + entries)
run("tar-sorted.tar.gz", ["tar", "-czf", "OUT", "--sort=name", "--owner=0", "--group=0", "--mtime=@0", "."])
run("bsdtar.tar.gz", ["bsdtar", "-czf", "OUT"] + entries)
run("bsdtar-ustar.tar.gz", ["bsdtar", "-czf", "OUT", "--format=ustar"] + entries)
run("bsdtar.zip", ["bsdtar", "-cf", "OUT", "--format=zip"] + entries)
# Info-ZIP leaves out the mark of UTF-8 names; the folder `notes` has one.
ascii = [name for name in entries if name != "notes"]
run("zip.zip", ["zip", "-qr", "OUT", ".", "-x", "notes/*"])
run("zip-foreign.zip", ["zip", "-qr", "OUT", "."])
run("zip-no-extra.zip", ["zip", "-qrX", "OUT"] + ascii)
run("zip-stored.zip", ["zip", "-qr0", "OUT"] + ascii)
run("zip-no-folders.zip", ["zip", "-qrD", "OUT"] + ascii)
run("7z.zip", ["7z", "a", "-tzip", "-bso0", "OUT"] + entries)
run("jar.zip", ["jar", "--create", "--no-manifest", "--file", "OUT", "-C", source, "."])
for path in made:
    print("made", path)
