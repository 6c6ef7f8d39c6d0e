"""Benchmarks of editing methods: cases, methods, meters, a journal that can be resumed, and reports."""
