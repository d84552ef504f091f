//! iceoryx2, publish-subscribe; the publisher tries again until all is delivered.

use std::{any::Any, fs, path::Path};

use iceoryx2::{
    config::Config,
    port::{publisher::Publisher, subscriber::Subscriber},
    prelude::*,
    service::port_factory::publish_subscribe::PortFactory,
};

use crate::queues::{Maker, Named, Place, Queue, Receiver, SLOTS, Sender, named, poll};

pub struct Iceoryx;

type Service = ipc::Service;

/// A port with what must outlive it.
pub struct Port<P, const N: usize> {
    port: P,
    _service: PortFactory<Service, [u64; N], ()>,
    _node: Node<Service>,
}

/// What the names start with of all that it makes for queues in a folder.
fn prefix(folder: &Path) -> String {
    format!("compare_{:08x}_", crc32c::crc32c(folder.as_os_str().as_encoded_bytes()))
}

/// Removes what it leaves in memory.
struct Remains(String);

impl Drop for Remains {
    fn drop(&mut self) {
        let Ok(entries) = fs::read_dir("/dev/shm") else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&self.0) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn port<P, const N: usize>(
    place: &Place,
    make: impl FnOnce(&PortFactory<Service, [u64; N], ()>) -> P,
) -> Port<P, N> {
    set_log_level(LogLevel::Error);
    let mut config = Config::default();
    config.global.prefix = prefix(&place.folder).as_str().try_into().expect("a name");
    let node = NodeBuilder::new().config(&config).create::<Service>().expect("a node");
    let name = place.path().display().to_string();
    let name = ServiceName::new(&name).expect("a name of a service");
    let service = node
        .service_builder(&name)
        .publish_subscribe::<[u64; N]>()
        .enable_safe_overflow(false)
        .subscriber_max_buffer_size(SLOTS)
        .open_or_create()
        .expect("a service");
    let port = make(&service);
    Port { port, _service: service, _node: node }
}

impl<const N: usize> Sender<N> for Port<Publisher<Service, [u64; N], ()>, N> {
    #[inline(always)]
    fn send(&mut self, words: &[u64; N]) {
        let sample = self.port.loan_uninit().expect("a free sample");
        sample.write_payload(*words).send().expect("a subscriber");
    }
}

impl<const N: usize> Receiver<N> for Port<Subscriber<Service, [u64; N], ()>, N> {
    #[inline(always)]
    fn run(self, count: u64, mut each: impl FnMut(&[u64; N])) {
        let take = || self.port.receive().expect("a connection");
        poll(count, take, |sample| each(sample.payload()));
    }
}

impl<const N: usize> Queue<N> for Iceoryx {
    const NAME: &'static str = "iceoryx2";

    type Sender = Port<Publisher<Service, [u64; N], ()>, N>;
    type Receiver = Port<Subscriber<Service, [u64; N], ()>, N>;

    fn host(folder: &Path) -> Box<dyn Any> {
        Box::new(Remains(prefix(folder)))
    }

    fn pair(place: &Place) -> (Maker<Self::Sender>, Maker<Self::Receiver>) {
        named::<Self, N>(place)
    }
}

impl<const N: usize> Named<N> for Iceoryx {
    fn sender(place: &Place) -> Self::Sender {
        port(place, |service| {
            let strategy = BackpressureStrategy::RetryUntilDelivered;
            let builder = service.publisher_builder().backpressure_strategy(strategy);
            builder.create().expect("a publisher")
        })
    }

    fn receiver(place: &Place) -> Self::Receiver {
        port(place, |service| service.subscriber_builder().create().expect("a subscriber"))
    }
}
