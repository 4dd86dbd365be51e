//! Blocks that give their own Verilog.

/// The inside of a module in Verilog.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Leaf {
    pub text: String,
    /// The module's name, if the block gives one.
    pub name: Option<String>,
}

/// A name in a text, and the constant bits behind it.
pub(super) struct Word<'a> {
    pub name: &'a str,
    pub bits: Option<(usize, usize)>,
    /// The text assigns it here.
    pub written: bool,
}

impl Leaf {
    /// `text` refers to elements of arrays as `words$3`.
    pub fn new(text: &str, name: Option<String>) -> Leaf {
        let text = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| format!("{}\n", line.trim_end()))
            .collect::<String>();
        let mut plain = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('$') {
            plain.push_str(before);
            // `$signed` stays.
            plain.push(if after.starts_with(|c: char| c.is_ascii_digit()) {
                '_'
            } else {
                '$'
            });
            rest = after;
        }
        plain.push_str(rest);
        Leaf { text: plain, name }
    }

    /// All names.
    pub fn words(&self) -> Vec<Word<'_>> {
        let mut words = Vec::new();
        let (text, mut at) = (self.text.as_str(), 0);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '\'' || c == '$';
        while let Some(start) = text[at..].find(is_name).map(|i| at + i) {
            let length = text[start..].find(|c| !is_name(c));
            at = length.map_or(text.len(), |n| start + n);
            let name = &text[start..at];
            if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
                let line = text[..start].rsplit('\n').next().unwrap_or_default();
                if line.contains("//") {
                    continue;
                }
                let open = line.matches('(').count() > line.matches(')').count();
                let (bits, written) = (bits(&text[at..]), assigned(&text[at..]));
                words.push(Word {
                    name,
                    bits,
                    written: written && !open,
                });
            }
        }
        words
    }

    /// Whether a net is driven by an `assign`.
    pub fn assigns(&self, net: &str) -> bool {
        let statements = self.text.lines().map(str::trim_start);
        statements
            .filter_map(|line| line.strip_prefix("assign "))
            .any(|line| {
                let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                &line[..end.unwrap_or(line.len())] == net
            })
    }
}

/// `[7:0]` or `[3]` at the beginning of a text.
fn bits(text: &str) -> Option<(usize, usize)> {
    let (inside, _) = text.strip_prefix('[')?.split_once(']')?;
    let (high, low) = inside.split_once(':').unwrap_or((inside, inside));
    Some((high.parse().ok()?, low.parse().ok()?))
}

/// Whether an assignment to what comes before follows.
fn assigned(text: &str) -> bool {
    let after = match text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        Some((_, after)) => after,
        None => text,
    };
    let after = after.trim_start_matches(' ');
    after.starts_with("<= ") || after.starts_with("= ")
}

#[cfg(test)]
mod tests {
    use super::Leaf;

    #[test]
    fn words_of_a_text() {
        let leaf = Leaf::new("assign word$0 = $signed(a[7:4]) + 4'd3;\n\n", None);
        assert_eq!(leaf.text, "assign word_0 = $signed(a[7:4]) + 4'd3;\n");
        let words: Vec<_> = leaf
            .words()
            .iter()
            .map(|w| (w.name, w.bits, w.written))
            .collect();
        let expected = [
            ("assign", None, false),
            ("word_0", None, true),
            ("a", Some((7, 4)), false),
        ];
        assert_eq!(words, expected);
        assert!(leaf.assigns("word_0") && !leaf.assigns("word"));
        // What a comment names is not used.
        let leaf = Leaf::new("// The bias comes late.\nassign a = bias[3:0];\n", None);
        let bits: Vec<_> = leaf
            .words()
            .iter()
            .filter(|w| w.name == "bias")
            .map(|w| w.bits)
            .collect();
        assert_eq!(bits, [Some((3, 0))]);
        let leaf = Leaf::new("if (a <= b) q[3:0] <= c;\n", None);
        let written = leaf.words().into_iter().filter(|w| w.written);
        assert_eq!(written.map(|w| w.name).collect::<Vec<_>>(), ["q"]);
    }
}
