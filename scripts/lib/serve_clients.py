"""A photograph through the service with clients that others wrote.

    python serve_clients.py triton|kserve ADDRESS PHOTOGRAPH WANTED

WANTED is what `firebrick classify --json` printed for the same photograph. Both clients define the protocol's messages,
so that they cannot be part of one process.
"""

import asyncio
import hashlib
import json
import queue
import sys

import numpy as np
from PIL import Image

MODEL = "squeezenet-v1.1"
which, address, photograph, wanted = sys.argv[1:]
want = json.loads(open(wanted).readline())
pixels = np.asarray(Image.open(photograph).convert("RGB"))[None]
encoded = open(photograph, "rb").read()
checked = 0


def check(client, scores, classes=None):
    """The scores to the last bit; the classes by number and label."""
    global checked
    scores = np.asarray(scores).astype("<i4").reshape(-1)
    got = hashlib.sha256(scores.tobytes()).hexdigest()
    assert got == want["logits_sha256"], f"{client}: other scores"
    if classes is not None:
        found = [text.decode() if isinstance(text, bytes) else text for text in np.ravel(classes)]
        found = [text.split(":", 2) for text in found]
        top = [(one["class"], one["label"]) for one in want["top"]][: len(found)]
        assert [(int(one[1]), one[2]) for one in found] == top, f"{client}: {found}"
    checked += 1
    print(f"{client}: {want['top'][0]['label']}")


def triton(name, module, client):
    """Metadata, pixels, a file, and the classification extension."""
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(MODEL)
    image = module.InferInput("image", pixels.shape, "UINT8")
    image.set_data_from_numpy(pixels)
    answer = client.infer(MODEL, [image], request_id="one")
    check(f"{name}, pixels", answer.as_numpy("scores"), answer.as_numpy("classes"))
    image = module.InferInput("image", [1], "BYTES")
    image.set_data_from_numpy(np.array([encoded], dtype=object))
    outputs = [module.InferRequestedOutput("scores"), module.InferRequestedOutput("classes", class_count=3)]
    answer = client.infer(MODEL, [image], outputs=outputs, model_version="1")
    assert answer.as_numpy("classes").shape == (1, 3)
    check(f"{name}, PNG file", answer.as_numpy("scores"), answer.as_numpy("classes"))
    try:
        client.infer("none", [image])
    except Exception as error:
        assert "there is no model" in str(error), error
    else:
        raise AssertionError(f"{name}: a model that is not there")


def triton_clients():
    """Triton's clients over HTTP and gRPC."""
    import tritonclient.grpc as triton_grpc
    import tritonclient.http as triton_http

    client = triton_http.InferenceServerClient(address)
    assert client.get_server_metadata()["name"] == "firebrick"
    assert client.get_model_metadata(MODEL)["outputs"][0]["shape"] == [-1, 1000]
    triton("tritonclient over HTTP", triton_http, client)
    plain = triton_http.InferInput("image", pixels.shape, "UINT8")
    plain.set_data_from_numpy(pixels, binary_data=False)
    answer = client.infer(MODEL, [plain], request_compression_algorithm="gzip")
    check("tritonclient over HTTP, JSON and gzip", answer.as_numpy("scores"))

    client = triton_grpc.InferenceServerClient(address)
    assert client.get_server_metadata().name == "firebrick"
    assert list(client.get_model_metadata(MODEL).inputs[0].shape) == [-1, -1, -1, 3]
    triton("tritonclient over gRPC", triton_grpc, client)
    image = triton_grpc.InferInput("image", pixels.shape, "UINT8")
    image.set_data_from_numpy(pixels)
    answers = queue.Queue()
    for _ in range(4):
        client.async_infer(MODEL, [image], lambda result, error: answers.put((result, error)))
    for _ in range(4):
        result, error = answers.get(timeout=300)
        assert error is None, error
        check("tritonclient over gRPC, four at once", result.as_numpy("scores"))


def output(answer, name):
    """An output of KServe's answer."""
    return next(one for one in answer.outputs if one.name == name).as_numpy()


async def kserve_clients():
    """KServe's client over both."""
    import kserve

    image = kserve.InferInput("image", list(pixels.shape), "UINT8")
    image.set_data_from_numpy(pixels, binary_data=True)
    request = kserve.InferRequest(model_name=MODEL, infer_inputs=[image], request_id="two")
    rest = kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v2", timeout=300))
    base = f"http://{address}"
    assert await rest.is_server_live(base) and await rest.is_server_ready(base)
    assert await rest.is_model_ready(base, MODEL)
    answer = await rest.infer(base, request, model_name=MODEL)
    check("kserve over HTTP", output(answer, "scores"), output(answer, "classes"))
    grpc = kserve.InferenceGRPCClient(address, timeout=300)
    assert await grpc.is_server_live() and await grpc.is_server_ready()
    assert await grpc.is_model_ready(MODEL)
    image = kserve.InferInput("image", list(pixels.shape), "UINT8")
    image.set_data_from_numpy(pixels)
    answer = await grpc.infer(kserve.InferRequest(model_name=MODEL, infer_inputs=[image]))
    check("kserve over gRPC", output(answer, "scores"), output(answer, "classes"))


if which == "triton":
    triton_clients()
else:
    asyncio.run(kserve_clients())
print(f"{checked} answers, all with the model's scores")
