//! House rules that a machine can check: heads, lines, layers, where `unsafe` and atomics are.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The workspace; `None` where only this package is (a packaged crate).
fn root() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    root.join("ARCHITECTURE.md").exists().then(|| root.to_owned())
}

/// All Rust files of the workspace's packages, except cases of compile errors.
fn sources() -> Vec<(PathBuf, String)> {
    let Some(root) = root() else { return Vec::new() };
    let mut found = Vec::new();
    let packages = ["kekbit-codec", "kekbit-derive", "kekbit-channel", "examples"];
    let mut folders: Vec<PathBuf> = packages.iter().map(|package| root.join(package)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("ui") && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(40 < found.len(), "{found:?}");
    found
}

/// Complains of every source that does not pass.
fn check(rule: &str, passes: impl Fn(&Path, &str) -> bool) {
    let failing: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|(path, text)| !passes(path, text))
        .map(|(path, _)| path)
        .collect();
    assert!(failing.is_empty(), "{rule}: {failing:#?}");
}

#[test]
fn every_file_says_first_what_it_is() {
    check("the first line starts with //!", |_, text| text.starts_with("//! "));
}

#[test]
fn files_are_ascii_with_lines_of_at_most_100_columns() {
    check("ASCII", |_, text| text.is_ascii());
    // A long literal is left in one piece, and so are the templates of the derive.
    let fits = |line: &str| line.len() <= 100 || line.contains('"') || line.contains("__kekbit");
    check("100 columns", |_, text| text.lines().all(fits));
}

#[test]
fn atomics_come_from_one_place() {
    check("only sync.rs imports atomics", |path, text| {
        let library = path.components().any(|part| part.as_os_str() == "src");
        !library || path.ends_with("src/sync.rs") || !text.contains("sync::atomic")
    });
}

#[test]
fn unsafe_is_where_it_is_said_to_be() {
    let rooms = [
        "src/cpu.rs",
        "src/region.rs",
        "src/scan.rs",
        "src/writer.rs",
        "src/region/heap.rs",
        "src/region/model.rs",
        "src/region/page.rs",
    ];
    check("unsafe blocks", |path, text| {
        let library = path.components().any(|part| part.as_os_str() == "src");
        let unsafety = text.contains("unsafe {") || text.contains("unsafe fn");
        !library || !unsafety || rooms.iter().any(|room| path.ends_with(room))
    });
}

/// A module uses only those above it in the list of its crate's `lib.rs`.
#[test]
fn no_arrow_back_between_modules() {
    let Some(root) = root() else { return };
    for package in ["kekbit-codec", "kekbit-derive", "kekbit-channel"] {
        let source = root.join(package).join("src");
        let library = fs::read_to_string(source.join("lib.rs")).unwrap();
        let modules: BTreeMap<String, usize> = library
            .lines()
            .filter_map(|line| {
                let line = line.strip_prefix("pub ").unwrap_or(line);
                line.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned)
            })
            .enumerate()
            .map(|(place, name)| (name, place))
            .collect();
        for (path, text) in sources() {
            let Ok(inner) = path.strip_prefix(&source) else { continue };
            let first = inner.components().next().unwrap().as_os_str().to_string_lossy();
            let name = first.trim_end_matches(".rs").to_owned();
            let Some(place) = modules.get(&name) else { continue };
            if inner.ends_with("tests.rs") {
                continue;
            }
            for used in imports(without_tests(&text)) {
                let Some(other) = modules.get(&used) else { continue };
                assert!(other <= place, "{package}: `{name}` uses `{used}`, which is not above it");
            }
        }
    }
}

/// A source up to its tests, which may look anywhere.
fn without_tests(source: &str) -> &str {
    ["#[cfg(test)]\nmod tests", "#[cfg(test)]\npub(crate) mod tests"]
        .into_iter()
        .fold(source, |code, tests| code.split(tests).next().unwrap_or(code))
}

/// The modules of its own crate that a source imports.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        let before = code[..start].chars().next_back();
        if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$')
            || code[..start].ends_with("](")
        {
            continue;
        }
        let rest = &code[start + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            let mut fresh = true;
            for letter in list.chars() {
                match letter {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => fresh = true,
                    _ => {}
                }
                if depth == 0 && fresh && (letter.is_alphanumeric() || letter == '_') {
                    word.push(letter);
                } else if !word.is_empty() {
                    found.push(std::mem::take(&mut word));
                    fresh = letter == ',';
                }
            }
            found.extend((!word.is_empty()).then_some(word));
        } else {
            let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
            found.push(rest[..end.unwrap_or(rest.len())].to_owned());
        }
    }
    found
}

#[test]
fn imports_are_found() {
    let code = "use crate::{\n    a::B,\n    c,\n    d::{e, f},\n};\nuse crate::g::H;\ncrate::i();";
    assert_eq!(imports(code), ["a", "c", "d", "g", "i"]);
}

#[test]
fn the_changelog_has_this_version() {
    let Some(root) = root() else { return };
    let changelog = fs::read_to_string(root.join("CHANGELOG.md")).unwrap();
    assert!(changelog.contains(&format!("## {}", env!("CARGO_PKG_VERSION"))));
}

/// The example of a schema text in FORMAT.md is the text of these types.
#[test]
fn the_format_shows_a_real_schema() {
    use kekbit_channel::Record;

    #[derive(Record)]
    enum Side {
        Buy,
        Sell,
    }
    #[derive(Record)]
    struct Leg {
        qty: u64,
        kind: u16,
    }
    #[derive(Record)]
    enum Event {
        Opened { account: u64, joint: bool },
        Closed,
    }
    #[derive(Record)]
    struct Order {
        id: u64,
        side: Side,
        limit: Option<i64>,
        legs: [Leg; 2],
        event: Event,
    }
    let Some(root) = root() else { return };
    let format = fs::read_to_string(root.join("docs/FORMAT.md")).unwrap();
    let text = <Order as Record>::SCHEMA.text();
    assert!(format.contains(&text), "{text}");
}
