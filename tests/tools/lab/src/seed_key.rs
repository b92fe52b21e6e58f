//! An instructor's key: grades on seeds that no student has seen, and is told apart by an id that does not give it away.

use crate::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

pub struct SeedKey {
    id: String,
    value: Option<String>,
}

impl SeedKey {
    /// The seeds that everybody has.
    pub fn public() -> SeedKey {
        SeedKey {
            id: "public".into(),
            value: None,
        }
    }

    /// Any file will do; what counts is its content, without white space at either end.
    pub fn read(path: &Path) -> Result<SeedKey, Error> {
        let bytes = fs::read(path).map_err(Error::file("read", path))?;
        let content = bytes.trim_ascii();
        if content.len() < 8 {
            return Err(Error::Usage(format!(
                "{} holds {} bytes: a seed key needs at least 8, and 32 random ones are better",
                path.display(),
                content.len()
            )));
        }
        Ok(SeedKey::from_content(content))
    }

    fn from_content(content: &[u8]) -> SeedKey {
        // Two separate hashes: nobody gets the key from the id.
        SeedKey {
            id: digest(b"id", content)[..12].to_string(),
            value: Some(digest(b"key", content)[..16].to_string()),
        }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Sixteen hexadecimal digits for `LAB_SEED_KEY`.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }
}

fn digest(purpose: &[u8], content: &[u8]) -> String {
    let mut hash = hmac_sha256::Hash::new();
    hash.update(b"workbook seed key ");
    hash.update(purpose);
    hash.update([0]);
    hash.update(content);
    hex(&hash.finalize())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_content_and_its_id_is_something_else() {
        let key = SeedKey::from_content(b"correct horse battery staple");
        let other = SeedKey::from_content(b"correct horse battery stapler");
        assert_eq!(key.value().map(str::len), Some(16));
        assert_ne!(key.value(), other.value());
        assert_ne!(key.id(), other.id());
        assert!(!key.value().unwrap().starts_with(&key.id()[..6]));
        assert_eq!(SeedKey::public().value(), None);
    }
}
