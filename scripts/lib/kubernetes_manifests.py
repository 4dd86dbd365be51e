"""The Kubernetes manifests against published schemas.

    python kubernetes_manifests.py FILE...

Objects of Kubernetes itself are validated by kubernetes-validate, those of KServe by the types of KServe's own
package: every field has to be one that there is, and its value of the field's type.
"""

import re
import sys

import kserve.models
import kubernetes.client
import kubernetes_validate
import yaml

KUBERNETES = "1.30"
SCALARS = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object}


def type_of(name):
    """The class of a type's name, in either package."""
    for module in (kserve.models, kubernetes.client):
        found = getattr(module, name, None)
        if found is not None and hasattr(found, "openapi_types"):
            return found
    return None


def check(value, kind, place):
    """The errors of a value that should be of a kind."""
    if match := re.fullmatch(r"[lL]ist\[(.*)\]", kind):
        if not isinstance(value, list):
            return [f"{place}: not a list"]
        return [e for i, one in enumerate(value) for e in check(one, match[1], f"{place}[{i}]")]
    if match := re.fullmatch(r"(?:dict\(|Dict\[)str, (.*)[)\]]", kind):
        if not isinstance(value, dict):
            return [f"{place}: not a map"]
        return [e for key, one in value.items() for e in check(one, match[1], f"{place}.{key}")]
    if kind in SCALARS:
        right = isinstance(value, SCALARS[kind]) and (kind != "int" or not isinstance(value, bool))
        return [] if right else [f"{place}: {value!r} is not of type {kind}"]
    model = type_of(kind)
    if model is None:
        # A quantity, a port, or the like: a number or a text.
        return [] if isinstance(value, (str, int)) else [f"{place}: {value!r} is no {kind}"]
    if not isinstance(value, dict):
        return [f"{place}: not an object"]
    names = {json: python for python, json in model.attribute_map.items()}
    errors = []
    for key, one in value.items():
        if key not in names:
            errors.append(f"{place}.{key}: {kind} has no such field")
        else:
            errors += check(one, model.openapi_types[names[key]], f"{place}.{key}")
    return errors


def main(files):
    """Checks all objects of all files."""
    failed = False
    for file in files:
        for found in yaml.safe_load_all(open(file)):
            kind, group = found["kind"], found["apiVersion"]
            if group.startswith("serving.kserve.io/"):
                version = group.split("/")[1].capitalize()
                errors = check(found, f"{version}{kind}", kind)
            else:
                try:
                    kubernetes_validate.validate(found, KUBERNETES, strict=True)
                    errors = []
                except kubernetes_validate.ValidationError as error:
                    errors = [f"{kind}: {error.message}"]
            failed |= bool(errors)
            for error in errors or ["good"]:
                print(f"{file}: {kind} {found['metadata']['name']}: {error}")
    # A check that cannot fail is none.
    broken = {"kind": "InferenceService", "spec": {"predictor": {"minReplicas": "one", "modle": {}}}}
    assert len(check(broken, "V1beta1InferenceService", "")) == 2
    sys.exit(1 if failed else 0)


main(sys.argv[1:])
