//! The bearer token.

use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

/// A secret that clients show as `Authorization: Bearer TOKEN`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(...)")
    }
}

impl Token {
    /// A token; what stands around it, as the end of a file's line, is no part of it.
    ///
    /// # Errors
    /// If it is empty, or has characters that cannot be part of a header.
    pub fn new(text: &str) -> Result<Token, String> {
        let text = text.trim();
        match text {
            "" => Err("the token is empty".into()),
            _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err("the token has characters other than visible ASCII ones".into())
            }
            _ => Ok(Token(text.to_owned())),
        }
    }

    /// Whether a request shows it.
    pub(crate) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(AUTHORIZATION) else {
            return false;
        };
        match value.as_bytes().split_at_checked(7) {
            Some((scheme, shown)) => scheme.eq_ignore_ascii_case(b"bearer ") && self.equals(shown),
            None => false,
        }
    }

    /// Takes as long whatever the difference is.
    fn equals(&self, shown: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let differences = own
            .iter()
            .zip(shown.iter().chain(std::iter::repeat(&0)))
            .fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(differences) == 0 && own.len() == shown.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_right() {
        let token = Token::new(" secret\n").unwrap();
        let shown = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, text.parse().unwrap());
            token.is_shown(&headers)
        };
        assert!(shown("Bearer secret") && shown("bearer secret"));
        for wrong in [
            "Bearer secre",
            "Bearer secret1",
            "Bearer ",
            "Bearer",
            "Basic secret",
            "secret",
            "Bearer  secret",
        ] {
            assert!(!shown(wrong), "{wrong}");
        }
        assert!(!token.is_shown(&HeaderMap::new()));
        assert!(Token::new(" \n").is_err() && Token::new("a b").is_err());
        assert_eq!(format!("{token:?}"), "Token(...)");
    }
}
