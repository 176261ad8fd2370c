"""Puts the licences of the libraries inside a repaired wheel beside them: `wheel_licences.py WHEEL`.

Debian keeps the copyright of a package in /usr/share/doc, and the licences that many share once. The wheel is written anew,
with all of these among its licence files; a library of which nothing is known is an error, and the wheel stays as it was.
"""

import base64
import csv
import hashlib
import io
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

COMMON = Path("/usr/share/common-licenses")


def package(library):
    """The name of the package that a library is of; auditwheel has put a hash into its name."""
    name = re.sub(r"-[0-9a-f]{8}(?=\.so)", "", Path(library).name)
    told = subprocess.run(["dpkg-query", "--search", f"*/{name}"], capture_output=True, text=True).stdout
    owners = {line.split(":")[0] for line in told.splitlines()}
    if len(owners) != 1:
        sys.exit(f"error: {library} is of {', '.join(sorted(owners)) or 'no Debian package'}: what is its licence?")
    return owners.pop()


def licences(package):
    """Files by their names in the wheel: what Debian says of the package, and the licences that it names."""
    text = Path("/usr/share/doc", package, "copyright").read_bytes()
    named = re.findall(rb"/usr/share/common-licenses/([A-Za-z0-9.-]*[A-Za-z0-9])", text)
    shared = {f"common-licenses/{name.decode()}": (COMMON / name.decode()).read_bytes() for name in named}
    # The LGPL adds to the GPL, which many do not name.
    for name in [name for name in shared if re.search(r"/LGPL(-3)?$", name)]:
        shared[name.replace("LGPL", "GPL")] = (COMMON / name.split("/")[1].replace("LGPL", "GPL")).read_bytes()
    return {f"{package}/copyright": text, **shared}


def main(path):
    with zipfile.ZipFile(path) as wheel:
        folder = next(name.split("/")[0] for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        added = {}
        for library in [name for name in wheel.namelist() if re.search(r"^[^/]+\.libs/.*\.so", name)]:
            added |= licences(package(library))
        files = [(info, wheel.read(info)) for info in wheel.infolist() if info.filename != f"{folder}/RECORD"]
    files += [(f"{folder}/licenses/{name}", text) for name, text in sorted(added.items())]
    lines = "".join(f"License-File: {name}\n" for name in sorted(added))
    rows = io.StringIO()
    record = csv.writer(rows, lineterminator="\n")
    part = Path(f"{path}.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as wheel:
        for info, text in files:
            name = getattr(info, "filename", info)
            if name == f"{folder}/METADATA":
                head, body = text.decode().split("\n\n", 1)
                text = f"{head}\n{lines}\n{body}".encode()
            wheel.writestr(info, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
            record.writerow([name, f"sha256={digest}", len(text)])
        record.writerow([f"{folder}/RECORD", "", ""])
        wheel.writestr(f"{folder}/RECORD", rows.getvalue())
    os.replace(part, path)
    print(f"licences of libraries added: {', '.join(sorted(added))}", file=sys.stderr)


main(sys.argv[1])
