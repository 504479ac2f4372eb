//! Locks of Nix, Terraform and Helm.

use serde_json::Value;

use super::Format;

fn flake_inputs(text: &str) -> usize {
    let lock: Value = serde_json::from_str(text).expect("JSON");
    lock["nodes"].as_object().expect("nodes").values().filter(|node| node.get("locked").is_some()).count()
}

fn charts(text: &str) -> usize {
    text.lines().filter(|line| line.trim_start().starts_with("- name:")).count()
}

const fn flake(folder: &'static str) -> Format {
    Format { folder, name: "flake.lock", count: flake_inputs, refused: &[], has_names_on_lines: false }
}

const fn chart(folder: &'static str) -> Format {
    Format { folder, name: "Chart.lock", count: charts, refused: &[], has_names_on_lines: false }
}

pub(super) const FORMATS: &[Format] = &[
    flake("nix"),
    flake("other/flake_single_input.lock"),
    flake("other/flake_with_custom_host.lock"),
    flake("other/flake_with_follows.lock"),
    flake("other/flake_with_gitlab.lock"),
    flake("other/flake_with_path_input.lock"),
    flake("other/flake_with_rev_pinned.lock"),
    flake("other/flake_with_tarball.lock"),
    chart("other/oci_1.lock"),
    chart("other/oci_1_alias.lock"),
    chart("other/oci_1_ecr.lock"),
    chart("other/oci_2.lock"),
    chart("other/oci_2_alias.lock"),
    chart("other/oci_2_ecr.lock"),
    Format {
        folder: "terraform",
        name: ".terraform.lock.hcl",
        count: |text| text.lines().filter(|line| line.starts_with("provider ")).count(),
        refused: &[(
            "2508681b6e",
            "Terraform 1.11: Non-normalized provider source address, on line 4 (`builtin/terraform`)",
        )],
        has_names_on_lines: false,
    },
];
