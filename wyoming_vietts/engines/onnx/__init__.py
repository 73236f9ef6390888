"""ONNX files and sessions, for every engine that has networks in this format."""
