"""The sealed room: sees frames and can do nothing else."""

import os

# ONNX Runtime 1.29 and later writes a device id to the home folder and looks for Microsoft's servers unless this is
# set before it is imported (microsoft/onnxruntime#27379). Set, not defaulted: no environment may switch it back on.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
