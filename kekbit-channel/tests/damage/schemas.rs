//! Schema texts that no type has, under headers that fit them.

use crate::{
    PEAK, PEAK_OF_LONG_SCHEMA, Table,
    cases::Rng,
    image::{self, Spec},
    place, run,
    subjects::{self, Kind, Subject},
};

/// One line of a schema as somebody might have it who means no good.
fn line(rng: &mut Rng) -> String {
    let types = [
        "u8",
        "u64",
        "bool",
        "char",
        "str",
        "bytes",
        "unit",
        "option",
        "array 3",
        "array 0",
        "array 18446744073709551615",
        "struct Number",
        "enum E 1",
        "nonzero u8",
        "opaque X",
        "f64",
    ];
    let indent = " ".repeat(rng.usize(..4));
    let number = [0, 1, 8, 9, 255, 65536, u64::MAX][rng.usize(..7)];
    match rng.u8(..6) {
        0 => format!("{indent}# doc {}\n", "x".repeat(rng.usize(..40))),
        1 => format!("{indent}# was value\n"),
        2 => format!("{indent}- {} {number} {}\n", rng.u8(..2), types[rng.usize(..16)]),
        3 => format!("{indent}Buy {} {number}\n", rng.u8(..3)),
        _ => format!("{indent}f{} {number} {} {}\n", rng.u8(..9), number, types[rng.usize(..16)]),
    }
}

/// A schema with a mistake or several.
fn mistaken(text: &str, rng: &mut Rng) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..lines.len());
        match rng.u8(..7) {
            0 if 1 < lines.len() => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => lines.insert(at, line(rng)),
            3 => lines.push(line(rng)),
            4 => lines[at].insert(0, ' '),
            5 => {
                let at_letter = rng.usize(..lines[at].len());
                let letters = b" \n\0#-0189azAZ_~\x7f\t\r";
                let letter = char::from(letters[rng.usize(..letters.len())]);
                lines[at].replace_range(at_letter..=at_letter, &letter.to_string());
            }
            _ => {
                let words: Vec<&str> = lines[at].trim_end().split(' ').collect();
                let number = [0, 1, 7, 8, 64, u64::from(u32::MAX), u64::MAX][rng.usize(..7)];
                let number = number.to_string();
                let which = rng.usize(..words.len());
                let put = |(index, word)| if index == which { number.as_str() } else { word };
                lines[at] =
                    words.iter().copied().enumerate().map(put).collect::<Vec<_>>().join(" ");
                lines[at].push('\n');
            }
        }
    }
    lines.concat()
}

/// Schema texts that no type has, under a header that fits them: their records are bytes all the
/// same, and nobody else believes them.
#[test]
fn a_schema_may_say_anything() {
    let bases = [subjects::large().swap_remove(0), subjects::subjects().pop().unwrap()];
    run("schemas", 500, None, |rng, outcomes| {
        let base = &bases[rng.usize(..2)];
        let schema = mistaken(&base.image.spec.schema, rng);
        let size = schema.lines().next().and_then(|line| line.rsplit(' ').next()?.parse().ok());
        let max_payload = size.filter(|size| *size < 4096).unwrap_or(base.image.spec.max_payload);
        let fingerprint = image::fingerprint(&schema);
        let stride = (u64::from(max_payload) + 8).next_multiple_of(8);
        let (alignment, capacity) = (8, stride * 4);
        let spec = Spec {
            schema,
            fingerprint,
            max_payload,
            stride,
            alignment,
            capacity,
            durable: 0,
            ..base.image.spec.clone()
        };
        let spec =
            if spec.schema.is_empty() { Spec { stride: 0, fingerprint: 0, ..spec } } else { spec };
        let mut image = spec.image();
        for byte in [0, 1, 0xFF] {
            image.record(0, &vec![byte; usize::try_from(max_payload).unwrap()]);
        }
        let bytes = image.bytes.clone();
        let subject = Subject { image, ..base.clone() };
        let table = Table::of(subject);
        let what = format!("the schema is {:?}", table.subject.image.spec.schema);
        let examined = table.examine(&bytes, bytes.len() as u64, &what, PEAK);
        examined.count(&table.truth, outcomes);
    });
}

/// The longest texts, of which each line is a thing of its own: what the parsed schema takes is a
/// multiple of the file, and no more.
#[test]
fn a_schema_of_the_greatest_length_takes_a_bounded_part_of_memory() {
    let begin = "struct Number 8\n value 0 8 u64\n";
    let repeat = |line: &dyn Fn(usize) -> String| {
        let mut text = begin.to_owned();
        for number in 0.. {
            let line = line(number);
            if 1 << 20 < text.len() + line.len() {
                return text;
            }
            text.push_str(&line);
        }
        unreachable!("a text grows")
    };
    let mut deep = begin.to_owned();
    for level in 1..1400 {
        deep.push_str(&format!("{}a 0 0 struct A{level}\n", " ".repeat(level.min(700))));
    }
    let texts: [(&str, String); 7] = [
        ("docs", repeat(&|_| "  # doc x\n".to_owned())),
        ("one doc", format!("{begin}  # doc {}\n", "x".repeat((1 << 20) - begin.len() - 9))),
        ("fields without bytes", repeat(&|number| format!(" f{number} 8 0 unit\n"))),
        ("arrays", repeat(&|number| format!(" f{number} 8 0 array 1\n  - 0 0 unit\n"))),
        ("structs", repeat(&|number| format!(" f{number} 8 0 struct S\n"))),
        ("line ends", repeat(&|_| "\n".to_owned())),
        ("levels", deep),
    ];
    let all = texts.len() as u64;
    run("long schemas", 2, Some(all), |rng, outcomes| {
        let (what, schema) = texts[usize::try_from(place(rng, all)).unwrap()].clone();
        let fingerprint = image::fingerprint(&schema);
        let mut image = Spec { schema, fingerprint, ..Spec::numbers(4) }.image();
        image.numbers(3).close(1);
        let bytes = image.bytes.clone();
        let subject = Subject { name: what.to_owned(), kind: Kind::Numbers, image, native: false };
        let table = Table::of(subject);
        let examined = table.examine(&bytes, bytes.len() as u64, &"long", PEAK_OF_LONG_SCHEMA);
        examined.count(&table.truth, outcomes);
    });
}
