use kekbit_codec::{Record, decode, encode, view};

#[derive(Record)]
struct Order {
    id: u64,
    note: String,
}

#[derive(Record)]
struct Batch {
    orders: [Order; 2],
    last: Option<Order>,
}

const FINGERPRINT: u64 = Batch::SCHEMA.fingerprint();

fn main() {
    let mut payload = [0; 64];
    let order = decode::<Order>(&payload).unwrap();
    let _ = encode(&order, &mut payload);
    let _ = view::<Batch>(&payload).unwrap().orders().get(0).unwrap().id();
    assert_ne!(FINGERPRINT, 0);
}
