//! What ONNX Runtime does not tell about a graph: which other files hold its weights, and how it computes.
//!
//! Walks the protocol buffer of <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3> along the fields that lead
//! to tensors and operators, and skips everything else, weights included, without reading it.

use crate::{Error, Result, files};
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

/// Messages on the way from a model to its tensors.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Function,
    Sparse,
    Tensor,
    /// An entry of `TensorProto.external_data`.
    Entry,
}

impl Message {
    /// Type of the message in `field`, if it leads to tensors.
    fn field(self, field: u64) -> Option<Self> {
        Some(match (self, field) {
            (Self::Model, 7) => Self::Graph,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Graph, 5) => Self::Tensor,
            (Self::Graph, 15) => Self::Sparse,
            (Self::Node, 5) => Self::Attribute,
            (Self::Attribute, 5 | 10) => Self::Tensor,
            (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Attribute, 22 | 23) => Self::Sparse,
            (Self::Sparse, 1 | 2) => Self::Tensor,
            (Self::Tensor, 13) => Self::Entry,
            _ => return None,
        })
    }
}

/// What a graph says about itself.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Contents {
    /// Files that hold weights, relative to the model directory.
    pub weights: Vec<String>,
    /// Whether activations are quantised by the range that they happen to have, over all rows of a batch.
    pub dynamic: bool,
    /// Whether parts of the graph are computed in integers of 8 bits.
    pub integers: bool,
}

/// Examines the ONNX graph `file` in `directory`, and finds the files beside it that it needs.
///
/// Fails with [`Error::InvalidModelFile`] where the file is no protocol buffer, and where it names a file outside of
/// its own folder; with [`Error::MissingModelFile`] and [`Error::LfsPointer`] about the files with the weights, too.
pub(super) fn examine(directory: &Path, file: &str) -> Result<Contents> {
    let invalid = |reason: String| Error::InvalidModelFile {
        file: file.to_owned(),
        reason,
    };
    let (reader, length) = open(directory, file)?;
    let mut walk = Walk {
        reader,
        position: 0,
        locations: BTreeSet::new(),
        operators: BTreeSet::new(),
    };
    walk.message(Message::Model, length, 0)
        .map_err(|error| invalid(format!("not an ONNX model ({error})")))?;
    let folder = file
        .rsplit_once('/')
        .map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let uses = |known: &dyn Fn(&str) -> bool| walk.operators.iter().any(|name| known(name));
    let mut contents = Contents {
        weights: Vec::new(),
        dynamic: uses(&is_dynamic),
        integers: uses(&is_of_integers),
    };
    for location in walk.locations {
        if !files::is_inside(&location) {
            return Err(invalid(format!(
                "weights at \"{location}\" lie outside of the model"
            )));
        }
        let path = format!("{folder}{location}");
        // Refuses a pointer.
        open(directory, &path)?;
        contents.weights.push(path);
    }
    Ok(contents)
}

/// Opens `directory`/`file`, which must not be a Git LFS pointer, and tells its length.
fn open(directory: &Path, file: &str) -> Result<(BufReader<File>, u64)> {
    let handle = files::open(directory, file)?;
    let unreadable = |source| files::unreadable(file, source);
    let length = handle.metadata().map_err(unreadable)?.len();
    let mut reader = BufReader::new(handle);
    let beginning = reader.fill_buf().map_err(unreadable)?;
    files::refuse_pointer(file, beginning)?;
    Ok((reader, length))
}

/// `DynamicQuantizeLinear` and what ONNX Runtime fuses it into.
fn is_dynamic(operator: &str) -> bool {
    operator.starts_with("DynamicQuantize")
}

/// Operators whose kernels multiply integers of 8 bits, or whose operands ONNX Runtime hands to such kernels.
fn is_of_integers(operator: &str) -> bool {
    is_dynamic(operator)
        || operator.starts_with("QLinear")
        || operator.starts_with("MatMulInteger")
        || matches!(
            operator,
            "ConvInteger" | "QuantizeLinear" | "QAttention" | "QGemm"
        )
}

struct Walk {
    reader: BufReader<File>,
    position: u64,
    locations: BTreeSet<String>,
    operators: BTreeSet<String>,
}

/// Deeper than any graph in a graph.
const MAX_DEPTH: u32 = 64;
/// Longer than any key, path or name of an operator.
const MAX_STRING: u64 = 4096;

impl Walk {
    /// Reads the message that ends at `end`.
    fn message(&mut self, message: Message, end: u64, depth: u32) -> io::Result<()> {
        if depth > MAX_DEPTH {
            return Err(damaged("nested too deeply"));
        }
        let mut entry = (String::new(), String::new());
        while self.position < end {
            let tag = self.varint()?;
            let (field, wire) = (tag >> 3, tag & 7);
            match wire {
                0 => {
                    self.varint()?;
                }
                1 => self.skip(8, end)?,
                5 => self.skip(4, end)?,
                2 => {
                    let length = self.varint()?;
                    let inner = self
                        .position
                        .checked_add(length)
                        .filter(|&inner| inner <= end);
                    let inner = inner.ok_or_else(|| damaged("a field is longer than the file"))?;
                    match (message, field, message.field(field)) {
                        (Message::Entry, 1, _) => entry.0 = self.string(length)?,
                        (Message::Entry, 2, _) => entry.1 = self.string(length)?,
                        (Message::Node, 4, _) => {
                            let operator = self.string(length)?;
                            self.operators.insert(operator);
                        }
                        (_, _, Some(child)) => self.message(child, inner, depth + 1)?,
                        _ => self.skip(length, end)?,
                    }
                }
                _ => return Err(damaged("unknown wire type")),
            }
        }
        if entry.0 == "location" {
            self.locations.insert(entry.1);
        }
        if self.position == end {
            Ok(())
        } else {
            Err(damaged("a field ends beyond its message"))
        }
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.reader.read_exact(&mut byte)?;
            self.position += 1;
            let [byte] = byte;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(damaged("a number is too long"))
    }

    fn skip(&mut self, length: u64, end: u64) -> io::Result<()> {
        let target = self
            .position
            .checked_add(length)
            .filter(|&target| target <= end);
        self.position = target.ok_or_else(|| damaged("a field is longer than its message"))?;
        let length =
            i64::try_from(length).map_err(|_| damaged("a field is longer than the file"))?;
        self.reader.seek_relative(length)
    }

    fn string(&mut self, length: u64) -> io::Result<String> {
        if length > MAX_STRING {
            return Err(damaged("a name is too long"));
        }
        let mut bytes = Vec::new();
        self.reader.by_ref().take(length).read_to_end(&mut bytes)?;
        self.position += bytes.len() as u64;
        String::from_utf8(bytes).map_err(|_| damaged("a name is not UTF-8"))
    }
}

fn damaged(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        Directory,
        graph::{bytes, number},
    };

    const POINTER: &[u8] =
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 254000000\n";

    fn model(location: &str) -> Vec<u8> {
        let entry = [bytes(1, b"location"), bytes(2, location.as_bytes())].concat();
        let other = [bytes(1, b"offset"), bytes(2, b"0")].concat();
        let tensor = [bytes(13, &entry), bytes(13, &other), bytes(9, b"raw")].concat();
        // ir_version, producer, graph with one initializer.
        [
            number(1, 8),
            bytes(2, b"test"),
            bytes(7, &bytes(5, &tensor)),
        ]
        .concat()
    }

    #[test]
    fn locations_are_found() {
        let directory = Directory::new();
        directory.write("onnx/a.onnx", &model("a.onnx_data"));
        assert!(matches!(
            examine(directory.path(), "onnx/a.onnx"),
            Err(Error::MissingModelFile { file, .. }) if file == "onnx/a.onnx_data"
        ));
        directory.write("onnx/a.onnx_data", POINTER);
        assert!(matches!(
            examine(directory.path(), "onnx/a.onnx"),
            Err(Error::LfsPointer { file }) if file == "onnx/a.onnx_data"
        ));
        directory.write("onnx/a.onnx_data", b"raw");
        let contents = examine(directory.path(), "onnx/a.onnx").unwrap();
        assert_eq!(contents.weights, ["onnx/a.onnx_data"]);
        directory.write("b.onnx", &model("../../etc/passwd"));
        let error = examine(directory.path(), "b.onnx").unwrap_err().to_string();
        assert!(error.contains("outside"), "{error}");
    }

    #[test]
    fn operators_are_found() {
        let directory = Directory::new();
        for (operator, dynamic, integers) in [
            ("DynamicQuantizeLinear", true, true),
            ("DynamicQuantizeMatMul", true, true),
            ("MatMulIntegerToFloat", false, true),
            ("QLinearConv", false, true),
            ("DequantizeLinear", false, false),
            ("MatMul", false, false),
        ] {
            let node = bytes(1, &bytes(4, operator.as_bytes()));
            // In the graph, in one that is an attribute (of `If`, say), and in a function.
            let branch = bytes(1, &bytes(5, &bytes(6, &node)));
            let function = bytes(25, &bytes(7, &bytes(4, operator.as_bytes())));
            for model in [bytes(7, &node), bytes(7, &branch), function] {
                directory.write("a.onnx", &model);
                let found = examine(directory.path(), "a.onnx").unwrap();
                assert_eq!(
                    (found.dynamic, found.integers),
                    (dynamic, integers),
                    "{operator}"
                );
            }
        }
    }

    #[test]
    fn damaged_files_are_refused() {
        let directory = Directory::new();
        let whole = model("weights.bin");
        directory.write("weights.bin", b"raw");
        for length in 1..whole.len() {
            directory.write("a.onnx", &whole[..length]);
            // Cut between two fields of the model a file is shorter, but whole.
            if !matches!(length, 2 | 8) {
                assert!(examine(directory.path(), "a.onnx").is_err(), "{length}");
            }
        }
        directory.write("a.onnx", b"<html>not a model</html>");
        assert!(examine(directory.path(), "a.onnx").is_err());
        assert!(matches!(
            examine(directory.path(), "none.onnx"),
            Err(Error::MissingModelFile { .. })
        ));
    }
}
