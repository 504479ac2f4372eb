//! Addresses as they may be shown: without what identifies somebody.

/// The text without a user and a password, when it is an address; one that went wrong is cut after its scheme, because
/// nobody can tell what in it is secret.
pub(super) fn without_credentials(text: &str) -> String {
    let Some((scheme, _)) = text.split_once("://") else { return text.to_owned() };
    let Ok(mut url) = url::Url::parse(text) else { return format!("{scheme}://…") };
    // Addresses that cannot carry credentials refuse the change, and need none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_public_is_shown() {
        assert_eq!(without_credentials("https://ada:pw@git.example/a"), "https://git.example/a");
        assert_eq!(without_credentials("https://token@git.example/a"), "https://git.example/a");
        assert_eq!(without_credentials("https://ada:pw@[bad/a"), "https://…");
        assert_eq!(without_credentials("folder/with@sign"), "folder/with@sign");
    }
}
