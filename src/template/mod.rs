//! Templates: every text that a person reads on a forge. To add one: write `templates/<name>.hbs`, then its line below.
