"""Takes out of an executed notebook what depends on where it ran, and checks the rest."""

import json
import pathlib
import sys

# In bytes: it lies in the repository.
LARGEST = 500_000


def main(path: pathlib.Path) -> None:
    notebook = json.loads(path.read_text())
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        for output in cell.get("outputs", []):
            if output["output_type"] == "error" or output.get("name") == "stderr":
                sys.exit(f"error: {path}: a cell wrote to standard error: {output}")
            # Text of a figure, with nothing in it but its size.
            if "image/png" in output.get("data", {}):
                output["data"].pop("text/plain", None)
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    if len(text.encode()) > LARGEST:
        sys.exit(f"error: {path}: {len(text)} bytes, more than {LARGEST}; make the figures smaller")
    path.write_text(text)
    print(f"{path}: {len(text.encode())} bytes")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
