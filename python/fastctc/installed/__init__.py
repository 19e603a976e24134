"""What is on this machine: ONNX Runtime, the C++ library and the SPL toolkit in the package, kept sessions."""
