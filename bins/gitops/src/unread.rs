//! What happens where the output can't be written: nobody reads the pipe any more, or the disk is full.

use crate::Failure;
use crate::cluster::say;
use std::io::ErrorKind;
use std::process::exit;

/// As a shell tells of a program that ended because nobody reads its pipe.
pub(crate) const UNREAD: u8 = 141;

/// Lets `print!` end the program without a word where nobody reads it, as `head` does, and with the reason elsewhere; by
/// itself it panics.
#[allow(clippy::exit, reason = "a hook can not return a failure")]
pub(crate) fn end_quietly() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        let lost = ["stdout", "stderr"].iter().find_map(|stream| {
            text.strip_prefix("failed printing to ")?.strip_prefix(stream)?.strip_prefix(": ")
        });
        match lost {
            Some(why) if why.contains("Broken pipe") => exit(UNREAD.into()),
            Some(why) if !text.contains("stderr") => {
                say::failure(format_args!("the output can not be written: {why}"));
                exit(1);
            }
            Some(_) => exit(1),
            None => usual(panic),
        }
    }));
}

/// Whether a command failed because nobody reads its output.
pub(crate) fn is_unread(failure: &Failure) -> bool {
    failure.downcast_ref::<std::io::Error>().is_some_and(|why| why.kind() == ErrorKind::BrokenPipe)
}
