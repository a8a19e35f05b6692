//! ONNX Runtime sessions: the only file that names `ort`.
