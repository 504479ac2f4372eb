//! Every text is a version or none, and versions are in one total order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchparty::model::ecosystem::Ecosystem;
use patchparty::version::{Version, parse};

fuzz_target!(|data: (u8, [&str; 3])| {
    let (choice, texts) = data;
    let ecosystem = Ecosystem::ALL[usize::from(choice) % Ecosystem::ALL.len()];
    let versions: Vec<Version> = texts.iter().filter_map(|text| parse(ecosystem, text).ok()).collect();
    for left in &versions {
        for right in &versions {
            assert_eq!(left.cmp(right), right.cmp(left).reverse());
            for third in &versions {
                assert!(!(left <= right && right <= third) || left <= third, "{ecosystem}: {texts:?}");
            }
        }
    }
});
