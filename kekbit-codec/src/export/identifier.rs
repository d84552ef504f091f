//! [`Identifiers`]: names of a schema as identifiers of C and C++.

use alloc::{borrow::ToOwned, collections::BTreeMap, format, string::String};

/// As many letters as C11 promises to look at, less room for a number behind them.
const LEN_MAX: usize = 55;

/// The identifiers of one scope: a struct, a union, or the header.
#[derive(Default)]
pub(super) struct Identifiers {
    /// Each with the number that the next one of that name gets.
    taken: BTreeMap<String, usize>,
}

impl Identifiers {
    /// An identifier that nobody else has in this scope.
    pub(super) fn take(&mut self, name: &str) -> String {
        self.take_identifier(identifier(name))
    }

    /// The same for what is an identifier already.
    pub(super) fn take_identifier(&mut self, base: String) -> String {
        let Some(number) = self.taken.get(&base).copied() else {
            self.taken.insert(base.clone(), 2);
            return base;
        };
        let free = (number..).find_map(|number| {
            let numbered = format!("{base}_{number}");
            (!self.taken.contains_key(&numbered)).then_some((number, numbered))
        });
        let Some((number, numbered)) = free else { return base };
        // NB: remembered, so that thousands of names that turn into one do not search each time.
        self.taken.insert(base, number.saturating_add(1));
        self.taken.insert(numbered.clone(), 2);
        numbered
    }
}

/// An identifier for a name, which other names may share.
pub(super) fn identifier(name: &str) -> String {
    let letters = name.chars().take(LEN_MAX);
    let letters = letters.map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' });
    let letters: String = letters.collect();
    // Those are reserved, and many are macros.
    let is_reserved = letters.strip_prefix('_').is_some_and(|rest| {
        rest.starts_with('_') || rest.starts_with(|letter: char| letter.is_ascii_uppercase())
    });
    if letters.starts_with(|letter: char| letter.is_ascii_digit()) {
        format!("_{letters}")
    } else if is_reserved {
        format!("x{letters}")
    } else if letters.is_empty() || is_taken(&letters) {
        format!("{letters}_")
    } else {
        letters.to_owned()
    }
}

/// Whether the languages or the headers included give it another meaning.
fn is_taken(word: &str) -> bool {
    let begins = |with: &[&str]| with.iter().any(|beginning| word.starts_with(beginning));
    let ends = |with: &[&str]| with.iter().any(|end| word.ends_with(end));
    let is_type = ends(&["_t"]) && begins(&["int", "uint", "char", "wchar", "size", "ptrdiff"]);
    let is_macro = ends(&["_MAX", "_MIN", "_C", "_WIDTH"])
        && begins(&["INT", "UINT", "SIZE", "PTRDIFF", "WCHAR", "WINT", "SIG_ATOMIC"]);
    let is_ours = begins(&["KEKBIT_"]);
    is_type || is_macro || is_ours || WORDS.split_ascii_whitespace().any(|taken| taken == word)
}

/// Keywords of C and C++, and macros that compilers define without an underscore in front.
const WORDS: &str = "
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept
    const const_cast consteval constexpr constinit continue co_await co_return co_yield decltype
    default delete do double dynamic_cast else enum explicit export extern false float for friend
    goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq
    private protected public register reinterpret_cast requires restrict return short signed sizeof
    static static_assert static_cast struct switch template this thread_local throw true try typedef
    typeid typename typeof typeof_unqual union unsigned using virtual void volatile while xor xor_eq
    NULL i386 linux offsetof unix";
