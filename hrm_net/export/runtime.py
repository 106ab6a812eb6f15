"""onnxruntime-web, which runs models in a browser: fetched once from the npm registry, checked, and kept.

`python -m hrm_net.export.runtime` fetches it, for a machine that will have no network later.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from puzzles.atomic_write import atomic_write
from puzzles.errors import UserError

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
# SHA-512 of the package's file, as the registry publishes it.
INTEGRITY = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
TARBALL = f"{PACKAGE}-{VERSION}.tgz"
REGISTRY = "https://registry.npmjs.org"
# What the page needs of it, and the names there: many file servers do not know that .mjs is JavaScript.
FILES = {
    "ort.wasm.min.mjs": "ort.wasm.min.js",
    "ort-wasm-simd-threaded.mjs": "ort-wasm-simd-threaded.js",
    "ort-wasm-simd-threaded.wasm": "ort-wasm-simd-threaded.wasm",
}
SECONDS = 300


def cached() -> Path:
    """Where the package's file is kept: below $XDG_CACHE_HOME, by default ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hrm-net" / TARBALL


def find(given: Path | None = None) -> Path:
    """The package's file: the one that was given, the one that is kept, or one that is fetched now, checked.

    UserError of one line, which names the remedy, for a file that is not the pinned version and where there is none to
    be had.
    """
    if given is not None:
        if not given.is_file():
            raise UserError(f"runtime={given}: no such file; npm pack {PACKAGE}@{VERSION} makes it")
        if not _is_pinned(given):
            raise UserError(f"runtime={given}: is not {PACKAGE} {VERSION}; npm pack {PACKAGE}@{VERSION} makes that")
        return given
    path = cached()
    if path.is_file() and _is_pinned(path):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        fetched = Path(folder) / TARBALL
        try:
            _fetch(fetched)
        except OSError as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise UserError(
                f"{PACKAGE} {VERSION} cannot be fetched from the npm registry ({' '.join(str(reason).split())[:200]}); "
                f"where there is a network, run: npm pack {PACKAGE}@{VERSION}, and give its file: --runtime {TARBALL}"
            ) from None
        if not _is_pinned(fetched):
            raise UserError(f"{PACKAGE} {VERSION}: what the npm registry gave is not the pinned file; nothing was kept")
        with fetched.open("rb") as source, atomic_write(path, binary=True) as kept:
            shutil.copyfileobj(source, kept)
    return path


def unpack(tarball: Path, directory: Path) -> None:
    """Write the files that a page needs, and what they are, into `directory`, which is made."""
    directory.mkdir(parents=True, exist_ok=True)
    with tarfile.open(tarball) as archive:
        for name, ours in FILES.items():
            source = archive.extractfile(f"package/dist/{name}")
            assert source is not None
            with (directory / ours).open("wb") as file:
                shutil.copyfileobj(source, file)
    told = f"{PACKAGE} {VERSION} of the npm registry, sha512-{INTEGRITY}\n\n{LICENSE}"
    (directory / "LICENSE.txt").write_text(told, encoding="utf-8")


def _is_pinned(path: Path) -> bool:
    with path.open("rb") as file:
        return base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode() == INTEGRITY


def _fetch(path: Path) -> None:
    """OSError where there is nothing to be had. npm, where it is installed, knows the user's registry and proxy."""
    if npm := shutil.which("npm"):
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", str(path.parent), "--loglevel=error"]
        try:
            done = subprocess.run(
                command, cwd=path.parent, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise OSError(f"npm pack took more than {SECONDS} seconds") from None
        if done.returncode or not path.is_file():
            raise OSError((done.stderr.strip().splitlines() or ["npm pack failed"])[-1])
        return
    registry = os.environ.get("NPM_CONFIG_REGISTRY") or REGISTRY
    address = f"{registry.rstrip('/')}/{PACKAGE}/-/{TARBALL}"
    with urllib.request.urlopen(address, timeout=60) as answer, path.open("wb") as file:
        shutil.copyfileobj(answer, file)


LICENSE = """\
MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

if __name__ == "__main__":
    from hrm_net.command_line import exit_codes

    with exit_codes():
        print(find())
