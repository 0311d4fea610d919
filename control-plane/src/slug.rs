//! A class id from its title: what stands in links, names the room and the recording.

/// Longest part taken from the title, in characters.
const TITLE_CHARACTERS_MAX: usize = 40;
/// Characters of the random end: 31^6, some 900 million, so a clash needs a retry about never.
const SUFFIX_CHARACTERS: usize = 6;
/// Digits and letters that are not mistaken for one another.
const ALPHABET: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";

/// The Latin letters and digits of the title, and a short random end: titles repeat, and Korean ones have no Latin letters at all.
pub(crate) fn slug(title: &str, rng: &mut impl rand::Rng) -> String {
    let mut slug = String::new();
    for character in title.chars().map(|c| c.to_ascii_lowercase()) {
        if slug.len() >= TITLE_CHARACTERS_MAX {
            break;
        }
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let stem = slug.trim_end_matches('-');
    let suffix = (0..SUFFIX_CHARACTERS).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]));
    std::iter::once(if stem.is_empty() { "class" } else { stem }.to_owned())
        .chain(std::iter::once("-".to_owned()))
        .chain(suffix.map(String::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn an_id_is_lower_case_latin_whatever_the_title() {
        let made = |title: &str| {
            let id = slug(title, &mut rand::rng());
            control_plane_api::id::check_node_name("id", &id).expect("letters, digits and -");
            id[..id.len() - 7].to_owned()
        };
        assert_eq!(made("Calligraphy: the first Stroke!"), "calligraphy-the-first-stroke");
        assert_eq!(made("붓글씨 교실"), "class");
        assert_eq!(made("K-pop 댄스 101"), "k-pop-101");
        assert!(made(&"long ".repeat(100)).len() <= 40);
        assert_ne!(slug("붓글씨", &mut rand::rng()), slug("붓글씨", &mut rand::rng()));
    }
}
