//! Mistakes, each told once, at the user's own token, with what to write instead.

#[test]
fn mistakes_are_told_once_and_say_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
