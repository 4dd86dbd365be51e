"""The package as users call it."""

import concurrent.futures
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

import firebrick


def test_the_cat(engine, cat):
    top = engine.classify(cat).top(3)
    assert [c.label for c in top] == ["Egyptian cat", "tiger cat", "tabby, tabby cat"]
    assert [c.number for c in top] == [285, 282, 281]
    assert [round(100 * c.probability, 2) for c in top] == [59.71, 29.51, 10.50]
    assert repr(top[0]) == 'Class(285, "Egyptian cat", 0.597)'


def test_every_form_of_a_picture(engine, cat):
    want = engine.classify(str(cat)).scores
    assert want.dtype == np.int32 and want.shape == (1000,)
    picture = Image.open(cat)
    pixels = np.asarray(picture.convert("RGB"))
    for image in [cat, cat.read_bytes(), picture, pixels]:
        assert np.array_equal(engine.classify(image).scores, want), type(image)
    # Strides do not matter, nor what becomes of the array.
    mirrored = np.ascontiguousarray(pixels[:, ::-1])
    got = engine.classify(pixels[:, ::-1]).scores
    assert np.array_equal(got, engine.classify(mirrored).scores)
    assert not np.array_equal(got, want)
    # Grey pixels, and pictures of Pillow that are turned by their EXIF tag as files are.
    grey = picture.convert("L")
    assert np.array_equal(engine.classify(np.asarray(grey)).scores, engine.classify(grey).scores)
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    picture.convert("RGB").save(file, "PNG", exif=exif)
    turned = Image.open(io.BytesIO(file.getvalue()))
    want = engine.classify(file.getvalue()).scores
    assert np.array_equal(engine.classify(turned).scores, want)


def test_probabilities(engine, cat):
    found = engine.classify(cat)
    logits = found.scores * found.scale
    power = np.exp(logits - logits.max())
    assert np.allclose(found.probabilities, power / power.sum())
    assert "Egyptian cat" in repr(found)


def test_run_takes_prepared_inputs(engine, cat, pixels):
    model = engine.model
    inputs = np.stack([model.input(cat), model.input(pixels), model.input(cat)])
    assert inputs.shape == (3, *model.input_shape) and inputs.dtype == np.uint8
    scores = engine.run(inputs)
    assert scores.shape == (3, 1000) and scores.dtype == np.int32
    assert np.array_equal(scores[0], engine.classify(cat).scores)
    assert np.array_equal(scores[1], engine.classify(pixels).scores)
    assert np.array_equal(scores[2], scores[0])
    batch = engine.classify_batch([cat, pixels, str(cat)])
    assert np.array_equal(np.stack([found.scores for found in batch]), scores)
    assert engine.run(inputs[:0]).shape == (0, 1000)
    assert engine.classify_batch([]) == []


def test_feature_maps(engine, pixels):
    maps = engine.feature_maps(pixels)
    shapes = {name: values.shape for name, values in maps.items()}
    assert shapes == engine.model.layers and list(shapes) == list(engine.model.layers)
    assert all(values.dtype == np.uint8 for values in maps.values())
    # The scores are the sums over the last map.
    *_, last = maps.values()
    scores = last.astype(np.int32).sum(axis=(0, 1))
    assert np.array_equal(scores, engine.classify(pixels).scores)


def simulated(name):
    """An engine's name, with a mark that skips it where it cannot be built."""
    try:
        firebrick.Engine(name, deadline=0.001).close()
        missing = False
    except firebrick.FirebrickError as error:
        missing = error.kind == "simulator"
    return pytest.param(name, marks=pytest.mark.skipif(missing, reason="no simulator"))


@pytest.mark.parametrize("name", ["software:fb64", simulated("sim:fb64")])
def test_backends_agree(small, pixels, name):
    with firebrick.Engine("model", small) as model:
        want = model.feature_maps(pixels)
        scores = model.classify(pixels).scores
        assert model.preset is None and model.predict(200) is None
    with firebrick.Engine(name, model=small, verbose=True) as engine:
        assert engine.preset == "fb64" and engine.name == name
        assert np.array_equal(engine.classify(pixels).scores, scores)
        got = engine.feature_maps(pixels)
        assert list(got) == list(want)
        for layer, values in want.items():
            assert np.array_equal(got[layer], values), layer
        assert engine.predict(200).cycles == small.predict("fb64", 200).cycles
        # Another network, and back.
        engine.load(small.at(95, 95))
        assert engine.model.input_shape == (95, 95, 3)
        engine.load(small)
        engine.reset()
        assert np.array_equal(engine.classify(pixels).scores, scores)


def test_predict():
    forecast = firebrick.predict("fb256", 200)
    assert forecast.macs == 349_151_936
    assert forecast.busy_cycles + sum(forecast.stall_cycles.values()) == forecast.cycles
    assert forecast.latency_ms == pytest.approx(forecast.cycles / 200e3)
    assert 0.9 < forecast.utilization < 1
    assert sum(layer.macs for layer in forecast.layers) == forecast.macs
    assert forecast.layers[0].name == "conv1"
    assert firebrick.predict("fb256", 400).images_per_second == pytest.approx(
        2 * forecast.images_per_second
    )
    small = firebrick.Model().at(112, 112)
    assert firebrick.predict("fb256", 200, small).cycles < forecast.cycles
    assert "fb256 at 200 MHz" in repr(forecast).replace('"', "")


def test_quantisation_report(engine, cat, pixels):
    model = engine.model
    layers = model.quantisation_report([cat, pixels])
    assert [layer.name for layer in layers][:2] == ["conv1", "fire2/squeeze1x1"]
    maps = [engine.feature_maps(image) for image in (cat, pixels)]
    for layer in layers:
        values = np.stack([of[layer.name] for of in maps])
        assert layer.clipped == pytest.approx((values == 255).mean(), abs=1e-12)
        assert layer.zeros == pytest.approx((values == 0).mean(), abs=1e-12)
        steps = np.histogram(values, bins=32, range=(0, 256))[0]
        assert layer.activations == steps.tolist()
        assert layer.clip == pytest.approx(255 * layer.output_scale)
        assert sum(layer.weights) > 0 and 0 < layer.largest_weight <= 127
        assert layer.sqnr_db is None and layer.largest is None
    assert "% clipped" in repr(layers[0])
    alone = model.quantisation_report()
    assert [layer.weights for layer in alone] == [layer.weights for layer in layers]
    assert alone[0].clipped is None and alone[0].activations == []


def test_quantisation_against_a_float_model(small, pixels, tmp_path):
    # Of the same shape as the network, but with weights that have nothing to do with it.
    random = np.random.default_rng(3)
    last = {"conv1": (64, 3, 3, 3), "conv10": (1000, 512, 1, 1)}
    squeezes = [16, 16, 32, 32, 48, 48, 64, 64]
    inputs = 64
    for number, squeeze in enumerate(squeezes, 2):
        last[f"fire{number}/squeeze1x1"] = (squeeze, inputs, 1, 1)
        last[f"fire{number}/expand1x1"] = (4 * squeeze, squeeze, 1, 1)
        last[f"fire{number}/expand3x3"] = (4 * squeeze, squeeze, 3, 3)
        inputs = 8 * squeeze
    arrays = {}
    for name, shape in last.items():
        spread = np.sqrt(2 / np.prod(shape[1:]))
        arrays[f"{name}.weight"] = random.normal(0, spread, shape).astype(np.float32)
        arrays[f"{name}.bias"] = np.zeros(shape[0], dtype=np.float32)
    file = tmp_path / "float.npz"
    np.savez(file, **arrays)
    layers = small.quantisation_report([pixels], reference=file)
    assert all(layer.largest > 0 and 0 < layer.sqnr_db < 20 for layer in layers)
    # The first map's largest value, computed here.
    picture = small.input(pixels).astype(np.float64) - [104, 117, 123]
    windows = np.lib.stride_tricks.sliding_window_view(picture, (3, 3), (0, 1))[::2, ::2]
    first = np.einsum("yxcij,ocij->yxo", windows, arrays["conv1.weight"].astype(np.float64))
    assert layers[0].largest == pytest.approx(first.max(), rel=1e-4)
    assert "dB" in repr(layers[0])


@pytest.mark.parametrize(
    "call, kind, text",
    [
        (lambda e: firebrick.Engine(""), "uri", "model: for the integer model"),
        (lambda e: firebrick.Engine("sim:fb65"), "preset", 'no preset "fb65"'),
        (lambda e: firebrick.Engine("xdma:/no/such/device"), "io", "/no/such/device"),
        (lambda e: firebrick.Model.load("no such pack"), "model", "no such pack"),
        (lambda e: firebrick.Model().at(3, 3), "model", "3x3"),
        (lambda e: firebrick.predict("fb65", 200), "preset", "fb65"),
        (lambda e: firebrick.predict("fb256", 0), "clock", "0 MHz"),
        (lambda e: e.model.quantisation_report(["no such.png"]), "picture", "no such.png"),
        (lambda e: e.model.quantisation_report(reference="no such.npz"), "model", "no such.npz"),
        (lambda e: e.classify("no such file.png"), "picture", "no such file.png"),
        (lambda e: e.classify(b"text"), "picture", "neither JPEG nor PNG"),
        (lambda e: e.classify_batch(["no such file.png"]), "picture", "no such file.png"),
    ],
)
def test_errors(engine, call, kind, text):
    with pytest.raises(firebrick.FirebrickError) as caught:
        call(engine)
    assert caught.value.kind == kind
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "call, error",
    [
        (lambda e: e.classify(7), TypeError),
        (lambda e: e.classify(None), TypeError),
        (lambda e: e.classify(np.zeros((8, 8, 3), dtype=np.float32)), ValueError),
        (lambda e: e.classify(np.zeros((8, 8, 3, 1), dtype=np.uint8)), ValueError),
        (lambda e: e.classify(np.zeros((0, 8, 3), dtype=np.uint8)), firebrick.FirebrickError),
        (lambda e: e.classify(np.zeros((8, 8, 4), dtype=np.uint8)), firebrick.FirebrickError),
        (lambda e: e.run(np.zeros((1, 8, 8, 3), dtype=np.uint8)), ValueError),
        (lambda e: e.run(np.zeros((224, 224, 3), dtype=np.uint8)), ValueError),
        (lambda e: e.run(np.zeros((1, 224, 224, 3), dtype=np.int64)), ValueError),
        (lambda e: e.run([[1]]), TypeError),
        (lambda e: e.classify_batch(7), TypeError),
        (lambda e: e.model.quantisation_report(7), TypeError),
        (lambda e: firebrick.Engine("model", wait=-1), ValueError),
        (lambda e: firebrick.Engine("model", deadline=float("nan")), ValueError),
    ],
)
def test_wrong_arguments(engine, pixels, call, error):
    with pytest.raises(error):
        call(engine)
    assert engine.classify(pixels).scores.shape == (1000,)


def test_a_closed_engine_says_so(pixels):
    engine = firebrick.Engine("model")
    engine.close()
    engine.close()
    with pytest.raises(firebrick.FirebrickError, match="closed"):
        engine.classify(pixels)


def test_other_threads_run_meanwhile(small, pixels):
    engine = firebrick.Engine("software:fb64", small)
    ticks, done = [0], threading.Event()

    def tick():
        while not done.is_set():
            ticks[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.monotonic()
    while time.monotonic() - begin < 0.5:
        engine.classify(pixels)
    done.set()
    thread.join()
    # With the GIL held, the thread would come to its turn between pictures only.
    assert ticks[0] > 50


def test_threads_share_an_engine(engine, cat, pixels):
    want = [engine.classify(image).scores for image in (cat, pixels)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda i: engine.classify((cat, pixels)[i % 2]).scores, range(40))
        for number, scores in enumerate(found):
            assert np.array_equal(scores, want[number % 2])


@pytest.mark.parametrize("name", ["model", simulated("sim:fb64")])
def test_control_c_gives_up(name):
    script = f"""
import firebrick, numpy as np
engine = firebrick.Engine({name!r})
inputs = np.zeros((500, 224, 224, 3), dtype=np.uint8)
print("ready", flush=True)
try:
    for round in range(1000):
        engine.run(inputs)
except KeyboardInterrupt:
    print(engine.run(inputs[:1]).shape)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert said == "(1, 1000)\n" and process.returncode == 0


def test_the_example_of_the_readme(cat):
    text = (pathlib.Path(__file__).parents[3] / "README.md").read_text()
    example = text.split("```python\n")[1].split("```")[0]
    assert len(example.splitlines()) <= 10
    output = subprocess.run(
        [sys.executable, "-c", example],
        cwd=pathlib.Path(__file__).parents[3],
        env={**os.environ, "PYTHONWARNINGS": "error"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert "Egyptian cat" in output.stdout and "fire9" in output.stdout


def test_the_notebook_is_todays(monkeypatch, capsys):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    folder = pathlib.Path(__file__).parents[1] / "examples"
    cells = json.loads((folder / "quickstart.ipynb").read_text())["cells"]
    cells = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    monkeypatch.chdir(folder)
    scope, figures = {}, 0
    for cell in cells:
        exec("".join(cell["source"]), scope)
        kept = [output for output in cell["outputs"] if output["output_type"] == "stream"]
        assert "".join(text for output in kept for text in output["text"]) == capsys.readouterr().out
        figures += sum("image/png" in output.get("data", {}) for output in cell["outputs"])
    assert figures == len(scope["plt"].get_fignums()) > 3
    scope["plt"].close("all")


def test_stubs_are_those_of_the_module():
    stubs = (pathlib.Path(firebrick.__file__).parent / "_native.pyi").read_text()
    for name in firebrick.__all__:
        member = getattr(firebrick, name)
        if isinstance(member, type):
            assert f"class {name}" in stubs
            for attribute in vars(member):
                if not attribute.startswith("__"):
                    assert f"def {attribute}(" in stubs, f"{name}.{attribute}"
            assert member.__doc__, name
        elif callable(member):
            assert f"def {name}(" in stubs and member.__doc__
    assert (pathlib.Path(firebrick.__file__).parent / "py.typed").exists()


def test_a_type_checker_takes_the_stubs(tmp_path):
    pytest.importorskip("mypy")
    file = tmp_path / "user.py"
    file.write_text(
        "import firebrick\n"
        "engine = firebrick.Engine('model', firebrick.Model(), wait=1.0)\n"
        "labels: list[str] = [c.label for c in engine.classify('a.png').top()]\n"
        "layer = firebrick.Model().quantisation_report(['a.png'])[0]\n"
        "clipped: float = layer.clipped or 0.0\n"
        "stalls: dict[str, int] = firebrick.predict('fb256', 200).stall_cycles\n"
    )
    check = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    output = subprocess.run([*check, str(file)], capture_output=True, text=True)
    assert output.returncode == 0, output.stdout
