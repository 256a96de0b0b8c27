"""Inside an arm64 root: import every library of the package, run the detector once, list what there is."""

import importlib
import platform
import re
from importlib.metadata import distributions

MODULES = {
    "ml-dtypes": "ml_dtypes",
    "opencv-python-headless": "cv2",
    "paho-mqtt": "paho.mqtt.client",
    "protobuf": "google.protobuf",
    "pyserial": "serial",
    "PyYAML": "yaml",
    "ruamel.yaml": "ruamel.yaml",
    "markdown-it-py": "markdown_it",
    "annotated-types": "annotated_types",
    "pydantic-core": "pydantic_core",
    "typing-extensions": "typing_extensions",
    "typing-inspection": "typing_inspection",
}


def main() -> None:
    assert platform.machine() == "aarch64", platform.machine()
    names = sorted(d.metadata["Name"] for d in distributions())
    known = {key.lower(): module for key, module in MODULES.items()}
    for name in names:
        module = known.get(name.lower()) or known.get(re.sub(r"[-_.]+", "-", name).lower())
        importlib.import_module(module or name.lower().replace("-", "_"))
    print(f"{len(names)} libraries imported on {platform.machine()}, Python {platform.python_version()}")

    import numpy as np
    import onnxruntime as ort

    from drukte.models import read

    session = ort.InferenceSession(read("yolox-nano", "320x192"), providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape
    (out,) = session.run(None, {session.get_inputs()[0].name: np.zeros(shape, np.float32)})
    print(f"the detector ran: {shape} -> {out.shape}")

    from drukte.sense.lock.kernel import SYSCALLS, machine

    print(f"the seal knows {sum(row[1] is not None for row in SYSCALLS.values())} system calls of {machine()}")


main()
