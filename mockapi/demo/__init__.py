"""The resilience demonstration: the pipeline with its default settings against mocks with faults."""

from mockapi.demo.stage import demonstrate

__all__ = ["demonstrate"]
