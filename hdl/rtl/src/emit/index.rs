//! Indices such as `r*16+c-1` with values for the variables of loops.

/// The value of an index; operators as in Rust, without division.
pub(super) fn index(text: &str, loops: &[(String, usize)]) -> Result<usize, String> {
    let mut reader = Reader { rest: text, loops };
    let value = reader.sum();
    match value {
        Some(value) if reader.rest.is_empty() && value >= 0 => {
            usize::try_from(value).map_err(|e| e.to_string())
        }
        _ => Err(format!("index {text:?} has no value")),
    }
}

struct Reader<'a> {
    rest: &'a str,
    loops: &'a [(String, usize)],
}

impl Reader<'_> {
    fn take(&mut self, symbol: char) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(symbol);
        self.rest = rest.unwrap_or(self.rest).trim_start();
        rest.is_some()
    }

    fn sum(&mut self) -> Option<i64> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value += self.product()?;
            } else if self.take('-') {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<i64> {
        let mut value = self.term()?;
        while self.take('*') {
            value *= self.term()?;
        }
        Some(value)
    }

    fn term(&mut self) -> Option<i64> {
        if self.take('(') {
            let value = self.sum()?;
            return self.take(')').then_some(value);
        }
        let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if let Some((_, value)) = self.loops.iter().rev().find(|(name, _)| name == word) {
            return i64::try_from(*value).ok();
        }
        word.trim_end_matches("usize")
            .trim_end_matches('_')
            .parse()
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::index;

    #[test]
    fn indices() {
        let loops = [("r".to_owned(), 3), ("c".to_owned(), 2)];
        assert_eq!(index("r*16+c-1", &loops), Ok(49));
        assert_eq!(index("((r-1)*16+c)", &loops), Ok(34));
        assert_eq!(index("7", &loops), Ok(7));
        assert!(index("c-r", &loops).is_err());
        assert!(index("q+1", &loops).is_err());
        assert!(index("r r", &loops).is_err());
    }
}
