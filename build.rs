//! Has the linker keep what no code refers to: pgrx's macros describe the extension's SQL in a section of the library, from
//! which tools/schema writes the script in sql/.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The linker of macOS keeps it by itself, and does not know the flag.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system != "macos") {
        println!("cargo::rustc-link-arg-cdylib=-Wl,--no-gc-sections");
    }
}
