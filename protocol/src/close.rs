//! Why a WebSocket is closed; the range of the code says what the client does next.

/// Close codes of the gateway. 4000–4099: stop. 4100–4199: back off. 4200–4299: reconnect with the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// 1000: the client closed.
    Normal,
    /// 1009: a frame was larger than [`crate::limits::FRAME_BYTES_MAX`].
    FrameTooLarge,
    /// 4000: too many malformed frames.
    ProtocolError,
    /// 4001: no token, a bad one, or one that was expired at connect.
    Unauthenticated,
    /// 4002: a foreign Origin.
    Forbidden,
    /// 4003: kicked by the backend or by a newer session.
    KickedOffline,
    /// 4100: the node takes no more.
    Overloaded,
    /// 4200: the node is going away.
    Draining,
    /// 4201: no pong came.
    NoPong,
    /// 4202: the token expired; come back with a new one.
    TokenExpired,
    /// 4203: the client took nothing for too long.
    TooSlow,
}

impl CloseCode {
    /// The number on the wire.
    pub const fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::FrameTooLarge => 1009,
            Self::ProtocolError => 4000,
            Self::Unauthenticated => 4001,
            Self::Forbidden => 4002,
            Self::KickedOffline => 4003,
            Self::Overloaded => 4100,
            Self::Draining => 4200,
            Self::NoPong => 4201,
            Self::TokenExpired => 4202,
            Self::TooSlow => 4203,
        }
    }

    /// A short name, for logs and as a metric's label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::FrameTooLarge => "frame_too_large",
            Self::ProtocolError => "protocol_error",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::KickedOffline => "kicked_offline",
            Self::Overloaded => "overloaded",
            Self::Draining => "draining",
            Self::NoPong => "no_pong",
            Self::TokenExpired => "token_expired",
            Self::TooSlow => "too_slow",
        }
    }

    /// All codes, for documents and metrics.
    pub const ALL: [Self; 11] = [
        Self::Normal,
        Self::FrameTooLarge,
        Self::ProtocolError,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::KickedOffline,
        Self::Overloaded,
        Self::Draining,
        Self::NoPong,
        Self::TokenExpired,
        Self::TooSlow,
    ];
}
