"""The demo: an invented business, its three systems, and a phone that keeps ringing."""
