//! The expansion relies on nothing the user could have renamed, shadowed or forbidden.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub)]
#![deny(unused_qualifications, single_use_lifetimes, unused_lifetimes, rust_2018_idioms)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]
#![deny(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![deny(clippy::as_conversions, clippy::panic, clippy::missing_trait_methods)]

/// Everything a careless expansion would name means something else here.
#[allow(non_upper_case_globals, non_camel_case_types, dead_code, reason = "they only shadow")]
pub mod shadowed {
    #![no_implicit_prelude]

    use ::core::prelude::v1::derive;
    use ::kekbit_codec::Record;

    const MAX: () = ();
    const SIZE: () = ();
    const k: () = ();
    const wire: () = ();
    const tree: () = ();
    const body: () = ();
    const tag: () = ();
    const value: () = ();
    const f: () = ();
    const invalid: () = ();
    const None: () = ();
    const Some: () = ();
    struct Ok;
    struct Err;
    struct Option;
    struct Result;
    struct Box;
    struct String;
    struct Vec;
    struct Self_;
    struct Schema;
    struct Pair;
    struct u8;
    struct u16;
    struct usize;
    struct i128;
    struct str;
    trait Copy {}
    trait Clone {}
    trait Debug {}
    trait Field {}
    trait FieldView {}
    trait From {}
    trait TryFrom {}
    trait Sized {}
    mod core {}
    mod std {}
    mod kekbit_codec {}
    mod kekbit_channel {}
    mod zerocopy {}
    const fn size_of() {}
    const fn drop() {}

    /// An order.
    #[derive(::core::fmt::Debug, Record)]
    pub struct Order {
        /// Which.
        pub id: ::core::primitive::u64,
        /// How.
        pub r#type: Type,
        hidden: Hidden,
        maybe: ::core::option::Option<Hidden>,
        list: [Hidden; 2],
        nothing: Unit,
        /// A name the expansion could have for itself.
        pub wire: ::core::primitive::u8,
        /// Another one.
        pub schema: ::core::primitive::bool,
        clone: ::core::primitive::u8,
        value: ::core::primitive::u8,
        within: ::core::primitive::u8,
        fmt: ::core::primitive::u8,
    }

    /// A type.
    #[derive(::core::fmt::Debug, Record)]
    pub enum Type {
        /// One.
        r#One,
        /// Two.
        Two,
    }

    #[derive(::core::fmt::Debug, Record)]
    struct Hidden(::core::primitive::u64, pub ::core::primitive::char);

    #[derive(::core::fmt::Debug, Record)]
    struct Unit;

    /// An event.
    #[derive(::core::fmt::Debug, Record)]
    pub enum Event {
        /// Opened.
        Opened {
            /// Which.
            id: ::core::primitive::u64,
            /// How.
            r#type: Type,
        },
        /// Moved.
        Moved(::core::primitive::i32, ::core::primitive::i32),
        /// Empty.
        Empty {},
        /// Closed.
        Closed,
    }

    #[derive(::core::fmt::Debug, Record)]
    #[record(tag_size = 2)]
    enum Later {
        Now,
        Then,
    }

    /// Anything.
    #[derive(::core::fmt::Debug, Record)]
    pub struct Envelope<
        M,
        E: ::core::fmt::Debug = ::core::primitive::u64,
        const N: ::core::primitive::usize = 1,
    >
    where
        M: ::core::marker::Copy,
    {
        /// Meta.
        pub meta: M,
        events: [E; N],
        hidden: Hidden,
        marker: ::core::marker::PhantomData<(M, E)>,
    }
}

/// A facade under another name; its path is the only one the expansion may use.
pub mod facade {
    /// The codec under another name.
    pub mod nested {
        #[doc(hidden)]
        pub use kekbit_codec::__private;
        pub use kekbit_codec::Record;
    }
}

/// Records that reach the codec through the facade alone.
pub mod renamed {
    use crate::facade::nested::Record;

    /// An order.
    #[derive(::core::fmt::Debug, Record)]
    #[record(crate = crate::facade::nested)]
    pub struct Order {
        /// Which.
        pub id: u64,
        side: Side,
    }

    #[derive(::core::fmt::Debug, Record)]
    #[record(crate = crate::facade::nested)]
    enum Side {
        Buy,
        Sell,
    }

    /// An event.
    #[derive(::core::fmt::Debug, Record)]
    #[record(crate = crate::facade::nested, view = Look)]
    pub enum Event {
        /// Opened.
        #[record(view = Opening)]
        Opened(u64),
        /// Closed.
        Closed,
    }

    #[test]
    fn all_variants_are_used() {
        assert_eq!([Side::Buy, Side::Sell].len(), 2);
    }
}

/// Types that come out of a macro, in part from its arguments.
mod written_by_a_macro {
    macro_rules! record {
        ($name:ident { $($field:ident: $type:ty),* } $other:ident) => {
            #[derive(Debug, PartialEq, kekbit_codec::Record)]
            struct $name {
                $($field: $type,)*
                $other: Option<u8>,
            }
        };
    }

    record!(Order { id: u64, limit: Option<i64>, legs: [u16; 2] } other);

    #[test]
    fn it_works_as_if_written_by_hand() {
        let order = Order { id: 1, limit: None, legs: [2, 3], other: Some(4) };
        let mut payload = [0; kekbit_codec::size::<Order>()];
        assert_eq!(kekbit_codec::encode(&order, &mut payload), Ok(()));
        assert_eq!(kekbit_codec::decode(&payload), Ok(order));
        assert_eq!(kekbit_codec::view::<Order>(&payload).map(OrderView::id), Ok(1));
    }
}

/// A type in a function is derived there.
#[test]
fn a_record_can_be_local() {
    #[derive(kekbit_codec::Record)]
    struct Local {
        id: u8,
    }

    assert_eq!(kekbit_codec::view::<Local>(&[7]).map(LocalView::id), Ok(7));
}

#[test]
fn raw_names_are_not_raw_on_the_wire() {
    use kekbit_codec::Record;

    let text = shadowed::Order::SCHEMA.text();
    assert!(text.contains("\n type 8 1 enum Type 1\n  One 0 0\n"), "{text}");
    assert!(renamed::Event::SCHEMA.text().starts_with("enum Event 2 10\n"));
}
