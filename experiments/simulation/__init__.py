"""Simulated studies whose truth is known: what intervals cover, how often families of tests err."""
