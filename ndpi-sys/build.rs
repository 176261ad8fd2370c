//! Finds nDPI, checks its version, compiles the shim against its header and makes the bindings.
//!
//! `NDPI_DIR` (with `include` and `lib` below it) goes before pkg-config. Whatever is missing is said in one line with
//! the Debian package that brings it.

use std::env;
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

const HEADER: &str = "ndpi_api.h";

fn main() {
    for file in ["build.rs", "shim.c", "shim.h"] {
        println!("cargo::rerun-if-changed={file}");
    }
    println!("cargo::rerun-if-env-changed=NDPI_DIR");
    if let Err(message) = build() {
        println!("cargo::error={message}");
    }
}

fn build() -> Result<(), String> {
    let includes = match env::var_os("NDPI_DIR") {
        Some(dir) => from_dir(Path::new(&dir))?,
        None => from_pkg_config()?,
    };
    check_version(&includes)?;
    bind()?;
    cc::Build::new()
        .file("shim.c")
        .includes(&includes)
        .warnings(true)
        .try_compile("flowgauge_ndpi_shim")
        .map_err(|e| format!("cannot compile ndpi-sys/shim.c against nDPI in {includes:?} (is a C compiler installed? Debian: apt-get install build-essential): {}", one_line(&e)))?;
    // After the shim, whose symbols it resolves.
    println!("cargo::rustc-link-lib=dylib=ndpi");
    Ok(())
}

/// The include directories below `NDPI_DIR`; tells the linker where the library is.
fn from_dir(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let include = ["include/ndpi", "include"]
        .iter()
        .map(|sub| dir.join(sub))
        .find(|include| include.join(HEADER).is_file())
        .ok_or_else(|| format!("NDPI_DIR is {dir:?}, but there is no include/ndpi/{HEADER} below it"))?;
    let target = env::var("TARGET").unwrap_or_default().replace("-unknown-", "-");
    let lib = ["lib".to_owned(), "lib64".to_owned(), format!("lib/{target}")]
        .iter()
        .map(|sub| dir.join(sub))
        .find(|lib| lib.join("libndpi.so").exists() || lib.join("libndpi.dylib").exists())
        .ok_or_else(|| format!("NDPI_DIR is {dir:?}, but there is no lib/libndpi.so below it"))?;
    println!("cargo::rerun-if-changed={}", include.display());
    println!("cargo::rustc-link-search=native={}", lib.display());
    Ok(vec![include])
}

/// The include directories that pkg-config names; tells the linker where the library is.
fn from_pkg_config() -> Result<Vec<PathBuf>, String> {
    // The library itself is named in `build`: here it would come before the shim, and its static needs with it.
    let found = pkg_config::Config::new().cargo_metadata(false).env_metadata(true).probe("libndpi").map_err(|e| {
        let cause = match e {
            pkg_config::Error::Command { .. } => "pkg-config does not run",
            _ => "pkg-config knows no libndpi",
        };
        format!(
            "nDPI not found: {cause} (Debian: apt-get install libndpi-dev pkg-config; elsewhere set NDPI_DIR to a \
             directory with include/ndpi and lib; or build without the feature `ndpi`)"
        )
    })?;
    for lib in &found.link_paths {
        println!("cargo::rustc-link-search=native={}", lib.display());
    }
    let mut includes = found.include_paths;
    // pkg-config leaves the compiler's own directories out.
    for default in ["/usr/include/ndpi", "/usr/local/include/ndpi"] {
        if Path::new(default).join(HEADER).is_file() && !includes.iter().any(|dir| dir.join(HEADER).is_file()) {
            includes.push(default.into());
        }
    }
    Ok(includes)
}

/// Refuses an nDPI that the shim is not written for, by what its header says of itself.
fn check_version(includes: &[PathBuf]) -> Result<(), String> {
    let define = includes
        .iter()
        .map(|dir| dir.join("ndpi_define.h"))
        .find(|file| file.is_file())
        .ok_or_else(|| format!("no ndpi_define.h in {includes:?} (Debian: apt-get install libndpi-dev)"))?;
    println!("cargo::rerun-if-changed={}", define.display());
    let text = fs::read_to_string(&define).map_err(|e| format!("cannot read {define:?}: {e}"))?;
    let number = |name: &str| {
        text.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("#define") && words.next() == Some(name))
                .then(|| words.next()?.parse::<u32>().ok())?
        })
    };
    let (Some(major), Some(minor)) = (number("NDPI_MAJOR"), number("NDPI_MINOR")) else {
        return Err(format!("{define:?} does not say which nDPI it belongs to"));
    };
    if (major, minor) < (4, 2) {
        return Err(format!(
            "nDPI {major}.{minor} found in {define:?}; flowgauge is written for 4.2 to 5.x: install a newer libndpi-dev"
        ));
    }
    if major >= 6 {
        return Err(format!(
            "nDPI {major}.{minor} found in {define:?}; flowgauge is written for 4.2 to 5.x, because 6.0 changes the \
             licence of its TLS, QUIC and DNS parts: set NDPI_DIR to an older one"
        ));
    }
    Ok(())
}

/// Bindings of `shim.h` alone.
fn bind() -> Result<(), String> {
    // Without libclang bindgen panics: its message and backtrace are replaced by one line.
    panic::set_hook(Box::new(|_| {}));
    let generated = panic::catch_unwind(|| {
        bindgen::Builder::default()
            .header("shim.h")
            .allowlist_item("(fg|FG)_(ndpi|NDPI)_.*")
            .prepend_enum_name(false)
            .use_core()
            .merge_extern_blocks(true)
            .generate()
    });
    drop(panic::take_hook());
    let bindings = generated
        .map_err(|_| "libclang not found, which bindgen needs (Debian: apt-get install libclang-dev)".to_owned())?
        .map_err(|e| {
            format!("cannot make bindings of shim.h (Debian: apt-get install libclang-dev): {}", one_line(&e))
        })?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets no OUT_DIR")?).join("bindings.rs");
    bindings.write_to_file(&out).map_err(|e| format!("cannot write {out:?}: {e}"))
}

/// `cargo::error` takes one line.
fn one_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
