//! Git repositories as trees in memory, and commits pushed back.
