#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: terminal.py [--stdout FILE] [--ahead TEXT] ANSWER COMMAND...: runs COMMAND on a terminal of its own, prints what it writes there,
and exits as it does (128 + the signal that ended it).

ANSWER is sent once the question has come: text (a newline is added), EOF, INT (Ctrl-C), HANGUP (the terminal goes away), or
!SHELL-COMMAND, which is run first and answered by "y". Each further line of ANSWER is sent after the prompt that comes next.
--stdout: standard output goes to FILE, standard error and input stay on the terminal.
--ahead: TEXT and a newline are typed before COMMAND starts."""
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

args = sys.argv[1:]
stdout = ahead = None
while args[0] in ("--stdout", "--ahead"):
    if args[0] == "--stdout":
        stdout = args[1]
    else:
        ahead = args[1]
    args = args[2:]
answers, command = args[0].split("\n"), args[1:]
start, go = os.pipe()
pid, fd = pty.fork()
if pid == 0:
    os.read(start, 1)
    if stdout:
        os.dup2(os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 1)
    os.execvp(command[0], command)
if ahead is not None:
    os.write(fd, ahead.encode() + b"\n")
os.write(go, b"!")
seen, told = b"", 0
deadline = time.time() + 60
while time.time() < deadline:
    if not select.select([fd], [], [], 0.2)[0]:
        continue
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
    if answers and re.search(rb"(\[y/N\] |: )$", seen[told:]):
        told = len(seen)
        answer = answers.pop(0)
        if answer.startswith("!"):
            subprocess.run(answer[1:], shell=True, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            answer = "y"
        if answer == "HANGUP":
            os.close(fd)
            break
        os.write(fd, {"EOF": b"\x04", "INT": b"\x03"}.get(answer, answer.encode() + b"\n"))
else:
    os.kill(pid, signal.SIGKILL)
    sys.exit("it did not end: " + seen.decode(errors="replace"))
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.write(seen.decode(errors="replace").replace("\r\n", "\n"))
sys.exit(status if status >= 0 else 128 - status)
