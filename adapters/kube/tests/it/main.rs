//! The adapter request by request, and against a real server.
