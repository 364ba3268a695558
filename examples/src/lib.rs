//! Programs that embed the engines, and the README's snippets, which run as tests.

/// The README: its Rust blocks are doctests of this crate.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
