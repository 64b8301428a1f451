//! Threads that must not end alone: others would wait for them for ever.

/// The exit code of a process that ends by a panic.
const PANICKED: i32 = 101;

/// Does `work` on a thread of several. A panic in it ends the process, as it would on the only one,
/// after its message has been printed.
pub fn or_end<T>(work: impl FnOnce() -> T) -> T {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            std::process::exit(PANICKED);
        }
    }
    let end = End;
    let done = work();
    std::mem::forget(end);
    done
}
