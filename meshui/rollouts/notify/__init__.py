"""Telling people: what a message says (``messages``), and sending what waits in the outbox (``sender``)."""
