//! As much of HTTP/1.1 as one reader's browser needs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The longest request line with headers, in bytes.
const HEAD: usize = 16 * 1024;
/// The longest body, in bytes: the path of an exploration has some hundred steps.
const BODY: usize = 256 * 1024;
/// How long a browser may take to say what it wants, or to take an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a browser asks.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    /// Decoded, without the query.
    pub path: String,
    pub host: String,
    pub origin: Option<String>,
    pub body: Vec<u8>,
}

/// What it gets.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub kind: &'static str,
    pub body: Vec<u8>,
    /// Only the head is asked for.
    pub head_only: bool,
}

impl Request {
    /// Reads one request; what is malformed or too long is a response already.
    pub fn read(mut stream: &TcpStream) -> Result<Self, Response> {
        let broken = |what: &str| Response::text(400, what);
        let _ = stream.set_read_timeout(Some(PATIENCE));
        let _ = stream.set_write_timeout(Some(PATIENCE));
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            let count = stream
                .read(&mut piece)
                .map_err(|_| broken("the request stopped half way"))?;
            if count == 0 {
                return Err(broken("the request stopped half way"));
            }
            bytes.extend_from_slice(&piece[..count]);
            if bytes.len() > HEAD {
                return Err(Response::text(431, "the request's head is too long"));
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec())
            .map_err(|_| broken("the request is not text"))?;
        let mut request =
            Self::parse(&head).ok_or_else(|| broken("this is not an HTTP request"))?;
        let length = header(&head, "content-length").map_or(Some(0), |text| text.parse().ok());
        let length: usize = length.ok_or_else(|| broken("the length of the body is no number"))?;
        if length > BODY {
            return Err(Response::text(413, "the body is too long"));
        }
        request.body = bytes[end + 4..].to_vec();
        while request.body.len() < length {
            let count = stream
                .read(&mut piece)
                .map_err(|_| broken("the body stopped half way"))?;
            if count == 0 {
                return Err(broken("the body stopped half way"));
            }
            request.body.extend_from_slice(&piece[..count]);
        }
        request.body.truncate(length);
        Ok(request)
    }

    fn parse(head: &str) -> Option<Self> {
        let mut line = head.lines().next()?.split(' ');
        let (method, target, version) = (line.next()?, line.next()?, line.next()?);
        if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
            return None;
        }
        Some(Self {
            method: method.to_owned(),
            path: decode(target.split(['?', '#']).next()?)?,
            host: header(head, "host").unwrap_or_default().to_owned(),
            origin: header(head, "origin").map(str::to_owned),
            body: Vec::new(),
        })
    }

    /// Whether the browser believes that it talks to this machine. The port may be another: a tunnel changes it.
    pub fn is_from_here(&self) -> bool {
        let name = match self.host.rsplit_once(':') {
            Some((name, port)) if port.chars().all(|letter| letter.is_ascii_digit()) => name,
            _ => &self.host,
        };
        matches!(name, "127.0.0.1" | "localhost" | "[::1]")
    }

    /// Whether a page of this server sent it, and no page of another site.
    pub fn is_own_post(&self) -> bool {
        self.method == "POST" && self.origin.as_deref() == Some(&format!("http://{}", self.host))
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Percent-decoding; `None` for what is malformed, not text, or holds a NUL.
fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            out.push(u8::try_from(digit(bytes.next())? * 16 + digit(bytes.next())?).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out)
        .ok()
        .filter(|path| !path.contains('\0'))
}

impl Response {
    pub fn new(status: u16, kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            kind,
            body: body.into(),
            head_only: false,
        }
    }

    pub fn text(status: u16, message: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", format!("{message}\n"))
    }

    /// Writes it; a browser that went away is nobody's error.
    pub fn write(&self, mut stream: &TcpStream) {
        let head = head(
            self.status,
            self.kind,
            &format!("Content-Length: {}\r\n", self.body.len()),
        );
        let body: &[u8] = if self.head_only { &[] } else { &self.body };
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body));
        let _ = stream.flush();
    }
}

/// The head of every answer. The policy lets a page load nothing from another host.
pub fn head(status: u16, kind: &str, more: &str) -> String {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        _ => "Service Unavailable",
    };
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\n{more}Cache-Control: no-cache\r\n\
         X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'self' \
         'unsafe-inline' data:; frame-ancestors 'self'; form-action 'self'\r\nConnection: close\r\n\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(lines: &str) -> Request {
        Request::parse(lines).expect("it is a request")
    }

    #[test]
    fn only_a_name_of_this_machine_is_served() {
        for (host, here) in [
            ("127.0.0.1:4173", true),
            ("localhost:8080", true),
            ("localhost", true),
            ("[::1]:4173", true),
            ("book.example:4173", false),
            ("127.0.0.1.book.example", false),
            ("localhost:80@book.example", false),
            ("", false),
        ] {
            assert_eq!(
                asked(&format!("GET / HTTP/1.1\r\nHost: {host}")).is_from_here(),
                here,
                "{host}"
            );
        }
    }

    #[test]
    fn a_post_of_another_site_is_not_own() {
        let own =
            asked("POST /.lab/hint HTTP/1.1\r\nHost: localhost:1\r\nOrigin: http://localhost:1");
        assert!(own.is_own_post());
        for other in ["http://book.example", "http://localhost:2", "null"] {
            let post = asked(&format!(
                "POST / HTTP/1.1\r\nHost: localhost:1\r\nOrigin: {other}"
            ));
            assert!(!post.is_own_post(), "{other}");
        }
        assert!(!asked("POST / HTTP/1.1\r\nHost: localhost:1").is_own_post());
    }

    #[test]
    fn a_path_is_decoded_once() {
        assert_eq!(asked("GET /a%20b/%2e%2e?x=1 HTTP/1.1").path, "/a b/..");
        for bad in ["/%", "/%zz", "/%00", "/%ff"] {
            assert!(
                Request::parse(&format!("GET {bad} HTTP/1.1")).is_none(),
                "{bad}"
            );
        }
    }
}
