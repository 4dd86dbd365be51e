"""weights/MANIFEST.toml: where each file in weights/ comes from, and its SHA-256."""

import hashlib
import re
import tomllib


class ManifestError(Exception):
    """The manifest cannot be read."""


def load(path):
    """Reads the manifest."""
    try:
        return tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(f"{path}: {error}") from error


def sha256(data):
    """Digest in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def differences(manifest, folder, built):
    """What in the folder is not as the manifest and the files just built say."""
    wrong = []
    listed = {entry["path"]: entry["sha256"] for entry in manifest["file"]}
    for name, expected in listed.items():
        path = folder / name
        if not path.is_file():
            wrong.append(f"{name} is missing")
        elif sha256(path.read_bytes()) != expected:
            wrong.append(f"{name} does not have the SHA-256 of the manifest")
    for name, data in built.items():
        if not (folder / name).is_file() or (folder / name).read_bytes() != data:
            wrong.append(f"{name} differs from the one just built")
        if name not in listed:
            wrong.append(f"{name} is not in the manifest")
    return wrong


def update(path, folder):
    """Writes the SHA-256 of every listed file into the manifest."""
    def entry(match):
        digest = sha256((folder / match[2]).read_bytes())
        return f'{match[1]}"{match[2]}"\nsha256 = "{digest}"'

    pattern = r'(\[\[file\]\]\npath = )"([^"]+)"\nsha256 = "[^"]*"'
    path.write_text(re.sub(pattern, entry, path.read_text()))
