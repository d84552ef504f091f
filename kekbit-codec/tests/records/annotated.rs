//! A record with all that can be said of one, in its third version.

use kekbit_codec::Record;

#[derive(Debug, Clone, PartialEq, Record)]
#[record(name = "Ticket")]
pub(crate) struct OrderV1 {
    pub id: u64,
    #[record(was = "cost")]
    pub price: i64,
}

#[derive(Debug, Clone, PartialEq, Record)]
#[record(extends = OrderV1)]
pub(crate) struct OrderV2 {
    pub id: u64,
    #[record(was = ["price", "cost"], unit = "1e-9 USD")]
    pub limit: i64,
    #[record(default = [Held { quantity: 1, kind: Kind::Market }])]
    pub held: [Held; 1],
}

#[derive(Debug, Clone, PartialEq, Record)]
#[record(extends = OrderV2, was = ["Request", "Ticket"])]
pub(crate) struct Order {
    #[record(doc = "Given by the venue.")]
    pub id: u64,
    #[record(
        was = ["limit", "price", "cost"],
        unit = "1e-9 USD",
        doc = "What is paid at most; \u{20ac} is not taken."
    )]
    pub px: i64,
    #[record(
        was = "rest",
        default = [Held { quantity: 1, kind: Kind::Market }],
        doc = "In the order of their arrival."
    )]
    pub held: [Held; 1],
    #[record(was = "remark")]
    pub note: Option<u16>,
    #[record(default, unit = "shares")]
    pub left: u32,
}

#[derive(Debug, Clone, PartialEq, Record)]
#[record(was = ["Leg", "Part"])]
pub(crate) struct Held {
    #[record(unit = "shares")]
    pub quantity: u32,
    #[record(was = "type", doc = "How it is priced.")]
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Record)]
#[record(was = "Type")]
pub(crate) enum Kind {
    #[record(doc = "At any price.")]
    Market,
    #[record(was = ["Limited", "Bound"], doc = "At that price or better.")]
    Limit {
        #[record(was = "limit", default, unit = "1e-9 USD")]
        price: i64,
    },
}

#[derive(Debug, Clone, PartialEq, Record)]
#[record(was = "Envelope")]
pub(crate) struct Wrapped<T> {
    #[record(unit = "records")]
    pub sequence: u64,
    #[record(was = "body", doc = "What it is about.")]
    pub payload: T,
}

/// The same without a word.
pub(crate) mod plain {
    use kekbit_codec::Record;

    #[derive(Record)]
    pub(crate) struct Order {
        pub id: u64,
        pub px: i64,
        pub held: [Held; 1],
        pub note: Option<u16>,
        pub left: u32,
    }

    #[derive(Record)]
    pub(crate) struct Held {
        pub quantity: u32,
        pub kind: Kind,
    }

    #[derive(Record)]
    #[allow(dead_code)]
    pub(crate) enum Kind {
        Market,
        Limit { price: i64 },
    }

    #[derive(Record)]
    pub(crate) struct Wrapped<T> {
        pub sequence: u64,
        pub payload: T,
    }
}
