"""A model file as ONNX Runtime opens it: on the processor, from the very bytes that were hashed."""

from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from loadlens.vision.metadata import METADATA_KEY, ModelError

REMEDY = "export it again with `loadlens export`"
# What the runtime raises where a graph is no graph, or cannot run.
REFUSED = (
    runtime.Fail,
    runtime.InvalidArgument,
    runtime.InvalidGraph,
    runtime.InvalidProtobuf,
    runtime.NoSuchFile,
    runtime.NotImplemented,
    runtime.RuntimeException,
)
_LARGEST_FILE = 200 * 2**20


def read_model_file(file: Path) -> bytes:
    """The bytes of a model file. Raises ModelError where it is missing, too large or unreadable."""
    if not file.is_file():
        raise ModelError(f"{file}: no such model file; give one made by `loadlens export`")
    if file.stat().st_size > _LARGEST_FILE:
        raise ModelError(f"{file}: larger than {_LARGEST_FILE >> 20} MiB, so no model of ours; {REMEDY}")
    try:
        return file.read_bytes()
    except OSError as fault:
        raise ModelError(f"{file}: cannot be read ({fault.strerror}); make it readable") from None


def open_session(data: bytes, *, name: str, threads: int) -> tuple[onnxruntime.InferenceSession, str]:
    """A session over the bytes of a model file, and the metadata in it. Raises ModelError where either is not there."""
    try:
        session = _session(data, threads)
    except REFUSED as fault:
        raise ModelError(f"{name}: ONNX Runtime refuses it ({first_line(fault)}); {REMEDY}") from None
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ModelError(f"{name}: the ONNX file has no metadata under {METADATA_KEY!r}; {REMEDY}")
    return session, text


def _session(data: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads that spin would take the cores from the decoder.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Weights in other files would not be covered by the digest: point the runtime where there are none.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", "/nonexistent")
    # Faults are raised; the runtime need not write them to stderr as well.
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def first_line(fault: Exception) -> str:
    """What the runtime says first; the rest names its own sources."""
    return str(fault).splitlines()[0]
