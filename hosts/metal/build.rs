//! How the image is linked: by our script, at a fixed address, with nothing of the system's.

fn main() {
    println!("cargo:rerun-if-changed=link.ld");
    let script = std::env::var("CARGO_MANIFEST_DIR").expect("set by cargo") + "/link.ld";
    let arguments = [
        "-nostdlib",
        "-nostartfiles",
        "-static",
        "-no-pie",
        "-Wl,--build-id=none",
        "-Wl,--gc-sections",
        "-Wl,-z,max-page-size=4096",
    ];
    for argument in arguments {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    println!("cargo:rustc-link-arg-bins=-Wl,-T,{script}");
}
