# SPDX-License-Identifier: Apache-2.0
"""usage: hangup.py COMMAND...: the full-screen command in a terminal that goes away: at rest, and with a key just typed that opens
the next page, sooner or later; where the loss is told by SIGHUP, and where that is ignored, as under nohup. It has to end each time."""
import os
import pty
import select
import signal
import sys
import time


def session(ignore, keys, pause):
    pid, fd = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN if ignore else signal.SIG_DFL)
        os.execvp(sys.argv[1], sys.argv[1:])
    shown = b""
    while b"Next" not in shown:
        if not select.select([fd], [], [], 60)[0]:
            os.kill(pid, signal.SIGKILL)
            sys.exit("hangup.py: no page: %r" % shown)
        shown += os.read(fd, 4096)
    os.write(fd, keys)
    time.sleep(pause)
    os.close(fd)
    for _ in range(6000):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    sys.exit("hangup.py: it runs on without a terminal: SIGHUP %s, keys %r, closed after %s s" % ("ignored" if ignore else "sent", keys, pause))


for ignore in (False, True):
    for keys in (b"", b"\r"):
        for i in range(8):
            session(ignore, keys, i * 0.002)
