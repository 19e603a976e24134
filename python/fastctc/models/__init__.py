"""Where models are: directories, names of the catalogue, the demo model."""

from fastctc.models.named import (
    checkpoint_path,
    demo_model_path,
    demo_recording_path,
    download_model,
    list_models,
    model_path,
    remove_model,
    resolve_model,
)

__all__ = [
    "checkpoint_path",
    "demo_model_path",
    "demo_recording_path",
    "download_model",
    "list_models",
    "model_path",
    "remove_model",
    "resolve_model",
]
