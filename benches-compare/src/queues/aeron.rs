//! Aeron, over memory (`aeron:ipc`); its driver runs in this process, with terms made beforehand.

use std::{any::Any, hint, path::Path, time::Duration};

use rusteron_client::{
    AERON_IPC_STREAM, Aeron as Client, AeronExclusivePublication, AeronSubscription, Handlers,
};
use rusteron_media_driver::{IntoCString, testing::EmbeddedDriver};
use zerocopy::{FromBytes, IntoBytes};

use crate::queues::{Maker, Named, Place, Queue, Receiver, Sender, named};

pub struct Aeron;

const PATIENCE: Duration = Duration::from_secs(10);
const FRAGMENTS: usize = 256;

/// Where the driver is, for queues in a folder.
fn driver_folder(folder: &Path) -> String {
    folder.join("aeron").display().to_string()
}

/// A number for the name of a queue.
fn stream(place: &Place) -> i32 {
    1 + (crc32c::crc32c(place.name.as_bytes()) >> 2) as i32
}

pub struct Publication {
    publication: AeronExclusivePublication,
    _client: Client,
}

pub struct Subscription {
    subscription: AeronSubscription,
    _client: Client,
}

fn client(place: &Place) -> Client {
    Client::connect_dir(&driver_folder(&place.folder)).expect("a driver")
}

impl<const N: usize> Sender<N> for Publication {
    #[inline(always)]
    fn send(&mut self, words: &[u64; N]) {
        loop {
            match self.publication.offer(words.as_bytes()) {
                Ok(_) => return,
                Err(error) if error.is_retryable() => hint::spin_loop(),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl<const N: usize> Receiver<N> for Subscription {
    #[inline(always)]
    fn run(self, count: u64, mut each: impl FnMut(&[u64; N])) {
        let mut left = count;
        while 0 < left {
            let fragments = self.subscription.poll_fn(
                |bytes: &[u8], _| {
                    each(&FromBytes::read_from_bytes(bytes).expect("a record of this size"));
                    left -= 1;
                },
                FRAGMENTS,
            );
            if fragments.expect("a stream") == 0 {
                hint::spin_loop();
            }
        }
    }
}

impl<const N: usize> Queue<N> for Aeron {
    const NAME: &'static str = "Aeron";

    type Sender = Publication;
    type Receiver = Subscription;

    fn host(folder: &Path) -> Box<dyn Any> {
        let folder = driver_folder(folder).into_c_string();
        let driver = EmbeddedDriver::launch_with(|context| {
            context.set_dir(&folder)?;
            context.set_term_buffer_sparse_file(false)?;
            Ok(())
        });
        Box::new(driver.expect("a driver"))
    }

    fn pair(place: &Place) -> (Maker<Self::Sender>, Maker<Self::Receiver>) {
        named::<Self, N>(place)
    }
}

impl<const N: usize> Named<N> for Aeron {
    fn sender(place: &Place) -> Publication {
        let client = client(place);
        let adding = client.async_add_exclusive_publication(AERON_IPC_STREAM, stream(place));
        let publication = adding.and_then(|adding| adding.poll_blocking(PATIENCE));
        Publication { publication: publication.expect("a publication"), _client: client }
    }

    fn receiver(place: &Place) -> Subscription {
        let client = client(place);
        let (stream, none) = (stream(place), Handlers::NONE);
        let adding = client.async_add_subscription(AERON_IPC_STREAM, stream, none, Handlers::NONE);
        let subscription = adding.and_then(|adding| adding.poll_blocking(PATIENCE));
        let subscription = subscription.expect("a subscription");
        while subscription.image_count().expect("a subscription") == 0 {
            hint::spin_loop();
        }
        Subscription { subscription, _client: client }
    }
}
