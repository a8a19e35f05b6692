//! Errors about models and texts, of the crate `clip`.

use super::{Fields, Report, file_access};
use crate::server;
use pgrx::PgSqlErrorCode::*;

impl Report for clip::Error {
    fn fields(&self) -> Fields {
        use clip::Error::*;
        match self {
            TextTooLong { .. } => Fields::hinted(
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "Shorten it: a model reads no more tokens than \"context_length\" in clip_models says.",
            ),
            Runtime { .. } => Fields::hinted(
                ERRCODE_UNDEFINED_FILE,
                "Set \"clip_pg.onnxruntime_library\" to the absolute path of libonnxruntime.so, version 1.24 or later.",
            ),
            MissingModelFile { .. } if server::in_recovery() => Fields::hinted(
                ERRCODE_UNDEFINED_FILE,
                "The files of a model are not replicated. Copy its directory from the primary to the same path here.",
            ),
            MissingModelFile { .. } => Fields::hinted(
                ERRCODE_UNDEFINED_FILE,
                "The model directory must hold all that was downloaded: both towers in ONNX, the tokenizer and the configuration.",
            ),
            UnreadableModelFile { source, .. } => Fields::hinted(
                file_access(source),
                "The server reads the file itself, as the operating system's user that it runs as.",
            ),
            InvalidModelFile { .. } => Fields::hinted(
                ERRCODE_DATA_CORRUPTED,
                "The file may be incomplete, or another one than its name says. Download it again.",
            ),
            LfsPointer { .. } => Fields::hinted(
                ERRCODE_DATA_CORRUPTED,
                "Download the file itself, as \"git lfs pull\" and \"hf download\" do.",
            ),
            UnloadableModel { .. } => Fields::hinted(
                ERRCODE_DATA_CORRUPTED,
                "The file, or one with its weights, may be incomplete, or made for a newer ONNX Runtime than \"clip_pg.onnxruntime_library\" names.",
            ),
            UnsupportedTower { .. } => Fields::hinted(
                ERRCODE_FEATURE_NOT_SUPPORTED,
                "A tower takes token ids or pixels and gives one vector per row. Export it so; the options \"text_file\", \"vision_file\", \"text_output\" and \"vision_output\" name other files and outputs.",
            ),
            UnsupportedConfiguration { .. } => Fields::hinted(
                ERRCODE_FEATURE_NOT_SUPPORTED,
                "A setting that was passed over would change every embedding. If the model does not need it, take it out of the file.",
            ),
            ContextLength { .. } => Fields::hinted(
                ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
                "Set the option \"context_length\" to the number of tokens that the model was made for.",
            ),
            ImageSize { .. } => Fields::hinted(
                ERRCODE_DATATYPE_MISMATCH,
                "The preprocessing of images and the image tower must come from the same model, and one of them must tell the size.",
            ),
            Projection { .. } => Fields::hinted(
                ERRCODE_DATATYPE_MISMATCH,
                "The tower may have been exported without its projection to the space that texts and images share.",
            ),
            ModelFileChanged { .. } => Fields::hinted(
                ERRCODE_DATA_CORRUPTED,
                "A name stays bound to its files. Put the registered file back, or register the new one under another name.",
            ),
            TowerMismatch { .. } => Fields::hinted(
                ERRCODE_DATATYPE_MISMATCH,
                "Both towers must come from the same model.",
            ),
            InvalidOption(_) => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            InvalidEmbedding { .. } => Fields::hinted(
                ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
                "Half-precision or quantized models may overflow. Register the model's files in single precision.",
            ),
            PixelCount { .. } | Inference { .. } => Fields::of(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
            Canceled => Fields::of(ERRCODE_QUERY_CANCELED),
        }
    }

    fn without_paths(&self) -> Option<String> {
        use clip::Error::*;
        match self {
            Runtime { .. } => Some("could not load ONNX Runtime".to_owned()),
            MissingModelFile { file, .. } => Some(format!("model file \"{file}\" is missing")),
            InvalidModelFile { file, .. } => Some(format!("invalid model file \"{file}\"")),
            UnloadableModel { file, .. } => Some(format!("could not load model file \"{file}\"")),
            _ => None,
        }
    }

    fn is_of_input(&self) -> bool {
        self.fields().may_be_of_input()
    }
}
