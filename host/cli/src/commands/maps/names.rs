//! File names for the names of maps, which may be any text.

use std::collections::HashSet;

/// Most bytes of a name before its number and ending; file systems allow 255 in all.
const LONGEST: usize = 100;

/// The file names that are taken.
pub struct Names(HashSet<String>);

impl Names {
    /// None is taken but these.
    pub fn new(taken: &[&str]) -> Names {
        Names(taken.iter().map(|&name| name.to_owned()).collect())
    }

    /// The file of a map, another one for each: its name, in which slashes become dots and what
    /// is no use in a file name becomes `_`, cut if it is long, and with a number if another map
    /// has that name already.
    pub fn file(&mut self, name: &str) -> String {
        self.name(name) + ".npy"
    }

    /// The same without an ending.
    pub fn name(&mut self, name: &str) -> String {
        let mut safe = String::new();
        for c in name.chars() {
            let c = match c {
                '/' => '.',
                '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
                c if c.is_control() || c.is_whitespace() => '_',
                c => c,
            };
            if safe.len() + c.len_utf8() > LONGEST {
                break;
            }
            // A file that begins with a dot is not seen, one with a dash taken for an option.
            let first = safe.is_empty() && matches!(c, '.' | '-');
            safe.push(if first { '_' } else { c });
        }
        if safe.is_empty() {
            safe.push('_');
        }
        let mut file = safe.clone();
        let mut number = 1;
        // Some file systems take large and small letters for the same.
        while !self.0.insert(file.to_lowercase()) {
            number += 1;
            file = format!("{safe}~{number}");
        }
        file
    }
}

/// One object of files and names, in their order.
pub fn json(list: &[(String, &str)]) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let lines: Vec<String> = list
        .iter()
        .map(|(file, name)| format!("{}: {}", quoted(file), quoted(name)))
        .collect();
    format!("{{{}}}\n", lines.join(",\n "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_a_file_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let long = "x".repeat(300);
        let longer = "\u{20ac}".repeat(100);
        let hard = [
            "a/b",
            "a.b",
            "A.b",
            "a.b~2",
            "a.b~2",
            "logits",
            "picture",
            "LOGITS",
            "",
            ".",
            "..",
            ".hidden",
            "../up",
            "-o",
            "a\nb",
            "a b",
            "a\tb",
            "a\0b",
            "con:x",
            "\u{e9}",
            "e\u{301}",
            &long,
            &long[1..],
            &longer,
            "fire2/squeeze1x1",
            "maps",
            "maps.json",
        ];
        let mut names = Names::new(&["picture", "logits"]);
        for (count, name) in hard.iter().enumerate() {
            let file = names.file(name);
            assert!(!file.starts_with(['.', '-']) && file.len() < 130, "{file}");
            let path = dir.path().join(&file);
            assert_eq!(path.parent(), Some(dir.path()));
            std::fs::File::create_new(&path).expect(&file);
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), count + 1);
        }
        let mut names = Names::new(&[]);
        assert_eq!(names.file("fire2/squeeze1x1"), "fire2.squeeze1x1.npy");
    }

    #[test]
    fn the_list_is_json_whatever_the_names() {
        let list = [
            ("picture.npy".to_owned(), "input"),
            ("a_b.npy".to_owned(), "a\n\"b"),
        ];
        let text = json(&list);
        assert!(text.starts_with("{\"picture.npy\":"));
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["a_b.npy"], "a\n\"b");
    }
}
