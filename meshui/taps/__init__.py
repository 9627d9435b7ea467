"""Taps: the heads of live requests, copied by proxies for as long as somebody watches, and kept for a minute alone."""
