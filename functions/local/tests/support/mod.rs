//! The real command, a made-up FreshBooks in a process of its own, and a folder per test.

// Each test file uses its part of it.
#![allow(dead_code, unreachable_pub, missing_docs)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "a broken test stops")]

pub mod web;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

pub const FRESHLAKE: &str = env!("CARGO_BIN_EXE_freshlake");

/// A FreshBooks on loopback. It ends with the test.
pub struct FreshBooks {
    process: Child,
    pub url: String,
    pub token: String,
}

impl FreshBooks {
    pub fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(FRESHLAKE)
            .args(["simulator", "--port", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let url = lines.next().unwrap().strip_prefix("FreshBooks simulator on ").unwrap().to_owned();
        let token = lines.find_map(|line| Some(line.strip_prefix("access token ")?.to_owned())).unwrap();
        Self { process, url, token }
    }

    pub fn control(&self, path: &str, body: &Value) -> Value {
        let answer =
            web::post(&format!("{}/_simulator/{path}", self.url), "application/json", &body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// What goes wrong from now on.
    pub fn faults(&self, faults: &Value) {
        self.control("options", &json!({"faults": faults}));
    }

    pub fn get(&self, path: &str) -> Value {
        serde_json::from_str(&web::get(&format!("{}{path}", self.url), None).body).unwrap()
    }

    /// Requests for `resource` since the last call.
    pub fn requests(&self) -> u64 {
        let count = self.get("/_simulator/requests")["total"].as_u64().unwrap();
        self.control("requests", &json!({}));
        count
    }

    /// What Ctrl-C does in a terminal.
    pub fn interrupt(mut self) -> i32 {
        interrupt(&self.process);
        self.process.wait().unwrap().code().unwrap()
    }
}

impl Drop for FreshBooks {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder to run the command in, and the FreshBooks that its environment names.
pub struct World {
    pub folder: TempDir,
    pub freshbooks: FreshBooks,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl World {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// A world whose FreshBooks is started with `arguments`.
    fn with(arguments: &[&str]) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), freshbooks: FreshBooks::start(arguments) }
    }

    /// A world whose connection `acme` is made.
    pub fn connected() -> Self {
        Self::connected_with(&[])
    }

    /// The same, with a FreshBooks that is started with `arguments`.
    pub fn connected_with(arguments: &[&str]) -> Self {
        let world = Self::with(arguments);
        let ended = world.connect(&[], |_| {});
        assert_eq!(ended.code, 0, "{ended:?}");
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command, not started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.in_environment(Command::new(FRESHLAKE), arguments)
    }

    /// The command in a shell that has done `before`.
    pub fn after(&self, before: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("bash");
        command.args(["-c", &format!("{before}; exec {FRESHLAKE} \"$@\""), "bash"]);
        self.in_environment(command, arguments)
    }

    fn in_environment(&self, mut command: Command, arguments: &[&str]) -> Command {
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("FRESHBOOKS_API_URL", &self.freshbooks.url)
            .env("FRESHBOOKS_ACCESS_TOKEN", &self.freshbooks.token)
            .env("FRESHBOOKS_CLIENT_ID", "simulator-app")
            .env("FRESHBOOKS_CLIENT_SECRET", "simulator-secret")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().unwrap().into()
    }

    /// `connect acme --paste`, with a person who allows access; `between` happens before they paste.
    pub fn connect(&self, arguments: &[&str], between: impl FnOnce(&FreshBooks)) -> Ended {
        self.paste(&["connect", "acme", "--paste"], arguments, |to| {
            let back = web::decide(to, "allow");
            between(&self.freshbooks);
            back
        })
    }

    /// Starts a command that prints an address and reads what `browser` makes of it.
    pub fn paste(&self, command: &[&str], more: &[&str], browser: impl FnOnce(&str) -> String) -> Ended {
        let arguments: Vec<&str> = command.iter().chain(more).copied().collect();
        let mut process = self.command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        if let Some(to) = line.trim().strip_prefix("open ") {
            let back = browser(to);
            writeln!(process.stdin.take().unwrap(), "{back}").unwrap();
        }
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        let ended: Ended = process.wait_with_output().unwrap().into();
        Ended { out: line + &rest, ..ended }
    }

    /// Every file below `name`, with its size, locks and temporary ones left out.
    pub fn files(&self, name: &str) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        walk(&self.path(name), &mut found);
        let root = format!("{}/", self.folder.path().display());
        for (path, _) in &mut found {
            *path = path.strip_prefix(&root).unwrap().to_owned();
        }
        found.retain(|(path, _)| !path.contains("/.lock") && !path.contains("/.tmp"));
        found.sort();
        found
    }

    /// What the lake has of `table`.
    pub fn rows(&self, table: &str) -> Vec<Value> {
        let shown = self.run(&["show", table, "--limit", "100000"]);
        assert_eq!(shown.code, 0, "{shown:?}");
        shown.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Whether the lake has any commit of `table`.
    pub fn has_commits(&self, table: &str) -> bool {
        !self.files(&format!("lake/lake/freshbooks/{table}/commits")).is_empty()
    }
}

fn walk(path: &Path, found: &mut Vec<(String, u64)>) {
    for entry in fs::read_dir(path).into_iter().flatten() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            walk(&entry.path(), found);
        } else {
            found.push((entry.path().display().to_string(), entry.metadata().unwrap().len()));
        }
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ended {
    /// The words of the summary's line about `table` of `unit`.
    pub fn line(&self, table: &str, unit: &str) -> Vec<&str> {
        let lines = self.out.lines().map(cells);
        let mut fitting = lines.filter(|words| words.first() == Some(&table) && words.get(1) == Some(&unit));
        fitting.next().unwrap_or_else(|| panic!("no line about {table} of {unit} in {self:?}"))
    }

    /// The status at the end of that line.
    pub fn status(&self, table: &str, unit: &str) -> String {
        self.line(table, unit)[6].to_owned()
    }

    /// Checks the exit code and that standard error says all of `words`.
    #[track_caller]
    pub fn says(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {}", self.err);
        }
        self
    }
}

/// The cells of a line of the summary, which are two spaces apart.
pub fn cells(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

/// Starts `command` and waits until it has written a line with `words` on standard error.
pub fn start_until(mut command: Command, words: &str) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut process = command.stdout(Stdio::null()).spawn().unwrap();
    let mut err = BufReader::new(process.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert_ne!(err.read_line(&mut line).unwrap(), 0, "it ended before it said {words:?}");
    }
    (process, err)
}

/// What Ctrl-C does in a terminal.
pub fn interrupt(process: &Child) {
    assert!(Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap().success());
}
