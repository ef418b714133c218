"""Inference: which engine, and the engines themselves."""
