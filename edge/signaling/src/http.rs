//! Answers of the HTTP doors (WHIP, WHEP), for the shell to send as they are.

/// An answer; header names in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// A refused request: status and a sentence for the client's developer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HttpError {
    pub status: u16,
    pub message: String,
}

impl HttpError {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// The answer to send, CORS included.
    #[must_use]
    pub fn response(&self) -> Response {
        let mut response = Response::new(self.status).header("content-type", "text/plain; charset=utf-8");
        if self.status == 401 {
            response = response.header("www-authenticate", "Bearer");
        }
        response.body.clone_from(&self.message);
        response
    }
}

impl Response {
    /// An empty answer that any web page may read.
    pub(crate) fn new(status: u16) -> Self {
        Self { status, headers: vec![("access-control-allow-origin", "*".to_owned())], body: String::new() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
