//! Reads folders of a disk as the trees that the engines work on, and writes trees safely.
