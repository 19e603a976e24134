"""Passes over exported ONNX graphs, for those who prepare models: `pip install fastctc[export]`."""
