//! Stage 3: numbers that only grow, whatever crashes.

use crate::names::Token;
use node::{Ctx, Node, load, save};

/// The file with the largest number that was ever reserved.
pub const TOKEN_FILE: &str = "token";

/// How many numbers one write to the disk reserves. A crash loses what is left of them; that
/// leaves a gap, and gaps are harmless.
const BLOCK: u64 = 16;

/// Where fencing tokens come from.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct TokenSource {
    /// The last one that was issued.
    last: u64,
    /// The largest that may be issued without another write to the disk.
    reserved: u64,
}

impl TokenSource {
    /// **Task 3.1** (after a restart): goes on where no earlier life of this server has been.
    ///
    /// Reads [`TOKEN_FILE`] with [`node::load`]; an absent file is a server that has never issued
    /// a token. The first token of all is 1.
    pub fn boot<N: Node>(cx: &mut Ctx<'_, N>) -> TokenSource {
        todo!("task 3.1")
    }

    /// **Task 3.2** (a number that only grows): the next token: larger than every token that this
    /// server has ever issued, in this life or an earlier one.
    ///
    /// What the caller sends after this call leaves after the effects of this call. So write what
    /// a restart must know with [`node::save`] to [`TOKEN_FILE`], and `cx.disk().sync(TOKEN_FILE)`
    /// it, before you return. You may write for each token or reserve several at once; gaps are
    /// allowed.
    pub fn issue<N: Node>(&mut self, cx: &mut Ctx<'_, N>) -> Token {
        todo!("task 3.2")
    }
}
