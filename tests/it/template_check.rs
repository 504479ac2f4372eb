//! Templates are tried before the night: what does not fit is named with its line, and nothing has been done.

use crate::support::bot::{Bot, Outcome};

fn check(bot: &Bot, folder: &str) -> Outcome {
    bot.run_bare(&["templates".to_owned(), "check".to_owned(), bot.path(folder).display().to_string()])
}

#[test]
fn the_built_in_templates_fit_their_samples() {
    let outcome = Bot::without_forge().run_bare(&["templates".to_owned(), "check".to_owned()]);
    outcome.expect_code(0);
    assert_eq!(outcome.stdout, "built-in templates: no complaints\n");
}

#[test]
fn a_misspelt_variable_is_an_error_before_the_night() {
    let bot = Bot::without_forge();
    // It would have failed in the one night that has nothing to deploy.
    bot.write("wording/pull_request.hbs", b"{{title}}\n{{#if deploy}}\nx\n{{else}}\n{{chnage}}\n{{/if}}\n");
    bot.write("wording/partials/boxes.hbs", b"\n{{#each checks}}{{tickbox id}} {{txet}}{{/each}}\n");
    bot.write("wording/title.hbs", b"{{prefix}} {{#each names}}{{this}}{{/each}} {{> partials/boxes checks=names}}\n");
    let outcome = check(&bot, "wording");
    outcome.expect_code(2);
    for place in ["pull_request.hbs:1: there is no variable `title`", "partials/boxes.hbs:2: "] {
        assert!(outcome.stderr.contains(place), "{place}: {}", outcome.stderr);
    }
    bot.write("wording/pull_request.hbs", b"{{project}}\n{{#if deploy}}\nx\n{{else}}\n{{chnage}}\n{{/if}}\n");
    let folder = bot.path("wording").display().to_string();
    let work = bot.path("work").display().to_string();
    let outcome = bot.run(&["run", "--local", &work, "--dry-run", "--templates", &folder]);
    outcome.expect_code(2);
    assert!(outcome.stderr.contains("pull_request.hbs:5: there is no variable `chnage`"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("templates/samples.json"), "{}", outcome.stderr);
}

#[test]
fn own_templates_that_fit_are_accepted() {
    let bot = Bot::without_forge();
    bot.write("wording/comment_closed.hbs", b"Closed on {{code base}}. {{> partials/signature}}\n");
    bot.write("wording/partials/signature.hbs", b"The Acme team\n");
    check(&bot, "wording").expect_code(0);
}
