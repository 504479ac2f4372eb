//! Small worlds: what is locked, what can be had, and what comes of it.

use serde_json::json;

use super::testing::World;

#[test]
fn a_copy_moves_to_the_lowest_release_in_the_range_of_everyone_who_gets_it() {
    let world = World::new(json!({
        "": {"dependencies": {"a": "^1.0.0", "b": "^1.0.0"}},
        "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "~1.1.0"}},
        "node_modules/b": {"version": "1.1.0"}
    }));
    let world = world
        .with("a", "1.0.0", json!({"dependencies": {"b": "~1.1.0"}}))
        .with("b", "1.1.0", json!({}))
        .with("b", "1.1.4", json!({"deprecated": "broken"}))
        .with("b", "1.1.5", json!({}))
        .with("b", "1.2.0", json!({}))
        .flaw("b", "1.1.3");
    insta::assert_snapshot!(world.told(), @r"
    node_modules/a 1.0.0
    node_modules/b 1.1.5
    ");
}

#[test]
fn a_parent_moves_as_little_as_lets_the_copy_move_or_drops_it() {
    let world = || {
        World::new(json!({
            "": {"dependencies": {"a": "^1.0.0"}},
            "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "1.0.0"}},
            "node_modules/b": {"version": "1.0.0", "dependencies": {"c": "1"}},
            "node_modules/c": {"version": "1.0.0"}
        }))
        .with("b", "1.0.0", json!({"dependencies": {"c": "1"}}))
        .with("b", "1.0.1", json!({"dependencies": {"c": "1"}}))
        .with("a", "1.1.0", json!({"dependencies": {"b": "1.0.0"}}))
        .flaw("b", "1.0.1")
    };
    let moved = world().with("a", "1.2.0", json!({"dependencies": {"b": "^1.0.1"}}));
    insta::assert_snapshot!(moved.told(), @r"
    node_modules/a 1.2.0
    node_modules/b 1.0.1
    node_modules/c 1.0.0
    ");
    let dropped = world().with("a", "1.2.0", json!({}));
    insta::assert_snapshot!(dropped.told(), @"node_modules/a 1.2.0");
}

#[test]
fn a_pinned_copy_is_nested_and_the_others_move() {
    let world = World::new(json!({
        "": {"dependencies": {"a": "^1.0.0", "b": "^1.0.0"}},
        "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "1.0.0"}},
        "node_modules/b": {"version": "1.0.0"}
    }));
    let world = world
        .with("a", "1.0.0", json!({"dependencies": {"b": "1.0.0"}}))
        .with("b", "1.0.0", json!({}))
        .with("b", "1.0.1", json!({}))
        .flaw("b", "1.0.1");
    insta::assert_snapshot!(world.told(), @r#"
    node_modules/a 1.0.0
    node_modules/a/node_modules/b 1.0.0
    node_modules/b 1.0.1
    stays b 1.0.0: `a@1.0.0` asks for `b` `1.0.0`, which excludes 1.0.1, and no release of it within the ranges of the project admits another | write `"overrides": {"a": {"b": "1.0.1"}}` into `package.json`, where `a` works with it, and run `npm install`
    "#);
    let pinner_above = World::new(json!({
        "": {"dependencies": {"a": "^1.0.0", "b": "1.0.0"}},
        "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "^1.0.0"}},
        "node_modules/b": {"version": "1.0.0"}
    }));
    let pinner_above = pinner_above.with("b", "1.0.0", json!({})).with("b", "2.0.0", json!({})).with(
        "b",
        "1.0.1",
        json!({"dependencies": {"c": "1"}}),
    );
    // Only its requirement of development would have to be raised by a breaking step.
    let pinner_above = pinner_above.with("c", "1.0.0", json!({})).flaw("b", "1.0.1");
    insta::assert_snapshot!(pinner_above.told(), @r#"
    node_modules/a 1.0.0
    node_modules/b 1.0.1
    node_modules/c 1.0.0
    edit package.json dependencies.b = "1.0.1"
    raise b
    "#);
}

#[test]
fn a_bundled_copy_is_left_to_its_bundler() {
    let world = |wanted: &str| {
        World::new(json!({
            "": {"dependencies": {"a": wanted}},
            "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "1"}, "bundleDependencies": ["b"]},
            "node_modules/a/node_modules/b": {"version": "1.0.0", "inBundle": true}
        }))
        .with("a", "1.0.0", json!({"dependencies": {"b": "1"}, "bundleDependencies": ["b"]}))
        .with("a", "1.1.0", json!({"dependencies": {"b": "1"}, "bundleDependencies": ["b"]}))
        .with("a", "2.0.0", json!({"dependencies": {"b": "1"}}))
        .with("b", "1.0.0", json!({}))
        .with("b", "1.0.1", json!({}))
        .flaw("b", "1.0.1")
    };
    insta::assert_snapshot!(world("^1.0.0").told(), @r"
    node_modules/a 1.0.0
    node_modules/a/node_modules/b 1.0.0
    stays b 1.0.0: `b` 1.0.0 is part of the archive of `a@1.0.0`, so that only this can move; it bundles nothing from 2.0.0 on | run `npm install a@2.0.0`, and adapt the code
    raise a
    ");
    insta::assert_snapshot!(world(">=1").told(), @r"
    node_modules/a 2.0.0
    node_modules/b 1.0.1
    ");
}

#[test]
fn a_copy_below_a_package_with_a_lockfile_of_its_own_is_left_to_that() {
    let world = World::new(json!({
        "": {"dependencies": {"a": "^1.0.0"}},
        "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "1"}, "hasShrinkwrap": true},
        "node_modules/a/node_modules/b": {"version": "1.0.0"}
    }));
    let world = world
        .with("a", "1.0.0", json!({"dependencies": {"b": "1"}, "_hasShrinkwrap": true}))
        .with("a", "1.1.0", json!({"dependencies": {"b": "1"}, "_hasShrinkwrap": true}))
        .with("b", "1.0.0", json!({}))
        .with("b", "1.0.1", json!({}))
        .flaw("b", "1.0.1");
    insta::assert_snapshot!(world.told(), @r"
    node_modules/a 1.0.0
    node_modules/a/node_modules/b 1.0.0
    stays b 1.0.0: `b` 1.0.0 is part of the archive of `a@1.0.0`, and no release of that comes without it
    ");
}

#[test]
fn a_release_without_its_parts_for_all_platforms_is_passed_over() {
    let world = World::new(json!({
        "": {"dependencies": {"a": "^1.0.0"}},
        "node_modules/a": {"version": "1.0.0", "optionalDependencies": {"a-linux": "1.0.0", "a-mac": "1.0.0"}},
        "node_modules/a-linux": {"version": "1.0.0", "os": ["linux"], "optional": true},
        "node_modules/a-mac": {"version": "1.0.0", "os": ["darwin"], "optional": true}
    }));
    let world = world
        .with("a", "1.0.1", json!({"optionalDependencies": {"a-linux": "1.0.1", "a-mac": "1.0.1"}}))
        .with("a", "1.0.2", json!({"optionalDependencies": {"a-linux": "1.0.2", "a-mac": "1.0.2"}}))
        .with("a-linux", "1.0.1", json!({"os": ["linux"]}))
        .with("a-linux", "1.0.2", json!({"os": ["linux"]}))
        .with("a-mac", "1.0.2", json!({"os": ["darwin"]}))
        .flaw("a", "1.0.1");
    insta::assert_snapshot!(world.told(), @r"
    node_modules/a 1.0.2
    node_modules/a-linux 1.0.2
    node_modules/a-mac 1.0.2
    ");
}

#[test]
fn engines_of_the_project_decide_among_targets() {
    let world = World::new(json!({
        "": {"dependencies": {"a": "^1.0.0"}, "engines": {"node": ">=12.18 <14"}},
        "node_modules/a": {"version": "1.0.0"}
    }));
    let world = world
        .with("a", "1.0.1", json!({"engines": {"node": ">=14"}}))
        .with("a", "1.0.2", json!({"engines": {"node": ">=12.18"}}))
        .flaw("a", "1.0.1");
    insta::assert_snapshot!(world.told(), @"node_modules/a 1.0.2");
}

#[test]
fn overrides_of_the_project_are_raised_and_new_ones_written_where_they_may_be() {
    let world = |overrides: serde_json::Value| {
        World::new(json!({
            "": {"dependencies": {"a": "1.0.0"}, "overrides": overrides},
            "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "1.0.0"}},
            "node_modules/b": {"version": "1.0.0"}
        }))
        .with("a", "1.0.0", json!({"dependencies": {"b": "1.0.0"}}))
        .with("b", "1.0.0", json!({}))
        .with("b", "1.0.1", json!({}))
        .flaw("b", "1.0.1")
    };
    insta::assert_snapshot!(world(json!({"b": "1.0.0"})).told(), @r#"
    node_modules/a 1.0.0
    node_modules/b 1.0.1
    edit package.json overrides.b = "1.0.1"
    "#);
    insta::assert_snapshot!(world(json!({"a": {"b": "~1.0.0"}})).told(), @r"
    node_modules/a 1.0.0
    node_modules/b 1.0.1
    ");
    let mut new = world(json!({"z": "1"}));
    insta::assert_snapshot!(new.told(), @r#"
    node_modules/a 1.0.0
    node_modules/b 1.0.0
    stays b 1.0.0: `a@1.0.0` asks for `b` `1.0.0`, which excludes 1.0.1, and no release of it within the ranges of the project admits another | write `"overrides": {"a": {"b": "1.0.1"}}` into `package.json`, where `a` works with it, and run `npm install`
    "#);
    new.overrides = true;
    insta::assert_snapshot!(new.told(), @r#"
    node_modules/a 1.0.0
    node_modules/b 1.0.1
    edit package.json overrides = {"z":"1","a":{"b":"1.0.1"}}
    "#);
}

#[test]
fn a_breaking_step_of_the_project_is_told_apart() {
    let mut world = World::new(json!({
        "": {"dependencies": {"a": "^1.0.0"}, "devDependencies": {"c": "1.0.0"}},
        "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "1.0.0"}},
        "node_modules/b": {"version": "1.0.0"},
        "node_modules/c": {"version": "1.0.0"}
    }))
    .with("a", "1.0.0", json!({"dependencies": {"b": "1.0.0"}}))
    .with("a", "2.0.0", json!({"dependencies": {"b": "^1.0.1"}}))
    .with("b", "1.0.0", json!({}))
    .with("b", "1.0.1", json!({}))
    .with("c", "1.0.0", json!({}))
    .with("c", "1.0.3", json!({}))
    .flaw("b", "1.0.1")
    .flaw("c", "1.0.2");
    insta::assert_snapshot!(world.told(), @r#"
    node_modules/a 1.0.0
    node_modules/b 1.0.0
    node_modules/c 1.0.3
    edit package.json devDependencies.c = "1.0.3"
    stays b 1.0.0: `a@1.0.0` asks for `b` `1.0.0`, which excludes 1.0.1, and no release of it within the ranges of the project admits another | write `"overrides": {"a": {"b": "1.0.1"}}` into `package.json`, where `a` works with it, and run `npm install`
    raise a
    raise c
    "#);
    world.breaking = true;
    insta::assert_snapshot!(world.told(), @r#"
    node_modules/a 2.0.0
    node_modules/b 1.0.1
    node_modules/c 1.0.3
    edit package.json dependencies.a = "^2.0.0"
    edit package.json devDependencies.c = "1.0.3"
    raise a
    raise c
    "#);
}

#[test]
fn what_a_new_release_needs_is_found_a_place() {
    let world = World::new(json!({
        "": {"dependencies": {"a": "^1.0.0", "c": "^1.0.0", "d": "^1.0.0"}},
        "node_modules/a": {"version": "1.0.0"},
        "node_modules/c": {"version": "1.0.0", "dependencies": {"e": "^1.0.0"}},
        "node_modules/d": {"version": "1.0.0"},
        "node_modules/e": {"version": "1.0.0"}
    }));
    let world = world
        .with("a", "1.0.1", json!({"dependencies": {"d": "^1.2.0", "e": "^2.0.0", "f": "^1.0.0"}}))
        .with("d", "1.0.0", json!({}))
        .with("d", "1.2.0", json!({}))
        .with("d", "1.3.0", json!({}))
        .with("e", "1.0.0", json!({}))
        .with("e", "2.0.0", json!({}))
        .with("e", "2.1.0", json!({}))
        .with("f", "1.0.0", json!({}))
        .with("f", "1.5.0", json!({}))
        .flaw("a", "1.0.1");
    insta::assert_snapshot!(world.told(), @r"
    node_modules/a 1.0.1
    node_modules/a/node_modules/e 2.1.0
    node_modules/c 1.0.0
    node_modules/d 1.2.0
    node_modules/e 1.0.0
    node_modules/f 1.5.0
    ");
}

#[test]
fn no_release_takes_the_place_that_a_peer_needs() {
    let world = World::new(json!({
        "": {"dependencies": {"a": "^1.0.0", "b": ">=1"}},
        "node_modules/a": {"version": "1.0.0", "peerDependencies": {"b": "^1.0.0"}},
        "node_modules/b": {"version": "1.0.0"}
    }));
    let world = world
        .with("a", "1.0.0", json!({"peerDependencies": {"b": "^1.0.0"}}))
        .with("b", "1.0.0", json!({}))
        .with("b", "2.0.0", json!({}))
        .flaw("b", "2.0.0");
    insta::assert_snapshot!(world.told(), @r#"
    node_modules/a 1.0.0
    node_modules/b 1.0.0
    stays b 1.0.0: `a@1.0.0` asks for `b` `^1.0.0`, which excludes 2.0.0, and no release of it within the ranges of the project admits another | write `"overrides": {"a": {"b": "2.0.0"}}` into `package.json`, where `a` works with it, and run `npm install`
    "#);
}

#[test]
fn the_best_within_the_ranges_is_taken_where_nothing_is_free_of_flaws() {
    let world = World::new(json!({
        "": {"dependencies": {"a": "^1.0.0"}},
        "node_modules/a": {"version": "1.0.0"}
    }));
    let world = world
        .with("a", "1.0.1", json!({}))
        .with("a", "1.0.2", json!({}))
        .with("a", "2.0.0", json!({}))
        .flaw("a", "1.0.1")
        .flaw("a", "2.0.0");
    insta::assert_snapshot!(world.told(), @r"
    node_modules/a 1.0.1
    stays a 1.0.1: the project asks for `a` `^1.0.0`, and 2.0.0 is a breaking step | run `npm install a@2.0.0`, and adapt the code
    raise a
    ");
}

#[test]
fn a_release_that_leads_to_another_address_is_passed_over() {
    let world = World::new(json!({
        "": {"dependencies": {"a": "^1"}},
        "node_modules/a": {"version": "1.0.0", "dependencies": {"x": "owner/x#1"}},
        "node_modules/x": {"version": "1.0.0", "resolved": "git+ssh://git@git.example/owner/x.git#0a1b"}
    }))
    .with("a", "1.0.1", json!({"dependencies": {"x": "owner/x#2"}}))
    .flaw("a", "1.0.1");
    assert!(world.told().starts_with("node_modules/a 1.0.0\n"), "{}", world.told());
    let world = world.with("a", "1.0.2", json!({"dependencies": {"x": "owner/x#1"}}));
    assert!(world.told().starts_with("node_modules/a 1.0.2\n"), "{}", world.told());
}
