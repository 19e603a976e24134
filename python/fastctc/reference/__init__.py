"""The slow, obvious twin of every stage: plain NumPy and the onnxruntime Python package, no C++ of ours."""
