//! Takes bookings for the shops of the sample organisation.

use smallvec::SmallVec;

fn main() {
    let seats: SmallVec<[u16; 8]> = (1..=4).collect();
    println!("{} seats at {}", seats.len(), http::Uri::from_static("/bookings"));
}
