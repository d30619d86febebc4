"""Two network namespaces joined by a wire: a server in one, strangers in the other, whose addresses are outside of `networks`."""

import contextlib
import json
import os
import subprocess
import sys

import lib

SERVER, CLIENTS = "192.0.2.1", ("192.0.2.2", "192.0.2.3", "192.0.2.4")


@contextlib.contextmanager
def two_namespaces():
    """Names of two namespaces joined by a veth pair; removed at the end."""
    lib.needs_root()
    lib.needs("ip")
    names = [f"buzon-{os.getpid()}-{side}" for side in ("s", "c")]
    ends = [f"bz{os.getpid() % 100000}{side}" for side in ("s", "c")]
    try:
        made = subprocess.run(["ip", "netns", "add", names[0]], capture_output=True, text=True)
        if made.returncode:
            raise lib.Skip("no network namespaces here: " + made.stderr)
        lib.run("ip", "netns", "add", names[1])
        lib.run("ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for name, end, addresses in zip(names, ends, ((SERVER,), CLIENTS)):
            lib.run("ip", "link", "set", end, "netns", name)
            for address in addresses:
                lib.run("ip", "-n", name, "addr", "add", address + "/24", "dev", end)
            lib.run("ip", "-n", name, "link", "set", end, "up")
            lib.run("ip", "-n", name, "link", "set", "lo", "up")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def inside(file, namespace, task, *words):
    """Runs a test file's `--task` in a namespace; its JSON answer."""
    done = lib.run("ip", "netns", "exec", namespace, sys.executable, "-B", file, "--" + task, *map(str, words), timeout=120)
    return json.loads(done.stdout)
