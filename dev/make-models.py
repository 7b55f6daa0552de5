#!/usr/bin/env python3
"""Makes small ONNX models of every kind, and what ONNX Runtime's own Python binding makes of them.

They go to .cache/onnx: one file for each model, and a folder for each golden case with its inputs and outputs as .npy files
(text as JSON). Nothing is done when the folder is up to date, which is told from the content of this script.

Needs: dev/python-env.sh golden
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", default=ROOT / ".cache" / "onnx")
    out = parser.parse_args().out
    requirements = ROOT / "dev" / "requirements" / "golden.txt"
    stamp = hashlib.sha256(Path(__file__).read_bytes() + requirements.read_bytes()).hexdigest()
    if (out / "stamp").is_file() and (out / "stamp").read_text() == stamp:
        return 0
    out.parent.mkdir(parents=True, exist_ok=True)
    # The folder appears complete or not at all, even if the script is interrupted.
    partial = Path(tempfile.mkdtemp(prefix="onnx.", dir=out.parent))
    try:
        for make in [identities, text, refused, shapes, batches, loop, weights, locations]:
            make(partial)
        cases(partial)
        (partial / "stamp").write_text(stamp)
        partial.chmod(0o755)
        shutil.rmtree(out, ignore_errors=True)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(f"{out}: {sum(1 for path in out.rglob('*') if path.is_file())} files")
    return 0


def save(path: Path, nodes, inputs, outputs, initializers=(), opset: int = 21, **options) -> None:
    """Writes a model; inputs and outputs are (name, element type or complete type, shape)."""
    import onnx
    from onnx import helper

    def port(name, kind, shape=None):
        return helper.make_tensor_value_info(name, kind, shape) if shape is not None else helper.make_value_info(name, kind)

    graph = helper.make_graph(
        nodes, path.stem, [port(*p) for p in inputs], [port(*p) for p in outputs], initializer=list(initializers)
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    # 10: the newest version that the oldest required runtime reads.
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path, **options)


def node(operator: str, inputs: list[str], outputs: list[str], **attributes):
    from onnx import helper

    return helper.make_node(operator, inputs, outputs, **attributes)


TYPES = {
    "float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "string": 8, "bool": 9,
    "float16": 10, "float64": 11, "uint32": 12, "uint64": 13, "bfloat16": 16,
}


def identities(out: Path) -> None:
    """y = x for every element type, with two dynamic dimensions; once with 17 dimensions, more than are supported."""
    for name, number in TYPES.items():
        save(out / f"identity-{name}.onnx", [node("Identity", ["x"], ["y"])], [("x", number, ["n", "m"])], [("y", number, ["n", "m"])])
    deep = [f"d{i}" for i in range(17)]
    save(out / "rank-17.onnx", [node("Identity", ["x"], ["y"])], [("x", 1, deep)], [("y", 1, deep)])


def text(out: Path) -> None:
    """Texts that are joined or classified."""
    join = node("StringConcat", ["left", "right"], ["joined"])
    save(
        out / "join.onnx", [join],
        [("left", 8, ["batch"]), ("right", 8, ["batch"])], [("joined", 8, ["batch"])],
    )
    classify = node(
        "LabelEncoder", ["word"], ["class"], domain="ai.onnx.ml", default_int64=-1,
        keys_strings=["cat", "dog", "grüß dich"], values_int64s=[1, 2, 3],
    )
    save(out / "classify.onnx", [classify], [("word", 8, ["n"])], [("class", 7, ["n"])])


def refused(out: Path) -> None:
    """Models with an input or output of an unsupported type."""
    from onnx import helper

    cast = {"int4": 22, "float8e4m3fn": 17}
    for name, number in cast.items():
        save(out / f"output-{name}.onnx", [node("Cast", ["x"], ["y"], to=number)], [("x", 1, ["n"])], [("y", number, ["n"])])
    sequence = helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, ["n"]))
    nodes = [node("SequenceConstruct", ["x"], ["list"]), node("Neg", ["x"], ["negative"])]
    save(out / "sequence.onnx", nodes, [("x", 1, ["n"])], [("negative", 1, ["n"]), ("list", sequence)])
    element = node("SequenceAt", ["list", "zero"], ["y"])
    import numpy as np
    from onnx import numpy_helper

    zero = numpy_helper.from_array(np.array(0, dtype=np.int64), "zero")
    save(out / "input-sequence.onnx", [element], [("list", sequence)], [("y", 1, ["n"])], [zero])


def shapes(out: Path) -> None:
    """A single number, several inputs and outputs, and a picture of any size."""
    import numpy as np
    from onnx import numpy_helper

    two = numpy_helper.from_array(np.array(2, dtype=np.float32), "two")
    save(out / "scalar.onnx", [node("Mul", ["x", "two"], ["y"])], [("x", 1, [])], [("y", 1, [])], [two])
    nodes = [
        node("Add", ["a", "b"], ["sum"]), node("Mul", ["a", "b"], ["product"]),
        node("ReduceSum", ["counts", "axes"], ["total"], keepdims=0),
    ]
    axes = numpy_helper.from_array(np.array([1], dtype=np.int64), "axes")
    save(
        out / "several.onnx", nodes,
        [("a", 1, ["batch", 3]), ("b", 1, ["batch", 3]), ("counts", 7, ["batch", 4])],
        [("sum", 1, ["batch", 3]), ("product", 1, ["batch", 3]), ("total", 7, ["batch"])],
        [axes],
    )
    kernel = numpy_helper.from_array(np.linspace(-1, 1, 2 * 3 * 3 * 3, dtype=np.float32).reshape(2, 3, 3, 3), "kernel")
    size = ["batch", 3, "height", "width"]
    save(
        out / "picture.onnx", [node("Conv", ["pixels", "kernel"], ["edges"], pads=[1, 1, 1, 1])],
        [("pixels", 1, size)], [("edges", 1, ["batch", 2, "height", "width"])], [kernel],
    )


def batches(out: Path) -> None:
    """Models with a batch axis, and models that only seem to have one."""
    def negated(name, input_shape, output_shape, operator=None):
        save(
            out / f"{name}.onnx", [operator or node("Neg", ["x"], ["y"])],
            [("x", 1, input_shape)], [("y", 1, output_shape)],
        )

    negated("batch-second", ["sequence", "batch", 4], ["batch", "sequence", 4], node("Transpose", ["x"], ["y"], perm=[1, 0, 2]))
    negated("batch-unnamed", [None, 4], [None, 4])
    negated("batch-fixed", [1, 4], [1, 4])
    negated("batch-sequence", ["sequence", 4], ["sequence", 4])
    negated("batch-square", ["k", "k"], ["k", "k"])
    negated("batch-reduced", ["rows", 4], ["found", 4])


def loop(out: Path) -> None:
    """x = x @ w, repeated `times` times: a run that lasts as long as a test needs."""
    import numpy as np
    from onnx import helper, numpy_helper

    value = helper.make_tensor_value_info
    w = numpy_helper.from_array((np.eye(64) * 0.999).astype(np.float32), "w")
    body = helper.make_graph(
        [node("Identity", ["going"], ["goes"]), node("MatMul", ["state", "w"], ["next"])],
        "body",
        [value("step", 7, []), value("going", 9, []), value("state", 1, [64, 64])],
        [value("goes", 9, []), value("next", 1, [64, 64])],
        [w],
    )
    yes = numpy_helper.from_array(np.array(True), "yes")
    save(
        out / "loop.onnx", [node("Loop", ["times", "yes", "x"], ["y"], body=body)],
        [("times", 7, []), ("x", 1, [64, 64])], [("y", 1, [64, 64])], [yes],
    )


def weights(out: Path) -> None:
    """Two layers, with their weights in the model file and in a separate file."""
    import numpy as np
    from onnx import numpy_helper

    rng = np.random.default_rng(7)
    first, second = ((rng.standard_normal((256, 256)) / 16).astype(np.float32) for _ in range(2))
    nodes = [node("MatMul", ["x", "first"], ["h"]), node("Relu", ["h"], ["r"]), node("MatMul", ["r", "second"], ["y"])]
    ports = [("x", 1, ["batch", 256])], [("y", 1, ["batch", 256])]
    made = [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")]
    save(out / "layers.onnx", nodes, *ports, made)
    (out / "external").mkdir()
    # Saving moves the weights out of the tensors, so they are made again.
    made = [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")]
    save(
        out / "external" / "model.onnx", nodes, *ports, made,
        save_as_external_data=True, all_tensors_to_one_file=True, location="weights.bin", size_threshold=0,
    )


def locations(out: Path) -> None:
    """A graph, never run, whose tensors are in files of their own at every place where a tensor may be; and the names of
    these files as the onnx package lists them."""
    import onnx
    from onnx import TensorProto, external_data_helper, helper

    def tensor(name: str, location: str) -> TensorProto:
        made = TensorProto(name=name, data_type=1, dims=[2], data_location=TensorProto.EXTERNAL)
        # The location may come first, last or alone.
        for key, value in [("location", location), ("offset", "0"), ("length", "8")]:
            made.external_data.add(key=key, value=value)
        return made

    inline = helper.make_tensor("inline", 1, [50_000], bytes(200_000), raw=True)
    branch = helper.make_graph(
        [node("Constant", [], ["c"], value=tensor("", "branches/constant.bin")), node("Add", ["c", "inner"], ["y"])],
        "branch", [], [helper.make_tensor_value_info("y", 1, [2])], [tensor("inner", "branches/initializer.bin")],
    )
    deeper = helper.make_graph(
        [node("If", ["condition"], ["y"], then_branch=branch, else_branch=branch)],
        "deeper", [], [helper.make_tensor_value_info("y", 1, [2])], [tensor("deep", "encoder.layer.0.weight")],
    )
    graph = helper.make_graph(
        [
            node("If", ["condition"], ["y"], then_branch=deeper, else_branch=branch),
            node("Custom", ["y"], ["z"], domain="test", tensors=[tensor("", "list 1.bin"), tensor("", "näher.bin")]),
        ],
        "graph",
        [helper.make_tensor_value_info("condition", 9, [])], [helper.make_tensor_value_info("z", 1, [2])],
        [tensor("first", "model.onnx_data"), inline, tensor("second", "model.onnx_data"), tensor("third", "weights.bin")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("test", 1)])
    function = helper.make_function(
        "test", "Custom", ["x"], ["y"], [node("Constant", [], ["y"], value=tensor("", "function.bin"))],
        [helper.make_opsetid("", 17)],
    )
    model.functions.append(function)
    path = out / "locations.onnx"
    path.write_bytes(model.SerializeToString())
    found = {
        external_data_helper.ExternalDataInfo(made).location
        for made in external_data_helper._get_all_tensors(onnx.load(path, load_external_data=False))
        if external_data_helper.uses_external_data(made)
    }
    (out / "locations.json").write_text(json.dumps(sorted(found), ensure_ascii=False))


def cases(out: Path) -> None:
    """Runs models and saves their inputs and outputs."""
    import numpy as np
    import onnxruntime

    rng = np.random.default_rng(3)
    numbers = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    feeds = {
        "scalar": {"x": np.array(1.25, dtype=np.float32)},
        "several": {"a": numbers(5, 3), "b": numbers(5, 3), "counts": rng.integers(-9, 9, (5, 4))},
        "picture": {"pixels": numbers(3, 3, 17, 13)},
        "batch-second": {"x": numbers(6, 3, 4)},
        "layers": {"x": numbers(7, 256)},
        "external/model": {"x": numbers(7, 256)},
        "loop": {"times": np.array(40), "x": numbers(64, 64)},
        "join": {
            "left": np.array(["a", "", "grüß", "名"], dtype=object), "right": np.array(["b", "c", " dich", ""], dtype=object),
        },
        "classify": {"word": np.array(["dog", "grüß dich", "bird", ""], dtype=object)},
    }
    for name, feed in feeds.items():
        session = onnxruntime.InferenceSession(out / f"{name}.onnx", providers=["CPUExecutionProvider"])
        names = [port.name for port in session.get_outputs()]
        results = dict(zip(names, session.run(names, feed)))
        folder = out / "cases" / name.replace("/", "-")
        folder.mkdir(parents=True)
        for kind, values in [("in", feed), ("out", results)]:
            for key, value in values.items():
                if value.dtype == object:
                    content = {"shape": list(value.shape), "values": [str(v) for v in value.flatten()]}
                    (folder / f"{kind}-{key}.json").write_text(json.dumps(content))
                else:
                    np.save(folder / f"{kind}-{key}.npy", value)
        (folder / "case.json").write_text(json.dumps({"model": f"{name}.onnx"}))


if __name__ == "__main__":
    sys.exit(main())
