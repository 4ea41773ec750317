"""The gateway container's command: become HAProxy, taking the listening sockets of the gateway it replaces.

The first argument is the instance's folder. Its file `successor_of` names the admin socket to take them from and is
used up by the first start, so that a restart later never waits for a predecessor that is gone.
"""

import os
import sys

folder = sys.argv[1]
command = ["/usr/sbin/haproxy", "-db", "-f", folder + "/haproxy.cfg"]
try:
    with open(folder + "/successor_of") as said:
        command += ["-x", said.read().strip()]
    os.unlink(folder + "/successor_of")
except FileNotFoundError:
    pass
os.execv(command[0], command)  # noqa: S606
