//! Records the compiler and the optimisation that this executable is built with: a figure means
//! nothing without them, and the executable cannot find them out later.

use std::process::Command;

fn main() {
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(compiler).arg("--version").output();
    let version = version.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    );
    let level = std::env::var("OPT_LEVEL").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo:rustc-env=TWOFOLD_TOOLCHAIN={version}");
    println!("cargo:rustc-env=TWOFOLD_OPT_LEVEL={level}");
    println!("cargo:rerun-if-changed=build.rs");
}
