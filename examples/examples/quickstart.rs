//! One struct, written and read. In a real program writer and reader are two processes.
//!
//! ```text
//! cargo run -p kekbit-examples --example quickstart -- /dev/shm/quickstart.kekbit
//! rm /dev/shm/quickstart.kekbit
//! ```
#![forbid(unsafe_code)]

use kekbit_channel::{ChannelOptions, Record, TypedReader, TypedWriter};

#[derive(Record, Debug)]
struct Order {
    id: u64,
    price: i64,
    quantity: u32,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: quickstart PATH-OF-A-NEW-CHANNEL")?;
    let mut writer = TypedWriter::create(&path, &ChannelOptions::new().records(1000))?;
    for id in 0..3 {
        writer.append(&Order { id, price: 990 + 5 * id as i64, quantity: 7 })?;
    }
    for order in TypedReader::<Order>::open(&path)?.iter() {
        println!("{:?}", order?.value);
    }
    Ok(())
}
