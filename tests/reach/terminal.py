"""A person at a terminal: its size there, another size, its keys, the exit code, and the terminal as it was before."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time


def size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def own_terminal():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def start(*command):
    master, slave = pty.openpty()
    size(slave, 33, 101)
    before = termios.tcgetattr(slave)
    child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=own_terminal)
    return master, slave, before, child


def until(master, text, seconds=20):
    seen, end = b"", time.monotonic() + seconds
    while text not in seen:
        if not select.select([master], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit(f"no {text!r} in {seen!r}")
        seen += os.read(master, 65536)
    return seen


master, slave, before, child = start("gantry", "ssh")
time.sleep(2)
os.write(master, b"busybox stty size\r")
until(master, b"33 101")
size(master, 25, 80)
time.sleep(1)
os.write(master, b"busybox stty size\r")
until(master, b"25 80")
os.write(master, b"sleep 1040\r")
time.sleep(1)
os.write(master, b"\x03")  # Ctrl-C is the program's there
os.write(master, b"echo still-$((40 + 2))\r")
until(master, b"still-42")
assert child.poll() is None
raw = termios.tcgetattr(slave)
assert not raw[3] & termios.ICANON, "the terminal is not raw"
os.write(master, b"exit 7\r")
assert child.wait(10) == 7, "exit code"
assert termios.tcgetattr(slave) == before, "the terminal is not as before"

master, slave, before, child = start("gantry", "run", "sleep", "1041")
time.sleep(2)
assert not termios.tcgetattr(slave)[3] & termios.ICANON
child.send_signal(signal.SIGTERM)
assert child.wait(10) == -signal.SIGTERM
assert termios.tcgetattr(slave) == before, "the terminal is not as before, after a signal"

master, slave, before, child = start("gantry", "run", "no-such-program")
until(master, b"no-such-program:")
assert child.wait(10) == 127
assert termios.tcgetattr(slave) == before, "the terminal is not as before, after a failure"
