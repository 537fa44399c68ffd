"""How many signatures a second all cores of this machine can make: the limit our rate is held against."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, cast

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from outbound.bench.crew import PYTHON, environment

SECONDS = 1.5


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0))


def rsa_per_s(key: Path) -> float:
    """Signatures a second with the PEM key at `key`, one process a core, SECONDS long."""
    arguments = [*PYTHON, "outbound.bench.rsa", str(key)]
    running = [
        subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            process_group=0,
            text=True,
        )
        for _ in range(cores())
    ]
    try:
        for one in running:
            cast(IO[str], one.stdout).readline()  # it has its key
        for one in running:
            cast(IO[str], one.stdin).write("go\n")
            cast(IO[str], one.stdin).flush()
        return sum(float(one.communicate(timeout=30)[0]) for one in running)
    finally:
        for one in running:
            one.kill()
            one.wait()


def sign_for(key: rsa.RSAPrivateKey, seconds: float) -> float:
    """Signatures a second of this process, made exactly as outbound.signing makes them."""
    how, what = padding.PKCS1v15(), utils.Prehashed(hashes.SHA256())
    digest, done = bytes(32), 0
    began = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        for _ in range(50):
            key.sign(digest, how, what)
        done += 50
    return done / (now - began)


def main() -> None:
    """Say ready, wait for a line, sign, say the rate."""
    pem = Path(sys.argv[1]).read_bytes()
    key = cast(rsa.RSAPrivateKey, serialization.load_pem_private_key(pem, None))
    print("ready", flush=True)
    if sys.stdin.readline():
        print(sign_for(key, SECONDS), flush=True)


if __name__ == "__main__":
    main()
