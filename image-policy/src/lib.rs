//! Picks an image's tag, edits the files that name it, words the commit.
