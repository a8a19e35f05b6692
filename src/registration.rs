//! The registry in SQL. The view `clip_models` and all comments and rights are in `sql/models.sql`.

use crate::{
    error::{self, Result, Returned},
    guc, inference,
    json::JsonText,
    message,
    model::{self, Error, registry},
    server,
    text::Text,
};
use clip::{
    inspect::Overrides,
    manifest::{Activation, Caveat, LogitSource, Manifest, Tower},
    session::Runtime,
};
use pgrx::{PgLogLevel, PgSqlErrorCode, pg_sys::panic::ErrorReport, prelude::*};
use serde_json::json;
use std::{fs, path::PathBuf};

/// Registers the model in a directory of the server. The registry is no table: a rollback does not undo it.
#[pg_extern(volatile, parallel_unsafe)]
fn clip_register_model(
    name: Text,
    directory: Text,
    options: default!(JsonText, "'{}'"),
) -> Returned<()> {
    Ok(register(name.as_str(), directory.as_str(), options)?)
}

/// Takes a model out of use. The name stays bound to it.
#[pg_extern(volatile, parallel_unsafe)]
fn clip_unregister_model(name: Text) -> Returned<()> {
    Ok(unregister(name.as_str())?)
}

/// The rows of the view `clip_models`.
#[pg_extern(name = "clip_models", volatile, parallel_restricted)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn models() -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(name, String),
            name!(dimensions, i32),
            name!(image_size, Vec<i32>),
            name!(context_length, i32),
            name!(logit_scale, f64),
            name!(logit_bias, f64),
            name!(logit_source, &'static str),
            name!(activation, &'static str),
            name!(tokenization, Option<JsonText>),
            name!(preprocessing, Option<JsonText>),
            name!(text_tower, JsonText),
            name!(image_tower, JsonText),
            name!(caveats, Vec<String>),
            name!(options, JsonText),
            name!(sha256, String),
            name!(directory, Option<Text>),
            name!(loaded, Option<&'static str>),
            name!(built_in, bool),
        ),
    >,
    ErrorReport,
> {
    let may_see_paths = server::may_read_server_files();
    let mut rows = Vec::new();
    for name in registry::files().map_err(error::Error::from)? {
        let record = match registry::read(&name) {
            Ok(Some(record)) if record.registered => record,
            Ok(_) => continue,
            Err(error) => {
                // One bad file does not hide the other models.
                crate::error::Error::from(error).warn();
                continue;
            }
        };
        let directory = record.directory.display().to_string();
        let manifest = record.manifest;
        let loaded = inference::loaded_in(&manifest.identity);
        let (text, image) = (&manifest.text, &manifest.image);
        let caveats = manifest.caveats.iter();
        rows.push((
            name.clone(),
            integer(manifest.dimensions),
            image.size.map(|side| integer(side as usize)).to_vec(),
            integer(text.tokenizer.context_length),
            manifest.logit_scale,
            manifest.logit_bias,
            logit_source(manifest.logit_source),
            activation(manifest.activation),
            serde_json::to_string(&text.tokenizer).ok().map(JsonText),
            serde_json::to_string(&image.preprocess).ok().map(JsonText),
            tower(&text.tower),
            tower(&image.tower),
            caveats.map(|caveat| caveat.message(&manifest)).collect(),
            JsonText(record.options.to_string()),
            manifest.identity,
            may_see_paths.then_some(Text::from(directory)),
            loaded,
            name == registry::built_in(),
        ));
    }
    Ok(TableIterator::new(rows))
}

/// Name, dimensions and identity of a model that is registered, of the one that `clip_pg.model` names where none is given.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn resolve_model(
    model: Option<Text>,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(name, String),
            name!(dimensions, i32),
            name!(sha256, String),
        ),
    >,
    ErrorReport,
> {
    let model = model::resolve(model.as_ref().map(Text::as_str))?;
    let manifest = &model.manifest;
    Ok(TableIterator::once((
        model.name.clone(),
        integer(manifest.dimensions),
        manifest.identity.clone(),
    )))
}

fn register(name: &str, directory: &str, options: JsonText) -> Result<()> {
    check_rights("register")?;
    registry::check_name(name)?;
    let path = check_directory(directory)?;
    let options = serde_json::from_str(&options.0)
        .map_err(|error| clip::Error::InvalidOption(error.to_string()))?;
    let overrides = Overrides::from_json(&options)?;
    let library = guc::onnxruntime_library();
    let folder = path.clone();
    let manifest = inference::run(move |cancel| {
        let runtime = Runtime::load(&library)?;
        Manifest::inspect(&folder, &overrides, &runtime, cancel)
    })?;
    let record = registry::Record {
        registered: true,
        directory: path,
        options,
        manifest,
    };
    model::forget();
    registry::register(name, &record)?;
    for caveat in &record.manifest.caveats {
        tell(*caveat, &record.manifest);
    }
    Ok(())
}

fn tell(caveat: Caveat, model: &Manifest) {
    let done = PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION;
    let report = ErrorReport::new(done, caveat.message(model), "").set_hint(caveat.remedy());
    message::tell(PgLogLevel::NOTICE, done, &report);
}

fn unregister(name: &str) -> Result<()> {
    check_rights("unregister")?;
    model::forget();
    Ok(registry::unregister(name)?)
}

/// Besides EXECUTE, the registry takes the right to read the server's files: registration tells whether a file is
/// there and what is in it.
fn check_rights(action: &'static str) -> Result<()> {
    if server::may_read_server_files() {
        Ok(())
    } else {
        Err(Error::PermissionDenied { action }.into())
    }
}

/// The path to a directory that the server can read.
fn check_directory(directory: &str) -> Result<PathBuf> {
    let path = PathBuf::from(directory);
    if !path.is_absolute() {
        return Err(Error::RelativeDirectory(directory.to_owned()).into());
    }
    fs::read_dir(&path).map_err(|source| Error::ModelDirectory {
        path: directory.to_owned(),
        source,
    })?;
    Ok(path)
}

fn activation(activation: Activation) -> &'static str {
    match activation {
        Activation::Softmax => "softmax",
        Activation::Sigmoid => "sigmoid",
    }
}

fn logit_source(source: LogitSource) -> &'static str {
    match source {
        LogitSource::Options => "options",
        LogitSource::Graph => "graph",
        LogitSource::Configuration => "configuration",
        LogitSource::Family => "family",
    }
}

/// What a user sees of a tower.
fn tower(tower: &Tower) -> JsonText {
    let shown = json!({
        "file": tower.file,
        "weights": tower.weights,
        "inputs": tower.inputs,
        "output": tower.output,
        "batched": !tower.single,
    });
    JsonText(shown.to_string())
}

/// A count as SQL has it; none comes near the limit.
fn integer(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

extension_sql_file!(
    "../sql/models.sql",
    name = "models",
    requires = [clip_register_model, clip_unregister_model, models]
);
