"""Programs that a test started: until they listen, and until they are gone."""

import socket
import subprocess
import time

import lib


def wait_for_port(process, port, said=lambda: "", address="127.0.0.1", seconds=20):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if process.poll() is not None:
            break
        try:
            socket.create_connection((address, port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise lib.Failure(f"no server on {address}:{port}: {lib.one_line(said()[-500:])}")


def end(process, seconds=20):
    """SIGTERM, then SIGKILL for one that does not listen."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
