#!/bin/sh
# Stands before rustc (RUSTC_WRAPPER): pgrx then uses the bindings that it carries for docs.rs, which asks for them so.
case " $* " in *" --crate-name pgrx_pg_sys "*) exec "$@" --cfg docsrs ;; esac
exec "$@"
