"""Runs a command on a pseudo-terminal of its own, as a person's shell would.

Usage: pty.py ROWS COLUMNS COMMAND [ARGUMENT...]

Standard input takes one order a line: `w HEX` types bytes, `r ROWS COLUMNS`
resizes the window, `s SIGNAL` sends a signal. Standard output carries what
the terminal shows, byte for byte. The exit status is the command's, or 128
and the signal's number.
"""

import fcntl
import os
import select
import signal
import struct
import sys
import termios


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def child(slave, master, command):
    os.close(master)
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    if slave > 2:
        os.close(slave)
    # Tests that run in the background of a script ignore keys, and would pass that on.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error}\n".encode())
        os._exit(127)


def order(line, master, pid):
    kind, *words = line.split()
    if kind == b"w":
        os.write(master, bytes.fromhex(words[0].decode()))
    elif kind == b"r":
        resize(master, int(words[0]), int(words[1]))
    elif kind == b"s":
        os.kill(pid, int(words[0]))


def relay(master, pid):
    pending, sources = b"", [0, master]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if master in ready:
            try:
                shown = os.read(master, 65536)
            except OSError:  # EIO: the last holder of the terminal is gone.
                return
            if not shown:
                return
            while shown:
                shown = shown[os.write(1, shown):]
        if 0 in ready:
            orders = os.read(0, 65536)
            if not orders:
                sources.remove(0)
            *lines, pending = (pending + orders).split(b"\n")
            for line in lines:
                order(line, master, pid)


def main():
    rows, columns, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    master, slave = os.openpty()
    resize(slave, rows, columns)
    pid = os.fork()
    if pid == 0:
        child(slave, master, command)
    os.close(slave)
    try:
        relay(master, pid)
    except BrokenPipeError:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


main()
