"""Connections to brokers: what is sent, what is confirmed, what comes in."""
