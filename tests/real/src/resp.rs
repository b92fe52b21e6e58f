//! A small RESP client: asks, waits, answers. Over the codec of our own server.

use lock_solution::wire::{Decoder, Frame, Protocol};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A command as bytes.
pub fn encode<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let args = args.iter().map(Frame::bulk).collect();
    Frame::Array(args).encode(Protocol::Resp2, &mut bytes);
    bytes
}

/// What has come of replies.
#[derive(Default)]
struct Incoming {
    decoder: Decoder,
    rest: Vec<u8>,
}

impl Incoming {
    fn next(&mut self) -> Result<Option<Frame>> {
        let advanced = self.decoder.advance(&self.rest);
        let (used, frame) = advanced.map_err(|why| Error::new(ErrorKind::InvalidData, why))?;
        self.rest.drain(..used);
        Ok(frame)
    }
}

/// A blocking connection.
pub struct Client {
    stream: TcpStream,
    incoming: Incoming,
}

impl Client {
    /// Connects; replies are waited for at most 20 s.
    pub fn connect(address: &str) -> Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let incoming = Incoming::default();
        Ok(Client { stream, incoming })
    }

    /// Sends a command and waits for its reply.
    pub fn ask<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<Frame> {
        self.send(args)?;
        self.reply()
    }

    /// Sends a command.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<()> {
        self.stream.write_all(&encode(args))
    }

    /// Waits for the next reply.
    pub fn reply(&mut self) -> Result<Frame> {
        loop {
            if let Some(frame) = self.incoming.next()? {
                return Ok(frame);
            }
            let mut buffer = [0; 16 << 10];
            match self.stream.read(&mut buffer)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                n => self.incoming.rest.extend_from_slice(&buffer[..n]),
            }
        }
    }
}

/// A connection for tasks, made anew when it breaks.
pub struct AsyncClient {
    address: String,
    connection: Option<(tokio::net::TcpStream, Incoming)>,
}

impl AsyncClient {
    /// Nothing is connected before the first question.
    pub fn new(address: &str) -> AsyncClient {
        AsyncClient {
            address: address.into(),
            connection: None,
        }
    }

    /// Sends a command and waits for its reply. After an error nobody knows whether it happened.
    pub async fn ask<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<Frame> {
        let (mut stream, mut incoming) = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let stream = tokio::net::TcpStream::connect(&self.address).await?;
                stream.set_nodelay(true)?;
                (stream, Incoming::default())
            }
        };
        stream.write_all(&encode(args)).await?;
        loop {
            if let Some(frame) = incoming.next()? {
                self.connection = Some((stream, incoming));
                return Ok(frame);
            }
            if stream.read_buf(&mut incoming.rest).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
