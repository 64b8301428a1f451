//! Every normative sentence that we found, chapter by chapter, with what proves it: `sentences/*.txt`
//! has one line for each, `sentence | proof; proof`. A proof is a test, `package::part::function`
//! where the part names a file or folder of the package, perhaps with words in quotes that stand in
//! the test's body and say which of its lines; or a case of the golden list, `golden: section/name`;
//! or a test against other programs, `interop: name`.
//!
//! The test here checks that each proof is there and runs, and prints how much each chapter has.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Packages by the name used in citations, and where they are.
const PACKAGES: [(&str, &str); 11] = [
    ("hypercall", "hypercall"),
    ("ofp-codec", "ofp-codec"),
    ("datapath", "datapath"),
    ("switch-dev", "switch-dev"),
    ("switchd", "userland/switchd"),
    ("unix", "hosts/unix"),
    ("virt", "hosts/virt"),
    ("shaper", "hosts/shaper"),
    ("rumpswitch", "."),
    ("tests", "tests"),
    ("benches", "benches"),
];

/// A sentence and its proofs.
struct Row {
    sentence: String,
    proofs: Vec<String>,
}

/// A test in the source.
struct Test {
    file: PathBuf,
    body: String,
    is_ignored: bool,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project's folder").to_path_buf()
}

/// Chapters in order: heading and rows.
fn chapters() -> Vec<(String, Vec<Row>)> {
    let folder = root().join("tests/conformance/sentences");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut chapters = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a text");
        let mut lines = text.lines();
        let heading = lines.next().and_then(|line| line.strip_prefix("# ")).expect("a heading");
        let rows = lines.filter(|line| !line.is_empty()).map(|line| {
            let (sentence, proofs) = line.split_once(" | ").unwrap_or((line, ""));
            let proofs = proofs.split("; ").map(|proof| proof.trim().to_owned());
            Row {
                sentence: sentence.trim().to_owned(),
                proofs: proofs.filter(|proof| !proof.is_empty()).collect(),
            }
        });
        chapters.push((heading.to_owned(), rows.collect()));
    }
    chapters
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The tests of a file by name: what stands between `#[test]`, or the head of a case, and the next item
/// at its indent.
fn tests_of(file: &Path, tests: &mut BTreeMap<String, Vec<Test>>) {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        // A case of the suites that run over every embodiment is a test, too.
        let is_case = line.starts_with("fn ") && line.contains("(world: &World<'_>)");
        if line.trim() != "#[test]" && !is_case {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let is_end = |line: &&str| line.len() == indent + 1 && line.trim() == "}";
        let end = lines[at..].iter().position(is_end).map_or(lines.len(), |end| at + end);
        let item = &lines[at..end];
        let head: Vec<&str> = item.iter().map(|line| line.trim()).collect();
        let Some(name) = head.iter().find_map(|line| line.strip_prefix("fn ")) else { continue };
        let name = name.split(['(', '<']).next().unwrap_or_default().to_owned();
        let attributes = head.iter().take_while(|line| !line.starts_with("fn "));
        let before = lines[..at].iter().rev().take_while(|line| line.trim().starts_with("#["));
        let is_ignored = attributes.copied().chain(before.map(|line| line.trim()));
        let is_ignored = is_ignored.into_iter().any(|line| line.starts_with("#[ignore"));
        let test = Test { file: file.to_path_buf(), body: item.join("\n"), is_ignored };
        tests.entry(name).or_default().push(test);
    }
}

/// All tests of the project: by package, then by function.
fn all_tests() -> BTreeMap<&'static str, BTreeMap<String, Vec<Test>>> {
    let mut all = BTreeMap::new();
    for (package, folder) in PACKAGES {
        let mut files = Vec::new();
        let folder = root().join(folder);
        if package == "rumpswitch" {
            rust_files(&folder.join("src"), &mut files);
            rust_files(&folder.join("tests/program"), &mut files);
        } else {
            rust_files(&folder, &mut files);
        }
        let mut tests = BTreeMap::new();
        files.iter().for_each(|file| tests_of(file, &mut tests));
        all.insert(package, tests);
    }
    all
}

/// The cases of the golden list, as `section/name`.
fn golden_cases() -> Vec<String> {
    crate::golden::cases::all()
        .iter()
        .map(|case| format!("{}/{}", case.section, case.name))
        .collect()
}

/// The names of the tests against other programs.
fn interop_tests() -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("tests/interop")).expect("a folder").flatten() {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let marks = text.lines().filter_map(|line| line.strip_prefix("@test(\""));
        names.extend(marks.filter_map(|line| Some(line.split_once('"')?.0.to_owned())));
    }
    names
}

/// What is wrong with a proof that is a test.
fn complaint(
    proof: &str,
    all: &BTreeMap<&'static str, BTreeMap<String, Vec<Test>>>,
) -> Option<String> {
    let (path, words) = match proof.split_once(" \"") {
        Some((path, words)) => (path, words.strip_suffix('"')),
        None => (proof, None),
    };
    let (path, may_be_ignored) = match path.strip_suffix(" (ignored)") {
        Some(path) => (path, true),
        None => (path, false),
    };
    let [package, part, function] = path.split("::").collect::<Vec<_>>()[..] else {
        return Some("not package::part::function".to_owned());
    };
    let Some(tests) = all.get(package) else { return Some("no such package".to_owned()) };
    let is_part = |test: &&Test| {
        let names = test.file.iter().filter_map(|name| name.to_str());
        names.map(|name| name.trim_end_matches(".rs")).any(|name| name == part)
    };
    let found: Vec<&Test> = tests.get(function).into_iter().flatten().filter(is_part).collect();
    let [test] = found[..] else { return Some(format!("{} such tests", found.len())) };
    if test.is_ignored && !may_be_ignored {
        return Some("is #[ignore]d".to_owned());
    }
    if words.is_some_and(|words| !test.body.contains(words)) {
        return Some("its body has no such words".to_owned());
    }
    None
}

#[test]
fn every_sentence_has_a_proof_that_is_there() {
    let (all, golden, interop) = (all_tests(), golden_cases(), interop_tests());
    let mut wrong = Vec::new();
    let (mut sentences, mut proofs) = (0, BTreeMap::new());
    println!("{:>4} {:>5} {:>6}  chapter", "rows", "empty", "proofs");
    for (heading, rows) in chapters() {
        let chapter = heading.split(' ').next().unwrap_or_default();
        let mut empty = 0;
        for (number, row) in (1..).zip(&rows) {
            if row.proofs.is_empty() {
                empty += 1;
                wrong.push(format!("{chapter}.{number} {}: no proof", row.sentence));
            }
            if !row.sentence.ends_with('.') {
                wrong.push(format!("{chapter}.{number} {}: no sentence", row.sentence));
            }
            for proof in &row.proofs {
                *proofs.entry(proof.clone()).or_insert(0) += 1;
                let complaint = if let Some(case) = proof.strip_prefix("golden: ") {
                    (!golden.iter().any(|known| known == case)).then(|| "no such case".to_owned())
                } else if let Some(name) = proof.strip_prefix("interop: ") {
                    (!interop.iter().any(|known| known == name)).then(|| "no such test".to_owned())
                } else {
                    complaint(proof, &all)
                };
                if let Some(complaint) = complaint {
                    wrong.push(format!("{chapter}.{number} {proof}: {complaint}"));
                }
            }
        }
        let cited: usize = rows.iter().map(|row| row.proofs.len()).sum();
        println!("{:>4} {empty:>5} {cited:>6}  {heading}", rows.len());
        sentences += rows.len();
    }
    println!("{sentences} sentences, {} different proofs", proofs.len());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
