//! The core asks for memory only in ways that can fail: a search of its sources for the calls of the
//! standard library that abort instead.
//!
//! `datapath/src/lib.rs` says what becomes of what lacks memory, `tests/no_memory` refuses every
//! allocation that a script reaches; this test sees those that no script reaches. It looks for calls that
//! always allocate. What grows a list (`push`, `extend`, `resize`) aborts only where nothing was reserved
//! before, which no search can tell; `no_memory` does.

use std::fs;
use std::path::{Path, PathBuf};

/// The sources that kernels link.
const ROOMS: [&str; 5] =
    ["hypercall/src", "ofp-codec/src", "datapath/src", "switch-dev/src", "hosts/capi/src"];

/// Files that only tests, models and programs with a standard library use.
const ELSEWHERE: [(&str, &str); 4] = [
    ("hypercall/src/fake.rs", "a host for tests"),
    ("ofp-codec/src/text/", "the text form of ovs-ofctl is for programs; no kernel links it"),
    ("datapath/src/models.rs", "models for loom"),
    ("datapath/src/samples.rs", "rule sets for tests"),
];

/// Calls that allocate and abort without memory, and what they look like.
const CALLS: [&str; 36] = [
    "vec![",
    "format!(",
    "Box::new(",
    "Arc::new(",
    "Rc::new(",
    "Box::from(",
    "Arc::from(",
    "Vec::from(",
    "String::from(",
    "Box::default(",
    "Arc::default(",
    "VecFrame::from_bytes(",
    "VecFrame::zeroed(",
    ".to_vec()",
    ".to_owned()",
    ".to_string()",
    ".to_lowercase()",
    ".to_uppercase()",
    ".clone()",
    ".cloned()",
    ".clone_from(",
    ".collect()",
    ".collect::<",
    ".concat()",
    ".repeat(",
    ".split_off(",
    ".into_boxed_slice()",
    ".into_boxed_str()",
    ".shrink_to",
    "with_capacity(",
    "make_mut(",
    ".sort()",
    ".sort_by(",
    ".sort_by_key(",
    "BTreeMap",
    "BTreeSet",
];

/// What may stand: the file, a part of the line, and why nothing that a controller, a host or a network
/// host drives comes there without memory. One that is not needed any more has to go.
const ALLOWED: &[(&str, &str, &str)] = &[
    // Into arrays and sets of bits, which take no memory.
    ("datapath/src/classifier/bitvec.rs", "field.locate(key)", ARRAY),
    ("datapath/src/classifier/bitvec.rs", "field.start(page, row)", ARRAY),
    ("datapath/src/classifier/exact.rs", "word.of(key)", ARRAY),
    ("datapath/src/classifier/exact.rs", "Exact::of_words(", ARRAY),
    ("datapath/src/classifier/tree/builder.rs", "filters.collect()", ARRAY),
    ("datapath/src/flow_cache/packing.rs", "map(|(at, _)| at).collect()", ARRAY),
    ("datapath/src/flow_cache.rs", "let missed_keys: ArrayVec<", ARRAY),
    ("datapath/src/classifier/tree/entries.rs", "union.words()", ARRAY),
    ("datapath/src/personality.rs", "[ActionType::Group].into_iter().collect()", ARRAY),
    ("datapath/src/personality/presets.rs", "info().maskable_by_text", ARRAY),
    ("datapath/src/personality/presets.rs", "lacks.into_iter().collect()", ARRAY),
    ("datapath/src/personality/presets.rs", "prefixes.into_iter().collect()", ARRAY),
    ("datapath/src/personality/reshape.rs", "list.iter().copied().collect()", ARRAY),
    ("datapath/src/personality/sets.rs", "ActionType::ALL.into_iter().collect()", ARRAY),
    ("datapath/src/personality/table.rs", "actions.into_iter().collect()", ARRAY),
    ("datapath/src/personality/table.rs", "fields.into_iter().collect()", ARRAY),
    // Copies of what holds no memory.
    ("datapath/src/classifier.rs", "keys.clone()", PLAIN),
    ("datapath/src/classifier/lpm/nodes.rs", "padded.clone()", PLAIN),
    ("datapath/src/classifier/tree/builder.rs", "cut.clone()", PLAIN),
    ("datapath/src/classifier/tree/cut.rs", "self.clone()", PLAIN),
    ("datapath/src/classifier/tree/leaves.rs", "range.clone()", PLAIN),
    ("datapath/src/classifier/tree/search.rs", "self.base.clone()", PLAIN),
    ("ofp-codec/src/action.rs", "other => other.clone()", PLAIN),
    ("ofp-codec/src/bundle.rs", "reader.clone()", PLAIN),
    ("ofp-codec/src/instruction.rs", "other => other.clone()", PLAIN),
    ("ofp-codec/src/instruction.rs", "reader.clone()", PLAIN),
    ("ofp-codec/src/meter_mod.rs", "other => other.clone()", PLAIN),
    ("ofp-codec/src/multipart/meter.rs", "reader.clone()", PLAIN),
    ("ofp-codec/src/queue.rs", "reader.clone()", PLAIN),
    ("switch-dev/src/handlers/bundle.rs", "packet_outs.clone()", PLAIN),
    ("switch-dev/src/handlers/monitor.rs", "new.iter().cloned()", PLAIN),
    ("switch-dev/src/notices.rs", "auxiliaries.clone()", PLAIN),
    ("datapath/src/groups.rs", "Box::default()", PLAIN),
    ("datapath/src/personality.rs", "Largest::Shared(all.clone())", PLAIN),
    ("datapath/src/personality.rs", "groups: self.groups.clone()", PLAIN),
    ("datapath/src/personality.rs", "meters: self.meters.clone()", PLAIN),
    ("datapath/src/rewrite/recipes.rs", "recipe: recipe.clone()", PLAIN),
    // What programs in Rust make before there is a switch.
    ("datapath/src/personality/presets.rs", "String::from(FULL)", FOR_PROGRAMS),
    ("datapath/src/personality.rs", "String::from(", FOR_PROGRAMS),
    ("datapath/src/personality.rs", "self.tables.last().cloned()", FOR_PROGRAMS),
    ("datapath/src/personality.rs", "change(id, table)", FOR_PROGRAMS),
    // For programs and tests in Rust, which make their values themselves.
    ("datapath/src/ports.rs", "name: String::from(name)", FOR_PROGRAMS),
    ("hypercall/src/vec_frame.rs", "Vec::with_capacity(Self::HEADROOM", FOR_PROGRAMS),
    ("hypercall/src/vec_frame.rs", "alloc::vec![0; Self::HEADROOM", FOR_PROGRAMS),
    ("ofp-codec/src/hello.rs", "alloc::vec![HelloElement", FOR_PROGRAMS),
    // A list that is full becomes a box where it lies.
    ("ofp-codec/src/memory.rs", "Ok(list.into_boxed_slice())", FULL),
    ("ofp-codec/src/memory.rs", "try_one(value)?.into_boxed_slice()", FULL),
    ("datapath/src/classifier/blocks.rs", "take(&mut self.first).into_boxed_slice()", FULL),
    ("datapath/src/fragments.rs", "places.into_boxed_slice()", FULL),
    ("datapath/src/groups/bucket.rs", "buckets.into_boxed_slice()", FULL),
    ("datapath/src/mac_table.rs", "into_boxed_slice()", FULL),
    ("datapath/src/meters.rs", "bands.into_boxed_slice()", FULL),
    ("datapath/src/program.rs", "copy.into_boxed_slice()", FULL),
];

const ARRAY: &str = "into an array or a set, which takes no memory";
const PLAIN: &str = "a copy of what holds no memory";
const FOR_PROGRAMS: &str = "for programs in Rust that make the value themselves";
const FULL: &str = "a full list becomes a box where it lies";

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

/// The lines of a file that are compiled into a kernel, with their numbers: comments and what follows the
/// first module of tests are left out.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_test =
        |line: &str| line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
    let mut before = "";
    let numbered = text.lines().enumerate().take_while(move |(_, line)| {
        let ends = is_test(before) && line.starts_with("mod ") && line.ends_with('{');
        before = line;
        !ends
    });
    let code = numbered.map(|(at, line)| (at + 1, line.trim()));
    code.filter(|(_, line)| !line.starts_with("//"))
}

/// Whether the call stands in the line, and not as the end of another name (`TryBox::new`).
fn has_call(line: &str, call: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let stands = |(at, _): (usize, &str)| {
        call.starts_with('.') || !line[..at].chars().next_back().is_some_and(is_name)
    };
    line.match_indices(call).any(stands)
}

fn is_elsewhere(name: &str) -> bool {
    name.ends_with("/tests.rs") || ELSEWHERE.iter().any(|(place, _)| name.starts_with(place))
}

#[test]
fn every_allocation_of_the_core_can_fail() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project");
    let mut found = Vec::new();
    ROOMS.iter().for_each(|room| files(&root.join(room), &mut found));
    found.sort();
    assert!(found.len() > 100, "the sources are somewhere else");
    let (mut wrong, mut used) = (Vec::new(), vec![false; ALLOWED.len()]);
    for path in found {
        let name = path.strip_prefix(root).expect("within").to_str().expect("a name");
        if is_elsewhere(name) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        for (number, line) in lines(&text) {
            let Some(call) = CALLS.iter().find(|call| has_call(line, call)) else { continue };
            let is_it = |(file, part, _): &(&str, &str, &str)| *file == name && line.contains(part);
            match ALLOWED.iter().position(is_it) {
                Some(at) => used[at] = true,
                None => {
                    wrong.push(format!("{name}:{number}: `{call}` aborts without memory: {line}"))
                }
            }
        }
    }
    for ((file, part, _), _) in ALLOWED.iter().zip(used).filter(|(_, used)| !used) {
        println!("{file}: allowed and not there any more: {part}");
    }
    assert!(wrong.is_empty(), "ofp_codec::memory has what fails instead:\n{}", wrong.join("\n"));
}

/// The search finds what it looks for.
#[test]
fn comments_and_tests_are_left_out_and_nothing_else() {
    let text = "//! vec![]\nlet a = vec![1];\n// vec![]\n#[cfg(test)]\nuse x;\nlet b = y.clone();\n\
                #[cfg(test)]\nmod tests {\n    let c = vec![2];\n}\n";
    let code: Vec<_> = lines(text).map(|(number, _)| number).collect();
    assert_eq!(code, [2, 4, 5, 6, 7]);
    assert!(has_call("let a = Box::new(1);", "Box::new(") && has_call("a.clone()", ".clone()"));
    assert!(!has_call("let a = TryBox::new(1)?;", "Box::new("));
}
