"""A server whose checks are on or off, and one run of mail to it."""

import json
import os
import subprocess
import sys
import time

import lib
import measure
import servers

HERE = os.path.dirname(os.path.abspath(__file__))
POLICIES = {"off": ["bypass_virus_checks", "bypass_banned_checks"], "virus": ["bypass_banned_checks"], "all": []}


def wait_for(condition, seconds, what):
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise lib.Failure(f"{what}: not there after {seconds} s")
        time.sleep(0.05)


class Filtering(servers.Buzon):
    """Deals with what comes as `way` says; ready when its signatures are."""

    def __init__(self, way, signatures, settings=None):
        super().__init__()
        self.way = way
        self.settings = {**self.settings, "signature-directory": signatures, **(settings or {})}

    def __enter__(self):
        super().__enter__()
        try:
            for key in POLICIES[self.way]:
                self.cli("policy", "set", key, "true")
            wait_for(lambda: self.way == "off" or self.loaded(), 120, "signatures")
        except BaseException:
            self.__exit__()
            raise
        return self

    def loaded(self):
        """How often signatures of the folder were loaded."""
        return sum(1 for line in self.log().splitlines() if "signatures: " in line and "version embedded" not in line)


def mail(server, connections, seconds, files):
    """One run of the generator. What is refused is a failure of the run."""
    result = flow(server, connections, seconds, files)
    if result["refused"]:
        raise RuntimeError(f"{server.way}: refused: {result['refused'][0]}")
    return result


def flow(server, connections, seconds, files):
    command = [sys.executable, "-B", HERE + "/filter_load.py", str(server.smtp), str(connections), str(seconds), *files]
    busy = measure.cpu(server.pid)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds + 300)
    busy = measure.cpu(server.pid) - busy
    if done.returncode:
        raise RuntimeError(f"filter_load.py ended with {done.returncode}: {done.stderr[-300:].strip()}")
    result = json.loads(done.stdout)
    times = result["times"]
    server.took(len(times))
    took = max(end for _, end in times) - min(begin for begin, _ in times)
    return {**result, "rate": len(times) / took, "cpu": busy * 1000 / len(times), "waits": sorted((end - begin) * 1000 for begin, end in times)}


def share(values, part):
    return values[min(len(values) - 1, int(len(values) * part))]
