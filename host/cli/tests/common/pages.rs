//! The commands that the pages show: lines of code blocks, and code within the text.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

/// A command as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Page and line, for messages.
    pub at: String,
    /// Its words, without what surrounds them (`$`, comments, `&`).
    pub words: Vec<String>,
    /// What the page shows as its output, if it was typed at a prompt.
    pub output: Vec<String>,
}

/// The folder of the whole project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every page for readers, but for those that record decisions of the past.
pub fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if entry.file_type().unwrap().is_dir() {
                let other = ["target", "decisions", "node_modules"].contains(&&*name);
                if !other && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if name.ends_with(".md") && name != "CHANGELOG.md" {
                pages.push(path);
            }
        }
    }
    pages.sort();
    assert!(pages.len() > 20);
    pages
}

/// The commands of all code blocks on all pages.
pub fn in_blocks() -> Vec<Shown> {
    let mut all = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        all.extend(commands_of(&name_of(&page), &text));
    }
    assert!(all.len() > 40, "{}", all.len());
    all
}

/// The text between single backquotes on all pages, with page and line.
pub fn in_text() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let mut inside = false;
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                inside = !inside;
            } else if !inside {
                let at = format!("{}:{}", name_of(&page), number + 1);
                let code = line.split('`').skip(1).step_by(2);
                all.extend(code.map(|code| (at.clone(), code.to_owned())));
            }
        }
    }
    all
}

fn name_of(page: &Path) -> String {
    page.strip_prefix(root()).unwrap().display().to_string()
}

/// The programs whose command lines are looked for.
fn is_command(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let first = first.trim_start_matches("./");
    let rest = line.contains(' ');
    (first == "firebrick" || first == "target/release/firebrick") && rest
        || first == "cargo"
        || first.starts_with("scripts/") && !first.ends_with('/')
}

fn commands_of(page: &str, text: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut block: Option<&str> = None;
    let mut prompted = false;
    for (number, line) in text.lines().enumerate() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            block = match block {
                Some(_) => None,
                None => Some(info.trim()),
            };
            prompted = false;
            continue;
        }
        let Some(info) = block else { continue };
        let prompt = line.strip_prefix("$ ");
        let typed = prompt.or(Some(line).filter(|_| !prompted));
        let shell = ["", "sh", "bash", "console", "text"].contains(&info);
        match typed.filter(|typed| shell && is_command(typed)) {
            Some(typed) => {
                let typed = typed.split(" #").next().unwrap_or(typed);
                for part in typed.split(" && ") {
                    let words = part.split_whitespace().map(str::to_owned);
                    all.push(Shown {
                        at: format!("{page}:{}", number + 1),
                        words: words.filter(|word| word != "&").collect(),
                        output: Vec::new(),
                    });
                }
                prompted = prompt.is_some();
            }
            None if prompted => {
                if let Some(last) = all.last_mut() {
                    last.output.push(line.to_owned());
                }
            }
            None => {}
        }
    }
    all
}

impl Shown {
    /// The arguments, if it is this program.
    pub fn arguments(&self) -> Option<&[String]> {
        let own = self.words[0].ends_with("firebrick");
        own.then_some(&self.words[1..])
    }

    /// Whether a word stands for something else: it is in capitals, or has dots at its end.
    pub fn has_placeholder(&self) -> bool {
        self.words.iter().any(|word| is_placeholder(word))
    }

    /// The argument behind an option.
    pub fn option(&self, name: &str) -> Option<&str> {
        let at = self.words.iter().position(|word| word == name)?;
        self.words.get(at + 1).map(String::as_str)
    }
}

/// Whether a word stands for another.
pub fn is_placeholder(word: &str) -> bool {
    let word = word.trim_end_matches("...");
    let capital = word.chars().filter(char::is_ascii_uppercase).count() > 1;
    capital && word.chars().take(2).all(|c| c.is_ascii_uppercase())
}
