"""The gateway container's command: hold the listening socket, and keep HAProxy running on it.

`start.py FOLDER ADDRESS PORT`. HAProxy inherits the socket as descriptor 3. One that ends is started again at once;
who connects meanwhile waits in the socket's queue. The file `successor_of` in the folder names the folder of the
gateway whose place is taken: the very socket is handed over, so that not one connection in its queue is lost.
"""

import os
import signal
import socket
import sys
import threading
import time

INHERITED = 3
BACKLOG = 4096
STEADY_S = 0.5
LONGEST_PAUSE_S = 1.0
BROKEN_CONFIGURATION = 1
PATIENCE_S = 5


class Gateway:
    """One HAProxy after another on one socket, until a signal ends both."""

    def __init__(self, folder: str, address: str, port: int) -> None:
        self.folder = folder
        self.child = 0
        self.is_ending = False
        self.listener = self.taken_over() or self.bound(address, port)

    def taken_over(self) -> socket.socket | None:
        """Return the predecessor's socket, None where there is no predecessor or it is gone."""
        said = self.folder + "/successor_of"
        if not os.path.exists(said):
            return None
        with open(said) as source:
            predecessor = source.read()
        os.unlink(said)  # used up: a restart later asks nobody who is gone
        try:
            with socket.socket(socket.AF_UNIX) as asking:
                asking.settimeout(PATIENCE_S)
                asking.connect(predecessor + "/listener.sock")
                (taken,) = socket.recv_fds(asking, 1, 1)[1]
        except (OSError, ValueError):
            return None
        return socket.socket(fileno=taken)

    def bound(self, address: str, port: int) -> socket.socket:
        """Return a socket of our own. Nobody may share its port: another deck's gateway is a stranger."""
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((address, port))
        except OSError as error:
            sys.exit(f"cannot bind {address}:{port}: {error.strerror}")
        made.listen(BACKLOG)
        return made

    def hand_over(self) -> None:
        """Give the socket to a successor that asks."""
        path = self.folder + "/listener.sock"
        if os.path.exists(path):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX) as giving:
            giving.bind(path)
            giving.listen(1)
            while True:
                asking = giving.accept()[0]
                with asking:
                    socket.send_fds(asking, [b"!"], [self.listener.fileno()])

    def end(self, number: int, frame: object) -> None:
        """Pass a signal on: HAProxy answers what it has and ends, and we with it; the socket is the successor's."""
        self.is_ending = True
        self.listener.close()
        if self.child:
            os.kill(self.child, number)

    def run_once(self) -> int:
        """Start HAProxy and return how it ended."""
        self.child = os.fork()
        if self.child == 0:
            os.dup2(self.listener.fileno(), INHERITED)
            os.set_inheritable(INHERITED, True)  # where the two were one already
            os.execv("/usr/sbin/haproxy", ["haproxy", "-db", "-f", self.folder + "/haproxy.cfg"])  # noqa: S606
        ended = os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])
        self.child = 0
        return ended

    def run(self) -> int:
        """Run until told to end, or until HAProxy refuses its configuration: the engine's log then says why."""
        for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.end)
        threading.Thread(target=self.hand_over, daemon=True).start()
        hasty, ended = 0, 0
        while not self.is_ending:
            begun = time.monotonic()
            ended = self.run_once()
            if ended == BROKEN_CONFIGURATION:
                break
            hasty = hasty + 1 if time.monotonic() - begun < STEADY_S else 0
            if hasty > 1:  # one that keeps dying is given pauses, and whoever connects still waits
                time.sleep(min(LONGEST_PAUSE_S, 0.02 * 2**hasty))
        return abs(ended)


sys.exit(Gateway(sys.argv[1], sys.argv[2], int(sys.argv[3])).run())
