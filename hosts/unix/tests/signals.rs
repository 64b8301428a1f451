//! SIGINT and SIGTERM end a loop in an orderly way: this program starts itself, and asks.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use rumpswitch_unix::{EventLoop, Stop};

fn main() {
    if env::args().any(|argument| argument == "child") {
        let mut event_loop = EventLoop::new().unwrap();
        println!("running");
        match event_loop.run().unwrap() {
            Stop::Interrupt => println!("interrupted"),
            Stop::Terminate => println!("terminated"),
        }
        return;
    }
    for (signal, word) in [("INT", "interrupted"), ("TERM", "terminated")] {
        let mut child = Command::new(env::current_exe().unwrap())
            .arg("child")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert_eq!(lines.next().as_deref(), Some("running"));
        let kill =
            Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        assert_eq!(lines.next().as_deref(), Some(word));
        assert!(child.wait().unwrap().success());
        println!("{signal}: ok");
    }
}
