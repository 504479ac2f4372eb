//! Reads the price lists of the sample organisation's suppliers.

fn main() {
    println!("{}", itoa::Buffer::new().format(price_rules::latest()));
}
